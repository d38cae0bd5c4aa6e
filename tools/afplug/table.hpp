// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Tables and colours: on a terminal, and never with NO_COLOR; anywhere else plain columns.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace afplug::command {

enum class colour { none, good, bad, doubtful, quiet, strong };

/// What stdout can do.
struct terminal {
  bool decorated;  ///< colours, box drawing, text beyond ASCII
  unsigned width;  ///< columns; 0: any number

  static const terminal& out();
};

/// The text in a colour, where stdout has colours.
std::string paint(colour in, std::string_view text);

/// A cell: its text and colour.
struct cell {
  std::string text;
  colour in = colour::none;
};

/// Rows in aligned columns; on a terminal the last column is wrapped to its width.
class table {
 public:
  explicit table(std::vector<std::string> titles) : titles_(std::move(titles)) {}
  void add(std::vector<cell> row) { rows_.push_back(std::move(row)); }
  bool empty() const noexcept { return rows_.empty(); }
  void print() const;

 private:
  std::vector<std::string> titles_;
  std::vector<std::vector<cell>> rows_;
};

}  // namespace afplug::command
