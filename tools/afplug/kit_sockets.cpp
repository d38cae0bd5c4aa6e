// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// The kit's checks of a family's sockets: every row that opens here.
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
#include <sstream>
#include <string>
#include <vector>

#include "kit.hpp"

namespace afplug::command::kit {
namespace {

using namespace std::chrono_literals;

struct subject {
  const row* what;
  int type, protocol;
};

std::vector<subject> subjects(const family& f) {
  std::vector<subject> out;
  for (const row* r : listed_rows(f)) {
    if (!afplug::check(f, *r).available()) continue;
    const int type = r->type != AFPLUG_ANY ? r->type : r->native_type != AFPLUG_ANY ? r->native_type : int{SOCK_RAW};
    out.push_back({r, type, r->protocol == AFPLUG_ANY ? 0 : r->protocol});
  }
  if (out.empty()) throw beside_the_point("no row of this family can be opened here");
  return out;
}

std::vector<subject> pairs(const family& f) {
  std::vector<subject> out = subjects(f);
  std::erase_if(out, [](const subject& s) { return (s.what->flags & AFPLUG_ROW_PAIR) == 0; });
  if (out.empty()) throw beside_the_point("no row makes pairs of sockets");
  return out;
}

socket open(const family& f, const subject& s, int flags = 0) {
  error_code ec;
  socket out = socket::open(f, s.type | flags, s.protocol, ec);
  expect(!ec, "{} can't be opened: {}", name_of(*s.what), ec.message());
  return out;
}

std::pair<socket, socket> make_pair(const family& f, const subject& s) {
  error_code ec;
  auto out = socket::pair(f, s.type, s.protocol, ec);
  expect(!ec, "a pair of {} can't be made: {}", name_of(*s.what), ec.message());
  return out;
}

std::size_t open_descriptors() {
  std::size_t n = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) ++n;
  return n;
}

void verdicts_are_whole(const family& f) {
  const std::set<std::string> reasons = {
      "kernel-lacks-family", "kernel-lacks-protocol", "module-not-loaded", "permission",    "no-device",
      "resource-limit",      "probe-failed",          "sandbox",           "wrong-platform"};
  for (const row* r : listed_rows(f))
    for (const auto flags : {check_flags::none, check_flags::passive}) {
      const verdict v = afplug::check(f, *r, flags);
      const char* how = flags == check_flags::passive ? "passively " : "";
      expect(v.reason.empty() || reasons.contains(v.reason), "{}, {}checked, has the reason '{}', which is none",
             name_of(*r), how, v.reason);
      if (v.available()) continue;
      expect(!v.reason.empty(), "{}, {}checked, is not available for no reason", name_of(*r), how);
      expect(!v.detail.empty(), "{}, {}checked, has a reason without a sentence", name_of(*r), how);
    }
}

void nothing_leaks(const family& f) {
  const auto all = subjects(f);
  const auto cycle = [&] {
    for (const auto& s : all) open(f, s).close();
  };
  cycle();  // what is opened once and kept is no leak
  const auto before = open_descriptors();
  for (int i = 0; i < 8; ++i) cycle();
  const auto after = open_descriptors();
  expect(after == before, "{} descriptors were open before, {} after opening and closing", before, after);
}

void sockets_are_well_born(const family& f) {
  for (const auto& s : subjects(f)) {
    const socket plain = open(f, s);
    expect((::fcntl(plain.native_handle(), F_GETFD) & FD_CLOEXEC) != 0, "{} is not close-on-exec", name_of(*s.what));
    expect(plain.blocking(), "{} is not born blocking", name_of(*s.what));
    const socket quick = open(f, s, SOCK_NONBLOCK);
    expect(quick.timeout() == 0ns, "{} with SOCK_NONBLOCK blocks", name_of(*s.what));
    if (f.in_user_space()) continue;
    expect((::fcntl(plain.native_handle(), F_GETFL) & O_NONBLOCK) == 0, "{} is born non-blocking", name_of(*s.what));
    expect((::fcntl(quick.native_handle(), F_GETFL) & O_NONBLOCK) != 0, "{} with SOCK_NONBLOCK is not non-blocking",
           name_of(*s.what));
  }
}

void options_can_be_read(const family& f) {
  for (const auto& s : subjects(f)) {
    const socket it = open(f, s);
    std::istringstream words(s.what->options ? s.what->options : "");
    const std::set<std::string> groups{std::istream_iterator<std::string>(words), {}};
    for (const auto& o : f.options()) {
      if ((o.flags & AFPLUG_OPTION_READ) == 0 || (o.flags & AFPLUG_OPTION_ARGUMENT) != 0) continue;
      if (o.group && !groups.contains(o.group)) continue;
      error_code ec;
      const std::string text = it.option_text(o.name, ec);
      // What the kernel refuses is the kernel's word; that the layout is another than the table says is not.
      expect(!ec || ec.category() == boost::system::system_category(), "{} of {}: {}", o.name, name_of(*s.what),
             last_detail().empty() ? ec.message() : std::string(last_detail()));
      expect(ec.value() != EFAULT, "{} of {}: EFAULT", o.name, name_of(*s.what));
    }
  }
}

std::string pattern(std::size_t size) {
  std::string out(size, '\0');
  for (std::size_t i = 0; i < size; ++i) out[i] = static_cast<char>(i * 31 + i / 251);
  return out;
}

void data_passes(const family& f) {
  for (const auto& s : pairs(f)) {
    auto [a, b] = make_pair(f, s);
    for (socket* from : {&a, &b}) {
      socket& to = from == &a ? b : a;
      to.timeout(2s);
      for (const std::size_t size : {std::size_t{1}, std::size_t{100}, std::size_t{4000}}) {
        const std::string sent = pattern(size);
        from->sendall(sent);
        std::string got(size, '\0');
        const auto n = to.recvall(got);
        expect(n == size && got == sent, "{}: {} bytes were sent, and {} came, or others", name_of(*s.what), size, n);
      }
    }
  }
}

void messages_keep_their_bounds(const family& f) {
  auto all = pairs(f);
  std::erase_if(all, [](const subject& s) { return (s.what->flags & AFPLUG_ROW_MESSAGE) == 0; });
  if (all.empty()) throw beside_the_point("no row that makes pairs has messages");
  for (const auto& s : all) {
    auto [a, b] = make_pair(f, s);
    b.timeout(2s);
    for (const std::size_t size : {3u, 1u, 700u}) a.send(pattern(size));
    std::string into(1000, '\0');
    for (const std::size_t size : {3u, 1u, 700u}) {
      const auto n = b.recv(into);
      expect(n == size, "{}: a message of {} bytes came as {}", name_of(*s.what), size, n);
    }
    a.send(pattern(100));
    expect(b.recv(mutable_bytes(into.data(), 10)) == 10, "{}: the beginning of a message did not fill the buffer",
           name_of(*s.what));
    a.send(pattern(5));
    expect(b.recv(into) == 5, "{}: the rest of a cut message came as another", name_of(*s.what));
  }
}

void readiness_is_true(const family& f) {
  for (const auto& s : pairs(f)) {
    auto [a, b] = make_pair(f, s);
    b.timeout(0ns);
    std::string into(100, '\0');
    error_code ec;
    expect((b.wait(POLLIN, 0ns) & POLLIN) == 0, "{}: an empty socket is readable", name_of(*s.what));
    b.recv(into, 0, ec);
    expect(ec.value() == EAGAIN, "{}: an empty non-blocking socket gives {}, not EAGAIN", name_of(*s.what),
           ec.message());
    expect((a.wait(POLLOUT, 0ns) & POLLOUT) != 0, "{}: a new socket is not writable", name_of(*s.what));
    a.send(pattern(7));
    expect((b.wait(POLLIN, 2s) & POLLIN) != 0, "{}: a socket with data is not readable", name_of(*s.what));
    expect(b.recv(into, 0, ec) == 7, "{}: a readable socket gives nothing", name_of(*s.what));
    expect((b.wait(POLLIN, 0ns) & POLLIN) == 0, "{}: a socket is readable after all was read", name_of(*s.what));

    // Full, it is not writable, and gives EAGAIN; drained, it is writable again.
    a.timeout(0ns);
    std::size_t queued = 0;
    for (ec.clear(); !ec && queued < (1u << 30); queued += ec ? 0 : 1000) a.send(pattern(1000), 0, ec);
    expect(ec.value() == EAGAIN || ec.value() == ENOBUFS, "{}: filling it ends with {}, not EAGAIN", name_of(*s.what),
           ec.message());
    for (ec.clear(); !ec;) b.recv(std::span(into), 0, ec);
    expect((a.wait(POLLOUT, 2s) & POLLOUT) != 0, "{}: a drained socket is not writable", name_of(*s.what));
  }
}

// The slot itself, which hosts may ask beside or instead of the descriptor.
void the_slot_agrees(const family& f) {
  if (!f.in_user_space()) throw beside_the_point("the kernel is asked, there is no slot");
  const auto& ops = f.user_ops();
  if (!ops.pair) throw beside_the_point("the family makes no pairs");
  for (const auto& s : pairs(f)) {
    const auto who = f.identity(s.type, s.protocol);
    void* states[2] = {};
    std::int64_t pollables[2] = {};
    expect(ops.pair(&who, states, pollables) == 0, "a pair of {} can't be made", name_of(*s.what));
    const auto asked = [&](int side) { return ops.readiness(states[side], POLLIN | POLLOUT); };
    const int before = asked(1);
    char data[] = "data";
    const afplug_buffer buffer{data, sizeof data};
    afplug_message message{};
    message.size = sizeof message;
    message.buffer_count = 1;
    message.buffers = &buffer;
    std::uint64_t sent = 0;
    const int r = ops.sendmsg(states[0], &message, &sent);
    const int after = asked(1);
    for (void* state : states) ops.close(state, 0);
    expect(r == 0, "{}: sendmsg on a new pair gives {}", name_of(*s.what), r);
    expect(before == POLLOUT, "{}: readiness of a new socket is {:#x}, not POLLOUT", name_of(*s.what), before);
    expect(after == (POLLIN | POLLOUT), "{}: readiness with data is {:#x}, not POLLIN and POLLOUT", name_of(*s.what),
           after);
  }
}

void ends_are_seen(const family& f) {
  for (const auto& s : pairs(f)) {
    if ((s.what->flags & AFPLUG_ROW_CONNECTION) == 0) continue;
    std::string into(100, '\0');
    error_code ec;
    {
      auto [a, b] = make_pair(f, s);
      b.timeout(2s);
      a.send(pattern(9));
      a.close();
      expect(b.recv(into, 0, ec) == 9 && !ec, "{}: what was sent before the close did not arrive", name_of(*s.what));
      expect(b.recv(into, 0, ec) == 0 && (!ec || ec.value() == ECONNRESET), "{}: no end of file after the peer closed",
             name_of(*s.what));
      for (int i = 0; i < 2 && !ec; ++i) b.send(pattern(9), 0, ec);  // a SIGPIPE here would end this process
      expect(ec.value() == EPIPE || ec.value() == ECONNRESET, "{}: sending to a closed peer gives {}, not EPIPE",
             name_of(*s.what), ec.message());
    }
    if ((s.what->flags & AFPLUG_ROW_HALF_CLOSE) == 0) continue;
    auto [a, b] = make_pair(f, s);
    a.timeout(2s);
    b.timeout(2s);
    a.shutdown(SHUT_WR);
    expect(b.recv(into, 0, ec) == 0 && !ec, "{}: a half-close is no end of file for the peer", name_of(*s.what));
    b.send(pattern(9));
    expect(a.recv(into, 0, ec) == 9 && !ec, "{}: a half-closed socket no longer receives", name_of(*s.what));
  }
}

constexpr check all[] = {
    {"verdicts", "every row that is not available has a known reason and a sentence", verdicts_are_whole},
    {"descriptors", "opening and closing leaves no descriptor behind", nothing_leaks},
    {"birth", "sockets are close-on-exec, and as blocking as they were asked to be", sockets_are_well_born},
    {"options-read", "the options that can be read have the layout that the table says", options_can_be_read},
    {"pair-data", "a pair of sockets carries data both ways", data_passes},
    {"pair-messages", "messages keep their bounds, and a cut one loses its rest", messages_keep_their_bounds},
    {"pair-readiness", "readiness says what a call would do", readiness_is_true},
    {"pair-readiness-slot", "the readiness slot says the same", the_slot_agrees},
    {"pair-end", "the end of the peer is seen, data before it arrives, and no signal is raised", ends_are_seen},
};

}  // namespace

const std::span<const check> sockets = all;

}  // namespace afplug::command::kit
