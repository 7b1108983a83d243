#include "pet/psf.h"

#include <algorithm>
#include <cstdlib>

#include "pet/postfilter.h"
#include "pet/vectors.h"

namespace petrig::pet {
namespace {

constexpr int kStride = Grid::kStride;

PETRIG_VECTORS void addColumn(const float* __restrict from, float weight, float* __restrict to) {
  for (int k = 0; k < kStride; ++k) to[k] += weight * from[k];
}

/// Slices of one column; the padding is neither read nor written.
PETRIG_VECTORS void blurSlices(const std::vector<float>& half, float* column) {
  const int reach = static_cast<int>(half.size()) - 1;
  float in[kSlices + 2 * 64] = {};
  std::copy_n(column + Grid::kPad, kSlices, in + reach);
  for (int k = 0; k < kSlices; ++k) {
    float sum = half[0] * in[k + reach];
    for (int d = 1; d <= reach; ++d) sum += half[d] * (in[k + reach - d] + in[k + reach + d]);
    column[Grid::kPad + k] = sum;
  }
}

/// n columns, `stride` floats apart.
void blurColumns(float* base, int64_t stride, int n, const std::vector<float>& half, std::vector<float>& scratch) {
  scratch.assign(static_cast<size_t>(n) * kStride, 0.0F);
  const int reach = static_cast<int>(half.size()) - 1;
  for (int i = 0; i < n; ++i) {
    for (int q = std::max(0, i - reach); q <= std::min(n - 1, i + reach); ++q) {
      addColumn(base + q * stride, half[std::abs(q - i)], scratch.data() + int64_t{i} * kStride);
    }
  }
  for (int i = 0; i < n; ++i) std::copy_n(scratch.data() + int64_t{i} * kStride, kStride, base + i * stride);
}

std::vector<float> halfOf(double fwhmMm, double spacingMm) {
  auto half = kernelOf({Window::gauss, fwhmMm, 1}, spacingMm);
  half.resize(std::min<size_t>(half.size(), 64));
  return half;
}

}  // namespace

PointSpread::PointSpread(const Grid& grid, double fwhmMm)
    : grid_(grid), inPlane_(halfOf(fwhmMm, grid.voxelMm)), axial_(halfOf(fwhmMm, kPlanePitchMm)) {}

void PointSpread::apply(const JobControl& job, std::vector<float>& image) const {
  if (!on()) return;
  const int n = grid_.n;
  parallelFor(job, n, 4, [&](int64_t begin, int64_t end, int) {
    std::vector<float> scratch;
    for (int64_t y = begin; y < end; ++y) {
      float* row = image.data() + y * n * kStride;
      for (int x = 0; x < n; ++x) blurSlices(axial_, row + int64_t{x} * kStride);
      blurColumns(row, kStride, n, inPlane_, scratch);
    }
  });
  parallelFor(job, n, 4, [&](int64_t begin, int64_t end, int) {
    std::vector<float> scratch;
    for (int64_t x = begin; x < end; ++x) blurColumns(image.data() + x * kStride, int64_t{n} * kStride, n, inPlane_, scratch);
  });
}

}  // namespace petrig::pet
