// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// The family loop: sockets within one process, implemented in user space. Streams, datagrams and records between names,
// with the errors, descriptor passing and credentials of unix(7). An example of a family that the kernel does not have,
// and a transport for tests that must not depend on the kernel.
#include <afplug/plugin.hpp>
#include <array>
#include <cstdint>

#include "address.hpp"
#include "handle.hpp"
#include "options.hpp"

namespace loop {
namespace {

namespace ap = afplug::plugin;

constexpr ap::option_group all{SOL_LOOP, nullptr};
constexpr ap::option_group connections{SOL_LOOP, "connection"};

std::int32_t write_state(std::int64_t state, const afplug_identity&, afplug_text* out) {
  ap::write_text(out, reinterpret_cast<handle*>(static_cast<std::intptr_t>(state))->state_name());
  return 0;
}

constexpr std::array options{
    all(AFPLUG_NAMED(LOOP_INQ), ap::kind::i32, ap::read_only, "bytes to be received; for records, in the first"),
    connections(AFPLUG_NAMED(LOOP_OUTQ), ap::kind::i32, ap::read_only, "bytes sent that the peer has not received"),
    connections(AFPLUG_NAMED(LOOP_BACKLOG), ap::kind::i32, ap::read_write,
                "limit of pending connections; can be set on a listening socket"),
    connections(AFPLUG_NAMED(LOOP_PENDING), ap::kind::i32, ap::read_only, "pending connections"),
    ap::with_functions<&write_state, nullptr>(
        all(AFPLUG_NAMED(LOOP_STATE), ap::kind::call, ap::read_only,
            "state of the socket: unconnected, listening, connecting or connected")),
};

constexpr auto constants =
    ap::join(std::array{ap::constant_group{"SOL_"}(AFPLUG_NAMED(SOL_LOOP))}, ap::constants_of("LOOP_", options));

constexpr std::uint32_t all_flags = AFPLUG_ROW_DEFAULT | AFPLUG_ROW_PAIR | AFPLUG_ROW_RIGHTS;
constexpr std::uint32_t connection_flags = all_flags | AFPLUG_ROW_CONNECTION | AFPLUG_ROW_HALF_CLOSE;

constexpr std::array rows{
    ap::row(AFPLUG_NAMED(SOCK_STREAM), nullptr, 0, connection_flags | AFPLUG_ROW_STREAM, "connection", {},
            "byte streams within the process"),
    ap::row(AFPLUG_NAMED(SOCK_DGRAM), nullptr, 0, all_flags | AFPLUG_ROW_MESSAGE, "", {},
            "reliable datagrams within the process; senders block while the receive buffer is full"),
    ap::row(AFPLUG_NAMED(SOCK_SEQPACKET), nullptr, 0, connection_flags | AFPLUG_ROW_MESSAGE, "connection", {},
            "connections within the process that keep record boundaries"),
};

constexpr afplug_user_ops operations{
    .size = sizeof(afplug_user_ops),
    .reserved = 0,
    .open = ap::slot<handle::open>,
    .close = ap::slot<handle::close>,
    .sendmsg = ap::slot<&handle::sendmsg>,
    .recvmsg = ap::slot<&handle::recvmsg>,
    .readiness = ap::slot<&handle::readiness>,
    .bind = ap::slot<&handle::bind>,
    .listen = ap::slot<&handle::listen>,
    .accept = ap::slot<&handle::accept>,
    .connect = ap::slot<&handle::connect>,
    .connect_result = ap::slot<&handle::connect_result>,
    .shutdown = ap::slot<&handle::shutdown>,
    .getsockname = ap::slot<&handle::getsockname>,
    .getpeername = ap::slot<&handle::getpeername>,
    .get_option = ap::slot<&handle::get_option>,
    .set_option = ap::slot<&handle::set_option>,
    .pair = ap::slot<handle::pair>,
    .dup = ap::slot<&handle::dup>,
};

constexpr std::array families{ap::user_family({.id = "loop",
                                               .name = "AF_LOOP",
                                               .help = "sockets within one process, in user space",
                                               .rows = ap::array(rows),
                                               .options = ap::array(options),
                                               .constants = ap::array(constants),
                                               .codec = &codec},
                                              operations)};

}  // namespace
}  // namespace loop

AFPLUG_PLUGIN("afplug", "0.1.0", loop::families)
