// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
#include <sys/socket.h>
#include <afplug/verdict.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <iterator>
#include <new>
#include <string>
#include <system_error>
#include <utility>

#include "family_data.hpp"
#include "no_cancellation.hpp"
#include "open.hpp"
#include "platform.hpp"

namespace afplug {
namespace {

namespace platform = detail::platform;
using state_t = verdict::state_t;

/// The socket in question, and the result of the attempt to open it.
struct query {
  const family& of;
  const row* what;  // null: the family's table has no row for it
  socket_type type;
  int proto;
  int error;  // errno; 0: success

  native_triple native() const noexcept { return detail::resolve(of, what, type, proto); }
  const afplug_family& descriptor() const noexcept { return detail::family_data::of(of).descriptor; }

  std::string_view family_name() const noexcept { return of.name(); }
  std::string row_name() const {
    if (what && what->protocol_name) return what->protocol_name;
    const bool named = what && what->type == type && what->type_name;
    std::string name = named ? what->type_name : detail::type_text(type);
    if (proto != 0) name += " with protocol " + std::to_string(proto);
    return name;
  }
  std::string error_name() const {
    const char* name = ::strerrorname_np(error);
    return name ? name : std::to_string(error);
  }
};

verdict unavailable(const query& q, std::string_view reason, std::string detail, std::string remedy) {
  return {state_t::unavailable, q.error, std::string(reason), std::move(detail), std::move(remedy)};
}

verdict unknown(const query& q, std::string_view reason, std::string detail, std::string remedy) {
  return {state_t::unknown, q.error, std::string(reason), std::move(detail), std::move(remedy)};
}

/// The part of the kernel that implements a family or one of its protocols.
struct component {
  std::string name;                 // "AF_CAN", "CAN_RAW"
  std::string symbol;               // "CONFIG_CAN"; empty: unknown
  std::string module;               // "can"; empty: unknown
  std::string_view missing_reason;  // reason code if the kernel lacks it
};

component family_component(const query& q) {
  const auto& d = q.descriptor();
  component p{std::string(q.family_name()), d.config ? d.config : "", d.module ? d.module : "", "kernel-lacks-family"};
  if (p.module.empty()) p.module = platform::module_of_alias("net-pf-" + std::to_string(q.native().domain));
  return p;
}

component protocol_component(const query& q) {
  component p{q.row_name(), q.what && q.what->config ? q.what->config : "",
              q.what && q.what->module ? q.what->module : "", "kernel-lacks-protocol"};
  const auto native = q.native();
  if (p.module.empty() && native.protocol != 0) {
    const auto alias = "net-pf-" + std::to_string(native.domain) + "-proto-" + std::to_string(native.protocol);
    p.module = platform::module_of_alias(alias);
    if (p.module.empty()) p.module = platform::module_of_alias(alias + "-type-" + std::to_string(native.type));
  }
  return p;
}

/// What the kernel's configuration and module list show about a component.
struct evidence {
  platform::build built;
  platform::presence module;

  explicit evidence(const component& p)
      : built(p.symbol.empty() ? platform::build::unknown : platform::config(p.symbol)),
        module(p.module.empty() ? platform::presence::unknown : platform::module(p.module)) {}
  bool present() const noexcept { return built == platform::build::builtin || module == platform::presence::loaded; }
  bool loadable() const noexcept { return module == platform::presence::loadable; }
};

verdict seccomp_denied(const query& q, const std::string& who) {
  return unavailable(
      q, "sandbox", who + ", but a seccomp filter makes socket(2) fail with " + q.error_name(),
      "allow the address family in the sandbox's profile (docker run --security-opt seccomp=PROFILE, systemd's "
      "RestrictAddressFamilies=)");
}

/// For an errno that means that the kernel lacks the component.
verdict missing_component(const query& q, const component& p) {
  const evidence e(p);
  const std::string built_from = p.symbol.empty() ? "" : " (" + p.symbol + "=y)";

  if (e.loadable() || (e.built == platform::build::module && !e.present())) {
    const bool installed = e.loadable();
    const std::string module = p.module.empty() ? "that provides it" : p.module;
    if (platform::modules_disabled())
      return unavailable(q, "module-not-loaded",
                         "the kernel module " + module + " is not loaded, and kernel.modules_disabled is set",
                         "load the module at boot, before kernel.modules_disabled is set");
    if (installed)
      return unavailable(q, "module-not-loaded", "the kernel module " + module + " is not loaded",
                         "modprobe " + module);
    return unavailable(
        q, "module-not-loaded",
        p.name + " is a module of the running kernel (" + p.symbol + "=m) that is neither loaded nor installed here",
        "install the modules of kernel " + platform::release() + " (in a container: on the host), then modprobe " +
            module);
  }
  if (e.present()) {
    if (platform::seccomp_active()) return seccomp_denied(q, "the kernel has " + p.name);
    if (q.error == EAFNOSUPPORT && platform::in_network_namespace().value_or(false))
      return unavailable(
          q, "sandbox",
          "the kernel supports " + p.name + " only in the initial network namespace, and this process is in another",
          "run it in the host's network namespace (docker run --network host)");
    return unavailable(q, p.missing_reason, "the kernel was built with " + p.name + built_from + ", but it is disabled",
                       "enable it: see the boot parameters in /proc/cmdline and the settings below /proc/sys/net");
  }
  const std::string subject = p.missing_reason == "kernel-lacks-family"
                                  ? "has no " + p.name
                                  : "has " + std::string(q.family_name()) + " but no " + p.name;
  if (e.built == platform::build::off)
    return unavailable(q, p.missing_reason, "the running kernel " + subject + " (" + p.symbol + " is not set)",
                       "boot a kernel that has " + p.symbol);
  if (e.module == platform::presence::absent)
    return unavailable(q, p.missing_reason,
                       "the running kernel " + subject + ", and the module " + p.module + " is not installed",
                       "boot a kernel that has it, or install the modules of kernel " + platform::release());
  return unavailable(q, p.missing_reason, "the running kernel " + subject,
                     p.symbol.empty() ? "boot a kernel that has it" : "boot a kernel that has " + p.symbol);
}

verdict lacks_family(const query& q) { return missing_component(q, family_component(q)); }

verdict lacks_protocol(const query& q) {
  // A row for all types or protocols passes on numbers that may mean nothing on any kernel.
  if (q.what && (q.what->type == AFPLUG_ANY || (q.what->protocol == AFPLUG_ANY && q.proto != 0)))
    return unavailable(q, "kernel-lacks-protocol",
                       "the kernel has " + std::string(q.family_name()) + ", but no " + q.row_name() + "; " +
                           detail::alternatives(q.of, q.type, q.proto),
                       "afplug caps " + std::string(q.of.id()));
  return missing_component(q, protocol_component(q));
}

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return text;
}

verdict lacks_capability(const query& q, const std::string& name) {
  const std::string detail = "opening " + q.row_name() + " requires " + name + ", which this process does not have";
  if (platform::is_root() || !platform::could_be_capable(name).value_or(true))
    return unavailable(q, "permission", detail,
                       "give it to the container or service (docker run --cap-add " + name.substr(4) +
                           ", systemd's AmbientCapabilities=" + name + ")");
  std::string program = platform::program();
  if (program.empty()) program = "PROGRAM";
  return unavailable(q, "permission", detail, "setcap " + lower(name) + "+ep " + program);
}

/// For EPERM, EACCES and ENOSYS.
verdict permission_denied(const query& q) {
  const std::string capability = q.what && q.what->capability ? q.what->capability : "";
  const auto known = platform::capable(capability);  // empty without a name
  const bool held = known.value_or(false);
  if (q.error != ENOSYS && known && !held) return lacks_capability(q, capability);
  if (platform::seccomp_active())
    return seccomp_denied(q, held ? capability + " is held" : "the kernel may have " + std::string(q.family_name()));
  if (q.error == ENOSYS)
    return unavailable(q, "kernel-lacks-family", "the running kernel has no sockets (ENOSYS)",
                       "boot a kernel that has CONFIG_NET");
  if (const std::string profile = platform::confinement(); !profile.empty())
    return unavailable(q, "sandbox",
                       "the security module's profile " + profile + " may deny it (" + q.error_name() + ")",
                       "allow the address family in this profile");
  if (held && platform::in_user_namespace())
    return unavailable(
        q, "permission",
        capability + " is held in this process's user namespace, but the network namespace belongs to another",
        "run it outside the user namespace, or with a network namespace of its own (unshare --user --map-root-user "
        "--net)");
  if (platform::in_user_namespace())
    return unavailable(q, "permission",
                       "the kernel does not permit it in this process's user namespace (" + q.error_name() + ")",
                       "run it outside the user namespace");
  return unavailable(
      q, "permission", "the kernel does not permit it (" + q.error_name() + ")",
      platform::is_root() ? "search the kernel's log for denials of a security module (dmesg)" : "run it as root");
}

/// For limits of the process or the system, which do not show whether the row is available.
verdict exhausted(const query& q) {
  if (q.error == EMFILE) {
    const auto [soft, hard] = platform::open_files();
    return unknown(q, "resource-limit",
                   "this process has reached its limit of " + std::to_string(soft) + " open descriptors (EMFILE)",
                   soft < hard
                       ? "ulimit -n " + std::to_string(hard)
                       : "raise the hard limit of open files (systemd's LimitNOFILE=, docker run --ulimit nofile=N)");
  }
  if (q.error == ENFILE) {
    const auto most = platform::file_max();
    return unknown(q, "resource-limit", "the system has reached its limit of open files (ENFILE)",
                   most == 0 || most > UINT64_MAX / 2 ? "close files, or raise fs.file-max"
                                                      : "sysctl -w fs.file-max=" + std::to_string(most * 2));
  }
  return unknown(q, "resource-limit", "the kernel has no memory for a socket (" + q.error_name() + ")",
                 "free memory, or raise the memory limit of the control group");
}

verdict no_device(const query& q) {
  return unavailable(q, "no-device",
                     "the kernel has " + q.row_name() + ", but no device or transport for it (" + q.error_name() + ")",
                     "add the device, or load the module of its driver");
}

struct rule {
  int error;
  verdict (*diagnose)(const query&);
};

constexpr rule rules[] = {
    {EAFNOSUPPORT, lacks_family},
    {EPFNOSUPPORT, lacks_family},
    {EPROTONOSUPPORT, lacks_protocol},
    {ESOCKTNOSUPPORT, lacks_protocol},
    {EPROTOTYPE, lacks_protocol},
    {ENOPROTOOPT, lacks_protocol},
    // A protocol number that is unknown to an older kernel.
    {EINVAL, lacks_protocol},
    {EPERM, permission_denied},
    {EACCES, permission_denied},
    {ENOSYS, permission_denied},
    {EMFILE, exhausted},
    {ENFILE, exhausted},
    {ENOBUFS, exhausted},
    {ENOMEM, exhausted},
    {ENODEV, no_device},
    {ENXIO, no_device},
};

verdict diagnose(const query& q) {
  if (q.error == 0) return {state_t::available, 0, {}, {}, {}};
  if (!q.of.in_user_space() || q.error == EMFILE || q.error == ENFILE)
    for (const auto& [error, diagnose_error] : rules)
      if (error == q.error) return diagnose_error(q);
  return unavailable(q, "probe-failed",
                     "opening a socket failed with " + q.error_name() + ": " + std::generic_category().message(q.error),
                     "");
}

// For a type and protocol without a row; open_row() returns the same errno without calling the kernel.
verdict no_row(const query& request) {
  query q = request;
  q.error = detail::missing_row_error(q.of, q.type);
  return unavailable(q, "kernel-lacks-protocol",
                     "the family " + std::string(q.of.id()) + " has no " + q.row_name() + "; " +
                         detail::alternatives(q.of, q.type, q.proto),
                     "afplug caps " + std::string(q.of.id()));
}

/// Opens and closes a socket. Returns 0 or the errno.
int attempt(const query& q) {
  const auto made = detail::open_row(q.of, q.what, q.type, q.proto, false);
  detail::close_opened(q.of, made);
  return made.error;
}

/// Checks without opening a socket. `available` only if the kernel has the family and the protocol, and neither a
/// missing capability nor a seccomp filter can prevent opening.
verdict check_passively(const query& q) {
  if (q.of.in_user_space()) return {state_t::available, 0, {}, {}, {}};
  const component components[] = {family_component(q), protocol_component(q)};
  bool conclusive = true;
  for (const component& p : components) {
    if (p.symbol.empty() && p.module.empty()) continue;
    const evidence e(p);
    if (e.present()) continue;
    if (e.loadable())
      return {state_t::unknown, 0, "module-not-loaded",
              "the kernel module " + p.module + " is not loaded; opening a socket may load it", "modprobe " + p.module};
    if (e.built == platform::build::off || e.built == platform::build::module ||
        e.module == platform::presence::absent) {
      query failed = q;
      failed.error = p.missing_reason == "kernel-lacks-family" ? EAFNOSUPPORT : EPROTONOSUPPORT;
      verdict v = missing_component(failed, p);
      v.error = 0;  // nothing was attempted
      return v;
    }
    conclusive = false;
  }
  if (q.what && q.what->capability && platform::capable(q.what->capability) == false)
    return lacks_capability(q, q.what->capability);
  if (platform::seccomp_active())
    return {state_t::unknown, 0, "sandbox",
            "a seccomp filter is active; whether it allows the socket is known only after an attempt",
            "afplug explain " + std::string(q.of.id())};
  if (conclusive && (!components[0].symbol.empty() || !components[0].module.empty()))
    return {state_t::available, 0, {}, {}, {}};
  return {state_t::unknown, 0, "probe-failed",
          "no socket was opened, and the configuration of the kernel is not conclusive",
          "afplug explain " + std::string(q.of.id())};
}

constexpr std::string_view all_reason_codes[] = {
    "kernel-lacks-family", "kernel-lacks-protocol", "module-not-loaded", "permission",
    "no-device",           "resource-limit",        "probe-failed",      "sandbox",
    "wrong-platform",      "plugin-missing",        "plugin-refused"};

/// Copies text to an array of plugin.h, truncated between UTF-8 characters, with a terminating null.
template <std::size_t N>
void copy_truncated(char (&to)[N], std::string_view text) noexcept {
  std::size_t n = std::min(text.size(), N - 1);
  while (n < text.size() && n > 0 && (static_cast<unsigned char>(text[n]) & 0xC0) == 0x80) --n;
  to[text.copy(to, n)] = '\0';
}

template <std::size_t N>
std::string from_array(const char (&from)[N]) {
  return {from, ::strnlen(from, N)};
}

/// Replaces the remedy "modprobe NAME" of a family if the module is loaded, not installed, or cannot be loaded.
std::string adapt_remedy(std::string remedy) {
  constexpr std::string_view load = "modprobe ";
  if (!remedy.starts_with(load)) return remedy;
  const std::string module = remedy.substr(load.size());
  switch (platform::module(module)) {
    case platform::presence::loaded:
      return {};
    case platform::presence::absent:
      return "boot a kernel that has the module " + module + ", or install the modules of kernel " +
             platform::release();
    case platform::presence::loadable:
    case platform::presence::unknown:
      break;
  }
  if (platform::config("CONFIG_MODULES") == platform::build::off)
    return "boot a kernel that has " + module + ": the running one cannot load modules";
  if (platform::modules_disabled())
    return "load the module " + module + " at boot, before kernel.modules_disabled is set";
  return remedy;
}

/// Calls the family's check function, which may replace the verdict.
verdict apply_family_check(const query& q, verdict v, check_flags flags) {
  const auto family_check = q.descriptor().check;
  if (!family_check) return v;
  afplug_verdict raw{};
  raw.size = sizeof raw;
  raw.state = static_cast<std::int32_t>(v.state);
  raw.error = v.error;
  copy_truncated(raw.reason, v.reason);
  copy_truncated(raw.detail, v.detail);
  copy_truncated(raw.remedy, v.remedy);
  const afplug_verdict before = raw;
  const auto who = q.of.identity(q.type, q.proto);
  if (family_check(&who, static_cast<std::uint32_t>(flags), &raw) < 0) return v;
  // Unchanged: keep the texts, which may be longer than the struct's arrays.
  if (std::memcmp(&raw, &before, sizeof raw) == 0) return v;
  verdict out{state_t::unknown, raw.error, from_array(raw.reason), from_array(raw.detail),
              adapt_remedy(from_array(raw.remedy))};
  if (raw.state >= AFPLUG_AVAILABLE && raw.state <= AFPLUG_UNKNOWN) out.state = static_cast<state_t>(raw.state);
  const bool known = std::ranges::find(all_reason_codes, out.reason) != std::end(all_reason_codes);
  if (!known && !(out.reason.empty() && out.state == state_t::available)) out.reason = "probe-failed";
  return out;
}

/// For families with host names: adds a note if no network interface is up, since such sockets reach no peer.
verdict note_no_interface_up(const query& q, verdict v) {
  if (v.state != state_t::available || !v.reason.empty() || (q.of.flags() & AFPLUG_FAMILY_RESOLVES) == 0) return v;
  if (platform::any_interface_up() == false) {
    v.reason = "no-device";
    v.detail = "a socket can be opened, but no network interface of this network namespace is up";
    v.remedy = "ip link set lo up";
  }
  return v;
}

/// Calls `body`, restores errno and converts exceptions to a verdict.
template <class Body>
verdict preserving_errno(Body&& body) noexcept {
  const detail::no_cancellation here;
  const int before = errno;
  verdict v;
  try {
    v = body();
  } catch (const std::bad_alloc&) {
    v.error = ENOMEM;
    v.reason = "resource-limit";  // fits the small string buffer: allocates nothing
  } catch (...) {
    v.error = EIO;
    v.reason = "probe-failed";
  }
  errno = before;
  return v;
}

verdict check_row(const family& of, const row* what, socket_type type, int proto, check_flags flags) {
  query q{of, what, type, proto, 0};
  if (!what) return no_row(q);
  if (flags == check_flags::passive) return apply_family_check(q, check_passively(q), flags);
  q.error = attempt(q);
  return apply_family_check(q, note_no_interface_up(q, diagnose(q)), flags);
}

}  // namespace

std::span<const std::string_view> reason_codes() noexcept { return all_reason_codes; }

std::string_view to_string(verdict::state_t state) noexcept {
  constexpr std::string_view names[] = {"available", "unavailable", "unknown"};
  const auto i = static_cast<std::size_t>(state) - 1;
  return i < std::size(names) ? names[i] : names[2];
}

verdict check(const family& of, const row& what, check_flags flags) noexcept {
  return preserving_errno([&] { return check_row(of, &what, what.concrete_type(), what.concrete_protocol(), flags); });
}

verdict check(const family& of, socket_type type, int proto, check_flags flags) noexcept {
  return preserving_errno([&] { return check_row(of, of.find_row(type, proto), type.without_flags(), proto, flags); });
}

verdict explain(const family& of, socket_type type, int proto, int error) noexcept {
  return preserving_errno([&] {
    const query q{of, of.find_row(type, proto), type.without_flags(), proto, error};
    return q.what ? diagnose(q) : no_row(q);
  });
}

verdict explain(std::string_view id, const error_code& why, std::string_view text) {
  const bool missing = why == errc::unknown_family || why == errc::unknown_provider;
  if (text.starts_with(id) && text.substr(id.size()).starts_with(": ")) text.remove_prefix(id.size() + 2);
  std::string detail(text);
  if (detail.empty()) detail = why.message();
  return {state_t::unavailable, 0, missing ? "plugin-missing" : "plugin-refused", std::move(detail),
          missing ? "install a plugin for " + std::string(id) + ", or add its directory to AFPLUG_PATH"
                  : "afplug families"};
}

}  // namespace afplug
