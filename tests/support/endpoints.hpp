// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// The typed addresses of all families, and short names of their namespaces.
#pragma once

#include <afplug/bluetooth.hpp>
#include <afplug/can.hpp>
#include <afplug/hyperv.hpp>
#include <afplug/inet.hpp>
#include <afplug/inet6.hpp>
#include <afplug/netlink.hpp>
#include <afplug/packet.hpp>
#include <afplug/unix.hpp>
#include <afplug/vsock.hpp>

namespace bluetooth = afplug::bluetooth;
namespace can = afplug::can;
namespace hyperv = afplug::hyperv;
namespace inet = afplug::inet;
namespace inet6 = afplug::inet6;
namespace netlink = afplug::netlink;
namespace packet = afplug::packet;
namespace unix_ = afplug::unix_;
namespace vsock = afplug::vsock;
