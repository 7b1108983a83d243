#pragma once
#include <napi.h>

namespace petrig::net {
void registerModule(Napi::Env env, Napi::Object exports);
}
