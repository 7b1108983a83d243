#include "net/receive.h"

#include <poll.h>

#include <algorithm>
#include <vector>

namespace petrig::net {

namespace {

constexpr size_t kReadBytes = 256 * 1024;
constexpr size_t kHeader = 6;
constexpr uint8_t kDataPdu = 4;

}  // namespace

/// @return false for a fragment that is not the dataset's next one
bool DatasetParser::startPdv(const uint8_t* header) {
  const uint32_t length = bigEndian32(header);
  if (length < 2 || framing_.bodyLeft < 4 || length > framing_.bodyLeft - 4) return false;
  const uint32_t after = framing_.bodyLeft - 4 - length;
  if (header[4] != contextId_ || (header[5] & 1) != 0 || length - 2 > room_ || (after > 0 && after < kHeader)) return false;
  framing_ = {length - 2, (header[5] & 2) != 0, after};
  room_ -= length - 2;
  return true;
}

DatasetParser::State DatasetParser::push(std::span<uint8_t> bytes, std::vector<iovec>& parts, size_t& used) {
  used = 0;
  for (;;) {
    const size_t left = bytes.size() - used;
    if (framing_.pdvLeft > 0) {
      const size_t length = std::min<size_t>(framing_.pdvLeft, left);
      if (length == 0) return State::more;
      parts.push_back({bytes.data() + used, length});
      used += length;
      framing_.pdvLeft -= static_cast<uint32_t>(length);
      if (framing_.pdvLeft == 0 && framing_.last) return State::ended;
      continue;
    }
    if (left < kHeader) return State::more;
    const uint8_t* header = bytes.data() + used;
    if (framing_.bodyLeft > 0) {
      if (!startPdv(header)) return State::odd;
      used += kHeader;
      if (framing_.pdvLeft == 0 && framing_.last) return State::ended;
      continue;
    }
    const uint32_t length = bigEndian32(header + 2);
    if (header[0] != kDataPdu || length < kHeader || length > maxPdu_) return State::odd;
    framing_ = {0, false, length};
    used += kHeader;
  }
}

namespace {

/// Kept by a thread from one object to the next: fresh memory of this size costs more than the parsing.
std::vector<uint8_t>& threadBuffer() {
  thread_local std::vector<uint8_t> bytes(kReadBytes);
  return bytes;
}

/// One transfer: reads in large stretches, parses the headers between the fragments, and writes the rest as it lies.
class Receiving {
 public:
  Receiving(const ReceiveJob& job, Line& line)
      : job_(job), line_(line), parser_(job.framing, job.contextId, job.maxPdu, job.room), bytes_(threadBuffer()) {}

  ReceiveEnd run() {
    FileSink sink(job_.sink);
    ReceiveEnd end;
    if (sink.error() == 0) sink.write(job_.begin);
    end.why = sink.error() == 0 ? transfer(sink) : Stop::file;
    if (end.why == Stop::done && !sink.commit(job_.path)) end.why = Stop::file;
    if (end.why == Stop::done) end.checksum = sink.checksum();
    else sink.discard();
    end.size = sink.size();
    end.error = sink.error();
    end.framing = parser_.framing();
    end.unread.assign(bytes_.begin(), bytes_.begin() + static_cast<std::ptrdiff_t>(held_));
    return end;
  }

 private:
  Stop transfer(FileSink& sink) {
    std::vector<iovec> parts;
    for (;;) {
      const ssize_t got = line_.read(bytes_.data() + held_, bytes_.size() - held_);
      if (got == 0) return Stop::closed;
      if (got < 0) {
        const Line::Wait state = line_.wait(POLLIN);
        if (state != Line::Wait::ready) return state == Line::Wait::cancelled ? Stop::cancelled : Stop::silent;
        continue;
      }
      parts.clear();
      const size_t filled = held_ + static_cast<size_t>(got);
      size_t used = 0;
      const auto state = parser_.push({bytes_.data(), filled}, parts, used);
      sink.write(parts);
      std::copy(bytes_.begin() + static_cast<std::ptrdiff_t>(used), bytes_.begin() + static_cast<std::ptrdiff_t>(filled), bytes_.begin());
      held_ = filled - used;
      if (sink.error() != 0) return Stop::file;
      if (state == DatasetParser::State::ended) return Stop::done;
      if (state == DatasetParser::State::odd) return Stop::odd;
      if (line_.cancelled()) return Stop::cancelled;
    }
  }

  const ReceiveJob& job_;
  Line& line_;
  DatasetParser parser_;
  std::vector<uint8_t>& bytes_;
  size_t held_ = 0;
};

}  // namespace

ReceiveEnd receiveFile(const ReceiveJob& job, Line& line) { return Receiving(job, line).run(); }

}  // namespace petrig::net
