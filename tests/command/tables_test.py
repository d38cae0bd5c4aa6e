#!/usr/bin/env python3
# Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
"""afplug families, options, constants, address: their output; usage errors; colours."""

import json
import os
import pty
import re
import shutil
import socket
import subprocess

import support


class Families(support.Case):
    def test_lists_shipped_families(self):
        found = self.run_json("families")["families"]
        ours = {f["name"]: f for f in found if f["provider"] == "afplug"}
        for name in support.SHIPPED:
            self.assertIn(name, ours)
            self.assertEqual(ours[name]["state"], "found")
            self.assertTrue(os.path.isfile(ours[name]["path"]))
        self.assertEqual(ours["inet"]["number"], socket.AF_INET)
        self.assertIsNone(ours["hyperv"]["number"])

    def test_does_not_run_plugin_code(self):
        for name in ("constructor_throws", "constructor_sleeps", "entry_crashes"):
            found = self.run_json("families", "--plugin-path", self.bad_plugin(name))["families"]
            self.assertEqual([f["state"] for f in found if f["name"] == "good"], ["found"])

    def test_lists_refused_files_with_reason(self):
        folder = self.bad_plugin("major_new")
        (folder / "text.so").write_text("not ELF\n")
        found = {os.path.basename(f["path"]): f for f in self.run_json("families", "--plugin-path", folder)["families"]}
        for file in ("major_new.so", "text.so"):
            self.assertEqual(found[file]["state"], "refused")
            self.assertIn(file, found[file]["reason"])
            self.assertTrue(found[file]["code"])
        lines = self.afplug("families", "--plugin-path", folder).stdout.splitlines()
        refused = [line for line in lines if "refused" in line]
        self.assertTrue(refused)
        for line in refused:
            self.assertEqual(line.count(str(folder)), 1, line)

    def test_plugin_paths_are_searched_in_order(self):
        first, second = self.folder / "first", self.folder / "second"
        for folder in (first, second):
            folder.mkdir(mode=0o755)
            shutil.copy(support.BAD / "good.so", folder)
        for order in ((first, second), (second, first)):
            found = self.run_json("families", "--plugin-path", order[0], "--plugin-path", order[1])["families"]
            good = [(f["state"], os.path.dirname(f["path"])) for f in found if f["name"] == "good"]
            self.assertEqual(good, [("found", str(order[0])), ("shadowed", str(order[1]))])

    def test_warns_about_the_search_path(self):
        missing = str(self.folder / "missing")
        environment = {**os.environ, "AFPLUG_PATH": f"relative:{missing}"}
        warnings = self.run_json("families", env=environment)["warnings"]
        printed = self.afplug("families", env=environment).stderr
        for directory in ("relative", missing):
            self.assertTrue(any(directory in w for w in warnings), warnings)
            self.assertIn(directory, printed)
        self.assertEqual(self.run_json("families")["warnings"], [])


class FileNames(support.Case):
    """Names with bytes that are not UTF-8, or that control a terminal."""

    NAME = b"esc\x1b[31m c1\xc2\x9b2J \xff\xed\xa0\x80 back\\slash \xc3\xa9.so"

    def setUp(self):
        super().setUp()
        self.file = os.fsencode(self.folder) + b"/" + self.NAME
        shutil.copy(support.BAD / "good.so", self.file)

    @staticmethod
    def unescaped(path):
        """The bytes of a path in JSON: \\xXX is a byte, \\\\ a backslash (afplug(1))."""
        return re.sub(rb"\\(?:x(..)|\\)", lambda m: bytes.fromhex(m[1].decode()) if m[1] else b"\\", path.encode())

    @staticmethod
    def run_bytes(*arguments):
        return subprocess.run([support.AFPLUG, *arguments], capture_output=True, timeout=support.LIMIT)

    def test_are_recovered_from_json(self):
        found = self.run_json("families", "--plugin-path", self.folder)["families"]
        self.assertIn(self.file, [self.unescaped(f["path"]) for f in found])
        answer = self.run_json("explain", "good", "--plugin-path", self.folder, exit_code=0)
        self.assertEqual(self.unescaped(answer["plugin"]["path"]), self.file)
        done = self.run_bytes("check", self.file, "--json")
        self.assertEqual(self.unescaped(json.loads(done.stdout)["path"]), self.file)

    def test_do_not_control_the_terminal(self):
        os.chmod(self.file, 0o666)  # refused: the reason has the name
        path = ["--plugin-path", self.folder]
        for arguments in (["families", *path], ["families", "--json", *path], ["caps", "good", *path],
                          ["check", self.file], ["check", self.file, "--json"], [self.file], ["explain", self.file],
                          ["families", "--plugin-path", self.file + b"/no"], ["new", self.file],
                          ["families", "--\x9b", self.file]):
            done = self.run_bytes(*arguments)
            for text in (done.stdout, done.stderr):
                shown = text.decode()  # fails unless it is UTF-8
                self.assertEqual([c for c in shown if c != "\n" and not c.isprintable()], [], arguments)


class ClosedDescriptors(support.Case):
    def test_command_works_without_standard_descriptors(self):
        for arguments in (["families"], ["caps", "inet"], ["explain", "inet"]):
            for closed in ((0,), (1,), (2,), (0, 1), (1, 2), (0, 1, 2)):
                def close_some(descriptors=closed):
                    for fd in descriptors:
                        os.close(fd)
                done = subprocess.run([support.AFPLUG, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                      stderr=subprocess.PIPE, timeout=support.LIMIT, preexec_fn=close_some)
                self.assertEqual(done.returncode, 0, (arguments, closed, done.stderr))
                self.assertEqual(bool(done.stdout), 1 not in closed)


class Options(support.Case):
    MEMBERS = {
        "name",
        "level",
        "number",
        "group",
        "kind",
        "unit",
        "readable",
        "writable",
        "min_bytes",
        "max_bytes",
        "members",
        "values",
        "help",
    }

    def test_schema(self):
        answer = self.run_json("options", "inet")
        self.assertEqual(answer["family"], {"name": "inet", "number": socket.AF_INET})
        options = {o["name"]: o for o in answer["options"]}
        for option in options.values():
            self.assertEqual(set(option), self.MEMBERS)
        nodelay = options["TCP_NODELAY"]
        self.assertEqual(
            (nodelay["level"], nodelay["number"], nodelay["kind"]), (socket.IPPROTO_TCP, socket.TCP_NODELAY, "flag")
        )
        linger = options["SO_LINGER"]
        self.assertEqual([m["name"] for m in linger["members"]], ["onoff", "linger"])

    def test_table(self):
        lines = self.afplug("options", "AF_INET").stdout.splitlines()
        self.assertRegex(lines[0], r"^OPTION +LEVEL +NUMBER +KIND +ACCESS +HELP$")
        self.assertTrue(any(re.match(r"IP_TTL +0 +2 +i32 +rw +\S", line) for line in lines))

    def test_unknown_family(self):
        done = self.afplug("options", "nosuch", exit_code=1)
        self.assertEqual(done.stdout, "")
        self.assertIn("no plugin provides", done.stderr)


class Constants(support.Case):
    def test_values_are_those_of_the_platform(self):
        constants = {c["name"]: c for c in self.run_json("constants")["constants"]}
        for constant in constants.values():
            self.assertEqual(set(constant), {"name", "value", "group"})
        wrong = {
            n: (c["value"], getattr(socket, n))
            for n, c in constants.items()
            if isinstance(getattr(socket, n, None), int) and c["value"] != getattr(socket, n)
        }
        self.assertEqual(wrong, {})
        for name in (
            "AF_UNIX",
            "SOCK_STREAM",
            "SO_REUSEADDR",
            "MSG_PEEK",
            "IPPROTO_TCP",
            "TCP_NODELAY",
            "CAN_RAW",
            "PACKET_HOST",
        ):
            self.assertIn(name, constants)

    def test_prefix(self):
        names = [c["name"] for c in self.run_json("constants", "tcp_")["constants"]]
        self.assertTrue(names)
        self.assertTrue(all(n.startswith("TCP_") for n in names))
        self.assertEqual(len(names), len(set(names)))
        self.assertIn("NO_SUCH", self.afplug("constants", "NO_SUCH", exit_code=1).stderr)
        self.assertEqual(self.run_json("constants", "NO_SUCH", exit_code=1)["constants"], [])

    def test_a_bad_plugin_does_not_affect_others(self):
        for name in ("constructor_throws", "entry_crashes"):
            done = self.afplug("constants", "TCP_NODELAY", "--plugin-path", self.bad_plugin(name))
            self.assertIn("TCP_NODELAY", done.stdout)
            self.assertIn(f"{name}.so", done.stderr)


class Address(support.Case):
    def test_schema(self):
        answer = self.run_json("address", "inet", "192.0.2.1:80")
        self.assertEqual(list(answer), ["schema", "family", "type", "protocol", "text", "fields", "sockaddr", "length"])
        self.assertEqual(answer["text"], "192.0.2.1:80")
        self.assertEqual([(f["name"], f["value"]) for f in answer["fields"]], [("host", "192.0.2.1"), ("port", 80)])
        raw = bytes.fromhex(answer["sockaddr"])
        self.assertEqual(len(raw), answer["length"])
        self.assertEqual(raw[2:8], b"\x00\x50\xc0\x00\x02\x01")

    def test_text_is_canonical(self):
        for family, text, canonical in (
            ("inet6", "[2001:DB8:0:0::1]:80", "[2001:db8::1]:80"),
            ("vsock", "1:5000", "local:5000"),
            ("unix", "/run/x", "/run/x"),
            ("unix", "@a", "@a"),
        ):
            self.assertEqual(self.run_json("address", family, text)["text"], canonical)

    def test_equivalent_socket_specifications(self):
        answers = [
            self.run_json("address", spec, "[::1]:1")
            for spec in (
                "inet6:SOCK_DGRAM:IPPROTO_UDP",
                "AF_INET6:dgram:udp",
                "inet6:udp",
                "INET6:Udp",
                "10:2:17",
                "inet6:dgram",
            )
        ]
        for answer in answers:
            self.assertEqual(answer, answers[0])
        self.assertEqual((answers[0]["type"], answers[0]["protocol"]), ("SOCK_DGRAM", "IPPROTO_UDP"))

    def test_malformed_address(self):
        done = self.afplug("address", "inet", "192.0.2.1:x", exit_code=1)
        self.assertEqual(done.stdout, "")
        self.assertIn('"x"', done.stderr)


class Usage(support.Case):
    WRONG = [
        [],
        ["nosuch"],
        ["--nosuch"],
        ["explain"],
        ["explain", "inet:nosuch"],
        ["explain", "a:b:c:d"],
        ["explain", ":stream"],
        ["address", "inet"],
        ["options"],
        ["caps", "--plugin-path", "/nonexistent"],
        ["caps", "--limit", "x"],
        ["listen", "inet"],
        ["connect", "inet", "127.0.0.1:1", "--option", "NAME"],
        ["connect", "inet", "127.0.0.1:1", "--option", "NO_SUCH=1"],
        ["connect", "inet", "127.0.0.1:1", "--option", "TCP_NODELAY=perhaps"],
        ["connect", "inet", "127.0.0.1:1", "--type", "nosuch"],
        ["connect", "inet", "127.0.0.1:1", "--timeout", "-1"],
        ["check"],
        ["new"],
        ["new", "Upper"],
        ["new", "x", "--lang", "pascal"],
    ]

    def test_usage_errors(self):
        for arguments in self.WRONG:
            with self.subTest(arguments=arguments):
                done = self.afplug(*arguments, exit_code=2, cwd=self.folder)
                self.assertEqual(done.stdout, "")
                self.assertNotEqual(done.stderr, "")
        self.assertEqual(list(self.folder.iterdir()), [])

    def test_help_has_an_example(self):
        overview = self.afplug("--help").stdout
        for command in (
            "families",
            "caps",
            "explain",
            "options",
            "constants",
            "address",
            "listen",
            "connect",
            "check",
            "new",
        ):
            self.assertIn(f"\n  {command} ", overview)
            text = self.afplug(command, "--help").stdout
            self.assertRegex(text, rf"Example:\n  (.*\| )?afplug {command} ")

    def test_version(self):
        self.assertRegex(self.afplug("--version").stdout, r"^afplug \d+\.\d+\.\d+\n$")

    def test_write_error_on_stdout(self):
        with open("/dev/full", "w") as full:
            done = support.subprocess.run(
                [str(support.AFPLUG), "constants"], stdout=full, stderr=support.subprocess.PIPE, timeout=support.LIMIT
            )
        self.assertEqual(done.returncode, 1)
        self.assertNotEqual(done.stderr, b"")


class Colours(support.Case):
    def on_terminal(self, **environment):
        output = []

        def read(fd):
            output.append(os.read(fd, 65536))
            return output[-1]

        before = dict(os.environ)
        os.environ.update({"TERM": "xterm", **environment})
        stdout_copy = os.dup(1)
        try:
            with open(os.devnull, "w") as nothing:
                os.dup2(nothing.fileno(), 1)
                status = pty.spawn([str(support.AFPLUG), "caps", "inet"], read, lambda fd: b"")
        finally:
            os.dup2(stdout_copy, 1)
            os.close(stdout_copy)
            os.environ.clear()
            os.environ.update(before)
        self.assertEqual(status, 0)
        return b"".join(output).decode()

    def test_only_on_a_terminal_and_never_with_no_color(self):
        decorated = self.on_terminal()
        self.assertIn("\x1b[32mavailable", decorated)
        self.assertIn("─", decorated)
        for plain in (
            self.on_terminal(NO_COLOR="1"),
            self.on_terminal(TERM="dumb"),
            self.afplug("caps", "inet").stdout,
        ):
            self.assertIn("available", plain)
            self.assertNotIn("\x1b", plain)
            self.assertTrue(plain.isascii())


if __name__ == "__main__":
    support.main()
