#pragma once

#include <algorithm>
#include <atomic>
#include <cstring>
#include <memory>
#include <string_view>

#include "persistence/offset.h"
#include "persistence/status.h"

namespace stele {

/// The newest bytes of the stream in memory, for whoever follows it closely: a ring of a fixed size.
///
///     begin() ─────── at most capacity() bytes ─────── end()
///
/// Threads: the executor; begin() on any.
class StreamTail {
 public:
  /// Empty, and about to take what comes at `at`.
  void start(Offset at, std::size_t capacity) {
    ring_ = std::make_unique_for_overwrite<char[]>(capacity);
    capacity_ = capacity;
    end_ = at;
    begin_.store(at.bytes(), std::memory_order_release);
  }
  void stop() {
    ring_.reset();
    capacity_ = 0;
  }
  bool active() const { return capacity_ > 0; }

  void append(std::string_view bytes) {
    if (!active()) return;
    const std::string_view kept = bytes.size() > capacity_ ? bytes.substr(bytes.size() - capacity_) : bytes;
    end_ += bytes.size();
    // Readers are on this thread, but begin() is looked at on others: it never promises what is being overwritten.
    if (end_.bytes() > begin_.load(std::memory_order_relaxed) + capacity_) {
      begin_.store(end_.bytes() - capacity_, std::memory_order_release);
    }
    const std::size_t at = static_cast<std::size_t>((end_.bytes() - kept.size()) % capacity_);
    const std::size_t first = std::min(kept.size(), capacity_ - at);
    std::memcpy(ring_.get() + at, kept.data(), first);
    std::memcpy(ring_.get(), kept.data() + first, kept.size() - first);
  }

  Offset begin() const { return Offset(begin_.load(std::memory_order_acquire)); }
  Offset end() const { return end_; }
  std::size_t capacity() const { return capacity_; }

  /// From `offset` on, as far as it lies in one piece and before `limit`. begin() <= offset <= limit <= end().
  std::string_view from(Offset offset, Offset limit) const {
    STELE_ASSERT(begin() <= offset && offset <= limit && limit <= end_);
    const std::size_t at = static_cast<std::size_t>(offset.bytes() % capacity_);
    return {ring_.get() + at, std::min(static_cast<std::size_t>(limit - offset), capacity_ - at)};
  }

 private:
  std::unique_ptr<char[]> ring_;
  std::size_t capacity_ = 0;
  std::atomic<std::uint64_t> begin_{0};
  Offset end_;
};

}  // namespace stele
