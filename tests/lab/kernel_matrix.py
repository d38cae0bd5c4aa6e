#!/usr/bin/env python3
# Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
"""kernel_matrix.py [--ran] RESULTS EXPECTED_SKIPS

Reads GoogleTest's reports in RESULTS/KERNEL/**/*.json, where KERNEL is host, uml or qemu. Prints how many tests of each
binary ran on each kernel, and lists the tests that were skipped on all. Fails if such a test matches no line of
EXPECTED_SKIPS (a pattern, blanks, the reason), or if there are no reports of a kernel.

With --ran it only prints the names of the tests that ran on at least one kernel.
"""
import collections
import fnmatch
import json
import pathlib
import sys

KERNELS = ("host", "uml", "qemu")


def read_reports(results):
    """(binary, test) -> {kernel: whether it ran there}."""
    tests = collections.defaultdict(dict)
    for kernel in KERNELS:
        for report in sorted((results / kernel).rglob("*.json")):
            binary = report.name.split(".")[0]
            for suite in json.loads(report.read_text(errors="replace"))["testsuites"]:
                for test in suite["testsuite"]:
                    if test["status"] != "RUN":
                        continue
                    name = f"{suite['name']}.{test['name']}"
                    tests[binary, name][kernel] = tests[binary, name].get(kernel) or test["result"] != "SKIPPED"
    return tests


def skip_reasons(results):
    """test -> the reason that the last guest gave for skipping it."""
    lines = [line for path in sorted(results.rglob("skips")) for line in path.read_text().splitlines()]
    return dict(line.split(": ", 1) for line in lines if ": " in line)


def expected_skips(path):
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
    results, allowed = pathlib.Path(arguments[0]), expected_skips(pathlib.Path(arguments[1]))
    tests = read_reports(results)
    ran = {test for test, kernels in tests.items() if any(kernels.values())}
    if only_names:
        print("\n".join(sorted(name for _, name in ran)))
        return 0

    width = max([len(binary) for binary, _ in tests] + [6])
    print(f"{'':{width}}  {'tests':>6}" + "".join(f"  {kernel:>6}" for kernel in KERNELS) + f"  {'none':>7}")
    for binary in sorted({binary for binary, _ in tests}):
        own = [(test, kernels) for test, kernels in tests.items() if test[0] == binary]
        counts = [sum(kernels.get(kernel, False) for _, kernels in own) for kernel in KERNELS]
        skipped = sum(test not in ran for test, _ in own)
        print(f"{binary:{width}}  {len(own):6}" + "".join(f"  {count:6}" for count in counts) + f"  {skipped:7}")

    failed = False
    for kernel in KERNELS:
        if not any((results / kernel).rglob("*.json")):
            print(f"no reports of the kernel {kernel}: run the tests with the labels lab, conformance and families")
            failed = True
    unexpected, why = [], skip_reasons(results)
    for binary, name in sorted(set(tests) - ran):
        reason = next((reason for pattern, reason in allowed if fnmatch.fnmatchcase(name, pattern)), None)
        print(f"skipped on all kernels: {name}: {reason or why.get(name, 'no reason recorded')}")
        if reason is None:
            unexpected.append(name)
    if unexpected:
        print(f"{len(unexpected)} tests were skipped on all kernels and are not in {arguments[1]}")
        failed = True
    return 1 if failed else 0


sys.exit(main())
