# Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
"""Runs tests of one of CPython's test modules in this process and tells how each ended, a line each: NAME TAB OUTCOME TAB REASON.

one_by_one.py MODULE: lists their names. one_by_one.py MODULE -: runs those that standard input names.
"""

import importlib
import os
import sys
import unittest


class Teller(unittest.TestResult):
    def __init__(self, out):
        super().__init__()
        self.out = out
        self.told, self.reason = "passed", ""

    def say(self, test, word, reason=""):
        print(test.id(), word, " ".join(reason.split()), sep="\t", file=self.out, flush=True)

    def startTest(self, test):
        super().startTest(test)
        self.told, self.reason = "passed", ""
        self.say(test, "started")

    def stopTest(self, test):
        super().stopTest(test)
        self.say(test, self.told, self.reason)

    def fail(self, test, err):
        self.told, self.reason = "failed", str(err[1])
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
        self.told, self.reason = "failed", "passed, and was expected to fail"

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        if self.told == "passed":
            self.told, self.reason = "skipped", reason


def cases(suite):
    for part in suite:
        if isinstance(part, unittest.TestSuite):
            yield from cases(part)
        else:
            yield part


def main():
    # What the tests print themselves must not come between.
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
    unittest.TestSuite(c for c in all_cases if c.id() in wanted).run(Teller(out))
    out.flush()
    unittest.doModuleCleanups()
    os._exit(0)


main()
