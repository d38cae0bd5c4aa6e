#!/usr/bin/python3
# Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
"""Tests that the build enforces the order of core's layers.

Each layer is a folder of core/src and an object library of its own. For every layer this tests that
  - the layer and those below it link without the others, with -Wl,--no-undefined;
  - a call from the layer below into this layer does not link without it, and links with it;
  - a file of the layer below that includes a private header of this layer does not compile, and one that includes the
  headers of its own layer and of those below does. The compile command is that of a source of the layer below.

layers.py --cxx CXX --core CORE --compile-commands FILE LAYER… where LAYER is `NAME:BELOW OBJECT…`: BELOW is the layer
directly below, or empty.
"""
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
LINK = ['-shared', '-fPIC', '-Wl,--no-undefined', '-Wl,--warn-once', '-pthread', '-ldl']
UNDEFINED = re.compile(r"undefined reference to [`']([^']*)'")


class Layer:
    def __init__(self, name, below):
        self.name, self.below, self.objects = name, below, []

    def prefix(self):
        """The layers below and this one, lowest first."""
        return [*(self.below.prefix() if self.below else []), self]

    def files(self):
        return sorted(p for p in (Core.folder / 'src' / self.name).iterdir() if p.suffix in ('.hpp', '.cpp'))

    def headers(self):
        return [p.name for p in self.files() if p.suffix == '.hpp']

    def private_file(self):
        """A file of this layer to include: a header, or a source where the layer has no private header."""
        return (self.headers() or [p.name for p in self.files()])[0]


class Core:
    cxx = 'c++'
    folder = None
    commands = []
    layers = {}


def undefined_symbols(layers, *more):
    """Links the layers' objects into a shared library and returns the names of the undefined symbols."""
    with tempfile.TemporaryDirectory() as folder:
        objects = [o for layer in layers for o in layer.objects]
        done = subprocess.run([Core.cxx, *objects, *more, *LINK, '-o', f'{folder}/core.so'], capture_output=True,
                              text=True)
    found = sorted(set(UNDEFINED.findall(done.stderr)))
    if done.returncode and not found:
        raise AssertionError(done.stderr)
    return found


def defined_functions(layers):
    """(mangled name, readable name) of the functions that the layers define."""
    objects = [o for layer in layers for o in layer.objects]
    done = subprocess.run(['nm', '--defined-only', '--extern-only', '--format=posix', *objects], check=True,
                          capture_output=True, text=True)
    names = [line.split()[0] for line in done.stdout.splitlines() if re.match(r'\S+ T ', line)]
    readable = subprocess.run(['c++filt'], input='\n'.join(names), check=True, capture_output=True,
                              text=True).stdout.splitlines()
    return dict(zip(names, readable))


def compile_command(layer):
    """The compile command of one of the layer's sources, without the source and the output."""
    source = next(str(p) for p in layer.files() if p.suffix == '.cpp')
    entry = next(e for e in Core.commands if os.path.realpath(e['file']) == os.path.realpath(source))
    words = shlex.split(entry['command'])
    if os.path.basename(words[0]) == 'ccache':
        words = words[1:]
    at = words.index('-o')
    del words[at:at + 2]
    return [w for w in words if w not in ('-c', entry['file'])], entry['directory']


def compiles(layer, text):
    """Compiles the text with the layer's compile command; returns the compiler's messages, '' on success."""
    command, directory = compile_command(layer)
    done = subprocess.run([*command, '-fsyntax-only', '-xc++', '-'], cwd=directory, input=text, capture_output=True,
                          text=True)
    return done.stderr if done.returncode else ''


class Layers(unittest.TestCase):
    def pairs(self):
        """Every layer with the one directly below it."""
        return [(layer.below, layer) for layer in Core.layers.values() if layer.below]

    def test_every_folder_is_a_layer(self):
        self.assertEqual(sorted(Core.layers), sorted(p.name for p in (Core.folder / 'src').iterdir() if p.is_dir()))
        self.assertEqual([p.name for p in (Core.folder / 'src').iterdir() if p.is_file()], [],
                         'a file outside of the layers')

    def test_each_prefix_links(self):
        for layer in Core.layers.values():
            names = ' + '.join(part.name for part in layer.prefix())
            with self.subTest(names):
                missing = undefined_symbols(layer.prefix())
                if missing:
                    self.fail('\n  '.join([f'{names} calls functions of layers above:', *missing]))

    def test_a_call_to_an_upper_layer_does_not_link(self):
        for below, layer in self.pairs():
            with self.subTest(f'{below.name} calls {layer.name}'), tempfile.TemporaryDirectory() as folder:
                known = defined_functions(below.prefix())
                symbol, name = next((s, n) for s, n in sorted(defined_functions([layer]).items()) if s not in known
                                    and n.startswith('afplug::'))
                caller = f'{folder}/caller.o'
                subprocess.run([Core.cxx, '-xc', '-c', '-fPIC', '-o', caller, '-'], check=True, text=True,
                               input=f'void callee(void) __asm__("{symbol}");\nvoid caller(void) {{ callee(); }}\n')
                self.assertIn(name, undefined_symbols(below.prefix(), caller))
                self.assertNotIn(name, undefined_symbols(layer.prefix(), caller))

    def test_an_include_of_an_upper_layer_does_not_compile(self):
        for below, layer in self.pairs():
            name = layer.private_file()
            with self.subTest(f'{below.name} includes {name} of {layer.name}'):
                self.assertRegex(compiles(below, f'#include "{name}"\n'),
                                 rf'fatal error: \'?{re.escape(name)}\'?( file not found|: No such file)')

    def test_no_file_of_an_upper_layer_is_found(self):
        for layer in Core.layers.values():
            own = {p.name for part in layer.prefix() for p in part.files()}
            above = sorted({p.name for other in Core.layers.values() for p in other.files()} - own)
            with self.subTest(layer.name):
                self.assertEqual(compiles(layer, ''.join(f'#if __has_include("{n}")\n#error {n} is found\n#endif\n'
                                                         for n in above)), '')

    def test_includes_of_own_and_lower_layers_compile(self):
        for layer in Core.layers.values():
            text = ''.join(f'#include "{n}"\n' for part in reversed(layer.prefix()) for n in part.headers())
            with self.subTest(layer.name):
                self.assertEqual(compiles(layer, text), '')


def main(arguments):
    while arguments and arguments[0].startswith('--'):
        option, value, *arguments = arguments
        if option == '--cxx':
            Core.cxx = value
        elif option == '--core':
            Core.folder = Path(value)
        elif option == '--compile-commands':
            Core.commands = json.loads(Path(value).read_text())
    layer = None
    for argument in arguments:
        if argument.endswith('.o'):
            layer.objects.append(argument)
        else:
            name, _, below = argument.partition(':')
            layer = Core.layers[name] = Layer(name, Core.layers.get(below))
    unittest.main(argv=['layers.py', '-v'])


if __name__ == '__main__':
    main(sys.argv[1:])
