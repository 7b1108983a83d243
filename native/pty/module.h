#pragma once
#include <napi.h>

namespace petrig::pty {
void registerModule(Napi::Env env, Napi::Object exports);
}
