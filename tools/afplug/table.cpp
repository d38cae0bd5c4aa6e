// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
#include "table.hpp"

#include <fmt/core.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <afplug/plugin/encoding.hpp>
#include <algorithm>
#include <cstdlib>

namespace afplug::command {
namespace {

constexpr std::string_view codes[] = {"", "\x1b[32m", "\x1b[31m", "\x1b[33m", "\x1b[2m", "\x1b[1m"};
constexpr std::string_view gap = "  ";
constexpr std::size_t min_wrap_width = 24;  // do not wrap the last column if it has fewer columns

std::size_t width_of(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

/// Splits the text at spaces into lines of at most `width` columns. Words longer than that are not split.
std::vector<std::string> wrap(std::string_view text, std::size_t width) {
  std::vector<std::string> lines(1);
  while (!text.empty()) {
    const auto end = std::min(text.find(' '), text.size());
    const auto word = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (!lines.back().empty() && width_of(lines.back()) + 1 + width_of(word) > width) lines.emplace_back();
    if (!lines.back().empty()) lines.back() += ' ';
    lines.back() += word;
  }
  return lines;
}

std::string padded(const cell& c, std::size_t width) {
  return paint(c.text_colour, c.text) + std::string(width - std::min(width, width_of(c.text)), ' ');
}

}  // namespace

const terminal& terminal::out() {
  static const terminal it = [] {
    const char* no_color = std::getenv("NO_COLOR");
    const char* term = std::getenv("TERM");
    const bool is_terminal = ::isatty(1) != 0;
    ::winsize size{};
    if (is_terminal) ::ioctl(1, TIOCGWINSZ, &size);
    return terminal{is_terminal && !(no_color && *no_color) && !(term && std::string_view(term) == "dumb"),
                    size.ws_col};
  }();
  return it;
}

std::string paint(colour c, std::string_view text) {
  if (c == colour::none || text.empty() || !terminal::out().decorated) return std::string(text);
  return fmt::format("{}{}\x1b[0m", codes[static_cast<std::size_t>(c)], text);
}

void table::add(std::vector<cell> row) {
  for (auto& each : row) each.text = plugin::escape_unprintable(each.text);
  rows_.push_back(std::move(row));
}

void table::print() const {
  const auto columns = titles_.size();
  std::vector<std::size_t> widths(columns);
  for (std::size_t i = 0; i < columns; ++i) {
    widths[i] = width_of(titles_[i]);
    for (const auto& row : rows_) widths[i] = std::max(widths[i], width_of(row[i].text));
  }
  std::size_t indent = 0;  // of the last column
  for (std::size_t i = 0; i + 1 < columns; ++i) indent += widths[i] + gap.size();
  const std::size_t available = terminal::out().width;
  const bool wraps = available >= indent + min_wrap_width;
  if (wraps) widths.back() = std::min(widths.back(), available - indent);

  const auto line = [&](const std::vector<cell>& row) {
    std::string out;
    for (std::size_t i = 0; i + 1 < columns; ++i) (out += padded(row[i], widths[i])) += gap;
    const auto& last = row[columns - 1];
    bool first = true;
    for (const auto& part : wraps ? wrap(last.text, widths.back()) : std::vector{last.text}) {
      if (!first) (out += '\n') += std::string(indent, ' ');
      out += paint(last.text_colour, part);
      first = false;
    }
    out.erase(out.find_last_not_of(' ') + 1);
    fmt::print("{}\n", out);
  };

  std::vector<cell> head;
  for (const auto& title : titles_) head.push_back({title, colour::strong});
  line(head);
  if (terminal::out().decorated) {
    std::string rule;
    for (std::size_t i = 0; i < columns; ++i) {
      for (std::size_t n = 0; n < widths[i]; ++n) rule += "─";
      if (i + 1 < columns) rule += gap;
    }
    fmt::print("{}\n", paint(colour::quiet, rule));
  }
  for (const auto& row : rows_) line(row);
}

}  // namespace afplug::command
