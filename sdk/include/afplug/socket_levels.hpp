// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Levels of setsockopt(2) that the kernel defines in include/linux/socket.h and that no exported header has; and
// SO_ORIGINAL_DST, whose header <linux/netfilter_ipv4.h> conflicts with <netinet/in.h> unless that is included first.
// Where a system header defines one of these names too, the values are the same. Empty on other systems than Linux.
#pragma once

#if defined(__linux__)
#include <sys/socket.h>

#include <linux/can.h>

#ifndef SOL_TCP
#define SOL_TCP 6  ///< TCP options, tcp(7)
#endif
#ifndef SOL_UDP
#define SOL_UDP 17  ///< UDP options, udp(7)
#endif
#ifndef SOL_SCTP
#define SOL_SCTP 132  ///< SCTP options, RFC 6458
#endif
#ifndef SOL_UDPLITE
#define SOL_UDPLITE 136  ///< UDP-Lite options, udplite(7)
#endif
#ifndef SOL_IPX
#define SOL_IPX 256  ///< Novell IPX options
#endif
#ifndef SOL_AX25
#define SOL_AX25 257  ///< AX.25 options
#endif
#ifndef SOL_ATALK
#define SOL_ATALK 258  ///< AppleTalk DDP options
#endif
#ifndef SOL_NETROM
#define SOL_NETROM 259  ///< NET/ROM options
#endif
#ifndef SOL_ROSE
#define SOL_ROSE 260  ///< ROSE options
#endif
#ifndef SOL_MPTCP
#define SOL_MPTCP 284  ///< Multipath TCP options, Documentation/networking/mptcp.rst
#endif
#ifndef SOL_MCTP
#define SOL_MCTP 285  ///< MCTP options, Documentation/networking/mctp.rst
#endif
#ifndef SOL_SMC
#define SOL_SMC 286  ///< SMC options, net/smc
#endif
#ifndef SOL_VSOCK
#define SOL_VSOCK 287  ///< vsock's error queue, net/vmw_vsock/af_vsock.c; vsock's options have the level AF_VSOCK
#endif
#ifndef SOL_CAN_RAW
#define SOL_CAN_RAW (SOL_CAN_BASE + CAN_RAW)  ///< CAN_RAW options
#endif
#ifndef SOL_CAN_BCM
#define SOL_CAN_BCM (SOL_CAN_BASE + CAN_BCM)  ///< CAN_BCM options
#endif
#ifndef SOL_CAN_ISOTP
#define SOL_CAN_ISOTP (SOL_CAN_BASE + CAN_ISOTP)  ///< CAN_ISOTP options
#endif
#ifndef SOL_CAN_J1939
#define SOL_CAN_J1939 (SOL_CAN_BASE + CAN_J1939)  ///< CAN_J1939 options
#endif
#ifndef SOL_HCI
#define SOL_HCI 0  ///< Bluetooth HCI options, include/net/bluetooth/hci_sock.h
#endif
#ifndef SOL_L2CAP
#define SOL_L2CAP 6  ///< Bluetooth L2CAP options, include/net/bluetooth/bluetooth.h
#endif
#ifndef SOL_SCO
#define SOL_SCO 17  ///< Bluetooth SCO options, include/net/bluetooth/bluetooth.h
#endif
#ifndef SOL_RFCOMM
#define SOL_RFCOMM 18  ///< Bluetooth RFCOMM options, include/net/bluetooth/bluetooth.h
#endif
#ifndef SO_ORIGINAL_DST
#define SO_ORIGINAL_DST 80  ///< level SOL_IP: destination before network address translation
#endif
#endif
