#include "engine/access.h"

#include <algorithm>

namespace stele {

std::uint32_t lfu_counter(std::uint32_t access, const AccessPolicy& policy, UnixTime now) {
  const std::uint32_t counter = access & kLfuCounterMax;
  if (policy.decay_minutes == 0) return counter;
  const std::uint32_t minutes = (lfu_minutes(now) - (access >> 8)) & 0xffff;
  return counter - std::min(counter, minutes / policy.decay_minutes);
}

std::uint32_t lfu_accessed(std::uint32_t access, const AccessPolicy& policy, UnixTime now, std::uint32_t random) {
  std::uint32_t counter = lfu_counter(access, policy, now);
  if (counter < kLfuCounterMax) {
    const double above_start = counter > kLfuCounterStart ? counter - kLfuCounterStart : 0;
    if (random / 4294967296.0 < 1.0 / (above_start * policy.log_factor + 1)) ++counter;
  }
  return lfu_minutes(now) << 8 | counter;
}

}  // namespace stele
