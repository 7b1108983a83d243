#include "pet/listmode.h"

#include <algorithm>
#include <atomic>
#include <limits>
#include <stdexcept>

namespace petrig::pet {
namespace {

constexpr int64_t kChunk = 1 << 18;
constexpr int kLines = kAngles * kRadials;

constexpr uint32_t timeOf(uint32_t word) { return word & 0x1fffffffu; }

/// Words of [startMs, endMs): time tags are in order, stray ones that run backwards are ignored.
void findFrame(std::span<const uint32_t> words, int64_t startMs, int64_t endMs, FrameScan& scan) {
  const auto size = static_cast<int64_t>(words.size());
  int64_t now = 0;
  int64_t first = startMs <= 0 ? 0 : size, end = size;
  for (int64_t i = 0; i < size; ++i) {
    if (words[i] >> 29 != 4 || timeOf(words[i]) < now) continue;
    now = timeOf(words[i]);
    if (first == size && now >= startMs) first = i;
    if (now >= endMs) {
      end = i;
      break;
    }
  }
  scan.firstWord = std::min(first, end);
  scan.endWord = end;
}

void noteTime(FrameScan& scan, int64_t ms) {
  if (scan.lastMs >= 0 && ms < scan.lastMs) {
    ++scan.backwardTags;
    ++scan.corrupt;
    return;
  }
  ++scan.timeTags;
  if (scan.firstMs < 0) scan.firstMs = ms;
  if (scan.lastMs >= 0 && ms > scan.lastMs + 1) {
    ++scan.gaps;
    scan.missingMs += ms - scan.lastMs - 1;
  }
  scan.lastMs = ms;
}

void countChunk(std::span<const uint32_t> words, FrameScan& scan) {
  for (const uint32_t word : words) {
    switch (classify(word)) {
      case Word::prompt: ++scan.prompts; break;
      case Word::delayed: ++scan.delayeds; break;
      case Word::time: break;
      case Word::singles: {
        ++scan.singlesTags;
        const uint32_t block = word >> 19 & 0x3ff;
        scan.singles[block] += word & 0x7ffff;
        ++scan.singlesTagsOf[block];
        break;
      }
      case Word::other: ++scan.otherTags; break;
      case Word::corrupt: ++scan.corrupt; break;
    }
  }
}

void addCounts(FrameScan& to, const FrameScan& from) {
  to.prompts += from.prompts;
  to.delayeds += from.delayeds;
  to.singlesTags += from.singlesTags;
  to.otherTags += from.otherTags;
  to.corrupt += from.corrupt;
  for (int b = 0; b < kBlocks; ++b) {
    to.singles[b] += from.singles[b];
    to.singlesTagsOf[b] += from.singlesTagsOf[b];
  }
}

void increment(int16_t& cell) {
  std::atomic_ref<int16_t> shared(cell);
  if (shared.load(std::memory_order_relaxed) < std::numeric_limits<int16_t>::max() - 64) {
    shared.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  // close to full: only steps that cannot pass the limit
  int16_t seen = shared.load(std::memory_order_relaxed);
  while (seen < std::numeric_limits<int16_t>::max() && !shared.compare_exchange_weak(seen, static_cast<int16_t>(seen + 1))) {
  }
}

struct Cell {
  int line;
  uint16_t cell;
};

Cell cellOf(uint32_t word, bool tof) {
  const uint32_t address = word & 0x3fffffffu;
  const auto t = static_cast<int>(address / kBins);
  const BinIndex at = unpackBin(address % kBins);
  return {at.angle * kRadials + at.radial, static_cast<uint16_t>(tof ? at.plane * kTofBins + t : at.plane)};
}

/// Where each line's prompts begin once they are ordered by line: kLines + 1 entries.
std::vector<uint32_t> countLines(const JobControl& job, std::span<const uint32_t> words, bool tof) {
  std::vector<uint32_t> start(kLines + 1, 0);
  parallelFor(job, static_cast<int64_t>(words.size()), kChunk, [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; ++i) {
      if (classify(words[i]) != Word::prompt) continue;
      std::atomic_ref<uint32_t>(start[cellOf(words[i], tof).line + 1]).fetch_add(1, std::memory_order_relaxed);
    }
  }, 0, 0.3);
  for (int line = 0; line < kLines; ++line) start[line + 1] += start[line];
  return start;
}

/// Cells of the prompts by line, in no order inside a line.
std::vector<uint16_t> gatherLines(const JobControl& job, std::span<const uint32_t> words, bool tof,
                                  const std::vector<uint32_t>& start) {
  std::vector<uint32_t> cursor(start);
  std::vector<uint16_t> all(start[kLines]);
  parallelFor(job, static_cast<int64_t>(words.size()), kChunk, [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; ++i) {
      if (classify(words[i]) != Word::prompt) continue;
      const Cell at = cellOf(words[i], tof);
      all[std::atomic_ref<uint32_t>(cursor[at.line]).fetch_add(1, std::memory_order_relaxed)] = at.cell;
    }
  }, 0.3, 0.6);
  return all;
}

/// Equal neighbours of a sorted line become one cell with a count.
void mergeLine(std::span<const uint16_t> sorted, uint16_t* cells, uint16_t* counts) {
  int64_t out = -1;
  for (size_t i = 0; i < sorted.size(); ++i) {
    if (i == 0 || sorted[i] != sorted[i - 1]) {
      cells[++out] = sorted[i];
      counts[out] = 0;
    }
    if (counts[out] < std::numeric_limits<uint16_t>::max()) ++counts[out];
  }
}

}  // namespace

FrameScan scanFrame(const JobControl& job, std::span<const uint32_t> words, int64_t startMs, int64_t endMs) {
  FrameScan total;
  findFrame(words, startMs, endMs, total);
  const auto frame = words.subspan(total.firstWord, total.endWord - total.firstWord);
  for (const uint32_t word : frame) {
    if (word >> 29 == 4) noteTime(total, timeOf(word));
  }
  std::vector<FrameScan> parts(static_cast<size_t>(std::max(1, job.threads)));
  parallelFor(job, static_cast<int64_t>(frame.size()), kChunk, [&](int64_t begin, int64_t end, int thread) {
    countChunk(frame.subspan(begin, end - begin), parts[thread]);
  });
  for (const FrameScan& part : parts) addCounts(total, part);
  return total;
}

void histogram(const JobControl& job, std::span<const uint32_t> words, bool tof, std::span<int16_t> prompts,
               std::span<int16_t> delayeds) {
  parallelFor(job, static_cast<int64_t>(words.size()), kChunk, [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; ++i) {
      const Word kind = classify(words[i]);
      const uint32_t address = words[i] & 0x3fffffffu;
      if (kind == Word::prompt && !prompts.empty()) increment(prompts[tof ? address : address % kBins]);
      if (kind == Word::delayed && !delayeds.empty()) increment(delayeds[address % kBins]);
    }
  });
}

int64_t sortEvents(const JobControl& job, std::span<const uint32_t> words, bool tof, std::span<uint32_t> lineStart,
                   std::span<uint16_t> cells, std::span<uint16_t> counts) {
  const std::vector<uint32_t> start = countLines(job, words, tof);
  if (start[kLines] > cells.size() || cells.size() != counts.size()) throw std::runtime_error("too little room for the events");
  std::vector<uint16_t> all = gatherLines(job, words, tof, start);
  // sorting inside a line takes away the order in which threads came: the answer does not depend on them
  parallelFor(job, kLines, 256, [&](int64_t begin, int64_t end, int) {
    for (int64_t line = begin; line < end; ++line) {
      const auto from = all.begin() + start[line], to = all.begin() + start[line + 1];
      std::sort(from, to);
      uint32_t distinct = 0;
      for (auto it = from; it != to; ++it) distinct += it == from || *it != *(it - 1);
      lineStart[line + 1] = distinct;
    }
  }, 0.6, 0.9);
  lineStart[0] = 0;
  for (int line = 0; line < kLines; ++line) lineStart[line + 1] += lineStart[line];
  parallelFor(job, kLines, 256, [&](int64_t begin, int64_t end, int) {
    for (int64_t line = begin; line < end; ++line) {
      mergeLine(std::span(all).subspan(start[line], start[line + 1] - start[line]), cells.data() + lineStart[line],
                counts.data() + lineStart[line]);
    }
  }, 0.9, 1);
  return lineStart[kLines];
}

}  // namespace petrig::pet
