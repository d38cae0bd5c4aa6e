// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Measures variants of one thing against each other, so that the result can be believed on a machine that does other
// things too: slices of 500 µs, all variants in a new random order each round, and the median of the rounds' ratios.
// The base runs twice, as two variants: what they differ by (A/A) is the error.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace bench {

/// One way to do it. `run(n)` does it n times.
struct variant {
  std::string name;
  std::function<void(int)> run;
};

/// variants[0] is the base, variants[1] the base again.
struct subject {
  std::string name;
  int batch;  ///< operations between two looks at the clock
  std::vector<variant> variants;
  std::string missing = {};  ///< why this machine can't do it; empty: it can
};

struct outcome {
  std::string name;
  double nanoseconds;          ///< of an operation, median
  double ratio;                ///< to the base, median of the rounds'
  std::vector<double> rounds;  ///< nanoseconds of an operation in each round
};

struct result {
  std::string subject;
  int rounds = 0;
  bool is_void = false;  ///< |A/A − 1| above 1.5 %, however often it was tried
  std::vector<outcome> outcomes;

  const outcome& of(const std::string& variant) const;
  /// The median of the rounds' ratios of two variants.
  double ratio(const std::string& of, const std::string& to) const;
};

result measure(const subject& what, int rounds);

double median(std::vector<double> values);
/// The value that this part of them is below.
double quantile(std::vector<double> values, double part);

// The subjects.
std::vector<subject> ping_pong();
std::vector<subject> opening();
std::vector<subject> churn();
std::vector<subject> datagrams();
std::vector<subject> packets();

/// What it costs to load a plugin in a new process.
struct loading {
  std::string family;
  double look;         ///< µs to find all plugins, from their notes; median
  double load;         ///< µs to check, map and adopt the one that was asked for; median
  double undisturbed;  ///< the same, lower quartile: what a busy machine adds is left out
};
/// `self`: this program's path.
std::vector<loading> measure_loading(const char* self, int times);
/// In the new process: prints both.
int load_once(const char* family);

}  // namespace bench
