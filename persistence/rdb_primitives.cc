#include "persistence/rdb_primitives.h"

#include <charconv>
#include <limits>

namespace stele {

namespace {

constexpr unsigned char kInt8 = 0xC0;
constexpr unsigned char kInt16 = 0xC1;
constexpr unsigned char kInt32 = 0xC2;
constexpr unsigned char kLength32 = 0x80;
constexpr unsigned char kLength64 = 0x81;

void append_little_endian(std::string& out, std::uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) out += static_cast<char>(value >> (8 * i));
}

bool fits(std::int64_t value, std::int64_t least, std::int64_t last) { return value >= least && value <= last; }

}  // namespace

void append_rdb_length(std::string& out, std::uint64_t length) {
  if (length < 64) {
    out += static_cast<char>(length);
  } else if (length < 16384) {
    out += static_cast<char>(0x40 | length >> 8);
    out += static_cast<char>(length);
  } else {
    const int bytes = length <= std::numeric_limits<std::uint32_t>::max() ? 4 : 8;
    out += static_cast<char>(bytes == 4 ? kLength32 : kLength64);
    for (int i = bytes - 1; i >= 0; --i) out += static_cast<char>(length >> (8 * i));
  }
}

void append_rdb_integer_string(std::string& out, std::int64_t value) {
  if (fits(value, -128, 127)) {
    out += static_cast<char>(kInt8);
    append_little_endian(out, static_cast<std::uint64_t>(value), 1);
  } else if (fits(value, -32768, 32767)) {
    out += static_cast<char>(kInt16);
    append_little_endian(out, static_cast<std::uint64_t>(value), 2);
  } else if (fits(value, std::numeric_limits<std::int32_t>::min(), std::numeric_limits<std::int32_t>::max())) {
    out += static_cast<char>(kInt32);
    append_little_endian(out, static_cast<std::uint64_t>(value), 4);
  } else {
    char digits[24];
    const auto [end, error] = std::to_chars(digits, digits + sizeof digits, value);
    append_rdb_length(out, static_cast<std::uint64_t>(end - digits));
    out.append(digits, end);
  }
}

void append_rdb_string(std::string& out, std::string_view text) {
  if (!text.empty() && text.size() <= 11) {
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    char digits[24];
    if (error == std::errc() && end == text.data() + text.size() &&
        fits(value, std::numeric_limits<std::int32_t>::min(), std::numeric_limits<std::int32_t>::max()) &&
        std::string_view(digits, static_cast<std::size_t>(std::to_chars(digits, digits + 24, value).ptr - digits)) == text) {
      append_rdb_integer_string(out, value);
      return;
    }
  }
  append_rdb_length(out, text.size());
  out.append(text);
}

bool RdbReader::fail() {
  ok_ = false;
  rest_ = {};
  return false;
}

std::uint8_t RdbReader::byte() {
  if (rest_.empty()) return fail(), std::uint8_t{0};
  const auto value = static_cast<std::uint8_t>(rest_[0]);
  rest_.remove_prefix(1);
  return value;
}

std::string_view RdbReader::bytes(std::size_t count) {
  if (!ok_ || rest_.size() < count) return fail(), std::string_view();
  const std::string_view out = rest_.substr(0, count);
  rest_.remove_prefix(count);
  return out;
}

std::uint64_t RdbReader::length() {
  const std::uint8_t first = byte();
  if (first < 0x40) return first;
  if (first < 0x80) return (first & 0x3Fu) << 8 | byte();
  if (first != kLength32 && first != kLength64) return fail(), std::uint64_t{0};
  std::uint64_t value = 0;
  for (const char c : bytes(first == kLength32 ? 4 : 8)) value = value << 8 | static_cast<unsigned char>(c);
  return value;
}

std::string_view RdbReader::string(char* scratch) {
  if (rest_.empty()) return fail(), std::string_view();
  const auto first = static_cast<unsigned char>(rest_[0]);
  if (first < 0xC0) return bytes(length());
  rest_.remove_prefix(1);
  if (first > kInt32) return fail(), std::string_view();
  const std::size_t width = std::size_t{1} << (first - kInt8);
  const std::string_view raw = bytes(width);
  if (!ok_) return {};
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < width; ++i) value |= static_cast<std::uint32_t>(static_cast<unsigned char>(raw[i])) << (8 * i);
  const int unused = static_cast<int>(32 - 8 * width);
  const auto number = static_cast<std::int32_t>(value << unused) >> unused;
  const auto [end, error] = std::to_chars(scratch, scratch + 12, number);
  return {scratch, static_cast<std::size_t>(end - scratch)};
}

}  // namespace stele
