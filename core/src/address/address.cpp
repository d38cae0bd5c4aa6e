// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
#include <afplug/address.hpp>
#include <afplug/address_bytes.hpp>
#include <afplug/plugin/encoding.hpp>
#include <afplug/registry.hpp>
#include <algorithm>
#include <array>
#include <ostream>

#include "copy_address.hpp"
#include "plugin_error_text.hpp"
#include "throwing.hpp"

namespace afplug {
namespace {

using detail::plugin_error_text;

constexpr std::size_t max_fields = 16;

basic_protocol find_protocol(std::string_view family, socket_type type, int proto) {
  return {registry::global().family(family), type, proto};
}
basic_protocol find_protocol(int family, socket_type type, int proto) {
  return {registry::global().family(family), type, proto};
}

afplug_identity identity(const basic_protocol& p) noexcept {
  return p.owner()->identity(p.asked_type(), p.asked_protocol());
}

// Translates a codec's -errno.
void fail_codec(error_code& ec, int result, const afplug::family& owner, std::string_view subject,
                const plugin_error_text& why) {
  const int number = -result;
  const error_code code = number == EINVAL         ? make_error_code(errc::malformed_address)
                          : number == ENAMETOOLONG ? make_error_code(errc::address_too_long)
                          : number == ERANGE       ? make_error_code(errc::malformed_address)
                                                   : error_code(number, boost::system::system_category());
  std::string text = std::string(owner.id()) + " address";
  if (!subject.empty()) (text += ' ') += plugin::quote(subject);
  text += ": ";
  text += why.empty() ? code.message() : why.printable();
  detail::fail(ec, code, text);
}

address to_address(const afplug_sockaddr& from, const basic_protocol& p) {
  return detail::copy_address(from.u.bytes, from.length, p);
}

field_value to_field(const afplug_value& v) {
  const auto size = std::min<std::size_t>(v.size, sizeof v.bytes);
  switch (v.kind) {
    case AFPLUG_KIND_U64:
      return v.n.u;
    case AFPLUG_KIND_I64:
      return v.n.i;
    case AFPLUG_KIND_TEXT:
      return std::string(reinterpret_cast<const char*>(v.bytes), size);
    case AFPLUG_KIND_BYTES: {
      const auto* b = reinterpret_cast<const std::byte*>(v.bytes);
      return std::vector<std::byte>(b, b + size);
    }
    default:
      return {};
  }
}

// Returns false if the text or bytes exceed afplug_value.
bool from_field(const field_value& from, afplug_value& to) {
  to = {};
  const auto copy = [&](std::uint32_t kind, const void* data, std::size_t size) {
    if (size > sizeof to.bytes) return false;
    to.kind = kind;
    to.size = static_cast<std::uint32_t>(size);
    if (size != 0) std::memcpy(to.bytes, data, size);
    return true;
  };
  if (const auto* u = std::get_if<std::uint64_t>(&from)) {
    to.kind = AFPLUG_KIND_U64;
    to.n.u = *u;
  } else if (const auto* i = std::get_if<std::int64_t>(&from)) {
    // Codecs get every non-negative number as U64.
    to.kind = *i < 0 ? AFPLUG_KIND_I64 : AFPLUG_KIND_U64;
    to.n.i = *i;
  } else if (const auto* s = std::get_if<std::string>(&from)) {
    return copy(AFPLUG_KIND_TEXT, s->data(), s->size());
  } else if (const auto* b = std::get_if<std::vector<std::byte>>(&from)) {
    return copy(AFPLUG_KIND_BYTES, b->data(), b->size());
  }
  return true;
}

// The address's protocol. If it has none the registry loads the family of its number.
basic_protocol load_protocol(const address& a) {
  const basic_protocol p = a.protocol();
  if (p.owner() || a.family() == AF_UNSPEC) return p;
  error_code ec;
  const family* f = registry::global().family(a.family(), ec);
  return f ? basic_protocol(*f, p.asked_type(), p.asked_protocol()) : p;
}

// Parses the text of an address that no plugin formats.
address parse_bytes(const basic_protocol& p, std::string_view text, error_code& ec) {
  const auto fail = [&](errc code, const std::string& why) {
    detail::fail(ec, code, "address " + plugin::quote(text) + ": " + why);
    return address();
  };
  try {
    const auto bytes = detail::parse_address_bytes(p.family(), text);
    address made;
    if (bytes.size() > made.capacity())
      return fail(errc::address_too_long, std::to_string(bytes.size()) + " bytes, a sockaddr has at most 128");
    ec.clear();
    return {bytes.data(), bytes.size(), p};
  } catch (const plugin::failure& e) {
    return fail(errc::malformed_address, e.what());
  }
}

// The address's text, or nothing if the codec rejects it.
std::optional<std::string> format(const basic_protocol& p, const address& a) {
  const auto who = identity(p);
  // Enough for a percent-encoded name of 126 bytes.
  std::string text(512, '\0');
  for (;;) {
    afplug_text out{text.data(), static_cast<std::uint32_t>(text.size()), 0};
    if (p.owner()->codec().format(&who, a.data(), static_cast<std::uint32_t>(a.size()), &out) < 0) return {};
    const bool complete = out.size <= text.size();
    text.resize(out.size);
    if (complete) break;
  }
  return detail::unlike_address_bytes(std::move(text));
}

// The address that its text gives: without padding.
address without_padding(const address& a) {
  const basic_protocol p = load_protocol(a);
  const auto text = p.owner() && !a.empty() ? format(p, a) : std::nullopt;
  if (!text) return a;
  const auto who = identity(p);
  afplug_sockaddr out{};
  plugin_error_text ignored;
  if (p.owner()->codec().parse(&who, text->data(), text->size(), &out, &ignored.text) < 0) return a;
  return detail::copy_address(out.u.bytes, out.length, a.protocol());
}

address parse_or_throw(const basic_protocol& p, std::string_view text) {
  return detail::throwing("address", [&](error_code& ec) { return address::parse(p, text, ec); });
}

}  // namespace

address::address(std::string_view family, std::string_view text, socket_type type, int proto)
    : address(parse_or_throw(find_protocol(family, type, proto), text)) {}

address::address(int family, std::string_view text, socket_type type, int proto)
    : address(parse_or_throw(text.starts_with(detail::address_bytes_prefix) ? basic_protocol(family, type, proto)
                                                                            : find_protocol(family, type, proto),
                             text)) {}

address address::parse(const basic_protocol& p, std::string_view text, error_code& ec) {
  if (text.starts_with(detail::address_bytes_prefix)) return parse_bytes(p, text, ec);
  if (!p.owner()) {
    detail::fail(ec, errc::unknown_family,
                 "address: cannot parse the text, since the protocol has no family from the registry");
    return {};
  }
  const auto who = identity(p);
  afplug_sockaddr out{};
  plugin_error_text why;
  if (const int r = p.owner()->codec().parse(&who, text.data(), text.size(), &out, &why.text); r < 0) {
    fail_codec(ec, r, *p.owner(), text, why);
    return {};
  }
  ec.clear();
  return to_address(out, p);
}

address address::parse(std::string_view family, std::string_view text, socket_type type, int proto, error_code& ec) {
  const auto* f = registry::global().family(family, ec);
  return f ? parse(basic_protocol(*f, type, proto), text, ec) : address();
}

address address::parse(int family, std::string_view text, socket_type type, int proto, error_code& ec) {
  if (text.starts_with(detail::address_bytes_prefix)) return parse(basic_protocol(family, type, proto), text, ec);
  const auto* f = registry::global().family(family, ec);
  return f ? parse(basic_protocol(*f, type, proto), text, ec) : address();
}

address address::from_host_port(std::string_view family, std::string_view host, const field_value& port) {
  return detail::throwing("address", [&](error_code& ec) { return from_host_port(family, host, port, ec); });
}

address address::from_host_port(int family, std::string_view host, const field_value& port) {
  return detail::throwing("address", [&](error_code& ec) { return from_host_port(family, host, port, ec); });
}

address address::from_host_port(std::string_view family, std::string_view host, const field_value& port,
                                error_code& ec) {
  const auto* f = registry::global().family(family, ec);
  return f ? from_host_port(basic_protocol(*f, {}), host, port, ec) : address();
}

address address::from_host_port(int family, std::string_view host, const field_value& port, error_code& ec) {
  const auto* f = registry::global().family(family, ec);
  return f ? from_host_port(basic_protocol(*f, {}), host, port, ec) : address();
}

address address::from_host_port(const basic_protocol& p, std::string_view host, const field_value& port,
                                error_code& ec) {
  if (!p.owner()) {
    detail::fail(ec, errc::unknown_family,
                 "address: cannot use host and port, since the protocol has no family from the registry");
    return {};
  }
  const auto table = p.owner()->address_fields();
  const auto find = [&](std::string_view name) {
    return static_cast<std::size_t>(std::ranges::find(table, name, &member_info::name) - table.begin());
  };
  const auto host_index = find("host"), port_index = find("port");
  if (port_index == table.size()) {
    detail::fail(
        ec, errc::invalid_argument,
        std::string(p.owner()->id()) + " address: addresses of this family have no port; pass their text form");
    return {};
  }
  // Where the host is a number (a CID), only the text form has its names.
  if (host_index == table.size()) {
    const std::string number = std::visit(
        [](const auto& n) {
          if constexpr (std::is_arithmetic_v<std::decay_t<decltype(n)>>) return std::to_string(n);
          return std::string();
        },
        port);
    return parse(p, std::string(host) + ':' + number, ec);
  }
  std::vector<field_value> values(std::max(host_index, port_index) + 1);
  values[host_index] = std::string(host);
  values[port_index] = port;
  return from_fields(p, values, ec);
}

address address::from_fields(const basic_protocol& p, std::span<const field_value> values) {
  return detail::throwing("address", [&](error_code& ec) { return from_fields(p, values, ec); });
}

address address::from_fields(const basic_protocol& p, std::span<const field_value> values, error_code& ec) {
  if (!p.owner()) {
    detail::fail(ec, errc::unknown_family,
                 "address: cannot take fields, since the protocol has no family from the registry");
    return {};
  }
  const auto table = p.owner()->address_fields();
  std::array<afplug_value, max_fields> raw;
  plugin_error_text why;
  if (values.size() > table.size() || values.size() > raw.size()) {
    detail::fail(ec, errc::malformed_address,
                 std::string(p.owner()->id()) + " address: " + std::to_string(values.size()) +
                     " fields given, the family has " + std::to_string(table.size()));
    return {};
  }
  for (std::size_t i = 0; i < values.size(); ++i)
    if (!from_field(values[i], raw[i])) {
      detail::fail(ec, errc::address_too_long,
                   std::string(p.owner()->id()) + " address: the field " + table[i].name + " is longer than " +
                       std::to_string(sizeof raw[i].bytes) + " bytes");
      return {};
    }
  const auto who = identity(p);
  afplug_sockaddr out{};
  if (const int r =
          p.owner()->codec().set(&who, raw.data(), static_cast<std::uint32_t>(values.size()), &out, &why.text);
      r < 0) {
    fail_codec(ec, r, *p.owner(), {}, why);
    return {};
  }
  ec.clear();
  return to_address(out, p);
}

address::address(const void* bytes, std::size_t length) : address(bytes, length, basic_protocol()) {}

address::address(const void* bytes, std::size_t length, const basic_protocol& p)
    : address(without_padding(detail::copy_address(bytes, length, p))) {
  protocol_ = p;
}

address address::from_bytes(const void* bytes, std::size_t length, error_code& ec) {
  return from_bytes(bytes, length, basic_protocol(), ec);
}

address address::from_bytes(const void* bytes, std::size_t length, const basic_protocol& p, error_code& ec) {
  address made;
  detail::reporting(ec, [&] { made = address(bytes, length, p); });
  return made;
}

void address::resize(std::size_t length, error_code& ec) {
  detail::reporting(ec, [&] { resize(length); });
}

void address::resize(std::size_t length) {
  if (length > sizeof storage_) {
    error_code ec;
    detail::fail(ec, errc::address_too_long,
                 "address: " + std::to_string(length) + " bytes given, a sockaddr has at most " +
                     std::to_string(sizeof storage_));
    detail::raise(ec, "address");
  }
  length_ = static_cast<std::uint32_t>(length);
}

std::string address::to_string() const {
  if (empty()) return {};
  const basic_protocol p = load_protocol(*this);
  const auto text = p.owner() ? format(p, *this) : std::nullopt;
  return text ? *text : detail::format_address_bytes(family(), data(), size());
}

std::string address::host() const {
  if (!port()) return {};
  if (const auto host = field("host"); const auto* text = std::get_if<std::string>(&host)) return *text;
  // Where the host is a number (a CID), only the text form has its names.
  const std::string text = to_string();
  return text.substr(0, text.find(':'));
}

std::optional<std::uint32_t> address::port() const {
  const auto value = number("port");
  return value ? std::optional(static_cast<std::uint32_t>(*value)) : std::nullopt;
}

std::vector<address_field> address::fields() const {
  const basic_protocol p = load_protocol(*this);
  if (!p.owner() || empty()) return {};
  const auto who = identity(p);
  const auto table = p.owner()->address_fields();
  std::array<afplug_value, max_fields> raw{};
  const int n = p.owner()->codec().get(&who, &storage_, length_, raw.data(), raw.size());
  std::vector<address_field> fields;
  for (std::size_t i = 0; n > 0 && i < std::min({static_cast<std::size_t>(n), table.size(), raw.size()}); ++i)
    fields.push_back({table[i].name, to_field(raw[i])});
  return fields;
}

field_value address::field(std::string_view name) const {
  for (auto& f : fields())
    if (f.name == name) return std::move(f.value);
  return {};
}

std::optional<std::uint64_t> address::number(std::string_view name) const {
  const auto value = field(name);
  if (const auto* u = std::get_if<std::uint64_t>(&value)) return *u;
  return {};
}

basic_protocol address::guess_protocol() const noexcept {
  if (const auto* f = registry::global().loaded(family()))
    return {*f, protocol_.asked_type(), protocol_.asked_protocol()};
  return {family(), protocol_.asked_type(), protocol_.asked_protocol()};
}

basic_protocol address::protocol_of(std::string_view id) {
  error_code ec;
  const auto* f = registry::global().family(id, ec);
  return f ? basic_protocol(*f, {}) : basic_protocol();
}

std::ostream& operator<<(std::ostream& out, const address& a) { return out << a.to_string(); }

}  // namespace afplug
