#include "engine/hash/hash_value.h"

#include <malloc.h>

#include <limits>
#include <new>

namespace stele {

HashField* HashField::make(std::string_view field, std::string_view value) {
  STELE_ASSERT(field.size() <= std::numeric_limits<std::uint32_t>::max());
  STELE_ASSERT(value.size() <= std::numeric_limits<std::uint32_t>::max());
  void* memory = std::malloc(sizeof(HashField) + field.size() + value.size());
  if (memory == nullptr) throw std::bad_alloc();
  auto* made = new (memory) HashField();
  made->field_bytes_ = static_cast<std::uint32_t>(field.size());
  made->value_bytes_ = static_cast<std::uint32_t>(value.size());
  std::memcpy(made->bytes(), field.data(), field.size());
  std::memcpy(made->bytes() + field.size(), value.data(), value.size());
  return made;
}

HashField* HashField::assign(HashField* old, std::string_view value) {
  const std::size_t needed = sizeof(HashField) + old->field_bytes_ + value.size();
  const std::size_t room = old->allocated_bytes();
  if (needed > room || room - needed > room / 4 + 8) {
    HashField* fresh = make(old->text(), value);
    destroy(old);
    return fresh;
  }
  std::memcpy(old->bytes() + old->field_bytes_, value.data(), value.size());
  old->value_bytes_ = static_cast<std::uint32_t>(value.size());
  return old;
}

std::size_t HashField::allocated_bytes() const { return malloc_usable_size(const_cast<HashField*>(this)); }

HashBody::HashBody() : encoding_(Encoding::listpack), body_(Listpack().release()) {}

void HashBody::put_into(Entry& entry) const {
  entry.set_encoding(encoding_);
  entry.set_body(body_);
}

Entry* HashBody::to_entry(std::string_view key, std::optional<UnixTime> expire_at) const {
  return Entry::make_body(key, ObjectType::hash, encoding_, body_, expire_at);
}

void HashBody::free() const {
  if (encoding_ == Encoding::listpack) {
    Listpack::adopt(body_);
  } else {
    delete static_cast<HashTable*>(body_);
  }
}

std::size_t HashBody::size() const {
  return encoding_ == Encoding::listpack ? BorrowedListpack(body_)->size() / 2 : table().size();
}

std::optional<PackedValue> HashBody::find(std::string_view field) const {
  if (encoding_ == Encoding::hashtable) {
    const HashField* found = table().find(field);
    if (found == nullptr) return std::nullopt;
    return packed(found->value());
  }
  const BorrowedListpack listpack(body_);
  const auto place = listpack->find(field, listpack->first(), 1);
  if (place == Listpack::kNone) return std::nullopt;
  return listpack->get(listpack->next(place));
}

bool HashBody::set(std::string_view field, std::string_view value, const CollectionLimits& limits) {
  if (encoding_ == Encoding::listpack) {
    const auto longest = static_cast<std::int64_t>(std::max(field.size(), value.size()));
    const bool fits = BorrowedListpack(body_)->fits(field.size() + value.size() + 32);
    if (longest > limits.hash_max_listpack_value || !fits) convert(size() + 1);
  }
  if (encoding_ == Encoding::hashtable) {
    const std::uint64_t hash = element_hash(field);
    HashField* old = table().find(hash, field);
    if (old == nullptr) {
      table().insert(hash, HashField::make(field, value));
      return true;
    }
    table().about_to_change(hash, *old);
    HashField* fresh = HashField::assign(old, value);
    if (fresh != old) table().replace(hash, old, fresh);
    return false;
  }
  Listpack listpack = Listpack::adopt(body_);
  const auto place = listpack.find(field, listpack.first(), 1);
  if (place != Listpack::kNone) {
    listpack.replace(listpack.next(place), value);
  } else {
    listpack.append(field);
    listpack.append(value);
  }
  const auto fields = static_cast<std::int64_t>(listpack.size() / 2);
  body_ = listpack.release();
  if (fields > limits.hash_max_listpack_entries) convert(static_cast<std::size_t>(fields));
  return place == Listpack::kNone;
}

bool HashBody::erase(std::string_view field) {
  if (encoding_ == Encoding::hashtable) return table().erase(field);
  Listpack listpack = Listpack::adopt(body_);
  const auto place = listpack.find(field, listpack.first(), 1);
  if (place != Listpack::kNone) listpack.erase(place, 2);
  body_ = listpack.release();
  return place != Listpack::kNone;
}

void HashBody::expect(std::size_t more_fields, const CollectionLimits& limits) {
  if (encoding_ != Encoding::listpack) return;
  if (static_cast<std::int64_t>(more_fields) > limits.hash_max_listpack_entries) convert(more_fields);
}

void HashBody::convert(std::size_t expected) {
  const Listpack listpack = Listpack::adopt(body_);
  auto* table = new HashTable(expected);
  char digits[2][24];
  for (auto place = listpack.first(); place != Listpack::kNone;) {
    const std::string_view field = listpack.get(place).text(digits[0]);
    place = listpack.next(place);
    table->insert(HashField::make(field, listpack.get(place).text(digits[1])));
    place = listpack.next(place);
  }
  body_ = table;
  encoding_ = Encoding::hashtable;
}

void HashBody::pack() {
  Listpack listpack;
  HashTable::Walk walk(table());
  while (const HashField* field = walk.next()) {
    listpack.append(field->text());
    listpack.append(field->value());
  }
  free();
  listpack.shrink();
  body_ = listpack.release();
  encoding_ = Encoding::listpack;
}

void HashBody::fit(bool by_length, bool may_pack, const CollectionLimits& limits) {
  bool fits = static_cast<std::int64_t>(size()) <= limits.hash_max_listpack_entries;
  if (fits && by_length) {
    std::size_t longest = 0, bytes = 0;
    HashWalk walk(*this);
    PackedValue field, value;
    char scratch[2][24];
    while (walk.next(field, value)) {
      const std::size_t field_bytes = field.text(scratch[0]).size(), value_bytes = value.text(scratch[1]).size();
      longest = std::max({longest, field_bytes, value_bytes});
      bytes += field_bytes + value_bytes + 32;
    }
    fits = static_cast<std::int64_t>(longest) <= limits.hash_max_listpack_value && bytes <= Listpack::kBytesMax;
  }
  if (fits && may_pack && encoding_ == Encoding::hashtable) pack();
  if (!fits && encoding_ == Encoding::listpack) convert(size());
}

HashWalk::HashWalk(const HashBody& hash) {
  if (hash.encoding() == Encoding::hashtable) {
    walk_.emplace(hash.table());
  } else {
    listpack_ = hash.body();
    place_ = BorrowedListpack(listpack_)->first();
  }
}

bool HashWalk::next(PackedValue& field, PackedValue& value) {
  if (walk_) {
    const HashField* at = walk_->next();
    if (at == nullptr) return false;
    field = packed(at->text());
    value = packed(at->value());
    return true;
  }
  if (place_ == Listpack::kNone) return false;
  const BorrowedListpack listpack(listpack_);
  field = listpack->get(place_);
  place_ = listpack->next(place_);
  value = listpack->get(place_);
  place_ = listpack->next(place_);
  return true;
}

}  // namespace stele
