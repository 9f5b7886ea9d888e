#include "tools/rdb/key_record.h"

#include <xxhash.h>

#include "engine/rdb/value_walk.h"
#include "engine/stream/stream.h"
#include "engine/stream/stream_rdb.h"

namespace stele::tools {

namespace {

/// Of parts in order, each with its length.
class Hasher {
 public:
  Hasher() : state_(XXH3_createState()) { XXH3_128bits_reset(state_); }
  ~Hasher() { XXH3_freeState(state_); }
  Hasher(const Hasher&) = delete;
  Hasher& operator=(const Hasher&) = delete;

  void reset() { XXH3_128bits_reset(state_); }
  void add(std::string_view text) {
    add(static_cast<std::uint64_t>(text.size()));
    XXH3_128bits_update(state_, text.data(), text.size());
  }
  void add(std::uint64_t value) { XXH3_128bits_update(state_, &value, sizeof value); }
  void add(StreamId id) {
    add(id.ms);
    add(id.seq);
  }
  KeyDigest digest() const {
    const XXH128_hash_t hash = XXH3_128bits_digest(state_);
    return {hash.low64, hash.high64};
  }

 private:
  XXH3_state_t* const state_;
};

Result<KeyDigest> stream_digest(const RdbKey& key) {
  STELE_TRY(const std::unique_ptr<Stream> stream, stream_from_rdb(key.value.type, key.value.bytes));
  Hasher hasher;
  char digits[24];
  for (StreamCursor entry(*stream, {}, StreamId::max()); entry.next();) {
    hasher.add(entry.id());
    hasher.add(std::uint64_t{entry.fields()});
    entry.each_pair([&](const PackedValue& field, const PackedValue& value) {
      hasher.add(field.text(digits));
      hasher.add(value.text(digits));
    });
  }
  hasher.add(stream->facts.last_id);
  hasher.add(stream->facts.max_deleted_id);
  hasher.add(stream->facts.entries_added);
  for (const auto& [name, group] : stream->groups) {
    hasher.add(name);
    hasher.add(group->last_id);
    hasher.add(static_cast<std::uint64_t>(group->entries_read));
    hasher.add(std::uint64_t{group->pending().size()});
    for (const auto& [id, pending] : group->pending()) {
      hasher.add(id);
      hasher.add(pending.consumer->name);
      hasher.add(static_cast<std::uint64_t>(pending.delivered_ms));
      hasher.add(pending.deliveries);
    }
    hasher.add(std::uint64_t{group->consumers().size()});
    for (const auto& [consumer_name, consumer] : group->consumers()) hasher.add(consumer_name);
  }
  return hasher.digest();
}

}  // namespace

KeyDigest key_id(const RdbKey& key) {
  // Both are hashed: as a seed, the database could be made up for by another key.
  thread_local std::string both;
  both.assign(reinterpret_cast<const char*>(&key.db), sizeof key.db);
  both += key.key;
  const XXH128_hash_t hash = XXH3_128bits(both.data(), both.size());
  return {hash.low64, hash.high64};
}

Result<KeyDigest> value_digest(const RdbKey& key) {
  const ObjectType type = object_type_of_value(key.value.type);
  if (type == ObjectType::stream) return stream_digest(key);
  Hasher hasher;
  // A sum of the elements' digests does not depend on their order.
  const bool is_ordered = type == ObjectType::string || type == ObjectType::list;
  KeyDigest sum{static_cast<std::uint64_t>(type), 0};
  std::size_t index = 0;
  STELE_CHECK(walk_value(key.value.type, key.value.bytes, [&](const ValueElement& element) {
    if (!is_ordered) hasher.reset();
    hasher.add(element.text);
    if (type == ObjectType::hash) {
      hasher.add(element.value);
      hasher.add(key.value.expiring_fields > 0 ? static_cast<std::uint64_t>(key.value.field_expires_at_ms[index]) : 0);
      ++index;
    }
    if (type == ObjectType::zset) {
      std::uint64_t bits = 0;
      const double score = element.score == 0 ? 0 : element.score;  // minus zero is the same place
      std::memcpy(&bits, &score, sizeof bits);
      hasher.add(bits);
    }
    if (!is_ordered) {
      const KeyDigest digest = hasher.digest();
      sum.low += digest.low;
      sum.high += digest.high;
    }
    return Status();
  }));
  if (is_ordered) {
    const KeyDigest digest = hasher.digest();
    sum.low += digest.low;
    sum.high += digest.high;
  }
  return sum;
}

void append_sortable(std::string& out, std::uint64_t value) {
  for (int shift = 56; shift >= 0; shift -= 8) out += static_cast<char>(value >> shift);
}

std::uint64_t read_sortable(std::string_view bytes) {
  std::uint64_t value = 0;
  for (const char c : bytes.substr(0, 8)) value = value << 8 | static_cast<unsigned char>(c);
  return value;
}

std::string sort_key(std::uint64_t db, std::string_view key) {
  std::string out;
  out.reserve(8 + key.size());
  append_sortable(out, db);
  out += key;
  return out;
}

std::uint64_t db_of_sort_key(std::string_view sort_key) { return read_sortable(sort_key); }
std::string_view key_of_sort_key(std::string_view sort_key) { return sort_key.substr(8); }

}  // namespace stele::tools
