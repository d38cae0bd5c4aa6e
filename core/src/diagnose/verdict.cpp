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
#include "open.hpp"
#include "platform.hpp"

namespace afplug {
namespace {

namespace platform = detail::platform;
using state_t = verdict::state_t;

/// What was asked of whom, and how the attempt ended.
struct question {
  const family& of;
  const row* what;  // null: the table has none
  int type, proto;
  int error;

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

verdict unavailable(const question& q, std::string_view reason, std::string detail, std::string remedy) {
  return {state_t::unavailable, q.error, std::string(reason), std::move(detail), std::move(remedy)};
}

verdict unknown(const question& q, std::string_view reason, std::string detail, std::string remedy) {
  return {state_t::unknown, q.error, std::string(reason), std::move(detail), std::move(remedy)};
}

/// What the kernel needs for a family, or for one of its protocols.
struct part {
  std::string name;    // "AF_CAN", "CAN_RAW"
  std::string symbol;  // "CONFIG_CAN"; empty: not known
  std::string module;  // "can"; empty: not known
  std::string_view lacking;
};

part family_part(const question& q) {
  const auto& d = q.descriptor();
  part p{std::string(q.family_name()), d.config ? d.config : "", d.module ? d.module : "", "kernel-lacks-family"};
  if (p.module.empty()) p.module = platform::module_of_alias("net-pf-" + std::to_string(q.native().domain));
  return p;
}

part protocol_part(const question& q) {
  part p{q.row_name(), q.what && q.what->config ? q.what->config : "", q.what && q.what->module ? q.what->module : "",
         "kernel-lacks-protocol"};
  const auto native = q.native();
  if (p.module.empty() && native.protocol != 0) {
    const auto alias = "net-pf-" + std::to_string(native.domain) + "-proto-" + std::to_string(native.protocol);
    p.module = platform::module_of_alias(alias);
    if (p.module.empty()) p.module = platform::module_of_alias(alias + "-type-" + std::to_string(native.type));
  }
  return p;
}

/// What the system says of a part.
struct findings {
  platform::build built;
  platform::presence module;

  explicit findings(const part& p)
      : built(p.symbol.empty() ? platform::build::unknown : platform::config(p.symbol)),
        module(p.module.empty() ? platform::presence::unknown : platform::module(p.module)) {}
  bool there() const noexcept { return built == platform::build::builtin || module == platform::presence::loaded; }
  bool loadable() const noexcept { return module == platform::presence::loadable; }
};

verdict filtered(const question& q, const std::string& who) {
  return unavailable(
      q, "sandbox", who + ", but a seccomp filter answers socket(2) with " + q.error_name(),
      "allow the address family in the sandbox's profile (docker run --security-opt seccomp=PROFILE, systemd's "
      "RestrictAddressFamilies=)");
}

/// The kernel says that it has not got the part.
verdict missing(const question& q, const part& p) {
  const findings f(p);
  const std::string built_from = p.symbol.empty() ? "" : " (" + p.symbol + "=y)";

  if (f.loadable() || (f.built == platform::build::module && !f.there())) {
    const bool installed = f.loadable();
    const std::string module = p.module.empty() ? "that brings it" : p.module;
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
  if (f.there()) {
    if (platform::seccomp_active()) return filtered(q, "the kernel has " + p.name);
    if (q.error == EAFNOSUPPORT && platform::in_network_namespace().value_or(false))
      return unavailable(
          q, "sandbox",
          "the kernel has " + p.name + " in the initial network namespace alone, and this process is in another",
          "run it in the host's network namespace (docker run --network host)");
    return unavailable(q, p.lacking, "the kernel was built with " + p.name + built_from + ", but it is switched off",
                       "switch it on: a boot parameter in /proc/cmdline or a setting below /proc/sys/net disables it");
  }
  const std::string subject = p.lacking == "kernel-lacks-family"
                                  ? "has no " + p.name
                                  : "has " + std::string(q.family_name()) + " but no " + p.name;
  if (f.built == platform::build::off)
    return unavailable(q, p.lacking, "the running kernel " + subject + " (" + p.symbol + " is not set)",
                       "boot a kernel that has " + p.symbol);
  if (f.module == platform::presence::absent)
    return unavailable(q, p.lacking,
                       "the running kernel " + subject + ", and a module " + p.module + " is not installed",
                       "boot a kernel that has it, or install the modules of kernel " + platform::release());
  return unavailable(q, p.lacking, "the running kernel " + subject,
                     p.symbol.empty() ? "boot a kernel that has it" : "boot a kernel that has " + p.symbol);
}

verdict lacks_family(const question& q) { return missing(q, family_part(q)); }

verdict lacks_protocol(const question& q) { return missing(q, protocol_part(q)); }

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return text;
}

verdict lacks_capability(const question& q, const std::string& name) {
  const std::string detail = "opening " + q.row_name() + " takes " + name + ", which this process has not got";
  if (platform::is_root() || !platform::could_be_capable(name).value_or(true))
    return unavailable(q, "permission", detail,
                       "give it to the container or service (docker run --cap-add " + name.substr(4) +
                           ", systemd's AmbientCapabilities=" + name + ")");
  std::string program = platform::program();
  if (program.empty()) program = "PROGRAM";
  return unavailable(q, "permission", detail, "setcap " + lower(name) + "+ep " + program);
}

/// EPERM, EACCES, ENOSYS.
verdict refused(const question& q) {
  const std::string capability = q.what && q.what->capability ? q.what->capability : "";
  const auto known = platform::capable(capability);  // of no name: not known
  const bool held = known.value_or(false);
  if (q.error != ENOSYS && known && !held) return lacks_capability(q, capability);
  if (platform::seccomp_active())
    return filtered(q, held ? capability + " is held" : "the kernel may have " + std::string(q.family_name()));
  if (q.error == ENOSYS)
    return unavailable(q, "kernel-lacks-family", "the running kernel has no sockets (ENOSYS)",
                       "boot a kernel that has CONFIG_NET");
  if (const std::string profile = platform::confinement(); !profile.empty())
    return unavailable(q, "sandbox",
                       "the security module's profile " + profile + " may forbid it (" + q.error_name() + ")",
                       "allow the address family in that profile");
  if (held && platform::in_user_namespace())
    return unavailable(
        q, "permission",
        capability + " is held in this process's user namespace, but the network namespace belongs to another",
        "run it outside the user namespace, or with a network namespace of its own (unshare --user --map-root-user "
        "--net)");
  if (platform::in_user_namespace())
    return unavailable(q, "permission",
                       "the kernel refuses it in this process's user namespace (" + q.error_name() + ")",
                       "run it outside the user namespace");
  return unavailable(
      q, "permission", "the kernel refuses it (" + q.error_name() + ")",
      platform::is_root() ? "look for a security module's denial in the kernel's log (dmesg)" : "run it as root");
}

/// This process's or the system's limits: no word about the row.
verdict exhausted(const question& q) {
  if (q.error == EMFILE) {
    const auto [soft, hard] = platform::open_files();
    return unknown(q, "resource-limit",
                   "this process has all " + std::to_string(soft) + " descriptors open that it may have (EMFILE)",
                   soft < hard
                       ? "ulimit -n " + std::to_string(hard)
                       : "raise the hard limit of open files (systemd's LimitNOFILE=, docker run --ulimit nofile=N)");
  }
  if (q.error == ENFILE) {
    const auto most = platform::file_max();
    return unknown(q, "resource-limit", "the system has as many files open as it may (ENFILE)",
                   most == 0 || most > UINT64_MAX / 2 ? "close files, or raise fs.file-max"
                                                      : "sysctl -w fs.file-max=" + std::to_string(most * 2));
  }
  return unknown(q, "resource-limit", "the kernel has no memory for a socket (" + q.error_name() + ")",
                 "free memory, or raise the memory limit of the control group");
}

verdict no_device(const question& q) {
  return unavailable(
      q, "no-device",
      "the kernel has " + q.row_name() + ", but no device or transport that carries it (" + q.error_name() + ")",
      "add the device, or load the module of its driver");
}

struct judgement {
  int error;
  verdict (*judge)(const question&);
};

constexpr judgement judgements[] = {
    {EAFNOSUPPORT, lacks_family},
    {EPFNOSUPPORT, lacks_family},
    {EPROTONOSUPPORT, lacks_protocol},
    {ESOCKTNOSUPPORT, lacks_protocol},
    {EPROTOTYPE, lacks_protocol},
    {ENOPROTOOPT, lacks_protocol},
    // A protocol number that this kernel is too old to know.
    {EINVAL, lacks_protocol},
    {EPERM, refused},
    {EACCES, refused},
    {ENOSYS, refused},
    {EMFILE, exhausted},
    {ENFILE, exhausted},
    {ENOBUFS, exhausted},
    {ENOMEM, exhausted},
    {ENODEV, no_device},
    {ENXIO, no_device},
};

verdict judge(const question& q) {
  if (q.error == 0) return {state_t::available, 0, {}, {}, {}};
  if (!q.of.in_user_space() || q.error == EMFILE || q.error == ENFILE)
    for (const auto& [error, how] : judgements)
      if (error == q.error) return how(q);
  return unavailable(q, "probe-failed",
                     "opening it failed with " + q.error_name() + ": " + std::generic_category().message(q.error), "");
}

// The error that opening gives where the table has no such row; the kernel is not called.
verdict no_row(const question& asked) {
  question q = asked;
  q.error = detail::missing_row_error(q.of, q.type);
  return unavailable(q, "kernel-lacks-protocol", "the family " + std::string(q.of.id()) + " has no " + q.row_name(),
                     "afplug caps " + std::string(q.of.id()));
}

/// Opens the row and closes it: 0 or errno.
int attempt(const question& q) {
  const auto made = detail::open_row(q.of, q.what, q.type, q.proto, false);
  detail::close_opened(q.of, made);
  return made.error;
}

/// What can be known without opening: `available` only where everything speaks for it.
verdict foresee(const question& q) {
  if (q.of.in_user_space()) return {state_t::available, 0, {}, {}, {}};
  const part parts[] = {family_part(q), protocol_part(q)};
  bool sure = true;
  for (const part& p : parts) {
    if (p.symbol.empty() && p.module.empty()) continue;
    const findings f(p);
    if (f.there()) continue;
    if (f.loadable())
      return {state_t::unknown, 0, "module-not-loaded",
              "the kernel module " + p.module + " is not loaded; a first socket may load it", "modprobe " + p.module};
    if (f.built == platform::build::off || f.built == platform::build::module ||
        f.module == platform::presence::absent) {
      question failed = q;
      failed.error = p.lacking == "kernel-lacks-family" ? EAFNOSUPPORT : EPROTONOSUPPORT;
      verdict v = missing(failed, p);
      v.error = 0;  // nothing was attempted
      return v;
    }
    sure = false;
  }
  if (q.what && q.what->capability && platform::capable(q.what->capability) == false)
    return lacks_capability(q, q.what->capability);
  if (platform::seccomp_active())
    return {state_t::unknown, 0, "sandbox", "a seccomp filter is in force: only an attempt can tell",
            "afplug explain " + std::string(q.of.id())};
  if (sure && (!parts[0].symbol.empty() || !parts[0].module.empty())) return {state_t::available, 0, {}, {}, {}};
  return {state_t::unknown, 0, "probe-failed", "no socket was opened, and nothing else tells",
          "afplug explain " + std::string(q.of.id())};
}

constexpr std::string_view all_reason_codes[] = {
    "kernel-lacks-family", "kernel-lacks-protocol", "module-not-loaded", "permission",
    "no-device",           "resource-limit",        "probe-failed",      "sandbox",
    "wrong-platform",      "plugin-missing",        "plugin-refused"};

/// Cut to the room, and not inside a character.
template <std::size_t N>
void put(char (&to)[N], std::string_view text) noexcept {
  std::size_t n = std::min(text.size(), N - 1);
  while (n < text.size() && n > 0 && (static_cast<unsigned char>(text[n]) & 0xC0) == 0x80) --n;
  to[text.copy(to, n)] = '\0';
}

template <std::size_t N>
std::string take(const char (&from)[N]) {
  return {from, ::strnlen(from, N)};
}

/// A family may advise to load a module that only some kernels have; "modprobe NAME" stays where that can work.
std::string feasible(std::string remedy) {
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
    return "boot a kernel that has " + module + ": the running one can load no modules";
  if (platform::modules_disabled())
    return "load the module " + module + " at boot, before kernel.modules_disabled is set";
  return remedy;
}

/// Lets the family's check function replace what the host found.
verdict refine(const question& q, verdict v, check_flags flags) {
  const auto ask = q.descriptor().check;
  if (!ask) return v;
  afplug_verdict raw{};
  raw.size = sizeof raw;
  raw.state = static_cast<std::int32_t>(v.state);
  raw.error = v.error;
  put(raw.reason, v.reason);
  put(raw.detail, v.detail);
  put(raw.remedy, v.remedy);
  const afplug_verdict before = raw;
  const auto who = q.of.identity(q.type, q.proto);
  if (ask(&who, static_cast<std::uint32_t>(flags), &raw) < 0) return v;
  // Untouched: keep the sentences, which may be longer than the struct has room for.
  if (std::memcmp(&raw, &before, sizeof raw) == 0) return v;
  verdict out{state_t::unknown, raw.error, take(raw.reason), take(raw.detail), feasible(take(raw.remedy))};
  if (raw.state >= AFPLUG_AVAILABLE && raw.state <= AFPLUG_UNKNOWN) out.state = static_cast<state_t>(raw.state);
  const bool known = std::ranges::find(all_reason_codes, out.reason) != std::end(all_reason_codes);
  if (!known && !(out.reason.empty() && out.state == state_t::available)) out.reason = "probe-failed";
  return out;
}

/// An IP socket that opens and reaches nobody is worth a word.
verdict remark(const question& q, verdict v) {
  if (v.state != state_t::available || !v.reason.empty() || (q.of.flags() & AFPLUG_FAMILY_RESOLVES) == 0) return v;
  if (platform::any_interface_up() == false) {
    v.reason = "no-device";
    v.detail = "it opens, but no network interface of this network namespace is up";
    v.remedy = "ip link set lo up";
  }
  return v;
}

/// Runs `body`, whatever happens in it: the caller's errno survives, and want of memory is a verdict.
template <class Body>
verdict sheltered(Body&& body) noexcept {
  const int before = errno;
  verdict v;
  try {
    v = body();
  } catch (const std::bad_alloc&) {
    v.error = ENOMEM;
    v.reason = "resource-limit";  // short enough to need no memory
  } catch (...) {
    v.error = EIO;
    v.reason = "probe-failed";
  }
  errno = before;
  return v;
}

verdict check_row(const family& of, const row* what, int type, int proto, check_flags flags) {
  question q{of, what, type, proto, 0};
  if (!what) return no_row(q);
  if (flags == check_flags::passive) return refine(q, foresee(q), flags);
  q.error = attempt(q);
  return refine(q, remark(q, judge(q)), flags);
}

constexpr int type_mask = ~(SOCK_NONBLOCK | SOCK_CLOEXEC);

}  // namespace

std::span<const std::string_view> reason_codes() noexcept { return all_reason_codes; }

std::string_view to_string(verdict::state_t state) noexcept {
  constexpr std::string_view names[] = {"available", "unavailable", "unknown"};
  const auto i = static_cast<std::size_t>(state) - 1;
  return i < std::size(names) ? names[i] : names[2];
}

verdict check(const family& of, const row& what, check_flags flags) noexcept {
  return sheltered([&] {
    const int type = what.type != AFPLUG_ANY          ? what.type
                     : what.native_type != AFPLUG_ANY ? what.native_type
                                                      : int{SOCK_RAW};
    return check_row(of, &what, type, what.protocol == AFPLUG_ANY ? 0 : what.protocol, flags);
  });
}

verdict check(const family& of, int type, int proto, check_flags flags) noexcept {
  return sheltered([&] { return check_row(of, of.find_row(type, proto), type & type_mask, proto, flags); });
}

verdict explain(const family& of, int type, int proto, int error) noexcept {
  return sheltered([&] {
    const question q{of, of.find_row(type, proto), type & type_mask, proto, error};
    return q.what ? judge(q) : no_row(q);
  });
}

verdict explain(std::string_view id, const error_code& why, std::string_view sentence) {
  const bool missing = why == errc::unknown_family || why == errc::unknown_provider;
  if (sentence.starts_with(id) && sentence.substr(id.size()).starts_with(": ")) sentence.remove_prefix(id.size() + 2);
  std::string detail(sentence);
  if (detail.empty()) detail = why.message();
  return {state_t::unavailable, 0, missing ? "plugin-missing" : "plugin-refused", std::move(detail),
          missing ? "install the plugin of " + std::string(id) + ", or name its directory in AFPLUG_PATH"
                  : "afplug families"};
}

}  // namespace afplug
