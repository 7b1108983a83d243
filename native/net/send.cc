#include "net/send.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace petrig::net {

namespace {

constexpr size_t kWindowBytes = 1 << 20;
/// Fragments of a window: bounds the work for a peer that takes tiny PDUs.
constexpr size_t kMostFragments = 256;
/// A response is a few hundred bytes; one that is longer is for the protocol machine.
constexpr size_t kAnswerBytes = 4096;
constexpr uint16_t kStoreResponse = 0x8001;
constexpr uint16_t kNoDataset = 0x0101;

uint32_t littleEndian(std::string_view bytes, size_t at, int count) {
  uint32_t value = 0;
  for (int i = count; i-- > 0;) value = value << 8 | static_cast<uint8_t>(bytes[at + static_cast<size_t>(i)]);
  return value;
}

/// A job's file: a window of its dataset in memory, the next one read when this one is out.
class Outgoing {
 public:
  /// Opens the file and reads the first window; a failure shows in `failed`.
  void open(const SendJob& job, uint32_t fragment) {
    job_ = &job;
    fragment_ = fragment;
    read_ = 0;
    failed_ = false;
    error_ = 0;
    fd_ = Owned(::open(job.path.c_str(), O_RDONLY | O_CLOEXEC));
    struct stat is {};
    if (fd_.get() < 0 || ::fstat(fd_.get(), &is) != 0) return fail(errno);
    if (static_cast<uint64_t>(is.st_size) < job.offset + job.length) return fail(0);
    next();
  }

  void close() {
    fd_ = Owned();
    job_ = nullptr;
  }

  bool isFor(const SendJob& job) const { return job_ == &job; }
  bool failed() const { return failed_; }
  int error() const { return error_; }
  bool more() const { return read_ < job_->length; }

  /// Reads the next window.
  void next() {
    const size_t most = fragment_ * std::clamp<size_t>(kWindowBytes / fragment_, 1, kMostFragments);
    size_ = static_cast<size_t>(std::min<uint64_t>(most, job_->length - read_));
    if (bytes_.size() < size_) bytes_.resize(size_);
    for (size_t got = 0; got < size_;) {
      const ssize_t count = ::pread(fd_.get(), bytes_.data() + got, size_ - got, static_cast<off_t>(job_->offset + read_ + got));
      if (count < 0 && errno == EINTR) continue;
      if (count <= 0) return fail(count < 0 ? errno : 0);
      got += static_cast<size_t>(count);
    }
    read_ += size_;
  }

  /// The window as P-DATA-TF PDUs.
  void frame(std::vector<iovec>& parts, std::vector<bool>& ends) {
    const size_t count = std::max<size_t>(1, (size_ + fragment_ - 1) / fragment_);
    headers_.resize(count * kPdvHeader);
    for (size_t i = 0; i < count; ++i) {
      const size_t begin = i * fragment_;
      const size_t length = std::min<size_t>(fragment_, size_ - begin);
      uint8_t* header = headers_.data() + i * kPdvHeader;
      putPdvHeader(header, job_->contextId, false, !more() && i + 1 == count, static_cast<uint32_t>(length));
      parts.push_back({header, kPdvHeader});
      ends.push_back(length == 0);
      if (length == 0) continue;
      parts.push_back({bytes_.data() + begin, length});
      ends.push_back(true);
    }
  }

 private:
  void fail(int error) {
    failed_ = true;
    error_ = error;
  }

  const SendJob* job_ = nullptr;
  Owned fd_;
  uint32_t fragment_ = 0;
  uint64_t read_ = 0;
  size_t size_ = 0;
  bool failed_ = false;
  int error_ = 0;
  std::vector<uint8_t> bytes_;
  std::vector<uint8_t> headers_;
};

class Sending {
 public:
  Sending(const std::vector<SendJob>& jobs, const SendLimits& limits, Line& line, const OnAnswer& onAnswer)
      : jobs_(jobs), limits_(limits), line_(line), onAnswer_(onAnswer), fragment_((limits.pduLength - 6) & ~1u) {}

  SendEnd run() {
    SendEnd end;
    for (; end.job < jobs_.size() && end.why == Stop::done; end.job += end.why == Stop::done) {
      const SendJob& job = jobs_[end.job];
      Outgoing& file = files_[end.job % 2];
      if (!file.isFor(job)) file.open(job, fragment_);
      end.begun = !file.failed();
      end.error = file.error();
      end.why = file.failed() ? Stop::file : request(job, file, end);
      end.whole = end.why == Stop::done;
      if (end.whole) end.why = answer(end.job);
      file.close();
    }
    end.atBoundary = end.atBoundary && line_.atBoundary();
    end.unread = std::move(held_);
    return end;
  }

 private:
  Stop request(const SendJob& job, Outgoing& file, SendEnd& end) {
    std::vector<iovec> parts{{const_cast<char*>(job.command.data()), job.command.size()}};
    std::vector<bool> ends{true};
    for (;;) {
      file.frame(parts, ends);
      const Stop why = line_.write(parts, ends);
      if (why != Stop::done || !file.more()) return why;
      if (line_.cancelled()) return Stop::cancelled;
      file.next();
      if (file.failed()) {
        end.error = file.error();
        return Stop::file;
      }
      parts.clear();
      ends.clear();
    }
  }

  Stop answer(size_t index) {
    // the peer is busy with what it has: time to read what comes next
    if (index + 1 < jobs_.size()) files_[(index + 1) % 2].open(jobs_[index + 1], fragment_);
    for (;;) {
      const Stop why = judge(index);
      if (why != Stop::unanswered) return why;
      const Line::Wait state = line_.wait(POLLIN, limits_.responseMs);
      if (state != Line::Wait::ready) return state == Line::Wait::cancelled ? Stop::cancelled : Stop::unanswered;
      uint8_t bytes[kAnswerBytes];
      const ssize_t got = line_.read(bytes, sizeof bytes);
      if (got == 0) return Stop::closed;
      if (got > 0) held_.append(reinterpret_cast<char*>(bytes), static_cast<size_t>(got));
    }
  }

  /// Takes the response out of what is held; Stop::unanswered while it is not whole.
  Stop judge(size_t index) {
    if (held_.size() < kPdvHeader) return !held_.empty() && held_[0] != 4 ? Stop::odd : Stop::unanswered;
    const auto* head = reinterpret_cast<const uint8_t*>(held_.data());
    const uint32_t length = bigEndian32(head + 2);
    const bool alone = head[0] == 4 && length > 6 && length <= kAnswerBytes && bigEndian32(head + 6) == length - 4;
    if (!alone || head[10] != jobs_[index].contextId || (head[11] & 3) != 3) return Stop::odd;
    if (held_.size() < 6 + length) return Stop::unanswered;
    const std::string command = held_.substr(kPdvHeader, length - 6);
    const int status = storeStatus(command, jobs_[index].messageId);
    if (status < 0) return Stop::odd;
    held_.erase(0, 6 + length);
    onAnswer_(index, command);
    if (status != 0) return Stop::answer;
    return held_.empty() ? Stop::done : Stop::odd;
  }

  const std::vector<SendJob>& jobs_;
  const SendLimits& limits_;
  Line& line_;
  const OnAnswer& onAnswer_;
  uint32_t fragment_;
  Outgoing files_[2];
  std::string held_;
};

}  // namespace

int storeStatus(std::string_view command, uint16_t messageId) {
  int field = -1, answered = -1, dataset = -1, status = -1;
  for (size_t at = 0; at < command.size();) {
    if (command.size() - at < 8) return -1;
    const uint32_t group = littleEndian(command, at, 2), element = littleEndian(command, at + 2, 2);
    const uint32_t length = littleEndian(command, at + 4, 4);
    at += 8;
    if (group != 0 || command.size() - at < length) return -1;
    const int value = length == 2 ? static_cast<int>(littleEndian(command, at, 2)) : -1;
    if (element == 0x0100) field = value;
    if (element == 0x0120) answered = value;
    if (element == 0x0800) dataset = value;
    if (element == 0x0900) status = value;
    at += length;
  }
  return field == kStoreResponse && answered == messageId && dataset == kNoDataset ? status : -1;
}

SendEnd sendFiles(const std::vector<SendJob>& jobs, const SendLimits& limits, Line& line, const OnAnswer& onAnswer) {
  return Sending(jobs, limits, line, onAnswer).run();
}

}  // namespace petrig::net
