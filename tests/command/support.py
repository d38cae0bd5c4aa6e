# Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
"""Base class and helpers of the command's tests."""

import ctypes
import json
import os
import pathlib
import platform
import shutil
import struct
import subprocess
import tempfile
import unittest

BUILD = pathlib.Path(os.environ["AFPLUG_TEST_BUILD"])
TOP = pathlib.Path(os.environ["AFPLUG_TEST_TOP"])
AFPLUG = BUILD / "bin/afplug"
FAULTY = BUILD / "lib/command_plugins"
BAD = BUILD / "lib/bad_plugins"
SHIPPED = ["inet", "inet6", "unix", "can", "packet", "bluetooth", "vsock", "hyperv"]
LIMIT = 120  # seconds, the maximum for any command

for name in ("AFPLUG_PATH", "AFPLUG_PROVIDER", "AFPLUG_FAMILIES", "AFPLUG_LOG", "NO_COLOR"):
    os.environ.pop(name, None)


class Case(unittest.TestCase):
    """A test case with a temporary folder."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="afplug.")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def afplug(self, *arguments, exit_code=0, **more):
        """Runs the command and checks its exit code. Returns the CompletedProcess, with text output.

        before: a command line that runs it, such as strace; binary: another afplug than the built one.
        """
        more.setdefault("stdin", subprocess.DEVNULL)
        command = more.pop("before", []) + [str(more.pop("binary", AFPLUG)), *map(str, arguments)]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=LIMIT, **more)
        self.assertEqual(done.returncode, exit_code, f"{' '.join(command)}\n{done.stdout}\n{done.stderr}")
        return done

    def run_json(self, command, *arguments, **more):
        """Runs the command with --json, checks the schema and returns the parsed object."""
        answer = json.loads(self.afplug(command, *arguments, "--json", **more).stdout)
        self.assertEqual(next(iter(answer)), "schema", "the schema must be the first member")
        self.assertEqual(answer["schema"], f"afplug.{command}/1")
        return answer

    def bad_plugin(self, name):
        """Copies one plugin of tests/bad_plugins to a folder of its own and returns the folder."""
        folder = self.folder / name
        folder.mkdir(mode=0o755)
        shutil.copy(BAD / f"{name}.so", folder)
        return folder

    def copy_without_plugins(self):
        """Copies the command and its library, without plugins, to a world-readable folder.

        Returns keyword arguments for afplug().
        """
        os.chmod(self.folder, 0o755)
        (self.folder / "bin").mkdir()
        (self.folder / "lib").mkdir()
        shutil.copy(AFPLUG, self.folder / "bin")
        for library in (BUILD / "lib").glob("libafplug.so*"):
            shutil.copy(library, self.folder / "lib", follow_symlinks=False)
        return {
            "binary": self.folder / "bin/afplug",
            "env": {**os.environ, "LD_LIBRARY_PATH": str(self.folder / "lib")},
        }


# ---- seccomp ----

SOCKET_CALL = {"x86_64": 41, "aarch64": 198, "riscv64": 198, "ppc64le": 326, "s390x": 359}.get(platform.machine())
KILL = 0x80000000  # SECCOMP_RET_KILL_PROCESS


def filter_socket_calls(result, domain=None):
    """Returns a preexec_fn that installs a seccomp filter: socket(2) fails with an errno, or kills the process (KILL).

    domain: filters only this address family. See seccomp(2) and linux/filter.h for the numbers.
    """

    def statement(code, k, if_true=0, if_false=0):
        return struct.pack("HBBI", code, if_true, if_false, k)

    load, equal, ret = 0x20, 0x15, 0x06  # BPF_LD | BPF_W | BPF_ABS, BPF_JMP | BPF_JEQ | BPF_K, BPF_RET | BPF_K
    action = KILL if result == KILL else 0x00050000 | result
    program = [statement(load, 0), statement(equal, SOCKET_CALL, 0, 1 if domain is None else 3)]
    if domain is not None:
        program += [statement(load, 16), statement(equal, domain, 0, 1)]
    program += [statement(ret, action), statement(ret, 0x7FFF0000)]

    def install():
        libc = ctypes.CDLL(None, use_errno=True)
        code = ctypes.create_string_buffer(b"".join(program))
        header = struct.pack("HxxxxxxP", len(program), ctypes.addressof(code))
        if libc.prctl(38, 1, 0, 0, 0) != 0 or libc.prctl(22, 2, ctypes.c_char_p(header), 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "prctl")

    return install


def main():
    """Runs unittest.main and appends the skipped tests to $AFPLUG_TEST_SKIPS, which tests/run reports."""
    program = unittest.main(exit=False, verbosity=2)
    skips = os.environ.get("AFPLUG_TEST_SKIPS")
    if skips:
        with open(skips, "a", encoding="utf-8") as file:
            for case, reason in program.result.skipped:
                file.write(f"{case.id()}: {reason}\n")
    raise SystemExit(not program.result.wasSuccessful())
