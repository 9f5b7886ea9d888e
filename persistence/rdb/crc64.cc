#include "persistence/rdb/crc64.h"

#ifdef __x86_64__
#include <immintrin.h>
#endif

#include <array>
#include <bit>
#include <cstring>

namespace stele {

namespace {

// 0xad93d23594c935a9, reflected.
constexpr std::uint64_t kPolynomial = 0x95ac9329ac4bc9b5;

using Tables = std::array<std::array<std::uint64_t, 256>, 8>;

/// tables[k][b]: what byte b does to the checksum when k more bytes follow it, so that eight can be taken at a time.
constexpr Tables make_tables() {
  Tables tables{};
  for (std::size_t b = 0; b < 256; ++b) {
    std::uint64_t crc = b;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? kPolynomial : 0);
    tables[0][b] = crc;
  }
  for (std::size_t k = 1; k < tables.size(); ++k) {
    for (std::size_t b = 0; b < 256; ++b) {
      const std::uint64_t before = tables[k - 1][b];
      tables[k][b] = tables[0][before & 0xFF] ^ (before >> 8);
    }
  }
  return tables;
}

constexpr Tables kTables = make_tables();
static_assert(std::endian::native == std::endian::little);

std::uint64_t by_tables(std::uint64_t crc, const char* p, std::size_t left) {
  for (; left >= 8; p += 8, left -= 8) {
    std::uint64_t word;
    std::memcpy(&word, p, 8);
    word ^= crc;
    crc = kTables[7][word & 0xFF] ^ kTables[6][word >> 8 & 0xFF] ^ kTables[5][word >> 16 & 0xFF] ^
          kTables[4][word >> 24 & 0xFF] ^ kTables[3][word >> 32 & 0xFF] ^ kTables[2][word >> 40 & 0xFF] ^
          kTables[1][word >> 48 & 0xFF] ^ kTables[0][word >> 56];
  }
  for (; left > 0; ++p, --left) crc = kTables[0][(crc ^ static_cast<unsigned char>(*p)) & 0xFF] ^ (crc >> 8);
  return crc;
}

#ifdef __x86_64__

// Folding by carry-less multiplication: Gopal et al., "Fast CRC Computation for Generic Polynomials Using PCLMULQDQ",
// Intel 2009. 16 bytes are the polynomial A x^64 + B, A in the lower half, its highest power in bit 0. D bits further
// on they are A x^(64+D) + B x^D, so A and B are multiplied by these powers modulo the polynomial and added to what
// stands there. The product of two reflected words is one power too high, hence the - 1.

/// x^n modulo the polynomial.
constexpr std::uint64_t power(int n) {
  std::uint64_t value = std::uint64_t{1} << 63;
  for (int i = 0; i < n; ++i) value = (value >> 1) ^ ((value & 1) != 0 ? kPolynomial : 0);
  return value;
}

constexpr std::size_t kBlock = 16;
constexpr std::size_t kFoldMin = 8 * kBlock;

template <int Bits>
[[gnu::target("pclmul,sse4.1"), gnu::always_inline]] inline __m128i fold(__m128i block, __m128i onto) {
  const __m128i powers =
      _mm_set_epi64x(static_cast<long long>(power(Bits - 1)), static_cast<long long>(power(64 + Bits - 1)));
  const __m128i lower = _mm_clmulepi64_si128(block, powers, 0x00);
  const __m128i upper = _mm_clmulepi64_si128(block, powers, 0x11);
  return _mm_xor_si128(onto, _mm_xor_si128(lower, upper));
}

/// `left` is at least kFoldMin.
[[gnu::target("pclmul,sse4.1")]] std::uint64_t by_folding(std::uint64_t crc, const char* p, std::size_t left) {
  const auto load = [](const char* at) [[gnu::target("pclmul,sse4.1")]] {
    return _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
  };
  __m128i a = _mm_xor_si128(load(p), _mm_set_epi64x(0, static_cast<long long>(crc)));
  __m128i b = load(p + kBlock);
  __m128i c = load(p + 2 * kBlock);
  __m128i d = load(p + 3 * kBlock);
  for (p += 4 * kBlock, left -= 4 * kBlock; left >= 4 * kBlock; p += 4 * kBlock, left -= 4 * kBlock) {
    a = fold<512>(a, load(p));
    b = fold<512>(b, load(p + kBlock));
    c = fold<512>(c, load(p + 2 * kBlock));
    d = fold<512>(d, load(p + 3 * kBlock));
  }
  a = fold<128>(fold<128>(fold<128>(a, b), c), d);
  for (; left >= kBlock; p += kBlock, left -= kBlock) a = fold<128>(a, load(p));
  alignas(kBlock) char rest[kBlock];
  _mm_store_si128(reinterpret_cast<__m128i*>(rest), a);
  return by_tables(by_tables(0, rest, kBlock), p, left);
}

const bool kCanFold = __builtin_cpu_supports("pclmul") && __builtin_cpu_supports("sse4.1");

#endif

}  // namespace

std::uint64_t crc64(std::uint64_t crc, std::string_view bytes) {
#ifdef __x86_64__
  if (bytes.size() >= kFoldMin && kCanFold) return by_folding(crc, bytes.data(), bytes.size());
#endif
  return by_tables(crc, bytes.data(), bytes.size());
}

}  // namespace stele
