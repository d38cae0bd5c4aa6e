// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// A program that uses the installed library: an installed family, one built outside of the tree, and one that does not
// exist.
#include <afplug/socket.hpp>

#include <iostream>
#include <string>
#include <string_view>

int main() {
  using namespace std::string_view_literals;

  afplug::socket listener("inet", SOCK_STREAM);
  listener.bind("127.0.0.1:0");
  listener.listen();
  afplug::socket client("inet", SOCK_STREAM);
  client.connect(listener.getsockname());
  afplug::socket server = listener.accept();
  client.sendall("through the installed library"sv);
  client.shutdown(SHUT_WR);
  std::string text(100, '\0');
  text.resize(server.recvall(text));
  std::cout << "inet " << text << '\n';

  const afplug::socket netlink("netlink", SOCK_RAW);
  std::cout << "netlink " << netlink.owner()->path() << '\n';

  try {
    afplug::socket("nosuch", SOCK_STREAM);
  } catch (const afplug::error& e) {
    std::cout << "nosuch " << (e.code() == afplug::errc::unknown_family) << '\n';
  }
}
