#!/usr/bin/python3
# Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
"""Checks the table in sdk/docs/python.md: every name of Python's reference has a row, no cell is empty, and every C++
name exists.

python_table.py --cxx CXX [--windows-cxx CXX] [--system DIR]… [--include DIR]… TABLE NAMES
"""
import argparse
import re
import subprocess
import sys
import tempfile
from pathlib import Path

CODE = re.compile(r'`([^`]+)`')
NAME = re.compile(r'(::)?[A-Za-z_]\w*(::[A-Za-z_]\w*)*(\(\))?')


def rows(text):
    """(line, Python's column, afplug's, headers) of every row of the tables."""
    for line, row in enumerate(text.splitlines(), 1):
        cells = [cell.strip() for cell in row.strip().strip('|').split('|')]
        if row.startswith('|') and len(cells) == 3 and cells[0] != 'Python' and not cells[0].startswith('---'):
            yield line, *cells


def python_names(cell):
    """The names in Python's column: the beginnings of its code spans."""
    return {re.match(r'[\w.]*', span)[0] for span in CODE.findall(cell)}


def wanted(text):
    return [name for line in text.splitlines() if not line.startswith('#') for name in line.split()]


def errors(table, names):
    """Missing rows, empty cells and malformed names."""
    listed, found = set(), []
    for line, python, cpp, headers in rows(table):
        listed |= python_names(python)
        spans = CODE.findall(cpp)
        if not spans:
            found.append(f'line {line}: {python} has no C++ name')
        if not headers:
            found.append(f'line {line}: {python} has no header')
        found += [f'line {line}: `{span}` is not a C++ name' for span in spans if not NAME.fullmatch(span)]
    return found + [f'{name} has no row' for name in wanted(names) if name not in listed]


def classes(include_directories):
    """The names of the classes in the headers."""
    text = ''.join(file.read_text() for folder in include_directories for file in Path(folder).glob('afplug/*.h*'))
    return set(re.findall(r'^(?:(?:class|struct) (?:AFPLUG_API )?|using (?=\w+ =))(\w+)', text, re.M))


def sources(table, known_classes):
    """Yields two translation units, for this system and for Windows, that use every C++ name of the table.

    Each is (for Windows, text, the line of the table for each line of the text).
    """
    units = {False: ([], []), True: ([], [])}
    includes = {False: set(), True: set()}
    for line, _, cpp, headers in rows(table):
        for header in (h.strip().strip('`') for h in headers.split(',')):
            includes[header == 'windows'].add(header if header.startswith('<') else f'<afplug/{header}.hpp>')
        for span in CODE.findall(cpp):
            name = span.removesuffix('()')
            qualified = name if name.startswith(('::', 'boost::')) else f'afplug::{name}'
            *scope, last = name.split('::')
            text, lines = units[name.startswith('windows::')]
            probe = f'probe_{len(text)}'
            if scope and scope[-1] in known_classes:
                owner = qualified.removesuffix(f'::{last}')
                text.append(f'struct {probe} : {owner} {{ using {owner}::{last}; }};')
            else:
                text.append(f'namespace {probe} {{ using {qualified}; }}')
            lines.append(line)
    for windows, (text, lines) in units.items():
        head = [f'#include {header}' for header in sorted(includes[windows])]
        yield windows, '\n'.join(head + text) + '\n', [0] * len(head) + lines


def compile_errors(compiler, flags, text, lines):
    done = subprocess.run([*compiler, '-xc++', '-std=c++20', '-fsyntax-only', *flags, '-'], input=text,
                          capture_output=True, text=True)
    if done.returncode == 0:
        return []
    at = re.findall(r'^<stdin>:(\d+):\d+: error: (.*)', done.stderr, re.M)
    return [f'line {lines[int(n) - 1]}: {why}' for n, why in at if int(n) <= len(lines)] or [done.stderr]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--cxx', default='c++')
    parser.add_argument('--windows-cxx')
    parser.add_argument('--system', action='append', default=[])
    parser.add_argument('--include', action='append', default=[])
    parser.add_argument('table', type=Path)
    parser.add_argument('names', type=Path)
    given = parser.parse_args()
    table = given.table.read_text()
    found = errors(table, given.names.read_text())
    flags = [f'-I{d}' for d in given.include]
    for windows, text, lines in sources(table, classes(given.include)):
        system = [f'-isystem{d}' for d in given.system if d]
        if not windows:
            found += compile_errors([given.cxx], flags + system, text, lines)
        elif given.windows_cxx:
            # Boost's headers without this system's other headers, which are not for Windows
            with tempfile.TemporaryDirectory() as folder:
                Path(folder, 'boost').symlink_to(Path(given.system[0] if system else '/usr/include', 'boost'))
                found += compile_errors([given.windows_cxx, '-D_WIN32_WINNT=0x0A00'], flags + [f'-isystem{folder}'],
                                        text, lines)
    print('\n'.join(found)
          or f'{sum(1 for _ in rows(table))} rows, {len(wanted(given.names.read_text()))} names of Python')
    return 1 if found else 0


if __name__ == '__main__':
    sys.exit(main())
