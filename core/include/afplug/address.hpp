// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// A socket address of any family: a value that holds a sockaddr, its length and its protocol.
#pragma once

#include <sys/socket.h>

#include <afplug/config.hpp>
#include <afplug/error.hpp>
#include <afplug/formatter.hpp>
#include <afplug/protocol.hpp>
#include <afplug/socket_address_like.hpp>
#include <afplug/socket_type.hpp>
#include <compare>
#include <concepts>
#include <cstdint>
#include <cstring>
#include <functional>
#include <iosfwd>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>
#include <vector>

namespace afplug {

/// The value of an address field: none, an unsigned or a signed number, text (no NUL), or bytes.
using field_value = std::variant<std::monostate, std::uint64_t, std::int64_t, std::string, std::vector<std::byte>>;

/// A named field of an address, such as port 80.
struct address_field {
  std::string_view name;  ///< "port"; valid as long as the process runs
  field_value value;
};

class address;

namespace detail {
/// An endpoint of a family's header, or one of Asio's.
template <class T>
concept endpoint_like = !std::same_as<T, address> && socket_address_like<T>;
}  // namespace detail

/// A socket address: a sockaddr of at most 128 bytes, its length, and the protocol (family, type, protocol) whose codec
/// formats and parses it. Allocates no memory; copying is a memcpy. Meets Asio's Endpoint requirements. An address that
/// Asio or a system call filled in has no protocol, and is formatted by the primary family of its AF_* number. Distinct
/// addresses may be used in different threads; one address is not synchronised.
class AFPLUG_API address : public detail::formats_to_string {
 public:
  using protocol_type = basic_protocol;  ///< required of an Asio Endpoint
  using data_type = ::sockaddr;          ///< required of an Asio Endpoint

  /// Constructs an empty address, of length 0, as recvfrom returns it for a connected stream.
  address() noexcept : length_(0) { storage_.ss_family = AF_UNSPEC; }

  /// Parses the family's text form, as "127.0.0.1:80" for inet; each family's header describes its form. Loads
  /// the family's plugin if necessary. Host names are not looked up: socket::connect and create_connection do that.
  /// `type` (SOCK_*) and `proto` select the form where it depends on them, as for CAN_ISOTP and BTPROTO_HCI; 0: the
  /// family's default. Errors: those of registry::family; errc::malformed_address; errc::address_too_long; ENODEV for a
  /// network interface that does not exist. The error text names the part that is wrong.
  address(std::string_view family, std::string_view text, socket_type type = {}, int proto = 0);
  address(int family, std::string_view text, socket_type type = {}, int proto = 0);
  /// Parses the text form of a protocol that the registry made; errc::unknown_family for any other. On an error returns
  /// an empty address.
  static address parse(const basic_protocol& p, std::string_view text, error_code& ec);
  static address parse(std::string_view family, std::string_view text, socket_type type, int proto, error_code& ec);
  static address parse(int family, std::string_view text, socket_type type, int proto, error_code& ec);
  static address parse(std::string_view family, std::string_view text, socket_type type, error_code& ec) {
    return parse(family, text, type, 0, ec);
  }
  static address parse(int family, std::string_view text, socket_type type, error_code& ec) {
    return parse(family, text, type, 0, ec);
  }
  static address parse(std::string_view family, std::string_view text, error_code& ec) {
    return parse(family, text, {}, 0, ec);
  }
  static address parse(int family, std::string_view text, error_code& ec) { return parse(family, text, {}, 0, ec); }

  /// Makes an address from a host and a port (host byte order): address("inet", "127.0.0.1", 8080), address(AF_VSOCK,
  /// "local", 5000). For families that have a field "port"; the host is what the text form has before the port, without
  /// brackets, and is not looked up. Errors: as parse; errc::invalid_argument if the family's addresses have no port;
  /// errc::malformed_address for a port out of range.
  template <detail::port_number P>
  address(std::string_view family, std::string_view host, P port)
      : address(from_host_port(family, host, number_field(port))) {}
  template <detail::port_number P>
  address(int family, std::string_view host, P port) : address(from_host_port(family, host, number_field(port))) {}
  template <detail::port_number P>
  static address from_host_port(std::string_view family, std::string_view host, P port, error_code& ec) {
    return from_host_port(family, host, number_field(port), ec);
  }
  template <detail::port_number P>
  static address from_host_port(int family, std::string_view host, P port, error_code& ec) {
    return from_host_port(family, host, number_field(port), ec);
  }
  template <detail::port_number P>
  static address from_host_port(const basic_protocol& p, std::string_view host, P port) {
    error_code ec;
    auto made = from_host_port(p, host, number_field(port), ec);
    detail::check(ec, "address");
    return made;
  }
  template <detail::port_number P>
  static address from_host_port(const basic_protocol& p, std::string_view host, P port, error_code& ec) {
    return from_host_port(p, host, number_field(port), ec);
  }

  /// Makes an address from its fields, in the order of family::address_fields(), which is the order of the tuple in
  /// Python's socket module. Numbers are in host byte order. std::monostate, or omitting fields at the end, means the
  /// field's default. Errors: as parse; errc::malformed_address for too many fields.
  static address from_fields(const basic_protocol& p, std::span<const field_value> values);
  static address from_fields(const basic_protocol& p, std::span<const field_value> values, error_code& ec);

  /// Copies a sockaddr of `length` bytes. Without a protocol the family number in the sockaddr selects the family,
  /// whose plugin is loaded if necessary. Padding, such as sin_zero, is set to zero, and a UNIX path ends at its NUL:
  /// the bytes are those that parsing the text form gives. They are copied as they are if no plugin provides the family
  /// or it rejects them. Throws errc::address_too_long above 128 bytes.
  address(const void* bytes, std::size_t length);
  address(const void* bytes, std::size_t length, const basic_protocol& p);
  static address from_bytes(const void* bytes, std::size_t length, error_code& ec);
  static address from_bytes(const void* bytes, std::size_t length, const basic_protocol& p, error_code& ec);

  /// Copies the address of an endpoint, such as afplug::inet::endpoint or boost::asio::ip::tcp::endpoint, as it is.
  /// Loads no plugin, unless the endpoint's AF_* number is that of another family too. Throws errc::address_too_long
  /// above 128 bytes.
  template <detail::endpoint_like Endpoint>
  address(const Endpoint& from) : address() {
    resize(from.size());
    std::memcpy(&storage_, from.data(), from.size());
    if constexpr (requires { Endpoint::shares_number; })
      protocol_ = protocol_of(Endpoint::id);
    else if constexpr (requires { from.form(); })
      if (from.form() != 0) protocol_ = basic_protocol(from.family(), {}, from.form());
  }
  /// Converts to an endpoint of a family's header: a.as<afplug::inet::endpoint>(). Errors: EAFNOSUPPORT, the address is
  /// of another family; EINVAL, its length is wrong.
  template <class Endpoint>
  Endpoint as() const {
    error_code ec;
    const auto made = as<Endpoint>(ec);
    detail::check(ec, "address");
    return made;
  }
  template <class Endpoint>
  Endpoint as(error_code& ec) const {
    try {
      ec.clear();
      return Endpoint::from(*this);
    } catch (const std::system_error& e) {
      detail::fail(ec, {e.code().value(), boost::system::system_category()}, e.what());
      return Endpoint();
    }
  }

  /// The sockaddr. After writing to it call resize() with the number of bytes written.
  ::sockaddr* data() noexcept { return reinterpret_cast<::sockaddr*>(&storage_); }
  const ::sockaddr* data() const noexcept { return reinterpret_cast<const ::sockaddr*>(&storage_); }
  std::size_t size() const noexcept { return length_; }              ///< length of the sockaddr in bytes
  std::size_t capacity() const noexcept { return sizeof storage_; }  ///< 128 bytes
  void resize(std::size_t length);                                   ///< bytes; errc::address_too_long above capacity()
  void resize(std::size_t length, error_code& ec);
  bool empty() const noexcept { return length_ == 0; }  ///< length 0
  /// AF_* of the sockaddr; AF_UNSPEC if it is too short to have one.
  int family() const noexcept { return length_ >= sizeof(sa_family_t) ? storage_.ss_family : AF_UNSPEC; }

  /// The protocol that was set; if none was, that of the loaded family with this AF_* number (loads nothing).
  basic_protocol protocol() const noexcept { return protocol_.owner() || empty() ? protocol_ : guess_protocol(); }
  /// Sets the protocol. Leaves the bytes as they are.
  void protocol(const basic_protocol& p) noexcept { protocol_ = p; }

  /// Formats the address. Parsing the result gives an address equal in every byte, except for padding that is not zero.
  /// If no plugin provides the family, or it rejects the bytes, the result is "%family=N," and the bytes after the
  /// family number in hexadecimal, which can be parsed too. Empty for an empty address. May load the family's plugin.
  std::string to_string() const;

  /// All fields, in the order of family::address_fields(); numbers are in host byte order. Empty if no plugin provides
  /// the family. May load the family's plugin.
  std::vector<address_field> fields() const;
  /// The field of that name; std::monostate if there is none.
  field_value field(std::string_view name) const;
  /// The unsigned number in the field of that name ("port", "cid"), in host byte order; empty if there is none.
  std::optional<std::uint64_t> number(std::string_view name) const;
  /// The host as text, as from_host_port takes it: "127.0.0.1", "::1", "local" (vsock). Empty for families without a
  /// port. May load the family's plugin.
  std::string host() const;
  /// The port in host byte order; empty for families without one. May load the family's plugin.
  std::optional<std::uint32_t> port() const;

  /// Compares the bytes of the sockaddr, which has no padding other than zero unless a program wrote it by data(). The
  /// protocol is not compared, since system calls do not set it.
  friend bool operator==(const address& a, const address& b) noexcept {
    return a.length_ == b.length_ && std::memcmp(&a.storage_, &b.storage_, a.length_) == 0;
  }
  friend std::strong_ordering operator<=>(const address& a, const address& b) noexcept {
    const int r = std::memcmp(&a.storage_, &b.storage_, a.length_ < b.length_ ? a.length_ : b.length_);
    return r != 0 ? r <=> 0 : a.length_ <=> b.length_;
  }

 private:
  basic_protocol guess_protocol() const noexcept;
  static basic_protocol protocol_of(std::string_view family);  // none if no plugin provides the family
  static field_value number_field(std::integral auto number) {
    using field = std::conditional_t<std::is_signed_v<decltype(number)>, std::int64_t, std::uint64_t>;
    return static_cast<field>(number);
  }
  static address from_host_port(std::string_view family, std::string_view host, const field_value& port);
  static address from_host_port(int family, std::string_view host, const field_value& port);
  static address from_host_port(std::string_view family, std::string_view host, const field_value& port,
                                error_code& ec);
  static address from_host_port(int family, std::string_view host, const field_value& port, error_code& ec);
  static address from_host_port(const basic_protocol& p, std::string_view host, const field_value& port,
                                error_code& ec);

  ::sockaddr_storage storage_;
  std::uint32_t length_;
  basic_protocol protocol_;
};

/// Writes to_string().
AFPLUG_API std::ostream& operator<<(std::ostream& out, const address& a);

}  // namespace afplug

template <>
struct std::hash<afplug::address> {
  /// Hashes what operator== compares.
  std::size_t operator()(const afplug::address& a) const noexcept {
    return std::hash<std::string_view>{}({reinterpret_cast<const char*>(a.data()), a.size()});
  }
};
