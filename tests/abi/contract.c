/* Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
 *
 * A library whose debug information abidw reads: a function for each struct of plugin.h, so that it contains all of
 * them, and assertions for the numbers of ABI 1.0, which are in no debug information.
 */
#include <afplug/plugin.h>

#define STRUCT(name)                                                     \
  AFPLUG_EXPORT void contract_of_##name(const struct afplug_##name* it); \
  void contract_of_##name(const struct afplug_##name* it) { (void)it; }
STRUCT(array)
STRUCT(text)
STRUCT(sockaddr)
STRUCT(identity)
STRUCT(value)
STRUCT(member)
STRUCT(row)
STRUCT(option)
STRUCT(constant)
STRUCT(codec)
STRUCT(verdict)
STRUCT(kernel_ops)
STRUCT(buffer)
STRUCT(message)
STRUCT(user_ops)
STRUCT(family)
STRUCT(host)
STRUCT(plugin)
STRUCT(note_family)
STRUCT(note_header)

int32_t afplug_entry(const struct afplug_host* host, struct afplug_plugin* out) {
  (void)host;
  (void)out;
  return 0;
}

#define IS(name, number) _Static_assert((name) == (number), #name " must stay " #number)
IS(AFPLUG_ABI_MAJOR, 1u);
IS(AFPLUG_ANY, -1);
IS(AFPLUG_ID_MAX, 31u);
IS(AFPLUG_VERSION_MAX, 31u);
IS(AFPLUG_ADDRESS_MAX, 128u);
IS(AFPLUG_NUMBER_LOCAL, 0x4000);
IS(AFPLUG_KIND_FLAG, 1u);
IS(AFPLUG_KIND_I32, 2u);
IS(AFPLUG_KIND_U32, 3u);
IS(AFPLUG_KIND_I64, 4u);
IS(AFPLUG_KIND_U64, 5u);
IS(AFPLUG_KIND_U8, 6u);
IS(AFPLUG_KIND_U16, 7u);
IS(AFPLUG_KIND_U16BE, 8u);
IS(AFPLUG_KIND_U32BE, 9u);
IS(AFPLUG_KIND_TEXT, 10u);
IS(AFPLUG_KIND_IFNAME, 11u);
IS(AFPLUG_KIND_IFINDEX, 12u);
IS(AFPLUG_KIND_DURATION, 13u);
IS(AFPLUG_KIND_BYTES, 14u);
IS(AFPLUG_KIND_STRUCT, 15u);
IS(AFPLUG_KIND_ARRAY, 16u);
IS(AFPLUG_KIND_LENGTH, 17u);
IS(AFPLUG_KIND_IPV4, 18u);
IS(AFPLUG_KIND_IPV6, 19u);
IS(AFPLUG_KIND_MAC, 20u);
IS(AFPLUG_KIND_SOCKADDR, 21u);
IS(AFPLUG_KIND_CALL, 22u);
IS(AFPLUG_KIND_BDADDR, 23u);
IS(AFPLUG_KIND_I8, 24u);
IS(AFPLUG_KIND_I16, 25u);
IS(AFPLUG_UNIT_TIMEVAL, 1u);
IS(AFPLUG_UNIT_TIMEVAL64, 2u);
IS(AFPLUG_UNIT_S, 3u);
IS(AFPLUG_UNIT_MS, 4u);
IS(AFPLUG_UNIT_US, 5u);
IS(AFPLUG_UNIT_NS, 6u);
IS(AFPLUG_UNIT_TIMESPEC, 7u);
IS(AFPLUG_MEMBER_OPTIONAL, 1u);
IS(AFPLUG_MEMBER_HEX, 2u);
IS(AFPLUG_ROW_DEFAULT, 1u);
IS(AFPLUG_ROW_HIDDEN, 2u);
IS(AFPLUG_ROW_STREAM, 4u);
IS(AFPLUG_ROW_MESSAGE, 8u);
IS(AFPLUG_ROW_CONNECTION, 16u);
IS(AFPLUG_ROW_HALF_CLOSE, 32u);
IS(AFPLUG_ROW_PAIR, 64u);
IS(AFPLUG_ROW_RIGHTS, 128u);
IS(AFPLUG_OPTION_READ, 1u);
IS(AFPLUG_OPTION_WRITE, 2u);
IS(AFPLUG_OPTION_ARGUMENT, 4u);
IS(AFPLUG_AVAILABLE, 1);
IS(AFPLUG_UNAVAILABLE, 2);
IS(AFPLUG_UNKNOWN, 3);
IS(AFPLUG_CHECK_PASSIVE, 1u);
IS(AFPLUG_PASS, 1);
IS(AFPLUG_OPEN_NONBLOCK, 1u);
IS(AFPLUG_CLOSE_FORKED, 1u);
IS(AFPLUG_BACKING_KERNEL, 1u);
IS(AFPLUG_BACKING_USER, 2u);
IS(AFPLUG_FAMILY_RESOLVES, 1u);
IS(AFPLUG_FAMILY_FORK_SAFE, 2u);
IS(AFPLUG_FAMILY_SECONDARY, 4u);
IS(AFPLUG_NOTE_TYPE, 1u);
IS(AFPLUG_NOTE_FAMILIES_MAX, 64u);
IS(AFPLUG_BITS(3, 5), 0x10305u);
IS(sizeof AFPLUG_NOTE_NAME, 7);
