#!/usr/bin/python3
# Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
"""The checks of this folder see what they are for: small houses with one breach each."""
import sys
import tempfile
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).parent))
import documented  # noqa: E402
import python_table  # noqa: E402
import self_contained  # noqa: E402
import who_knows_whom  # noqa: E402

HOUSE = {
    'sdk/include/afplug/plugin.h': '#include <stdint.h>\n',
    'sdk/CMakeLists.txt': 'add_library(afplug_sdk INTERFACE)\n',
    'tools/python/src/object.hpp': '#include <afplug/socket.hpp>\n',
    'tools/python/CMakeLists.txt': 'target_link_libraries(afplug_python PRIVATE afplug::afplug)\n',
    'core/include/afplug/socket.hpp': '#include <afplug/plugin.h>\n#include <boost/system/error_code.hpp>\n',
    'core/src/base/inner.hpp': '#include <afplug/socket.hpp>\n',
    'core/CMakeLists.txt': 'target_link_libraries(afplug PUBLIC afplug::sdk Boost::headers)\n',
    'families/can/can.cpp': '#include <afplug/plugin.h>\n#include <afplug/can.hpp>\n#include "ip_common/tcp.hpp"\n#include <windows_common/guid.hpp>\n#include "codec.hpp"\n',
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


class WhoKnowsWhom(unittest.TestCase):
    def breaches(self, **changed):
        with tempfile.TemporaryDirectory() as folder:
            for name, text in {**HOUSE, **changed.get('files', {})}.items():
                file = Path(folder, name)
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(text)
            return list(who_knows_whom.breaches(folder))

    def test_house_in_order(self):
        self.assertEqual(self.breaches(), [])

    def test_breaches(self):
        for name, text in [
                ('sdk/include/afplug/plugin.hpp', '#include <afplug/socket.hpp>'),
                ('sdk/include/afplug/plugin.hpp', '#include <boost/asio.hpp>'),
                ('tools/python/src/a.cpp', '#include "../../../core/src/base/inner.hpp"'),
                ('core/src/base/a.cpp', '#include <afplug/can.hpp>'),
                ('core/src/base/a.cpp', '#include "../../../families/unix/local.hpp"'),
                ('core/src/base/a.cpp', '#include <fmt/format.h>'),
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
                ('families/unix/CMakeLists.txt', 'target_include_directories(unix PRIVATE ${PROJECT_SOURCE_DIR}/core/include)'),
                ('plugins/loop/CMakeLists.txt', 'target_link_libraries(loop PRIVATE can)'),
                ('plugins/loop/CMakeLists.txt', 'target_include_directories(loop PRIVATE ../../families)'),
                ('tests/unit/CMakeLists.txt', 'target_include_directories(a PRIVATE ${PROJECT_SOURCE_DIR}/core/src)'),
        ]:
            with self.subTest(file=name, text=text):
                found = self.breaches(files={name: text + '\n'})
                self.assertEqual(len(found), 1, found)
                self.assertTrue(found[0].startswith(name + ':'), found)

    def test_commented_link_line_is_none(self):
        self.assertEqual(self.breaches(files={'plugins/loop/CMakeLists.txt': '# target_link_libraries(loop PRIVATE can)\n'}), [])


class Documented(unittest.TestCase):
    def bare(self, source):
        return [text for _, text in documented.undocumented(source)]

    def test_words_are_seen(self):
        self.assertEqual(self.bare('''
#define GUARD
/// Words.
class a {
 public:
  a(int n) : n_{n} {}
  void f();

  /// Words.
  template <class T>
  void g(T t = {1, 2}) {
    if (t) { more(); }
  }
  void h();  // in g's group
  int i() { return 1; }  ///< words

  struct b;
  a(const a&) = delete;
  ~a();

 private:
  int n_;
};
struct forward;
/// Words.
enum class e { x, y };
namespace detail { void hidden(); struct s { int m; }; }
/* Words. */
#define MACRO(x) x
int v = 1;  ///< words
'''), [])

    def test_want_of_words_is_seen(self):
        for source in ['void f();', 'class a {};', 'struct a { int m; };', 'using a = int;', 'typedef int a;', 'enum a { x };', '#define A 1',
                       '/// Words.\n\nvoid f();', 'namespace n { void f(); }', 'extern "C" { int f(void); }', 'template <class T> class a {};',
                       'inline constexpr int a{1};', 'union u { int a; };', 'int v = 1;', 'void f() {}',
                       '/// Words.\nclass a {\n public:\n  int x();\n\n  int f();\n};', '/// Words.\nstruct a {\n  int x;\n\n  int y;\n};',
                       'int v;  ///< words\nint w;', '/// Words.\nvoid f();\n\nvoid g();', 'class a;\nclass a {};']:
            with self.subTest(source=source):
                self.assertTrue(self.bare(source), source)


class SelfContained(unittest.TestCase):
    def failures(self, suffix, text):
        with tempfile.TemporaryDirectory() as folder:
            header = Path(folder, 'header' + suffix)
            header.write_text(text)
            return self_contained.failures('cc', 'c++', [], [header])

    def test_headers_in_order(self):
        self.assertEqual(self.failures('.hpp', '#pragma once\n#include <string>\ninline std::string f() { return {}; }\n'), [])
        self.assertEqual(self.failures('.h', '#ifndef G\n#define G\n#include <stdint.h>\nstruct s { uint32_t n; };\n#endif\n'), [])

    def test_headers_that_lean_on_others(self):
        self.assertTrue(self.failures('.hpp', '#pragma once\ninline std::string f();\n'))
        self.assertTrue(self.failures('.h', '#ifndef G\n#define G\nstruct s { uint32_t n; };\n#endif\n'))

    def test_header_without_a_guard(self):
        self.assertTrue(self.failures('.hpp', 'struct s {};\n'))

    def test_header_that_is_only_cpp(self):
        self.assertEqual(len(self.failures('.h', '#ifndef G\n#define G\nclass a {};\n#endif\n')), 1)


class PythonTable(unittest.TestCase):
    ROW = '| `connect(to)`, `connect_ex()` | `socket::connect()` | socket |\n'

    def test_a_whole_table(self):
        self.assertEqual(python_table.complaints('| Python | afplug | header |\n| --- | --- | --- |\n' + self.ROW, '# methods\nconnect connect_ex\n'), [])

    def test_a_name_without_a_row(self):
        self.assertEqual(python_table.complaints(self.ROW, 'connect connect_ex bind\n'), ['bind has no row'])
        self.assertEqual(python_table.complaints(self.ROW, 'conn\n'), ['conn has no row'])

    def test_empty_cells(self):
        self.assertEqual(python_table.complaints('| `bind` | the same | socket |\n', ''), ['line 1: `bind` has no C++ name'])
        self.assertEqual(python_table.complaints('| `bind` | `bind` | |\n', ''), ['line 1: `bind` has no header'])
        self.assertEqual(python_table.complaints('| `bind` | `s.bind(a)` | socket |\n', ''), ['line 1: `s.bind(a)` is no C++ name'])

    def test_a_cpp_name_that_is_not_there(self):
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, 'afplug').mkdir()
            Path(folder, 'afplug/socket.hpp').write_text('#pragma once\nnamespace afplug {\nclass socket {\n public:\n  void connect(int);\n  void connect(long);\n};\nvoid free_one();\n}\n')
            for cell, fine in (('`socket::connect()`', True), ('`free_one()`', True), ('`socket::bind()`', False), ('`bind()`', False), ('`socket`', True)):
                (_, text, lines), _ = python_table.sources(f'| `x` | {cell} | socket |\n', python_table.classes([folder]))
                errors = python_table.compile_errors(['c++'], [f'-I{folder}'], text, lines)
                self.assertEqual(not errors, fine, cell)
                self.assertTrue(all(e.startswith('line 1: ') for e in errors), errors)


if __name__ == '__main__':
    unittest.main()
