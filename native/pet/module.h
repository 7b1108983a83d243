#pragma once
#include <napi.h>

namespace petrig::pet {
void registerModule(Napi::Env env, Napi::Object exports);
}
