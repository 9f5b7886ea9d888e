#include "persistence/rdb/lzf_pack.h"

#include <liblzf/lzf.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <limits>

namespace stele {

namespace {

constexpr std::size_t kShortMax = 4096;  // so that a position fits 16 bits, and every distance what a reference can say
constexpr std::size_t kLiteralsMax = 32;  // of one control byte
constexpr std::size_t kMatchMin = 3;
constexpr std::size_t kMatchMax = 264;
static_assert(kShortMax <= 8192);

std::uint32_t three_bytes(const unsigned char* at) {
  std::uint32_t bytes;
  std::memcpy(&bytes, at, sizeof bytes);  // one more than is looked at
  return bytes & 0xFFFFFF;
}

/// What becomes of literals: a control byte for each 32.
class Output {
 public:
  Output(unsigned char* out, std::size_t room) : out_(out), room_(room) {}

  bool literals(const unsigned char* from, std::size_t count) {
    if (count + (count + kLiteralsMax - 1) / kLiteralsMax > room_ - put_) return false;
    for (; count > 0;) {
      const std::size_t n = std::min(count, kLiteralsMax);
      out_[put_++] = static_cast<unsigned char>(n - 1);
      std::memcpy(out_ + put_, from, n);
      put_ += n;
      from += n;
      count -= n;
    }
    return true;
  }

  bool match(std::size_t distance, std::size_t length) {
    if (room_ - put_ < 3) return false;
    const std::size_t coded = length - 2;
    out_[put_++] = static_cast<unsigned char>(std::min<std::size_t>(coded, 7) << 5 | distance >> 8);
    if (coded >= 7) out_[put_++] = static_cast<unsigned char>(coded - 7);
    out_[put_++] = static_cast<unsigned char>(distance);
    return true;
  }

  std::size_t size() const { return put_; }

 private:
  unsigned char* const out_;
  const std::size_t room_;
  std::size_t put_ = 0;
};

/// kBits: of the table, which is cleared for every text.
template <unsigned kBits>
std::size_t pack_short(const unsigned char* in, std::size_t size, unsigned char* to, std::size_t room) {
  std::uint16_t seen[std::size_t{1} << kBits] =
      {};  // where three bytes of this hash were last; a first look is at the beginning
  const auto slot = [&](std::uint32_t bytes) -> std::uint16_t& { return seen[(bytes * 0x9E3779B1u) >> (32 - kBits)]; };
  Output out(to, room);
  std::size_t pending = 0;  // the first literal that is not in the output
  std::size_t at = 1;
  while (at + sizeof(std::uint32_t) <= size) {
    const std::uint32_t bytes = three_bytes(in + at);
    std::uint16_t& last = slot(bytes);
    const std::size_t from = last;
    last = static_cast<std::uint16_t>(at);
    if (three_bytes(in + from) != bytes) [[likely]] {
      ++at;
      continue;
    }
    const std::size_t most = std::min(kMatchMax, size - at);
    std::size_t length = kMatchMin;
    while (length < most && in[from + length] == in[at + length]) ++length;
    if (!out.literals(in + pending, at - pending) || !out.match(at - from - 1, length)) return 0;
    at += length;
    pending = at;
    // What follows is often the end of this match once more.
    for (std::size_t i = at - 2; i < at && i + sizeof(std::uint32_t) <= size; ++i)
      slot(three_bytes(in + i)) = static_cast<std::uint16_t>(i);
  }
  return out.literals(in + pending, size - pending) ? out.size() : 0;
}

}  // namespace

std::size_t lzf_pack(std::string_view text, char* out, std::size_t room) {
  const auto* const in = reinterpret_cast<const unsigned char*>(text.data());
  auto* const to = reinterpret_cast<unsigned char*>(out);
  if (text.size() <= 128) return pack_short<8>(in, text.size(), to, room);
  if (text.size() <= 1024) return pack_short<10>(in, text.size(), to, room);
  if (text.size() <= kShortMax) return pack_short<12>(in, text.size(), to, room);
  if (text.size() > std::numeric_limits<unsigned int>::max()) return 0;
  return lzf_compress(text.data(), static_cast<unsigned int>(text.size()), out, static_cast<unsigned int>(room));
}

}  // namespace stele
