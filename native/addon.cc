// Entry of the addon: each concern registers its kernels as `name: (options, control, threads) => Promise`.
#include <napi.h>

#include "ct/module.h"
#include "net/module.h"
#include "pet/module.h"
#include "physics/module.h"
#include "pixel/module.h"
#include "pty/module.h"

static Napi::Object init(Napi::Env env, Napi::Object exports) {
  petrig::ct::registerModule(env, exports);
  petrig::net::registerModule(env, exports);
  petrig::pet::registerModule(env, exports);
  petrig::pixel::registerModule(env, exports);
  petrig::physics::registerModule(env, exports);
  petrig::pty::registerModule(env, exports);
  return exports;
}

NODE_API_MODULE(petrig, init)
