#include "physics/module.h"

namespace petrig::physics {
void registerModule(Napi::Env, Napi::Object) {}
}  // namespace petrig::physics
