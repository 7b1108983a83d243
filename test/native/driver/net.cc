#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "case.h"
#include "net/crc32c.h"
#include "net/heads.h"
#include "net/receive.h"
#include "net/send.h"
#include "net/sha256.h"
#include "random.h"

namespace {

using namespace petrig::net;
using Bytes = std::vector<uint8_t>;

Bytes noise(size_t count, uint64_t seed) {
  petrig::Random random(seed, 1);
  Bytes bytes(count);
  for (auto& byte : bytes) byte = static_cast<uint8_t>(random.bits());
  return bytes;
}

struct Folder {
  std::string path = (std::filesystem::temp_directory_path() / ("petrig-net-" + std::to_string(::getpid()))).string();
  Folder() { std::filesystem::create_directories(path); }
  ~Folder() { std::filesystem::remove_all(path); }
};

/// Two ends of a connection.
struct Ends {
  Owned a, b;
  Ends() {
    int both[2];
    driver::expect(::socketpair(AF_UNIX, SOCK_STREAM, 0, both) == 0, "socketpair");
    a = Owned(both[0]);
    b = Owned(both[1]);
  }
};

void put(int fd, const Bytes& bytes) {
  for (size_t at = 0; at < bytes.size();) {
    const ssize_t count = ::send(fd, bytes.data() + at, bytes.size() - at, MSG_NOSIGNAL);
    if (count <= 0) return;
    at += static_cast<size_t>(count);
  }
}

bool take(int fd, uint8_t* into, size_t count) {
  while (count > 0) {
    const ssize_t got = ::read(fd, into, count);
    if (got <= 0) return false;
    into += got;
    count -= static_cast<size_t>(got);
  }
  return true;
}

/// A dataset as PDUs of one fragment each.
Bytes framed(const Bytes& data, size_t fragment) {
  Bytes out;
  for (size_t at = 0; at < data.size(); at += fragment) {
    const size_t length = std::min(fragment, data.size() - at);
    uint8_t header[kPdvHeader];
    putPdvHeader(header, 1, false, at + length == data.size(), static_cast<uint32_t>(length));
    out.insert(out.end(), header, header + sizeof header);
    out.insert(out.end(), data.begin() + static_cast<std::ptrdiff_t>(at), data.begin() + static_cast<std::ptrdiff_t>(at + length));
  }
  return out;
}

Bytes response(uint16_t messageId, uint16_t status) {
  const auto element = [](uint16_t number, uint16_t value) {
    return Bytes{0, 0, static_cast<uint8_t>(number), static_cast<uint8_t>(number >> 8), 2, 0, 0, 0, static_cast<uint8_t>(value),
                 static_cast<uint8_t>(value >> 8)};
  };
  Bytes command;
  for (const auto& [number, value] : {std::pair<uint16_t, uint16_t>{0x0100, 0x8001}, {0x0120, messageId}, {0x0800, 0x0101}, {0x0900, status}}) {
    const Bytes one = element(number, value);
    command.insert(command.end(), one.begin(), one.end());
  }
  Bytes pdu(kPdvHeader);
  putPdvHeader(pdu.data(), 1, true, true, static_cast<uint32_t>(command.size()));
  pdu.insert(pdu.end(), command.begin(), command.end());
  return pdu;
}

const driver::Register sums("checksums with and without the processor's instructions", [](const petrig::JobControl&) {
  for (const size_t count : {size_t{0}, size_t{1}, size_t{55}, size_t{56}, size_t{64}, size_t{65}, size_t{1000}, size_t{100'003}}) {
    const Bytes bytes = noise(count, count);
    Sha256 fast, plain;
    plain.useInstructions(false);
    for (size_t at = 0; at < count; at += 77) fast.update(bytes.data() + at, std::min<size_t>(77, count - at));
    plain.update(bytes.data(), count);
    driver::expect(fast.finish() == plain.finish(), "both sums agree");
  }
  Sha256 abc;
  abc.update(reinterpret_cast<const uint8_t*>("abc"), 3);
  driver::expect(abc.finish() == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", "FIPS 180-4's example");
  return std::vector<double>{1};
});

const driver::Register parsing("datasets parsed from streams that are cut anywhere and damaged", [](const petrig::JobControl&) {
  petrig::Random random(3, 9);
  double taken = 0;
  for (int round = 0; round < 3000; ++round) {
    Bytes stream = framed(noise(1 + random.bits() % 3000, static_cast<uint64_t>(round)), 1 + random.bits() % 700);
    for (uint64_t flips = random.bits() % 3; flips-- > 0;) stream[random.bits() % stream.size()] ^= static_cast<uint8_t>(random.bits());
    DatasetParser parser({}, 1, 2000, random.bits() % 4000);
    Bytes held;
    for (size_t at = 0; at < stream.size();) {
      const size_t count = std::min<size_t>(1 + random.bits() % 500, stream.size() - at);
      held.insert(held.end(), stream.begin() + static_cast<std::ptrdiff_t>(at), stream.begin() + static_cast<std::ptrdiff_t>(at + count));
      at += count;
      std::vector<iovec> parts;
      size_t used = 0;
      const auto state = parser.push(held, parts, used);
      for (const iovec& part : parts) taken += static_cast<double>(part.iov_len);
      driver::expect(used <= held.size(), "no more is used than there is");
      held.erase(held.begin(), held.begin() + static_cast<std::ptrdiff_t>(used));
      if (state != DatasetParser::State::more) break;
      driver::expect(held.size() < 6, "only the begin of a header is held");
    }
  }
  return std::vector<double>{taken};
});

const driver::Register sending("files sent, answered, refused and cancelled", [](const petrig::JobControl&) {
  const Folder folder;
  std::vector<SendJob> jobs;
  for (uint16_t i = 0; i < 4; ++i) {
    const std::string path = folder.path + "/" + std::to_string(i);
    const Bytes bytes = noise(i == 3 ? 3'000'001 : 10'000u * i, i);
    std::ofstream(path, std::ios::binary).write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    jobs.push_back({path, 0, bytes.size(), 1, static_cast<uint16_t>(i + 1), std::string("\4\0\0\0\0\6\0\0\0\2\1\3", 12)});
  }
  std::vector<double> seen;
  for (const uint16_t refused : {uint16_t{0}, uint16_t{2}}) {
    Ends ends;
    std::thread peer([&ends, &jobs, refused] {
      for (const SendJob& job : jobs) {
        for (bool last = false; !last;) {
          uint8_t header[kPdvHeader];
          if (!take(ends.b.get(), header, sizeof header)) return;
          Bytes body(bigEndian32(header + 2) - 6);
          if (!take(ends.b.get(), body.data(), body.size())) return;
          last = header[11] == 2;
        }
        put(ends.b.get(), response(job.messageId, job.messageId == refused ? 0xa700 : 0));
      }
    });
    Cancel cancel;
    Line line(duplicate(ends.a.get()), cancel, 10'000);
    double answers = 0;
    const SendEnd end = sendFiles(jobs, {refused == 0 ? 70'000u : 64u * 1024, 10'000, 10'000}, line, [&answers](size_t, std::string_view) { ++answers; });
    driver::expect(end.why == (refused == 0 ? Stop::done : Stop::answer), "it ends as the peer answers");
    ends.a = Owned();
    { Line gone(std::move(line)); }
    peer.join();
    seen.push_back(answers);
  }
  Ends ends;
  Cancel cancel;
  std::thread canceller([&cancel] {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    cancel.set();
  });
  Line line(duplicate(ends.a.get()), cancel, 10'000);
  const SendEnd end = sendFiles({jobs[3]}, {28'672, 10'000, 10'000}, line, [](size_t, std::string_view) {});
  canceller.join();
  driver::expect(end.why == Stop::cancelled, "a peer that does not read is left when that is wanted");
  const SendEnd none = sendFiles({{folder.path + "/none", 0, 10, 1, 1, ""}}, {28'672, 100, 100}, line, [](size_t, std::string_view) {});
  driver::expect(none.why == Stop::file && none.error == ENOENT && !none.begun, "a file that is not there");
  return seen;
});

const driver::Register receiving("datasets received into files, whole and broken off", [](const petrig::JobControl&) {
  const Folder folder;
  std::vector<double> seen;
  for (const auto [kept, prepared] : {std::pair<size_t, size_t>{1'000'000, 0}, {5000, 0}, {0, 0}, {1'000'000, 400'000}, {1'000'000, 200'010}, {1'000'000, 4096}, {5000, 400'000}}) {
    const Bytes data = noise(200'000, kept);
    Bytes stream = framed(data, 16'000);
    const Bytes after = response(9, 0);
    stream.insert(stream.end(), after.begin(), after.end());
    stream.resize(std::min(stream.size(), kept));
    Ends ends;
    std::thread peer([&] {
      put(ends.b.get(), stream);
      ends.b = Owned();
    });
    Cancel cancel;
    Line line(duplicate(ends.a.get()), cancel, 5000);
    const SinkOptions sink{folder.path + "/in/object.part", prepared, true};
    if (prepared > 0) std::ofstream(sink.temporary) << std::string(prepared, '\0');
    const ReceiveJob job{folder.path + "/in/object", sink, "begin", {}, 1, 16'384, 1u << 30, 5000, false};
    const ReceiveEnd end = DatasetReader(line).file(job);
    peer.join();
    const bool whole = kept > 300'000;
    driver::expect(end.why == (whole ? Stop::done : Stop::closed), "it is whole or not");
    driver::expect(std::filesystem::exists(job.path) == whole && !std::filesystem::exists(sink.temporary), "there is a file or none");
    if (whole) driver::expect(end.size == data.size() + 5 && end.checksum.size() == 64 && end.unread.size() == after.size(), "all of it");
    if (whole) driver::expect(std::filesystem::file_size(job.path) == end.size, "and nothing more");
    std::filesystem::remove(job.path);
    seen.push_back(static_cast<double>(end.size));
  }
  return seen;
});

const driver::Register openings("begins of messages, cut anywhere and damaged", [](const petrig::JobControl&) {
  Bytes command(26);
  command[2] = 0;
  command[3] = 8;
  command[4] = 2;
  Bytes stream{4, 0, 0, 0, 0, 16, 0, 0, 0, 12, 1, 3};
  stream.insert(stream.end(), command.begin(), command.begin() + 10);
  const Bytes data = framed(noise(60'000, 7), 16'000);
  stream.insert(stream.end(), data.begin(), data.end());
  const Opening whole = scanOpening(stream, 16'384);
  driver::expect(whole.kind == Opening::Kind::large && whole.used > kAheadBytes && whole.framing.pdvLeft > 0, "a large dataset");
  for (size_t cut = 0; cut < whole.used; cut += 97)
    driver::expect(scanOpening({stream.data(), cut}, 16'384).kind == Opening::Kind::more, "not enough yet");
  driver::expect(scanOpening({stream.data(), stream.size()}, 1000).kind == Opening::Kind::other, "a PDU that is too long");
  petrig::Random random(5, 1);
  double others = 0;
  for (int i = 0; i < 3000; ++i) {
    Bytes damaged(stream.begin(), stream.begin() + static_cast<std::ptrdiff_t>(random.bits() % 1000));
    for (int k = 0; k < 3 && !damaged.empty(); ++k) damaged[random.bits() % damaged.size()] = static_cast<uint8_t>(random.bits());
    if (scanOpening(damaged, 16'384).kind == Opening::Kind::other) ++others;
  }
  return std::vector<double>{others};
});

const driver::Register staying("a reader that stays for the next dataset", [](const petrig::JobControl&) {
  const Folder folder;
  Ends ends;
  Bytes stream{4, 0, 0, 0, 0, 16, 0, 0, 0, 12, 1, 3, 0, 0, 0, 8, 2, 0, 0, 0, 0, 0};
  const Bytes data = noise(200'000, 3);
  const Bytes dataset = framed(data, 16'000);
  stream.insert(stream.begin(), dataset.begin(), dataset.end());
  stream.insert(stream.end(), dataset.begin(), dataset.end());
  std::thread peer([&] {
    put(ends.b.get(), dataset);
    std::this_thread::sleep_for(std::chrono::milliseconds(30));
    put(ends.b.get(), {stream.begin() + static_cast<std::ptrdiff_t>(dataset.size()), stream.end()});
  });
  Cancel cancel;
  Line line(duplicate(ends.a.get()), cancel, 5000);
  DatasetReader reader(line);
  ReceiveJob job{folder.path + "/one", {folder.path + "/one.part", 0, false}, "", {}, 1, 16'384, 1u << 30, 5000, true};
  driver::expect(reader.file(job).stays, "it stays");
  const Ahead ahead = reader.ahead(16'384);
  driver::expect(ahead.large && ahead.bytes.size() > kAheadBytes, "the next one has begun");
  Cancel call;
  call.set();
  driver::expect(reader.readUntil(call.fd()), "called");
  job.path = folder.path + "/two";
  job.framing = scanOpening({stream.data() + dataset.size(), stream.size() - dataset.size()}, 16'384).framing;
  const ReceiveEnd end = reader.file(job);
  peer.join();
  driver::expect(end.stays && end.size == data.size() - kAheadBytes, "the rest of it");
  cancel.set();
  driver::expect(!reader.readUntil(cancel.fd()) && reader.ahead(16'384).why == Stop::cancelled, "cancelled");
  return std::vector<double>{static_cast<double>(end.size)};
});

const driver::Register checks("CRC-32C in one piece and in several", [](const petrig::JobControl&) {
  const Bytes data = noise(10'000, 4);
  const uint32_t whole = crc32c(0, data.data(), data.size());
  driver::expect(crc32c(0, reinterpret_cast<const uint8_t*>("123456789"), 9) == 0xe3069283, "the check value of RFC 3720");
  for (const size_t cut : {1, 7, 8, 9, 5000}) {
    const uint32_t begun = crc32c(0, data.data(), cut);
    driver::expect(crc32c(begun, data.data() + cut, data.size() - cut) == whole, "pieces");
  }
  return std::vector<double>{static_cast<double>(whole)};
});

const driver::Register beginnings("first bytes of files that are there, short and missing", [](const petrig::JobControl&) {
  const Folder folder;
  std::ofstream(folder.path + "/short") << "abc";
  std::vector<uint8_t> bytes(20);
  std::vector<double> sizes(2);
  readHeads({folder.path + "/short", folder.path + "/none"}, bytes, sizes);
  driver::expect(sizes[0] == 3 && sizes[1] < 0 && bytes[2] == 'c' && bytes[3] == 0, "sizes and bytes");
  return sizes;
});

}  // namespace
