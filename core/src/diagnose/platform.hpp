// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// What can be read about the running system without opening a socket. Everything here may answer "unknown".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace afplug::detail::platform {

/// How the running kernel was built.
enum class build { unknown, off, module, builtin };

/// `symbol` as families spell it: "CONFIG_CAN_RAW".
build config(std::string_view symbol);

/// Where a kernel module is.
enum class presence {
  unknown,   ///< the system does not say
  absent,    ///< not loaded and not installed
  loadable,  ///< installed, not loaded
  loaded,    ///< or built in
};

/// `name` as modprobe takes it: "can_raw".
presence module(std::string_view name);

/// The module that modules.alias names for an alias such as "net-pf-29"; empty: none.
std::string module_of_alias(std::string_view alias);

/// kernel.modules_disabled is set: nothing can be loaded until the next boot.
bool modules_disabled();

/// uname -r.
std::string release();

/// Whether this process has that capability ("CAP_NET_RAW") in effect; empty: unknown name, or the system does not say.
std::optional<bool> capable(std::string_view capability);
/// Whether a process of root could have it here (the bounding set).
std::optional<bool> could_be_capable(std::string_view capability);
bool is_root();

/// A seccomp filter (or strict mode) is in force in this process.
bool filtered();
/// This process's user namespace is not the initial one.
bool in_user_namespace();
/// This process's network namespace is not the initial one; empty: the system does not say.
std::optional<bool> in_network_namespace();
/// The enforcing security module's profile of this process ("docker-default (enforce)"); empty: none.
std::string confinement();
/// Whether any network interface of this network namespace is up; empty: it could not be found out. Opens a socket.
std::optional<bool> any_interface_up();

/// The program's own file, for commands about it.
std::string program();

/// Soft and hard limit of open descriptors.
struct limits {
  std::uint64_t soft = 0, hard = 0;
};
limits open_files();
/// fs.file-max; 0: unknown.
std::uint64_t file_max();

}  // namespace afplug::detail::platform
