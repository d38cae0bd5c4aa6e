// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Addresses of AF_UNIX (unix(7); afunix.h of Windows), and its protocols for Asio's sockets. The namespace has an
// underscore since GCC defines a macro `unix`.
//
//   afplug::unix_::endpoint server("/run/x.sock");
//   auto local = afplug::unix_::endpoint::abstract("name");
//   afplug::unix_::stream::socket s(io);
//   s.connect(server);
//
// Text:
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

#include <afplug/endpoint.hpp>
#include <afplug/plugin/text.hpp>
#if defined(_WIN32)
#include <afunix.h>
#else
#include <sys/un.h>
#endif

namespace afplug::unix_ {

/// A struct sockaddr_un and one byte: the kernel may return a path of 108 bytes and a NUL behind it, see unix(7), BUGS.
struct sockaddr_unix {
  std::uint16_t family = AF_UNIX;
  char path[sizeof(::sockaddr_un::sun_path) + 1] = {};
};

/// An address of a UNIX socket: a path, an abstract name, or unnamed.
class endpoint : public basic_endpoint<endpoint, sockaddr_unix> {
 public:
  static constexpr const char* id = "unix";                                     ///< the family's id
  static constexpr std::size_t min_size = offsetof(sockaddr_unix, path);        ///< bytes
  static constexpr std::size_t max_name = sizeof(::sockaddr_un::sun_path) - 1;  ///< bytes of a path or abstract name
  static constexpr int family() noexcept { return AF_UNIX; }                    ///< AF_UNIX

  /// Unnamed.
  constexpr endpoint() noexcept { size_ = min_size; }
  using basic_endpoint::basic_endpoint;  ///< from text, and from a checked address
  /// A path, taken as it is: neither '@' nor '%' has a meaning in it. Empty: unnamed. Throws EINVAL if it contains NUL,
  /// ENAMETOOLONG if it has more than 107 bytes.
  static endpoint from_path(std::string_view path) {
    return afplug::detail::throwing_decode(id, path, [&] {
      if (path.starts_with('\0')) plugin::fail(EINVAL, contains_nul);
      return decode_name(path);
    });
  }
  /// An abstract name, without the NUL before it. Throws ENAMETOOLONG if it has more than 107 bytes.
  static endpoint abstract(std::string_view name) {
    return afplug::detail::throwing_decode(id, name,
                                           [&] { return decode_name(plugin::concat(std::string_view("", 1), name)); });
  }

  bool is_unnamed() const noexcept { return kernel_name().empty(); }             ///< neither path nor abstract name
  bool is_abstract() const noexcept { return kernel_name().starts_with('\0'); }  ///< has an abstract name
  /// The path; empty if there is none. Valid as long as this endpoint.
  std::string_view path() const noexcept { return is_abstract() ? std::string_view() : kernel_name(); }
  /// The abstract name, without the NUL before it; empty if there is none. Valid as long as this endpoint.
  std::string_view abstract_name() const noexcept {
    return is_abstract() ? kernel_name().substr(1) : std::string_view();
  }
  /// The path, or a NUL and the abstract name; empty if unnamed. Valid as long as this endpoint.
  std::string_view kernel_name() const noexcept {
    if (size_ <= min_size) return {};
    const std::string_view all(native_.path, size_ - min_size);
    return all[0] != '\0' ? all.substr(0, all.find('\0')) : all;
  }

  /// Parses the text form. For the plugin's codec.
  static endpoint decode(std::string_view text) {
    if (text.starts_with('@'))
      return decode_name(plugin::concat(std::string_view("", 1), plugin::percent_decode(text.substr(1))));
    const std::string path = plugin::percent_decode(text);
    if (path.starts_with('\0')) plugin::fail(EINVAL, contains_nul);
    return decode_name(path);
  }
  /// The address of a path, or of a NUL and an abstract name. For the plugin's codec.
  static endpoint decode_name(std::string_view name) {
    const bool path = !name.empty() && name[0] != '\0';
    if (path && name.find('\0') != name.npos) plugin::fail(EINVAL, contains_nul);
    if (name.size() > max_name + !path)
      plugin::fail(ENAMETOOLONG, "the ", path ? "path" : "abstract name", " is ", name.size() - !path,
                   " bytes long, the limit is ", max_name);
    endpoint made;
    name.copy(made.native_.path, name.size());
    made.size_ = static_cast<std::uint32_t>(min_size + name.size() + path);
    return made;
  }
  /// Formats the address. For the plugin's codec: throws for an abstract name that is too long.
  std::string encode() const {
    const std::string_view name = checked_name();
    return name.starts_with('\0') ? plugin::concat("@", plugin::percent_encode(name.substr(1)))
                                  : plugin::percent_encode(name, "", "@");
  }
  /// kernel_name(). For the plugin's codec: throws for an abstract name that is too long.
  std::string_view checked_name() const {
    const auto name = kernel_name();
    if (name.starts_with('\0') && name.size() > max_name + 1)
      plugin::fail(EINVAL, "the abstract name has ", name.size() - 1, " bytes");
    return name;
  }
  /// All fields, for comparison.
  auto fields() const noexcept { return std::make_tuple(kernel_name()); }

 private:
  friend basic_endpoint;
  static constexpr std::string_view contains_nul =
      "the path contains a NUL; write '@' and the name for an abstract address";
};

using stream = stream_protocol<endpoint>;          ///< byte streams
using datagram = datagram_protocol<endpoint>;      ///< datagrams
using seq_packet = seq_packet_protocol<endpoint>;  ///< connections with message boundaries

}  // namespace afplug::unix_
