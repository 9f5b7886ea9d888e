#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace stele::bits {

/// Strings as runs of bits: bit 0 is the highest of the first byte. Positions are in bits, ranges half-open. Nothing
/// here allocates or fails.

/// How many bits of [begin, end) are set; `end` is at most 8 * bytes.size(). O(bytes), a machine word at a time.
std::uint64_t count(std::string_view bytes, std::uint64_t begin, std::uint64_t end);

/// The first bit of [begin, end) that is `bit`, if there is one.
std::optional<std::uint64_t> find(std::string_view bytes, bool bit, std::uint64_t begin, std::uint64_t end);

inline bool test(std::string_view bytes, std::uint64_t at) {
  return at / 8 < bytes.size() && (static_cast<unsigned char>(bytes[at / 8]) >> (7 - at % 8) & 1) != 0;
}

enum class Combine { bit_and, bit_or, bit_xor };

/// into[i] = into[i] <op> with[i], for as long as `with` goes; behind it zeros take its place.
void combine(Combine op, std::span<char> into, std::string_view with);
void invert(std::span<char> bytes);

/// The integer of `width` bits (1 .. 64) at bit `at`, the highest bit first; bits behind the end are zero.
std::uint64_t load_field(std::string_view bytes, std::uint64_t at, unsigned width);
/// All of the field must lie inside `bytes`.
void store_field(std::span<char> bytes, std::uint64_t at, unsigned width, std::uint64_t value);

}  // namespace stele::bits
