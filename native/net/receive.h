#pragma once
// The dataset of one C-STORE request from a connection into a file: PS3.8 9.3.5, PS3.7 9.3.1.

#include <cstdint>
#include <span>
#include <string>
#include <vector>

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
  /// The reader keeps the connection when the file is done.
  bool stay = false;
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
  /// The reader is between messages, and goes on to read.
  bool stays = false;
};

/// How the next message begins.
struct Ahead {
  /// A request and more than kAheadBytes of its dataset are there; else `bytes` is all that was read, whatever it is.
  bool large = false;
  Stop why = Stop::odd;
  std::string bytes;
};

/// Bytes of a dataset that are there before it is told: what takes less is handed over whole.
inline constexpr size_t kAheadBytes = 40 * 1024;

/// What stands at the begin of a stream of messages.
struct Opening {
  enum class Kind { more, large, other };
  Kind kind = Kind::more;
  /// Of a large one: bytes up to kAheadBytes of its dataset, and where the stream stands behind them.
  size_t used = 0;
  Framing framing;
};

Opening scanOpening(std::span<const uint8_t> bytes, uint32_t maxPdu);

/// Takes datasets out of a connection, one after the other.
class DatasetReader {
 public:
  explicit DatasetReader(Line& line);

  /// Receives the rest of a dataset. When it ends with Stop::done the file is durable, and known under its own name; else there is none.
  ReceiveEnd file(const ReceiveJob& job);
  /// Waits for the next message, not for long.
  Ahead ahead(uint32_t maxPdu);
  /// Reads on until `fd` is readable. @return false when it was cancelled
  bool readUntil(int fd);
  /// What was read and not used. Once.
  std::string unread();

 private:
  Stop transfer(DatasetParser& parser, FileSink& sink);

  Line& line_;
  std::vector<uint8_t>& bytes_;
  size_t held_ = 0;
};

}  // namespace petrig::net
