#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tools/rdb/rdb_input.h"

namespace stele::tools {

struct Tally {
  std::uint64_t keys = 0;
  std::uint64_t bytes = 0;

  void add(std::uint64_t more) {
    ++keys;
    bytes += more;
  }
};

/// Classes of time to live: expired, then from short to long, then none.
inline constexpr std::array<std::string_view, 10> kTtlClasses = {
    "expired",  "< 1 minute", "< 10 minutes", "< 1 hour",        "< 1 day",
    "< 1 week", "< 30 days",  "< 1 year",     "1 year and more", "no expiry"};
std::size_t ttl_class(const KeyFacts& facts);

/// Classes of size, each four times the one before.
inline constexpr std::array<std::string_view, 12> kSizeClasses = {
    "< 64 B",    "< 256 B", "< 1 KiB", "< 4 KiB",  "< 16 KiB", "< 64 KiB",
    "< 256 KiB", "< 1 MiB", "< 4 MiB", "< 16 MiB", "< 64 MiB", "64 MiB and more"};
std::size_t size_class(std::uint64_t bytes);

/// A key that is among the largest.
struct LargeKey {
  std::uint64_t bytes = 0;
  std::uint64_t db = 0;
  std::string key;
  std::string_view type;
  std::string_view encoding;
  std::uint64_t elements = 0;
  std::optional<std::int64_t> ttl_ms;
};

/// The `count` largest keys of any number.
class LargestKeys {
 public:
  explicit LargestKeys(std::size_t count) : count_(count) {}
  void add(const RdbKey& key, const KeyFacts& facts);
  /// The largest first.
  std::vector<LargeKey> take();

 private:
  const std::size_t count_;
  std::vector<LargeKey> heap_;  // the smallest in front
};

}  // namespace stele::tools
