#include "ct/topogram.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <stdexcept>
#include <string>
#include <vector>

#include "ct/geometry.h"
#include "ct/weighting.h"

namespace petrig::ct {

namespace {

/// Fan channel of each image column; outside the fan the outermost channels repeat.
std::vector<double> columnChannels(const TopogramJob& job) {
  std::vector<double> channels(job.width);
  for (int x = 0; x < job.width; ++x) {
    const double across = (x - (job.width - 1) / 2.0) * job.pixel * job.columnSign;
    const double gamma = std::asin(std::clamp(across / kSourceIsocentre, -0.9, 0.9));
    channels[x] = std::clamp(gamma / kFanStep + kCentralChannel, 0.0, kChannels - 1.0);
  }
  return channels;
}

}  // namespace

void topogram(const TopogramJob& job, const JobControl& control) {
  constexpr std::array<double, 1> kNoCorrection{1};
  const RowWeighting weighting(job.rows, job.rowPitch, std::max(std::abs(job.stepZ), job.rowPitch), kNoCorrection);
  const auto channels = columnChannels(job);
  const size_t words = static_cast<size_t>(job.rows) * kChannels;
  parallelFor(control, job.height, 8, [&](int64_t begin, int64_t end, int) {
    std::array<float, kChannels> sum;
    std::array<float, kChannels> total;
    for (int64_t y = begin; y < end; ++y) {
      sum.fill(0);
      total.fill(0);
      const double z = job.firstZ + static_cast<double>(y) * job.stepZ;
      for (size_t i = 0; i < job.sourceZ.size(); ++i)
        if (weighting.touches(z - job.sourceZ[i]))
          weighting.addReading(job.readings.data() + i * words, z - job.sourceZ[i], sum.data(), total.data());
      if (total[0] <= 0) throw std::runtime_error("no reading at image row " + std::to_string(y));
      float* row = job.out.data() + y * job.width;
      for (int x = 0; x < job.width; ++x) {
        const int c = std::min(static_cast<int>(channels[x]), kChannels - 2);
        const float share = static_cast<float>(channels[x] - c);
        row[x] = (1 - share) * sum[c] / total[c] + share * sum[c + 1] / total[c + 1];
      }
    }
  });
}

}  // namespace petrig::ct
