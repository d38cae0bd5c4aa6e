// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Loads plugins through afplug_entry(), without libafplug, and calls the codecs of their families.
#pragma once

#include <afplug/plugin.h>
#include <dlfcn.h>
#include <gtest/gtest.h>
#include <cstring>
#include <deque>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace family_plugin {

/// The elements of a table of the contract.
template <class T>
std::vector<T> table(const afplug_array& array) {
  std::vector<T> all(array.count);
  for (std::uint32_t i = 0; i < array.count; ++i)
    std::memcpy(&all[i], static_cast<const char*>(array.data) + std::size_t{i} * array.stride,
                std::min<std::size_t>(array.stride, sizeof(T)));
  return all;
}

inline void log(std::int32_t, const char*, const char*) {}

/// Loads the file and calls afplug_entry(). Throws on failure. The file stays loaded.
inline afplug_plugin load(const std::string& path, std::uint16_t major = AFPLUG_ABI_MAJOR,
                          std::uint16_t minor = AFPLUG_ABI_MINOR) {
  static std::deque<afplug_host> hosts;  // plugins keep pointers to them
  const afplug_host& host = hosts.emplace_back(afplug_host{sizeof host, major, minor, "test", &log, nullptr});
  void* const library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) throw std::runtime_error(dlerror());
  const auto entry = reinterpret_cast<afplug_entry_fn>(dlsym(library, "afplug_entry"));
  afplug_plugin plugin{};
  plugin.size = sizeof plugin;
  if (entry == nullptr || entry(&host, &plugin) != 0) throw std::runtime_error(path + ": afplug_entry() failed");
  return plugin;
}

/// The only family of a plugin of this tree.
inline afplug_family load_family(const std::string& name) {
  return table<afplug_family>(load(std::string(AFPLUG_PLUGINS) + "/" + name + ".so").families).at(0);
}

/// What parse() or set() of a codec returned.
struct address_result {
  std::int32_t error = 0;  ///< 0 or -errno
  std::string bytes;       ///< the sockaddr
  std::string error_text;
};

/// The value of an address field.
struct value {
  std::uint32_t kind = 0;
  std::uint64_t number = 0;
  std::string text;
  bool operator==(const value&) const = default;
};
inline value number(std::uint64_t n) { return {AFPLUG_KIND_U64, n, ""}; }
inline value negative(std::int64_t n) { return {AFPLUG_KIND_I64, static_cast<std::uint64_t>(n), ""}; }
inline value text(std::string_view t) { return {AFPLUG_KIND_TEXT, 0, std::string(t)}; }
inline value bytes(std::string_view t) { return {AFPLUG_KIND_BYTES, 0, std::string(t)}; }
inline value none() { return {}; }
inline std::ostream& operator<<(std::ostream& out, const value& v) {
  return out << "{" << v.kind << ", " << v.number << ", '" << v.text << "'}";
}

/// The codec of a family, for one type and protocol.
class codec {
 public:
  codec(const std::string& plugin, int type, int protocol = 0)
      : family_(load_family(plugin)), id_(family_.id), identity_{id_.c_str(), family_.number, type, protocol, 0} {}
  codec(const codec&) = delete;

  address_result parse(std::string_view text) const {
    return run([&](afplug_sockaddr* out, afplug_text* error_text) {
      return slots().parse(&identity_, text.data(), text.size(), out, error_text);
    });
  }
  address_result set(const std::vector<value>& fields) const {
    std::vector<afplug_value> raw(fields.size());
    for (std::size_t i = 0; i < raw.size(); ++i) {
      raw[i].kind = fields[i].kind;
      raw[i].n.u = fields[i].number;
      raw[i].size = static_cast<std::uint32_t>(fields[i].text.size());
      std::memcpy(raw[i].bytes, fields[i].text.data(), std::min(sizeof raw[i].bytes, fields[i].text.size()));
    }
    return run([&](afplug_sockaddr* out, afplug_text* error_text) {
      return slots().set(&identity_, raw.data(), static_cast<std::uint32_t>(raw.size()), out, error_text);
    });
  }
  /// The text of an address, or "errno N".
  std::string format(std::string_view address) const {
    std::string buffer(1024, '\0');
    afplug_text out{buffer.data(), static_cast<std::uint32_t>(buffer.size()), 0};
    const std::string copy(address);
    const auto result = slots().format(&identity_, copy.data(), static_cast<std::uint32_t>(copy.size()), &out);
    return result == 0 ? buffer.substr(0, out.size) : "errno " + std::to_string(-result);
  }
  std::vector<value> get(std::string_view address) const {
    const std::string copy(address);
    std::vector<afplug_value> raw(8);
    const auto count = slots().get(&identity_, copy.data(), static_cast<std::uint32_t>(copy.size()), raw.data(), 8);
    std::vector<value> all;
    for (std::int32_t i = 0; i < count; ++i) {
      const auto& v = raw[static_cast<std::size_t>(i)];
      const bool numeric = v.kind == AFPLUG_KIND_U64 || v.kind == AFPLUG_KIND_I64;
      all.push_back({v.kind, numeric ? v.n.u : 0, std::string(reinterpret_cast<const char*>(v.bytes), v.size)});
    }
    return all;
  }
  const afplug_codec& slots() const { return *family_.codec; }
  const afplug_identity& identity() const { return identity_; }
  const afplug_family& family() const { return family_; }

 private:
  template <class Call>
  address_result run(Call call) const {
    afplug_sockaddr out;
    std::memset(&out, 0x5a, sizeof out);
    const afplug_sockaddr before = out;
    char buffer[512];
    afplug_text error_text{buffer, sizeof buffer, 0};
    address_result result;
    result.error = call(&out, &error_text);
    result.error_text.assign(buffer, error_text.size);
    if (result.error == 0)
      result.bytes.assign(reinterpret_cast<const char*>(out.u.bytes), out.length);
    else
      EXPECT_EQ(std::memcmp(&out, &before, sizeof out), 0) << "the codec changed the address although it failed";
    return result;
  }
  afplug_family family_;
  std::string id_;
  afplug_identity identity_;
};

/// Expects that the address of `text` is formatted as `canonical`, which is parsed into the same address.
inline void expect_round_trip(const codec& c, std::string_view text, std::string_view canonical) {
  const auto first = c.parse(text);
  ASSERT_EQ(first.error, 0) << text << ": " << first.error_text;
  EXPECT_EQ(c.format(first.bytes), canonical) << text;
  const auto again = c.parse(canonical);
  ASSERT_EQ(again.error, 0) << canonical << ": " << again.error_text;
  EXPECT_EQ(again.bytes, first.bytes) << text;
}

/// Expects that `text` is refused with that errno and with an error text that contains `part`.
inline void expect_refusal(const codec& c, std::string_view text, int error, std::string_view part) {
  const auto result = c.parse(text);
  EXPECT_EQ(result.error, -error) << text << " gave "
                                  << (result.error == 0 ? c.format(result.bytes) : result.error_text);
  EXPECT_NE(result.error_text.find(part), std::string::npos) << text << ": " << result.error_text;
}

inline void expect_refusal(const codec& c, const std::vector<value>& fields, int error, std::string_view part) {
  const auto result = c.set(fields);
  EXPECT_EQ(result.error, -error) << result.error_text;
  EXPECT_NE(result.error_text.find(part), std::string::npos) << result.error_text;
}

/// The bytes of a struct.
template <class T>
std::string raw(const T& address, std::size_t length = sizeof(T)) {
  return std::string(reinterpret_cast<const char*>(&address), length);
}

}  // namespace family_plugin
