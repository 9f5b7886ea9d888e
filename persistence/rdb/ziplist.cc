#include "persistence/rdb/ziplist.h"

#include <cstddef>
#include <cstring>
#include <optional>

namespace stele {

namespace {

constexpr std::uint8_t kEnd = 0xFF;
constexpr std::size_t kZiplistHeaderBytes = 10;
constexpr std::uint16_t kCountUnknown = 65535;
constexpr std::uint8_t kLongSize = 254;  // of a previous entry, or of a zipmap's string: 4 bytes follow
constexpr std::uint8_t kZipmapCountUnknown = 254;

/// Reads forward and never past the end; what is short leaves ok false.
struct Cursor {
  std::string_view rest;
  bool ok = true;

  std::string_view take(std::size_t n) {
    if (!ok || n > rest.size()) {
      ok = false;
      return {};
    }
    const std::string_view taken = rest.substr(0, n);
    rest.remove_prefix(n);
    return taken;
  }
  std::uint8_t byte() {
    const std::string_view one = take(1);
    return ok ? static_cast<std::uint8_t>(one[0]) : 0;
  }
  template <typename Integer>
  Integer little_endian() {
    Integer value{};
    const std::string_view raw = take(sizeof value);
    if (ok) std::memcpy(&value, raw.data(), sizeof value);
    return value;
  }
  std::uint32_t size_254() {
    const std::uint8_t first = byte();
    if (first < kLongSize) return first;
    if (first == kLongSize) return little_endian<std::uint32_t>();
    ok = false;
    return 0;
  }
};

LegacyElement read_element(Cursor& in) {
  const std::uint8_t first = in.byte();
  const auto text = [&](std::size_t n) { return LegacyElement{in.take(n), 0, false}; };
  const auto integer = [](std::int64_t value) { return LegacyElement{{}, value, true}; };
  switch (first >> 6) {
    case 0:
      return text(first);
    case 1:
      return text(std::size_t{first & 0x3Fu} << 8 | in.byte());
    case 2: {
      if (first != 0x80) break;
      std::size_t n = 0;
      for (const char c : in.take(4)) n = n << 8 | static_cast<unsigned char>(c);
      return text(n);
    }
    default:
      break;
  }
  switch (first) {
    case 0xC0:
      return integer(in.little_endian<std::int16_t>());
    case 0xD0:
      return integer(in.little_endian<std::int32_t>());
    case 0xE0:
      return integer(in.little_endian<std::int64_t>());
    case 0xF0: {
      const std::string_view raw = in.take(3);
      std::uint32_t value = 0;
      if (in.ok) std::memcpy(&value, raw.data(), 3);
      return integer(static_cast<std::int32_t>(value << 8) >> 8);
    }
    case 0xFE:
      return integer(in.little_endian<std::int8_t>());
    default:
      if (first >= 0xF1 && first <= 0xFD) return integer(first - 0xF1);
      in.ok = false;
      return {};
  }
}

}  // namespace

bool read_ziplist(std::string_view bytes, const std::function<void(const LegacyElement&)>& visit) {
  if (bytes.size() < kZiplistHeaderBytes + 1 || static_cast<std::uint8_t>(bytes.back()) != kEnd) return false;
  Cursor in{bytes.substr(0, bytes.size() - 1)};
  const auto total = in.little_endian<std::uint32_t>();
  const auto last_at = in.little_endian<std::uint32_t>();
  const auto count = in.little_endian<std::uint16_t>();
  if (total != bytes.size()) return false;

  std::size_t visited = 0;
  std::size_t previous_bytes = 0;
  std::size_t at = kZiplistHeaderBytes;
  std::size_t last = kZiplistHeaderBytes;
  while (in.ok && !in.rest.empty()) {
    if (in.size_254() != previous_bytes) return false;
    const LegacyElement element = read_element(in);
    if (!in.ok) return false;
    visit(element);
    ++visited;
    last = at;
    const std::size_t next = bytes.size() - 1 - in.rest.size();
    previous_bytes = next - at;
    at = next;
  }
  return in.ok && last_at == last && (count == kCountUnknown || count == visited);
}

bool read_zipmap(std::string_view bytes, const std::function<void(std::string_view)>& visit) {
  if (bytes.size() < 2 || static_cast<std::uint8_t>(bytes.back()) != kEnd) return false;
  Cursor in{bytes.substr(0, bytes.size() - 1)};
  const std::uint8_t count = in.byte();
  std::size_t pairs = 0;
  while (in.ok && !in.rest.empty()) {
    const std::string_view field = in.take(in.size_254());
    const std::uint32_t value_bytes = in.size_254();
    const std::uint8_t free_bytes = in.byte();
    const std::string_view value = in.take(value_bytes);
    in.take(free_bytes);
    if (!in.ok) return false;
    visit(field);
    visit(value);
    ++pairs;
  }
  return in.ok && (count == kZipmapCountUnknown || count == pairs);
}

}  // namespace stele
