#pragma once
// Threads that work on connections and tell JavaScript what happens, without ever holding the event loop up.

#include <napi.h>

#include <functional>
#include <latch>
#include <memory>
#include <mutex>
#include <set>
#include <utility>
#include <vector>

#include "net/line.h"

namespace petrig::net {

/// Makes the arguments of the JavaScript callback on the event loop.
using Telling = std::function<std::vector<napi_value>(Napi::Env)>;

class Bell;

/// One task: work in a thread, its cancel signal, and a callback that it tells things to. It lives until its last word is told.
class Task {
 public:
  /// Runs `work` in another thread. `callback` is called for everything it tells; the task ends when `work` returns.
  /// @return a JavaScript function that cancels
  static Napi::Value start(Napi::Env env, const Napi::Function& callback, std::function<void(Task&)> work);

  /// From the thread.
  void tell(Telling telling);
  const Cancel& cancel() const { return cancel_; }

 private:
  friend class Bell;

  Cancel cancel_;
  Bell* bell_ = nullptr;
  Napi::FunctionReference callback_;
  std::latch ended_{1};
};

/// What all tasks of an environment wake its event loop with: to make one for every task costs more than to receive a small image.
class Bell {
 public:
  /// The environment's. It goes away with it, when all threads have let go: a process that exits waits for no slow peer.
  static Bell& of(Napi::Env env);

  void begin(const std::shared_ptr<Task>& task);
  /// From any thread. Without a telling the task is over, and nothing may be told of it any more.
  void ring(Task* task, Telling telling);

 private:
  explicit Bell(Napi::Env env);
  void drain(Napi::Env env);
  void silence();

  Napi::ThreadSafeFunction call_;
  std::set<std::shared_ptr<Task>> tasks_;
  std::mutex guard_;
  std::vector<std::pair<Task*, Telling>> queue_;
  bool waking_ = false;
};

}  // namespace petrig::net
