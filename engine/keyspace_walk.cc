// SCAN, RANDOMKEY, DEBUG DIGEST: what looks at all keys, resident and cold.

#include <array>

#include "engine/keyspace.h"
#include "engine/stored_value.h"
#include "engine/type_ops.h"
#include "persistence/store.h"

namespace stele {

Result<Hash48> Keyspace::scan(Database& db, Hash48 cursor, std::size_t count,
                              const std::function<void(std::string_view, const TypeOps&)>& visit) {
  // Two ordered runs, merged: the resident segment by segment, the cold by the store's iterator. A key that is in the
  // table, as tombstone too, is the table's; so no key is shown twice.
  std::optional<StoreIterator> cold;
  if (db.cold > 0) {
    cold = store_->iterate(stored_key(db.partition, cursor, {}), stored_key(db.partition + 1, 0, {}));
  }
  std::size_t seen = 0;
  Hash48 last = 0;  // of the key shown last
  const auto show = [&](Hash48 hash, std::string_view key, const TypeOps& type) {
    visit(key, type);
    ++seen;
    last = hash;
  };
  // The next cursor is a hash, so keys of equal hash are shown together.
  const auto stops_before = [&](Hash48 hash) { return seen >= count && hash != last; };

  Status status;
  // Shows the cold keys before `end`; the hash to go on from if it had to stop.
  const auto show_cold_until = [&](Hash48 end) -> std::optional<Hash48> {
    for (; cold && cold->valid(); cold->next()) {
      const Hash48 hash = stored_key_hash(cold->key());
      if (hash >= end) return std::nullopt;
      const std::string_view key = stored_key_user_key(cold->key());
      if (db.table->find(hash, key)) continue;
      const auto expire_at = stored_value_expire(cold->value());
      if (expire_at && has_passed(*expire_at)) continue;
      if (stops_before(hash)) return hash;
      const TypeOps* type = stored_value_type(cold->value());
      if (type == nullptr) {
        status = Status::corrupt("the stored value of a key in database {} has an unknown type", db.index);
        return hash;
      }
      show(hash, key, *type);
    }
    if (cold) status = cold->status();
    if (!status.ok()) return end;
    return std::nullopt;
  };

  struct Found {
    Hash48 hash;
    const Entry* entry;
  };
  std::vector<Found> found;
  while (cursor < kHashEnd) {
    found.clear();
    const Hash48 end = db.table->visit_segment(cursor, [&](Table::Slot slot, Hash48 hash) {
      if (!slot.is_tombstone() && !is_expired(*slot.entry())) found.push_back({hash, slot.entry()});
    });
    std::optional<Hash48> stop;
    for (const auto& [hash, entry] : found) {
      stop = show_cold_until(hash);
      if (!stop && stops_before(hash)) stop = hash;
      if (stop) break;
      show(hash, entry->key(), type_ops(entry->type()));
    }
    if (!stop) stop = show_cold_until(end);
    STELE_CHECK(status);
    cursor = stop.value_or(end);
    if (seen >= count) break;
  }
  return cursor >= kHashEnd ? 0 : cursor;
}

Item Keyspace::random(Database& db) {
  for (int attempt = 0; attempt < 100 && db.size() > 0; ++attempt) {
    const std::uint64_t random = next_random();
    if (random % db.size() >= db.table->size()) {
      const Hash48 hash = next_random() >> (64 - kHashBits);
      for (const Hash48 from : {hash, Hash48{0}}) {
        auto it = store_->iterate(stored_key(db.partition, from, {}), stored_key(db.partition + 1, 0, {}));
        for (; it.valid(); it.next()) {
          const std::string key(stored_key_user_key(it.key()));
          if (db.table->find(stored_key_hash(it.key()), key)) continue;
          if (Item item = find(db, key)) {
            item.key = item.entry->key();
            return item;
          }
        }
      }
    }
    const Table::Slot slot = db.table->random_live(random);
    if (!slot) continue;
    const std::string key(slot.entry()->key());
    if (Item item = find(db, key)) {
      item.key = item.entry->key();
      return item;
    }
  }
  return Item{&db, 0, {}, {}, nullptr};
}

namespace {

std::array<char, 4> big_endian(std::uint32_t number) {
  return {static_cast<char>(number >> 24), static_cast<char>(number >> 16), static_cast<char>(number >> 8),
          static_cast<char>(number)};
}

void mix_object(const Entry& entry, Digest& digest) {
  const auto type = big_endian(static_cast<std::uint32_t>(entry.type()));
  digest.mix({type.data(), type.size()});
  type_ops(entry.type()).mix_digest(entry, digest);
  if (entry.has_expire()) digest.xor_with("!!expire!!");
}

}  // namespace

Digest Keyspace::digest_value(const Entry& entry) {
  Digest digest;
  mix_object(entry, digest);
  return digest;
}

Result<Digest> Keyspace::digest() {
  Digest total;
  for (const auto& db : dbs_) {
    if (db->size() == 0) continue;
    // Redis mixes the database number, big-endian, into the running digest, then xors one digest a key into it.
    const auto number = big_endian(static_cast<std::uint32_t>(db->index));
    total.mix({number.data(), number.size()});
    const auto add = [&](const Entry& entry) {
      Digest key_digest;
      key_digest.mix(entry.key());
      mix_object(entry, key_digest);
      total.xor_with(key_digest.view());
    };
    for (Hash48 at = 0; at < kHashEnd;) {
      at = db->table->visit_segment(at, [&](Table::Slot slot, Hash48) {
        if (!slot.is_tombstone()) add(*slot.entry());
      });
    }
    if (db->cold == 0) continue;
    auto it = store_->iterate(stored_key(db->partition, 0, {}), stored_key(db->partition + 1, 0, {}));
    for (; it.valid(); it.next()) {
      const std::string_view key = stored_key_user_key(it.key());
      if (db->table->find(stored_key_hash(it.key()), key)) continue;
      STELE_TRY(Entry * entry, entry_from_stored(key, it.value()));
      add(*entry);
      Entry::destroy(entry);
    }
    STELE_CHECK(it.status());
  }
  return total;
}

}  // namespace stele
