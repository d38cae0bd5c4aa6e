// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Facts about the running system that can be read without opening a socket, mostly from /proc, /sys and /lib/modules.
// Each may be unknown.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace afplug::detail::platform {

/// How the running kernel was built.
enum class build { unknown, off, module, builtin };

/// How an option of the kernel configuration ("CONFIG_CAN_RAW") is set.
build config(std::string_view symbol);

/// The state of a kernel module.
enum class presence {
  unknown,   ///< the lists of modules cannot be read
  absent,    ///< not loaded and not installed
  loadable,  ///< installed, not loaded
  loaded,    ///< loaded, or built in
};

/// The state of a module by its name, as modprobe(8) takes it: "can_raw".
presence module(std::string_view name);

/// The module of an alias such as "net-pf-29", by modules.alias; empty: none.
std::string module_of_alias(std::string_view alias);

/// Whether kernel.modules_disabled is set: no module can be loaded until the next boot.
bool modules_disabled();

/// The kernel release, as `uname -r`.
std::string release();

/// Whether a capability ("CAP_NET_RAW") is in this process's effective set; empty: unknown name, or it cannot be read.
std::optional<bool> capable(std::string_view capability);
/// Whether a capability is in the bounding set, so that a process of root can have it.
std::optional<bool> could_be_capable(std::string_view capability);
bool is_root();

/// Whether seccomp is active in this process (a filter or strict mode).
bool seccomp_active();
/// Whether this process is in a user namespace other than the initial one.
bool in_user_namespace();
/// Whether this process is in a network namespace other than the initial one; empty: unknown.
std::optional<bool> in_network_namespace();
/// The AppArmor profile ("docker-default (enforce)") or SELinux context that confines this process; empty: none.
std::string confinement();
/// Whether any network interface of this network namespace is up; empty: unknown. Opens a socket.
std::optional<bool> any_interface_up();

/// The path of the program's executable, for use in suggested commands.
std::string program();

/// The soft and hard limit of open descriptors (RLIMIT_NOFILE).
struct limits {
  std::uint64_t soft = 0, hard = 0;
};
limits open_files();
/// fs.file-max; 0: unknown.
std::uint64_t file_max();

}  // namespace afplug::detail::platform
