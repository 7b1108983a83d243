#pragma once
// Pairs of pseudo-terminals joined back to back like a null-modem cable. One thread serves all pairs of the process.

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace petrig::pty {

/// A file descriptor that closes itself.
class Descriptor {
 public:
  explicit Descriptor(int fd = -1) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(other.fd_) { other.fd_ = -1; }
  Descriptor& operator=(Descriptor&& other) noexcept;
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor();
  int get() const { return fd_; }

 private:
  int fd_;
};

/// One pseudo-terminal in raw mode. The slave stays open here as well, so the master sees no hang-up
/// when the process at the other end closes its own descriptor and opens the path again later.
struct Terminal {
  Descriptor master;
  Descriptor slave;
  std::string path;
};

/// @throws std::runtime_error when the system gives no pseudo-terminal
Terminal openTerminal();

/// Bytes on their way from one master to the other. While `size` is full the source is not read, so the kernel's
/// queue fills and the writer blocks: a slow reader loses nothing.
struct Pipeline {
  std::array<uint8_t, 4096> bytes{};
  size_t begin = 0;
  size_t size = 0;

  bool full() const { return size == bytes.size(); }
  /// Reads once from `fd`; nothing happens when no byte is there.
  void fill(int fd);
  /// Writes to `fd` what it takes now.
  void drain(int fd);
};

struct Pair {
  Terminal a;
  Terminal b;
  Pipeline toB;
  Pipeline toA;
};

class Pump {
 public:
  Pump() = default;
  ~Pump();

  /// Opens a pair and starts the thread when it is the first. @return its number @throws std::runtime_error
  uint32_t open(std::string& pathA, std::string& pathB);
  /// Closes a pair and returns when the thread no longer uses it; an unknown number is ignored.
  void close(uint32_t id);

 private:
  void openWakePipe();
  void run();
  void wake() const;
  void serve(const std::vector<std::shared_ptr<Pair>>& pairs) const;

  std::mutex owners_;  // open and close, one at a time
  std::mutex guard_;   // pairs_ and stop_, shared with the thread
  std::map<uint32_t, std::shared_ptr<Pair>> pairs_;
  bool stop_ = false;
  uint32_t nextId_ = 1;
  std::thread thread_;
  Descriptor wakeRead_;
  Descriptor wakeWrite_;
};

}  // namespace petrig::pty
