// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// operations bare|afplug N: N times send and recv of 64 bytes over a UNIX pair, for instruction_count_test to count.
#include <afplug/socket.hpp>
#include <cstdlib>
#include <string_view>

int main(int count, char** words) {
  if (count != 3) return 2;
  const std::string_view what = words[1];
  const int times = std::atoi(words[2]);
  auto [a, b] = afplug::socket::pair();
  char data[64] = {};
  long bytes = 0;
  if (what == "bare") {
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
