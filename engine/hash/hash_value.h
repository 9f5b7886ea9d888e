#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "engine/collection_limits.h"
#include "engine/entry.h"
#include "engine/packed/element_table.h"
#include "persistence/packed/listpack.h"

namespace stele {

/// A field and its value in one allocation: 8 bytes of lengths, the field, the value.
class HashField {
 public:
  static HashField* make(std::string_view field, std::string_view value);
  static void destroy(HashField* field) { std::free(field); }
  /// The same field with another value, in place when the allocation fits and is not much too large; else the old one
  /// is freed.
  static HashField* assign(HashField* old, std::string_view value);

  std::string_view text() const { return {bytes(), field_bytes_}; }
  std::string_view value() const { return {bytes() + field_bytes_, value_bytes_}; }
  std::size_t allocated_bytes() const;

 private:
  HashField() = default;
  char* bytes() { return reinterpret_cast<char*>(this + 1); }
  const char* bytes() const { return reinterpret_cast<const char*>(this + 1); }

  std::uint32_t field_bytes_;
  std::uint32_t value_bytes_;
};

using HashTable = ElementTable<HashField>;

/// The body of a hash, taken from an entry to work on it and put back after a change:
///
///     listpack     field, value, field, value ... in the order they came
///     hashtable    HashTable
///
/// A listpack becomes a hashtable when a length exceeds the limits, and never goes back. Views and values are valid
/// until the next change.
class HashBody {
 public:
  /// An empty one, to be owned by the entry that put_into() or to_entry() names.
  HashBody();
  explicit HashBody(const Entry& entry) : encoding_(entry.encoding()), body_(entry.body()) {}
  void put_into(Entry& entry) const;
  Entry* to_entry(std::string_view key, std::optional<UnixTime> expire_at) const;

  Encoding encoding() const { return encoding_; }
  std::size_t size() const;

  /// O(1) in a hashtable, O(n) in a listpack.
  std::optional<PackedValue> find(std::string_view field) const;
  /// True if the field is new. `value` may not point into this hash.
  bool set(std::string_view field, std::string_view value, const CollectionLimits& limits);
  bool erase(std::string_view field);
  /// Becomes a hashtable at once if so many more fields would make it one anyway.
  void expect(std::size_t more_fields, const CollectionLimits& limits);

  /// Takes the form that Redis gives what it loads, by the number of fields and, if `by_length`, their and the values' lengths;
  /// a listpack only if `may_pack`.
  void fit(bool by_length, bool may_pack, const CollectionLimits& limits);

  const HashTable& table() const { return *static_cast<HashTable*>(body_); }  // of a hashtable
  void* body() const { return body_; }
  void free() const;

 private:
  HashBody(Encoding encoding, void* body) : encoding_(encoding), body_(body) {}
  friend class HashLoader;
  void convert(std::size_t expected);
  void pack();
  HashTable& table() { return *static_cast<HashTable*>(body_); }

  Encoding encoding_;
  void* body_;
};

/// All fields, while the hash does not change.
class HashWalk {
 public:
  explicit HashWalk(const HashBody& hash);
  /// False at the end.
  bool next(PackedValue& field, PackedValue& value);

 private:
  void* listpack_ = nullptr;
  Listpack::Place place_ = Listpack::kNone;
  std::optional<HashTable::Walk> walk_;
};

inline PackedValue packed(std::string_view text) {
  return {.data = text.data(), .bytes = static_cast<std::uint32_t>(text.size())};
}

}  // namespace stele
