#pragma once
// The first bytes of many files in one go: what sending them begins with.

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace petrig::net {

/// Reads the first bytes of each file into its stretch of `bytes`, which holds `bytes.size() / paths.size()` for each.
/// @param sizes of the whole files; a file that cannot be read has minus its errno there
void readHeads(const std::vector<std::string>& paths, std::span<uint8_t> bytes, std::span<double> sizes);

}  // namespace petrig::net
