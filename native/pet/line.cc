#include "pet/line.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "pet/vectors.h"

namespace petrig::pet {
namespace {

constexpr int kStride = Grid::kStride;

double normalCdf(double x) { return 0.5 * std::erfc(-x * std::numbers::sqrt2 / 2); }

PETRIG_VECTORS void blend(const float* __restrict a, const float* __restrict b, float weight1, float* __restrict out) {
  for (int k = 0; k < kStride; ++k) out[k] = a[k] + weight1 * (b[k] - a[k]);
}

PETRIG_VECTORS void spread(const float* __restrict row, float weight1, float* __restrict a, float* __restrict b) {
  for (int k = 0; k < kStride; ++k) {
    const float part = weight1 * row[k];
    b[k] += part;
    a[k] += row[k] - part;
  }
}

/// Slice of the first plane of a segment at a step, as row index and fraction.
struct AxialShift {
  int index;
  float fraction;
};
using AxialShifts = std::array<AxialShift, kSegments>;

AxialShifts shiftsAt(const Walk& walk, double positionMm) {
  AxialShifts shifts;
  for (int i = 0; i < kSegments; ++i) {
    const Segment& s = kSegmentTable[i];
    const double slice = s.firstSum + walk.slope(s) * positionMm + Grid::kPad;
    shifts[i].index = static_cast<int>(slice);
    shifts[i].fraction = static_cast<float>(slice - shifts[i].index);
  }
  return shifts;
}

/// Segments with a zero before and after each, so that a plane's neighbours need no bounds test.
constexpr int paddedFirst(int segment) { return kSegmentTable[segment].first + 2 * segment + 1; }
constexpr int kPadded = kPlanes + 2 * kSegments;

/// out[plane] += the step's row, interpolated at every plane.
PETRIG_VECTORS void addStep(const float* __restrict row, const AxialShifts& shifts, float* __restrict out) {
  for (int i = 0; i < kSegments; ++i) {
    const float* __restrict at = row + shifts[i].index;
    float* __restrict to = out + kSegmentTable[i].first;
    const float fraction = shifts[i].fraction;
    const int planes = kSegmentTable[i].planes;
    for (int k = 0; k < planes; ++k) to[k] += at[k] + fraction * (at[k + 1] - at[k]);
  }
}

/// Adjoint of addStep, with a weight. @param values kPadded of them
PETRIG_VECTORS void spreadStep(const float* __restrict values, const AxialShifts& shifts, float weight, float* __restrict row) {
  for (int i = 0; i < kSegments; ++i) {
    const float* __restrict from = values + paddedFirst(i);
    float* __restrict at = row + shifts[i].index;
    const float fraction = shifts[i].fraction;
    const int planes = kSegmentTable[i].planes;
    for (int k = 0; k <= planes; ++k) at[k] += weight * (from[k] + fraction * (from[k - 1] - from[k]));
  }
}

}  // namespace

std::vector<float> toColumns(std::span<const float> volume, int n) {
  std::vector<float> image(Grid{n, 1}.size(), 0.0F);
  const int64_t slice = int64_t{n} * n;
  for (int64_t c = 0; c < slice; ++c) {
    for (int z = 0; z < kSlices; ++z) image[c * kStride + Grid::kPad + z] = volume[z * slice + c];
  }
  return image;
}

void fromColumns(const std::vector<float>& image, int n, float factor, std::span<float> volume) {
  const int64_t slice = int64_t{n} * n;
  for (int64_t c = 0; c < slice; ++c) {
    for (int z = 0; z < kSlices; ++z) volume[z * slice + c] = factor * image[c * kStride + Grid::kPad + z];
  }
}

void setWalk(const Grid& grid, int angle, int radial, Walk& walk) {
  walk.steps.clear();
  double crystalA, crystalB;
  meanCrystals(radial, angle, crystalA, crystalB);
  const Point a = crystalPosition(0, crystalA), b = crystalPosition(0, crystalB);
  walk.lengthMm = std::hypot(b.x - a.x, b.y - a.y);
  const double ux = (b.x - a.x) / walk.lengthMm, uy = (b.y - a.y) / walk.lengthMm;
  const double mx = (a.x + b.x) / 2, my = (a.y + b.y) / 2;
  const double half2 = kFieldRadiusMm * kFieldRadiusMm - mx * mx - my * my;
  if (half2 <= 0) return;
  const double half = std::sqrt(half2);

  const bool alongX = std::abs(ux) >= std::abs(uy);
  const double u = alongX ? ux : uy, m = alongX ? mx : my;
  const double otherU = alongX ? uy : ux, otherM = alongX ? my : mx;
  const double centre = (grid.n - 1) / 2.0;
  const int low = std::max(0, static_cast<int>(std::ceil((m - half * std::abs(u)) / grid.voxelMm + centre)));
  const int high = std::min(grid.n - 1, static_cast<int>(std::floor((m + half * std::abs(u)) / grid.voxelMm + centre)));
  if (high < low) return;
  const int begin = u > 0 ? low : high, direction = u > 0 ? 1 : -1;
  walk.firstMm = (grid.coordinate(begin) - m) / u;
  walk.stepMm = grid.voxelMm / std::abs(u);
  for (int k = 0; k <= high - low; ++k) {
    const int i = begin + k * direction;
    const double other = (otherM + walk.position(k) * otherU) / grid.voxelMm + centre;
    const int j = std::clamp(static_cast<int>(std::floor(other)), 0, grid.n - 2);
    const int64_t c0 = alongX ? int64_t{j} * grid.n + i : int64_t{i} * grid.n + j;
    const int64_t c1 = alongX ? c0 + grid.n : c0 + 1;
    walk.steps.push_back({c0 * kStride, c1 * kStride, static_cast<float>(std::clamp(other - j, 0.0, 1.0))});
  }
}

void gatherCurtain(const Walk& walk, const float* image, float* curtain) {
  for (const Step& s : walk.steps) {
    blend(image + s.column0, image + s.column1, s.weight1, curtain);
    curtain += kStride;
  }
}

void scatterCurtain(const Walk& walk, const float* curtain, float* image) {
  for (const Step& s : walk.steps) {
    spread(curtain, s.weight1, image + s.column0, image + s.column1);
    curtain += kStride;
  }
}

void projectPlanes(const Walk& walk, const float* curtain, std::span<float, kPlanes> out) {
  std::fill(out.begin(), out.end(), 0.0F);
  for (size_t k = 0; k < walk.steps.size(); ++k, curtain += kStride) {
    // air: most of the way
    if (std::all_of(curtain, curtain + kStride, [](float value) { return value == 0; })) continue;
    addStep(curtain, shiftsAt(walk, walk.position(k)), out.data());
  }
  for (const Segment& s : kSegmentTable) {
    const auto length = static_cast<float>(walk.stepMm * walk.secant(s));
    for (int p = s.first; p < s.first + s.planes; ++p) out[p] *= length;
  }
}

void backprojectPlanes(const Walk& walk, std::span<const float, kPlanes> values, std::span<const float> stepWeights,
                       float* curtain) {
  std::array<float, kPadded> padded{};
  for (int i = 0; i < kSegments; ++i) {
    const Segment& s = kSegmentTable[i];
    const auto length = static_cast<float>(walk.stepMm * walk.secant(s));
    for (int p = 0; p < s.planes; ++p) padded[paddedFirst(i) + p] = values[s.first + p] * length;
  }
  for (size_t k = 0; k < walk.steps.size(); ++k, curtain += kStride) {
    const float weight = stepWeights.empty() ? 1.0F : stepWeights[k];
    spreadStep(padded.data(), shiftsAt(walk, walk.position(k)), weight, curtain);
  }
}

TofKernel::TofKernel(double fwhmPs)
    : sigma_(fwhmPs * kMmPerPs / std::sqrt(8 * std::numbers::ln2)), reach_(static_cast<float>(3 * sigma_ + kTofBinMm / 2)) {
  const auto entries = static_cast<size_t>(2 * reach_ * kPerMm) + 3;
  table_.resize(entries);
  for (size_t i = 0; i < entries; ++i) {
    const double d = static_cast<double>(i) / kPerMm - reach_;
    table_[i] = static_cast<float>(normalCdf((d + kTofBinMm / 2) / sigma_) - normalCdf((d - kTofBinMm / 2) / sigma_));
  }
}

double TofKernel::windowFraction(double positionMm) const {
  const double edge = kTofBins * kTofBinMm / 2;
  return normalCdf((edge - positionMm) / sigma_) - normalCdf((-edge - positionMm) / sigma_);
}

void setWindow(const TofKernel& tof, const Walk& walk, std::vector<float>& window) {
  window.resize(walk.steps.size());
  for (size_t k = 0; k < window.size(); ++k) window[k] = static_cast<float>(tof.windowFraction(walk.position(k)));
}

void checkBins(const BinList& bins) {
  constexpr int lines = kAngles * kRadials;
  const int limit = kPlanes * (bins.tof ? kTofBins : 1);
  bool ok = bins.lineStart.size() == lines + 1 && bins.lineStart[0] == 0 && bins.lineStart[lines] == bins.cells.size();
  for (int line = 0; ok && line < lines; ++line) {
    const uint32_t begin = bins.lineStart[line], end = bins.lineStart[line + 1];
    ok = begin <= end && end <= bins.cells.size();
    for (uint32_t c = begin; ok && c < end; ++c) ok = bins.cells[c] < limit && (c == begin || bins.cells[c - 1] < bins.cells[c]);
  }
  if (!ok) throw std::invalid_argument("the list of bins is not in order or has cells out of range");
}

void EventPath::set(const Walk& walk, const Segment& s, int plane, const TofKernel* tof, int tofBin,
                    std::span<const float> window) {
  const double secant = walk.secant(s);
  int from = 0, to = static_cast<int>(walk.steps.size());
  const double centre = tof ? tofCentreMm(tofBin) : 0;
  if (tof) {
    const double reach = tof->reachMm();
    from = std::max(from, static_cast<int>(std::ceil(((centre - reach) / secant - walk.firstMm) / walk.stepMm)));
    to = std::min(to, static_cast<int>(std::floor(((centre + reach) / secant - walk.firstMm) / walk.stepMm)) + 1);
  }
  count_ = std::max(0, to - from);
  length_ = static_cast<float>(walk.stepMm * secant);
  if (offset_.size() < static_cast<size_t>(count_)) {
    offset_.resize(count_);
    low_.resize(count_);
    high_.resize(count_);
  }
  const auto slice0 = static_cast<float>(s.firstSum + plane - s.first + Grid::kPad + walk.slope(s) * walk.position(from));
  const auto slope = static_cast<float>(walk.slope(s) * walk.stepMm);
  const auto distance0 = static_cast<float>(walk.position(from) * secant - centre);
  const auto distanceStep = static_cast<float>(walk.stepMm * secant);
  for (int k = 0; k < count_; ++k) {
    const float slice = slice0 + slope * static_cast<float>(k);
    const int index = static_cast<int>(slice);
    const float w = tof ? tof->at(distance0 + distanceStep * static_cast<float>(k)) : window[from + k];
    offset_[k] = (from + k) * kStride + index;
    high_[k] = w * (slice - static_cast<float>(index));
    low_[k] = w - high_[k];
  }
}

float EventPath::forward(const float* curtain) const {
  float even = 0, odd = 0;
  int k = 0;
  for (; k + 1 < count_; k += 2) {
    const float* a = curtain + offset_[k];
    const float* b = curtain + offset_[k + 1];
    even += low_[k] * a[0] + high_[k] * a[1];
    odd += low_[k + 1] * b[0] + high_[k + 1] * b[1];
  }
  if (k < count_) even += low_[k] * curtain[offset_[k]] + high_[k] * curtain[offset_[k] + 1];
  return (even + odd) * length_;
}

void EventPath::back(float value, float* curtain) const {
  const float scaled = value * length_;
  for (int k = 0; k < count_; ++k) {
    float* at = curtain + offset_[k];
    at[0] += scaled * low_[k];
    at[1] += scaled * high_[k];
  }
}

}  // namespace petrig::pet
