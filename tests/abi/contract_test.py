#!/usr/bin/env python3
# Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
"""contract_test.py: the contract (plugin.h) is as it was recorded when it was frozen.

The record MINOR/contract.abi is what abidw writes for contract.c. abidiff must find no difference between plugin.h and
the record of its own minor version. Of each earlier minor version plugin.h must keep all structs' members, at the same
offsets and of the same types, before any others. `contract_test.py --record` records a new minor version; it overwrites
no record.
"""

import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree as ET

HERE = pathlib.Path(__file__).resolve().parent
INCLUDE = HERE.parents[1] / "sdk" / "include"
COMPILER = os.environ.get("CC", "cc")


def version(include=INCLUDE):
    text = (include / "afplug" / "plugin.h").read_text()
    return ".".join(re.search(rf"#define AFPLUG_ABI_{part} (\d+)u", text)[1] for part in ("MAJOR", "MINOR"))


def run(*command):
    return subprocess.run(command, cwd=HERE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def build(include, folder):
    library = pathlib.Path(folder) / "contract.so"
    done = run(COMPILER, "-std=c11", "-g", "-shared", "-fPIC", f"-I{include}", f"-ffile-prefix-map={HERE}=.",
               "contract.c", "-o", library)
    if done.returncode != 0:
        raise ValueError(done.stdout)
    return library


def record(library):
    done = subprocess.run(["abidw", "--no-corpus-path", "--no-comp-dir-path", "--no-show-locs", library], check=True,
                          stdout=subprocess.PIPE, text=True)
    return done.stdout


def structs(text):
    """name -> [(offset, name, type)] of every struct of a record. Types are spelled out, except for other structs."""
    root = ET.fromstring(text)
    by_id = {node.get("id"): node for node in root.iter() if node.get("id")}

    def members(node):
        return [(int(m.get("layout-offset-in-bits", 0)), m[0].get("name"), spell(m[0].get("type-id")))
                for m in node.iter("data-member")]

    def spell(type_id):
        node = by_id[type_id]
        if node.tag == "pointer-type-def":
            return spell(node.get("type-id")) + "*"
        if node.tag == "qualified-type-def":
            return "const " + spell(node.get("type-id"))
        if node.tag == "typedef-decl":
            return spell(node.get("type-id"))
        if node.tag == "array-type-def":
            return f"{spell(node.get('type-id'))}[{node[0].get('length')}]"
        if node.tag == "union-decl":
            return f"union {members(node)}"
        if node.tag == "function-type":
            parameters = [spell(p.get('type-id')) for p in node.iter('parameter')]
            return f"{spell(node.find('return').get('type-id'))}({parameters})"
        return f"{node.get('name')}:{node.get('size-in-bits')}" if node.tag == "type-decl" else node.get("name")

    return {node.get("name"): members(node) for node in root.iter("class-decl")}


def differs(old, library):
    """What abidiff reports; empty where there is no difference."""
    with tempfile.NamedTemporaryFile("w", suffix=".abi") as file:
        file.write(old)
        file.flush()
        done = run("abidiff", file.name, library)
    return done.stdout if done.returncode != 0 else ""


def broken(old, new):
    """The structs of `old` whose members `new` does not keep."""
    was, now = structs(old), structs(new)
    return [f"{name}: was {before}, is {after}" for name, members in was.items()
            for before, after in zip(members, now.get(name, []) + [None] * len(members)) if before != after]


class Contract(unittest.TestCase):
    def test_equals_the_record(self):
        recorded = HERE / version() / "contract.abi"
        self.assertTrue(recorded.is_file(),
                        f"{recorded} is missing: contract_test.py --record makes it for a new minor version")
        with tempfile.TemporaryDirectory() as folder:
            difference = differs(recorded.read_text(), build(INCLUDE, folder))
        self.assertEqual(difference, "",
                         f"plugin.h is no longer ABI {version()}. Frozen structs stay as they are; structs grow "
                         "at their end, in a new minor version, which gets a record of its own")

    def test_keeps_earlier_minor_versions(self):
        with tempfile.TemporaryDirectory() as folder:
            now = record(build(INCLUDE, folder))
        records = sorted(HERE.glob("*/contract.abi"))
        self.assertTrue(records)
        for file in records:
            self.assertGreater(len(structs(file.read_text())), 15)
            self.assertEqual(broken(file.read_text(), now), [], file)


class Detection(unittest.TestCase):
    """Both comparisons report what breaks plugins."""

    def check(self, old, new, *, grows=False):
        text = (INCLUDE / "afplug" / "plugin.h").read_text()
        self.assertEqual(text.count(old), 1, old)
        with tempfile.TemporaryDirectory() as folder:
            before = build(INCLUDE, folder)
            was = record(before)
            self.assertEqual(differs(was, before), "")
            changed = pathlib.Path(folder) / "afplug"
            changed.mkdir()
            (changed / "plugin.h").write_text(text.replace(old, new))
            library = build(folder, folder)
            self.assertNotEqual(differs(was, library), "", "abidiff does not report it")
            self.assertEqual(broken(was, record(library)) == [], grows)

    def test_a_slot_at_the_end_is_growth(self):
        dup = "  int32_t (*dup)(void* state, void** new_state, int64_t* new_pollable);\n"
        self.check(dup, dup + "  int32_t (*more)(void* state);\n", grows=True)

    def test_a_slot_between_others(self):
        listen = "  int32_t (*listen)(void* state, int32_t backlog);\n"
        self.check(listen, listen + "  int32_t (*more)(void* state);\n")

    def test_a_removed_slot(self):
        self.check("  int32_t (*listen)(void* state, int32_t backlog);\n", "")

    def test_an_argument_of_another_type(self):
        self.check("(*listen)(void* state, int32_t backlog);", "(*listen)(void* state, int64_t backlog);")

    def test_two_members_swapped(self):
        self.check("  int32_t level;     /**< SOL_* or IPPROTO_* */\n  int32_t number;\n",
                   "  int32_t number;\n  int32_t level;\n")

    def test_a_member_of_another_signedness(self):
        self.check("  int32_t state; /**<", "  uint32_t state; /**<")

    def test_a_text_buffer_of_another_size(self):
        self.check("  char reason[32];", "  char reason[40];")

    def test_a_changed_constant(self):
        with self.assertRaisesRegex(ValueError, "AFPLUG_PASS must stay 1"):
            self.check("#define AFPLUG_PASS 1", "#define AFPLUG_PASS 2")


if __name__ == "__main__":
    if sys.argv[1:] == ["--record"]:
        place = HERE / version() / "contract.abi"
        with tempfile.TemporaryDirectory() as work:
            place.parent.mkdir(exist_ok=True)
            with open(place, "x") as out:
                out.write(record(build(INCLUDE, work)))
        print(place)
    else:
        unittest.main()
