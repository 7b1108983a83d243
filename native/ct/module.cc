#include "ct/module.h"

#include "ct/fbp.h"
#include "ct/topogram.h"
#include "job.h"

namespace petrig::ct {

namespace {

Napi::Value startReconstruction(const Napi::CallbackInfo& info) {
  const auto o = info[0].As<Napi::Object>();
  const FbpJob job{typedSpan<const uint16_t>(o, "readings"),
                   typedSpan<const double>(o, "angles"),
                   typedSpan<const double>(o, "sourceZ"),
                   integer(o, "rows"),
                   number(o, "rowPitchMm"),
                   typedSpan<const double>(o, "coefficients"),
                   number(o, "muWaterPerMm"),
                   typedSpan<const double>(o, "sliceZ"),
                   number(o, "thicknessMm"),
                   integer(o, "matrix"),
                   number(o, "fovMm"),
                   number(o, "centreXMm"),
                   number(o, "centreYMm"),
                   {number(o, "halfPerMm"), number(o, "tenthPerMm")},
                   typedSpan<float>(o, "out")};
  return startKernel(info, [job](const JobControl& control) { reconstruct(job, control); });
}

Napi::Value startTopogram(const Napi::CallbackInfo& info) {
  const auto o = info[0].As<Napi::Object>();
  const TopogramJob job{typedSpan<const uint16_t>(o, "readings"),
                        typedSpan<const double>(o, "sourceZ"),
                        integer(o, "rows"),
                        number(o, "rowPitchMm"),
                        number(o, "firstZ"),
                        number(o, "stepZ"),
                        number(o, "pixelMm"),
                        integer(o, "width"),
                        integer(o, "height"),
                        number(o, "columnSign"),
                        typedSpan<float>(o, "out")};
  return startKernel(info, [job](const JobControl& control) { topogram(job, control); });
}

}  // namespace

void registerModule(Napi::Env env, Napi::Object exports) {
  exports.Set("reconstructCt", Napi::Function::New(env, startReconstruction));
  exports.Set("topogram", Napi::Function::New(env, startTopogram));
}

}  // namespace petrig::ct
