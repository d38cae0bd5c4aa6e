#!/usr/bin/python3
# Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
"""Tests the checks of this folder, each on a small tree or table with one error."""
import sys
import tempfile
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).parent))
import core_size  # noqa: E402
import dependencies  # noqa: E402
import documented  # noqa: E402
import family_names  # noqa: E402
import private_references  # noqa: E402
import python_table  # noqa: E402
import self_contained  # noqa: E402

TREE = {
    'sdk/include/afplug/plugin.h': '#include <stdint.h>\n',
    'sdk/CMakeLists.txt': 'add_library(afplug_sdk INTERFACE)\n',
    'tools/python/src/object.hpp': '#include <afplug/socket.hpp>\n',
    'tools/python/CMakeLists.txt': 'target_link_libraries(afplug_python PRIVATE afplug::afplug)\n',
    'core/include/afplug/socket.hpp': '#include <afplug/plugin.h>\n#include <boost/system/error_code.hpp>\n',
    'core/src/base/inner.hpp': '#include <afplug/socket.hpp>\n',
    'core/CMakeLists.txt': 'target_link_libraries(afplug PUBLIC afplug::sdk Boost::headers)\n',
    'families/can/can.cpp': '#include <afplug/plugin.h>\n#include <afplug/can.hpp>\n#include "ip_common/tcp.hpp"\n'
                            '#include <windows_common/guid.hpp>\n#include "codec.hpp"\n',
    'families/can/codec.hpp': '#include <sys/socket.h>\n',
    'families/can/include/afplug/can.hpp': '#include <linux/can.h>\n',
    'families/ip_common/tcp.hpp': '',
    'families/windows_common/guid.hpp': '#include <afplug/plugin.h>\n',
    'families/unix/unix.cpp': '#include <afplug/plugin.h>\n',
    'families/unix/local.hpp': '',
    'families/unix/CMakeLists.txt': 'target_link_libraries(unix PRIVATE afplug::sdk)\n',
    'plugins/loop/loop.cpp': '#include <afplug/plugin.h>\n',
    'tools/afplug/main.cpp': '#include <afplug/socket.hpp>\n#include <fmt/format.h>\n',
    'tests/unit/can_test.cpp': '#include <afplug/can.hpp>\n#include <gtest/gtest.h>\n',
}


class Dependencies(unittest.TestCase):
    def forbidden(self, **changed):
        with tempfile.TemporaryDirectory() as folder:
            for name, text in {**TREE, **changed.get('files', {})}.items():
                file = Path(folder, name)
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(text)
            return list(dependencies.forbidden(folder))

    def test_allowed_dependencies(self):
        self.assertEqual(self.forbidden(), [])

    def test_forbidden_dependencies(self):
        for name, text in [
                ('sdk/include/afplug/plugin.hpp', '#include <afplug/socket.hpp>'),
                ('sdk/include/afplug/plugin.hpp', '#include <boost/asio.hpp>'),
                ('tools/python/src/a.cpp', '#include "../../../core/src/base/inner.hpp"'),
                ('core/src/base/a.cpp', '#include <afplug/can.hpp>'),
                ('core/src/base/a.cpp', '#include "../../../families/unix/local.hpp"'),
                ('core/src/base/a.cpp', '#include <fmt/format.h>'),
                ('core/src/plugin/a.cpp', '#include "../base/inner.hpp"'),
                ('families/can/a.cpp', '#include <afplug/socket.hpp>'),
                ('families/can/a.cpp', '  #  include "../unix/local.hpp"'),
                ('families/can/a.cpp', '#include "unix/local.hpp"'),
                ('families/can/a.cpp', '#include <boost/config.hpp>'),
                ('families/unix/a.cpp', '#include <afplug/can.hpp>'),
                ('families/ip_common/a.hpp', '#include <afplug/socket.hpp>'),
                ('plugins/loop/a.cpp', '#include <afplug/can.hpp>'),
                ('plugins/loop/a.cpp', '#include <afplug/socket.hpp>'),
                ('families/windows_common/a.hpp', '#include "../unix/local.hpp"'),
                ('plugins/loop/a.cpp', '#include "ip_common/tcp.hpp"'),
                ('plugins/loop/a.cpp', '#include <windows_common/guid.hpp>'),
                ('tools/afplug/a.cpp', '#include "inner.hpp"'),
                ('tools/afplug/a.cpp', '#include <afplug/can.hpp>'),
                ('tests/unit/a.cpp', '#include "../../core/src/base/inner.hpp"'),
                ('sdk/CMakeLists.txt', 'target_link_libraries(afplug_sdk INTERFACE Boost::headers)'),
                ('core/CMakeLists.txt', 'target_link_libraries(afplug PRIVATE can)'),
                ('families/unix/CMakeLists.txt', 'target_link_libraries(unix PRIVATE\n  afplug::afplug)'),
                ('families/unix/CMakeLists.txt',
                 'target_include_directories(unix PRIVATE ${PROJECT_SOURCE_DIR}/core/include)'),
                ('plugins/loop/CMakeLists.txt', 'target_link_libraries(loop PRIVATE can)'),
                ('plugins/loop/CMakeLists.txt', 'target_include_directories(loop PRIVATE ../../families)'),
                ('tests/unit/CMakeLists.txt', 'target_include_directories(a PRIVATE ${PROJECT_SOURCE_DIR}/core/src)'),
        ]:
            with self.subTest(file=name, text=text):
                found = self.forbidden(files={name: text + '\n'})
                self.assertEqual(len(found), 1, found)
                self.assertTrue(found[0].startswith(name + ':'), found)

    def test_a_commented_link_line_is_ignored(self):
        self.assertEqual(
            self.forbidden(files={'plugins/loop/CMakeLists.txt': '# target_link_libraries(loop PRIVATE can)\n'}), [])


class CoreSize(unittest.TestCase):
    def test_comments_and_blank_lines_do_not_count(self):
        self.assertEqual(core_size.lines_of_code('// a\n\nint a;  // b\n/* c\n d */ int e;\n  \n/* f\n*/\n'), 2)

    def test_comment_marks_in_literals_are_text(self):
        self.assertEqual(
            core_size.lines_of_code('auto a = "/*";\nauto b = R"(//\n\n/*)";\nchar c = \'"\';  // "\nint d;\n'), 5)

    def test_the_limit_stands_in_a_line_of_its_own(self):
        self.assertEqual(core_size.limit('# a\n\nLines of code in the small core: at most 6,000\n'), 6000)
        with self.assertRaises(SystemExit):
            core_size.limit('at most 6000')


class FamilyNames(unittest.TestCase):
    def test_names_of_families(self):
        for line in ['// SCTP sends', 'AF_UNIX', 'int a = PF_CAN;', 'sockaddr_in6 a;', 'family("unix")',
                     '// AF_RDS, CAN_ISOTP', 'IPPROTO_TCP', '// an IPv4 address',
                     'SOL_TIPC', '// ISO-TP', 'IPV6_V6ONLY', '// a UNIX socket', 'inet6']:
            with self.subTest(line):
                self.assertTrue(list(family_names.names(line)))

    def test_other_names(self):
        for line in ['#include <netinet/in.h>', 'AF_UNSPEC', 'sockaddr_storage a;', '// it can be', 'SOL_SOCKET',
                     'inet_pton(a)', '// unix(7)', '// IPPROTO_*, AF_*',
                     'SOCK_SEQPACKET', '// a packet']:
            with self.subTest(line):
                self.assertEqual(list(family_names.names(line)), [])

    def test_exceptions(self):
        with tempfile.TemporaryDirectory() as folder:
            for name in family_names.ALLOWED:
                file = Path(folder, name)
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text('')
            self.assertTrue(all(e.endswith('remove its exception') for e in family_names.errors(Path(folder))))
            Path(folder, 'src/plugin/compat_1_0.cpp').write_text('SCTP')
            Path(folder, 'src/socket').mkdir(exist_ok=True)
            Path(folder, 'src/socket/a.cpp').write_text('\nSCTP')
            found = list(family_names.errors(Path(folder)))
            self.assertIn('core/src/socket/a.cpp:2: names SCTP', found)
            self.assertFalse([e for e in found if 'compat_1_0' in e])


class PrivateReferences(unittest.TestCase):
    def test_references(self):
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, 'a').write_text('see recv(2)\n// DES' 'IGN 4\n/proc/self\ncd /wo' 'rk/main\nnetwork/main\n')
            self.assertEqual([e.split(':')[:2] for e in private_references.references(Path(folder))],
                             [['a', '2'], ['a', '4']])


class Documented(unittest.TestCase):
    def undocumented(self, source):
        return [text for _, text in documented.undocumented(source)]

    def test_documented_names(self):
        self.assertEqual(self.undocumented('''
#define GUARD
/// Text.
class a {
 public:
  a(int n) : n_{n} {}
  void f();

  /// Text.
  template <class T>
  void g(T t = {1, 2}) {
    if (t) { more(); }
  }
  void h();  // in g's group
  int i() { return 1; }  ///< text

  struct b;
  a(const a&) = delete;
  ~a();

 private:
  int n_;
};
struct forward;
/// Text.
enum class e { x, y };
namespace detail { void hidden(); struct s { int m; }; }
/* Text. */
#define MACRO(x) x
int v = 1;  ///< text
'''), [])

    def test_undocumented_names(self):
        for source in ['void f();', 'class a {};', 'struct a { int m; };', 'using a = int;', 'typedef int a;',
                       'enum a { x };', '#define A 1',
                       '/// Text.\n\nvoid f();', 'namespace n { void f(); }', 'extern "C" { int f(void); }',
                       'template <class T> class a {};',
                       'inline constexpr int a{1};', 'union u { int a; };', 'int v = 1;', 'void f() {}',
                       '/// Text.\nclass a {\n public:\n  int x();\n\n  int f();\n};',
                       '/// Text.\nstruct a {\n  int x;\n\n  int y;\n};',
                       'int v;  ///< text\nint w;', '/// Text.\nvoid f();\n\nvoid g();', 'class a;\nclass a {};']:
            with self.subTest(source=source):
                self.assertTrue(self.undocumented(source), source)


class SelfContained(unittest.TestCase):
    def failures(self, suffix, text):
        with tempfile.TemporaryDirectory() as folder:
            header = Path(folder, 'header' + suffix)
            header.write_text(text)
            return self_contained.failures('cc', 'c++', [], [header])

    def test_self_contained_headers(self):
        self.assertEqual(self.failures('.hpp',
                                       '#pragma once\n#include <string>\ninline std::string f() { return {}; }\n'), [])
        self.assertEqual(
            self.failures('.h', '#ifndef G\n#define G\n#include <stdint.h>\nstruct s { uint32_t n; };\n#endif\n'), [])

    def test_headers_that_need_another_include(self):
        self.assertTrue(self.failures('.hpp', '#pragma once\ninline std::string f();\n'))
        self.assertTrue(self.failures('.h', '#ifndef G\n#define G\nstruct s { uint32_t n; };\n#endif\n'))

    def test_header_without_a_guard(self):
        self.assertTrue(self.failures('.hpp', 'struct s {};\n'))

    def test_header_that_is_not_c(self):
        self.assertEqual(len(self.failures('.h', '#ifndef G\n#define G\nclass a {};\n#endif\n')), 1)


class PythonTable(unittest.TestCase):
    ROW = '| `connect(to)`, `connect_ex()` | `socket::connect()` | socket |\n'

    def test_a_whole_table(self):
        self.assertEqual(python_table.errors('| Python | afplug | header |\n| --- | --- | --- |\n' + self.ROW,
                                             '# methods\nconnect connect_ex\n'), [])

    def test_a_name_without_a_row(self):
        self.assertEqual(python_table.errors(self.ROW, 'connect connect_ex bind\n'), ['bind has no row'])
        self.assertEqual(python_table.errors(self.ROW, 'conn\n'), ['conn has no row'])

    def test_empty_cells(self):
        self.assertEqual(python_table.errors('| `bind` | the same | socket |\n', ''),
                         ['line 1: `bind` has no C++ name'])
        self.assertEqual(python_table.errors('| `bind` | `bind` | |\n', ''), ['line 1: `bind` has no header'])
        self.assertEqual(python_table.errors('| `bind` | `s.bind(a)` | socket |\n', ''),
                         ['line 1: `s.bind(a)` is not a C++ name'])

    def test_an_unknown_cpp_name(self):
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, 'afplug').mkdir()
            Path(folder, 'afplug/socket.hpp').write_text(
                '#pragma once\nnamespace afplug {\nclass socket {\n public:\n  void connect(int);\n'
                '  void connect(long);\n};\nvoid free_one();\n}\n')
            for cell, fine in (('`socket::connect()`', True), ('`free_one()`', True), ('`socket::bind()`', False),
                               ('`bind()`', False), ('`socket`', True)):
                (_, text, lines), _ = python_table.sources(f'| `x` | {cell} | socket |\n',
                                                           python_table.classes([folder]))
                errors = python_table.compile_errors(['c++'], [f'-I{folder}'], text, lines)
                self.assertEqual(not errors, fine, cell)
                self.assertTrue(all(e.startswith('line 1: ') for e in errors), errors)


if __name__ == '__main__':
    unittest.main()
