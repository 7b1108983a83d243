#include "ct/backproject.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "ct/simd.h"

namespace petrig::ct {

namespace {

constexpr int kTile = 64;   // pixels a side: tile and the views' segments over it stay in the first-level cache
constexpr int kGroup = 4;   // views a pass over the tile
constexpr int kRise = 4;    // interpolated samples a sample of the view

/// One row of pixels: the sum of kGroup views, each read at its nearest raised sample.
PETRIG_INLINE void addRowBody(const float* const* segments, const float* start, const float* step, float* row, int count) {
  const float* s0 = segments[0];
  const float* s1 = segments[1];
  const float* s2 = segments[2];
  const float* s3 = segments[3];
  const float a0 = start[0], a1 = start[1], a2 = start[2], a3 = start[3];
  const float d0 = step[0], d1 = step[1], d2 = step[2], d3 = step[3];
  for (int i = 0; i < count; ++i) {
    const float x = static_cast<float>(i);
    const int i0 = static_cast<int>(a0 + x * d0);
    const int i1 = static_cast<int>(a1 + x * d1);
    const int i2 = static_cast<int>(a2 + x * d2);
    const int i3 = static_cast<int>(a3 + x * d3);
    row[i] += (s0[i0] + s1[i1]) + (s2[i2] + s3[i3]);
  }
}

PETRIG_DISPATCH(addRow, addRowBody,
                (const float* const* segments, const float* start, const float* step, float* row, int count),
                (segments, start, step, row, count))

/// Linear interpolation of samples [from, from + count] to kRise values a sample.
void raise(const float* from, int count, float* to) {
  for (int i = 0; i < count; ++i) {
    const float value = from[i];
    const float slope = (from[i + 1] - value) / kRise;
    for (int k = 0; k < kRise; ++k) to[kRise * i + k] = value + slope * static_cast<float>(k);
  }
}

struct Span {
  int begin;
  int end;
};

/// Pixels of a row of the tile that lie inside the grid's circle.
Span insideCircle(const ImageGrid& grid, int y, int x0, int x1) {
  const double half = (grid.matrix - 1) / 2.0;
  const double py = grid.centreY + (y - half) * grid.pixel;
  const double square = grid.radius * grid.radius - py * py;
  if (square <= 0) return {0, 0};
  const double reach = std::sqrt(square);
  const double left = (-reach - grid.centreX) / grid.pixel + half;
  const double right = (reach - grid.centreX) / grid.pixel + half;
  const int begin = static_cast<int>(std::ceil(std::clamp(left, static_cast<double>(x0), static_cast<double>(x1))));
  const int end = static_cast<int>(std::floor(std::clamp(right, x0 - 1.0, x1 - 1.0))) + 1;
  return {begin, std::max(begin, end)};
}

class Tile {
 public:
  Tile(const ParallelViews& views, const ImageGrid& grid) : views_(views), grid_(grid) {
    const double reach = kTile * grid.pixel * std::numbers::sqrt2 / views.spacing;
    segmentSamples_ = std::min(views.samples - 1, static_cast<int>(std::ceil(reach)) + 4);
    raised_.resize(static_cast<size_t>(kGroup) * kRise * segmentSamples_);
  }

  void run(int x0, int y0, float* image, const std::function<void()>& pause) {
    const int x1 = std::min(x0 + kTile, grid_.matrix);
    const int y1 = std::min(y0 + kTile, grid_.matrix);
    bool any = false;
    for (int y = y0; y < y1; ++y) {
      spans_[y - y0] = insideCircle(grid_, y, x0, x1);
      any = any || spans_[y - y0].end > spans_[y - y0].begin;
    }
    if (!any) return;
    for (int v = 0; v < views_.views; v += kGroup) {
      for (int g = 0; g < kGroup; ++g) prepare(v + g, g, x0, y0, x1, y1);
      for (int y = y0; y < y1; ++y) addTileRow(y, spans_[y - y0], image);
      if (v % 64 == 0) pause();
    }
  }

 private:
  /// Raises the segment of view `v` that the tile's pixels project on.
  void prepare(int v, int g, int x0, int y0, int x1, int y1) {
    float* raised = raised_.data() + static_cast<size_t>(g) * kRise * segmentSamples_;
    segments_[g] = raised;
    if (v >= views_.views) {  // a last group that is not full
      std::fill(raised, raised + kRise * segmentSamples_, 0.0f);
      perColumn_[g] = perRow_[g] = offset_[g] = 0;
      return;
    }
    const double angle = std::numbers::pi * v / views_.views;
    const double half = (grid_.matrix - 1) / 2.0;
    const double toSample = 1 / views_.spacing;
    const double dx = grid_.pixel * std::cos(angle) * toSample;
    const double dy = grid_.pixel * std::sin(angle) * toSample;
    const double origin = (grid_.centreX * std::cos(angle) + grid_.centreY * std::sin(angle) - views_.first) * toSample -
                          half * (dx + dy);
    const double low = origin + std::min(x0 * dx, (x1 - 1) * dx) + std::min(y0 * dy, (y1 - 1) * dy);
    const int from = std::clamp(static_cast<int>(std::floor(low)) - 1, 0, views_.samples - 1 - segmentSamples_);
    raise(views_.data + static_cast<size_t>(v) * views_.stride + from, segmentSamples_, raised);
    perColumn_[g] = kRise * dx;
    perRow_[g] = kRise * dy;
    offset_[g] = kRise * (origin - from) + 0.5;  // + 0.5: truncation rounds to the nearest
  }

  void addTileRow(int y, Span span, float* image) {
    if (span.end <= span.begin) return;
    float start[kGroup];
    float step[kGroup];
    for (int g = 0; g < kGroup; ++g) {
      start[g] = static_cast<float>(offset_[g] + y * perRow_[g] + span.begin * perColumn_[g]);
      step[g] = static_cast<float>(perColumn_[g]);
    }
    addRow(segments_, start, step, image + static_cast<size_t>(y) * grid_.matrix + span.begin, span.end - span.begin);
  }

  const ParallelViews& views_;
  const ImageGrid& grid_;
  int segmentSamples_ = 0;
  std::vector<float> raised_;
  Span spans_[kTile]{};
  const float* segments_[kGroup]{};
  double perColumn_[kGroup]{};
  double perRow_[kGroup]{};
  double offset_[kGroup]{};
};

}  // namespace

void backproject(const ParallelViews& views, const ImageGrid& grid, float* image, const std::function<void()>& pause) {
  Tile tile(views, grid);
  for (int y = 0; y < grid.matrix; y += kTile)
    for (int x = 0; x < grid.matrix; x += kTile) tile.run(x, y, image, pause);
  const size_t pixels = static_cast<size_t>(grid.matrix) * grid.matrix;
  const float weight = static_cast<float>(std::numbers::pi / views.views);
  for (size_t i = 0; i < pixels; ++i) image[i] *= weight;
}

}  // namespace petrig::ct
