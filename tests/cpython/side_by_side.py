# Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
"""Runs one of CPython's own test modules on afplug and on the stock interpreter, and compares.

side_by_side.py --interpreter AFPLUG_PYTHON --stock PYTHON [--limit SECONDS] [--leave-out FILE] MODULE…

A test that takes longer than the limit is ended and counts as failed. The run fails where a test fails on afplug that does not on
the stock interpreter. FILE names tests that neither is asked for, a line each: a prefix of names, and the reason.
"""

import argparse
import os
import selectors
import signal
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))


def command(interpreter, module, *more):
    return [interpreter, os.path.join(HERE, "one_by_one.py"), module, *more]


def names(interpreter, module):
    out = subprocess.run(command(interpreter, module), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True)
    return out.stdout.split()


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


def outcomes(interpreter, module, wanted, limit, log):
    """How each test ended."""
    result = {}
    left = list(wanted)
    while left:
        # A session of its own: what hangs is ended with everything that it started.
        process = subprocess.Popen(command(interpreter, module, "-"), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   stderr=log, start_new_session=True)
        process.stdin.write("\n".join(left).encode())
        process.stdin.close()
        running = None
        for line in lines(process, limit):
            if line is None:
                log.write(f"== {running}: no end after {limit} s\n".encode())
                break
            name, word = line.split("\t")
            running = name if word == "started" else None
            if word != "started":
                result[name] = word
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        process.stdout.close()
        process.wait()
        log.flush()
        if running is not None:
            result[running] = "failed"
        rest = [name for name in left if name not in result]
        if len(rest) == len(left):
            # Skipped as a class, or setUpClass failed: nothing of them ever began.
            result.update((name, "skipped") for name in rest)
            break
        left = rest
    return result


def tally(result, wanted):
    count = lambda word: sum(result.get(name) == word for name in wanted)
    return f"{count('passed')} passed, {count('failed')} failed, {count('skipped')} skipped"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--interpreter", required=True)
    parser.add_argument("--stock", required=True)
    parser.add_argument("--limit", type=float, default=60)
    parser.add_argument("--leave-out")
    parser.add_argument("--log", default="side_by_side.log")
    parser.add_argument("modules", nargs="+")
    args = parser.parse_args()

    left_out = ()
    if args.leave_out:
        with open(args.leave_out) as f:
            left_out = tuple(line.split()[0] for line in f if line.strip() and not line.startswith("#"))

    worse = []
    excused = 0
    skipped_here = set()
    total = {"passed": 0, "failed": 0, "skipped": 0}
    with open(args.log, "wb") as log:
        for module in args.modules:
            wanted = [n for n in names(args.interpreter, module) if not n.startswith(left_out)]
            ours = outcomes(args.interpreter, module, wanted, args.limit, log)
            # The stock interpreter is asked only where there is something to excuse, and for the skips.
            asked = [n for n in wanted if ours.get(n) != "passed"]
            stock = outcomes(args.stock, module, asked, args.limit, log)
            print(f"{module}: {tally(ours, wanted)}", flush=True)
            for word in ours.values():
                total[word] += 1
            skipped_here.update(name for name, word in ours.items() if word == "skipped")
            for name in asked:
                print(f"  {name}: {ours.get(name)}, stock {stock.get(name)}")
                pair = (ours.get(name), stock.get(name))
                if pair == ("failed", "failed"):
                    excused += 1  # no failure of ours, and no success
                elif pair[0] == "failed" or pair == ("skipped", "passed"):
                    worse.append(name)
    skipped = total["skipped"] - sum(1 for name in worse if name in skipped_here)
    print(f"{total['passed']} passed, {len(worse)} failed, {skipped} skipped, {excused} failed by the stock interpreter too")
    return 1 if worse else 0


sys.exit(main())
