// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// bench_operations bare|afplug N: sends and receives 64 bytes N times over a UNIX socket pair, for
// instruction_count_test.
#include <afplug/socket.hpp>
#include <cstdlib>
#include <string_view>

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const std::string_view implementation = argv[1];
  const int times = std::atoi(argv[2]);
  auto [a, b] = afplug::socket::pair();
  char data[64] = {};
  long bytes = 0;
  if (implementation == "bare") {
    const int from = a.native_handle(), to = b.native_handle();
    for (int i = 0; i < times; ++i) {
      const auto sent = ::send(from, data, sizeof data, MSG_NOSIGNAL);
      if (sent < 0) return 1;
      const auto got = ::recv(to, data, sizeof data, 0);
      if (got < 0) return 1;
      bytes += sent + got;
    }
  } else {
    for (int i = 0; i < times; ++i) bytes += static_cast<long>(a.send(data) + b.recv(data));
  }
  return bytes == 128L * times ? 0 : 1;
}
