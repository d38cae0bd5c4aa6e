# Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
"""Every interpreter that finds this tells in the file $AFPLUG_WITNESS, once a process, that it made a socket, and through which
module: a line `afplug PID` or `stock PID COMMAND…`."""

import os
import sys


def watch(path):
    told = set()

    def through(made):
        for kind in type(made).__mro__:
            if kind.__module__ == "_socket":
                module = sys.modules.get("_socket")
                return "afplug" if getattr(module, "afplug", False) and module.socket is kind else "stock"
        return "stock"

    def hook(event, arguments):
        if event != "socket.__new__":
            return
        word, pid = through(arguments[0]), os.getpid()
        if (word, pid) in told:
            return
        told.add((word, pid))
        command = " ".join([sys.executable or "?", *sys.orig_argv[1:]]).replace("\n", " ")
        file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
        try:
            os.write(file, f"{word} {pid} {command}\n".encode(errors="replace"))
        finally:
            os.close(file)

    sys.addaudithook(hook)


if os.environ.get("AFPLUG_WITNESS"):
    watch(os.environ["AFPLUG_WITNESS"])
