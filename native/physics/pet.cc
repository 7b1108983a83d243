#include "pet.h"


#include <numeric>

#include "petlines.h"

namespace petrig::physics {
namespace {

constexpr double kMmPerPs = 0.299792458;
constexpr uint32_t kTimeTag = 0x80000000u, kSinglesTag = 0xA0000000u, kPrompt = 0x40000000u;
constexpr int64_t kChunkMs = 8;

/// Draws an index with given weights in constant time (Walker 1977, Vose 1991).
class Alias {
 public:
  explicit Alias(std::vector<double> weights) : keep_(weights.size(), 1.0), other_(weights.size(), 0) {
    const double mean = std::accumulate(weights.begin(), weights.end(), 0.0) / static_cast<double>(weights.size());
    std::vector<int> small, large;
    for (size_t i = 0; i < weights.size(); ++i) {
      weights[i] /= mean > 0 ? mean : 1;
      (weights[i] < 1 ? small : large).push_back(static_cast<int>(i));
    }
    while (!small.empty() && !large.empty()) {
      const auto s = static_cast<size_t>(small.back()), l = static_cast<size_t>(large.back());
      small.pop_back();
      keep_[s] = weights[s];
      other_[s] = static_cast<int>(l);
      weights[l] -= 1 - weights[s];
      if (weights[l] >= 1) continue;
      large.pop_back();
      small.push_back(static_cast<int>(l));
    }
  }
  int draw(Random& random) const {
    const double at = random.uniform() * static_cast<double>(keep_.size());
    const auto i = static_cast<size_t>(at);
    return at - static_cast<double>(i) < keep_[i] ? static_cast<int>(i) : other_[i];
  }

 private:
  std::vector<double> keep_;
  std::vector<int> other_;
};

/// Singles rate of every crystal: the block's rate shared out by efficiency.
std::vector<double> crystalRates(const PetJob& job) {
  std::vector<double> sum(pet::kBlocks, 0.0), rates(job.scene.efficiencies.size());
  const auto block = [](size_t i) {
    return static_cast<size_t>(pet::blockOf(static_cast<int>(i) / pet::kCrystals, static_cast<int>(i) % pet::kCrystals));
  };
  for (size_t i = 0; i < rates.size(); ++i) sum[block(i)] += job.scene.efficiencies[i];
  for (size_t i = 0; i < rates.size(); ++i)
    if (sum[block(i)] > 0) rates[i] = job.singleRates[block(i)] * job.scene.efficiencies[i] / sum[block(i)];
  return rates;
}

/// What all milliseconds of a job share.
struct Scan {
  const PetJob& job;
  std::vector<Shape> shapes;
  Activity activity;  ///< of compact shapes
  Alias singleCrystal;
  double singlesPerSecond = 0;
  double bestEfficiency = 0;
  double widest = 1;              ///< bound of the share of directions in which a pair can be counted
  double pointsPerSecond = 0;     ///< pairs from compact shapes before any chance has been thrown
  double linesPerSecond = 0;      ///< the same through extended ones
  double randomsPerSecond = 0;    ///< accidental pairs of any two crystals: 2 tau S1 S2 summed over pairs

  explicit Scan(const PetJob& job)
      : job(job), shapes(readShapes(job.scene.phantom)), activity(shapes, extendedShapes(shapes)), singleCrystal(crystalRates(job)) {
    for (const float e : job.scene.efficiencies) bestEfficiency = std::max(bestEfficiency, static_cast<double>(e));
    singlesPerSecond = std::accumulate(job.singleRates.begin(), job.singleRates.end(), 0.0);
    const double edge = std::min(activity.outermost, pet::kFrontRadiusMm - 1);
    const double nearest = std::sqrt(pet::kFrontRadiusMm * pet::kFrontRadiusMm - edge * edge);
    widest = kHalfAxialMm / std::hypot(nearest, kHalfAxialMm);
    const double best = job.scene.positronBranching * bestEfficiency * bestEfficiency;
    pointsPerSecond = activity.decaysPerSecond * widest * best;
    linesPerSecond = job.strongestLine * best;
    randomsPerSecond = job.windowPs * 1e-12 / 2 * singlesPerSecond * singlesPerSecond;
  }
};

struct Tally {
  std::vector<uint32_t> words;
  double prompts = 0, delayeds = 0, trues = 0, randoms = 0;
  std::vector<double> singles = std::vector<double>(pet::kBlocks, 0.0);
};

/// One thread's share of a scan.
class Worker {
 public:
  explicit Worker(const Scan& scan)
      : scan_(scan),
        job_(scan.job),
        absorber_(scan.shapes, scan.job.scene.attenuation),
        lines_(scan.shapes, scan.job.scene.attenuation, scan.job.scene.centreZ) {}
  void millisecond(int64_t ms, Tally& tally);

 private:
  int fromPoint(Random& random, Vec& p, Vec& d);
  int fromLine(Random& random, Vec& p, Vec& d);
  bool detect(Random& random, const Vec& p, const Vec& d, uint32_t& word) const;
  bool accidental(Random& random, int tofBins, uint32_t& word);
  void countSingles(int64_t ms, double remaining, Tally& tally);
  void pairs(Random& random, bool line, Tally& tally);

  const Scan& scan_;
  const PetJob& job_;
  Absorber absorber_;
  LineSource lines_;
};

/// Turns the second photon away from the straight line: the pair's rest momentum.
void deflect(Random& random, double sigma, Vec& d) {
  const double sine = std::hypot(d[0], d[1]);
  const Vec across{-d[1] / sine, d[0] / sine, 0};
  const Vec up{-d[2] * across[1], d[2] * across[0], d[0] * across[1] - d[1] * across[0]};
  const double a = sigma * random.normal(), b = sigma * random.normal();
  for (int k = 0; k < 3; ++k) d[k] += a * across[k] + b * up[k];
  const double norm = std::sqrt(dot(d, d));
  for (double& x : d) x /= norm;
}

/// One pair from a compact shape, thinned by every chance up to the crystals. @returns how many pairs leave: 0 or 1
int Worker::fromPoint(Random& random, Vec& p, Vec& d) {
  const int shape = scan_.activity.draw(random, p);
  if (shape < 0) return 0;
  const Vec local{p[0], p[1], p[2] - job_.scene.centreZ};
  if (std::abs(local[2]) >= kHalfAxialMm) return 0;
  double cx, cy, low, high;
  drawAzimuth(random, cx, cy);
  acceptedCosines(local, cx, cy, low, high);
  if (random.uniform() * scan_.widest * 2 >= high - low) return 0;
  const double cosine = low + (high - low) * random.uniform(), sine = std::sqrt(1 - cosine * cosine);
  d = {cx * sine, cy * sine, cosine};
  const Absorber::Depth depth = absorber_.depth(p, d);
  return depth.here == shape && random.uniform() < std::exp(-depth.forward - depth.backward) ? 1 : 0;
}

/// The same for a line through extended shapes. @returns how many pairs leave along it: hardly ever more than one
int Worker::fromLine(Random& random, Vec& p, Vec& d) {
  const double share = lines_.draw(random) / job_.strongestLine;
  const int count = static_cast<int>(share + random.uniform());
  if (count == 0) return 0;
  p = lines_.pick(random);
  d = lines_.direction();
  return count;
}

/// What the crystals make of a pair that reached them from p along d and against it. @returns false when it is lost
bool Worker::detect(Random& random, const Vec& p, const Vec& d, uint32_t& word) const {
  const Vec local{p[0], p[1], p[2] - job_.scene.centreZ};
  Vec back{-d[0], -d[1], -d[2]};
  if (job_.noncollinearSigma > 0) deflect(random, job_.noncollinearSigma, back);
  Hit a, b;
  if (!interact(local, d, random, a) || !interact(local, back, random, b)) return false;
  const auto& efficiency = job_.scene.efficiencies;
  const double chance = static_cast<double>(efficiency[static_cast<size_t>(a.ring * pet::kCrystals + a.crystal)]) *
                        efficiency[static_cast<size_t>(b.ring * pet::kCrystals + b.crystal)];
  if (random.uniform() * scan_.bestEfficiency * scan_.bestEfficiency >= chance) return false;
  int swap;
  const int64_t bin = pet::binOf(a.ring, a.crystal, b.ring, b.crystal, swap);
  if (bin < 0) return false;
  const double difference = (a.pathMm - b.pathMm) / kMmPerPs + job_.timeSigmaPs * random.normal();
  const int tof = std::abs(difference) * 2 > job_.windowPs ? -1 : pet::tofBinOf(swap ? -difference : difference);
  if (tof < 0) return false;
  word = kPrompt | pet::addressOf(bin, tof);
  return true;
}

/// Two unrelated singles. @param tofBins 0 for the delayed window @returns false when the pair lies outside the sinogram
bool Worker::accidental(Random& random, int tofBins, uint32_t& word) {
  const int a = scan_.singleCrystal.draw(random), b = scan_.singleCrystal.draw(random);
  int swap;
  const int64_t bin = pet::binOf(a / pet::kCrystals, a % pet::kCrystals, b / pet::kCrystals, b % pet::kCrystals, swap);
  if (a == b || bin < 0) return false;
  if (tofBins == 0) {
    word = pet::addressOf(bin, pet::kDelayedTof);
    return true;
  }
  const int tof = pet::tofBinOf((random.uniform() - 0.5) * job_.windowPs);
  word = kPrompt | pet::addressOf(bin, tof);
  return tof >= 0;
}

void Worker::countSingles(int64_t ms, double remaining, Tally& tally) {
  Random random(job_.scene.seed ^ 0x53494E47u, static_cast<uint64_t>(ms));
  for (int block = 0; block < pet::kBlocks; ++block) {
    const double rate = job_.singleRates[static_cast<size_t>(block)] * remaining;
    tally.singles[static_cast<size_t>(block)] += static_cast<double>(random.poisson(rate * 1e-3));
    // blocks are polled one after the other, evenly over the polling interval
    if (ms % job_.pollingMs != block * job_.pollingMs / pet::kBlocks) continue;
    const double seconds = static_cast<double>(job_.pollingMs) * 1e-3;
    const double counted = static_cast<double>(random.poisson(rate * seconds));
    const auto value = static_cast<uint32_t>(std::min(524287.0, std::round(counted / seconds / job_.singlesScale)));
    tally.words.push_back(kSinglesTag | static_cast<uint32_t>(block) << 19 | value);
  }
}

void Worker::pairs(Random& random, bool line, Tally& tally) {
  Vec p, d;
  const int count = line ? fromLine(random, p, d) : fromPoint(random, p, d);
  for (int i = 0; i < count; ++i) {
    uint32_t word;
    if (!detect(random, p, d, word)) continue;
    tally.words.push_back(word);
    ++tally.trues;
    ++tally.prompts;
  }
}

void Worker::millisecond(int64_t ms, Tally& tally) {
  const double middle = (static_cast<double>(ms) + 0.5) * 1e-3;
  const double remaining = std::exp2(-(middle - job_.reference) / job_.halfLife);
  tally.words.push_back(kTimeTag | static_cast<uint32_t>(ms & 0x1FFFFFFF));
  countSingles(ms, remaining, tally);
  const double points = scan_.pointsPerSecond * remaining * 1e-3, lines = scan_.linesPerSecond * remaining * 1e-3;
  const double chance = scan_.randomsPerSecond * remaining * remaining * 1e-3;
  const double all = points + lines + 2 * chance;
  Random random(job_.scene.seed, static_cast<uint64_t>(ms));
  for (int64_t left = random.poisson(all); left > 0; --left) {
    const double which = random.uniform() * all - points - lines;
    if (which < 0) {
      pairs(random, which < -points, tally);
      continue;
    }
    const bool isDelayed = which >= chance;
    uint32_t word;
    if (!accidental(random, isDelayed ? 0 : pet::kTofBins, word)) continue;
    tally.words.push_back(word);
    tally.delayeds += isDelayed;
    tally.randoms += !isDelayed;
    tally.prompts += !isDelayed;
  }
}

void gather(const std::vector<Tally>& tallies, const PetJob& job) {
  std::fill(job.counts.begin(), job.counts.end(), 0.0);
  std::fill(job.singles.begin(), job.singles.end(), 0.0);
  size_t at = 0;
  for (const Tally& t : tallies) {
    if (at + t.words.size() <= job.words.size()) std::copy(t.words.begin(), t.words.end(), job.words.begin() + static_cast<int64_t>(at));
    at += t.words.size();
    const double counts[] = {0, t.prompts, t.delayeds, t.trues, t.randoms};
    for (size_t k = 1; k < 5; ++k) job.counts[k] += counts[k];
    for (size_t b = 0; b < t.singles.size(); ++b) job.singles[b] += t.singles[b];
  }
  job.counts[0] = static_cast<double>(at);
}

}  // namespace

void simulatePet(const PetJob& job, const JobControl& control) {
  const Scan scan(job);
  std::vector<Tally> tallies(static_cast<size_t>((job.durationMs + kChunkMs - 1) / kChunkMs));
  parallelFor(control, static_cast<int64_t>(tallies.size()), 1, [&](int64_t begin, int64_t end, int) {
    Worker worker(scan);
    for (int64_t chunk = begin; chunk < end; ++chunk) {
      const int64_t last = std::min(job.durationMs, (chunk + 1) * kChunkMs);
      for (int64_t ms = chunk * kChunkMs; ms < last; ++ms) worker.millisecond(job.startMs + ms, tallies[static_cast<size_t>(chunk)]);
    }
  });
  gather(tallies, job);
}

}  // namespace petrig::physics
