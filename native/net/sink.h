#pragma once
// A file that takes its own name only when it is whole and on the disk.

#include <optional>
#include <string>
#include <vector>

#include "net/line.h"
#include "net/sha256.h"

namespace petrig::net {

/// How a sink writes its file.
struct SinkOptions {
  /// The file's name until it is whole.
  std::string temporary;
  /// Bytes of a file that stands ready under that name, all of them zero and on the disk; 0 for one that is to be made.
  uint64_t prepared = 0;
  /// A SHA-256 is wanted.
  bool hash = false;
};

class FileSink {
 public:
  /// Creates or opens the file; `error` tells.
  explicit FileSink(const SinkOptions& options);

  /// What went wrong first: errno, or 0.
  int error() const { return error_; }
  uint64_t size() const { return size_; }
  /// SHA-256 of all that was written, in hexadecimal; empty when it was not wanted. Once.
  std::string checksum() { return hash_ ? hash_->finish() : std::string(); }

  /// Appends. The system is told to begin with the disk at once, so that little is left to wait for at the end.
  void write(std::vector<iovec>& parts);
  void write(const std::string& bytes);

  /// Makes the file durable, and known under `path`. @return false when that failed
  bool commit(const std::string& path);
  /// Removes the file.
  void discard();

 private:
  bool check(int result);
  void put(std::vector<iovec>& parts);
  void startWriteBack();
  bool commitPrepared();

  std::string temporary_;
  uint64_t prepared_;
  std::optional<Sha256> hash_;
  Owned fd_;
  uint64_t size_ = 0;
  uint64_t started_ = 0;
  uint32_t crc_ = 0;
  int error_ = 0;
};

}  // namespace petrig::net
