#!/usr/bin/env python3
# Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
"""afplug check: correct plugins pass, and each fault of a faulty one is found."""

import os

import support


class Check(support.Case):
    def outcomes(self, file, exit_code, *arguments, **more):
        answer = self.run_json("check", file, *arguments, exit_code=exit_code, **more)
        self.assertEqual(list(answer), ["schema", "path", "holds", "checks"])
        self.assertEqual(answer["holds"], exit_code == 0)
        for check in answer["checks"]:
            self.assertEqual(list(check), ["check", "family", "outcome", "sentence", "detail"])
            self.assertIn(check["outcome"], ("pass", "fail", "not-applicable"))
            # The libraries that a plugin needs are listed in any case.
            listed = check["check"] == "libraries"
            self.assertEqual(check["detail"] is None, check["outcome"] == "pass" and not listed, check)
        return {check["check"]: check for check in answer["checks"]}

    def test_shipped_plugins_pass(self):
        files = sorted((support.BUILD / "lib/afplug").glob("*.so"))
        self.assertGreaterEqual(len(files), 8)
        for file in files:
            with self.subTest(plugin=file.name):
                self.outcomes(file, 0)

    def test_all_checks_run_for_a_family_with_pairs(self):
        for file, not_applicable in (
            (support.FAULTY / "faulty_plugin.so", set()),
            (support.BUILD / "lib/afplug/unix.so", {"pair-readiness-slot"}),
        ):
            checks = self.outcomes(file, 0)
            self.assertEqual({name for name, c in checks.items() if c["outcome"] != "pass"}, not_applicable)
            self.assertGreater(len(checks), 20)

    def test_file_check_refuses_the_file(self):
        checks = self.outcomes(self.bad_plugin("major_new") / "major_new.so", 1)
        self.assertEqual(list(checks), ["file"])
        self.assertIn("major_new.so", checks["file"]["detail"])
        self.outcomes(self.folder / "nonexistent.so", 1)

    def test_loader_refuses_the_plugin(self):
        self.assertIn("codec", self.outcomes(self.bad_plugin("codec_null") / "codec_null.so", 1)["load"]["detail"])

    def test_exported_symbols_other_than_the_entry(self):
        self.assertIn("helper", self.outcomes(self.bad_plugin("clash_a") / "clash_a.so", 1)["exports"]["detail"])

    def test_plugin_crashes_or_hangs_while_loading(self):
        for name in ("constructor_throws", "entry_crashes", "entry_sleeps"):
            with self.subTest(plugin=name):
                checks = self.outcomes(self.bad_plugin(name) / f"{name}.so", 1, "--limit", "0.1")
                self.assertEqual(checks["load"]["outcome"], "fail")

    def test_crash_in_one_check_does_not_affect_others(self):
        checks = self.outcomes(
            support.FAULTY / "faulty_plugin.so", 1, env={**os.environ, "FAULTY_PLUGIN_CHECK": "crash"}
        )
        failed = {name for name, check in checks.items() if check["outcome"] == "fail"}
        self.assertIn("verdicts", failed)
        self.assertEqual(checks["address-round-trip"]["outcome"], "pass")
        self.assertIn("SIGABRT", checks["verdicts"]["detail"])

    def test_each_fault_is_found(self):
        for fault, check in (
            ("no_error_text", "address-hostile-text"),
            ("no_error_text", "address-odd-fields"),
            ("accepts_other_family", "address-foreign"),
            ("drops_last_byte", "address-round-trip"),
            ("overruns_buffer", "address-round-trip"),
            ("leaks_descriptor", "descriptors"),
            ("not_close_on_exec", "birth"),
            ("merges_messages", "pair-messages"),
            ("recv_fails", "pair-data"),
            ("recv_fails", "pair-end"),
            ("always_ready", "pair-readiness-slot"),
        ):
            with self.subTest(fault=fault):
                checks = self.outcomes(
                    support.FAULTY / "faulty_plugin.so", 1, env={**os.environ, "FAULTY_PLUGIN_FAULT": fault}
                )
                self.assertEqual(checks[check]["outcome"], "fail")


if __name__ == "__main__":
    support.main()
