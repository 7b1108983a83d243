#include "net/sink.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "net/crc32c.h"

namespace petrig::net {

namespace {

constexpr size_t kMostParts = 512;
/// Bytes that wait before the disk is told to begin: what it writes while more comes need not be waited for at the end, and smaller
/// pieces cost more than they win.
constexpr uint64_t kWriteBack = 128 * 1024;
/// What stands behind the content of a prepared file: begin, its bytes (8) and CRC-32C (4), little endian, end. No zero comes after.
constexpr uint64_t kTail = 24;
constexpr char kTailBegin[] = "PETRIGPF";
constexpr char kTailEnd[] = "FPGR";

std::string folderOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? "." : path.substr(0, std::max<size_t>(slash, 1));
}

}  // namespace

FileSink::FileSink(const SinkOptions& options) : temporary_(options.temporary), prepared_(options.prepared) {
  if (options.hash) hash_.emplace();
  const int flags = prepared_ > 0 ? O_WRONLY | O_CLOEXEC : O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC;
  int fd = ::open(temporary_.c_str(), flags, 0666);
  if (fd < 0 && errno == ENOENT && prepared_ == 0) {
    std::error_code ignored;  // open says what is wrong
    std::filesystem::create_directories(folderOf(temporary_), ignored);
    fd = ::open(temporary_.c_str(), flags, 0666);
  }
  check(fd);
  fd_ = Owned(fd);
}

bool FileSink::check(int result) {
  if (result < 0 && error_ == 0) error_ = errno;
  return result >= 0;
}

void FileSink::write(const std::string& bytes) {
  std::vector<iovec> parts{{const_cast<char*>(bytes.data()), bytes.size()}};
  write(parts);
}

void FileSink::write(std::vector<iovec>& parts) {
  for (const iovec& part : parts) {
    const auto* bytes = static_cast<const uint8_t*>(part.iov_base);
    if (hash_) hash_->update(bytes, part.iov_len);
    if (prepared_ > 0) crc_ = crc32c(crc_, bytes, part.iov_len);
  }
  put(parts);
  if (size_ - started_ >= kWriteBack) startWriteBack();
}

void FileSink::put(std::vector<iovec>& parts) {
  for (size_t at = 0; at < parts.size() && error_ == 0;) {
    const auto count = static_cast<int>(std::min(parts.size() - at, kMostParts));
    ssize_t put = ::writev(fd_.get(), &parts[at], count);
    if (put < 0 && errno == EINTR) continue;
    if (!check(static_cast<int>(std::min<ssize_t>(put, 1)))) return;
    size_ += static_cast<uint64_t>(put);
    for (; at < parts.size() && static_cast<size_t>(put) >= parts[at].iov_len; ++at) put -= static_cast<ssize_t>(parts[at].iov_len);
    if (put == 0) continue;
    parts[at].iov_base = static_cast<uint8_t*>(parts[at].iov_base) + put;
    parts[at].iov_len -= static_cast<size_t>(put);
  }
}

/// A hint: a file system that does not know it writes everything in `commit`.
void FileSink::startWriteBack() {
  ::sync_file_range(fd_.get(), static_cast<off64_t>(started_), static_cast<off64_t>(size_ - started_), SYNC_FILE_RANGE_WRITE);
  started_ = size_;
}

bool FileSink::commit(const std::string& path) {
  if (prepared_ >= size_ + kTail) return commitPrepared() && check(::rename(temporary_.c_str(), path.c_str()));
  if (prepared_ > size_ && !check(::ftruncate(fd_.get(), static_cast<off_t>(size_)))) return false;
  // The bytes and the file's length are with the disk before the name can be; then one fsync, one journal commit, makes both last
  // (ext4, XFS, btrfs: a rename is in the log of the file that it names). A crash leaves the temporary name, or the whole file under its own.
  const unsigned wait = SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER;
  if (::sync_file_range(fd_.get(), 0, 0, wait) != 0 && !check(::fdatasync(fd_.get()))) return false;
  return check(::rename(temporary_.c_str(), path.c_str())) && check(::fsync(fd_.get()));
}

/// The blocks and the length of a prepared file are on the disk already: only its content has to follow, and no journal. The length
/// and the name change afterwards, in the system's own time; until then the tail tells what a crash leaves under the prepared name.
bool FileSink::commitPrepared() {
  uint8_t tail[kTail];
  const uint64_t size = size_;
  const uint32_t crc = crc_;
  std::memcpy(tail, kTailBegin, 8);
  for (int i = 0; i < 8; ++i) tail[8 + i] = static_cast<uint8_t>(size >> (8 * i));
  for (int i = 0; i < 4; ++i) tail[16 + i] = static_cast<uint8_t>(crc >> (8 * i));
  std::memcpy(tail + 20, kTailEnd, 4);
  std::vector<iovec> parts{{tail, sizeof tail}};
  put(parts);
  size_ = size;
  return error_ == 0 && check(::fdatasync(fd_.get())) && check(::ftruncate(fd_.get(), static_cast<off_t>(size)));
}

void FileSink::discard() {
  fd_ = Owned();
  ::unlink(temporary_.c_str());
}

}  // namespace petrig::net
