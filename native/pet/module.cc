#include "pet/module.h"

#include "job.h"
#include "pet/analytic.h"
#include "pet/fit.h"
#include "pet/listmode.h"
#include "pet/mumap.h"
#include "pet/osem.h"
#include "pet/postfilter.h"
#include "pet/project.h"
#include "pet/resample.h"

namespace petrig::pet {
namespace {

template <class T>
std::span<T> optionalSpan(const Napi::Object& o, const char* key) {
  return o.Get(key).IsTypedArray() ? typedSpan<T>(o, key) : std::span<T>{};
}

Napi::Value scan(const Napi::CallbackInfo& info) {
  const auto o = info[0].As<Napi::Object>();
  const auto words = typedSpan<const uint32_t>(o, "words");
  const auto start = o.Get("startMs").As<Napi::Number>().Int64Value(), end = o.Get("endMs").As<Napi::Number>().Int64Value();
  const auto summary = typedSpan<double>(o, "summary");
  const auto singles = typedSpan<double>(o, "singles");
  return startKernel(info, [=](const JobControl& job) {
    const FrameScan s = scanFrame(job, words, start, end);
    const int64_t fields[] = {s.firstWord, s.endWord, s.prompts, s.delayeds, s.timeTags, s.singlesTags, s.otherTags,
                              s.corrupt, s.backwardTags, s.gaps, s.missingMs, s.firstMs, s.lastMs};
    std::copy(std::begin(fields), std::end(fields), summary.begin());
    for (int b = 0; b < kBlocks; ++b) singles[b] = s.singlesTagsOf[b] > 0 ? s.singles[b] / s.singlesTagsOf[b] : 0;
  });
}

Napi::Value bin(const Napi::CallbackInfo& info) {
  const auto o = info[0].As<Napi::Object>();
  const auto words = typedSpan<const uint32_t>(o, "words");
  const auto prompts = optionalSpan<int16_t>(o, "prompts"), delayeds = optionalSpan<int16_t>(o, "delayeds");
  const bool tof = o.Get("tof").ToBoolean();
  return startKernel(info, [=](const JobControl& job) { histogram(job, words, tof, prompts, delayeds); });
}

Napi::Value sort(const Napi::CallbackInfo& info) {
  const auto o = info[0].As<Napi::Object>();
  const auto words = typedSpan<const uint32_t>(o, "words");
  const auto lineStart = typedSpan<uint32_t>(o, "lineStart");
  const auto cells = typedSpan<uint16_t>(o, "cells"), counts = typedSpan<uint16_t>(o, "counts");
  const bool tof = o.Get("tof").ToBoolean();
  return startKernel(info, [=](const JobControl& job) { sortEvents(job, words, tof, lineStart, cells, counts); });
}

PostFilter filterOf(const Napi::Object& o) {
  return {static_cast<Window>(integer(o, "window")), number(o, "fwhmMm"), integer(o, "order")};
}

template <BedReport kMethod(const JobControl&, const BedOptions&, std::span<float>)>
Napi::Value bed(const Napi::CallbackInfo& info) {
  const auto o = info[0].As<Napi::Object>();
  BedOptions options;
  options.matrix = integer(o, "matrix");
  options.iterations = integer(o, "iterations");
  options.subsets = integer(o, "subsets");
  options.tofFwhmPs = number(o, "tofFwhmPs");
  options.psfFwhmMm = number(o, "psfFwhmMm");
  options.rebinned = o.Get("rebinned").ToBoolean();
  options.filter = filterOf(o);
  options.scale = number(o, "scale");
  options.delayeds = number(o, "delayeds");
  options.bins = {typedSpan<const uint32_t>(o, "lineStart"), typedSpan<const uint16_t>(o, "cells"), o.Get("tof").ToBoolean()};
  options.counts = typedSpan<const uint16_t>(o, "counts");
  options.mu = optionalSpan<const float>(o, "mu");
  options.normalisation = {typedSpan<const float>(o, "crystals"), typedSpan<const float>(o, "geometric"), typedSpan<const float>(o, "axial")};
  options.singles = typedSpan<const float>(o, "singles");
  const auto image = typedSpan<float>(o, "image");
  const auto report = typedSpan<double>(o, "report");
  return startKernel(info, [=](const JobControl& job) {
    report[0] = static_cast<double>(kMethod(job, options, image).impossible);
  });
}

template <bool kForward>
Napi::Value project(const Napi::CallbackInfo& info) {
  const auto o = info[0].As<Napi::Object>();
  const BinList bins{typedSpan<const uint32_t>(o, "lineStart"), typedSpan<const uint16_t>(o, "cells"), o.Get("tof").ToBoolean()};
  const auto image = typedSpan<float>(o, "image"), values = typedSpan<float>(o, "values");
  const int matrix = integer(o, "matrix");
  const double fwhm = number(o, "tofFwhmPs");
  return startKernel(info, [=](const JobControl& job) {
    if constexpr (kForward) forwardBins(job, bins, TofKernel(fwhm), matrix, image, values);
    else backprojectBins(job, bins, TofKernel(fwhm), matrix, values, image);
  });
}

Napi::Value smooth(const Napi::CallbackInfo& info) {
  const auto o = info[0].As<Napi::Object>();
  const auto volume = typedSpan<float>(o, "volume");
  const auto size = typedSpan<const int32_t>(o, "size");
  const auto spacing = typedSpan<const double>(o, "spacing");
  const PostFilter filter = filterOf(o);
  return startKernel(info, [=](const JobControl& job) {
    filterVolume(job, volume, {size[0], size[1], size[2]}, {spacing[0], spacing[1], spacing[2]}, filter);
  });
}

VolumeGrid gridOf(const Napi::Object& o, const char* key) {
  // size, spacing, origin: nine numbers
  const auto n = typedSpan<const double>(o, key);
  return {{static_cast<int>(n[0]), static_cast<int>(n[1]), static_cast<int>(n[2])}, {n[3], n[4], n[5]}, {n[6], n[7], n[8]}};
}

Napi::Value attenuation(const Napi::CallbackInfo& info) {
  const auto o = info[0].As<Napi::Object>();
  const auto hu = typedSpan<const float>(o, "hu");
  const VolumeGrid ct = gridOf(o, "ct"), target = gridOf(o, "target");
  const HuToMu conversion{number(o, "lowSlope"), number(o, "breakHu"), number(o, "highSlope"), number(o, "highOffset")};
  const auto mu = typedSpan<float>(o, "mu");
  const auto report = typedSpan<double>(o, "report");
  return startKernel(info, [=](const JobControl& job) {
    report[0] = static_cast<double>(muMap(job, hu, ct, conversion, target, mu));
  });
}

Napi::Value regrid(const Napi::CallbackInfo& info) {
  const auto o = info[0].As<Napi::Object>();
  const auto from = typedSpan<const float>(o, "from");
  const auto to = typedSpan<float>(o, "to");
  const VolumeGrid source = gridOf(o, "source"), target = gridOf(o, "target");
  return startKernel(info, [=](const JobControl& job) { resample(job, from, source, target, to); });
}

Napi::Value fit(const Napi::CallbackInfo& info) {
  const auto o = info[0].As<Napi::Object>();
  const FitOptions options{typedSpan<const int16_t>(o, "prompts"), number(o, "radiusMm"), integer(o, "iterations")};
  const auto crystals = typedSpan<float>(o, "crystals"), geometric = typedSpan<float>(o, "geometric"), axial = typedSpan<float>(o, "axial");
  const auto report = typedSpan<double>(o, "report");
  return startKernel(info, [=](const JobControl& job) { report[0] = fitNormalisation(job, options, crystals, geometric, axial); });
}

Napi::Value lines(const Napi::CallbackInfo& info) {
  const auto o = info[0].As<Napi::Object>();
  const auto bins = typedSpan<const uint32_t>(o, "bins");
  const auto ends = typedSpan<double>(o, "ends");
  return startKernel(info, [=](const JobControl&) {
    for (size_t i = 0; i < bins.size(); ++i) {
      Point a, b;
      lineOf(bins[i], a, b);
      const double six[] = {a.x, a.y, a.z, b.x, b.y, b.z};
      std::copy(std::begin(six), std::end(six), ends.begin() + static_cast<int64_t>(6 * i));
    }
  });
}

Napi::Value pairs(const Napi::CallbackInfo& info) {
  const auto o = info[0].As<Napi::Object>();
  const auto crystals = typedSpan<const int32_t>(o, "pairs");
  const auto bins = typedSpan<int32_t>(o, "bins"), swapped = typedSpan<int32_t>(o, "swapped");
  return startKernel(info, [=](const JobControl&) {
    for (size_t i = 0; i < bins.size(); ++i) {
      const int32_t* p = crystals.data() + 4 * i;
      int swap = 0;
      bins[i] = static_cast<int32_t>(binOf(p[0], p[1], p[2], p[3], swap));
      swapped[i] = swap;
    }
  });
}

}  // namespace

void registerModule(Napi::Env env, Napi::Object exports) {
  exports.Set("petScan", Napi::Function::New(env, scan));
  exports.Set("petBin", Napi::Function::New(env, bin));
  exports.Set("petSort", Napi::Function::New(env, sort));
  exports.Set("petOsem", Napi::Function::New(env, bed<reconstruct>));
  exports.Set("petBackprojection", Napi::Function::New(env, bed<backproject>));
  exports.Set("petForward", Napi::Function::New(env, project<true>));
  exports.Set("petBack", Napi::Function::New(env, project<false>));
  exports.Set("petMuMap", Napi::Function::New(env, attenuation));
  exports.Set("petFit", Napi::Function::New(env, fit));
  exports.Set("petLines", Napi::Function::New(env, lines));
  exports.Set("petPairs", Napi::Function::New(env, pairs));
  exports.Set("petSmooth", Napi::Function::New(env, smooth));
  exports.Set("petResample", Napi::Function::New(env, regrid));
}

}  // namespace petrig::pet
