#include "engine/hyperloglog/hyperloglog.h"

#include <bit>
#include <cmath>
#include <cstring>

#include <fmt/format.h>

namespace stele::hll {

namespace {

constexpr std::string_view kMagic = "HYLL";
constexpr char kDense = 0, kSparse = 1;
constexpr std::uint64_t kSeed = 0xadc83b19;
constexpr unsigned kZeroRunMax = 64, kLongZeroRunMax = 16384, kValueRunMax = 4, kRunValueMax = 32;

// --- runs of a sparse value

struct Run {
  unsigned value = 0;
  unsigned length = 0;
  unsigned bytes = 0;
};

/// The run at `at`, which lies inside `runs`; of no bytes if it is cut off.
Run run_at(std::string_view runs, std::size_t at) {
  const unsigned first = static_cast<unsigned char>(runs[at]);
  if (first & 0x80) return {(first >> 2 & 0x1f) + 1, (first & 3) + 1, 1};
  if ((first & 0x40) == 0) return {0, (first & 0x3f) + 1, 1};
  if (at + 1 >= runs.size()) return {};
  return {0, ((first & 0x3f) << 8 | static_cast<unsigned char>(runs[at + 1])) + 1, 2};
}

char value_run(unsigned value, unsigned length) { return static_cast<char>(0x80 | (value - 1) << 2 | (length - 1)); }

/// A run of zeros in one opcode or two bytes of one.
void append_zeros(std::string& out, unsigned length) {
  if (length == 0) return;
  if (length > kZeroRunMax) {
    out += static_cast<char>(0x40 | (length - 1) >> 8);
    out += static_cast<char>(length - 1);
  } else {
    out += static_cast<char>(length - 1);
  }
}

/// False if the runs are not 16384 registers, or `visit`ed past that.
template <typename Visit>
bool for_each_run(std::string_view value, const Visit& visit) {
  const std::string_view runs = value.substr(kHeaderBytes);
  std::size_t index = 0;
  for (std::size_t at = 0; at < runs.size();) {
    const Run run = run_at(runs, at);
    if (run.bytes == 0 || index + run.length > kRegisters) return false;
    visit(index, run);
    index += run.length;
    at += run.bytes;
  }
  return index == kRegisters;
}

// --- dense registers

void set_dense(char* registers, std::size_t index, unsigned rank) {
  const std::size_t bit = index * kRegisterBits;
  auto* bytes = reinterpret_cast<unsigned char*>(registers) + bit / 8;
  const unsigned shift = bit % 8;
  const unsigned mask = 0x3fu << shift;
  const unsigned bits = rank << shift;
  bytes[0] = static_cast<unsigned char>((bytes[0] & ~mask) | bits);
  // A register that ends with its byte has nothing in the next one, and the last byte has no next.
  if (shift > 2) bytes[1] = static_cast<unsigned char>((bytes[1] & ~(mask >> 8)) | bits >> 8);
}

/// Four registers are three bytes.
template <typename Visit>
void for_each_dense(std::string_view value, const Visit& visit) {
  const auto* bytes = reinterpret_cast<const unsigned char*>(value.data() + kHeaderBytes);
  for (std::size_t index = 0; index < kRegisters; index += 4, bytes += 3) {
    const unsigned four = bytes[0] | unsigned{bytes[1]} << 8 | unsigned{bytes[2]} << 16;
    visit(index, four & 0x3f);
    visit(index + 1, four >> 6 & 0x3f);
    visit(index + 2, four >> 12 & 0x3f);
    visit(index + 3, four >> 18);
  }
}

// --- the estimate: O. Ertl, "New cardinality estimation algorithms for HyperLogLog sketches" (2017), algorithm 6

double sigma(double x) {
  if (x == 1.0) return INFINITY;
  double y = 1, z = x, before = 0;
  do {
    x *= x;
    before = z;
    z += x * y;
    y += y;
  } while (before != z);
  return z;
}

double tau(double x) {
  if (x == 0.0 || x == 1.0) return 0.0;
  double y = 1.0, z = 1 - x, before = 0;
  do {
    x = std::sqrt(x);
    before = z;
    y *= 0.5;
    z -= (1 - x) * (1 - x) * y;
  } while (before != z);
  return z / 3;
}

/// How many registers have each value; 6 bits could say more than a hash gives.
using Histogram = std::array<unsigned, 64>;

std::uint64_t estimate_of(const Histogram& histogram) {
  constexpr double kAlpha = 0.721347520444481703680;  // 1 / (2 ln 2)
  constexpr double m = kRegisters;
  double z = m * tau((m - histogram[kHashBitsLeft + 1]) / m);
  for (unsigned rank = kHashBitsLeft; rank >= 1; --rank) {
    z += histogram[rank];
    z *= 0.5;
  }
  z += m * sigma(histogram[0] / m);
  return static_cast<std::uint64_t>(std::llround(kAlpha * m * m / z));
}

// --- adding to a sparse value

/// Joins neighbouring runs of one value around the change, as far as Redis looks: five steps from `at` on.
void join_runs(std::string& value, std::size_t at) {
  for (int steps = 5; at < value.size() && steps > 0; --steps) {
    const Run run = run_at(value, at);
    if (run.bytes == 0) return;
    if (run.value != 0 && at + 1 < value.size()) {
      const Run next = run_at(value, at + 1);
      if (next.value == run.value && run.length + next.length <= kValueRunMax) {
        value[at + 1] = value_run(run.value, run.length + next.length);
        value.erase(at, 1);
        continue;  // it may take in the one behind, too
      }
    }
    at += run.bytes;
  }
}

Raised become_dense(std::string& value, Element element) {
  std::optional<std::string> dense = to_dense(value);
  if (!dense) return Raised::malformed;
  value = std::move(*dense);
  return raise_dense(value, element) ? Raised::yes : Raised::malformed;
}

Raised raise_sparse(std::string& value, Element element, std::size_t sparse_bytes_max) {
  if (element.rank > kRunValueMax) return become_dense(value, element);
  // The run that covers the register, where it begins, and the run before it.
  std::size_t at = kHeaderBytes, before = kHeaderBytes;
  unsigned first = 0;
  Run run;
  while (true) {
    if (at >= value.size()) return Raised::malformed;
    run = run_at(value, at);
    if (run.bytes == 0) return Raised::malformed;
    if (element.index < first + run.length) break;
    first += run.length;
    before = at;
    at += run.bytes;
  }
  if (run.value >= element.rank) return Raised::no;

  if (run.length == 1 && run.bytes == 1) {
    value[at] = value_run(element.rank, 1);
  } else {
    const unsigned in_front = element.index - first, behind = first + run.length - 1 - element.index;
    std::string split;
    const auto append_rest = [&](unsigned length) {
      if (run.value == 0) {
        append_zeros(split, length);
      } else if (length > 0) {
        split += value_run(run.value, length);
      }
    };
    append_rest(in_front);
    split += value_run(element.rank, 1);
    append_rest(behind);
    if (split.size() > run.bytes && value.size() + split.size() - run.bytes > sparse_bytes_max) {
      return become_dense(value, element);
    }
    value.replace(at, run.bytes, split);
  }
  join_runs(value, before);
  mark_out_of_date(value);
  return Raised::yes;
}

}  // namespace

std::uint64_t murmur_hash_64a(std::string_view text, std::uint64_t seed) {
  constexpr std::uint64_t kMul = 0xc6a4a7935bd1e995;
  constexpr int kShift = 47;
  std::uint64_t hash = seed ^ text.size() * kMul;
  const char* p = text.data();
  for (std::size_t words = text.size() / 8; words > 0; --words, p += 8) {
    std::uint64_t word;
    std::memcpy(&word, p, sizeof word);
    if constexpr (std::endian::native == std::endian::big) word = __builtin_bswap64(word);
    word *= kMul;
    word ^= word >> kShift;
    hash = (hash ^ word * kMul) * kMul;
  }
  if (const std::size_t rest = text.size() % 8; rest > 0) {
    std::uint64_t word = 0;
    for (std::size_t i = rest; i > 0; --i) word = word << 8 | static_cast<unsigned char>(p[i - 1]);
    hash = (hash ^ word) * kMul;
  }
  hash = (hash ^ hash >> kShift) * kMul;
  return hash ^ hash >> kShift;
}

Element element_of(std::string_view text) {
  const std::uint64_t hash = murmur_hash_64a(text, kSeed);
  // The bit above the rest bounds the zeros.
  const std::uint64_t rest = hash >> kIndexBits | std::uint64_t{1} << kHashBitsLeft;
  return {static_cast<std::uint32_t>(hash & (kRegisters - 1)), static_cast<std::uint8_t>(std::countr_zero(rest) + 1)};
}

bool has_header(std::string_view value) {
  if (value.size() < kHeaderBytes || !value.starts_with(kMagic)) return false;
  return value[4] == kSparse || (value[4] == kDense && value.size() == kDenseBytes);
}

std::string empty() {
  std::string value(kHeaderBytes, '\0');
  value.replace(0, kMagic.size(), kMagic);
  value[4] = kSparse;
  append_zeros(value, kLongZeroRunMax);
  return value;
}

std::uint8_t dense_register(std::string_view value, std::size_t index) {
  const std::size_t bit = index * kRegisterBits;
  const auto* bytes = reinterpret_cast<const unsigned char*>(value.data() + kHeaderBytes) + bit / 8;
  const unsigned shift = bit % 8;
  unsigned both = bytes[0];
  if (shift > 2) both |= unsigned{bytes[1]} << 8;
  return static_cast<std::uint8_t>(both >> shift & 0x3f);
}

bool raise_dense(std::span<char> value, Element element) {
  if (dense_register({value.data(), value.size()}, element.index) >= element.rank) return false;
  set_dense(value.data() + kHeaderBytes, element.index, element.rank);
  return true;
}

Raised raise(std::string& value, Element element, std::size_t sparse_bytes_max) {
  if (is_dense(value)) return raise_dense(value, element) ? Raised::yes : Raised::no;
  return raise_sparse(value, element, sparse_bytes_max);
}

std::optional<std::string> to_dense(std::string_view value) {
  std::string dense(kDenseBytes, '\0');
  std::memcpy(dense.data(), value.data(), kHeaderBytes);
  dense[4] = kDense;
  const bool whole = for_each_run(value, [&](std::size_t index, Run run) {
    for (unsigned i = 0; run.value != 0 && i < run.length; ++i)
      set_dense(dense.data() + kHeaderBytes, index + i, run.value);
  });
  if (!whole) return std::nullopt;
  return dense;
}

bool merge(Registers& into, std::string_view value) {
  const auto raise_to = [&into](std::size_t index, unsigned rank) {
    if (rank > into[index]) into[index] = static_cast<std::uint8_t>(rank);
  };
  if (is_dense(value)) {
    for_each_dense(value, raise_to);
    return true;
  }
  return for_each_run(value, [&](std::size_t index, Run run) {
    for (unsigned i = 0; run.value != 0 && i < run.length; ++i) raise_to(index + i, run.value);
  });
}

std::optional<std::uint64_t> estimate(std::string_view value) {
  Histogram histogram{};
  if (is_dense(value)) {
    for_each_dense(value, [&](std::size_t, unsigned rank) { ++histogram[rank]; });
  } else if (!for_each_run(value, [&](std::size_t, Run run) { histogram[run.value] += run.length; })) {
    return std::nullopt;
  }
  return estimate_of(histogram);
}

std::uint64_t estimate(const Registers& registers) {
  Histogram histogram{};
  for (const std::uint8_t rank : registers) ++histogram[rank];
  return estimate_of(histogram);
}

std::optional<std::uint64_t> cached_estimate(std::string_view value) {
  std::uint64_t estimate = 0;
  for (std::size_t i = 0; i < 8; ++i) estimate |= std::uint64_t{static_cast<unsigned char>(value[8 + i])} << 8 * i;
  if (estimate >> 63) return std::nullopt;
  return estimate;
}

void set_cached_estimate(std::span<char> value, std::uint64_t estimate) {
  for (std::size_t i = 0; i < 8; ++i) value[8 + i] = static_cast<char>(estimate >> 8 * i);
}

void mark_out_of_date(std::span<char> value) { value[15] = static_cast<char>(value[15] | 0x80); }

std::string runs_text(std::string_view value) {
  std::string text;
  const std::string_view runs = value.substr(kHeaderBytes);
  for (std::size_t at = 0; at < runs.size();) {
    const Run run = run_at(runs, at);
    if (run.bytes == 0) break;
    if (!text.empty()) text += ' ';
    if (run.value != 0) {
      fmt::format_to(std::back_inserter(text), "v:{},{}", run.value, run.length);
    } else {
      fmt::format_to(std::back_inserter(text), "{}:{}", run.bytes == 2 ? 'Z' : 'z', run.length);
    }
    at += run.bytes;
  }
  return text;
}

}  // namespace stele::hll
