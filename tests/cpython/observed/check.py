# Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
"""Compares afplug's module with what CPython was seen to do: check.py INTERPRETER PYTHON [--strict] TABLE…

A row holds where the outcome is the one that the table has, or the stock PYTHON's where the table leaves it to that; and where the
file `different` has the row, the one there. Without --strict, this machine may lack what a row takes (IPv6, vsock, root): there the
stock interpreter's outcome does as well.
"""

import json
import os
import subprocess
import sys

from observe import blocks

HERE = os.path.dirname(os.path.abspath(__file__))
LEFT_TO_STOCK = "= stock"


def outcomes(interpreter, tables):
    done = subprocess.run([interpreter, "-B", os.path.join(HERE, "observe.py"), *tables], check=True, stdout=subprocess.PIPE)
    return json.loads(done.stdout)


def holds(wanted, ours, stock, other, strict):
    """Whether a row's outcome is right. `other`: what `different` has, None: nothing."""
    if not strict and ours == stock:
        return True
    wanted = stock if wanted == LEFT_TO_STOCK else wanted
    return ours == wanted if other is None else ours == other != wanted


def main():
    interpreter, python, *tables = sys.argv[1:]
    strict = tables[:1] == ["--strict"]
    if strict:
        tables = tables[1:]
    rows = [row for table in tables for row in blocks(table)]
    if len({label for label, _, _ in rows}) != len(rows):
        raise SystemExit("two rows have one label")
    different = {label: outcome for label, outcome, _ in blocks(os.path.join(HERE, "different"))}
    ours, stock = outcomes(interpreter, tables), outcomes(python, tables)
    wrong = [row for row in rows if not holds(row[2], ours[row[0]], stock[row[0]], different.get(row[0]), strict)]
    for label, code, wanted in wrong:
        print(label, f"    {code}", f"    listed  {wanted}", f"    stock   {stock[label]}", f"    afplug  {ours[label]}",
              f"    different on purpose: {different.get(label, 'no')}", sep="\n")
    unknown = set(different) - set(ours) if strict else set()
    print(*(f"{label} is different on purpose, and no row" for label in unknown), sep="\n", end="\n" if unknown else "")
    print(f"{len(rows)} rows, {len(wrong)} wrong")
    return 1 if wrong or unknown or not rows else 0


sys.exit(main())
