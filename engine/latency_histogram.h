#pragma once

#include <array>
#include <bit>
#include <cstdint>

namespace stele {

/// How long the runs of one command took, in nanoseconds up to about a second: two significant digits, in 22 KiB.
///
///     value    0 .. 255     256 .. 511    512 .. 1023    ...   2^29 .. 2^30 - 1
///     buckets  256, by 1    128, by 2     128, by 4      ...   128, by 2^22
///
/// Longer ones count as the longest. Threads: the executor.
class LatencyHistogram {
 public:
  static constexpr std::uint64_t kNanosecondsMax = (std::uint64_t{1} << 30) - 1;

  void record(std::uint64_t nanoseconds) {
    ++counts_[index(nanoseconds)];
    ++total_;
  }
  std::uint64_t total() const { return total_; }

  /// The upper end of the bucket that the value at `percent` of all is in; 0 if there is none.
  std::uint64_t percentile(double percent) const {
    const auto nearest = static_cast<std::uint64_t>(percent / 100 * static_cast<double>(total_) + 0.5);
    const std::uint64_t wanted = nearest > 0 ? nearest : 1;
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < counts_.size(); ++i) {
      seen += counts_[i];
      if (seen >= wanted) return last_of(i);
    }
    return 0;
  }

  /// Calls visit(last nanosecond of the step, count of all up to there) for steps that double in width from 1024 on,
  /// as far as something was counted; only for those that add to the count.
  template <typename Visit>
  void visit_doubling(Visit&& visit) const {
    std::uint64_t seen = 0, seen_before = 0;
    std::size_t i = 0;
    for (std::uint64_t step = 1024; seen < total_; step *= 2) {
      const std::size_t end = step > kNanosecondsMax ? counts_.size() : index(step) + 1;
      for (; i < end; ++i) seen += counts_[i];
      if (seen > seen_before) visit(last_of(end - 1), seen);
      seen_before = seen;
    }
  }

 private:
  static constexpr int kBits = 7;  // of a bucket's place in its power of two
  static constexpr std::size_t kBuckets = (30 - kBits) * (std::size_t{1} << kBits) + (std::size_t{1} << kBits);

  static std::size_t index(std::uint64_t value) {
    if (value > kNanosecondsMax) value = kNanosecondsMax;
    const int shift = value < (2u << kBits) ? 0 : std::bit_width(value) - 1 - kBits;
    return (static_cast<std::size_t>(shift) << kBits) + static_cast<std::size_t>(value >> shift);
  }
  /// The greatest value that index() maps to `i`.
  static std::uint64_t last_of(std::size_t i) {
    if (i < (2u << kBits)) return i;
    const std::size_t shift = (i >> kBits) - 1;
    return (((i & ((1u << kBits) - 1)) + (std::uint64_t{1} << kBits) + 1) << shift) - 1;
  }

  std::array<std::uint64_t, kBuckets> counts_{};
  std::uint64_t total_ = 0;
};

}  // namespace stele
