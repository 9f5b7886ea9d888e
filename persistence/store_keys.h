#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "persistence/offset.h"
#include "persistence/status.h"

namespace stele {

/// Keys sort as bytes, so the integers in them are big-endian.
///
///     objects   partition (4) | top 48 bits of the hash (6) | user key     made by the engine, opaque here
///     expires   expire at, ms (8) | key in objects                         value empty
///     meta      "label"
static_assert(std::endian::native == std::endian::little);

inline void append_be32(std::string& out, std::uint32_t value) {
  value = __builtin_bswap32(value);
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}
inline void append_be64(std::string& out, std::uint64_t value) {
  value = __builtin_bswap64(value);
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}
inline std::uint32_t load_be32(std::string_view bytes) {
  std::uint32_t value;
  std::memcpy(&value, bytes.data(), sizeof value);
  return __builtin_bswap32(value);
}
inline std::uint64_t load_be64(std::string_view bytes) {
  std::uint64_t value;
  std::memcpy(&value, bytes.data(), sizeof value);
  return __builtin_bswap64(value);
}

inline constexpr std::string_view kLabelKey = "label";
inline constexpr std::size_t kExpireBytes = 8;  // of an expires key, before the object's

/// The first key in `expires` of an expiry at `at`. An expiry before 1970 is in the past: nobody stores it.
inline std::string expires_key(UnixTime at, std::string_view object_key) {
  STELE_ASSERT(at.ms() >= 0);
  std::string key;
  key.reserve(kExpireBytes + object_key.size());
  append_be64(key, static_cast<std::uint64_t>(at.ms()));
  key.append(object_key);
  return key;
}

}  // namespace stele
