#pragma once
// CRC-32C (Castagnoli), RFC 3720 appendix B.4: what tells a whole prepared file from one that a power failure cut.

#include <cstddef>
#include <cstdint>

namespace petrig::net {

/// The checksum of the bytes before, which is 0 at the start, and these.
uint32_t crc32c(uint32_t before, const uint8_t* bytes, size_t count);

}  // namespace petrig::net
