#pragma once
// The dataset of one C-STORE request from a connection into a file: PS3.8 9.3.5, PS3.7 9.3.1.

#include <cstdint>
#include <span>
#include <string>

#include "net/line.h"
#include "net/sink.h"

namespace petrig::net {

/// Where a stream of P-DATA-TF PDUs stands: within a fragment, before the next fragment of a PDU, or between PDUs.
struct Framing {
  /// Bytes of the fragment that are still to come.
  uint32_t pdvLeft = 0;
  /// The fragment is the dataset's last.
  bool last = false;
  /// Bytes of the PDU after the fragment.
  uint32_t bodyLeft = 0;
};

/// Takes the bytes of one dataset out of a stream. Stops before a header that is not of that dataset or breaks a rule: what is wrong
/// with it the protocol machine says.
class DatasetParser {
 public:
  /// @param room bytes of the dataset that are still taken
  DatasetParser(const Framing& framing, uint8_t contextId, uint32_t maxPdu, uint64_t room)
      : framing_(framing), contextId_(contextId), maxPdu_(maxPdu), room_(room) {}

  enum class State { more, ended, odd };
  /// Gathers the dataset's stretches of `bytes` in `parts`. @param used of the bytes; the rest is the begin of a header, or not ours
  State push(std::span<uint8_t> bytes, std::vector<iovec>& parts, size_t& used);
  const Framing& framing() const { return framing_; }

 private:
  bool startPdv(const uint8_t* header);

  Framing framing_;
  uint8_t contextId_;
  uint32_t maxPdu_;
  uint64_t room_;
};

struct ReceiveJob {
  /// The name that the file takes when it is whole and on the disk.
  std::string path;
  SinkOptions sink;
  /// The file's first bytes: meta information and what has come of the dataset.
  std::string begin;
  Framing framing;
  uint8_t contextId = 0;
  uint32_t maxPdu = 0;
  uint64_t room = 0;
  int silenceMs = 0;
};

struct ReceiveEnd {
  Stop why = Stop::done;
  /// Bytes of the file, and its SHA-256 when that was wanted.
  uint64_t size = 0;
  std::string checksum;
  /// errno, for Stop::file.
  int error = 0;
  Framing framing;
  std::string unread;
};

/// Receives the rest of a dataset. When it ends with Stop::done the file is durable under its own name; else there is no file.
ReceiveEnd receiveFile(const ReceiveJob& job, Line& line);

}  // namespace petrig::net
