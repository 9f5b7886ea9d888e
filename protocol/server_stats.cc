#include "protocol/server_stats.h"

namespace stele {

void Rate::sample(std::uint64_t total, std::chrono::steady_clock::time_point now) {
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(now - last_).count();
  if (ms <= 0) return;
  samples_[next_++ % samples_.size()] = (total - last_total_) * 1000 / static_cast<std::uint64_t>(ms);
  last_total_ = total;
  last_ = now;
}

std::uint64_t Rate::per_second() const {
  std::uint64_t sum = 0;
  for (const std::uint64_t sample : samples_) sum += sample;
  return sum / samples_.size();
}

void Rate::reset(std::uint64_t total) {
  samples_.fill(0);
  last_total_ = total;
}

void update_memory_usage(ServerStats& stats) { stats.memory.refresh(); }

void ServerStats::reset() {
  ServerStats fresh;
  fresh.started = started;
  fresh.started_at = started_at;
  fresh.memory = memory;
  *this = std::move(fresh);
  const auto now = std::chrono::steady_clock::now();
  for (Rate* rate : {&commands_rate, &input_rate, &output_rate}) rate->sample(0, now);
}

}  // namespace stele
