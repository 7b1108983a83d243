#pragma once
// Parallel-beam backprojection of eight slices at once: the geometry is worked out once for all of them.

#include <functional>
#include <span>

namespace petrig::ct {

struct ImageGrid {
  int matrix;
  double pixel;    // mm
  double centreX;  // mm, middle of the image
  double centreY;
  double radius;   // mm around the isocentre; pixels outside are not touched
};

struct ParallelViews {
  const float* data;  // [view][sample][8 slices]; view v at angle v pi / views; zeros behind up to paddedViews(views)
  int views;
  int samples;
  double first;    // mm, position of sample 0
  double spacing;  // mm
};

/// Views are taken in groups of four.
inline constexpr int paddedViews(int views) { return (views + 3) / 4 * 4; }

/// Writes, for every pixel inside the circle, scale x pi/views x the sum of the interpolated views + offset.
/// @param images up to eight, each [y][x]
/// @param pause is called now and then and may throw
void backproject(const ParallelViews& views, const ImageGrid& grid, double scale, double offset,
                 std::span<float* const> images, const std::function<void()>& pause);

}  // namespace petrig::ct
