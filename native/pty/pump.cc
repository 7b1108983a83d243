#include "pty/pump.h"

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <stdexcept>

namespace petrig::pty {

namespace {

[[noreturn]] void fail(const char* what) { throw std::runtime_error(std::string(what) + ": " + std::strerror(errno)); }

void setFlags(int fd) {
  if (fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) < 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) < 0) fail("fcntl");
}

}  // namespace

Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

Descriptor::~Descriptor() {
  if (fd_ >= 0) ::close(fd_);
}

Terminal openTerminal() {
  Terminal terminal;
  terminal.master = Descriptor(posix_openpt(O_RDWR | O_NOCTTY));
  const int master = terminal.master.get();
  if (master < 0 || grantpt(master) != 0 || unlockpt(master) != 0) fail("posix_openpt");
  const char* path = ptsname(master);
  if (path == nullptr) fail("ptsname");
  terminal.path = path;
  terminal.slave = Descriptor(::open(path, O_RDWR | O_NOCTTY));
  if (terminal.slave.get() < 0) fail("open slave");
  termios mode{};
  if (tcgetattr(terminal.slave.get(), &mode) != 0) fail("tcgetattr");
  cfmakeraw(&mode);
  if (tcsetattr(terminal.slave.get(), TCSANOW, &mode) != 0) fail("tcsetattr");
  setFlags(master);
  setFlags(terminal.slave.get());
  return terminal;
}

void Pipeline::fill(int fd) {
  if (full()) return;
  const size_t end = (begin + size) % bytes.size();
  const size_t room = end < begin ? begin - end : bytes.size() - end;
  const ssize_t got = ::read(fd, bytes.data() + end, room);
  if (got > 0) size += static_cast<size_t>(got);
}

void Pipeline::drain(int fd) {
  while (size > 0) {
    const size_t run = std::min(size, bytes.size() - begin);
    const ssize_t put = ::write(fd, bytes.data() + begin, run);
    if (put <= 0) return;
    begin = (begin + static_cast<size_t>(put)) % bytes.size();
    size -= static_cast<size_t>(put);
  }
}

Pump::~Pump() {
  {
    const std::lock_guard<std::mutex> lock(guard_);
    stop_ = true;
  }
  if (!thread_.joinable()) return;
  wake();
  thread_.join();
}

uint32_t Pump::open(std::string& pathA, std::string& pathB) {
  const std::lock_guard<std::mutex> owner(owners_);
  if (wakeRead_.get() < 0) openWakePipe();
  auto pair = std::make_shared<Pair>();
  pair->a = openTerminal();
  pair->b = openTerminal();
  pathA = pair->a.path;
  pathB = pair->b.path;
  uint32_t id;
  {
    const std::lock_guard<std::mutex> lock(guard_);
    id = nextId_++;
    pairs_.emplace(id, std::move(pair));
    stop_ = false;
  }
  if (thread_.joinable()) {
    wake();
    return id;
  }
  thread_ = std::thread([this] { run(); });
  return id;
}

void Pump::openWakePipe() {
  int ends[2];
  if (::pipe(ends) != 0) fail("pipe");
  wakeRead_ = Descriptor(ends[0]);
  wakeWrite_ = Descriptor(ends[1]);
  setFlags(ends[0]);
  setFlags(ends[1]);
}

void Pump::close(uint32_t id) {
  const std::lock_guard<std::mutex> owner(owners_);
  std::weak_ptr<Pair> watch;
  {
    const std::lock_guard<std::mutex> lock(guard_);
    const auto found = pairs_.find(id);
    if (found == pairs_.end()) return;
    watch = found->second;
    pairs_.erase(found);
    stop_ = pairs_.empty();
  }
  wake();
  if (stop_) {
    thread_.join();
    return;
  }
  // the thread drops its reference at the top of its loop; this takes microseconds
  while (!watch.expired()) std::this_thread::yield();
}

void Pump::wake() const {
  const uint8_t byte = 1;
  // a full pipe is as good: the thread has a wake-up pending
  [[maybe_unused]] const ssize_t put = ::write(wakeWrite_.get(), &byte, 1);
}

void Pump::run() {
  std::vector<std::shared_ptr<Pair>> pairs;
  for (;;) {
    pairs.clear();
    {
      const std::lock_guard<std::mutex> lock(guard_);
      if (stop_) return;
      for (const auto& entry : pairs_) pairs.push_back(entry.second);
    }
    serve(pairs);
  }
}

void Pump::serve(const std::vector<std::shared_ptr<Pair>>& pairs) const {
  std::vector<pollfd> waits{{wakeRead_.get(), POLLIN, 0}};
  for (const auto& pair : pairs) {
    const auto events = [](const Pipeline& out, const Pipeline& in) {
      return static_cast<short>((out.full() ? 0 : POLLIN) | (in.size > 0 ? POLLOUT : 0));
    };
    waits.push_back({pair->a.master.get(), events(pair->toB, pair->toA), 0});
    waits.push_back({pair->b.master.get(), events(pair->toA, pair->toB), 0});
  }
  if (::poll(waits.data(), waits.size(), -1) < 0) return;  // EINTR: the caller's loop comes back
  uint8_t sink[64];
  if (waits[0].revents != 0) [[maybe_unused]] const ssize_t got = ::read(wakeRead_.get(), sink, sizeof sink);
  for (size_t i = 0; i < pairs.size(); ++i) {
    Pair& pair = *pairs[i];
    const int a = pair.a.master.get();
    const int b = pair.b.master.get();
    if (waits[1 + 2 * i].revents & POLLIN) pair.toB.fill(a);
    if (waits[2 + 2 * i].revents & POLLIN) pair.toA.fill(b);
    pair.toB.drain(b);
    pair.toA.drain(a);
  }
}

}  // namespace petrig::pty
