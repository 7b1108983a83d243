#include "physics/module.h"

#include "../job.h"
#include "ct.h"
#include "paint.h"
#include "pet.h"

namespace petrig::physics {
namespace {

FlatPhantom readPhantom(const Napi::Object& o) {
  return {typedSpan<const int32_t>(o, "kinds"),     typedSpan<const double>(o, "frames"),
          typedSpan<const double>(o, "clips"),      typedSpan<const int32_t>(o, "clipStart"),
          typedSpan<const int32_t>(o, "materials"), typedSpan<const double>(o, "activity")};
}

uint64_t readSeed(const Napi::Object& o) { return static_cast<uint64_t>(number(o, "seed")); }

Napi::Value startCt(const Napi::CallbackInfo& info) {
  const auto o = info[0].As<Napi::Object>();
  CtJob job;
  job.phantom = readPhantom(o);
  job.attenuation = typedSpan<const double>(o, "attenuation");
  job.energies = typedSpan<const double>(o, "energies");
  job.spectrum = typedSpan<const double>(o, "spectrum");
  job.angles = typedSpan<const double>(o, "angles");
  job.sourceZ = typedSpan<const double>(o, "sourceZ");
  job.photons = typedSpan<const double>(o, "photons");
  job.out = typedSpan<uint16_t>(o, "out");
  job.rows = integer(o, "rows");
  job.channels = integer(o, "channels");
  job.rowPitch = number(o, "rowPitchMm");
  job.sourceRadius = number(o, "sourceRadiusMm");
  job.channelAngle = number(o, "channelAngle");
  job.channelOffset = number(o, "channelOffset");
  job.electronicNoise = number(o, "electronicNoise");
  job.seed = readSeed(o);
  job.firstReading = static_cast<int64_t>(number(o, "firstReading"));
  return startKernel(info, [job](const JobControl& control) { simulateCt(job, control); });
}

PetScene readScene(const Napi::Object& o) {
  PetScene scene;
  scene.phantom = readPhantom(o);
  scene.attenuation = typedSpan<const double>(o, "attenuation");
  scene.efficiencies = typedSpan<const float>(o, "efficiencies");
  scene.centreZ = number(o, "centreZMm");
  scene.positronBranching = number(o, "positronBranching");
  scene.seed = readSeed(o);
  return scene;
}

Napi::Value startPetRates(const Napi::CallbackInfo& info) {
  const auto o = info[0].As<Napi::Object>();
  const PetScene scene = readScene(o);
  const PetRates rates{typedSpan<double>(o, "singles"), typedSpan<double>(o, "trues")};
  return startKernel(info, [scene, rates](const JobControl& control) { measureRates(scene, rates, control); });
}

Napi::Value startPet(const Napi::CallbackInfo& info) {
  const auto o = info[0].As<Napi::Object>();
  PetJob job;
  job.scene = readScene(o);
  job.singleRates = typedSpan<const double>(o, "singleRates");
  job.strongestLine = number(o, "strongestLine");
  job.halfLife = number(o, "halfLifeSeconds");
  job.reference = number(o, "referenceSeconds");
  job.startMs = static_cast<int64_t>(number(o, "startMs"));
  job.durationMs = static_cast<int64_t>(number(o, "durationMs"));
  job.timeSigmaPs = number(o, "timeSigmaPs");
  job.windowPs = number(o, "windowPs");
  job.noncollinearSigma = number(o, "noncollinearSigma");
  job.singlesScale = number(o, "singlesScale");
  job.pollingMs = static_cast<int64_t>(number(o, "pollingMs"));
  job.words = typedSpan<uint32_t>(o, "words");
  job.counts = typedSpan<double>(o, "counts");
  job.singles = typedSpan<double>(o, "singles");
  return startKernel(info, [job](const JobControl& control) { simulatePet(job, control); });
}

Vec readVec(const Napi::Object& o, const char* key) {
  const auto values = typedSpan<const double>(o, key);
  return {values[0], values[1], values[2]};
}

Napi::Value startPaint(const Napi::CallbackInfo& info) {
  const auto o = info[0].As<Napi::Object>();
  PaintJob job;
  job.phantom = readPhantom(o);
  job.origin = readVec(o, "origin");
  job.spacing = readVec(o, "spacing");
  job.nx = integer(o, "nx");
  job.ny = integer(o, "ny");
  job.nz = integer(o, "nz");
  job.margin = number(o, "marginMm");
  job.shapes = typedSpan<int16_t>(o, "shapes");
  job.core = typedSpan<uint8_t>(o, "core");
  return startKernel(info, [job](const JobControl& control) { paintPhantom(job, control); });
}

}  // namespace

void registerModule(Napi::Env env, Napi::Object exports) {
  exports.Set("simulateCt", Napi::Function::New(env, startCt));
  exports.Set("measurePetRates", Napi::Function::New(env, startPetRates));
  exports.Set("simulatePet", Napi::Function::New(env, startPet));
  exports.Set("paintPhantom", Napi::Function::New(env, startPaint));
}

}  // namespace petrig::physics
