#include "pet/project.h"

#include <algorithm>
#include <array>

namespace petrig::pet {
namespace {

constexpr int kLines = kAngles * kRadials;
constexpr int kSlots = 4;  // back images, summed in a fixed order

struct Workspace {
  Walk walk;
  EventPath path;
  std::vector<float> curtain, window;
};

/// Calls visit(cell index, path) for the cells of a line; the curtain is ready.
template <class Visit>
void forCells(const BinList& bins, const TofKernel& tof, int line, Workspace& w, Visit visit) {
  int segment = 0;
  for (uint32_t c = bins.lineStart[line]; c < bins.lineStart[line + 1]; ++c) {
    const int plane = bins.plane(c);
    while (plane >= kSegmentTable[segment].first + kSegmentTable[segment].planes) ++segment;
    w.path.set(w.walk, kSegmentTable[segment], plane, bins.tof ? &tof : nullptr, bins.tofBin(c), w.window);
    visit(c, w.path);
  }
}

bool openLine(const BinList& bins, const TofKernel& tof, const Grid& grid, int line, Workspace& w) {
  if (bins.lineStart[line] == bins.lineStart[line + 1]) return false;
  setWalk(grid, line / kRadials, line % kRadials, w.walk);
  setWindow(tof, w.walk, w.window);
  w.curtain.assign(w.walk.steps.size() * Grid::kStride, 0.0F);
  return true;
}

}  // namespace

void forwardBins(const JobControl& job, const BinList& bins, const TofKernel& tof, int matrix, std::span<const float> image,
                 std::span<float> values) {
  checkBins(bins);
  const Grid grid{matrix, voxelMmOf(matrix)};
  const std::vector<float> columns = toColumns(image, matrix);
  parallelFor(job, kLines, 64, [&](int64_t begin, int64_t end, int) {
    Workspace w;
    for (auto line = static_cast<int>(begin); line < end; ++line) {
      if (!openLine(bins, tof, grid, line, w)) continue;
      gatherCurtain(w.walk, columns.data(), w.curtain.data());
      forCells(bins, tof, line, w, [&](uint32_t c, const EventPath& path) { values[c] = path.forward(w.curtain.data()); });
    }
  });
}

void backprojectBins(const JobControl& job, const BinList& bins, const TofKernel& tof, int matrix,
                     std::span<const float> values, std::span<float> image) {
  checkBins(bins);
  const Grid grid{matrix, voxelMmOf(matrix)};
  std::array<std::vector<float>, kSlots> slots;
  for (auto& slot : slots) slot.assign(grid.size(), 0.0F);
  parallelFor(job, kSlots, 1, [&](int64_t index, int64_t, int) {
    Workspace w;
    for (auto angle = static_cast<int>(index); angle < kAngles; angle += kSlots) {
      if (job.cancelled()) throw Cancelled();
      for (int line = angle * kRadials; line < (angle + 1) * kRadials; ++line) {
        if (!openLine(bins, tof, grid, line, w)) continue;
        forCells(bins, tof, line, w, [&](uint32_t c, const EventPath& path) { path.back(values[c], w.curtain.data()); });
        scatterCurtain(w.walk, w.curtain.data(), slots[index].data());
      }
    }
  });
  for (int s = 1; s < kSlots; ++s) {
    for (size_t i = 0; i < grid.size(); ++i) slots[0][i] += slots[s][i];
  }
  fromColumns(slots[0], matrix, 1, image);
}

}  // namespace petrig::pet
