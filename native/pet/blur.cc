#include "pet/blur.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

namespace petrig::pet {
namespace {

/// Half kernel: [0] is the centre.
std::vector<float> kernelOf(double fwhmMm, double spacingMm) {
  const double sigma = fwhmMm / std::sqrt(8 * std::numbers::ln2) / spacingMm;
  std::vector<float> half;
  for (int i = 0; i <= static_cast<int>(std::ceil(3.5 * sigma)); ++i) half.push_back(static_cast<float>(std::exp(-0.5 * i * i / (sigma * sigma))));
  return half;
}

/// One axis: `count` rows of `length` values; row r of a line lies at base + r * stride. `line` is scratch.
void blurRows(float* base, int64_t stride, int rows, int length, const std::vector<float>& half, std::vector<float>& scratch) {
  scratch.assign(static_cast<size_t>(rows) * length, 0.0F);
  const int reach = static_cast<int>(half.size()) - 1;
  for (int r = 0; r < rows; ++r) {
    const int from = std::max(0, r - reach), to = std::min(rows - 1, r + reach);
    float sum = 0;
    for (int q = from; q <= to; ++q) sum += half[std::abs(q - r)];
    float* out = scratch.data() + static_cast<int64_t>(r) * length;
    for (int q = from; q <= to; ++q) {
      const float w = half[std::abs(q - r)] / sum;
      const float* in = base + q * stride;
      for (int i = 0; i < length; ++i) out[i] += w * in[i];
    }
  }
  for (int r = 0; r < rows; ++r) std::copy_n(scratch.data() + static_cast<int64_t>(r) * length, length, base + r * stride);
}

void blurAlongX(float* row, int length, const std::vector<float>& half, std::vector<float>& scratch) {
  blurRows(row, 1, length, 1, half, scratch);
}

}  // namespace

void gaussianBlur(const JobControl& job, std::span<float> volume, std::array<int, 3> size, std::array<double, 3> spacingMm,
                  double fwhmMm) {
  if (!(fwhmMm > 0)) return;
  const auto [nx, ny, nz] = size;
  const int64_t slice = int64_t{nx} * ny;
  const auto kx = kernelOf(fwhmMm, spacingMm[0]), ky = kernelOf(fwhmMm, spacingMm[1]), kz = kernelOf(fwhmMm, spacingMm[2]);
  parallelFor(job, nz, 1, [&](int64_t begin, int64_t end, int) {
    std::vector<float> scratch;
    for (int64_t z = begin; z < end; ++z) {
      blurRows(volume.data() + z * slice, nx, ny, nx, ky, scratch);
      for (int y = 0; y < ny; ++y) blurAlongX(volume.data() + z * slice + int64_t{y} * nx, nx, kx, scratch);
    }
  }, 0, 0.7);
  parallelFor(job, ny, 4, [&](int64_t begin, int64_t end, int) {
    std::vector<float> scratch;
    for (int64_t y = begin; y < end; ++y) blurRows(volume.data() + y * nx, slice, nz, nx, kz, scratch);
  }, 0.7, 1);
}

}  // namespace petrig::pet
