#include "pty/module.h"

#include <string>

#include "pty/pump.h"

namespace petrig::pty {

namespace {

/// Shared by all JavaScript threads of the process; each pair is closed with the environment that opened it.
Pump& pump() {
  static Pump instance;
  return instance;
}

Napi::Value openPty(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  try {
    std::string a;
    std::string b;
    const uint32_t id = pump().open(a, b);
    info.Env().AddCleanupHook([id] { pump().close(id); });
    auto result = Napi::Object::New(env);
    result.Set("id", id);
    result.Set("a", a);
    result.Set("b", b);
    return result;
  } catch (const std::exception& error) {
    throw Napi::Error::New(env, error.what());
  }
}

void closePty(const Napi::CallbackInfo& info) { pump().close(info[0].As<Napi::Number>().Uint32Value()); }

}  // namespace

void registerModule(Napi::Env env, Napi::Object exports) {
  exports.Set("openPty", Napi::Function::New(env, openPty));
  exports.Set("closePty", Napi::Function::New(env, closePty));
}

}  // namespace petrig::pty
