#include "protocol/latency_monitor.h"

#include <algorithm>

namespace stele {

void LatencyMonitor::add(std::string_view event, UnixTime at, std::uint64_t milliseconds) {
  auto found = series_.find(event);
  if (found == series_.end()) found = series_.emplace(event, Series()).first;
  Series& series = found->second;
  const auto ms = static_cast<std::uint32_t>(std::min<std::uint64_t>(milliseconds, UINT32_MAX));
  series.longest = std::max(series.longest, ms);
  const std::int64_t second = at.ms() / 1000;
  if (!series.samples.empty() && series.samples.back().unix_seconds == second) {
    series.samples.back().milliseconds = std::max(series.samples.back().milliseconds, ms);
    return;
  }
  if (series.samples.size() == kSamples) series.samples.erase(series.samples.begin());
  series.samples.push_back({second, ms});
}

std::size_t LatencyMonitor::reset(std::string_view event) {
  if (event.empty()) {
    const std::size_t count = series_.size();
    series_.clear();
    return count;
  }
  const auto found = series_.find(event);
  if (found == series_.end()) return 0;
  series_.erase(found);
  return 1;
}

}  // namespace stele
