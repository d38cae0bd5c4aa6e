# Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
"""Smoke tests of afplug's _socket module: what programs commonly do with sockets."""

import _socket
import array
import asyncio
import ctypes
import errno
import os
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import unittest
import warnings

try:
    import _interpreters as interpreters  # Python 3.13 and newer
except ImportError:
    import _xxsubinterpreters as interpreters


def echo(server):
    with server.accept()[0] as peer:
        while data := peer.recv(4096):
            peer.sendall(data)


class Echo(unittest.TestCase):
    def check_echo(self, server, client):
        worker = threading.Thread(target=echo, args=(server,))
        worker.start()
        try:
            with client:
                client.sendall(b"x" * 100000)
                client.shutdown(socket.SHUT_WR)
                with client.makefile("rb") as f:
                    self.assertEqual(len(f.read()), 100000)
        finally:
            worker.join()
            server.close()

    def test_tcp(self):
        server = socket.create_server(("127.0.0.1", 0))
        self.check_echo(server, socket.create_connection(server.getsockname(), timeout=20))

    def test_unix(self):
        with tempfile.TemporaryDirectory() as folder:
            server = socket.socket(socket.AF_UNIX)
            server.bind(os.path.join(folder, "s"))
            server.listen()
            client = socket.socket(socket.AF_UNIX)
            client.connect(server.getsockname())
            self.check_echo(server, client)

    def test_udp(self):
        with socket.socket(type=socket.SOCK_DGRAM) as a, socket.socket(type=socket.SOCK_DGRAM) as b:
            a.bind(("127.0.0.1", 0))
            b.sendto(b"hello", a.getsockname())
            data, peer = a.recvfrom(100)
            self.assertEqual((data, peer[1]), (b"hello", b.getsockname()[1]))

    def test_asyncio(self):
        async def answer(reader, writer):
            writer.write(await reader.readline())
            await writer.drain()
            writer.close()

        async def run():
            server = await asyncio.start_server(answer, "127.0.0.1", 0)
            async with server:
                reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
                writer.write(b"line\n")
                self.assertEqual(await reader.read(), b"line\n")
                writer.close()

        asyncio.run(run())


class Families(unittest.TestCase):
    def test_constants_of_families_that_cpython_was_built_without(self):
        self.assertTrue(_socket.afplug)
        for name in ("AF_BLUETOOTH", "BTPROTO_L2CAP", "AF_LOOP"):
            self.assertTrue(hasattr(socket, name), name)

    def test_family_in_user_space(self):
        with socket.socket(socket.AF_LOOP, socket.SOCK_STREAM) as server, socket.socket(
            socket.AF_LOOP, socket.SOCK_STREAM
        ) as client:
            server.bind(f"smoke-{os.getpid()}")
            self.assertEqual(server.getsockname(), (f"smoke-{os.getpid()}",))
            server.listen()
            client.connect((f"smoke-{os.getpid()}",))
            peer, _ = server.accept()
            with peer:
                client.sendall(b"through a plugin")
                self.assertEqual(peer.recv(100), b"through a plugin")
                peer.settimeout(0.01)
                self.assertRaises(TimeoutError, peer.recv, 1)
            self.assertEqual(client.recv(1), b"")

    def test_dup_of_a_socket_in_user_space(self):
        a, b = socket.socketpair(socket.AF_LOOP, socket.SOCK_STREAM)
        with a, b, a.dup() as again:
            a.close()
            again.sendall(b"x")
            self.assertEqual(b.recv(10), b"x")

    def test_family_by_id(self):
        a, b = socket.socketpair("loop", socket.SOCK_SEQPACKET)
        with a, b, socket.socket("inet6", socket.SOCK_DGRAM) as other:
            self.assertEqual((a.family, a.type, other.family), (socket.AF_LOOP, socket.SOCK_SEQPACKET, socket.AF_INET6))
            a.send(b"x")
            self.assertEqual(b.recv(10), b"x")
        with self.assertRaisesRegex(OSError, "nosuch: no plugin provides this family") as caught:
            socket.socket("nosuch")
        self.assertEqual(caught.exception.errno, errno.EAFNOSUPPORT)
        self.assertRaises(TypeError, socket.socket, b"inet")

    def test_plugins_are_loaded_by_use(self):
        code = (
            "import sys, _socket\n"
            "def mapped():\n"
            "    with open('/proc/self/maps') as f:\n"
            "        lines = [line.split()[-1] for line in f]\n"
            "    return sorted({p.rpartition('/')[2] for p in lines if '/afplug/' in p and p.endswith('.so')})\n"
            "import socket\n"
            "assert mapped() == [], mapped()\n"
            "assert socket.has_ipv6 and socket.CAN_RAW and socket.AF_LOOP and hasattr(socket, 'BDADDR_ANY')\n"
            "assert not hasattr(_socket, 'NO_SUCH_NAME') and mapped() == [], mapped()\n"
            "socket.inet_pton(socket.AF_INET6, '::1'), socket.gethostbyname('127.0.0.1')\n"
            "assert mapped() == [], mapped()\n"
            "s = socket.socket(socket.AF_INET)\n"
            "s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1), s.bind(('127.0.0.1', 0))\n"
            "assert mapped() == ['inet.so'], mapped()\n"
            "socket.socketpair(socket.AF_LOOP)\n"
            "assert mapped() == ['inet.so', 'loop.so'], mapped()\n"
        )
        out = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True)
        self.assertEqual((out.returncode, out.stderr), (0, ""))

    def test_descriptor_of_a_detached_socket_in_user_space(self):
        def is_closed(s):
            s.settimeout(10)
            return s.recv(1) == b""

        with self.subTest("belongs to the program"):
            a, b = socket.socketpair(socket.AF_LOOP)
            with b:
                number = a.fileno()
                self.assertEqual(a.detach(), number)
                with tempfile.TemporaryFile() as file:
                    os.dup2(file.fileno(), number)  # closes it, and gives its number to a file
                    self.assertRaises(OSError, socket.socket, fileno=number)
                    c, d = socket.socketpair(socket.AF_LOOP)
                    c.detach(), d.close()
                    self.assertTrue(is_closed(b))
                    self.assertTrue(os.path.sameopenfile(number, file.fileno()))
                    os.close(number)
        with self.subTest("passes the socket on"):
            a, b = socket.socketpair(socket.AF_LOOP)
            with b, socket.socket(fileno=a.detach()) as again:
                again.sendall(b"x")
                self.assertEqual((b.recv(10), again.family), (b"x", socket.AF_LOOP))
        with self.subTest("socket.close"):
            a, b = socket.socketpair(socket.AF_LOOP)
            with b:
                number = a.detach()
                socket.close(number)
                self.assertRaises(OSError, os.fstat, number)
                self.assertTrue(is_closed(b))

    def test_fork_while_other_threads_close_descriptors(self):
        unused = 1 << 20

        def close_unused():
            try:
                socket.close(unused)
            except OSError:
                pass

        done = threading.Event()

        def close_until_done():
            while not done.is_set():
                close_unused()

        workers = [threading.Thread(target=close_until_done) for _ in range(4)]
        for worker in workers:
            worker.start()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12: fork with threads
                for _ in range(500):
                    child = os.fork()
                    if child == 0:
                        signal.alarm(10)
                        close_unused()
                        os._exit(0)
                    self.assertEqual(os.waitpid(child, 0)[1], 0, "a child did not return from close()")
        finally:
            done.set()
            for worker in workers:
                worker.join()

    def test_family_without_a_plugin(self):
        with self.assertRaises(OSError) as caught:
            socket.socket(77, socket.SOCK_STREAM)
        self.assertEqual(caught.exception.errno, 97)


class Details(unittest.TestCase):
    def test_timeouts(self):
        a, b = socket.socketpair()
        with a, b:
            a.settimeout(0.01)
            with self.assertRaisesRegex(TimeoutError, "^timed out$") as caught:
                a.recv(1)
            self.assertIsNone(caught.exception.errno)
            a.setblocking(False)
            self.assertRaises(BlockingIOError, a.recv, 1)

    def test_descriptor_passing(self):
        a, b = socket.socketpair()
        with a, b, tempfile.TemporaryFile() as file:
            file.write(b"passed")
            file.flush()
            rights = array.array("i", [file.fileno()])
            a.sendmsg([b"f"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)])
            data, ancillary, flags, _ = b.recvmsg(1, socket.CMSG_SPACE(4))
            self.assertEqual((data, flags, len(ancillary)), (b"f", 0, 1))
            got = array.array("i", ancillary[0][2])
            self.assertEqual(os.pread(got[0], 10, 0), b"passed")
            os.close(got[0])

    def test_argument_errors(self):
        with socket.socket() as s:
            for where, exception, message in [
                (("", 65536), OverflowError, r"bind\(\): port must be 0-65535\."),
                ("x", TypeError, r"bind\(\): AF_INET address must be tuple, not str"),
                (("", 1, 2), TypeError, r"AF_INET address must be a pair \(host, port\)"),
                (("\0", 1), TypeError, "host name must not contain null character"),
            ]:
                with self.assertRaisesRegex(exception, message):
                    s.bind(where)

    def test_address_numbers_out_of_range(self):
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW) as s:
            self.assertRaises(OverflowError, s.bind, (-1, 0))
            self.assertRaises(OverflowError, s.bind, (0, 2**32))
            self.assertRaises(OverflowError, s.bind, (0, 2**70))
            self.assertRaisesRegex(TypeError, r"AF_NETLINK address must be a pair \(pid, groups\)", s.bind, (1, 2, 3))

    def test_layout_of_capsule_and_socket_object(self):
        # PySocketModule_APIObject and the first members of PySocketSockObject, see Modules/socketmodule.h of CPython.
        class Api(ctypes.Structure):
            _fields_ = [("type", ctypes.py_object), ("error", ctypes.py_object), ("timeout_error", ctypes.py_object)]

        class Head(ctypes.Structure):
            _fields_ = [
                ("count", ctypes.c_ssize_t),
                ("kind", ctypes.c_void_p),
                ("fd", ctypes.c_int),
                ("family", ctypes.c_int),
                ("type", ctypes.c_int),
                ("proto", ctypes.c_int),
                ("handler", ctypes.PYFUNCTYPE(ctypes.py_object)),
                ("timeout", ctypes.c_int64),
            ]

        pointer = ctypes.pythonapi.PyCapsule_GetPointer
        pointer.restype, pointer.argtypes = ctypes.c_void_p, (ctypes.py_object, ctypes.c_char_p)
        api = Api.from_address(pointer(_socket.CAPI, b"_socket.CAPI"))
        self.assertEqual((api.type, api.error, api.timeout_error), (_socket.socket, OSError, TimeoutError))
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM, socket.IPPROTO_UDP) as s:
            head = Head.from_address(id(s))
            self.assertEqual((head.fd, head.family, head.type, head.proto), (s.fileno(), 10, 2, 17))
            self.assertLess(head.timeout, 0)
            s.settimeout(1.5)
            self.assertEqual(head.timeout, 1_500_000_000)
            s.settimeout(0)
            self.assertEqual(head.timeout, 0)
            ctypes.set_errno(0)
            self.assertRaises(OSError, head.handler)
        self.assertEqual(head.fd, -1)

    def test_ssl_handshake_without_certificate(self):
        # The handshake fails with an alert, which the two sides exchange by _ssl's own use of the descriptor.
        a, b = socket.socketpair()
        with a, b:
            client = ssl.create_default_context()
            client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
            server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)

            def serve():
                try:
                    server.wrap_socket(b, server_side=True)
                except ssl.SSLError as e:
                    seen.append(e.reason)

            seen = []
            worker = threading.Thread(target=serve)
            worker.start()
            self.assertRaises(ssl.SSLError, client.wrap_socket, a)
            worker.join()
            self.assertEqual(seen, ["NO_SHARED_CIPHER"])
            with socket.socket() as idle:
                idle.settimeout(0.01)
                idle.bind(("127.0.0.1", 0))
                idle.listen()
                with socket.create_connection(idle.getsockname(), timeout=0.05) as waiting:
                    self.assertRaises(TimeoutError, client.wrap_socket, waiting)

    def test_ssl(self):
        with tempfile.TemporaryDirectory() as folder:
            certificate, key = os.path.join(folder, "c.pem"), os.path.join(folder, "k.pem")
            try:
                subprocess.run(
                    [
                        "openssl",
                        "req",
                        "-x509",
                        "-newkey",
                        "rsa:2048",
                        "-nodes",
                        "-subj",
                        "/CN=localhost",
                        "-days",
                        "2",
                        "-keyout",
                        key,
                        "-out",
                        certificate,
                    ],
                    check=True,
                    capture_output=True,
                )
            except FileNotFoundError:
                self.skipTest("the openssl command, which creates the certificate, is not installed")
            server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            server.load_cert_chain(certificate, key)
            client = ssl.create_default_context(cafile=certificate)
            a, b = socket.socketpair()

            def serve():
                with server.wrap_socket(b, server_side=True) as secure:
                    secure.sendall(secure.recv(100).upper())

            worker = threading.Thread(target=serve)
            worker.start()
            with client.wrap_socket(a, server_hostname="localhost") as secure:
                secure.settimeout(20)
                secure.sendall(b"quiet")
                self.assertEqual(secure.recv(100), b"QUIET")
            worker.join()

    def test_sethostname_rejects_nul(self):
        # The name is also too long, so that the host name does not change even if the test fails.
        self.assertRaisesRegex(ValueError, "^embedded null byte$", socket.sethostname, "a\0b" * 100)
        self.assertRaisesRegex(TypeError, "^expected str, bytes or os.PathLike object, not int$", socket.sethostname, 1)

    def opened(self, *what):
        """Opens a socket that is closed after the test; skips the test if that is not possible on this machine."""
        try:
            return self.enterContext(socket.socket(*what))
        except OSError as e:
            self.skipTest(f"socket{what}: {e}")

    def test_nul_in_address_names_is_rejected(self):
        with self.subTest("AF_ALG"):
            s = self.opened(socket.AF_ALG, socket.SOCK_SEQPACKET)
            for name in ("hash", "sha1\0x"), ("hash\0", "sha1"):
                self.assertRaisesRegex(ValueError, "^embedded null character$", s.bind, name)
        with self.subTest("AF_PACKET"):
            s = self.opened(socket.AF_PACKET, socket.SOCK_RAW)
            self.assertRaisesRegex(ValueError, "^embedded null character$", s.bind, ("lo\0x", 0))

    def test_list_changes_while_sendmsg_reads_it(self):
        class Clearing:
            def __index__(self):
                items.clear()
                return socket.SCM_RIGHTS

        a, b = socket.socketpair()
        with a, b:
            items = [(socket.SOL_SOCKET, Clearing(), b"none"), (socket.SOL_SOCKET, socket.SCM_RIGHTS, b"none")]
            self.assertRaises(OSError, a.sendmsg, [b"x"], items)
            self.assertEqual(items, [])

    def test_none_in_an_address_is_rejected(self):
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW) as s:
            self.assertRaisesRegex(TypeError, "'NoneType' object", s.bind, (None, 1))

    def test_hyperv(self):
        any_port = "ffffffff-facb-11e6-bd58-64006a7986d3"
        self.assertFalse(hasattr(socket, "AF_HYPERV"))
        s = self.opened("hyperv", socket.SOCK_STREAM, socket.HV_PROTOCOL_RAW)
        self.assertEqual(s.getsockname(), (socket.HV_GUID_WILDCARD, any_port))
        for where, exception, message in [
            (any_port, TypeError, r"bind\(\): AF_HYPERV address must be tuple, not str"),
            ((1, 2), TypeError, r"AF_HYPERV address must be a str tuple \(vm_id, service_id\)"),
            ((any_port,), TypeError, r"AF_HYPERV address must be a str tuple \(vm_id, service_id\)"),
            (("00", any_port), ValueError, r"bind\(\): AF_HYPERV address vm_id is not a valid UUID string"),
            ((any_port, "00"), ValueError, r"bind\(\): AF_HYPERV address service_id is not a valid UUID string"),
        ]:
            with self.assertRaisesRegex(exception, f"^{message}$"):
                s.bind(where)

    def test_subinterpreters_have_separate_state(self):
        code = (
            "import _socket, socket\n"
            "assert _socket.afplug and socket.getdefaulttimeout() is None\n"
            "socket.setdefaulttimeout(20)\n"
            "try: socket.getaddrinfo('127.0.0.1', 'no service')\n"
            "except socket.gaierror: pass\n"
            "for family in socket.AF_UNIX, socket.AF_LOOP:\n"
            "    a, b = socket.socketpair(family)\n"
            "    with a, b:\n"
            "        assert a.gettimeout() == 20\n"
            "        for _ in range(100):\n"
            "            a.sendall(b'x')\n"
            "            assert b.recv(2) == b'x'\n"
        )

        def run():
            interpreter = interpreters.create()
            try:
                results.append(interpreters.run_string(interpreter, code))
            finally:
                interpreters.destroy(interpreter)

        results = []
        workers = [threading.Thread(target=run) for _ in range(4)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        self.assertEqual(results, [None] * 4)
        self.assertIsNone(socket.getdefaulttimeout())

    def test_reimported_module_has_separate_state(self):
        code = (
            "import sys, socket, _socket\n"
            "first = socket\n"
            "del sys.modules['socket'], sys.modules['_socket']\n"
            "import socket, _socket\n"
            "assert first.gaierror is not socket.gaierror and first.SocketType is not socket.SocketType\n"
            "for module in first, socket:\n"
            "    a, b = module.socketpair()\n"
            "    with a, b: assert isinstance(a, module.socket)\n"
            "    try: module.socket().connect(('', 'no port'))\n"
            "    except TypeError: pass\n"
            "    try: module.socket(module.AF_INET6).connect(('127.0.0.1', 1))\n"
            "    except module.gaierror: print('own gaierror')\n"
        )
        out = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True)
        self.assertEqual((out.stdout, out.stderr), ("own gaierror\nown gaierror\n", ""))

    def test_daemon_threads_at_exit(self):
        code = (
            "import socket, threading, time\n"
            "def spin(started):\n"
            "    a, b = socket.socketpair()\n"
            "    a.settimeout(0.0005)\n"
            "    started.wait()\n"
            "    while True:\n"
            "        try: a.recv(1)\n"
            "        except TimeoutError: pass\n"
            "class Slow:\n"
            "    def __del__(self): time.sleep(0.05)\n"
            "started = threading.Barrier(9)\n"
            "for _ in range(8): threading.Thread(target=spin, args=(started,), daemon=True).start()\n"
            "started.wait()\n"
            "socket.kept = [Slow() for _ in range(4)]  # finalization takes long enough for the threads to wake up\n"
        )
        out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
        self.assertEqual((out.returncode, out.stderr), (0, ""))

    def test_child_processes_use_the_module(self):
        code = "import _socket, sys; sys.exit(0 if _socket.afplug else 1)"
        self.assertEqual(subprocess.run([sys.executable, "-I", "-c", code]).returncode, 0)

    def test_exception_in_signal_handler_ends_recv(self):
        code = (
            "import signal, socket\n"
            "class Interrupted(Exception): pass\n"
            "def handler(*_): raise Interrupted\n"
            "signal.signal(signal.SIGALRM, handler)\n"
            "a, b = socket.socketpair()\n"
            "signal.setitimer(signal.ITIMER_REAL, 0.05)\n"
            "try: a.recv(1)\n"
            "except Interrupted: print('interrupted')\n"
        )
        out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
        self.assertEqual(out.stdout, "interrupted\n", out.stderr)


if __name__ == "__main__":
    unittest.main()
