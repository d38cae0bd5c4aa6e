// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// An address family as programs see it: its sockets, options, constants and address fields. The tables are copies of
// the plugin's, validated and converted to this library's types.
#pragma once

#include <sys/socket.h>

#include <afplug/plugin.h>
#include <afplug/config.hpp>
#include <afplug/socket_type.hpp>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

namespace afplug {

namespace detail {
struct family_data;
}

/// One (type, protocol) that a program may ask for, and the arguments of socket(2) that it stands for. The members mean
/// what those of struct afplug_row mean; texts are never null where plugin.h says so, and live as long as the process.
struct row {
  std::uint32_t flags = 0;              ///< AFPLUG_ROW_*
  int type = 0;                         ///< SOCK_*; AFPLUG_ANY: any
  int protocol = 0;                     ///< as the program passes it; AFPLUG_ANY: any
  int native_domain = AFPLUG_ANY;       ///< for socket(2); AFPLUG_ANY: the family's number
  int native_type = AFPLUG_ANY;         ///< for socket(2); AFPLUG_ANY: the type that was asked for
  int native_protocol = AFPLUG_ANY;     ///< for socket(2); AFPLUG_ANY: the protocol that was asked for
  const char* type_name = nullptr;      ///< "SOCK_STREAM"; null only where `type` is AFPLUG_ANY
  const char* protocol_name = nullptr;  ///< "IPPROTO_TCP"; null: the protocol has no name
  const char* options = nullptr;        ///< option groups, separated by spaces: "ip tcp"; null: none
  const char* module = nullptr;         ///< kernel module ("can_raw"); null: not known
  const char* config = nullptr;         ///< kernel configuration symbol ("CONFIG_CAN_RAW"); null: not known
  const char* capability = nullptr;     ///< capability that opening takes ("CAP_NET_RAW"); null: none
  const char* help = nullptr;           ///< one line; may be null

  /// The type and protocol to open this row with: for a row of any type its native type, else SOCK_RAW; for a row of
  /// any protocol 0.
  socket_type concrete_type() const noexcept {
    return socket_type(type != AFPLUG_ANY ? type : native_type != AFPLUG_ANY ? native_type : int{SOCK_RAW});
  }
  int concrete_protocol() const noexcept { return protocol == AFPLUG_ANY ? 0 : protocol; }
};

/// A field of an address, or a member of the struct that an option takes: struct afplug_member.
struct member_info {
  std::uint32_t kind = 0;        ///< AFPLUG_KIND_*
  const char* name = nullptr;    ///< "port", "onoff"
  std::uint32_t offset = 0;      ///< in the struct, in bytes; unused for address fields
  std::uint32_t bytes = 0;       ///< size in the struct
  std::uint32_t unit = 0;        ///< AFPLUG_UNIT_* of a duration, AFPLUG_BITS of a bit-field; else 0
  std::uint32_t flags = 0;       ///< AFPLUG_MEMBER_*
  const char* values = nullptr;  ///< prefix of the constants that name its values; null: none
  const char* help = nullptr;    ///< one line; may be null
};

/// A socket option: struct afplug_option.
struct option_info {
  std::uint32_t flags = 0;         ///< AFPLUG_OPTION_*
  const char* name = nullptr;      ///< "TCP_NODELAY"
  const char* group = nullptr;     ///< option group: it applies to the rows that name this group; null: to all rows
  int level = 0;                   ///< SOL_*, IPPROTO_*
  int number = 0;                  ///< of the option in its level
  std::uint32_t kind = 0;          ///< AFPLUG_KIND_*
  std::uint32_t unit = 0;          ///< AFPLUG_UNIT_* of a duration
  std::uint32_t min_bytes = 0;     ///< smallest value
  std::uint32_t max_bytes = 0;     ///< largest value
  std::uint32_t element_size = 0;  ///< bytes of one element of an AFPLUG_KIND_ARRAY
  std::span<const member_info> members{};      ///< of a STRUCT or ARRAY
  const char* values = nullptr;                ///< prefix of the constants that name its values; null: none
  const char* help = nullptr;                  ///< one line; may be null
  decltype(afplug_option::get) get = nullptr;  ///< of an AFPLUG_KIND_CALL
  decltype(afplug_option::set) set = nullptr;  ///< of an AFPLUG_KIND_CALL
};

/// A named constant: struct afplug_constant.
struct constant {
  const char* name = nullptr;   ///< "CAN_EFF_FLAG"
  const char* group = nullptr;  ///< "CAN_"; may be null
  std::int64_t value = 0;       ///< of a number
  const char* text = nullptr;   ///< of a text constant (BDADDR_ANY); null: it is a number
};

/// The arguments of socket(2).
struct native_triple {
  int domain = 0;
  int type = 0;
  int protocol = 0;
};

/// One address family. The registry makes it and never destroys it: references stay valid, and any thread may call any
/// member.
class AFPLUG_API family {
 public:
  ~family();
  family(const family&) = delete;
  family& operator=(const family&) = delete;

  std::string_view id() const noexcept;        ///< "can"
  int number() const noexcept;                 ///< AF_*, or the number that this process assigned
  bool has_kernel_number() const noexcept;     ///< number() is an AF_*
  std::string_view name() const noexcept;      ///< "AF_CAN"
  std::string_view help() const noexcept;      ///< one line; may be empty
  std::string_view provider() const noexcept;  ///< who made the plugin
  std::string_view version() const noexcept;   ///< of the plugin
  std::string_view path() const noexcept;      ///< of the plugin's file
  bool in_user_space() const noexcept;         ///< the plugin implements the sockets (AFPLUG_BACKING_USER)
  std::uint32_t flags() const noexcept;        ///< AFPLUG_FAMILY_*

  /// The tables: what can be opened, options without those of SOL_SOCKET, constants, and the fields of an address.
  std::span<const row> rows() const noexcept;
  std::span<const option_info> options() const noexcept;
  std::span<const constant> constants() const noexcept;
  std::span<const member_info> address_fields() const noexcept;

  /// The row for (type, protocol): an exact match, else for protocol 0 the row with AFPLUG_ROW_DEFAULT, else one with
  /// AFPLUG_ANY. SOCK_NONBLOCK and SOCK_CLOEXEC in `type` are ignored. Null: none.
  const row* find_row(socket_type type, int proto) const noexcept;
  /// The arguments of socket(2) for (type, protocol). Without a row they are what was asked for.
  native_triple native(socket_type type, int proto) const noexcept;
  /// The option of that name (exact, as the constant is spelled), of the family or of SOL_SOCKET; null: none.
  const option_info* find_option(std::string_view name) const noexcept;
  /// The constant of that name, of the family or of socket_constants(); null: none.
  const constant* find_constant(std::string_view name) const noexcept;

  /// Identifies (family, type, protocol) to a plugin's functions.
  afplug_identity identity(socket_type type, int proto) const noexcept;

  /// An interface beyond plugin.h, by id ("afplug.packet.ring/1"); null: the family has none of that id.
  const void* extension(const char* id) const noexcept;

  /// The plugin's functions, for tools that test plugins. Structs of older minors are extended with null pointers.
  const afplug_codec& codec() const noexcept;
  const afplug_kernel_ops& kernel_ops() const noexcept;  ///< all null for a family in user space
  const afplug_user_ops& user_ops() const noexcept;      ///< all null for a family of the kernel's

 private:
  friend struct detail::family_data;
  explicit family(std::unique_ptr<detail::family_data> data) noexcept;
  std::unique_ptr<detail::family_data> data_;
};

/// The options of level SOL_SOCKET, which every family has.
AFPLUG_API std::span<const option_info> socket_options() noexcept;
/// The constants that belong to no family: AF_*, SOCK_*, SOL_SOCKET, SO_*, SCM_*, MSG_*, SHUT_*, SOMAXCONN, EAI_*,
/// AI_*, NI_*.
AFPLUG_API std::span<const constant> socket_constants() noexcept;

}  // namespace afplug
