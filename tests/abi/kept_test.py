#!/usr/bin/env python3
# Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
"""kept_test.py AFPLUG: plugins that were built when a version of the contract was frozen, MINOR/*.so, still load and
work.

They are plugins/netlink, plugins/netlink_c and plugins/loop of that time, for x86-64, stripped. They are never built
again.
"""

import json
import os
import pathlib
import subprocess
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
AFPLUG = sys.argv.pop(1)


def afplug(folder, *arguments):
    return subprocess.run([AFPLUG, *arguments], env={**os.environ, "AFPLUG_PATH": str(folder)}, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True)


class Kept(unittest.TestCase):
    def test_load_and_work(self):
        plugins = sorted(HERE.glob("*/*.so"))
        self.assertGreaterEqual(len(plugins), 3)
        for plugin in plugins:
            with self.subTest(plugin=f"{plugin.parent.name}/{plugin.name}"):
                listed = json.loads(afplug(plugin.parent, "caps", plugin.stem, "--json").stdout)
                family, = listed["families"]
                self.assertEqual(family["plugin"]["path"], str(plugin))
                self.assertIn("available", [s["verdict"] for s in family["sockets"]])
                checked = afplug(plugin.parent, "check", str(plugin))
                self.assertEqual(checked.returncode, 0, checked.stdout)


if __name__ == "__main__":
    unittest.main()
