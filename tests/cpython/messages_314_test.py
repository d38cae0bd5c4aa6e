# Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
"""Error messages and accepted arguments of Python 3.14 that differ from earlier versions.

Run by an interpreter of an earlier version whose module was built with AFPLUG_PYTHON_MESSAGES=0x030E0000.
"""

import socket
import unittest

NEGATIVE = (ValueError, "Cannot convert negative int")


class Index:
    def __index__(self):
        return 80


class Messages(unittest.TestCase):
    def check(self, exception, message, function, *arguments):
        with self.assertRaises(exception) as caught:
            function(*arguments)
        self.assertEqual(str(caught.exception), message)

    def test_byte_order(self):
        for function, bits in (socket.htons, 16), (socket.ntohs, 16), (socket.htonl, 32), (socket.ntohl, 32):
            self.assertEqual(function(function(2**bits - 2)), 2**bits - 2)
            self.check(*NEGATIVE, function, -1)
            self.check(*NEGATIVE, function, -(2**70))
            for value in 2**bits, 2**70:
                self.check(OverflowError, f"Python int too large for C uint{bits}_t", function, value)
            self.check(TypeError, "'str' object cannot be interpreted as an integer", function, "x")

    def test_interfaces(self):
        self.check(*NEGATIVE, socket.if_indextoname, -1)
        self.check(OverflowError, "Python int too large for C unsigned int", socket.if_indextoname, 2**32)
        with self.assertRaises(OSError) as caught:
            socket.if_nametoindex("no such")
        self.assertIsNotNone(caught.exception.errno)

    def test_single_arguments(self):
        self.check(TypeError, "a bytes-like object is required, not 'str'", socket.inet_ntoa, "1234")
        self.check(TypeError, "_socket.htons() takes exactly one argument (2 given)", socket.htons, 1, 2)

    def test_port_may_be_any_index(self):
        found = socket.getaddrinfo("127.0.0.1", Index(), socket.AF_INET, socket.SOCK_STREAM)
        self.assertEqual(found[0][4], ("127.0.0.1", 80))

    def test_timeouts(self):
        with socket.socket() as s:
            s.setblocking("x")
            self.assertIsNone(s.gettimeout())
            self.check(OverflowError, "timestamp too large to convert to C PyTime_t", s.settimeout, 2**62)
            self.check(OverflowError, "timestamp out of range for platform time_t", s.settimeout, float("inf"))


if __name__ == "__main__":
    unittest.main()
