# Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
"""Records in the file $AFPLUG_AUDIT_LOG which module creates sockets, by an audit hook for socket.__new__.

The first socket that a process creates with a module adds the line `afplug PID COMMAND…` or `stock PID COMMAND…`.
"""

import os
import sys


def install_hook(path):
    recorded = set()

    def origin(new_socket):
        for base in type(new_socket).__mro__:
            if base.__module__ == "_socket":
                module = sys.modules.get("_socket")
                return "afplug" if getattr(module, "afplug", False) and module.socket is base else "stock"
        return "stock"

    def hook(event, arguments):
        if event != "socket.__new__":
            return
        module, pid = origin(arguments[0]), os.getpid()
        if (module, pid) in recorded:
            return
        recorded.add((module, pid))
        command = " ".join([sys.executable or "?", *sys.orig_argv[1:]]).replace("\n", " ")
        file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
        try:
            os.write(file, f"{module} {pid} {command}\n".encode(errors="replace"))
        finally:
            os.close(file)

    sys.addaudithook(hook)


if os.environ.get("AFPLUG_AUDIT_LOG"):
    install_hook(os.environ["AFPLUG_AUDIT_LOG"])
