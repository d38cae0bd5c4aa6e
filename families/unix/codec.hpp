// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Addresses of AF_UNIX as text (unix(7); afunix.h of Windows):
//
//   /run/x.sock   a path of 1-107 bytes without NUL; a first '@' is written %40
//   @name         an abstract name of 0-107 bytes, without a terminating NUL; %00 is a NUL in it
//   (empty)       unnamed; bind chooses an abstract name (autobind)
//
// %XX is the byte XX, in all forms. Unprintable bytes and '%' are formatted so.
//
// On Windows paths are UTF-8, bind does not choose a name, and connect to an abstract name fails with WSAEINVAL
// (github.com/microsoft/WSL/issues/4240).
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

/// A struct sockaddr_un and one byte: the kernel may return a path of 108 bytes and a NUL behind it, see unix(7), BUGS.
struct address_un {
  std::uint16_t family;
  char path[sizeof(sockaddr_un::sun_path) + 1];
};

struct codec {
  using address = address_un;
  static constexpr int family = AF_UNIX;
  static constexpr std::uint32_t min_length = offsetof(address_un, path);
  static constexpr std::size_t max_path = sizeof(sockaddr_un::sun_path);
  static constexpr std::array fields{
      ap::field("path", AFPLUG_KIND_BYTES, "a path; NUL and an abstract name; empty: no name"),
  };

  /// `name`: a path, or NUL and an abstract name.
  static ap::native_address<address> make(std::string_view name) {
    ap::native_address<address> made;
    made->family = AF_UNIX;
    made.length = static_cast<std::uint32_t>(min_length + name.size());
    const bool path = !name.empty() && name[0] != '\0';
    if (path && name.find('\0') != name.npos)
      ap::fail(EINVAL, "the path contains a NUL; write '@' and the name for an abstract address");
    if (path && name.size() >= max_path)
      ap::fail(ENAMETOOLONG, "the path is ", name.size(), " bytes long, the limit is 107");
    if (name.size() > max_path)
      ap::fail(ENAMETOOLONG, "the abstract name is ", name.size() - 1, " bytes long, the limit is 107");
    name.copy(made->path, name.size());
    if (path) ++made.length;
    return made;
  }

  /// A path, or NUL and an abstract name.
  static std::string_view kernel_name(const ap::native_address<address>& it) {
    const std::string_view all(it->path, it.length - min_length);
    if (!all.empty() && all[0] != '\0') return all.substr(0, all.find('\0'));
    if (all.size() > max_path) ap::fail(EINVAL, "the abstract name has ", all.size() - 1, " bytes");
    return all;
  }

  static ap::native_address<address> parse(const afplug_identity&, std::string_view text) {
    if (text.starts_with('@')) return make(ap::concat(std::string_view("", 1), ap::percent_decode(text.substr(1))));
    const std::string path = ap::percent_decode(text);
    if (path.starts_with('\0'))
      ap::fail(EINVAL, "the path contains a NUL; write '@' and the name for an abstract address");
    return make(path);
  }

  static std::string format(const afplug_identity&, const ap::native_address<address>& it) {
    const std::string_view name = kernel_name(it);
    return name.starts_with('\0') ? ap::concat("@", ap::percent_encode(name.substr(1)))
                                  : ap::percent_encode(name, "", "@");
  }

  static void get(const afplug_identity&, const ap::native_address<address>& it, ap::field_writer& out) {
    out.bytes(kernel_name(it));
  }

  static ap::native_address<address> set(const afplug_identity&, const ap::field_reader& in) {
    return make(in.text(0));
  }
};

}  // namespace unix_family
