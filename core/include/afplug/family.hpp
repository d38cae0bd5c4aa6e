// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// A loaded address family, as the host sees it: the tables of afplug/plugin.h, checked and copied to this host's
// layout.
#pragma once

#include <afplug/plugin.h>
#include <afplug/config.hpp>
#include <atomic>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace afplug {

/// Rows and constants are as plugin.h has them.
using row = afplug_row;
using constant = afplug_constant;

/// An option of a family with its member table at hand.
struct option_info : afplug_option {
  std::span<const afplug_member> member_table;
};

/// One address family. Made by the registry alone, never destroyed, immutable but for the counters: references to it
/// stay valid, and all members may be called from any thread. Every pointer in its tables has this host's layout:
/// plugins of other minors were widened.
class AFPLUG_API family {
 public:
  family(const family&) = delete;
  family& operator=(const family&) = delete;

  std::string_view id() const noexcept { return descriptor_.id; }              ///< "can"
  int number() const noexcept { return number_; }                              ///< AF_*, or the process-local number
  bool has_kernel_number() const noexcept { return descriptor_.number != 0; }  ///< number() is an AF_*
  std::string_view name() const noexcept { return descriptor_.name ? descriptor_.name : descriptor_.id; }  ///< "AF_CAN"
  /// One line about it; who made the plugin; the plugin's version.
  std::string_view help() const noexcept { return descriptor_.help ? descriptor_.help : ""; }
  std::string_view provider() const noexcept { return provider_; }
  std::string_view version() const noexcept { return version_; }
  std::string_view path() const noexcept { return path_; }  ///< of the plugin's file
  /// Its sockets are made by the plugin (AFPLUG_BACKING_USER), not by the kernel.
  bool in_user_space() const noexcept { return descriptor_.backing == AFPLUG_BACKING_USER; }
  std::uint32_t flags() const noexcept { return descriptor_.flags; }  ///< AFPLUG_FAMILY_*

  /// The tables: what can be opened, its options without those of SOL_SOCKET, its constants, the fields of its
  /// addresses.
  std::span<const row> rows() const noexcept { return rows_; }
  std::span<const option_info> options() const noexcept { return options_; }
  std::span<const constant> constants() const noexcept { return constants_; }
  std::span<const afplug_member> address_fields() const noexcept { return fields_; }

  /// The row that answers (type, protocol): exact first, then protocol 0 by AFPLUG_ROW_DEFAULT, then AFPLUG_ANY.
  /// SOCK_NONBLOCK and SOCK_CLOEXEC in `type` are ignored. Null: none.
  const row* find_row(int type, int proto) const noexcept;
  /// The option of that name (exact, as the constant is spelled), of the family or of SOL_SOCKET; null: none.
  const option_info* find_option(std::string_view name) const noexcept;
  const constant* find_constant(std::string_view name) const noexcept;

  /// The raw tables, for the core and for extensions' headers.
  const afplug_family& descriptor() const noexcept { return descriptor_; }
  const afplug_codec& codec() const noexcept { return codec_; }
  const afplug_kernel_ops& kernel_ops() const noexcept { return kernel_ops_; }
  const afplug_user_ops& user_ops() const noexcept { return user_ops_; }
  afplug_identity identity(int type, int proto) const noexcept { return {descriptor_.id, number_, type, proto, 0}; }

  /// An interface beyond plugin.h, by id ("afplug.packet.ring/1"); null: this family has none of that name.
  const void* extension(const char* id) const noexcept;

  /// Sockets of this family that live; unload() refuses while there are any. Counted for user-space families and by the
  /// registry's unload.
  std::atomic<long>& live() const noexcept { return live_; }

  /// Takes a descriptor that came from a plugin, checks every field, widens it. On failure returns null and says in
  /// `why` which field is wrong. `assigned_number` is used where the descriptor has none. The result is never freed.
  static const family* adopt(const afplug_family& raw, std::string_view provider, std::string_view version,
                             std::string_view path, int assigned_number, std::string& why);

 private:
  family() = default;
  afplug_family descriptor_{};
  afplug_codec codec_{};
  afplug_kernel_ops kernel_ops_{};
  afplug_user_ops user_ops_{};
  std::vector<row> rows_;
  std::vector<option_info> options_;
  std::vector<std::vector<afplug_member>> member_tables_;
  std::vector<constant> constants_;
  std::vector<afplug_member> fields_;
  std::string provider_, version_, path_;
  int number_ = 0;
  mutable std::atomic<long> live_{0};
};

/// The options of level SOL_SOCKET, which every family has; core owns them.
AFPLUG_API std::span<const option_info> socket_options() noexcept;
/// The constants that belong to no family: AF_*, SOCK_*, SOL_SOCKET, SO_*, SCM_*, MSG_*, SHUT_*, SOMAXCONN, EAI_*,
/// AI_*, NI_*.
AFPLUG_API std::span<const constant> socket_constants() noexcept;

}  // namespace afplug
