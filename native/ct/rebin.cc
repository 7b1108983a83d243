#include "ct/rebin.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <stdexcept>

#include "ct/geometry.h"

namespace petrig::ct {

using std::numbers::pi;

GantryTrace::GantryTrace(std::span<const double> given) : angles(given.begin(), given.end()) {
  std::vector<double> steps;
  steps.reserve(angles.size());
  for (size_t i = 1; i < angles.size(); ++i) {
    double forward = given[i] - given[i - 1];
    if (forward < 0) forward -= 2 * pi * std::floor(forward / (2 * pi));  // wrapped at a turn
    if (forward == 0) throw std::invalid_argument("gantry angle stands still at reading " + std::to_string(i));
    angles[i] = angles[i - 1] + forward;
    steps.push_back(forward);
  }
  std::nth_element(steps.begin(), steps.begin() + steps.size() / 2, steps.end());
  step = steps[steps.size() / 2];
  viewsPerHalfTurn = static_cast<int>(std::lround(pi / step));
  int first = 0;
  for (int i = 1; i <= static_cast<int>(angles.size()); ++i) {
    if (i < static_cast<int>(angles.size()) && angles[i] - angles[i - 1] < 2.5 * step) continue;
    runs.push_back({first, i - 1});
    first = i;
  }
}

ParallelGrid::ParallelGrid() : spacing_(kSourceIsocentre * kFanStep / 2) {
  const double reach = kSourceIsocentre * std::sin(std::min(-fanAngle(0), fanAngle(kChannels - 1)));
  samples_ = 2 * static_cast<int>(std::floor(reach / spacing_));
  for (int i = 0; i < samples_; ++i) {
    // a ray of fan angle gamma passes the axis at -R sin(gamma); its opposite at +R sin(gamma)
    const double gamma = std::asin((first() + i * spacing_) / kSourceIsocentre);
    direct_.push_back(tapAt(-gamma / kFanStep + kCentralChannel));
    opposite_.push_back(tapAt(gamma / kFanStep + kCentralChannel));
  }
}

ParallelGrid::Tap ParallelGrid::tapAt(double channel) {
  const int base = std::clamp(static_cast<int>(std::floor(channel)), 1, kChannels - 3);
  const double x = std::clamp(channel - base, -1.0, 2.0);
  // cubic convolution, a = -1/2 (Keys 1981)
  const auto keys = [](double d) {
    const double u = std::abs(d);
    return u < 1 ? (1.5 * u - 2.5) * u * u + 1 : u < 2 ? ((-0.5 * u + 2.5) * u - 4) * u + 2 : 0;
  };
  Tap tap{base - 1, {}};
  for (int k = 0; k < 4; ++k) tap.weights[k] = static_cast<float>(keys(x - (k - 1)));
  return tap;
}

bool ParallelGrid::sample(const float* sum, const float* total, const float* oppositeSum, const float* oppositeTotal,
                          float* view) const {
  bool complete = true;
  for (int i = 0; i < samples_; ++i) {
    float value = 0;
    float weight = 0;
    for (int k = 0; k < 4; ++k) {
      const int d = direct_[i].channel + k;
      const int o = opposite_[i].channel + k;
      value += direct_[i].weights[k] * sum[d] + opposite_[i].weights[k] * oppositeSum[o];
      weight += direct_[i].weights[k] * total[d] + opposite_[i].weights[k] * oppositeTotal[o];
    }
    complete = complete && weight > 0;
    view[i] = weight > 0 ? value / weight : 0;
  }
  return complete;
}

namespace {

/// Sums a channel of the rays along one direction.
struct Sums {
  float sum[kChannels];
  float total[kChannels];
};

/// Adds the rays whose direction is `direction`: channel c is read at gantry angle direction - gamma(c), between two readings.
void addDirection(const GantryTrace& trace, const ReadingSums& part, double direction, Sums& sums) {
  const double* angles = trace.angles.data();
  const Run run = part.run;
  const double firstAngle = angles[run.first];
  const double lastAngle = angles[run.last];
  int i = -1;
  for (int c = 0; c < kChannels; ++c) {  // the gantry angle falls as c grows
    const double angle = direction - fanAngle(c);
    if (angle > lastAngle) continue;
    if (angle < firstAngle) return;
    if (i < 0) i = static_cast<int>(std::upper_bound(angles + run.first, angles + run.last + 1, angle) - angles) - 1;
    while (angles[i] > angle) --i;
    const int next = std::min(i + 1, run.last);
    const double share = next > i ? (angle - angles[i]) / (angles[next] - angles[i]) : 0;
    const float b = static_cast<float>(share);
    const float a = 1 - b;
    const size_t here = static_cast<size_t>(i - run.first) * kChannels + c;
    const size_t there = static_cast<size_t>(next - run.first) * kChannels + c;
    sums.sum[c] += a * part.sum[here] + b * part.sum[there];
    sums.total[c] += a * part.total[here] + b * part.total[there];
  }
}

/// Adds all readings of a part along view angle `angle`, modulo half a turn.
void addPart(const GantryTrace& trace, const ReadingSums& part, double angle, Sums& direct, Sums& opposite) {
  const double low = trace.angles[part.run.first] + fanAngle(0);
  const double high = trace.angles[part.run.last] + fanAngle(kChannels - 1);
  const auto from = static_cast<int64_t>(std::ceil((low - angle) / pi));
  const auto to = static_cast<int64_t>(std::floor((high - angle) / pi));
  for (int64_t half = from; half <= to; ++half)
    addDirection(trace, part, angle + static_cast<double>(half) * pi, half % 2 == 0 ? direct : opposite);
}

}  // namespace

void rebin(const GantryTrace& trace, const ParallelGrid& grid, std::span<const ReadingSums> parts, int stride, float* views,
           const std::function<void()>& pause) {
  std::vector<Sums> both(2);
  for (int v = 0; v < trace.viewsPerHalfTurn; ++v) {
    std::fill(both.begin(), both.end(), Sums{});
    for (const auto& part : parts) addPart(trace, part, pi * v / trace.viewsPerHalfTurn, both[0], both[1]);
    float* view = views + static_cast<size_t>(v) * stride;
    if (!grid.sample(both[0].sum, both[0].total, both[1].sum, both[1].total, view))
      throw std::runtime_error("a slice lacks readings at view " + std::to_string(v));
    if (v % 32 == 0) pause();
  }
}

}  // namespace petrig::ct
