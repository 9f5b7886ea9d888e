#pragma once

#include <string>
#include <string_view>

#include "persistence/offset.h"
#include "persistence/status.h"

namespace stele {

/// What a checkpoint knows besides the data: which state it is. Ingested atomically with the data, under the key
/// "label" of column family `meta`.
struct Label {
  Offset offset;               ///< the store holds the state after exactly these stream bytes
  int stream_db = 0;           ///< database selected in the stream at `offset`
  ReplicationId replid;        ///< the history `offset` counts in
  ReplicationId replid2;       ///< the history before, valid up to `replid2_end`; empty if none
  Offset replid2_end;
  bool clean_shutdown = false;  ///< the last thing a server did before it ended on request
  UnixTime taken_at;
  std::string engine_state;  ///< opaque here: partitions, counters, hash seed

  bool operator==(const Label&) const = default;
};

/// Format of the value, version 1. Integers are big-endian; a string is its length (4 B) and its bytes.
///
///     version (1) | offset (8) | stream db (4) | replid2 end (8) | clean shutdown (1: 0 or 1) | taken at, ms (8)
///     | replid | replid2 | engine state
///
/// It is valid if the version is known and the strings end where the value does. Its checksum is its block's.
std::string encode(const Label& label);

/// `corrupt` if the bytes are no label; `invalid` if they are one of a later version.
Result<Label> decode_label(std::string_view bytes);

}  // namespace stele
