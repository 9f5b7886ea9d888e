#pragma once

#include <cstdint>

#include "persistence/offset.h"

namespace stele {

/// What the 24 bits of Entry::access() mean; follows from maxmemory-policy. A change of policy leaves the bits as they
/// are, so the figures of keys not touched since are off for a while, as in Redis.
///
///     LRU   seconds, modulo 2^24, of the last access
///     LFU   minutes, modulo 2^16, of the last decay | counter (8 bits), about the logarithm of the accesses
struct AccessPolicy {
  bool lfu = false;
  bool decides = false;  // maxmemory is set, with an LRU or LFU policy: Redis shares no integers then
  unsigned log_factor = 10;    // lfu-log-factor: the higher, the more accesses for one step of the counter
  unsigned decay_minutes = 1;  // lfu-decay-time: for one step down; 0 for never
};

/// New keys start here, so that they are not the first to be evicted.
inline constexpr std::uint32_t kLfuCounterStart = 5;
inline constexpr std::uint32_t kLfuCounterMax = 255;

inline constexpr std::uint32_t lfu_minutes(UnixTime now) {
  return static_cast<std::uint32_t>(now.ms() / 60'000) & 0xffff;
}

inline constexpr std::uint32_t lfu_start(UnixTime now) { return lfu_minutes(now) << 8 | kLfuCounterStart; }

/// The counter as it is by now.
std::uint32_t lfu_counter(std::uint32_t access, const AccessPolicy& policy, UnixTime now);

/// The bits after one more access; `random` is 32 random bits.
std::uint32_t lfu_accessed(std::uint32_t access, const AccessPolicy& policy, UnixTime now, std::uint32_t random);

/// Seconds since the access, by the clock that counts modulo 2^24.
inline constexpr std::uint32_t lru_idle_seconds(std::uint32_t access, std::uint32_t clock) {
  return (clock - access) & 0xffffff;
}

}  // namespace stele
