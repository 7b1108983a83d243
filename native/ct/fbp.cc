#include "ct/fbp.h"

#include <algorithm>
#include <memory>
#include <vector>

#include "ct/backproject.h"
#include "ct/geometry.h"
#include "ct/rebin.h"
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

/// Buffers of one thread, used slice after slice.
class SliceWorker {
 public:
  SliceWorker(const Plan& plan, const JobControl& control)
      : plan_(plan),
        pause_([&control] {
          if (control.cancelled()) throw Cancelled();
        }),
        views_(static_cast<size_t>(plan.trace.viewsPerHalfTurn) * plan.stride),
        filtered_(views_.size()) {}

  void run(double z, float* image) {
    collect(z);
    rebin(plan_.trace, plan_.grid, parts_, plan_.stride, views_.data(), pause_);
    for (int v = 0; v < plan_.trace.viewsPerHalfTurn; ++v) {
      const size_t at = static_cast<size_t>(v) * plan_.stride;
      convolve(views_.data() + at, plan_.kernel.data(), filtered_.data() + at, plan_.grid.samples());
      if (v % 32 == 0) pause_();
    }
    const ImageGrid grid = plan_.imageGrid();
    std::fill(image, image + static_cast<size_t>(grid.matrix) * grid.matrix, 0.0f);
    backproject({filtered_.data(), plan_.trace.viewsPerHalfTurn, plan_.grid.samples(), plan_.stride, plan_.grid.first(),
                 plan_.grid.spacing()},
                grid, image, pause_);
    toHounsfield(grid, image);
  }

 private:
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

  void toHounsfield(const ImageGrid& grid, float* image) const {
    const float scale = static_cast<float>(1000 / plan_.job.muWater);
    const double half = (grid.matrix - 1) / 2.0;
    for (int y = 0; y < grid.matrix; ++y) {
      const double py = grid.centreY + (y - half) * grid.pixel;
      for (int x = 0; x < grid.matrix; ++x) {
        const double px = grid.centreX + (x - half) * grid.pixel;
        float& value = image[static_cast<size_t>(y) * grid.matrix + x];
        value = px * px + py * py < grid.radius * grid.radius ? value * scale - 1000 : kOutsideField;
      }
    }
  }

  const Plan& plan_;
  std::function<void()> pause_;
  std::vector<ReadingSums> parts_;
  std::vector<float> views_;
  std::vector<float> filtered_;
};

}  // namespace

void reconstruct(const FbpJob& job, const JobControl& control) {
  const Plan plan(job);
  const size_t pixels = static_cast<size_t>(job.matrix) * job.matrix;
  std::vector<std::unique_ptr<SliceWorker>> workers(std::max(1, control.threads));
  parallelFor(control, static_cast<int64_t>(job.sliceZ.size()), 1, [&](int64_t begin, int64_t end, int thread) {
    auto& worker = workers[thread];
    if (!worker) worker = std::make_unique<SliceWorker>(plan, control);
    for (int64_t s = begin; s < end; ++s) worker->run(job.sliceZ[s], job.out.data() + static_cast<size_t>(s) * pixels);
  });
}

}  // namespace petrig::ct
