#include "net/crew.h"

#include <thread>
#include <utility>

namespace petrig::net {

namespace {

/// Threads that stay when there is nothing to do.
constexpr size_t kMostWaiting = 16;

}  // namespace

Crew& Crew::ours() {
  static Crew* crew = new Crew();
  return *crew;
}

void Crew::run(std::function<void()> work) {
  {
    const std::lock_guard<std::mutex> lock(guard_);
    if (waiting_ > queue_.size()) {
      queue_.push_back(std::move(work));
      come_.notify_one();
      return;
    }
  }
  std::thread([this, work = std::move(work)]() mutable { serve(std::move(work)); }).detach();
}

void Crew::serve(std::function<void()> work) {
  for (;;) {
    work();
    work = nullptr;  // what it holds is let go before the wait
    std::unique_lock<std::mutex> lock(guard_);
    if (waiting_ >= kMostWaiting) return;
    ++waiting_;
    come_.wait(lock, [this] { return !queue_.empty(); });
    --waiting_;
    work = std::move(queue_.back());
    queue_.pop_back();
  }
}

}  // namespace petrig::net
