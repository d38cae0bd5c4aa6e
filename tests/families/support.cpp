// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
#include "support.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <system_error>

namespace families {

int try_socket(const native_protocol& native) {
  const int fd = ::socket(native.domain, native.type | SOCK_CLOEXEC, native.protocol);
  if (fd < 0) return errno;
  ::close(fd);
  return 0;
}

std::string socket_unavailable(const native_protocol& native) {
  const int error = try_socket(native);
  if (error == 0) return {};
  const auto call = "socket(" + std::to_string(native.domain) + ", " + std::to_string(native.type) + ", " +
                    std::to_string(native.protocol) + ")";
  // ENODEV: vsock datagrams without a transport that has them (vsock_assign_transport() in net/vmw_vsock/af_vsock.c).
  for (const int absent : {EAFNOSUPPORT, EPROTONOSUPPORT, ESOCKTNOSUPPORT, EPERM, EACCES, ENODEV})
    if (error == absent) return call + ": " + sys(error).message();
  throw std::system_error(error, std::generic_category(), call);
}

void protocol_test::SetUp() {
  afplug::registry::global().family(family_);
  if (const auto why = socket_unavailable(native_); !why.empty()) GTEST_SKIP() << family_ << ": " << why;
}

afplug::socket protocol_test::open() const {
  afplug::socket s(family_, type_, protocol_);
  s.timeout(io_timeout);
  return s;
}

afplug::socket protocol_test::bound(std::string_view text) const {
  auto s = open();
  s.bind(at(text));
  return s;
}

std::string receive(afplug::socket& s, std::size_t capacity) { return receive_message(s, capacity).data; }

message receive_message(afplug::socket& s, std::size_t capacity) {
  message m;
  m.data.resize(capacity);
  const afplug::mutable_bytes into[] = {m.data};
  afplug::control_buffer control;
  const auto got = s.recvmsg(into, control, 0, &m.from);
  m.data.resize(got.size);
  m.flags = got.flags;
  return m;
}

bool receive_would_block(afplug::socket& s) {
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
    if (hardware_address(i->if_name).sa_family == hardware_type) names.emplace_back(i->if_name);
  if (all) ::if_freenameindex(all);
  std::sort(names.begin(), names.end());
  return names;
}

sockaddr hardware_address(const std::string& interface) {
  ifreq request{};
  interface.copy(request.ifr_name, sizeof request.ifr_name - 1);
  const int fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (::ioctl(fd, SIOCGIFHWADDR, &request) != 0) request.ifr_hwaddr = {};
  ::close(fd);
  return request.ifr_hwaddr;
}

}  // namespace families
