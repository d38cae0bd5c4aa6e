# Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
"""Tests that pass and whose sockets are not afplug's, or nobody's: what witness/check shows to side_by_side.py."""

import os
import socket
import subprocess
import unittest

CASE = os.environ.get("STRAYED", "")
MAKE = "import socket; socket.socket().close()"


class Strayed(unittest.TestCase):
    def test_it(self):
        if CASE == "nothing":
            return
        socket.socket().close()
        if CASE != "not":
            subprocess.run([os.environ["STOCK"], *CASE.split(), "-c", MAKE], check=True)
