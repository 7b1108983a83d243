#pragma once
// What the scanner would count of a bed: efficiency with attenuation, and randoms, of the bins of each line.

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "parallel.h"
#include "pet/line.h"
#include "pet/model.h"
#include "pet/postfilter.h"

namespace petrig::pet {

/// One bed to be reconstructed, and how.
struct BedOptions {
  int matrix = 200;                 // 200 or 400 voxels of the same field of view
  int iterations = 2, subsets = 21; // of OSEM
  double tofFwhmPs = 540;           // timing resolution; also shapes the ends of the coincidence window without TOF
  double psfFwhmMm = 0;             // detectors' point spread in the model, 0: none
  bool rebinned = false;            // planes of small ring difference to the slices that they cross on the axis
  PostFilter filter;
  double scale = 1;                 // image value = scale * counts a mm of line
  double delayeds = 0;              // randoms among the prompts, counted in the delayed window

  BinList bins;
  std::span<const uint16_t> counts;     // prompts of each cell
  std::span<const float> mu;            // [slice][200][200] 1/mm at 511 keV; empty: no attenuation
  Normalisation normalisation;
  std::span<const float> singles;       // [crystal][ring] relative singles rates
};

struct BedReport {
  int64_t impossible = 0;  // prompts in bins that no real crystal pair feeds, left out
};

/// Single-slice rebinning takes segments 0, -1, +1: up to ring difference 16 a line stays within 8 mm of its slice at 100 mm
/// from the axis.
inline constexpr int kRebinnedSegments = 3;
inline constexpr int kRebinnedPlanes = kSegmentTable[kRebinnedSegments - 1].first + kSegmentTable[kRebinnedSegments - 1].planes;

/// Slice that a plane crosses on the axis.
inline constexpr int sliceOfPlane(int plane, int segment) {
  return kSegmentTable[segment].firstSum + plane - kSegmentTable[segment].first;
}

/// Sensitivity and attenuation are smooth: always on the 200 matrix.
inline constexpr int kCoarse = 200;

/// Bins of one line: `planes` of them by plane, or by slice (the first 109) when the bed is rebinned.
struct LineBins {
  Walk walk;  // through the coarse grid
  std::array<float, kPlanes> efficiency{}, randoms{};

  std::vector<float> curtain;
  std::array<float, kPlanes> attenuation{};
};

class BedModel {
 public:
  /// Sums up the randoms of all bins; `to` is the part of the job's progress that it stands for.
  BedModel(const JobControl& job, const BedOptions& options, double to);

  const Grid& grid() const { return grid_; }
  /// Efficiencies and randoms (counts) of all bins of a line.
  void open(int angle, int radial, LineBins& line) const;

 private:
  void attenuate(LineBins& line) const;

  const BedOptions& o_;
  Grid grid_;
  std::vector<float> mu_;
  double randomsScale_ = 0;
};

}  // namespace petrig::pet
