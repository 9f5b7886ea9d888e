#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "persistence/rdb/rdb_reader.h"

namespace stele::tools {

/// 128 bits that stand for a key or a value.
struct KeyDigest {
  std::uint64_t low = 0;
  std::uint64_t high = 0;

  std::string_view view() const { return {reinterpret_cast<const char*>(this), sizeof *this}; }
  bool operator==(const KeyDigest&) const = default;
};

/// Of database and key.
KeyDigest key_id(const RdbKey& key);

/// Of type and value, the same whatever the encoding and, of sets, hashes and sorted sets, the order: what two files
/// hold is equal if these are. Of streams entries, groups and all figures count, but not when consumers were last seen.
/// `corrupt` if the value is malformed.
Result<KeyDigest> value_digest(const RdbKey& key);

/// Database and key in one string that sorts by database, then by the key's bytes.
std::string sort_key(std::uint64_t db, std::string_view key);
std::uint64_t db_of_sort_key(std::string_view sort_key);
std::string_view key_of_sort_key(std::string_view sort_key);

/// Big-endian, so that numbers sort as they count.
void append_sortable(std::string& out, std::uint64_t value);
std::uint64_t read_sortable(std::string_view bytes);

}  // namespace stele::tools
