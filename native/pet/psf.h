#pragma once
// Point spread of the detectors as a Gaussian in image space: part of the projector, so it has to be its own adjoint.

#include <vector>

#include "parallel.h"
#include "pet/line.h"

namespace petrig::pet {

class PointSpread {
 public:
  /// @param fwhmMm 0: does nothing
  PointSpread(const Grid& grid, double fwhmMm);
  bool on() const { return inPlane_.size() > 1; }
  /// Blurs an image in the order of Grid, in place; what leaves the volume is lost.
  void apply(const JobControl& job, std::vector<float>& image) const;

 private:
  Grid grid_;
  std::vector<float> inPlane_, axial_;  // halves of the kernels
};

}  // namespace petrig::pet
