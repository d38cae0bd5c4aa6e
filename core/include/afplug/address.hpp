// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// A socket address of any family: a value that holds the sockaddr, its length, and whose it is.
#pragma once

#include <sys/socket.h>

#include <afplug/config.hpp>
#include <afplug/error.hpp>
#include <afplug/protocol.hpp>
#include <compare>
#include <cstdint>
#include <cstring>
#include <functional>
#include <iosfwd>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace afplug {

/// The value of an address's field: none, a number, text, or bytes.
using field_value = std::variant<std::monostate, std::uint64_t, std::int64_t, std::string, std::vector<std::byte>>;

/// A named field of an address.
struct address_field {
  std::string_view name;  ///< "port"; lives as long as the process
  field_value value;
};

/// An address: at most 128 bytes of sockaddr, its length, and the identity (family, type, protocol) that reads it. No
/// heap; copying is a memcpy. Meets Asio's Endpoint requirements. One that Asio or a system call filled reads as its
/// number's primary family.
class AFPLUG_API address {
 public:
  using protocol_type = basic_protocol;  ///< Asio's Endpoint requirement
  using data_type = ::sockaddr;          ///< Asio's Endpoint requirement

  /// No address: length 0. What recvfrom gives on a connected stream.
  address() noexcept : length_(0) { storage_.ss_family = AF_UNSPEC; }

  /// Reads an address from its text form (PARITY §6, DESIGN "Address text"). Never asks DNS: a host name is malformed
  /// here; connect() and create_connection() look names up. Loads the family's plugin. `type` and `protocol` say which
  /// of the family's forms is meant, where it has several (CAN_ISOTP, BTPROTO_HCI). Errors: the registry's;
  /// errc::malformed_address, ENODEV for an unknown interface; the sentence names the offending part.
  address(std::string_view family, std::string_view text, int type = 0, int proto = 0);
  address(int family, std::string_view text, int type = 0, int proto = 0);
  static address parse(const basic_protocol& p, std::string_view text, error_code& ec);

  /// An address from its fields, in the order of the family's field table (Python's tuple); std::monostate or leaving
  /// out at the end means default.
  static address from_fields(const basic_protocol& p, std::span<const field_value> values);
  static address from_fields(const basic_protocol& p, std::span<const field_value> values, error_code& ec);

  /// From raw bytes (at most 128, else errc::address_too_long), e.g. what a system call gave. `p` tells whose it is;
  /// without it the sockaddr's own family number does.
  address(const void* bytes, std::size_t length);
  address(const void* bytes, std::size_t length, const basic_protocol& p);

  /// The sockaddr. After writing to it, resize() to what was written.
  ::sockaddr* data() noexcept { return reinterpret_cast<::sockaddr*>(&storage_); }
  const ::sockaddr* data() const noexcept { return reinterpret_cast<const ::sockaddr*>(&storage_); }
  std::size_t size() const noexcept { return length_; }              ///< bytes of sockaddr
  std::size_t capacity() const noexcept { return sizeof storage_; }  ///< 128
  void resize(std::size_t length);                                   ///< throws errc::address_too_long
  bool empty() const noexcept { return length_ == 0; }               ///< no address
  int family() const noexcept {
    return length_ >= sizeof(sa_family_t) ? storage_.ss_family : AF_UNSPEC;
  }  ///< AF_* of the sockaddr

  basic_protocol protocol() const noexcept {
    return protocol_.owner() || empty() ? protocol_ : guessed();
  }                                                                   ///< whose it is
  void protocol(const basic_protocol& p) noexcept { protocol_ = p; }  ///< says whose it is; the bytes stay

  /// The family's text, from which an address equal in every byte can be read again. Of an unknown family:
  /// "%family=N,hex".
  std::string to_string() const;

  /// All fields, in the order of Python's tuple.
  std::vector<address_field> fields() const;
  /// One field; std::monostate where there is none of that name.
  field_value field(std::string_view name) const;
  /// A numeric field (port, cid …); empty where there is none.
  std::optional<std::uint64_t> number(std::string_view name) const;

  /// Equal and ordered by bytes; the identity does not count, since a system call gives none.
  friend bool operator==(const address& a, const address& b) noexcept {
    return a.length_ == b.length_ && std::memcmp(&a.storage_, &b.storage_, a.length_) == 0;
  }
  friend std::strong_ordering operator<=>(const address& a, const address& b) noexcept {
    const int r = std::memcmp(&a.storage_, &b.storage_, a.length_ < b.length_ ? a.length_ : b.length_);
    return r != 0 ? r <=> 0 : a.length_ <=> b.length_;
  }

 private:
  basic_protocol guessed() const noexcept;

  ::sockaddr_storage storage_;
  std::uint32_t length_;
  basic_protocol protocol_;
};

AFPLUG_API std::ostream& operator<<(std::ostream& out, const address& a);

}  // namespace afplug

template <>
struct std::hash<afplug::address> {
  /// Of the bytes that count.
  std::size_t operator()(const afplug::address& a) const noexcept {
    return std::hash<std::string_view>{}({reinterpret_cast<const char*>(a.data()), a.size()});
  }
};
