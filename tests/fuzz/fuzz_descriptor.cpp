// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Input: the tables of a plugin. Numbers are the input's bytes, or values near the valid ones; pointers are null or
// lead to memory that is there, as the contract requires. The descriptor is refused with a reason, or becomes a family
// whose options can be formatted and parsed.
#include <afplug/plugin.h>
#include <afplug/option.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "descriptor.hpp"
#include "require.hpp"

namespace {

class input {
 public:
  input(const std::uint8_t* data, std::size_t size) : data_(data), size_(size) {}
  std::uint8_t byte() noexcept { return size_ == 0 ? std::uint8_t{0} : (--size_, *data_++); }
  /// Mostly a small number, which is valid more often.
  std::uint32_t number() noexcept {
    const auto kind = byte();
    if (kind < 200) return kind % 50;
    std::uint32_t out = 0;
    for (int i = 0; i < 4; ++i) out = out << 8 | byte();
    return out;
  }
  template <class T>
  T* one_of(T* function) noexcept {
    return byte() % 8 == 0 ? nullptr : function;
  }
  const char* text(bool required) {
    static constexpr const char* names[] = {"A", "SOCK_STREAM", "SO_NAME", "abc", "group", "x y", "", "\xff", "a\nb"};
    const auto kind = byte();
    if (kind < 40) return required ? names[0] : nullptr;
    if (kind < 220) return names[kind % 6 % (kind < 200 ? 5 : 6)];
    if (kind < 250) return names[kind % std::size(names)];
    std::string made;
    for (int n = byte(); n > 0; --n) made += static_cast<char>(byte());
    texts_.push_back(made + std::string(made.size() % 3 == 0 ? 1100 : 0, 'x'));
    return texts_.back().c_str();
  }
  bool empty() const noexcept { return size_ == 0; }

 private:
  const std::uint8_t* data_;
  std::size_t size_;
  std::deque<std::string> texts_;
};

/// A table of up to `most` elements, each in memory of its own size, whose stride and size fields may be wrong.
template <class T>
struct table {
  std::vector<T> elements;
  afplug_array make(input& in, std::size_t most, void (*fill)(input&, T&)) {
    elements.resize(in.byte() % (most + 1));
    for (auto& one : elements) {
      fill(in, one);
      const auto size = in.byte();
      one.size = size < 240 ? static_cast<std::uint32_t>(sizeof one) : in.number();
    }
    afplug_array out{elements.data(), static_cast<std::uint32_t>(elements.size()), sizeof(T)};
    const auto wrong = in.byte();
    if (wrong == 255) out.data = nullptr;
    if (wrong == 254) out.stride = in.byte();                     // less than an element
    if (wrong == 253 && !elements.empty()) out.count = 1u << 17;  // refused before it is read
    if (out.stride > sizeof(T)) out.stride = sizeof(T);
    return out;
  }
};

void fill(input& in, afplug_member& m) {
  m = {0,           in.number(), in.text(true),  in.number(),   in.number(),
       in.number(), in.number(), in.text(false), in.text(false)};
}
void fill(input& in, afplug_row& r) {
  r = {};
  r.flags = in.number();
  for (auto* one : {&r.type, &r.protocol, &r.native_domain, &r.native_type, &r.native_protocol})
    *one = static_cast<std::int32_t>(in.number() - 1);
  r.type_name = in.text(true);
  for (auto* one : {&r.protocol_name, &r.options, &r.module, &r.config, &r.capability, &r.help}) *one = in.text(false);
}
void fill(input& in, afplug_constant& c) { c = {0, 0, in.text(true), in.text(false), in.number(), in.text(false)}; }

namespace slots {

std::int32_t get_text(std::int64_t, const afplug_identity*, afplug_text*, afplug_text*) { return 0; }
std::int32_t set_text(std::int64_t, const afplug_identity*, const char*, std::size_t, afplug_text*) { return 0; }
std::int32_t parse(const afplug_identity*, const char*, std::size_t, afplug_sockaddr*, afplug_text*) { return -22; }
std::int32_t format(const afplug_identity*, const void*, std::uint32_t, afplug_text*) { return -22; }
std::int32_t get(const afplug_identity*, const void*, std::uint32_t, afplug_value*, std::uint32_t) { return -22; }
std::int32_t set(const afplug_identity*, const afplug_value*, std::uint32_t, afplug_sockaddr*, afplug_text*) {
  return -22;
}
std::int32_t open(const afplug_identity*, void**, std::int64_t*) { return -22; }
void close(void*, std::uint32_t) {}
std::int32_t sendmsg(void*, const afplug_message*, std::uint64_t*) { return -22; }
std::int32_t recvmsg(void*, afplug_message*, std::uint64_t*) { return -22; }
std::int32_t readiness(void*, std::int32_t) { return 0; }
std::int32_t connect(void*, const void*, std::uint32_t) { return -22; }
std::int32_t connect_result(void*) { return -22; }

}  // namespace slots

std::deque<table<afplug_member>> member_tables;

void fill(input& in, afplug_option& o) {
  o = {};
  o.flags = in.number();
  o.name = in.text(true);
  o.group = in.text(false);
  o.level = static_cast<std::int32_t>(in.number());
  o.number = static_cast<std::int32_t>(in.number());
  for (auto* one : {&o.kind, &o.unit, &o.min_bytes, &o.max_bytes, &o.element_size}) *one = in.number();
  if (in.byte() % 4 == 0) o.members = member_tables.emplace_back().make(in, 4, &fill);
  o.values = in.text(false);
  o.help = in.text(false);
  o.get = in.one_of(&slots::get_text);
  o.set = in.one_of(&slots::set_text);
}

template <class T>
void set_size(input& in, T& of) {
  of.size = in.byte() < 240 ? static_cast<std::uint32_t>(sizeof of) : in.byte();  // not more than is there
}

void use(const afplug::family& f) {
  for (const auto& o : f.options()) {
    afplug::error_code ec;
    const std::vector<std::byte> bytes(std::min<std::size_t>(o.max_bytes, 4096), std::byte{0x41});
    for (const std::size_t size : {bytes.size(), bytes.size() / 2, std::size_t{0}}) {
      const std::vector<std::byte> exact(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
      const auto text = format_option(o, exact, &f, ec);
      REQUIRE(!ec || text.empty());
      if (!ec) static_cast<void>(parse_option(o, text, &f, ec));
    }
    const auto parsed = parse_option(o, "1", &f, ec);
    REQUIRE(ec || o.kind == AFPLUG_KIND_LENGTH || parsed.size() <= o.max_bytes || o.max_bytes == 0);
    REQUIRE(f.find_option(o.name) != nullptr);
  }
  for (const auto& r : f.rows()) REQUIRE(f.find_row(r.concrete_type(), r.concrete_protocol()) != nullptr);
  for (const auto& c : f.constants()) REQUIRE(f.find_constant(c.name) != nullptr);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  input in(data, size);
  member_tables.clear();
  table<afplug_row> rows;
  table<afplug_option> options;
  table<afplug_constant> constants;
  table<afplug_member> fields;
  afplug_codec codec{};
  set_size(in, codec);
  codec.fields = fields.make(in, 4, &fill);
  codec.parse = in.one_of(&slots::parse);
  codec.format = in.one_of(&slots::format);
  codec.get = in.one_of(&slots::get);
  codec.set = in.one_of(&slots::set);
  afplug_user_ops user{};
  set_size(in, user);
  user.open = in.one_of(&slots::open);
  user.close = in.one_of(&slots::close);
  user.sendmsg = in.one_of(&slots::sendmsg);
  user.recvmsg = in.one_of(&slots::recvmsg);
  user.readiness = in.one_of(&slots::readiness);
  user.connect = in.one_of(&slots::connect);
  user.connect_result = in.one_of(&slots::connect_result);
  afplug_kernel_ops kernel{};
  set_size(in, kernel);

  afplug_family family{};
  set_size(in, family);
  family.backing = in.byte() % 4;
  family.flags = in.number();
  family.number = static_cast<std::int32_t>(in.number());
  family.id = in.byte() % 8 != 0 ? "fuzz" : in.text(false);
  family.name = in.text(true);
  family.help = in.text(false);
  family.module = in.text(false);
  family.config = in.text(false);
  family.rows = rows.make(in, 4, &fill);
  family.options = options.make(in, 6, &fill);
  family.constants = constants.make(in, 6, &fill);
  family.codec = in.one_of(&codec);
  family.kernel_ops = in.one_of(&kernel);
  family.user_ops = in.one_of(&user);

  std::string why;
  const auto made = afplug::detail::adopt_family(family, {"fuzz", "1.0", "/fuzz.so", in.byte() % 2u}, 1000, why);
  REQUIRE(made != nullptr || !why.empty());
  if (made) use(*made);
  return 0;
}
