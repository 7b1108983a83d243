#include "pty/module.h"

namespace petrig::pty {
void registerModule(Napi::Env, Napi::Object) {}
}  // namespace petrig::pty
