# Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
"""Unit tests of compare_interpreters.py and merge_results.py."""

import unittest

from compare_interpreters import is_worse
from merge_results import list_errors, merged_outcome


def pair(ours, stock=None):
    return {"afplug": [ours, ""]} | ({"stock": [stock, ""]} if stock else {})


class Rules(unittest.TestCase):
    def test_is_worse(self):
        outcomes = ("passed", "failed", "skipped")
        worse = {("failed", "passed"), ("failed", "skipped"), ("skipped", "passed")}
        self.assertEqual({(ours, stock) for ours in outcomes for stock in outcomes if is_worse(ours, stock)}, worse)

    def test_failure_on_any_machine_is_a_failure(self):
        self.assertEqual(merged_outcome([pair("passed"), pair("failed", "passed")]), "failed")
        self.assertEqual(merged_outcome([pair("skipped", "skipped"), pair("passed")]), "passed")
        self.assertEqual(merged_outcome([pair("failed", "failed"), pair("passed")]), "passed")
        self.assertEqual(merged_outcome([pair("failed", "failed"), pair("skipped", "skipped")]), "skipped")

    def test_skips_must_match_expected_skips(self):
        outcomes = {"a.one": "skipped", "a.two": "skipped", "b.one": "passed"}
        reasons = dict.fromkeys(outcomes, "no reason")
        self.assertEqual(list(list_errors(outcomes, [("a.", "")], reasons)), [])
        self.assertEqual(
            list(list_errors(outcomes, [("a.one", "")], reasons)), ["a.two was skipped, but is not listed: no reason"]
        )
        self.assertEqual(
            list(list_errors(outcomes, [("a.", ""), ("b.", ""), ("c.", "")], reasons)),
            ["b.one is listed, but passed", "c. is listed, but there is no such test"],
        )


if __name__ == "__main__":
    unittest.main()
