#include "net/line.h"

#include <fcntl.h>
#include <linux/sockios.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <utility>

namespace petrig::net {

namespace {

/// Parts that one system call takes.
constexpr size_t kMostParts = 512;
/// How long a cancelled write may take to reach the end of its PDU, ms.
constexpr int kGraceMs = 500;
constexpr uint8_t kAbortPdu = 7;

[[noreturn]] void fail(const char* what) { throw std::runtime_error(std::string(what) + ": " + std::strerror(errno)); }

constexpr size_t kNone = SIZE_MAX;

/// Where a write of several parts stands.
struct Progress {
  std::vector<iovec>& parts;
  const std::vector<bool>& ends;
  size_t at = 0;
  size_t touched = kNone;

  bool done() const { return at == parts.size(); }
  bool atBoundary() const { return touched != at && (at == 0 || ends[at - 1]); }

  void take(size_t count) {
    while (at < parts.size() && count >= parts[at].iov_len) count -= parts[at++].iov_len;
    if (count == 0) return;
    parts[at].iov_base = static_cast<uint8_t*>(parts[at].iov_base) + count;
    parts[at].iov_len -= count;
    touched = at;
  }
};

}  // namespace

Owned& Owned::operator=(Owned&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

Owned::~Owned() {
  if (fd_ >= 0) ::close(fd_);
}

Cancel::Cancel() : event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (event_.get() < 0) fail("eventfd");
}

void Cancel::set() {
  const uint64_t one = 1;
  // a full counter is as good
  [[maybe_unused]] const ssize_t put = ::write(event_.get(), &one, sizeof one);
}

bool Cancel::isSet() const {
  pollfd wait{fd(), POLLIN, 0};
  return ::poll(&wait, 1, 0) > 0;
}

uint32_t bigEndian32(const uint8_t* at) {
  return uint32_t{at[0]} << 24 | uint32_t{at[1]} << 16 | uint32_t{at[2]} << 8 | uint32_t{at[3]};
}

void putBigEndian32(uint8_t* at, uint32_t value) {
  for (int i = 0; i < 4; ++i) at[i] = static_cast<uint8_t>(value >> (24 - 8 * i));
}

void putPdvHeader(uint8_t* at, uint8_t contextId, bool command, bool last, uint32_t length) {
  at[0] = 4;
  at[1] = 0;
  putBigEndian32(at + 2, length + 6);
  putBigEndian32(at + 6, length + 2);
  at[10] = contextId;
  at[11] = static_cast<uint8_t>((command ? 1 : 0) | (last ? 2 : 0));
}

Owned duplicate(int fd) {
  Owned copy(::fcntl(fd, F_DUPFD_CLOEXEC, 0));
  if (copy.get() < 0) fail("dup");
  return copy;
}

Line::Line(Owned fd, const Cancel& cancel, int silenceMs)
    : fd_(std::move(fd)), cancel_(cancel), silenceMs_(silenceMs), lastMove_(now()) {}

int64_t Line::now() const {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// A peer that reads slowly frees no third of a large buffer for long: what it has taken shows in the queue.
bool Line::queueMoved() {
  int queued = 0;
  if (::ioctl(fd_.get(), SIOCOUTQ, &queued) != 0) return false;
  const bool moved = queued < queued_;
  queued_ = queued;
  return moved;
}

Line::Wait Line::wait(short events, int limitMs) {
  const int64_t begin = now();
  for (;;) {
    const int64_t sinceMove = now() - lastMove_;
    int64_t left = limitMs >= 0 ? limitMs - (now() - begin) : silenceMs_ - sinceMove;
    if (left <= 0) {
      if (limitMs >= 0 || !(events & POLLOUT) || !queueMoved()) return Wait::silent;
      lastMove_ = now();
      continue;
    }
    // a writer looks at the queue several times within the limit: bytes that the peer takes late count as late
    if (events & POLLOUT) left = std::min<int64_t>(left, std::max(1, silenceMs_ / 4));
    pollfd waits[2] = {{fd_.get(), events, 0}, {cancel_.fd(), POLLIN, 0}};
    const int ready = ::poll(waits, 2, static_cast<int>(left));
    if (waits[1].revents != 0) return Wait::cancelled;
    if (ready > 0) return Wait::ready;
    if ((events & POLLOUT) && queueMoved()) lastMove_ = now();
  }
}

Line::Call Line::waitForCall(int fd, bool input) {
  for (;;) {
    pollfd waits[3] = {{fd, POLLIN, 0}, {cancel_.fd(), POLLIN, 0}, {input ? fd_.get() : -1, POLLIN, 0}};
    if (::poll(waits, 3, -1) < 0) continue;
    if (waits[1].revents != 0) return Call::cancelled;
    if (waits[0].revents != 0) return Call::called;
    if (waits[2].revents != 0) return Call::input;
  }
}

/// @param watch set to false when what waits is no A-ABORT: it is read once the message is out
bool Line::abortWaits(bool& watch) const {
  uint8_t first = 0;
  const ssize_t got = ::recv(fd_.get(), &first, 1, MSG_PEEK | MSG_DONTWAIT);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return false;
  watch = got != 1 || first == kAbortPdu;
  return watch;
}

/// Gives the socket what it takes of parts [at, end). @return false when it took nothing: errno says why
static bool put(int fd, Progress& progress, size_t end) {
  msghdr message{};
  message.msg_iov = &progress.parts[progress.at];
  message.msg_iovlen = std::min(end - progress.at, kMostParts);
  const ssize_t count = ::sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
  if (count > 0) progress.take(static_cast<size_t>(count));
  return count > 0;
}

/// A PDU that has begun is ended, if the peer takes it soon, so that an A-ABORT can follow.
static void finishPdu(int fd, Progress& progress) {
  size_t end = progress.at;
  while (end < progress.parts.size() && !progress.ends[end]) ++end;
  if (end < progress.parts.size()) ++end;
  for (int tries = 0; tries < kGraceMs / 10 && !progress.atBoundary();) {
    if (put(fd, progress, end)) continue;
    if (errno != EAGAIN && errno != EINTR) return;
    pollfd wait{fd, POLLOUT, 0};
    ::poll(&wait, 1, 10);
    ++tries;
  }
}

Stop Line::write(std::vector<iovec>& parts, const std::vector<bool>& ends) {
  Progress progress{parts, ends};
  bool watch = true;
  while (!progress.done()) {
    if (put(fd_.get(), progress, parts.size())) {
      lastMove_ = now();
      continue;
    }
    if (errno != EAGAIN && errno != EINTR) return Stop::closed;
    const Wait state = wait(static_cast<short>(POLLOUT | (watch ? POLLIN : 0)));
    if (state == Wait::cancelled) finishPdu(fd_.get(), progress);
    if (state != Wait::ready) {
      atBoundary_ = progress.atBoundary();
      return state == Wait::cancelled ? Stop::cancelled : Stop::silent;
    }
    if (watch && abortWaits(watch)) return Stop::odd;
  }
  return Stop::done;
}

ssize_t Line::readParts(iovec* parts, int count) {
  msghdr message{};
  message.msg_iov = parts;
  message.msg_iovlen = static_cast<size_t>(count);
  const ssize_t got = ::recvmsg(fd_.get(), &message, MSG_DONTWAIT);
  if (got > 0) lastMove_ = now();
  if (got < 0) return errno == EAGAIN || errno == EINTR ? -1 : 0;
  return got;
}

ssize_t Line::read(uint8_t* into, size_t size) {
  iovec part{into, size};
  return readParts(&part, 1);
}

}  // namespace petrig::net
