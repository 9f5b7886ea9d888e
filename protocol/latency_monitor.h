#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "persistence/offset.h"

namespace stele {

/// Events that took at least `latency-monitor-threshold`, the last 160 of each kind: LATENCY. Threads: the executor.
class LatencyMonitor {
 public:
  struct Sample {
    std::int64_t unix_seconds;
    std::uint32_t milliseconds;
  };
  struct Series {
    std::vector<Sample> samples;  // the oldest first, at most kSamples
    std::uint32_t longest = 0;
  };
  static constexpr std::size_t kSamples = 160;

  /// Two samples in one second become one, the longer.
  void add(std::string_view event, UnixTime at, std::uint64_t milliseconds);

  const std::map<std::string, Series, std::less<>>& series() const { return series_; }
  /// All if `event` is empty; returns how many were there.
  std::size_t reset(std::string_view event);

 private:
  std::map<std::string, Series, std::less<>> series_;
};

}  // namespace stele
