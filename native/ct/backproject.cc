#include "ct/backproject.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

#include "ct/simd.h"

namespace petrig::ct {

namespace {

constexpr int kTile = 32;   // pixels a side: the sums and the views' segments under a tile stay in cache
constexpr int kGroup = 4;   // views a pass over the tile

/// Where the pixels of one row fall on kGroup views: sample (of the first pixel) and samples a pixel.
struct RowWalk {
  const float* views[kGroup];
  float start[kGroup];
  float step[kGroup];
};

PETRIG_INLINE void addSample(const float* view, float at, Eight& sum) {
  const int sample = static_cast<int>(at);
  const float share = at - static_cast<float>(sample);
  Eight here, next;
  load(view + sample * kLanes, here);
  load(view + sample * kLanes + kLanes, next);
  sum += here + share * (next - here);
}

PETRIG_INLINE void addRowBody(const RowWalk& walk, float* sums, int count) {
  for (int i = 0; i < count; ++i) {
    const float x = static_cast<float>(i);
    Eight sum;
    load(sums + i * kLanes, sum);
    addSample(walk.views[0], walk.start[0] + x * walk.step[0], sum);
    addSample(walk.views[1], walk.start[1] + x * walk.step[1], sum);
    addSample(walk.views[2], walk.start[2] + x * walk.step[2], sum);
    addSample(walk.views[3], walk.start[3] + x * walk.step[3], sum);
    store(sum, sums + i * kLanes);
  }
}

PETRIG_DISPATCH(addRow, addRowBody, (const RowWalk& walk, float* sums, int count), (walk, sums, count))

struct Span {
  int begin = 0;
  int end = 0;
};

/// Pixels x0 .. x1 - 1 of a row that lie inside the grid's circle.
Span insideCircle(const ImageGrid& grid, int y, int x0, int x1) {
  const double half = (grid.matrix - 1) / 2.0;
  const double py = grid.centreY + (y - half) * grid.pixel;
  const double square = grid.radius * grid.radius - py * py;
  if (square <= 0) return {};
  const double reach = std::sqrt(square);
  const double left = (-reach - grid.centreX) / grid.pixel + half;
  const double right = (reach - grid.centreX) / grid.pixel + half;
  const int begin = static_cast<int>(std::ceil(std::clamp(left, static_cast<double>(x0), static_cast<double>(x1))));
  const int end = static_cast<int>(std::floor(std::clamp(right, x0 - 1.0, x1 - 1.0))) + 1;
  return {begin, std::max(begin, end)};
}

/// Sample position of a pixel: origin + x dx + y dy.
struct ViewWalk {
  double origin;
  double dx;
  double dy;

  ViewWalk(const ParallelViews& views, const ImageGrid& grid, int view) {
    const double angle = std::numbers::pi * view / views.views;
    const double half = (grid.matrix - 1) / 2.0;
    dx = grid.pixel * std::cos(angle) / views.spacing;
    dy = grid.pixel * std::sin(angle) / views.spacing;
    const double centre = grid.centreX * std::cos(angle) + grid.centreY * std::sin(angle);
    origin = (centre - views.first) / views.spacing - half * (dx + dy);
  }
};

class TileSums {
 public:
  TileSums(const ParallelViews& views, const ImageGrid& grid) : views_(views), grid_(grid), sums_(kTile * kTile * kLanes) {
    for (int v = 0; v < paddedViews(views.views); ++v) walks_.emplace_back(views, grid, v);
  }

  /// Sums all views over the tile at (x0, y0). @return false when it lies outside the circle
  bool run(int x0, int y0, const std::function<void()>& pause) {
    bool any = false;
    for (int y = 0; y < kTile; ++y) {
      spans_[y] = y0 + y < grid_.matrix ? insideCircle(grid_, y0 + y, x0, std::min(x0 + kTile, grid_.matrix)) : Span{};
      any = any || spans_[y].end > spans_[y].begin;
    }
    if (!any) return false;
    std::fill(sums_.begin(), sums_.end(), 0.0f);
    for (int v = 0; v < views_.views; v += kGroup)
      for (int y = 0; y < kTile; ++y)
        if (spans_[y].end > spans_[y].begin) addViews(v, x0, y0, y);
    pause();
    return true;
  }

  void write(int x0, int y0, double scale, double offset, std::span<float* const> images) const {
    const auto factor = static_cast<float>(scale * std::numbers::pi / views_.views);
    const auto shift = static_cast<float>(offset);
    for (int y = 0; y < kTile; ++y)
      for (int x = spans_[y].begin; x < spans_[y].end; ++x) {
        const float* sums = sums_.data() + (y * kTile + x - x0) * kLanes;
        const size_t at = static_cast<size_t>(y0 + y) * grid_.matrix + x;
        for (size_t lane = 0; lane < images.size(); ++lane) images[lane][at] = sums[lane] * factor + shift;
      }
  }

 private:
  void addViews(int first, int x0, int y0, int y) {
    RowWalk row;
    for (int g = 0; g < kGroup; ++g) {
      const ViewWalk& walk = walks_[first + g];
      const double start = walk.origin + (y0 + y) * walk.dy + spans_[y].begin * walk.dx;
      // positions count from the row's lowest sample, where a float still has 20 bits behind the point
      const double low = std::min(start, start + (spans_[y].end - 1 - spans_[y].begin) * walk.dx);
      const int from = std::clamp(static_cast<int>(low) - 1, 0, views_.samples - 1);
      row.views[g] = views_.data + (static_cast<size_t>(first + g) * views_.samples + from) * kLanes;
      row.start[g] = static_cast<float>(start - from);
      row.step[g] = static_cast<float>(walk.dx);
    }
    addRow(row, sums_.data() + (y * kTile + spans_[y].begin - x0) * kLanes, spans_[y].end - spans_[y].begin);
  }

  const ParallelViews& views_;
  const ImageGrid& grid_;
  std::vector<ViewWalk> walks_;
  std::vector<float> sums_;
  Span spans_[kTile];
};

}  // namespace

void backproject(const ParallelViews& views, const ImageGrid& grid, double scale, double offset,
                 std::span<float* const> images, const std::function<void()>& pause) {
  TileSums tile(views, grid);
  for (int y = 0; y < grid.matrix; y += kTile)
    for (int x = 0; x < grid.matrix; x += kTile)
      if (tile.run(x, y, pause)) tile.write(x, y, scale, offset, images);
}

}  // namespace petrig::ct
