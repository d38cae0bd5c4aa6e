// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
#include <afplug/log.hpp>
#include <afplug/registry.hpp>

#include <algorithm>
#include <functional>
#include <map>
#include <mutex>
#include <new>
#include <utility>

#include "directory_scan.hpp"
#include "family_data.hpp"
#include "file_check.hpp"
#include "loader.hpp"
#include "throwing.hpp"

namespace afplug {
namespace {

namespace fs = std::filesystem;

using detail::directory_scan;
using detail::found_file;
using providers_list = std::vector<std::pair<std::string, std::string>>;

std::vector<std::string> split(std::string_view text, char at) {
  std::vector<std::string> out;
  for (std::size_t begin = 0; begin <= text.size();) {
    const auto end = std::min(text.find(at, begin), text.size());
    out.emplace_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return out;
}

[[noreturn]] void refuse_argument(const std::string& text) { throw error(errc::invalid_argument, text); }

void require_absolute(const fs::path& directory) {
  if (!directory.is_absolute())
    refuse_argument("registry: search directory \"" + directory.string() + "\" is not an absolute path");
}

void add_once(std::vector<fs::path>& list, fs::path directory) {
  directory = directory.lexically_normal();
  if (!directory.has_filename()) directory = directory.parent_path();  // a trailing slash
  if (std::find(list.begin(), list.end(), directory) == list.end()) list.push_back(std::move(directory));
}

std::vector<fs::path> directories_of(const registry_options& options) {
  std::vector<fs::path> out;
  for (const auto& d : options.directories) {
    require_absolute(d);
    add_once(out, d);
  }
  if (const char* list = options.use_environment ? detail::safe_environment("AFPLUG_PATH") : nullptr)
    for (const fs::path d : split(list, ':')) {
      if (d.is_absolute())
        add_once(out, d);
      else if (!d.empty())
        log(log_level::warning, "afplug", "AFPLUG_PATH: \"" + d.string() + "\" is not an absolute path and is ignored");
    }
  if (options.use_install_directory && !detail::own_file().empty())
    add_once(out, detail::own_file().parent_path() / "afplug");
  return out;
}

providers_list providers_of(const registry_options& options) {
  providers_list out = options.providers;
  for (const auto& [id, provider] : out)
    if (!detail::is_id(id) || !detail::is_id(provider))
      refuse_argument("registry: provider \"" + id + "=" + provider + "\" is not of the form family=provider");
  const char* list = options.use_environment ? detail::safe_environment("AFPLUG_PROVIDER") : nullptr;
  if (!list || !*list) return out;
  for (const auto& item : split(list, ',')) {
    const auto sign = std::min(item.find('='), item.size());
    const auto id = item.substr(0, sign), provider = item.substr(std::min(sign + 1, item.size()));
    if (detail::is_id(id) && detail::is_id(provider))
      out.emplace_back(id, provider);
    else
      log(log_level::warning, "afplug",
          "AFPLUG_PROVIDER: \"" + item + "\" is not of the form family=provider and is ignored");
  }
  return out;
}

/// What the registry knows of one family id. Its address is stable as long as the registry exists.
struct slot {
  explicit slot(std::string_view name) : id(name) {}
  const std::string id;
  std::atomic<const afplug::family*> current{nullptr};  ///< the family that lookups return
  std::atomic<bool> unloaded{false};

  std::mutex mutex;                                 ///< held while loading; guards the next three
  std::shared_ptr<const directory_scan> failed_in;  ///< the scan of which no file could be loaded
  error_code failure;
  std::string failure_text;

  /// All families that lookups returned, of any provider; guarded by the registry's mutex.
  std::vector<const afplug::family*> all;
};

/// A lock-free index of slots by id: open addressing in a table from which nothing is removed. Slots beyond its
/// capacity are found with the lock.
class slot_table {
 public:
  slot* find(std::string_view id) const noexcept {
    for (std::size_t i = 0, at = start(id); i < size; ++i, at = (at + 1) % size) {
      slot* s = cells_[at].load(std::memory_order_acquire);
      if (!s || s->id == id) return s;
    }
    return nullptr;
  }
  /// Calls must be serialized.
  void insert(slot* s) noexcept {
    if (used_ >= size / 2) return;
    auto at = start(s->id);
    while (cells_[at].load(std::memory_order_relaxed)) at = (at + 1) % size;
    cells_[at].store(s, std::memory_order_release);
    ++used_;
  }

 private:
  static constexpr std::size_t size = 512;
  static std::size_t start(std::string_view id) noexcept { return std::hash<std::string_view>()(id) % size; }
  std::array<std::atomic<slot*>, size> cells_{};
  std::size_t used_ = 0;
};

std::string join(const std::vector<fs::path>& list) {
  std::string out;
  for (const auto& d : list) out += (out.empty() ? "" : ", ") + d.string();
  return out.empty() ? "no search directory" : out;
}

}  // namespace

struct registry::impl {
  explicit impl(registry& r, const registry_options& options)
      : owner(r),
        providers(providers_of(options)),
        directories(directories_of(options)),
        own_directories(options.directories.size()) {}

  registry& owner;
  const providers_list providers;

  /// Guards the next four; not held while plugin code runs or while waiting for a slot's mutex.
  mutable std::mutex mutex;
  std::vector<fs::path> directories;
  std::size_t own_directories;  ///< how many of them, from the front, the program gave
  std::shared_ptr<const directory_scan> found;
  std::map<std::string, std::unique_ptr<slot>, std::less<>> slots;

  slot_table by_id;
  std::array<std::atomic<slot*>, 256> by_local{};

  std::string_view chosen_provider(std::string_view id) const noexcept {
    const auto it = std::find_if(providers.begin(), providers.end(), [id](const auto& p) { return p.first == id; });
    return it == providers.end() ? std::string_view() : it->second;
  }

  /// The files in the search directories, scanned on the first call.
  std::shared_ptr<const directory_scan> scan() {
    const std::lock_guard lock(mutex);
    if (found) return found;
    auto fresh = detail::scan(directories);
    if (fresh->transient_error == 0) found = fresh;
    return fresh;
  }

  /// The same, for loading. Null with `ec` if the scan is incomplete: it may lack the file that takes precedence.
  std::shared_ptr<const directory_scan> scan_for(const std::string& what, error_code& ec) {
    if (detail::loading_here()) {
      detail::fail(ec, errc::registry_reentered, what + ": it was requested by the initialization of a plugin");
      return nullptr;
    }
    auto c = scan();
    if (c->transient_error == 0) return c;
    const error_code code(c->transient_error, boost::system::system_category());
    detail::fail(ec, code, what + ": scanning for its plugin failed: " + code.message());
    return nullptr;
  }

  void record_loaded(slot& s, const afplug::family& f) {
    const std::lock_guard lock(mutex);
    s.all.push_back(&f);
  }

  std::vector<const afplug::family*> loaded_of(const slot& s) const {
    const std::lock_guard lock(mutex);
    return s.all;
  }

  /// The slot of an id; null if no file names it.
  slot* slot_of(std::string_view id, const directory_scan& c) {
    if (auto* s = known(id)) return s;
    if (c.candidates(id).empty() && c.refused(id).empty()) return nullptr;
    const std::lock_guard lock(mutex);
    auto& s = slots[std::string(id)];
    if (!s) {
      s = std::make_unique<slot>(id);
      by_id.insert(s.get());
    }
    return s.get();
  }

  slot* known(std::string_view id) const {
    if (auto* s = by_id.find(id)) return s;
    const std::lock_guard lock(mutex);
    const auto it = slots.find(id);
    return it == slots.end() ? nullptr : it->second.get();
  }

  std::string where() const {
    const std::lock_guard lock(mutex);
    return join(directories);
  }

  const afplug::family* unknown(const std::string& what, error_code& ec) const {
    detail::fail(ec, errc::unknown_family,
                 what + ": no plugin provides this family in " + where() + "; add directories with AFPLUG_PATH");
    return nullptr;
  }

  /// Loads the first acceptable file. On failure the error text names each file and its reason.
  const afplug::family* load_first(std::string_view id, const std::vector<const found_file*>& files, error_code& ec) {
    error_code code = errc::plugin_refused;
    std::string text;
    for (const auto* file : files) {
      auto why = file->failure();
      if (!why) {
        const auto report = detail::load_file(file->path(), file->directory());
        for (const auto* f : report.families)
          if (f->id() == id) return ec.clear(), f;
        if (report.error != 0) {
          // A transient error is not the file's fault: do not fall back to another file.
          detail::fail(ec, {report.error, boost::system::system_category()}, std::string(id) + ": " + report.reason);
          return nullptr;
        }
        why = report.acceptable
                  ? detail::refusal{"changed-while-loading", file->path().string() + ": its ELF note has changed"}
                  : detail::refusal{report.code, report.reason};
        file->fail(*why);
      }
      if (file == files.front() && why->code == "changed-while-loading") code = errc::changed_while_loading;
      text += (file == files.front() ? std::string(id) + ": " : "; ") + why->text;
    }
    detail::fail(ec, code, text);
    return nullptr;
  }

  /// Makes a family visible to lock-free lookups.
  void publish(slot& s, const afplug::family& f, const directory_scan& c) {
    const auto number = static_cast<unsigned>(f.number());
    if (number < owner.by_number_.size()) {
      const auto claims = c.claims(f.number());
      if (!claims.empty() && claims.front() == s.id) owner.by_number_[number].store(&f, std::memory_order_release);
    } else if (number - AFPLUG_NUMBER_LOCAL < by_local.size()) {
      by_local[number - AFPLUG_NUMBER_LOCAL].store(&s, std::memory_order_release);
    }
    s.current.store(&f, std::memory_order_release);
  }

  const afplug::family* fail_again(const slot& s, error_code& ec) const {
    detail::fail(ec, s.failure, s.failure_text);
    return nullptr;
  }

  const afplug::family* load(std::string_view id, error_code& ec) {
    const std::string name(id);
    const auto c = scan_for(name, ec);
    if (!c) return nullptr;
    slot* s = slot_of(id, *c);
    if (!s) return unknown(name, ec);
    const std::lock_guard lock(s->mutex);
    if (const auto* f = s->current.load(std::memory_order_acquire)) return ec.clear(), f;
    if (s->unloaded) return fail_unloaded(name, ec);
    if (s->failed_in == c) return fail_again(*s, ec);
    if (const auto* f = load_chosen(name, *c, ec)) {
      record_loaded(*s, *f);
      publish(*s, *f, *c);
      return f;
    }
    if (ec.category() != boost::system::system_category()) {  // those are transient
      s->failed_in = c;
      s->failure = ec;
      s->failure_text = last_detail();
    }
    return nullptr;
  }

  const afplug::family* load_chosen(const std::string& id, const directory_scan& c, error_code& ec) {
    const auto provider = chosen_provider(id);
    const auto files = c.candidates(id, provider);
    if (!files.empty()) return load_first(id, files, ec);
    if (!provider.empty() && !c.candidates(id).empty()) return fail_provider(id, provider, ec);
    return fail_refused(id, c, ec);
  }

  const afplug::family* fail_provider(const std::string& id, std::string_view provider, error_code& ec) const {
    detail::fail(ec, errc::unknown_provider,
                 id + ": no plugin of provider \"" + std::string(provider) + "\" in " + where());
    return nullptr;
  }

  static const afplug::family* fail_unloaded(const std::string& id, error_code& ec) {
    detail::fail(ec, errc::family_unloaded, id + ": the family was unloaded");
    return nullptr;
  }

  const afplug::family* fail_refused(const std::string& id, const directory_scan& c, error_code& ec) const {
    const auto files = c.refused(id);
    if (files.empty()) return unknown(id, ec);
    std::string text = id;
    for (const auto* f : files) text += (f == files.front() ? ": " : "; ") + f->seen().reason;
    detail::fail(ec, errc::plugin_refused, text);
    return nullptr;
  }

  const afplug::family* load_from(std::string_view id, std::string_view provider, error_code& ec) {
    const std::string name(id);
    const auto c = scan_for(name, ec);
    if (!c) return nullptr;
    slot* s = slot_of(id, *c);
    if (!s) return unknown(name, ec);
    const std::lock_guard lock(s->mutex);
    if (s->unloaded) return fail_unloaded(name, ec);
    for (const auto* f : loaded_of(*s))
      if (f->provider() == provider) return ec.clear(), f;
    const auto files = c->candidates(id, provider);
    if (files.empty() || provider.empty()) return fail_provider(name, provider, ec);
    const auto* f = load_first(id, files, ec);
    if (f) record_loaded(*s, *f);
    return f;
  }

  const afplug::family* load(int number, error_code& ec) {
    const std::string name = "family " + std::to_string(number);
    if (number >= AFPLUG_NUMBER_LOCAL) {
      const auto id = detail::local_id(number);
      return id ? load(*id, ec) : unknown(name, ec);
    }
    if (number <= 0 || static_cast<unsigned>(number) >= owner.by_number_.size()) return unknown(name, ec);
    const auto c = scan_for(name, ec);
    if (!c) return nullptr;
    error_code first;
    std::string text;
    for (const auto& id : c->claims(number)) {
      if (const auto* f = load(id, ec)) return make_primary(*f), f;
      if (!first) {
        first = ec;
        text = last_detail();
      }
    }
    if (!first) return fail_number(number, *c, ec);
    detail::fail(ec, first, text);
    return nullptr;
  }

  /// Makes a family the primary one of its number, after those that take precedence could not be loaded.
  void make_primary(const afplug::family& f) {
    slot* s = known(f.id());
    const std::lock_guard lock(s->mutex);
    if (s->current.load(std::memory_order_acquire) == &f)
      owner.by_number_[static_cast<unsigned>(f.number())].store(&f, std::memory_order_release);
  }

  /// The error for a number that no acceptable file provides; names a refused file that would.
  const afplug::family* fail_number(int number, const directory_scan& c, error_code& ec) const {
    for (const auto& f : c.files) {
      if (f->seen().acceptable || !f->seen().note) continue;
      for (const auto& n : f->seen().note->families)
        if (n.number == number) return fail_refused(n.id, c, ec);
    }
    return unknown("family " + std::to_string(number), ec);
  }

  plugin_info info_of(const found_file& file, const note_family* named, const directory_scan& c) {
    plugin_info out;
    out.path = file.path();
    if (const auto& note = file.seen().note) {
      out.provider = note->provider;
      out.version = note->version;
    }
    if (named) {
      out.family = named->id;
      if (named->number != 0) out.number = named->number;
    }
    const auto with_state = [&](plugin_info::state_t state, std::string reason, std::string code = {}) {
      out.state = state;
      out.reason = std::move(reason);
      out.code = std::move(code);
      return out;
    };
    using enum plugin_info::state_t;
    if (!file.seen().acceptable) return with_state(refused, file.seen().reason, file.seen().code);
    if (file.duplicate_of)
      return with_state(shadowed,
                        file.path().string() + ": it is the same file as " + file.duplicate_of->path().string());
    if (const auto why = file.failure()) return with_state(refused, why->text, why->code);
    return state_of(out, file, c);
  }

  plugin_info state_of(plugin_info& out, const found_file& file, const directory_scan& c) {
    const auto is_from_file = [&](const afplug::family* f) {
      if (f->path() == file.path().native()) return true;
      const auto id = detail::identity_of(fs::path(f->path()));
      return id && id->same_file(file.check().identity);
    };
    using enum plugin_info::state_t;
    const slot* s = known(out.family);
    const auto all = s ? loaded_of(*s) : std::vector<const afplug::family*>();
    if (std::any_of(all.begin(), all.end(), is_from_file)) {
      out.state = loaded;
      return out;
    }
    const auto* current = s ? s->current.load(std::memory_order_acquire) : nullptr;
    const auto provider = chosen_provider(out.family);
    std::string winner = current ? std::string(current->path()) : std::string();
    if (!current)
      for (const auto* other : c.candidates(out.family, provider))
        if (!other->failure()) {
          if (other == &file) {
            out.state = s && s->unloaded ? unloaded : found;
            return out;
          }
          winner = other->path().string();
          break;
        }
    out.state = shadowed;
    if (winner.empty())
      out.reason = file.path().string() + ": provider \"" + std::string(provider) + "\" was chosen for " + out.family;
    else
      out.reason = file.path().string() + ": " + winner + " provides " + out.family;
    return out;
  }
};

registry::registry(registry_options options) : impl_(std::make_unique<impl>(*this, options)) {}
registry::~registry() = default;

registry& registry::global() {
  static registry& it = *new registry;
  return it;
}

void registry::add_directory(std::filesystem::path directory) {
  require_absolute(directory);
  {
    const std::lock_guard lock(impl_->mutex);
    auto list = std::vector(impl_->directories.begin(),
                            impl_->directories.begin() + static_cast<std::ptrdiff_t>(impl_->own_directories));
    add_once(list, std::move(directory));
    const auto own = list.size();
    for (auto it = impl_->directories.begin() + static_cast<std::ptrdiff_t>(impl_->own_directories);
         it != impl_->directories.end(); ++it)
      add_once(list, *it);
    impl_->directories = std::move(list);
    impl_->own_directories = own;
  }
  rescan();
}

const afplug::family& registry::family(int number) {
  return *detail::throwing("registry", [&](error_code& ec) { return family(number, ec); });
}

const afplug::family& registry::family(std::string_view id) {
  return *detail::throwing("registry", [&](error_code& ec) { return family(id, ec); });
}

const afplug::family* registry::family(std::string_view id, error_code& ec) {
  if (const auto* s = impl_->by_id.find(id)) [[likely]]
    if (const auto* f = s->current.load(std::memory_order_acquire)) [[likely]] {
      ec.clear();
      return f;
    }
  return impl_->load(id, ec);
}

const afplug::family* registry::family(std::string_view id, std::string_view provider, error_code& ec) {
  return impl_->load_from(id, provider, ec);
}

const afplug::family* registry::find(int number, error_code& ec) {
  if (const auto* f = loaded(number)) {
    ec.clear();
    return f;
  }
  return impl_->load(number, ec);
}

const afplug::family* registry::loaded(int number) const noexcept {
  const auto n = static_cast<unsigned>(number);
  if (n < by_number_.size()) return by_number_[n].load(std::memory_order_acquire);
  if (n - AFPLUG_NUMBER_LOCAL >= impl_->by_local.size()) return nullptr;
  const auto* s = impl_->by_local[n - AFPLUG_NUMBER_LOCAL].load(std::memory_order_acquire);
  return s ? s->current.load(std::memory_order_acquire) : nullptr;
}

std::vector<plugin_info> registry::families() {
  const auto c = impl_->scan();
  std::vector<plugin_info> out;
  for (const auto& file : c->files) {
    if (!file->seen().note) {
      out.push_back(impl_->info_of(*file, nullptr, *c));
      continue;
    }
    for (const auto& f : file->seen().note->families) out.push_back(impl_->info_of(*file, &f, *c));
  }
  return out;
}

void registry::rescan() {
  const std::lock_guard lock(impl_->mutex);
  impl_->found.reset();
  for (const auto& [id, s] : impl_->slots) s->unloaded = false;
}

void registry::unload(std::string_view id) {
  detail::throwing("registry: unload", [&](error_code& ec) { unload(id, ec); });
}

void registry::unload(std::string_view id, error_code& ec) {
  const std::string name(id);
  const auto c = impl_->scan_for(name, ec);
  if (!c) return;
  slot* s = impl_->slot_of(id, *c);
  if (!s) {
    impl_->unknown(name, ec);
    return;
  }
  const std::lock_guard lock(s->mutex);
  const auto all = impl_->loaded_of(*s);
  for (const auto* f : all)
    if (const auto count = detail::family_data::of(*f).open_user_sockets.load(); count > 0)
      return detail::fail(ec, errc::family_in_use,
                          name + ": " + std::to_string(count) + " sockets of this family are open");
  for (auto& cell : by_number_)
    if (const auto* f = cell.load(); f && std::find(all.begin(), all.end(), f) != all.end())
      cell.store(nullptr, std::memory_order_release);
  s->unloaded = true;
  s->current.store(nullptr, std::memory_order_release);
  const std::lock_guard registry_lock(impl_->mutex);
  s->all.clear();
  ec.clear();
}

std::vector<std::filesystem::path> registry::directories() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->directories;
}

}  // namespace afplug
