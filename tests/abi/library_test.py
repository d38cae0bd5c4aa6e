#!/usr/bin/env python3
# Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
"""library_test.py LIBRARY [--cxx CXX] [--system DIR]… [--record]: compares libafplug's C++ ABI with the record
library.abi.

The record has three parts: the library's SONAME, its exported symbols in namespace afplug, and the layout of every
class and enumeration in namespace afplug that the public headers define. Layouts come from the debug information of a
translation unit that includes the headers (by abidw), so that the library itself needs none. asio.hpp is header-only
and windows.hpp for another system: neither is included. Mangled names lack the return types of functions, so the record
does not have them either.

--record writes library.abi anew. The rule until 1.0: a change of the ABI is allowed in a new minor version, whose
SONAME differs (SOVERSION is MAJOR.MINOR); programs that were built for the old one then do not load the new library by
mistake. The first change of the ABI after a release therefore raises the minor version; each change records the ABI in
the same commit.
"""

import argparse
import difflib
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree as ET

HERE = pathlib.Path(__file__).resolve().parent
TOP = HERE.parents[1]
RECORD = HERE / "library.abi"
NOT_INCLUDED = {"asio.hpp", "windows.hpp"}
# Names of the standard library, as programs write them.
SHORT = [
    (re.compile(r" >"), ">"),
    (re.compile(r"\[abi:cxx11\]"), ""),
    (re.compile(r"std::__cxx11::"), "std::"),
    (re.compile(r"std::basic_string_view<char, std::char_traits<char>>"), "std::string_view"),
    (re.compile(r"std::basic_string<char, std::char_traits<char>, std::allocator<char>>"), "std::string"),
    (re.compile(r"std::chrono::duration<long( int)?, std::ratio<1l?, 1000000000l?>>"), "std::chrono::nanoseconds"),
    (re.compile(r", 18446744073709551615(ul)?"), ""),
]
arguments = None


def short(text):
    for pattern, name in SHORT:
        text = pattern.sub(name, text)
    return text


def output(*command):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def soname(library):
    found = re.search(r"SONAME.*\[(.*)\]", output("readelf", "-d", library))
    return found[1] if found else "none"


def symbols(library):
    """The exported functions and objects of namespace afplug, demangled. Weak functions are inline: each program has
    its own."""
    lines = output("nm", "-D", "--defined-only", "--format=posix", library).splitlines()
    names = [line.split()[0] for line in lines if line.split()[1] in "TDBRV"]
    ours = [name for name in names if re.match(r"_Z(T[VIS])?N?K?(?:K?6afplug)", name)]
    return sorted({short(name) for name in output("c++filt", *ours).splitlines()})


def compile_headers(folder, include, compiler, system):
    """A shared object whose debug information has all types of the public headers below `include`."""
    source = pathlib.Path(folder) / "headers.cpp"
    headers = sorted(path.name for path in (include / "afplug").glob("*.hpp") if path.name not in NOT_INCLUDED)
    source.write_text("".join(f"#include <afplug/{name}>\n" for name in headers) + "void anchor() {}\n")
    library = pathlib.Path(folder) / "headers.so"
    subprocess.run([compiler, "-std=c++20", "-g", "-fno-eliminate-unused-debug-types", "-femit-class-debug-always",
                    "-shared", "-fPIC",
                    f"-I{include}", f"-I{TOP / 'sdk' / 'include'}", *(f"-isystem{d}" for d in system), source, "-o",
                    library], check=True)
    return library


def layouts(library, include):
    """One text for each class and enumeration of namespace afplug."""
    root = ET.fromstring(output("abidw", "--load-all-types", "--headers-dir", include, "--drop-private-types",
                                "--no-corpus-path",
                                "--no-comp-dir-path", "--no-show-locs", library))
    by_id, names = {}, {}

    def name_all(node, scope):
        for child in node:
            inner = scope
            if child.get("id"):
                by_id[child.get("id")] = child
                names[child.get("id")] = "::".join([*scope, child.get("name") or "(unnamed)"])
            if child.tag in ("namespace-decl", "class-decl", "union-decl"):
                inner = [*scope, child.get("name") or "(unnamed)"]
            name_all(child, inner)

    def spell(type_id):
        node = by_id.get(type_id)
        if node is None:
            return "void"
        if node.tag == "pointer-type-def":
            return spell(node.get("type-id")) + "*"
        if node.tag == "reference-type-def":
            return spell(node.get("type-id")) + ("&" if node.get("kind") == "lvalue" else "&&")
        if node.tag == "qualified-type-def":
            return "".join(f"{q} " for q in ("const", "volatile") if node.get(q) == "yes") + spell(node.get("type-id"))
        if node.tag == "array-type-def":
            return f"{spell(node.get('type-id'))}[{node[0].get('length')}]"
        if node.tag == "function-type":
            result = node.find("return")
            parameters = ', '.join(spell(p.get('type-id')) for p in node.findall('parameter'))
            return f"{spell(result.get('type-id'))}({parameters})"
        return short(names[type_id])

    def describe(node, name):
        if node.tag == "enum-decl":
            underlying = by_id[node.find('underlying-type').get('type-id')]
            return [f"enum {name}: {int(underlying.get('size-in-bits')) // 8} bytes",
                    *(f"  {e.get('name')} = {e.get('value')}" for e in node.iter("enumerator"))]
        size = int(node.get("size-in-bits", 0)) // 8
        lines = [f"{'union' if node.tag == 'union-decl' else 'class'} {name}: {size} bytes"]
        for base in node.findall("base-class"):
            lines.append(f"  {int(base.get('layout-offset-in-bits')) // 8} base {spell(base.get('type-id'))}")
        for member in node.findall("data-member"):
            offset = member.get("layout-offset-in-bits")
            if offset is not None and member.get("static") != "yes":
                lines.append(f"  {int(offset) // 8} {member[0].get('name')}: {spell(member[0].get('type-id'))}")
        virtual = {(int(function.get("vtable-offset")), function[0].get("name"))
                   for function in node.findall("member-function")
                   if function.get("vtable-offset") is not None}
        return lines + [f"  virtual {name}" for _, name in sorted(virtual)]

    name_all(root, [])
    found = {}
    for type_id, node in by_id.items():
        name = short(names[type_id])
        defined = node.tag in ("class-decl", "union-decl", "enum-decl") and node.get("is-declaration-only") != "yes"
        if defined and name.startswith("afplug::") and "afplug::plugin::" not in name and "unnamed" not in name:
            found[name] = "\n".join(describe(node, name))
    return [found[name] for name in sorted(found)]


def record(library, headers, include):
    return "\n".join([f"soname {soname(library)}", "", *symbols(library), "", *layouts(headers, include), ""])


def current():
    with tempfile.TemporaryDirectory() as folder:
        include = TOP / "core" / "include"
        headers = compile_headers(folder, include, arguments.cxx, arguments.system)
        return record(arguments.library, headers, include)


class Library(unittest.TestCase):
    def test_equals_the_record(self):
        self.maxDiff = None
        difference = "\n".join(difflib.unified_diff(RECORD.read_text().splitlines(), current().splitlines(), "recorded",
                                                    "built",
                                                    n=1, lineterm=""))
        self.assertEqual(difference, "",
                         "libafplug's ABI changed. If that is intended, raise the minor version in CMakeLists.txt "
                         "unless it was raised since the last release, and record the new ABI in the same commit: "
                         f"tests/abi/library_test.py {arguments.library} --record")


class Detection(unittest.TestCase):
    """The comparison reports what breaks programs."""

    SOURCE = """
    #define API __attribute__((visibility("default")))
    namespace afplug {
    struct API point { int x; int y; virtual ~point(); virtual int norm() const; };
    enum class colour : int { red, green };
    API int first(point);
    API int second(colour);
    point::~point() {}
    int point::norm() const { return x; }
    int first(point p) { return p.y; }
    int second(colour c) { return int(c); }
    }
    """

    def of(self, source):
        with tempfile.TemporaryDirectory() as folder:
            include = pathlib.Path(folder) / "include"
            (include / "afplug").mkdir(parents=True)
            (include / "afplug" / "all.hpp").write_text("#pragma once\n" + source)
            headers = compile_headers(folder, include, arguments.cxx, [])
            return record(headers, headers, include)

    def test_reads_symbols_and_layouts(self):
        text = self.of(self.SOURCE)
        for part in ["afplug::first(afplug::point)", "vtable for afplug::point", "class afplug::point: 16 bytes",
                     "  8 x: int",
                     "  12 y: int", "enum afplug::colour: 4 bytes\n  red = 0\n  green = 1", "  virtual norm"]:
            self.assertIn(part + "\n", text + "\n")

    def test_reports_changes(self):
        before = self.of(self.SOURCE)
        for old, new in [("API int second(colour);", ""), ("int x; int y;", "int y; int x;"),
                         ("int x; int y;", "int x; long y;"),
                         ("int x; int y;", "int x; int y; int z;"), ("int x; int y;", "unsigned x; int y;"),
                         ("red, green", "green, red"), ("API int first(point);", "API int first(const point&);"),
                         ("virtual int norm() const;", "int norm() const;")]:
            source = self.SOURCE.replace(old, new)
            self.assertNotEqual(source, self.SOURCE)
            if "second" in old:
                source = source.replace("int second(colour c)", "static inline int second(colour c)")
            if "first" in old:
                source = source.replace("int first(point p)", "int first(const point& p)")
            with self.subTest(change=new or old):
                self.assertNotEqual(self.of(source), before)


def main():
    global arguments
    parser = argparse.ArgumentParser()
    parser.add_argument("library", type=pathlib.Path)
    parser.add_argument("--cxx", default="g++")
    parser.add_argument("--system", action="append", default=[])
    parser.add_argument("--record", action="store_true")
    arguments = parser.parse_args()
    if arguments.record:
        RECORD.write_text(current())
        print(RECORD)
    else:
        unittest.main(argv=sys.argv[:1])


if __name__ == "__main__":
    main()
