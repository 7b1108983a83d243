#pragma once
// CT readings of an analytic phantom: polychromatic transmission, energy-integrating detector, quantum and electronic noise.

#include <cstdint>
#include <span>

#include "../parallel.h"
#include "shapes.h"

namespace petrig::physics {

struct CtJob {
  FlatPhantom phantom;
  std::span<const double> attenuation;  ///< [material][energy] 1/mm, air already subtracted
  std::span<const double> energies;     ///< keV
  std::span<const double> spectrum;     ///< photons per energy, any scale
  std::span<const double> angles;       ///< [reading] rad, 0 = source above the patient, growing toward patient left
  std::span<const double> sourceZ;      ///< [reading] patient mm
  std::span<const double> photons;      ///< [reading] photons at one detector element in air
  std::span<uint16_t> out;              ///< [reading][row][channel]
  int rows = 0;
  int channels = 0;
  double rowPitch = 0;         ///< mm at the isocentre
  double sourceRadius = 0;     ///< mm
  double channelAngle = 0;     ///< rad
  double channelOffset = 0;    ///< added to (channel - (channels - 1) / 2)
  double electronicNoise = 0;  ///< standard deviation of a reading, in photons of mean energy; below 0: no noise at all
  uint64_t seed = 0;
  int64_t firstReading = 0;  ///< number of out[0] within the scan: consecutive jobs continue one stream of noise
};

/// word = clamp(round(4096 * -ln(I / I0)) + 1024). One random stream a reading: the same answer with any number of threads.
void simulateCt(const CtJob& job, const JobControl& control);

}  // namespace petrig::physics
