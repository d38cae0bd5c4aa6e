# Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
"""A test that passes, but creates sockets with another module, or none: the input of self_test.

AUDIT_HOOK_CASE: no-socket, no-child (only a socket in this process), or the options of a stock child interpreter.
"""

import os
import socket
import subprocess
import unittest

CASE = os.environ.get("AUDIT_HOOK_CASE", "")
CREATE_SOCKET = "import socket; socket.socket().close()"


class Sample(unittest.TestCase):
    def test_create_sockets(self):
        if CASE == "no-socket":
            return
        socket.socket().close()
        if CASE != "no-child":
            subprocess.run([os.environ["STOCK"], *CASE.split(), "-c", CREATE_SOCKET], check=True)
