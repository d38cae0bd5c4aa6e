# Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
"""What one interpreter has, and what it tells audit hooks: JSON on standard output. names_test.py runs this on both."""

import _socket
import json
import socket
import sys


def plain(value):
    """An argument as it can be compared: without what differs from run to run."""
    return type(value).__name__ if isinstance(value, socket.SocketType) else repr(value)


def calls():
    """Each tells something, whether it comes to a result or not."""
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


def heard():
    events, on = [], False

    def hook(event, arguments):
        if on and event.startswith("socket."):
            events.append([event, [plain(a) for a in arguments]])

    sys.addaudithook(hook)
    for call in calls():
        on = True
        try:
            call()
        except OSError:
            pass
        except TypeError:
            pass
        on = False
    return events


def values(of):
    return {name: getattr(of, name) for name in dir(of) if isinstance(getattr(of, name), (int, str)) and name not in ("__doc__", "__file__")}


# What socket.py makes of names that begin alike: which name each number has.
enumerations = {of.__name__: {member.name: member.value for member in of}
                for of in (socket.AddressFamily, socket.SocketKind, socket.MsgFlag, socket.AddressInfo)}

json.dump({"enumerations": enumerations, "module": dir(_socket), "type": dir(_socket.socket), "values": values(_socket), "heard": heard()}, sys.stdout)
