# Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
"""The module has every name of the stock interpreter's and of the reference, and tells audit hooks the same.

names_test.py INTERPRETER PYTHON CONSTANTS; CONSTANTS is the table of the reference's names, with their values on Linux.
"""

import json
import os
import subprocess
import sys
import unittest

INTERPRETER, STOCK, CONSTANTS = sys.argv[1:4]
del sys.argv[1:4]
SCRIPT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "reported.py")

# The events of the reference, "Auditing events".
EVENTS = {"socket." + name for name in (
    "__new__ bind connect getaddrinfo gethostbyaddr gethostbyname gethostname getnameinfo getservbyname getservbyport "
    "sendmsg sendto sethostname").split()}


def reported(interpreter):
    return json.loads(subprocess.run([interpreter, "-B", SCRIPT], check=True, stdout=subprocess.PIPE).stdout)


def reference():
    """{name: value} of those that Linux has."""
    with open(CONSTANTS, encoding="utf-8") as file:
        rows = [line.rstrip("\n").split("\t") for line in file if "\t" in line and not line.startswith("#")]
    return {name: int(value) if value.lstrip("-").isdigit() else value for name, value, *_ in rows if value != "-"}


class Names(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.ours, cls.stock = reported(INTERPRETER), reported(STOCK)

    def test_what_the_stock_module_has(self):
        # Ours is built in; the stock one may be a file.
        self.assertEqual(set(self.stock["module"]) - set(self.ours["module"]) - {"__file__"}, set())
        self.assertEqual(set(self.stock["type"]) - set(self.ours["type"]), set())

    def test_the_stock_modules_values(self):
        ours = {name: self.ours["values"].get(name) for name in self.stock["values"]}
        self.assertEqual(ours, self.stock["values"])

    def test_its_enumerations(self):
        for of, members in self.stock["enumerations"].items():
            ours = {name: self.ours["enumerations"][of].get(name) for name in members}
            self.assertEqual(ours, members, of)

    def test_what_the_reference_has(self):
        wanted = reference()
        self.assertGreater(len(wanted), 500)
        self.assertEqual({name: self.ours["values"].get(name) for name in wanted}, wanted)

    def test_audit_events(self):
        self.assertEqual(self.ours["heard"], self.stock["heard"])
        self.assertEqual({event for event, _ in self.ours["heard"]} & EVENTS, EVENTS)


if __name__ == "__main__":
    unittest.main()
