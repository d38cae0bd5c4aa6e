#!/usr/bin/python3
# Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
"""Who may know whom: sdk nobody; core the sdk; a family or plugin the sdk and itself; tools and tests core's public headers.

who_knows_whom.py ROOT [BUILT…] reads the includes and the link lines below ROOT, and what the shared objects need that were built (files, or folders
of them), and names each breach.
"""
import re
import subprocess
import sys
from pathlib import Path

INCLUDE = re.compile(r'^\s*#\s*include\s*(["<])([^">]+)[">]', re.M)
LINK = re.compile(r'\btarget_link_libraries\s*\(\s*(\S+)([^)]*)\)')
INCLUDE_DIRS = re.compile(r'\btarget_include_directories\s*\(\s*\S+([^)]*)\)')
SOURCES = {'.h', '.hpp', '.c', '.cpp', '.in'}
KEYWORDS = {'PUBLIC', 'PRIVATE', 'INTERFACE', 'SYSTEM', 'BEFORE', 'AFTER'}
# Libraries of others, by the first folder of their headers.
THIRD_PARTY = {'boost', 'fmt', 'CLI', 'gtest', 'gmock'}
MAY_INCLUDE_THIRD_PARTY = {'core': {'boost'}, 'tools': THIRD_PARTY, 'tests': THIRD_PARTY}
SYSTEM_LIBRARIES = {'Threads::Threads', '${CMAKE_DL_LIBS}', 'rt', 'm', 'ws2_32', 'iphlpapi'}
FLAGS = {'afplug_build_flags', '$<BUILD_INTERFACE:afplug_build_flags>'}
# What several families are made of.
SHARED = {('families', 'ip_common'), ('families', 'windows_common')}
MAY_LINK = {
    'sdk': set(),
    'core': {'afplug::sdk', 'Boost::headers', '${arg_ABOVE}'} | SYSTEM_LIBRARIES | FLAGS,
    'families': {'afplug::sdk'} | SYSTEM_LIBRARIES | FLAGS,
    'plugins': {'afplug::sdk'} | SYSTEM_LIBRARIES | FLAGS,
}


def component(path):
    """('families', 'can') for families/can/codec.hpp; ('core', '') for core/…"""
    top = path.parts[0]
    named = top in ('families', 'plugins') and len(path.parts) > 2
    return top, path.parts[1] if named else ''


def is_public(path):
    return 'include' in path.parts[1:3]


def include_roots(root):
    yield from (root, root / 'sdk/include', root / 'core/include', *sorted(root.glob('core/src/*')), root / 'families')
    yield from sorted(root.glob('families/*/include'))
    yield from sorted(root.glob('plugins/*/include'))


def may_include(who, whom, path):
    """Whether a file of component `who` may include `path`, a file of component `whom`."""
    if whom == who or whom[0] == 'sdk':
        return True
    if who[0] == 'families':
        return whom in SHARED
    if who[0] in ('tools', 'tests'):
        return is_public(path) and (whom[0] == 'core' or who[0] == 'tests')
    return False


def resolve(root, roots, source, quoted, name):
    """The project's file that an include means; none: the system's."""
    for base in ([source.parent] if quoted else []) + roots:
        found = (base / name).resolve()
        if found.is_file() and root in found.parents:
            return found.relative_to(root)
    return None


def include_breaches(root):
    roots = list(include_roots(root))
    for top in ('sdk', 'core', 'families', 'plugins', 'tools', 'tests'):
        for source in sorted((root / top).rglob('*')):
            if source.suffix not in SOURCES or not source.is_file():
                continue
            here = source.relative_to(root)
            who = component(here)
            for mark, name in INCLUDE.findall(source.read_text(errors='replace')):
                found = resolve(root, roots, source, mark == '"', name)
                if found is not None:
                    whom = component(found)
                    if not may_include(who, whom, found):
                        yield f'{here}: includes {name}, which is {found}'
                elif name.split('/')[0] in THIRD_PARTY - MAY_INCLUDE_THIRD_PARTY.get(who[0], set()):
                    yield f'{here}: includes {name}, of a library that {who[0]} does not need'


def link_breaches(root):
    for top, allowed in MAY_LINK.items():
        for file in sorted((root / top).rglob('CMakeLists.txt')) + sorted((root / top).rglob('*.cmake')):
            here = file.relative_to(root)
            text = re.sub(r'#.*', '', file.read_text())
            # What makes a plugin, and what a stranger begins with, stand in the sdk.
            makes_plugins = top == 'sdk' and (here.name == 'AfplugAddFamily.cmake' or here.parts[1] == 'template')
            libraries_allowed = MAY_LINK['plugins'] if makes_plugins else allowed
            for target, libraries in LINK.findall(text):
                for library in libraries.split():
                    if library not in libraries_allowed | KEYWORDS:
                        yield f'{here}: links {target} to {library}'
            for directories in INCLUDE_DIRS.findall(text):
                if top in ('families', 'plugins') and re.search(r'core|sdk|tools|tests|\.\.', directories):
                    yield f'{here}: looks for headers in {" ".join(directories.split())}'
    for top in ('tools', 'tests'):
        for file in sorted((root / top).rglob('CMakeLists.txt')):
            if 'core/src' in file.read_text():
                yield f'{file.relative_to(root)}: reaches into core/src'


def needs(shared_object):
    text = subprocess.run(['readelf', '-dW', shared_object], check=True, capture_output=True, text=True).stdout
    return re.findall(r'\(NEEDED\).*\[(.*)\]', text)


def need_breaches(built):
    files = [f for b in map(Path, built) for f in (sorted(b.glob('*.so')) if b.is_dir() else [b])]
    if built and len(files) < 2:
        yield 'no plugin was built'
    for file in files:
        plugin = not file.name.startswith('libafplug')
        for library in needs(file):
            if plugin and library.startswith('libafplug'):
                yield f'{file.name}: needs {library}'
            if not library.startswith('lib') and not library.startswith('ld-'):
                yield f'{file.name}: needs the plugin {library}'


def breaches(root, built=()):
    root = Path(root).resolve()
    yield from include_breaches(root)
    yield from link_breaches(root)
    yield from need_breaches(built)


def main(arguments):
    found = list(breaches(arguments[0], arguments[1:]))
    print('\n'.join(found) or 'nobody knows whom they may not')
    return 1 if found else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
