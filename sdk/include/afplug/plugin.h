/* afplug/plugin.h: the binary interface (ABI) between afplug and the plugin of an address family.
 *
 * Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
 *
 * This file is the complete interface. It is plain C11 and needs nothing else of afplug. In C++ use
 * <afplug/plugin.hpp>, which wraps it. In what follows "the host" is libafplug in the program that loads the plugin.
 *
 * A plugin is a shared object that
 *   1. exports one symbol, `afplug_entry`;
 *   2. contains one ELF note (AFPLUG_NOTE below) that names its families, so that it can be listed without running it.
 * `afplug_entry` describes one or more address families: tables, and a few functions.
 *
 * Rules for everything in this file:
 *
 * Sizes: Every struct that may grow begins with `size`. Whichever side allocates the struct sets it to its own sizeof.
 * Structs grow only at their end. A reader copies the smaller of the two sizes and treats the rest as zero. In arrays
 * (afplug_array) the distance between two elements is `stride`, because an element may be larger than the reader's.
 *
 * Versions: Host and plugin must have the same major version. A minor version adds members at the end of structs, flags
 * and kinds. If the plugin was built for a newer minor version than the host's, both use the host's.
 *
 * Slots: A slot is a function pointer. Slots marked "required" must not be NULL, or the host refuses the plugin. All
 * other slots may be NULL.
 *
 * Results: A slot returns 0 or a count on success and -errno on failure, unless documented otherwise. On failure it
 * does not change its outputs, except for an error text (`why`).
 *
 * Memory: Each side frees only what it allocated. Tables and strings of a plugin stay valid and unchanged until the
 * process ends, because the host never unmaps a plugin. Arguments of a slot are valid until it returns; the afplug_host
 * is valid until the process ends. Strings are UTF-8 and end with NUL.
 *
 * Threads: Any slot may be called from any thread, and from several at the same time, unless documented otherwise.
 *
 * Exceptions: No C++ exception may leave a slot. (<afplug/plugin.hpp> catches them.)
 *
 * Reentrancy: A slot must not call the registry that called it, nor wait for a thread that does, because the registry
 * holds a lock while it loads a plugin.
 *
 * Extensions: Interfaces that are not in this file are found by a string such as "afplug.packet.ring/1": see
 * afplug_family.extension.
 *
 * Status: ABI 1.0 is frozen. Nothing in this file changes or disappears; later minor versions only add to it.
 */
#ifndef AFPLUG_PLUGIN_H
#define AFPLUG_PLUGIN_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The version of the interface in this file. */
#define AFPLUG_ABI_MAJOR 1u
#define AFPLUG_ABI_MINOR 1u

/** In place of a type, protocol or domain: the one that the program asked for. */
#define AFPLUG_ANY (-1)
/** Returned by a slot that overrides a call of the host, where it does not want to: the host then makes the call. */
#define AFPLUG_PASS 1

#define AFPLUG_ID_MAX 31u /**< longest family id or provider name, in bytes without NUL; both are [a-z][a-z0-9_-]* */
#define AFPLUG_VERSION_MAX 31u  /**< longest version text, in bytes without NUL */
#define AFPLUG_ADDRESS_MAX 128u /**< largest sockaddr, in bytes: sizeof(struct sockaddr_storage) */
/** The first of the numbers that the host assigns, for this process, to families without one on this platform. */
#define AFPLUG_NUMBER_LOCAL 0x4000

/* ---- small shared structs (they do not grow) --------------------------------------------------------------------- */

/** A table of `count` elements. Element i is at (const char *)data + i * stride. */
struct afplug_array {
  const void* data;
  uint32_t count;
  uint32_t stride;
};

/** A buffer of the host's into which a plugin writes UTF-8 text. The plugin writes at most `capacity` bytes, without
 * NUL, and sets `size` to the length of the whole text. A size above capacity means that the text was cut; the host may
 * then call again with a larger buffer. */
struct afplug_text {
  char* data;
  uint32_t capacity;
  uint32_t size;
};

/** A native socket address (sockaddr): the first `length` bytes of `bytes`. */
struct afplug_sockaddr {
  uint32_t length;
  uint32_t reserved;
  union {
    uint64_t align;
    uint8_t bytes[AFPLUG_ADDRESS_MAX];
  } u;
};

/** The family, type and protocol of a socket. They go with every address, too, because protocols of one family may use
 * its sockaddr differently (CAN_RAW, CAN_ISOTP and CAN_J1939 do). `type` (SOCK_*, without SOCK_NONBLOCK and
 * SOCK_CLOEXEC) and `protocol` are what the program asked for; a row may map them to other arguments of socket(2). Both
 * are 0 for an address that belongs to no socket. */
struct afplug_identity {
  const char* family; /**< afplug_family.id */
  int32_t number;     /**< its number on this platform, or what the host assigned (>= AFPLUG_NUMBER_LOCAL) */
  int32_t type;
  int32_t protocol;
  int32_t reserved;
};

/* ---- values and kinds -------------------------------------------------------------------------------------------- */

/* The kinds of values of options, of members of options' structs, and of address fields. "Text" is how a program or the
 * command line writes the value. Integers are in host byte order unless the name ends in BE. Where a kind implies its
 * size in bytes, the size in a table may be 0. */
#define AFPLUG_KIND_FLAG 1u      /**< int32, 0 or 1; text: on or off */
#define AFPLUG_KIND_I32 2u       /**< int32 */
#define AFPLUG_KIND_U32 3u       /**< uint32 */
#define AFPLUG_KIND_I64 4u       /**< int64 */
#define AFPLUG_KIND_U64 5u       /**< uint64 */
#define AFPLUG_KIND_U8 6u        /**< uint8 */
#define AFPLUG_KIND_U16 7u       /**< uint16 */
#define AFPLUG_KIND_U16BE 8u     /**< uint16 in network order */
#define AFPLUG_KIND_U32BE 9u     /**< uint32 in network order */
#define AFPLUG_KIND_TEXT 10u     /**< text of at most max_bytes bytes; in structs padded with NUL */
#define AFPLUG_KIND_IFNAME 11u   /**< name of a network interface: at most 15 bytes and a NUL */
#define AFPLUG_KIND_IFINDEX 12u  /**< int32 index of a network interface; text: the name or the number */
#define AFPLUG_KIND_DURATION 13u /**< duration, laid out as `unit` states; text: 1.5s, 200ms, 10us, 5ns */
#define AFPLUG_KIND_BYTES 14u    /**< min_bytes to max_bytes bytes; text: pairs of hexadecimal digits */
#define AFPLUG_KIND_STRUCT 15u   /**< struct, described by `members`; text: a=1,b=2 */
#define AFPLUG_KIND_ARRAY 16u    /**< such structs of `element_size` bytes each; text: {a=1},{a=2} */
#define AFPLUG_KIND_LENGTH 17u   /**< no data, only a length: setsockopt(…, NULL, n); text: n */
#define AFPLUG_KIND_IPV4 18u     /**< 4 bytes, struct in_addr; text: as inet_pton(3) */
#define AFPLUG_KIND_IPV6 19u     /**< 16 bytes, struct in6_addr; text: as inet_pton(3) */
#define AFPLUG_KIND_MAC 20u      /**< hardware address; text: hexadecimal bytes separated by colons */
#define AFPLUG_KIND_SOCKADDR 21u /**< sockaddr_storage of an IP family; text: that family's address form */
#define AFPLUG_KIND_CALL 22u     /**< no layout: `get` and `set` of the option read and write it as text */
#define AFPLUG_KIND_BDADDR 23u   /**< 6 bytes, Bluetooth device address, least significant byte first */
#define AFPLUG_KIND_I8 24u       /**< int8 */
#define AFPLUG_KIND_I16 25u      /**< int16 */

/** `unit` of a member that is a bit-field: the `width` bits (1-63) that begin at bit `shift` of an integer of the
 * member's kind, which is I8-I64, U8-U64, U16BE or U32BE. */
#define AFPLUG_BITS(shift, width) (0x10000u | (uint32_t)(shift) << 8 | (uint32_t)(width))

/* Layouts of AFPLUG_KIND_DURATION. All are in host byte order. */
#define AFPLUG_UNIT_TIMEVAL 1u   /**< struct timeval of the C library */
#define AFPLUG_UNIT_TIMEVAL64 2u /**< two int64: seconds, microseconds */
#define AFPLUG_UNIT_S 3u         /**< int32 seconds */
#define AFPLUG_UNIT_MS 4u        /**< int32 milliseconds */
#define AFPLUG_UNIT_US 5u        /**< int32 microseconds */
#define AFPLUG_UNIT_NS 6u        /**< uint32 nanoseconds */
#define AFPLUG_UNIT_TIMESPEC 7u  /**< struct timespec of the C library */

/** The value of an address field. `kind` is AFPLUG_KIND_U64 for all unsigned integers, AFPLUG_KIND_I64 for all signed
 * ones, AFPLUG_KIND_TEXT, AFPLUG_KIND_BYTES, or 0 where the field is not given. */
struct afplug_value {
  uint32_t kind;
  uint32_t size; /**< TEXT and BYTES: number of bytes; else 0 */
  union {
    uint64_t u;
    int64_t i;
  } n;
  uint8_t bytes[AFPLUG_ADDRESS_MAX]; /**< TEXT (without NUL) and BYTES */
};

/** A field of an address (afplug_codec.fields), or a member of an option's struct (afplug_option.members). */
struct afplug_member {
  uint32_t size;
  uint32_t kind;      /**< AFPLUG_KIND_* */
  const char* name;   /**< "port", "onoff" */
  uint32_t offset;    /**< in bytes, from the start of the struct; not used for address fields */
  uint32_t bytes;     /**< size in the struct; of TEXT, BYTES and SOCKADDR the largest size */
  uint32_t unit;      /**< AFPLUG_UNIT_* of a duration, AFPLUG_BITS of a bit-field, else 0 */
  uint32_t flags;     /**< AFPLUG_MEMBER_* */
  const char* values; /**< its values are named by the constants with this prefix ("BT_SECURITY_"); or NULL */
  const char* help;   /**< one line of help, or NULL */
};
#define AFPLUG_MEMBER_OPTIONAL 1u /**< may be left out: an address has a default for it, in a struct it is zero */
#define AFPLUG_MEMBER_HEX 2u      /**< format it in hexadecimal */

/* ---- the tables of a family -------------------------------------------------------------------------------------- */

/** A type and protocol that a program may ask for, and the arguments of socket(2) that open it. The host takes the
 * first row that names both; else, for protocol 0, the first AFPLUG_ROW_DEFAULT row of the type; else the first row
 * that fits with AFPLUG_ANY. */
struct afplug_row {
  uint32_t size;
  uint32_t flags;          /**< AFPLUG_ROW_* */
  int32_t type;            /**< SOCK_*; AFPLUG_ANY: the row is for all types */
  int32_t protocol;        /**< as a program names it; AFPLUG_ANY: the row is for all protocols */
  int32_t native_domain;   /**< first argument of socket(2); AFPLUG_ANY: the family's number */
  int32_t native_type;     /**< second argument; AFPLUG_ANY: the type that was asked for */
  int32_t native_protocol; /**< third argument; AFPLUG_ANY: the protocol that was asked for */
  uint32_t reserved;
  const char* type_name;     /**< "SOCK_STREAM"; NULL only where type is AFPLUG_ANY */
  const char* protocol_name; /**< "IPPROTO_TCP"; NULL where the protocol has no name */
  const char* options;       /**< groups of the options that apply, separated by spaces: "ip tcp" */
  const char* module;        /**< kernel module that implements it ("can_raw"), or NULL */
  const char* config;        /**< kernel configuration symbol ("CONFIG_CAN_RAW"), or NULL */
  const char* capability;    /**< capability that is needed to open it ("CAP_NET_RAW"), or NULL */
  const char* help;          /**< one line of help, or NULL */
};
#define AFPLUG_ROW_DEFAULT 1u     /**< this row is meant by its type with protocol 0 */
#define AFPLUG_ROW_HIDDEN 2u      /**< not listed: it passes what no other row names to the kernel */
#define AFPLUG_ROW_STREAM 4u      /**< a byte stream without message boundaries */
#define AFPLUG_ROW_MESSAGE 8u     /**< messages, whose boundaries are kept */
#define AFPLUG_ROW_CONNECTION 16u /**< has listen, accept and connect */
#define AFPLUG_ROW_HALF_CLOSE 32u /**< shutdown(SHUT_WR) gives the peer an end of file */
#define AFPLUG_ROW_PAIR 64u       /**< has socketpair(2) */
#define AFPLUG_ROW_RIGHTS 128u    /**< passes file descriptors (SCM_RIGHTS) */
/** Since 1.1. connect(2) on a non-blocking socket returns EAGAIN while the listener's backlog is full, and poll(2) does
 * not report when it has space again (unix(7)). A call with a timeout or stop token then waits in a blocking
 * connect(2). The host reads this bit from plugins of minor 1 and later. */
#define AFPLUG_ROW_CONNECT_EAGAIN 256u
/** Since 1.1. Neither poll(2) nor SO_ERROR reports how a non-blocking connect(2) ended, as with SCTP's one-to-many
 * sockets. A call with a timeout or stop token waits in a blocking connect(2). The host reads this bit from plugins of
 * minor 1 and later. */
#define AFPLUG_ROW_CONNECT_UNREPORTED 512u

/** A socket option: setsockopt(level, number) with a value of this layout. */
struct afplug_option {
  uint32_t size;
  uint32_t flags;    /**< AFPLUG_OPTION_* */
  const char* name;  /**< "TCP_NODELAY" */
  const char* group; /**< it applies to the rows that name this group ("tcp"); NULL: to all rows */
  int32_t level;     /**< SOL_* or IPPROTO_* */
  int32_t number;
  uint32_t kind;         /**< AFPLUG_KIND_* */
  uint32_t unit;         /**< AFPLUG_UNIT_* of a duration, else 0 */
  uint32_t min_bytes;    /**< smallest size; 0: what the kind implies */
  uint32_t max_bytes;    /**< largest size, and the host's buffer for reading; 0: what the kind implies */
  uint32_t element_size; /**< ARRAY: size of an element, in bytes */
  uint32_t reserved;
  struct afplug_array members; /**< STRUCT and ARRAY: struct afplug_member */
  const char* values;          /**< its values are named by the constants with this prefix; or NULL */
  const char* help;            /**< one line of help, or NULL */

  /* get and set are for AFPLUG_KIND_CALL only, and required there as AFPLUG_OPTION_READ and AFPLUG_OPTION_WRITE state.
   * They exist for options that are not one getsockopt or setsockopt of plain bytes: an ioctl(2), a struct with
   * pointers. `handle` is the socket's descriptor, or for a family in user space its `state` cast to intptr_t. They may
   * block where the system call that they make does. Both may be called at the same time as any other slot of the
   * socket. Return 0; -EINVAL if the text is malformed; the system call's -errno. On failure they may write one
   * sentence to `why` that states what is wrong; without it the program gets the text of the errno. A family of the
   * kernel may return AFPLUG_PASS: the host then uses its own option of the same name. With it a family can add forms
   * to an option that the host has (SO_ATTACH_FILTER). */

  /** Reads the option and writes it to `out` as text. */
  int32_t (*get)(int64_t handle, const struct afplug_identity* who, struct afplug_text* out, struct afplug_text* why);
  /** Sets the option from text (text_size bytes, without NUL). */
  int32_t (*set)(int64_t handle, const struct afplug_identity* who, const char* text, size_t text_size,
                 struct afplug_text* why);
};
#define AFPLUG_OPTION_READ 1u     /**< can be read (getsockopt) */
#define AFPLUG_OPTION_WRITE 2u    /**< can be written (setsockopt) */
#define AFPLUG_OPTION_ARGUMENT 4u /**< reading takes an input, in the buffer that receives the value */

/** A named constant of the family, with the value that the platform's headers give it. */
struct afplug_constant {
  uint32_t size;
  uint32_t reserved;
  const char* name;  /**< "CAN_EFF_FLAG" */
  const char* group; /**< constants are listed by group: "CAN_" */
  int64_t value;
  const char* text; /**< the value of constants that are text (BDADDR_ANY, HV_GUID_ZERO); else NULL */
};

/* ---- addresses --------------------------------------------------------------------------------------------------- */

/** Converts native addresses to and from text and fields. The slots are pure functions that never block. They resolve
 * no host names; they may open a socket only to map the name of a network interface to its index (if_nametoindex(3)).
 *
 * Errors of parse and set: -EINVAL, malformed; -ENODEV, there is no such interface; -ENAMETOOLONG; -ERANGE, a number is
 * too large or too small. With each they write one sentence to `why` that names the part that is wrong. */
struct afplug_codec {
  uint32_t size;
  uint32_t reserved;
  struct afplug_array fields; /**< struct afplug_member, in the order of Python's address tuple */

  /** Required. Writes the address that `text` (text_size bytes, without NUL) denotes to `out`. */
  int32_t (*parse)(const struct afplug_identity* who, const char* text, size_t text_size, struct afplug_sockaddr* out,
                   struct afplug_text* why);

  /** Required. Writes the text of the address (length bytes) to `out`. parse must turn that text into the same bytes
   * again. -EINVAL: it is not an address of this family. */
  int32_t (*format)(const struct afplug_identity* who, const void* address, uint32_t length, struct afplug_text* out);

  /** Required. Stores field i of the address in values[i], for all i < capacity, and returns the number of fields,
   * which may be larger. -EINVAL: it is not an address of this family. */
  int32_t (*get)(const struct afplug_identity* who, const void* address, uint32_t length, struct afplug_value* values,
                 uint32_t capacity);

  /** Required. Writes the address that the `count` fields make to `out`; values[i] is for fields[i]. Fields that are
   * AFPLUG_MEMBER_OPTIONAL may have kind 0, or be missing at the end. */
  int32_t (*set)(const struct afplug_identity* who, const struct afplug_value* values, uint32_t count,
                 struct afplug_sockaddr* out, struct afplug_text* why);
};

/* ---- verdicts ---------------------------------------------------------------------------------------------------- */

/* The states of a verdict. */
#define AFPLUG_AVAILABLE 1
#define AFPLUG_UNAVAILABLE 2
#define AFPLUG_UNKNOWN 3

/** Whether a socket of one row can be opened on this system, and if not, why. `reason` is empty or one of
 * afplug::reason_codes(): kernel-lacks-family, kernel-lacks-protocol, module-not-loaded, permission, no-device,
 * resource-limit, probe-failed, sandbox, wrong-platform. The texts end with NUL. */
struct afplug_verdict {
  uint32_t size;
  int32_t state; /**< AFPLUG_AVAILABLE, AFPLUG_UNAVAILABLE or AFPLUG_UNKNOWN */
  int32_t error; /**< errno of the attempt to open it; 0: none, or no attempt */
  uint32_t reserved;
  char reason[32];
  char detail[256]; /**< one sentence: what was found */
  char remedy[256]; /**< one command or sentence: what to do about it; may be empty */
};
#define AFPLUG_CHECK_PASSIVE 1u /**< open no socket, because that may make the kernel load a module */

/* ---- families of the kernel: overrides --------------------------------------------------------------------------- */

#define AFPLUG_OPEN_NONBLOCK 1u /**< the new socket is non-blocking */

/** Calls that a family of the kernel wants to make itself. All slots are optional. Where one is NULL or returns
 * AFPLUG_PASS, the host makes the system call itself, with the arguments of the row. Data calls (send, recv) cannot be
 * overridden: the host makes them directly on the descriptor. */
struct afplug_kernel_ops {
  uint32_t size;
  uint32_t reserved;
  /** Opens a socket and stores its descriptor in *handle. It must be close-on-exec from its creation (SOCK_CLOEXEC), so
   * that a program started by another thread does not inherit it, and non-blocking if `flags` has AFPLUG_OPEN_NONBLOCK.
   * May block where socket(2) does (loading of a module). */
  int32_t (*open)(const struct afplug_identity* who, uint32_t flags, int64_t* handle);
  /** Accepts a connection: stores the new descriptor in *handle and the peer's address in *peer (length 0: none). The
   * new socket is close-on-exec and blocking. Must not block on a non-blocking `listener`: -EAGAIN. */
  int32_t (*accept)(int64_t listener, const struct afplug_identity* who, int64_t* handle, struct afplug_sockaddr* peer);
  /** getsockopt(2). *bytes is the capacity of `data` on entry, and the size of the value on return. */
  int32_t (*get_option)(int64_t handle, const struct afplug_identity* who, int32_t level, int32_t number, void* data,
                        uint32_t* bytes);
  /** setsockopt(2), with `bytes` bytes of data. */
  int32_t (*set_option)(int64_t handle, const struct afplug_identity* who, int32_t level, int32_t number,
                        const void* data, uint32_t bytes);
};

/* ---- families in user space -------------------------------------------------------------------------------------- */

/** Memory that data is sent from or received into, as struct iovec. */
struct afplug_buffer {
  void* data;
  uint64_t bytes;
};

/** The arguments of sendmsg and recvmsg, as struct msghdr. */
struct afplug_message {
  uint32_t size;
  int32_t flags;         /**< on entry MSG_* of the call; after recvmsg those that apply (MSG_TRUNC, MSG_EOR) */
  void* address;         /**< sendmsg: the destination, or NULL; recvmsg: buffer for the sender's, or NULL */
  uint32_t address_size; /**< its length; recvmsg: its capacity on entry, its length after (0: none) */
  uint32_t buffer_count;
  const struct afplug_buffer* buffers;
  /** Ancillary data in the platform's cmsghdr layout (cmsg(3)), or NULL. Descriptors in SCM_RIGHTS: the plugin
   * duplicates those that are sent, which remain the caller's. Those received belong to the caller from then on; they
   * must be close-on-exec. */
  void* control;
  uint32_t control_size; /**< as address_size; recvmsg sets MSG_CTRUNC where the capacity is too small */
  uint32_t reserved;
};

/** The socket calls of a family in user space. The host builds the rest on them: timeouts, sendall, accept loops,
 * files, asynchronous calls.
 *
 * No slot blocks. What cannot be done at once returns -EAGAIN, and the host then polls `pollable`, the descriptor that
 * open, accept, pair and dup return with the socket's `state`:
 *   - POLLIN when recvmsg or accept would not return -EAGAIN: there is data, an end of file, an error, or a connection;
 *   - POLLOUT when sendmsg would not return -EAGAIN, and when a connect that returned -EINPROGRESS has ended;
 *   - after each -EAGAIN, the next readiness must be a new edge, because event loops use EPOLLET.
 * The descriptor is close-on-exec. It belongs to the plugin, which keeps it open until close.
 *
 * Threads, for one socket: at most one thread is in recvmsg or accept, and at most one in sendmsg or connect. At the
 * same time any number may be in shutdown, readiness, get_option, set_option, getsockname and getpeername. Calls on
 * different sockets run at the same time without limits.
 *
 * Fork: unless the family is AFPLUG_FAMILY_FORK_SAFE, the host calls nothing but close in a child process. */
struct afplug_user_ops {
  uint32_t size;
  uint32_t reserved;
  /** Required. Creates a socket, and returns its state and its pollable descriptor. */
  int32_t (*open)(const struct afplug_identity* who, void** state, int64_t* pollable);
  /** Required. Closes the socket and releases all that belongs to it, `pollable` included. Called exactly once, when no
   * other call on this socket runs; it cannot fail. `flags`: AFPLUG_CLOSE_FORKED or 0. */
  void (*close)(void* state, uint32_t flags);
  /** Required. Sends what `message` describes, and stores the number of bytes sent, which for streams may be less than
   * given. -EPIPE: the peer has closed, or this side was shut down; no signal is raised. */
  int32_t (*sendmsg)(void* state, const struct afplug_message* message, uint64_t* sent);
  /** Required. Receives into the buffers of `message`, and stores the number of bytes. 0 bytes of a stream: end of
   * file. A message that is larger than the buffers sets MSG_TRUNC. */
  int32_t (*recvmsg)(void* state, struct afplug_message* message, uint64_t* received);
  /** Required. Returns those of the POLL* bits in `events` that hold now; POLLERR and POLLHUP also where not asked for.
   */
  int32_t (*readiness)(void* state, int32_t events);
  /** bind(2). -EADDRINUSE: the address is taken. */
  int32_t (*bind)(void* state, const void* address, uint32_t length);
  /** listen(2). Called again, it changes the backlog. */
  int32_t (*listen)(void* state, int32_t backlog);
  /** accept(2): returns the new socket's state and pollable descriptor, and the peer's address (length 0: none). */
  int32_t (*accept)(void* state, void** new_state, int64_t* new_pollable, struct afplug_sockaddr* peer);
  /** connect(2). Returns 0, -EINPROGRESS if it goes on (POLLOUT reports its end), or the error. */
  int32_t (*connect)(void* state, const void* address, uint32_t length);
  /** Required where connect is. The result of a connect that returned -EINPROGRESS: 0, -EALREADY while it goes on, or
   * the error, which is reported once, as SO_ERROR does. */
  int32_t (*connect_result)(void* state);
  /** shutdown(2), `how` being SHUT_RD, SHUT_WR or SHUT_RDWR. */
  int32_t (*shutdown)(void* state, int32_t how);
  /** getsockname(2). */
  int32_t (*getsockname)(void* state, struct afplug_sockaddr* out);
  /** getpeername(2). -ENOTCONN: there is no peer. */
  int32_t (*getpeername)(void* state, struct afplug_sockaddr* out);
  /** getsockopt(2). *bytes is the capacity of `data` on entry, and the size of the value on return. */
  int32_t (*get_option)(void* state, int32_t level, int32_t number, void* data, uint32_t* bytes);
  /** setsockopt(2), with `bytes` bytes of data. -ENOPROTOOPT: there is no such option. */
  int32_t (*set_option)(void* state, int32_t level, int32_t number, const void* data, uint32_t bytes);
  /** socketpair(2): two sockets that are connected to each other. */
  int32_t (*pair)(const struct afplug_identity* who, void* states[2], int64_t pollables[2]);
  /** dup(2): a second state for the same socket, closed by a close of its own. */
  int32_t (*dup)(void* state, void** new_state, int64_t* new_pollable);
};
/** Flag of close: the process is a forked child of the one that opened the socket. close then frees this process's
 * memory and descriptors, and must not affect the parent's socket: it sends nothing to the peer. */
#define AFPLUG_CLOSE_FORKED 1u

/* ---- the family and the plugin ----------------------------------------------------------------------------------- */

#define AFPLUG_BACKING_KERNEL 1u /**< sockets of the kernel: the host makes the system calls itself */
#define AFPLUG_BACKING_USER 2u   /**< sockets in user space: user_ops implements them */

/** One address family. */
struct afplug_family {
  uint32_t size;
  uint32_t backing;                           /**< AFPLUG_BACKING_* */
  uint32_t flags;                             /**< AFPLUG_FAMILY_* */
  int32_t number;                             /**< AF_* on this platform; 0: it has none, and the host assigns one */
  const char* id;                             /**< "can": identifies the family; the same on every platform */
  const char* name;                           /**< "AF_CAN" */
  const char* help;                           /**< one line of help, or NULL */
  const char* module;                         /**< kernel module that implements the family, or NULL */
  const char* config;                         /**< kernel configuration symbol, or NULL */
  struct afplug_array rows;                   /**< struct afplug_row; at least one */
  struct afplug_array options;                /**< struct afplug_option */
  struct afplug_array constants;              /**< struct afplug_constant */
  const struct afplug_codec* codec;           /**< required */
  const struct afplug_kernel_ops* kernel_ops; /**< AFPLUG_BACKING_KERNEL: optional; else NULL */
  const struct afplug_user_ops* user_ops;     /**< AFPLUG_BACKING_USER: required; else NULL */

  /** Refines a verdict. The host has opened a socket of this row, or with AFPLUG_CHECK_PASSIVE looked only at what the
   * system shows, and has stored its finding in *verdict. The slot leaves it, or overwrites it where the family knows
   * more: the socket opens but there is no adapter, no interface, no transport. May open and read files and sockets,
   * but no sockets with AFPLUG_CHECK_PASSIVE; should return within a second. On -errno the host's finding stands. */
  int32_t (*check)(const struct afplug_identity* who, uint32_t flags, struct afplug_verdict* verdict);

  /** Returns an interface that is not in this file, by its id ("afplug.packet.ring/1"), or NULL where the id is
   * unknown. What an id stands for never changes: a changed interface gets a new id. The header of the family documents
   * it. */
  const void* (*extension)(const char* id);
};
#define AFPLUG_FAMILY_RESOLVES 1u  /**< addresses may be given as "host:service", which getaddrinfo(3) resolves */
#define AFPLUG_FAMILY_FORK_SAFE 2u /**< AFPLUG_BACKING_USER: sockets can be used in a forked child, too */
#define AFPLUG_FAMILY_SECONDARY 4u /**< its number is another family's, whose sockaddr it shares: found by id only */
/** Since 1.1. A listener accepts IPv4 connections too where the option IPV6_V6ONLY is 0 (ipv6(7)). The host reads this
 * bit from plugins of minor 1 and later. */
#define AFPLUG_FAMILY_DUAL_STACK 8u

/** What the host provides to plugins. Valid until the process ends; the functions may be called from any thread. */
struct afplug_host {
  uint32_t size;
  uint16_t abi_major;
  uint16_t abi_minor;  /**< the lower of the host's and the one in the plugin's note */
  const char* version; /**< version of libafplug, "0.1.0" */
  /** Writes a line to the host's log. `level`: 0 debug, 1 info, 2 warning, 3 error; `plugin`: the plugin's provider or
   * file name. */
  void (*log)(int32_t level, const char* plugin, const char* text);
  /** Returns an interface of the host that is not in this file, by its id, or NULL where the id is unknown. */
  const void* (*extension)(const char* id);
};

/** What afplug_entry fills in. */
struct afplug_plugin {
  uint32_t size;      /**< set by the host before the call; the plugin lowers it to its own sizeof if that is smaller */
  uint16_t abi_major; /**< AFPLUG_ABI_MAJOR */
  uint16_t abi_minor; /**< the minor version that the plugin uses: at most the host's */
  const char* provider;         /**< who provides this implementation: "afplug"; the same as in the note */
  const char* version;          /**< of the plugin; the same as in the note */
  struct afplug_array families; /**< struct afplug_family, in the order of the note */
};

#if defined(_WIN32)
/** Exports afplug_entry. All other symbols of a plugin should be hidden (-fvisibility=hidden). */
#define AFPLUG_EXPORT __declspec(dllexport)
#else
/** Exports afplug_entry. All other symbols of a plugin should be hidden (-fvisibility=hidden). */
#define AFPLUG_EXPORT __attribute__((visibility("default")))
#endif

/** The type of afplug_entry, the only exported symbol of a plugin. The host zeroes *out and sets out->size; the plugin
 * fills it in and returns 0, or returns -errno, after which the host uses nothing of it. -EPROTONOSUPPORT: the plugin
 * cannot work with the host's version. May be called several times, by several hosts in one process; it then returns
 * the same tables. Must not block. */
typedef int32_t (*afplug_entry_fn)(const struct afplug_host* host, struct afplug_plugin* out);
/** Defined by the plugin. */
AFPLUG_EXPORT int32_t afplug_entry(const struct afplug_host* host, struct afplug_plugin* out);

/* ---- the note: metadata without running code --------------------------------------------------------------------- */

/* The name and the type of the ELF note, and the largest number of families in it. */
#define AFPLUG_NOTE_NAME "afplug"
#define AFPLUG_NOTE_TYPE 1u
#define AFPLUG_NOTE_FAMILIES_MAX 64u

/** A family in the note. */
struct afplug_note_family {
  char id[AFPLUG_ID_MAX + 1];
  int32_t number; /**< AF_* on the platform that the plugin was built for; 0: none */
  uint32_t flags; /**< AFPLUG_FAMILY_*, the same as in afplug_family */
};

/** The start of the note's descriptor. `family_count` structs afplug_note_family follow: the first at offset `size`,
 * the others `stride` bytes apart. Host byte order. The host refuses a plugin whose afplug_entry reports something else
 * than its note. */
struct afplug_note_header {
  uint32_t size; /**< sizeof this header */
  uint16_t abi_major;
  uint16_t abi_minor;
  uint32_t family_count;
  uint32_t stride;
  char provider[AFPLUG_ID_MAX + 1];
  char version[AFPLUG_VERSION_MAX + 1];
};

/* AFPLUG_NOTE(count, provider, version, {family, number, flags}…) defines the note; once in a plugin, at file scope.
 *
 *   AFPLUG_NOTE(1, "example", "1.0", {"netlink", AF_NETLINK, 0})
 *
 * On Windows the note is in the section ".afplug". AFPLUG_NOTE_AS is for a plugin that is compatible with an older
 * version than that of this file. */
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
/** The section that the note is in. */
#define AFPLUG_NOTE_PLACE __attribute__((section(".afplug"), used)) static
#else
/** The section that the note is in. */
#define AFPLUG_NOTE_PLACE __attribute__((section(".note.afplug"), used, aligned(4))) static
#endif

#ifdef __cplusplus
}
#endif

#endif
