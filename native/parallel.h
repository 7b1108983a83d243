#pragma once
// Threads for kernels: dynamic chunks, cancellation, progress. Kernels know no N-API.

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <exception>
#include <functional>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#ifdef __linux__
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace petrig {

inline constexpr int kKernelNice = 10;

/// Shared with JavaScript as an Int32Array of two: [0] set to 1 cancels, [1] progress in 1/1000.
struct JobControl {
  std::atomic<int32_t>* cancel = nullptr;
  std::atomic<int32_t>* permille = nullptr;
  int threads = 1;

  bool cancelled() const { return cancel != nullptr && cancel->load(std::memory_order_relaxed) != 0; }
  void progress(double fraction) const {
    if (permille != nullptr) permille->store(static_cast<int32_t>(fraction * 1000), std::memory_order_relaxed);
  }
};

/// Thrown by a kernel that noticed the cancel flag.
struct Cancelled : std::runtime_error {
  Cancelled() : std::runtime_error("cancelled") {}
};

/// Kernel threads stand behind the event loop when cores are scarce: control and safety come before images.
inline void yieldToOthers() {
#ifdef __linux__
  // on Linux a nice value belongs to the thread
  setpriority(PRIO_PROCESS, static_cast<id_t>(syscall(SYS_gettid)), kKernelNice);
#endif
}

/// Calls body(begin, end, thread) over [0, count) in chunks handed out in order; rethrows the first exception.
/// @param from,to the part of the job's progress that this loop stands for
inline void parallelFor(const JobControl& job, int64_t count, int64_t chunk,
                        const std::function<void(int64_t, int64_t, int)>& body, double from = 0, double to = 1) {
  if (count <= 0) return;
  chunk = std::max<int64_t>(1, chunk);
  const int threads = static_cast<int>(std::clamp<int64_t>((count + chunk - 1) / chunk, 1, std::max(1, job.threads)));
  std::atomic<int64_t> next{0};
  std::atomic<int64_t> done{0};
  std::atomic<bool> stop{false};
  std::exception_ptr failure;
  std::mutex guard;
  auto work = [&](int thread) {
    yieldToOthers();
    try {
      while (!stop.load(std::memory_order_relaxed)) {
        if (job.cancelled()) throw Cancelled();
        const int64_t begin = next.fetch_add(chunk);
        if (begin >= count) return;
        const int64_t end = std::min(count, begin + chunk);
        body(begin, end, thread);
        job.progress(from + (to - from) * static_cast<double>(done += end - begin) / static_cast<double>(count));
      }
    } catch (...) {
      const std::lock_guard<std::mutex> lock(guard);
      if (!failure) failure = std::current_exception();
      stop = true;
    }
  };
  std::vector<std::thread> pool;
  pool.reserve(static_cast<size_t>(threads));
  // the calling thread only waits: it is one of Node's own, which must keep its priority
  for (int t = 0; t < threads; ++t) pool.emplace_back(work, t);
  for (auto& t : pool) t.join();
  if (failure) std::rethrow_exception(failure);
}

}  // namespace petrig
