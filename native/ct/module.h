#pragma once
#include <napi.h>

namespace petrig::ct {
void registerModule(Napi::Env env, Napi::Object exports);
}
