#!/usr/bin/python3
# Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
"""Checks which component depends on which.

The sdk depends on nothing. Core depends on the sdk, each family and plugin on the sdk alone, tools and tests on the
public headers of core and the sdk. Inside core, a folder's headers are included by name: the build's include paths hold
the order of the layers, so a path with `..` is an error.

dependencies.py ROOT [BUILT…] reads the includes and the link lines below ROOT, and what the built shared objects
(files, or folders of them) need, and prints each forbidden dependency.
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
# Third-party libraries, by the first folder of their headers.
THIRD_PARTY = {'boost', 'fmt', 'CLI', 'gtest', 'gmock'}
MAY_INCLUDE_THIRD_PARTY = {'core': {'boost'}, 'tools': THIRD_PARTY, 'tests': THIRD_PARTY}
SYSTEM_LIBRARIES = {'Threads::Threads', '${CMAKE_DL_LIBS}', 'rt', 'm', 'ws2_32', 'iphlpapi'}
FLAGS = {'afplug_build_flags'}
# Code that several families share.
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


# Private headers that a test may include, and why.
PRIVATE_IN_TESTS = {
    # The fuzzer makes descriptors in memory: a file for each input would be too slow.
    Path('tests/fuzz/fuzz_descriptor.cpp'): Path('core/src/plugin/descriptor.hpp'),
}


def may_include(source, target, path):
    """Whether a file of component `source` may include `path`, a file of component `target`."""
    if target == source or target[0] == 'sdk':
        return True
    if source[0] == 'families':
        return target in SHARED
    if source[0] in ('tools', 'tests'):
        return is_public(path) and (target[0] == 'core' or source[0] == 'tests')
    return False


def resolve(root, roots, file, quoted, name):
    """The project's file that an include names, or None for a system header."""
    for base in ([file.parent] if quoted else []) + roots:
        found = (base / name).resolve()
        if found.is_file() and root in found.parents:
            return found.relative_to(root)
    return None


def forbidden_includes(root):
    roots = list(include_roots(root))
    for top in ('sdk', 'core', 'families', 'plugins', 'tools', 'tests'):
        for file in sorted((root / top).rglob('*')):
            if file.suffix not in SOURCES or not file.is_file():
                continue
            here = file.relative_to(root)
            source = component(here)
            for mark, name in INCLUDE.findall(file.read_text(errors='replace')):
                found = resolve(root, roots, file, mark == '"', name)
                if found is not None:
                    if not may_include(source, component(found), found) and PRIVATE_IN_TESTS.get(here) != found:
                        yield f'{here}: includes {name}, which is {found}'
                    elif top == 'core' and '..' in Path(name).parts:
                        yield f'{here}: includes {name} by a path with ..'
                elif name.split('/')[0] in THIRD_PARTY - MAY_INCLUDE_THIRD_PARTY.get(source[0], set()):
                    yield f'{here}: includes {name}, from a library that {source[0]} may not use'


def forbidden_links(root):
    for top, allowed in MAY_LINK.items():
        for file in sorted((root / top).rglob('CMakeLists.txt')) + sorted((root / top).rglob('*.cmake')):
            here = file.relative_to(root)
            text = re.sub(r'#.*', '', file.read_text())
            # The sdk also holds the CMake function that builds plugins and the template of a new plugin.
            makes_plugins = top == 'sdk' and (here.name == 'AfplugAddFamily.cmake' or here.parts[1] == 'template')
            libraries_allowed = MAY_LINK['plugins'] if makes_plugins else allowed
            for target, libraries in LINK.findall(text):
                for library in re.sub(r'\$<(?:BUILD|INSTALL)_INTERFACE:(.*?)>', r'\1', libraries).split():
                    if library not in libraries_allowed | KEYWORDS:
                        yield f'{here}: links {target} to {library}'
            for directories in INCLUDE_DIRS.findall(text):
                if top in ('families', 'plugins') and re.search(r'core|sdk|tools|tests|\.\.', directories):
                    yield f'{here}: adds the include directory {" ".join(directories.split())}'
    for top in ('tools', 'tests'):
        for file in sorted((root / top).rglob('CMakeLists.txt')):
            if 'core/src' in file.read_text():
                yield f'{file.relative_to(root)}: uses core/src'


def needed_libraries(shared_object):
    text = subprocess.run(['readelf', '-dW', shared_object], check=True, capture_output=True, text=True).stdout
    return re.findall(r'\(NEEDED\).*\[(.*)\]', text)


def forbidden_needs(built):
    files = [f for b in map(Path, built) for f in (sorted(b.glob('*.so')) if b.is_dir() else [b])]
    if built and len(files) < 2:
        yield 'no plugin was built'
    for file in files:
        plugin = not file.name.startswith('libafplug')
        for library in needed_libraries(file):
            if plugin and library.startswith('libafplug'):
                yield f'{file.name}: needs {library}'
            if not library.startswith('lib') and not library.startswith('ld-'):
                yield f'{file.name}: needs the plugin {library}'


def forbidden(root, built=()):
    root = Path(root).resolve()
    yield from forbidden_includes(root)
    yield from forbidden_links(root)
    yield from forbidden_needs(built)


def main(arguments):
    found = list(forbidden(arguments[0], arguments[1:]))
    print('\n'.join(found) or 'no forbidden dependency')
    return 1 if found else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
