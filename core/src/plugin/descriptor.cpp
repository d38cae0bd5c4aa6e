// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
#include "descriptor.hpp"

#include <afplug/plugin/value_kind.hpp>

#include <algorithm>
#include <cstring>
#include <memory>
#include <utility>
#include <vector>

#include "compat_1_0.hpp"
#include "elf_note.hpp"
#include "family_data.hpp"
#include "utf8.hpp"

namespace afplug::detail {
namespace {

constexpr std::uint32_t struct_max = 65536;
constexpr std::uint32_t count_max = 65536;
constexpr std::uint32_t value_max = 1u << 24;
constexpr std::size_t name_max = 127;
constexpr std::size_t text_max = 1023;
constexpr int number_max = 255;

// Thrown inside this file alone: which field is wrong, and how.
struct bad_field {
  std::string text;
};

// The path of a field, "options[3].members[0].name". Its text is built on an error only, since each load checks
// hundreds of fields. A field_path refers to its parent, which must outlive it.
class field_path {
 public:
  field_path(const char* name) noexcept : name_(name) {}
  field_path operator[](std::size_t index) const noexcept { return {this, nullptr, index}; }
  field_path operator+(const char* suffix) const noexcept { return {this, suffix, 0}; }
  std::string text() const {
    std::string all = in_ ? in_->text() : std::string();
    return name_ ? all.append(name_) : all.append(1, '[').append(std::to_string(index_)).append(1, ']');
  }

 private:
  field_path(const field_path* in, const char* name, std::size_t index) noexcept
      : in_(in), name_(name), index_(index) {}
  const field_path* in_ = nullptr;
  const char* name_;
  std::size_t index_ = 0;
};

[[noreturn]] void reject(const field_path& where, const std::string& what) {
  const std::string text = where.text();
  throw bad_field{text.substr(text.starts_with('.') ? 1 : 0) + ": " + what};
}

std::string number_text(std::int64_t n) { return std::to_string(n); }

const void* at(const void* data, std::size_t offset) noexcept { return static_cast<const char*>(data) + offset; }

// The size of a struct in ABI 1.0, the least that a plugin passes. Specialise it for a struct that a later minor
// extends.
template <typename T>
constexpr std::uint32_t least_size = sizeof(T);

// Copies a struct that begins with its size. Members beyond the plugin's size are zero.
template <typename T>
T copy_sized(const void* from, std::uint32_t capacity, const field_path& where) {
  std::uint32_t size = 0;
  std::memcpy(&size, from, sizeof size);
  if (size < least_size<T>)
    reject(where + ".size", "it is " + number_text(size) + ", the minimum is " + number_text(least_size<T>));
  if (size > capacity)
    reject(where + ".size", "it is " + number_text(size) + ", the maximum is " + number_text(capacity));
  T out{};
  std::memcpy(&out, from, std::min<std::size_t>(size, sizeof out));
  out.size = sizeof out;
  return out;
}

// Copies a table whose elements begin with their size; `convert` makes the host's type of each.
template <typename T, typename Convert>
auto copy_table(const afplug_array& table, const field_path& where, Convert convert) {
  std::vector<decltype(convert(std::declval<const T&>()))> out;
  if (table.count == 0) return out;
  if (table.count > count_max)
    reject(where + ".count", "it is " + number_text(table.count) + ", the maximum is " + number_text(count_max));
  if (!table.data) reject(where + ".data", "it is NULL, with a count of " + number_text(table.count));
  if (table.stride < least_size<T> || table.stride > struct_max)
    reject(where + ".stride", "it is " + number_text(table.stride) + ", not in " + number_text(least_size<T>) + ".." +
                                  number_text(struct_max));
  out.reserve(table.count);
  for (std::uint32_t i = 0; i < table.count; ++i)
    out.push_back(convert(copy_sized<T>(at(table.data, std::size_t{i} * table.stride), table.stride, where[i])));
  return out;
}

row to_row(const afplug_row& r) {
  return {r.flags,           r.type,       r.protocol,      r.native_domain, r.native_type,
          r.native_protocol, r.type_name,  r.protocol_name, r.options,       r.module,
          r.config,          r.capability, r.help};
}

member_info to_member(const afplug_member& m) {
  return {m.kind, m.name, m.offset, m.bytes, m.unit, m.flags, m.values, m.help};
}

// Its members are copied by copy_members().
option_info to_option(const afplug_option& o) {
  return {o.flags,     o.name,         o.group, o.level,  o.number, o.kind, o.unit, o.min_bytes,
          o.max_bytes, o.element_size, {},      o.values, o.help,   o.get,  o.set};
}

constant to_constant(const afplug_constant& c) { return {c.name, c.group, c.value, c.text}; }

// One line of UTF-8, at most `max` bytes.
void check_text(const char* text, std::size_t max, const field_path& where) {
  const std::size_t size = ::strnlen(text, max + 1);
  if (size > max) reject(where, "it is longer than " + number_text(static_cast<std::int64_t>(max)) + " bytes");
  // Nearly all texts are printable ASCII, and a family has thousands of bytes of them: a loop that vectorises checks
  // for this case first.
  unsigned char odd = 0;
  for (std::size_t i = 0; i < size; ++i) odd |= static_cast<unsigned char>(text[i] - ' ') > '~' - ' ';
  if (odd == 0) return;
  if (!is_utf8({text, size})) reject(where, "it is not UTF-8");
  if (std::any_of(text, text + size, [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; }))
    reject(where, "it contains a control character");
}

void check_optional(const char* text, const field_path& where) {
  if (text) check_text(text, text_max, where);
}

void check_name(const char* text, const field_path& where) {
  if (!text) reject(where, "it is NULL");
  check_text(text, name_max, where);
  if (*text == '\0') reject(where, "it is empty");
  if (std::strchr(text, ' ')) reject(where, "it contains a space");
}

void check_kind(std::uint32_t kind, std::uint32_t unit, const field_path& where) {
  if (!plugin::find_kind(kind))
    reject(where + ".kind",
           "it is " + number_text(kind) + ", not in 1.." + number_text(std::size(plugin::value_kinds) - 1));
  if (kind == AFPLUG_KIND_DURATION && !plugin::find_unit(unit))
    reject(where + ".unit",
           "it is " + number_text(unit) + ", not in 1.." + number_text(std::size(plugin::duration_units) - 1));
}

void check_member(const member_info& m, const field_path& where) {
  check_name(m.name, where + ".name");
  check_kind(m.kind, m.unit, where);
  check_optional(m.values, where + ".values");
  check_optional(m.help, where + ".help");
}

// A bit-field (AFPLUG_BITS) must lie inside an integer of `bytes` bytes.
void check_bits(const member_info& m, std::uint32_t bytes, const field_path& where) {
  if (m.kind == AFPLUG_KIND_DURATION || m.unit == 0) return;
  const auto shift = m.unit >> 8 & 0xff, width = m.unit & 0xff;
  if (!plugin::find_kind(m.kind)->bit_field || (m.unit >> 16) != 1 || width == 0 || width > 63 ||
      shift + width > bytes * 8)
    reject(where + ".unit", "it is " + number_text(m.unit) + ", which is not a bit-field of its kind");
}

// Checks a member of a struct of `struct_bytes` bytes, and fills in a size that its kind implies.
void check_struct_member(member_info& m, std::uint32_t struct_bytes, const field_path& where) {
  check_member(m, where);
  if (!plugin::find_kind(m.kind)->member) reject(where + ".kind", "a member cannot be of kind " + number_text(m.kind));
  if (const auto implied = plugin::implied_bytes(m.kind, m.unit)) {
    if (m.bytes != 0 && m.bytes != implied)
      reject(where + ".bytes", "it is " + number_text(m.bytes) + ", its kind takes " + number_text(implied));
    m.bytes = implied;
  }
  if (m.bytes == 0) reject(where + ".bytes", "it is 0, and its kind implies no size");
  check_bits(m, m.bytes, where);
  if (m.offset > struct_bytes || m.bytes > struct_bytes - m.offset)
    reject(where + ".offset", "it is " + number_text(m.offset) + ", which with " + number_text(m.bytes) +
                                  " bytes ends outside the struct of " + number_text(struct_bytes));
}

void check_row(const row& r, const family_data& f, const field_path& where) {
  constexpr int type_max = 15;  // SOCK_TYPE_MASK in the kernel
  if (r.type < AFPLUG_ANY || r.type > type_max)
    reject(where + ".type", "it is " + number_text(r.type) + ", which is not a SOCK_* number");
  if (r.protocol < AFPLUG_ANY) reject(where + ".protocol", "it is " + number_text(r.protocol));
  if (r.native_domain < AFPLUG_ANY) reject(where + ".native_domain", "it is " + number_text(r.native_domain));
  if (r.native_type < AFPLUG_ANY || r.native_type > type_max)
    reject(where + ".native_type", "it is " + number_text(r.native_type) + ", which is not a SOCK_* number");
  if (r.native_protocol < AFPLUG_ANY) reject(where + ".native_protocol", "it is " + number_text(r.native_protocol));
  const bool opens_itself = f.in_user_space() || f.kernel_ops.open;
  if (r.native_domain == AFPLUG_ANY && f.descriptor.number == 0 && !opens_itself)
    reject(where + ".native_domain", "it is AFPLUG_ANY, and the family has no number");
  if (r.type_name || r.type != AFPLUG_ANY) check_name(r.type_name, where + ".type_name");
  if (r.protocol_name) check_name(r.protocol_name, where + ".protocol_name");
  check_optional(r.options, where + ".options");
  check_optional(r.module, where + ".module");
  check_optional(r.config, where + ".config");
  check_optional(r.capability, where + ".capability");
  check_optional(r.help, where + ".help");
}

// Checks the sizes of an option, and fills in those that its kind implies.
void check_option_sizes(option_info& o, const field_path& where) {
  if (o.max_bytes > value_max)
    reject(where + ".max_bytes", "it is " + number_text(o.max_bytes) + ", the maximum is " + number_text(value_max));
  if (const auto implied = plugin::implied_bytes(o.kind, o.unit)) {
    if (o.min_bytes == 0) o.min_bytes = implied;
    if (o.max_bytes == 0) o.max_bytes = std::max(implied, o.min_bytes);
    if (o.min_bytes > implied || o.max_bytes < implied)
      reject(where + ".min_bytes", "its kind takes " + number_text(implied) + " bytes, not in " +
                                       number_text(o.min_bytes) + ".." + number_text(o.max_bytes));
  }
  if (o.min_bytes > o.max_bytes)
    reject(where + ".min_bytes",
           "it is " + number_text(o.min_bytes) + ", more than max_bytes, " + number_text(o.max_bytes));
  const bool sized = o.kind != AFPLUG_KIND_CALL && o.kind != AFPLUG_KIND_LENGTH;
  if (sized && o.max_bytes == 0) reject(where + ".max_bytes", "it is 0, and its kind implies no size");
  if (o.kind == AFPLUG_KIND_ARRAY && (o.element_size == 0 || o.element_size > o.max_bytes))
    reject(where + ".element_size", "it is " + number_text(o.element_size) + ", not in 1.." + number_text(o.max_bytes));
}

// Consecutive elements mostly share the pointer of their group's name: `good_group` was checked just before.
void check_option(option_info& o, const char* good_group, const field_path& where) {
  check_name(o.name, where + ".name");
  if (o.group != good_group) check_optional(o.group, where + ".group");
  check_optional(o.values, where + ".values");
  check_optional(o.help, where + ".help");
  if ((o.flags & (AFPLUG_OPTION_READ | AFPLUG_OPTION_WRITE)) == 0)
    reject(where + ".flags", "it has neither AFPLUG_OPTION_READ nor AFPLUG_OPTION_WRITE");
  check_kind(o.kind, o.unit, where);
  check_option_sizes(o, where);
  if (o.kind == AFPLUG_KIND_CALL && (o.flags & AFPLUG_OPTION_READ) && !o.get) reject(where + ".get", "it is NULL");
  if (o.kind == AFPLUG_KIND_CALL && (o.flags & AFPLUG_OPTION_WRITE) && !o.set) reject(where + ".set", "it is NULL");
}

std::vector<member_info> copy_members(const option_info& o, const afplug_array& table, const field_path& where) {
  const bool composed = o.kind == AFPLUG_KIND_STRUCT || o.kind == AFPLUG_KIND_ARRAY;
  if (!composed) {
    if (table.count != 0)
      reject(where + ".members.count", "an option of kind " + number_text(o.kind) + " has no members");
    return {};
  }
  auto members = copy_table<afplug_member>(table, where + ".members", to_member);
  if (members.empty()) reject(where + ".members.count", "it is 0");
  const auto struct_bytes = o.kind == AFPLUG_KIND_ARRAY ? o.element_size : o.max_bytes;
  for (std::size_t i = 0; i < members.size(); ++i)
    check_struct_member(members[i], struct_bytes, (where + ".members")[i]);
  return members;
}

void check_constant(const constant& c, const char* good_group, const field_path& where) {
  check_name(c.name, where + ".name");
  if (c.group != good_group) check_optional(c.group, where + ".group");
  check_optional(c.text, where + ".text");
}

// Whether a slot is set, and its name.
#define AFPLUG_SLOT(table, slot) \
  std::pair { (table).slot != nullptr, #slot }

template <std::size_t N>
void check_slots(const std::pair<bool, const char*> (&slots)[N], const field_path& where) {
  for (const auto& [there, name] : slots)
    if (!there) reject(where + "." + name, "it is NULL, but required");
}

void check_codec(const afplug_codec& c) {
  check_slots({AFPLUG_SLOT(c, parse), AFPLUG_SLOT(c, format), AFPLUG_SLOT(c, get), AFPLUG_SLOT(c, set)}, "codec");
}

void check_user_ops(const afplug_user_ops& o) {
  check_slots({AFPLUG_SLOT(o, open), AFPLUG_SLOT(o, close), AFPLUG_SLOT(o, sendmsg), AFPLUG_SLOT(o, recvmsg),
               AFPLUG_SLOT(o, readiness)},
              "user_ops");
  if (o.connect) check_slots({AFPLUG_SLOT(o, connect_result)}, "user_ops");
}

#undef AFPLUG_SLOT

void check_heading(const afplug_family& f) {
  if (!f.id) reject("id", "it is NULL");
  if (!is_id({f.id, ::strnlen(f.id, AFPLUG_ID_MAX + 1)}))
    reject("id", "it is not a name of the form [a-z][a-z0-9_-]* of at most " + number_text(AFPLUG_ID_MAX) + " bytes");
  if (f.number < 0 || f.number > number_max)
    reject("number", "it is " + number_text(f.number) + ", not in 0.." + number_text(number_max));
  if (f.backing != AFPLUG_BACKING_KERNEL && f.backing != AFPLUG_BACKING_USER)
    reject("backing", "it is " + number_text(f.backing) + ", neither AFPLUG_BACKING_KERNEL nor AFPLUG_BACKING_USER");
  check_name(f.name, "name");
  check_optional(f.help, "help");
  check_optional(f.module, "module");
  check_optional(f.config, "config");
}

void read_codec(family_data& f) {
  if (!f.descriptor.codec) reject("codec", "it is NULL, but required");
  f.codec = copy_sized<afplug_codec>(f.descriptor.codec, struct_max, "codec");
  check_codec(f.codec);
  f.fields = copy_table<afplug_member>(f.codec.fields, "codec.fields", to_member);
  for (std::size_t i = 0; i < f.fields.size(); ++i) check_member(f.fields[i], field_path("codec.fields")[i]);
}

void read_operations(family_data& f) {
  const auto& d = f.descriptor;
  if (d.kernel_ops) f.kernel_ops = copy_sized<afplug_kernel_ops>(d.kernel_ops, struct_max, "kernel_ops");
  if (d.backing != AFPLUG_BACKING_USER) return;
  if (!d.user_ops) reject("user_ops", "it is NULL, but required of a family in user space");
  f.user_ops = copy_sized<afplug_user_ops>(d.user_ops, struct_max, "user_ops");
  check_user_ops(f.user_ops);
}

void read_rows(family_data& f) {
  f.rows = copy_table<afplug_row>(f.descriptor.rows, "rows", to_row);
  if (f.rows.empty()) reject("rows.count", "it is 0");
  for (std::size_t i = 0; i < f.rows.size(); ++i) check_row(f.rows[i], f, field_path("rows")[i]);
}

void read_options(family_data& f) {
  std::vector<afplug_array> members;
  f.options = copy_table<afplug_option>(f.descriptor.options, "options", [&](const afplug_option& o) {
    members.push_back(o.members);
    return to_option(o);
  });
  f.option_members.resize(f.options.size());
  const field_path all("options");
  for (std::size_t i = 0; i < f.options.size(); ++i) {
    const field_path where = all[i];
    auto& o = f.options[i];
    check_option(o, i > 0 ? f.options[i - 1].group : nullptr, where);
    f.option_members[i] = copy_members(o, members[i], where);
    o.members = f.option_members[i];
  }
}

void read_constants(family_data& f) {
  f.constants = copy_table<afplug_constant>(f.descriptor.constants, "constants", to_constant);
  const char* good_group = nullptr;
  for (std::size_t i = 0; i < f.constants.size(); ++i) {
    check_constant(f.constants[i], good_group, field_path("constants")[i]);
    good_group = f.constants[i].group;
  }
}

}  // namespace

std::unique_ptr<const family> adopt_family(const afplug_family& raw, const descriptor_origin& origin,
                                           int assigned_number, std::string& why) {
  try {
    auto f = std::make_unique<family_data>();
    f->descriptor = copy_sized<afplug_family>(&raw, struct_max, "");
    check_heading(f->descriptor);
    read_codec(*f);
    read_operations(*f);
    read_rows(*f);
    read_options(*f);
    read_constants(*f);
    f->provider = origin.provider;
    f->version = origin.version;
    f->path = origin.path;
    f->flags = f->descriptor.flags;
    f->number = f->descriptor.number != 0 ? f->descriptor.number : assigned_number;
    if (origin.abi_minor < 1) apply_compat_1_0(*f);
    return family_data::make_family(std::move(f));
  } catch (const bad_field& e) {
    why = e.text;
    return nullptr;
  }
}

}  // namespace afplug::detail
