#include "ct/filter.h"

#include <cmath>
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

PETRIG_INLINE void addScaled(float value, const float* from, Eight& sum) {
  Eight v;
  load(from, v);
  sum += value * v;
}

/// 64 outputs at a time, which stay in registers.
PETRIG_INLINE void convolveBody(const float* in, const float* mirrored, float* out, int count) {
  for (int i = 0; i < count; i += 64) {
    Eight a{}, b{}, c{}, d{}, e{}, f{}, g{}, h{};
    const float* window = mirrored + (count - 1) + i;
    for (int k = 0; k < count; ++k, --window) {
      const float value = in[k];
      addScaled(value, window, a);
      addScaled(value, window + 8, b);
      addScaled(value, window + 16, c);
      addScaled(value, window + 24, d);
      addScaled(value, window + 32, e);
      addScaled(value, window + 40, f);
      addScaled(value, window + 48, g);
      addScaled(value, window + 56, h);
    }
    store(a, out + i);
    store(b, out + i + 8);
    store(c, out + i + 16);
    store(d, out + i + 24);
    store(e, out + i + 32);
    store(f, out + i + 40);
    store(g, out + i + 48);
    store(h, out + i + 56);
  }
}

}  // namespace

PETRIG_DISPATCH(convolve, convolveBody, (const float* in, const float* mirrored, float* out, int count),
                (in, mirrored, out, count))

}  // namespace petrig::ct
