// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Tables with aligned columns. Colours and rules are used only on a terminal, and not if NO_COLOR is set.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace afplug::command {

enum class colour { none, good, bad, doubtful, quiet, strong };

/// Properties of stdout.
struct terminal {
  bool decorated;  ///< use colours, rules and non-ASCII characters
  unsigned width;  ///< columns; 0: unlimited

  static const terminal& out();
};

/// The text with escape sequences for the colour, or unchanged if stdout is not decorated.
std::string paint(colour c, std::string_view text);

struct cell {
  std::string text;
  colour text_colour = colour::none;
};

/// Rows in aligned columns. On a terminal the last column is wrapped to the terminal's width.
class table {
 public:
  explicit table(std::vector<std::string> titles) : titles_(std::move(titles)) {}
  /// Adds a row. "\xXX" replaces bytes of its texts that are not part of a printable character.
  void add(std::vector<cell> row);
  bool empty() const noexcept { return rows_.empty(); }
  void print() const;

 private:
  std::vector<std::string> titles_;
  std::vector<std::vector<cell>> rows_;
};

}  // namespace afplug::command
