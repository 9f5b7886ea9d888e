#pragma once

#include <optional>
#include <string_view>

namespace stele {

/// Reads `text` as the C library reads numbers, all of it: also "inf", "1e3", "0x10". No space in front, no nan, nothing that
/// overflows or vanishes. What Redis takes for an increment or a timeout (long double), and for a score (double).
std::optional<long double> parse_real(std::string_view text);
std::optional<double> parse_double(std::string_view text);

}  // namespace stele
