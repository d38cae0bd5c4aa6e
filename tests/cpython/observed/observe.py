# Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
"""Runs the rows of tables on this interpreter: observe.py TABLE… prints a JSON object {label: outcome}.

A row is three lines: a label; indented, code whose last expression is the value; indented, the outcome: `-> VALUE`,
`!! EXCEPTION: MESSAGE`, or, if it depends on the machine, `= stock`. The functions below are available to the code.
"""

import ast
import ctypes
import fcntl  # noqa: F401 (imports without use in this file are for the rows of the tables)
import io  # noqa: F401
import json
import os
import socket
import struct
import sys
import tempfile
import warnings

from socket import AF_CAN, AF_INET, AF_INET6, CMSG_LEN, CMSG_SPACE, SOL_CAN_RAW, SOL_SOCKET  # noqa: F401
from socket import SOCK_DGRAM as DGRAM, SOCK_RAW as RAW, SOCK_SEQPACKET as SEQPACKET, SOCK_STREAM as STREAM

LOCAL = ("127.0.0.1", 0)
NUMERIC = socket.NI_NUMERICHOST | socket.NI_NUMERICSERV
ANY = socket.VMADDR_CID_ANY
NO_NAME, NO_PGN = socket.J1939_NO_NAME, socket.J1939_NO_PGN
# Python has names for these from 3.15 on.
SOL_CAN_ISOTP, CAN_ISOTP_OPTS, CAN_ISOTP_RECV_FC, CAN_ISOTP_LL_OPTS = 106, 1, 2, 5
TIMEOUT = 20

to_close = []


def keep(thing):
    """Registers an object to be closed after the row."""
    to_close.append(thing)
    return thing


def sock(*what):
    return keep(socket.socket(*what))


def tcp(kind=STREAM):
    return sock(AF_INET, kind)


def tcp6():
    return sock(AF_INET6)


def udp():
    return sock(AF_INET, DGRAM)


def udp6():
    return sock(AF_INET6, DGRAM)


def unix():
    return sock(socket.AF_UNIX)


def pair(kind=STREAM):
    return tuple(map(keep, socket.socketpair(socket.AF_UNIX, kind)))


def packet(kind=RAW):
    return sock(socket.AF_PACKET, kind)


def vsock(kind=STREAM):
    s = sock(socket.AF_VSOCK, kind)
    s.settimeout(TIMEOUT)
    return s


def netlink():
    return sock(socket.AF_NETLINK, RAW, socket.NETLINK_ROUTE)


def xdp():
    return sock(44, RAW)


def closed():
    s = tcp()
    s.close()
    return s


def null():
    return keep(open(os.devnull)).fileno()


def file(content):
    f = keep(tempfile.TemporaryFile())
    f.write(content)
    f.flush()
    return f


def listener():
    s = tcp()
    s.bind(LOCAL)
    s.listen()
    return s


def refusing():
    """An address that refuses connections."""
    s = tcp()
    s.bind(LOCAL)
    return s.getsockname()


def error_text(call):
    """The text of the OSError that the call raises."""
    try:
        keep(call())
    except OSError as e:
        return str(e)


def set_h_errno(value):
    location = ctypes.CDLL(None).__h_errno_location
    location.restype = ctypes.POINTER(ctypes.c_int)
    location()[0] = value


def mode(value):
    s = tcp()
    s.settimeout(value)
    return s.gettimeout(), s.getblocking()


def can():
    s = sock(AF_CAN, RAW, socket.CAN_RAW)
    s.settimeout(TIMEOUT)
    return s


def vcan():
    s = can()
    s.bind(("vcan0",))
    return s


def frame(number, data=b""):
    return struct.pack("=IB3x8s", number, len(data), data)


def bcm(connected=True):
    s = sock(AF_CAN, DGRAM, socket.CAN_BCM)
    s.settimeout(TIMEOUT)
    if connected:
        s.connect(("vcan0",))
    return s


def head(opcode, number, flags=0, first=0, then=0, frames=b""):
    """struct bcm_msg_head of linux/can/bcm.h, with intervals in microseconds, followed by frames."""
    return struct.pack("@3I4l2I", opcode, flags, 0, 0, first, 0, then, number, len(frames) // 16) + frames


def cyclic(s):
    flags = socket.CAN_BCM_SETTIMER | socket.CAN_BCM_STARTTIMER
    return s.send(head(socket.CAN_BCM_TX_SETUP, 0x555, flags, then=20000, frames=frame(0x555, b"1")))


def watched(s):
    flags = socket.CAN_BCM_SETTIMER | socket.CAN_BCM_STARTTIMER | socket.CAN_BCM_RX_FILTER_ID
    return s.send(head(socket.CAN_BCM_RX_SETUP, 0x456, flags, first=50000))


def j1939(number=None):
    s = sock(AF_CAN, DGRAM, socket.CAN_J1939)
    s.settimeout(TIMEOUT)
    if number is not None:
        s.bind(("vcan0", NO_NAME, NO_PGN, number))
    return s


def alg(where):
    s = sock(socket.AF_ALG, SEQPACKET)
    if where:
        s.bind(where)
    return s


def bt(kind, protocol):
    return sock(socket.AF_BLUETOOTH, kind, protocol)


def l2cap():
    return bt(SEQPACKET, socket.BTPROTO_L2CAP)


def rfcomm():
    return bt(STREAM, socket.BTPROTO_RFCOMM)


def isotp(*ids):
    s = sock(AF_CAN, DGRAM, socket.CAN_ISOTP)
    s.settimeout(TIMEOUT)
    if ids:
        s.bind(("vcan0", *ids))
    return s


def blocks(path):
    """Reads a table: [(label, code, expected outcome)]."""
    with open(path, encoding="utf-8") as f:
        lines = [line.rstrip("\n") for line in f if line.strip() and not line.startswith("#")]
    if len(lines) % 3 or any(line.startswith(" ") != bool(i % 3) for i, line in enumerate(lines)):
        raise ValueError(f"{path} does not consist of blocks of three lines")
    return [(lines[i], lines[i + 1].strip(), lines[i + 2].strip()) for i in range(0, len(lines), 3)]


def value(code):
    body = ast.parse(code).body
    space = dict(globals())
    exec(compile(ast.Module(body[:-1], []), "row", "exec"), space)
    return eval(compile(ast.Expression(body[-1].value), "row", "eval"), space)


def outcome(code):
    try:
        return f"-> {value(code)!r}"
    except Exception as e:
        return f"!! {type(e).__name__}: {e}"
    finally:
        for thing in to_close:
            thing.close()
        to_close.clear()


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    json.dump({label: outcome(code) for path in sys.argv[1:] for label, code, _ in blocks(path)}, sys.stdout)
