#include "net/receive.h"

#include <poll.h>

#include <algorithm>
#include <vector>

namespace petrig::net {

namespace {

constexpr size_t kReadBytes = 256 * 1024;
constexpr size_t kHeader = 6;
constexpr uint8_t kDataPdu = 4;
/// Without a byte for so long a connection between messages goes back to the event loop, and a message that has begun, ms.
constexpr int kRestMs = 2000;
constexpr int kPauseMs = 20;

uint32_t littleEndian32(const uint8_t* at) {
  return uint32_t{at[3]} << 24 | uint32_t{at[2]} << 16 | uint32_t{at[1]} << 8 | uint32_t{at[0]};
}

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

}  // namespace

DatasetReader::DatasetReader(Line& line) : line_(line), bytes_(threadBuffer()) {}

ReceiveEnd DatasetReader::file(const ReceiveJob& job) {
  DatasetParser parser(job.framing, job.contextId, job.maxPdu, job.room);
  FileSink sink(job.sink);
  ReceiveEnd end;
  if (sink.error() == 0) sink.write(job.begin);
  end.why = sink.error() == 0 ? transfer(parser, sink) : Stop::file;
  if (end.why == Stop::done && !sink.commit(job.path)) end.why = Stop::file;
  if (end.why == Stop::done) end.checksum = sink.checksum();
  else sink.discard();
  end.size = sink.size();
  end.error = sink.error();
  end.framing = parser.framing();
  end.stays = job.stay && end.why == Stop::done && held_ == 0 && end.framing.bodyLeft == 0;
  if (!end.stays) end.unread = unread();
  return end;
}

/// Reads in large stretches, parses the headers between the fragments, and writes the rest as it lies.
Stop DatasetReader::transfer(DatasetParser& parser, FileSink& sink) {
  std::vector<iovec> parts;
  bool waiting = held_ == 0;
  for (;;) {
    if (waiting) {
      const ssize_t got = line_.read(bytes_.data() + held_, bytes_.size() - held_);
      if (got == 0) return Stop::closed;
      if (got < 0) {
        const Line::Wait state = line_.wait(POLLIN);
        if (state != Line::Wait::ready) return state == Line::Wait::cancelled ? Stop::cancelled : Stop::silent;
        continue;
      }
      held_ += static_cast<size_t>(got);
    }
    waiting = true;
    parts.clear();
    size_t used = 0;
    const auto state = parser.push({bytes_.data(), held_}, parts, used);
    sink.write(parts);
    std::copy(bytes_.begin() + static_cast<std::ptrdiff_t>(used), bytes_.begin() + static_cast<std::ptrdiff_t>(held_), bytes_.begin());
    held_ -= used;
    if (sink.error() != 0) return Stop::file;
    if (state == DatasetParser::State::ended) return Stop::done;
    if (state == DatasetParser::State::odd) return Stop::odd;
    if (line_.cancelled()) return Stop::cancelled;
  }
}

Ahead DatasetReader::ahead(uint32_t maxPdu) {
  for (;;) {
    const Opening opening = scanOpening({bytes_.data(), held_}, maxPdu);
    if (opening.kind == Opening::Kind::large) {
      Ahead found{.large = true, .why = Stop::done, .bytes = {}};
      const auto cut = bytes_.begin() + static_cast<std::ptrdiff_t>(opening.used);
      found.bytes.assign(bytes_.begin(), cut);
      std::copy(cut, bytes_.begin() + static_cast<std::ptrdiff_t>(held_), bytes_.begin());
      held_ -= opening.used;
      return found;
    }
    if (opening.kind == Opening::Kind::other || held_ == bytes_.size()) return {.large = false, .why = Stop::odd, .bytes = unread()};
    const ssize_t got = line_.read(bytes_.data() + held_, bytes_.size() - held_);
    if (got == 0) return {.large = false, .why = Stop::closed, .bytes = unread()};
    if (got > 0) {
      held_ += static_cast<size_t>(got);
      continue;
    }
    const Line::Wait state = line_.wait(POLLIN, held_ == 0 ? kRestMs : kPauseMs);
    if (state == Line::Wait::ready) continue;
    return {.large = false, .why = state == Line::Wait::cancelled ? Stop::cancelled : Stop::silent, .bytes = unread()};
  }
}

bool DatasetReader::readUntil(int fd) {
  bool more = true;
  for (;;) {
    const Line::Call call = line_.waitForCall(fd, more && held_ < bytes_.size());
    if (call != Line::Call::input) return call == Line::Call::called;
    const ssize_t got = line_.read(bytes_.data() + held_, bytes_.size() - held_);
    more = got != 0;  // the end of the stream shows again to who reads on
    if (got > 0) held_ += static_cast<size_t>(got);
  }
}

std::string DatasetReader::unread() {
  std::string rest(bytes_.begin(), bytes_.begin() + static_cast<std::ptrdiff_t>(held_));
  held_ = 0;
  return rest;
}

namespace {

/// Command Data Set Type (0000,0800) of a command set says that a dataset follows: PS3.7 E.1.
bool hasDataset(std::span<const uint8_t> command) {
  for (size_t at = 0; at + 8 <= command.size();) {
    const uint32_t length = littleEndian32(&command[at + 4]);
    if (length > command.size() - at - 8) return false;
    const bool found = command[at] == 0 && command[at + 1] == 0 && command[at + 2] == 0 && command[at + 3] == 8 && length == 2;
    if (found) return command[at + 8] != 1 || command[at + 9] != 1;
    at += 8 + length;
  }
  return false;
}

}  // namespace

Opening scanOpening(std::span<const uint8_t> bytes, uint32_t maxPdu) {
  using Kind = Opening::Kind;
  bool commanded = false;
  uint8_t contextId = 0;
  size_t counted = 0;
  for (size_t at = 0; bytes.size() - at >= kHeader;) {
    const uint32_t length = bigEndian32(&bytes[at + 2]);
    if (bytes[at] != kDataPdu || length < kHeader || length > maxPdu) return {Kind::other, 0, {}};
    at += kHeader;
    for (uint32_t body = length; body > 0;) {
      if (bytes.size() - at < kHeader) return {Kind::more, 0, {}};
      const uint8_t* header = &bytes[at];
      const uint32_t pdv = bigEndian32(header);
      if (pdv < 2 || body < kHeader || pdv > body - 4 || (body - 4 - pdv > 0 && body - 4 - pdv < kHeader)) return {Kind::other, 0, {}};
      const bool command = (header[5] & 1) != 0;
      const bool last = (header[5] & 2) != 0;
      at += kHeader;
      body -= 4 + pdv;
      const size_t there = std::min<size_t>(pdv - 2, bytes.size() - at);
      if (command) {
        // a command in several pieces is rare, and for others to judge
        if (commanded || !last) return {Kind::other, 0, {}};
        if (there < pdv - 2) return {Kind::more, 0, {}};
        if (!hasDataset(bytes.subspan(at, there))) return {Kind::other, 0, {}};
        commanded = true;
        contextId = header[4];
      } else {
        if (!commanded || header[4] != contextId) return {Kind::other, 0, {}};
        if (counted + there >= kAheadBytes && !(last && there == pdv - 2)) {
          const auto taken = static_cast<uint32_t>(kAheadBytes - counted);
          return {Kind::large, at + taken, {pdv - 2 - taken, last, body}};
        }
        counted += there;
        if (last && there == pdv - 2) return {Kind::other, 0, {}};
        if (there < pdv - 2) return {Kind::more, 0, {}};
      }
      at += there;
    }
  }
  return {Kind::more, 0, {}};
}

}  // namespace petrig::net
