#include "pixel/module.h"

#include <algorithm>

#include "job.h"
#include "pixel/pixel.h"

namespace petrig::pixel {

namespace {

std::array<double, 3> triple(const Napi::Object& o, const char* key) {
  const auto values = typedSpan<const double>(o, key);
  return {values[0], values[1], values[2]};
}

Napi::Value startQuantise(const Napi::CallbackInfo& info) {
  const auto o = info[0].As<Napi::Object>();
  const auto values = typedSpan<const float>(o, "values");
  const auto out = typedSpan<uint16_t>(o, "out");
  const Quantisation how{number(o, "slope"), number(o, "intercept"), number(o, "low"), number(o, "high")};
  return startKernel(info, [=](const JobControl& control) { quantise(values, how, out, control); });
}

Napi::Value startStatistics(const Napi::CallbackInfo& info) {
  const auto o = info[0].As<Napi::Object>();
  const auto values = typedSpan<const float>(o, "values");
  const auto out = typedSpan<double>(o, "out");
  return startKernel(info, [=](const JobControl& control) {
    const auto result = statistics(values, control);
    std::copy(result.begin(), result.end(), out.begin());
  });
}

Napi::Value startSamplePlane(const Napi::CallbackInfo& info) {
  const auto o = info[0].As<Napi::Object>();
  const auto size = triple(o, "size");
  const VolumeView volume{typedSpan<const float>(o, "data"),
                          {static_cast<int>(size[0]), static_cast<int>(size[1]), static_cast<int>(size[2])},
                          triple(o, "spacing"),
                          triple(o, "origin")};
  const Plane plane{triple(o, "planeOrigin"), triple(o, "columnStep"), triple(o, "rowStep"), integer(o, "width"),
                    integer(o, "height")};
  const auto outside = static_cast<float>(number(o, "outside"));
  const auto out = typedSpan<float>(o, "out");
  return startKernel(info, [=](const JobControl& control) { samplePlane(volume, plane, outside, out, control); });
}

Napi::Value startWindow(const Napi::CallbackInfo& info) {
  const auto o = info[0].As<Napi::Object>();
  const auto values = typedSpan<const float>(o, "values");
  const auto out = typedSpan<uint8_t>(o, "out");
  const double low = number(o, "low");
  const double high = number(o, "high");
  return startKernel(info, [=](const JobControl& control) { window(values, low, high, out, control); });
}

}  // namespace

void registerModule(Napi::Env env, Napi::Object exports) {
  exports.Set("quantise", Napi::Function::New(env, startQuantise));
  exports.Set("statistics", Napi::Function::New(env, startStatistics));
  exports.Set("samplePlane", Napi::Function::New(env, startSamplePlane));
  exports.Set("window", Napi::Function::New(env, startWindow));
}

}  // namespace petrig::pixel
