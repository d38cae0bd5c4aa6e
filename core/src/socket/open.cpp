// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
#include "open.hpp"

#include <sys/socket.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <string_view>
#include <utility>
#include <vector>

#include "family_data.hpp"
#include "no_cancellation.hpp"

namespace afplug::detail {

opened open_row(const family& f, const row* r, socket_type type, int proto, bool nonblock) {
  const no_cancellation here;
  opened out;
  const auto& data = family_data::of(f);
  if (data.in_user_space()) {
    const auto who = f.identity(type, proto);
    out.error = r ? -data.user_ops.open(&who, &out.state, &out.handle) : missing_row_error(f, type);
    return out;
  }
  if (const auto open = data.kernel_ops.open) {
    const auto who = f.identity(type, proto);
    const int result = open(&who, nonblock ? AFPLUG_OPEN_NONBLOCK : 0u, &out.handle);
    if (result <= 0) {
      out.error = -result;
      return out;
    }
  }
  if (!r) {
    out.error = missing_row_error(f, type);
    return out;
  }
  const auto native = resolve(f, r, type, proto);
  out.handle = ::socket(native.domain, native.type | SOCK_CLOEXEC | (nonblock ? SOCK_NONBLOCK : 0), native.protocol);
  if (out.handle < 0) out.error = errno;
  return out;
}

void close_opened(const family& f, const opened& o) noexcept {
  const no_cancellation here;
  if (o.error != 0) return;
  if (f.in_user_space())
    f.user_ops().close(o.state, 0);
  else
    ::close(static_cast<int>(o.handle));
}

int missing_row_error(const family& f, socket_type type) noexcept {
  const bool known = std::ranges::any_of(f.rows(), [&](const row& other) { return other.type == type; });
  return known ? EPROTONOSUPPORT : ESOCKTNOSUPPORT;
}

std::string alternatives(const family& f, socket_type type, int proto) {
  const bool known = missing_row_error(f, type) == EPROTONOSUPPORT;
  std::vector<std::string> names;
  for (const auto& r : f.rows()) {
    if (r.type == AFPLUG_ANY || r.protocol == AFPLUG_ANY || (known && r.type != type)) continue;
    auto name = !known            ? type_text(socket_type(r.type))
                : r.protocol_name ? std::string(r.protocol_name)
                                  : "protocol " + std::to_string(r.protocol);
    if (std::ranges::find(names, name) == names.end()) names.push_back(std::move(name));
  }
  std::string text = known ? "for " + type_text(type) + " it has" : "it has";
  for (const auto& name : names) text += (name == names.front() ? " " : ", ") + name;
  if (names.empty()) text += " none";
  if (proto != 0)
    for (const auto& r : f.rows())
      if (r.protocol == proto && r.type != type && r.type != AFPLUG_ANY && r.protocol_name)
        return text + "; " + r.protocol_name + " belongs to " + type_text(socket_type(r.type));
  return text;
}

std::string type_text(socket_type type) {
  // The table lists the types before SOCK_NONBLOCK and SOCK_CLOEXEC.
  for (const auto& c : socket_constants())
    if (c.value == type && std::string_view(c.group) == "SOCK_") return c.name;
  return "type " + std::to_string(type);
}

std::string describe(const family& f, socket_type type, int proto) {
  std::string text(f.id());
  const row* r = f.find_row(type, proto);
  text += ' ';
  text += r && r->type == type && r->type_name ? std::string(r->type_name) : type_text(type);
  if (r && r->protocol_name && (r->protocol == proto || proto == 0))
    (text += ' ') += r->protocol_name;
  else if (proto != 0)
    (text += " protocol ") += std::to_string(proto);
  return text;
}

}  // namespace afplug::detail
