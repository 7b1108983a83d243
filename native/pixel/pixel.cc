#include "pixel/pixel.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace petrig::pixel {

namespace {

constexpr int64_t kChunk = 1 << 18;

/// Where a coordinate falls between two voxels of one axis.
struct Between {
  int low;
  int high;
  double share;
  bool inside;
};

Between between(double position, int size) {
  if (!(position >= -0.5 && position <= size - 0.5)) return {0, 0, 0, false};
  const double clamped = std::clamp(position, 0.0, size - 1.0);
  const int low = static_cast<int>(clamped);
  return {low, std::min(low + 1, size - 1), clamped - low, true};
}

double mix(double a, double b, double share) { return a + (b - a) * share; }

float sampleAt(const VolumeView& volume, const std::array<double, 3>& point, float outside) {
  std::array<Between, 3> axis;
  for (int i = 0; i < 3; ++i) {
    axis[i] = between((point[i] - volume.origin[i]) / volume.spacing[i], volume.size[i]);
    if (!axis[i].inside) return outside;
  }
  const auto row = [&](int y, int z) {
    const size_t at = (static_cast<size_t>(z) * volume.size[1] + y) * volume.size[0];
    return mix(volume.data[at + axis[0].low], volume.data[at + axis[0].high], axis[0].share);
  };
  const auto slice = [&](int z) { return mix(row(axis[1].low, z), row(axis[1].high, z), axis[1].share); };
  return static_cast<float>(mix(slice(axis[2].low), slice(axis[2].high), axis[2].share));
}

struct Moments {
  double low = INFINITY;
  double high = -INFINITY;
  double sum = 0;
  double squares = 0;
};

}  // namespace

void quantise(std::span<const float> values, const Quantisation& how, std::span<uint16_t> out, const JobControl& control) {
  parallelFor(control, static_cast<int64_t>(values.size()), kChunk, [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; ++i) {
      const double stored = (values[i] - how.intercept) / how.slope;
      const double clipped = stored > how.low ? std::min(stored, how.high) : how.low;  // NaN compares false
      out[i] = static_cast<uint16_t>(static_cast<int32_t>(std::floor(clipped + 0.5)));
    }
  });
}

std::array<double, 4> statistics(std::span<const float> values, const JobControl& control) {
  const auto count = static_cast<int64_t>(values.size());
  std::vector<Moments> parts((count + kChunk - 1) / kChunk);
  parallelFor(control, count, kChunk, [&](int64_t begin, int64_t end, int) {
    Moments m;
    for (int64_t i = begin; i < end; ++i) {
      const double v = values[i];
      m.low = std::min(m.low, v);
      m.high = std::max(m.high, v);
      m.sum += v;
      m.squares += v * v;
    }
    parts[begin / kChunk] = m;
  });
  Moments all;
  for (const auto& m : parts) {
    all.low = std::min(all.low, m.low);
    all.high = std::max(all.high, m.high);
    all.sum += m.sum;
    all.squares += m.squares;
  }
  const double n = static_cast<double>(std::max<int64_t>(1, count));
  const double mean = all.sum / n;
  return {all.low, all.high, mean, std::sqrt(std::max(0.0, all.squares / n - mean * mean))};
}

void samplePlane(const VolumeView& volume, const Plane& plane, float outside, std::span<float> out, const JobControl& control) {
  parallelFor(control, plane.height, 16, [&](int64_t begin, int64_t end, int) {
    for (int64_t row = begin; row < end; ++row)
      for (int column = 0; column < plane.width; ++column) {
        std::array<double, 3> point;
        for (int i = 0; i < 3; ++i)
          point[i] = plane.origin[i] + column * plane.columnStep[i] + static_cast<double>(row) * plane.rowStep[i];
        out[row * plane.width + column] = sampleAt(volume, point, outside);
      }
  });
}

void window(std::span<const float> values, double low, double high, std::span<uint8_t> out, const JobControl& control) {
  const double scale = 255 / (high - low);
  parallelFor(control, static_cast<int64_t>(values.size()), kChunk, [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; ++i) {
      const double grey = (values[i] - low) * scale;
      out[i] = grey > 0 ? static_cast<uint8_t>(std::min(grey, 255.0) + 0.5) : 0;
    }
  });
}

}  // namespace petrig::pixel
