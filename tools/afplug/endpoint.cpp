// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
#include "endpoint.hpp"

#include <fmt/core.h>
#include <signal.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
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
  throw failure(negative, fmt::format("{}: {}; to do: {}", id, v.detail, v.remedy));
}

}  // namespace

void endpoint_arguments::declare(CLI::App& app, bool connects) {
  const auto above_zero = CLI::Range(0.001, 1e9).description("");
  app.add_option("FAMILY", family, "The family, with or without :TYPE and :PROTOCOL")->type_name("")->required();
  app.add_option("ADDRESS", address, connects ? "Whom to connect to" : "Where to listen")->type_name("")->required();
  app.add_option("--type", type, "stream, dgram, seqpacket, raw …; the family's first, if not given")
      ->type_name("TYPE");
  app.add_option("--protocol", protocol, "The protocol's name or number")->type_name("PROTOCOL");
  app.add_option("--option", options, "Set a socket option first; may be repeated")
      ->type_name("NAME=VALUE")
      ->allow_extra_args(false);
  if (connects) app.add_option("--bind", local, "The local address, where it matters")->type_name("ADDRESS");
  app.add_option("--timeout", timeout,
                 connects ? "Give up connecting after so long" : "Give up waiting for a peer after so long")
      ->type_name("SECONDS")
      ->check(above_zero);
  app.add_option("--idle", idle, "End after so long without data either way; how datagrams end")
      ->type_name("SECONDS")
      ->check(above_zero);
  app.add_option("--message-size", message_size, "Largest message read from stdin (8192)")
      ->type_name("BYTES")
      ->check(CLI::Range(1, 1 << 20).description(""));
  app.add_flag("--progress", progress, "Show what was carried on stderr, terminal or not");
}

endpoint::endpoint(const endpoint_arguments& arguments)
    : arguments_(arguments), family_(nullptr), choice_(0, 0, nullptr) {
  ::signal(SIGPIPE, SIG_IGN);  // splice and sendfile have no MSG_NOSIGNAL
  spelling text = spelling::of(arguments.family);
  if (!arguments.type.empty()) text.type = arguments.type;
  if (!arguments.protocol.empty()) text.protocol = arguments.protocol;
  family_ = &load(family_id(text.family));
  choice_ = choose(*family_, text);
}

bool endpoint::connects() const noexcept {
  if (choice_.what) return (choice_.what->flags & AFPLUG_ROW_CONNECTION) != 0;
  return choice_.type == SOCK_STREAM || choice_.type == SOCK_SEQPACKET;
}

std::string endpoint::name() const { return fmt::format("{} {}", family_->id(), choice_.to_string()); }

socket endpoint::open() const {
  error_code ec;
  socket s = socket::open(*family_, choice_.type, choice_.protocol, ec);
  if (ec) {
    std::string text = sentence(ec);
    if (ec.category() == boost::system::system_category()) {
      const verdict v = explain(*family_, choice_.type, choice_.protocol, ec.value());
      text = fmt::format("{}: it can't be opened: {}{}{}", name(), v.detail,
                         v.remedy.empty() ? "" : "; to do: ", v.remedy);
    }
    throw failure(negative, text);
  }
  for (const auto& setting : arguments_.options) {
    const auto equals = setting.find('=');
    if (equals == setting.npos)
      throw failure(usage, fmt::format("--option {}: it takes NAME=VALUE, as in SO_RCVBUF=65536", setting));
    s.option(setting.substr(0, equals), option_value(setting.substr(equals + 1)), ec);
    if (ec)
      throw failure(ec.category() == afplug_category() ? usage : negative,
                    fmt::format("--option {}: {}", setting, sentence(ec)));
  }
  return s;
}

std::vector<address> endpoint::resolve(const std::string& text, bool passive) const {
  const basic_protocol p(*family_, choice_.type, choice_.protocol);
  error_code ec;
  const address direct = address::parse(p, text, ec);
  if (!ec) return {direct};
  const std::string why = sentence(ec);
  if ((family_->flags() & AFPLUG_FAMILY_RESOLVES) == 0) throw failure(negative, why);
  const auto [host, service] = split_host_service(text, ec);
  if (ec) throw failure(negative, why);
  addrinfo_hints hints;
  hints.family = family_->number();
  hints.type = p.type();
  hints.flags = passive ? AI_PASSIVE : 0;
  if (arguments_.timeout > 0)
    hints.timeout = std::chrono::nanoseconds(static_cast<std::int64_t>(arguments_.timeout * 1e9));
  std::vector<address> out;
  for (auto& entry : getaddrinfo(host, service, hints, ec)) {
    entry.address.protocol(p);
    out.push_back(entry.address);
  }
  if (ec) throw failure(negative, fmt::format("{} address \"{}\": {}", family_->id(), text, sentence(ec)));
  return out;
}

int endpoint::carry(socket& over, const address* peer, std::span<const std::byte> first) const {
  const unsigned flags = choice_.what ? choice_.what->flags : 0;
  const bool stream = choice_.what ? (flags & AFPLUG_ROW_STREAM) != 0 : choice_.type == SOCK_STREAM;
  transfer_options how;
  how.messages = !stream;
  how.half_close = (flags & AFPLUG_ROW_HALF_CLOSE) != 0;
  how.ends = connects();
  how.message_size = arguments_.message_size;
  if (arguments_.idle > 0) how.idle = std::chrono::milliseconds(static_cast<std::int64_t>(arguments_.idle * 1000));
  how.progress = arguments_.progress || ::isatty(2) != 0;
  how.peer = peer;
  how.first = first;
  return transfer(over, how);
}

void limit(socket& s, double seconds) {
  if (seconds > 0)
    s.timeout(std::chrono::nanoseconds(static_cast<std::int64_t>(seconds * 1e9)));
  else
    s.timeout(std::nullopt);
}

std::string sentence(const error_code& ec) {
  const auto detail = last_detail();
  return detail.empty() ? ec.message() : std::string(detail);
}

}  // namespace afplug::command
