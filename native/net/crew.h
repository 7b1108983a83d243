#pragma once
// Threads that wait for work: to start one costs more than to receive a small image.

#include <condition_variable>
#include <functional>
#include <mutex>
#include <vector>

namespace petrig::net {

class Crew {
 public:
  /// Of the process. It is never taken down: its threads may wait in it when the process exits.
  static Crew& ours();

  /// Runs `work` at once, in a waiting thread or a new one. @throws std::system_error when the system gives none
  void run(std::function<void()> work);

 private:
  void serve(std::function<void()> work);

  std::mutex guard_;
  std::condition_variable come_;
  std::vector<std::function<void()>> queue_;
  size_t waiting_ = 0;
};

}  // namespace petrig::net
