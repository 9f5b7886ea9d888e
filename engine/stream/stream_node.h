#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "persistence/packed/listpack.h"
#include "engine/stream/stream_id.h"

namespace stele {

/// A node of a stream is a listpack of neighbouring entries, stored under the id of the first one, its key. The format
/// is Redis' (formats/RDB.md, section 9), so that a stream is stored and loaded by copying its nodes:
///
///     master entry:  live | deleted | f | field 1 ... field f | 0
///     entry:         flags | ms - key.ms | seq - key.seq | values 1 ... f                      | f + 3
///                    flags | ms - key.ms | seq - key.seq | n | field, value ... field, value   | 2n + 4
///                                                                                       elements of the entry before
///                                                                                       this
///
/// The upper form is that of an entry with the fields of the master entry (kSameFields). `live` and `deleted` count
/// entries; a deleted one stays in its place, marked, until the whole node goes. Differences wrap modulo 2^64.
namespace stream_node {

inline constexpr std::int64_t kDeleted = 1;
inline constexpr std::int64_t kSameFields = 2;

using Place = Listpack::Place;

/// The master entry, read.
struct Head {
  std::int64_t live;
  std::int64_t deleted;
  std::int64_t fields;
  Place first_field;
  Place terminator;  // the 0 before the first entry
};
Head head_of(const Listpack& node);

/// One entry, read but for its fields and values.
struct Entry {
  Place place;  // of the flags
  std::int64_t flags;
  StreamId id;
  std::int64_t fields;
  Place values;  // the first value, or the first field where the fields are its own

  bool is_deleted() const { return flags & kDeleted; }
  bool has_same_fields() const { return flags & kSameFields; }
};
Entry entry_at(const Listpack& node, const Head& head, StreamId key, Place place);
/// The place behind `entry`: of the next one, or kNone.
Place end_of(const Listpack& node, const Entry& entry);
/// The place of the last entry, and of the one before `place`; kNone if there is none.
Place last_entry(const Listpack& node);
Place entry_before(const Listpack& node, Place place);

/// An empty node for entries with the fields of `pairs`, which are field, value, field, value ...
Listpack make(std::span<const std::string_view> pairs, std::size_t reserve);
void append(Listpack& node, StreamId key, StreamId id, std::span<const std::string_view> pairs);
/// Marks the entry at `place`, which is live. Places behind it may move; the counts are the caller's, see set_counts().
void mark_deleted(Listpack& node, Place place, std::int64_t flags);
/// Moves every place.
void set_counts(Listpack& node, std::int64_t live, std::int64_t deleted);

/// What a well-formed node holds.
struct Checked {
  std::int64_t live;
  std::optional<StreamId> first;  // of the live entries
  std::optional<StreamId> last;
};
/// Checks everything of the format above: counts, lengths, that what has to be an integer is one, and that the ids of
/// live entries ascend and begin at `key`. Nothing if `node` is not well-formed; takes any listpack.
std::optional<Checked> check(const Listpack& node, StreamId key);

}  // namespace stream_node

}  // namespace stele
