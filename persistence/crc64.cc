#include "persistence/crc64.h"

#include <array>

namespace stele {

namespace {

constexpr std::uint64_t kPolynomial = 0x95ac9329ac4bc9b5;  // 0xad93d23594c935a9, its bits reversed

/// Row k holds the effect of a byte that has k more bytes behind it: eight bytes a step.
constexpr auto kTables = [] {
  std::array<std::array<std::uint64_t, 256>, 8> tables{};
  for (unsigned byte = 0; byte < 256; ++byte) {
    std::uint64_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = crc & 1 ? crc >> 1 ^ kPolynomial : crc >> 1;
    tables[0][byte] = crc;
  }
  for (std::size_t k = 1; k < tables.size(); ++k) {
    for (unsigned byte = 0; byte < 256; ++byte) {
      const std::uint64_t crc = tables[k - 1][byte];
      tables[k][byte] = tables[0][crc & 255] ^ crc >> 8;
    }
  }
  return tables;
}();

}  // namespace

std::uint64_t crc64(std::string_view bytes, std::uint64_t before) {
  std::uint64_t crc = before;
  std::size_t i = 0;
  const auto at = [&](std::size_t j) { return static_cast<unsigned char>(bytes[j]); };
  for (; i + 8 <= bytes.size(); i += 8) {
    for (std::size_t j = 0; j < 8; ++j) crc ^= std::uint64_t{at(i + j)} << (8 * j);
    std::uint64_t next = 0;
    for (std::size_t j = 0; j < 8; ++j) next ^= kTables[7 - j][crc >> (8 * j) & 255];
    crc = next;
  }
  for (; i < bytes.size(); ++i) crc = kTables[0][(crc ^ at(i)) & 255] ^ crc >> 8;
  return crc;
}

}  // namespace stele
