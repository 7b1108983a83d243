#include "net/heads.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "net/line.h"

namespace petrig::net {

namespace {

/// @return the file's size, or minus errno
double readHead(const std::string& path, std::span<uint8_t> into) {
  const Owned fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat is {};
  if (fd.get() < 0 || ::fstat(fd.get(), &is) != 0) return -errno;
  if (!S_ISREG(is.st_mode)) return -EINVAL;
  for (size_t got = 0; got < into.size();) {
    const ssize_t count = ::pread(fd.get(), into.data() + got, into.size() - got, static_cast<off_t>(got));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return -errno;
    if (count == 0) break;
    got += static_cast<size_t>(count);
  }
  return static_cast<double>(is.st_size);
}

}  // namespace

void readHeads(const std::vector<std::string>& paths, std::span<uint8_t> bytes, std::span<double> sizes) {
  const size_t each = paths.empty() ? 0 : bytes.size() / paths.size();
  for (size_t i = 0; i < paths.size(); ++i) sizes[i] = readHead(paths[i], bytes.subspan(i * each, each));
}

}  // namespace petrig::net
