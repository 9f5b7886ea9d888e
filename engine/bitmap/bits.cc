#include "engine/bitmap/bits.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace stele::bits {

namespace {

std::uint64_t word_at(const char* bytes) {
  std::uint64_t word;
  std::memcpy(&word, bytes, sizeof word);
  return word;
}

unsigned byte_at(std::string_view bytes, std::uint64_t i) { return static_cast<unsigned char>(bytes[i]); }

// Four sums, so that one addition need not wait for the other. Inlined into both callers below: one of them is compiled
// for processors that count in hardware.
[[gnu::always_inline]] inline std::uint64_t count_words(const char* p, std::size_t words) {
  std::uint64_t sums[4] = {};
  std::size_t i = 0;
  for (; i + 4 <= words; i += 4) {
    for (std::size_t k = 0; k < 4; ++k) {
      sums[k] += static_cast<std::uint64_t>(std::popcount(word_at(p + 8 * (i + k))));
    }
  }
  for (; i < words; ++i) sums[0] += static_cast<std::uint64_t>(std::popcount(word_at(p + 8 * i)));
  return sums[0] + sums[1] + sums[2] + sums[3];
}

#if defined(__x86_64__)
[[gnu::target("popcnt")]] std::uint64_t count_words_in_hardware(const char* p, std::size_t words) {
  return count_words(p, words);
}
#endif

std::uint64_t count_bytes(std::string_view bytes) {
  const std::size_t words = bytes.size() / 8;
#if defined(__x86_64__)
  static const bool in_hardware = __builtin_cpu_supports("popcnt");
  std::uint64_t sum = in_hardware ? count_words_in_hardware(bytes.data(), words) : count_words(bytes.data(), words);
#else
  std::uint64_t sum = count_words(bytes.data(), words);
#endif
  for (std::size_t i = words * 8; i < bytes.size(); ++i) sum += static_cast<unsigned>(std::popcount(byte_at(bytes, i)));
  return sum;
}

template <typename Op>
void combine_with(std::span<char> into, std::string_view with, const Op& op) {
  const std::size_t n = std::min(into.size(), with.size());
  std::size_t i = 0;
  for (; i + 8 <= n; i += 8) {
    const std::uint64_t word = op(word_at(into.data() + i), word_at(with.data() + i));
    std::memcpy(into.data() + i, &word, sizeof word);
  }
  for (; i < n; ++i) into[i] = static_cast<char>(op(static_cast<unsigned char>(into[i]), byte_at(with, i)));
  // `or` and `xor` with zero change nothing.
  if (op(1u, 0u) == 0) std::memset(into.data() + i, 0, into.size() - i);
}

}  // namespace

std::uint64_t count(std::string_view bytes, std::uint64_t begin, std::uint64_t end) {
  if (begin >= end) return 0;
  const std::uint64_t first = begin / 8, last = (end - 1) / 8;
  const unsigned head = 0xffu >> (begin % 8);          // bits of the first byte from `begin` on
  const unsigned tail = 0xffu << (7 - (end - 1) % 8);  // bits of the last byte before `end`
  if (first == last) return static_cast<unsigned>(std::popcount(byte_at(bytes, first) & head & tail & 0xff));
  return static_cast<unsigned>(std::popcount(byte_at(bytes, first) & head)) +
         static_cast<unsigned>(std::popcount(byte_at(bytes, last) & tail & 0xff)) +
         count_bytes(bytes.substr(first + 1, last - first - 1));
}

std::optional<std::uint64_t> find(std::string_view bytes, bool bit, std::uint64_t begin, std::uint64_t end) {
  if (begin >= end) return std::nullopt;
  const unsigned skip = bit ? 0 : 0xff;  // a byte without the bit that is looked for
  const std::uint64_t skip_word = bit ? 0 : ~std::uint64_t{0};
  std::uint64_t i = begin / 8;
  const std::uint64_t last = (end - 1) / 8;
  unsigned byte = (byte_at(bytes, i) ^ skip) & (0xffu >> (begin % 8));
  while (byte == 0) {
    if (++i > last) return std::nullopt;
    while (i + 8 <= last && word_at(bytes.data() + i) == skip_word) i += 8;
    byte = byte_at(bytes, i) ^ skip;
  }
  const std::uint64_t at = i * 8 + static_cast<unsigned>(std::countl_zero(static_cast<unsigned char>(byte)));
  if (at >= end) return std::nullopt;
  return at;
}

void combine(Combine op, std::span<char> into, std::string_view with) {
  switch (op) {
    case Combine::bit_and:
      return combine_with(into, with, [](auto a, auto b) { return a & b; });
    case Combine::bit_or:
      return combine_with(into, with, [](auto a, auto b) { return a | b; });
    case Combine::bit_xor:
      return combine_with(into, with, [](auto a, auto b) { return a ^ b; });
  }
}

void invert(std::span<char> bytes) {
  for (char& byte : bytes) byte = static_cast<char>(~byte);
}

std::uint64_t load_field(std::string_view bytes, std::uint64_t at, unsigned width) {
  // 64 bits that begin inside a byte take nine.
  const std::uint64_t first = at / 8;
  const unsigned shift = at % 8;
  std::uint64_t window = 0;
  for (std::uint64_t i = first; i < first + 8; ++i) window = window << 8 | (i < bytes.size() ? byte_at(bytes, i) : 0);
  const unsigned ninth = first + 8 < bytes.size() ? byte_at(bytes, first + 8) : 0;
  return (window << shift | ninth >> (8 - shift)) >> (64 - width);
}

void store_field(std::span<char> bytes, std::uint64_t at, unsigned width, std::uint64_t value) {
  for (unsigned i = 0; i < width; ++i) {
    const std::uint64_t position = at + i;
    const unsigned bit = 1u << (7 - position % 8);
    char& byte = bytes[position / 8];
    const bool on = value >> (width - 1 - i) & 1;
    byte = static_cast<char>(on ? static_cast<unsigned char>(byte) | bit : static_cast<unsigned char>(byte) & ~bit);
  }
}

}  // namespace stele::bits
