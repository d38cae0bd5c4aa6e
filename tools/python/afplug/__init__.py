# Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
"""Sockets of every address family that afplug has a plugin for.

``python3 -m afplug SCRIPT`` runs a program, and every process that it starts by sys.executable, with its sockets answered by
afplug. install() does so for the running process alone.
"""

import importlib.machinery
import importlib.util
import os
import sys


def interpreter():
    """The path of the interpreter whose _socket is afplug's.

    In a virtual environment that is a link among its programs, made here, by which the interpreter finds the packages there.
    """
    own = os.path.join(os.path.dirname(os.path.realpath(__file__)), "python")
    if sys.prefix == sys.base_prefix:
        return own
    link = os.path.join(os.path.dirname(sys.executable), "python-afplug")
    if os.path.realpath(link) != own:
        fresh = f"{link}.{os.getpid()}"
        try:
            os.symlink(own, fresh)
            os.replace(fresh, link)
        except OSError as e:
            raise OSError(e.errno, f"afplug's interpreter takes a link in the virtual environment, and {link} "
                                   f"cannot be made ({e.strerror}): have its owner make it a link to {own}") from None
    return link


def install():
    """Has this process's socket module use afplug; to be called before anything imports it."""
    present = sys.modules.get("_socket")
    if present is not None:
        if getattr(present, "afplug", False):
            return present
        raise ImportError("_socket was imported already: call afplug.install() before anything imports socket")
    here = os.path.dirname(os.path.abspath(__file__))
    for suffix in importlib.machinery.EXTENSION_SUFFIXES:
        path = os.path.join(here, "_socket" + suffix)
        if os.path.exists(path):
            break
    else:
        raise ImportError(f"afplug was built for another Python than {sys.version.split()[0]}")
    loader = importlib.machinery.ExtensionFileLoader("_socket", path)
    spec = importlib.util.spec_from_file_location("_socket", path, loader=loader)
    module = importlib.util.module_from_spec(spec)
    sys.modules["_socket"] = module
    try:
        loader.exec_module(module)
    except BaseException:
        del sys.modules["_socket"]
        raise
    return module
