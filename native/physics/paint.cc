#include "physics/paint.h"

#include <vector>

namespace petrig::physics {

namespace {

/// The topmost shape at a point, -1 outside of all.
int shapeAt(const std::vector<Shape>& shapes, const Vec& p) {
  for (size_t i = shapes.size(); i-- > 0;) {
    const Shape& s = shapes[i];
    bool near = true;
    for (int k = 0; k < 3; ++k) near = near && p[k] >= s.low[k] && p[k] <= s.high[k];
    if (near && contains(s, p)) return static_cast<int>(i);
  }
  return -1;
}

std::vector<Vec> directions(double length) {
  const double part = length / std::sqrt(3.0);
  std::vector<Vec> all;
  for (const double sign : {-1.0, 1.0}) {
    for (int k = 0; k < 3; ++k) {
      Vec v{};
      v[k] = sign * length;
      all.push_back(v);
    }
    for (const double y : {-part, part})
      for (const double z : {-part, part}) all.push_back({sign * part, y, z});
  }
  return all;
}

}  // namespace

void paintPhantom(const PaintJob& job, const JobControl& control) {
  const std::vector<Shape> shapes = readShapes(job.phantom);
  const std::vector<Vec> around = directions(job.margin);
  const auto activity = [&](int shape) { return shape < 0 ? 0.0 : shapes[static_cast<size_t>(shape)].activity; };
  parallelFor(control, int64_t{job.nz} * job.ny, 16, [&](int64_t begin, int64_t end, int) {
    for (int64_t row = begin; row < end; ++row) {
      const double y = job.origin[1] + static_cast<double>(row % job.ny) * job.spacing[1];
      const double z = job.origin[2] + static_cast<double>(row / job.ny) * job.spacing[2];
      for (int i = 0; i < job.nx; ++i) {
        const auto at = static_cast<size_t>(row * job.nx + i);
        const Vec p{job.origin[0] + i * job.spacing[0], y, z};
        const int shape = shapeAt(shapes, p);
        const double own = activity(shape);
        bool same = true;
        for (size_t d = 0; d < around.size() && same; ++d) {
          const Vec& v = around[d];
          same = activity(shapeAt(shapes, {p[0] + v[0], p[1] + v[1], p[2] + v[2]})) == own;
        }
        job.shapes[at] = static_cast<int16_t>(shape);
        job.core[at] = same ? 1 : 0;
      }
    }
  });
}

}  // namespace petrig::physics
