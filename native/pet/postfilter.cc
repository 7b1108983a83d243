#include "pet/postfilter.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <numbers>

namespace petrig::pet {
namespace {

constexpr double kPi = std::numbers::pi;

double parzen(double x) {
  if (x >= 1) return 0;
  return x < 0.5 ? 1 - 6 * x * x * (1 - x) : 2 * (1 - x) * (1 - x) * (1 - x);
}

/// Response at x = frequency / cutoff. All but Butterworth end at 1.
double response(Window window, int order, double x) {
  switch (window) {
    case Window::butterworth: return 1 / (1 + std::pow(x, 2.0 * order));
    case Window::hamming: return x > 1 ? 0 : 0.54 + 0.46 * std::cos(kPi * x);
    case Window::hanning: return x > 1 ? 0 : 0.5 + 0.5 * std::cos(kPi * x);
    case Window::parzen: return parzen(x);
    case Window::shepp: return x > 1 ? 0 : x == 0 ? 1 : std::sin(kPi * x / 2) / (kPi * x / 2);
    default: return 1;
  }
}

/// Integral of H(x) cos(2 pi x u) over x from 0 to `end` (Simpson): the kernel at u = distance * cutoff.
double pointResponse(Window window, int order, double u, double end) {
  const int half = std::max(400, static_cast<int>(std::ceil(24 * end * (1 + u))));
  const double step = end / (2 * half);
  double sum = 0;
  for (int i = 0; i <= 2 * half; ++i) {
    const double weight = i == 0 || i == 2 * half ? 1 : i % 2 ? 4 : 2;
    sum += weight * response(window, order, i * step) * std::cos(2 * kPi * i * step * u);
  }
  return sum * step / 3;
}

/// Where Butterworth's tail counts no longer.
double endOf(Window window, int order) { return window == Window::butterworth ? std::min(300.0, std::pow(1e3, 1.0 / order)) : 1; }

/// FWHM times cutoff of a window's point response, by bisection.
double widthOf(Window window, int order) {
  const double end = endOf(window, order);
  const double half = pointResponse(window, order, 0, end) / 2;
  double low = 0, high = 2;
  for (int i = 0; i < 40; ++i) {
    const double middle = (low + high) / 2;
    (pointResponse(window, order, middle, end) > half ? low : high) = middle;
  }
  return low + high;
}

double sigmaOf(double fwhmMm) { return fwhmMm / std::sqrt(8 * std::numbers::ln2); }

std::vector<double> samplesOf(const PostFilter& filter, double spacingMm) {
  std::vector<double> half;
  if (filter.window == Window::none || (filter.window != Window::box && !(filter.fwhmMm > 0))) return {1};
  if (filter.window == Window::box) return {1, 1};
  if (filter.window == Window::gauss) {
    const double sigma = sigmaOf(filter.fwhmMm) / spacingMm;
    for (int i = 0; i <= static_cast<int>(std::ceil(3.5 * sigma)); ++i) half.push_back(std::exp(-0.5 * i * i / (sigma * sigma)));
    return half;
  }
  const double cutoff = widthOf(filter.window, filter.order) / filter.fwhmMm;
  const double nyquist = 0.5 / spacingMm / cutoff;
  const double end = filter.window == Window::butterworth ? nyquist : std::min(1.0, nyquist);
  // windows that end in a step ring for long: up to twenty widths
  const int reach = static_cast<int>(std::ceil(20 * filter.fwhmMm / spacingMm));
  for (int i = 0; i <= reach; ++i) half.push_back(pointResponse(filter.window, filter.order, i * spacingMm * cutoff, end));
  return half;
}

/// Without the tail that holds less than a thousandth of the whole.
void trim(std::vector<double>& half) {
  double all = 0, tail = 0;
  for (const double w : half) all += std::abs(w);
  while (half.size() > 1 && tail + std::abs(half.back()) < 1e-3 * all) {
    tail += std::abs(half.back());
    half.pop_back();
  }
}

/// Kernel of one axis, and for each row of a line of `rows` what its taps inside sum to.
struct Axis {
  std::vector<float> half, inverseSum;

  Axis(const PostFilter& filter, double spacingMm, int rows) : half(kernelOf(filter, spacingMm)), inverseSum(rows) {
    const int reach = static_cast<int>(half.size()) - 1;
    for (int r = 0; r < rows; ++r) {
      float sum = 0;
      for (int q = std::max(0, r - reach); q <= std::min(rows - 1, r + reach); ++q) sum += half[std::abs(q - r)];
      inverseSum[r] = 1 / sum;
    }
  }
};

/// `rows` rows of `length` values; row r begins at base + r * stride.
void filterRows(float* base, int64_t stride, int rows, int length, const Axis& axis, std::vector<float>& scratch) {
  scratch.assign(static_cast<size_t>(rows) * length, 0.0F);
  const int reach = static_cast<int>(axis.half.size()) - 1;
  for (int r = 0; r < rows; ++r) {
    float* out = scratch.data() + static_cast<int64_t>(r) * length;
    for (int q = std::max(0, r - reach); q <= std::min(rows - 1, r + reach); ++q) {
      const float w = axis.half[std::abs(q - r)] * axis.inverseSum[r];
      const float* in = base + q * stride;
      for (int i = 0; i < length; ++i) out[i] += w * in[i];
    }
  }
  for (int r = 0; r < rows; ++r) std::copy_n(scratch.data() + static_cast<int64_t>(r) * length, length, base + r * stride);
}

/// One row of neighbouring values: shifted copies of it are added up.
void filterAlong(float* row, int length, const Axis& axis, std::vector<float>& scratch) {
  scratch.assign(static_cast<size_t>(length), 0.0F);
  const int reach = std::min(static_cast<int>(axis.half.size()), length) - 1;
  for (int d = -reach; d <= reach; ++d) {
    const float w = axis.half[std::abs(d)];
    const int from = std::max(0, -d), to = std::min(length, length - d);
    for (int i = from; i < to; ++i) scratch[i] += w * row[i + d];
  }
  for (int i = 0; i < length; ++i) row[i] = scratch[i] * axis.inverseSum[i];
}

}  // namespace

double transferOf(const PostFilter& filter, double spacingMm, double frequency) {
  switch (filter.window) {
    case Window::none: return 1;
    case Window::box: return (1 + 2 * std::cos(2 * kPi * frequency * spacingMm)) / 3;
    case Window::gauss: return std::exp(-2 * std::pow(kPi * sigmaOf(filter.fwhmMm) * frequency, 2));
    default: return response(filter.window, filter.order, frequency * filter.fwhmMm / widthOf(filter.window, filter.order));
  }
}

std::vector<float> kernelOf(const PostFilter& filter, double spacingMm) {
  std::vector<double> half = samplesOf(filter, spacingMm);
  trim(half);
  double sum = half[0];
  for (size_t i = 1; i < half.size(); ++i) sum += 2 * half[i];
  std::vector<float> kernel;
  for (const double w : half) kernel.push_back(static_cast<float>(w / sum));
  return kernel;
}

void filterVolume(const JobControl& job, std::span<float> volume, std::array<int, 3> size, std::array<double, 3> spacingMm,
                  const PostFilter& filter) {
  if (filter.window == Window::none || (filter.window != Window::box && !(filter.fwhmMm > 0))) return;
  const auto [nx, ny, nz] = size;
  const int64_t slice = int64_t{nx} * ny;
  const Axis ax(filter, spacingMm[0], nx), ay(filter, spacingMm[1], ny), az(filter, spacingMm[2], nz);
  parallelFor(job, nz, 1, [&](int64_t begin, int64_t end, int) {
    std::vector<float> scratch;
    for (int64_t z = begin; z < end; ++z) {
      filterRows(volume.data() + z * slice, nx, ny, nx, ay, scratch);
      for (int y = 0; y < ny; ++y) filterAlong(volume.data() + z * slice + int64_t{y} * nx, nx, ax, scratch);
    }
  }, 0, 0.7);
  parallelFor(job, ny, 4, [&](int64_t begin, int64_t end, int) {
    std::vector<float> scratch;
    for (int64_t y = begin; y < end; ++y) filterRows(volume.data() + y * nx, slice, nz, nx, az, scratch);
  }, 0.7, 1);
}

}  // namespace petrig::pet
