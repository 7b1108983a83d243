#include "pet/bedmodel.h"

#include <algorithm>
#include <cmath>

namespace petrig::pet {
namespace {

double sumOfRandoms(const JobControl& job, std::span<const float> singles, double to) {
  std::array<double, kAngles> sums{};
  parallelFor(job, kAngles, 1, [&](int64_t angle, int64_t, int) {
    std::array<float, kPlanes> line;
    for (int radial = 0; radial < kRadials; ++radial) {
      lineRandoms(singles, static_cast<int>(angle), radial, line);
      for (const float r : line) sums[angle] += r;
    }
  }, 0, to);
  double sum = 0;
  for (const double s : sums) sum += s;
  return sum > 0 ? sum : 1;
}

/// Planes of the first segments added up slice by slice, each with a weight of its segment.
template <class Weight>
void rebin(std::span<float, kPlanes> values, Weight weight) {
  std::array<float, kSlices> sums{};
  for (int i = 0; i < kRebinnedSegments; ++i) {
    const Segment& s = kSegmentTable[i];
    const auto w = static_cast<float>(weight(s));
    for (int p = s.first; p < s.first + s.planes; ++p) sums[sliceOfPlane(p, i)] += w * values[p];
  }
  std::fill(values.begin(), values.end(), 0.0F);
  std::copy(sums.begin(), sums.end(), values.begin());
}

}  // namespace

BedModel::BedModel(const JobControl& job, const BedOptions& options, double to) : o_(options), grid_{kCoarse, voxelMmOf(kCoarse)} {
  if (!o_.mu.empty()) mu_ = toColumns(o_.mu, kCoarse);
  if (o_.delayeds > 0) randomsScale_ = o_.delayeds / sumOfRandoms(job, o_.singles, to);
}

void BedModel::open(int angle, int radial, LineBins& line) const {
  setWalk(grid_, angle, radial, line.walk);
  lineEfficiency(o_.normalisation, angle, radial, line.efficiency);
  if (!mu_.empty() && !line.walk.steps.empty()) attenuate(line);
  if (randomsScale_ > 0) {
    lineRandoms(o_.singles, angle, radial, line.randoms);
    for (float& r : line.randoms) r *= static_cast<float>(randomsScale_);
  }
  if (!o_.rebinned) return;
  // a tilted line is longer than the one in the slice that stands for it
  rebin(line.efficiency, [&](const Segment& s) { return line.walk.secant(s); });
  rebin(line.randoms, [](const Segment&) { return 1.0; });
}

void BedModel::attenuate(LineBins& line) const {
  const size_t floats = line.walk.steps.size() * Grid::kStride;
  line.curtain.resize(std::max(line.curtain.size(), floats));
  gatherCurtain(line.walk, mu_.data(), line.curtain.data());
  projectPlanes(line.walk, line.curtain.data(), line.attenuation);
  for (int p = 0; p < kPlanes; ++p) line.efficiency[p] *= std::exp(-line.attenuation[p]);
}

}  // namespace petrig::pet
