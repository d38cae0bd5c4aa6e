// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Uses families in a build tree that has afplug as a subdirectory, without environment variables.
#include <afplug/can.hpp>
#include <afplug/socket.hpp>
#include <iostream>

#ifndef COMPILED_BY_SUPERPROJECT
#error "the compile options of the project are lost"
#endif

int main() {
  auto [a, b] = afplug::socket::pair("loop");
  a.sendall(std::string_view("through"));
  char text[16];
  std::cout << std::string_view(text, b.recv(text)) << ' ' << afplug::socket("inet", SOCK_STREAM).family() << ' '
            << afplug::can::frame::parse("123#DEADBEEF")->to_string() << '\n';
}
