// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// A row of the conformance suite: one (family, type, protocol), how to use it in a test, what it can do, and the exact
// error for what it can't. A family joins the suite by adding its rows to the table in rows.cpp.
#pragma once

#include <afplug/socket.hpp>
#include <cerrno>
#include <cstdint>
#include <functional>
#include <iosfwd>
#include <string>
#include <vector>

namespace conformance {

/// What a row can do. What it can't is asserted by the errors below.
enum trait : std::uint64_t {
  always = 1ull << 0,            ///< every machine has it: a failure to open is no reason to skip
  stream = 1ull << 1,            ///< bytes without boundaries; else messages
  listens = 1ull << 2,           ///< listen, accept, connect make connections
  connectionless = 1ull << 3,    ///< sendto reaches any socket, recvfrom tells from whom
  half_close = 1ull << 4,        ///< shutdown(SHUT_WR) reaches the peer as end of file
  pairs = 1ull << 5,             ///< socket::pair works
  rights = 1ull << 6,            ///< passes descriptors
  credentials = 1ull << 7,       ///< passes SCM_CREDENTIALS
  flow = 1ull << 8,              ///< a sender waits for a slow reader, nothing is lost
  timestamps = 1ull << 9,        ///< SO_TIMESTAMPNS
  error_queue = 1ull << 10,      ///< IP_RECVERR, MSG_ERRQUEUE
  packet_info = 1ull << 11,      ///< IP_PKTINFO or IPV6_PKTINFO, hop limit, traffic class
  unnamed = 1ull << 12,          ///< a client that was not bound has no name
  user_space = 1ull << 13,       ///< no kernel socket behind it
  duplicates = 1ull << 14,       ///< dup works
  forks = 1ull << 15,            ///< works in a forked child too
  full_tells = 1ull << 17,       ///< POLLOUT ends while the receiver is full
  abstract_names = 1ull << 16,   ///< AF_UNIX's names
  bus = 1ull << 18,              ///< sockets hear each other by what they are bound to: no peers, no connections
  translated = 1ull << 19,       ///< to the kernel its sockets are another family's
  full_waits = 1ull << 20,       ///< a connect to a listener whose backlog is full waits
  short_counts = 1ull << 21,     ///< MSG_TRUNC does not make recv tell the whole length
  peeks = 1ull << 22,            ///< MSG_PEEK
  wakeable = 1ull << 23,         ///< shutdown ends a listener's accept
  no_protocol = 1ull << 24,      ///< SO_PROTOCOL does not tell its protocol
  ignores_nothing = 1ull << 25,  ///< sending no bytes, and receiving into none, changes nothing
  echoes = 1ull << 26,           ///< what a socket sends comes back to it: both ends of a link are one socket
  apart = 1ull << 27,            ///< in the network namespace of apart.hpp
  drops_nothing = 1ull << 28,    ///< an empty message does not arrive
  hears_all = 1ull << 29,        ///< a connected socket hears others than its peer, too
  identified = 1ull << 30,       ///< a socket has a name from birth, whatever it is bound to
  annotates = 1ull << 31,        ///< every message brings ancillary data
  starts_ready = 1ull << 32,     ///< POLLIN is told once before anything came
  waits_alone = 1ull << 33,      ///< a call that blocks holds off all others on its socket
  urgent_byte = 1ull << 34,      ///< MSG_OOB carries one
  multicasts = 1ull << 35,       ///< groups of IP
  broadcasts = 1ull << 36,       ///< SO_BROADCAST
  shuts_whole = 1ull << 37,      ///< shutdown of one direction ends both
  keeps_rest = 1ull << 38,       ///< what did not fit of a message comes with the next receive
  names_peer = 1ull << 39,       ///< recvfrom on a connected socket tells from whom
  sleeps_on = 1ull << 40,        ///< shutdown does not wake who receives already
  drops_closed = 1ull << 41,     ///< a connection that ends before it is accepted is not accepted
  reset_by_option = 1ull << 42,  ///< a reset is told by SO_ERROR, not by recv
  listens_untold = 1ull << 43,   ///< SO_ACCEPTCONN does not tell who listens
  small_sends = 1ull << 44,      ///< a stream of which one call sends a message at most, or says EMSGSIZE
  meets = 1ull << 45,            ///< connect ends when the peer accepts
  keeps_reset = 1ull << 46,      ///< a reset is told by recv each time, not by SO_ERROR
  mute = 1ull << 47,             ///< receives nothing that another socket sends; what it is for has its own tests
  one_at_a_time = 1ull << 48,    ///< two names have one connection at a time: EBUSY until the one before has ended
  mutual = 1ull << 49,           ///< hears nothing until it is connected itself
  nameless = 1ull << 50,         ///< can't be bound, or getsockname tells no name, whatever was bound
  own_header = 1ull << 51,       ///< sends packets that bring their IP header along, unless told otherwise
  one_cpu = 1ull << 52,          ///< messages that are sent on several may overtake each other: the tests run on one
  one_to_many = 1ull << 53,      ///< who listens is reached, and accepts nothing: a socket has many peers
  cuts_untold = 1ull << 54       ///< what had no room for a message is not told: no MSG_TRUNC
};

/// errno of what a row may not be able to do; 0: it works.
struct errors {
  int bad_type = ESOCKTNOSUPPORT;      ///< socket() with a type that is none of the family's
  int bad_protocol = EPROTONOSUPPORT;  ///< socket() with such a protocol
  int pair = EOPNOTSUPP;
  int listen_unbound = 0;
  int listen_bound = 0;  ///< where no socket listens; 0: as one that was not bound
  int listen_zero = 0;   ///< listen(0) on a socket that does not listen
  int listen_twice = 0;
  int accept_unlistening = EINVAL;  ///< on a socket that listen was not called on
  int listen_connected = EINVAL;
  int bind = 0;         ///< of what is `nameless`
  int getsockname = 0;  ///< likewise
  int bind_twice = EINVAL;
  int bind_in_use = EADDRINUSE;
  int bind_foreign = EAFNOSUPPORT;  ///< an address of another family
  int bind_short = EINVAL;          ///< an address of two bytes
  int connect_refused = ECONNREFUSED;
  int connect_at_once = EINPROGRESS;  ///< what a connect to a listener gives in non-blocking mode
  int connect_full = EINPROGRESS;     ///< and to one whose backlog is full
  int connect_twice = EISCONN;
  int connect_unbound = 0;
  int disconnect = 0;               ///< connect to AF_UNSPEC
  int recv_unconnected = ENOTCONN;  ///< EAGAIN: it waits
  int send_unconnected = EPIPE;
  int sendto_unconnected = EPIPE;  ///< to the address of nobody
  int sendto_taken = 0;            ///< to a socket that is connected to another
  int sendto_connected = 0;        ///< with an address on a connected socket
  int getsockname_unbound = 0;
  int getpeername_unconnected = ENOTCONN;
  int getpeername_connected = 0;
  int shutdown_unconnected = ENOTCONN;
  int shutdown_bad = EINVAL;  ///< neither SHUT_RD nor SHUT_WR nor SHUT_RDWR
  int shutdown_connected = 0;
  int shutdown_half = 0;    ///< SHUT_RD or SHUT_WR
  int send_shut = EPIPE;    ///< after SHUT_WR
  int send_closed = EPIPE;  ///< soon after the peer has closed; 0: it is not told
  int send_reset = EPIPE;   ///< after the peer has closed with data unread
  int send_empty = 0;
  int recv_empty = 0;  ///< into no room
  int recv_peek = 0;   ///< MSG_PEEK
  int recv_trunc = 0;  ///< MSG_TRUNC
  int send_oob = 0;
  int told_closed = ECONNREFUSED;   ///< what an error queue tells of a message to nobody
  int recv_closed = 0;              ///< once, soon after the peer has closed
  int recv_ended = 0;               ///< after that; 0: the end of file, EAGAIN: it waits
  int told_shut = 0;                ///< what SO_ERROR tells once when a shutdown has ended the connection
  int recv_reset = ECONNRESET;      ///< after the peer has closed with data unread
  int send_big = 0;                 ///< too much in one message; 0: it is lost
  int get_bad_level = ENOPROTOOPT;  ///< getsockopt of a level that there is not
  int set_bad_level = ENOPROTOOPT;  ///< setsockopt likewise
  int set_unknown = ENOPROTOOPT;    ///< setsockopt of level SOL_SOCKET with a number that there is not
  int send_rights = 0;              ///< with SCM_RIGHTS, where a row passes none; 0: they are ignored
};

struct link;
struct row;

/// What a row does in a way of its own.
struct ways {
  std::size_t message_size = 8192;               ///< a large message that passes
  std::size_t too_large = 16 << 20;              ///< a message that does not pass
  std::size_t bulk = 10 << 20;                   ///< bytes enough to be many
  std::size_t one_send = 0;                      ///< of a stream that one call can send; more waits in vain; 0: any
  std::string (*message)(unsigned i) = nullptr;  ///< the i-th message, where not any text will do
  std::size_t header = 0;                        ///< bytes that stand before a message where it arrives
  void (*restore)(std::string&) = nullptr;       ///< makes what arrived, or its beginning, what was sent
  link (*connected)(const row&) = nullptr;       ///< where neither listen nor connecting to each other makes one
  void (*prepare)() = nullptr;                   ///< makes the machine have the row, before it is asked
  void (*settle)() = nullptr;                    ///< waits for the end of earlier connections, before each other
  std::string (*missing)(const row&) = nullptr;  ///< beyond opening and binding: why it can't work here, or ""
  const char* ignores = "";                      ///< options that can be set without effect, space-separated
  const char* refuses = "";                      ///< options that are not for it: EINVAL; or not yet: ENOTCONN
  // What else the name of a socket may be than what getsockname tells:
  afplug::address (*as_bound)(afplug::address) = nullptr;   ///< without what the system added when it was bound
  afplug::address (*as_sender)(afplug::address) = nullptr;  ///< as its receivers are told it
  afplug::address (*as_goal)(afplug::address) = nullptr;    ///< as what is sent to it takes it
  afplug::address (*as_peer)(afplug::address) = nullptr;    ///< as who is connected to it is told it
};

/// One (family, type, protocol).
struct row {
  const char* name;    ///< "tcp4": begins with the name of its group in CMakeLists.txt
  const char* family;  ///< "inet"
  int type;
  int protocol;
  std::uint64_t can;       ///< traits
  std::string (*fresh)();  ///< text of an address that can be bound now
  const char* unbound;     ///< text of the address of a socket that was not bound
  errors error = {};
  ways own = {};

  bool has(std::uint64_t t) const noexcept { return (can & t) == t; }
};

/// Two sockets that reach each other.
struct link {
  afplug::socket a, b;
};

/// All rows, those included that this machine lacks.
const std::vector<const row*>& all_rows();

/// Why this machine can't do the row, in afplug's words; empty: it can. Found out once.
const std::string& why_not(const row& r);

/// The rows that this machine has, with all traits of `with` and none of `without`.
std::vector<const row*> rows(std::uint64_t with = 0, std::uint64_t without = 0);

void PrintTo(const row* r, std::ostream* out);

// What the tests make of a row; failures throw.
afplug::socket open(const row& r, int type_flags = 0);
afplug::address fresh(const row& r);
afplug::socket bound(const row& r);
afplug::socket listening(const row& r, int backlog = -1);
link connected(const row& r);
/// Connects `client`, by `connect` if that is given; where that is EBUSY, with a new socket until it is not.
afplug::error_code reach(const row& r, afplug::socket& client, const afplug::address& to);
afplug::error_code reach(const row& r, afplug::socket& client, const std::function<void(afplug::error_code&)>& connect);
/// Connects `client`; where that ends when the peer accepts, it only begins, and arrive() ends it.
void set_out(const row& r, afplug::socket& client, const afplug::address& to);
void arrive(const row& r, afplug::socket& client);
std::string message(const row& r, unsigned i);
/// The message of which `bytes`, or their beginning, arrived.
std::string sent(const row& r, std::string bytes);

}  // namespace conformance
