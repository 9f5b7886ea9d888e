#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>

namespace stele {

/// Reads `text` as Redis reads integers: the one decimal spelling that printing the number gives back. So no `+`, no
/// leading zeros, no `-0`, no spaces, nothing behind the digits, nothing outside 64 bits.
inline std::optional<std::int64_t> parse_integer(std::string_view text) {
  const bool negative = !text.empty() && text.front() == '-';
  const std::string_view digits = text.substr(negative ? 1 : 0);
  if (digits.empty() || digits.size() > 19) return std::nullopt;
  if (digits.front() == '0') {
    if (text.size() == 1) return 0;
    return std::nullopt;
  }

  std::uint64_t value = 0;  // 19 digits always fit
  for (const char c : digits) {
    const unsigned digit = static_cast<unsigned char>(c) - unsigned{'0'};
    if (digit > 9) return std::nullopt;
    value = value * 10 + digit;
  }
  constexpr std::uint64_t max = std::numeric_limits<std::int64_t>::max();
  if (value > max + (negative ? 1 : 0)) return std::nullopt;
  return static_cast<std::int64_t>(negative ? std::uint64_t{0} - value : value);
}

}  // namespace stele
