#pragma once
// One in-plane line of the sinogram (angle, radial) with the 621 planes that share it.
//
// All planes see the image through the same column of voxel rows, so those rows are interpolated once into a "curtain"
// [step][slice]; planes and single events are then projected in that small array (Joseph's method: one sample where the line
// crosses each voxel row, linear between neighbours). Slices have the pitch of the planes, so in one segment the axial fraction
// of a step is the same for every plane and whole segments are projected as vectors.

#include <cstdint>
#include <span>
#include <vector>

#include "pet/geometry.h"

namespace petrig::pet {

/// Image [y][x][slice] with slices fastest, kPad empty slices at both ends so that taps need no bounds test.
struct Grid {
  static constexpr int kPad = 8;
  static constexpr int kStride = kSlices + 2 * kPad;

  int n;           // voxels along x and along y
  double voxelMm;  // centre of the field of view in the middle of the n x n voxels

  size_t size() const { return static_cast<size_t>(n) * n * kStride; }
  double coordinate(int i) const { return (i - (n - 1) / 2.0) * voxelMm; }
};

/// Radius within which images are reconstructed: every angle sees it (the outermost radial bin lies at 344 mm).
inline constexpr double kFieldRadiusMm = 340.0;

/// Voxel size of a matrix: the field of view is 200 voxels of 4.07283 mm.
inline double voxelMmOf(int matrix) { return 4.07283 * 200 / matrix; }

/// [slice][y][x] to the order of Grid, and back with a factor.
std::vector<float> toColumns(std::span<const float> volume, int n);
void fromColumns(const std::vector<float>& image, int n, float factor, std::span<float> volume);

/// The crossing of a line with one row of voxels: column offsets into the image, weight of the second.
struct Step {
  int64_t column0, column1;
  float weight1;
};

struct Walk {
  std::vector<Step> steps;  // in order from A to B
  double firstMm = 0;       // in-plane position of step 0, from the middle of the line toward B
  double stepMm = 0;
  double lengthMm = 0;      // in-plane distance of A and B

  double position(int64_t step) const { return firstMm + static_cast<double>(step) * stepMm; }
  /// Axial slope of a segment: slices a mm of in-plane path.
  double slope(const Segment& s) const { return 2.0 * s.ringDifference / lengthMm; }
  /// Ratio of path length to in-plane path length.
  double secant(const Segment& s) const {
    const double rise = s.ringDifference * kRingPitchMm / lengthMm;
    return std::sqrt(1 + rise * rise);
  }
};

/// Sets `walk` to the line's way through the field of view; no steps when it passes outside.
void setWalk(const Grid& grid, int angle, int radial, Walk& walk);

/// curtain[step] = image rows under the line, interpolated in plane. `curtain` has walk.steps.size() * kStride floats.
void gatherCurtain(const Walk& walk, const float* image, float* curtain);
/// Adjoint of gatherCurtain.
void scatterCurtain(const Walk& walk, const float* curtain, float* image);

/// Line integrals (value x mm) of all 621 planes.
void projectPlanes(const Walk& walk, const float* curtain, std::span<float, kPlanes> out);
/// Adjoint of projectPlanes, each step weighted by `stepWeights` (empty: 1).
void backprojectPlanes(const Walk& walk, std::span<const float, kPlanes> values, std::span<const float> stepWeights,
                       float* curtain);

/// Weight of a time-of-flight bin along the line: Gaussian timing blur over the bin's width, cut at 3 sigma, from a table.
class TofKernel {
 public:
  explicit TofKernel(double fwhmPs);
  double reachMm() const { return reach_; }
  float at(float distanceMm) const { return table_[static_cast<size_t>((distanceMm + reach_) * kPerMm + 0.5F)]; }
  /// Part of the events from this place that fall into any bin of the window.
  double windowFraction(double positionMm) const;

 private:
  static constexpr float kPerMm = 4;
  double sigma_;
  float reach_;
  std::vector<float> table_;
};

/// Window fraction of every step of a walk.
void setWindow(const TofKernel& tof, const Walk& walk, std::vector<float>& window);

/// Cells of bins by line, as sortEvents makes them.
struct BinList {
  std::span<const uint32_t> lineStart;  // kAngles * kRadials + 1 entries
  std::span<const uint16_t> cells;      // plane * 13 + tof, or plane; ascending in a line
  bool tof;

  int plane(uint32_t cell) const { return tof ? cells[cell] / kTofBins : cells[cell]; }
  int tofBin(uint32_t cell) const { return cells[cell] % kTofBins; }
};

/// The projectors index by these lists without further tests. @throws std::invalid_argument
void checkBins(const BinList& bins);

/// One event's line through the curtain, ready to be projected forward and back.
class EventPath {
 public:
  /// @param tof nullptr: the whole line with the weights of `window` (one a step)
  void set(const Walk& walk, const Segment& s, int plane, const TofKernel* tof, int tofBin, std::span<const float> window);
  float forward(const float* curtain) const;
  void back(float value, float* curtain) const;

 private:
  float length_ = 0;
  int count_ = 0;
  std::vector<int32_t> offset_;
  std::vector<float> low_, high_;  // weights of the slice at the offset and of the next
};

}  // namespace petrig::pet
