// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <string_view>
#include <utility>
#include <vector>

namespace afplug::detail {

/// Finds the name that is most similar to an unknown one, for "did you mean". Upper and lower case count as the same.
class similar_name {
 public:
  explicit similar_name(std::string_view wanted) noexcept
      : wanted_(wanted), least_(wanted.size() > longest ? 0 : wanted.size() / 2 + 1) {}

  /// Compares with one more name, which must outlive this.
  void consider(std::string_view name) {
    if (least_ == 0 || name.size() > longest) return;
    if (const auto d = distance(wanted_, name); d < least_) {
      least_ = d;
      best_ = name;
    }
  }
  /// The most similar name: fewer than half of the wanted one's characters (rounded up) differ. Empty: none.
  std::string_view best() const noexcept { return best_; }

 private:
  static constexpr std::size_t longest = 64;  // bytes; the time of a comparison is the product of both lengths

  static char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

  // Levenshtein distance.
  static std::size_t distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> line(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j) line[j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
      std::size_t diagonal = std::exchange(line[0], i);
      for (std::size_t j = 1; j <= b.size(); ++j) {
        const auto change = diagonal + (lower(a[i - 1]) != lower(b[j - 1]));
        diagonal = line[j];
        line[j] = std::min({line[j] + 1, line[j - 1] + 1, change});
      }
    }
    return line[b.size()];
  }

  std::string_view wanted_;
  std::size_t least_;
  std::string_view best_;
};

}  // namespace afplug::detail
