#include "pet/osem.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <vector>

#include "pet/psf.h"

namespace petrig::pet {
namespace {

constexpr int kStride = Grid::kStride;
// Back images whose sum is taken in a fixed order: the answer does not depend on the number of threads (at most this many work).
constexpr int kSlots = 4;
constexpr float kLeftOut = -1;
// A voxel that no event of one sparse subset touches would stay 0 for ever: no single update takes more than nine tenths of it.
constexpr float kLeast = 0.1F;

struct Slot {
  std::vector<float> back, sensitivity;
  std::vector<float> curtain, backCurtain, window;
  Walk walk;
  EventPath path;
  LineBins bins;
};

class Osem {
 public:
  Osem(const JobControl& job, const BedOptions& options)
      : job_(job), quiet_{job.cancel, nullptr, job.threads}, o_(options), grid_{options.matrix, voxelMmOf(options.matrix)},
        model_(job, options, 0.05), tof_(options.tofFwhmPs), spread_(grid_, options.psfFwhmMm) {
    checkBins(o_.bins);
    image_.assign(grid_.size(), 0.0F);
    forEachColumn([&](int64_t column, int, int) { std::fill_n(image_.data() + column + Grid::kPad, kSlices, 1.0F); });
    additive_.assign(o_.bins.cells.size(), 0.0F);
    sensitivity_.resize(static_cast<size_t>(o_.subsets));
    for (Slot& slot : slots_) {
      slot.back.assign(grid_.size(), 0.0F);
      slot.sensitivity.assign(model_.grid().size(), 0.0F);
    }
  }

  BedReport run(std::span<float> out) {
    const double steps = 1.0 * o_.iterations * o_.subsets;
    for (int step = 0; step < o_.iterations * o_.subsets; ++step) {
      const int subset = step % o_.subsets;
      if (spread_.on()) {
        seen_ = image_;
        spread_.apply(quiet_, seen_);
      }
      pass(subset, step < o_.subsets);
      if (step < o_.subsets) sumSensitivity(subset);
      sumBack();
      update(sensitivity_[subset]);
      job_.progress(0.05 + 0.9 * (step + 1) / steps);
    }
    fromColumns(image_, grid_.n, static_cast<float>(o_.scale), out);
    filterVolume(quiet_, out, {grid_.n, grid_.n, kSlices}, {grid_.voxelMm, grid_.voxelMm, kPlanePitchMm}, o_.filter);
    job_.progress(1);
    return {impossible_.load()};
  }

 private:
  /// Every column of voxels inside the field of view.
  template <class Visit>
  void forEachColumn(Visit visit) const {
    const double edge = kFieldRadiusMm - model_.grid().voxelMm;
    parallelFor(quiet_, grid_.n, 8, [&](int64_t begin, int64_t end, int) {
      for (auto y = static_cast<int>(begin); y < end; ++y) {
        for (int x = 0; x < grid_.n; ++x) {
          if (std::hypot(grid_.coordinate(x), grid_.coordinate(y)) < edge) visit((int64_t{y} * grid_.n + x) * kStride, x, y);
        }
      }
    });
  }

  /// Projects the events of a subset; the first time also its sensitivity and the randoms of its bins.
  void pass(int subset, bool first) {
    parallelFor(quiet_, kSlots, 1, [&](int64_t index, int64_t, int) {
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
    model_.open(angle, radial, slot.bins);
    const Walk& walk = slot.bins.walk;
    const size_t floats = walk.steps.size() * kStride;
    if (floats > 0) {
      setWindow(tof_, walk, slot.window);
      slot.curtain.assign(std::max(slot.curtain.size(), floats), 0.0F);
      backprojectPlanes(walk, slot.bins.efficiency, slot.window, slot.curtain.data());
      scatterCurtain(walk, slot.curtain.data(), slot.sensitivity.data());
    }
    setAdditive(slot, angle, radial);
  }

  void setAdditive(Slot& slot, int angle, int radial) {
    const int line = angle * kRadials + radial;
    const int perPlane = o_.bins.tof ? kTofBins : 1;
    int64_t impossible = 0;
    for (uint32_t c = o_.bins.lineStart[line]; c < o_.bins.lineStart[line + 1]; ++c) {
      int bin = o_.bins.plane(c);
      additive_[c] = kLeftOut;
      if (o_.rebinned) {
        if (bin >= kRebinnedPlanes) continue;
        bin = sliceOfPlane(bin, segmentOfPlane(bin));
      }
      if (slot.bins.efficiency[bin] > 0) {
        additive_[c] = slot.bins.randoms[bin] / static_cast<float>(perPlane) / slot.bins.efficiency[bin];
      } else {
        impossible += o_.counts[c];
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
    gatherCurtain(slot.walk, (spread_.on() ? seen_ : image_).data(), slot.curtain.data());
    std::fill_n(slot.backCurtain.data(), floats, 0.0F);
    int segment = 0;
    for (uint32_t c = begin; c < end; ++c) {
      if (additive_[c] < 0) continue;
      const int plane = o_.bins.plane(c);
      while (plane >= kSegmentTable[segment].first + kSegmentTable[segment].planes) ++segment;
      const int bin = o_.rebinned ? sliceOfPlane(plane, segment) : plane;
      const Segment& s = kSegmentTable[o_.rebinned ? 0 : segment];
      slot.path.set(slot.walk, s, bin, o_.bins.tof ? &tof_ : nullptr, o_.bins.tofBin(c), slot.window);
      const float expected = slot.path.forward(slot.curtain.data()) + additive_[c];
      if (expected > 0) slot.path.back(o_.counts[c] / expected, slot.backCurtain.data());
    }
    scatterCurtain(slot.walk, slot.backCurtain.data(), slot.back.data());
  }

  void sumSensitivity(int subset) {
    std::vector<float>& sum = sensitivity_[subset];
    sum.resize(model_.grid().size());
    parallelFor(quiet_, static_cast<int64_t>(sum.size()), 1 << 16, [&](int64_t begin, int64_t end, int) {
      for (int64_t i = begin; i < end; ++i) {
        sum[i] = slots_[0].sensitivity[i] + slots_[1].sensitivity[i] + slots_[2].sensitivity[i] + slots_[3].sensitivity[i];
      }
    });
    PointSpread(model_.grid(), o_.psfFwhmMm).apply(quiet_, sum);
  }

  /// The whole back image of a pass, in the first slot.
  void sumBack() {
    std::vector<float>& sum = slots_[0].back;
    parallelFor(quiet_, static_cast<int64_t>(sum.size()), 1 << 16, [&](int64_t begin, int64_t end, int) {
      for (int64_t i = begin; i < end; ++i) sum[i] = sum[i] + slots_[1].back[i] + slots_[2].back[i] + slots_[3].back[i];
    });
    spread_.apply(quiet_, sum);
  }

  /// image *= back / sensitivity. A finer matrix reads the coarse sensitivity between its voxels.
  void update(const std::vector<float>& sensitivity) {
    const Grid& coarse = model_.grid();
    const std::vector<float>& backs = slots_[0].back;
    const float floor = 1e-4F * *std::max_element(sensitivity.begin(), sensitivity.end());
    const double ratio = grid_.voxelMm / coarse.voxelMm;
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
        image_[column + k] = sense > floor ? image_[column + k] * std::max(kLeast, backs[column + k] / (sense * area)) : 0.0F;
      }
    });
  }

  const JobControl& job_;
  const JobControl quiet_;  // for loops whose progress is told by subsets
  const BedOptions& o_;
  Grid grid_;
  BedModel model_;
  TofKernel tof_;
  PointSpread spread_;
  std::vector<float> image_, seen_, additive_;  // seen_: the image as blurred by the detectors
  std::vector<std::vector<float>> sensitivity_;
  std::array<Slot, kSlots> slots_;
  std::atomic<int64_t> impossible_{0};
};

}  // namespace

BedReport reconstruct(const JobControl& job, const BedOptions& options, std::span<float> image) {
  return Osem(job, options).run(image);
}

}  // namespace petrig::pet
