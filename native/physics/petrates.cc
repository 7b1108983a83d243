#include "pet.h"
#include "petlines.h"

namespace petrig::physics {
namespace {

constexpr int64_t kHistories = 1 << 19;
constexpr int64_t kPerStream = 1 << 13;
constexpr int64_t kLinesPerStream = 1 << 11;
// the strongest line seen is not the strongest there is; a stronger one than this gives two pairs at once now and then
constexpr double kHeadroom = 1.05;

struct Sums {
  std::vector<double> singles = std::vector<double>(pet::kBlocks, 0.0);
  double trues = 0;
  double strongest = 0;
};

class History {
 public:
  History(const PetScene& scene, const std::vector<Shape>& shapes, const Activity& activity)
      : scene_(scene), activity_(activity), absorber_(shapes, scene.attenuation) {}

  /// One annihilation: each photon alone, then the pair, all with weights instead of chances.
  void follow(Random& random, Sums& sums) {
    Vec p;
    shape_ = activity_.draw(random, p);
    if (shape_ < 0) return;
    double cx, cy;
    drawAzimuth(random, cx, cy);
    const Vec local{p[0], p[1], p[2] - scene_.centreZ};
    single(random, p, local, cx, cy, sums);
    single(random, p, local, -cx, -cy, sums);
    pair(random, p, local, cx, cy, sums);
  }

 private:
  double efficiency(const Hit& hit) const {
    return scene_.efficiencies[static_cast<size_t>(hit.ring * pet::kCrystals + hit.crystal)];
  }

  void single(Random& random, const Vec& p, const Vec& local, double cx, double cy, Sums& sums) {
    double low, high;
    acceptedSingle(local, cx, cy, low, high);
    const double cosine = low + (high - low) * random.uniform(), sine = std::sqrt(1 - cosine * cosine);
    const Vec d{cx * sine, cy * sine, cosine};
    Hit hit;
    if (!(high > low) || !interact(local, d, random, hit)) return;
    const Absorber::Depth depth = absorber_.depth(p, d);
    if (depth.here != shape_) return;
    const double weight = (high - low) / 2 * std::exp(-depth.forward);
    sums.singles[static_cast<size_t>(pet::blockOf(hit.ring, hit.crystal))] += weight * efficiency(hit);
  }

  void pair(Random& random, const Vec& p, const Vec& local, double cx, double cy, Sums& sums) {
    if (std::abs(local[2]) >= kHalfAxialMm) return;
    double low, high;
    acceptedCosines(local, cx, cy, low, high);
    const double cosine = low + (high - low) * random.uniform(), sine = std::sqrt(1 - cosine * cosine);
    const Vec d{cx * sine, cy * sine, cosine}, back{-d[0], -d[1], -d[2]};
    Hit a, b;
    if (!interact(local, d, random, a) || !interact(local, back, random, b)) return;
    int swap;
    if (pet::binOf(a.ring, a.crystal, b.ring, b.crystal, swap) < 0) return;
    const Absorber::Depth depth = absorber_.depth(p, d);
    if (depth.here != shape_) return;
    const double weight = (high - low) / 2 * std::exp(-depth.forward - depth.backward);
    sums.trues += weight * efficiency(a) * efficiency(b);
  }

  const PetScene& scene_;
  const Activity& activity_;
  Absorber absorber_;
  int shape_ = -1;  ///< that the point was drawn from
};

}  // namespace

void measureRates(const PetScene& scene, const PetRates& rates, const JobControl& control) {
  const std::vector<Shape> shapes = readShapes(scene.phantom);
  const Activity activity(shapes);
  std::fill(rates.singles.begin(), rates.singles.end(), 0.0);
  std::fill(rates.trues.begin(), rates.trues.end(), 0.0);
  if (activity.decaysPerSecond <= 0) return;
  std::vector<Sums> sums(kHistories / kPerStream);
  parallelFor(control, static_cast<int64_t>(sums.size()), 1, [&](int64_t begin, int64_t end, int) {
    History history(scene, shapes, activity);
    LineSource lines(shapes, scene.attenuation, scene.centreZ);
    for (int64_t stream = begin; stream < end; ++stream) {
      Random random(scene.seed ^ 0x52415445u, static_cast<uint64_t>(stream));
      Sums& sum = sums[static_cast<size_t>(stream)];
      for (int64_t i = 0; i < kPerStream; ++i) history.follow(random, sum);
      for (int64_t i = 0; lines.any() && i < kLinesPerStream; ++i) sum.strongest = std::max(sum.strongest, lines.draw(random));
    }
  });
  const double scale = activity.decaysPerSecond * scene.positronBranching / kHistories;
  for (const Sums& part : sums) {
    for (int b = 0; b < pet::kBlocks; ++b) rates.singles[static_cast<size_t>(b)] += part.singles[static_cast<size_t>(b)] * scale;
    rates.trues[0] += part.trues * scale;
    rates.trues[1] = std::max(rates.trues[1], part.strongest * kHeadroom);
  }
}

}  // namespace petrig::physics
