#include "engine/zset/zset_value.h"

#include <charconv>
#include <cmath>
#include <memory>

#include "protocol/resp_writer.h"

namespace stele {

std::size_t Zset::allocated_bytes() const {
  return sizeof *this - sizeof table + table.allocated_bytes() + tree.allocated_bytes() + member_bytes;
}

void MemberList::sort() {
  std::sort(members_.begin(), members_.end(), [](const Member* a, const Member* b) {
    return a->score() != b->score() ? a->score() < b->score() : a->text() < b->text();
  });
}

std::optional<double> packed_score(const PackedValue& value) {
  if (value.is_integer()) return static_cast<double>(value.integer);
  double score = 0;
  const char* const end = value.data + value.bytes;
  const auto [stop, error] = std::from_chars(value.data, end, score);
  if (error != std::errc() || stop != end || std::isnan(score)) return std::nullopt;
  return score;
}

namespace {

double score_at(const Listpack& listpack, Listpack::Place place) {
  return packed_score(listpack.get(place)).value_or(0);
}

bool fits_packed(std::size_t members, std::size_t bytes_max, const CollectionLimits& limits) {
  return members <= static_cast<std::uint64_t>(limits.zset_max_listpack_entries) &&
         bytes_max <= static_cast<std::uint64_t>(limits.zset_max_listpack_value);
}

// A place by rank.
Listpack::Place place_of(const Listpack& listpack, std::size_t rank) {
  return listpack.at(static_cast<std::int64_t>(rank) * 2);
}

/// The text of a score in a listpack. A whole number stands there as an integer, so minus zero loses its sign, as in Redis.
std::string_view packed_score(double score, char (&scratch)[kDoubleTextMax]) { return format_double(score == 0 ? 0 : score, scratch); }

}  // namespace

void append_packed(Listpack& listpack, std::string_view text, double score) {
  listpack.append(text);
  char scratch[kDoubleTextMax];
  listpack.append(packed_score(score, scratch));
}

// --- making

Entry* SortedSet::make(std::string_view key, std::size_t members, std::size_t bytes_max,
                       const CollectionLimits& limits) {
  if (fits_packed(members, bytes_max, limits)) {
    return Entry::make_body(key, ObjectType::zset, Encoding::listpack, Listpack().release(), std::nullopt);
  }
  return Entry::make_body(key, ObjectType::zset, Encoding::skiplist, new Zset(members), std::nullopt);
}

Entry* SortedSet::make(std::string_view key, MemberList members, const CollectionLimits& limits) {
  std::size_t bytes = 0, bytes_max = 0;
  for (const Member* const member : members.get()) {
    bytes += member->text().size();
    bytes_max = std::max(bytes_max, member->text().size());
  }
  Entry* const entry = make(key, members.size(), bytes_max, limits);
  if (entry->encoding() == Encoding::listpack) {
    Listpack listpack(bytes + members.size() * 12);
    for (const Member* const member : members.get()) append_packed(listpack, member->text(), member->score());
    listpack.shrink();
    Listpack empty = Listpack::adopt(entry->body());
    entry->set_body(listpack.release());
    return entry;
  }
  Zset& zset = *static_cast<Zset*>(entry->body());
  for (Member* const member : members.release()) {
    zset.member_bytes += Member::allocated_bytes(member->text().size());
    zset.table.insert(member);
    zset.tree.insert(member);
  }
  return entry;
}

void SortedSet::become_skiplist() {
  Listpack listpack = Listpack::adopt(entry_.body());
  Zset* const large = new Zset(listpack.size() / 2 + 1);
  char digits[24];
  for (Listpack::Place place = listpack.first(); place != Listpack::kNone;) {
    const Listpack::Place score = listpack.next(place);
    Member* const member = Member::make(listpack.get(place).text(digits), score_at(listpack, score));
    large->member_bytes += Member::allocated_bytes(member->text().size());
    large->table.insert(member);
    large->tree.insert(member);
    place = listpack.next(score);
  }
  entry_.set_encoding(Encoding::skiplist);
  entry_.set_body(large);
}

void SortedSet::become_packed() {
  const std::unique_ptr<Zset> large(&zset());
  Listpack listpack(large->member_bytes);
  for_each([&listpack](std::string_view text, double score) { append_packed(listpack, text, score); });
  listpack.shrink();
  entry_.set_encoding(Encoding::listpack);
  entry_.set_body(listpack.release());
}

void SortedSet::fit(bool packed, const CollectionLimits& limits) {
  if (packed) {
    if (is_packed() && !fits_packed(size(), 0, limits)) become_skiplist();
    return;
  }
  std::size_t longest = 0, bytes = 0;
  if (fits_packed(size(), 0, limits)) {
    for_each([&](std::string_view text, double) {
      longest = std::max(longest, text.size());
      bytes += text.size() + kDoubleTextMax;
    });
  }
  const bool fits = fits_packed(size(), longest, limits) && bytes <= Listpack::kBytesMax;
  if (fits && !is_packed()) become_packed();
  if (!fits && is_packed()) become_skiplist();
}

// --- looking

std::size_t SortedSet::size() const { return is_packed() ? BorrowedListpack(entry_.body())->size() / 2 : zset().tree.size(); }

SortedSet::Spot SortedSet::find(std::string_view text) const {
  Spot spot;
  if (is_packed()) {
    const BorrowedListpack listpack(entry_.body());
    spot.place = listpack->find(text, listpack->first(), 1);
    spot.found = spot.place != Listpack::kNone;
    if (spot.found) spot.score = score_at(*listpack, listpack->next(spot.place));
    return spot;
  }
  spot.hash = element_hash(text);
  spot.member = zset().table.find(spot.hash, text);
  spot.found = spot.member != nullptr;
  if (spot.found) spot.score = spot.member->score();
  return spot;
}

std::size_t SortedSet::rank_of(const Spot& spot) const {
  if (!is_packed()) return zset().tree.rank_of(spot.member);
  const BorrowedListpack listpack(entry_.body());
  std::size_t places = 0;
  for (Listpack::Place place = listpack->first(); place != spot.place; place = listpack->next(place)) ++places;
  return places / 2;
}

// --- changing

void SortedSet::insert_packed(std::string_view text, double score) {
  char scratch[kDoubleTextMax], digits[24];
  const std::string_view score_text = packed_score(score, scratch);
  Listpack listpack = Listpack::adopt(entry_.body());
  for (Listpack::Place place = listpack.first();;) {
    if (place == Listpack::kNone) {
      listpack.append(text);
      listpack.append(score_text);
      break;
    }
    const Listpack::Place score_place = listpack.next(place);
    const double other = score_at(listpack, score_place);
    if (other > score || (other == score && listpack.get(place).text(digits) > text)) {
      listpack.insert_before(place, score_text);
      listpack.insert_before(place, text);
      break;
    }
    place = listpack.next(score_place);
  }
  entry_.set_body(listpack.release());
}

void SortedSet::insert(const Spot& spot, std::string_view text, double score, const CollectionLimits& limits) {
  std::uint64_t hash = spot.hash;
  if (is_packed()) {
    bool fits = fits_packed(size() + 1, text.size(), limits);
    if (fits) fits = BorrowedListpack(entry_.body())->fits(text.size() + 64);
    if (fits) return insert_packed(text, score);
    become_skiplist();
    hash = element_hash(text);
  }
  Zset& large = zset();
  Member* const member = Member::make(text, score);
  large.member_bytes += Member::allocated_bytes(text.size());
  large.table.insert(hash, member);
  large.tree.insert(member);
}

void SortedSet::set_score(const Spot& spot, std::string_view text, double score) {
  if (!is_packed()) {
    zset().table.about_to_change(spot.hash, *spot.member);
    return zset().tree.move(spot.member, score);
  }
  erase(spot, text);
  insert_packed(text, score);
}

void SortedSet::erase(const Spot& spot, std::string_view text) {
  if (is_packed()) {
    Listpack listpack = Listpack::adopt(entry_.body());
    listpack.erase(spot.place, 2);
    entry_.set_body(listpack.release());
    return;
  }
  Zset& large = zset();
  large.tree.erase(spot.member);
  large.member_bytes -= Member::allocated_bytes(text.size());
  Member::destroy(large.table.extract(spot.hash, text));
}

void SortedSet::erase_ranks(RankRange range) {
  if (range.size() == 0) return;
  if (is_packed()) {
    Listpack listpack = Listpack::adopt(entry_.body());
    listpack.erase(place_of(listpack, range.first), range.size() * 2);
    entry_.set_body(listpack.release());
    return;
  }
  Zset& large = zset();
  large.tree.erase_ranks(range.first, range.size(), [&](Member* member) {
    large.member_bytes -= Member::allocated_bytes(member->text().size());
    Member::destroy(large.table.extract(member->text()));
  });
}

// --- walking

SortedSet::Walk::Walk(const SortedSet& set, std::size_t rank, bool backwards)
    : packed_(set.is_packed()),
      backwards_(backwards),
      cursor_(packed_ ? RankedTree::Cursor() : set.zset().tree.cursor_at(rank)) {
  if (!packed_) return;
  listpack_ = set.entry_.body();
  place_ = place_of(*BorrowedListpack(listpack_), rank);
}

void SortedSet::Walk::next() {
  if (!packed_) return backwards_ ? cursor_.previous() : cursor_.next();
  const BorrowedListpack listpack(listpack_);
  if (backwards_) {
    place_ = listpack->previous(place_);
    if (place_ != Listpack::kNone) place_ = listpack->previous(place_);
  } else {
    place_ = listpack->next(listpack->next(place_));
  }
}

double SortedSet::Walk::score() const {
  if (!packed_) return cursor_.score();
  const BorrowedListpack listpack(listpack_);
  return score_at(*listpack, listpack->next(place_));
}

std::string_view SortedSet::Walk::text() const {
  if (!packed_) return cursor_.member()->text();
  return BorrowedListpack(listpack_)->get(place_).text(digits_);
}

}  // namespace stele
