// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// <afplug/windows.hpp>: share and fromshare (WSADuplicateSocket), within a process and between two, and WSAIoctl
// controls.
#include <afplug/windows.hpp>

#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "expect.hpp"

namespace {

namespace aw = afplug::windows;
using boost::system::error_code;
using namespace std::chrono_literals;
using test::expect;

std::string text(const error_code& ec) { return std::string(ec.category().name()) + " " + std::to_string(ec.value()); }

const error_code invalid_argument = boost::system::errc::make_error_code(boost::system::errc::invalid_argument);
error_code winsock(int value) { return {value, boost::system::system_category()}; }

class tcp_socket {
 public:
  explicit tcp_socket(SOCKET s) : s_(s) {}
  tcp_socket() : s_(::socket(AF_INET, SOCK_STREAM, IPPROTO_TCP)) {}
  ~tcp_socket() { ::closesocket(s_); }
  tcp_socket(const tcp_socket&) = delete;
  tcp_socket& operator=(const tcp_socket&) = delete;
  SOCKET get() const { return s_; }

 private:
  SOCKET s_;
};

sockaddr_in listen_on(const tcp_socket& s) {
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int size = sizeof at;
  expect(::bind(s.get(), reinterpret_cast<sockaddr*>(&at), size) == 0, "bind", std::to_string(::WSAGetLastError()));
  expect(::listen(s.get(), 5) == 0, "listen");
  ::getsockname(s.get(), reinterpret_cast<sockaddr*>(&at), &size);
  return at;
}

std::string hex(const aw::shared_socket& bytes) {
  std::string all;
  char two[3];
  for (const auto b : bytes) {
    std::snprintf(two, sizeof two, "%02x", static_cast<unsigned>(b));
    all += two;
  }
  return all;
}

// The child process: takes over the listener and sends "hello" to the first client.
int child(std::string_view digits) {
  std::vector<std::byte> bytes;
  for (std::size_t i = 0; i + 1 < digits.size(); i += 2)
    bytes.push_back(static_cast<std::byte>(std::stoi(std::string(digits.substr(i, 2)), nullptr, 16)));
  error_code ec;
  const tcp_socket listener(aw::fromshare(bytes, ec));
  if (ec) return 2;
  const tcp_socket peer(::accept(listener.get(), nullptr, nullptr));
  return ::send(peer.get(), "hello", 5, 0) == 5 ? 0 : 3;
}

void share_within_a_process() {
  const tcp_socket listener;
  const auto at = listen_on(listener);
  error_code ec;
  const auto bytes = aw::share(listener.get(), ::GetCurrentProcessId(), ec);
  expect(!ec, "share", text(ec));
  expect(bytes.size() == sizeof(WSAPROTOCOL_INFOW) && bytes.size() == 628, "share gives a WSAPROTOCOL_INFOW",
         std::to_string(bytes.size()));
  const tcp_socket duplicate(aw::fromshare(bytes, ec));
  expect(!ec && duplicate.get() != INVALID_SOCKET && duplicate.get() != listener.get(), "fromshare", text(ec));
  sockaddr_in address{};
  int size = sizeof address;
  expect(::getsockname(duplicate.get(), reinterpret_cast<sockaddr*>(&address), &size) == 0 &&
             address.sin_port == at.sin_port,
         "both refer to one socket");
  DWORD flags = HANDLE_FLAG_INHERIT;
  expect(::GetHandleInformation(reinterpret_cast<HANDLE>(duplicate.get()), &flags) != 0 &&
             (flags & HANDLE_FLAG_INHERIT) == 0,
         "the handle is not inherited", std::to_string(flags));
}

void share_errors() {
  error_code ec;
  const tcp_socket s;
  for (const std::size_t size : {std::size_t(0), sizeof(WSAPROTOCOL_INFOW) - 1, sizeof(WSAPROTOCOL_INFOW) + 1}) {
    const std::vector<std::byte> bytes(size);
    expect(aw::fromshare(bytes, ec) == INVALID_SOCKET && ec == invalid_argument,
           "fromshare of the wrong number of bytes", text(ec));
  }
  const std::vector<std::byte> nothing(sizeof(WSAPROTOCOL_INFOW));
  expect(aw::fromshare(nothing, ec) == INVALID_SOCKET && ec && ec != invalid_argument,
         "fromshare of bytes that are not a socket", text(ec));
  aw::share(INVALID_SOCKET, ::GetCurrentProcessId(), ec);
  expect(ec == winsock(WSAENOTSOCK), "share of an invalid socket", text(ec));
  aw::share(s.get(), 0xfffffff0, ec);
  expect(bool(ec), "share with a process that does not exist", text(ec));
  try {
    aw::fromshare({});
    expect(false, "the throwing fromshare throws");
  } catch (const boost::system::system_error& e) {
    expect(e.code() == invalid_argument && std::string_view(e.what()).starts_with("fromshare"),
           "the throwing fromshare throws", e.what());
  }
}

void share_with_another_process(const char* self) {
  const tcp_socket listener;
  const auto at = listen_on(listener);
  STARTUPINFOA start{};
  start.cb = sizeof start;
  PROCESS_INFORMATION made{};
  // The child reads the shared socket from its standard input, because share needs the id of a running process.
  std::string command = std::string("\"") + self + "\" child";
  SECURITY_ATTRIBUTES inherited{sizeof inherited, nullptr, TRUE};
  HANDLE reading = nullptr, writing = nullptr;
  expect(::CreatePipe(&reading, &writing, &inherited, 4096) != 0, "CreatePipe");
  ::SetHandleInformation(writing, HANDLE_FLAG_INHERIT, 0);
  start.dwFlags = STARTF_USESTDHANDLES;
  start.hStdInput = reading;
  start.hStdOutput = ::GetStdHandle(STD_OUTPUT_HANDLE);
  start.hStdError = ::GetStdHandle(STD_ERROR_HANDLE);
  expect(::CreateProcessA(nullptr, command.data(), nullptr, nullptr, TRUE, 0, nullptr, nullptr, &start, &made) != 0,
         "CreateProcess", std::to_string(::GetLastError()));
  ::CloseHandle(reading);
  error_code ec;
  const auto digits = hex(aw::share(listener.get(), made.dwProcessId, ec));
  expect(!ec, "share with another process", text(ec));
  DWORD written = 0;
  ::WriteFile(writing, digits.data(), static_cast<DWORD>(digits.size()), &written, nullptr);
  ::CloseHandle(writing);
  const tcp_socket client;
  expect(::connect(client.get(), reinterpret_cast<const sockaddr*>(&at), sizeof at) == 0, "connect",
         std::to_string(::WSAGetLastError()));
  const DWORD limit = 20000;
  ::setsockopt(client.get(), SOL_SOCKET, SO_RCVTIMEO, reinterpret_cast<const char*>(&limit), sizeof limit);
  char got[8] = {};
  int size = 0;
  for (int n; size < 5 && (n = ::recv(client.get(), got + size, 5 - size, 0)) > 0;) size += n;
  expect(std::string_view(got) == "hello", "the child process answers", got);
  ::WaitForSingleObject(made.hProcess, 20000);
  DWORD code = 99;
  ::GetExitCodeProcess(made.hProcess, &code);
  expect(code == 0, "the exit status of the child process", std::to_string(code));
  ::CloseHandle(made.hProcess);
  ::CloseHandle(made.hThread);
}

void controls() {
  const tcp_socket s;
  error_code ec;
  aw::keepalive_vals(s.get(), true, 60s, 5s, ec);
  expect(!ec, "keepalive_vals", text(ec));
  BOOL on = FALSE;
  int size = sizeof on;
  ::getsockopt(s.get(), SOL_SOCKET, SO_KEEPALIVE, reinterpret_cast<char*>(&on), &size);
  expect(on != FALSE, "keepalive_vals switches keepalive on");
  aw::keepalive_vals(s.get(), false, 0ms, 0ms, ec);
  expect(!ec, "keepalive_vals off", text(ec));
  for (const auto time : {-1ms, 0ms, std::chrono::milliseconds(1LL << 32)}) {
    aw::keepalive_vals(s.get(), true, time, 5s, ec);
    expect(ec == invalid_argument, "keepalive_vals with an idle time out of range", text(ec));
    aw::keepalive_vals(s.get(), true, 5s, time, ec);
    expect(ec == invalid_argument, "keepalive_vals with an interval out of range", text(ec));
  }
  aw::keepalive_vals(INVALID_SOCKET, true, 60s, 5s, ec);
  expect(ec == winsock(WSAENOTSOCK), "keepalive_vals of an invalid socket", text(ec));

  aw::rcvall(s.get(), aw::rcvall_mode::on, ec);
  expect(ec && ec != invalid_argument, "rcvall of a stream socket", text(ec));
  aw::rcvall(s.get(), static_cast<aw::rcvall_mode>(RCVALL_MAX + 1), ec);
  expect(ec == invalid_argument, "rcvall with an unknown mode", text(ec));

  aw::loopback_fast_path(s.get(), true, ec);
  expect(!ec || ec == winsock(WSAEOPNOTSUPP), "loopback_fast_path", text(ec));
  aw::loopback_fast_path(INVALID_SOCKET, true, ec);
  expect(ec == winsock(WSAENOTSOCK) || ec == winsock(WSAEOPNOTSUPP), "loopback_fast_path of an invalid socket",
         text(ec));

  for (const int segments : {0, 256, -1}) {
    aw::ack_frequency(s.get(), segments, ec);
    expect(ec == invalid_argument, "ack_frequency with a value out of range", text(ec));
  }
  aw::ack_frequency(s.get(), 1, ec);
  expect(!ec || ec == winsock(WSAEOPNOTSUPP), "ack_frequency", text(ec));
}

}  // namespace

int main(int argc, char** argv) {
  WSADATA data;
  if (::WSAStartup(MAKEWORD(2, 2), &data) != 0) return 1;
  if (argc == 2 && std::string_view(argv[1]) == "child") {
    char digits[2 * sizeof(WSAPROTOCOL_INFOW) + 1] = {};
    return child({digits, std::fread(digits, 1, sizeof digits - 1, stdin)});
  }
  share_within_a_process();
  share_errors();
  share_with_another_process(argv[0]);
  controls();
  return test::report("sockets");
}
