#pragma once
// Extended activity sampled by lines instead of points: what leaves a line unabsorbed varies far less from line to line than from
// point to point, so fewer histories are thrown away.

#include "petsource.h"

namespace petrig::physics {

/// A shape that fills at least this part of the cylinder about all activity is worth sampling by lines.
inline constexpr double kExtendedShare = 0.02;

struct Cylinder {
  double x = 0, y = 0, radius = 0, low = 0, high = 0;
  double volume() const { return std::numbers::pi * radius * radius * (high - low); }
};

/// The cylinder about the bounding boxes of chosen shapes.
template <class Choose>
Cylinder cylinderAbout(const std::vector<Shape>& shapes, Choose&& choose) {
  Vec low{1e9, 1e9, 1e9}, high{-1e9, -1e9, -1e9};
  for (size_t i = 0; i < shapes.size(); ++i) {
    if (!choose(i)) continue;
    for (int k = 0; k < 3; ++k) {
      low[k] = std::min(low[k], shapes[i].low[k]);
      high[k] = std::max(high[k], shapes[i].high[k]);
    }
  }
  if (low[0] > high[0]) return {};
  const double hx = (high[0] - low[0]) / 2, hy = (high[1] - low[1]) / 2;
  return {low[0] + hx, low[1] + hy, std::hypot(hx, hy), low[2], high[2]};
}

/// Which active shapes are sampled by lines.
inline std::vector<char> extendedShapes(const std::vector<Shape>& shapes) {
  const Cylinder all = cylinderAbout(shapes, [&](size_t i) { return shapes[i].activity > 0; });
  std::vector<char> extended(shapes.size(), 0);
  for (size_t i = 0; i < shapes.size(); ++i) {
    if (shapes[i].activity <= 0) continue;
    double volume = 1;
    for (int k = 0; k < 3; ++k) volume *= shapes[i].high[k] - shapes[i].low[k];
    extended[i] = volume >= kExtendedShare * all.volume();
  }
  return extended;
}

/// Lines through the extended activity that both ends of the rings accept.
class LineSource {
 public:
  LineSource(const std::vector<Shape>& shapes, std::span<const double> attenuation, double centreZ)
      : shapes_(shapes), extended_(extendedShapes(shapes)), tracer_(shapes), centreZ_(centreZ) {
    for (const Shape& s : shapes) mu_.push_back(attenuation[static_cast<size_t>(s.material)]);
    about_ = cylinderAbout(shapes, [&](size_t i) { return extended_[i] != 0; });
    const double edge = std::min(std::hypot(about_.x, about_.y) + about_.radius, pet::kFrontRadiusMm - 1);
    widest_ = kHalfAxialMm / std::hypot(std::sqrt(pet::kFrontRadiusMm * pet::kFrontRadiusMm - edge * edge), kHalfAxialMm);
  }

  /// Draws a line. @returns the unabsorbed pairs per second it stands for: their mean over draws is the rate of the whole
  double draw(Random& random) {
    double cx, cy;
    drawAzimuth(random, cx, cy);
    const double cosine = widest_ * (2 * random.uniform() - 1), sine = std::sqrt(1 - cosine * cosine);
    const double offset = about_.radius * (2 * random.uniform() - 1), cot = cosine / sine;
    const double x = about_.x - offset * cy, y = about_.y + offset * cx;
    if (x * x + y * y >= pet::kFrontRadiusMm * pet::kFrontRadiusMm) return 0;
    const double forward = cot * distanceTo(pet::kFrontRadiusMm, x, y, cx, cy);
    const double backward = cot * distanceTo(pet::kFrontRadiusMm, x, y, -cx, -cy);
    // the heights at which the line meets the activity's cylinder, and both ends lie on crystals
    const double reach = std::abs(cot) * std::sqrt(about_.radius * about_.radius - offset * offset);
    const double low = std::max({about_.low - centreZ_ - reach, -kHalfAxialMm - forward, -kHalfAxialMm + backward});
    const double high = std::min({about_.high - centreZ_ + reach, kHalfAxialMm - forward, kHalfAxialMm + backward});
    if (high <= low) return 0;
    foot_ = {x, y, centreZ_ + low + (high - low) * random.uniform()};
    direction_ = {cx * sine, cy * sine, cosine};
    const double window = widest_ * 2 * about_.radius * (high - low);
    return window * integrate() * sine / 1000;  // Bq/ml to Bq/mm3; activity is integrated along the plane
  }

  /// A point of the line last drawn, as likely as there is activity.
  Vec pick(Random& random) const {
    double at = random.uniform() * activity_;
    double t = 0;
    for (const Stretch& s : stretches_) {
      t = s.from + std::min(1.0, at / s.activity) * (s.to - s.from);
      at -= s.activity;
      if (at <= 0) break;
    }
    return {foot_[0] + t * direction_[0], foot_[1] + t * direction_[1], foot_[2] + t * direction_[2]};
  }

  const Vec& direction() const { return direction_; }
  bool any() const { return about_.radius > 0; }
  bool covers(int shape) const { return extended_[static_cast<size_t>(shape)] != 0; }

 private:
  struct Stretch {
    double from, to, activity;
  };

  double integrate() {
    double depth = 0;
    activity_ = 0;
    stretches_.clear();
    tracer_.walk(foot_, direction_, -kBeyond, kBeyond, [&](int shape, double from, double to) {
      const auto i = static_cast<size_t>(shape);
      depth += mu_[i] * (to - from);
      if (extended_[i] == 0) return;
      stretches_.push_back({from, to, shapes_[i].activity * (to - from)});
      activity_ += stretches_.back().activity;
    });
    return activity_ * std::exp(-depth);
  }

  const std::vector<Shape>& shapes_;
  std::vector<char> extended_;
  std::vector<double> mu_;
  Tracer tracer_;
  Cylinder about_;
  double centreZ_ = 0, widest_ = 0;
  Vec foot_{}, direction_{};
  std::vector<Stretch> stretches_;
  double activity_ = 0;
};

}  // namespace petrig::physics
