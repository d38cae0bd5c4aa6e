#!/usr/bin/env python3
# Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
"""afplug constants lists the names of Python's socket documentation that Linux has, with their values.

Names of the documentation that Linux does not have must not be listed.
"""

import pathlib

import support

LIST = pathlib.Path(__file__).with_name("python_constants.tsv")


def expected():
    """{name: (value, group)}, or {name: None} for names that Linux does not have."""
    table = {}
    for line in LIST.read_text(encoding="utf-8").splitlines():
        if not line or line.startswith("#"):
            continue
        name, value, *group = line.split("\t")
        assert name not in table, name
        number = value.lstrip("-").isdigit()
        table[name] = None if value == "-" else (int(value) if number else value, group[0])
    return table


class PythonConstants(support.Case):
    def setUp(self):
        super().setUp()
        listed = self.run_json("constants")["constants"]
        self.names = [c["name"] for c in listed]
        self.actual = {c["name"]: (c["value"], c["group"]) for c in listed}

    def test_constants_of_linux_are_listed(self):
        wrong = {
            name: (self.actual.get(name), value)
            for name, value in expected().items()
            if value and self.actual.get(name) != value
        }
        self.assertEqual(wrong, {}, "name: (actual, expected)")

    def test_constants_of_other_systems_are_not_listed(self):
        self.assertEqual([name for name, value in expected().items() if value is None and name in self.actual], [])

    def test_expected_list_is_complete(self):
        beyond = LIST.read_text(encoding="utf-8").split("# Beyond Python")[1]
        self.assertEqual(len(expected()) - sum("\t" in line for line in beyond.splitlines()), 605)

    def test_names_are_unique(self):
        self.assertEqual(len(self.names), len(set(self.names)))


if __name__ == "__main__":
    support.main()
