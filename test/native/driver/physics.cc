#include <numbers>

#include "case.h"
#include "physics/ct.h"
#include "physics/paint.h"
#include "physics/pet.h"
#include "pet/geometry.h"

namespace {

using petrig::JobControl;
using namespace petrig::physics;

/// A cut ellipsoid, a cylinder in it and a box that covers part of both.
struct Scene {
  std::vector<int32_t> kinds{0, 1, 2};
  std::vector<double> frames{0, 0, 0, 90, 0, 0, 0, 80, 0, 0, 0, 100, 20, 10, 0, 15, 0,  0,
                             0, 15, 0, 0, 0, 60, -30, 0, 5, 12, 0, 0, 0, 9, 0, 0, 0, 40};
  std::vector<double> clips{0, 1, 0, 60};
  std::vector<int32_t> clipStart{0, 1, 1, 1};
  std::vector<int32_t> materials{0, 1, 0};
  std::vector<double> activity{2000, 8000, 0};
  FlatPhantom flat() const { return {kinds, frames, clips, clipStart, materials, activity}; }
};

/// Forty shells: more than a block of rays sorts at once.
Scene crowd() {
  Scene scene;
  scene.kinds.assign(40, 0);
  scene.frames.clear();
  scene.clips.clear();
  scene.clipStart.assign(41, 0);
  scene.materials.clear();
  for (int i = 0; i < 40; ++i) {
    const double r = 90 - 2 * i;
    const double frame[] = {1, 2, 3, r, 0, 0, 0, r, 0, 0, 0, r};
    scene.frames.insert(scene.frames.end(), frame, frame + 12);
    scene.materials.push_back(i % 2);
  }
  scene.activity.assign(40, 0);
  return scene;
}

std::vector<double> expose(const Scene& scene, const JobControl& control) {
  const std::vector<double> attenuation{0.025, 0.02, 0.05, 0.04}, energies{50, 70}, spectrum{1, 1.5};
  std::vector<double> angles, sourceZ, photons;
  for (int i = 0; i < 13; ++i) {
    angles.push_back(0.5 * i);
    sourceZ.push_back(i - 6.0);
    photons.push_back(1e5);
  }
  std::vector<uint16_t> out(13 * 3 * 736);
  CtJob job;
  job.phantom = scene.flat();
  job.attenuation = attenuation;
  job.energies = energies;
  job.spectrum = spectrum;
  job.angles = angles;
  job.sourceZ = sourceZ;
  job.photons = photons;
  job.out = out;
  job.rows = 3;
  job.channels = 736;
  job.rowPitch = 1.2;
  job.sourceRadius = 595;
  job.channelAngle = 1.2858 / 1085.6;
  job.channelOffset = 0.25;
  job.electronicNoise = 10;
  job.seed = 11;
  simulateCt(job, control);
  return driver::doubles(out);
}

const driver::Register readings("ct readings of an analytic phantom",
                                [](const JobControl& control) { return expose(Scene(), control); });

const driver::Register crowded("ct readings of a crowded phantom",
                               [](const JobControl& control) { return expose(crowd(), control); });

const driver::Register listMode("coincidences of an analytic phantom", [](const JobControl& control) {
  const Scene scene;
  const std::vector<double> attenuation{0.0096, 0.009};
  const std::vector<float> efficiencies(static_cast<size_t>(petrig::pet::kRings) * petrig::pet::kCrystals, 0.9f);
  PetJob job;
  job.scene = {scene.flat(), attenuation, efficiencies, 0, 0.967, 17};
  std::vector<double> singleRates(192), trues(2), counts(5), singles(192);
  measureRates(job.scene, {singleRates, trues}, control);
  std::vector<uint32_t> words(200'000);
  job.singleRates = singleRates;
  job.strongestLine = trues[1];
  job.halfLife = 6586;
  job.durationMs = 20;
  job.timeSigmaPs = 230;
  job.windowPs = 4062.5;
  job.noncollinearSigma = 0.003;
  job.words = words;
  job.counts = counts;
  job.singles = singles;
  simulatePet(job, control);
  auto all = driver::doubles(words);
  driver::append(all, counts);
  return all;
});

const driver::Register painted("a phantom on a grid", [](const JobControl& control) {
  const Scene scene;
  std::vector<int16_t> shapes(31 * 29 * 23);
  std::vector<uint8_t> core(shapes.size());
  PaintJob job;
  job.phantom = scene.flat();
  job.origin = {-105, -98, -110};
  job.spacing = {7, 7, 10};
  job.nx = 31;
  job.ny = 29;
  job.nz = 23;
  job.margin = 10;
  job.shapes = shapes;
  job.core = core;
  paintPhantom(job, control);
  auto all = driver::doubles(shapes);
  driver::append(all, driver::doubles(core));
  return all;
});

}  // namespace
