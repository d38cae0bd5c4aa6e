#!/usr/bin/env python3
# Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
"""constants: every name of Python's reference that Linux has, with its value; and those that Linux has not are not there."""

import pathlib
import unittest

import support

LIST = pathlib.Path(__file__).with_name("python_constants.tsv")


def expected():
    """name ⇒ (value, group), or None where Linux has none."""
    table = {}
    for line in LIST.read_text(encoding="utf-8").splitlines():
        if not line or line.startswith("#"):
            continue
        name, value, *group = line.split("\t")
        assert name not in table, name
        number = value.lstrip("-").isdigit()
        table[name] = None if value == "-" else (int(value) if number else value, group[0])
    return table


class Reference(support.Case):
    def setUp(self):
        super().setUp()
        listed = self.ask("constants")["constants"]
        self.names = [c["name"] for c in listed]
        self.here = {c["name"]: (c["value"], c["group"]) for c in listed}

    def test_has_all_that_linux_has(self):
        wrong = {name: (self.here.get(name), value) for name, value in expected().items() if value and self.here.get(name) != value}
        self.assertEqual(wrong, {}, "name: (here, there)")

    def test_has_none_that_linux_has_not(self):
        self.assertEqual([name for name, value in expected().items() if value is None and name in self.here], [])

    def test_the_list_is_whole(self):
        beyond = LIST.read_text(encoding="utf-8").split("# Beyond Python")[1]
        self.assertEqual(len(expected()) - sum("\t" in line for line in beyond.splitlines()), 605)

    def test_names_are_there_once(self):
        self.assertEqual(len(self.names), len(set(self.names)))


if __name__ == "__main__":
    support.main()
