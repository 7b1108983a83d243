#include "pet/mumap.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <vector>

namespace petrig::pet {
namespace {

/// Where the sub-samples of one axis fall: index of the lower CT voxel (-1: outside) and fraction.
struct Sample {
  int index;
  float fraction;
};

struct Axis {
  int perVoxel;
  std::vector<Sample> samples;   // perVoxel a target voxel
  std::vector<bool> inside;      // centre of the target voxel within the CT
};

Axis makeAxis(const VolumeGrid& ct, const VolumeGrid& target, int d) {
  Axis axis;
  axis.perVoxel = std::clamp(static_cast<int>(std::lround(target.spacing[d] / ct.spacing[d])), 1, 8);
  const int last = ct.size[d] - 1;
  for (int i = 0; i < target.size[d]; ++i) {
    const double centre = (target.origin[d] + i * target.spacing[d] - ct.origin[d]) / ct.spacing[d];
    axis.inside.push_back(centre >= -0.5 && centre <= last + 0.5);
    for (int s = 0; s < axis.perVoxel; ++s) {
      const double at = centre + ((s + 0.5) / axis.perVoxel - 0.5) * target.spacing[d] / ct.spacing[d];
      if (at < -0.5 || at > last + 0.5) {
        axis.samples.push_back({-1, 0});
        continue;
      }
      const int index = std::clamp(static_cast<int>(std::floor(at)), 0, std::max(0, last - 1));
      axis.samples.push_back({index, static_cast<float>(std::clamp(at - index, 0.0, last > 0 ? 1.0 : 0.0))});
    }
  }
  return axis;
}

float toMu(float hu, const HuToMu& c) {
  const double above = hu + 1000.0;
  const double mu = hu <= c.breakHu ? c.lowSlope * above : c.highSlope * above + c.highOffset;
  return static_cast<float>(std::max(0.0, mu));
}

struct Sampler {
  std::span<const float> hu;
  const VolumeGrid& ct;

  float at(const Sample& x, const Sample& y, const Sample& z) const {
    const int64_t row = ct.size[0], slice = row * ct.size[1];
    const int64_t stepX = ct.size[0] > 1 ? 1 : 0, stepY = ct.size[1] > 1 ? row : 0, stepZ = ct.size[2] > 1 ? slice : 0;
    const float* p = hu.data() + z.index * slice + y.index * row + x.index;
    const auto plane = [&](const float* q) {
      const float low = q[0] + x.fraction * (q[stepX] - q[0]);
      const float high = q[stepY] + x.fraction * (q[stepY + stepX] - q[stepY]);
      return low + y.fraction * (high - low);
    };
    const float low = plane(p);
    return z.fraction == 0 ? low : low + z.fraction * (plane(p + stepZ) - low);
  }
};

}  // namespace

int64_t muMap(const JobControl& job, std::span<const float> hu, const VolumeGrid& ct, const HuToMu& conversion,
              const VolumeGrid& target, std::span<float> mu) {
  const Axis ax = makeAxis(ct, target, 0), ay = makeAxis(ct, target, 1), az = makeAxis(ct, target, 2);
  const Sampler sampler{hu, ct};
  const int perVoxel = ax.perVoxel * ay.perVoxel * az.perVoxel;
  std::atomic<int64_t> outside{0};
  const auto voxel = [&](int x, int y, int z) {
    double sum = 0;
    for (int k = 0; k < az.perVoxel; ++k) {
      const Sample& sz = az.samples[z * az.perVoxel + k];
      for (int j = 0; sz.index >= 0 && j < ay.perVoxel; ++j) {
        const Sample& sy = ay.samples[y * ay.perVoxel + j];
        for (int i = 0; sy.index >= 0 && i < ax.perVoxel; ++i) {
          const Sample& sx = ax.samples[x * ax.perVoxel + i];
          if (sx.index >= 0) sum += toMu(sampler.at(sx, sy, sz), conversion);
        }
      }
    }
    return static_cast<float>(sum / perVoxel);
  };
  parallelFor(job, int64_t{target.size[1]} * target.size[2], 16, [&](int64_t begin, int64_t end, int) {
    int64_t missed = 0;
    for (int64_t row = begin; row < end; ++row) {
      const int y = static_cast<int>(row % target.size[1]), z = static_cast<int>(row / target.size[1]);
      for (int x = 0; x < target.size[0]; ++x) {
        mu[row * target.size[0] + x] = voxel(x, y, z);
        missed += !(ax.inside[x] && ay.inside[y] && az.inside[z]);
      }
    }
    outside += missed;
  });
  return outside.load();
}

}  // namespace petrig::pet
