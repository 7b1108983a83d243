#pragma once
// 32-bit list-mode words to counts. Words: event `0P` + 30-bit address; tags `100` time, `101` singles, `110` bed and gantry,
// `1110` gating, `1111 1111` checksum flag.

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "parallel.h"
#include "pet/geometry.h"

namespace petrig::pet {

enum class Word { prompt, delayed, time, singles, other, corrupt };

/// Class of one word by its bits alone (a time tag that runs backwards is told by its neighbours).
inline Word classify(uint32_t word) {
  if (word < 0x80000000u) {
    const uint32_t address = word & 0x3fffffffu;
    const bool prompt = (word & 0x40000000u) != 0;
    if (address >= kAddresses) return Word::corrupt;
    if (!prompt) return Word::delayed;
    return address < kBins * kTofBins ? Word::prompt : Word::corrupt;
  }
  switch (word >> 29) {
    case 4: return Word::time;
    case 5: return (word >> 19 & 0x3ff) < kBlocks ? Word::singles : Word::corrupt;
    case 6: return Word::other;
    default: return (word >> 28) == 0xe || (word >> 24) == 0xff ? Word::other : Word::corrupt;
  }
}

struct FrameScan {
  int64_t firstWord = 0, endWord = 0;  // words of the frame: [firstWord, endWord)
  int64_t prompts = 0, delayeds = 0, timeTags = 0, singlesTags = 0, otherTags = 0, corrupt = 0;
  int64_t backwardTags = 0;            // time tags below the one before: skipped, counted among corrupt too
  int64_t gaps = 0, missingMs = 0;     // jumps of more than 1 ms between time tags, and what they leave out
  int64_t firstMs = -1, lastMs = -1;
  std::array<double, kBlocks> singles{}, singlesTagsOf{};  // sums of tag values, and how many
};

/// Finds the frame [startMs, endMs) and counts what is in it. An event belongs to the last time tag before it;
/// before the first tag it belongs to 0 ms.
FrameScan scanFrame(const JobControl& job, std::span<const uint32_t> words, int64_t startMs, int64_t endMs);

/// Adds the events of `words` to dense sinograms [plane][angle][radial] ([tof] first when `tof`); an empty span is not filled.
/// Cells stop at 32767. Time tags are not looked at: hand in the words of one frame.
void histogram(const JobControl& job, std::span<const uint32_t> words, bool tof, std::span<int16_t> prompts,
               std::span<int16_t> delayeds);

/// Prompts by line (angle * 400 + radial); in a line the cells plane * tofBins + tof ascend, each once, with its count.
/// @param lineStart kAngles * kRadials + 1 entries
/// @returns number of cells written
int64_t sortEvents(const JobControl& job, std::span<const uint32_t> words, bool tof, std::span<uint32_t> lineStart,
                   std::span<uint16_t> cells, std::span<uint16_t> counts);

}  // namespace petrig::pet
