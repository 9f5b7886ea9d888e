#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "engine/digest.h"
#include "engine/entry.h"

namespace stele {

class SlicedValue;
struct CollectionLimits;

/// What the keyspace, checkpoints and DEBUG need of a data type. A type registers one row; nothing else switches on types.
struct TypeOps {
  std::string_view name;  // as TYPE says it

  /// Frees what body() points to.
  void (*free_body)(Entry& entry);

  /// Appends the value in RDB encoding to `out` and returns its RDB type byte (../formats: RDB value types).
  std::uint8_t (*append_rdb)(const Entry& entry, std::string& out);

  /// A new entry from an RDB value; `corrupt` if `bytes` is not exactly one well-formed value of `rdb_type`.
  Result<Entry*> (*from_rdb)(std::string_view key, std::uint8_t rdb_type, std::string_view bytes,
                             std::optional<UnixTime> expire_at);

  /// Gives a value that from_rdb() has made the encoding that Redis gives it when it loads one of `rdb_type`, a legacy form
  /// included: packed within the limits, not packed beyond. Null if limits do not matter.
  void (*fit)(Entry& entry, std::uint8_t rdb_type, const CollectionLimits& limits) = nullptr;

  /// Mixes the value into Redis' DEBUG DIGEST of the key.
  void (*mix_digest)(const Entry& entry, Digest& digest);

  /// Bytes held outside the entry, as MEMORY USAGE counts them.
  std::size_t (*body_bytes)(const Entry& entry);

  /// A copy of the value under `key`, as COPY makes it.
  Entry* (*copy)(const Entry& entry, std::string_view key);

  /// Of a value for which append_rdb() would take too long to be waited for: the value as it is now, to be serialised in
  /// slices. Null (the function, or what it returns) if there is no need.
  std::unique_ptr<SlicedValue> (*slice)(Entry& entry) = nullptr;
};

const TypeOps& type_ops(ObjectType type);
/// What loads a value does this at last.
inline void fit_to_limits(Entry& entry, std::uint8_t rdb_type, const CollectionLimits& limits) {
  if (const auto fit = type_ops(entry.type()).fit) fit(entry, rdb_type, limits);
}
/// Null if no type writes this RDB type byte.
const TypeOps* type_ops_of_rdb(std::uint8_t rdb_type);
/// Called once per type before the first use, from the type's own file.
void register_type(ObjectType type, const TypeOps& ops, std::initializer_list<std::uint8_t> rdb_types);

/// As OBJECT ENCODING says it.
std::string_view encoding_name(Encoding encoding);

}  // namespace stele
