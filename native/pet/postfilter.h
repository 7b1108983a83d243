#pragma once
// Smoothing of finished volumes, one axis after the other, by windows of the frequency (statement Table 75, Convolution Kernel).

#include <array>
#include <span>
#include <vector>

#include "parallel.h"

namespace petrig::pet {

enum class Window { none, gauss, hamming, hanning, parzen, butterworth, shepp, box };

/// A filter is told by the full width at half maximum of its point response; `order` is Butterworth's.
/// The box has no width: the mean of three voxels along each axis.
struct PostFilter {
  Window window = Window::none;
  double fwhmMm = 0;
  int order = 1;
};

/// Modulation transfer at `frequency` (1/mm) of a filter, before voxels cut it off at their Nyquist frequency.
double transferOf(const PostFilter& filter, double spacingMm, double frequency);

/// Half of the symmetric kernel on samples `spacingMm` apart, [0] its middle; sums to 1 in all.
std::vector<float> kernelOf(const PostFilter& filter, double spacingMm);

/// Smooths [z][y][x] in place. At the borders the kernel is scaled to a sum of 1: a constant stays constant.
void filterVolume(const JobControl& job, std::span<float> volume, std::array<int, 3> size, std::array<double, 3> spacingMm,
                  const PostFilter& filter);

}  // namespace petrig::pet
