#pragma once
// Ramp filter with the shape of a reconstruction kernel, as a convolution in space.

#include <vector>

namespace petrig::ct {

/// Shape of a kernel: its modulation is exp(-ln2 (f / half)^q), q chosen so that it is 0.1 at `tenth`.
struct KernelShape {
  double half;   // line pairs per mm at modulation 0.5
  double tenth;  // line pairs per mm at modulation 0.1
};

/// Samples of the filter at lags 0 .. count-1 of `spacing` mm, times `spacing`: projection (1) -> filtered (1/mm).
std::vector<float> rampKernel(const KernelShape& shape, double spacing, int count);

/// out[i] = sum over k of kernel[|i - k|] in[k]; both of length `count`.
/// @param mirrored the kernel at lags -(count-1) .. count-1, followed by 63 zeros
/// @param out room for `count` rounded up to 64
void convolve(const float* in, const float* mirrored, float* out, int count);

/// The form of the kernel that `convolve` reads.
std::vector<float> mirrorKernel(const std::vector<float>& kernel);

}  // namespace petrig::ct
