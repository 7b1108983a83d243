#include "ct/module.h"

namespace petrig::ct {
void registerModule(Napi::Env, Napi::Object) {}
}  // namespace petrig::ct
