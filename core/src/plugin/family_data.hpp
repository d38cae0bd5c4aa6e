// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// What a family consists of: the plugin's structs, extended to this host's size, and the tables that programs see.
#pragma once

#include <afplug/family.hpp>
#include <atomic>
#include <memory>
#include <string>
#include <vector>

namespace afplug::detail {

struct family_data {
  afplug_family descriptor{};  ///< its tables are not used: programs see the ones below
  afplug_codec codec{};
  afplug_kernel_ops kernel_ops{};
  afplug_user_ops user_ops{};
  std::uint32_t flags = 0;  ///< AFPLUG_FAMILY_* that count: those that the plugin's ABI minor defines
  int number = 0;           ///< AF_*, or process-local
  std::vector<row> rows;
  std::vector<option_info> options;
  std::vector<std::vector<member_info>> option_members;  ///< options[i].members refers to the i-th
  std::vector<constant> constants;
  std::vector<member_info> fields;
  std::string provider, version, path;
  std::atomic<long> open_user_sockets{0};  ///< sockets of a family in user space that are open; unload counts them

  bool in_user_space() const noexcept { return descriptor.backing == AFPLUG_BACKING_USER; }

  static family_data& of(const family& f) noexcept { return *f.data_; }
  static std::unique_ptr<const family> make_family(std::unique_ptr<family_data> data) {
    return std::unique_ptr<const family>(new family(std::move(data)));
  }
};

/// The arguments of socket(2) for (type, protocol) by row `r`; null: as asked.
native_triple resolve(const family& f, const row* r, socket_type type, int proto) noexcept;

}  // namespace afplug::detail
