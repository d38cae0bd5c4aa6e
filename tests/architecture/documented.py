#!/usr/bin/python3
# Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
"""Checks that every public name in a header has a documentation comment.

documented.py HEADER… prints each name without one. A declaration is documented by a comment on its lines or directly
above it. A comment above a declaration also covers the declarations that follow without a blank line, and a type's
comment covers the members at the beginning of its body up to the first blank line. Private members, namespaces
`detail`, special members, overrides and forward declarations need no comment.
"""
import re
import sys
from pathlib import Path

TOKEN = re.compile(
    r'(?P<comment>//[^\n]*|/\*.*?\*/)'
    r'|(?P<define>^[ \t]*\#[ \t]*define\b(?:\\\n|[^\n])*)'
    r'|(?P<directive>^[ \t]*\#(?:\\\n|[^\n])*)'
    r'|(?P<text>"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])\')'
    r'|(?P<char>\S)'
    r'|(?P<space>\s+)', re.S | re.M)
TYPE = re.compile(
    r'^(?:template\s*<.*>\s*)?(?:typedef\s+)?(?:class|struct|union|enum(?:\s+(?:class|struct))?)\b(?P<rest>[^=(]*)$',
    re.S)
SPECIAL = re.compile(
    r'^(?:(?:public|private|protected)$|friend\b|static_assert\b|using\s+(?:namespace|enum)\b|using\s+[\w:]+$'
    r'|extern\s+template\b|template\s*<\s*>|~|virtual\s+~)'
    r'|=\s*(?:delete|default)$|\boverride\b|\b(\w+)\s*\(\s*(?:const\s+)?\1\s*&&?\s*\w*\s*\)'
    r'|\boperator\s*(?:[=!<>]=|<=>|<|>|<<|=)\s*\(')

FORWARD = re.compile(r'^(?:template\s*<.*>\s*)?(?:class|struct|union|enum)\b[^{=(]*$')


class Comments:
    """The lines of comments: on lines of their own, or after code."""

    def __init__(self):
        self.above = set()  # last lines of comments on lines of their own
        self.after = set()  # lines of comments after code


class Declaration:
    """`first` to `last` are the lines of its head, `end` is where its body ends; `opens`: a type with its members."""

    def __init__(self, text, first, last, end=0, opens=False):
        self.text, self.first, self.last, self.end, self.opens = ' '.join(text.split()), first, last, end or last, opens

    def needs_no_comment(self):
        return SPECIAL.search(self.text) or (FORWARD.match(self.text) and not self.opens)


def tokens(source):
    line = 1
    for match in TOKEN.finditer(source):
        yield match.lastgroup, match.group(), line
        line += match.group().count('\n')


def split(source):
    """Returns a header's comments, its code as (character or literal, line), and its macros."""
    comments, code, defines = Comments(), [], []
    code_line = 0
    for kind, text, line in tokens(source):
        last = line + text.count('\n')
        if kind == 'comment':
            if line == code_line:
                comments.after.add(line)
            else:
                comments.above.add(last)
        elif kind == 'define':
            words = text.split()
            inner = re.search(r'/\*|//', text)
            if inner:
                comments.after.add(line)
            if len(words) > 2:  # more than an include guard
                defines.append(Declaration(text.split('(')[0], line, last))
            code_line = last
        elif kind == 'char' or kind == 'text':
            code.append((text, line))
            code_line = last
        elif kind == 'space':
            code.append((' ', line))
    return comments, code, defines


class Scanner:
    def __init__(self, source):
        self.comments, self.code, defines = split(source)
        self.at = 0
        self.undocumented = []
        self.check(defines, 0)

    def check(self, declarations, begin):
        """`begin`: the line after which the type's comment covers the first declaration, or 0."""
        end_of_group = begin
        for d in declarations:
            above = d.first - 1 in self.comments.above
            after = any(line in self.comments.after for line in [*range(d.first, d.last + 1), d.end])
            grouped = end_of_group and d.first <= end_of_group + 1
            if not (above or after or grouped or d.needs_no_comment()):
                self.undocumented.append((d.first, d.text[:70]))
            end_of_group = d.end if above or grouped else 0

    def skip_block(self):
        """Skips a block in braces; returns its last line."""
        depth, line = 0, 0
        while self.at < len(self.code):
            text, line = self.code[self.at]
            self.at += 1
            depth += (text == '{') - (text == '}')
            if depth == 0:
                break
        return line

    def next_visible(self):
        at = self.at
        while at < len(self.code) and self.code[at][0] == ' ':
            at += 1
        return self.code[at][0] if at < len(self.code) else ''

    def scope(self, kind, public=True, begin=0):
        """Reads one scope up to its closing brace; returns its last line. `kind`: namespace, type, enum or hidden."""
        declarations, text, first, last, depth, line = [], '', 0, 0, 0, 0

        def end(at):
            nonlocal text, first
            if text.strip() and public and kind != 'hidden':
                declarations.append(Declaration(text, first, last, at))
            text, first = '', 0

        while self.at < len(self.code):
            char, line = self.code[self.at]
            if char == '}' and depth == 0:
                self.at += 1
                break
            if char == '{' and depth == 0:
                last = line
                inner = inner_kind(text.strip())
                if inner == 'body':
                    closed = self.skip_block()
                    if self.next_visible() in (',', '{', ';', '('):
                        text += '{}'
                    else:
                        end(closed)
                else:
                    self.at += 1
                    self.inner_scope(inner, kind, public, declarations, Declaration(text, first, line, opens=True))
                    text, first = '', 0
                continue
            self.at += 1
            depth += (char in '([') - (char in ')]')
            if (char == ';' or (char == ',' and kind == 'enum')) and depth == 0:
                last = line
                end(line)
            elif char == ':' and text.strip() in ('public', 'private', 'protected'):
                public = text.strip() == 'public'
                if begin and not declarations:
                    begin = line
                text, first = '', 0
            elif char != ' ' or first:
                first = first or line
                text += char
                last = line if char != ' ' else last
        end(line)
        self.check(declarations, begin)
        return line

    def inner_scope(self, inner, kind, public, declarations, head):
        if inner == 'namespace' or kind == 'hidden' or inner == 'hidden':
            self.scope('hidden' if 'hidden' in (kind, inner) else 'namespace')
            return
        own = head.first - 1 in self.comments.above or re.match(r'template\s*<\s*>', head.text)
        nameless = re.match(r'(struct|union)$', head.text)
        if public and not nameless:
            declarations.append(head)
        is_class = re.match(r'(template\s*<.*>\s*)?class\b', head.text)
        # The members of an unnamed struct or union belong to the type around it.
        head.end = self.scope(inner if public else 'hidden', not is_class, head.last if own or nameless else 0)
        while self.at < len(self.code) and self.code[self.at][0] != ';':
            self.at += 1


def inner_kind(head):
    """What kind of scope a brace after this text opens."""
    if re.match(r'(inline\s+)?namespace\b', head):
        return 'hidden' if re.search(r'\bnamespace\s*(detail\b.*)?$', head) else 'namespace'
    if re.match(r'extern\s*"C"$', head):
        return 'namespace'
    if TYPE.match(head):
        return 'enum' if re.search(r'\benum\b', head) else 'type'
    return 'body'


def undocumented(source):
    scanner = Scanner(source)
    while scanner.at < len(scanner.code):
        scanner.scope('namespace')
    return sorted(scanner.undocumented)


def main(headers):
    bad = 0
    for header in headers:
        for line, text in undocumented(Path(header).read_text()):
            print(f'{header}:{line}: {text}')
            bad += 1
    print(f'{len(headers)} headers, {bad} undocumented names')
    return 1 if bad or not headers else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
