#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace stele::tools {

/// How far long work is, on one line of the terminal that standard error is; nothing at all where it is none:
///
///     reading dump.rdb  45% [=========>          ] 460.8 MiB of 1.0 GiB  210.0 MiB/s  3s left
///
/// The line appears after half a second, is renewed ten times a second at most, and is gone when this goes. Only for
/// work that prints nothing to the same terminal meanwhile.
class Progress {
 public:
  /// `wanted` false: never.
  Progress(std::string label, bool wanted);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void update(std::uint64_t done, std::uint64_t total);
  void finish();
  bool visible() const { return visible_; }

  /// The line without its control characters, for `columns` of room.
  static std::string line(std::string_view label, std::uint64_t done, std::uint64_t total,
                          std::chrono::milliseconds since_start, std::size_t columns);

 private:
  const std::string label_;
  const bool enabled_;
  const std::chrono::steady_clock::time_point started_;
  std::chrono::steady_clock::time_point next_;
  bool visible_ = false;
};

}  // namespace stele::tools
