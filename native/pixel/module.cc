#include "pixel/module.h"

namespace petrig::pixel {
void registerModule(Napi::Env, Napi::Object) {}
}  // namespace petrig::pixel
