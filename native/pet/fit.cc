#include "pet/fit.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "pet/model.h"

namespace petrig::pet {
namespace {

constexpr int kSlots = 8;  // partial sums, added in a fixed order

/// Counts and their expectation, summed over the bins that share a component.
struct Sums {
  std::vector<double> crystalCounts = std::vector<double>(kCrystals * kRings), crystalExpected = crystalCounts;
  std::array<double, kRadials> radialCounts{}, radialExpected{};
  std::array<double, kPlanes> planeCounts{}, planeExpected{};
};

template <class List>
void addTo(List& to, const List& from) {
  for (size_t i = 0; i < to.size(); ++i) to[i] += from[i];
}

double chordOf(int radial, double radiusMm) {
  const double s = kRadiusMm * std::sin(std::numbers::pi * (radial - kRadials / 2) / kCrystals);
  // lines that graze the edge carry little and depend on the crystals' width
  return std::abs(s) < radiusMm - 8 ? 2 * std::sqrt(radiusMm * radiusMm - s * s) : 0;
}

class Fit {
 public:
  Fit(const JobControl& job, const FitOptions& options, std::span<float> crystals, std::span<float> geometric, std::span<float> axial)
      : job_(job), o_(options), crystals_(crystals), geometric_(geometric), axial_(axial) {}

  double run() {
    for (int c = 0; c < kCrystals; ++c) {
      for (int r = 0; r < kRings; ++r) crystals_[c * kRings + r] = isVirtual(r, c) ? 0.0F : 1.0F;
    }
    std::fill(geometric_.begin(), geometric_.end(), 1.0F);
    std::fill(axial_.begin(), axial_.end(), 1.0F);
    for (int i = 0; i < o_.iterations; ++i) {
      const Sums sums = collect(i);
      // one kind of factor at a time: together they would all answer for the same misfit
      if (i % 4 == 0) {
        for (int t = 0; t < kRadials; ++t) scale(geometric_[t], sums.radialCounts[t], sums.radialExpected[t]);
      } else if (i == o_.iterations - 3) {
        for (int p = 0; p < kPlanes; ++p) scale(axial_[p], sums.planeCounts[p], sums.planeExpected[p]);
      } else {
        updateCrystals(sums);
      }
    }
    return takeOutScale();
  }

 private:
  static void scale(float& factor, double counts, double expected) {
    if (expected > 0) factor *= static_cast<float>(counts / expected);
  }

  Sums collect(int iteration) {
    std::vector<Sums> parts(kSlots);
    const double from = static_cast<double>(iteration) / o_.iterations, to = static_cast<double>(iteration + 1) / o_.iterations;
    parallelFor(job_, kSlots, 1, [&](int64_t slot, int64_t, int) {
      for (auto angle = static_cast<int>(slot); angle < kAngles; angle += kSlots) {
        if (job_.cancelled()) throw Cancelled();
        for (int radial = 0; radial < kRadials; ++radial) collectLine(angle, radial, parts[slot]);
      }
    }, from, to);
    for (int s = 1; s < kSlots; ++s) {
      addTo(parts[0].crystalCounts, parts[s].crystalCounts);
      addTo(parts[0].crystalExpected, parts[s].crystalExpected);
      addTo(parts[0].radialCounts, parts[s].radialCounts);
      addTo(parts[0].radialExpected, parts[s].radialExpected);
      addTo(parts[0].planeCounts, parts[s].planeCounts);
      addTo(parts[0].planeExpected, parts[s].planeExpected);
    }
    return std::move(parts[0]);
  }

  void collectLine(int angle, int radial, Sums& sums) const {
    const double chord = chordOf(radial, o_.radiusMm);
    if (chord <= 0) return;
    std::array<float, kPlanes> expected, ratio;
    lineEfficiency({crystals_, geometric_, axial_}, angle, radial, expected);
    const double length = 2 * kRadiusMm * std::cos(std::numbers::pi * (radial - kRadials / 2) / kCrystals);
    for (int i = 0; i < kSegments; ++i) {
      const Segment& s = kSegmentTable[i];
      const auto path = static_cast<float>(chord * std::hypot(1.0, s.ringDifference * kRingPitchMm / length));
      for (int p = s.first; p < s.first + s.planes; ++p) {
        expected[p] *= path;
        const double counts = o_.prompts[radial + kRadials * (angle + int64_t{kAngles} * p)];
        ratio[p] = expected[p] > 0 ? static_cast<float>(counts / expected[p]) : 0.0F;
        if (expected[p] <= 0) continue;
        sums.radialCounts[radial] += counts;
        sums.radialExpected[radial] += expected[p];
        sums.planeCounts[p] += counts;
        sums.planeExpected[p] += expected[p];
      }
    }
    shareOut(angle, radial, chord * geometric_[radial], ratio, sums);
  }

  /// Gives every crystal pair of the line its part of the bins' counts.
  void shareOut(int angle, int radial, double weight, const std::array<float, kPlanes>& ratio, Sums& sums) const {
    for (int mashed = 0; mashed < 2; ++mashed) {
      int a, b;
      crystalPair(radial, angle, mashed, a, b);
      if (isVirtualCrystal(a) || isVirtualCrystal(b)) continue;
      for (int ringA = 0; ringA < kRings; ++ringA) {
        if (isVirtualRing(ringA)) continue;
        const int indexA = a * kRings + ringA;
        const int first = std::max(0, ringA - kMaxRingDifference), last = std::min(kRings - 1, ringA + kMaxRingDifference);
        double counts = 0, expected = 0;
        for (int ringB = first; ringB <= last; ++ringB) {
          const int indexB = b * kRings + ringB;
          const double part = weight * crystals_[indexA] * crystals_[indexB];
          const double counted = part * ratio[planeOf(ringA, ringB)];
          counts += counted;
          expected += part;
          sums.crystalCounts[indexB] += counted;
          sums.crystalExpected[indexB] += part;
        }
        sums.crystalCounts[indexA] += counts;
        sums.crystalExpected[indexA] += expected;
      }
    }
  }

  /// Both crystals of a pair move at once. With an exponent of 2/3 the error of a lone crystal and that of all alike
  /// shrink to a third each time.
  void updateCrystals(const Sums& sums) {
    for (size_t i = 0; i < crystals_.size(); ++i) {
      if (sums.crystalExpected[i] <= 0) continue;
      crystals_[i] *= static_cast<float>(std::pow(std::max(0.0, sums.crystalCounts[i] / sums.crystalExpected[i]), 2.0 / 3));
    }
  }

  /// Means of 1 for every component.
  double takeOutScale() {
    double crystal = 0, radial = 0;
    int reached = 0;
    for (const float e : crystals_) crystal += e;
    crystal /= (kCrystals - kBlockColumns) * (kRings - 3);
    for (int t = 0; t < kRadials; ++t) {
      if (chordOf(t, o_.radiusMm) <= 0) continue;
      radial += geometric_[t];
      ++reached;
    }
    radial /= reached;
    for (float& e : crystals_) e /= static_cast<float>(crystal);
    for (int t = 0; t < kRadials; ++t) geometric_[t] = chordOf(t, o_.radiusMm) > 0 ? geometric_[t] / static_cast<float>(radial) : 1.0F;
    return crystal * crystal * radial;
  }

  const JobControl& job_;
  const FitOptions& o_;
  std::span<float> crystals_, geometric_, axial_;
};

}  // namespace

double fitNormalisation(const JobControl& job, const FitOptions& options, std::span<float> crystals, std::span<float> geometric,
                        std::span<float> axial) {
  return Fit(job, options, crystals, geometric, axial).run();
}

}  // namespace petrig::pet
