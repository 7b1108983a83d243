#include "net/task.h"

#include <napi.h>

#include <latch>
#include <memory>
#include <utility>

#include "net/crew.h"

namespace petrig::net {

Napi::Value Task::start(Napi::Env env, const Napi::Function& callback, std::function<void(Task&)> work) {
  auto task = std::make_shared<Task>();
  const auto ended = std::make_shared<std::latch>(1);
  // the finalizer runs when the thread has let go, or when the environment goes away: a process that exits waits for no slow peer
  task->call_ = Napi::ThreadSafeFunction::New(env, callback, "petrig connection", 0, 1, [task, ended](Napi::Env) {
    task->cancel_.set();
    ended->wait();
  });
  Crew::ours().run([self = task.get(), ended, work = std::move(work)] {
    work(*self);
    self->call_.Release();
    ended->count_down();
  });
  return Napi::Function::New(env, [weak = std::weak_ptr<Task>(task)](const Napi::CallbackInfo&) {
    if (const auto alive = weak.lock()) alive->cancel_.set();
  });
}

void Task::tell(Telling telling) {
  {
    const std::lock_guard<std::mutex> lock(guard_);
    queue_.push_back(std::move(telling));
    if (std::exchange(waking_, true)) return;  // the event loop has a call pending that takes this one along
  }
  call_.NonBlockingCall([this](Napi::Env env, const Napi::Function& callback) { drain(env, callback); });
}

void Task::drain(Napi::Env env, const Napi::Function& callback) {
  std::vector<Telling> told;
  {
    const std::lock_guard<std::mutex> lock(guard_);
    told.swap(queue_);
    waking_ = false;
  }
  for (const auto& telling : told) callback.Call(telling(env));
}

}  // namespace petrig::net
