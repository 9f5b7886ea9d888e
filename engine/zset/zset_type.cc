#include "engine/zset/zset_type.h"

#include <charconv>
#include <cmath>
#include <memory>

#include <absl/container/flat_hash_set.h>

#include "engine/packed/sliced_value.h"
#include "engine/type_ops.h"
#include "engine/zset/zset_value.h"
#include "persistence/rdb_primitives.h"
#include "protocol/resp_writer.h"

namespace stele {

namespace {

constexpr std::uint8_t kRdbZset = 3;   // scores as text
constexpr std::uint8_t kRdbZset2 = 5;  // scores as binary doubles
constexpr std::uint8_t kRdbZsetListpack = 17;

/// A listpack this large is of somebody with other limits, and would be slow: it is taken as a skiplist.
constexpr std::size_t kPackedMembersMax = 8192;

void free_body(Entry& entry) {
  if (entry.encoding() == Encoding::listpack) {
    Listpack::adopt(entry.body());
  } else {
    delete static_cast<Zset*>(entry.body());
  }
}

/// The highest score first, as Redis writes them.
void append_member(std::string_view text, double score, std::string& out) {
  append_rdb_string(out, text);
  char bytes[sizeof score];
  std::memcpy(bytes, &score, sizeof score);
  out.append(bytes, sizeof bytes);
}

std::uint8_t append_rdb(const Entry& entry, std::string& out) {
  const SortedSet set(entry);
  if (set.is_packed()) {
    const std::string_view bytes = BorrowedListpack(entry.body())->bytes();
    append_rdb_length(out, bytes.size());
    out.append(bytes);
    return kRdbZsetListpack;
  }
  append_rdb_length(out, set.size());
  set.for_each({0, set.size()}, true, [&](std::string_view text, double score) { append_member(text, score, out); });
  return kRdbZset2;
}

std::unique_ptr<SlicedValue> slice(Entry& entry) {
  if (entry.encoding() != Encoding::skiplist) return nullptr;
  auto& zset = *static_cast<Zset*>(entry.body());
  if (zset.table.size() < kSlicedFrom) return nullptr;
  return std::make_unique<SlicedElements<Member>>(
      entry.body(), zset.table, kRdbZset2,
      [](const Member& member, std::string& out) { append_member(member.text(), member.score(), out); });
}

Entry* adopt(std::string_view key, std::unique_ptr<Zset> zset, std::optional<UnixTime> expire_at) {
  return Entry::make_body(key, ObjectType::zset, Encoding::skiplist, zset.release(), expire_at);
}

/// False if it has a member of this text already.
bool add(Zset& zset, std::string_view text, double score) {
  const std::uint64_t hash = element_hash(text);
  if (zset.table.find(hash, text) != nullptr) return false;
  Member* const member = Member::make(text, score);
  zset.member_bytes += Member::allocated_bytes(text.size());
  zset.table.insert(hash, member);
  zset.tree.insert(member);
  return true;
}

/// Ascending pairs, no member twice, every score a number.
bool is_sorted_set(const Listpack& listpack) {
  const std::size_t elements = listpack.size();
  if (elements == 0 || elements % 2 != 0) return false;
  std::string digits;  // of integers; never moves
  digits.reserve(elements / 2 * 21);
  absl::flat_hash_set<std::string_view> seen;
  seen.reserve(elements / 2);
  std::string_view text_before;
  double score_before = 0;
  for (Listpack::Place place = listpack.first(); place != Listpack::kNone;) {
    char scratch[24];
    const PackedValue value = listpack.get(place);
    std::string_view text = value.text(scratch);
    if (value.is_integer()) {
      digits.append(text);
      text = std::string_view(digits).substr(digits.size() - text.size());
    }
    const Listpack::Place score_place = listpack.next(place);
    const std::optional<double> score = packed_score(listpack.get(score_place));
    if (!score) return false;
    const bool ascends = seen.empty() || *score > score_before || (*score == score_before && text > text_before);
    if (!ascends || !seen.insert(text).second) return false;
    text_before = text;
    score_before = *score;
    place = listpack.next(score_place);
  }
  return true;
}

Result<Entry*> from_listpack(std::string_view key, std::string_view bytes, std::optional<UnixTime> expire_at) {
  RdbReader reader(bytes);
  const std::string_view packed = reader.bytes(reader.length());
  if (!reader.at_end()) return Status::corrupt("sorted set of {} bytes is malformed", bytes.size());
  std::optional<Listpack> listpack = Listpack::from_bytes(packed);
  if (!listpack || !is_sorted_set(*listpack)) {
    return Status::corrupt("sorted set: listpack of {} bytes is malformed", packed.size());
  }
  if (listpack->size() / 2 <= kPackedMembersMax) {
    return Entry::make_body(key, ObjectType::zset, Encoding::listpack, listpack->release(), expire_at);
  }
  auto zset = std::make_unique<Zset>(listpack->size() / 2);
  char scratch[24];
  for (Listpack::Place place = listpack->first(); place != Listpack::kNone;) {
    const Listpack::Place score_place = listpack->next(place);
    add(*zset, listpack->get(place).text(scratch), *packed_score(listpack->get(score_place)));
    place = listpack->next(score_place);
  }
  return adopt(key, std::move(zset), expire_at);
}

/// Version 1 to 7: one byte of length or 253 NaN, 254 inf, 255 -inf; then the text.
std::optional<double> text_score(RdbReader& reader) {
  const std::uint8_t length = reader.byte();
  if (length == 253) return std::nullopt;
  if (length == 254) return std::numeric_limits<double>::infinity();
  if (length == 255) return -std::numeric_limits<double>::infinity();
  const std::string_view text = reader.bytes(length);
  double score = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), score);
  if (!reader.ok() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return score;
}

std::optional<double> binary_score(RdbReader& reader) {
  const std::string_view bytes = reader.bytes(sizeof(double));
  if (!reader.ok()) return std::nullopt;
  double score = 0;
  std::memcpy(&score, bytes.data(), sizeof score);
  return score;
}

Result<Entry*> from_rdb(std::string_view key, std::uint8_t rdb_type, std::string_view bytes,
                        std::optional<UnixTime> expire_at) {
  if (rdb_type == kRdbZsetListpack) return from_listpack(key, bytes, expire_at);
  RdbReader reader(bytes);
  const std::uint64_t count = reader.length();
  // A member takes two bytes at least, so a length that is a lie ends the loop early.
  auto zset = std::make_unique<Zset>(std::min<std::uint64_t>(count, bytes.size() / 2));
  for (std::uint64_t i = 0; i < count; ++i) {
    char scratch[24];
    const std::string_view text = reader.string(scratch);
    if (!reader.ok()) break;
    const std::optional<double> score = rdb_type == kRdbZset ? text_score(reader) : binary_score(reader);
    if (!score || std::isnan(*score)) return Status::corrupt("sorted set: member {} has no valid score", i);
    if (!add(*zset, text, *score)) return Status::corrupt("sorted set: member {} stands there twice", i);
  }
  if (!reader.at_end() || count == 0) return Status::corrupt("sorted set of {} bytes is malformed", bytes.size());
  return adopt(key, std::move(zset), expire_at);
}

void fit(Entry& entry, std::uint8_t rdb_type, const CollectionLimits& limits) {
  SortedSet(entry).fit(rdb_type != kRdbZset && rdb_type != kRdbZset2, limits);
}

/// In no order, but each score belongs to its member.
void mix_digest(const Entry& entry, Digest& digest) {
  SortedSet(entry).for_each([&](std::string_view text, double score) {
    Digest element;
    element.mix(text);
    char scratch[kDoubleTextMax];
    element.mix(format_double(score, scratch));
    digest.xor_with(element.view());
  });
}

std::size_t body_bytes(const Entry& entry) {
  if (entry.encoding() == Encoding::listpack) return BorrowedListpack(entry.body())->allocated_bytes();
  return static_cast<const Zset*>(entry.body())->allocated_bytes();
}

Entry* copy(const Entry& entry, std::string_view key) {
  const SortedSet set(entry);
  if (set.is_packed()) {
    const BorrowedListpack original(entry.body());
    Listpack listpack(original->total());
    listpack.append_all(*original);
    return Entry::make_body(key, ObjectType::zset, Encoding::listpack, listpack.release(), entry.expire_at());
  }
  auto zset = std::make_unique<Zset>(set.size());
  set.for_each([&](std::string_view text, double score) { add(*zset, text, score); });
  return adopt(key, std::move(zset), entry.expire_at());
}

constexpr TypeOps kZsetOps = {
    .name = "zset",
    .free_body = free_body,
    .append_rdb = append_rdb,
    .from_rdb = from_rdb,
    .fit = fit,
    .mix_digest = mix_digest,
    .body_bytes = body_bytes,
    .copy = copy,
    .slice = slice,
};

}  // namespace

void register_zset_type() { register_type(ObjectType::zset, kZsetOps, {kRdbZset, kRdbZset2, kRdbZsetListpack}); }

}  // namespace stele
