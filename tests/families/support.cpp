// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
#include "support.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>

namespace families {
namespace {

// What the kernel says of an interface of this network namespace; /sys/class/net may show another's.
sockaddr ask_hardware(const std::string& interface) {
  ifreq request{};
  interface.copy(request.ifr_name, sizeof request.ifr_name - 1);
  const int fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (::ioctl(fd, SIOCGIFHWADDR, &request) != 0) request.ifr_hwaddr = {};
  ::close(fd);
  return request.ifr_hwaddr;
}

}  // namespace

std::string lacking(std::string_view id, int type, int protocol) {
  error_code ec;
  const auto* family = afplug::registry::global().family(id, ec);
  if (!family) return std::string(afplug::last_detail());
  const auto verdict = afplug::check(*family, type, protocol);
  if (verdict.available() && verdict.reason.empty()) return {};
  return std::string(id) + ": " + verdict.detail + " (" + verdict.reason + "): " + verdict.remedy;
}

void row_test::SetUp() {
  if (const auto why = lacking(family_, type_, protocol_); !why.empty()) GTEST_SKIP() << why;
}

afplug::socket row_test::open() const {
  afplug::socket s(family_, type_, protocol_);
  s.timeout(patience);
  return s;
}

afplug::socket row_test::bound(std::string_view text) const {
  auto s = open();
  s.bind(at(text));
  return s;
}

std::string receive(afplug::socket& s, std::size_t room) { return receive_message(s, room).data; }

message receive_message(afplug::socket& s, std::size_t room) {
  message m;
  m.data.resize(room);
  const afplug::mutable_bytes into[] = {m.data};
  afplug::control_buffer control;
  const auto got = s.recvmsg(into, control, 0, &m.from);
  m.data.resize(got.size);
  m.flags = got.flags;
  return m;
}

bool silent(afplug::socket& s) {
  char byte;
  error_code ec;
  s.recv(afplug::mutable_bytes(&byte, 1), MSG_DONTWAIT, ec);
  return ec == sys(EAGAIN);
}

bool run(const std::string& command) { return std::system(command.c_str()) == 0; }

std::vector<std::string> interfaces(int hardware_type) {
  std::vector<std::string> names;
  struct if_nameindex* all = ::if_nameindex();
  for (const auto* i = all; i && i->if_index != 0; ++i)
    if (hardware_of(i->if_name).sa_family == hardware_type) names.emplace_back(i->if_name);
  if (all) ::if_freenameindex(all);
  std::sort(names.begin(), names.end());
  return names;
}

sockaddr hardware_of(const std::string& interface) { return ask_hardware(interface); }

}  // namespace families
