#pragma once
// A phantom on a grid: which shape each voxel's middle lies in, and how far it is from another activity.

#include <cstdint>
#include <span>

#include "../parallel.h"
#include "shapes.h"

namespace petrig::physics {

struct PaintJob {
  FlatPhantom phantom;
  Vec origin{};   ///< middle of the first voxel, mm
  Vec spacing{};  ///< mm
  int nx = 0, ny = 0, nz = 0;
  double margin = 0;          ///< mm
  std::span<int16_t> shapes;  ///< [z][y][x] index of the shape, -1 outside of all
  std::span<uint8_t> core;    ///< [z][y][x] 1 where the activity at `margin` is the same in six directions and eight diagonals
};

/// The same answer for any number of threads.
void paintPhantom(const PaintJob& job, const JobControl& control);

}  // namespace petrig::physics
