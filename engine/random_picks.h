#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "engine/random.h"

namespace stele {

/// `count` of the numbers 0 .. `end` - 1, ascending, each choice as likely as any other. O(end): one number after the
/// other is taken with the chance that it has among those left (Knuth's algorithm S).
inline std::vector<std::size_t> random_picks(std::size_t count, std::size_t end) {
  std::vector<std::size_t> picks;
  picks.reserve(count);
  for (std::size_t i = 0; i < end && picks.size() < count; ++i) {
    if (Random::below(end - i) < count - picks.size()) picks.push_back(i);
  }
  return picks;
}

/// Brings `count` of `items`, each choice as likely as any other, to the front. O(count).
template <typename T>
void shuffle_front(std::vector<T>& items, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) std::swap(items[i], items[i + Random::below(items.size() - i)]);
}

}  // namespace stele
