#pragma once
// Glue between JavaScript and kernels: one AsyncWorker per call, buffers pinned while it runs.

#include <napi.h>

#include <functional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "parallel.h"

namespace petrig {

/// Runs `work(control)` off the event loop. JavaScript calls native(name)(options, control: Int32Array(SharedArrayBuffer), threads)
/// and gets a promise of undefined: kernels write into typed arrays that the caller allocated.
class KernelWorker : public Napi::AsyncWorker {
 public:
  using Work = std::function<void(const JobControl&)>;

  KernelWorker(Napi::Env env, Work work, const Napi::Object& options, const Napi::TypedArray& control, int threads)
      : Napi::AsyncWorker(env), deferred_(Napi::Promise::Deferred::New(env)), work_(std::move(work)) {
    // the options object keeps every buffer in it alive until the worker ends
    pinned_ = Napi::Persistent(options);
    controlPinned_ = Napi::Persistent(control.As<Napi::Object>());
    auto* words = reinterpret_cast<std::atomic<int32_t>*>(control.As<Napi::Int32Array>().Data());
    control_ = JobControl{words, words + 1, threads};
  }

  Napi::Promise promise() const { return deferred_.Promise(); }

 protected:
  void Execute() override {
    try {
      work_(control_);
    } catch (const Cancelled&) {
      SetError("cancelled");
    } catch (const std::exception& error) {
      SetError(error.what());
    }
  }
  void OnOK() override { deferred_.Resolve(Env().Undefined()); }
  void OnError(const Napi::Error& error) override { deferred_.Reject(error.Value()); }

 private:
  Napi::Promise::Deferred deferred_;
  Work work_;
  Napi::ObjectReference pinned_;
  Napi::ObjectReference controlPinned_;
  JobControl control_;
};

/// Queues `work` for the call `info` = (options, control, threads); returns its promise.
inline Napi::Value startKernel(const Napi::CallbackInfo& info, KernelWorker::Work work) {
  auto* worker = new KernelWorker(info.Env(), std::move(work), info[0].As<Napi::Object>(), info[1].As<Napi::TypedArray>(),
                                  info[2].As<Napi::Number>().Int32Value());
  auto promise = worker->promise();
  worker->Queue();
  return promise;
}

// Readers of the options object. TypeScript has validated it: a wrong type here is a bug and throws.
inline double number(const Napi::Object& o, const char* key) { return o.Get(key).As<Napi::Number>().DoubleValue(); }
inline int32_t integer(const Napi::Object& o, const char* key) { return o.Get(key).As<Napi::Number>().Int32Value(); }

template <class T>
std::span<T> typedSpan(const Napi::Object& o, const char* key) {
  const Napi::Value value = o.Get(key);
  if (!value.IsTypedArray()) throw Napi::TypeError::New(o.Env(), std::string(key) + " is not a typed array");
  auto array = value.As<Napi::TypedArray>();
  if (array.ElementSize() != sizeof(T)) throw Napi::TypeError::New(o.Env(), std::string(key) + " has a wrong element size");
  auto* base = static_cast<uint8_t*>(array.ArrayBuffer().Data()) + array.ByteOffset();
  return {reinterpret_cast<T*>(base), array.ElementLength()};
}

}  // namespace petrig
