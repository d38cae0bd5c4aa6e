# Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
"""What an interpreter's socket module does when memory runs out: memory_scenarios.py limit|FAULTS prints JSON.

limit    {scenario: outcome} under RLIMIT_AS, with the scenarios of LIMITED
FAULTS   {scenario: [outcome, …]} of SCENARIOS while the n-th allocation fails, for each n, in a forked process. FAULTS
         is the library of tests/faults, which must also be in LD_PRELOAD; PYTHONMALLOC=malloc includes Python's own
         allocations.

An outcome is "none", the name of the exception with an OSError's number, "signal N", or "leak" for descriptors that
were not closed.
"""

import _socket
import ctypes
import gc
import json
import os
import resource
import socket
import sys
import warnings

FAULTS_ALLOCATION = 1
LARGE = 2**31 - 1
STDIN = (0).to_bytes(4, sys.byteorder)
SCENARIOS, WARM, LIMITED = {}, set(), {}


def scenario(f):
    SCENARIOS[f.__name__] = f
    return f


def warm(f):
    """A scenario that has run once before in the process."""
    WARM.add(f)
    return scenario(f)


def limited(f):
    LIMITED[f.__name__] = f
    return f


def closing(*descriptors):
    for fd in descriptors:
        os.close(fd)


def adopted(fd):
    try:
        return _socket.socket(fileno=fd)
    except BaseException:
        _socket.close(fd)
        raise


@scenario
def first_socket():
    _socket.socket().close()


@warm
def open_and_close():
    _socket.socket().close()


@warm
def pair():
    a, b = _socket.socketpair()
    a.close(), b.close()


@warm
def properties(a, b):
    repr(a), a.gettimeout(), a.getblocking(), a.fileno(), a.timeout, a.type, a.proto


@warm
def timeouts(a, b):
    a.setblocking(True)
    a.settimeout(0.001)
    a.recv(1)


@warm
def transfer(a, b):
    a.send(b"x"), b.recv(10)
    a.sendall(b"x"), b.recv_into(bytearray(10))
    a.send(b"x"), b.recvfrom(10)
    a.send(b"x"), b.recvfrom_into(bytearray(10))


@warm
def messages(a, b):
    a.sendmsg([b"x", b"y"]), b.recvmsg(10, 100)
    a.sendmsg([b"x"]), b.recvmsg_into([bytearray(1), bytearray(10)], 100)


@warm
def descriptors(a, b):
    a.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, STDIN)])
    for *_, data in b.recvmsg(10, 100)[1]:
        os.close(int.from_bytes(data, sys.byteorder))


@warm
def accept(a, b):
    with socket.socket() as server, socket.socket() as client:
        server.bind(("127.0.0.1", 0)), server.listen(), client.connect(server.getsockname())
        closing(server._accept()[0])


@warm
def datagrams():
    s = _socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    s.bind(("::1", 0))
    s.sendto(b"x", s.getsockname())
    s.recvfrom(10)
    s.connect(s.getsockname())
    s.getpeername(), s.close()


@warm
def options(a, b):
    a.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    a.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, bytes(8))
    a.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
    a.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, 8)


@warm
def errors(a, b):
    for call in (lambda: a.bind(5), lambda: a.listen(-1), lambda: a.shutdown(99), lambda: _socket.socket(77)):
        try:
            call()
        except (OSError, TypeError):
            pass


@warm
def duplicates(a, b):
    s = adopted(_socket.dup(a.fileno()))
    s.close()


@warm
def addresses():
    s = _socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)
    s.bind((0, 0)), s.getsockname(), s.close()
    s = _socket.socket(socket.AF_UNIX)
    s.bind(b"\0memory_scenarios"), s.getsockname(), s.close()


@warm
def lookups():
    _socket.getaddrinfo("127.0.0.1", 80, type=socket.SOCK_STREAM)
    _socket.getnameinfo(("127.0.0.1", 80), socket.NI_NUMERICHOST | socket.NI_NUMERICSERV)
    _socket.gethostbyname("127.0.0.1"), _socket.gethostname()
    _socket.getservbyname("http"), _socket.getservbyport(80), _socket.getprotobyname("tcp")
    _socket.if_nameindex(), _socket.if_nametoindex("lo"), _socket.if_indextoname(1)


@warm
def conversions():
    socket.inet_aton("127.0.0.1"), socket.inet_ntoa(b"1234"), socket.htons(1), socket.ntohl(1)
    socket.inet_pton(socket.AF_INET6, "::1"), socket.inet_ntop(socket.AF_INET, b"1234"), socket.CMSG_SPACE(4)


def user_space():
    """Scenarios that only afplug's module has."""

    @scenario
    def first_pair_in_user_space():
        a, b = _socket.socketpair("loop")
        a.close(), b.close()

    @warm
    def pair_in_user_space():
        a, b = _socket.socketpair("loop", socket.SOCK_SEQPACKET)
        a.send(b"x"), b.recv(10)
        a.sendmsg([b"x"]), b.recvmsg(10, 100)
        a.close(), b.close()

    @warm
    def server_in_user_space():
        server, client = _socket.socket("loop"), _socket.socket("loop")
        server.bind(("memory_scenarios",)), server.listen()
        client.connect(server.getsockname())
        _socket.close(server._accept()[0])
        server.close(), client.close()

    @warm
    def duplicates_in_user_space():
        a, b = _socket.socketpair("loop")
        _socket.close(_socket.dup(a.fileno()))
        s = adopted(a.detach())
        s.close(), b.close()


def name_of(e):
    return f"{type(e).__name__} {e.errno}" if isinstance(e, OSError) else type(e).__name__


def descriptors_open():
    return len(os.listdir("/proc/self/fd"))


def run(faults, f, n):
    """Runs the scenario while allocation n fails, in this process. Returns its outcome, or None after the last n."""
    sockets = _socket.socketpair() if f.__code__.co_argcount else ()
    if f in WARM:
        try:
            f(*sockets)
        except TimeoutError:
            pass
    before, outcome = descriptors_open(), "none"
    try:
        faults.faults_arm(FAULTS_ALLOCATION, n)
        f(*sockets)
    except BaseException as e:
        passed = faults.faults_disarm()
        outcome = name_of(e)
    else:
        passed = faults.faults_disarm()
    if passed <= n:
        return None
    gc.collect()
    return "leak" if descriptors_open() != before else outcome


def forked(faults, f, n):
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(read)
            os.write(write, json.dumps(run(faults, f, n)).encode())
        finally:
            os._exit(0)
    os.close(write)
    with open(read, encoding="utf-8") as f:
        reply = f.read()
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if status < 0:
        return f"signal {-status}"
    return json.loads(reply)  # fails if the child did


def outcomes_of(faults, f):
    outcomes = []
    while (outcome := forked(faults, f, len(outcomes))) is not None:
        outcomes.append(outcome)
    return outcomes


@limited
def recv(a, b):
    b.recv(LARGE)


@limited
def recvfrom(a, b):
    b.recvfrom(LARGE)


@limited
def recvmsg(a, b):
    b.recvmsg(LARGE)


@limited
def recvmsg_ancillary(a, b):
    b.recvmsg(10, LARGE)


@limited
def recvmsg_into_ancillary(a, b):
    b.recvmsg_into([bytearray(1)], LARGE)


def outcome_under_limit(f):
    with socket.socketpair()[0] as a, socket.socket() as b:
        a.setblocking(False), b.setblocking(False)
        try:
            f(a, b)
        except Exception as e:
            return name_of(e)
    return "none"


def main():
    warnings.simplefilter("ignore")
    if sys.argv[1] == "limit":
        with open("/proc/self/statm", encoding="ascii") as f:
            used = int(f.read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + 64 * 2**20,) * 2)
        return {name: outcome_under_limit(f) for name, f in LIMITED.items()}
    faults = ctypes.CDLL(sys.argv[1])
    faults.faults_disarm.restype = ctypes.c_long
    faults.faults_arm.argtypes = [ctypes.c_int, ctypes.c_long]
    if hasattr(socket, "AF_LOOP"):
        user_space()
    gc.disable()
    return {name: outcomes_of(faults, f) for name, f in SCENARIOS.items()}


json.dump(main(), sys.stdout)
