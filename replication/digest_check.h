#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "engine/keyspace.h"

namespace stele {

/// Finds out whether a replica still has what its primary has, a range of hashes at a time. The primary puts what it holds in a range
/// into the stream, as the text of a PING, which stock servers pass over:
///
///     PING "stele-digest <hash seed's sum> <db> <first> <end> <keys> <digest> <hashes left out>"
///
/// and a replica that reads it has at this very offset the same data, or not. Ranges follow each other, so that in time all keys are
/// compared; a full sync passes on the hash seed (an aux field of the RDB), without which ranges would not be of the same keys.
/// What costs much is left out: values of over 64 KB, which the text names, and databases with cold keys. So are HyperLogLogs, in
/// which each server remembers what it has counted.
///
/// Threads: the executor.
class DigestCheck {
 public:
  struct Figures {
    std::uint64_t ranges = 0;
    std::uint64_t keys = 0;
    std::uint64_t differ = 0;
    std::uint64_t passed_over = 0;  // of another seed, or with cold keys here
    std::string last_difference;    // where
  };

  /// The primary's: the text for the next range, as much as takes about a millisecond. Empty if there is nothing to compare.
  std::string next(Keyspace& keyspace);
  /// The replica's, with what a PING said. False if it is not about this.
  bool compare(Keyspace& keyspace, std::string_view text);

  const Figures& figures() const { return figures_; }

 private:
  Figures figures_;
  int db_ = 0;
  Hash48 at_ = 0;
};

}  // namespace stele
