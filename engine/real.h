#pragma once

#include <limits>
#include <optional>
#include <span>
#include <string_view>

namespace stele {

/// Reads `text` as the C library reads numbers, all of it: also "inf", "1e3", "0x10". No space in front, no nan, nothing that
/// overflows or vanishes. What Redis takes for an increment or a timeout (long double), and for a score (double).
std::optional<long double> parse_real(std::string_view text);
std::optional<double> parse_double(std::string_view text);

/// As INCRBYFLOAT and HINCRBYFLOAT spell their result: 17 digits behind the point, without the zeros at their end. A view of
/// `buffer`, of kRealTextMax bytes: the largest long double has 4933 digits before the point.
inline constexpr std::size_t kRealTextMax = std::numeric_limits<long double>::max_exponent10 + 32;
std::string_view format_real(long double value, std::span<char> buffer);

}  // namespace stele
