#!/usr/bin/env python3
# Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
"""caps and explain: that the verdict is what socket(2) says, that the reason is right, and that no plugin stops the command."""

import errno
import os
import shutil
import socket
import subprocess
import unittest

import support

REASONS = {"kernel-lacks-family", "kernel-lacks-protocol", "module-not-loaded", "permission", "no-device", "resource-limit",
           "probe-failed", "sandbox", "wrong-platform", "plugin-missing", "plugin-refused"}
ROW = ["type", "type_number", "protocol", "protocol_number", "verdict", "errno", "reason", "detail", "remedy"]
NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all", "--bounding-set=-all"]
as_root = unittest.skipUnless(os.geteuid() == 0, "takes root: it changes the user, or makes a network namespace")
with_filter = unittest.skipUnless(support.SOCKET_CALL, "the number of socket(2) on this machine is not known to the test")


class Caps(support.Case):
    def test_schema(self):
        answer = self.ask("caps")
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

    def test_verdict_is_what_socket_says(self):
        compared = 0
        for family in self.ask("caps")["families"]:
            # hyperv is vsock in other words here; families in user space have no system call.
            if family["number"] is None:
                continue
            for row in family["sockets"]:
                if row["protocol_number"] is None:
                    continue
                # ETH_P_* is said in host order and goes to the kernel in network order.
                protocol = socket.htons(row["protocol_number"]) if family["name"] == "packet" else row["protocol_number"]
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
                        self.assertIn(row["reason"], ("no-device", "permission"), "it opens, so only the family can know better")
                compared += 1
        self.assertGreater(compared, 20)

    def test_names_all_eight_without_any_plugin(self):
        copy = self.copy_of_afplug()
        answer = self.ask("caps", **copy)
        self.assertEqual([f["name"] for f in answer["families"]], support.SHIPPED)
        for family in answer["families"]:
            self.assertIsNone(family["plugin"])
            (row,) = family["sockets"]
            self.assertEqual((row["verdict"], row["reason"], row["type"]), ("unavailable", "plugin-missing", None))
            self.assertTrue(row["remedy"])
        shutil.copytree(support.BUILD / "lib/afplug", self.folder / "lib/afplug")
        self.assertTrue(all(f["plugin"] for f in self.ask("caps", **copy)["families"]))

    def test_chosen_families(self):
        self.assertEqual([f["name"] for f in self.ask("caps", "AF_UNIX", "2", "unix", "nosuch")["families"]], ["unix", "inet", "nosuch"])

    def test_table(self):
        lines = self.afplug("caps", "unix").stdout.splitlines()
        self.assertRegex(lines[0], r"^FAMILY +TYPE +PROTOCOL +VERDICT +WHY$")
        self.assertRegex(lines[1], r"^unix +SOCK_STREAM +- +available$")


class BadPlugins(support.Case):
    """What ends or holds up its process costs one row, which names the file."""

    def test_while_it_is_loaded(self):
        for name, words in (("constructor_throws", "SIGABRT"), ("entry_crashes", "SIGABRT"), ("constructor_sleeps", "did not answer"), ("entry_sleeps", "did not answer")):
            with self.subTest(plugin=name):
                folder = self.bad_plugin(name)
                families = {f["name"]: f for f in self.ask("caps", "unix", "good", "--plugin-path", folder, "--limit", "0.5")["families"]}
                self.assertEqual(families["unix"]["sockets"][0]["verdict"], "available")
                (row,) = families["good"]["sockets"]
                self.assertEqual((row["verdict"], row["reason"]), ("unavailable", "plugin-refused"))
                self.assertIn(str(folder / f"{name}.so"), row["detail"])
                self.assertIn(words, row["detail"])
                self.afplug("explain", "good", "--plugin-path", folder, "--limit", "0.5", exit_code=1)
                done = self.afplug("options", "good", "--plugin-path", folder, "--limit", "0.5", exit_code=1)
                self.assertIn(str(folder / f"{name}.so"), done.stderr)

    def test_what_it_said_last_is_told(self):
        row = self.ask("explain", "good", "--plugin-path", self.bad_plugin("constructor_throws"), exit_code=1)
        self.assertIn("too early", row["detail"])

    def test_while_a_row_is_checked(self):
        for how, words in (("crash", "SIGABRT"), ("hang", "did not answer")):
            with self.subTest(how=how):
                environment = {**os.environ, "FERRY_CHECK": how}
                (family,) = self.ask("caps", "ferry", "--plugin-path", support.FERRY, "--limit", "0.5", env=environment)["families"]
                self.assertEqual([(r["type"], r["verdict"], r["reason"]) for r in family["sockets"]],
                                 [("SOCK_STREAM", "available", None), ("SOCK_SEQPACKET", "unknown", "probe-failed"), ("SOCK_DGRAM", "available", None)])
                self.assertIn("ferry.so", family["sockets"][1]["detail"])
                self.assertIn(words, family["sockets"][1]["detail"])
                self.afplug("explain", "ferry:seqpacket", "--plugin-path", support.FERRY, "--limit", "0.5", env=environment, exit_code=3)
                self.afplug("explain", "ferry:stream", "--plugin-path", support.FERRY, env=environment)

    def test_what_it_says_does_no_harm(self):
        environment = {**os.environ, "FERRY_CHECK": "garble"}
        answer = self.ask("explain", "ferry:seqpacket", "--plugin-path", support.FERRY, env=environment, exit_code=1)
        self.assertEqual((answer["reason"], answer["detail"]), ("probe-failed", "\ufffd\x1b[2Jgarbled"))
        self.assertNotIn("\x1b", self.afplug("caps", "ferry", "--plugin-path", support.FERRY, env=environment).stdout)

    def test_refused(self):
        folder = self.bad_plugin("codec_null")
        answer = self.ask("explain", "good", "--plugin-path", folder, exit_code=1)
        self.assertEqual((answer["verdict"], answer["reason"]), ("unavailable", "plugin-refused"))
        self.assertIn("codec", answer["detail"])


class Explain(support.Case):
    def explained(self, what, exit_code, reason, error, **more):
        answer = self.ask("explain", what, exit_code=exit_code, **more)
        self.assertEqual(list(answer), ["schema", "name", "number", "plugin", *ROW])
        self.assertEqual((answer["reason"], answer["errno"]), (reason, error), answer)
        return answer

    def test_available(self):
        self.explained("unix:stream", 0, None, None)
        self.assertEqual(self.afplug("explain", "unix:stream").stdout, "unix: SOCK_STREAM is available\n")

    def test_missing(self):
        done = self.afplug("explain", "nosuch", exit_code=1)
        self.assertRegex(done.stdout, r"^nosuch is unavailable: .* \[plugin-missing\]\nto do: .*\n$")

    @as_root
    def test_as_an_ordinary_user(self):
        copy = self.copy_of_afplug()
        shutil.copytree(support.BUILD / "lib/afplug", self.folder / "lib/afplug")
        for what in ("inet:raw:icmp", "packet:raw"):
            answer = self.explained(what, 1, "permission", "EPERM", before=NOBODY, **copy)
            self.assertIn("CAP_NET_RAW", answer["detail"])
            self.assertIn("NET_RAW", answer["remedy"])
        self.explained("unix:stream", 0, None, None, before=NOBODY, **copy)
        # With the capability left in the bounding set a file may be given it.
        kept = [argument for argument in NOBODY if not argument.startswith("--bounding-set")]
        remedy = self.explained("inet:raw:icmp", 1, "permission", "EPERM", before=kept, **copy)["remedy"]
        self.assertEqual(remedy, f"setcap cap_net_raw+ep {copy['binary']}")

    @with_filter
    def test_behind_a_seccomp_filter(self):
        for number in (errno.EPERM, errno.EACCES, errno.ENOSYS, errno.EAFNOSUPPORT):
            with self.subTest(errno=errno.errorcode[number]):
                filtered = support.answer_socket(number, socket.AF_UNIX)
                answer = self.explained("unix:stream", 1, "sandbox", errno.errorcode[number], preexec_fn=filtered)
                self.assertIn("seccomp", answer["detail"])
                self.assertTrue(answer["remedy"])
        self.explained("inet:tcp", 0, None, None, preexec_fn=support.answer_socket(errno.EPERM, socket.AF_VSOCK))

    @with_filter
    def test_killed_by_a_seccomp_filter(self):
        answer = self.ask("explain", "inet:tcp", exit_code=1, preexec_fn=support.answer_socket(support.KILL, socket.AF_INET))
        self.assertEqual(answer["reason"], "sandbox")
        (family,) = self.ask("caps", "inet", preexec_fn=support.answer_socket(support.KILL, socket.AF_INET))["families"]
        self.assertEqual({(r["verdict"], r["reason"]) for r in family["sockets"]}, {("unavailable", "sandbox")})
        self.assertGreater(len(family["sockets"]), 3)

    @with_filter
    def test_limits_say_nothing_about_the_row(self):
        for number in (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM):
            with self.subTest(errno=errno.errorcode[number]):
                answer = self.explained("unix:stream", 3, "resource-limit", errno.errorcode[number], preexec_fn=support.answer_socket(number, socket.AF_UNIX))
                self.assertEqual(answer["verdict"], "unknown")
                self.assertTrue(answer["remedy"])

    @with_filter
    def test_no_device(self):
        self.explained("unix:stream", 1, "no-device", "ENODEV", preexec_fn=support.answer_socket(errno.ENODEV, socket.AF_UNIX))

    @with_filter
    def test_passive_opens_no_socket(self):
        # Whatever calls socket(2) is killed, and would be reported as sandboxed by its end.
        for family in self.ask("caps", "--passive", preexec_fn=support.answer_socket(support.KILL))["families"]:
            for row in family["sockets"]:
                with self.subTest(family=family["name"], row=row):
                    self.assertNotIn("ended", row["detail"] or "")
        self.assertEqual(self.ask("explain", "unix:stream", "--passive", exit_code=3, preexec_fn=support.answer_socket(support.KILL))["reason"], "sandbox")

    @as_root
    def test_in_an_empty_network_namespace(self):
        answer = self.explained("inet:tcp", 0, "no-device", None, before=["unshare", "--net"])
        self.assertEqual(answer["remedy"], "ip link set lo up")
        done = subprocess.run(["unshare", "--net", "sh", "-c", f"{answer['remedy']} && {support.AFPLUG} explain inet:tcp"], capture_output=True, text=True, timeout=support.LIMIT)
        self.assertEqual((done.returncode, done.stdout), (0, "inet: IPPROTO_TCP (SOCK_STREAM) is available\n"), done.stderr)

    @as_root
    def test_in_a_user_namespace(self):
        inside = ["unshare", "--user", "--map-root-user"]
        if subprocess.run([*inside, "true"], capture_output=True).returncode != 0:
            self.skipTest("no user namespaces here")
        answer = self.explained("inet:raw:icmp", 1, "permission", "EPERM", before=inside)
        self.assertIn("user namespace", answer["detail"])
        self.explained("inet:raw:icmp", 0, "no-device", None, before=[*inside, "--net"])


if __name__ == "__main__":
    support.main()
