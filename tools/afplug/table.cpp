// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
#include "table.hpp"

#include <fmt/core.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

namespace afplug::command {
namespace {

constexpr std::string_view codes[] = {"", "\x1b[32m", "\x1b[31m", "\x1b[33m", "\x1b[2m", "\x1b[1m"};
constexpr std::string_view gap = "  ";
constexpr std::size_t least_column = 24;  // below this nothing is wrapped

std::size_t width_of(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

/// Lines of at most `width` columns, broken at spaces; longer words stay whole.
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
  return paint(c.in, c.text) + std::string(width - std::min(width, width_of(c.text)), ' ');
}

}  // namespace

const terminal& terminal::out() {
  static const terminal it = [] {
    const char* plain = std::getenv("NO_COLOR");
    const char* kind = std::getenv("TERM");
    const bool is_terminal = ::isatty(1) != 0;
    ::winsize size{};
    if (is_terminal) ::ioctl(1, TIOCGWINSZ, &size);
    return terminal{is_terminal && !(plain && *plain) && !(kind && std::string_view(kind) == "dumb"), size.ws_col};
  }();
  return it;
}

std::string paint(colour in, std::string_view text) {
  if (in == colour::none || text.empty() || !terminal::out().decorated) return std::string(text);
  return fmt::format("{}{}\x1b[0m", codes[static_cast<std::size_t>(in)], text);
}

void table::print() const {
  const auto columns = titles_.size();
  std::vector<std::size_t> widths(columns);
  for (std::size_t i = 0; i < columns; ++i) {
    widths[i] = width_of(titles_[i]);
    for (const auto& row : rows_) widths[i] = std::max(widths[i], width_of(row[i].text));
  }
  std::size_t before = 0;
  for (std::size_t i = 0; i + 1 < columns; ++i) before += widths[i] + gap.size();
  const std::size_t room = terminal::out().width;
  const bool wraps = room >= before + least_column;
  if (wraps) widths.back() = std::min(widths.back(), room - before);

  const auto line = [&](const std::vector<cell>& row) {
    std::string out;
    for (std::size_t i = 0; i + 1 < columns; ++i) (out += padded(row[i], widths[i])) += gap;
    const auto& last = row[columns - 1];
    bool first = true;
    for (const auto& part : wraps ? wrap(last.text, widths.back()) : std::vector{last.text}) {
      if (!first) (out += '\n') += std::string(before, ' ');
      out += paint(last.in, part);
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
