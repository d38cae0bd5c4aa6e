// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Linux numbers of the socket layer that older C libraries and kernel headers do not have. Those of a header win.
#pragma once

#include <ctime>

#include <linux/can.h>
#include <linux/errqueue.h>
#include <linux/net_tstamp.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <afplug/socket_levels.hpp>

// Since 5.x: the same on every architecture that takes asm-generic/socket.h; alpha and mips share them too, sparc and
// parisc number otherwise and keep to what their headers have.
#if SO_COOKIE == 57
#ifndef SO_RCVMARK
#define SO_RCVMARK 75
#endif
#ifndef SO_PASSPIDFD
#define SO_PASSPIDFD 76
#endif
#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77
#endif
#ifndef SCM_DEVMEM_LINEAR
#define SO_DEVMEM_LINEAR 78
#define SCM_DEVMEM_LINEAR SO_DEVMEM_LINEAR
#endif
#ifndef SCM_DEVMEM_DMABUF
#define SO_DEVMEM_DMABUF 79
#define SCM_DEVMEM_DMABUF SO_DEVMEM_DMABUF
#endif
#ifndef SO_DEVMEM_DONTNEED
#define SO_DEVMEM_DONTNEED 80
#endif
#ifndef SCM_TS_OPT_ID
#define SCM_TS_OPT_ID 81
#endif
#ifndef SO_RCVPRIORITY
#define SO_RCVPRIORITY 82
#endif
#ifndef SO_PASSRIGHTS
#define SO_PASSRIGHTS 83
#endif
#ifndef SO_INQ
#define SO_INQ 84
#define SCM_INQ SO_INQ
#endif
#endif

#ifndef SCM_SECURITY
#define SCM_SECURITY 0x03
#endif
#ifndef SCM_PIDFD
#define SCM_PIDFD 0x04
#endif

#ifndef MSG_PROBE
#define MSG_PROBE 0x10
#endif
#ifndef MSG_SOCK_DEVMEM
#define MSG_SOCK_DEVMEM 0x2000000
#endif
#ifndef MSG_SPLICE_PAGES
#define MSG_SPLICE_PAGES 0x8000000
#endif

#ifndef IPX_TYPE
#define IPX_TYPE 1
#endif

#ifndef AF_MCTP
#define AF_MCTP 45
#define PF_MCTP AF_MCTP
#endif

// Enumerators of linux/net_tstamp.h: since 6.2, 6.13, 6.16.
#define SOF_TIMESTAMPING_OPT_ID_TCP (1 << 16)
#define SOF_TIMESTAMPING_OPT_RX_FILTER (1 << 17)
#define SOF_TIMESTAMPING_TX_COMPLETION (1 << 18)
