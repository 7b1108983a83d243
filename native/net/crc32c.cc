#include "net/crc32c.h"

#include <array>
#include <cstring>

#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

namespace petrig::net {

namespace {

constexpr uint32_t kPolynomial = 0x82f63b78;  // 0x1edc6f41, bits reversed

constexpr std::array<uint32_t, 256> makeTable() {
  std::array<uint32_t, 256> table{};
  for (uint32_t byte = 0; byte < 256; ++byte) {
    uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc & 1) != 0 ? (crc >> 1) ^ kPolynomial : crc >> 1;
    table[byte] = crc;
  }
  return table;
}

constexpr auto kTable = makeTable();

uint32_t plain(uint32_t crc, const uint8_t* bytes, size_t count) {
  for (size_t i = 0; i < count; ++i) crc = (crc >> 8) ^ kTable[(crc ^ bytes[i]) & 0xff];
  return crc;
}

#if defined(__x86_64__)

__attribute__((target("sse4.2"))) uint32_t fast(uint32_t crc, const uint8_t* bytes, size_t count) {
  uint64_t wide = crc;
  for (; count >= sizeof wide; count -= sizeof wide, bytes += sizeof wide) {
    uint64_t next = 0;
    std::memcpy(&next, bytes, sizeof next);
    wide = _mm_crc32_u64(wide, next);
  }
  return plain(static_cast<uint32_t>(wide), bytes, count);
}

uint32_t any(uint32_t crc, const uint8_t* bytes, size_t count) {
  static const bool quick = __builtin_cpu_supports("sse4.2") != 0;
  return quick ? fast(crc, bytes, count) : plain(crc, bytes, count);
}

#else

uint32_t any(uint32_t crc, const uint8_t* bytes, size_t count) { return plain(crc, bytes, count); }

#endif

}  // namespace

uint32_t crc32c(uint32_t before, const uint8_t* bytes, size_t count) { return ~any(~before, bytes, count); }

}  // namespace petrig::net
