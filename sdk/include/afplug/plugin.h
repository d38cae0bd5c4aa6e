/* afplug/plugin.h: the contract between afplug and an address family's plugin.
 *
 * Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
 *
 * This file is the whole of the binary interface. It is plain C11, reads top to bottom, and needs nothing else of
 * afplug. A C++ author will rather include <afplug/plugin.hpp>, which wraps it.
 *
 * A plugin is a shared object that
 *   1. exports one symbol, `afplug_entry`;
 *   2. carries one ELF note (AFPLUG_NOTE below) that says what it is, so that it can be listed without running it.
 * `afplug_entry` describes one or more address families: mostly tables, and a few functions.
 *
 * THE RULES
 *   Sizes.      Every struct that may grow starts with its `size`, set by whoever allocated it to sizeof as it was
 *               compiled. Structs only grow at the end. A reader copies the smaller of the two sizes and takes the rest
 *               as zero. Arrays are {data, count, stride}: an element may be larger than the reader knows.
 *   Versions.   Equal majors or no deal. A minor adds slots and struct tails. A plugin built against a newer minor than
 *               the host has is asked with the host's, and must do with that.
 *   Slots.      A slot marked "required" may not be NULL: the plugin is refused. All others may.
 *   Results.    Functions return 0 or a count, or -errno. On an error no output is touched, but for a message's text.
 *   Memory.     Nobody frees what another allocated. Tables and strings that a plugin hands out stay valid and
 * unchanged for the life of the process: a plugin is never unmapped. What a call is given is valid until it returns;
 * the host's struct is for ever. Strings are UTF-8, NUL-terminated. Threads.    Any function may be called from any
 * thread, and several at once, unless its comment says otherwise. Exceptions. None may leave a plugin. (plugin.hpp
 * catches at every border.) Re-entry.   No function may call back into the registry that called it, from this thread or
 * another it waits for. Growth.     What is not in here is found by a string id such as "afplug.packet.ring/1": see
 * `extension`.
 *
 * STATUS  1.0 is frozen: what is in here stays as it is. What a later minor adds stands at the end of its struct.
 */
#ifndef AFPLUG_PLUGIN_H
#define AFPLUG_PLUGIN_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The interface that this file describes. */
#define AFPLUG_ABI_MAJOR 1u
#define AFPLUG_ABI_MINOR 0u

/** Wherever a type or protocol may be "whatever was asked for". */
#define AFPLUG_ANY (-1)
/** Returned by a slot that leaves the call to the host. */
#define AFPLUG_PASS 1

#define AFPLUG_ID_MAX 31u       /**< longest family id or provider name, in bytes without the NUL: [a-z][a-z0-9_-]* */
#define AFPLUG_VERSION_MAX 31u  /**< longest version text */
#define AFPLUG_ADDRESS_MAX 128u /**< largest sockaddr: sizeof(struct sockaddr_storage) */
/** Families without a number on this platform get one from here on, by the host. */
#define AFPLUG_NUMBER_LOCAL 0x4000

/* ---- small shared structs (these do not grow) -------------------------------------------------------------------- */

/** A table. Element i is at (const char *)data + i * stride. */
struct afplug_array {
  const void* data;
  uint32_t count;
  uint32_t stride;
};

/** Text that a plugin writes for its caller. Write at most `capacity` bytes, no NUL needed, and set `size` to the full
 * length, which may be larger than capacity: the text was then cut and the caller may ask again with more room. */
struct afplug_text {
  char* data;
  uint32_t capacity;
  uint32_t size;
};

/** A native socket address: `length` bytes of `bytes` are it. */
struct afplug_sockaddr {
  uint32_t length;
  uint32_t reserved;
  union {
    uint64_t align;
    uint8_t bytes[AFPLUG_ADDRESS_MAX];
  } u;
};

/** Who is meant: RAW, ISO-TP and J1939 share one sockaddr, so the identity goes with every address and every socket.
 * `type` and `protocol` are as the program says them (SOCK_*, protocol number), not the native ones. */
struct afplug_identity {
  const char* family;
  int32_t number; /**< the family's number on this platform, or the process-local one (>= AFPLUG_NUMBER_LOCAL) */
  int32_t type;
  int32_t protocol;
  int32_t reserved;
};

/* ---- values and kinds -------------------------------------------------------------------------------------------- */

/* Kinds of value: of options, of members of option structs, and of address fields. Integers are in host byte order
 * unless the name ends in BE. `size` of the option or member is the size in bytes; where a kind implies it, 0 will do.
 */
#define AFPLUG_KIND_FLAG 1u      /**< int32, 0 or 1; text: on, off */
#define AFPLUG_KIND_I32 2u       /**< int32 */
#define AFPLUG_KIND_U32 3u       /**< uint32 */
#define AFPLUG_KIND_I64 4u       /**< int64 */
#define AFPLUG_KIND_U64 5u       /**< uint64 */
#define AFPLUG_KIND_U8 6u        /**< uint8 */
#define AFPLUG_KIND_U16 7u       /**< uint16 */
#define AFPLUG_KIND_U16BE 8u     /**< uint16 in network order */
#define AFPLUG_KIND_U32BE 9u     /**< uint32 in network order */
#define AFPLUG_KIND_TEXT 10u     /**< text of at most max bytes; NUL-padded inside structs */
#define AFPLUG_KIND_IFNAME 11u   /**< name of a network interface, at most 15 bytes */
#define AFPLUG_KIND_IFINDEX 12u  /**< int32 index of a network interface; text: its name, or the number */
#define AFPLUG_KIND_DURATION 13u /**< a time span; its layout is in `unit`; text: 1.5s, 200ms, 10us, 5ns */
#define AFPLUG_KIND_BYTES 14u    /**< min..max bytes; text: hex */
#define AFPLUG_KIND_STRUCT 15u   /**< a struct with a member table; text: a=1,b=2 */
#define AFPLUG_KIND_ARRAY 16u    /**< any number of such structs, each `element_size` bytes; text: {..},{..} */
#define AFPLUG_KIND_LENGTH 17u   /**< no data at all: only a length is passed (setsockopt(…, NULL, n)); text: n */
#define AFPLUG_KIND_IPV4 18u     /**< 4 bytes, struct in_addr */
#define AFPLUG_KIND_IPV6 19u     /**< 16 bytes, struct in6_addr */
#define AFPLUG_KIND_MAC 20u      /**< hardware address, colon-separated hex */
#define AFPLUG_KIND_SOCKADDR 21u /**< a sockaddr_storage of an IP family; text: as that family writes it */
#define AFPLUG_KIND_CALL 22u     /**< no fixed layout: `get` and `set` of the option, in text form */
#define AFPLUG_KIND_BDADDR 23u   /**< 6 bytes, Bluetooth device address, least significant byte first */
#define AFPLUG_KIND_I8 24u       /**< int8 */
#define AFPLUG_KIND_I16 25u      /**< int16 */

/** `unit` of an integer member that is a bit-field: `width` bits from bit `shift` on of the integer of its kind. */
#define AFPLUG_BITS(shift, width) (0x10000u | (uint32_t)(shift) << 8 | (uint32_t)(width))

/* Layouts of AFPLUG_KIND_DURATION. */
#define AFPLUG_UNIT_TIMEVAL 1u   /**< struct timeval of the C library; zero: none */
#define AFPLUG_UNIT_TIMEVAL64 2u /**< two int64: seconds, microseconds */
#define AFPLUG_UNIT_S 3u         /**< int32 seconds */
#define AFPLUG_UNIT_MS 4u        /**< int32 milliseconds */
#define AFPLUG_UNIT_US 5u        /**< int32 microseconds */
#define AFPLUG_UNIT_NS 6u        /**< uint32 nanoseconds */
#define AFPLUG_UNIT_TIMESPEC 7u  /**< struct timespec of the C library */

/** A value of an address field. `kind` is one of U64 (all unsigned), I64 (all signed), TEXT, BYTES; 0: not given. */
struct afplug_value {
  uint32_t kind;
  uint32_t size; /**< of bytes, for TEXT and BYTES */
  union {
    uint64_t u;
    int64_t i;
  } n;
  uint8_t bytes[AFPLUG_ADDRESS_MAX]; /**< of TEXT (no NUL) and BYTES */
};

/** A named field of an address, or a member of an option's struct. */
struct afplug_member {
  uint32_t size;
  uint32_t kind;      /**< AFPLUG_KIND_* */
  const char* name;   /**< "port", "onoff" */
  uint32_t offset;    /**< in the struct; unused for address fields, whose codec finds them */
  uint32_t bytes;     /**< its size in the struct; for TEXT, BYTES and SOCKADDR the room there is */
  uint32_t unit;      /**< AFPLUG_UNIT_* for durations; AFPLUG_BITS for bit-fields of integers; else 0 */
  uint32_t flags;     /**< AFPLUG_MEMBER_* */
  const char* values; /**< prefix of the constants that name its values ("BT_SECURITY_"), or NULL */
  const char* help;   /**< one line, or NULL */
};
#define AFPLUG_MEMBER_OPTIONAL 1u /**< may be left out (of an address: default; of a struct: zero) */
#define AFPLUG_MEMBER_HEX 2u      /**< better read in hexadecimal */

/* ---- the tables of a family -------------------------------------------------------------------------------------- */

/** One (type, protocol) that a program may ask for, and the native triple that answers. */
struct afplug_row {
  uint32_t size;
  uint32_t flags;          /**< AFPLUG_ROW_* */
  int32_t type;            /**< SOCK_*; AFPLUG_ANY: whatever was asked */
  int32_t protocol;        /**< the number the program says; AFPLUG_ANY: whatever was asked */
  int32_t native_domain;   /**< what goes to socket(2); AFPLUG_ANY: the family's number */
  int32_t native_type;     /**< AFPLUG_ANY: as asked */
  int32_t native_protocol; /**< AFPLUG_ANY: as asked */
  uint32_t reserved;
  const char* type_name;     /**< "SOCK_STREAM" */
  const char* protocol_name; /**< "IPPROTO_TCP"; NULL where the protocol has no name */
  const char* options;       /**< the option groups it has, space-separated: "ip tcp" */
  const char* module;        /**< kernel module that brings it ("can_raw"), or NULL */
  const char* config;        /**< kernel configuration symbol ("CONFIG_CAN_RAW"), or NULL */
  const char* capability;    /**< capability that opening it takes ("CAP_NET_RAW"), or NULL */
  const char* help;          /**< one line */
};
#define AFPLUG_ROW_DEFAULT 1u     /**< protocol 0 with this type means this row */
#define AFPLUG_ROW_HIDDEN 2u      /**< not listed: a pass-through for what the tables do not name */
#define AFPLUG_ROW_STREAM 4u      /**< bytes without boundaries */
#define AFPLUG_ROW_MESSAGE 8u     /**< records with boundaries */
#define AFPLUG_ROW_CONNECTION 16u /**< listen, accept and connect */
#define AFPLUG_ROW_HALF_CLOSE 32u /**< shutdown(SHUT_WR) reaches the peer as end of file */
#define AFPLUG_ROW_PAIR 64u       /**< socketpair works */
#define AFPLUG_ROW_RIGHTS 128u    /**< passes descriptors (SCM_RIGHTS) */

/** A socket option. */
struct afplug_option {
  uint32_t size;
  uint32_t flags;    /**< AFPLUG_OPTION_* */
  const char* name;  /**< "TCP_NODELAY" */
  const char* group; /**< "tcp": it applies to the rows that name this group; NULL: to all of the family */
  int32_t level;     /**< SOL_*, IPPROTO_* */
  int32_t number;
  uint32_t kind;         /**< AFPLUG_KIND_* */
  uint32_t unit;         /**< AFPLUG_UNIT_*, for durations */
  uint32_t min_bytes;    /**< least size; 0: the kind's own */
  uint32_t max_bytes;    /**< largest size, and the buffer for reading; 0: the kind's own */
  uint32_t element_size; /**< of an ARRAY */
  uint32_t reserved;
  struct afplug_array members; /**< struct afplug_member, of a STRUCT or ARRAY */
  const char* values;          /**< prefix of the constants that name its values, or NULL */
  const char* help;            /**< one line */
  /** For AFPLUG_KIND_CALL alone, required there as the flags say: read or write it by other means (ioctl, sock_fprog),
   * in its text form. `handle` is the native handle; of a family in user space the socket's `state`, as an intptr_t.
   * May block as the system call does. -EINVAL: the text is malformed; else as the system call. On an error `why` may
   * get one sentence that says what is wrong; without one the program gets errno's. AFPLUG_PASS, of a family of the
   * kernel's: leaves the call to the host's own option of that name (SO_ATTACH_FILTER), where the family knows more
   * forms of it.
   */
  int32_t (*get)(int64_t handle, const struct afplug_identity* who, struct afplug_text* out, struct afplug_text* why);
  int32_t (*set)(int64_t handle, const struct afplug_identity* who, const char* text, size_t text_size,
                 struct afplug_text* why);
};
#define AFPLUG_OPTION_READ 1u     /**< getsockopt */
#define AFPLUG_OPTION_WRITE 2u    /**< setsockopt */
#define AFPLUG_OPTION_ARGUMENT 4u /**< reading takes an input in the same buffer */

/** A named constant of the family, as the platform's headers have it. */
struct afplug_constant {
  uint32_t size;
  uint32_t reserved;
  const char* name;  /**< "CAN_EFF_FLAG" */
  const char* group; /**< "CAN_" */
  int64_t value;
  const char* text; /**< for constants that are text (BDADDR_ANY, HV_GUID_ZERO): the value; else NULL */
};

/* ---- addresses --------------------------------------------------------------------------------------------------- */

/** Turns addresses into text and fields and back. Pure functions: they look up no host names, open nothing but what it
 * takes to map an interface's name to its index, never block. */
struct afplug_codec {
  uint32_t size;
  uint32_t reserved;
  struct afplug_array fields; /**< struct afplug_member: the address's fields, in the order of Python's tuple */

  /** Required. Text (not NUL-terminated) to address. -EINVAL: malformed; -ENODEV: no such interface; -ENAMETOOLONG;
   * -ERANGE: a number is too large. On an error `why` gets one sentence that names the offending part. */
  int32_t (*parse)(const struct afplug_identity* who, const char* text, size_t text_size, struct afplug_sockaddr* out,
                   struct afplug_text* why);

  /** Required. Address to text, such that parse gives exactly the same address again. -EINVAL: no address of this
   * family. */
  int32_t (*format)(const struct afplug_identity* who, const void* address, uint32_t length, struct afplug_text* out);

  /** Required. Address to fields: fills values[i] for fields[i] as long as i < capacity, and returns how many there
   * are. */
  int32_t (*get)(const struct afplug_identity* who, const void* address, uint32_t length, struct afplug_value* values,
                 uint32_t capacity);

  /** Required. Fields to address; values[i] belongs to fields[i]. Optional fields may be of kind 0 or missing at the
   * end. Errors and `why` as parse's. */
  int32_t (*set)(const struct afplug_identity* who, const struct afplug_value* values, uint32_t count,
                 struct afplug_sockaddr* out, struct afplug_text* why);
};

/* ---- platform truth ---------------------------------------------------------------------------------------------- */

/* States of a verdict. */
#define AFPLUG_AVAILABLE 1
#define AFPLUG_UNAVAILABLE 2
#define AFPLUG_UNKNOWN 3

/** What is known about opening one row here. `reason` is one of the codes of the manual (kernel-lacks-family,
 * kernel-lacks-protocol, module-not-loaded, permission, no-device, resource-limit, probe-failed, sandbox,
 * wrong-platform). */
struct afplug_verdict {
  uint32_t size;
  int32_t state; /**< AFPLUG_AVAILABLE, … */
  int32_t error; /**< errno of the attempt, 0: none */
  uint32_t reserved;
  char reason[32];
  char detail[256]; /**< one sentence: what is the case */
  char remedy[256]; /**< one command or sentence: what to do about it */
};
#define AFPLUG_CHECK_PASSIVE 1u /**< open no socket: it may make the kernel load modules */

/* ---- kernel-backed families: control-path overrides -------------------------------------------------------------- */

#define AFPLUG_OPEN_NONBLOCK 1u /**< the new socket starts non-blocking; close-on-exec it always is */

/** All optional. Where one is NULL or returns AFPLUG_PASS, the host makes the system call on the row's native triple.
 */
struct afplug_kernel_ops {
  uint32_t size;
  uint32_t reserved;
  /** Opens a socket; close-on-exec from birth. May block as socket(2) may (module loading). */
  int32_t (*open)(const struct afplug_identity* who, uint32_t flags, int64_t* handle);
  /** Accepts; never blocks on a non-blocking listener. The new socket is close-on-exec and blocking. */
  int32_t (*accept)(int64_t listener, const struct afplug_identity* who, int64_t* handle, struct afplug_sockaddr* peer);
  /** Raw option access; `*bytes` holds the room and becomes the size. */
  int32_t (*get_option)(int64_t handle, const struct afplug_identity* who, int32_t level, int32_t number, void* data,
                        uint32_t* bytes);
  int32_t (*set_option)(int64_t handle, const struct afplug_identity* who, int32_t level, int32_t number,
                        const void* data, uint32_t bytes);
};

/* ---- families in user space -------------------------------------------------------------------------------------- */

/** A piece of memory that data is sent from or received into, as struct iovec. */
struct afplug_buffer {
  void* data;
  uint64_t bytes;
};

/** One message for user_ops.sendmsg and recvmsg. */
struct afplug_message {
  uint32_t size;
  int32_t flags;         /**< in: MSG_* of the call; out (recvmsg): MSG_TRUNC, MSG_EOR, … */
  void* address;         /**< send: the destination or NULL; recv: room for the sender, or NULL */
  uint32_t address_size; /**< send: its length; recv: room, becomes the length (0: none) */
  uint32_t buffer_count;
  const struct afplug_buffer* buffers;
  /** Ancillary data in the platform's cmsghdr layout, or NULL. Descriptors in it (SCM_RIGHTS): those sent stay the
   * caller's, and the plugin duplicates them; those received are the caller's from then on, and close-on-exec. */
  void* control;
  uint32_t control_size; /**< its length; recv: room, becomes the length (what did not fit: MSG_CTRUNC in flags) */
  uint32_t reserved;
};

/** The operations of a family that lives in user space.
 *
 * The host composes all of its socket on these: send, recv, sendall, timeouts, EINTR, accept loops, files. NO SLOT EVER
 * BLOCKS: what cannot be done at once returns -EAGAIN, and the host polls `pollable`, a descriptor on which POLLIN
 * means that recvmsg or accept would not return -EAGAIN (data, end of file, an error, a connection); POLLOUT means
 * that sendmsg would not, and after connect gave -EINPROGRESS, that connecting has ended; and after each -EAGAIN the
 * next readiness comes as a new edge (for epoll's EPOLLET). The descriptor belongs to the plugin, is close-on-exec, and
 * lives until `close`.
 *
 * Calls on one socket: at most one thread in (recvmsg, accept) and one in (sendmsg, connect) at a time, together with
 * any number in shutdown, get_option, set_option, getsockname, getpeername, readiness. Calls on different sockets run
 * at once.
 *
 * `close` is called exactly once, when no other call on that socket runs. With AFPLUG_CLOSE_FORKED (in a forked child
 * of the process that opened it) it frees memory and descriptors and tells no peer. */
struct afplug_user_ops {
  uint32_t size;
  uint32_t reserved;
  int32_t (*open)(const struct afplug_identity* who, void** state, int64_t* pollable); /**< required */
  void (*close)(void* state, uint32_t flags);                                          /**< required */
  int32_t (*sendmsg)(void* state, const struct afplug_message* message,
                     uint64_t* sent); /**< required; -EPIPE after the peer closed */
  int32_t (*recvmsg)(void* state, struct afplug_message* message,
                     uint64_t* received); /**< required; 0 bytes: end of file */
  int32_t (*readiness)(void* state,
                       int32_t events); /**< required: the POLL* bits of `events` that hold, ERR and HUP always */
  int32_t (*bind)(void* state, const void* address, uint32_t length);
  int32_t (*listen)(void* state, int32_t backlog);
  int32_t (*accept)(void* state, void** new_state, int64_t* new_pollable, struct afplug_sockaddr* peer);
  int32_t (*connect)(void* state, const void* address, uint32_t length); /**< 0, -EINPROGRESS, or the error */
  int32_t (*connect_result)(void* state); /**< after POLLOUT: 0, -EALREADY, or the error; required where connect is */
  int32_t (*shutdown)(void* state, int32_t how);
  int32_t (*getsockname)(void* state, struct afplug_sockaddr* out);
  int32_t (*getpeername)(void* state, struct afplug_sockaddr* out);
  int32_t (*get_option)(void* state, int32_t level, int32_t number, void* data, uint32_t* bytes);
  int32_t (*set_option)(void* state, int32_t level, int32_t number, const void* data, uint32_t bytes);
  int32_t (*pair)(const struct afplug_identity* who, void* states[2], int64_t pollables[2]);
  int32_t (*dup)(void* state, void** new_state, int64_t* new_pollable); /**< a second handle on the same socket */
};
#define AFPLUG_CLOSE_FORKED 1u /**< the caller is a forked child: see above */

/* ---- the family and the plugin ----------------------------------------------------------------------------------- */

#define AFPLUG_BACKING_KERNEL 1u /**< the host makes the system calls itself, inline, on the native handle */
#define AFPLUG_BACKING_USER 2u   /**< user_ops make the socket */

/** One address family: its tables and functions. */
struct afplug_family {
  uint32_t size;
  uint32_t backing;                           /**< AFPLUG_BACKING_*; nothing is inferred from NULL */
  uint32_t flags;                             /**< AFPLUG_FAMILY_* */
  int32_t number;                             /**< AF_* on this platform; 0: it has none, the host assigns one */
  const char* id;                             /**< "can": the identity, the same on every platform */
  const char* name;                           /**< "AF_CAN" */
  const char* help;                           /**< one line */
  const char* module;                         /**< kernel module that brings the family, or NULL */
  const char* config;                         /**< kernel configuration symbol, or NULL */
  struct afplug_array rows;                   /**< struct afplug_row; at least one. The first that fits is taken. */
  struct afplug_array options;                /**< struct afplug_option */
  struct afplug_array constants;              /**< struct afplug_constant */
  const struct afplug_codec* codec;           /**< required */
  const struct afplug_kernel_ops* kernel_ops; /**< KERNEL: optional */
  const struct afplug_user_ops* user_ops;     /**< USER: required */

  /** Refines what the host found out about opening a row: `verdict` holds the host's own finding (the outcome of the
   * attempt to open the socket, or with AFPLUG_CHECK_PASSIVE what can be known without) and is left, or overwritten
   * where the family knows better (no adapter, no interface, no transport). Returns 0; after -errno the host's finding
   * stands. May open and read files and sockets; ends within a second. */
  int32_t (*check)(const struct afplug_identity* who, uint32_t flags, struct afplug_verdict* verdict);

  /** Anything beyond this file, by id ("afplug.packet.ring/1"); NULL: unknown. Ids are for ever: a change is a new one.
   */
  const void* (*extension)(const char* id);
};
#define AFPLUG_FAMILY_RESOLVES 1u  /**< addresses may be "host:service" texts that getaddrinfo(3) answers */
#define AFPLUG_FAMILY_FORK_SAFE 2u /**< USER: its sockets work in a forked child too */
#define AFPLUG_FAMILY_SECONDARY 4u /**< never primary for its number: another's sockaddr, reached by id alone */

/** What the host offers. Lives for ever; any thread may call it. */
struct afplug_host {
  uint32_t size;
  uint16_t abi_major;
  uint16_t abi_minor;  /**< the smaller of the host's and the one the plugin's note says */
  const char* version; /**< of the library, "0.1.0" */
  /** level: 0 debug, 1 info, 2 warning, 3 error. */
  void (*log)(int32_t level, const char* plugin, const char* text);
  const void* (*extension)(const char* id);
};

/** Filled by afplug_entry. */
struct afplug_plugin {
  uint32_t size; /**< set by the host before the call, lowered by the plugin to its own sizeof if that is smaller */
  uint16_t abi_major;           /**< AFPLUG_ABI_MAJOR */
  uint16_t abi_minor;           /**< what the plugin will do with: at most the host's */
  const char* provider;         /**< who made this implementation: "afplug". Must equal the note's */
  const char* version;          /**< of the plugin. Must equal the note's */
  struct afplug_array families; /**< struct afplug_family, in the note's order */
};

#if defined(_WIN32)
/** What makes the entry visible; everything else of a plugin should be hidden. */
#define AFPLUG_EXPORT __declspec(dllexport)
#else
/** What makes the entry visible; everything else of a plugin should be hidden. */
#define AFPLUG_EXPORT __attribute__((visibility("default")))
#endif

/** The one exported symbol. The host zeroes *out and sets out->size. Returns 0, or -errno (then nothing of it is used);
 * a plugin asked for a minor that it cannot do with returns -EPROTONOSUPPORT. May be called several times, by several
 * hosts in one process; gives the same tables each time. Must not block. */
typedef int32_t (*afplug_entry_fn)(const struct afplug_host* host, struct afplug_plugin* out);
AFPLUG_EXPORT int32_t afplug_entry(const struct afplug_host* host, struct afplug_plugin* out);

/* ---- metadata without running code ------------------------------------------------------------------------------- */

/* The note's name and type, as ELF notes have them, and the most families that it may name. */
#define AFPLUG_NOTE_NAME "afplug"
#define AFPLUG_NOTE_TYPE 1u
#define AFPLUG_NOTE_FAMILIES_MAX 64u

/** A family as the note names it. */
struct afplug_note_family {
  char id[AFPLUG_ID_MAX + 1];
  int32_t number; /**< AF_* on the platform that this was built for, 0: none */
  uint32_t flags; /**< AFPLUG_FAMILY_*, as in the descriptor */
};

/** The note's descriptor begins with this; `family_count` structs afplug_note_family follow at offset `size`, `stride`
 * apart. Host byte order. The loaded descriptor must say the same. */
struct afplug_note_header {
  uint32_t size; /**< of this header */
  uint16_t abi_major;
  uint16_t abi_minor;
  uint32_t family_count;
  uint32_t stride;
  char provider[AFPLUG_ID_MAX + 1];
  char version[AFPLUG_VERSION_MAX + 1];
};

/* AFPLUG_NOTE(count, provider, version, {family, number, flags}…): defines the note; once in a plugin, at namespace
 * scope.
 *
 *   AFPLUG_NOTE(1, "example", "1.0", {"netlink", AF_NETLINK, 0})
 *
 * On Windows the descriptor's bytes stand in the section ".afplug". */
#define AFPLUG_NOTE_AS(major, minor, count, provider_text, version_text, ...)                                          \
  AFPLUG_NOTE_PLACE const struct {                                                                                     \
    uint32_t name_size;                                                                                                \
    uint32_t description_size;                                                                                         \
    uint32_t type;                                                                                                     \
    char name[8];                                                                                                      \
    struct afplug_note_header header;                                                                                  \
    struct afplug_note_family families[count];                                                                         \
  } afplug_note_record = {sizeof(AFPLUG_NOTE_NAME),                                                                    \
                          (uint32_t)(sizeof(struct afplug_note_header) + (count) * sizeof(struct afplug_note_family)), \
                          AFPLUG_NOTE_TYPE,                                                                            \
                          AFPLUG_NOTE_NAME,                                                                            \
                          {sizeof(struct afplug_note_header), (major), (minor), (count),                               \
                           sizeof(struct afplug_note_family), provider_text, version_text},                            \
                          {__VA_ARGS__}};
#define AFPLUG_NOTE(count, provider_text, version_text, ...) \
  AFPLUG_NOTE_AS(AFPLUG_ABI_MAJOR, AFPLUG_ABI_MINOR, count, provider_text, version_text, __VA_ARGS__)

#if defined(_WIN32)
/** Where the note goes. */
#define AFPLUG_NOTE_PLACE __attribute__((section(".afplug"), used)) static
#else
/** Where the note goes. */
#define AFPLUG_NOTE_PLACE __attribute__((section(".note.afplug"), used, aligned(4))) static
#endif

#ifdef __cplusplus
}
#endif

#endif
