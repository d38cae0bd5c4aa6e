# Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
"""Prints the names, values and audit events of an interpreter's socket module as JSON.

names_test.py runs this on both interpreters.
"""

import _socket
import json
import socket
import sys


def plain(value):
    """An argument of an audit event in a form that is the same in each run."""
    return type(value).__name__ if isinstance(value, socket.SocketType) else repr(value)


def calls():
    """Yields calls that raise audit events, whether they succeed or not."""
    local = ("127.0.0.1", 9)
    yield lambda: socket.gethostname()
    yield lambda: socket.gethostbyname("127.0.0.1")
    yield lambda: socket.gethostbyname_ex("127.0.0.1")
    yield lambda: socket.gethostbyaddr("127.0.0.1")
    yield lambda: socket.getaddrinfo("127.0.0.1", 9, socket.AF_INET, socket.SOCK_DGRAM, 0, socket.AI_NUMERICHOST)
    yield lambda: socket.getnameinfo(local, socket.NI_NUMERICHOST)
    yield lambda: socket.getservbyname("http")
    yield lambda: socket.getservbyname("http", "tcp")
    yield lambda: socket.getservbyport(80)
    yield lambda: socket.getservbyport(80, "tcp")
    yield lambda: socket.sethostname("not" * 100)
    yield lambda: socket.if_nameindex()
    yield lambda: socket.if_nametoindex("lo")
    yield lambda: socket.if_indextoname(1)
    yield lambda: socket.socketpair()
    yield lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 300)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(5)
        yield lambda: s.bind(("127.0.0.1", 0))
        yield lambda: s.bind("no tuple")
        yield lambda: s.connect(local)
        yield lambda: s.connect_ex(local)
        yield lambda: s.sendto(b"x", local)
        yield lambda: s.sendto(b"x", socket.MSG_DONTWAIT, local)
        yield lambda: s.sendmsg([b"x"])
        yield lambda: s.sendmsg([b"x"], [], 0, local)
        yield lambda: s.dup().close()


def audit_events():
    events, recording = [], False

    def hook(event, arguments):
        if recording and event.startswith("socket."):
            events.append([event, [plain(a) for a in arguments]])

    sys.addaudithook(hook)
    for call in calls():
        recording = True
        try:
            call()
        except OSError:
            pass
        except TypeError:
            pass
        recording = False
    return events


def values(module):
    return {
        name: getattr(module, name)
        for name in dir(module)
        if isinstance(getattr(module, name), (int, str)) and name not in ("__doc__", "__file__")
    }


# The enumerations that socket.py creates from names with a common prefix (IntEnum._convert_).
enumerations = {
    enumeration.__name__: {member.name: member.value for member in enumeration}
    for enumeration in (socket.AddressFamily, socket.SocketKind, socket.MsgFlag, socket.AddressInfo)
}

json.dump(
    {
        "enumerations": enumerations,
        "module": dir(_socket),
        "type": dir(_socket.socket),
        "values": values(_socket),
        "audit_events": audit_events(),
    },
    sys.stdout,
)
