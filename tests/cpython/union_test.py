# Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
"""The rules of side_by_side.py and union.py."""

import unittest

from side_by_side import worse
from union import complaints, verdict


def pair(ours, stock=None):
    return {"afplug": [ours, ""]} | ({"stock": [stock, ""]} if stock else {})


class Rules(unittest.TestCase):
    def test_worse_is_what_the_stock_interpreter_does_better(self):
        found = {(a, b): worse(a, b) for a in ("passed", "failed", "skipped") for b in ("passed", "failed", "skipped")}
        bad = {("failed", "passed"), ("failed", "skipped"), ("skipped", "passed")}
        self.assertEqual({pair for pair, is_worse in found.items() if is_worse}, bad)

    def test_a_failure_anywhere_counts(self):
        self.assertEqual(verdict([pair("passed"), pair("failed", "passed")]), "failed")
        self.assertEqual(verdict([pair("skipped", "skipped"), pair("passed")]), "passed")
        self.assertEqual(verdict([pair("failed", "failed"), pair("passed")]), "passed")
        self.assertEqual(verdict([pair("failed", "failed"), pair("skipped", "skipped")]), "skipped")

    def test_every_skip_is_listed_and_every_line_is_true(self):
        verdicts = {"a.one": "skipped", "a.two": "skipped", "b.one": "passed"}
        why = dict.fromkeys(verdicts, "no reason")
        self.assertEqual(list(complaints(verdicts, [("a.", "")], why)), [])
        self.assertEqual(list(complaints(verdicts, [("a.one", "")], why)),
                         ["a.two was skipped and is not listed: no reason"])
        self.assertEqual(list(complaints(verdicts, [("a.", ""), ("b.", ""), ("c.", "")], why)),
                         ["b.one is listed as skipped and passed", "c. is listed as skipped and there is no such test"])


if __name__ == "__main__":
    unittest.main()
