#pragma once
// A TCP connection that a thread works on while the event loop leaves it alone, and the DICOM framing around it (PS3.8 9.3).

#include <sys/uio.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace petrig::net {

/// Why a thread gives a connection back.
enum class Stop : int {
  done = 0,       // everything asked for is done
  answer = 1,     // the peer answered something but success
  odd = 2,        // the peer sent what only the protocol machine can judge: it lies in `unread`
  closed = 3,     // end of the stream, or an error of the socket
  silent = 4,     // no byte moved for the network timeout
  unanswered = 5, // no response within its time
  cancelled = 6,
  file = 7,       // the local file failed: `error`
};

/// A descriptor that closes itself.
class Owned {
 public:
  explicit Owned(int fd = -1) : fd_(fd) {}
  Owned(Owned&& other) noexcept : fd_(other.fd_) { other.fd_ = -1; }
  Owned& operator=(Owned&& other) noexcept;
  Owned(const Owned&) = delete;
  Owned& operator=(const Owned&) = delete;
  ~Owned();
  int get() const { return fd_; }

 private:
  int fd_;
};

/// A second descriptor of the same connection: the first's number may become another file's while a thread uses it.
/// @throws std::runtime_error
Owned duplicate(int fd);

/// Set once, from any thread; a poll sees it.
class Cancel {
 public:
  /// @throws std::runtime_error
  Cancel();
  void set();
  int fd() const { return event_.get(); }
  bool isSet() const;

 private:
  Owned event_;
};

inline constexpr size_t kPdvHeader = 12;

/// The 12 bytes before a fragment of `length` bytes that is alone in its P-DATA-TF.
void putPdvHeader(uint8_t* at, uint8_t contextId, bool command, bool last, uint32_t length);
uint32_t bigEndian32(const uint8_t* at);
void putBigEndian32(uint8_t* at, uint32_t value);

/// One end of a connection, non-blocking, with a limit on silence.
class Line {
 public:
  Line(Owned fd, const Cancel& cancel, int silenceMs);

  enum class Wait { ready, silent, cancelled };
  /// Waits for POLLIN or POLLOUT. Silence counts from the last byte that moved, also those that the peer takes from our send buffer.
  Wait wait(short events, int limitMs = -1);

  enum class Call { input, called, cancelled };
  /// Waits without limit until `fd` is readable, which wins, or, if wanted, until there is something to read.
  Call waitForCall(int fd, bool input);

  /// Writes parts whole, in order. `ends[i]` says that a PDU ends with part i: a cancelled write goes on to the next end when the peer
  /// lets it, and `atBoundary` tells. Watches for an A-ABORT meanwhile.
  Stop write(std::vector<iovec>& parts, const std::vector<bool>& ends);
  bool atBoundary() const { return atBoundary_; }
  bool cancelled() const { return cancel_.isSet(); }

  /// Reads what is there, up to `size`. @return bytes, 0 at the end of the stream or an error, -1 when nothing is there yet
  ssize_t read(uint8_t* into, size_t size);
  ssize_t readParts(iovec* parts, int count);

 private:
  bool abortWaits(bool& watch) const;
  int64_t now() const;
  bool queueMoved();

  Owned fd_;
  const Cancel& cancel_;
  int silenceMs_;
  int64_t lastMove_;
  int queued_ = 0;
  bool atBoundary_ = true;
};

}  // namespace petrig::net
