# Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
"""Merges the outcomes of CPython's test_socket on several machines: merge_results.py EXPECTED_SKIPS RESULTS…

RESULTS are files that compare_interpreters.py wrote, one for each machine. A test has failed if its outcome was worse
than the stock interpreter's on any machine, has passed if it did not fail and passed on at least one machine, and else
was skipped. EXPECTED_SKIPS lists the skipped tests: a prefix of the name and the reason, one per line. Fails if a test
failed, a skipped test is not listed, or a listed test was not skipped. Ends with `N passed, N failed, N skipped`.
"""

import json
import os
import sys

from compare_interpreters import is_worse


def read_expected_skips(path):
    with open(path) as file:
        return [tuple(line.split(maxsplit=1)) for line in file if line.strip() and not line.startswith("#")]


def merged_outcome(outcomes):
    """The outcome of a test, from its outcomes on each machine."""
    if any("stock" in pair and is_worse(pair["afplug"][0], pair["stock"][0]) for pair in outcomes):
        return "failed"
    return "passed" if any(pair["afplug"][0] == "passed" for pair in outcomes) else "skipped"


def list_errors(outcomes, expected_skips, reasons):
    """Yields the differences between the skipped tests and the expected ones."""
    skipped = [name for name, outcome in outcomes.items() if outcome == "skipped"]
    for name in skipped:
        if not any(name.startswith(prefix) for prefix, _ in expected_skips):
            yield f"{name} was skipped, but is not listed: {reasons[name]}"
    for prefix, _ in expected_skips:
        matching = [name for name in outcomes if name.startswith(prefix)]
        if not matching:
            yield f"{prefix} is listed, but there is no such test"
        yield from (f"{name} is listed, but {outcomes[name]}" for name in matching if outcomes[name] != "skipped")


def main():
    expected_skips = read_expected_skips(sys.argv[1])
    tests, reasons = {}, {}
    for path in sys.argv[2:]:
        if not os.path.exists(path):
            print(f"{path} does not exist: compare_interpreters.py did not finish on that machine")
            return 1
        with open(path) as file:
            for name, pair in json.load(file).items():
                if name.startswith("test.test_socket."):
                    tests.setdefault(name, []).append(pair)
                    reasons[name] = pair["afplug"][1]
    outcomes = {name: merged_outcome(pairs) for name, pairs in sorted(tests.items())}
    for name, outcome in outcomes.items():
        if outcome == "failed":
            print(f"failed: {name}: {reasons[name]}")
    errors = list(list_errors(outcomes, expected_skips, reasons))
    print(*errors, sep="\n", end="\n" if errors else "")
    passed, failed, skipped = (sum(o == word for o in outcomes.values()) for word in ("passed", "failed", "skipped"))
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if errors or failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
