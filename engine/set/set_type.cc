#include "engine/set/set_type.h"

#include "engine/packed/packed_checks.h"
#include "engine/set/set_value.h"
#include "engine/packed/sliced_value.h"
#include "engine/type_ops.h"
#include "persistence/rdb_primitives.h"

namespace stele {

namespace {

constexpr std::uint8_t kRdbSet = 2;
constexpr std::uint8_t kRdbSetIntset = 11;
constexpr std::uint8_t kRdbSetListpack = 20;

/// A listpack is written out as a plain set: the row may go into a snapshot as it is, and Redis 7.0 does not know
/// type 20.
std::uint8_t append_rdb(const Entry& entry, std::string& out) {
  const SetBody set(entry);
  if (set.encoding() == Encoding::intset) {
    const BorrowedIntset intset(set.body());
    append_rdb_length(out, intset->bytes().size());
    out.append(intset->bytes());
    return kRdbSetIntset;
  }
  append_rdb_length(out, set.size());
  SetWalk walk(set);
  PackedValue member;
  while (walk.next(member)) {
    if (member.is_integer()) {
      append_rdb_integer_string(out, member.integer);
    } else {
      append_rdb_string(out, {member.data, member.bytes});
    }
  }
  return kRdbSet;
}

std::unique_ptr<SlicedValue> slice(Entry& entry) {
  if (entry.encoding() != Encoding::hashtable) return nullptr;
  auto& table = *static_cast<SetTable*>(entry.body());
  if (table.size() < kSlicedFrom) return nullptr;
  return std::make_unique<SlicedElements<SetMember>>(
      entry.body(), table, kRdbSet, [](const SetMember& member, std::string& out) { append_rdb_string(out, member.text()); });
}

/// A set being read, freed unless it is taken.
class SetLoader {
 public:
  ~SetLoader() {
    if (set_) set_->free();
  }

  bool read_intset(RdbReader& reader) {
    char scratch[12];
    auto intset = Intset::from_bytes(reader.string(scratch));
    if (!reader.at_end() || !intset || intset->empty()) return false;
    set_.emplace(Encoding::intset, intset->release());
    return true;
  }

  bool read_listpack(RdbReader& reader) {
    char scratch[12];
    auto listpack = Listpack::from_bytes(reader.string(scratch));
    if (!reader.at_end() || !listpack || listpack->empty() || has_doubles(*listpack, 0)) return false;
    set_.emplace(Encoding::listpack, listpack->release());
    return true;
  }

  /// Small ones are packed by Redis' own limits; fit() knows those that are configured.
  bool read_members(RdbReader& reader) {
    const CollectionLimits limits;
    const std::uint64_t count = reader.length();
    if (count == 0) return false;
    // A count that the bytes do not bear out must not cost memory: the largest segment is enough to begin with.
    const auto expected = static_cast<std::size_t>(std::min<std::uint64_t>(count, ElementSegment::kSlotsMax + 2));
    for (std::uint64_t i = 0; i < count; ++i) {
      char scratch[12];
      const std::string_view member = reader.string(scratch);
      if (!reader.ok()) return false;
      if (i == 0) set_ = SetBody::make(member, expected, limits);
      if (!set_->add(member, limits)) return false;
    }
    return reader.at_end();
  }

  Entry* take(std::string_view key, std::optional<UnixTime> expire_at) {
    Entry* entry = set_->to_entry(key, expire_at);
    set_.reset();
    return entry;
  }

 private:
  std::optional<SetBody> set_;
};

Result<Entry*> from_rdb(std::string_view key, std::uint8_t rdb_type, std::string_view bytes,
                        std::optional<UnixTime> expire_at) {
  RdbReader reader(bytes);
  SetLoader loader;
  const bool is_good = rdb_type == kRdbSetIntset     ? loader.read_intset(reader)
                       : rdb_type == kRdbSetListpack ? loader.read_listpack(reader)
                                                     : loader.read_members(reader);
  if (!is_good) return Status::corrupt("set value of {} bytes is malformed", bytes.size());
  return loader.take(key, expire_at);
}

void fit(Entry& entry, std::uint8_t rdb_type, const CollectionLimits& limits) {
  SetBody set(entry);
  set.fit(rdb_type != kRdbSet, limits);
  set.put_into(entry);
}

void mix_digest(const Entry& entry, Digest& digest) {
  SetWalk walk{SetBody(entry)};
  PackedValue member;
  char scratch[24];
  while (walk.next(member)) digest.xor_with(member.text(scratch));
}

std::size_t body_bytes(const Entry& entry) {
  const SetBody set(entry);
  if (set.encoding() == Encoding::intset) return BorrowedIntset(set.body())->allocated_bytes();
  if (set.encoding() == Encoding::listpack) return BorrowedListpack(set.body())->allocated_bytes();
  return set.table().allocated_bytes() + set.table().node_bytes();
}

Entry* copy(const Entry& entry, std::string_view key) {
  const SetBody set(entry);
  void* body = nullptr;
  if (set.encoding() == Encoding::intset) {
    body = BorrowedIntset(set.body())->copy().release();
  } else if (set.encoding() == Encoding::listpack) {
    body = BorrowedListpack(set.body())->copy().release();
  } else {
    auto* table = new SetTable(set.size());
    SetTable::Walk walk(set.table());
    while (const SetMember* member = walk.next()) table->insert(SetMember::make(member->text()));
    body = table;
  }
  return Entry::make_body(key, ObjectType::set, set.encoding(), body, entry.expire_at());
}

constexpr TypeOps kSetOps = {
    .name = "set",
    .free_body = [](Entry& entry) { SetBody(entry).free(); },
    .append_rdb = append_rdb,
    .from_rdb = from_rdb,
    .fit = fit,
    .mix_digest = mix_digest,
    .body_bytes = body_bytes,
    .copy = copy,
    .slice = slice,
};

}  // namespace

void register_set_type() { register_type(ObjectType::set, kSetOps, {kRdbSet, kRdbSetIntset, kRdbSetListpack}); }

}  // namespace stele
