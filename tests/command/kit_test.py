#!/usr/bin/env python3
# Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
"""check: that good plugins hold, and that each fault of a bad one is found."""

import os
import unittest

import support


class Kit(support.Case):
    def outcomes(self, file, exit_code, *arguments, **more):
        answer = self.ask("check", file, *arguments, exit_code=exit_code, **more)
        self.assertEqual(list(answer), ["schema", "path", "holds", "checks"])
        self.assertEqual(answer["holds"], exit_code == 0)
        for check in answer["checks"]:
            self.assertEqual(list(check), ["check", "family", "outcome", "sentence", "detail"])
            self.assertIn(check["outcome"], ("pass", "fail", "not-applicable"))
            self.assertEqual(check["detail"] is None, check["outcome"] == "pass", check)
        return {check["check"]: check for check in answer["checks"]}

    def test_what_ships_holds(self):
        files = sorted((support.BUILD / "lib/afplug").glob("*.so"))
        self.assertGreaterEqual(len(files), 8)
        for file in files:
            with self.subTest(plugin=file.name):
                self.outcomes(file, 0)

    def test_all_checks_run_for_a_family_with_pairs(self):
        for file, left_out in ((support.FERRY / "ferry.so", set()), (support.BUILD / "lib/afplug/unix.so", {"pair-readiness-slot"})):
            checks = self.outcomes(file, 0)
            self.assertEqual({name for name, c in checks.items() if c["outcome"] != "pass"}, left_out)
            self.assertGreater(len(checks), 20)

    def test_a_file_that_is_refused(self):
        checks = self.outcomes(self.bad_plugin("major_new") / "major_new.so", 1)
        self.assertEqual(list(checks), ["file"])
        self.assertIn("major_new.so", checks["file"]["detail"])
        self.outcomes(self.folder / "nonexistent.so", 1)

    def test_a_plugin_that_is_refused(self):
        self.assertIn("codec", self.outcomes(self.bad_plugin("codec_null") / "codec_null.so", 1)["load"]["detail"])

    def test_symbols_beside_the_entry(self):
        self.assertIn("helper", self.outcomes(self.bad_plugin("clash_a") / "clash_a.so", 1)["exports"]["detail"])

    def test_code_that_ends_or_holds_up_its_process(self):
        for name in ("constructor_throws", "entry_crashes", "entry_sleeps"):
            with self.subTest(plugin=name):
                checks = self.outcomes(self.bad_plugin(name) / f"{name}.so", 1, "--limit", "0.1")
                self.assertEqual(checks["load"]["outcome"], "fail")

    def test_a_check_that_crashes_costs_one_line(self):
        checks = self.outcomes(support.FERRY / "ferry.so", 1, env={**os.environ, "FERRY_CHECK": "crash"})
        failed = {name for name, check in checks.items() if check["outcome"] == "fail"}
        self.assertIn("verdicts", failed)
        self.assertEqual(checks["address-round-trip"]["outcome"], "pass")
        self.assertIn("SIGABRT", checks["verdicts"]["detail"])

    def test_each_fault_is_found(self):
        for fault, check in (("silent", "address-hostile-text"), ("silent", "address-odd-fields"), ("foreign", "address-foreign"), ("lossy", "address-round-trip"),
                             ("overrun", "address-round-trip"), ("leak", "descriptors"), ("inherited", "birth"), ("boundless", "pair-messages"),
                             ("deaf", "pair-data"), ("deaf", "pair-end"), ("eager", "pair-readiness-slot")):
            with self.subTest(fault=fault):
                checks = self.outcomes(support.FERRY / "ferry.so", 1, env={**os.environ, "FERRY_FAULT": fault})
                self.assertEqual(checks[check]["outcome"], "fail")


if __name__ == "__main__":
    support.main()
