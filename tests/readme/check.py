#!/usr/bin/env python3
# Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
"""Compiles and runs the fenced blocks of a Markdown file.

check.py FILE.md --top TOP --build BUILD --prefix PREFIX [--lab KERNEL]

    ```cpp      a whole program, or statements for the body of main: compiled against PREFIX and run. Its output must be
                the texts after `// → ` at the ends of its lines
    ```c        the same with the C compiler
    ```sh       run by bash; every command must succeed
    ```console  lines `$ COMMAND` (continued by `> `) are run by bash, one shell for the block. The output, both
                streams, must be the block's other lines: … in a line stands for any text, a line of … for any lines
    <!-- file: NAME --> before a block writes it to that file, for the blocks after it; only whole programs are compiled
                and run as well
    <!-- compile only: REASON --> before a ```cpp block: it is compiled and not run
    <!-- lab: KERNEL SETS --> before a block: it runs in tests/lab/run, when --lab KERNEL is given, and then no other
                block is checked. Without --lab such code is only compiled

All blocks of a file share one empty working folder, which is also HOME, with links to the contents of TOP. PATH begins
with BUILD/bin. A ```text block is not checked; a block of any other language is an error.
"""

import argparse
import os
import pathlib
import re
import subprocess
import sys
import tempfile

TIME_LIMIT = 120
FENCE = re.compile(r"^```(\S*)\s*$")
DIRECTIVE = re.compile(r"^<!-- (file|compile only|lab): (.+?) -->$")
PRINTS = re.compile(r"// → (.*)$", re.M)
MAIN = re.compile(r"^int main\(", re.M)
# Commands that CI runs elsewhere.
ELSEWHERE = re.compile(r"^(tests/run\b|sudo cmake --install )")


class Block:
    def __init__(self, language, line, directive):
        self.language, self.line, self.directive, self.lines = language, line, directive, []

    @property
    def text(self):
        return "".join(line + "\n" for line in self.lines)

    def directed(self, name):
        """The value of the directive of that name, or None."""
        return self.directive[1] if self.directive and self.directive[0] == name else None


def blocks_of(path):
    block, directive, found = None, None, []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        fence = FENCE.match(line)
        if block is not None:
            if line == "```":
                found.append(block)
                block = None
            else:
                block.lines.append(line)
        elif fence:
            block, directive = Block(fence[1], number, directive), None
        elif line.strip():
            match = DIRECTIVE.match(line)
            directive = match and (match[1], match[2])
    if block is not None:
        raise SystemExit(f"{path}:{block.line}: this block is not closed")
    return found


class Failure(Exception):
    pass


class Checker:
    def __init__(self, top, build, prefix, folder, lab):
        self.folder = folder
        self.lab = lab
        self.lab_run = [str(top / "tests/lab/run"), "--time", str(TIME_LIMIT)]
        for entry in top.iterdir():
            if not entry.name.startswith((".", "build")):
                (folder / entry.name).symlink_to(entry)
        prefixes = [str(prefix), *filter(None, os.environ.get("CMAKE_PREFIX_PATH", "").split(";"))]
        include = os.pathsep.join(f"{p}/include" for p in prefixes)
        library = str(next(prefix.glob("lib*/**/libafplug.so")).parent)
        self.environment = {
            "HOME": str(folder),
            "PATH": f"{build}/bin:{os.environ['PATH']}",
            "LC_ALL": "C.UTF-8",
            "TERM": "dumb",
            # Compilers and CMake find what is in PREFIX as if it were in /usr/local.
            "CMAKE_PREFIX_PATH": os.pathsep.join(prefixes),
            "C_INCLUDE_PATH": include,
            "CPLUS_INCLUDE_PATH": include,
            "LIBRARY_PATH": library,
            "LD_RUN_PATH": library,
        }
        cache = os.environ.get("XDG_CACHE_HOME") or f"{os.environ.get('HOME', '/var/tmp')}/.cache"
        self.environment["AFPLUG_LAB_CACHE"] = os.environ.get("AFPLUG_LAB_CACHE") or f"{cache}/afplug-lab"

    def run(self, command, script=None):
        """Runs a command and returns its output, both streams. Raises Failure when its exit code is not 0."""
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=self.environment,
            input=script,
            stdin=None if script is not None else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=TIME_LIMIT,
        )
        if done.returncode != 0:
            raise Failure(f"{done.stdout}\nexit code {done.returncode}")
        return done.stdout

    def program(self, block, compiler, suffix):
        text = block.text
        if not MAIN.search(text):
            includes = [line for line in block.lines if line.startswith("#include")]
            rest = [line for line in block.lines if not line.startswith("#include")]
            text = "\n".join([*includes, "int main() {", *rest, "}", ""])
        name = f"block{block.line}"
        (self.folder / f"{name}{suffix}").write_text(text)
        self.run([*compiler, "-Wall", "-Wextra", "-Werror", f"{name}{suffix}", "-o", name, "-lafplug"])
        if block.directed("compile only") or (block.directed("lab") and not self.lab):
            return
        expected = PRINTS.findall(text)
        printed = self.run_where(block, [f"./{name}"])
        if expected:
            self.compare(printed, expected)

    def run_where(self, block, command):
        """Runs a command here or in the lab that the block names, and returns its output."""
        if self.lab:
            kernel, _, sets = block.directed("lab").partition(" ")
            command = [*self.lab_run, "--kernel", kernel, "--sets", sets, "--", *command]
        return self.run(command)

    def compare(self, printed, expected):
        pattern = "".join(
            r"(?:.*\n)*?" if line.strip() == "…" else ".*".join(map(re.escape, line.split("…"))) + r"[ \t]*\n"
            for line in expected
        )
        if not re.fullmatch(pattern, printed):
            raise Failure(f"printed:\n{printed}\nexpected:\n" + "\n".join(expected))

    def shell(self, block):
        lines = [line for line in block.lines if not ELSEWHERE.match(line)]
        self.run_where(block, ["bash", "-euo", "pipefail", "-c", "\n".join(lines)])

    def console(self, block):
        script, expected, in_command = [], [], False
        for line in block.lines:
            in_command = line.startswith("$ ") or (in_command and line.startswith("> "))
            (script if in_command else expected).append(line[2:] if in_command else line)
        self.compare(self.run_where(block, ["bash", "-c", "exec 2>&1\n" + "\n".join(script) + "\nwait"]), expected)

    def check(self, block):
        if block.directed("file"):
            target = self.folder / block.directed("file")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(block.text)
            if not MAIN.search(block.text):
                return
        if block.directed("lab") and not self.lab and block.language != "cpp":
            return
        if block.language == "cpp":
            self.program(block, ["c++", "-std=c++20"], ".cpp")
        elif block.language == "c":
            self.program(block, ["cc", "-std=c11"], ".c")
        elif block.language == "sh":
            self.shell(block)
        elif block.language == "console":
            self.console(block)
        elif block.language != "text":
            raise Failure(f"blocks of language '{block.language}' cannot be checked")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("file", type=pathlib.Path)
    parser.add_argument("--top", type=pathlib.Path, required=True)
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--prefix", type=pathlib.Path, required=True)
    parser.add_argument("--lab", metavar="KERNEL")
    arguments = parser.parse_args()
    blocks = blocks_of(arguments.file)
    if arguments.lab:
        blocks = [block for block in blocks if (block.directed("lab") or "").split(" ")[0] == arguments.lab]
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        checker = Checker(arguments.top, arguments.build, arguments.prefix, pathlib.Path(folder), arguments.lab)
        for block in blocks:
            where = f"{arguments.file.name}:{block.line} {block.language}"
            try:
                checker.check(block)
                print(f"{where}: passed", flush=True)
            except (Failure, subprocess.TimeoutExpired) as problem:
                failed += 1
                print(f"{where}: FAILED\n{problem}\n", flush=True)
    print(f"{len(blocks)} blocks, {failed} failed")
    sys.exit(1 if failed or not blocks else 0)


main()
