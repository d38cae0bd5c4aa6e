#!/usr/bin/python3
# Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
"""Checks that every function of core's public headers that may throw has an overload with an error_code&.

The overload takes the same arguments and then an error_code&, also where the throwing function is called without its
default arguments: recv(into, flags = 0) needs recv(into, flags, ec) and recv(into, ec). The overload of a constructor
is a static member function. Not needed for functions that are noexcept, deleted or defaulted, for operators and
destructors, and for those in CANNOT_FAIL.

error_code_overloads.py --cxx CLANG++ [--system DIRECTORY]… --include DIRECTORY… HEADER…
"""
import argparse
import json
import subprocess
import sys

# Functions that throw nothing but std::bad_alloc, or what the caller's own function objects throw.
CANNOT_FAIL = {
    'value classes: accessors, text and lookups in tables': {
        'afplug::address::fields', 'afplug::address::field', 'afplug::address::number', 'afplug::address::to_string',
        'afplug::address::host', 'afplug::address::port',
        'afplug::socket::to_string', 'afplug::error::error', 'afplug::connection_error::connection_error',
        'afplug::control_buffer::control_buffer', 'afplug::control_buffer::take_rights',
        'afplug::control_buffer::take_pidfd', 'afplug::control_builder::credentials',
        'afplug::control_builder::packet_info4', 'afplug::control_builder::packet_info6',
        'afplug::control_builder::segment_size', 'afplug::control_builder::transmit_time',
        'afplug::control_builder::timestamping',
    },
    'streams report errors as std::iostream does, and by error()': {
        'afplug::socket_streambuf::socket_streambuf', 'afplug::socket_stream::socket_stream',
    },
    'the result states whether it failed': {
        'afplug::inspect', 'afplug::load_plugin', 'afplug::explain', 'afplug::has_dualstack_ipv6', 'afplug::getfqdn',
    },
    'the registry: tables of what was found': {
        'afplug::registry::registry', 'afplug::registry::global', 'afplug::registry::add_directory',
        'afplug::registry::families', 'afplug::registry::rescan', 'afplug::registry::directories',
        'afplug::registry::seal', 'afplug::registry::warnings', 'afplug::registry::find_constant',
        'afplug::registry::constant',
    },
    'endpoints are never longer than a sockaddr_storage': {'afplug::address::address(constEndpoint&)'},
    'function objects of the caller': {
        'afplug::set_interrupt_hook', 'afplug::scoped_interrupt_hook::scoped_interrupt_hook',
    },
}
# Static member functions that are the overloads of constructors.
CONSTRUCTORS = {
    'afplug::socket::socket': ['open'],
    'afplug::address::address': ['parse', 'from_host_port', 'from_bytes'],
    'afplug::selector::selector': ['create'],
}
SKIPPED_NAMESPACES = {'afplug::detail', 'afplug::opt', 'afplug::plugin'}
FUNCTIONS = {'FunctionDecl', 'CXXMethodDecl', 'CXXConstructorDecl'}


class Function:
    def __init__(self, scope, node):
        self.scope = scope
        self.name = node['name']
        self.qualified = f'{scope}::{self.name}'
        parameters = [n for n in node.get('inner', []) if n['kind'] == 'ParmVarDecl']
        self.parameters = [spelled(p['type']['qualType']) for p in parameters]
        self.defaults = sum('init' in p for p in parameters)
        self.line = node.get('loc', {}).get('line') or node.get('loc', {}).get('expansionLoc', {}).get('line', 0)
        throws = 'noexcept' not in node['type']['qualType']
        self.may_throw = throws and not (node.get('isImplicit') or node.get('explicitlyDeleted')
                                         or node.get('explicitlyDefaulted') or self.name.startswith('operator'))
        self.reports = 'error_code&' in self.parameters
        # Redeclarations out of class repeat a member function.
        self.repeated = 'previousDecl' in node

    def __str__(self):
        return f'{self.qualified}({", ".join(self.parameters)})'


def spelled(name):
    for removed in ('afplug::', 'boost::system::', 'struct ', 'class ', ' '):
        name = name.replace(removed, '')
    return name


def walk(node, scope, functions, public=True):
    kind = node.get('kind')
    if kind in FUNCTIONS and 'name' in node:
        if public:
            functions.append(Function(scope, node))
        return
    if kind == 'FunctionTemplateDecl':
        pattern = next((n for n in node['inner'] if n['kind'] in FUNCTIONS), None)
        if pattern and public:
            functions.append(Function(scope, pattern))
        return
    if kind in ('NamespaceDecl', 'CXXRecordDecl', 'ClassTemplateDecl'):
        if kind == 'ClassTemplateDecl':
            node = next(n for n in node['inner'] if n['kind'] == 'CXXRecordDecl')
        inner = scope if node.get('isInline') else f'{scope}::{node.get("name", "")}'.strip(':')
        if inner in SKIPPED_NAMESPACES or not public:
            return
        visible = kind == 'NamespaceDecl' or node.get('tagUsed') == 'struct'
        for child in node.get('inner', []):
            if child['kind'] == 'AccessSpecDecl':
                visible = child['access'] == 'public'
            else:
                walk(child, inner, functions, visible)


def declarations(text):
    decoder, position = json.JSONDecoder(), 0
    while position < len(text):
        if text[position].isspace():
            position += 1
            continue
        node, position = decoder.raw_decode(text, position)
        yield node


def missing_overloads(functions):
    """The calls without an overload, and the entries of CANNOT_FAIL that are not needed."""
    reporting = {}
    for function in functions:
        if function.reports:
            reporting.setdefault(function.qualified, []).append(function)
    allowed = set().union(*CANNOT_FAIL.values())
    used, missing = set(), []
    for function in functions:
        if function.reports or not function.may_throw:
            continue
        names = [f'{function.scope}::{n}' for n in CONSTRUCTORS.get(function.qualified, [function.name])]
        candidates = [o for n in names for o in reporting.get(n, [])]
        for count in range(len(function.parameters) - function.defaults, len(function.parameters) + 1):
            wanted = function.parameters[:count] + ['error_code&']
            if not any(o.parameters[:count + 1] == wanted and len(o.parameters) - o.defaults <= count + 1
                       for o in candidates):
                exempt = allowed & {function.qualified, str(function)}
                if exempt:
                    used |= exempt
                else:
                    missing.append(f'{function.qualified}({", ".join(wanted)})')
    return missing, sorted(allowed - used)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--cxx', required=True)
    parser.add_argument('--system', action='append', default=[])
    parser.add_argument('--include', action='append', default=[])
    parser.add_argument('headers', nargs='+')
    arguments = parser.parse_args()
    command = [arguments.cxx, '-std=c++20', '-fsyntax-only', '-x', 'c++', '-', '-Xclang', '-ast-dump=json',
               '-Xclang', '-ast-dump-filter=afplug']
    for option, directories in (('-isystem', arguments.system), ('-I', arguments.include)):
        for directory in directories:
            command += [option, directory]
    source = ''.join(f'#include "{header}"\n' for header in arguments.headers)
    dump = subprocess.run(command, input=source, capture_output=True, text=True, check=False)
    if dump.returncode != 0:
        sys.exit(dump.stderr)
    functions = []
    for node in declarations(dump.stdout):
        # The filter prints each declaration whose qualified name contains "afplug": the namespace has all of them.
        if node['kind'] == 'NamespaceDecl' and node.get('name') == 'afplug':
            walk(node, '', functions)
    if len(functions) < 200:
        sys.exit(f'found only {len(functions)} functions: the syntax tree was not understood')
    missing, unneeded = missing_overloads(functions)
    for call in missing:
        print(f'no overload: {call}')
    for name in unneeded:
        print(f'not needed in CANNOT_FAIL: {name}')
    sys.exit(1 if missing or unneeded else 0)


if __name__ == '__main__':
    main()
