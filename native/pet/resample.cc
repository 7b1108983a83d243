#include "pet/resample.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

namespace petrig::pet {
namespace {

/// Source samples first .. first + weights.size() - 1 make one target sample. Empty: outside.
struct Taps {
  int first = 0;
  std::vector<float> weights;
  bool cubic = false;
};

/// Integral from -1 to `u` of the tent that interpolates linearly between samples.
double tentUpTo(double u) {
  const double v = std::clamp(u, -1.0, 1.0);
  return v < 0 ? (1 + v) * (1 + v) / 2 : 1 - (1 - v) * (1 - v) / 2;
}

/// Mean over `width` source voxels about `centre` (both in source voxels) of what lies linearly between the samples.
Taps meanTaps(double centre, double width, int size) {
  const double low = std::max(-0.5, centre - width / 2), high = std::min(size - 0.5, centre + width / 2);
  Taps taps;
  if (high - low < 1e-9) return taps;
  const int begin = static_cast<int>(std::floor(low)), end = static_cast<int>(std::ceil(high));
  taps.first = std::clamp(begin, 0, size - 1);
  taps.weights.assign(static_cast<size_t>(std::clamp(end, 0, size - 1) - taps.first + 1), 0.0F);
  for (int i = begin; i <= end; ++i) {
    const double part = tentUpTo(high - i) - tentUpTo(low - i);
    taps.weights[std::clamp(i, 0, size - 1) - taps.first] += static_cast<float>(part / width);
  }
  return taps;
}

/// Catmull-Rom through the four neighbours; at the edge the outermost sample repeats.
Taps cubicTaps(double centre, int size) {
  Taps taps;
  if (centre < -0.5 || centre > size - 0.5) return taps;
  taps.cubic = true;
  const int i = static_cast<int>(std::floor(centre));
  const double f = centre - i;
  const double four[] = {f * (-0.5 + f * (1 - 0.5 * f)), 1 + f * f * (-2.5 + 1.5 * f), f * (0.5 + f * (2 - 1.5 * f)), f * f * (-0.5 + 0.5 * f)};
  taps.first = std::clamp(i - 1, 0, size - 1);
  taps.weights.assign(static_cast<size_t>(std::clamp(i + 2, 0, size - 1) - taps.first + 1), 0.0F);
  for (int k = 0; k < 4; ++k) taps.weights[std::clamp(i - 1 + k, 0, size - 1) - taps.first] += static_cast<float>(four[k]);
  return taps;
}

std::vector<Taps> tapsOf(const VolumeGrid& source, const VolumeGrid& target, int axis) {
  std::vector<Taps> all;
  const double ratio = target.spacing[axis] / source.spacing[axis];
  for (int i = 0; i < target.size[axis]; ++i) {
    const double centre = (target.origin[axis] + i * target.spacing[axis] - source.origin[axis]) / source.spacing[axis];
    all.push_back(ratio > 1 + 1e-6 ? meanTaps(centre, ratio, source.size[axis]) : cubicTaps(centre, source.size[axis]));
  }
  return all;
}

/// Rows of `length` values, `stride` apart, to one row.
void combine(const float* base, int64_t stride, int length, const Taps& taps, float* out) {
  std::fill_n(out, length, 0.0F);
  const float* rows = base + taps.first * stride;
  for (size_t k = 0; k < taps.weights.size(); ++k) {
    for (int i = 0; i < length; ++i) out[i] += taps.weights[k] * rows[static_cast<int64_t>(k) * stride + i];
  }
  if (!taps.cubic) return;
  for (int i = 0; i < length; ++i) {
    float low = rows[i], high = rows[i];
    for (size_t k = 1; k < taps.weights.size(); ++k) {
      const float value = rows[static_cast<int64_t>(k) * stride + i];
      low = std::min(low, value);
      high = std::max(high, value);
    }
    out[i] = std::clamp(out[i], low, high);
  }
}

}  // namespace

void resample(const JobControl& job, std::span<const float> from, const VolumeGrid& source, const VolumeGrid& target,
              std::span<float> to) {
  const auto xs = tapsOf(source, target, 0), ys = tapsOf(source, target, 1), zs = tapsOf(source, target, 2);
  const int nx = source.size[0], ny = source.size[1];
  const int64_t slice = int64_t{nx} * ny, targetSlice = int64_t{target.size[0]} * target.size[1];
  parallelFor(job, target.size[2], 1, [&](int64_t begin, int64_t end, int) {
    std::vector<float> flat(slice), row(nx);
    for (int64_t z = begin; z < end; ++z) {
      combine(from.data(), slice, static_cast<int>(slice), zs[z], flat.data());
      for (int y = 0; y < target.size[1]; ++y) {
        float* out = to.data() + z * targetSlice + int64_t{y} * target.size[0];
        combine(flat.data(), nx, nx, ys[y], row.data());
        for (int x = 0; x < target.size[0]; ++x) combine(row.data(), 1, 1, xs[x], out + x);
      }
    }
  });
}

}  // namespace petrig::pet
