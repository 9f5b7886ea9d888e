#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

#include "persistence/status.h"

namespace stele {

/// Lets everybody else go first, at the processor and at the disk: commands, where cores are few. Of the calling thread alone, for
/// good; on Linux priorities are those of threads.
void lower_thread_priority();

/// Keeps a thread's reading or writing to so many bytes a second. One thread, but set_rate() on any.
///
/// What was not used while there was nothing to do is not saved up: half a second's worth at most.
class Throttle {
 public:
  /// 0: no bound.
  explicit Throttle(std::uint64_t bytes_per_second) : rate_(bytes_per_second) {}

  void set_rate(std::uint64_t bytes_per_second) { rate_.store(bytes_per_second, std::memory_order_relaxed); }

  /// `bytes` were read or written; sleeps until more may be. Returns early once `stop` is true.
  void spend(std::uint64_t bytes, const std::atomic<bool>& stop);

 private:
  std::atomic<std::uint64_t> rate_;
  std::chrono::steady_clock::time_point free_at_{};
};

}  // namespace stele
