#!/usr/bin/env python3
# Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
"""afplug listen and connect: data in both directions, over sockets that every Linux machine has."""

import hashlib
import os
import re
import signal
import subprocess
import unittest

import support

LARGE = 100 * 1000 * 1000


def random_bytes(size, seed):
    """Bytes without a period of a power of two, so that a buffer at the wrong offset is noticed."""
    return (
        b"".join(hashlib.sha512(b"%d %d" % (seed, i)).digest() for i in range(size // 64 + 1))[:size]
        if size < 1 << 20
        else (random_bytes((1 << 20) - 1, seed) * (size // ((1 << 20) - 1) + 1))[:size]
    )


class Transfer(support.Case):
    def listen(self, family, address, *options, **more):
        """Starts a listener. Returns its process and the address that it prints."""
        listener = subprocess.Popen(
            [str(support.AFPLUG), "listen", family, address, *options], stderr=subprocess.PIPE, **more
        )
        self.addCleanup(listener.stderr.close)
        self.addCleanup(listener.wait)
        self.addCleanup(listener.kill)
        line = listener.stderr.readline().decode()
        match = re.fullmatch(r"afplug: listening on \S+ .* (\S+)\n", line)
        self.assertTrue(match, line)
        return listener, match[1]

    def transfer(self, family, address, request, reply, *options, pipes=False, extra=(), server_extra=()):
        """Sends `request` from connect to listen and `reply` the other way, from and to files or pipes."""
        files = {}
        for name, data in (("request", request), ("reply", reply)):
            (self.folder / name).write_bytes(data)
            files[name] = open(self.folder / name, "rb")
            files["received " + name] = open(self.folder / f"received {name}", "wb")
            self.addCleanup(files[name].close)
            self.addCleanup(files["received " + name].close)
        cats = []
        if pipes:
            for name in ("request", "reply"):
                source = subprocess.Popen(["cat"], stdin=files[name], stdout=subprocess.PIPE)
                files[name] = source.stdout
                sink = subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=files["received " + name])
                files["received " + name] = sink.stdin
                cats += [source, sink]
        listener, where = self.listen(
            family, address, *options, *server_extra, stdin=files["reply"], stdout=files["received request"]
        )
        connecting = subprocess.run(
            [str(support.AFPLUG), "connect", family, where, *options, *extra],
            stdin=files["request"],
            stdout=files["received reply"],
            stderr=subprocess.PIPE,
            timeout=support.LIMIT,
        )
        self.assertEqual((connecting.returncode, connecting.stderr), (0, b""))
        self.assertEqual(listener.wait(timeout=support.LIMIT), 0, listener.stderr.read())
        if pipes:
            files["received request"].close()
            files["received reply"].close()
        for cat in cats:
            cat.wait(timeout=support.LIMIT)
            if cat.stdout:
                cat.stdout.close()
        for name, data in (("request", request), ("reply", reply)):
            received = (self.folder / f"received {name}").read_bytes()
            self.assertEqual(len(received), len(data), name)
            self.assertEqual(hashlib.sha256(received).digest(), hashlib.sha256(data).digest(), name)

    def transfer_all_sizes(self, family, address, *options):
        for request, reply in ((0, 0), (1, 0), (0, 1), (1, 1), (300_001, 7), (LARGE, LARGE // 2)):
            for pipes in (False, True):
                with self.subTest(request=request, reply=reply, pipes=pipes):
                    self.transfer(
                        family, address, random_bytes(request, 1), random_bytes(reply, 2), *options, pipes=pipes
                    )

    def test_tcp4(self):
        self.transfer_all_sizes("inet", "127.0.0.1:0")

    def test_tcp6(self):
        self.transfer_all_sizes("inet6", "[::1]:0")

    def test_unix_stream(self):
        self.transfer_all_sizes("unix", str(self.folder / "socket"))

    def test_unix_seqpacket(self):
        self.transfer_all_sizes("unix", str(self.folder / "socket"), "--type", "seqpacket")

    def test_family_in_user_space(self):
        self.transfer_all_sizes("faulty", str(self.folder / "socket"), "--plugin-path", str(support.FAULTY))

    def test_unix_abstract_address(self):
        self.transfer("unix", f"@afplug.test.{os.getpid()}", random_bytes(1000, 1), random_bytes(2000, 2))

    def test_host_name(self):
        self.transfer("inet", "localhost:0", random_bytes(1000, 1), random_bytes(2000, 2))

    def test_udp(self):
        for family, address in (("inet", "127.0.0.1:0"), ("inet6", "[::1]:0")):
            # All datagrams fit into a socket's receive queue, so that none is dropped.
            self.transfer(
                family,
                address,
                random_bytes(20_000, 1),
                random_bytes(20_000, 2),
                "--type",
                "dgram",
                "--idle",
                "2",
                "--message-size",
                "1000",
            )

    def test_unix_datagrams(self):
        self.transfer(
            "unix",
            str(self.folder / "socket"),
            random_bytes(100_000, 1),
            random_bytes(100_000, 2),
            "--type",
            "dgram",
            "--idle",
            "2",
        )

    def test_one_read_is_one_message(self):
        listener, where = self.listen(
            "unix", str(self.folder / "socket"), "--type", "seqpacket", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE
        )
        self.addCleanup(listener.stdout.close)
        connecting = subprocess.Popen(
            [
                "strace",
                "-f",
                "-o",
                str(self.folder / "trace"),
                "-e",
                "trace=sendto,sendmsg",
                str(support.AFPLUG),
                "connect",
                "unix",
                where,
                "--type",
                "seqpacket",
                "--message-size",
                "100",
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        connecting.communicate(random_bytes(250, 1), timeout=support.LIMIT)
        self.assertEqual(connecting.returncode, 0)
        self.assertEqual(listener.stdout.read(), random_bytes(250, 1))
        sizes = re.findall(r"send(?:to|msg)\(.* = (\d+)\n", (self.folder / "trace").read_text())
        self.assertEqual(sizes, ["100", "100", "50"])

    def test_half_close(self):
        for family, address, options in (
            ("inet", "127.0.0.1:0", []),
            ("unix", str(self.folder / "s1"), []),
            ("faulty", str(self.folder / "s2"), ["--plugin-path", str(support.FAULTY)]),
        ):
            with self.subTest(family=family):
                listener, where = self.listen(family, address, *options, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
                self.addCleanup(listener.stdout.close)
                connecting = subprocess.Popen(
                    [str(support.AFPLUG), "connect", family, where, *options],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                )
                connecting.stdin.write(b"question")
                connecting.stdin.close()
                self.assertEqual(listener.stdout.read(), b"question")  # read() returns at the end of file
                listener.stdin.write(b"answer")
                listener.stdin.close()
                self.assertEqual(connecting.stdout.read(), b"answer")
                connecting.stdout.close()
                self.assertEqual((connecting.wait(support.LIMIT), listener.wait(support.LIMIT)), (0, 0))

    def test_options_are_set(self):
        trace = self.folder / "trace"
        listener, where = self.listen("inet", "127.0.0.1:0", stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        self.afplug(
            "connect",
            "inet",
            where,
            "--option",
            "TCP_NODELAY=on",
            "--option",
            "SO_LINGER=onoff=1,linger=5",
            before=["strace", "-f", "-o", str(trace), "-e", "trace=setsockopt"],
        )
        calls = trace.read_text()
        self.assertRegex(calls, r"SOL_TCP, TCP_NODELAY, \[1\]")
        self.assertRegex(calls, r"SO_LINGER, \{l_onoff=1, l_linger=5\}")

    def test_only_the_needed_plugin_is_loaded(self):
        trace = self.folder / "trace"
        listener, where = self.listen("inet", "127.0.0.1:0", stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        self.afplug("connect", "inet", where, before=["strace", "-f", "-o", str(trace), "-e", "trace=openat,mmap"])
        plugins = re.findall(
            r'openat\(AT_FDCWD, "([^"]*/lib/afplug/[^"]+\.so)", O_RDONLY\|O_CLOEXEC\)', trace.read_text()
        )
        self.assertEqual([os.path.basename(p) for p in plugins], ["inet.so"])

    def test_socket_file_is_removed(self):
        path = self.folder / "socket"
        self.transfer("unix", str(path), b"a", b"b")
        self.assertFalse(path.exists())
        listener, _ = self.listen("unix", str(path), stdin=subprocess.DEVNULL)
        self.assertTrue(path.exists())
        listener.send_signal(signal.SIGTERM)
        self.assertEqual(listener.wait(support.LIMIT), -signal.SIGTERM)
        self.assertFalse(path.exists())

    def test_error_texts(self):
        path = str(self.folder / "nonexistent")
        for arguments, expected in (
            (["connect", "unix", path], "No such file"),
            (["listen", "inet", "127.0.0.1:0", "--timeout", "0.2"], "no connection within 0.2 s"),
            (["listen", "inet", "127.0.0.1:0", "--type", "dgram", "--timeout", "0.2"], "no message within 0.2 s"),
            (["connect", "nosuch", "x"], "no plugin provides"),
            (["listen", "unix", "/nonexistent/socket"], "/nonexistent/socket"),
            (["listen", "inet", "192.0.2.1:x"], "192.0.2.1:x"),
        ):
            with self.subTest(arguments=arguments):
                done = self.afplug(*arguments, exit_code=1)
                self.assertEqual(done.stdout, "")
                self.assertIn(expected, done.stderr)

    @unittest.skipUnless(
        support.SOCKET_CALL, "the number of the socket(2) system call on this architecture is not in support.py"
    )
    def test_socket_that_cannot_be_opened_is_explained(self):
        done = self.afplug("connect", "inet", "127.0.0.1:1", exit_code=1, preexec_fn=support.filter_socket_calls(1, 2))
        self.assertIn("seccomp", done.stderr)
        self.assertIn("to do:", done.stderr)

    def test_peer_closes_during_transfer(self):
        listener, where = self.listen("inet", "127.0.0.1:0", stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        with open("/dev/zero", "rb") as endless:
            connecting = subprocess.Popen(
                [str(support.AFPLUG), "connect", "inet", where],
                stdin=endless,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
            )
        self.addCleanup(connecting.stderr.close)
        listener.kill()
        self.assertEqual(connecting.wait(support.LIMIT), 1)  # not killed by SIGPIPE
        self.assertRegex(connecting.stderr.read().decode(), r"^afplug: (sending|receiving|inet connect)")

    def test_progress(self):
        listener, where = self.listen("inet", "127.0.0.1:0", stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        with open(self.folder / "in", "wb") as file:
            file.write(random_bytes(2048, 1))
        with open(self.folder / "in", "rb") as file:
            done = self.afplug("connect", "inet", where, "--progress", stdin=file)
        self.assertIn("2.0 KiB sent, 0 B received", done.stderr)
        self.assertEqual(done.stdout, "")

    def test_idle_timeout_of_a_stream(self):
        listener, where = self.listen("inet", "127.0.0.1:0", stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        self.addCleanup(listener.stdin.close)
        self.afplug("connect", "inet", where, "--idle", "0.2", stdin=subprocess.PIPE)


LIBPCAP = [
    line.split("=> ")[1]
    for line in subprocess.run(["/sbin/ldconfig", "-p"], capture_output=True, text=True).stdout.splitlines()
    if "libpcap.so" in line
]


@unittest.skipUnless(os.geteuid() == 0, "packet sockets need root")
class PacketFilter(support.Case):
    """SO_ATTACH_FILTER of packet sockets with libpcap expressions."""

    def attach_filter(self, expression, **more):
        option = f"SO_ATTACH_FILTER={expression}"
        return self.afplug(
            "listen", "packet", "lo?proto=3", "--type", "raw", "--idle", "0.1", "--option", option, **more
        )

    @unittest.skipUnless(LIBPCAP, "libpcap0.8 is not installed")
    def test_expression(self):
        self.attach_filter("ether proto 0x88b5")
        self.assertIn('syntax error, after "tcp"', self.attach_filter("tcp prt 80", exit_code=1).stderr)

    def test_without_libpcap(self):
        hide = "; ".join(["true", *(f"mount --bind /dev/null {os.path.realpath(library)}" for library in LIBPCAP)])
        hidden = ["unshare", "--mount", "sh", "-ec", f'{hide}; exec "$@"', "sh"]
        done = self.attach_filter("tcp port 80", before=hidden, exit_code=1)
        self.assertIn("install libpcap", done.stderr)
        # A classic BPF program in numbers does not need libpcap.
        self.attach_filter("1,6 0 0 262144", before=hidden)


if __name__ == "__main__":
    support.main()
