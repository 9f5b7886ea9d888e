#pragma once

#include <functional>

#include "tools/common/json_writer.h"
#include "tools/rdb/rdb_input.h"

namespace stele::tools {

/// The members that say what a key is, into an object that is open: db, key, type, rdb_type, expire_at_ms (null if it
/// does not expire), idle_seconds and frequency where the file has them. `with_sizes`: encoding, elements, bytes,
/// file_bytes as well.
void write_key_members(JsonWriter& json, const RdbKey& key, const KeyFacts& facts, bool with_sizes);

/// The value:
///
///     string  "text"                          list  [element ...]                       set   [member ...]
///     hash    [[field, value], ...]           a third element is when the field expires, unix ms
///     zset    [[member, score], ...]          in the file's order
///     stream  {"entries": [[id, [field, value ...]] ...], "length", "last_id", "groups": [...] ...}
///
/// `spill` is called between elements, so that a large value need not be held as JSON. `corrupt` if the value is
/// malformed.
Status write_value(JsonWriter& json, const RdbKey& key, const std::function<Status()>& spill);

}  // namespace stele::tools
