// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Trace hooks: they are called once before each call, with its arguments, and can refuse the call. The events are those
// of Python's socket module (https://docs.python.org/3/library/audit_events.html).
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <unistd.h>

#include <afplug/asio.hpp>
#include <afplug/connect.hpp>
#include <afplug/resolver.hpp>
#include <afplug/trace.hpp>
#include <array>
#include <boost/asio/io_context.hpp>
#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

#include "../support/errors.hpp"

namespace {

using afplug::error_code;
using afplug::trace_event;
using afplug::testing_support::sys;
using testing::ElementsAre;
using testing::HasSubstr;

const error_code refused = sys(EACCES);

// Installs a hook that records the events as text and returns `answer`.
class recorder {
 public:
  recorder() { before_ = afplug::set_trace_hook(&hook_); }
  ~recorder() { afplug::set_trace_hook(before_); }
  recorder(const recorder&) = delete;
  recorder& operator=(const recorder&) = delete;

  std::vector<std::string> events;
  error_code answer;
  std::function<void(const afplug::trace_point&)> callback;

 private:
  static error_code record(const afplug::trace_point& p, void* context) {
    auto& self = *static_cast<recorder*>(context);
    std::string text(afplug::to_string(p.event));
    if (p.socket) text += " on";
    if (p.address) text += " " + p.address->to_string();
    if (!p.name.empty()) text.append(" ").append(p.name);
    if (!p.service.empty()) text.append(" ").append(p.service);
    if (p.family != 0)
      text += " " + std::to_string(p.family) + "," + std::to_string(p.type) + "," + std::to_string(p.protocol);
    if (p.port != 0) text += " " + std::to_string(p.port);
    self.events.push_back(text);
    if (self.callback) self.callback(p);
    return self.answer;
  }
  afplug::trace_hook hook_{&record, this};
  const afplug::trace_hook* before_;
};

std::string inet(int type, int protocol = 0) { return "2," + std::to_string(type) + "," + std::to_string(protocol); }

// ---- events ----

TEST(trace, new_sockets_are_traced) {
  recorder r;
  afplug::socket opened(AF_INET, afplug::socket_type(SOCK_DGRAM | SOCK_NONBLOCK), IPPROTO_UDP);
  error_code ec;
  auto again = afplug::socket::open(afplug::registry::global().family(AF_INET), SOCK_STREAM, 0, ec);
  afplug::registry::global().socket(AF_INET, SOCK_STREAM);
  auto pair = afplug::socket::pair();
  auto copy = afplug::socket::fromfd(opened.fileno());
  auto dup = opened.dup();  // no event
  EXPECT_THAT(r.events,
              ElementsAre("socket.new " + inet(SOCK_DGRAM | SOCK_NONBLOCK, 17), "socket.new " + inet(SOCK_STREAM),
                          "socket.new " + inet(SOCK_STREAM), "socket.new 1,1,0", "socket.new -1,-1,-1"));
}

TEST(trace, bind_and_connect_are_traced) {
  afplug::socket listener("unix", SOCK_STREAM), client("unix", SOCK_STREAM), stopped("unix", SOCK_STREAM);
  recorder r;
  listener.bind("@trace_test");
  listener.listen();
  client.connect("@trace_test");
  EXPECT_EQ(afplug::socket("unix", SOCK_STREAM).connect_ex(client.getpeername()), 0);
  error_code ec;
  stopped.connect(client.getpeername(), std::stop_token(), ec);
  EXPECT_FALSE(ec);
  auto accepted = listener.accept();
  EXPECT_THAT(r.events, ElementsAre("socket.bind on @trace_test", "socket.connect on @trace_test", "socket.new 1,1,0",
                                    "socket.connect on @trace_test", "socket.connect on @trace_test"));
}

TEST(trace, sendto_and_sendmsg_are_traced_and_send_is_not) {
  auto [a, b] = afplug::socket::pair("unix", SOCK_DGRAM);
  afplug::socket udp("inet", SOCK_DGRAM);
  udp.bind("127.0.0.1:0");
  const auto to = udp.getsockname();
  error_code ec;
  const afplug::const_bytes one("x", 1);
  recorder r;
  udp.sendto(one, to);
  udp.sendto(one, to, 0, std::stop_token(), ec);
  a.sendmsg({&one, 1});
  udp.sendmsg({&one, 1}, {}, 0, &to);
  udp.sendmsg({&one, 1}, {}, 0, &to, std::stop_token(), ec);
  const int descriptor = a.fileno();
  a.send_fds({&one, 1}, {&descriptor, 1});
  const std::string destination_text = " on " + to.to_string();
  EXPECT_THAT(r.events, ElementsAre("socket.sendto" + destination_text, "socket.sendto" + destination_text,
                                    "socket.sendmsg on", "socket.sendmsg" + destination_text,
                                    "socket.sendmsg" + destination_text, "socket.sendmsg on"));
  r.events.clear();
  std::array<afplug::outgoing, 2> many{{{.data = one}, {.data = one, .to = &to}}};
  udp.send_many(many, 0, ec);
  EXPECT_THAT(r.events, ElementsAre("socket.sendmsg on", "socket.sendmsg" + destination_text));
  r.events.clear();
  a.send(one);
  a.sendall(one);
  a.send(one, 0, std::stop_token(), ec);
  char buffer[8];
  b.recv({buffer, sizeof buffer});
  EXPECT_THAT(r.events, ElementsAre());
}

TEST(trace, look_ups_are_traced) {
  const auto loopback = afplug::getaddrinfo("127.0.0.1", "80")[0].address;
  recorder r;
  error_code ec;
  afplug::getaddrinfo("127.0.0.1", "80", {AF_INET, SOCK_DGRAM, IPPROTO_UDP, 0, {}});
  afplug::getnameinfo(loopback, NI_NUMERICHOST | NI_NUMERICSERV);
  afplug::gethostbyname("127.0.0.1");
  afplug::gethostbyname_ex("127.0.0.1");
  afplug::gethostbyaddr("127.0.0.1");
  afplug::gethostname();
  afplug::getservbyname("http", "tcp", ec);
  afplug::getservbyport(80, "tcp", ec);
  EXPECT_THAT(
      r.events,
      ElementsAre("socket.getaddrinfo 127.0.0.1 80 " + inet(SOCK_DGRAM, IPPROTO_UDP), "socket.getnameinfo 127.0.0.1:80",
                  "socket.gethostbyname 127.0.0.1", "socket.gethostbyname 127.0.0.1", "socket.gethostbyaddr 127.0.0.1",
                  "socket.gethostname", "socket.getservbyname http tcp", "socket.getservbyport tcp 80"));
}

TEST(trace, create_connection_traces_its_calls) {
  auto server = afplug::create_server(afplug::address("inet", "127.0.0.1:0"));
  const auto port = afplug::getnameinfo(server.getsockname(), NI_NUMERICHOST | NI_NUMERICSERV).second;
  recorder r;
  auto s = afplug::create_connection("127.0.0.1", port);
  EXPECT_THAT(r.events,
              ElementsAre("socket.getaddrinfo 127.0.0.1 " + port, "socket.new " + inet(SOCK_STREAM | SOCK_NONBLOCK),
                          "socket.connect on 127.0.0.1:" + port));
}

TEST(trace, asynchronous_calls_are_traced_once) {
  boost::asio::io_context context;
  afplug::socket receiver("unix", SOCK_DGRAM);
  receiver.bind("@trace_async");
  const auto to = receiver.getsockname();
  afplug::async_socket sender(context, afplug::socket("unix", SOCK_DGRAM));
  recorder r;
  sender.async_connect(to, [](error_code e) { EXPECT_FALSE(e); });
  context.run();
  sender.async_send_to(boost::asio::buffer("y", 1), to, [](error_code e, std::size_t) { EXPECT_FALSE(e); });
  context.restart();
  context.run();
  EXPECT_THAT(r.events, ElementsAre("socket.connect on @trace_async", "socket.sendmsg on @trace_async"));

  // A send that is retried because the receiver is full is one event.
  const std::array two{boost::asio::buffer("y", 1), boost::asio::buffer("z", 1)};
  std::array<afplug::outgoing, 1> many{{{.data = afplug::const_bytes("yz", 2)}}};
  for (const bool batch : {false, true}) {
    error_code ec;
    while (!ec) sender.next_layer().send({"x", 1}, 0, ec);
    r.events.clear();
    bool done = false;
    const auto end = [&](error_code e, std::size_t) { done = !e; };
    if (batch)
      sender.async_send_many(many, end);
    else
      sender.async_send(two, 0, end);
    context.restart();
    context.poll();
    EXPECT_FALSE(done);
    char buffer[8];
    do {
      ec.clear();
      if (receiver.recv({buffer, sizeof buffer}, MSG_DONTWAIT, ec) == 2) break;
      context.restart();
      context.poll();
    } while (!ec || ec.value() == EAGAIN);
    EXPECT_TRUE(done);
    EXPECT_THAT(r.events, ElementsAre("socket.sendmsg on")) << (batch ? "async_send_many" : "async_send");
  }
}

TEST(trace, calls_of_the_hook_are_not_traced) {
  recorder r;
  r.callback = [](const auto&) { afplug::gethostname(); };
  afplug::gethostname();
  EXPECT_THAT(r.events, ElementsAre("socket.gethostname"));
}

TEST(trace, set_trace_hook_returns_the_previous_hook) {
  EXPECT_EQ(afplug::set_trace_hook(nullptr), nullptr);
  recorder outer;
  {
    recorder inner;
    afplug::gethostname();
    EXPECT_EQ(inner.events.size(), 1u);
  }
  afplug::gethostname();
  EXPECT_EQ(outer.events.size(), 1u);
}

// ---- refused calls ----

afplug::socket& sender() {
  static afplug::socket s("inet", SOCK_DGRAM);
  return s;
}
const afplug::address& destination() {
  static const auto a = afplug::address("inet", "127.0.0.1:9");
  return a;
}
const afplug::family& family_inet() { return afplug::registry::global().family(AF_INET); }
afplug::const_bytes one() { return {"x", 1}; }

struct call {
  trace_event event;
  std::function<void(error_code&)> make;
};
void PrintTo(const call& c, std::ostream* out) { *out << afplug::to_string(c.event); }

class refused_call : public testing::TestWithParam<call> {};

TEST_P(refused_call, fails_and_is_not_made) {
  sender(), destination();  // created before the hook is installed
  recorder r;
  r.answer = refused;
  error_code ec;
  GetParam().make(ec);
  EXPECT_EQ(ec, refused);
  EXPECT_EQ(r.events.size(), 1u);
  EXPECT_THAT(std::string(afplug::last_detail()), HasSubstr(afplug::to_string(GetParam().event)));
  EXPECT_THAT(std::string(afplug::last_detail()), HasSubstr("refused by the program's trace hook"));
}

INSTANTIATE_TEST_SUITE_P(
    every_event, refused_call,
    testing::Values(
        call{trace_event::socket,
             [](error_code& ec) { EXPECT_FALSE(afplug::socket::open(family_inet(), SOCK_STREAM, 0, ec)); }},
        call{trace_event::socket,
             [](error_code& ec) { EXPECT_FALSE(afplug::socket::pair(family_inet(), SOCK_STREAM, 0, ec).first); }},
        call{trace_event::socket,
             [](error_code& ec) {
               const int before = ::dup(sender().fileno());  // the lowest free descriptor, which must not leak
               ::close(before);
               EXPECT_FALSE(afplug::socket::fromfd(sender().fileno(), -1, afplug::socket_type(-1), -1, ec));
               const int after = ::dup(sender().fileno());
               ::close(after);
               EXPECT_EQ(after, before);
             }},
        call{trace_event::bind,
             [](error_code& ec) {
               const auto before = sender().getsockname();
               sender().bind(afplug::address(), ec);
               EXPECT_EQ(sender().getsockname(), before);
             }},
        call{trace_event::connect,
             [](error_code& ec) {
               sender().connect(destination(), ec);
               ::sockaddr_storage peer{};
               ::socklen_t size = sizeof peer;
               EXPECT_EQ(::getpeername(sender().fileno(), reinterpret_cast<::sockaddr*>(&peer), &size), -1);
             }},
        call{trace_event::connect, [](error_code& ec) { sender().connect(destination(), std::stop_token(), ec); }},
        call{trace_event::connect, [](error_code& ec) { ec = sys(sender().connect_ex(destination())); }},
        call{trace_event::sendto, [](error_code& ec) { EXPECT_EQ(sender().sendto(one(), destination(), 0, ec), 0u); }},
        call{trace_event::sendto,
             [](error_code& ec) { sender().sendto(one(), destination(), 0, std::stop_token(), ec); }},
        call{trace_event::sendmsg,
             [](error_code& ec) {
               const auto data = one();
               EXPECT_EQ(sender().sendmsg({&data, 1}, {}, 0, &destination(), ec), 0u);
             }},
        call{trace_event::sendmsg,
             [](error_code& ec) {
               const auto data = one();
               sender().sendmsg({&data, 1}, {}, 0, &destination(), std::stop_token(), ec);
             }},
        call{trace_event::sendmsg,
             [](error_code& ec) {
               const auto data = one();
               sender().send_fds({&data, 1}, {}, 0, nullptr, ec);
             }},
        call{trace_event::sendmsg,
             [](error_code& ec) {
               std::array<afplug::outgoing, 2> many{{{.data = one()}, {.data = one()}}};
               EXPECT_EQ(sender().send_many(many, 0, ec), 0u);
             }},
        call{trace_event::getaddrinfo,
             [](error_code& ec) { EXPECT_TRUE(afplug::getaddrinfo("127.0.0.1", "1", {}, ec).empty()); }},
        call{trace_event::getnameinfo,
             [](error_code& ec) { EXPECT_EQ(afplug::getnameinfo(destination(), 0, ec).first, ""); }},
        call{trace_event::gethostbyname, [](error_code& ec) { EXPECT_EQ(afplug::gethostbyname("127.0.0.1", ec), ""); }},
        call{trace_event::gethostbyname,
             [](error_code& ec) { EXPECT_EQ(afplug::gethostbyname_ex("127.0.0.1", ec).name, ""); }},
        call{trace_event::gethostbyaddr,
             [](error_code& ec) { EXPECT_EQ(afplug::gethostbyaddr("127.0.0.1", ec).name, ""); }},
        call{trace_event::gethostname, [](error_code& ec) { EXPECT_EQ(afplug::gethostname(ec), ""); }},
        call{trace_event::sethostname,
             [](error_code& ec) {
               char before[256], after[256];
               ::gethostname(before, sizeof before);
               afplug::sethostname("refused", ec);
               ::gethostname(after, sizeof after);
               EXPECT_STREQ(after, before);
             }},
        call{trace_event::getservbyname,
             [](error_code& ec) { EXPECT_EQ(afplug::getservbyname("http", "tcp", ec), 0); }},
        call{trace_event::getservbyport, [](error_code& ec) { EXPECT_EQ(afplug::getservbyport(80, "tcp", ec), ""); }}));

TEST(trace, refused_constructor_throws_with_the_error_text) {
  recorder r;
  r.answer = refused;
  try {
    afplug::socket s("inet", SOCK_STREAM);
    FAIL() << "the socket was opened";
  } catch (const afplug::error& e) {
    EXPECT_EQ(e.code(), refused);
    EXPECT_STREQ(e.what(), "socket.new: refused by the program's trace hook: Permission denied");
  }
}

TEST(trace, refused_asynchronous_calls_fail) {
  boost::asio::io_context context;
  afplug::async_socket s(context, afplug::socket("inet", SOCK_DGRAM));
  destination();
  recorder r;
  r.answer = refused;
  int ended = 0;
  s.async_connect(destination(), [&](error_code e) { ended += e == refused; });
  s.async_send_to(boost::asio::buffer("x", 1), destination(),
                  [&](error_code e, std::size_t) { ended += e == refused; });
  context.run();
  EXPECT_EQ(ended, 2);
}

TEST(trace, exceptions_of_the_hook_propagate_and_tracing_goes_on) {
  recorder r;
  r.callback = [](const auto&) { throw std::runtime_error("hook"); };
  EXPECT_THROW(afplug::gethostname(), std::runtime_error);
  r.callback = nullptr;
  afplug::gethostname();
  EXPECT_EQ(r.events.size(), 2u);
}

TEST(trace, event_names_are_those_of_python) {
  EXPECT_EQ(afplug::to_string(trace_event::socket), "socket.new");
  EXPECT_EQ(afplug::to_string(trace_event::getservbyport), "socket.getservbyport");
  EXPECT_EQ(afplug::to_string(static_cast<trace_event>(99)), "");
}

}  // namespace
