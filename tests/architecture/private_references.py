#!/usr/bin/python3
# Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
"""Checks that no file refers to what only its author has: working papers that are not in the repository, and paths of
one machine.

private_references.py ROOT reads the files that git tracks, or all files where ROOT is not a git work tree.
"""
import re
import subprocess
import sys
from pathlib import Path

# Built from parts, so that a search for the words does not find this file.
PAPERS = ['PAR' 'ITY', 'DES' 'IGN', 'MEAS' 'URED']
PATHS = ['/wo' 'rk/', '/tmp/' 'wt', '/tmp/' 'tools', '/ho' 'me/[a-z]']
PATTERN = re.compile('|'.join(PAPERS) + '|(?<![\\w.-])(?:' + '|'.join(PATHS) + ')')


def tracked(root):
    done = subprocess.run(['git', '-c', 'safe.directory=*', '-C', root, 'ls-files', '-z'], capture_output=True,
                          text=True)
    if done.returncode == 0:
        return [root / name for name in done.stdout.split('\0') if name]
    skipped = {root / '.git', root / 'build'}
    return [p for p in root.rglob('*') if not skipped.intersection(p.parents)]


def references(root):
    for file in tracked(root):
        if not file.is_file():
            continue
        try:
            text = file.read_text()
        except UnicodeDecodeError:
            continue  # a fuzzer's corpus
        for number, line in enumerate(text.splitlines(), 1):
            if found := PATTERN.search(line):
                yield f'{file.relative_to(root)}:{number}: {found[0]}: {line.strip()[:100]}'


def main(root):
    found = list(references(Path(root).resolve()))
    print('\n'.join(found) or 'no private references')
    return 1 if found else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1]))
