# Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
"""python3 -m afplug SCRIPT [ARGUMENT …] | -m MODULE … | -c CODE …: what follows is the interpreter's command line."""

import os
import sys

from . import interpreter

try:
    path = interpreter()
except OSError as error:
    sys.exit(f"python3 -m afplug: {error.strerror}")
os.execv(path, [path, *sys.argv[1:]])
