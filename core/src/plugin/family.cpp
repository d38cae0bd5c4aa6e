// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
#include <sys/socket.h>
#include <sys/time.h>
#include <afplug/family.hpp>

#include <algorithm>
#include <cstring>
#include <ctime>
#include <memory>
#include <mutex>
#include <utility>

#include "elf_note.hpp"
#include "utf8.hpp"

namespace afplug {
namespace {

constexpr std::uint32_t struct_max = 65536;
constexpr std::uint32_t count_max = 65536;
constexpr std::uint32_t value_max = 1u << 24;
constexpr std::size_t name_max = 127;
constexpr std::size_t text_max = 1023;
constexpr int number_max = 255;

// Leaves adopt() with the field that is wrong; never leaves this file.
struct bad_field {
  std::string text;
};

// Where in the descriptor something stands: "options[3].members[0].name". There are hundreds of fields to check at each
// load, so the words are put together only to complain. A place refers to the one that it is in, which must outlive it.
class place {
 public:
  place(const char* name) noexcept : name_(name) {}
  place operator[](std::size_t index) const noexcept { return {this, nullptr, index}; }
  place operator+(const char* suffix) const noexcept { return {this, suffix, 0}; }
  std::string text() const {
    std::string all = in_ ? in_->text() : std::string();
    return name_ ? all.append(name_) : all.append(1, '[').append(std::to_string(index_)).append(1, ']');
  }

 private:
  place(const place* in, const char* name, std::size_t index) noexcept : in_(in), name_(name), index_(index) {}
  const place* in_ = nullptr;
  const char* name_;
  std::size_t index_ = 0;
};

[[noreturn]] void bad(const place& where, const std::string& what) {
  const std::string text = where.text();
  throw bad_field{text.substr(text.starts_with('.') ? 1 : 0) + ": " + what};
}

std::string number_text(std::int64_t n) { return std::to_string(n); }

const void* at(const void* data, std::size_t offset) noexcept { return static_cast<const char*>(data) + offset; }

// What a struct had in ABI 1.0, which every plugin has at least: to be specialised for those that a minor lets grow.
template <typename T>
constexpr std::uint32_t least_size = sizeof(T);

// Copies a struct that begins with its size: as much as both sides know of it, the rest zero.
template <typename T>
T copy_sized(const void* from, std::uint32_t room, const place& where) {
  std::uint32_t size = 0;
  std::memcpy(&size, from, sizeof size);
  if (size < least_size<T>)
    bad(where + ".size", "it is " + number_text(size) + ", the least is " + number_text(least_size<T>));
  if (size > room) bad(where + ".size", "it is " + number_text(size) + ", the most is " + number_text(room));
  T out{};
  std::memcpy(&out, from, std::min<std::size_t>(size, sizeof out));
  out.size = sizeof out;
  return out;
}

// `Out` is T, or what the host makes of it.
template <typename T, typename Out = T>
std::vector<Out> copy_table(const afplug_array& table, const place& where) {
  std::vector<Out> out;
  if (table.count == 0) return out;
  if (table.count > count_max)
    bad(where + ".count", "it is " + number_text(table.count) + ", the most is " + number_text(count_max));
  if (!table.data) bad(where + ".data", "it is NULL, with a count of " + number_text(table.count));
  if (table.stride < least_size<T> || table.stride > struct_max)
    bad(where + ".stride", "it is " + number_text(table.stride) + ", not in " + number_text(least_size<T>) + ".." +
                               number_text(struct_max));
  out.reserve(table.count);
  for (std::uint32_t i = 0; i < table.count; ++i)
    static_cast<T&>(out.emplace_back()) =
        copy_sized<T>(at(table.data, std::size_t{i} * table.stride), table.stride, where[i]);
  return out;
}

// Text of a plugin's: UTF-8 on one line, of a believable length.
void check_text(const char* text, std::size_t max, const place& where) {
  const std::size_t size = ::strnlen(text, max + 1);
  if (size > max) bad(where, "it is longer than " + number_text(static_cast<std::int64_t>(max)) + " bytes");
  // Nearly all of it is plain, and a family has thousands of bytes of names and help: a loop that the compiler makes
  // wide.
  unsigned char odd = 0;
  for (std::size_t i = 0; i < size; ++i) odd |= static_cast<unsigned char>(text[i] - ' ') > '~' - ' ';
  if (odd == 0) return;
  if (!detail::is_utf8({text, size})) bad(where, "it is not UTF-8");
  if (std::any_of(text, text + size, [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; }))
    bad(where, "it holds a control character");
}

void check_optional(const char* text, const place& where) {
  if (text) check_text(text, text_max, where);
}

void check_name(const char* text, const place& where) {
  if (!text) bad(where, "it is NULL");
  check_text(text, name_max, where);
  if (*text == '\0') bad(where, "it is empty");
  if (std::strchr(text, ' ')) bad(where, "it holds a blank");
}

struct kind_info {
  std::uint32_t bytes;  ///< what the kind implies; 0: the table says it
  bool in_struct;       ///< may be a member
};

constexpr kind_info kinds[] = {
    /* 0 */ {0, false},
    /* FLAG */ {4, true},
    /* I32 */ {4, true},
    /* U32 */ {4, true},
    /* I64 */ {8, true},
    /* U64 */ {8, true},
    /* U8 */ {1, true},
    /* U16 */ {2, true},
    /* U16BE */ {2, true},
    /* U32BE */ {4, true},
    /* TEXT */ {0, true},
    /* IFNAME */ {16, true},
    /* IFINDEX */ {4, true},
    /* DURATION */ {0, true},
    /* BYTES */ {0, true},
    /* STRUCT */ {0, false},
    /* ARRAY */ {0, false},
    /* LENGTH */ {0, false},
    /* IPV4 */ {4, true},
    /* IPV6 */ {16, true},
    /* MAC */ {0, true},
    /* SOCKADDR */ {0, true},
    /* CALL */ {0, false},
    /* BDADDR */ {6, true},
    /* I8 */ {1, true},
    /* I16 */ {2, true},
};
static_assert(std::size(kinds) == AFPLUG_KIND_I16 + 1);

constexpr std::uint32_t unit_bytes[] = {0, sizeof(timeval), 16, 4, 4, 4, 4, sizeof(timespec)};
static_assert(std::size(unit_bytes) == AFPLUG_UNIT_TIMESPEC + 1);

void check_kind(std::uint32_t kind, std::uint32_t unit, const place& where) {
  if (kind < 1 || kind >= std::size(kinds))
    bad(where + ".kind", "it is " + number_text(kind) + ", not in 1.." + number_text(std::size(kinds) - 1));
  if (kind == AFPLUG_KIND_DURATION && (unit < 1 || unit >= std::size(unit_bytes)))
    bad(where + ".unit", "it is " + number_text(unit) + ", not in 1.." + number_text(std::size(unit_bytes) - 1));
}

std::uint32_t implied_bytes(std::uint32_t kind, std::uint32_t unit) noexcept {
  return kind == AFPLUG_KIND_DURATION ? unit_bytes[unit] : kinds[kind].bytes;
}

void check_member(afplug_member& m, const place& where) {
  check_name(m.name, where + ".name");
  check_kind(m.kind, m.unit, where);
  check_optional(m.values, where + ".values");
  check_optional(m.help, where + ".help");
}

// A bit-field (AFPLUG_BITS) lies inside an integer of `bytes` bytes.
void check_bits(const afplug_member& m, std::uint32_t bytes, const place& where) {
  if (m.kind == AFPLUG_KIND_DURATION || m.unit == 0) return;
  const auto shift = m.unit >> 8 & 0xff, width = m.unit & 0xff;
  const bool integer = (m.kind >= AFPLUG_KIND_I32 && m.kind <= AFPLUG_KIND_U32BE) || m.kind == AFPLUG_KIND_I8 ||
                       m.kind == AFPLUG_KIND_I16;
  if (!integer || (m.unit >> 16) != 1 || width == 0 || width > 63 || shift + width > bytes * 8)
    bad(where + ".unit", "it is " + number_text(m.unit) + ", no bits of its kind");
}

// A member of an option's struct of `room` bytes; an implied size is filled in.
void place_member(afplug_member& m, std::uint32_t room, const place& where) {
  check_member(m, where);
  if (!kinds[m.kind].in_struct) bad(where + ".kind", "a member cannot be of kind " + number_text(m.kind));
  if (const auto implied = implied_bytes(m.kind, m.unit)) {
    if (m.bytes != 0 && m.bytes != implied)
      bad(where + ".bytes", "it is " + number_text(m.bytes) + ", its kind takes " + number_text(implied));
    m.bytes = implied;
  }
  if (m.bytes == 0) bad(where + ".bytes", "it is 0, and its kind does not say");
  check_bits(m, m.bytes, where);
  if (m.offset > room || m.bytes > room - m.offset)
    bad(where + ".offset", "it is " + number_text(m.offset) + ", which with " + number_text(m.bytes) +
                               " bytes ends outside the struct of " + number_text(room));
}

void check_row(const row& r, const afplug_family& f, const place& where) {
  constexpr int type_max = 15;  // what the kernel leaves of a type without its flags
  if (r.type < AFPLUG_ANY || r.type > type_max)
    bad(where + ".type", "it is " + number_text(r.type) + ", no SOCK_* number");
  if (r.protocol < AFPLUG_ANY) bad(where + ".protocol", "it is " + number_text(r.protocol));
  if (r.native_domain < AFPLUG_ANY) bad(where + ".native_domain", "it is " + number_text(r.native_domain));
  if (r.native_type < AFPLUG_ANY || r.native_type > type_max)
    bad(where + ".native_type", "it is " + number_text(r.native_type) + ", no SOCK_* number");
  if (r.native_protocol < AFPLUG_ANY) bad(where + ".native_protocol", "it is " + number_text(r.native_protocol));
  const bool opens_itself = f.backing == AFPLUG_BACKING_USER || (f.kernel_ops && f.kernel_ops->open);
  if (r.native_domain == AFPLUG_ANY && f.number == 0 && !opens_itself)
    bad(where + ".native_domain", "it is AFPLUG_ANY, and the family has no number");
  if (r.type_name || r.type != AFPLUG_ANY) check_name(r.type_name, where + ".type_name");
  if (r.protocol_name) check_name(r.protocol_name, where + ".protocol_name");
  check_optional(r.options, where + ".options");
  check_optional(r.module, where + ".module");
  check_optional(r.config, where + ".config");
  check_optional(r.capability, where + ".capability");
  check_optional(r.help, where + ".help");
}

// Sizes of an option; implied ones are filled in.
void check_option_sizes(option_info& o, const place& where) {
  if (o.max_bytes > value_max)
    bad(where + ".max_bytes", "it is " + number_text(o.max_bytes) + ", the most is " + number_text(value_max));
  if (const auto implied = implied_bytes(o.kind, o.unit)) {
    if (o.min_bytes == 0) o.min_bytes = implied;
    if (o.max_bytes == 0) o.max_bytes = std::max(implied, o.min_bytes);
    if (o.min_bytes > implied || o.max_bytes < implied)
      bad(where + ".min_bytes", "its kind takes " + number_text(implied) + " bytes, which is not in " +
                                    number_text(o.min_bytes) + ".." + number_text(o.max_bytes));
  }
  if (o.min_bytes > o.max_bytes)
    bad(where + ".min_bytes",
        "it is " + number_text(o.min_bytes) + ", more than max_bytes, " + number_text(o.max_bytes));
  const bool sized = o.kind != AFPLUG_KIND_CALL && o.kind != AFPLUG_KIND_LENGTH;
  if (sized && o.max_bytes == 0) bad(where + ".max_bytes", "it is 0, and its kind does not say");
  if (o.kind == AFPLUG_KIND_ARRAY && (o.element_size == 0 || o.element_size > o.max_bytes))
    bad(where + ".element_size", "it is " + number_text(o.element_size) + ", not in 1.." + number_text(o.max_bytes));
}

// A group's name stands in many elements, mostly as the same pointer: one that was just checked is good.
void check_option(option_info& o, const char* good_group, const place& where) {
  check_name(o.name, where + ".name");
  if (o.group != good_group) check_optional(o.group, where + ".group");
  check_optional(o.values, where + ".values");
  check_optional(o.help, where + ".help");
  if ((o.flags & (AFPLUG_OPTION_READ | AFPLUG_OPTION_WRITE)) == 0)
    bad(where + ".flags", "neither AFPLUG_OPTION_READ nor AFPLUG_OPTION_WRITE is in it");
  check_kind(o.kind, o.unit, where);
  check_option_sizes(o, where);
  if (o.kind == AFPLUG_KIND_CALL && (o.flags & AFPLUG_OPTION_READ) && !o.get) bad(where + ".get", "it is NULL");
  if (o.kind == AFPLUG_KIND_CALL && (o.flags & AFPLUG_OPTION_WRITE) && !o.set) bad(where + ".set", "it is NULL");
}

std::vector<afplug_member> copy_members(const option_info& o, const place& where) {
  const bool composed = o.kind == AFPLUG_KIND_STRUCT || o.kind == AFPLUG_KIND_ARRAY;
  if (!composed) {
    if (o.members.count != 0)
      bad(where + ".members.count", "an option of kind " + number_text(o.kind) + " has no members");
    return {};
  }
  auto members = copy_table<afplug_member>(o.members, where + ".members");
  if (members.empty()) bad(where + ".members.count", "it is 0");
  const auto room = o.kind == AFPLUG_KIND_ARRAY ? o.element_size : o.max_bytes;
  for (std::size_t i = 0; i < members.size(); ++i) place_member(members[i], room, (where + ".members")[i]);
  return members;
}

void check_constant(const constant& c, const char* good_group, const place& where) {
  check_name(c.name, where + ".name");
  if (c.group != good_group) check_optional(c.group, where + ".group");
  check_optional(c.text, where + ".text");
}

// A member of `table` whose name stands beside it.
#define AFPLUG_SLOT(table, slot) \
  std::pair { (table).slot != nullptr, #slot }

template <std::size_t N>
void check_slots(const std::pair<bool, const char*> (&slots)[N], const place& where) {
  for (const auto& [there, name] : slots)
    if (!there) bad(where + "." + name, "it is NULL, and required");
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
  if (!f.id) bad("id", "it is NULL");
  if (!detail::is_id({f.id, ::strnlen(f.id, AFPLUG_ID_MAX + 1)}))
    bad("id", "it is no name of the form [a-z][a-z0-9_-]*, at most " + number_text(AFPLUG_ID_MAX) + " bytes");
  if (f.number < 0 || f.number > number_max)
    bad("number", "it is " + number_text(f.number) + ", not in 0.." + number_text(number_max));
  if (f.backing != AFPLUG_BACKING_KERNEL && f.backing != AFPLUG_BACKING_USER)
    bad("backing", "it is " + number_text(f.backing) + ", neither AFPLUG_BACKING_KERNEL nor AFPLUG_BACKING_USER");
  check_name(f.name, "name");
  check_optional(f.help, "help");
  check_optional(f.module, "module");
  check_optional(f.config, "config");
}

template <typename T>
afplug_array as_array(const std::vector<T>& v) noexcept {
  return {v.data(), static_cast<std::uint32_t>(v.size()), sizeof(T)};
}

template <typename T>
const T* find_named(std::span<const T> table, std::string_view name) noexcept {
  const auto it = std::find_if(table.begin(), table.end(), [name](const T& e) { return name == e.name; });
  return it == table.end() ? nullptr : &*it;
}

// Adopted families live for ever: held here, where a leak checker sees them.
void keep(std::unique_ptr<const family> f) {
  static std::mutex mutex;
  static auto& all = *new std::vector<std::unique_ptr<const family>>;
  const std::lock_guard lock(mutex);
  all.push_back(std::move(f));
}

}  // namespace

const family* family::adopt(const afplug_family& raw, std::string_view provider, std::string_view version,
                            std::string_view path, int assigned_number, std::string& why) {
  try {
    std::unique_ptr<family> out(new family);
    auto& d = out->descriptor_;
    d = copy_sized<afplug_family>(&raw, struct_max, "");
    check_heading(d);

    if (!d.codec) bad("codec", "it is NULL, and required");
    out->codec_ = copy_sized<afplug_codec>(d.codec, struct_max, "codec");
    check_codec(out->codec_);
    if (d.kernel_ops) out->kernel_ops_ = copy_sized<afplug_kernel_ops>(d.kernel_ops, struct_max, "kernel_ops");
    out->kernel_ops_.size = sizeof out->kernel_ops_;
    d.kernel_ops = &out->kernel_ops_;
    if (d.backing == AFPLUG_BACKING_USER) {
      if (!d.user_ops) bad("user_ops", "it is NULL, and required of a family in user space");
      out->user_ops_ = copy_sized<afplug_user_ops>(d.user_ops, struct_max, "user_ops");
      check_user_ops(out->user_ops_);
    }

    out->fields_ = copy_table<afplug_member>(out->codec_.fields, "codec.fields");
    for (std::size_t i = 0; i < out->fields_.size(); ++i) check_member(out->fields_[i], place("codec.fields")[i]);

    out->rows_ = copy_table<row>(d.rows, "rows");
    if (out->rows_.empty()) bad("rows.count", "it is 0");
    for (std::size_t i = 0; i < out->rows_.size(); ++i) check_row(out->rows_[i], d, place("rows")[i]);

    out->options_ = copy_table<afplug_option, option_info>(d.options, "options");
    out->member_tables_.resize(out->options_.size());
    const place all_options("options");
    for (std::size_t i = 0; i < out->options_.size(); ++i) {
      const place where = all_options[i];
      auto& o = out->options_[i];
      check_option(o, i > 0 ? out->options_[i - 1].group : nullptr, where);
      out->member_tables_[i] = copy_members(o, where);
      o.member_table = out->member_tables_[i];
      o.members = as_array(out->member_tables_[i]);
    }

    out->constants_ = copy_table<constant>(d.constants, "constants");
    const char* good_group = nullptr;
    for (std::size_t i = 0; i < out->constants_.size(); ++i) {
      check_constant(out->constants_[i], good_group, place("constants")[i]);
      good_group = out->constants_[i].group;
    }

    d.rows = as_array(out->rows_);
    d.options = as_array(out->options_);
    d.constants = as_array(out->constants_);
    out->codec_.fields = as_array(out->fields_);
    d.codec = &out->codec_;
    d.user_ops = d.backing == AFPLUG_BACKING_USER ? &out->user_ops_ : nullptr;
    out->provider_ = provider;
    out->version_ = version;
    out->path_ = path;
    out->number_ = d.number != 0 ? d.number : assigned_number;
    const family* kept = out.get();
    keep(std::move(out));
    return kept;
  } catch (const bad_field& e) {
    why = e.text;
    return nullptr;
  }
}

const row* family::find_row(int type, int protocol) const noexcept {
  type &= ~(SOCK_NONBLOCK | SOCK_CLOEXEC);
  const auto first = [this](auto fits) -> const row* {
    const auto it = std::find_if(rows_.begin(), rows_.end(), fits);
    return it == rows_.end() ? nullptr : &*it;
  };
  if (const auto* r = first([&](const row& e) { return e.type == type && e.protocol == protocol; })) return r;
  if (protocol == 0)
    if (const auto* r = first([&](const row& e) { return e.type == type && (e.flags & AFPLUG_ROW_DEFAULT); })) return r;
  return first([&](const row& e) {
    return (e.type == AFPLUG_ANY || e.type == type) && (e.protocol == AFPLUG_ANY || e.protocol == protocol);
  });
}

const option_info* family::find_option(std::string_view name) const noexcept {
  if (const auto* o = find_named(options(), name)) return o;
  return find_named(socket_options(), name);
}

const constant* family::find_constant(std::string_view name) const noexcept {
  if (const auto* c = find_named(constants(), name)) return c;
  return find_named(socket_constants(), name);
}

const void* family::extension(const char* id) const noexcept {
  if (!descriptor_.extension || !id) return nullptr;
  try {
    return descriptor_.extension(id);
  } catch (...) {
    return nullptr;  // a plugin that throws has broken the contract; it has no such extension
  }
}

}  // namespace afplug
