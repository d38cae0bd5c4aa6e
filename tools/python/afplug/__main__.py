# Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
"""python3 -m afplug ARGUMENT…: runs the interpreter with afplug's _socket module with these command-line arguments."""

import os
import sys

from . import interpreter

try:
    path = interpreter()
except OSError as error:
    sys.exit(f"python3 -m afplug: {error.strerror}")
os.execv(path, [path, *sys.argv[1:]])
