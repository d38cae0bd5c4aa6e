#!/usr/bin/env python3
# Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
"""What ran where: summary.py [--ran] RESULTS EXCEPTIONS

Reads RESULTS/PLACE/*.json, GoogleTest's own reports of the host and of the labs, and prints for each binary how many of
its tests ran where, and every test that ran nowhere. Such a test must match a line of EXCEPTIONS (a pattern, blanks, the
reason), else this fails; so it does where a place left no report. --ran prints the names of the tests that ran, and ends.
"""
import collections
import fnmatch
import json
import pathlib
import sys

PLACES = ("host", "uml", "qemu")


def read(results):
    """(binary, test) -> {place: whether it ran there}."""
    tests = collections.defaultdict(dict)
    for place in PLACES:
        for report in sorted((results / place).rglob("*.json")):
            binary = report.name.split(".")[0]
            for suite in json.loads(report.read_text(errors="replace"))["testsuites"]:
                for test in suite["testsuite"]:
                    if test["status"] != "RUN":
                        continue
                    name = f"{suite['name']}.{test['name']}"
                    tests[binary, name][place] = tests[binary, name].get(place) or test["result"] != "SKIPPED"
    return tests


def reasons(results):
    """test -> why the last lab skipped it."""
    lines = [line for path in sorted(results.rglob("skips")) for line in path.read_text().splitlines()]
    return dict(line.split(": ", 1) for line in lines if ": " in line)


def exceptions(path):
    rules = []
    for line in path.read_text().splitlines():
        if line and not line.startswith("#"):
            pattern, reason = line.split(maxsplit=1)
            rules.append((pattern, reason))
    return rules


def main():
    arguments = sys.argv[1:]
    only_names = arguments[:1] == ["--ran"]
    if only_names:
        arguments = arguments[1:]
    results, allowed = pathlib.Path(arguments[0]), exceptions(pathlib.Path(arguments[1]))
    tests = read(results)
    ran = {test for test, places in tests.items() if any(places.values())}
    if only_names:
        print("\n".join(sorted(name for _, name in ran)))
        return 0

    width = max([len(binary) for binary, _ in tests] + [6])
    print(f"{'':{width}}  {'tests':>6}" + "".join(f"  {place:>6}" for place in PLACES) + f"  {'nowhere':>7}")
    for binary in sorted({binary for binary, _ in tests}):
        own = [(test, places) for test, places in tests.items() if test[0] == binary]
        counts = [sum(places.get(place, False) for _, places in own) for place in PLACES]
        nowhere = sum(test not in ran for test, _ in own)
        print(f"{binary:{width}}  {len(own):6}" + "".join(f"  {count:6}" for count in counts) + f"  {nowhere:7}")

    failed = False
    for place in PLACES:
        if not any((results / place).rglob("*.json")):
            print(f"no report of {place}: run the tests labelled lab, conformance and families")
            failed = True
    unexplained, why = [], reasons(results)
    for binary, name in sorted(set(tests) - ran):
        reason = next((reason for pattern, reason in allowed if fnmatch.fnmatchcase(name, pattern)), None)
        print(f"ran nowhere: {name}: {reason or why.get(name, 'skipped')}")
        if reason is None:
            unexplained.append(name)
    if unexplained:
        print(f"{len(unexplained)} ran nowhere and are not in {arguments[1]}")
        failed = True
    return 1 if failed else 0


sys.exit(main())
