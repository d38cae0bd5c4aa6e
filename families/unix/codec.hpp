// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Addresses of UNIX sockets, as text: unix(7), and afunix.h of Windows.
//
//   /run/x.sock, ./@x   a path of 1-107 bytes; none of them NUL
//   @name               an abstract name of 0-107 bytes, exactly as long as it is written; %00 is a NUL in it
//   (nothing)           no name: bind chooses an abstract one
//
// Windows takes paths for UTF-8. Its names are the same by its documentation, but it knows paths alone: it chooses no
// name, and to an abstract one connect says WSAEINVAL (microsoft/WSL#4240).
//
// In all of them %XX is the byte XX. Bytes that do not print, '%', and an '@' that begins a path are written so.
#pragma once

#include <afplug/plugin.hpp>
#if defined(_WIN32)
#include <afunix.h>
#else
#include <sys/socket.h>
#include <sys/un.h>
#endif

namespace unix_family {
namespace ap = afplug::plugin;

/// A struct sockaddr_un with room for what the kernel may return: a path of 108 bytes and a NUL after it.
struct address_un {
  std::uint16_t family;
  char path[sizeof(sockaddr_un::sun_path) + 1];
};

struct codec {
  using address = address_un;
  static constexpr int family = AF_UNIX;
  static constexpr std::uint32_t min_length = offsetof(address_un, path);
  static constexpr std::size_t most = sizeof(sockaddr_un::sun_path);
  static constexpr std::array fields{
      ap::field("path", AFPLUG_KIND_BYTES, "a path; an abstract name with a NUL before it; nothing: no name"),
  };

  /// `name` as the kernel has it: an abstract name begins with NUL.
  static ap::native_address<address> make(std::string_view name) {
    ap::native_address<address> made;
    made->family = AF_UNIX;
    made.length = static_cast<std::uint32_t>(min_length + name.size());
    const bool path = !name.empty() && name[0] != '\0';
    if (path && name.find('\0') != name.npos)
      ap::fail(EINVAL, "the path has a NUL in it; an abstract name begins with '@'");
    if (path && name.size() >= most)
      ap::fail(ENAMETOOLONG, "the path is ", name.size(), " bytes long; 107 is the most");
    if (name.size() > most)
      ap::fail(ENAMETOOLONG, "the abstract name is ", name.size() - 1, " bytes long; 107 is the most");
    name.copy(made->path, name.size());
    if (path) ++made.length;
    return made;
  }

  static std::string_view name(const ap::native_address<address>& it) {
    const std::string_view all(it->path, it.length - min_length);
    if (!all.empty() && all[0] != '\0') return all.substr(0, all.find('\0'));
    if (all.size() > most) ap::fail(EINVAL, "an abstract name of ", all.size() - 1, " bytes");
    return all;
  }

  static ap::native_address<address> parse(const afplug_identity&, std::string_view text) {
    if (text.starts_with('@')) return make(ap::concat(std::string_view("", 1), ap::percent_decode(text.substr(1))));
    const std::string path = ap::percent_decode(text);
    if (path.starts_with('\0')) ap::fail(EINVAL, "the path has a NUL in it; an abstract name begins with '@'");
    return make(path);
  }

  static std::string format(const afplug_identity&, const ap::native_address<address>& it) {
    const std::string_view it_name = name(it);
    return it_name.starts_with('\0') ? ap::concat("@", ap::percent_encode(it_name.substr(1)))
                                     : ap::percent_encode(it_name, "", "@");
  }

  static void get(const afplug_identity&, const ap::native_address<address>& it, ap::field_writer& out) {
    out.bytes(name(it));
  }

  static ap::native_address<address> set(const afplug_identity&, const ap::field_reader& in) {
    return make(in.text(0));
  }
};

}  // namespace unix_family
