#pragma once
#include <napi.h>

namespace petrig::pixel {
void registerModule(Napi::Env env, Napi::Object exports);
}
