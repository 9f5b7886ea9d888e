#include "tools/rdb/statistics.h"

#include <algorithm>

namespace stele::tools {

namespace {

/// By size; equal ones by database and key, so that a file always gives the same list.
bool is_before(const LargeKey& a, const LargeKey& b) {
  if (a.bytes != b.bytes) return a.bytes > b.bytes;
  return a.db != b.db ? a.db < b.db : a.key < b.key;
}

}  // namespace

std::size_t ttl_class(const KeyFacts& facts) {
  if (!facts.ttl_ms) return kTtlClasses.size() - 1;
  static constexpr std::int64_t kMinute = 60'000;
  static constexpr std::int64_t kDay = 24 * 60 * kMinute;
  static constexpr std::int64_t kBounds[] = {1,    kMinute,  10 * kMinute, 60 * kMinute,
                                             kDay, 7 * kDay, 30 * kDay,    365 * kDay};
  return static_cast<std::size_t>(std::upper_bound(std::begin(kBounds), std::end(kBounds), *facts.ttl_ms) -
                                  std::begin(kBounds));
}

std::size_t size_class(std::uint64_t bytes) {
  std::size_t at = 0;
  for (std::uint64_t bound = 64; bytes >= bound && at + 1 < kSizeClasses.size(); bound *= 4) ++at;
  return at;
}

void LargestKeys::add(const RdbKey& key, const KeyFacts& facts) {
  if (count_ == 0 || (heap_.size() == count_ && facts.bytes < heap_.front().bytes)) return;
  LargeKey large{facts.bytes,
                 key.db,
                 key.key,
                 type_name(facts.type),
                 written_encoding(key.written_type, facts.dialect),
                 key.value.elements,
                 facts.ttl_ms};
  if (heap_.size() == count_) {
    if (!is_before(large, heap_.front())) return;
    std::pop_heap(heap_.begin(), heap_.end(), is_before);
    heap_.back() = std::move(large);
  } else {
    heap_.push_back(std::move(large));
  }
  std::push_heap(heap_.begin(), heap_.end(), is_before);
}

std::vector<LargeKey> LargestKeys::take() {
  std::sort(heap_.begin(), heap_.end(), is_before);
  return std::move(heap_);
}

}  // namespace stele::tools
