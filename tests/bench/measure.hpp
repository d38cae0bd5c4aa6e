// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Compares variants of one operation on a machine that is not idle: each round runs all variants in a new random order
// for 500 µs each, and the result is the median of the rounds' ratios to the base. The base runs as two variants; their
// ratio (A/A) shows the error of the measurement.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace bench {

/// One implementation of the operation. `run(n)` executes it n times.
struct variant {
  std::string name;
  std::function<void(int)> run;
};

/// variants[0] is the base, variants[1] the same again.
struct benchmark {
  std::string name;
  int batch;  ///< operations between two reads of the clock
  std::vector<variant> variants;
  std::string unavailable = {};  ///< why this machine cannot run it; empty if it can
};

struct outcome {
  std::string name;
  double nanoseconds;          ///< per operation, median of the rounds
  double ratio;                ///< to the base, median of the rounds
  std::vector<double> rounds;  ///< nanoseconds per operation in each round
};

struct result {
  std::string benchmark;
  int rounds = 0;
  bool inconclusive = false;  ///< |A/A − 1| was above 1.5 % in all attempts
  std::vector<outcome> outcomes;

  const outcome& of(const std::string& variant) const;
  /// The median of the rounds' ratios of two variants.
  double ratio(const std::string& of, const std::string& to) const;
};

result measure(const benchmark& what, int rounds);

double median(std::vector<double> values);
/// The p-quantile of the values, 0 ≤ p < 1.
double quantile(std::vector<double> values, double p);

// The benchmarks.
std::vector<benchmark> ping_pong();
std::vector<benchmark> socket_open();
std::vector<benchmark> connection_churn();
std::vector<benchmark> datagrams();
std::vector<benchmark> packets();

/// Times of loading a plugin in a new process, in µs.
struct loading {
  std::string family;
  double scan;           ///< to scan the plugin directories; median
  double load;           ///< to check, map and validate one plugin; median
  double load_quartile;  ///< the same, lower quartile, which a busy machine affects less
};
/// Starts `self`, the path of this program, with --load-once for each measurement.
std::vector<loading> measure_loading(const char* self, int times);
/// Implements --load-once: prints the times of the scan and of the load.
int load_once(const char* family);

}  // namespace bench
