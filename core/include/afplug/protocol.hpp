// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// A socket's family, type and protocol: as the program requests them, and the native triple for socket(2). Meets Asio's
// Protocol requirements without including Asio, for which family(), type() and protocol() return the native triple.
#pragma once

#include <sys/socket.h>

#include <afplug/asio_forward.hpp>
#include <afplug/config.hpp>
#include <afplug/family.hpp>
#include <afplug/socket_type.hpp>

namespace afplug {

class address;
template <class AsioObject>
class with_protocol;

/// A protocol. owner() is null for one that was made from a native triple.
class basic_protocol {
 public:
  using endpoint = address;  ///< Asio's Protocol::endpoint

  basic_protocol() noexcept = default;
  /// With the native triple of the family's row for (type, proto); if it has none: its number, `type` and `proto`.
  basic_protocol(const afplug::family& family, socket_type type, int proto = 0) noexcept
      : family_(&family), type_(type), protocol_(proto), native_(family.native(type, proto)) {}
  /// A native triple, without a family.
  basic_protocol(int domain, socket_type type, int proto) noexcept
      : type_(type), protocol_(proto), native_{domain, type, proto} {}
  template <detail::any_socket_type T>
  basic_protocol(T domain, socket_type, int) = delete;

  int family() const noexcept { return native_.domain; }      ///< the native domain, for socket(2)
  int type() const noexcept { return native_.type; }          ///< the native type
  int protocol() const noexcept { return native_.protocol; }  ///< the native protocol

  const afplug::family* owner() const noexcept { return family_; }  ///< null: made from a native triple
  socket_type asked_type() const noexcept { return type_; }         ///< as requested
  int asked_protocol() const noexcept { return protocol_; }         ///< as requested

  /// Returns this protocol; with `type` if it has no type yet, as the protocol of an address that was parsed without
  /// one. If it has another type, one that cannot be opened: its type() is −1, which socket(2) refuses with EINVAL.
  basic_protocol with_type(socket_type type) const noexcept {
    basic_protocol p = *this;
    if (type_ == 0)
      p = family_ ? basic_protocol(*family_, type, protocol_) : basic_protocol(native_.domain, type, protocol_);
    else if (type_.without_flags() != type)
      p.native_.type = -1;
    return p;
  }

  friend bool operator==(const basic_protocol& a, const basic_protocol& b) noexcept {
    return a.native_.domain == b.native_.domain && a.native_.type == b.native_.type &&
           a.native_.protocol == b.native_.protocol && (a.family_ == b.family_ || !a.family_ || !b.family_);
  }

 private:
  const afplug::family* family_ = nullptr;
  socket_type type_;
  int protocol_ = 0;
  native_triple native_;
};

/// The protocol of an address or socket. Converts to and from the four classes below. An alias, as a class cannot have
/// a member function of its own name.
using protocol = basic_protocol;

// The protocols of a type, for Asio's classes; with_protocol (asio.hpp) documents their `socket` and `acceptor`. They
// convert from the protocol of an address or socket, as with_type() does.

/// SOCK_STREAM protocols, for boost::asio::basic_stream_socket<afplug::stream>.
class stream : public basic_protocol {
 public:
  using socket = with_protocol<boost::asio::basic_stream_socket<stream, boost::asio::any_io_executor>>;
  using acceptor = with_protocol<boost::asio::basic_socket_acceptor<stream, boost::asio::any_io_executor>>;
  stream() noexcept : stream(basic_protocol()) {}  ///< of no family
  stream(const basic_protocol& p) noexcept : basic_protocol(p.with_type(SOCK_STREAM)) {}
  stream(const afplug::family& f, int proto = 0) noexcept : basic_protocol(f, SOCK_STREAM, proto) {}
};

/// SOCK_DGRAM protocols, for boost::asio::basic_datagram_socket<afplug::datagram>.
class datagram : public basic_protocol {
 public:
  using socket = with_protocol<boost::asio::basic_datagram_socket<datagram, boost::asio::any_io_executor>>;
  datagram() noexcept : datagram(basic_protocol()) {}  ///< of no family
  datagram(const basic_protocol& p) noexcept : basic_protocol(p.with_type(SOCK_DGRAM)) {}
  datagram(const afplug::family& f, int proto = 0) noexcept : basic_protocol(f, SOCK_DGRAM, proto) {}
};

/// SOCK_SEQPACKET protocols, for boost::asio::basic_seq_packet_socket<afplug::seq_packet>.
class seq_packet : public basic_protocol {
 public:
  using socket = with_protocol<boost::asio::basic_seq_packet_socket<seq_packet, boost::asio::any_io_executor>>;
  using acceptor = with_protocol<boost::asio::basic_socket_acceptor<seq_packet, boost::asio::any_io_executor>>;
  seq_packet() noexcept : seq_packet(basic_protocol()) {}  ///< of no family
  seq_packet(const basic_protocol& p) noexcept : basic_protocol(p.with_type(SOCK_SEQPACKET)) {}
  seq_packet(const afplug::family& f, int proto = 0) noexcept : basic_protocol(f, SOCK_SEQPACKET, proto) {}
};

/// SOCK_RAW protocols, for boost::asio::basic_raw_socket<afplug::raw>.
class raw : public basic_protocol {
 public:
  using socket = with_protocol<boost::asio::basic_raw_socket<raw, boost::asio::any_io_executor>>;
  raw() noexcept : raw(basic_protocol()) {}  ///< of no family
  raw(const basic_protocol& p) noexcept : basic_protocol(p.with_type(SOCK_RAW)) {}
  raw(const afplug::family& f, int proto = 0) noexcept : basic_protocol(f, SOCK_RAW, proto) {}
};

}  // namespace afplug
