// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// The options of level SOL_SOCKET: socket(7), unix(7), and the kernel's net/core/sock.c.
#include <linux/filter.h>
#include <linux/sock_diag.h>
#include <unistd.h>

#include <afplug/address.hpp>
#include <afplug/option.hpp>
#include <afplug/registry.hpp>
#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>

#include "numbers_linux.hpp"

namespace afplug {
namespace {

constexpr std::uint32_t r = AFPLUG_OPTION_READ;
constexpr std::uint32_t w = AFPLUG_OPTION_WRITE;
constexpr std::uint32_t rw = r | w;

constexpr std::uint32_t flag = AFPLUG_KIND_FLAG;
constexpr std::uint32_t i32 = AFPLUG_KIND_I32;
constexpr std::uint32_t u32 = AFPLUG_KIND_U32;
constexpr std::uint32_t u64 = AFPLUG_KIND_U64;
constexpr std::uint32_t native_ulong = sizeof(long) == 8 ? u64 : u32;

constexpr option_info plain(const char* name, int number, std::uint32_t kind, std::uint32_t flags, const char* help,
                            const char* values = nullptr) {
  option_info o{};
  o.flags = flags;
  o.name = name;
  o.level = SOL_SOCKET;
  o.number = number;
  o.kind = kind;
  o.values = values;
  o.help = help;
  return o;
}

constexpr option_info sized(const char* name, int number, std::uint32_t kind, std::uint32_t flags, std::uint32_t most,
                            const char* help) {
  auto o = plain(name, number, kind, flags, help);
  o.max_bytes = most;
  return o;
}

constexpr option_info duration(const char* name, int number, std::uint32_t unit, std::uint32_t flags,
                               const char* help) {
  auto o = plain(name, number, AFPLUG_KIND_DURATION, flags, help);
  o.unit = unit;
  return o;
}

constexpr option_info structure(const char* name, int number, std::span<const member_info> members, std::uint32_t bytes,
                                std::uint32_t flags, const char* help) {
  auto o = plain(name, number, AFPLUG_KIND_STRUCT, flags, help);
  o.min_bytes = o.max_bytes = bytes;
  o.members = members;
  return o;
}

constexpr option_info array(const char* name, int number, std::span<const member_info> members, std::uint32_t element,
                            std::uint32_t most, std::uint32_t flags, const char* help) {
  auto o = structure(name, number, members, 0, flags, help);
  o.kind = AFPLUG_KIND_ARRAY;
  o.element_size = element;
  o.max_bytes = most;
  return o;
}

constexpr option_info call(const char* name, int number, decltype(afplug_option::get) get,
                           decltype(afplug_option::set) set, const char* help) {
  auto o = plain(name, number, AFPLUG_KIND_CALL, (get ? r : 0) | (set ? w : 0), help);
  o.get = get;
  o.set = set;
  return o;
}

#define AFPLUG_MEMBER(type, field, kind, unit, flags, values, help) \
  { kind, #field, offsetof(type, field), sizeof(type::field), unit, flags, values, help }

struct linger_layout {
  std::int32_t onoff, linger;
};
static_assert(sizeof(linger_layout) == sizeof(::linger));
constexpr member_info linger_members[] = {
    AFPLUG_MEMBER(linger_layout, onoff, flag, 0, 0, nullptr, "whether close waits"),
    AFPLUG_MEMBER(linger_layout, linger, AFPLUG_KIND_DURATION, AFPLUG_UNIT_S, 0, nullptr,
                  "how long; zero: unsent data is thrown away and the peer is reset"),
};

constexpr member_info ucred_members[] = {
    AFPLUG_MEMBER(::ucred, pid, i32, 0, 0, nullptr, "process"),
    AFPLUG_MEMBER(::ucred, uid, u32, 0, 0, nullptr, "effective user"),
    AFPLUG_MEMBER(::ucred, gid, u32, 0, 0, nullptr, "effective group"),
};

constexpr member_info txtime_members[] = {
    AFPLUG_MEMBER(::sock_txtime, clockid, i32, 0, 0, nullptr, "clock of the times, 11: CLOCK_TAI"),
    AFPLUG_MEMBER(::sock_txtime, flags, u32, 0, AFPLUG_MEMBER_OPTIONAL | AFPLUG_MEMBER_HEX, "SOF_TXTIME_", nullptr),
};

struct memory_layout {
  std::uint32_t rmem_alloc, rcvbuf, wmem_alloc, sndbuf, fwd_alloc, wmem_queued, optmem, backlog, drops;
};
static_assert(sizeof(memory_layout) == SK_MEMINFO_VARS * sizeof(std::uint32_t));
constexpr member_info memory_members[] = {
    AFPLUG_MEMBER(memory_layout, rmem_alloc, u32, 0, 0, nullptr, "bytes received and not read"),
    AFPLUG_MEMBER(memory_layout, rcvbuf, u32, 0, 0, nullptr, "limit of the receive buffer"),
    AFPLUG_MEMBER(memory_layout, wmem_alloc, u32, 0, 0, nullptr, "bytes on their way out"),
    AFPLUG_MEMBER(memory_layout, sndbuf, u32, 0, 0, nullptr, "limit of the send buffer"),
    AFPLUG_MEMBER(memory_layout, fwd_alloc, u32, 0, 0, nullptr, "bytes reserved for this socket"),
    AFPLUG_MEMBER(memory_layout, wmem_queued, u32, 0, 0, nullptr, "bytes queued for sending"),
    AFPLUG_MEMBER(memory_layout, optmem, u32, 0, 0, nullptr, "bytes for options and filters"),
    AFPLUG_MEMBER(memory_layout, backlog, u32, 0, 0, nullptr, "bytes that arrived while the socket was locked"),
    AFPLUG_MEMBER(memory_layout, drops, u32, 0, 0, nullptr, "packets dropped"),
};

struct group_layout {
  std::uint32_t gid;
};
constexpr member_info group_members[] = {AFPLUG_MEMBER(group_layout, gid, u32, 0, 0, nullptr, "group")};

struct token_layout {
  std::uint32_t start, count;
};
constexpr member_info token_members[] = {
    AFPLUG_MEMBER(token_layout, start, u32, 0, 0, nullptr, "first token"),
    AFPLUG_MEMBER(token_layout, count, u32, 0, 0, nullptr, "how many"),
};

std::int32_t give(afplug_text* out, std::string_view text) noexcept {
  if (!out) return 0;
  out->size = static_cast<std::uint32_t>(text.size());
  std::memcpy(out->data, text.data(), std::min<std::size_t>(out->capacity, text.size()));
  return 0;
}

// A classic BPF program as text, as tcpdump -ddd and iptables -m bpf have it: "count,code jt jf k,code jt jf k".
std::string program_text(std::span<const ::sock_filter> program) {
  auto text = std::to_string(program.size());
  for (const auto& i : program)
    text += ',' + std::to_string(i.code) + ' ' + std::to_string(i.jt) + ' ' + std::to_string(i.jf) + ' ' +
            std::to_string(i.k);
  return text;
}

class number_reader {
 public:
  explicit number_reader(std::string_view text) noexcept : text_(text) {}
  template <class T>
  bool read(T& value, char before) noexcept {
    if (before != 0) {
      if (text_.empty() || (text_.front() != before && !(before == ',' && text_.front() == '\n'))) return false;
      text_.remove_prefix(1);
    }
    const auto [end, error] = std::from_chars(text_.data(), text_.data() + text_.size(), value);
    if (error != std::errc()) return false;
    text_.remove_prefix(static_cast<std::size_t>(end - text_.data()));
    return true;
  }
  bool at_end() noexcept { return text_.empty() || text_ == "\n" || text_ == ","; }

 private:
  std::string_view text_;
};

bool read_program(std::string_view text, std::vector<::sock_filter>& program) {
  number_reader in(text);
  std::size_t count = 0;
  if (!in.read(count, 0) || count == 0 || count > BPF_MAXINSNS) return false;
  program.resize(count);
  for (auto& i : program)
    if (!in.read(i.code, ',') || !in.read(i.jt, ' ') || !in.read(i.jf, ' ') || !in.read(i.k, ' ')) return false;
  return in.at_end();
}

std::int32_t attach(std::int64_t handle, int number, std::string_view text, afplug_text* why) {
  std::vector<::sock_filter> program;
  if (!read_program(text, program)) {
    give(why, "it takes a program of classic BPF, \"count,code jt jf k,…\" as tcpdump -ddd prints it");
    return -EINVAL;
  }
  const ::sock_fprog value{static_cast<unsigned short>(program.size()), program.data()};
  return ::setsockopt(static_cast<int>(handle), SOL_SOCKET, number, &value, sizeof value) == 0 ? 0 : -errno;
}

std::int32_t get_filter(std::int64_t handle, const afplug_identity*, afplug_text* out, afplug_text*) {
  const int fd = static_cast<int>(handle);
  // The length of this option counts instructions, not bytes.
  ::socklen_t count = 0;
  if (::getsockopt(fd, SOL_SOCKET, SO_GET_FILTER, nullptr, &count) != 0) return -errno;
  if (count == 0) return give(out, "none");
  std::vector<::sock_filter> program(count);
  if (::getsockopt(fd, SOL_SOCKET, SO_GET_FILTER, program.data(), &count) != 0) return -errno;
  return give(out, program_text(program));
}

std::int32_t set_filter(std::int64_t handle, const afplug_identity*, const char* text, std::size_t size,
                        afplug_text* why) {
  const std::string_view expression(text, size);
  if (expression != "none") return attach(handle, SO_ATTACH_FILTER, expression, why);
  const int ignored = 0;
  return ::setsockopt(static_cast<int>(handle), SOL_SOCKET, SO_DETACH_FILTER, &ignored, sizeof ignored) == 0 ? 0
                                                                                                             : -errno;
}

std::int32_t set_reuseport_filter(std::int64_t handle, const afplug_identity*, const char* text, std::size_t size,
                                  afplug_text* why) {
  return attach(handle, SO_ATTACH_REUSEPORT_CBPF, {text, size}, why);
}

// The kernel refuses a buffer that is larger than the name.
std::int32_t get_peer_name(std::int64_t handle, const afplug_identity* who, afplug_text* out, afplug_text*) {
  const int fd = static_cast<int>(handle);
  address peer;
  auto size = static_cast<::socklen_t>(peer.capacity());
  if (::getpeername(fd, peer.data(), &size) != 0) return -errno;
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERNAME, peer.data(), &size) != 0) return -errno;
  peer.resize(size);
  error_code ec;
  if (const auto* f = registry::global().family(std::string_view(who->family), ec))
    peer.protocol(basic_protocol(*f, socket_type(who->type), who->protocol));
  return give(out, peer.to_string());
}

#ifdef SO_PEERPIDFD
// Reading makes a descriptor; what it stands for is what a text can hold.
std::int32_t get_peer_pidfd(std::int64_t handle, const afplug_identity*, afplug_text* out, afplug_text*) {
  int pidfd = -1;
  ::socklen_t size = sizeof pidfd;
  if (::getsockopt(static_cast<int>(handle), SOL_SOCKET, SO_PEERPIDFD, &pidfd, &size) != 0) return -errno;
  const auto path = "/proc/self/fdinfo/" + std::to_string(pidfd);
  std::string line(256, '\0');
  std::string pid = "unknown";
  if (std::FILE* info = std::fopen(path.c_str(), "re")) {
    while (std::fgets(line.data(), static_cast<int>(line.size()), info))
      if (line.starts_with("Pid:\t")) pid = line.substr(5, line.find('\n') - 5);
    std::fclose(info);
  }
  ::close(pidfd);
  return give(out, pid);
}
#endif

constexpr std::uint32_t most_groups = 65536;  // NGROUPS_MAX
constexpr const char* new_times = "the same with 64-bit times on 32-bit platforms too";

#define AFPLUG_SO(name) #name, name

constexpr option_info table[] = {
    plain(AFPLUG_SO(SO_DEBUG), flag, rw, "record debugging information; takes CAP_NET_ADMIN"),
    plain(AFPLUG_SO(SO_REUSEADDR), flag, rw, "bind to an address whose old connections linger"),
    plain(AFPLUG_SO(SO_TYPE), i32, r, "the socket's type", "SOCK_"),
    plain(AFPLUG_SO(SO_ERROR), i32, r, "the pending error as an errno; reading clears it"),
    plain(AFPLUG_SO(SO_DONTROUTE), flag, rw, "send to directly connected hosts alone"),
    plain(AFPLUG_SO(SO_BROADCAST), flag, rw, "may send to broadcast addresses"),
    plain(AFPLUG_SO(SO_SNDBUF), i32, rw, "send buffer in bytes; the kernel doubles what is set"),
    plain(AFPLUG_SO(SO_RCVBUF), i32, rw, "receive buffer in bytes; the kernel doubles what is set"),
    plain(AFPLUG_SO(SO_SNDBUFFORCE), i32, w, "SO_SNDBUF beyond wmem_max; takes CAP_NET_ADMIN"),
    plain(AFPLUG_SO(SO_RCVBUFFORCE), i32, w, "SO_RCVBUF beyond rmem_max; takes CAP_NET_ADMIN"),
    plain(AFPLUG_SO(SO_KEEPALIVE), flag, rw, "probe idle connections"),
    plain(AFPLUG_SO(SO_OOBINLINE), flag, rw, "leave out-of-band data in the stream"),
    plain(AFPLUG_SO(SO_NO_CHECK), flag, rw, "send UDP over IPv4 without checksums"),
    plain(AFPLUG_SO(SO_PRIORITY), i32, rw, "queueing priority; outside 0 to 6 takes CAP_NET_ADMIN"),
    structure(AFPLUG_SO(SO_LINGER), linger_members, sizeof(::linger), rw, "wait at close until data is sent"),
    plain(AFPLUG_SO(SO_BSDCOMPAT), flag, rw, "obsolete, without effect"),
    plain(AFPLUG_SO(SO_REUSEPORT), flag, rw, "several sockets share one address and its load"),
    plain(AFPLUG_SO(SO_PASSCRED), flag, rw, "receive SCM_CREDENTIALS"),
    structure(AFPLUG_SO(SO_PEERCRED), ucred_members, sizeof(::ucred), r, "credentials of the peer as it connected"),
    plain(AFPLUG_SO(SO_RCVLOWAT), i32, rw, "bytes that make the socket readable"),
    plain(AFPLUG_SO(SO_SNDLOWAT), i32, r, "bytes that make the socket writable; always 1"),
    duration(AFPLUG_SO(SO_RCVTIMEO), AFPLUG_UNIT_TIMEVAL, rw, "kernel's limit on blocking receives; 0s: none"),
    duration(AFPLUG_SO(SO_SNDTIMEO), AFPLUG_UNIT_TIMEVAL, rw, "kernel's limit on blocking sends; 0s: none"),
    duration(AFPLUG_SO(SO_RCVTIMEO_NEW), AFPLUG_UNIT_TIMEVAL64, rw, new_times),
    duration(AFPLUG_SO(SO_SNDTIMEO_NEW), AFPLUG_UNIT_TIMEVAL64, rw, new_times),
    plain(AFPLUG_SO(SO_BINDTODEVICE), AFPLUG_KIND_IFNAME, rw, "use this interface alone; empty: any"),
    call(AFPLUG_SO(SO_ATTACH_FILTER), get_filter, set_filter,
         "classic BPF filter, \"count,code jt jf k,…\" as tcpdump -ddd prints it, or none"),
    plain(AFPLUG_SO(SO_DETACH_FILTER), i32, w, "removes the filter; the value is ignored"),
    call(AFPLUG_SO(SO_PEERNAME), get_peer_name, nullptr, "address of the peer"),
    plain(AFPLUG_SO(SO_TIMESTAMP), flag, rw, "receive SCM_TIMESTAMP (microseconds)"),
    plain(AFPLUG_SO(SO_TIMESTAMP_NEW), flag, rw, new_times),
    plain(AFPLUG_SO(SO_ACCEPTCONN), flag, r, "whether the socket listens"),
    sized(AFPLUG_SO(SO_PEERSEC), AFPLUG_KIND_TEXT, r, 4096, "security context of the peer"),
    plain(AFPLUG_SO(SO_PASSSEC), flag, rw, "receive SCM_SECURITY"),
    plain(AFPLUG_SO(SO_TIMESTAMPNS), flag, rw, "receive SCM_TIMESTAMPNS (nanoseconds)"),
    plain(AFPLUG_SO(SO_TIMESTAMPNS_NEW), flag, rw, new_times),
    plain(AFPLUG_SO(SO_MARK), u32, rw, "mark of every packet, for routing and filters; takes CAP_NET_ADMIN"),
    plain(AFPLUG_SO(SO_TIMESTAMPING), u32, rw, "which time stamps to make and report", "SOF_TIMESTAMPING_"),
    plain(AFPLUG_SO(SO_TIMESTAMPING_NEW), u32, rw, new_times, "SOF_TIMESTAMPING_"),
    plain(AFPLUG_SO(SO_PROTOCOL), i32, r, "the socket's protocol", "IPPROTO_"),
    plain(AFPLUG_SO(SO_DOMAIN), i32, r, "the socket's family", "AF_"),
    plain(AFPLUG_SO(SO_RXQ_OVFL), flag, rw, "receive the count of packets dropped so far"),
    plain(AFPLUG_SO(SO_WIFI_STATUS), flag, rw, "receive SCM_WIFI_STATUS"),
    plain(AFPLUG_SO(SO_PEEK_OFF), i32, rw, "where MSG_PEEK begins; -1: at the front"),
    plain(AFPLUG_SO(SO_NOFCS), flag, rw, "the frame's checksum is in the data (AF_PACKET)"),
    plain(AFPLUG_SO(SO_LOCK_FILTER), flag, rw, "the filter can't be changed any more"),
    plain(AFPLUG_SO(SO_SELECT_ERR_QUEUE), flag, rw, "the error queue makes POLLPRI"),
    duration(AFPLUG_SO(SO_BUSY_POLL), AFPLUG_UNIT_US, rw, "busy-wait this long before sleeping"),
    plain(AFPLUG_SO(SO_MAX_PACING_RATE), native_ulong, rw, "bytes a second at most"),
    plain(AFPLUG_SO(SO_BPF_EXTENSIONS), i32, r, "BPF extensions that the kernel has"),
    plain(AFPLUG_SO(SO_INCOMING_CPU), i32, rw, "processor that packets come in on"),
    plain(AFPLUG_SO(SO_ATTACH_BPF), i32, w, "filter: descriptor of a loaded eBPF program"),
    call(AFPLUG_SO(SO_ATTACH_REUSEPORT_CBPF), nullptr, set_reuseport_filter,
         "classic BPF that picks the socket of a SO_REUSEPORT group"),
    plain(AFPLUG_SO(SO_ATTACH_REUSEPORT_EBPF), i32, w, "the same: descriptor of a loaded eBPF program"),
    plain(AFPLUG_SO(SO_DETACH_REUSEPORT_BPF), i32, w, "removes that program; the value is ignored"),
    plain(AFPLUG_SO(SO_CNX_ADVICE), i32, w, "1: the path seems bad, take another"),
    structure(AFPLUG_SO(SO_MEMINFO), memory_members, sizeof(memory_layout), r, "memory that the socket uses"),
    plain(AFPLUG_SO(SO_INCOMING_NAPI_ID), u32, r, "receive queue that packets come in on"),
    plain(AFPLUG_SO(SO_COOKIE), u64, r, "number of the socket, never used again"),
    array(AFPLUG_SO(SO_PEERGROUPS), group_members, sizeof(group_layout), most_groups * sizeof(group_layout), r,
          "supplementary groups of the peer"),
    plain(AFPLUG_SO(SO_ZEROCOPY), flag, rw, "MSG_ZEROCOPY may be used"),
    structure(AFPLUG_SO(SO_TXTIME), txtime_members, sizeof(::sock_txtime), rw, "SCM_TXTIME may be used"),
    plain(AFPLUG_SO(SO_BINDTOIFINDEX), AFPLUG_KIND_IFINDEX, rw, "use this interface alone; 0: any"),
    plain(AFPLUG_SO(SO_PREFER_BUSY_POLL), flag, rw, "leave packets to busy polling"),
    plain(AFPLUG_SO(SO_BUSY_POLL_BUDGET), i32, rw, "packets a busy poll takes at most"),
    plain(AFPLUG_SO(SO_NETNS_COOKIE), u64, r, "number of the network namespace"),
    plain(AFPLUG_SO(SO_BUF_LOCK), u32, rw, "buffer sizes that stay as set; 1: send, 2: receive"),
    plain(AFPLUG_SO(SO_RESERVE_MEM), i32, rw, "bytes of memory reserved for the socket"),
    plain(AFPLUG_SO(SO_TXREHASH), i32, rw, "another path after a loss; 255: the system's default"),
#ifdef SO_RCVMARK
    plain(AFPLUG_SO(SO_RCVMARK), flag, rw, "receive the mark of packets"),
    plain(AFPLUG_SO(SO_PASSPIDFD), flag, rw, "receive SCM_PIDFD"),
    call(AFPLUG_SO(SO_PEERPIDFD), get_peer_pidfd, nullptr,
         "the peer's process, -1: it has ended; getsockopt gives the descriptor itself"),
    array(AFPLUG_SO(SO_DEVMEM_DONTNEED), token_members, sizeof(token_layout), 128 * sizeof(token_layout), w,
          "gives device memory back"),
    plain(AFPLUG_SO(SO_RCVPRIORITY), flag, rw, "receive the priority of packets"),
    plain(AFPLUG_SO(SO_PASSRIGHTS), flag, rw, "accept SCM_RIGHTS"),
    plain(AFPLUG_SO(SO_INQ), flag, rw, "receive how many bytes are left (AF_UNIX)"),
#endif
};

}  // namespace

std::span<const option_info> socket_options() noexcept { return table; }

}  // namespace afplug
