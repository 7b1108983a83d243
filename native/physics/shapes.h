#pragma once
// Analytic phantoms: convex shapes (ellipsoid, elliptic cylinder, box) cut by half-spaces, painted in order: the later shape wins.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <stdexcept>
#include <vector>

namespace petrig::physics {

using Vec = std::array<double, 3>;

inline double dot(const Vec& a, const Vec& b) { return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]; }

/// The arrays of `flattenPhantom()`, patient mm.
struct FlatPhantom {
  std::span<const int32_t> kinds;      ///< [shape] ShapeKind
  std::span<const double> frames;      ///< [shape][12]: centre, then three orthogonal half-axis vectors
  std::span<const double> clips;       ///< [clip][4]: normal and d; kept is normal . p <= d
  std::span<const int32_t> clipStart;  ///< [shape + 1] into clips
  std::span<const int32_t> materials;  ///< [shape] row of the attenuation table
  std::span<const double> activity;    ///< [shape] Bq/ml at the reference time
};

enum class ShapeKind : int32_t { ellipsoid = 0, cylinder = 1, box = 2 };

struct Clip {
  Vec normal;
  double d;
};

/// One shape. With u = rows (p - centre): the sum of squares of the first `quadric` entries is <= 1, every other |u| <= 1.
struct Shape {
  ShapeKind kind = ShapeKind::ellipsoid;
  Vec centre{};
  std::array<Vec, 3> axes{};
  std::array<Vec, 3> rows{};
  int quadric = 3;
  std::vector<Clip> clips;
  int material = 0;
  double activity = 0;
  Vec low{}, high{};       ///< bounding box, cut by axis-parallel clips
  Vec middle{};            ///< centre of the bounding box
  double boundRadius = 0;  ///< of the sphere about the bounding box
};

inline double halfExtent(const Shape& s, int k) {
  const double a = s.axes[0][k], b = s.axes[1][k], c = s.axes[2][k];
  if (s.kind == ShapeKind::ellipsoid) return std::sqrt(a * a + b * b + c * c);
  if (s.kind == ShapeKind::cylinder) return std::sqrt(a * a + b * b) + std::abs(c);
  return std::abs(a) + std::abs(b) + std::abs(c);
}

inline void setBounds(Shape& s) {
  for (int k = 0; k < 3; ++k) {
    const double half = halfExtent(s, k);
    s.low[k] = s.centre[k] - half;
    s.high[k] = s.centre[k] + half;
    for (const Clip& clip : s.clips) {
      if (std::abs(clip.normal[k]) < 1 - 1e-12) continue;
      if (clip.normal[k] > 0) s.high[k] = std::min(s.high[k], clip.d);
      else s.low[k] = std::max(s.low[k], -clip.d);
    }
    s.high[k] = std::max(s.high[k], s.low[k]);
  }
  double square = 0;
  for (int k = 0; k < 3; ++k) {
    s.middle[k] = (s.low[k] + s.high[k]) / 2;
    square += (s.high[k] - s.low[k]) * (s.high[k] - s.low[k]) / 4;
  }
  s.boundRadius = std::sqrt(square);
}

inline std::vector<Shape> readShapes(const FlatPhantom& flat) {
  std::vector<Shape> shapes(flat.kinds.size());
  for (size_t i = 0; i < shapes.size(); ++i) {
    Shape& s = shapes[i];
    s.kind = static_cast<ShapeKind>(flat.kinds[i]);
    s.quadric = s.kind == ShapeKind::ellipsoid ? 3 : s.kind == ShapeKind::cylinder ? 2 : 0;
    const double* f = &flat.frames[i * 12];
    for (int k = 0; k < 3; ++k) s.centre[k] = f[k];
    for (int a = 0; a < 3; ++a) {
      for (int k = 0; k < 3; ++k) s.axes[a][k] = f[3 + 3 * a + k];
      const double square = dot(s.axes[a], s.axes[a]);
      for (int k = 0; k < 3; ++k) s.rows[a][k] = s.axes[a][k] / square;
    }
    for (int32_t c = flat.clipStart[i]; c < flat.clipStart[i + 1]; ++c) {
      const double* p = &flat.clips[static_cast<size_t>(c) * 4];
      s.clips.push_back({{p[0], p[1], p[2]}, p[3]});
    }
    s.material = flat.materials[i];
    s.activity = flat.activity[i];
    setBounds(s);
  }
  return shapes;
}

inline bool contains(const Shape& s, const Vec& p) {
  const Vec w{p[0] - s.centre[0], p[1] - s.centre[1], p[2] - s.centre[2]};
  double square = 0;
  for (int a = 0; a < 3; ++a) {
    const double u = dot(s.rows[a], w);
    if (a < s.quadric) square += u * u;
    else if (std::abs(u) > 1) return false;
  }
  if (square > 1) return false;
  for (const Clip& clip : s.clips)
    if (dot(clip.normal, p) > clip.d) return false;
  return true;
}

/// Narrows [lo, hi] to where |u + t v| <= 1.
inline void cutSlab(double u, double v, double& lo, double& hi) {
  const double inverse = 1 / (std::abs(v) < 1e-14 ? 1e-14 : v);
  const double a = (-1 - u) * inverse, b = (1 - u) * inverse;
  lo = std::max(lo, std::min(a, b));
  hi = std::min(hi, std::max(a, b));
}

/// The part [t0, t1] of the line p + t d inside the shape. @returns false when there is none
inline bool chord(const Shape& s, const Vec& p, const Vec& d, double& t0, double& t1) {
  const Vec w{p[0] - s.centre[0], p[1] - s.centre[1], p[2] - s.centre[2]};
  double lo = -1e9, hi = 1e9, a = 0, b = 0, c = -1;
  for (int k = 0; k < 3; ++k) {
    const double u = dot(s.rows[k], w), v = dot(s.rows[k], d);
    if (k < s.quadric) {
      a += v * v;
      b += u * v;
      c += u * u;
    } else {
      cutSlab(u, v, lo, hi);
    }
  }
  if (s.quadric > 0) {
    a = std::max(a, 1e-18);  // along a cylinder's axis: everything or nothing
    const double root = b * b - a * c;
    if (!(root > 0)) return false;
    const double q = std::sqrt(root);
    lo = std::max(lo, (-b - q) / a);
    hi = std::min(hi, (-b + q) / a);
  }
  for (const Clip& clip : s.clips) {
    const double v = dot(clip.normal, d), u = dot(clip.normal, p) - clip.d;
    const double t = -u / (std::abs(v) < 1e-14 ? 1e-14 : v);
    if (v >= 0) hi = std::min(hi, t);
    else lo = std::max(lo, t);
  }
  t0 = lo;
  t1 = hi;
  return lo < hi;
}

/// Scratch of one thread that follows straight lines through a phantom.
class Tracer {
 public:
  explicit Tracer(const std::vector<Shape>& shapes) : shapes_(shapes), clearance_(shapes.size()) {
    for (const Shape& s : shapes)
      bounds_.push_back({s.middle[0], s.middle[1], s.middle[2], s.boundRadius * s.boundRadius});
  }

  /// Calls visit(shape index, from, to) for each stretch of the segment p + t d, t in [from, to]; `d` has length 1.
  template <class Visit>
  void walk(const Vec& p, const Vec& d, double from, double to, Visit&& visit) {
    edges_.clear();
    collect(p, d, from, to);
    sortEdges();
    active_.clear();
    double last = from;
    int top = -1;
    for (const Edge& edge : edges_) {
      if (top >= 0 && edge.t > last) visit(top, last, edge.t);
      last = edge.t;
      if (edge.enter) {
        active_.push_back(edge.shape);
        top = std::max(top, edge.shape);
      } else {
        *std::find(active_.begin(), active_.end(), edge.shape) = active_.back();
        active_.pop_back();
        if (edge.shape != top) continue;
        top = -1;
        for (const int shape : active_) top = std::max(top, shape);
      }
    }
  }

 private:
  struct Edge {
    double t;
    int shape;
    bool enter;
  };

  /// Few edges, so insertion beats std::sort.
  void sortEdges() {
    for (size_t i = 1; i < edges_.size(); ++i) {
      const Edge edge = edges_[i];
      size_t k = i;
      for (; k > 0 && edge.t < edges_[k - 1].t; --k) edges_[k] = edges_[k - 1];
      edges_[k] = edge;
    }
  }

  void collect(const Vec& p, const Vec& d, double from, double to) {
    for (size_t i = 0; i < bounds_.size(); ++i) {
      const auto& b = bounds_[i];
      const double x = b[0] - p[0], y = b[1] - p[1], z = b[2] - p[2], along = x * d[0] + y * d[1] + z * d[2];
      clearance_[i] = x * x + y * y + z * z - along * along - b[3];
    }
    for (size_t i = 0; i < bounds_.size(); ++i) {
      double t0, t1;
      if (clearance_[i] > 0 || !chord(shapes_[i], p, d, t0, t1)) continue;
      t0 = std::max(t0, from);
      t1 = std::min(t1, to);
      if (!(t0 < t1)) continue;
      edges_.push_back({t0, static_cast<int>(i), true});
      edges_.push_back({t1, static_cast<int>(i), false});
    }
  }

  const std::vector<Shape>& shapes_;
  std::vector<std::array<double, 4>> bounds_;  ///< centre and squared radius of the bounding spheres
  std::vector<double> clearance_;
  std::vector<Edge> edges_;
  std::vector<int> active_;
};

}  // namespace petrig::physics
