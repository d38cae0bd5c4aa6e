// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// The registry: finds the installed plugins, chooses one for each family, and loads it when the family is first
// requested.
#pragma once

#include <afplug/config.hpp>
#include <afplug/error.hpp>
#include <afplug/family.hpp>
#include <afplug/socket_type.hpp>
#include <array>
#include <atomic>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace afplug {

class socket;

/// A plugin file and a family that it provides; one entry for each (file, family). Read from the file's ELF note,
/// without loading or running its code.
struct plugin_info {
  enum class state_t {
    found,     ///< would be loaded when its family is requested
    loaded,    ///< loaded; provides its family
    shadowed,  ///< another file provides this family; `reason` names it
    refused,   ///< failed a check; `reason` names the file and field
    unloaded   ///< unload() was called for its family
  };
  std::string family;         ///< "can"; empty if the note of a refused file has none
  std::optional<int> number;  ///< AF_*; empty: a process-local number, assigned when it is loaded
  std::string provider, version;
  std::filesystem::path path;
  state_t state = state_t::found;
  std::string reason;  ///< why it is shadowed or refused; else empty
  std::string code;    ///< for refused files a fixed identifier: "truncated", "not-elf", "writable", "abi-major", …
};

/// Where a registry searches for plugins, and which providers it prefers.
struct registry_options {
  std::vector<std::filesystem::path> directories;  ///< searched first, in this order
  /// AFPLUG_PATH, AFPLUG_PROVIDER and AFPLUG_FAMILIES; ignored in privileged processes (setuid, setgid, file
  /// capabilities), whose environment is chosen by a less privileged user.
  bool use_environment = true;
  bool use_install_directory = true;                           ///< the directory `afplug` beside libafplug
  std::vector<std::pair<std::string, std::string>> providers;  ///< preferred (family, provider)
  /// If not empty, only these families (ids) are provided, of these only those that AFPLUG_FAMILIES lists too if it is
  /// set. Requests for others fail with errc::family_not_allowed.
  std::vector<std::string> families;
};

/// Finds and loads families. Any thread may call any member. Most programs use registry::global() through the socket's
/// constructors and need no registry of their own.
class AFPLUG_API registry {
 public:
  explicit registry(registry_options options = {});
  ~registry();  ///< loaded code stays mapped; references to families stay valid
  registry(const registry&) = delete;
  registry& operator=(const registry&) = delete;

  /// The process's default registry. It is created on first use and never destroyed.
  static registry& global();

  /// Adds a directory that is searched after those of registry_options and before AFPLUG_PATH and the install
  /// directory. Affects families that are not loaded yet. Calls rescan().
  void add_directory(std::filesystem::path directory);

  /// Returns the family with this number (AF_*, or process-local) or id, and loads its plugin if necessary. If several
  /// providers have it: the one that AFPLUG_PROVIDER or registry_options selects, else the first in search order. For a
  /// loaded family a call with a number below 256 takes an array index and an atomic load, without locks or allocation.
  /// Errors: errc::unknown_family, plugin_refused, registry_reentered, unknown_provider, family_unloaded,
  /// changed_while_loading, registry_sealed, family_not_allowed; those of reading files. The reference is valid until
  /// the process ends.
  const afplug::family& family(int number);
  const afplug::family& family(std::string_view id);
  const afplug::family* family(int number, error_code& ec) {
    if (static_cast<unsigned>(number) < by_number_.size()) [[likely]]
      if (const auto* f = by_number_[static_cast<unsigned>(number)].load(std::memory_order_acquire)) [[likely]] {
        ec.clear();
        return f;
      }
    return find(number, ec);
  }
  const afplug::family* family(std::string_view id, error_code& ec);
  /// As above, from the provider with this name.
  const afplug::family* family(std::string_view id, std::string_view provider, error_code& ec);

  /// Loads the plugins of these families (ids), for use before chroot(2), a seccomp filter or giving up rights. All or
  /// none: first the files of all are found and checked, then they are loaded, and only if all could be loaded the
  /// registry provides them. If not, the error text names each family that failed; plugins that were loaded before the
  /// failure stay mapped, but their families are not provided. Errors: as family(); that of the first family that
  /// failed.
  void preload(const std::vector<std::string_view>& ids);
  void preload(const std::vector<std::string_view>& ids, error_code& ec);

  /// From now on this registry loads no plugin and reads no directory: families that are loaded stay available,
  /// requests for others fail with errc::registry_sealed, and rescan() has no effect. Cannot be undone. Does not affect
  /// other registries and load_plugin(). The directories are scanned once more if they were not yet.
  void seal();
  bool sealed() const noexcept;

  /// Returns the number of the family with this id, and does not load its plugin: the AF_* of its ELF note, or the
  /// process-local number that this process assigns. On an error 0. Errors: errc::unknown_family, plugin_refused,
  /// unknown_provider, family_not_allowed, registry_reentered; those of reading directories.
  int number(std::string_view id);
  int number(std::string_view id, error_code& ec);

  /// Returns the family if it is loaded, else null. Never loads a plugin.
  const afplug::family* loaded(int number) const noexcept;

  /// Returns the constant with this name (case-sensitive), or null if neither core nor a plugin has it. Searches core's
  /// constants first, then loads the installed families one after the other until one has it; families that cannot be
  /// loaded are skipped. Text constants (BDADDR_ANY) have `text`, others `value`. Valid until the process ends.
  const afplug::constant* find_constant(std::string_view name);
  /// Returns the constant's value; empty if there is no such constant or it is text.
  std::optional<std::int64_t> constant(std::string_view name);

  /// Returns all plugins found, refused files included, in search order. Reads their ELF notes; loads nothing.
  std::vector<plugin_info> families();

  /// Returns what is wrong with AFPLUG_PATH, AFPLUG_PROVIDER, AFPLUG_FAMILIES and the directories, one text each:
  /// malformed entries, which are ignored, and directories that do not exist or cannot be read. The registry also
  /// writes each to the log once, at log_level::warning, when it scans the directories; and each refused file at
  /// log_level::error (a file without a plugin's ELF note at debug). Scans the directories if necessary.
  std::vector<std::string> warnings();

  /// Makes the next call search the directories again: forgets files found, failures and unload() calls. Loaded
  /// families stay loaded.
  void rescan();

  /// Stops handing out a family: requests for it fail with errc::family_unloaded until rescan(). Fails with
  /// errc::family_in_use while sockets of a family in user space are open. Open sockets of kernel families are not
  /// counted and go on working after unload. The plugin's code is never unmapped.
  void unload(std::string_view id);
  void unload(std::string_view id, error_code& ec);

  /// Returns the directories searched, in order.
  std::vector<std::filesystem::path> directories() const;

  /// As socket's constructors, with the families of this registry. Include socket.hpp to call it.
  afplug::socket socket(int family, socket_type type, int proto = 0);
  template <detail::any_socket_type T>
  afplug::socket socket(T family, socket_type, int = 0) = delete;
  afplug::socket socket(std::string_view family, socket_type type, int proto = 0);
  afplug::socket socket(int family, socket_type type, int proto, error_code& ec);
  afplug::socket socket(std::string_view family, socket_type type, int proto, error_code& ec);
  afplug::socket socket(int family, socket_type type, error_code& ec);
  afplug::socket socket(std::string_view family, socket_type type, error_code& ec);

 private:
  struct impl;
  const afplug::family* find(int number, error_code& ec);
  std::array<std::atomic<const afplug::family*>, 256> by_number_{};
  std::unique_ptr<impl> impl_;
};

}  // namespace afplug
