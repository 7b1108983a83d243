#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include "case.h"
#include "pty/pump.h"

namespace {

using petrig::pty::Descriptor;

/// Writes 200 kB into one end, reads them at the other, and returns the sum of what came.
double cross(const std::string& from, const std::string& to) {
  const Descriptor in(open(from.c_str(), O_RDWR | O_NOCTTY | O_NONBLOCK));
  const Descriptor out(open(to.c_str(), O_RDWR | O_NOCTTY | O_NONBLOCK));
  constexpr size_t kBytes = 200'000;
  size_t written = 0, read = 0;
  double sum = 0;
  while (read < kBytes) {
    uint8_t bytes[777];
    for (size_t i = 0; i < sizeof bytes; ++i) bytes[i] = static_cast<uint8_t>((written + i) % 251);
    const ssize_t put = written < kBytes ? write(in.get(), bytes, std::min(sizeof bytes, kBytes - written)) : 0;
    if (put > 0) written += static_cast<size_t>(put);
    pollfd wait{out.get(), POLLIN, 0};
    poll(&wait, 1, 100);
    const ssize_t got = ::read(out.get(), bytes, sizeof bytes);
    for (ssize_t i = 0; i < got; ++i) {
      driver::expect(bytes[i] == (read + static_cast<size_t>(i)) % 251, "bytes arrive in order");
      sum += bytes[i];
    }
    if (got > 0) read += static_cast<size_t>(got);
  }
  return sum;
}

const driver::Register pairs("pty pairs opened, used and closed", [](const petrig::JobControl&) {
  std::vector<double> sums;
  petrig::pty::Pump pump;
  for (int round = 0; round < 3; ++round) {
    std::string a1, b1, a2, b2;
    const uint32_t first = pump.open(a1, b1);
    const uint32_t second = pump.open(a2, b2);
    sums.push_back(cross(a1, b1));
    pump.close(first);
    sums.push_back(cross(b2, a2));
    if (round < 2) pump.close(second);  // the last one is left to the destructor
  }
  return sums;
});

}  // namespace
