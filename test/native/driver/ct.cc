#include <cmath>
#include <numbers>

#include "case.h"
#include "ct/fbp.h"
#include "ct/geometry.h"
#include "ct/topogram.h"
#include "random.h"

namespace {

using petrig::JobControl;
using namespace petrig::ct;

struct Scan {
  std::vector<uint16_t> readings;
  std::vector<double> angles;
  std::vector<double> sourceZ;
};

/// Any words at all: full range, so saturated and negative line integrals too.
Scan noise(int count, int rows, double step, double feed) {
  petrig::Random random(7, static_cast<uint64_t>(count));
  Scan scan;
  for (int i = 0; i < count; ++i) {
    scan.angles.push_back(std::fmod(1 + i * step, 2 * std::numbers::pi));
    scan.sourceZ.push_back(feed * i / count);
  }
  for (size_t i = 0; i < static_cast<size_t>(count) * rows * kChannels; ++i)
    scan.readings.push_back(static_cast<uint16_t>(random.bits() % 9 == 0 ? random.bits() : 3000 + random.bits() % 64));
  return scan;
}

std::vector<double> slices(const JobControl& control, int rows, int matrix, double fov, std::vector<double> z, double feed) {
  const Scan scan = noise(2 * 187 + 5, rows, 2 * std::numbers::pi / 187, feed);
  std::vector<float> out(z.size() * matrix * matrix);
  const std::vector<double> coefficients{1, 0.01, 0.001, 0.0001, 0.00001, 0.000001};
  const FbpJob job{scan.readings, scan.angles, scan.sourceZ, rows, 1.2, coefficients, 0.02, z,
                   3.0,           matrix,      fov,          3.5,  -9,  {.34, .6},    out};
  reconstruct(job, control);
  return driver::doubles(out);
}

const driver::Register spiral("ct spiral, odd sizes", [](const JobControl& control) {
  return slices(control, 3, 33, 300, {1, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 1.7, 1.8, 1.9, 2}, 3);
});
const driver::Register oneRow("ct one row, one slice, field beyond the fan",
                              [](const JobControl& control) { return slices(control, 1, 101, 780, {0}, 0); });
const driver::Register tiny("ct field smaller than a sample", [](const JobControl& control) {
  return slices(control, 16, 16, 10, {-2, 0, 5}, -4);
});

const driver::Register filter("ct filter, every length around a block", [](const JobControl&) {
  std::vector<double> all;
  for (const int count : {1, 2, 63, 64, 65, 200}) {
    const auto kernel = mirrorKernel(rampKernel({.34, .6}, 0.35, count));
    std::vector<float> in(count, 1.0f);
    std::vector<float> out((count + 63) / 64 * 64);
    convolve(in.data(), kernel.data(), out.data(), count);
    out.resize(count);
    driver::append(all, driver::doubles(out));
  }
  return all;
});

const driver::Register scout("topogram", [](const JobControl& control) {
  const Scan scan = noise(101, 5, 0.01, 50);
  std::vector<float> out(77 * 50);
  topogram({scan.readings, scan.sourceZ, 5, 1.2, 49, -1, 1.7, 77, 50, -1, out}, control);
  return driver::doubles(out);
});

const driver::Register missing("ct slice without readings is an error", [](const JobControl& control) {
  bool thrown = false;
  try {
    slices(control, 2, 20, 100, {400}, 3);
  } catch (const std::runtime_error&) {
    thrown = true;
  }
  driver::expect(thrown, "a slice far away throws");
  return std::vector<double>{1};
});

}  // namespace
