#!/usr/bin/env python3
# Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
"""afplug new: the created project builds, passes its tests and loads, with the afplug installed by package.install."""

import os
import subprocess

import support

PREFIX = support.BUILD / "tests/package/prefix"
WARNINGS = "-Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror"


class New(support.Case):
    def run_command(self, *command):
        done = subprocess.run(
            list(map(str, command)),
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=support.LIMIT,
        )
        self.assertEqual(done.returncode, 0, done.stdout)
        return done.stdout

    def check_project(self, language, flags_variable):
        binary = PREFIX / "bin/afplug"
        done = self.afplug("new", "carrier-pigeon", "--lang", language, binary=binary, cwd=self.folder)
        self.assertEqual(done.stdout, "")
        project, build = self.folder / "carrier-pigeon", self.folder / "build"
        for file in project.rglob("*"):
            self.assertNotIn("@", file.name)
            if file.is_file():
                self.assertNotRegex(file.read_text(), r"@\w+@")
        self.run_command(
            "cmake",
            "-G",
            "Ninja",
            "-S",
            project,
            "-B",
            build,
            f"-Dafplug_ROOT={PREFIX}",
            f"-D{flags_variable}={WARNINGS}",
        )
        self.run_command("cmake", "--build", build)
        tests = self.run_command("ctest", "--test-dir", build, "--output-on-failure", "--no-tests=error")
        self.assertIn("100% tests passed, 0 tests failed out of 2", tests)
        (family,) = self.run_json(
            "caps", "carrier-pigeon", binary=binary, env={**os.environ, "AFPLUG_PATH": str(build)}
        )["families"]
        self.assertEqual({row["verdict"] for row in family["sockets"]}, {"available"})
        self.run_command("cmake", "--install", build, "--prefix", self.folder / "prefix")
        self.assertEqual([f.name for f in (self.folder / "prefix").rglob("*.so")], ["carrier-pigeon.so"])
        again = self.afplug("new", "carrier-pigeon", binary=binary, cwd=self.folder, exit_code=1)
        self.assertIn("exists", again.stderr)

    def test_c(self):
        self.check_project("c", "CMAKE_C_FLAGS")

    def test_cpp(self):
        self.check_project("c++", "CMAKE_CXX_FLAGS")


if __name__ == "__main__":
    support.main()
