#pragma once
// SHA-256 (FIPS 180-4), with the processor's own instructions where it has them.

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

namespace petrig::net {

class Sha256 {
 public:
  void update(const uint8_t* bytes, size_t count);
  /// In hexadecimal; the object is used up.
  std::string finish();
  /// False keeps to plain arithmetic: for tests.
  void useInstructions(bool use) { instructions_ = instructions_ && use; }

 private:
  void blocks(const uint8_t* bytes, size_t count);

  std::array<uint32_t, 8> state_{0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  std::array<uint8_t, 64> held_{};
  size_t heldBytes_ = 0;
  uint64_t total_ = 0;
  bool instructions_ = hasInstructions();

  static bool hasInstructions();
};

}  // namespace petrig::net
