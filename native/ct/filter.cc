#include "ct/filter.h"

#include <cmath>
#include <cstring>
#include <numbers>

#include "ct/simd.h"

namespace petrig::ct {

using std::numbers::pi;

std::vector<float> rampKernel(const KernelShape& shape, double spacing, int count) {
  constexpr int kFrequencies = 4096;  // up to Nyquist; the tail that this step aliases is below 1e-7 of the peak
  const double nyquist = 0.5 / spacing;
  const double step = nyquist / kFrequencies;
  const double power = std::log(std::log(10.0) / std::log(2.0)) / std::log(shape.tenth / shape.half);
  std::vector<double> cosines(2 * kFrequencies);
  for (int i = 0; i < 2 * kFrequencies; ++i) cosines[i] = std::cos(pi * i / kFrequencies);
  std::vector<double> deviation(kFrequencies + 1);  // what the shape adds to the plain ramp
  for (int i = 0; i <= kFrequencies; ++i) {
    const double f = i * step;
    deviation[i] = f * (std::exp(-std::log(2.0) * std::pow(f / shape.half, power)) - 1);
  }
  deviation[kFrequencies] /= 2;
  std::vector<float> kernel(count);
  for (int n = 0; n < count; ++n) {
    // band-limited ramp in space: Kak and Slaney 1988, eq. 3.29
    double value = n == 0 ? 0.25 / (spacing * spacing) : n % 2 ? -1 / (pi * pi * n * n * spacing * spacing) : 0;
    double sum = 0;
    for (int i = 1; i <= kFrequencies; ++i) sum += deviation[i] * cosines[static_cast<unsigned>(n) * i % (2 * kFrequencies)];
    value += 2 * step * sum;
    kernel[n] = static_cast<float>(value * spacing);
  }
  return kernel;
}

std::vector<float> mirrorKernel(const std::vector<float>& kernel) {
  const int count = static_cast<int>(kernel.size());
  std::vector<float> mirrored(2 * count - 1 + 63, 0.0f);
  for (int n = 0; n < count; ++n) mirrored[count - 1 + n] = mirrored[count - 1 - n] = kernel[n];
  return mirrored;
}

namespace {

typedef float Vector __attribute__((vector_size(64)));

PETRIG_INLINE void addScaled(float value, const float* from, Vector& sum) {
  Vector v;
  std::memcpy(&v, from, sizeof v);
  sum += value * v;
}

PETRIG_INLINE void convolveBody(const float* in, const float* mirrored, float* out, int count) {
  for (int i = 0; i < count; i += 64) {
    Vector a{}, b{}, c{}, d{};
    const float* window = mirrored + (count - 1) + i;
    for (int k = 0; k < count; ++k) {
      const float value = in[k];
      const float* h = window - k;
      addScaled(value, h, a);
      addScaled(value, h + 16, b);
      addScaled(value, h + 32, c);
      addScaled(value, h + 48, d);
    }
    std::memcpy(out + i, &a, sizeof a);
    std::memcpy(out + i + 16, &b, sizeof b);
    std::memcpy(out + i + 32, &c, sizeof c);
    std::memcpy(out + i + 48, &d, sizeof d);
  }
}

}  // namespace

PETRIG_DISPATCH(convolve, convolveBody, (const float* in, const float* mirrored, float* out, int count),
                (in, mirrored, out, count))

}  // namespace petrig::ct
