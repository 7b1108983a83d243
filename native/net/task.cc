#include "net/task.h"

#include <napi.h>

#include <algorithm>
#include <map>

#include "net/crew.h"

namespace petrig::net {

namespace {

std::mutex bellsGuard;

std::map<napi_env, Bell*>& bells() {
  static std::map<napi_env, Bell*> all;
  return all;
}

}  // namespace

Napi::Value Task::start(Napi::Env env, const Napi::Function& callback, std::function<void(Task&)> work) {
  auto task = std::make_shared<Task>();
  task->callback_ = Napi::Persistent(callback);
  task->bell_ = &Bell::of(env);
  task->bell_->begin(task);
  try {
    Crew::ours().run([self = task.get(), work = std::move(work)] {
      work(*self);
      // the last use of the task, but for the latch: who takes it down waits for that
      self->bell_->ring(self, nullptr);
      self->ended_.count_down();
    });
  } catch (...) {  // no thread
    task->bell_->ring(task.get(), nullptr);
    task->ended_.count_down();
    throw;
  }
  return Napi::Function::New(env, [weak = std::weak_ptr<Task>(task)](const Napi::CallbackInfo&) {
    if (const auto alive = weak.lock()) alive->cancel_.set();
  });
}

void Task::tell(Telling telling) { bell_->ring(this, std::move(telling)); }

Bell& Bell::of(Napi::Env env) {
  const std::lock_guard<std::mutex> lock(bellsGuard);
  Bell*& bell = bells()[env];
  if (!bell) bell = new Bell(env);
  return *bell;
}

Bell::Bell(Napi::Env env) {
  const auto nothing = Napi::Function::New(env, [](const Napi::CallbackInfo&) {});
  call_ = Napi::ThreadSafeFunction::New(env, nothing, "petrig connections", 0, 1, [this, key = napi_env(env)](Napi::Env) {
    silence();
    const std::lock_guard<std::mutex> lock(bellsGuard);
    bells().erase(key);
    delete this;
  });
  call_.Unref(env);
}

/// The environment goes away.
void Bell::silence() {
  for (const auto& task : tasks_) task->cancel_.set();
  for (const auto& task : tasks_) task->ended_.wait();
}

void Bell::begin(const std::shared_ptr<Task>& task) {
  if (tasks_.empty()) call_.Ref(task->callback_.Env());
  tasks_.insert(task);
}

void Bell::ring(Task* task, Telling telling) {
  {
    const std::lock_guard<std::mutex> lock(guard_);
    queue_.emplace_back(task, std::move(telling));
    if (std::exchange(waking_, true)) return;  // the event loop has a call pending that takes this one along
  }
  call_.NonBlockingCall([this](Napi::Env env, const Napi::Function&) { drain(env); });
}

void Bell::drain(Napi::Env env) {
  std::vector<std::pair<Task*, Telling>> told;
  {
    const std::lock_guard<std::mutex> lock(guard_);
    told.swap(queue_);
    waking_ = false;
  }
  for (const auto& [task, telling] : told) {
    const Napi::HandleScope scope(env);
    if (telling) {
      task->callback_.Call(telling(env));
      continue;
    }
    task->ended_.wait();
    const auto over = std::find_if(tasks_.begin(), tasks_.end(), [task = task](const auto& other) { return other.get() == task; });
    tasks_.erase(over);
    if (tasks_.empty()) call_.Unref(env);
  }
}

}  // namespace petrig::net
