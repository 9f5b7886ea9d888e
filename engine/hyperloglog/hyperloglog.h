#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace stele::hll {

/// An estimate of how many different elements were seen, in a string whose bytes are Redis':
///
///     0   4  "HYLL"
///     4   1  representation: 0 dense, 1 sparse
///     5   3  0
///     8   8  the estimate as of the last PFCOUNT, little-endian; the top bit says that it is out of date
///     16     registers
///
/// An element's hash, MurmurHash64A, chooses a register by its low 14 bits; the register keeps the most trailing zeros
/// plus one that the rest of any such hash had (1 .. 51).
///
/// Dense: 16384 registers of 6 bits, from the low bits of the first byte on. Sparse: runs of equal registers,
///
///     00nnnnnn            n + 1 registers of 0
///     01nnnnnn nnnnnnnn   n + 1 registers of 0, high bits first
///     1vvvvvnn            n + 1 registers of v + 1
///
/// valid if they are 16384 registers together. What adds to a sparse value makes the same runs as Redis does, so that
/// the bytes are equal after equal commands; past `sparse_bytes_max`, or with a register above 32, it becomes dense for
/// good.
inline constexpr unsigned kIndexBits = 14;
inline constexpr std::size_t kRegisters = std::size_t{1} << kIndexBits;
inline constexpr unsigned kRegisterBits = 6;
inline constexpr std::size_t kHeaderBytes = 16;
inline constexpr std::size_t kDenseBytes = kHeaderBytes + kRegisters * kRegisterBits / 8;
inline constexpr unsigned kHashBitsLeft = 64 - kIndexBits;
inline constexpr unsigned kRegisterMax = kHashBitsLeft + 1;

using Registers = std::array<std::uint8_t, kRegisters>;

/// Whether `value` has a header that can be trusted; the runs of a sparse one may still be malformed.
bool has_header(std::string_view value);
inline bool is_dense(std::string_view value) { return value[4] == 0; }

/// A value that has seen nothing; it is sparse.
std::string empty();

struct Element {
  std::uint32_t index;
  std::uint8_t rank;
};
Element element_of(std::string_view text);

std::uint64_t murmur_hash_64a(std::string_view text, std::uint64_t seed);

// --- dense values, which cannot be malformed
std::uint8_t dense_register(std::string_view value, std::size_t index);
/// Raises the register to `element.rank`; false if it was as high already.
bool raise_dense(std::span<char> value, Element element);

// --- sparse or dense values, as owned strings
enum class Raised : std::uint8_t { no, yes, malformed };
/// As raise_dense(), for either representation; a sparse value may become dense. The estimate is out of date after
/// `yes` if the value was sparse.
Raised raise(std::string& value, Element element, std::size_t sparse_bytes_max);
/// The dense form of a sparse value; nothing if it is malformed.
std::optional<std::string> to_dense(std::string_view value);

/// Raises `into` to what `value` has; false if it is malformed.
bool merge(Registers& into, std::string_view value);

/// The estimate; nothing if `value` is malformed. O(registers), O(runs) if sparse.
std::optional<std::uint64_t> estimate(std::string_view value);
std::uint64_t estimate(const Registers& registers);

// --- the estimate kept in the header
std::optional<std::uint64_t> cached_estimate(std::string_view value);
void set_cached_estimate(std::span<char> value, std::uint64_t estimate);
void mark_out_of_date(std::span<char> value);

/// "Z:100 v:3,1 z:5", as PFDEBUG DECODE shows the runs of a sparse value.
std::string runs_text(std::string_view value);

}  // namespace stele::hll
