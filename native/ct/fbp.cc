#include "ct/fbp.h"

#include <algorithm>
#include <array>
#include <memory>
#include <vector>

#include "ct/backproject.h"
#include "ct/geometry.h"
#include "ct/rebin.h"
#include "ct/simd.h"
#include "ct/weighting.h"

namespace petrig::ct {

namespace {

/// What pixels outside the scan field read.
constexpr float kOutsideField = -1024.0f;

/// What all slices of a job share.
struct Plan {
  explicit Plan(const FbpJob& j)
      : job(j),
        trace(j.angles),
        weighting(j.rows, j.rowPitch, j.thickness, j.coefficients),
        stride((grid.samples() + 63) / 64 * 64),
        kernel(mirrorKernel(rampKernel(j.shape, grid.spacing(), grid.samples()))) {}

  ImageGrid imageGrid() const {
    const double radius = -grid.first() - 2 * grid.spacing();
    return {job.matrix, job.fov / job.matrix, job.centreX, job.centreY, radius};
  }

  const FbpJob& job;
  GantryTrace trace;
  RowWeighting weighting;
  ParallelGrid grid;
  int stride;
  std::vector<float> kernel;
};

/// Buffers of one thread, used batch after batch of up to kLanes slices.
class SliceWorker {
 public:
  SliceWorker(const Plan& plan, const JobControl& control)
      : plan_(plan),
        pause_([&control] {
          if (control.cancelled()) throw Cancelled();
        }),
        views_(static_cast<size_t>(plan.trace.viewsPerHalfTurn) * plan.stride),
        filtered_(plan.stride),
        lanes_(static_cast<size_t>(paddedViews(plan.trace.viewsPerHalfTurn)) * plan.grid.samples() * kLanes) {}

  /// @param images [slice][y][x]
  void run(std::span<const double> sliceZ, float* images) {
    const ImageGrid grid = plan_.imageGrid();
    const size_t pixels = static_cast<size_t>(grid.matrix) * grid.matrix;
    std::array<float*, kLanes> each{};
    std::fill(lanes_.begin(), lanes_.end(), 0.0f);
    for (size_t lane = 0; lane < sliceZ.size(); ++lane) {
      each[lane] = images + lane * pixels;
      std::fill(each[lane], each[lane] + pixels, kOutsideField);
      filterSlice(sliceZ[lane], lane);
    }
    const ParallelViews views{lanes_.data(), plan_.trace.viewsPerHalfTurn, plan_.grid.samples(), plan_.grid.first(),
                              plan_.grid.spacing()};
    backproject(views, grid, 1000 / plan_.job.muWater, -1000, {each.data(), sliceZ.size()}, pause_);
  }

 private:
  void filterSlice(double z, size_t lane) {
    collect(z);
    rebin(plan_.trace, plan_.grid, parts_, plan_.stride, views_.data(), pause_);
    const int samples = plan_.grid.samples();
    for (int v = 0; v < plan_.trace.viewsPerHalfTurn; ++v) {
      convolve(views_.data() + static_cast<size_t>(v) * plan_.stride, plan_.kernel.data(), filtered_.data(), samples);
      float* to = lanes_.data() + static_cast<size_t>(v) * samples * kLanes + lane;
      for (int i = 0; i < samples; ++i) to[static_cast<size_t>(i) * kLanes] = filtered_[i];
      if (v % 32 == 0) pause_();
    }
  }

  /// Weighted sums of every reading that touches the slice, run by run.
  void collect(double z) {
    const auto& job = plan_.job;
    size_t used = 0;
    for (const Run& run : plan_.trace.runs) {
      int first = run.first;
      int last = run.last;
      while (first <= last && !plan_.weighting.touches(z - job.sourceZ[first])) ++first;
      while (last >= first && !plan_.weighting.touches(z - job.sourceZ[last])) --last;
      if (first > last) continue;
      if (used == parts_.size()) parts_.emplace_back();
      fill(parts_[used++], {first, last}, z);
    }
    parts_.resize(used);
  }

  void fill(ReadingSums& part, Run run, double z) {
    const auto& job = plan_.job;
    const size_t words = static_cast<size_t>(job.rows) * kChannels;
    part.run = run;
    part.sum.assign(static_cast<size_t>(run.last - run.first + 1) * kChannels, 0.0f);
    part.total.assign(part.sum.size(), 0.0f);
    for (int i = run.first; i <= run.last; ++i) {
      const size_t at = static_cast<size_t>(i - run.first) * kChannels;
      plan_.weighting.addReading(job.readings.data() + static_cast<size_t>(i) * words, z - job.sourceZ[i],
                                 part.sum.data() + at, part.total.data() + at);
      if (i % 256 == 0) pause_();
    }
  }

  const Plan& plan_;
  std::function<void()> pause_;
  std::vector<ReadingSums> parts_;
  std::vector<float> views_;
  std::vector<float> filtered_;  // one view
  std::vector<float> lanes_;     // [view][sample][slice of the batch]
};

}  // namespace

void reconstruct(const FbpJob& job, const JobControl& control) {
  const Plan plan(job);
  const size_t pixels = static_cast<size_t>(job.matrix) * job.matrix;
  std::vector<std::unique_ptr<SliceWorker>> workers(std::max(1, control.threads));
  const int threads = std::max(1, control.threads);
  const auto slices = static_cast<int64_t>(job.sliceZ.size());
  const int64_t batch = std::clamp<int64_t>((slices + threads - 1) / threads, 1, kLanes);
  parallelFor(control, slices, batch, [&](int64_t begin, int64_t end, int thread) {
    auto& worker = workers[thread];
    if (!worker) worker = std::make_unique<SliceWorker>(plan, control);
    worker->run(job.sliceZ.subspan(begin, end - begin), job.out.data() + static_cast<size_t>(begin) * pixels);
  });
}

}  // namespace petrig::ct
