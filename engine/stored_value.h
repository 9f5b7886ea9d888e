#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "engine/entry.h"

namespace stele {

struct CollectionLimits;
struct TypeOps;

/// The value of a row in the column family `objects`:
///
///     0  1  RDB type byte
///     1  1  flags: 1 has an expiry
///     2  3  access (LRU or LFU), little-endian
///     [ 8   expire at, unix ms, little-endian ]
///     the value in RDB encoding, so that a snapshot copies it through
void append_stored_value(const Entry& entry, std::string& out);

/// Only what stands before the value, which is of `rdb_type`.
void append_stored_header(std::uint8_t rdb_type, std::uint32_t access, std::optional<UnixTime> expire_at, std::string& out);

/// The parts of such a row.
struct StoredValue {
  std::uint8_t rdb_type = 0;
  std::uint32_t access = 0;
  std::optional<UnixTime> expire_at;
  std::string_view value;  // borrowed from the row
};

/// `corrupt` if the row is shorter than its header.
Result<StoredValue> split_stored_value(std::string_view row);

/// The entry that append_stored_value() was given, marked as stored. `corrupt` if the bytes are not exactly that.
Result<Entry*> entry_from_stored(std::string_view key, std::string_view value);
/// The same, in the encoding that suits `limits`.
Result<Entry*> entry_from_stored(std::string_view key, std::string_view value, const CollectionLimits& limits);

/// Only the type; null if no type of this server writes it.
const TypeOps* stored_value_type(std::string_view value);

/// Only the expiry; nothing if there is none or the row is malformed.
std::optional<UnixTime> stored_value_expire(std::string_view value);

}  // namespace stele
