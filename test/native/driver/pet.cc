#include <atomic>
#include <chrono>
#include <functional>
#include <numeric>
#include <thread>

#include "case.h"
#include "pet/analytic.h"
#include "pet/listmode.h"
#include "pet/model.h"
#include "pet/mumap.h"
#include "pet/osem.h"
#include "pet/postfilter.h"
#include "pet/project.h"
#include "pet/psf.h"
#include "pet/resample.h"
#include "random.h"

namespace {

using petrig::JobControl;
using namespace petrig::pet;

/// List mode of every kind of word, corrupt ones too.
std::vector<uint32_t> anyWords(size_t count) {
  petrig::Random random(3, 1);
  std::vector<uint32_t> words;
  for (size_t i = 0; i < count; ++i) {
    if (i % 50 == 0) words.push_back(0x80000000u | static_cast<uint32_t>(i / 50));
    else if (i % 11 == 0) words.push_back(static_cast<uint32_t>(random.bits()));
    else words.push_back(0x40000000u | static_cast<uint32_t>(random.bits() % (kBins * kTofBins)));
  }
  return words;
}

const driver::Register counting("list mode of any words: frame, sinogram, sorted events", [](const JobControl& control) {
  const auto words = anyWords(20'011);
  const FrameScan frame = scanFrame(control, words, 0, 1'000'000);
  std::vector<int16_t> prompts(kBins), delayeds(kBins);
  histogram(control, words, false, prompts, delayeds);
  std::vector<uint32_t> lineStart(size_t{kAngles} * kRadials + 1);
  std::vector<uint16_t> cells(words.size()), counts(words.size());
  const int64_t written = sortEvents(control, words, true, lineStart, cells, counts);
  std::vector<double> sums{static_cast<double>(frame.prompts), static_cast<double>(frame.corrupt), static_cast<double>(written)};
  sums.push_back(std::accumulate(prompts.begin(), prompts.end(), 0.0));
  sums.push_back(std::accumulate(delayeds.begin(), delayeds.end(), 0.0));
  driver::append(sums, driver::doubles(cells));
  return sums;
});

const driver::Register projecting("event projectors over the edges of the field", [](const JobControl& control) {
  petrig::Random random(5, 2);
  std::vector<uint32_t> lineStart(size_t{kAngles} * kRadials + 1, 0);
  std::vector<uint16_t> cells;
  for (size_t line = 0; line + 1 < lineStart.size(); ++line) {
    if (line % 997 == 0)
      for (const int plane : {0, 108, 109, 310, 620}) cells.push_back(static_cast<uint16_t>(plane * kTofBins + random.bits() % kTofBins));
    lineStart[line + 1] = static_cast<uint32_t>(cells.size());
  }
  const BinList bins{lineStart, cells, true};
  const TofKernel tof(540);
  std::vector<float> image(size_t{200} * 200 * kSlices, 1.0f), values(cells.size());
  forwardBins(control, bins, tof, 200, image, values);
  backprojectBins(control, bins, tof, 200, values, image);
  auto all = driver::doubles(values);
  all.push_back(std::accumulate(image.begin(), image.end(), 0.0));
  return all;
});

const driver::Register volumes("blur and attenuation map of odd sizes", [](const JobControl& control) {
  std::vector<float> blurred(7 * 1 * 13, 1.0f);
  for (const Window window : {Window::gauss, Window::hanning, Window::butterworth, Window::shepp, Window::box}) {
    filterVolume(control, blurred, {7, 1, 13}, {4, 4, 2}, {window, 9, 2});
  }
  std::vector<float> hu(9 * 8 * 5, 40.0f), mu(11 * 13 * 3);
  const VolumeGrid ct{{9, 8, 5}, {3, 3, 5}, {-12, -10, -10}};
  const VolumeGrid pet{{11, 13, 3}, {4, 4, 2}, {-20, -24, -2}};
  std::vector<float> finer(size_t{20} * 9 * 4);
  resample(control, hu, ct, {{20, 9, 4}, {1.5, 5, 7}, {-20, -14, -9}}, finer);
  muMap(control, hu, ct, {9.6e-6, 40, 4e-6, 0.009}, pet, mu);
  auto all = driver::doubles(blurred);
  driver::append(all, driver::doubles(mu));
  driver::append(all, driver::doubles(finer));
  return all;
});

const driver::Register model("efficiencies and randoms of outermost and central lines", [](const JobControl&) {
  std::vector<float> crystals(size_t{kCrystals} * kRings, 1.0f), geometric(kRadials, 1.0f), axial(kPlanes, 1.0f);
  std::vector<double> all;
  for (const int radial : {0, 1, 200, 399})
    for (const int angle : {0, 167}) {
      std::vector<float> out(kPlanes);
      lineEfficiency({crystals, geometric, axial}, angle, radial, std::span<float, kPlanes>(out));
      driver::append(all, driver::doubles(out));
      lineRandoms(crystals, angle, radial, std::span<float, kPlanes>(out));
      driver::append(all, driver::doubles(out));
    }
  return all;
});

const driver::Register spread("point spread that leaves the volume, at each edge", [](const JobControl& control) {
  const Grid grid{9, 30.0};
  std::vector<float> image(grid.size(), 0.0f);
  for (const int x : {0, 4, 8})
    for (const int y : {0, 8}) image[(static_cast<size_t>(y) * 9 + static_cast<size_t>(x)) * Grid::kStride + Grid::kPad] = 1.0f;
  for (const double fwhm : {0.0, 4.0, 70.0}) PointSpread(grid, fwhm).apply(control, image);
  return driver::doubles(image);
});

/// A bed with some counted bins on every line, and water where there is any.
struct Bed {
  std::vector<uint32_t> lineStart = std::vector<uint32_t>(size_t{kAngles} * kRadials + 1, 0);
  std::vector<uint16_t> cells, counts;
  std::vector<float> mu = std::vector<float>(size_t{200} * 200 * kSlices, 0.0f);
  std::vector<float> crystals = std::vector<float>(size_t{kCrystals} * kRings, 1.0f);
  std::vector<float> geometric = std::vector<float>(kRadials, 1.0f), axial = std::vector<float>(kPlanes, 1.0f);

  explicit Bed(bool tof) {
    petrig::Random random(7, 3);
    for (size_t line = 0; line + 1 < lineStart.size(); ++line) {
      for (const int plane : {0, 1, 108, 109, 310, 620}) {
        if (random.bits() % 3 != 0) continue;
        cells.push_back(static_cast<uint16_t>(tof ? plane * kTofBins + static_cast<int>(random.bits() % kTofBins) : plane));
        counts.push_back(static_cast<uint16_t>(1 + random.bits() % 4));
      }
      lineStart[line + 1] = static_cast<uint32_t>(cells.size());
    }
    for (size_t i = 0; i < mu.size(); i += 3) mu[i] = 0.0096f;
    crystals[5] = 0;  // a dead one
  }

  BedOptions options(bool tof) const {
    BedOptions o;
    o.matrix = 200;
    o.iterations = 1;
    o.subsets = kAngles;  // one angle each: little work before the first update
    o.bins = BinList{lineStart, cells, tof};
    o.counts = counts;
    o.mu = mu;
    o.normalisation = {crystals, geometric, axial};
    o.singles = crystals;
    o.delayeds = 1000;
    return o;
  }
};

/// Runs a kernel up to a point of its progress: a whole image takes minutes here. @returns whether it came so far, and stopped
bool upTo(int permille, const JobControl& control, const std::function<void(const JobControl&)>& kernel) {
  std::atomic<bool> over{false};
  std::thread watch([&] {
    while (!over && control.permille->load() < permille) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    control.cancel->store(1);
  });
  bool stopped = false;
  try {
    kernel(control);
  } catch (const petrig::Cancelled&) {
    stopped = true;
  }
  const bool reached = control.permille->load() >= permille;
  over = true;
  watch.join();
  control.cancel->store(0);
  control.permille->store(0);
  return stopped && reached;
}

const driver::Register osem("OSEM up to its first updates: with and without time of flight, point spread and rebinning", [](const JobControl& control) {
  std::vector<float> image(size_t{200} * 200 * kSlices);
  for (const bool tof : {true, false}) {
    const Bed bed(tof);
    BedOptions options = bed.options(tof);
    options.psfFwhmMm = tof ? 4 : 0;
    options.rebinned = !tof;
    driver::expect(upTo(56, control, [&](const JobControl& job) { reconstruct(job, options, image); }), "OSEM stops where it is told to");
  }
  return std::vector<double>{1};
});

const driver::Register direct("backprojection up to its first projections, with and without time of flight", [](const JobControl& control) {
  std::vector<float> image(size_t{200} * 200 * kSlices);
  for (const bool tof : {true, false}) {
    const Bed bed(tof);
    BedOptions options = bed.options(tof);
    options.rebinned = true;
    driver::expect(upTo(60, control, [&](const JobControl& job) { backproject(job, options, image); }), "backprojection stops where it is told to");
  }
  return std::vector<double>{1};
});

}  // namespace
