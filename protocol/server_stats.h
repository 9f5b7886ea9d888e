#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <string>

#include "persistence/offset.h"
#include "protocol/memory_usage.h"

namespace stele {

/// A rate over the last 16 samples, taken a few times a second.
class Rate {
 public:
  void sample(std::uint64_t total, std::chrono::steady_clock::time_point now);
  /// Units a second.
  std::uint64_t per_second() const;
  void reset(std::uint64_t total);

 private:
  std::array<std::uint64_t, 16> samples_{};
  std::size_t next_ = 0;
  std::uint64_t last_total_ = 0;
  std::chrono::steady_clock::time_point last_{};
};

/// What INFO counts. Threads: the executor.
struct ServerStats {
  std::chrono::steady_clock::time_point started = std::chrono::steady_clock::now();
  UnixTime started_at;
  std::uint64_t connections_received = 0;
  std::uint64_t connections_rejected = 0;
  std::uint64_t commands_processed = 0;
  std::uint64_t net_input_bytes = 0;
  std::uint64_t net_output_bytes = 0;
  std::uint64_t reads_processed = 0;
  std::uint64_t writes_processed = 0;
  std::uint64_t error_replies = 0;
  std::uint64_t query_buffer_limit_disconnections = 0;
  std::uint64_t output_buffer_limit_disconnections = 0;
  std::uint64_t expired_keys_active = 0;
  std::uint64_t acl_denied_logins = 0;
  std::uint64_t acl_denied_commands = 0;
  std::uint64_t acl_denied_keys = 0;
  std::uint64_t acl_denied_channels = 0;
  std::uint64_t turns = 0;
  std::uint64_t unexpected_error_replies = 0;
  std::map<std::string, std::uint64_t, std::less<>> errors;  // by code: "ERR", "WRONGTYPE"
  MemoryUsage memory;
  Rate commands_rate, input_rate, output_rate;

  /// CONFIG RESETSTAT: all but when the server started and its peaks.
  void reset();
};

}  // namespace stele
