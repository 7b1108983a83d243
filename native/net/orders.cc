#include "net/orders.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdint>
#include <stdexcept>
#include <utility>

namespace petrig::net {

Orders::Orders() : event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (event_.get() < 0) throw std::runtime_error("eventfd");
}

void Orders::put(ReceiveJob job) {
  const std::lock_guard<std::mutex> lock(guard_);
  job_ = std::move(job);
  const uint64_t one = 1;
  // a full counter is as good
  [[maybe_unused]] const ssize_t put = ::write(event_.get(), &one, sizeof one);
}

ReceiveJob Orders::take() {
  const std::lock_guard<std::mutex> lock(guard_);
  uint64_t count = 0;
  [[maybe_unused]] const ssize_t got = ::read(event_.get(), &count, sizeof count);
  return *std::exchange(job_, std::nullopt);
}

}  // namespace petrig::net
