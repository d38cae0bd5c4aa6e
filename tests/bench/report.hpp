// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
#pragma once

#include <string>
#include <vector>

#include "measure.hpp"

namespace bench {

/// What must hold, and whether it does.
struct gate {
  std::string what;
  double value;
  double limit;
  bool at_least;  ///< else at most
  bool is_void;   ///< the measurement can't tell

  bool holds() const { return at_least ? value >= limit : value <= limit; }
};

struct report {
  std::vector<result> results;
  std::vector<loading> loads;

  std::vector<gate> gates() const;
  void print() const;
  /// `afplug.bench/1`. Throws where the file can't be written.
  void write_json(const std::string& file) const;
};

}  // namespace bench
