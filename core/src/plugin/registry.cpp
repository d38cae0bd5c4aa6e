// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
#include <afplug/log.hpp>
#include <afplug/plugin/encoding.hpp>
#include <afplug/registry.hpp>

#include <algorithm>
#include <functional>
#include <map>
#include <mutex>
#include <new>
#include <set>
#include <unordered_set>
#include <utility>

#include "configuration.hpp"
#include "directory_scan.hpp"
#include "family_data.hpp"
#include "file_check.hpp"
#include "fork_mutex.hpp"
#include "loader.hpp"
#include "similar_name.hpp"
#include "throwing.hpp"

namespace afplug {
namespace {

namespace fs = std::filesystem;

using detail::directory_scan;
using detail::found_file;
using detail::search_directory;
using plugin::quote;

/// What the registry knows of one family id. Its address is stable as long as the registry exists.
struct slot {
  explicit slot(std::string_view name) : id(name) {}
  const std::string id;
  std::atomic<const afplug::family*> current{nullptr};  ///< the family that lookups return
  std::atomic<bool> unloaded{false};

  detail::fork_mutex mutex;  ///< held while loading

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

std::string join(const std::vector<search_directory>& list) {
  constexpr std::size_t named = 8;
  std::string out;
  for (std::size_t i = 0; i < std::min(list.size(), named); ++i) out += (i ? ", " : "") + list[i].path.string();
  if (list.size() > named) out += " and " + std::to_string(list.size() - named) + " other directories";
  return out.empty() ? "no search directory" : out;
}

/// Calls `call`; where memory is short, sets `ec` to ENOMEM and returns an empty result.
template <class F>
auto or_out_of_memory(error_code& ec, F call) -> decltype(call()) {
  try {
    return call();
  } catch (const std::bad_alloc&) {
    detail::fail(ec, make_error_code(boost::system::errc::not_enough_memory), "registry: not enough memory");
    return decltype(call())();
  }
}

/// An id for an error text; quoted if it is not of an id's form.
std::string label(std::string_view id) { return detail::is_id(id) ? std::string(id) : quote(id); }
std::string name_of(int family) { return "family " + std::to_string(family); }

/// Which of the families `wanted` may mean: "AF_CAN" and "Can" mean "can", and "cam" is similar to it. Empty: none.
std::string_view suggestion(std::string_view wanted, const std::vector<std::string_view>& ids) {
  constexpr std::pair<std::string_view, std::string_view> other_names[] = {
      {"ip", "inet"},    {"ip4", "inet"},   {"ipv4", "inet"}, {"ip6", "inet6"},
      {"ipv6", "inet6"}, {"local", "unix"}, {"uds", "unix"}};
  if (wanted.size() > AFPLUG_ID_MAX + 3) return {};
  std::string plain(wanted);
  std::ranges::transform(plain, plain.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  if (plain.starts_with("af_") || plain.starts_with("pf_")) plain.erase(0, 3);
  for (const auto& [name, id] : other_names)
    if (plain == name) plain = id;
  detail::similar_name similar(plain);
  for (const auto id : ids) similar.consider(id);
  return similar.best();
}

}  // namespace

struct registry::impl {
  explicit impl(registry& r, const registry_options& options) : owner(r), config(options), directories(config.all()) {}

  registry& owner;

  /// Guards the next five; not held while plugin code runs or while waiting for a slot's mutex.
  mutable detail::fork_mutex mutex;
  detail::configuration config;  ///< of which only `own` changes
  detail::search_path directories;
  std::shared_ptr<const directory_scan> found;
  std::set<std::string> reported;  ///< the lines about files and directories that were logged
  std::map<std::string, std::unique_ptr<slot>, std::less<>> slots;

  slot_table by_id;
  std::array<std::atomic<slot*>, 256> by_local{};
  std::atomic<bool> sealed{false};

  /// The files in the search directories, scanned on the first call.
  std::shared_ptr<const directory_scan> scan() {
    std::vector<std::pair<log_level, std::string>> lines;
    std::shared_ptr<const directory_scan> fresh;
    {
      const std::lock_guard lock(mutex);
      if (found) return found;
      fresh = detail::scan(directories.list());
      // A scan that a lack of memory or descriptors cut short is an error of the call, and is not reported.
      if (fresh->transient_error != 0 && !sealed) return fresh;
      lines = unreported(*fresh);
      found = fresh;
    }
    for (const auto& [level, text] : lines) log(level, "afplug", text);
    return fresh;
  }

  /// What the log has to report of a scan and was not told before. Requires the mutex.
  std::vector<std::pair<log_level, std::string>> unreported(const directory_scan& c) {
    std::vector<std::pair<log_level, std::string>> lines;
    const auto add = [&](log_level level, const std::string& text) {
      if (reported.insert(text).second) lines.emplace_back(level, text);
    };
    for (const auto* list : {&std::as_const(config.warnings), &c.warnings})
      for (const auto& text : *list) add(log_level::warning, text);
    for (const auto& f : c.files)
      if (!f->seen().acceptable)
        add(f->seen().code == "note-missing" ? log_level::debug : log_level::error, f->seen().reason);
    return lines;
  }

  /// The same as scan(), for loading. Null with `ec` if the scan is incomplete (it may lack the file that takes
  /// precedence), or if the family is not allowed.
  std::shared_ptr<const directory_scan> scan_for(const std::string& what, error_code& ec) {
    if (detail::loading_here()) {
      detail::fail(ec, errc::registry_reentered, what + ": it was requested by the initialization of a plugin");
      return nullptr;
    }
    auto c = scan();
    if (c->transient_error == 0 || sealed) return c;
    const error_code code(c->transient_error, boost::system::system_category());
    detail::fail(ec, code, what + ": scanning for its plugin failed: " + code.message());
    return nullptr;
  }

  /// Whether a family that is not loaded may be loaded; if not, sets `ec`.
  bool may_load(const std::string& id, error_code& ec) const {
    if (sealed) {
      detail::fail(ec, errc::registry_sealed,
                   id + ": the registry is sealed, and the family is not loaded; pass it to registry::preload() before "
                        "registry::seal()");
      return false;
    }
    const auto why = config.not_allowed(id);
    if (!why.empty()) detail::fail(ec, errc::family_not_allowed, id + ": " + why);
    return why.empty();
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
    return join(directories.list());
  }

  /// The families that the files of a scan provide and that are allowed, in alphabetical order.
  std::vector<std::string_view> available(const directory_scan& c) const {
    std::vector<std::string_view> ids;
    for (const auto& file : c.files)
      if (file->seen().acceptable && file->seen().note)
        for (const auto& f : file->seen().note->families)
          if (config.not_allowed(f.id).empty()) ids.push_back(f.id);
    std::ranges::sort(ids);
    ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
    return ids;
  }

  const afplug::family* unknown_id(std::string_view id, const directory_scan& c, error_code& ec) const {
    return unknown(label(id), id, c, ec);
  }

  /// `id`: empty if the family was requested by its number.
  const afplug::family* unknown(const std::string& what, std::string_view id, const directory_scan& c,
                                error_code& ec) const {
    const auto ids = available(c);
    std::string text = what + ": no plugin provides this family";
    if (const auto meant = suggestion(id, ids); !meant.empty())
      text.append("; did you mean ").append(meant).append("?");
    text += "; available are";
    for (const auto each : ids) text.append(each == ids.front() ? " " : ", ").append(each);
    if (ids.empty()) text += " none";
    text += ", from " + where() + "; add directories with AFPLUG_PATH";
    if (const auto refused = c.refused_without_note(); !refused.empty())
      text += "; a file there was refused: " + refused.front()->seen().reason +
              (refused.size() == 1 ? "" : " (and " + std::to_string(refused.size() - 1) + " other files)");
    detail::fail(ec, errc::unknown_family, text);
    return nullptr;
  }

  /// Loads the first acceptable file. On failure the error text names each file and its reason.
  const afplug::family* load_first(std::string_view id, const std::vector<const found_file*>& files, error_code& ec) {
    error_code code = errc::plugin_refused;
    std::string text;
    for (const auto* file : files) {
      auto why = file->failure();
      if (!why || why->code == detail::dlopen_failed) {
        const auto report = detail::load_file(file->path(), file->directory());
        for (const auto* f : report.families)
          if (f->id() == id) {
            file->failed({});
            return ec.clear(), f;
          }
        if (report.error != 0) {
          // A transient error is not the file's fault: do not fall back to another file.
          detail::fail(ec, {report.error, boost::system::system_category()}, std::string(id) + ": " + report.reason);
          return nullptr;
        }
        why = report.acceptable
                  ? detail::refusal{"changed-while-loading", file->path().string() + ": its ELF note has changed"}
                  : detail::refusal{report.code, report.reason};
        file->failed(why);
      }
      if (file == files.front() && why->code == "changed-while-loading") code = errc::changed_while_loading;
      text += (file == files.front() ? std::string(id) + ": " : "; ") + why->text;
    }
    detail::fail(ec, code, text);
    return nullptr;
  }

  /// Makes a family visible to lock-free lookups, unless it is.
  void publish(slot& s, const afplug::family& f, const directory_scan& c) {
    if (s.current.load(std::memory_order_acquire) == &f) return;
    record_loaded(s, f);
    const auto number = static_cast<unsigned>(f.number());
    if (number < owner.by_number_.size()) {
      const auto claims = c.claims(f.number());
      if (!claims.empty() && claims.front() == s.id) owner.by_number_[number].store(&f, std::memory_order_release);
    } else if (number - AFPLUG_NUMBER_LOCAL < by_local.size()) {
      by_local[number - AFPLUG_NUMBER_LOCAL].store(&s, std::memory_order_release);
    }
    s.current.store(&f, std::memory_order_release);
  }

  const afplug::family* load(std::string_view id, error_code& ec) {
    const std::string name = label(id);
    const auto c = scan_for(name, ec);
    if (!c) return nullptr;
    slot* s = slot_of(id, *c);
    if (!s) return unknown_id(id, *c, ec);
    const std::lock_guard lock(s->mutex);
    const auto* f = load_unpublished(*s, c, ec);
    if (f) publish(*s, *f, *c);
    return f;
  }

  /// The family of a slot, loaded if necessary. Requires the slot's mutex.
  const afplug::family* load_unpublished(slot& s, const std::shared_ptr<const directory_scan>& c, error_code& ec) {
    if (const auto* f = s.current.load(std::memory_order_acquire)) return ec.clear(), f;
    if (s.unloaded) return fail_unloaded(s.id, ec);
    if (!may_load(s.id, ec)) return nullptr;
    const auto files = chosen_files(s.id, *c, ec);
    return ec ? nullptr : load_first(s.id, files, ec);
  }

  /// See registry::preload.
  void preload(const std::vector<std::string_view>& ids, error_code& ec) {
    error_code first;
    std::string text;
    const auto note_failure = [&](const error_code& code) {
      if (!first) first = code;
      text += (text.empty() ? "" : "; ") + std::string(last_detail());
    };
    const auto c = scan_for("registry: preload", ec);
    if (!c) return;
    std::vector<std::pair<slot*, const afplug::family*>> all;
    for (const auto id : ids) {
      const std::string name(id);
      error_code why;
      slot* s = slot_of(id, *c);
      if (!s)
        unknown_id(id, *c, why);
      else if (!s->current.load(std::memory_order_acquire) && may_load(name, why))
        chosen_files(name, *c, why);
      if (why) note_failure(why);
      all.emplace_back(s, nullptr);
    }
    if (!first)
      for (auto& [s, f] : all) {
        error_code why;
        const std::lock_guard lock(s->mutex);
        f = load_unpublished(*s, c, why);
        if (!f) note_failure(why);
      }
    if (first) return detail::fail(ec, first, text);
    for (const auto& [s, f] : all) {
      const std::lock_guard lock(s->mutex);
      publish(*s, *f, *c);
    }
    ec.clear();
  }

  /// The files that provide a family, of the chosen provider, in search order. Sets `ec` if there are none.
  std::vector<const found_file*> chosen_files(const std::string& id, const directory_scan& c, error_code& ec) const {
    const auto provider = config.chosen_provider(id);
    auto files = c.candidates(id, provider);
    if (!files.empty())
      ec.clear();
    else if (!c.candidates(id).empty())
      fail_provider(id, provider, ec);
    else
      fail_refused(id, c, ec);
    return files;
  }

  const afplug::family* fail_provider(const std::string& id, std::string_view provider, error_code& ec) const {
    detail::fail(ec, errc::unknown_provider, id + ": no plugin of provider " + quote(provider) + " in " + where());
    return nullptr;
  }

  static const afplug::family* fail_unloaded(const std::string& id, error_code& ec) {
    detail::fail(ec, errc::family_unloaded, id + ": the family was unloaded");
    return nullptr;
  }

  const afplug::family* fail_refused(const std::string& id, const directory_scan& c, error_code& ec) const {
    const auto files = c.refused(id);
    if (files.empty()) return unknown_id(id, c, ec);
    std::string text = id;
    for (const auto* f : files) text += (f == files.front() ? ": " : "; ") + f->seen().reason;
    detail::fail(ec, errc::plugin_refused, text);
    return nullptr;
  }

  const afplug::family* load_from(std::string_view id, std::string_view provider, error_code& ec) {
    const std::string name = label(id);
    const auto c = scan_for(name, ec);
    if (!c) return nullptr;
    slot* s = slot_of(id, *c);
    if (!s) return unknown_id(id, *c, ec);
    const std::lock_guard lock(s->mutex);
    if (s->unloaded) return fail_unloaded(name, ec);
    for (const auto* f : loaded_of(*s))
      if (f->provider() == provider) return ec.clear(), f;
    if (!may_load(name, ec)) return nullptr;
    const auto files = c->candidates(id, provider);
    if (files.empty() || provider.empty()) return fail_provider(name, provider, ec);
    const auto* f = load_first(id, files, ec);
    if (f) record_loaded(*s, *f);
    return f;
  }

  const afplug::family* load(int number, error_code& ec) {
    if (number >= AFPLUG_NUMBER_LOCAL)
      if (const auto id = detail::local_id(number)) return load(*id, ec);
    const auto c = scan_for(name_of(number), ec);
    if (!c) return nullptr;
    if (number <= 0 || static_cast<unsigned>(number) >= owner.by_number_.size())
      return unknown(name_of(number), {}, *c, ec);
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

  int number_of(std::string_view id, error_code& ec) {
    const std::string name(id);
    const auto c = scan_for(name, ec);
    if (!c) return 0;
    const auto files = chosen_files(name, *c, ec);
    if (ec) return 0;
    if (const auto why = config.not_allowed(id); !why.empty()) {
      detail::fail(ec, errc::family_not_allowed, name + ": " + why);
      return 0;
    }
    const int number = files.front()->names(id)->number;
    return number != 0 ? number : detail::local_number(id);
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
    return unknown(name_of(number), {}, c, ec);
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
    if (const auto why = config.not_allowed(out.family); !why.empty())
      return with_state(refused, file.path().string() + ": " + why, "not-allowed");
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
    const auto provider = config.chosen_provider(out.family);
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
      out.reason = file.path().string() + ": provider " + quote(provider) + " was chosen for " + out.family;
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
  detail::require_absolute(directory);
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->config.own.add(std::move(directory), false);
    impl_->directories = impl_->config.all();
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
  return or_out_of_memory(ec, [&] { return impl_->load(id, ec); });
}

const afplug::family* registry::family(std::string_view id, std::string_view provider, error_code& ec) {
  return or_out_of_memory(ec, [&] { return impl_->load_from(id, provider, ec); });
}

const afplug::family* registry::find(int number, error_code& ec) {
  if (const auto* f = loaded(number)) {
    ec.clear();
    return f;
  }
  return or_out_of_memory(ec, [&] { return impl_->load(number, ec); });
}

void registry::preload(const std::vector<std::string_view>& ids) {
  detail::throwing("registry: preload", [&](error_code& ec) { preload(ids, ec); });
}

void registry::preload(const std::vector<std::string_view>& ids, error_code& ec) {
  or_out_of_memory(ec, [&] { impl_->preload(ids, ec); });
}

void registry::seal() {
  impl_->sealed = true;
  impl_->scan();
}

bool registry::sealed() const noexcept { return impl_->sealed; }

std::vector<std::string> registry::warnings() {
  const auto c = impl_->scan();
  auto out = impl_->config.warnings;
  out.insert(out.end(), c->warnings.begin(), c->warnings.end());
  return out;
}

int registry::number(std::string_view id) {
  return detail::throwing("registry", [&](error_code& ec) { return number(id, ec); });
}

int registry::number(std::string_view id, error_code& ec) { return impl_->number_of(id, ec); }

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
  if (impl_->sealed) return;
  const std::lock_guard lock(impl_->mutex);
  impl_->found.reset();
  for (const auto& [id, s] : impl_->slots) s->unloaded = false;
}

void registry::unload(std::string_view id) {
  detail::throwing("registry: unload", [&](error_code& ec) { unload(id, ec); });
}

void registry::unload(std::string_view id, error_code& ec) {
  const std::string name = label(id);
  const auto c = impl_->scan_for(name, ec);
  if (!c) return;
  slot* s = impl_->slot_of(id, *c);
  if (!s) {
    impl_->unknown_id(id, *c, ec);
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
  std::vector<std::filesystem::path> out;
  for (const auto& d : impl_->directories.list()) out.push_back(d.path);
  return out;
}

}  // namespace afplug
