#!/usr/bin/python3
# Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
"""Checks that every public header compiles without another include before it, and may be included twice.

self_contained.py --cc CC --cxx CXX [--system DIR]… [--include DIR]… HEADER… compiles a .h as C11 and as C++20, a .hpp
as C++20, with warnings as errors.
"""
import argparse
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

WARNINGS = ['-Wall', '-Wextra', '-Wpedantic', '-Wconversion', '-Wsign-conversion', '-Wshadow', '-Werror']


def compile_alone(compiler, language, standard, flags, header):
    source = f'#include "{header}"\n#include "{header}"\n'
    command = [compiler, f'-x{language}', f'-std={standard}', '-fsyntax-only', *WARNINGS, *flags, '-']
    done = subprocess.run(command, input=source, capture_output=True, text=True)
    return '' if done.returncode == 0 else f'{header} as {standard}:\n{done.stderr}'


def accepts(compiler, flag):
    command = [compiler, '-Werror', flag, '-fsyntax-only', '-xc++', '/dev/null']
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def failures(cc, cxx, flags, headers):
    jobs = []
    cxx_flags = flags + [f for f in ('-Wuseless-cast',) if accepts(cxx, f)]
    for header in map(Path, headers):
        if header.suffix == '.h':
            jobs.append((cc, 'c', 'c11', flags, header.resolve()))
        jobs.append((cxx, 'c++', 'c++20', cxx_flags, header.resolve()))
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return [text for text in pool.map(lambda job: compile_alone(*job), jobs) if text]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--cc', default='cc')
    parser.add_argument('--cxx', default='c++')
    parser.add_argument('--system', action='append', default=[])
    parser.add_argument('--include', action='append', default=[])
    parser.add_argument('headers', nargs='+')
    given = parser.parse_args()
    flags = [f'-isystem{d}' for d in given.system if d] + [f'-I{d}' for d in given.include]
    found = failures(given.cc, given.cxx, flags, given.headers)
    print('\n'.join(found) or f'{len(given.headers)} self-contained headers')
    return 1 if found else 0


if __name__ == '__main__':
    sys.exit(main())
