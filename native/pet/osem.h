#pragma once
// Ordered-subsets expectation maximisation over the sparse list of counted bins.

#include <cstdint>
#include <span>

#include "parallel.h"
#include "pet/line.h"
#include "pet/model.h"

namespace petrig::pet {

struct OsemOptions {
  int matrix = 200;                 // 200 or 400 voxels of the same field of view
  int iterations = 2, subsets = 21;
  double tofFwhmPs = 540;           // timing resolution; also shapes the ends of the coincidence window without TOF
  double blurFwhmMm = 0;            // Gaussian post filter, 0: none
  double scale = 1;                 // image value = scale * counts a mm of line
  double delayeds = 0;              // randoms among the prompts, counted in the delayed window

  BinList bins;
  std::span<const uint16_t> counts;     // prompts of each cell
  std::span<const float> mu;            // [slice][200][200] 1/mm at 511 keV; empty: no attenuation
  Normalisation normalisation;
  std::span<const float> singles;       // [crystal][ring] relative singles rates
};

struct OsemReport {
  int64_t impossible = 0;  // prompts in bins that no real crystal pair feeds, left out
};

/// @param image out, [slice][matrix][matrix]
OsemReport reconstruct(const JobControl& job, const OsemOptions& options, std::span<float> image);

}  // namespace petrig::pet
