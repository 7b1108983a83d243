#pragma once
// Coincidences, singles and randoms of the PET rings as a 32-bit list-mode stream.

#include <cstdint>
#include <span>

#include "../parallel.h"
#include "shapes.h"

namespace petrig::physics {

struct PetScene {
  FlatPhantom phantom;                  ///< patient mm
  std::span<const double> attenuation;  ///< [material] 1/mm at 511 keV
  std::span<const float> efficiencies;  ///< [ring][crystal] chance that a photon which arrives is counted; 0 for virtual ones
  double centreZ = 0;                   ///< patient z of the rings' centre, mm
  double positronBranching = 1;
  uint64_t seed = 0;
};

/// Rates at the reference time.
struct PetRates {
  std::span<double> singles;  ///< [192] per second and block
  std::span<double> trues;    ///< [2] unscattered coincidences in the sinogram, and the strongest line of LineSource, per second
};

struct PetJob {
  PetScene scene;
  std::span<const double> singleRates;  ///< [192] of measureRates
  double strongestLine = 0;             ///< of measureRates
  double halfLife = 0;                  ///< s
  double reference = 0;                 ///< s on the clock of startMs at which the phantom's activity holds
  int64_t startMs = 0, durationMs = 0;  ///< since the start of the list mode
  double timeSigmaPs = 0;               ///< of the difference of two arrival times
  double windowPs = 0;                  ///< full width of the coincidence window (2 tau)
  double noncollinearSigma = 0;         ///< rad, a direction
  double singlesScale = 8;              ///< singles tags hold counts per second divided by this
  int64_t pollingMs = 2000;             ///< between singles tags of a block
  std::span<uint32_t> words;            ///< filled as far as they reach
  std::span<double> counts;             ///< [5] words (more than words.size(): nothing is valid), prompts, delayeds, trues, randoms
  std::span<double> singles;            ///< [192] counted
};

/// Expected rates, from a fixed number of weighted histories.
void measureRates(const PetScene& scene, const PetRates& rates, const JobControl& control);

/// One random stream a millisecond: streams of consecutive calls join to what one call would have given.
void simulatePet(const PetJob& job, const JobControl& control);

}  // namespace petrig::physics
