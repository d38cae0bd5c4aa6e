# Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
"""Runs tests of one of CPython's test modules in this process.

run_module.py MODULE lists the names of the tests. run_module.py MODULE - runs the tests whose names are on stdin, and
prints NAME TAB OUTCOME TAB REASON for each, where OUTCOME is "started", then "passed", "failed" or "skipped".
"""

import importlib
import os
import sys
import unittest


class ReportingResult(unittest.TestResult):
    def __init__(self, out):
        super().__init__()
        self.out = out
        self.outcome, self.reason = "passed", ""

    def report(self, test, outcome, reason=""):
        print(test.id(), outcome, " ".join(reason.split()), sep="\t", file=self.out, flush=True)

    def startTest(self, test):
        super().startTest(test)
        self.outcome, self.reason = "passed", ""
        self.report(test, "started")

    def stopTest(self, test):
        super().stopTest(test)
        self.report(test, self.outcome, self.reason)

    def fail(self, test, err):
        self.outcome, self.reason = "failed", str(err[1])
        sys.stderr.write(f"== {test.id()}\n{self._exc_info_to_string(err, test)}\n")

    def addError(self, test, err):
        super().addError(test, err)
        self.fail(test, err)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.fail(test, err)

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None:
            self.fail(test, err)

    def addUnexpectedSuccess(self, test):
        super().addUnexpectedSuccess(test)
        self.outcome, self.reason = "failed", "unexpected success"

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        if self.outcome == "passed":
            self.outcome, self.reason = "skipped", reason


def cases(suite):
    for part in suite:
        if isinstance(part, unittest.TestSuite):
            yield from cases(part)
        else:
            yield part


def main():
    # The tests' own output to stdout goes to stderr.
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    module = importlib.import_module(sys.argv[1])
    if hasattr(module, "setUpModule"):
        module.setUpModule()
        unittest.addModuleCleanup(lambda: None)
        delattr(module, "setUpModule")
    all_cases = list(cases(unittest.defaultTestLoader.loadTestsFromModule(module)))
    if len(sys.argv) < 3:
        for case in all_cases:
            print(case.id(), file=out)
        return
    wanted = set(sys.stdin.read().split())
    unittest.TestSuite(c for c in all_cases if c.id() in wanted).run(ReportingResult(out))
    out.flush()
    unittest.doModuleCleanups()
    os._exit(0)


main()
