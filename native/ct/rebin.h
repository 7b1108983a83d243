#pragma once
// Fan readings of one slice to parallel views over half a turn, opposite rays interleaved.

#include <functional>
#include <span>
#include <vector>

namespace petrig::ct {

/// Readings first .. last of which neighbours follow each other by one angular step: a rotation, or a whole spiral.
struct Run {
  int first;
  int last;
};

/// Angles that only grow, from angles that may wrap at a turn; and the runs between gaps.
struct GantryTrace {
  /// @param angles rad; steps forward below half a turn @throws std::invalid_argument when they run backward
  explicit GantryTrace(std::span<const double> angles);

  std::vector<double> angles;
  std::vector<Run> runs;
  double step;         // rad, the usual distance of two readings
  int viewsPerHalfTurn;
};

/// Fixed tables from fan channels to equidistant parallel samples.
class ParallelGrid {
 public:
  ParallelGrid();
  int samples() const { return samples_; }
  double spacing() const { return spacing_; }
  double first() const { return -(samples_ - 1) / 2.0 * spacing_; }

  /// One view from weighted sums a channel: of rays along the view's direction and of opposite rays.
  /// @return false when a sample was seen by no ray
  bool sample(const float* sum, const float* total, const float* oppositeSum, const float* oppositeTotal, float* view) const;

 private:
  struct Tap {
    int channel;
    float weights[4];
  };
  static Tap tapAt(double channel);

  int samples_;
  double spacing_;
  std::vector<Tap> direct_;
  std::vector<Tap> opposite_;
};

/// Weighted sums of readings lo .. lo + count - 1 of one run for one slice: [reading][channel].
struct ReadingSums {
  Run run;
  std::vector<float> sum;
  std::vector<float> total;
};

/// Fills `views` ([viewsPerHalfTurn][stride]); @throws std::runtime_error when data of the slice is missing
void rebin(const GantryTrace& trace, const ParallelGrid& grid, std::span<const ReadingSums> parts, int stride, float* views,
           const std::function<void()>& pause);

}  // namespace petrig::ct
