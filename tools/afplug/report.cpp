// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
#include "report.hpp"

#include <fmt/core.h>

#include <cstring>

namespace afplug::command {

json::object to_json(const verdict& v, const resolved_spec* spec) {
  json::object out{{"type", nullptr}, {"type_number", nullptr}, {"protocol", nullptr}, {"protocol_number", nullptr}};
  if (spec) {
    out["type"] = spec->type_name();
    out["type_number"] = int{spec->type};
    out["protocol"] = text_or_null(spec->protocol_name());
    const bool any = spec->table_row && spec->table_row->protocol == AFPLUG_ANY && spec->protocol == 0;
    if (!any) out["protocol_number"] = spec->protocol;
  }
  const char* error = v.error == 0 ? nullptr : ::strerrorname_np(v.error);
  out["verdict"] = to_string(v.state);
  out["errno"] =
      v.error == 0 ? json::value(nullptr) : json::value(error ? std::string(error) : std::to_string(v.error));
  out["reason"] = text_or_null(v.reason);
  out["detail"] = text_or_null(v.detail);
  out["remedy"] = text_or_null(v.remedy);
  return out;
}

json::value plugin_to_json(const family& f) {
  return json::object{{"path", path_json(f.path())}, {"version", f.version()}, {"provider", f.provider()}};
}

json::value plugin_to_json(const plugin_info* p) {
  if (!p) return nullptr;
  return json::object{{"path", path_json(p->path.native())},
                      {"version", text_or_null(p->version)},
                      {"provider", text_or_null(p->provider)}};
}

const plugin_info* find_plugin_file(std::string_view id, const std::vector<plugin_info>& plugins) {
  const plugin_info* refused = nullptr;
  for (const auto& p : plugins) {
    if (p.family != id) continue;
    if (p.state == plugin_info::state_t::found || p.state == plugin_info::state_t::loaded) return &p;
    if (!refused) refused = &p;
  }
  return refused;
}

verdict process_failure(const child_process& process, const plugin_info* file, std::string_view id,
                        std::string_view reason, std::string_view activity) {
  const std::string path = file ? file->path.string() : fmt::format("the plugin of {}", id);
  verdict v{verdict::state_t::unavailable, 0, std::string(reason),
            fmt::format("{}: the process {} while {}", path, process.failure_text(), activity),
            fmt::format("fix or remove the plugin: {}", path)};
  if (process.killed_by_seccomp()) {
    v.reason = "sandbox";
    v.detail = fmt::format("a seccomp filter killed the process while {}", activity);
    v.remedy = "allow the address family in the seccomp profile of the sandbox";
  } else if (reason == "probe-failed") {
    v.state = verdict::state_t::unknown;
  }
  return v;
}

json::object query_family(std::string_view id, const common_options& common,
                          const std::function<json::object(const family&)>& body) {
  const auto found = registry::global().families();
  child_process process(
      [&](const child_process::reply_function& reply) {
        error_code ec;
        const family* f = registry::global().family(id, ec);
        if (!f) {
          const verdict v = explain(id, ec);
          reply(json::object{{"failure", failed}, {"message", fmt::format("{}; to do: {}", v.detail, v.remedy)}});
          return;
        }
        try {
          reply(body(*f));
        } catch (const failure& e) {
          reply(json::object{{"failure", static_cast<int>(e.code())}, {"message", e.what()}});
        } catch (const error& e) {
          reply(json::object{{"failure", failed}, {"message", e.what()}});
        }
      },
      common.timeout());
  const auto reply = process.next();
  if (!reply)
    throw failure(failed,
                  process_failure(process, find_plugin_file(id, found), id, "plugin-refused", "running it").detail);
  const auto& object = reply->as_object();
  if (const auto* code = object.if_contains("failure"))
    throw failure(static_cast<exit_code>(code->to_number<int>()), text_of(object, "message"));
  return object;
}

colour colour_of(std::string_view verdict_text) {
  return verdict_text == "available" ? colour::good : verdict_text == "unavailable" ? colour::bad : colour::doubtful;
}

std::string reason_text(const json::object& v) {
  std::string out = text_of(v, "reason");
  const std::string detail = text_of(v, "detail"), remedy = text_of(v, "remedy");
  if (!detail.empty()) out += fmt::format("{}{}", out.empty() ? "" : ": ", detail);
  if (!remedy.empty()) out += fmt::format(" {} {}", terminal::out().decorated ? "→" : "->", remedy);
  return out;
}

std::string hex(const void* data, std::size_t size) {
  const auto* bytes = static_cast<const unsigned char*>(data);
  std::string out;
  for (std::size_t i = 0; i < size; ++i) out += fmt::format("{:02x}", bytes[i]);
  return out;
}

}  // namespace afplug::command
