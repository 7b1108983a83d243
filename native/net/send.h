#pragma once
// C-STORE requests one after another from files to a connection: PS3.7 9.3.1, PS3.8 9.3.5.

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "net/line.h"

namespace petrig::net {

/// One file to send.
struct SendJob {
  std::string path;
  /// The dataset's bytes in the file.
  uint64_t offset = 0;
  uint64_t length = 0;
  uint8_t contextId = 0;
  uint16_t messageId = 0;
  /// The C-STORE-RQ, as whole PDUs.
  std::string command;
};

struct SendLimits {
  /// Longest P-DATA-TF that the peer takes.
  uint32_t pduLength = 0;
  int silenceMs = 0;
  int responseMs = 0;
};

struct SendEnd {
  Stop why = Stop::done;
  /// The job that it ended with; the count of them when all are done.
  size_t job = 0;
  /// Something of that job's request went out, and all of it.
  bool begun = false;
  bool whole = false;
  /// A PDU may follow on the connection.
  bool atBoundary = true;
  /// For Stop::file: errno, or 0 for a file shorter than the job says.
  int error = 0;
  /// What was read and is not a response to a job.
  std::string unread;
};

/// Called from the sending thread with the command set of each response.
using OnAnswer = std::function<void(size_t job, std::string_view command)>;

/// Sends jobs in order, each when the one before is answered with success; stops at the first thing that is otherwise.
/// The file after the one on its way is opened and read while its answer is awaited. Memory: two windows of about a megabyte.
SendEnd sendFiles(const std::vector<SendJob>& jobs, const SendLimits& limits, Line& line, const OnAnswer& onAnswer);

/// The status of a C-STORE-RSP to `messageId` without a dataset, or -1 for a command set that is none.
int storeStatus(std::string_view command, uint16_t messageId);

}  // namespace petrig::net
