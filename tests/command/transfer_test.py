#!/usr/bin/env python3
# Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
"""listen and connect: bytes both ways over sockets of every kind that this machine surely has."""

import hashlib
import os
import re
import signal
import subprocess
import unittest

import support

BIG = 100 * 1000 * 1000


def noise(size, seed):
    """Bytes that no buffer in the wrong place repeats."""
    return b"".join(hashlib.sha512(b"%d %d" % (seed, i)).digest() for i in range(size // 64 + 1))[:size] if size < 1 << 20 else (
        noise((1 << 20) - 1, seed) * (size // ((1 << 20) - 1) + 1))[:size]


class Transfer(support.Case):
    def listen(self, family, address, *options, **more):
        """Starts a listener; it, and the address it says it has."""
        listener = subprocess.Popen([str(support.AFPLUG), "listen", family, address, *options], stderr=subprocess.PIPE, **more)
        self.addCleanup(listener.stderr.close)
        self.addCleanup(listener.wait)
        self.addCleanup(listener.kill)
        said = listener.stderr.readline().decode()
        match = re.fullmatch(r"afplug: listening on \S+ .* (\S+)\n", said)
        self.assertTrue(match, said)
        return listener, match[1]

    def carry(self, family, address, there, back, *options, pipes=False, extra=(), server_extra=()):
        """`there` from connect to listen, `back` the other way; from and to files, or pipes."""
        names = {}
        for name, data in (("there", there), ("back", back)):
            (self.folder / name).write_bytes(data)
            names[name] = open(self.folder / name, "rb")
            names["got " + name] = open(self.folder / f"got {name}", "wb")
            self.addCleanup(names[name].close)
            self.addCleanup(names["got " + name].close)
        cats = []
        if pipes:
            for name in ("there", "back"):
                cat = subprocess.Popen(["cat"], stdin=names[name], stdout=subprocess.PIPE)
                names[name] = cat.stdout
                sink = subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=names["got " + name])
                names["got " + name] = sink.stdin
                cats += [cat, sink]
        listener, where = self.listen(family, address, *options, *server_extra, stdin=names["back"], stdout=names["got there"])
        connecting = subprocess.run([str(support.AFPLUG), "connect", family, where, *options, *extra], stdin=names["there"], stdout=names["got back"],
                                    stderr=subprocess.PIPE, timeout=support.LIMIT)
        self.assertEqual((connecting.returncode, connecting.stderr), (0, b""))
        self.assertEqual(listener.wait(timeout=support.LIMIT), 0, listener.stderr.read())
        if pipes:
            names["got there"].close()
            names["got back"].close()
        for cat in cats:
            cat.wait(timeout=support.LIMIT)
            if cat.stdout:
                cat.stdout.close()
        for name, data in (("there", there), ("back", back)):
            got = (self.folder / f"got {name}").read_bytes()
            self.assertEqual(len(got), len(data), name)
            self.assertEqual(hashlib.sha256(got).digest(), hashlib.sha256(data).digest(), name)

    def everything(self, family, address, *options):
        for there, back in ((0, 0), (1, 0), (0, 1), (1, 1), (300_001, 7), (BIG, BIG // 2)):
            for pipes in (False, True):
                with self.subTest(there=there, back=back, pipes=pipes):
                    self.carry(family, address, noise(there, 1), noise(back, 2), *options, pipes=pipes)

    def test_tcp4(self):
        self.everything("inet", "127.0.0.1:0")

    def test_tcp6(self):
        self.everything("inet6", "[::1]:0")

    def test_unix_stream(self):
        self.everything("unix", str(self.folder / "socket"))

    def test_unix_seqpacket(self):
        self.everything("unix", str(self.folder / "socket"), "--type", "seqpacket")

    def test_in_user_space(self):
        self.everything("ferry", str(self.folder / "socket"), "--plugin-path", str(support.FERRY))

    def test_abstract(self):
        self.carry("unix", f"@afplug.test.{os.getpid()}", noise(1000, 1), noise(2000, 2))

    def test_names(self):
        self.carry("inet", "localhost:0", noise(1000, 1), noise(2000, 2))

    def test_udp(self):
        for family, address in (("inet", "127.0.0.1:0"), ("inet6", "[::1]:0")):
            # Few enough to fit into a socket's queue, so that none is lost.
            self.carry(family, address, noise(20_000, 1), noise(20_000, 2), "--type", "dgram", "--idle", "2", "--message-size", "1000")

    def test_unix_datagrams(self):
        self.carry("unix", str(self.folder / "socket"), noise(100_000, 1), noise(100_000, 2), "--type", "dgram", "--idle", "2")

    def test_one_read_is_one_message(self):
        listener, where = self.listen("unix", str(self.folder / "socket"), "--type", "seqpacket", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        self.addCleanup(listener.stdout.close)
        connecting = subprocess.Popen(["strace", "-f", "-o", str(self.folder / "trace"), "-e", "trace=sendto,sendmsg", str(support.AFPLUG), "connect", "unix", where,
                                       "--type", "seqpacket", "--message-size", "100"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        connecting.communicate(noise(250, 1), timeout=support.LIMIT)
        self.assertEqual(connecting.returncode, 0)
        self.assertEqual(listener.stdout.read(), noise(250, 1))
        sizes = re.findall(r"send(?:to|msg)\(.* = (\d+)\n", (self.folder / "trace").read_text())
        self.assertEqual(sizes, ["100", "100", "50"])

    def test_half_close(self):
        for family, address, options in (("inet", "127.0.0.1:0", []), ("unix", str(self.folder / "s1"), []), ("ferry", str(self.folder / "s2"), ["--plugin-path", str(support.FERRY)])):
            with self.subTest(family=family):
                listener, where = self.listen(family, address, *options, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
                self.addCleanup(listener.stdout.close)
                connecting = subprocess.Popen([str(support.AFPLUG), "connect", family, where, *options], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
                connecting.stdin.write(b"question")
                connecting.stdin.close()
                self.assertEqual(listener.stdout.read(), b"question")  # up to the end of file
                listener.stdin.write(b"answer")
                listener.stdin.close()
                self.assertEqual(connecting.stdout.read(), b"answer")
                connecting.stdout.close()
                self.assertEqual((connecting.wait(support.LIMIT), listener.wait(support.LIMIT)), (0, 0))

    def test_options_are_set(self):
        trace = self.folder / "trace"
        listener, where = self.listen("inet", "127.0.0.1:0", stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        self.afplug("connect", "inet", where, "--option", "TCP_NODELAY=on", "--option", "SO_LINGER=onoff=1,linger=5", before=["strace", "-f", "-o", str(trace), "-e", "trace=setsockopt"])
        calls = trace.read_text()
        self.assertRegex(calls, r"SOL_TCP, TCP_NODELAY, \[1\]")
        self.assertRegex(calls, r"SO_LINGER, \{l_onoff=1, l_linger=5\}")

    def test_one_plugin_is_loaded(self):
        trace = self.folder / "trace"
        listener, where = self.listen("inet", "127.0.0.1:0", stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        self.afplug("connect", "inet", where, before=["strace", "-f", "-o", str(trace), "-e", "trace=openat,mmap"])
        plugins = re.findall(r'openat\(AT_FDCWD, "([^"]*/lib/afplug/[^"]+\.so)", O_RDONLY\|O_CLOEXEC\)', trace.read_text())
        self.assertEqual([os.path.basename(p) for p in plugins], ["inet.so"])

    def test_the_socket_file_goes(self):
        path = self.folder / "socket"
        self.carry("unix", str(path), b"a", b"b")
        self.assertFalse(path.exists())
        listener, _ = self.listen("unix", str(path), stdin=subprocess.DEVNULL)
        self.assertTrue(path.exists())
        listener.send_signal(signal.SIGTERM)
        self.assertEqual(listener.wait(support.LIMIT), -signal.SIGTERM)
        self.assertFalse(path.exists())

    def test_what_goes_wrong_is_said(self):
        path = str(self.folder / "nobody")
        for arguments, words in ((["connect", "unix", path], "No such file"), (["listen", "inet", "127.0.0.1:0", "--timeout", "0.2"], "nobody connected"),
                                 (["listen", "inet", "127.0.0.1:0", "--type", "dgram", "--timeout", "0.2"], "no message"), (["connect", "nosuch", "x"], "no plugin answers"),
                                 (["listen", "unix", "/nonexistent/socket"], "/nonexistent/socket"), (["listen", "inet", "192.0.2.1:x"], "192.0.2.1:x")):
            with self.subTest(arguments=arguments):
                done = self.afplug(*arguments, exit_code=1)
                self.assertEqual(done.stdout, "")
                self.assertIn(words, done.stderr)

    @unittest.skipUnless(support.SOCKET_CALL, "the number of socket(2) on this machine is not known to the test")
    def test_what_can_not_be_opened_is_explained(self):
        done = self.afplug("connect", "inet", "127.0.0.1:1", exit_code=1, preexec_fn=support.answer_socket(1, 2))
        self.assertIn("seccomp", done.stderr)
        self.assertIn("to do:", done.stderr)

    def test_a_peer_that_goes_away(self):
        listener, where = self.listen("inet", "127.0.0.1:0", stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        with open("/dev/zero", "rb") as endless:
            connecting = subprocess.Popen([str(support.AFPLUG), "connect", "inet", where], stdin=endless, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        self.addCleanup(connecting.stderr.close)
        listener.kill()
        self.assertEqual(connecting.wait(support.LIMIT), 1)  # not by SIGPIPE
        self.assertRegex(connecting.stderr.read().decode(), r"^afplug: (sending|receiving|inet connect)")

    def test_progress(self):
        listener, where = self.listen("inet", "127.0.0.1:0", stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        with open(self.folder / "in", "wb") as file:
            file.write(noise(2048, 1))
        with open(self.folder / "in", "rb") as file:
            done = self.afplug("connect", "inet", where, "--progress", stdin=file)
        self.assertIn("2.0 KiB sent, 0 B received", done.stderr)
        self.assertEqual(done.stdout, "")

    def test_idle_ends_a_stream(self):
        listener, where = self.listen("inet", "127.0.0.1:0", stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        self.addCleanup(listener.stdin.close)
        self.afplug("connect", "inet", where, "--idle", "0.2", stdin=subprocess.PIPE)


LIBPCAP = [line.split("=> ")[1] for line in subprocess.run(["/sbin/ldconfig", "-p"], capture_output=True, text=True).stdout.splitlines() if "libpcap.so" in line]


@unittest.skipUnless(os.geteuid() == 0, "packet sockets take root")
class Filter(support.Case):
    """Expressions of libpcap as a packet socket's filter."""

    def refused(self, expression, **more):
        done = self.afplug("listen", "packet", "lo?proto=3", "--type", "raw", "--idle", "0.1", "--option", f"SO_ATTACH_FILTER={expression}", exit_code=1, **more)
        return done.stderr

    @unittest.skipUnless(LIBPCAP, "libpcap0.8 is not installed")
    def test_expression(self):
        self.afplug("listen", "packet", "lo?proto=3", "--type", "raw", "--idle", "0.1", "--option", "SO_ATTACH_FILTER=ether proto 0x88b5")
        self.assertIn('syntax error, after "tcp"', self.refused("tcp prt 80"))

    def test_without_libpcap(self):
        hide = "; ".join(["true", *(f"mount --bind /dev/null {os.path.realpath(library)}" for library in LIBPCAP)])
        hidden = ["unshare", "--mount", "sh", "-ec", f'{hide}; exec "$@"', "sh"]
        said = self.refused("tcp port 80", before=hidden)
        self.assertIn("install libpcap", said)
        # A program of classic BPF goes without.
        self.afplug("listen", "packet", "lo?proto=3", "--type", "raw", "--idle", "0.1", "--option", "SO_ATTACH_FILTER=1,6 0 0 262144", before=hidden)


if __name__ == "__main__":
    support.main()
