#pragma once
// Where annihilations happen, and what the two photons meet on their way to the crystals.

#include <cmath>
#include <numbers>

#include "../pet/geometry.h"
#include "../random.h"
#include "shapes.h"

namespace petrig::physics {

/// Draws points from the activity of a phantom. A draw may say that nothing was there: boxes about shapes are
/// sampled and what is outside, clipped or covered has to be rejected, so that `decaysPerSecond` times the accepted share is exact.
class Activity {
 public:
  /// @param without shapes that something else samples
  explicit Activity(const std::vector<Shape>& shapes, const std::vector<char>& without = {}) : shapes_(shapes) {
    for (size_t i = 0; i < shapes.size(); ++i) {
      const Shape& s = shapes[i];
      if (s.activity <= 0 || (!without.empty() && without[i] != 0)) continue;
      const Box box = boxOf(s);
      decaysPerSecond += s.activity * box.volumeMm3 / 1000;
      hot_.push_back(static_cast<int>(i));
      boxes_.push_back(box);
      cumulative_.push_back(decaysPerSecond);
      for (int corner = 0; corner < 4; ++corner) {
        const double x = corner & 1 ? s.high[0] : s.low[0], y = corner & 2 ? s.high[1] : s.low[1];
        outermost = std::max(outermost, std::hypot(x, y));
      }
    }
  }

  /// Draws a point of a hot shape, clips respected, later shapes not: ask `Absorber` which shape wins there.
  /// @returns the shape, or -1 when the drawn decay does not exist
  int draw(Random& random, Vec& p) const {
    const double at = random.uniform() * decaysPerSecond;
    size_t k = 0;
    while (k + 1 < hot_.size() && cumulative_[k] < at) ++k;
    const Shape& s = shapes_[static_cast<size_t>(hot_[k])];
    double u[3], square = 0;
    for (int c = 0; c < 3; ++c) {
      u[c] = boxes_[k].low[c] + boxes_[k].size[c] * random.uniform();
      if (c < s.quadric) square += u[c] * u[c];
    }
    if (square > 1) return -1;
    for (int c = 0; c < 3; ++c) p[c] = s.centre[c] + u[0] * s.axes[0][c] + u[1] * s.axes[1][c] + u[2] * s.axes[2][c];
    for (const Clip& clip : s.clips)
      if (dot(clip.normal, p) > clip.d) return -1;
    return hot_[k];
  }

  double decaysPerSecond = 0;  ///< of all boxes at the reference time
  double outermost = 0;        ///< bound of the distance of active points from the axis, mm

 private:
  /// The part of the shape's unit cube that clips along its own axes leave.
  struct Box {
    double low[3], size[3], volumeMm3;
  };

  static Box boxOf(const Shape& s) {
    Box box{{-1, -1, -1}, {2, 2, 2}, 1};
    for (int a = 0; a < 3; ++a) {
      const double length = std::sqrt(dot(s.axes[a], s.axes[a]));
      double low = -1, high = 1;
      for (const Clip& clip : s.clips) {
        const double along = dot(clip.normal, s.axes[a]) / length;
        if (std::abs(along) < 1 - 1e-12) continue;
        const double at = (clip.d - dot(clip.normal, s.centre)) / length;
        if (along > 0) high = std::min(high, at);
        else low = std::max(low, -at);
      }
      box.low[a] = low;
      box.size[a] = std::max(0.0, high - low);
      box.volumeMm3 *= length * box.size[a];
    }
    return box;
  }

  const std::vector<Shape>& shapes_;
  std::vector<int> hot_;
  std::vector<Box> boxes_;
  std::vector<double> cumulative_;
};

inline constexpr double kCrystalLengthMm = 20;
inline constexpr double kLsoPerMm = 0.0869;  // attenuation of LSO at 511 keV (density 7.4 g/ml)
inline constexpr double kBeyond = 2000;  // mm: no phantom reaches as far as the detectors, and they absorb nothing of their own
inline constexpr double kHalfAxialMm = pet::kRings * pet::kRingPitchMm / 2;

/// In-plane distance from (x, y) along the unit vector (cx, cy) to a circle about the axis that holds the point.
inline double distanceTo(double radius, double x, double y, double cx, double cy) {
  const double along = x * cx + y * cy;
  return -along + std::sqrt(std::max(0.0, along * along + radius * radius - x * x - y * y));
}

/// Where one photon stops: crystal, ring and path length.
struct Hit {
  int ring = -1, crystal = 0;
  double pathMm = 0;
};

/// Lets the photon from `p` (z relative to the rings' centre) along unit `d` interact at a random depth of the crystals.
/// @returns false when that place is axially outside
inline bool interact(const Vec& p, const Vec& d, Random& random, Hit& hit) {
  const double sine = std::sqrt(d[0] * d[0] + d[1] * d[1]);
  const double cx = d[0] / sine, cy = d[1] / sine;
  const double front = distanceTo(pet::kFrontRadiusMm, p[0], p[1], cx, cy);
  const double back = distanceTo(pet::kFrontRadiusMm + kCrystalLengthMm, p[0], p[1], cx, cy);
  const double longest = (back - front) / sine;
  double depth;
  do depth = -std::log(1 - random.uniform()) / kLsoPerMm;
  while (depth > longest);
  hit.pathMm = front / sine + depth;
  hit.ring = pet::ringAt(p[2] + hit.pathMm * d[2]);
  if (hit.ring < 0 || hit.ring >= pet::kRings) return false;
  hit.crystal = pet::crystalAt(p[0] + hit.pathMm * d[0], p[1] + hit.pathMm * d[1]);
  return true;
}

/// A direction in the plane, all equally likely.
inline void drawAzimuth(Random& random, double& cx, double& cy) {
  double square;
  do {
    cx = 2 * random.uniform() - 1;
    cy = 2 * random.uniform() - 1;
    square = cx * cx + cy * cy;
  } while (square > 1 || square < 1e-6);
  const double scale = 1 / std::sqrt(square);
  cx *= scale;
  cy *= scale;
}

/// Range of cos(theta) for which both photons along azimuth (cx, cy) reach the crystals' front; empty when high <= low.
inline void acceptedCosines(const Vec& p, double cx, double cy, double& low, double& high) {
  const double forward = distanceTo(pet::kFrontRadiusMm, p[0], p[1], cx, cy);
  const double backward = distanceTo(pet::kFrontRadiusMm, p[0], p[1], -cx, -cy);
  const double up = kHalfAxialMm - p[2], down = kHalfAxialMm + p[2];
  const double most = std::min(up / forward, down / backward), least = -std::min(down / forward, up / backward);
  high = most / std::sqrt(1 + most * most);
  low = least / std::sqrt(1 + least * least);
}

/// Range of cos(theta) for which the one photon along azimuth (cx, cy) reaches the crystals, from any z.
inline void acceptedSingle(const Vec& p, double cx, double cy, double& low, double& high) {
  const double front = distanceTo(pet::kFrontRadiusMm, p[0], p[1], cx, cy);
  const double back = distanceTo(pet::kFrontRadiusMm + kCrystalLengthMm, p[0], p[1], cx, cy);
  const double up = kHalfAxialMm - p[2], down = -kHalfAxialMm - p[2];
  const double most = up / (up > 0 ? front : back), least = down / (down < 0 ? front : back);
  high = most / std::sqrt(1 + most * most);
  low = least / std::sqrt(1 + least * least);
}

/// Attenuation at 511 keV along phantoms.
class Absorber {
 public:
  Absorber(const std::vector<Shape>& shapes, std::span<const double> attenuation) : tracer_(shapes) {
    for (const Shape& s : shapes) mu_.push_back(attenuation[static_cast<size_t>(s.material)]);
  }

  struct Depth {
    double forward = 0, backward = 0;  ///< line integrals from p along d and against it
    int here = -1;                     ///< the shape that wins at p
  };
  Depth depth(const Vec& p, const Vec& d) {
    Depth sum;
    tracer_.walk(p, d, -kBeyond, kBeyond, [&](int shape, double from, double to) {
      const double mu = mu_[static_cast<size_t>(shape)];
      if (to > 0) sum.forward += mu * (to - std::max(from, 0.0));
      if (from < 0) sum.backward += mu * (std::min(to, 0.0) - from);
      if (from <= 0 && to > 0) sum.here = shape;
    });
    return sum;
  }

 private:
  std::vector<double> mu_;
  Tracer tracer_;
};

}  // namespace petrig::physics
