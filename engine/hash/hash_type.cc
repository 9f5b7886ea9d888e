#include "engine/hash/hash_type.h"

#include "engine/hash/hash_value.h"
#include "engine/packed/packed_checks.h"
#include "engine/packed/sliced_value.h"
#include "engine/type_ops.h"
#include "persistence/rdb_primitives.h"

namespace stele {

namespace {

constexpr std::uint8_t kRdbHash = 4;
constexpr std::uint8_t kRdbHashZipmap = 9;
constexpr std::uint8_t kRdbHashListpack = 16;

void append_field(const HashField& field, std::string& out) {
  append_rdb_string(out, field.text());
  append_rdb_string(out, field.value());
}

std::uint8_t append_rdb(const Entry& entry, std::string& out) {
  const HashBody hash(entry);
  if (hash.encoding() == Encoding::listpack) {
    const BorrowedListpack listpack(hash.body());
    append_rdb_length(out, listpack->total());
    out.append(listpack->bytes());
    return kRdbHashListpack;
  }
  append_rdb_length(out, hash.size());
  HashTable::Walk walk(hash.table());
  while (const HashField* field = walk.next()) append_field(*field, out);
  return kRdbHash;
}

std::unique_ptr<SlicedValue> slice(Entry& entry) {
  if (entry.encoding() != Encoding::hashtable) return nullptr;
  auto& table = *static_cast<HashTable*>(entry.body());
  if (table.size() < kSlicedFrom) return nullptr;
  return std::make_unique<SlicedElements<HashField>>(entry.body(), table, kRdbHash, append_field);
}

Status malformed(std::string_view bytes) {
  return Status::corrupt("hash value of {} bytes is malformed", bytes.size());
}

}  // namespace

/// A hash being read, freed unless it is taken.
class HashLoader {
 public:
  ~HashLoader() {
    if (hash_) hash_->free();
  }

  bool read_listpack(RdbReader& reader) {
    char scratch[12];
    auto listpack = Listpack::from_bytes(reader.string(scratch));
    if (!reader.at_end() || !listpack || listpack->empty() || listpack->size() % 2 != 0) return false;
    if (has_doubles(*listpack, 1)) return false;
    hash_.emplace(HashBody(Encoding::listpack, listpack->release()));
    return true;
  }

  /// Small ones become listpacks by Redis' own limits; fit() knows those that are configured.
  bool read_pairs(RdbReader& reader) {
    const CollectionLimits limits;
    const std::uint64_t count = reader.length();
    if (count == 0) return false;
    hash_.emplace();
    hash_->expect(std::min<std::uint64_t>(count, ElementSegment::kSlotsMax + 2), limits);
    for (std::uint64_t i = 0; i < count; ++i) {
      char scratch[2][12];
      const std::string_view field = reader.string(scratch[0]);
      const std::string_view value = reader.string(scratch[1]);
      if (!reader.ok() || !hash_->set(field, value, limits)) return false;
    }
    return reader.at_end();
  }

  Entry* take(std::string_view key, std::optional<UnixTime> expire_at) {
    Entry* entry = hash_->to_entry(key, expire_at);
    hash_.reset();
    return entry;
  }

 private:
  std::optional<HashBody> hash_;
};

namespace {

Result<Entry*> from_rdb(std::string_view key, std::uint8_t rdb_type, std::string_view bytes,
                        std::optional<UnixTime> expire_at) {
  RdbReader reader(bytes);
  HashLoader loader;
  if (!(rdb_type == kRdbHash ? loader.read_pairs(reader) : loader.read_listpack(reader))) return malformed(bytes);
  return loader.take(key, expire_at);
}

void fit(Entry& entry, std::uint8_t rdb_type, const CollectionLimits& limits) {
  HashBody hash(entry);
  hash.fit(rdb_type == kRdbHash || rdb_type == kRdbHashZipmap, rdb_type == kRdbHash, limits);
  hash.put_into(entry);
}

void mix_digest(const Entry& entry, Digest& digest) {
  HashWalk walk{HashBody(entry)};
  PackedValue field, value;
  char scratch[24];
  while (walk.next(field, value)) {
    Digest pair;
    pair.mix(field.text(scratch));
    pair.mix(value.text(scratch));
    digest.xor_with(pair.view());
  }
}

std::size_t body_bytes(const Entry& entry) {
  const HashBody hash(entry);
  if (hash.encoding() == Encoding::listpack) return BorrowedListpack(hash.body())->allocated_bytes();
  return hash.table().allocated_bytes() + hash.table().node_bytes();
}

Entry* copy(const Entry& entry, std::string_view key) {
  const HashBody hash(entry);
  if (hash.encoding() == Encoding::listpack) {
    Listpack bytes = BorrowedListpack(hash.body())->copy();
    return Entry::make_body(key, ObjectType::hash, Encoding::listpack, bytes.release(), entry.expire_at());
  }
  auto* table = new HashTable(hash.size());
  HashTable::Walk walk(hash.table());
  while (const HashField* field = walk.next()) table->insert(HashField::make(field->text(), field->value()));
  return Entry::make_body(key, ObjectType::hash, Encoding::hashtable, table, entry.expire_at());
}

constexpr TypeOps kHashOps = {
    .name = "hash",
    .free_body = [](Entry& entry) { HashBody(entry).free(); },
    .append_rdb = append_rdb,
    .from_rdb = from_rdb,
    .fit = fit,
    .mix_digest = mix_digest,
    .body_bytes = body_bytes,
    .copy = copy,
    .slice = slice,
};

}  // namespace

void register_hash_type() { register_type(ObjectType::hash, kHashOps, {kRdbHash, kRdbHashListpack}); }

}  // namespace stele
