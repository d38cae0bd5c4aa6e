# Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
"""The module has the names of the stock _socket module and of Python's documentation, and raises the same audit events.

names_test.py INTERPRETER PYTHON CONSTANTS. CONSTANTS is the table of the documented names, with their values on Linux.
"""

import json
import os
import subprocess
import sys
import unittest

INTERPRETER, STOCK, CONSTANTS = sys.argv[1:4]
del sys.argv[1:4]
SCRIPT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "module_report.py")

# The events of Python's documentation, "Audit events table".
EVENTS = {
    "socket." + name
    for name in (
        "__new__ bind connect getaddrinfo gethostbyaddr gethostbyname gethostname getnameinfo getservbyname "
        "getservbyport sendmsg sendto sethostname"
    ).split()
}


def report_of(interpreter):
    return json.loads(subprocess.run([interpreter, "-B", SCRIPT], check=True, stdout=subprocess.PIPE).stdout)


def documented_constants():
    """{name: value} of the documented constants that Linux has."""
    with open(CONSTANTS, encoding="utf-8") as file:
        rows = [line.rstrip("\n").split("\t") for line in file if "\t" in line and not line.startswith("#")]
    return {name: int(value) if value.lstrip("-").isdigit() else value for name, value, *_ in rows if value != "-"}


class Names(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.ours, cls.stock = report_of(INTERPRETER), report_of(STOCK)

    def test_has_names_of_stock_module(self):
        # afplug's module is built in and has no __file__; the stock module may be a shared object.
        self.assertEqual(set(self.stock["module"]) - set(self.ours["module"]) - {"__file__"}, set())
        self.assertEqual(set(self.stock["type"]) - set(self.ours["type"]), set())

    def test_values_of_stock_module(self):
        ours = {name: self.ours["values"].get(name) for name in self.stock["values"]}
        self.assertEqual(ours, self.stock["values"])

    def test_enumerations_of_stock_module(self):
        for enumeration, members in self.stock["enumerations"].items():
            ours = {name: self.ours["enumerations"][enumeration].get(name) for name in members}
            self.assertEqual(ours, members, enumeration)

    def test_has_documented_constants(self):
        documented = documented_constants()
        self.assertGreater(len(documented), 500)
        self.assertEqual({name: self.ours["values"].get(name) for name in documented}, documented)

    def test_audit_events(self):
        self.assertEqual(self.ours["audit_events"], self.stock["audit_events"])
        self.assertEqual({event for event, _ in self.ours["audit_events"]} & EVENTS, EVENTS)


if __name__ == "__main__":
    unittest.main()
