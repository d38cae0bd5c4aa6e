// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
#pragma once

#include <string>
#include <vector>

#include "measure.hpp"

namespace bench {

/// A limit on a measured value.
struct gate {
  std::string what;
  double value;
  double limit;
  bool at_least;  ///< the limit is a minimum; else a maximum
  bool inconclusive;

  bool holds() const { return at_least ? value >= limit : value <= limit; }
};

struct report {
  std::vector<result> results;
  std::vector<loading> loads;

  std::vector<gate> gates() const;
  void print() const;
  /// Writes JSON in the schema `afplug.bench/1`. Throws std::runtime_error if the file cannot be written.
  void write_json(const std::string& file) const;
};

}  // namespace bench
