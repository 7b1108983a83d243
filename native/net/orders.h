#pragma once
// Jobs that a thread is given while it has a connection.

#include <mutex>
#include <optional>

#include "net/receive.h"

namespace petrig::net {

class Orders {
 public:
  /// @throws std::runtime_error
  Orders();
  void put(ReceiveJob job);
  /// The job that `fd` told of, when that is readable.
  ReceiveJob take();
  int fd() const { return event_.get(); }

 private:
  Owned event_;
  std::mutex guard_;
  std::optional<ReceiveJob> job_;
};

}  // namespace petrig::net
