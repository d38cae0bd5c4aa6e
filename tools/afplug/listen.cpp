// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// afplug listen: accepts one connection, or the datagrams of one peer, and transfers stdin and stdout.
#include <fmt/core.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <vector>

#include "endpoint.hpp"

namespace afplug::command {
namespace {

/// Removes the socket file of a UNIX socket once the connection is accepted, and when SIGHUP, SIGINT or SIGTERM ends
/// the command.
class socket_file {
 public:
  explicit socket_file(const address& at) {
    const auto value = at.field("path");
    std::string path;
    if (const auto* text = std::get_if<std::string>(&value)) path = *text;
    // An abstract name (unix(7)) begins with NUL and has no file.
    if (const auto* bytes = std::get_if<std::vector<std::byte>>(&value);
        bytes && !bytes->empty() && bytes->front() != std::byte{})
      path.assign(reinterpret_cast<const char*>(bytes->data()), bytes->size());
    struct ::stat s {};
    if (path.empty() || path.size() >= sizeof path_ || ::lstat(path.c_str(), &s) != 0 || !S_ISSOCK(s.st_mode)) return;
    path.copy(path_, path.size());
    for (const int number : {SIGHUP, SIGINT, SIGTERM}) {
      struct ::sigaction action {};
      action.sa_handler = [](int signal_number) {
        ::unlink(path_);
        ::raise(signal_number);
      };
      action.sa_flags = static_cast<int>(SA_RESETHAND);
      ::sigaction(number, &action, nullptr);
    }
  }
  ~socket_file() { remove(); }
  socket_file(const socket_file&) = delete;
  socket_file& operator=(const socket_file&) = delete;
  void remove() {
    if (path_[0] != '\0') ::unlink(path_);
    path_[0] = '\0';
  }

 private:
  static inline char path_[sizeof(::sockaddr_storage)];  // static, since the signal handler reads it
};

address bind(socket& s, const endpoint& e, const endpoint_arguments& arguments) {
  error_code ec;
  for (const auto& at : e.find_addresses(arguments.address, true)) {
    s.bind(at, ec);
    if (ec) continue;
    address bound = s.getsockname();
    bound.protocol(s.what());
    return bound;
  }
  throw failure(failed, error_text(ec));
}

void announce(const endpoint& e, const address& bound) {
  print_message(fmt::format("listening on {} {}", e.name(), bound.to_string()));
  std::fflush(stderr);
}

int serve_connection(const endpoint& e, socket& s, const endpoint_arguments& arguments, socket_file& file) {
  address peer;
  error_code ec;
  set_timeout(s, arguments.timeout);
  socket connection = s.accept(peer, ec);
  if (ec)
    throw failure(failed,
                  ec == errc::timed_out ? fmt::format("no connection within {} s", arguments.timeout) : error_text(ec));
  file.remove();
  s.close();
  set_timeout(connection, 0);
  return e.transfer_stdio(connection);
}

int serve_datagrams(const endpoint& e, socket& s, const endpoint_arguments& arguments) {
  std::vector<std::byte> first(256 * 1024);
  address peer;
  error_code ec;
  const bool idle = arguments.idle > 0 && (arguments.timeout <= 0 || arguments.idle < arguments.timeout);
  set_timeout(s, idle ? arguments.idle : arguments.timeout);
  const auto n = s.recvfrom(first, peer, 0, ec);
  if (idle && ec == errc::timed_out) return success;
  if (ec)
    throw failure(failed,
                  ec == errc::timed_out ? fmt::format("no message within {} s", arguments.timeout) : error_text(ec));
  set_timeout(s, 0);
  // If connect(2) is not possible (CAN, an unnamed peer), accept messages from everybody.
  if (!peer.empty()) s.connect(peer, ec);
  const bool one_peer = !peer.empty() && !ec;
  return e.transfer_stdio(s, one_peer ? &peer : nullptr, std::span(first).first(n));
}

int run(const endpoint_arguments& arguments) {
  const endpoint e(arguments);
  socket s = e.open();
  if (e.connects() && (s.owner()->flags() & AFPLUG_FAMILY_RESOLVES) != 0) s.option("SO_REUSEADDR", 1);
  const address bound = bind(s, e, arguments);
  socket_file file(bound);
  if (e.connects()) s.listen(1);
  announce(e, bound);
  return e.connects() ? serve_connection(e, s, arguments, file) : serve_datagrams(e, s, arguments);
}

}  // namespace

const subcommand listen_command{"listen", "Accept one connection, and transfer stdin and stdout over it",
                                "afplug listen vsock any:5000 > received", add_endpoint_arguments<run, false>, false};

}  // namespace afplug::command
