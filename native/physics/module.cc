#include "physics/module.h"

#include "../job.h"
#include "ct.h"

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

}  // namespace

void registerModule(Napi::Env env, Napi::Object exports) { exports.Set("simulateCt", Napi::Function::New(env, startCt)); }

}  // namespace petrig::physics
