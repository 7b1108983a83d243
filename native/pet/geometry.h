#pragma once
// Geometry of the PET rings and the maps crystal pair <-> sinogram bin <-> line of response: the one place for them.
//
// Coordinates: x to the patient's left, y to posterior, z to the head (mm), origin at the centre of the PET field of view.
// Crystal 0 is at the top (y = -radius); crystal numbers grow toward +x. Ring 0 is at the feet (lowest z).
// One virtual crystal a block, both ways (STIR Scanner.cxx, CASToR mCT geometry): 672 x 55 numbers, 624 x 52 of them real.
// Radial offset t = -200..199 and unmashed view v = 0..335 belong to crystals A = v + floor(t/2), B = v - ceil(t/2) + 336 (mod 672).
// Two views are mashed: angle = v / 2. The ring difference is ringB - ringA; planes are numbered through the segments
// 0,-1,+1,-2,+2,... and inside a segment by ringA + ringB.
// Time of flight: bin 6 is the middle of the line; a higher bin lies nearer to crystal B (A's photon arrived later).

#include <array>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <numbers>

namespace petrig::pet {

inline constexpr int kCrystals = 672;
inline constexpr int kRings = 55;
inline constexpr int kBlockCrystals = 14;  // 13 real and 1 virtual
inline constexpr int kBlockColumns = kCrystals / kBlockCrystals;
inline constexpr int kBlockRows = 4;
inline constexpr int kBlocks = kBlockColumns * kBlockRows;

inline constexpr double kFrontRadiusMm = 421.0;
inline constexpr double kInteractionDepthMm = 6.6;
inline constexpr double kRadiusMm = kFrontRadiusMm + kInteractionDepthMm;  // 427.6: lines of response end here
inline constexpr double kRingPitchMm = 4.054;
inline constexpr double kPlanePitchMm = kRingPitchMm / 2;

inline constexpr int kRadials = 400;
inline constexpr int kAngles = 168;
inline constexpr int kViews = kCrystals / 2;
inline constexpr int kSpan = 11;
inline constexpr int kMaxRingDifference = 49;
inline constexpr int kSegments = 9;
inline constexpr int kPlanes = 621;
inline constexpr int kSlices = 2 * kRings - 1;
inline constexpr int64_t kBins = int64_t{kRadials} * kAngles * kPlanes;

inline constexpr int kTofBins = 13;
inline constexpr int kTofCentre = kTofBins / 2;
inline constexpr int kDelayedTof = kTofBins;  // the "TOF bin" of delayed events
inline constexpr int64_t kAddresses = kBins * (kTofBins + 1);
inline constexpr double kTofBinPs = 312.0;
inline constexpr double kMmPerPs = 0.299792458 / 2;  // shift of the annihilation along the line for a time difference
inline constexpr double kTofBinMm = kTofBinPs * kMmPerPs;

/// True for the numbers that stand for the gap between blocks: they never detect anything.
inline constexpr bool isVirtualCrystal(int crystal) { return crystal % kBlockCrystals == kBlockCrystals - 1; }
inline constexpr bool isVirtualRing(int ring) { return ring % kBlockCrystals == kBlockCrystals - 1; }
inline constexpr bool isVirtual(int ring, int crystal) { return isVirtualCrystal(crystal) || isVirtualRing(ring); }

/// Number of the block (as in singles tags): 0..191, around first, feet to head.
inline constexpr int blockOf(int ring, int crystal) { return ring / kBlockCrystals * kBlockColumns + crystal / kBlockCrystals; }

struct Point {
  double x, y, z;
};

inline constexpr double ringZ(double ring) { return (ring - (kRings - 1) / 2.0) * kRingPitchMm; }

/// Angle of a crystal (rad) from the top, growing toward +x; fractions lie between crystals.
inline constexpr double crystalAngle(double crystal) { return 2 * std::numbers::pi * crystal / kCrystals; }

inline Point crystalPosition(double ring, double crystal, double radiusMm = kRadiusMm) {
  const double a = crystalAngle(crystal);
  return {radiusMm * std::sin(a), -radiusMm * std::cos(a), ringZ(ring)};
}

/// Nearest crystal and ring of a point on the detector surface; ring may be outside 0..54.
inline int crystalAt(double x, double y) {
  const int c = static_cast<int>(std::lround(std::atan2(x, -y) * kCrystals / (2 * std::numbers::pi)));
  return (c + kCrystals) % kCrystals;
}
inline int ringAt(double z) { return static_cast<int>(std::lround(z / kRingPitchMm + (kRings - 1) / 2.0)); }

/// A segment: planes [first, first + planes), ring sums from `firstSum`, mean ring difference `ringDifference`.
struct Segment {
  int first, planes, firstSum, ringDifference;
};

inline constexpr std::array<Segment, kSegments> kSegmentTable = [] {
  std::array<Segment, kSegments> table{};
  int first = 0;
  for (int i = 0; i < kSegments; ++i) {
    const int order = (i + 1) / 2;
    const int smallest = order == 0 ? 0 : order * kSpan - kSpan / 2;
    const int planes = kSlices - 2 * smallest;
    table[i] = {first, planes, smallest, (i % 2 ? -1 : 1) * order * kSpan};
    first += planes;
  }
  return table;
}();
static_assert(kSegmentTable[8].first + kSegmentTable[8].planes == kPlanes);

/// Index into kSegmentTable of a ring difference, -1 beyond the largest.
inline constexpr int segmentOf(int ringDifference) {
  const int size = ringDifference < 0 ? -ringDifference : ringDifference;
  if (size > kMaxRingDifference) return -1;
  const int order = (size + kSpan / 2) / kSpan;
  return order == 0 ? 0 : 2 * order - (ringDifference < 0 ? 1 : 0);
}

inline constexpr int segmentOfPlane(int plane) {
  int s = 0;
  while (s + 1 < kSegments && plane >= kSegmentTable[s + 1].first) ++s;
  return s;
}

/// Plane of a ring pair, -1 when the ring difference is too large.
inline constexpr int planeOf(int ringA, int ringB) {
  const int s = segmentOf(ringB - ringA);
  if (s < 0) return -1;
  return kSegmentTable[s].first + ringA + ringB - kSegmentTable[s].firstSum;
}

/// Bin of a crystal pair, or -1 outside the sinogram. `swap` becomes 1 when the first crystal given is the line's B end:
/// the sign of its time difference then has to be turned.
inline int64_t binOf(int ring1, int crystal1, int ring2, int crystal2, int& swap) {
  int t = crystal1 - crystal2 + kViews;
  if (t >= kViews) t -= kCrystals;
  int v = crystal1 - (t >> 1);
  if (v < 0) v += kCrystals;
  if (v >= kCrystals) v -= kCrystals;
  swap = v >= kViews ? 1 : 0;
  if (swap) {
    v -= kViews;
    t = -t;
  }
  const int radial = t + kRadials / 2;
  if (radial < 0 || radial >= kRadials) return -1;
  const int plane = swap ? planeOf(ring2, ring1) : planeOf(ring1, ring2);
  if (plane < 0) return -1;
  return radial + kRadials * (v / 2 + int64_t{kAngles} * plane);
}

/// Time-of-flight bin of `timeA - timeB` in ps (both ends in the line's own order), -1 outside the window.
inline int tofBinOf(double differencePs) {
  const int t = kTofCentre + static_cast<int>(std::lround(differencePs / kTofBinPs));
  return t < 0 || t >= kTofBins ? -1 : t;
}

struct BinIndex {
  int radial, angle, plane;
};

inline constexpr BinIndex unpackBin(int64_t bin) {
  return {static_cast<int>(bin % kRadials), static_cast<int>(bin / kRadials % kAngles),
          static_cast<int>(bin / (int64_t{kRadials} * kAngles))};
}

/// The crystal pair of one unmashed view (0 or 1) of a bin, in the order A, B.
inline constexpr void crystalPair(int radial, int angle, int mashed, int& a, int& b) {
  const int t = radial - kRadials / 2;
  const int v = 2 * angle + mashed;
  a = (v + (t >> 1) + kCrystals) % kCrystals;
  b = (v - ((t + 1) >> 1) + kViews + kCrystals) % kCrystals;
}

/// Crystal numbers (with fractions) of the middle of the two mashed views.
inline constexpr void meanCrystals(int radial, int angle, double& a, double& b) {
  const int t = radial - kRadials / 2;
  const int odd = t & 1;
  a = (4 * angle + 1 - odd + t) / 2.0;
  b = (4 * angle + 1 - odd - t + kCrystals) / 2.0;
}

/// Ends A and B of the line of response of a bin: mean of the mashed views, mean ring difference of the segment.
inline void lineOf(int64_t bin, Point& a, Point& b) {
  const BinIndex at = unpackBin(bin);
  double crystalA, crystalB;
  meanCrystals(at.radial, at.angle, crystalA, crystalB);
  const Segment& s = kSegmentTable[segmentOfPlane(at.plane)];
  const double sum = s.firstSum + at.plane - s.first;
  a = crystalPosition((sum - s.ringDifference) / 2, crystalA);
  b = crystalPosition((sum + s.ringDifference) / 2, crystalB);
}

/// Calls visit(ringA, ringB) for every ring pair that a plane holds, virtual rings included.
template <class Visit>
inline void ringPairsOf(int plane, Visit visit) {
  const int s = segmentOfPlane(plane);
  const int sum = kSegmentTable[s].firstSum + plane - kSegmentTable[s].first;
  for (int ringA = 0; ringA < kRings; ++ringA) {
    const int ringB = sum - ringA;
    if (ringB >= 0 && ringB < kRings && segmentOf(ringB - ringA) == s) visit(ringA, ringB);
  }
}

/// Centre of a time-of-flight bin, mm from the middle of the line toward B.
inline constexpr double tofCentreMm(int tof) { return (tof - kTofCentre) * kTofBinMm; }

/// List-mode address of a bin.
inline constexpr uint32_t addressOf(int64_t bin, int tof) { return static_cast<uint32_t>(bin + kBins * tof); }

}  // namespace petrig::pet
