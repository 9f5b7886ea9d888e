#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <string>

#include <fmt/format.h>

namespace stele {

/// A count of stream bytes: Redis' replication offset. Together with a replication id it names a state.
class Offset {
 public:
  constexpr Offset() = default;
  constexpr explicit Offset(std::uint64_t bytes) : bytes_(bytes) {}

  constexpr std::uint64_t bytes() const { return bytes_; }

  constexpr auto operator<=>(const Offset&) const = default;
  constexpr Offset operator+(std::uint64_t n) const { return Offset(bytes_ + n); }
  constexpr Offset& operator+=(std::uint64_t n) {
    bytes_ += n;
    return *this;
  }
  constexpr std::uint64_t operator-(Offset earlier) const { return bytes_ - earlier.bytes_; }

 private:
  std::uint64_t bytes_ = 0;
};

/// Wall-clock time in milliseconds since 1970, as expiries and frames carry it. Never used for scheduling.
class UnixTime {
 public:
  constexpr UnixTime() = default;
  constexpr explicit UnixTime(std::int64_t ms) : ms_(ms) {}

  constexpr std::int64_t ms() const { return ms_; }
  constexpr auto operator<=>(const UnixTime&) const = default;

 private:
  std::int64_t ms_ = 0;
};

/// The history that offsets count in: 40 lower-case hex digits, as Redis has it.
using ReplicationId = std::string;

}  // namespace stele

template <>
struct fmt::formatter<stele::Offset> : fmt::formatter<std::uint64_t> {
  template <typename Context>
  auto format(stele::Offset offset, Context& context) const {
    return fmt::formatter<std::uint64_t>::format(offset.bytes(), context);
  }
};
