#include "pet/osem.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <stdexcept>
#include <vector>

#include "pet/blur.h"

namespace petrig::pet {
namespace {

constexpr int kStride = Grid::kStride;
constexpr int kCoarse = 200;  // sensitivity and attenuation are smooth: always on the 200 matrix
// Back images whose sum is taken in a fixed order: the answer does not depend on the number of threads (at most this many work).
constexpr int kSlots = 4;
constexpr float kImpossible = -1;
// A voxel that no event of one sparse subset touches would stay 0 for ever: no single update takes more than nine tenths of it.
constexpr float kLeast = 0.1F;

struct Slot {
  std::vector<float> back, sensitivity;
  std::vector<float> curtain, backCurtain, window;
  Walk walk;
  EventPath path;
  std::array<float, kPlanes> efficiency{}, randoms{}, attenuation{};
};

class Osem {
 public:
  Osem(const JobControl& job, const OsemOptions& options)
      : job_(job), o_(options), grid_{options.matrix, voxelMmOf(options.matrix)}, coarse_{kCoarse, voxelMmOf(kCoarse)}, tof_(options.tofFwhmPs) {
    checkBins(o_.bins);
    if (!o_.mu.empty()) mu_ = toColumns(o_.mu, kCoarse);
    image_.assign(grid_.size(), 0.0F);
    forEachColumn([&](int64_t column, int, int) { std::fill_n(image_.data() + column + Grid::kPad, kSlices, 1.0F); });
    additive_.assign(o_.bins.cells.size(), 0.0F);
    sensitivity_.resize(static_cast<size_t>(o_.subsets));
    for (Slot& slot : slots_) {
      slot.back.assign(grid_.size(), 0.0F);
      slot.sensitivity.assign(coarse_.size(), 0.0F);
    }
  }

  OsemReport run(std::span<float> out) {
    randomsScale_ = o_.delayeds > 0 ? o_.delayeds / sumOfRandoms() : 0;
    const double steps = 1.0 * o_.iterations * o_.subsets;
    for (int step = 0; step < o_.iterations * o_.subsets; ++step) {
      const int subset = step % o_.subsets;
      pass(subset, step < o_.subsets);
      if (step < o_.subsets) sumSensitivity(subset);
      update(sensitivity_[subset]);
      job_.progress(0.05 + 0.9 * (step + 1) / steps);
    }
    fromColumns(image_, grid_.n, static_cast<float>(o_.scale), out);
    const JobControl quiet{job_.cancel, nullptr, job_.threads};
    gaussianBlur(quiet, out, {grid_.n, grid_.n, kSlices}, {grid_.voxelMm, grid_.voxelMm, kPlanePitchMm}, o_.blurFwhmMm);
    job_.progress(1);
    return {impossible_.load()};
  }

 private:
  /// Every column of voxels inside the field of view.
  template <class Visit>
  void forEachColumn(Visit visit) const {
    const double edge = kFieldRadiusMm - coarse_.voxelMm;
    parallelFor({job_.cancel, nullptr, job_.threads}, grid_.n, 8, [&](int64_t begin, int64_t end, int) {
      for (auto y = static_cast<int>(begin); y < end; ++y) {
        for (int x = 0; x < grid_.n; ++x) {
          if (std::hypot(grid_.coordinate(x), grid_.coordinate(y)) < edge) visit((int64_t{y} * grid_.n + x) * kStride, x, y);
        }
      }
    });
  }

  double sumOfRandoms() {
    std::array<double, kAngles> sums{};
    parallelFor(job_, kAngles, 1, [&](int64_t angle, int64_t, int) {
      std::array<float, kPlanes> line;
      for (int radial = 0; radial < kRadials; ++radial) {
        lineRandoms(o_.singles, static_cast<int>(angle), radial, line);
        for (const float r : line) sums[angle] += r;
      }
    }, 0, 0.05);
    double sum = 0;
    for (const double s : sums) sum += s;
    return sum > 0 ? sum : 1;
  }

  /// Projects the events of a subset; the first time also its sensitivity and the randoms of its bins.
  void pass(int subset, bool first) {
    const JobControl quiet{job_.cancel, nullptr, job_.threads};
    parallelFor(quiet, kSlots, 1, [&](int64_t index, int64_t, int) {
      Slot& slot = slots_[index];
      std::fill(slot.back.begin(), slot.back.end(), 0.0F);
      if (first) std::fill(slot.sensitivity.begin(), slot.sensitivity.end(), 0.0F);
      for (int angle = subset + static_cast<int>(index) * o_.subsets; angle < kAngles; angle += kSlots * o_.subsets) {
        for (int radial = 0; radial < kRadials; ++radial) {
          if (job_.cancelled()) throw Cancelled();
          if (first) prepareLine(slot, angle, radial);
          projectEvents(slot, angle, radial);
        }
      }
    });
  }

  /// Sensitivity of the line's bins into the slot, and the additive term of its cells.
  void prepareLine(Slot& slot, int angle, int radial) {
    setWalk(coarse_, angle, radial, slot.walk);
    lineEfficiency(o_.normalisation, angle, radial, slot.efficiency);
    const size_t floats = slot.walk.steps.size() * kStride;
    if (!mu_.empty() && floats > 0) {
      slot.curtain.resize(std::max(slot.curtain.size(), floats));
      gatherCurtain(slot.walk, mu_.data(), slot.curtain.data());
      projectPlanes(slot.walk, slot.curtain.data(), slot.attenuation);
      for (int p = 0; p < kPlanes; ++p) slot.efficiency[p] *= std::exp(-slot.attenuation[p]);
    }
    if (floats > 0) {
      setWindow(tof_, slot.walk, slot.window);
      slot.curtain.assign(std::max(slot.curtain.size(), floats), 0.0F);
      backprojectPlanes(slot.walk, slot.efficiency, slot.window, slot.curtain.data());
      scatterCurtain(slot.walk, slot.curtain.data(), slot.sensitivity.data());
    }
    setAdditive(slot, angle, radial);
  }

  void setAdditive(Slot& slot, int angle, int radial) {
    const int line = angle * kRadials + radial;
    const int perPlane = o_.bins.tof ? kTofBins : 1;
    if (randomsScale_ > 0) lineRandoms(o_.singles, angle, radial, slot.randoms);
    int64_t impossible = 0;
    for (uint32_t c = o_.bins.lineStart[line]; c < o_.bins.lineStart[line + 1]; ++c) {
      const int plane = o_.bins.plane(c);
      if (slot.efficiency[plane] <= 0) {
        additive_[c] = kImpossible;
        impossible += o_.counts[c];
      } else {
        additive_[c] = static_cast<float>(randomsScale_ * slot.randoms[plane] / perPlane / slot.efficiency[plane]);
      }
    }
    impossible_ += impossible;
  }

  void projectEvents(Slot& slot, int angle, int radial) {
    const int line = angle * kRadials + radial;
    const uint32_t begin = o_.bins.lineStart[line], end = o_.bins.lineStart[line + 1];
    if (begin == end) return;
    setWalk(grid_, angle, radial, slot.walk);
    if (slot.walk.steps.empty()) return;
    if (!o_.bins.tof) setWindow(tof_, slot.walk, slot.window);
    const size_t floats = slot.walk.steps.size() * kStride;
    slot.curtain.resize(std::max(slot.curtain.size(), floats));
    slot.backCurtain.resize(std::max(slot.backCurtain.size(), floats));
    gatherCurtain(slot.walk, image_.data(), slot.curtain.data());
    std::fill_n(slot.backCurtain.data(), floats, 0.0F);
    int segment = 0;
    for (uint32_t c = begin; c < end; ++c) {
      if (additive_[c] < 0) continue;
      const int plane = o_.bins.plane(c);
      while (plane >= kSegmentTable[segment].first + kSegmentTable[segment].planes) ++segment;
      slot.path.set(slot.walk, kSegmentTable[segment], plane, o_.bins.tof ? &tof_ : nullptr, o_.bins.tofBin(c), slot.window);
      const float expected = slot.path.forward(slot.curtain.data()) + additive_[c];
      if (expected > 0) slot.path.back(o_.counts[c] / expected, slot.backCurtain.data());
    }
    scatterCurtain(slot.walk, slot.backCurtain.data(), slot.back.data());
  }

  void sumSensitivity(int subset) {
    std::vector<float>& sum = sensitivity_[subset];
    sum.resize(coarse_.size());
    const JobControl quiet{job_.cancel, nullptr, job_.threads};
    parallelFor(quiet, static_cast<int64_t>(sum.size()), 1 << 16, [&](int64_t begin, int64_t end, int) {
      for (int64_t i = begin; i < end; ++i) {
        sum[i] = slots_[0].sensitivity[i] + slots_[1].sensitivity[i] + slots_[2].sensitivity[i] + slots_[3].sensitivity[i];
      }
    });
  }

  /// image *= back / sensitivity. A finer matrix reads the coarse sensitivity between its voxels.
  void update(const std::vector<float>& sensitivity) {
    const float floor = 1e-4F * *std::max_element(sensitivity.begin(), sensitivity.end());
    const double ratio = grid_.voxelMm / coarse_.voxelMm;
    const auto area = static_cast<float>(ratio * ratio);
    forEachColumn([&](int64_t column, int x, int y) {
      const double cx = (x - (grid_.n - 1) / 2.0) * ratio + (kCoarse - 1) / 2.0, cy = (y - (grid_.n - 1) / 2.0) * ratio + (kCoarse - 1) / 2.0;
      const int ix = static_cast<int>(cx), iy = static_cast<int>(cy);
      const auto fx = static_cast<float>(cx - ix), fy = static_cast<float>(cy - iy);
      const float* s = sensitivity.data() + (int64_t{iy} * kCoarse + ix) * kStride;
      for (int k = Grid::kPad; k < Grid::kPad + kSlices; ++k) {
        const float low = s[k] + fx * (s[k + kStride] - s[k]);
        const float high = s[k + kCoarse * kStride] + fx * (s[k + (kCoarse + 1) * kStride] - s[k + kCoarse * kStride]);
        const float sense = low + fy * (high - low);
        float back = 0;
        for (const Slot& slot : slots_) back += slot.back[column + k];
        image_[column + k] = sense > floor ? image_[column + k] * std::max(kLeast, back / (sense * area)) : 0.0F;
      }
    });
  }

  const JobControl& job_;
  const OsemOptions& o_;
  Grid grid_, coarse_;
  TofKernel tof_;
  std::vector<float> mu_, image_, additive_;
  std::vector<std::vector<float>> sensitivity_;
  std::array<Slot, kSlots> slots_;
  double randomsScale_ = 0;
  std::atomic<int64_t> impossible_{0};
};

}  // namespace

OsemReport reconstruct(const JobControl& job, const OsemOptions& options, std::span<float> image) {
  return Osem(job, options).run(image);
}

}  // namespace petrig::pet
