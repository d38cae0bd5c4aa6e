// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Socket options: raw, and by name in the family's table; wait.
#include <poll.h>
#include <afplug/option.hpp>
#include <afplug/plugin/encoding.hpp>
#include <afplug/plugin/value_kind.hpp>
#include <afplug/socket.hpp>

#include <algorithm>
#include <array>

#include "plugin_error_text.hpp"
#include "similar_name.hpp"
#include "socket_access.hpp"
#include "throwing.hpp"

namespace afplug {
namespace {

using detail::socket_access;
using detail::user_call;

constexpr std::uint32_t default_read_bytes = 1024;  // for options whose size the table does not state

// The kernel family's overrides; none without a family.
const afplug_kernel_ops& kernel_ops_of(const family* f) noexcept {
  static constexpr afplug_kernel_ops none{};
  return f ? detail::family_data::of(*f).kernel_ops : none;
}

// Returns the kind of an integer option in host byte order; null for other kinds.
const plugin::value_kind* number_kind(const option_info& o) noexcept {
  const auto* k = plugin::find_integer_kind(o.kind);
  return k && !k->big_endian ? k : nullptr;
}

template <class T>
std::int64_t load_as(std::span<const std::byte> bytes) noexcept {
  T value;
  std::memcpy(&value, bytes.data(), sizeof value);
  return static_cast<std::int64_t>(value);
}

// Reads an integer of the size that getsockopt(2) returned, which may be smaller than the kind's: the kernel stores
// IP_TTL in one byte if the buffer has one.
std::int64_t load(std::span<const std::byte> bytes, bool is_signed) noexcept {
  if (bytes.size() >= 8) return load_as<std::int64_t>(bytes);
  if (bytes.size() >= 4) return is_signed ? load_as<std::int32_t>(bytes) : load_as<std::uint32_t>(bytes);
  if (bytes.size() >= 2) return is_signed ? load_as<std::int16_t>(bytes) : load_as<std::uint16_t>(bytes);
  if (bytes.empty()) return 0;
  return is_signed ? load_as<std::int8_t>(bytes) : load_as<std::uint8_t>(bytes);
}

template <class T>
void store_as(std::int64_t number, std::span<std::byte> bytes) noexcept {
  const auto value = static_cast<T>(number);
  std::memcpy(bytes.data(), &value, sizeof value);
}

void store(std::int64_t number, std::span<std::byte> bytes) noexcept {
  if (bytes.size() == 8) return store_as<std::int64_t>(number, bytes);
  if (bytes.size() == 4) return store_as<std::uint32_t>(number, bytes);
  if (bytes.size() == 2) return store_as<std::uint16_t>(number, bytes);
  store_as<std::uint8_t>(number, bytes);
}

std::uint32_t capacity_of(const option_info& o) noexcept {
  if (o.max_bytes != 0) return o.max_bytes;
  if (const auto bytes = plugin::implied_bytes(o.kind, o.unit)) return bytes;
  return o.min_bytes != 0 ? o.min_bytes : default_read_bytes;
}

// Whether the option applies to the row: the row's list of option groups contains the option's.
bool applies(const option_info& o, const row* r) noexcept {
  if (!o.group || !*o.group) return true;
  std::string_view groups = r && r->options ? r->options : "";
  while (!groups.empty()) {
    const auto end = groups.find(' ');
    if (groups.substr(0, end) == o.group) return true;
    groups.remove_prefix(end == std::string_view::npos ? groups.size() : end + 1);
  }
  return false;
}

std::string_view similar_option(const family& f, std::string_view name) {
  detail::similar_name similar(name);
  for (const auto& o : f.options()) similar.consider(o.name);
  for (const auto& o : socket_options()) similar.consider(o.name);
  return similar.best();
}

void refuse(error_code& ec, errc code, const family& f, std::string_view name, const std::string& why) {
  detail::fail(ec, code, (std::string(f.id()) + " option ").append(name) + ": " + why);
}

// Returns the option with this name if it applies to the socket and allows `access` (AFPLUG_OPTION_READ or
// AFPLUG_OPTION_WRITE); else null and sets `ec`.
const option_info* find_usable(const socket& s, std::string_view name, std::uint32_t access, error_code& ec) {
  const auto* f = s.owner();
  if (!f) return detail::fail_errno(ec, EBADF), nullptr;
  const auto* o = f->find_option(name);
  if (!o) {
    const auto near = similar_option(*f, name);
    refuse(ec, errc::unknown_option, *f, plugin::quote(name),
           near.empty() ? "unknown option; `afplug options " + std::string(f->id()) + "` lists them"
                        : "unknown option; did you mean " + std::string(near) + "?");
    return nullptr;
  }
  if (!applies(*o, f->find_row(s.type(), s.protocol()))) {
    refuse(ec, errc::wrong_row, *f, name,
           "the option does not apply to " + detail::describe(*f, s.type(), s.protocol()));
    return nullptr;
  }
  if ((o->flags & access) == 0) {
    const bool reading = access == AFPLUG_OPTION_READ;
    refuse(ec, reading ? errc::not_readable : errc::not_writable, *f, name,
           reading ? "the option is write-only" : "the option is read-only");
    return nullptr;
  }
  return o;
}

// Calls the `get` or `set` of an option of AFPLUG_KIND_CALL. Those of SOL_SOCKET take a descriptor, so a socket in user
// space does not have them; they also serve kernel families whose own function of that name returns AFPLUG_PASS.
template <class Slot, class... A>
int call_option(const socket& s, const option_info& o, Slot option_info::*slot, A... arguments) {
  const auto shared = socket_options();
  const auto who = s.owner()->identity(s.type(), s.protocol());
  const auto* user = socket_access::user(s);
  if (user && std::ranges::any_of(shared, [&](const option_info& e) { return &e == &o; })) return -ENOPROTOOPT;
  const int r = detail::option_call(s.fileno(), user, o.*slot, &who, arguments...);
  if (r != AFPLUG_PASS) return r;
  const auto it = std::ranges::find(shared, o.name, [](const option_info& e) { return std::string_view(e.name); });
  return !user && it != shared.end() && (*it).*slot ? ((*it).*slot)(s.fileno(), &who, arguments...) : -ENOPROTOOPT;
}

// Converts a number to the layout of the option's kind. Sets `ec` if the kind takes no number or the number is out of
// range.
std::vector<std::byte> lay_out(const family& f, const option_info& o, std::int64_t number, error_code& ec) {
  if (o.kind == AFPLUG_KIND_DURATION) {
    const auto* unit = plugin::find_unit(o.unit);
    return parse_option(o, std::to_string(number).append(unit ? unit->suffix : ""), &f, ec);
  }
  const auto* k = number_kind(o);
  if (!k) {
    refuse(ec, errc::wrong_kind, f, o.name, "the option does not take a number");
    return {};
  }
  if (number < k->least || number > k->most) {
    refuse(ec, errc::invalid_argument, f, o.name,
           std::to_string(number) + " is outside " + std::to_string(k->least) + " to " + std::to_string(k->most));
    return {};
  }
  ec.clear();
  std::vector<std::byte> bytes(k->bytes);
  store(number, bytes);
  return bytes;
}

}  // namespace

// ---- raw ----

namespace {

// Returns 0 or the errno. `into` becomes what was read of it.
int read_option(const socket& s, int level, int number, std::span<std::byte>& into) {
  auto bytes = static_cast<std::uint32_t>(std::min<std::size_t>(into.size(), INT32_MAX));
  int r = AFPLUG_PASS;
  const auto* user = socket_access::user(s);
  if (user) {
    r = user_call(*user, user->ops().get_option, level, number, static_cast<void*>(into.data()), &bytes);
    if (r < 0) return errno;
  } else if (const auto slot = kernel_ops_of(s.owner()).get_option) {
    const auto who = s.owner()->identity(s.type(), s.protocol());
    r = slot(s.fileno(), &who, level, number, into.data(), &bytes);
    if (r < 0) return -r;
  }
  if (r == AFPLUG_PASS && !user) {
    ::socklen_t size = bytes;
    // Above 0: sctp_getsockopt_peeloff() in net/sctp/socket.c returns the new descriptor.
    if (::getsockopt(s.fileno(), level, number, into.data(), &size) < 0) return errno;
    bytes = size;
  }
  into = into.first(std::min<std::size_t>(bytes, into.size()));
  return 0;
}

// Returns 0 or the errno.
int write_option(const socket& s, int level, int number, const_bytes value) {
  const auto bytes = static_cast<std::uint32_t>(std::min<std::size_t>(value.size(), INT32_MAX));
  int r = AFPLUG_PASS;
  const auto* user = socket_access::user(s);
  if (user) return user_call(*user, user->ops().set_option, level, number, value.data(), bytes) < 0 ? errno : 0;
  if (const auto slot = kernel_ops_of(s.owner()).set_option) {
    const auto who = s.owner()->identity(s.type(), s.protocol());
    r = slot(s.fileno(), &who, level, number, value.data(), bytes);
    if (r < 0) return -r;
  }
  if (r != AFPLUG_PASS) return 0;
  // The options of some protocols return the value that was set.
  return ::setsockopt(s.fileno(), level, number, value.data(), bytes) >= 0 ? 0 : errno;
}

// The option of this level and number in the tables of the socket's family; null: none.
const option_info* find_by_number(const socket& s, int level, int number) {
  const auto* row = s.owner()->find_row(s.type(), s.protocol());
  for (const auto table : {s.owner()->options(), socket_options()})
    for (const auto& o : table)
      if (o.level == level && o.number == number && o.kind != AFPLUG_KIND_CALL && applies(o, row)) return &o;
  return nullptr;
}

// Sets the error of getsockopt(2) or setsockopt(2), with the option's name and the value that was set. `o`: null looks
// it up by its number.
void fail_option(error_code& ec, int error, const socket& s, const option_info* o, int level, int number,
                 std::optional<const_bytes> value = {}) {
  if (!s.owner()) return detail::fail_errno(ec, error);
  if (!o) o = find_by_number(s, level, number);
  std::string subject = o ? o->name : std::to_string(number) + " of level " + std::to_string(level);
  if (value) {
    error_code unreadable;
    const std::span bytes(static_cast<const std::byte*>(value->data()), value->data() ? value->size() : 0);
    const auto text = o && value->data() ? format_option(*o, bytes, s.owner(), unreadable) : std::string();
    if (text.empty() || unreadable)
      subject += " (" + std::to_string(value->size()) + " bytes)";
    else
      subject += '=' + plugin::excerpt(text, plugin::quoted_bytes);
  }
  detail::fail_call(ec, error, s, "option", subject);
}

}  // namespace

std::size_t socket::getsockopt(int level, int number, mutable_bytes into) const {
  return detail::throwing("getsockopt", [&](error_code& ec) { return getsockopt(level, number, into, ec); });
}

std::size_t socket::getsockopt(int level, int number, mutable_bytes into, error_code& ec) const {
  std::span<std::byte> got(static_cast<std::byte*>(into.data()), into.size());
  if (const int error = read_option(*this, level, number, got); error != 0)
    return fail_option(ec, error, *this, nullptr, level, number), 0;
  ec.clear();
  return got.size();
}

void socket::setsockopt(int level, int number, const_bytes value) {
  detail::throwing("setsockopt", [&](error_code& ec) { setsockopt(level, number, value, ec); });
}

void socket::setsockopt(int level, int number, const_bytes value, error_code& ec) {
  if (const int error = write_option(*this, level, number, value); error != 0)
    fail_option(ec, error, *this, nullptr, level, number, value);
  else
    ec.clear();
}

void socket::setsockopt(int level, int number, std::nullptr_t, std::size_t length) {
  setsockopt(level, number, const_bytes(nullptr, length));
}

void socket::setsockopt(int level, int number, std::nullptr_t, std::size_t length, error_code& ec) {
  setsockopt(level, number, const_bytes(nullptr, length), ec);
}

void socket::refuse_option(int level, int number, std::string_view why, error_code& ec) const {
  if (!family_) return detail::fail_errno(ec, EBADF);
  std::string name = std::to_string(number) + " of level " + std::to_string(level);
  for (const auto table : {family_->options(), socket_options()})
    for (const auto& o : table)
      if (o.level == level && o.number == number) name = o.name;
  refuse(ec, errc::invalid_argument, *family_, name, std::string(why));
}

// ---- by name ----

void socket::option(std::string_view name, const option_value& value) {
  detail::throwing("option", [&](error_code& ec) { option(name, value, ec); });
}

void socket::option(std::string_view name, const option_value& value, error_code& ec) {
  const auto* o = find_usable(*this, name, AFPLUG_OPTION_WRITE, ec);
  if (!o) return;
  if (o->kind == AFPLUG_KIND_CALL) {
    const auto* text = std::get_if<std::string>(&value);
    const auto* number = std::get_if<std::int64_t>(&value);
    if (!text && !number) return refuse(ec, errc::wrong_kind, *family_, name, "the option takes text");
    const std::string argument = text ? *text : std::to_string(*number);
    detail::plugin_error_text why;
    if (const int r = call_option(*this, *o, &option_info::set, argument.data(), argument.size(), &why.text); r < 0)
      detail::fail_call(ec, -r, *this, "option", std::string(name) + "=" + plugin::quote(argument), why.printable());
    else
      ec.clear();
    return;
  }
  if (o->kind == AFPLUG_KIND_LENGTH) {
    const auto* number = std::get_if<std::int64_t>(&value);
    const auto* text = std::get_if<std::string>(&value);
    if (!text && !number) return refuse(ec, errc::wrong_kind, *family_, name, "the option takes only a length");
    const auto length = parse_option(*o, text ? *text : std::to_string(*number), family_, ec).size();
    if (ec) return;
    const const_bytes sized(nullptr, length);
    if (const int error = write_option(*this, o->level, o->number, sized); error != 0)
      fail_option(ec, error, *this, o, o->level, o->number, sized);
    return;
  }
  std::vector<std::byte> bytes;
  ec.clear();
  if (const auto* number = std::get_if<std::int64_t>(&value)) {
    bytes = lay_out(*family_, *o, *number, ec);
  } else if (const auto* text = std::get_if<std::string>(&value)) {
    bytes = parse_option(*o, *text, family_, ec);
  } else {
    bytes = std::get<std::vector<std::byte>>(value);
    const auto least = o->min_bytes, most = capacity_of(*o);
    if (bytes.size() < least || bytes.size() > most)
      return refuse(ec, errc::invalid_argument, *family_, name,
                    std::to_string(bytes.size()) + " bytes given, the option takes " + std::to_string(least) + " to " +
                        std::to_string(most));
  }
  if (ec) return;
  if (const int error = write_option(*this, o->level, o->number, bytes); error != 0)
    fail_option(ec, error, *this, o, o->level, o->number, const_bytes(bytes));
}

std::vector<std::byte> socket::option_bytes(std::string_view name) const {
  return detail::throwing("option", [&](error_code& ec) { return option_bytes(name, ec); });
}

std::vector<std::byte> socket::option_bytes(std::string_view name, error_code& ec) const {
  const auto* o = find_usable(*this, name, AFPLUG_OPTION_READ, ec);
  if (!o) return {};
  if (o->kind == AFPLUG_KIND_CALL) {
    refuse(ec, errc::wrong_kind, *family_, name, "the option has only a text form");
    return {};
  }
  std::vector<std::byte> bytes(capacity_of(*o));
  std::span<std::byte> got(bytes);
  if (const int error = read_option(*this, o->level, o->number, got); error != 0)
    return fail_option(ec, error, *this, o, o->level, o->number), std::vector<std::byte>();
  ec.clear();
  bytes.resize(got.size());
  return bytes;
}

std::string socket::option_text(std::string_view name) const {
  return detail::throwing("option", [&](error_code& ec) { return option_text(name, ec); });
}

std::string socket::option_text(std::string_view name, error_code& ec) const {
  const auto* o = find_usable(*this, name, AFPLUG_OPTION_READ, ec);
  if (!o) return {};
  if (o->kind != AFPLUG_KIND_CALL) {
    const auto bytes = option_bytes(name, ec);
    return ec ? std::string() : format_option(*o, bytes, family_, ec);
  }
  std::string text(default_read_bytes, '\0');
  for (;;) {
    afplug_text out{text.data(), static_cast<std::uint32_t>(text.size()), 0};
    detail::plugin_error_text why;
    if (const int r = call_option(*this, *o, &option_info::get, &out, &why.text); r < 0) {
      detail::fail_call(ec, -r, *this, "option", std::string(name), why.printable());
      return {};
    }
    const bool complete = out.size <= text.size();
    text.resize(out.size);
    if (complete) {
      ec.clear();
      return text;
    }
  }
}

std::int64_t socket::option_number(std::string_view name) const {
  return detail::throwing("option", [&](error_code& ec) { return option_number(name, ec); });
}

std::int64_t socket::option_number(std::string_view name, error_code& ec) const {
  const auto* o = find_usable(*this, name, AFPLUG_OPTION_READ, ec);
  if (!o) return 0;
  const auto* k = number_kind(*o);
  if (!k) {
    refuse(ec, errc::wrong_kind, *family_, name, "the option is not a number");
    return 0;
  }
  const auto bytes = option_bytes(name, ec);
  return ec ? 0 : load(bytes, k->is_signed);
}

// ---- readiness ----

namespace {

events wait_for(int fd, events wanted, std::optional<std::chrono::nanoseconds> limit, int wake, error_code& ec) {
  if (fd < 0) return detail::fail_errno(ec, EBADF), events();
  std::optional<detail::clock::time_point> deadline;
  if (limit) deadline = detail::deadline_after(*limit);
  const events ready = detail::wait_ready(fd, wanted, deadline, wake, ec);
  if (ec == errc::timed_out) ec.clear();
  return ready;
}

}  // namespace

events socket::wait(events wanted, std::optional<std::chrono::nanoseconds> limit) const {
  return detail::throwing("wait", [&](error_code& ec) { return wait(wanted, limit, ec); });
}

events socket::wait(events wanted, std::optional<std::chrono::nanoseconds> limit, error_code& ec) const {
  return wait_for(fd_, wanted, limit, -1, ec);
}

events socket::wait(events wanted, std::optional<std::chrono::nanoseconds> limit, std::stop_token stop) const {
  return detail::throwing("wait", [&](error_code& ec) { return wait(wanted, limit, stop, ec); });
}

events socket::wait(events wanted, std::optional<std::chrono::nanoseconds> limit, std::stop_token stop,
                    error_code& ec) const {
  detail::io_wait wait(fd_, wanted, -1, true);
  if (!wait.stop_with(stop, ec)) return {};
  return wait_for(fd_, wanted, limit, wait.wake(), ec);
}

}  // namespace afplug
