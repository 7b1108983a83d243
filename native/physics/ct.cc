#include "ct.h"

#include <numbers>

#include "../random.h"
#include "ctblock.h"

namespace petrig::physics {
namespace {

/// What all readings of a job share.
struct Scene {
  const CtJob& job;
  std::vector<Shape> shapes;
  std::vector<float> attenuation;  ///< [material][energy]
  std::vector<float> signal;       ///< [energy] share of the air signal
  std::vector<float> noise;        ///< [energy] share of the variance of one air photon's signal
  std::vector<std::vector<std::pair<int, int>>> networks;

  explicit Scene(const CtJob& job) : job(job), shapes(readShapes(job.phantom)) {
    attenuation.assign(job.attenuation.begin(), job.attenuation.end());
    double photons = 0, energy = 0;
    for (size_t e = 0; e < job.energies.size(); ++e) {
      photons += job.spectrum[e];
      energy += job.spectrum[e] * job.energies[e];
    }
    const double mean = energy / photons;
    for (size_t e = 0; e < job.energies.size(); ++e) {
      const double share = job.spectrum[e] / photons, relative = job.energies[e] / mean;
      signal.push_back(static_cast<float>(share * relative));
      noise.push_back(static_cast<float>(share * relative * relative));
    }
    for (int hits = 0; hits <= kMaxHits; ++hits) networks.push_back(sortingNetwork(2 * hits));
  }
};

/// A shape's shadow on the detector of one reading.
struct Shadow {
  int first, last;   ///< channels, inclusive
  double near, far;  ///< in-plane distance from the source, mm
};

Shadow shadowOf(const Shape& s, const CtJob& job, double x, double y, double angle) {
  const double dx = s.middle[0] - x, dy = s.middle[1] - y;
  const double hx = (s.high[0] - s.low[0]) / 2, hy = (s.high[1] - s.low[1]) / 2;
  const double distance = std::hypot(dx, dy), radius = std::hypot(hx, hy);
  Shadow shadow{0, job.channels - 1, distance - radius, distance + radius};
  if (distance <= radius) return shadow;
  const double gamma = std::remainder(std::atan2(-dx, dy) - angle, 2 * std::numbers::pi);
  const double half = std::asin(radius / distance), centre = (job.channels - 1) / 2.0 - job.channelOffset;
  const double first = std::floor((gamma - half) / job.channelAngle + centre);
  const double last = std::ceil((gamma + half) / job.channelAngle + centre);
  shadow.first = static_cast<int>(std::clamp(first, 0.0, static_cast<double>(job.channels)));
  shadow.last = static_cast<int>(std::clamp(last, -1.0, job.channels - 1.0));
  return shadow;
}

/// One thread's view of the scene from the source of one reading.
class Reading {
 public:
  explicit Reading(const Scene& scene) : scene_(scene), job_(scene.job), tracer_(scene.shapes) {
    seen_.resize(scene.shapes.size());
    shadows_.resize(scene.shapes.size());
  }

  void simulate(int64_t index);

 private:
  void see(size_t i);
  void directions(int first);
  void block(int row, int first, uint16_t* out);
  int collect(int row, int first);
  void traceAll();
  void finish(int row, int first, uint16_t* out);
  void word(float mean, float variance, float normal, uint32_t lane, uint16_t& out) const;

  const Scene& scene_;
  const CtJob& job_;
  std::vector<SeenShape> seen_;
  std::vector<Shadow> shadows_;
  std::vector<int> hits_;
  std::vector<int> rows_;  ///< attenuation row of each local material
  Lanes lanes_;
  Tracer tracer_;
  Vec source_{};
  double angle_ = 0;
  float photons_ = 0;
  uint32_t keyA_ = 0, keyB_ = 0;
  uint64_t streamKey_ = 0;
};

void Reading::see(size_t i) {
  const Shape& s = scene_.shapes[i];
  SeenShape& seen = seen_[i];
  seen.shape = &s;
  seen.quadric = s.quadric;
  Vec w{};
  for (int k = 0; k < 3; ++k) {
    w[k] = source_[k] - s.centre[k];
    seen.toCentre[k] = static_cast<float>(-w[k]);
  }
  for (int a = 0; a < 3; ++a) {
    seen.origin[a] = static_cast<float>(dot(s.rows[a], w));
    for (int k = 0; k < 3; ++k) seen.rows[a][k] = static_cast<float>(s.rows[a][k]);
  }
  seen.clips = static_cast<int>(s.clips.size());
  for (int c = 0; c < seen.clips; ++c) {
    for (int k = 0; k < 3; ++k) seen.clip[c][k] = static_cast<float>(s.clips[c].normal[k]);
    seen.clip[c][3] = static_cast<float>(s.clips[c].d - dot(s.clips[c].normal, source_));
  }
}

void Reading::directions(int first) {
  for (int i = 0; i < kLanes; ++i) {
    const double gamma = (first + i - (job_.channels - 1) / 2.0 + job_.channelOffset) * job_.channelAngle;
    lanes_.dx[i] = static_cast<float>(-std::sin(angle_ + gamma));
    lanes_.dy[i] = static_cast<float>(std::cos(angle_ + gamma));
  }
}

/// Finds the shapes that a block may meet and numbers their materials. @returns their count
int Reading::collect(int row, int first) {
  hits_.clear();
  rows_.clear();
  const double slope = (row - (job_.rows - 1) / 2.0) * job_.rowPitch / job_.sourceRadius;
  lanes_.dz = static_cast<float>(slope);
  for (size_t i = 0; i < shadows_.size(); ++i) {
    const Shadow& shadow = shadows_[i];
    if (shadow.first >= first + kLanes || shadow.last < first) continue;
    const double a = source_[2] + slope * shadow.near, b = source_[2] + slope * shadow.far;
    const Shape& s = scene_.shapes[i];
    if (std::max(a, b) < s.low[2] || std::min(a, b) > s.high[2]) continue;
    hits_.push_back(static_cast<int>(i));
    if (std::find(rows_.begin(), rows_.end(), s.material) == rows_.end()) rows_.push_back(s.material);
  }
  return static_cast<int>(hits_.size());
}

/// Crowded blocks: one ray after the other, in double precision.
void Reading::traceAll() {
  for (size_t m = 0; m < rows_.size(); ++m) std::fill_n(lanes_.paths[m], kLanes, 0.0f);
  const double stretch = std::sqrt(1 + static_cast<double>(lanes_.dz) * lanes_.dz);
  for (int i = 0; i < kLanes; ++i) {
    const Vec d{lanes_.dx[i] / stretch, lanes_.dy[i] / stretch, lanes_.dz / stretch};
    tracer_.walk(source_, d, 0, kFar, [&](int shape, double from, double to) {
      const auto at = std::find(rows_.begin(), rows_.end(), scene_.shapes[shape].material) - rows_.begin();
      lanes_.paths[at][i] += static_cast<float>((to - from) / stretch);
    });
  }
}

PETRIG_CLONES
void measure(const Scene& scene, const std::vector<SeenShape>& seen, const std::vector<int>& hits,
             const std::vector<int>& rows, bool traced, Lanes& lanes) {
  const int count = static_cast<int>(hits.size());
  if (!traced) {
    int32_t top[kMaxHits + 1] = {-1};
    for (int slot = 0; slot < count; ++slot) {
      const SeenShape& s = seen[static_cast<size_t>(hits[slot])];
      enterShape(s, slot, lanes);
      for (size_t m = 0; m < rows.size(); ++m)
        if (rows[m] == s.shape->material) top[slot + 1] = static_cast<int32_t>(m);
    }
    sortKeys(scene.networks[static_cast<size_t>(count)], lanes);
    sweep(count, top, static_cast<int>(rows.size()), lanes);
  }
  transmit(static_cast<int>(scene.signal.size()), scene.signal.data(), scene.noise.data(), scene.attenuation.data(),
           rows.data(), static_cast<int>(rows.size()), __builtin_sqrtf(1 + lanes.dz * lanes.dz), lanes);
}

struct NoiseJob {
  float photons;
  float electronic;
  uint32_t keyA, keyB;
};

PETRIG_CLONES
void addNoise(const NoiseJob& job, const Lanes& lanes, float* signal, float* quanta) {
  const float perPhoton = 1.0f / job.photons;
  const float electronic = job.electronic * job.electronic * perPhoton * perPhoton;
  alignas(64) float normal[kLanes];
  for (int i = 0; i < kLanes / 2; ++i) {
    const uint32_t counter = static_cast<uint32_t>(i) * 0x9E3779B9u;
    normals(mix(counter + job.keyA), mix(counter ^ job.keyB), normal[i], normal[i + kLanes / 2]);
  }
  for (int i = 0; i < kLanes; ++i) {
    const float variance = lanes.variance[i] * perPhoton + electronic;
    signal[i] = lanes.mean[i] + __builtin_sqrtf(variance) * normal[i];
    quanta[i] = lanes.mean[i] * lanes.mean[i] * job.photons / lanes.variance[i];
  }
}

PETRIG_CLONES
void quantise(const float* signal, uint16_t* out) {
  alignas(64) float value[kLanes];
  for (int i = 0; i < kLanes; ++i) value[i] = signal[i] > 1e-12f ? signal[i] : 1e-12f;
  for (int i = 0; i < kLanes; ++i) value[i] = -4096.0f * logPositive(value[i]) + 1024.5f;
  for (int i = 0; i < kLanes; ++i) value[i] = value[i] < 0 ? 0 : value[i];
  for (int i = 0; i < kLanes; ++i) value[i] = value[i] > 65535.0f ? 65535.0f : value[i];
  for (int i = 0; i < kLanes; ++i) out[i] = static_cast<uint16_t>(static_cast<int32_t>(value[i]));
}

void Reading::finish(int row, int first, uint16_t* out) {
  alignas(64) float signal[kLanes], quanta[kLanes];
  alignas(64) uint16_t words[kLanes];
  if (job_.electronicNoise < 0) {
    std::copy_n(lanes_.mean, kLanes, signal);
  } else {
    const auto place = static_cast<uint32_t>(row * job_.channels + first);
    const NoiseJob noise{photons_, static_cast<float>(job_.electronicNoise), mix(keyA_ + place), mix(keyB_ ^ place)};
    addNoise(noise, lanes_, signal, quanta);
    for (int i = 0; i < kLanes; ++i) {
      if (quanta[i] > 30) continue;
      // a handful of quanta is far from a normal distribution: a scaled Poisson count with the same mean and variance
      Random random(streamKey_, static_cast<uint64_t>(place) + static_cast<uint64_t>(i));
      const double count = static_cast<double>(random.poisson(quanta[i]));
      signal[i] = static_cast<float>(count * lanes_.variance[i] / lanes_.mean[i] / photons_ +
                                     job_.electronicNoise / photons_ * random.normal());
    }
  }
  quantise(signal, words);
  std::copy_n(words, std::min(kLanes, job_.channels - first), out);
}

void Reading::block(int row, int first, uint16_t* out) {
  const int count = collect(row, first);
  if (count == 0) {
    std::fill_n(lanes_.mean, kLanes, 1.0f);
    float air = 0;
    for (const float share : scene_.noise) air += share;
    std::fill_n(lanes_.variance, kLanes, air);
  } else {
    const bool crowded = count > kMaxHits;
    if (crowded) traceAll();
    measure(scene_, seen_, hits_, rows_, crowded, lanes_);
  }
  finish(row, first, out);
}

void Reading::simulate(int64_t index) {
  const auto at = static_cast<size_t>(index);
  angle_ = job_.angles[at];
  source_ = {job_.sourceRadius * std::sin(angle_), -job_.sourceRadius * std::cos(angle_), job_.sourceZ[at]};
  photons_ = static_cast<float>(job_.photons[at]);
  Random stream(job_.seed, static_cast<uint64_t>(job_.firstReading + index));
  keyA_ = static_cast<uint32_t>(stream.bits() >> 32);
  keyB_ = static_cast<uint32_t>(stream.bits() >> 32);
  streamKey_ = stream.bits();
  for (size_t i = 0; i < scene_.shapes.size(); ++i) {
    see(i);
    shadows_[i] = shadowOf(scene_.shapes[i], job_, source_[0], source_[1], angle_);
  }
  uint16_t* out = &job_.out[at * static_cast<size_t>(job_.rows) * static_cast<size_t>(job_.channels)];
  for (int first = 0; first < job_.channels; first += kLanes) {
    directions(first);
    for (int row = 0; row < job_.rows; ++row) block(row, first, out + row * job_.channels + first);
  }
}

}  // namespace

void simulateCt(const CtJob& job, const JobControl& control) {
  const Scene scene(job);
  parallelFor(control, static_cast<int64_t>(job.angles.size()), 4, [&](int64_t begin, int64_t end, int) {
    Reading reading(scene);
    for (int64_t i = begin; i < end; ++i) reading.simulate(i);
  });
}

}  // namespace petrig::physics
