# Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
"""A plugin that was added after the module was built is loaded when one of its names is used.

other_plugin_test.py PLUGIN, where PLUGIN is that of tests/bad_plugins without an error.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import unittest

PLUGIN = sys.argv.pop(1)

PROGRAM = """
import _socket, socket

def mapped():
    with open("/proc/self/maps") as f:
        return sorted({line.split()[-1].rpartition("/")[2] for line in f if line.strip().endswith(".so")} & names)

VALUE = 42
names = {"other.so", "inet.so", "loop.so"}
assert mapped() == [], mapped()
assert not hasattr(socket, "TEST_CONSTANT") and mapped() == [], mapped()
assert not hasattr(_socket, "__all__") and mapped() == [], mapped()
assert _socket.TEST_CONSTANT == VALUE, _socket.TEST_CONSTANT
assert _socket.AF_GOOD == 200, _socket.AF_GOOD
assert mapped() == ["other.so"], mapped()
try:
    _socket.NO_SUCH_NAME
except AttributeError as e:
    assert str(e) == "module '_socket' has no attribute 'NO_SUCH_NAME'", e
try:
    socket.socket("good", 77)
except OSError as e:
    assert e.errno, e
"""


class OtherPlugin(unittest.TestCase):
    def test_is_loaded_when_used(self):
        with tempfile.TemporaryDirectory() as folder:
            shutil.copy(PLUGIN, os.path.join(folder, "other.so"))
            os.chmod(os.path.join(folder, "other.so"), 0o755)
            done = subprocess.run(
                [sys.executable, "-c", PROGRAM],
                env={**os.environ, "AFPLUG_PATH": folder},
                capture_output=True,
                text=True,
            )
        self.assertEqual((done.returncode, done.stderr), (0, ""))


if __name__ == "__main__":
    unittest.main()
