#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "engine/collection_limits.h"
#include "engine/entry.h"
#include "engine/packed/element_table.h"
#include "persistence/packed/intset.h"
#include "persistence/packed/listpack.h"

namespace stele {

/// A member of a large set: 4 bytes of length and the text, in one allocation.
class SetMember {
 public:
  static SetMember* make(std::string_view text);
  static void destroy(SetMember* member) { std::free(member); }

  std::string_view text() const { return {reinterpret_cast<const char*>(this + 1), bytes_}; }
  std::size_t allocated_bytes() const;

 private:
  SetMember() = default;
  std::uint32_t bytes_;
};

using SetTable = ElementTable<SetMember>;

/// The body of a set, taken from an entry to work on it and put back after a change; or one that no entry has yet,
/// which is to be freed or given to one:
///
///     intset       integers only, ascending
///     listpack     members in the order they came
///     hashtable    SetTable
///
/// A set becomes a listpack when the first text joins the integers, a hashtable when it exceeds the limits, and never
/// goes back. Values are valid until the next change.
class SetBody {
 public:
  /// An empty one, of the encoding in which Redis begins a set whose first member is `first` when `expected` are to
  /// come.
  static SetBody make(std::string_view first, std::size_t expected, const CollectionLimits& limits);
  static SetBody make(Encoding encoding, std::size_t expected);
  explicit SetBody(const Entry& entry) : encoding_(entry.encoding()), body_(entry.body()) {}
  SetBody(Encoding encoding, void* body) : encoding_(encoding), body_(body) {}
  void put_into(Entry& entry) const;
  Entry* to_entry(std::string_view key, std::optional<UnixTime> expire_at) const;
  void free() const;

  Encoding encoding() const { return encoding_; }
  std::size_t size() const;

  /// O(1) in a hashtable, O(log n) in an intset, O(n) in a listpack.
  bool contains(std::string_view text) const;
  bool contains(const PackedValue& value) const;
  /// Each as likely. Not of an empty set. O(1); in a listpack O(n).
  PackedValue random() const;

  /// False if it was there already. `text` may not point into this set.
  bool add(std::string_view text, const CollectionLimits& limits);
  bool add(const PackedValue& value, const CollectionLimits& limits);
  bool erase(std::string_view text);
  bool erase(const PackedValue& value);
  /// Becomes a hashtable at once if so many more members would make it one anyway.
  void expect(std::size_t more, const CollectionLimits& limits);
  /// Becomes an intset if it holds integers only and not too many: at the end of what builds a set.
  void to_intset_if_possible(const CollectionLimits& limits);
  /// Takes the form that Redis gives what it loads. What was `packed` stays so unless it has too many members; else their
  /// length counts, too, and integers alone are an intset.
  void fit(bool packed, const CollectionLimits& limits);
  /// Gives room that is not used back to the allocator.
  void shrink();

  const SetTable& table() const { return *static_cast<SetTable*>(body_); }  // of a hashtable
  SetTable& table() { return *static_cast<SetTable*>(body_); }
  void* body() const { return body_; }

 private:
  bool add_integer(std::int64_t value, const CollectionLimits& limits);
  bool add_to_listpack(std::string_view text, const CollectionLimits& limits);
  bool add_to_table(std::string_view text);
  bool may_join_as_listpack(std::string_view text, const CollectionLimits& limits) const;
  void to_listpack();
  bool has_integers_only() const;
  bool fits_listpack(bool by_length, const CollectionLimits& limits) const;
  void to_table(std::size_t expected);

  Encoding encoding_;
  void* body_;
};

/// All members, while the set does not change.
class SetWalk {
 public:
  explicit SetWalk(const SetBody& set);
  /// False at the end.
  bool next(PackedValue& member);

 private:
  const Encoding encoding_;
  void* const body_;
  std::size_t at_ = 0;  // index of an intset, place in a listpack
  std::optional<SetTable::Walk> walk_;
};

}  // namespace stele
