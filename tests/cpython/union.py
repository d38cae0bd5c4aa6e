# Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
"""What became of CPython's test_socket over all places: union.py SKIPPED RESULTS…

RESULTS are side_by_side.py's, a file a place. A test has failed where it did worse than the stock interpreter in any place, and
passed where it passed in one and failed in none. All others are skipped; SKIPPED lists them, a line each: a prefix of names, and
the reason. The run fails where one is not listed, and where one that is listed passed. Ends with `N passed, N failed, N skipped`.
"""

import json
import os
import sys

from side_by_side import worse


def listed(path):
    with open(path) as file:
        return [tuple(line.split(maxsplit=1)) for line in file if line.strip() and not line.startswith("#")]


def verdict(outcomes):
    """passed, failed or skipped, of what a test did in each place."""
    if any("stock" in pair and worse(pair["afplug"][0], pair["stock"][0]) for pair in outcomes):
        return "failed"
    return "passed" if any(pair["afplug"][0] == "passed" for pair in outcomes) else "skipped"


def complaints(verdicts, rules, why):
    """What SKIPPED says that is not so, and what it does not say."""
    skipped = [name for name, word in verdicts.items() if word == "skipped"]
    for name in skipped:
        if not any(name.startswith(prefix) for prefix, _ in rules):
            yield f"{name} was skipped and is not listed: {why[name]}"
    for prefix, _ in rules:
        of_it = [name for name in verdicts if name.startswith(prefix)]
        if not of_it:
            yield f"{prefix} is listed as skipped and there is no such test"
        yield from (f"{name} is listed as skipped and {verdicts[name]}" for name in of_it if verdicts[name] != "skipped")


def main():
    rules = listed(sys.argv[1])
    tests, why = {}, {}
    for path in sys.argv[2:]:
        if not os.path.exists(path):
            print(f"there is no {path}: the tests of that place did not come to an end")
            return 1
        with open(path) as file:
            for name, pair in json.load(file).items():
                if name.startswith("test.test_socket."):
                    tests.setdefault(name, []).append(pair)
                    why[name] = pair["afplug"][1]
    verdicts = {name: verdict(outcomes) for name, outcomes in sorted(tests.items())}
    for name, word in verdicts.items():
        if word == "failed":
            print(f"failed: {name}: {why[name]}")
    wrong = list(complaints(verdicts, rules, why))
    print(*wrong, sep="\n", end="\n" if wrong else "")
    count = lambda word: sum(v == word for v in verdicts.values())
    print(f"{count('passed')} passed, {count('failed')} failed, {count('skipped')} skipped")
    return 1 if wrong or count("failed") or not count("passed") else 0


if __name__ == "__main__":
    sys.exit(main())
