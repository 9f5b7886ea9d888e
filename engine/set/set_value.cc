#include "engine/set/set_value.h"

#include <malloc.h>

#include <charconv>
#include <limits>
#include <new>

#include "protocol/resp_integer.h"

namespace stele {

namespace {

/// Redis lets no intset grow beyond this, whatever the directive says.
constexpr std::int64_t kIntsetMembersMax = std::int64_t{1} << 30;

std::size_t intset_members_max(const CollectionLimits& limits) {
  return static_cast<std::size_t>(std::min(limits.set_max_intset_entries, kIntsetMembersMax));
}

std::size_t digits_of(std::int64_t value) {
  char digits[24];
  return static_cast<std::size_t>(std::to_chars(digits, digits + sizeof digits, value).ptr - digits);
}

PackedValue packed(std::string_view text) {
  return {.data = text.data(), .bytes = static_cast<std::uint32_t>(text.size())};
}

PackedValue packed(std::int64_t integer) { return {.integer = integer}; }

}  // namespace

SetMember* SetMember::make(std::string_view text) {
  STELE_ASSERT(text.size() <= std::numeric_limits<std::uint32_t>::max());
  void* memory = std::malloc(sizeof(SetMember) + text.size());
  if (memory == nullptr) throw std::bad_alloc();
  auto* member = new (memory) SetMember();
  member->bytes_ = static_cast<std::uint32_t>(text.size());
  std::memcpy(member + 1, text.data(), text.size());
  return member;
}

std::size_t SetMember::allocated_bytes() const { return malloc_usable_size(const_cast<SetMember*>(this)); }

SetBody SetBody::make(std::string_view first, std::size_t expected, const CollectionLimits& limits) {
  const auto members = static_cast<std::int64_t>(expected);
  if (members <= limits.set_max_intset_entries && parse_integer(first)) return make(Encoding::intset, expected);
  if (members <= limits.set_max_listpack_entries) return make(Encoding::listpack, expected);
  return make(Encoding::hashtable, expected);
}

SetBody SetBody::make(Encoding encoding, std::size_t expected) {
  if (encoding == Encoding::intset) return {encoding, Intset().release()};
  if (encoding == Encoding::listpack) return {encoding, Listpack().release()};
  return {Encoding::hashtable, new SetTable(expected)};
}

void SetBody::put_into(Entry& entry) const {
  entry.set_encoding(encoding_);
  entry.set_body(body_);
}

Entry* SetBody::to_entry(std::string_view key, std::optional<UnixTime> expire_at) const {
  return Entry::make_body(key, ObjectType::set, encoding_, body_, expire_at);
}

void SetBody::free() const {
  if (encoding_ == Encoding::intset) {
    Intset::adopt(body_);
  } else if (encoding_ == Encoding::listpack) {
    Listpack::adopt(body_);
  } else {
    delete static_cast<SetTable*>(body_);
  }
}

std::size_t SetBody::size() const {
  if (encoding_ == Encoding::intset) return BorrowedIntset(body_)->size();
  return encoding_ == Encoding::listpack ? BorrowedListpack(body_)->size() : table().size();
}

bool SetBody::contains(std::string_view text) const {
  if (encoding_ == Encoding::hashtable) return table().find(text) != nullptr;
  if (encoding_ == Encoding::intset) {
    const auto integer = parse_integer(text);
    return integer && BorrowedIntset(body_)->contains(*integer);
  }
  const BorrowedListpack listpack(body_);
  return listpack->find(text, listpack->first()) != Listpack::kNone;
}

bool SetBody::contains(const PackedValue& value) const {
  if (encoding_ == Encoding::intset && value.is_integer()) return BorrowedIntset(body_)->contains(value.integer);
  char scratch[24];
  return contains(value.text(scratch));
}

PackedValue SetBody::random() const {
  if (encoding_ == Encoding::hashtable) return packed(table().random()->text());
  if (encoding_ == Encoding::intset) {
    const BorrowedIntset intset(body_);
    return packed(intset->at(Random::below(intset->size())));
  }
  const BorrowedListpack listpack(body_);
  return listpack->get(listpack->at(static_cast<std::int64_t>(Random::below(listpack->size()))));
}

bool SetBody::add(std::string_view text, const CollectionLimits& limits) {
  if (encoding_ == Encoding::hashtable) return add_to_table(text);
  if (encoding_ == Encoding::listpack) return add_to_listpack(text, limits);
  if (const auto integer = parse_integer(text)) return add_integer(*integer, limits);
  if (may_join_as_listpack(text, limits)) {
    to_listpack();
    Listpack listpack = Listpack::adopt(body_);
    listpack.append(text);
    body_ = listpack.release();
  } else {
    to_table(size() + 1);
    table().insert(SetMember::make(text));
  }
  return true;
}

bool SetBody::add(const PackedValue& value, const CollectionLimits& limits) {
  if (encoding_ == Encoding::intset && value.is_integer()) return add_integer(value.integer, limits);
  char scratch[24];
  return add(value.text(scratch), limits);
}

bool SetBody::add_integer(std::int64_t value, const CollectionLimits& limits) {
  Intset intset = Intset::adopt(body_);
  const bool added = intset.insert(value);
  const std::size_t members = intset.size();
  body_ = intset.release();
  if (added && members > intset_members_max(limits)) to_table(members);
  return added;
}

bool SetBody::add_to_listpack(std::string_view text, const CollectionLimits& limits) {
  Listpack listpack = Listpack::adopt(body_);
  const bool there = listpack.find(text, listpack.first()) != Listpack::kNone;
  const bool fits = static_cast<std::int64_t>(listpack.size()) < limits.set_max_listpack_entries &&
                    static_cast<std::int64_t>(text.size()) <= limits.set_max_listpack_value &&
                    listpack.fits(text.size() + 16);
  if (!there && fits) listpack.append(text);
  body_ = listpack.release();
  if (there) return false;
  if (!fits) {
    to_table(size() + 1);
    table().insert(SetMember::make(text));
  }
  return true;
}

bool SetBody::add_to_table(std::string_view text) {
  const std::uint64_t hash = element_hash(text);
  if (table().find(hash, text) != nullptr) return false;
  table().insert(hash, SetMember::make(text));
  return true;
}

/// Whether the members of the intset and `text` stay within the limits of a listpack.
bool SetBody::may_join_as_listpack(std::string_view text, const CollectionLimits& limits) const {
  const BorrowedIntset intset(body_);
  std::size_t longest = text.size();
  if (!intset->empty()) {
    longest = std::max({longest, digits_of(intset->at(0)), digits_of(intset->at(intset->size() - 1))});
  }
  return static_cast<std::int64_t>(intset->size()) < limits.set_max_listpack_entries &&
         static_cast<std::int64_t>(longest) <= limits.set_max_listpack_value &&
         (longest + 16) * (intset->size() + 1) <= Listpack::kBytesMax;
}

bool SetBody::erase(std::string_view text) {
  if (encoding_ == Encoding::hashtable) return table().erase(text);
  if (encoding_ == Encoding::intset) {
    const auto integer = parse_integer(text);
    return integer && erase(packed(*integer));
  }
  Listpack listpack = Listpack::adopt(body_);
  const auto place = listpack.find(text, listpack.first());
  if (place != Listpack::kNone) listpack.erase(place);
  body_ = listpack.release();
  return place != Listpack::kNone;
}

bool SetBody::erase(const PackedValue& value) {
  if (encoding_ == Encoding::intset && value.is_integer()) {
    Intset intset = Intset::adopt(body_);
    const bool erased = intset.erase(value.integer);
    body_ = intset.release();
    return erased;
  }
  char scratch[24];
  return erase(value.text(scratch));
}

void SetBody::expect(std::size_t more, const CollectionLimits& limits) {
  const auto members = static_cast<std::int64_t>(more);
  if ((encoding_ == Encoding::listpack && members > limits.set_max_listpack_entries) ||
      (encoding_ == Encoding::intset && members > limits.set_max_intset_entries)) {
    to_table(more);
  }
}

void SetBody::to_listpack() {
  Listpack listpack;
  SetWalk walk(*this);
  PackedValue member;
  while (walk.next(member)) {
    if (member.is_integer()) {
      listpack.append_integer(member.integer);
    } else {
      listpack.append({member.data, member.bytes});
    }
  }
  free();
  body_ = listpack.release();
  encoding_ = Encoding::listpack;
}

bool SetBody::has_integers_only() const {
  if (encoding_ == Encoding::intset) return true;
  SetWalk walk(*this);
  PackedValue member;
  while (walk.next(member)) {
    if (!member.is_integer() && !parse_integer({member.data, member.bytes})) return false;
  }
  return true;
}

bool SetBody::fits_listpack(bool by_length, const CollectionLimits& limits) const {
  if (static_cast<std::int64_t>(size()) > limits.set_max_listpack_entries) return false;
  if (!by_length) return true;
  std::size_t longest = 0, bytes = 0;
  SetWalk walk(*this);
  PackedValue member;
  char scratch[24];
  while (walk.next(member)) {
    const std::size_t length = member.text(scratch).size();
    longest = std::max(longest, length);
    bytes += length + 16;
  }
  return static_cast<std::int64_t>(longest) <= limits.set_max_listpack_value && bytes <= Listpack::kBytesMax;
}

void SetBody::fit(bool packed, const CollectionLimits& limits) {
  if (packed) {
    const bool fits = encoding_ == Encoding::intset ? size() <= intset_members_max(limits) : fits_listpack(false, limits);
    if (!fits && encoding_ != Encoding::hashtable) to_table(size());
    return;
  }
  const bool integers = has_integers_only();
  if (integers) to_intset_if_possible(limits);
  if (integers && size() <= intset_members_max(limits)) return;
  if (integers || !fits_listpack(true, limits)) {
    if (encoding_ != Encoding::hashtable) to_table(size());
  } else if (encoding_ != Encoding::listpack) {
    to_listpack();
  }
}

void SetBody::to_table(std::size_t expected) {
  auto* fresh = new SetTable(expected);
  SetWalk walk(*this);
  PackedValue member;
  char scratch[24];
  while (walk.next(member)) fresh->insert(SetMember::make(member.text(scratch)));
  free();
  body_ = fresh;
  encoding_ = Encoding::hashtable;
}

void SetBody::to_intset_if_possible(const CollectionLimits& limits) {
  if (encoding_ == Encoding::intset || size() > intset_members_max(limits)) return;
  Intset intset;
  SetWalk walk(*this);
  PackedValue member;
  while (walk.next(member)) {
    const auto integer = member.is_integer() ? member.integer : parse_integer({member.data, member.bytes});
    if (!integer) return;
    intset.insert(*integer);
  }
  free();
  body_ = intset.release();
  encoding_ = Encoding::intset;
}

void SetBody::shrink() {
  if (encoding_ != Encoding::listpack) return;
  Listpack listpack = Listpack::adopt(body_);
  listpack.shrink();
  body_ = listpack.release();
}

SetWalk::SetWalk(const SetBody& set) : encoding_(set.encoding()), body_(set.body()) {
  if (encoding_ == Encoding::hashtable) {
    walk_.emplace(set.table());
  } else if (encoding_ == Encoding::listpack) {
    at_ = BorrowedListpack(body_)->first();
  }
}

bool SetWalk::next(PackedValue& member) {
  if (walk_) {
    const SetMember* at = walk_->next();
    if (at == nullptr) return false;
    member = packed(at->text());
    return true;
  }
  if (encoding_ == Encoding::intset) {
    const BorrowedIntset intset(body_);
    if (at_ == intset->size()) return false;
    member = packed(intset->at(at_++));
    return true;
  }
  if (at_ == Listpack::kNone) return false;
  const BorrowedListpack listpack(body_);
  member = listpack->get(static_cast<Listpack::Place>(at_));
  at_ = listpack->next(static_cast<Listpack::Place>(at_));
  return true;
}

}  // namespace stele
