#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>

namespace stele {

/// For the directives that slow the saving and loading of keys down. False as soon as `stop` is true.
inline bool sleep_unless(const std::atomic<bool>& stop, std::chrono::microseconds time) {
  constexpr std::chrono::microseconds kSlice{10'000};
  for (; time.count() > 0 && !stop; time -= kSlice) std::this_thread::sleep_for(std::min(time, kSlice));
  return !stop;
}

}  // namespace stele
