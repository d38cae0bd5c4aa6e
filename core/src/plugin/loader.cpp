// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
#include "loader.hpp"

#include <dlfcn.h>
#include <afplug/log.hpp>
#include <afplug/plugin/encoding.hpp>
#include <boost/dll/shared_library.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <exception>
#include <map>
#include <memory>
#include <mutex>
#include <system_error>
#include <utility>

#include "descriptor.hpp"
#include "family_data.hpp"
#include "file_check.hpp"
#include "fork_mutex.hpp"
#include "no_cancellation.hpp"

namespace afplug::detail {
namespace {

namespace fs = std::filesystem;

constexpr char entry_name[] = "afplug_entry";
constexpr std::uint32_t plugin_size_least = sizeof(afplug_plugin);  // as in ABI 1.0
constexpr std::uint32_t stride_max = 65536;
constexpr std::size_t symbols_named = 4;

void host_log(std::int32_t level, const char* plugin, const char* text) {
  log(static_cast<log_level>(level), plugin ? plugin : "plugin", text ? text : "");
}

const void* host_extension(const char*) { return nullptr; }

/// One host struct for each minor: a plugin may keep the pointer, so what it points to never changes.
const afplug_host& host_of(unsigned minor) {
  static const auto hosts = [] {
    std::array<afplug_host, AFPLUG_ABI_MINOR + 1> out{};
    for (std::uint16_t m = 0; m < out.size(); ++m)
      out[m] = {sizeof(afplug_host), AFPLUG_ABI_MAJOR, m, AFPLUG_VERSION, &host_log, &host_extension};
    return out;
  }();
  return hosts[std::min<std::size_t>(minor, hosts.size() - 1)];
}

thread_local int loading_depth = 0;

struct loading_scope {
  loading_scope() noexcept { ++loading_depth; }
  ~loading_scope() { --loading_depth; }
  loading_scope(const loading_scope&) = delete;
  loading_scope& operator=(const loading_scope&) = delete;
};

/// A file that is being loaded or was loaded.
struct file_record {
  fork_mutex mutex;
  file_identity identity;                               ///< when it was mapped
  std::optional<load_report> done;                      ///< once set it stays: the plugin's code has run
  std::vector<std::unique_ptr<const family>> families;  ///< those of `done`; they live as long as the process
  std::optional<std::string> dlopen_failure;            ///< the last one, which was logged
};

/// The files that this process has mapped. dlopen(3) compares paths first, so it would return the old library for a
/// file that replaced a mapped one.
class mapped_files {
 public:
  std::shared_ptr<file_record> record(const file_identity& id) {
    const std::lock_guard lock(mutex_);
    auto& r = records_[{id.device, id.inode}];
    if (!r) r = std::make_shared<file_record>();
    return r;
  }
  bool replaced(const fs::path& path, const file_identity& now) {
    const std::lock_guard lock(mutex_);
    const auto it = paths_.find(path);
    return it != paths_.end() && !it->second.same_content(now);
  }
  void mapped(const fs::path& path, const file_identity& id) {
    const std::lock_guard lock(mutex_);
    paths_.insert_or_assign(path, id);
  }

 private:
  fork_mutex mutex_;
  std::map<std::pair<std::uint64_t, std::uint64_t>, std::shared_ptr<file_record>> records_;
  std::map<fs::path, file_identity> paths_;
};

mapped_files& files() {
  static auto& it = *new mapped_files;
  return it;
}

/// The errno of a transient error that a dlerror(3) text ends with; 0: none.
int transient_error_in(std::string_view text) {
  for (const int error : {ENOMEM, EMFILE, ENFILE})
    if (text.ends_with(std::generic_category().message(error))) return error;
  return 0;
}

/// Loads one file that passed the file check, and adopts its families.
class loading {
 public:
  loading(load_report& out, const file_check& checked, int fd) : out_(out), checked_(checked), fd_(fd) {}

  void run(file_record& record) {
    const loading_scope scope;
    boost::dll::fs::error_code ec;
    boost::dll::shared_library library;
    const auto mode = static_cast<boost::dll::load_mode::type>(RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    library.load(checked_.resolved, mode, ec);
    if (ec) {
      const char* said = ::dlerror();
      const std::string text = said ? said : ec.message();
      out_.error = transient_error_in(text);
      return refuse(dlopen_failed, plugin::excerpt(text, 512));
    }
    files().mapped(checked_.resolved, checked_.identity);
    record.identity = checked_.identity;
    enter(library);
    if (out_.error != 0) return;
    record.done = out_;
    record.families = std::move(adopted_);
  }

 private:
  void refuse(const char* code, const std::string& text) {
    out_.acceptable = false;
    out_.code = code;
    out_.reason = out_.path.string() + ": " + text;
    out_.families.clear();
  }

  void enter(boost::dll::shared_library& library) {
    const auto now = identity_of(checked_.resolved);
    if (!now && is_transient(errno)) {
      out_.error = errno;
      return refuse("not-found", std::generic_category().message(out_.error));
    }
    if (now != checked_.identity || !maps_file(library.native(), fd_))
      return refuse("changed-while-loading", "it is no longer the file that was checked");
    if (!library.has(entry_name)) return refuse("entry-missing", std::string("it does not export ") + entry_name);
    auto& entry = library.get<std::int32_t(const afplug_host*, afplug_plugin*)>(entry_name);
    if (!defines(library.native(), reinterpret_cast<const void*>(&entry)))
      return refuse("entry-missing",
                    std::string(entry_name) + " is defined by a library that it depends on, not by the plugin");
    if (!is_function(reinterpret_cast<const void*>(&entry)))
      return refuse("entry-missing", std::string(entry_name) + " is not a function in an executable segment");
    note_exports(library.native());

    const auto& host = host_of(out_.note->abi_minor);
    afplug_plugin plugin{};
    plugin.size = sizeof plugin;
    std::int32_t result = 0;
    try {
      result = entry(&host, &plugin);
    } catch (const std::exception& e) {
      return refuse("entry-threw", std::string(entry_name) + " threw an exception: " + plugin::excerpt(e.what(), 256));
    } catch (...) {
      return refuse("entry-threw", std::string(entry_name) + " threw an exception");
    }
    if (result != 0) {
      if (is_transient(-result)) out_.error = -result;
      return refuse("entry-failed",
                    std::string(entry_name) + " returned " + std::to_string(result) +
                        (result < 0 && result > -4096 ? ": " + std::generic_category().message(-result) : ""));
    }
    describe(host, plugin);
  }

  void note_exports(void* handle) {
    auto names = exported_symbols(handle);
    std::erase(names, entry_name);
    if (names.empty()) return;
    std::string text = out_.path.string() + ": it exports " + std::to_string(names.size()) + " symbols beside " +
                       entry_name + ", which can be confused with those of other plugins:";
    for (std::size_t i = 0; i < std::min(names.size(), symbols_named); ++i) text += (i ? ", " : " ") + names[i];
    if (names.size() > symbols_named) text += ", …";
    out_.warnings.push_back(std::move(text));
  }

  /// Checks a text of the plugin against the one in its ELF note.
  bool matches(const char* text, const std::string& noted, const char* field) {
    if (text && std::strncmp(text, noted.c_str(), noted.size() + 1) == 0) return true;
    refuse("note-mismatch", std::string("plugin.") + field + (text ? ": it is not \"" : ": it is NULL, not \"") +
                                noted + "\", as in the ELF note");
    return false;
  }

  bool check_numbers(const afplug_host& host, const afplug_plugin& plugin) {
    const auto wrong = [this](const char* code, const char* field, std::uint64_t is, const std::string& wanted) {
      refuse(code, std::string("plugin.") + field + ": it is " + std::to_string(is) + ", " + wanted);
      return false;
    };
    if (plugin.size < plugin_size_least || plugin.size > sizeof plugin)
      return wrong("plugin-size", "size", plugin.size,
                   "not in " + std::to_string(plugin_size_least) + ".." + std::to_string(sizeof plugin));
    if (plugin.abi_major != AFPLUG_ABI_MAJOR)
      return wrong("abi-major", "abi_major", plugin.abi_major, "this library has " + std::to_string(AFPLUG_ABI_MAJOR));
    if (plugin.abi_minor > host.abi_minor)
      return wrong("abi-minor", "abi_minor", plugin.abi_minor,
                   "the host allows at most " + std::to_string(host.abi_minor));
    const auto& table = plugin.families;
    if (table.count != out_.note->families.size())
      return wrong("note-mismatch", "families.count", table.count,
                   "the ELF note has " + std::to_string(out_.note->families.size()));
    if (!table.data) return refuse("descriptor", "plugin.families.data: it is NULL"), false;
    if (table.stride < sizeof(std::uint32_t) || table.stride > stride_max)
      return wrong("descriptor", "families.stride", table.stride, "not a plausible size");
    return true;
  }

  bool matches_note(const family& f, const note_family& noted, const std::string& where) {
    const auto& d = family_data::of(f).descriptor;
    const auto wrong = [&](const char* field, const std::string& is, const std::string& note) {
      refuse("note-mismatch", where + field + ": it is " + is + ", the ELF note has " + note);
      return false;
    };
    if (f.id() != noted.id) return wrong("id", "\"" + std::string(f.id()) + "\"", "\"" + noted.id + "\"");
    if (d.number != noted.number) return wrong("number", std::to_string(d.number), std::to_string(noted.number));
    if (d.flags != noted.flags) return wrong("flags", std::to_string(d.flags), std::to_string(noted.flags));
    return true;
  }

  void describe(const afplug_host& host, const afplug_plugin& plugin) {
    const auto& note = *out_.note;
    const std::string path = out_.path.string();
    if (!check_numbers(host, plugin) || !matches(plugin.provider, note.provider, "provider") ||
        !matches(plugin.version, note.version, "version"))
      return;
    for (std::uint32_t i = 0; i < plugin.families.count; ++i) {
      const std::string where = "plugin.families[" + std::to_string(i) + "].";
      const auto* raw = static_cast<const char*>(plugin.families.data) + std::size_t{i} * plugin.families.stride;
      std::uint32_t size = 0;
      std::memcpy(&size, raw, sizeof size);
      if (size > plugin.families.stride)
        return refuse("descriptor", where + "size: it is " + std::to_string(size) + ", the stride is " +
                                        std::to_string(plugin.families.stride));
      const auto& noted = note.families[i];
      std::string why;
      auto f = adopt_family(*reinterpret_cast<const afplug_family*>(raw),
                            {note.provider, note.version, path, plugin.abi_minor},
                            noted.number == 0 ? local_number(noted.id) : 0, why);
      if (!f) return refuse("descriptor", where + why);
      if (!matches_note(*f, noted, where)) return;
      out_.families.push_back(f.get());
      adopted_.push_back(std::move(f));
    }
  }

  load_report& out_;
  const file_check& checked_;
  const int fd_;  ///< of the checked file
  std::vector<std::unique_ptr<const family>> adopted_;
};

/// Ids of families without an AF_* number; the i-th has the number AFPLUG_NUMBER_LOCAL + i.
struct local_names {
  fork_mutex mutex;
  std::vector<std::string> ids;
};

local_names& locals() {
  static auto& it = *new local_names;
  return it;
}

}  // namespace

bool loading_here() noexcept { return loading_depth > 0; }

int local_number(std::string_view id) {
  auto& l = locals();
  const std::lock_guard lock(l.mutex);
  auto it = std::find(l.ids.begin(), l.ids.end(), id);
  if (it == l.ids.end()) it = l.ids.emplace(l.ids.end(), id);
  return AFPLUG_NUMBER_LOCAL + static_cast<int>(it - l.ids.begin());
}

std::optional<std::string> local_id(int number) {
  auto& l = locals();
  const std::lock_guard lock(l.mutex);
  if (number < AFPLUG_NUMBER_LOCAL || static_cast<std::size_t>(number - AFPLUG_NUMBER_LOCAL) >= l.ids.size())
    return std::nullopt;
  return l.ids[static_cast<std::size_t>(number - AFPLUG_NUMBER_LOCAL)];
}

load_report load_file(const fs::path& file, const fs::path& directory) {
  const no_cancellation here;
  load_report out;
  const auto refuse = [&](const char* code, const char* text) {
    out.acceptable = false;
    out.code = code;
    out.reason = file.string() + ": " + text;
    return out;
  };
  file_descriptor descriptor;
  const auto checked = check_file(file, directory, trust::of_process(), &descriptor);
  static_cast<inspection&>(out) = checked.seen;
  out.error = checked.transient_error;
  if (!out.acceptable) return out;
  if (loading_here()) return refuse("reentered", "it was requested by the initialization of a plugin");

  const auto record = files().record(checked.identity);
  const std::lock_guard lock(record->mutex);
  if (files().replaced(checked.resolved, checked.identity) ||
      (record->done && !record->identity.same_content(checked.identity)))
    return refuse("replaced", "it was replaced after this process loaded it; restart the process");
  if (record->done) return *record->done;
  loading(out, checked, descriptor.get()).run(*record);
  for (const auto& w : out.warnings) log(log_level::warning, "afplug", w);
  if (out.acceptable)
    log(log_level::debug, "afplug", file.string() + ": loaded");
  else if (out.reason != record->dlopen_failure)
    log(log_level::error, "afplug", out.reason);
  record->dlopen_failure = out.code == dlopen_failed ? std::optional(out.reason) : std::nullopt;
  return out;
}

}  // namespace afplug::detail
