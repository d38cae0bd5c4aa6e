// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// A plugin's family as the contract shows it, loaded without the library.
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

namespace codec_test {

template <class T>
std::vector<T> table(const afplug_array& array) {
  std::vector<T> all(array.count);
  for (std::uint32_t i = 0; i < array.count; ++i)
    std::memcpy(&all[i], static_cast<const char*>(array.data) + std::size_t{i} * array.stride,
                std::min<std::size_t>(array.stride, sizeof(T)));
  return all;
}

inline void log(std::int32_t, const char*, const char*) {}

/// Loads the file and asks its entry; throws where that fails. Never unloaded.
inline afplug_plugin load(const std::string& path, std::uint16_t major = AFPLUG_ABI_MAJOR,
                          std::uint16_t minor = AFPLUG_ABI_MINOR) {
  static std::deque<afplug_host> hosts;  // a host lives for ever
  const afplug_host& host = hosts.emplace_back(afplug_host{sizeof host, major, minor, "test", &log, nullptr});
  void* const library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) throw std::runtime_error(dlerror());
  const auto entry = reinterpret_cast<afplug_entry_fn>(dlsym(library, "afplug_entry"));
  afplug_plugin plugin{};
  plugin.size = sizeof plugin;
  if (entry == nullptr || entry(&host, &plugin) != 0) throw std::runtime_error(path + ": the entry refuses");
  return plugin;
}

/// The only family of a plugin of ours.
inline afplug_family load_family(const std::string& name) {
  return table<afplug_family>(load(std::string(AFPLUG_PLUGINS) + "/" + name + ".so").families).at(0);
}

struct made {
  std::int32_t error = 0;  ///< 0 or -errno
  std::string bytes;       ///< the sockaddr
  std::string why;
};

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

/// A family's codec, for one (type, protocol).
class codec {
 public:
  codec(const std::string& plugin, int type, int protocol = 0)
      : family_(load_family(plugin)), id_(family_.id), who_{id_.c_str(), family_.number, type, protocol, 0} {}
  codec(const codec&) = delete;

  made parse(std::string_view text) const {
    return run([&](afplug_sockaddr* out, afplug_text* why) {
      return slots().parse(&who_, text.data(), text.size(), out, why);
    });
  }
  made set(const std::vector<value>& fields) const {
    std::vector<afplug_value> raw(fields.size());
    for (std::size_t i = 0; i < raw.size(); ++i) {
      raw[i].kind = fields[i].kind;
      raw[i].n.u = fields[i].number;
      raw[i].size = static_cast<std::uint32_t>(fields[i].text.size());
      std::memcpy(raw[i].bytes, fields[i].text.data(), std::min(sizeof raw[i].bytes, fields[i].text.size()));
    }
    return run([&](afplug_sockaddr* out, afplug_text* why) {
      return slots().set(&who_, raw.data(), static_cast<std::uint32_t>(raw.size()), out, why);
    });
  }
  /// The text, or "errno N".
  std::string format(std::string_view address) const {
    std::string room(1024, '\0');
    afplug_text out{room.data(), static_cast<std::uint32_t>(room.size()), 0};
    const std::string copy(address);
    const auto result = slots().format(&who_, copy.data(), static_cast<std::uint32_t>(copy.size()), &out);
    return result == 0 ? room.substr(0, out.size) : "errno " + std::to_string(-result);
  }
  std::vector<value> get(std::string_view address) const {
    const std::string copy(address);
    std::vector<afplug_value> raw(8);
    const auto count = slots().get(&who_, copy.data(), static_cast<std::uint32_t>(copy.size()), raw.data(), 8);
    std::vector<value> all;
    for (std::int32_t i = 0; i < count; ++i) {
      const auto& v = raw[static_cast<std::size_t>(i)];
      const bool numeric = v.kind == AFPLUG_KIND_U64 || v.kind == AFPLUG_KIND_I64;
      all.push_back({v.kind, numeric ? v.n.u : 0, std::string(reinterpret_cast<const char*>(v.bytes), v.size)});
    }
    return all;
  }
  const afplug_codec& slots() const { return *family_.codec; }
  const afplug_identity& who() const { return who_; }
  const afplug_family& family() const { return family_; }

 private:
  template <class Call>
  made run(Call call) const {
    afplug_sockaddr out;
    std::memset(&out, 0x5a, sizeof out);
    const afplug_sockaddr before = out;
    char room[512];
    afplug_text why{room, sizeof room, 0};
    made result;
    result.error = call(&out, &why);
    result.why.assign(room, why.size);
    if (result.error == 0)
      result.bytes.assign(reinterpret_cast<const char*>(out.u.bytes), out.length);
    else
      EXPECT_EQ(std::memcmp(&out, &before, sizeof out), 0) << "an error touched the output";
    return result;
  }
  afplug_family family_;
  std::string id_;
  afplug_identity who_;
};

/// `text` means an address whose text is `canonical`, which is read back as the same address; so do its fields.
inline void expect_round_trip(const codec& c, std::string_view text, std::string_view canonical) {
  const auto first = c.parse(text);
  ASSERT_EQ(first.error, 0) << text << ": " << first.why;
  EXPECT_EQ(c.format(first.bytes), canonical) << text;
  const auto again = c.parse(canonical);
  ASSERT_EQ(again.error, 0) << canonical << ": " << again.why;
  EXPECT_EQ(again.bytes, first.bytes) << text;
}

/// `text` is refused with that errno, and the sentence holds `part`.
inline void expect_refusal(const codec& c, std::string_view text, int error, std::string_view part) {
  const auto result = c.parse(text);
  EXPECT_EQ(result.error, -error) << text << " gave " << (result.error == 0 ? c.format(result.bytes) : result.why);
  EXPECT_NE(result.why.find(part), std::string::npos) << text << ": " << result.why;
}

inline void expect_refusal(const codec& c, const std::vector<value>& fields, int error, std::string_view part) {
  const auto result = c.set(fields);
  EXPECT_EQ(result.error, -error) << result.why;
  EXPECT_NE(result.why.find(part), std::string::npos) << result.why;
}

/// A struct as the codec sees it.
template <class T>
std::string raw(const T& address, std::size_t length = sizeof(T)) {
  return std::string(reinterpret_cast<const char*>(&address), length);
}

}  // namespace codec_test
