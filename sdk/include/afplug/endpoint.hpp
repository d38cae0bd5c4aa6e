// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// What the typed addresses of all families have in common: afplug::inet::endpoint, afplug::vsock::endpoint and the
// others, each in its family's header. They are values, need no library, and meet Asio's Endpoint requirements. Here
// are also the protocols for Asio's sockets that take them, such as afplug::vsock::stream::socket.
//
// An endpoint holds a sockaddr and its length. Fields are in host byte order. Endpoints are equal when all their fields
// are: padding bytes are not compared. Different endpoints may be used from different threads.
//
// Bad text, fields and sockaddrs throw std::system_error, whose code is an errno in std::generic_category(): EINVAL,
// text that is not an address, or a sockaddr that is too short; ERANGE, a number that is too large; ENODEV, a network
// interface that does not exist; ENAMETOOLONG; EAFNOSUPPORT, a sockaddr of another family. parse() and from() also have
// overloads with a std::error_code&, to which boost::system::error_code converts.
//
// Endpoints can be formatted with std::format and {fmt}: formatter.hpp.
#pragma once

#include <afplug/address_bytes.hpp>
#include <afplug/asio_forward.hpp>
#include <afplug/formatter.hpp>
#include <afplug/plugin/error.hpp>
#include <afplug/socket_address_like.hpp>

#include <bit>
#include <cerrno>
#include <compare>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <iosfwd>
#include <limits>
#include <string>
#include <string_view>
#include <system_error>
#include <tuple>
#include <utility>

namespace afplug {

/// The index of a network interface, as if_nametoindex(3) returns it: interface_index(3); 0: none, or any.
enum class interface_index : std::uint32_t {};

namespace detail {
struct endpoint_base : formats_to_string {};

/// `value` as a To. Throws ERANGE if it does not fit; `name` is for the error text.
template <class To, std::integral From>
constexpr To field_cast(const char* name, From value) {
  if (!std::in_range<To>(value))
    throw std::system_error(ERANGE, std::generic_category(),
                            plugin::concat(name, " must be 0-", (std::numeric_limits<To>::max)(), ", not ", value));
  return static_cast<To>(value);
}

/// Calls `body`, which decodes `text`, and rethrows plugin::failure as a std::system_error with the whole error text.
template <class Body>
auto throwing_decode(const char* id, std::string_view text, Body&& body) {
  try {
    return body();
  } catch (const plugin::failure& e) {
    throw std::system_error(e.error(), std::generic_category(),
                            plugin::concat(id, " address ", plugin::quote(text), ": ", e.what()));
  }
}

/// Converts between host and network (big-endian) byte order; usable in constant expressions.
constexpr std::uint16_t network_order(std::uint16_t value) noexcept {
  if constexpr (std::endian::native == std::endian::big) return value;
  return static_cast<std::uint16_t>(value << 8 | value >> 8);
}
constexpr std::uint32_t network_order(std::uint32_t value) noexcept {
  if constexpr (std::endian::native == std::endian::big) return value;
  return value << 24 | (value & 0xff00) << 8 | (value >> 8 & 0xff00) | value >> 24;
}
}  // namespace detail

/// An endpoint of any family of afplug.
template <class T>
concept typed_endpoint = std::derived_from<T, detail::endpoint_base>;

/// What an endpoint's protocol() returns: it converts to every protocol that has this endpoint.
template <class Endpoint>
struct endpoint_protocol {};

/// The common part of all endpoints. Sockaddr is the family's sockaddr without implicit padding. A derived class has
///
///   static constexpr const char* id;            // "inet", for error texts
///   static constexpr std::size_t min_size;      // length of the shortest sockaddr in bytes
///   static constexpr int family() noexcept;     // AF_*
///   static Derived decode(std::string_view);    // parses text; throws afplug::plugin::failure
///   std::string encode() const;                 // formats; throws afplug::plugin::failure
///   auto fields() const noexcept;               // a std::tuple of all fields, in the order of comparison
///   static bool valid_size(std::size_t);        // optional: the lengths of sockaddrs that from() takes
///   using basic_endpoint::basic_endpoint;       // the constructors from text and from a checked address
template <class Derived, class Sockaddr>
class basic_endpoint : public detail::endpoint_base {
 public:
  using data_type = ::sockaddr;                      ///< required of an Asio Endpoint
  using protocol_type = endpoint_protocol<Derived>;  ///< converts to the protocols of the family
  using native_type = Sockaddr;                      ///< the family's sockaddr

  /// Parses the text form: parse().
  explicit basic_endpoint(std::string_view text)
      : basic_endpoint(static_cast<const basic_endpoint&>(Derived::parse(text))) {}
  /// Converts a checked address: from().
  template <socket_address_like Address>
  explicit basic_endpoint(const Address& address)
      : basic_endpoint(static_cast<const basic_endpoint&>(Derived::from(address))) {}

  /// Parses the text form that the family's header describes; the same as that of afplug::address.
  static Derived parse(std::string_view text) {
    return detail::throwing_decode(Derived::id, text, [&] { return decode_any(text); });
  }
  static Derived parse(std::string_view text, std::error_code& ec) {
    try {
      ec.clear();
      return decode_any(text);
    } catch (const plugin::failure& e) {
      ec.assign(e.error(), std::generic_category());
    } catch (const std::system_error& e) {
      ec = e.code();
    }
    return Derived();
  }

  /// Converts an afplug::address, or another endpoint's bytes, after checking the family and the length.
  template <socket_address_like Address>
  static Derived from(const Address& address) {
    std::error_code ec;
    Derived made = from(address, ec);
    if (!ec) return made;
    const std::size_t size = address.size();
    const auto* bytes = reinterpret_cast<const char*>(static_cast<const ::sockaddr*>(address.data()));
    throw std::system_error(ec, ec == std::errc::address_family_not_supported
                                    ? plugin::concat(Derived::id, " address: the sockaddr is of family ",
                                                     family_of(bytes), ", not ", Derived::family())
                                    : plugin::concat(Derived::id, " address: the sockaddr has ", size,
                                                     " bytes, which is not the length of such an address"));
  }
  template <socket_address_like Address>
  static Derived from(const Address& address, std::error_code& ec) {
    const std::size_t size = address.size();
    const auto* bytes = reinterpret_cast<const char*>(static_cast<const ::sockaddr*>(address.data()));
    Derived made;
    ec.clear();
    if (size >= sizeof(std::uint16_t) && family_of(bytes) != Derived::family())
      ec = std::make_error_code(std::errc::address_family_not_supported);
    else if (!takes_size(size))
      ec = std::make_error_code(std::errc::invalid_argument);
    if (ec) return made;
    Sockaddr native = Sockaddr();
    std::memcpy(static_cast<void*>(&native), bytes, size);
    return wrap(native, size);
  }
  /// An endpoint that holds a sockaddr of `size` bytes, whose family and length are not checked.
  static constexpr Derived wrap(const Sockaddr& native, std::size_t size = sizeof(Sockaddr)) noexcept {
    Derived made;
    made.native_ = native;
    made.size_ = static_cast<std::uint32_t>(size);
    return made;
  }

  /// The sockaddr. After writing to it call resize() with the number of bytes written.
  ::sockaddr* data() noexcept { return reinterpret_cast<::sockaddr*>(&native_); }
  const ::sockaddr* data() const noexcept { return reinterpret_cast<const ::sockaddr*>(&native_); }
  constexpr std::size_t size() const noexcept { return size_; }                 ///< length of the sockaddr in bytes
  constexpr std::size_t capacity() const noexcept { return sizeof(Sockaddr); }  ///< largest length in bytes
  /// Sets the length in bytes. Throws EINVAL above capacity().
  void resize(std::size_t size) {
    if (size > capacity())
      throw std::system_error(EINVAL, std::generic_category(),
                              plugin::concat(Derived::id, " address: ", size, " bytes, at most ", capacity(), " fit"));
    size_ = static_cast<std::uint32_t>(size);
  }
  constexpr const Sockaddr& native() const noexcept { return native_; }  ///< the sockaddr
  constexpr protocol_type protocol() const noexcept { return {}; }       ///< for Asio
  /// The protocol (BTPROTO_*, CAN_*) that has addresses of this form; 0: all protocols of the family.
  static constexpr int form() noexcept { return 0; }

  /// Formats the address as afplug::address does. Empty if the length is 0, as when a connected stream reports no
  /// sender; "%family=N,HEX" if the bytes are not an address of the family.
  std::string to_string() const {
    if (size_ == 0) return {};
    try {
      if (size_ >= Derived::min_size) return detail::unlike_address_bytes(self().encode());
    } catch (const plugin::failure&) {
    }
    return detail::format_address_bytes(Derived::family(), data(), size_);
  }

  friend constexpr bool operator==(const Derived& a, const Derived& b) noexcept {
    return a.comparable() == b.comparable();
  }
  friend constexpr auto operator<=>(const Derived& a, const Derived& b) noexcept {
    return a.comparable() <=> b.comparable();
  }

  /// Writes to_string().
  template <class Traits>
  friend std::basic_ostream<char, Traits>& operator<<(std::basic_ostream<char, Traits>& out, const Derived& e) {
    return out << e.to_string();
  }
  /// Reads a word, up to a blank, and parses it. Sets failbit, and leaves `to` as it was, if it is not an address.
  template <class Traits>
  friend std::basic_istream<char, Traits>& operator>>(std::basic_istream<char, Traits>& in, Derived& to) {
    std::string word;
    std::error_code ec;
    if (!(in >> word)) return in;
    Derived parsed = parse(word, ec);
    if (ec)
      in.setstate(std::basic_istream<char, Traits>::failbit);
    else
      to = parsed;
    return in;
  }

  /// A hash of what operator== compares.
  std::size_t hash() const noexcept {
    return std::apply(
        [](const auto&... field) {
          std::size_t all = 0;
          ((all = all * 31 + std::hash<std::remove_cvref_t<decltype(field)>>{}(field)), ...);
          return all;
        },
        comparable());
  }

 protected:
  constexpr basic_endpoint() noexcept = default;

  Sockaddr native_ = Sockaddr();
  std::uint32_t size_ = sizeof(Sockaddr);

 private:
  constexpr const Derived& self() const noexcept { return static_cast<const Derived&>(*this); }
  constexpr auto comparable() const noexcept {
    return std::tuple_cat(std::make_tuple(size_ >= Derived::min_size), self().fields());
  }
  static Derived decode_any(std::string_view text) {
    if (!text.starts_with(detail::address_bytes_prefix)) return Derived::decode(text);
    const auto bytes = detail::parse_address_bytes(Derived::family(), text);
    const Derived made = from(raw_bytes{bytes});
    try {
      return Derived::decode(made.encode());  // without padding
    } catch (const plugin::failure&) {
      return made;
    }
  }
  struct raw_bytes {
    std::string_view all;
    const ::sockaddr* data() const noexcept { return reinterpret_cast<const ::sockaddr*>(all.data()); }
    std::size_t size() const noexcept { return all.size(); }
  };
  static constexpr bool takes_size(std::size_t size) noexcept {
    if constexpr (requires { Derived::valid_size(size); })
      return Derived::valid_size(size);
    else
      return size >= Derived::min_size && size <= sizeof(Sockaddr);
  }
  static int family_of(const char* bytes) noexcept {
    std::uint16_t number = 0;
    std::memcpy(&number, bytes, sizeof number);
    return number;
  }
};

/// A protocol for Asio's sockets, whose addresses are Endpoints: the arguments of socket(2). `Protocol` is the default
/// protocol.
template <class Endpoint, int Type, int Protocol = 0>
class typed_protocol {
 public:
  using endpoint = Endpoint;  ///< Asio's Protocol::endpoint
  constexpr typed_protocol() noexcept = default;
  constexpr explicit typed_protocol(int protocol) noexcept : protocol_(protocol) {}
  constexpr typed_protocol(endpoint_protocol<Endpoint>) noexcept {}  ///< for the addresses of a bind or connect

  constexpr int family() const noexcept { return Endpoint::family(); }  ///< AF_*
  constexpr int type() const noexcept { return Type; }                  ///< SOCK_*
  constexpr int protocol() const noexcept { return protocol_; }         ///< 0: the default of the type
  friend bool operator==(const typed_protocol&, const typed_protocol&) = default;

 private:
  int protocol_ = Protocol;
};

/// SOCK_STREAM, with Asio's classes for the sockets. Include the Asio headers of those that are used.
template <class Endpoint, int Protocol = 0>
class stream_protocol : public typed_protocol<Endpoint, SOCK_STREAM, Protocol> {
 public:
  using socket = boost::asio::basic_stream_socket<stream_protocol, boost::asio::any_io_executor>;
  using acceptor = boost::asio::basic_socket_acceptor<stream_protocol, boost::asio::any_io_executor>;
  using typed_protocol<Endpoint, SOCK_STREAM, Protocol>::typed_protocol;
};
/// The same for SOCK_DGRAM.
template <class Endpoint, int Protocol = 0>
class datagram_protocol : public typed_protocol<Endpoint, SOCK_DGRAM, Protocol> {
 public:
  using socket = boost::asio::basic_datagram_socket<datagram_protocol, boost::asio::any_io_executor>;
  using typed_protocol<Endpoint, SOCK_DGRAM, Protocol>::typed_protocol;
};
/// The same for SOCK_SEQPACKET.
template <class Endpoint, int Protocol = 0>
class seq_packet_protocol : public typed_protocol<Endpoint, SOCK_SEQPACKET, Protocol> {
 public:
  using socket = boost::asio::basic_seq_packet_socket<seq_packet_protocol, boost::asio::any_io_executor>;
  using acceptor = boost::asio::basic_socket_acceptor<seq_packet_protocol, boost::asio::any_io_executor>;
  using typed_protocol<Endpoint, SOCK_SEQPACKET, Protocol>::typed_protocol;
};
/// The same for SOCK_RAW.
template <class Endpoint, int Protocol = 0>
class raw_protocol : public typed_protocol<Endpoint, SOCK_RAW, Protocol> {
 public:
  using socket = boost::asio::basic_raw_socket<raw_protocol, boost::asio::any_io_executor>;
  using typed_protocol<Endpoint, SOCK_RAW, Protocol>::typed_protocol;
};

}  // namespace afplug

/// Hashes what operator== compares.
template <afplug::typed_endpoint Endpoint>
struct std::hash<Endpoint> {
  std::size_t operator()(const Endpoint& e) const noexcept { return e.hash(); }  ///< e.hash()
};
