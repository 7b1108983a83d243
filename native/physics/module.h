#pragma once
#include <napi.h>

namespace petrig::physics {
void registerModule(Napi::Env env, Napi::Object exports);
}
