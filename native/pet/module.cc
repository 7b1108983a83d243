#include "pet/module.h"

namespace petrig::pet {
void registerModule(Napi::Env, Napi::Object) {}
}  // namespace petrig::pet
