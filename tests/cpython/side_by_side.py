# Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
"""Runs CPython's own test modules on afplug and on the stock interpreter, and compares.

side_by_side.py --interpreter AFPLUG_PYTHON --stock PYTHON [--limit SECONDS] [--leave-out FILE] [--log FILE] [--results FILE]
  [--whole] MODULE…

A test that takes longer than the limit is ended and counts as failed. The run fails where a test fails on afplug that does not on
the stock interpreter, and where a process made a socket through the stock module (witness/ tells). The stock interpreter is asked
where there is something to excuse, and for what is skipped; with --whole for everything. --leave-out names tests that neither is
asked for, a line each: a prefix of names, and the reason. --results leaves what became of each test:
{name: {"afplug": [outcome, reason], "stock": …}}.
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
    """One of the two, and where its sockets come from."""

    def __init__(self, path, limit, log, witness=None):
        self.path, self.limit, self.log = path, limit, log
        self.environment = {k: v for k, v in os.environ.items() if k != "AFPLUG_WITNESS"}
        if witness:
            self.environment["AFPLUG_WITNESS"] = witness

    def start(self, module, *more, **streams):
        return subprocess.Popen([self.path, os.path.join(HERE, "one_by_one.py"), module, *more], env=self.environment,
                                stdout=subprocess.PIPE, stderr=self.log, **streams)

    def names(self, module):
        process = self.start(module, stdin=subprocess.DEVNULL)
        out = process.communicate()[0].decode().split()
        if process.returncode != 0:
            raise SystemExit(f"{self.path} cannot list the tests of {module}: see {self.log.name}")
        return out

    def outcomes(self, module, wanted):
        """How each test ended: (outcome, reason)."""
        result = {}
        left = list(wanted)
        while left:
            # A session of its own: what hangs is ended with everything that it started.
            process = self.start(module, "-", stdin=subprocess.PIPE, start_new_session=True)
            process.stdin.write("\n".join(left).encode())
            process.stdin.close()
            running, why = None, "the process ended"
            for line in lines(process, self.limit):
                if line is None:
                    why = f"no end after {self.limit:g} s"
                    break
                name, word, reason = line.split("\t")
                running = name if word == "started" else None
                if word != "started":
                    result[name] = (word, reason)
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            process.stdout.close()
            process.wait()
            if running is not None:
                self.log.write(f"== {running}: {why}\n".encode())
                result[running] = ("failed", why)
            self.log.flush()
            rest = [name for name in left if name not in result]
            if len(rest) == len(left):
                # Skipped as a class, or setUpClass failed: nothing of them ever began.
                result.update((name, ("skipped", "never began")) for name in rest)
                break
            left = rest
        return result


def lines(process, limit):
    """The process's lines; None once it says nothing for as long as the limit."""
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
            *whole, pending = (pending + more).split(b"\n")
            yield from (line.decode() for line in whole)


def worse(ours, stock):
    return (ours == "failed" and stock != "failed") or (ours == "skipped" and stock == "passed")


def testimony(path):
    """What is wrong with where the sockets came from."""
    with open(path) as file:
        told = [line.split(maxsplit=1) for line in file]
    wrong = [f"a process made a socket through the stock module: {rest.strip()}" for word, rest in told if word == "stock"]
    if not any(word == "afplug" for word, _ in told):
        wrong.append("no process told of a socket through afplug: witness/run must run this")
    return wrong, len(told)


def compare(ours, stock, module, left_out, whole):
    """{name: {"afplug": …, "stock": …}} of a module."""
    wanted = [name for name in ours.names(module) if not name.startswith(left_out)]
    result = {name: {"afplug": outcome} for name, outcome in ours.outcomes(module, wanted).items()}
    asked = [name for name in wanted if whole or result[name]["afplug"][0] != "passed"]
    for name, outcome in stock.outcomes(module, asked).items():
        result[name]["stock"] = outcome
    return result


HEADS = ("tests", *OUTCOMES, "stock:", *OUTCOMES, "worse", "seconds")


def row(module, result, seconds):
    """A line of the table. The first of the stock interpreter's numbers is how many tests it was asked for."""
    ours = [r["afplug"][0] for r in result.values()]
    stock = [r["stock"][0] for r in result.values() if "stock" in r]
    failed = sum(worse(r["afplug"][0], r["stock"][0]) for r in result.values() if "stock" in r)
    cells = [len(ours), *map(ours.count, OUTCOMES), len(stock), *map(stock.count, OUTCOMES), failed, round(seconds)]
    return f"{module:39}" + "".join(f"{cell:8}" for cell in cells)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--interpreter", required=True)
    parser.add_argument("--stock", required=True)
    parser.add_argument("--limit", type=float, default=60)
    parser.add_argument("--leave-out")
    parser.add_argument("--log", default="side_by_side.log")
    parser.add_argument("--results")
    parser.add_argument("--whole", action="store_true")
    parser.add_argument("modules", nargs="+")
    args = parser.parse_args()

    left_out = ()
    if args.leave_out:
        with open(args.leave_out) as f:
            left_out = tuple(line.split()[0] for line in f if line.strip() and not line.startswith("#"))

    all_results, remarks = {}, []
    with open(args.log, "wb") as log, tempfile.NamedTemporaryFile(prefix="witness.") as witness:
        ours = Interpreter(args.interpreter, args.limit, log, witness.name)
        stock = Interpreter(args.stock, args.limit, log)
        print(f"{'':39}" + "".join(f"{head:>8}" for head in HEADS))
        for module in args.modules:
            began = time.monotonic()
            result = compare(ours, stock, module, left_out, args.whole)
            print(row(module, result, time.monotonic() - began), flush=True)
            for name, pair in result.items():
                (mine, why), (its, its_why) = pair["afplug"], pair.get("stock", ("", ""))
                if "failed" in (mine, its) or mine != its and its:
                    remarks.append(f"{name}: {mine} ({why}), stock {its} ({its_why})")
            all_results.update(result)
        wrong, processes = testimony(witness.name)

    print(*remarks, f"{processes} processes made sockets", *wrong, sep="\n")
    if args.results:
        with open(args.results, "w") as file:
            json.dump(all_results, file, indent=0)
    failed = [name for name, pair in all_results.items() if "stock" in pair and worse(pair["afplug"][0], pair["stock"][0])]
    if failed:
        print(f"{len(failed)} worse than the stock interpreter; the details are in {args.log}")
    return 1 if failed or wrong else 0


if __name__ == "__main__":
    sys.exit(main())
