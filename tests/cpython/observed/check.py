# Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
"""Compares afplug's module with the observed behaviour of CPython: check.py INTERPRETER PYTHON [--strict] TABLE…

A row passes if its outcome on afplug's INTERPRETER is the one of the table, or, for `= stock`, that of the stock
PYTHON. For the rows in the file `deviations`, the outcome must be the one given there. Without --strict, the outcome of
the stock interpreter is accepted too, since the machine may lack what a row needs (IPv6, vsock, root).
"""

import json
import os
import subprocess
import sys

from observe import blocks

HERE = os.path.dirname(os.path.abspath(__file__))
SAME_AS_STOCK = "= stock"


def outcomes(interpreter, tables):
    done = subprocess.run(
        [interpreter, "-B", os.path.join(HERE, "observe.py"), *tables], check=True, stdout=subprocess.PIPE
    )
    return json.loads(done.stdout)


def passes(expected, ours, stock, deviation, strict):
    """Whether a row's outcome is right. `deviation`: its outcome in the file `deviations`, or None."""
    if not strict and ours == stock:
        return True
    expected = stock if expected == SAME_AS_STOCK else expected
    return ours == expected if deviation is None else ours == deviation != expected


def main():
    interpreter, python, *tables = sys.argv[1:]
    strict = tables[:1] == ["--strict"]
    if strict:
        tables = tables[1:]
    rows = [row for table in tables for row in blocks(table)]
    if len({label for label, _, _ in rows}) != len(rows):
        raise SystemExit("two rows have the same label")
    deviations = {label: outcome for label, outcome, _ in blocks(os.path.join(HERE, "deviations"))}
    ours, stock = outcomes(interpreter, tables), outcomes(python, tables)
    wrong = [row for row in rows if not passes(row[2], ours[row[0]], stock[row[0]], deviations.get(row[0]), strict)]
    for label, code, expected in wrong:
        print(
            label,
            f"    {code}",
            f"    expected   {expected}",
            f"    stock      {stock[label]}",
            f"    afplug     {ours[label]}",
            f"    deviation  {deviations.get(label, 'none')}",
            sep="\n",
        )
    unknown = set(deviations) - set(ours) if strict else set()
    print(
        *(f"{label}: listed in deviations, but no table has this row" for label in unknown),
        sep="\n",
        end="\n" if unknown else "",
    )
    print(f"{len(rows)} rows, {len(wrong)} wrong")
    return 1 if wrong or unknown or not rows else 0


sys.exit(main())
