// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
#include "configuration.hpp"

#include <afplug/plugin/encoding.hpp>

#include <algorithm>

#include "file_check.hpp"
#include "split.hpp"

namespace afplug::detail {
namespace {

namespace fs = std::filesystem;

using plugin::quote;

[[noreturn]] void refuse_argument(const std::string& text) { throw error(errc::invalid_argument, text); }

void require_id(const std::string& id, const char* what) {
  if (!is_id(id))
    refuse_argument(std::string("registry: ") + what + " " + quote(id) + " is not of the form [a-z][a-z0-9_-]*");
}

/// The items of an environment variable; none if it is not set or empty.
std::vector<std::string> items(const char* variable, char separator) {
  const char* value = safe_environment(variable);
  return value && *value ? split(value, separator) : std::vector<std::string>();
}

}  // namespace

void require_absolute(const fs::path& directory) {
  if (!directory.is_absolute())
    refuse_argument("registry: search directory " + quote(directory.native()) + " is not an absolute path");
}

void search_path::add(fs::path directory, bool expected) {
  directory = directory.lexically_normal();
  if (!directory.has_filename()) directory = directory.parent_path();  // a trailing slash
  if (known_.insert(directory.native()).second) list_.push_back({std::move(directory), expected});
}

void search_path::add(const search_path& other) {
  for (const auto& d : other.list_) add(d.path, d.expected);
}

configuration::configuration(const registry_options& options) : providers(options.providers) {
  for (const auto& d : options.directories) {
    require_absolute(d);
    own.add(d, false);
  }
  for (const auto& [id, provider] : providers) {
    require_id(id, "family");
    require_id(provider, "provider");
  }
  for (const auto& id : options.families) require_id(id, "family");
  if (!options.families.empty()) allowed.emplace(options.families.begin(), options.families.end());
  if (options.use_environment) read_environment();
  if (options.use_install_directory && !own_file().empty()) others.add(own_file().parent_path() / "afplug", false);
}

void configuration::read_environment() {
  const auto ignore = [this](const char* variable, const std::string& item, const char* why) {
    warnings.push_back(std::string(variable) + ": " + quote(item) + " is ignored: it is " + why);
  };
  for (const fs::path d : items("AFPLUG_PATH", ':')) {
    if (d.is_absolute())
      others.add(d, true);
    else if (!d.empty())
      ignore("AFPLUG_PATH", d.native(), "not an absolute path");
  }
  for (const auto& item : items("AFPLUG_PROVIDER", ',')) {
    const auto sign = std::min(item.find('='), item.size());
    const auto id = item.substr(0, sign), provider = item.substr(std::min(sign + 1, item.size()));
    if (is_id(id) && is_id(provider))
      providers.emplace_back(id, provider);
    else
      ignore("AFPLUG_PROVIDER", item, "not of the form family=provider");
  }
  for (const auto& item : items("AFPLUG_FAMILIES", ',')) {
    if (!allowed_by_environment) allowed_by_environment.emplace();
    if (is_id(item))
      allowed_by_environment->insert(item);
    else
      ignore("AFPLUG_FAMILIES", item, "not the id of a family; separate ids by commas alone");
  }
}

search_path configuration::all() const {
  search_path both = own;
  both.add(others);
  return both;
}

std::string_view configuration::chosen_provider(std::string_view id) const noexcept {
  const auto it = std::find_if(providers.begin(), providers.end(), [id](const auto& p) { return p.first == id; });
  return it == providers.end() ? std::string_view() : it->second;
}

std::string configuration::not_allowed(std::string_view id) const {
  if (allowed && !allowed->contains(id)) return "the program does not allow this family (registry_options::families)";
  if (allowed_by_environment && !allowed_by_environment->contains(id))
    return "AFPLUG_FAMILIES does not list this family; add it there to allow it";
  return {};
}

}  // namespace afplug::detail
