#!/usr/bin/env python3
# Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
"""afplug caps and explain: the verdict matches socket(2), with the right reason; faulty plugins do not stop them."""

import errno
import os
import re
import shutil
import socket
import subprocess
import unittest

import support

# The reason codes that the man page documents; man_page_test compares them with afplug::reason_codes().
MAN_PAGE = (support.TOP / "tools/afplug/afplug.1").read_text(encoding="utf-8")
REASONS = set(re.findall(r"^\.It Cm (\S+)$", MAN_PAGE.split(".Ss Reasons\n")[1].split("\n.El\n")[0], re.MULTILINE))
ROW = ["type", "type_number", "protocol", "protocol_number", "verdict", "errno", "reason", "detail", "remedy"]
UNPRIVILEGED = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all", "--bounding-set=-all"]
needs_root = unittest.skipUnless(os.geteuid() == 0, "needs root to change the user or create a network namespace")
needs_seccomp_filter = unittest.skipUnless(
    support.SOCKET_CALL, "the number of the socket(2) system call on this architecture is not in support.py"
)


class Caps(support.Case):
    def test_schema(self):
        answer = self.run_json("caps")
        self.assertEqual(list(answer), ["schema", "host", "families"])
        here = os.uname()
        self.assertEqual(answer["host"], {"system": here.sysname, "release": here.release, "machine": here.machine})
        names = [f["name"] for f in answer["families"]]
        self.assertEqual(names[:8], support.SHIPPED)
        self.assertEqual(len(names), len(set(names)))
        for family in answer["families"]:
            self.assertEqual(list(family), ["name", "number", "plugin", "sockets"])
            self.assertEqual(set(family["plugin"]), {"path", "version", "provider"})
            self.assertTrue(family["sockets"])
            for row in family["sockets"]:
                self.assertEqual(list(row), ROW)
                self.assertIn(row["verdict"], ("available", "unavailable", "unknown"))
                self.assertIn(row["reason"], REASONS | {None})
                if row["verdict"] != "available":
                    self.assertTrue(row["reason"] and row["detail"], row)

    def test_verdict_matches_socket_call(self):
        compared = 0
        for family in self.run_json("caps")["families"]:
            # hyperv has no address family number on Linux (it opens vsock sockets), nor have families in user space.
            if family["number"] is None:
                continue
            for row in family["sockets"]:
                if row["protocol_number"] is None:
                    continue
                # caps prints ETH_P_* in host byte order; socket(2) takes them in network byte order, see packet(7).
                protocol = (
                    socket.htons(row["protocol_number"]) if family["name"] == "packet" else row["protocol_number"]
                )
                try:
                    socket.socket(family["number"], row["type_number"], protocol).close()
                    error = None
                except OSError as e:
                    error = errno.errorcode[e.errno]
                with self.subTest(family=family["name"], row=row):
                    if error:
                        self.assertNotEqual(row["verdict"], "available")
                        self.assertEqual(row["errno"], error)
                    elif row["verdict"] != "available":
                        self.assertIn(
                            row["reason"],
                            ("no-device", "permission"),
                            "socket(2) succeeds, so only the family's own check may disagree",
                        )
                compared += 1
        self.assertGreater(compared, 20)

    def test_shipped_families_are_listed_without_plugins(self):
        copy = self.copy_without_plugins()
        answer = self.run_json("caps", **copy)
        self.assertEqual([f["name"] for f in answer["families"]], support.SHIPPED)
        for family in answer["families"]:
            self.assertIsNone(family["plugin"])
            (row,) = family["sockets"]
            self.assertEqual((row["verdict"], row["reason"], row["type"]), ("unavailable", "plugin-missing", None))
            self.assertTrue(row["remedy"])
        shutil.copytree(support.BUILD / "lib/afplug", self.folder / "lib/afplug")
        self.assertTrue(all(f["plugin"] for f in self.run_json("caps", **copy)["families"]))

    def test_selected_families(self):
        self.assertEqual(
            [f["name"] for f in self.run_json("caps", "AF_UNIX", "2", "unix", "nosuch")["families"]],
            ["unix", "inet", "nosuch"],
        )

    def test_table(self):
        lines = self.afplug("caps", "unix").stdout.splitlines()
        self.assertRegex(lines[0], r"^FAMILY +TYPE +PROTOCOL +VERDICT +WHY$")
        self.assertRegex(lines[1], r"^unix +SOCK_STREAM +- +available$")


class BadPlugins(support.Case):
    """A plugin that crashes or hangs affects one row, whose detail names the file."""

    def test_crash_or_hang_while_loading(self):
        for name, expected in (
            ("constructor_throws", "SIGABRT"),
            ("entry_crashes", "SIGABRT"),
            ("constructor_sleeps", "did not reply"),
            ("entry_sleeps", "did not reply"),
        ):
            with self.subTest(plugin=name):
                folder = self.bad_plugin(name)
                families = {
                    f["name"]: f
                    for f in self.run_json("caps", "unix", "good", "--plugin-path", folder, "--limit", "0.5")[
                        "families"
                    ]
                }
                self.assertEqual(families["unix"]["sockets"][0]["verdict"], "available")
                (row,) = families["good"]["sockets"]
                self.assertEqual((row["verdict"], row["reason"]), ("unavailable", "plugin-refused"))
                self.assertIn(str(folder / f"{name}.so"), row["detail"])
                self.assertIn(expected, row["detail"])
                self.afplug("explain", "good", "--plugin-path", folder, "--limit", "0.5", exit_code=1)
                done = self.afplug("options", "good", "--plugin-path", folder, "--limit", "0.5", exit_code=1)
                self.assertIn(str(folder / f"{name}.so"), done.stderr)

    def test_detail_contains_stderr_of_the_plugin(self):
        row = self.run_json("explain", "good", "--plugin-path", self.bad_plugin("constructor_throws"), exit_code=1)
        self.assertIn("thrown by a constructor", row["detail"])

    def test_crash_or_hang_while_checking_a_row(self):
        for mode, expected in (("crash", "SIGABRT"), ("hang", "did not reply")):
            with self.subTest(mode=mode):
                environment = {**os.environ, "FAULTY_PLUGIN_CHECK": mode}
                (family,) = self.run_json(
                    "caps", "faulty", "--plugin-path", support.FAULTY, "--limit", "0.5", env=environment
                )["families"]
                self.assertEqual(
                    [(r["type"], r["verdict"], r["reason"]) for r in family["sockets"]],
                    [
                        ("SOCK_STREAM", "available", None),
                        ("SOCK_SEQPACKET", "unknown", "probe-failed"),
                        ("SOCK_DGRAM", "available", None),
                    ],
                )
                self.assertIn("faulty_plugin.so", family["sockets"][1]["detail"])
                self.assertIn(expected, family["sockets"][1]["detail"])
                self.afplug(
                    "explain",
                    "faulty:seqpacket",
                    "--plugin-path",
                    support.FAULTY,
                    "--limit",
                    "0.5",
                    env=environment,
                    exit_code=3,
                )
                self.afplug("explain", "faulty:stream", "--plugin-path", support.FAULTY, env=environment)

    def test_control_characters_and_invalid_utf8_are_replaced(self):
        environment = {**os.environ, "FAULTY_PLUGIN_CHECK": "garbled_text"}
        answer = self.run_json(
            "explain", "faulty:seqpacket", "--plugin-path", support.FAULTY, env=environment, exit_code=1
        )
        self.assertEqual((answer["reason"], answer["detail"]), ("probe-failed", "\\xff\x1b[2Jgarbled"))
        self.assertNotIn("\x1b", self.afplug("caps", "faulty", "--plugin-path", support.FAULTY, env=environment).stdout)

    def test_refused_plugin(self):
        folder = self.bad_plugin("codec_null")
        answer = self.run_json("explain", "good", "--plugin-path", folder, exit_code=1)
        self.assertEqual((answer["verdict"], answer["reason"]), ("unavailable", "plugin-refused"))
        self.assertIn("codec", answer["detail"])


class Explain(support.Case):
    def explained(self, what, exit_code, reason, error, **more):
        answer = self.run_json("explain", what, exit_code=exit_code, **more)
        self.assertEqual(list(answer), ["schema", "name", "number", "plugin", *ROW])
        self.assertEqual((answer["reason"], answer["errno"]), (reason, error), answer)
        return answer

    def test_available(self):
        self.explained("unix:stream", 0, None, None)
        self.assertEqual(self.afplug("explain", "unix:stream").stdout, "unix: SOCK_STREAM is available\n")

    def test_missing_plugin(self):
        done = self.afplug("explain", "nosuch", exit_code=1)
        self.assertRegex(done.stdout, r"^nosuch is unavailable: .* \[plugin-missing\]\nto do: .*\n$")

    @needs_root
    def test_as_unprivileged_user(self):
        copy = self.copy_without_plugins()
        shutil.copytree(support.BUILD / "lib/afplug", self.folder / "lib/afplug")
        for what in ("inet:raw:icmp", "packet:raw"):
            answer = self.explained(what, 1, "permission", "EPERM", before=UNPRIVILEGED, **copy)
            self.assertIn("CAP_NET_RAW", answer["detail"])
            self.assertIn("NET_RAW", answer["remedy"])
        self.explained("unix:stream", 0, None, None, before=UNPRIVILEGED, **copy)
        # With the capability in the bounding set, file capabilities can grant it; see capabilities(7).
        kept = [argument for argument in UNPRIVILEGED if not argument.startswith("--bounding-set")]
        remedy = self.explained("inet:raw:icmp", 1, "permission", "EPERM", before=kept, **copy)["remedy"]
        self.assertEqual(remedy, f"setcap cap_net_raw+ep {copy['binary']}")

    @needs_seccomp_filter
    def test_seccomp_filter_returns_errno(self):
        for number in (errno.EPERM, errno.EACCES, errno.ENOSYS, errno.EAFNOSUPPORT):
            with self.subTest(errno=errno.errorcode[number]):
                filtered = support.filter_socket_calls(number, socket.AF_UNIX)
                answer = self.explained("unix:stream", 1, "sandbox", errno.errorcode[number], preexec_fn=filtered)
                self.assertIn("seccomp", answer["detail"])
                self.assertTrue(answer["remedy"])
        self.explained("inet:tcp", 0, None, None, preexec_fn=support.filter_socket_calls(errno.EPERM, socket.AF_VSOCK))

    @needs_seccomp_filter
    def test_seccomp_filter_kills_the_process(self):
        answer = self.run_json(
            "explain", "inet:tcp", exit_code=1, preexec_fn=support.filter_socket_calls(support.KILL, socket.AF_INET)
        )
        self.assertEqual(answer["reason"], "sandbox")
        (family,) = self.run_json("caps", "inet", preexec_fn=support.filter_socket_calls(support.KILL, socket.AF_INET))[
            "families"
        ]
        self.assertEqual({(r["verdict"], r["reason"]) for r in family["sockets"]}, {("unavailable", "sandbox")})
        self.assertGreater(len(family["sockets"]), 3)

    @needs_seccomp_filter
    def test_resource_limits_give_unknown(self):
        for number in (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM):
            with self.subTest(errno=errno.errorcode[number]):
                answer = self.explained(
                    "unix:stream",
                    3,
                    "resource-limit",
                    errno.errorcode[number],
                    preexec_fn=support.filter_socket_calls(number, socket.AF_UNIX),
                )
                self.assertEqual(answer["verdict"], "unknown")
                self.assertTrue(answer["remedy"])

    @needs_seccomp_filter
    def test_no_device(self):
        self.explained(
            "unix:stream",
            1,
            "no-device",
            "ENODEV",
            preexec_fn=support.filter_socket_calls(errno.ENODEV, socket.AF_UNIX),
        )

    def socket_calls(self, *arguments, exit_code=0):
        """The socket(2) and socketpair(2) calls of the command and its child processes, as strace(1) prints them."""
        trace = self.folder / "trace"
        self.afplug(
            *arguments,
            exit_code=exit_code,
            before=["strace", "-f", "-qq", "-o", str(trace), "-e", "trace=socket,socketpair,exit_group"],
        )
        lines = trace.read_text().splitlines()
        # The last call of every process: without it the trace would be empty because nothing was traced.
        self.assertGreater(sum("exit_group(" in line for line in lines), 1, "strace did not trace the child processes")
        return [line for line in lines if "socket(" in line or "socketpair(" in line]

    def test_passive_opens_no_socket(self):
        for command in (
            ["caps"],
            ["caps", "inet", "unix", "vsock"],
            ["explain", "unix:stream"],
            ["explain", "inet:raw:icmp"],
        ):
            with self.subTest(command=command):
                self.assertEqual(self.socket_calls(*command, "--passive"), [])
                self.assertNotEqual(self.socket_calls(*command), [])  # the trace shows the calls of an active check

    @needs_seccomp_filter
    def test_passive_detects_a_seccomp_filter(self):
        # The filter kills a process that calls socket(2). The passive check must only report that there is a filter.
        answer = self.run_json(
            "explain", "unix:stream", "--passive", exit_code=3, preexec_fn=support.filter_socket_calls(support.KILL)
        )
        self.assertEqual(answer["reason"], "sandbox")

    @needs_root
    def test_in_a_new_network_namespace(self):
        answer = self.explained("inet:tcp", 0, "no-device", None, before=["unshare", "--net"])
        self.assertEqual(answer["remedy"], "ip link set lo up")
        done = subprocess.run(
            ["unshare", "--net", "sh", "-c", f"{answer['remedy']} && {support.AFPLUG} explain inet:tcp"],
            capture_output=True,
            text=True,
            timeout=support.LIMIT,
        )
        self.assertEqual(
            (done.returncode, done.stdout), (0, "inet: IPPROTO_TCP (SOCK_STREAM) is available\n"), done.stderr
        )

    @needs_root
    def test_in_a_user_namespace(self):
        inside = ["unshare", "--user", "--map-root-user"]
        if subprocess.run([*inside, "true"], capture_output=True).returncode != 0:
            self.skipTest("user namespaces are not available")
        answer = self.explained("inet:raw:icmp", 1, "permission", "EPERM", before=inside)
        self.assertIn("user namespace", answer["detail"])
        self.explained("inet:raw:icmp", 0, "no-device", None, before=[*inside, "--net"])


if __name__ == "__main__":
    support.main()
