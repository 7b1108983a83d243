#pragma once
// A file that takes its own name only when it is whole and on the disk.

#include <optional>
#include <string>
#include <vector>

#include "net/line.h"
#include "net/sha256.h"

namespace petrig::net {

class FileSink {
 public:
  /// Creates the file; `error` tells. @param hash a checksum is wanted
  FileSink(std::string temporary, bool hash);

  /// What went wrong first: errno, or 0.
  int error() const { return error_; }
  uint64_t size() const { return size_; }
  /// SHA-256 of all that was written, in hexadecimal; empty when it was not wanted. Once.
  std::string checksum() { return hash_ ? hash_->finish() : std::string(); }

  /// Appends. The system is told to begin with the disk at once, so that little is left to wait for at the end.
  void write(std::vector<iovec>& parts);
  void write(const std::string& bytes);

  /// Makes the file durable under `path`. @return false when that failed
  bool commit(const std::string& path);
  /// Removes the file.
  void discard();

 private:
  bool check(int result);
  void startWriteBack();

  std::string temporary_;
  std::optional<Sha256> hash_;
  Owned fd_;
  uint64_t size_ = 0;
  uint64_t started_ = 0;
  int error_ = 0;
};

}  // namespace petrig::net
