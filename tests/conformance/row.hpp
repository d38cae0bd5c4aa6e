// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// A row of the conformance suite: one (family, type, protocol), how the tests use it, what it supports (traits), and
// the errno of each call that may fail (errors). A family joins the suite by adding its rows to the table in rows.cpp.
//
// Traits and errors name the man page (section 2, 3 or 7) or the kernel function that defines them. Kernel files are
// those of Linux 6.12. Rows name the function where their value is not the default.
#pragma once

#include <afplug/socket.hpp>
#include <cerrno>
#include <functional>
#include <iosfwd>
#include <string>
#include <vector>

namespace conformance {

// ---- traits: what a row supports ----

/// How the tests run the row.
struct environment_traits {
  /// Every machine has it: a failure to open is a test failure and no reason to skip.
  bool always_available = false;
  /// Runs in the network namespace of network_namespace.hpp, because it would receive the machine's own traffic or
  /// needs interfaces, routes or settings that the machine need not have.
  bool in_network_namespace = false;
  /// Runs on one CPU, because messages sent on several may overtake each other: dg_delayed_dispatch() in
  /// drivers/misc/vmw_vmci/vmci_datagram.c delivers from a work queue of the sender's CPU.
  bool on_one_cpu = false;
  /// Implemented by the plugin, without a kernel socket.
  bool user_space = false;
  /// Works in the child after fork(2).
  bool usable_after_fork = true;
};

/// Local and peer addresses.
struct addressing_traits {
  /// Tests do not bind clients. unix_stream_connect() in net/unix/af_unix.c does not bind the caller (unless
  /// SO_PASSCRED is set), so a client has no name; a Bluetooth client gets the address of the adapter that reaches the
  /// server.
  bool clients_unbound = false;
  /// Pathnames and the abstract namespace: unix(7).
  bool unix_names = false;
  /// getsockname(2) returns a unique address from creation on, whatever is bound: tipc_sk_insert() and tipc_getname()
  /// in net/tipc/socket.c return the socket's port identity.
  bool named_at_creation = false;
  /// bind(2) fails or getsockname(2) does not return the bound address: sock_no_bind() and sock_no_getname() in
  /// net/core/sock.c for CAN_BCM, BNEP and HIDP, sock_no_getname() for AF_ALG, rfcomm_sock_bind() for raw RFCOMM
  /// sockets.
  bool no_local_address = false;
  /// recvfrom(2) on a connected socket returns the peer's address, too: sctp_recvmsg() in net/sctp/socket.c,
  /// tipc_sk_set_orig_addr() in net/tipc/socket.c, raw_recvmsg() in net/ipv4/raw.c.
  bool recvfrom_names_peer = false;
  /// SO_DOMAIN is another family's number: hyperv's sockets are AF_VSOCK to the kernel. socket(7).
  bool so_domain_differs = false;
  /// SO_PROTOCOL is 0 whatever the protocol: net/packet/af_packet.c and net/can/{raw,bcm,isotp}.c leave sk_protocol
  /// unset.
  bool so_protocol_is_zero = false;
  /// Multicast groups of ip(7) and ipv6(7).
  bool ip_multicast = false;
  /// SO_BROADCAST: socket(7).
  bool so_broadcast = false;
};

/// listen, accept, connect, and which sockets reach each other.
struct connection_traits {
  /// listen(2), accept(2) and connect(2) make connections.
  bool listens = false;
  /// sendto(2) reaches any socket, recvfrom(2) returns the sender's address.
  bool connectionless = false;
  /// A socket with many associations: listen(2) makes it reachable, accept(2) fails. RFC 6458, section 3.
  bool one_to_many = false;
  /// No connections: connect(2) fails (sock_no_connect() in net/core/sock.c), a socket receives whatever passes the
  /// interface, adapter or identifiers that it is bound to.
  bool no_connect = false;
  /// socketpair(2).
  bool socketpair = false;
  /// connect(2) to a listener whose backlog is full waits, or fails with `connect_backlog_full`: unix_wait_for_peer()
  /// in net/unix/af_unix.c; tcp_conn_request() in net/ipv4/tcp_input.c drops the SYN, which is sent again.
  bool waits_when_backlog_full = false;
  /// connect(2) completes when the peer calls accept(2): tipc_accept() in net/tipc/socket.c sends the acknowledgement.
  bool waits_for_accept = false;
  /// A listener drops connections that end before they are accepted: bt_accept_dequeue() in
  /// net/bluetooth/af_bluetooth.c.
  bool drops_closed_connections = false;
  /// Two addresses have one connection at a time; connect(2) fails with EBUSY until the previous one has ended:
  /// __rfcomm_dlc_open() in net/bluetooth/rfcomm/core.c, sco_chan_add() and __iso_chan_add() in
  /// net/bluetooth/{sco,iso}.c.
  bool one_per_address_pair = false;
  /// A connected socket receives from others than its peer, too: tipc_recvmsg(), qrtr_recvmsg(), rds_recvmsg() and
  /// vmci_transport_dgram_dequeue() do not compare the sender with the peer.
  bool receives_from_any_peer = false;
  /// Receives nothing until it is connected itself: l2cap_raw_recv() in net/bluetooth/l2cap_core.c delivers to the
  /// channels of the link.
  bool receives_only_when_connected = false;
  /// SO_ACCEPTCONN is 0 on a listener: sk_getsockopt() in net/core/sock.c compares with TCP_LISTEN, Bluetooth's state
  /// is BT_LISTEN.
  bool so_acceptconn_is_zero = false;
};

/// What send and receive calls do with data.
struct delivery_traits {
  /// MSG_NOSIGNAL, which Asio sets, is an error: rds_sendmsg() in net/rds/send.c and qrtr_sendmsg() in
  /// net/qrtr/af_qrtr.c accept few flags.
  bool refuses_msg_nosignal = false;
  /// Sockets of the row exchange no data with each other. What they are for has tests of its own in tests/families.
  bool no_data = false;
  /// Bytes without message boundaries; else messages.
  bool stream = false;
  /// A sender waits for a slow receiver and nothing is lost.
  bool flow_control = false;
  /// poll(2) does not report POLLOUT while the receiver is full.
  bool pollout_clears_when_full = false;
  /// MSG_PEEK: recv(2).
  bool msg_peek = true;
  /// With MSG_TRUNC recv(2) still returns the number of bytes copied, not the length of the message: raw_recvmsg() in
  /// net/can/raw.c, bcm_recvmsg(), ping_recvmsg() in net/ipv4/ping.c, qrtr_recvmsg(), tipc_recvmsg(),
  /// vmci_transport_dgram_dequeue().
  bool msg_trunc_returns_copied_size = false;
  /// A message that is cut is not marked with MSG_TRUNC: bcm_recvmsg() in net/can/bcm.c.
  bool no_msg_trunc = false;
  /// The rest of a message that is cut comes with the next receive: sctp_recvmsg() in net/sctp/socket.c queues it
  /// again, without MSG_EOR.
  bool keeps_rest_of_message = false;
  /// A send or receive of no bytes does nothing: __vsock_connectible_recvmsg() in net/vmw_vsock/af_vsock.c.
  bool zero_length_does_nothing = false;
  /// An empty message is sent but does not arrive: tipc_recvmsg() discards it, sco_recv_scodata() queues "if
  /// (skb->len)".
  bool drops_empty_messages = false;
  /// A socket receives what it sends, so that both ends of a link are one socket: ICMP echo, CAN_BCM.
  bool loops_back = false;
  /// poll(2) reports POLLIN once before anything arrived: rds_poll() in net/rds/af_rds.c, for the congestion map.
  bool readable_once_at_start = false;
  /// A call that blocks holds the socket lock, and others on the socket wait for it: qrtr_recvmsg() in
  /// net/qrtr/af_qrtr.c.
  bool blocking_call_holds_lock = false;
  /// MSG_OOB sends one byte out of band: tcp(7), unix(7).
  bool msg_oob = false;
  /// Sends packets that include their IP header: IP_HDRINCL, raw(7).
  bool header_included = false;
  /// A stream of which one call sends at most one message, and fails with EMSGSIZE beyond: l2cap_chan_send() in
  /// net/bluetooth/l2cap_core.c.
  bool send_limited_to_mtu = false;
};

/// What arrives beside the data: cmsg(3).
struct ancillary_traits {
  bool scm_rights = false;        ///< descriptors: unix(7)
  bool scm_credentials = false;   ///< SO_PASSCRED: unix(7), netlink(7)
  bool so_timestamp = false;      ///< SO_TIMESTAMP, SO_TIMESTAMPNS: socket(7)
  bool msg_errqueue = false;      ///< IP_RECVERR, IPV6_RECVERR: ip(7), ipv6(7)
  bool ip_pktinfo = false;        ///< packet information, hop limit, traffic class: ip(7), ipv6(7)
  bool on_every_message = false;  ///< j1939_sk_recvmsg() in net/can/j1939/socket.c adds SCM_J1939_PRIO to each message
};

/// The end of a connection.
struct shutdown_traits {
  /// shutdown(SHUT_WR) reaches the peer as end of file, which can still send: shutdown(2).
  bool half_close = false;
  /// shutdown(2) of one direction ends both: l2cap_sock_shutdown() closes the channel, SCTP has no half-open state
  /// (RFC 9260, section 9.2).
  bool closes_both_directions = false;
  /// shutdown(SHUT_RDWR) on a listener wakes accept(2): inet_shutdown() in net/ipv4/af_inet.c, unix_shutdown().
  bool wakes_accept = false;
  /// shutdown(SHUT_RD) does not wake a receive that waits: l2cap_sock_shutdown() sets RCV_SHUTDOWN without
  /// sk_state_change().
  bool does_not_wake_recv = false;
  /// SO_ERROR has a reset, recv(2) returns 0: bt_sock_recvmsg() in net/bluetooth/af_bluetooth.c.
  bool reset_only_in_so_error = false;
  /// Each recv(2) reports a reset, SO_ERROR none: tipc_recvmsg() leaves the rejected message in the queue.
  bool recv_repeats_reset = false;
};

struct row_traits {
  environment_traits environment = {};
  addressing_traits addressing = {};
  connection_traits connection = {};
  delivery_traits delivery = {};
  ancillary_traits ancillary = {};
  shutdown_traits shutdown = {};
};

// ---- errors: the errno of a call; 0: it succeeds ----

struct creation_errors {
  int unknown_type = ESOCKTNOSUPPORT;      ///< socket(2) with a type that the family does not have
  int unknown_protocol = EPROTONOSUPPORT;  ///< socket(2) with a protocol that the family does not have
  int socketpair = EOPNOTSUPP;             ///< socketpair(2); sock_no_socketpair()
};

struct addressing_errors {
  int bind = 0;                            ///< bind(2) of a row with `no_local_address`
  int bind_twice = EINVAL;                 ///< bind(2) of a bound socket
  int bind_in_use = EADDRINUSE;            ///< bind(2) to an address that another socket is bound to
  int bind_other_family = EAFNOSUPPORT;    ///< bind(2) with sa_family 99
  int bind_short_address = EINVAL;         ///< bind(2) with an address of sizeof(sa_family_t) bytes
  int getsockname = 0;                     ///< getsockname(2) of a row with `no_local_address`
  int getsockname_unbound = 0;             ///< getsockname(2) of a socket that is not bound
  int getpeername_unconnected = ENOTCONN;  ///< getpeername(2)
  int getpeername_connected = 0;           ///< getpeername(2) of a socket that reaches another
};

struct connection_errors {
  int listen_unbound = 0;                  ///< listen(2) on a socket that is not bound
  int listen_bound = 0;                    ///< where no socket listens, if bound; 0: as `listen_unbound`
  int listen_backlog_zero = 0;             ///< listen(2) with backlog 0 on a socket that does not listen
  int listen_again = 0;                    ///< listen(2) on a listener
  int listen_connected = EINVAL;           ///< listen(2) on a connected socket
  int accept_not_listening = EINVAL;       ///< accept(2) on a socket that does not listen
  int connect_no_listener = ECONNREFUSED;  ///< connect(2) to an address that no socket listens at or is bound to
  int connect_nonblocking = EINPROGRESS;   ///< connect(2) to a listener, with O_NONBLOCK
  int connect_backlog_full = EINPROGRESS;  ///< the same to a listener whose backlog is full; EAGAIN: unix(7)
  int connect_connected = EISCONN;         ///< connect(2) on a connected socket
  int connect_unbound = 0;                 ///< connect(2) on a socket that is not bound
  int connect_unspec = 0;                  ///< connect(2) with AF_UNSPEC, which dissolves the association
};

struct delivery_errors {
  int recv_unconnected = ENOTCONN;    ///< recv(2) on a socket that is neither bound nor connected; EAGAIN: it waits
  int send_unconnected = EPIPE;       ///< send(2) on such a socket
  int sendto_no_receiver = EPIPE;     ///< sendto(2) to an address that no socket is bound to
  int sendto_connected_receiver = 0;  ///< sendto(2) to a socket that is connected to another; EPERM: unix_may_send()
  int sendto_when_connected = 0;      ///< sendto(2) with an address on a connected socket
  int send_empty = 0;                 ///< send(2) of no bytes
  int recv_empty = 0;                 ///< recv(2) into no bytes
  int recv_msg_peek = 0;              ///< recv(2) with MSG_PEEK
  int recv_msg_trunc = 0;             ///< recv(2) with MSG_TRUNC
  int send_msg_oob = 0;               ///< send(2) with MSG_OOB
  int send_too_large = 0;             ///< send(2) of a message that is too large; 0: it is lost
  int send_scm_rights = 0;            ///< sendmsg(2) with SCM_RIGHTS where the row passes none; 0: they are ignored
  int errqueue_no_receiver = ECONNREFUSED;  ///< ee_errno of a message to an address without socket: ip(7)
};

struct shutdown_errors {
  int unconnected = ENOTCONN;         ///< shutdown(2) on a socket that is not connected
  int bad_how = EINVAL;               ///< shutdown(2) with an unknown `how`
  int both = 0;                       ///< shutdown(2) with SHUT_RDWR
  int one_direction = 0;              ///< shutdown(2) with SHUT_RD or SHUT_WR
  int so_error = 0;                   ///< SO_ERROR, once, when a shutdown has ended the connection
  int send_after_shutdown = EPIPE;    ///< send(2) after SHUT_WR
  int send_after_close = EPIPE;       ///< send(2) soon after the peer has closed; 0: not reported
  int send_after_reset = EPIPE;       ///< send(2) after the peer has closed with data unread
  int recv_after_close = 0;           ///< the first recv(2) after the peer has closed
  int recv_again_after_close = 0;     ///< later ones; 0: the end of file, EAGAIN: it waits
  int recv_after_reset = ECONNRESET;  ///< recv(2) after the peer has closed with data unread
};

struct option_errors {
  int getsockopt_unknown_level = ENOPROTOOPT;   ///< getsockopt(2) of a level that does not exist
  int setsockopt_unknown_level = ENOPROTOOPT;   ///< setsockopt(2) of such a level
  int setsockopt_unknown_option = ENOPROTOOPT;  ///< setsockopt(2) of SOL_SOCKET with an option that does not exist
};

struct row_errors {
  creation_errors creation = {};
  addressing_errors addressing = {};
  connection_errors connection = {};
  delivery_errors delivery = {};
  shutdown_errors shutdown = {};
  option_errors options = {};
};

// ---- rows ----

struct link;
struct row;

/// Sizes, and functions that replace what the tests do by default. Null functions: the default.
struct row_parameters {
  std::size_t large_message = 8192;          ///< bytes of a large message that arrives whole
  std::size_t too_large_message = 16 << 20;  ///< bytes of a message that can't be sent
  std::size_t bulk_size = 10 << 20;          ///< bytes that take many messages
  std::size_t largest_send = 0;  ///< bytes that one send on a stream takes at most, or it waits; 0: no limit
  std::string (*make_message)(unsigned i) = nullptr;  ///< the i-th message, where not any text can be sent
  std::size_t header_size = 0;                        ///< bytes that precede a message where it arrives
  /// Turns a message that arrived, or its beginning, back into what was sent.
  void (*undo_changes)(std::string&) = nullptr;
  link (*connect)(const row&) = nullptr;    ///< makes two sockets that reach each other
  void (*prepare)() = nullptr;              ///< makes the row available, before the suite asks whether it is
  void (*wait_for_disconnect)() = nullptr;  ///< waits for the end of earlier connections, before each connect
  std::string (*why_unavailable)(const row&) = nullptr;  ///< why a row whose socket can be opened does not work, or ""
  const char* ignored_options = "";                      ///< options whose setting has no effect, separated by spaces
  const char* refused_options = "";  ///< options that fail: setting with EINVAL, getting with EINVAL or ENOTCONN
  // What getsockname's address becomes:
  afplug::address (*as_bound)(afplug::address) = nullptr;        ///< without what the kernel added when it was bound
  afplug::address (*as_sender)(afplug::address) = nullptr;       ///< as recvfrom reports it
  afplug::address (*as_destination)(afplug::address) = nullptr;  ///< as sendto takes it
  afplug::address (*as_peer)(afplug::address) = nullptr;         ///< as the peer's getpeername reports it
};

/// One (family, type, protocol).
struct row {
  const char* name;    ///< "tcp4": begins with the name of its group in CMakeLists.txt
  const char* family;  ///< "inet"
  afplug::socket_type type;
  int protocol;
  row_traits traits;
  std::string (*fresh_address)();  ///< text of an address that can be bound now
  const char* unbound;             ///< text of the address of a socket that is not bound
  row_errors errors = {};
  row_parameters parameters = {};
};

/// Two sockets that reach each other.
struct link {
  afplug::socket a, b;
};

/// All rows, including those that this machine does not have.
const std::vector<const row*>& all_rows();

/// Why this machine does not have the row, decided by system calls; empty: it has it. Tested once.
const std::string& why_unavailable(const row& r);

/// The rows that this machine has and whose traits satisfy `condition`.
std::vector<const row*> rows(bool (*condition)(const row_traits&));
/// Whether a row, available or not, has traits that satisfy `condition`.
bool any_row(bool (*condition)(const row_traits&));

void PrintTo(const row* r, std::ostream* out);

// What tests do with a row; failures throw.
afplug::socket open(const row& r, int type_flags = 0);
afplug::address fresh_address(const row& r);
afplug::socket bound(const row& r);
afplug::socket listening(const row& r, int backlog = -1);
link connected(const row& r);
/// Connects `client`, by `connect` if that is given. For rows with `one_per_address_pair` repeats it with new sockets
/// while it fails with EBUSY.
afplug::error_code connect(const row& r, afplug::socket& client, const afplug::address& to);
afplug::error_code connect(const row& r, afplug::socket& client,
                           const std::function<void(afplug::error_code&)>& connect);
/// Connects `client`. For rows with `waits_for_accept` begins to, and finish_connect() waits for the end.
void begin_connect(const row& r, afplug::socket& client, const afplug::address& to);
void finish_connect(const row& r, afplug::socket& client);
std::string message(const row& r, unsigned i);
/// The message that was sent, of which `bytes`, or its beginning, arrived.
std::string as_sent(const row& r, std::string bytes);

}  // namespace conformance
