// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
#include "endpoint.hpp"

#include <fmt/core.h>
#include <signal.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <afplug/plugin/encoding.hpp>
#include <afplug/resolver.hpp>
#include <afplug/verdict.hpp>
#include <cerrno>

namespace afplug::command {
namespace {

const family& load(const std::string& id) {
  error_code ec;
  const family* f = registry::global().family(id, ec);
  if (f) return *f;
  const verdict v = explain(id, ec);
  throw failure(failed, fmt::format("{}: {}; to do: {}", id, v.detail, v.remedy));
}

}  // namespace

void endpoint_arguments::add_arguments(CLI::App& app, bool connects) {
  const auto above_zero = CLI::Range(0.001, 1e9).description("");
  app.add_option("FAMILY", family, "The address family, optionally with :TYPE and :PROTOCOL")
      ->type_name("")
      ->required();
  app.add_option("ADDRESS", address, connects ? "The address to connect to" : "The address to bind")
      ->type_name("")
      ->required();
  app.add_option("--type", type, "stream, dgram, seqpacket, raw … (default: the family's first)")->type_name("TYPE");
  app.add_option("--protocol", protocol, "The name or number of the protocol")->type_name("PROTOCOL");
  app.add_option("--option", options, "Set a socket option before bind and connect; may be repeated")
      ->type_name("NAME=VALUE")
      ->allow_extra_args(false);
  if (connects) app.add_option("--bind", local, "The local address to bind first")->type_name("ADDRESS");
  app.add_option("--timeout", timeout,
                 connects ? "Maximum time to wait for the connection" : "Maximum time to wait for a peer")
      ->type_name("SECONDS")
      ->check(above_zero);
  app.add_option("--idle", idle,
                 "Exit after this time without data in either direction (datagrams have no end of file)")
      ->type_name("SECONDS")
      ->check(above_zero);
  app.add_option("--message-size", message_size, "Maximum size of a message read from stdin (default 8192)")
      ->type_name("BYTES")
      ->check(CLI::Range(1, 1 << 20).description(""));
  app.add_flag("--progress", progress, "Show progress on stderr even if it is not a terminal");
}

endpoint::endpoint(const endpoint_arguments& arguments)
    : arguments_(arguments), family_(nullptr), resolved_({}, 0, nullptr) {
  ::signal(SIGPIPE, SIG_IGN);  // splice(2) and sendfile(2) have no MSG_NOSIGNAL
  socket_spec text = socket_spec::parse(arguments.family);
  if (!arguments.type.empty()) text.type = arguments.type;
  if (!arguments.protocol.empty()) text.protocol = arguments.protocol;
  family_ = &load(family_id(text.family));
  resolved_ = resolve(*family_, text);
}

bool endpoint::connects() const noexcept {
  if (resolved_.table_row) return (resolved_.table_row->flags & AFPLUG_ROW_CONNECTION) != 0;
  return resolved_.type == SOCK_STREAM || resolved_.type == SOCK_SEQPACKET;
}

std::string endpoint::name() const { return fmt::format("{} {}", family_->id(), resolved_.to_string()); }

socket endpoint::open() const {
  error_code ec;
  socket s = socket::open(*family_, resolved_.type, resolved_.protocol, ec);
  if (ec) {
    std::string text = error_text(ec);
    if (ec.category() == boost::system::system_category()) {
      const verdict v = explain(*family_, resolved_.type, resolved_.protocol, ec.value());
      text = fmt::format("{}: cannot open the socket: {}{}{}", name(), v.detail,
                         v.remedy.empty() ? "" : "; to do: ", v.remedy);
    }
    throw failure(failed, text);
  }
  for (const auto& setting : arguments_.options) {
    const auto equals = setting.find('=');
    if (equals == setting.npos)
      throw failure(
          usage, fmt::format("--option {}: expected NAME=VALUE, for example SO_RCVBUF=65536", plugin::quote(setting)));
    s.option(setting.substr(0, equals), option_value(setting.substr(equals + 1)), ec);
    if (ec)
      throw failure(ec.category() == afplug_category() ? usage : failed,
                    fmt::format("--option {}: {}", plugin::quote(setting), error_text(ec)));
  }
  return s;
}

std::vector<address> endpoint::find_addresses(const std::string& text, bool passive) const {
  const basic_protocol p(*family_, resolved_.type, resolved_.protocol);
  error_code ec;
  const address direct = address::parse(p, text, ec);
  if (!ec) return {direct};
  const std::string why = error_text(ec);
  if ((family_->flags() & AFPLUG_FAMILY_RESOLVES) == 0) throw failure(failed, why);
  const auto [host, service] = split_host_service(text, ec);
  if (ec) throw failure(failed, why);
  addrinfo_hints hints;
  hints.family = family_->number();
  hints.type = socket_type(p.type());
  hints.flags = passive ? AI_PASSIVE : 0;
  if (arguments_.timeout > 0)
    hints.timeout = std::chrono::nanoseconds(static_cast<std::int64_t>(arguments_.timeout * 1e9));
  std::vector<address> out;
  for (auto& entry : getaddrinfo(host, service, hints, ec)) {
    entry.address.protocol(p);
    out.push_back(entry.address);
  }
  if (ec) throw failure(failed, fmt::format("{} address {}: {}", family_->id(), plugin::quote(text), error_text(ec)));
  return out;
}

int endpoint::transfer_stdio(socket& s, const address* peer, std::span<const std::byte> received) const {
  const unsigned flags = resolved_.table_row ? resolved_.table_row->flags : 0;
  const bool stream = resolved_.table_row ? (flags & AFPLUG_ROW_STREAM) != 0 : resolved_.type == SOCK_STREAM;
  transfer_options options;
  options.messages = !stream;
  options.half_close = (flags & AFPLUG_ROW_HALF_CLOSE) != 0;
  options.empty_is_eof = connects();
  options.message_size = arguments_.message_size;
  if (arguments_.idle > 0) options.idle = std::chrono::milliseconds(static_cast<std::int64_t>(arguments_.idle * 1000));
  options.progress = arguments_.progress || ::isatty(2) != 0;
  options.peer = peer;
  options.received = received;
  return transfer(s, options);
}

void set_timeout(socket& s, double seconds) {
  if (seconds > 0)
    s.timeout(std::chrono::nanoseconds(static_cast<std::int64_t>(seconds * 1e9)));
  else
    s.timeout(std::nullopt);
}

}  // namespace afplug::command
