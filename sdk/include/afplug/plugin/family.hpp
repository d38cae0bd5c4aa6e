// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// The family's descriptor, and the plugin's entry and note.
#pragma once

#include <afplug/plugin/config.hpp>
#include <afplug/plugin/tables.hpp>
#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <tuple>

namespace afplug::plugin {
inline namespace AFPLUG_ABI_NAMESPACE AFPLUG_HIDDEN {

/// The parts of a family, to be given with designated initializers; afplug_family documents each. Tables are passed
/// with `array`, `check` and `extension` are slots (see `slot`).
struct family_definition {
  const char* id = nullptr;
  const char* name = nullptr;
  std::int32_t number = 0;
  std::uint32_t flags = 0;
  const char* help = nullptr;
  plugin::requirements requirements{};  ///< module and configuration symbol of the family as a whole
  afplug_array rows{};
  afplug_array options{};
  afplug_array constants{};
  const afplug_codec* codec = nullptr;
  const afplug_kernel_ops* ops = nullptr;  ///< ignored by `user_family`
  decltype(afplug_family::check) check = nullptr;
  decltype(afplug_family::extension) extension = nullptr;
};

/// A family whose sockets are the kernel's.
constexpr afplug_family kernel_family(const family_definition& parts) {
  afplug_family made{};
  made.size = sizeof made;
  made.backing = AFPLUG_BACKING_KERNEL;
  made.flags = parts.flags;
  made.number = parts.number;
  made.id = parts.id;
  made.name = parts.name;
  made.help = parts.help;
  made.module = parts.requirements.module;
  made.config = parts.requirements.config;
  made.rows = parts.rows;
  made.options = parts.options;
  made.constants = parts.constants;
  made.codec = parts.codec;
  made.kernel_ops = parts.ops;
  made.check = parts.check;
  made.extension = parts.extension;
  return made;
}

/// A family whose sockets `ops`, with static storage, implements in user space.
constexpr afplug_family user_family(const family_definition& parts, const afplug_user_ops& ops) {
  afplug_family made = kernel_family(parts);
  made.backing = AFPLUG_BACKING_USER;
  made.kernel_ops = nullptr;
  made.user_ops = &ops;
  return made;
}

/// Replaces a verdict's state, reason, detail and remedy, each text cut to its capacity, for a family's `check`.
/// `error` stays.
inline void set_verdict(afplug_verdict& verdict, int state, std::string_view reason, std::string_view detail,
                        std::string_view remedy) noexcept {
  const auto put = [](auto& to, std::string_view text) { to[text.copy(to, sizeof to - 1)] = '\0'; };
  verdict.state = state;
  put(verdict.reason, reason);
  put(verdict.detail, detail);
  put(verdict.remedy, remedy);
}

namespace detail {
template <std::size_t N>
struct note_record {
  std::uint32_t name_size;
  std::uint32_t description_size;
  std::uint32_t type;
  char name[8];
  afplug_note_header header;
  afplug_note_family families[N];
};

template <std::size_t Capacity>
consteval void copy_text(char (&to)[Capacity], std::string_view text) {
  if (text.empty() || text.size() >= Capacity) throw "too long for the note";
  std::copy(text.begin(), text.end(), to);
}

/// The note, made from the descriptors at compile time, so that the two cannot differ.
template <class Families>
consteval auto note(std::string_view provider, std::string_view version, const Families& families) {
  constexpr std::size_t count = std::tuple_size_v<Families>;
  static_assert(count > 0 && count <= AFPLUG_NOTE_FAMILIES_MAX);
  note_record<count> made{};
  made.name_size = sizeof AFPLUG_NOTE_NAME;
  made.description_size = sizeof made.header + sizeof made.families;
  made.type = AFPLUG_NOTE_TYPE;
  copy_text(made.name, AFPLUG_NOTE_NAME);
  made.header.size = sizeof made.header;
  made.header.abi_major = AFPLUG_ABI_MAJOR;
  made.header.abi_minor = AFPLUG_ABI_MINOR;
  made.header.family_count = count;
  made.header.stride = sizeof made.families[0];
  copy_text(made.header.provider, provider);
  copy_text(made.header.version, version);
  for (std::size_t i = 0; i < count; ++i) {
    copy_text(made.families[i].id, families[i].id);
    made.families[i].number = families[i].number;
    made.families[i].flags = families[i].flags;
  }
  return made;
}
}  // namespace detail

/// What afplug_entry returns. Fills `out` for the lower of the two minor versions. -EPROTONOSUPPORT: the host's major
/// version differs; -EINVAL: `out` is smaller than that of 1.0.
inline std::int32_t fill_plugin(const afplug_host* host, afplug_plugin* out, const char* provider, const char* version,
                                afplug_array families) noexcept {
  if (host == nullptr || out == nullptr) return -EINVAL;
  if (host->abi_major != AFPLUG_ABI_MAJOR) return -EPROTONOSUPPORT;
  if (out->size < offsetof(afplug_plugin, families) + sizeof out->families) return -EINVAL;
  afplug_plugin made{};
  made.size = std::min<std::uint32_t>(out->size, sizeof made);
  made.abi_major = AFPLUG_ABI_MAJOR;
  made.abi_minor = std::min<std::uint16_t>(host->abi_minor, std::uint16_t{AFPLUG_ABI_MINOR});
  made.provider = provider;
  made.version = version;
  made.families = families;
  std::memcpy(out, &made, made.size);
  return 0;
}

}  // namespace AFPLUG_HIDDEN
}  // namespace afplug::plugin

/// Defines afplug_entry and the note of a plugin; once in a plugin, outside of any namespace. `provider` and `version`
/// are string literals, `families` is a constexpr std::array<afplug_family, N> with static storage.
#define AFPLUG_PLUGIN(provider, version, families)                                                                   \
  namespace {                                                                                                        \
  AFPLUG_NOTE_PLACE constexpr auto afplug_note_record = ::afplug::plugin::detail::note(provider, version, families); \
  }                                                                                                                  \
  extern "C" AFPLUG_EXPORT std::int32_t afplug_entry(const afplug_host* host, afplug_plugin* out) {                  \
    return ::afplug::plugin::fill_plugin(host, out, provider, version, ::afplug::plugin::array(families));           \
  }
