// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
#include "measure.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <numeric>
#include <random>
#include <stdexcept>

namespace bench {

namespace {

using clock = std::chrono::steady_clock;
constexpr auto slice = std::chrono::microseconds(500);
constexpr double max_aa_error = 0.015;
constexpr int attempts = 5;

double nanoseconds_each(const variant& v, int batch) {
  long done = 0;
  const auto start = clock::now();
  auto now = start;
  do {
    v.run(batch);
    done += batch;
    now = clock::now();
  } while (now - start < slice);
  return std::chrono::duration<double, std::nano>(now - start).count() / static_cast<double>(done);
}

std::vector<double> ratios(const std::vector<double>& of, const std::vector<double>& to) {
  std::vector<double> made(of.size());
  std::transform(of.begin(), of.end(), to.begin(), made.begin(), std::divides<>());
  return made;
}

result measure_once(const benchmark& what, int rounds) {
  static std::mt19937 random{std::random_device{}()};
  std::vector<std::size_t> order(what.variants.size());
  std::iota(order.begin(), order.end(), 0u);
  for (const auto& v : what.variants) nanoseconds_each(v, what.batch);  // fills caches
  std::vector<std::vector<double>> times(order.size());
  for (int i = 0; i < rounds; ++i) {
    std::shuffle(order.begin(), order.end(), random);
    for (const auto k : order) times[k].push_back(nanoseconds_each(what.variants[k], what.batch));
  }
  result made{what.name, rounds, false, {}};
  for (std::size_t k = 0; k < times.size(); ++k)
    made.outcomes.push_back({what.variants[k].name, median(times[k]), median(ratios(times[k], times[0])), times[k]});
  made.inconclusive = std::abs(made.outcomes[1].ratio - 1) > max_aa_error;
  return made;
}

}  // namespace

double quantile(std::vector<double> values, double p) {
  const auto at = values.begin() + static_cast<std::ptrdiff_t>(static_cast<double>(values.size()) * p);
  std::nth_element(values.begin(), at, values.end());
  return *at;
}

double median(std::vector<double> values) { return quantile(std::move(values), 0.5); }

const outcome& result::of(const std::string& variant) const {
  for (const auto& one : outcomes)
    if (one.name == variant) return one;
  throw std::logic_error("no variant " + variant);
}

double result::ratio(const std::string& a, const std::string& b) const {
  return median(ratios(of(a).rounds, of(b).rounds));
}

result measure(const benchmark& what, int rounds) {
  result made;
  for (int i = 0; i < attempts; ++i)
    if (made = measure_once(what, rounds); !made.inconclusive) break;
  return made;
}

}  // namespace bench
