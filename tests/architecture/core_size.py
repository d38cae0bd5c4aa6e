#!/usr/bin/python3
# Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
"""Holds the small core to the number of lines of code that ARCHITECTURE.md states.

The small core is core/src/{base,plugin,address,option,socket}. A line of code is a line that has more than blanks and
comments; public headers are not counted.

core_size.py ROOT
"""
import re
import sys
from pathlib import Path

SMALL_CORE = ('base', 'plugin', 'address', 'option', 'socket')
LIMIT = re.compile(r'^Lines of code in the small core: at most ([\d,]+)', re.M)
TOKEN = re.compile(
    r'(?P<literal>R"(?P<mark>[^(\s]*)\(.*?\)(?P=mark)"|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\')'
    r'|//(?:\\\n|[^\n])*|/\*.*?\*/', re.S)


def lines_of_code(text):
    without_comments = TOKEN.sub(lambda m: m[0] if m['literal'] else re.sub(r'[^\n]', '', m[0]), text)
    return sum(1 for line in without_comments.splitlines() if line.strip())


def limit(text):
    found = LIMIT.search(text)
    if not found:
        raise SystemExit('ARCHITECTURE.md has no line "Lines of code in the small core: at most N"')
    return int(found[1].replace(',', ''))


def main(root):
    root = Path(root)
    counts = {f: sum(lines_of_code(p.read_text()) for p in sorted((root / 'core/src' / f).iterdir()))
              for f in SMALL_CORE}
    total, most = sum(counts.values()), limit((root / 'ARCHITECTURE.md').read_text())
    print(', '.join(f'{name} {count}' for name, count in counts.items()))
    print(f'{total} lines of code, at most {most}')
    return 1 if total > most or not all(counts.values()) else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1]))
