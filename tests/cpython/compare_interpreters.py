# Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
"""Runs CPython's test modules on afplug's interpreter and on the stock interpreter, and compares the outcomes.

compare_interpreters.py --interpreter AFPLUG_PYTHON --stock PYTHON [--limit SECONDS] [--exclude FILE] [--log FILE]
  [--results FILE] [--compare-all] MODULE…

A test that takes longer than the limit is killed and counts as failed. The run fails if a test has a worse outcome on
afplug than on the stock interpreter, or if a process created a socket with the stock module while afplug's interpreter
was running (audit_hook/ records this). The stock interpreter runs only the tests that did not pass on afplug; with
--compare-all it runs all. --exclude FILE lists tests not to run: a prefix of the name and the reason, one per line.
--results FILE receives the outcomes as JSON: {name: {"afplug": [outcome, reason], "stock": …}}.
"""

import argparse
import json
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
OUTCOMES = ("passed", "failed", "skipped")


class Interpreter:
    """One of the two interpreters. audit_log: the file in which the audit hook records the origin of sockets."""

    def __init__(self, path, limit, log, audit_log=None):
        self.path, self.limit, self.log = path, limit, log
        self.environment = {k: v for k, v in os.environ.items() if k != "AFPLUG_AUDIT_LOG"}
        if audit_log:
            self.environment["AFPLUG_AUDIT_LOG"] = audit_log

    def start(self, module, *more, **streams):
        return subprocess.Popen(
            [self.path, os.path.join(HERE, "run_module.py"), module, *more],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=self.log,
            **streams,
        )

    def names(self, module):
        process = self.start(module, stdin=subprocess.DEVNULL)
        out = process.communicate()[0].decode().split()
        if process.returncode != 0:
            raise SystemExit(f"{self.path} cannot list the tests of {module}: see {self.log.name}")
        return out

    def outcomes(self, module, wanted):
        """Runs the tests and returns {name: (outcome, reason)}. A new process continues after a crash or a timeout."""
        result = {}
        left = list(wanted)
        while left:
            # A new session, so that a test that hangs can be killed with all processes that it started.
            process = self.start(module, "-", stdin=subprocess.PIPE, start_new_session=True)
            process.stdin.write("\n".join(left).encode())
            process.stdin.close()
            running, reason_of_end = None, "the process ended"
            for line in lines(process, self.limit):
                if line is None:
                    reason_of_end = f"timed out after {self.limit:g} s"
                    break
                name, outcome, reason = line.split("\t")
                running = name if outcome == "started" else None
                if outcome != "started":
                    result[name] = (outcome, reason)
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            process.stdout.close()
            process.wait()
            if running is not None:
                self.log.write(f"== {running}: {reason_of_end}\n".encode())
                result[running] = ("failed", reason_of_end)
            self.log.flush()
            rest = [name for name in left if name not in result]
            if len(rest) == len(left):
                # The class is skipped or its setUpClass failed: none of its tests is started.
                result.update((name, ("skipped", "not started")) for name in rest)
                break
            left = rest
        return result


def lines(process, limit):
    """Yields the lines of the process's output, or None if there is no output for `limit` seconds."""
    pending = b""
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while True:
            if not selector.select(limit):
                yield None
                return
            more = os.read(process.stdout.fileno(), 65536)
            if not more:
                return
            *complete, pending = (pending + more).split(b"\n")
            yield from (line.decode() for line in complete)


def is_worse(ours, stock):
    return (ours == "failed" and stock != "failed") or (ours == "skipped" and stock == "passed")


def check_audit_log(path):
    """Checks the origin of all sockets. Returns the errors and the number of processes that created sockets."""
    with open(path) as file:
        entries = [line.split(maxsplit=1) for line in file]
    errors = [
        f"a process created a socket with the stock module: {rest.strip()}"
        for origin, rest in entries
        if origin == "stock"
    ]
    if not any(origin == "afplug" for origin, _ in entries):
        errors.append(
            "no process created a socket with afplug's module; start this program by audit_hook/run_with_hook"
        )
    return errors, len(entries)


def compare(ours, stock, module, excluded, compare_all):
    """Runs a test module on both interpreters: {name: {"afplug": …, "stock": …}}."""
    wanted = [name for name in ours.names(module) if not name.startswith(excluded)]
    result = {name: {"afplug": outcome} for name, outcome in ours.outcomes(module, wanted).items()}
    to_compare = [name for name in wanted if compare_all or result[name]["afplug"][0] != "passed"]
    for name, outcome in stock.outcomes(module, to_compare).items():
        result[name]["stock"] = outcome
    return result


HEADS = ("tests", *OUTCOMES, "stock:", *OUTCOMES, "worse", "seconds")


def row(module, result, seconds):
    """A line of the table. The column "stock:" is the number of tests that the stock interpreter has run."""
    ours = [r["afplug"][0] for r in result.values()]
    stock = [r["stock"][0] for r in result.values() if "stock" in r]
    failed = sum(is_worse(r["afplug"][0], r["stock"][0]) for r in result.values() if "stock" in r)
    cells = [len(ours), *map(ours.count, OUTCOMES), len(stock), *map(stock.count, OUTCOMES), failed, round(seconds)]
    return f"{module:39}" + "".join(f"{cell:8}" for cell in cells)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--interpreter", required=True)
    parser.add_argument("--stock", required=True)
    parser.add_argument("--limit", type=float, default=60)
    parser.add_argument("--exclude")
    parser.add_argument("--log", default="compare_interpreters.log")
    parser.add_argument("--results")
    parser.add_argument("--compare-all", action="store_true")
    parser.add_argument("modules", nargs="+")
    args = parser.parse_args()

    excluded = ()
    if args.exclude:
        with open(args.exclude) as f:
            excluded = tuple(line.split()[0] for line in f if line.strip() and not line.startswith("#"))

    all_results, remarks = {}, []
    with open(args.log, "wb") as log, tempfile.NamedTemporaryFile(prefix="audit.") as audit_log:
        ours = Interpreter(args.interpreter, args.limit, log, audit_log.name)
        stock = Interpreter(args.stock, args.limit, log)
        print(f"{'':39}" + "".join(f"{head:>8}" for head in HEADS))
        for module in args.modules:
            began = time.monotonic()
            result = compare(ours, stock, module, excluded, args.compare_all)
            print(row(module, result, time.monotonic() - began), flush=True)
            for name, pair in result.items():
                (ours_outcome, reason), (stock_outcome, stock_reason) = pair["afplug"], pair.get("stock", ("", ""))
                if "failed" in (ours_outcome, stock_outcome) or ours_outcome != stock_outcome and stock_outcome:
                    remarks.append(f"{name}: {ours_outcome} ({reason}), stock {stock_outcome} ({stock_reason})")
            all_results.update(result)
        errors, processes = check_audit_log(audit_log.name)

    print(*remarks, f"{processes} processes created sockets", *errors, sep="\n")
    if args.results:
        with open(args.results, "w") as file:
            json.dump(all_results, file, indent=0)
    failed = [
        name for name, pair in all_results.items() if "stock" in pair and is_worse(pair["afplug"][0], pair["stock"][0])
    ]
    if failed:
        print(f"{len(failed)} tests are worse than on the stock interpreter; see {args.log}")
    return 1 if failed or errors else 0


if __name__ == "__main__":
    sys.exit(main())
