// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// The registry: which plugins there are, and which family answers. Loads a plugin when its family is first asked for.
#pragma once

#include <afplug/config.hpp>
#include <afplug/error.hpp>
#include <afplug/family.hpp>
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

/// A plugin file that was found, and a family in it; one entry a (file, family). Made from the file's ELF note alone:
/// nothing was loaded or run.
struct plugin_info {
  enum class state_t {
    found,     ///< would be loaded when asked for
    loaded,    ///< its family is in use
    shadowed,  ///< another file answers for this family; `reason` names it
    refused,   ///< failed a check; `reason` says which file and which field
    unloaded   ///< unload() was called
  };
  std::string family;         ///< "can"; empty where a refused file does not say
  std::optional<int> number;  ///< the platform's; none: process-local
  std::string provider, version;
  std::filesystem::path path;
  state_t state = state_t::found;
  std::string reason;  ///< one sentence for shadowed and refused
  std::string code;    ///< for refused, a stable word: "truncated", "not-elf", "writable", "abi-major", …
};

/// Where a registry looks.
struct registry_options {
  std::vector<std::filesystem::path> directories;  ///< searched first, in this order
  bool use_environment = true;        ///< AFPLUG_PATH and AFPLUG_PROVIDER (ignored in a privileged process)
  bool use_install_directory = true;  ///< the folder `afplug` beside libafplug
  std::vector<std::pair<std::string, std::string>> providers;  ///< (family, provider) that the program prefers
};

/// Finds and loads families. All members may be called from any thread. Most programs use registry::global() and never
/// see it.
class AFPLUG_API registry {
 public:
  explicit registry(registry_options options = {});
  ~registry();  ///< loaded code stays mapped, and family references stay valid
  registry(const registry&) = delete;
  registry& operator=(const registry&) = delete;

  /// The process's own registry, made at the first use. It is never destroyed.
  static registry& global();

  /// Directories searched before AFPLUG_PATH and the install directory. Takes effect for families that are not loaded
  /// yet; implies rescan().
  void add_directory(std::filesystem::path directory);

  /// The family of that number (AF_*, or process-local) or id, loaded now if it is not. After the first time this costs
  /// an array index and an atomic load: no lock, no allocation. Several providers: the chosen one, else the first
  /// found.
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
  /// The same with a provider of one's own choice.
  const afplug::family* family(std::string_view id, std::string_view provider, error_code& ec);

  /// The family if it is loaded already; never loads. For addresses that came from elsewhere.
  const afplug::family* loaded(int number) const noexcept;

  /// The constant of that name, exactly as it is spelled; null: this platform has none. Core's own first, then those of
  /// each family that is found, which are loaded until one has it (all of them, where none has). A plugin that cannot
  /// be loaded has none. Text constants (BDADDR_ANY) have `text`, the others `value`. Valid for ever.
  const afplug::constant* find_constant(std::string_view name);
  /// Its number, likewise; empty: this platform has none of that name, or it is text.
  std::optional<std::int64_t> constant(std::string_view name);

  /// Everything found, in search order, refused files included; from the notes alone.
  std::vector<plugin_info> families();

  /// Forgets what was found and failed (loaded families stay), so that the next question looks again.
  void rescan();

  /// Stops handing out a family: errc::family_in_use while a socket of it lives. Its code is never unmapped.
  void unload(std::string_view id);
  void unload(std::string_view id, error_code& ec);

  /// The directories that are searched, in order.
  std::vector<std::filesystem::path> directories() const;

  /// Opens a socket (defined in socket.hpp's implementation).
  afplug::socket socket(int family, int type, int proto = 0);
  afplug::socket socket(std::string_view family, int type, int proto = 0);

 private:
  struct impl;
  const afplug::family* find(int number, error_code& ec);
  std::array<std::atomic<const afplug::family*>, 256> by_number_{};
  std::unique_ptr<impl> impl_;
};

}  // namespace afplug
