// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Conformance checks of a family's sockets, for each row that can be opened on this machine.
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

#include <afplug/socket.hpp>
#include <afplug/verdict.hpp>
#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <numeric>
#include <set>
#include <string>
#include <vector>

#include "command.hpp"
#include "conformance.hpp"

namespace afplug::command::conformance {
namespace {

using namespace std::chrono_literals;

struct socket_kind {
  const row* table_row;
  socket_type type;
  int protocol;
};

std::vector<socket_kind> available_kinds(const family& f) {
  std::vector<socket_kind> out;
  for (const row* r : listed_rows(f)) {
    if (!afplug::check(f, *r).available()) continue;
    out.push_back({r, r->concrete_type(), r->concrete_protocol()});
  }
  if (out.empty()) throw not_applicable("no socket of this family can be opened on this machine");
  return out;
}

std::vector<socket_kind> kinds_with_pairs(const family& f) {
  std::vector<socket_kind> out = available_kinds(f);
  std::erase_if(out, [](const socket_kind& s) { return (s.table_row->flags & AFPLUG_ROW_PAIR) == 0; });
  if (out.empty()) throw not_applicable("no row has AFPLUG_ROW_PAIR");
  return out;
}

socket open(const family& f, const socket_kind& s, int flags = 0) {
  error_code ec;
  socket out = socket::open(f, socket_type(s.type | flags), s.protocol, ec);
  expect(!ec, "{}: cannot open a socket: {}", name_of(*s.table_row), ec.message());
  return out;
}

std::pair<socket, socket> make_pair(const family& f, const socket_kind& s) {
  error_code ec;
  auto out = socket::pair(f, s.type, s.protocol, ec);
  expect(!ec, "{}: cannot create a pair of sockets: {}", name_of(*s.table_row), ec.message());
  return out;
}

std::size_t open_descriptors() {
  std::size_t n = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) ++n;
  return n;
}

void verdicts_have_reasons(const family& f) {
  // plugin-missing and plugin-refused are not verdicts about a plugin that is loaded.
  std::set<std::string_view> reasons(reason_codes().begin(), reason_codes().end());
  reasons.erase("plugin-missing");
  reasons.erase("plugin-refused");
  for (const row* r : listed_rows(f))
    for (const auto flags : {check_flags::none, check_flags::passive}) {
      const verdict v = afplug::check(f, *r, flags);
      const char* mode = flags == check_flags::passive ? "passive check" : "check";
      expect(v.reason.empty() || reasons.contains(v.reason), "{} of {}: '{}' is not a reason code", mode, name_of(*r),
             v.reason);
      if (v.available()) continue;
      expect(!v.reason.empty(), "{} of {}: unavailable without a reason code", mode, name_of(*r));
      expect(!v.detail.empty(), "{} of {}: unavailable without a detail text", mode, name_of(*r));
    }
}

void descriptors_are_closed(const family& f) {
  const auto all = available_kinds(f);
  const auto cycle = [&] {
    for (const auto& s : all) open(f, s).close();
  };
  cycle();  // a plugin may keep descriptors open after the first use
  const auto before = open_descriptors();
  for (int i = 0; i < 8; ++i) cycle();
  const auto after = open_descriptors();
  expect(after == before, "{} descriptors were open before, {} after opening and closing sockets", before, after);
}

void new_sockets_have_requested_flags(const family& f) {
  for (const auto& s : available_kinds(f)) {
    const socket plain = open(f, s);
    expect((::fcntl(plain.native_handle(), F_GETFD) & FD_CLOEXEC) != 0, "{} is not close-on-exec",
           name_of(*s.table_row));
    expect(plain.blocking(), "{} is not blocking after opening", name_of(*s.table_row));
    const socket nonblocking = open(f, s, SOCK_NONBLOCK);
    expect(nonblocking.timeout() == 0ns, "{} with SOCK_NONBLOCK has no timeout of 0", name_of(*s.table_row));
    if (f.in_user_space()) continue;
    expect((::fcntl(plain.native_handle(), F_GETFL) & O_NONBLOCK) == 0, "{} has O_NONBLOCK after opening",
           name_of(*s.table_row));
    expect((::fcntl(nonblocking.native_handle(), F_GETFL) & O_NONBLOCK) != 0, "{} with SOCK_NONBLOCK has no O_NONBLOCK",
           name_of(*s.table_row));
  }
}

void options_can_be_read(const family& f) {
  for (const auto& s : available_kinds(f)) {
    const socket it = open(f, s);
    const auto groups = option_groups(*s.table_row);
    for (const auto& o : f.options()) {
      if ((o.flags & AFPLUG_OPTION_READ) == 0 || (o.flags & AFPLUG_OPTION_ARGUMENT) != 0) continue;
      if (o.group && !groups.contains(o.group)) continue;
      error_code ec;
      const std::string text = it.option_text(o.name, ec);
      // The kernel may refuse an option. Other errors mean that its layout differs from the table.
      expect(!ec || ec.category() == boost::system::system_category(), "{} of {}: {}", o.name, name_of(*s.table_row),
             error_text(ec));
      expect(ec.value() != EFAULT, "{} of {}: EFAULT", o.name, name_of(*s.table_row));
    }
  }
}

std::string pattern(std::size_t size) {
  std::string out(size, '\0');
  for (std::size_t i = 0; i < size; ++i) out[i] = static_cast<char>(i * 31 + i / 251);
  return out;
}

void pairs_transfer_data(const family& f) {
  for (const auto& s : kinds_with_pairs(f)) {
    auto [a, b] = make_pair(f, s);
    for (socket* from : {&a, &b}) {
      socket& to = from == &a ? b : a;
      to.timeout(2s);
      for (const std::size_t size : {std::size_t{1}, std::size_t{100}, std::size_t{4000}}) {
        const std::string sent = pattern(size);
        from->sendall(sent);
        std::string got(size, '\0');
        const auto n = to.recvall(got);
        expect(n == size && got == sent, "{}: {} bytes were sent; {} bytes were received, or other bytes",
               name_of(*s.table_row), size, n);
      }
    }
  }
}

void message_boundaries_are_preserved(const family& f) {
  auto all = kinds_with_pairs(f);
  std::erase_if(all, [](const socket_kind& s) { return (s.table_row->flags & AFPLUG_ROW_MESSAGE) == 0; });
  if (all.empty()) throw not_applicable("no row with AFPLUG_ROW_PAIR has AFPLUG_ROW_MESSAGE");
  for (const auto& s : all) {
    auto [a, b] = make_pair(f, s);
    b.timeout(2s);
    for (const std::size_t size : {3u, 1u, 700u}) a.send(pattern(size));
    std::string into(1000, '\0');
    for (const std::size_t size : {3u, 1u, 700u}) {
      const auto n = b.recv(into);
      expect(n == size, "{}: a message of {} bytes was received as {} bytes", name_of(*s.table_row), size, n);
    }
    a.send(pattern(100));
    expect(b.recv(mutable_bytes(into.data(), 10)) == 10, "{}: a message larger than the buffer did not fill it",
           name_of(*s.table_row));
    a.send(pattern(5));
    expect(b.recv(into) == 5, "{}: the rest of a truncated message was received as a message", name_of(*s.table_row));
  }
}

void readiness_matches_calls(const family& f) {
  for (const auto& s : kinds_with_pairs(f)) {
    auto [a, b] = make_pair(f, s);
    b.timeout(0ns);
    std::string into(100, '\0');
    error_code ec;
    expect((b.wait(POLLIN, 0ns) & POLLIN) == 0, "{}: an empty socket is readable", name_of(*s.table_row));
    b.recv(into, 0, ec);
    expect(ec.value() == EAGAIN, "{}: recv on an empty non-blocking socket gives {}, not EAGAIN", name_of(*s.table_row),
           ec.message());
    expect((a.wait(POLLOUT, 0ns) & POLLOUT) != 0, "{}: a new socket is not writable", name_of(*s.table_row));
    a.send(pattern(7));
    expect((b.wait(POLLIN, 2s) & POLLIN) != 0, "{}: a socket with data is not readable", name_of(*s.table_row));
    expect(b.recv(into, 0, ec) == 7, "{}: recv on a readable socket returns no data", name_of(*s.table_row));
    expect((b.wait(POLLIN, 0ns) & POLLIN) == 0, "{}: a socket is still readable after all data was received",
           name_of(*s.table_row));

    // Sending to a full socket gives EAGAIN; once it is drained it is writable again.
    a.timeout(0ns);
    std::size_t queued = 0;
    for (ec.clear(); !ec && queued < (1u << 30); queued += ec ? 0 : 1000) a.send(pattern(1000), 0, ec);
    expect(ec.value() == EAGAIN || ec.value() == ENOBUFS, "{}: send on a full socket gives {}, not EAGAIN",
           name_of(*s.table_row), ec.message());
    for (ec.clear(); !ec;) b.recv(std::span(into), 0, ec);
    expect((a.wait(POLLOUT, 2s) & POLLOUT) != 0, "{}: a drained socket is not writable", name_of(*s.table_row));
  }
}

// Hosts may call afplug_user_ops::readiness in addition to, or instead of, polling the descriptor.
void readiness_function_matches_calls(const family& f) {
  if (!f.in_user_space()) throw not_applicable("the family is not in user space and has no readiness function");
  const auto& ops = f.user_ops();
  if (!ops.pair) throw not_applicable("the family has no pair function");
  for (const auto& s : kinds_with_pairs(f)) {
    const auto identity = f.identity(s.type, s.protocol);
    void* states[2] = {};
    std::int64_t pollables[2] = {};
    expect(ops.pair(&identity, states, pollables) == 0, "{}: cannot create a pair of sockets", name_of(*s.table_row));
    const auto readiness = [&](int side) { return ops.readiness(states[side], POLLIN | POLLOUT); };
    const int before = readiness(1);
    char data[] = "data";
    const afplug_buffer buffer{data, sizeof data};
    afplug_message message{};
    message.size = sizeof message;
    message.buffer_count = 1;
    message.buffers = &buffer;
    std::uint64_t sent = 0;
    const int r = ops.sendmsg(states[0], &message, &sent);
    const int after = readiness(1);
    for (void* state : states) ops.close(state, 0);
    expect(r == 0, "{}: sendmsg on a new pair gives {}", name_of(*s.table_row), r);
    expect(before == POLLOUT, "{}: readiness of a new socket is {:#x}, not POLLOUT", name_of(*s.table_row), before);
    expect(after == (POLLIN | POLLOUT), "{}: readiness with data is {:#x}, not POLLIN and POLLOUT",
           name_of(*s.table_row), after);
  }
}

void end_of_file_is_reported(const family& f) {
  for (const auto& s : kinds_with_pairs(f)) {
    if ((s.table_row->flags & AFPLUG_ROW_CONNECTION) == 0) continue;
    std::string into(100, '\0');
    error_code ec;
    {
      auto [a, b] = make_pair(f, s);
      b.timeout(2s);
      a.send(pattern(9));
      a.close();
      expect(b.recv(into, 0, ec) == 9 && !ec, "{}: data sent before close was not received", name_of(*s.table_row));
      expect(b.recv(into, 0, ec) == 0 && (!ec || ec.value() == ECONNRESET),
             "{}: recv reports no end of file after the peer closed", name_of(*s.table_row));
      for (int i = 0; i < 2 && !ec; ++i) b.send(pattern(9), 0, ec);  // SIGPIPE would kill the process
      expect(ec.value() == EPIPE || ec.value() == ECONNRESET, "{}: send to a closed peer gives {}, not EPIPE",
             name_of(*s.table_row), ec.message());
    }
    if ((s.table_row->flags & AFPLUG_ROW_HALF_CLOSE) == 0) continue;
    auto [a, b] = make_pair(f, s);
    a.timeout(2s);
    b.timeout(2s);
    a.shutdown(SHUT_WR);
    expect(b.recv(into, 0, ec) == 0 && !ec, "{}: recv reports no end of file after the peer's shutdown(SHUT_WR)",
           name_of(*s.table_row));
    b.send(pattern(9));
    expect(a.recv(into, 0, ec) == 9 && !ec, "{}: recv fails after shutdown(SHUT_WR)", name_of(*s.table_row));
  }
}

constexpr check all[] = {
    {"verdicts", "each row that is not available has a known reason code and a detail text", verdicts_have_reasons},
    {"descriptors", "opening and closing sockets leaks no descriptor", descriptors_are_closed},
    {"birth", "new sockets are close-on-exec, and non-blocking only with SOCK_NONBLOCK",
     new_sockets_have_requested_flags},
    {"options-read", "each readable option has the layout that the table describes", options_can_be_read},
    {"pair-data", "a pair of sockets transfers data in both directions", pairs_transfer_data},
    {"pair-messages", "message boundaries are preserved, and the rest of a truncated message is discarded",
     message_boundaries_are_preserved},
    {"pair-readiness", "readiness matches what send and recv do", readiness_matches_calls},
    {"pair-readiness-slot", "the readiness function matches what send and recv do", readiness_function_matches_calls},
    {"pair-end", "the peer's close is reported after the data sent before it, without SIGPIPE",
     end_of_file_is_reported},
};

}  // namespace

const std::span<const check> socket_checks = all;

}  // namespace afplug::command::conformance
