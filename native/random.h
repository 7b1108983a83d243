#pragma once
// Seeded generator for kernels: one stream per chunk of work, so that the answer does not depend on the thread count.

#include <cmath>
#include <cstdint>

namespace petrig {

/// xoshiro256** (Blackman, Vigna 2018), seeded through splitmix64 from (seed, stream).
class Random {
 public:
  Random(uint64_t seed, uint64_t stream) {
    uint64_t x = seed ^ (stream * 0x9E3779B97F4A7C15ULL) ^ 0xD1B54A32D192ED03ULL;
    for (auto& word : s_) word = splitmix(x);
  }

  uint64_t bits() {
    const uint64_t result = rotl(s_[1] * 5, 7) * 9;
    const uint64_t t = s_[1] << 17;
    s_[2] ^= s_[0];
    s_[3] ^= s_[1];
    s_[1] ^= s_[2];
    s_[0] ^= s_[3];
    s_[2] ^= t;
    s_[3] = rotl(s_[3], 45);
    return result;
  }

  /// Uniform in [0, 1).
  double uniform() { return static_cast<double>(bits() >> 11) * 0x1.0p-53; }

  /// Standard normal (Marsaglia polar method).
  double normal() {
    if (hasSpare_) {
      hasSpare_ = false;
      return spare_;
    }
    double u, v, q;
    do {
      u = 2 * uniform() - 1;
      v = 2 * uniform() - 1;
      q = u * u + v * v;
    } while (q >= 1 || q == 0);
    const double f = std::sqrt(-2 * std::log(q) / q);
    spare_ = v * f;
    hasSpare_ = true;
    return u * f;
  }

  /// Exponential with the given mean.
  double exponential(double mean) { return -mean * std::log1p(-uniform()); }

  /// Poisson count; exact below 30, normal approximation with continuity above.
  int64_t poisson(double mean) {
    if (!(mean > 0)) return 0;
    if (mean > 30) {
      const double x = std::floor(mean + std::sqrt(mean) * normal() + 0.5);
      return x < 0 ? 0 : static_cast<int64_t>(x);
    }
    const double limit = std::exp(-mean);
    int64_t n = 0;
    for (double p = uniform(); p > limit; p *= uniform()) ++n;
    return n;
  }

 private:
  static uint64_t rotl(uint64_t x, int k) { return (x << k) | (x >> (64 - k)); }
  static uint64_t splitmix(uint64_t& x) {
    uint64_t z = (x += 0x9E3779B97F4A7C15ULL);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
    return z ^ (z >> 31);
  }
  uint64_t s_[4];
  double spare_ = 0;
  bool hasSpare_ = false;
};

}  // namespace petrig
