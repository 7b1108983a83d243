#pragma once
// Parallel-beam backprojection into one slice.

#include <functional>
#include <vector>

namespace petrig::ct {

struct ImageGrid {
  int matrix;
  double pixel;    // mm
  double centreX;  // mm, middle of the image
  double centreY;
  double radius;   // mm around the isocentre; pixels outside are left as they are
};

struct ParallelViews {
  const float* data;  // [view][stride]; view v at angle v pi / views
  int views;
  int samples;
  int stride;
  double first;    // mm, position of sample 0
  double spacing;  // mm
};

/// Adds pi/views times the interpolated views to `image` ([y][x], 0 before). `pause` is called now and then and may throw.
void backproject(const ParallelViews& views, const ImageGrid& grid, float* image, const std::function<void()>& pause);

}  // namespace petrig::ct
