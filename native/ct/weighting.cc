#include "ct/weighting.h"

#include <algorithm>
#include <cmath>

#include "ct/geometry.h"
#include "ct/simd.h"

namespace petrig::ct {

namespace {

/// At a high pitch the outermost channels may miss a slice by a fraction of a row; the nearest edge row then stands in.
constexpr float kEdgeWeight = 1e-4f;

PETRIG_INLINE void addRowWordsBody(const uint16_t* words, const float* cosines, const float* coefficients, const float* shape,
                                   float* sum, float* total) {
  const float distance = shape[0], height = shape[1], reach = shape[2], inverseRamp = shape[3];
  const float edge = shape[4], inverseEdge = shape[5], inPlane = shape[6];
  const float c0 = coefficients[0], c1 = coefficients[1], c2 = coefficients[2];
  const float c3 = coefficients[3], c4 = coefficients[4], c5 = coefficients[5];
  for (int c = 0; c < kChannels; ++c) {
    const float d = std::fabs(distance - height * cosines[c]);
    float w = (reach - d) * inverseRamp;
    w = w < 0 ? 0 : w > 1 ? 1 : w;
    float e = 1 - d * inverseEdge;
    e = e < 0 ? 0 : e;
    w += edge * e;
    const float p = (static_cast<float>(words[c]) - kWordOffset) * (1 / kWordScale);
    const float corrected = p * (c0 + p * (c1 + p * (c2 + p * (c3 + p * (c4 + p * c5)))));
    sum[c] += w * inPlane * corrected;
    total[c] += w;
  }
}

PETRIG_DISPATCH(addRowWords, addRowWordsBody,
                (const uint16_t* words, const float* cosines, const float* coefficients, const float* shape, float* sum,
                 float* total),
                (words, cosines, coefficients, shape, sum, total))

}  // namespace

SliceProfile SliceProfile::of(double thickness, double rowPitch) {
  // a ramp of at least half a row keeps neighbouring rows overlapping
  const double ramp = std::min(thickness / 2, std::max(rowPitch / 2, thickness / 4));
  return {static_cast<float>(thickness / 2 + ramp), static_cast<float>(1 / (2 * ramp))};
}

RowWeighting::RowWeighting(int rowCount, double pitch, double thickness, std::span<const double> correction)
    : rows(rowCount), rowPitch(pitch), profile(SliceProfile::of(thickness, pitch)), cosines(kChannels) {
  for (size_t k = 0; k < std::min<size_t>(correction.size(), kCoefficients); ++k)
    coefficients[k] = static_cast<float>(correction[k]);
  for (int c = 0; c < kChannels; ++c) cosines[c] = static_cast<float>(std::cos(fanAngle(c)));
  smallestCosine = *std::min_element(cosines.begin(), cosines.end());
  edgeReach = profile.reach + static_cast<float>(rows * rowPitch) / 4;
}

bool RowWeighting::touches(double distance) const {
  return std::abs(distance) <= rowHeight(rows - 1, rows, rowPitch) + edgeReach;
}

void RowWeighting::addReading(const uint16_t* words, double distance, float* sum, float* total) const {
  for (int row = 0; row < rows; ++row) {
    const bool edge = row == 0 || row == rows - 1;
    const double height = rowHeight(row, rows, rowPitch);
    const double low = std::min(height, height * smallestCosine);
    const double high = std::max(height, height * smallestCosine);
    const double nearest = distance < low ? low - distance : distance > high ? distance - high : 0;
    if (nearest >= (edge ? edgeReach : profile.reach)) continue;
    const double slope = height / kSourceIsocentre;
    const float shape[7] = {static_cast<float>(distance),
                            static_cast<float>(height),
                            profile.reach,
                            profile.inverseRamp,
                            edge ? kEdgeWeight : 0.0f,
                            1 / edgeReach,
                            static_cast<float>(1 / std::sqrt(1 + slope * slope))};  // path in the plane of a tilted ray
    addRowWords(words + static_cast<size_t>(row) * kChannels, cosines.data(), coefficients.data(), shape, sum, total);
  }
}

}  // namespace petrig::ct
