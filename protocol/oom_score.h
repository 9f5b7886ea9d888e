#pragma once

#include <optional>

#include "persistence/status.h"
#include "protocol/config.h"

namespace stele {

/// How likely the kernel is to end this process when memory gives out: oom-score-adj.
///
/// The score that the process had before the first change is remembered. `relative` adds to it, and `no` brings it back.
class OomScore {
 public:
  /// `io` if the kernel refuses: only root may go below what the process started with.
  Status apply(const Config& config);

 private:
  std::optional<int> before_;  // while the score is ours
};

}  // namespace stele
