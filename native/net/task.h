#pragma once
// A thread that works on a connection and tells JavaScript what happens, without ever holding the event loop up.

#include <napi.h>

#include <functional>
#include <mutex>
#include <vector>

#include "net/line.h"

namespace petrig::net {

/// Makes the arguments of the JavaScript callback on the event loop.
using Telling = std::function<std::vector<napi_value>(Napi::Env)>;

/// One task: work in a thread, its cancel signal, and a queue of things to tell. It lives until its last word is told.
class Task {
 public:
  /// Runs `work` in another thread. `callback` is called for everything it tells; the task ends when `work` returns.
  /// @return a JavaScript function that cancels
  static Napi::Value start(Napi::Env env, const Napi::Function& callback, std::function<void(Task&)> work);

  /// From the thread.
  void tell(Telling telling);
  const Cancel& cancel() const { return cancel_; }

 private:
  void drain(Napi::Env env, const Napi::Function& callback);

  Cancel cancel_;
  std::mutex guard_;
  std::vector<Telling> queue_;
  bool waking_ = false;
  Napi::ThreadSafeFunction call_;
};

}  // namespace petrig::net
