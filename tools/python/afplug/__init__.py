# Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
"""Sockets of every address family that afplug has a plugin for.

``python3 -m afplug SCRIPT`` runs a program with afplug's _socket module, as well as child processes that it starts by
sys.executable. install() installs the module in the running process.
"""

import importlib.machinery
import importlib.util
import os
import sys


def interpreter():
    """The path of the interpreter with afplug's _socket module.

    In a virtual environment this is a link in its folder of programs, so that the interpreter finds the packages of the
    environment. The link is created if it does not exist.
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
            raise OSError(e.errno, f"cannot create the link {link} in the virtual environment ({e.strerror}); "
                                   f"create it as a link to {own}, as the owner of the environment") from None
    return link


def install():
    """Installs afplug's _socket module in this process. Must be called before anything imports socket."""
    present = sys.modules.get("_socket")
    if present is not None:
        if getattr(present, "afplug", False):
            return present
        raise ImportError("_socket has already been imported; call afplug.install() before anything imports socket")
    here = os.path.dirname(os.path.abspath(__file__))
    for suffix in importlib.machinery.EXTENSION_SUFFIXES:
        path = os.path.join(here, "_socket" + suffix)
        if os.path.exists(path):
            break
    else:
        raise ImportError(f"afplug was built for another Python version than {sys.version.split()[0]}")
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
