#include "engine/keyspace.h"

#include <algorithm>

#include "engine/stored_value.h"
#include "engine/type_ops.h"
#include "persistence/store.h"

namespace stele {

Keyspace::Keyspace(int databases, const KeyHasher::Seed& seed, Effects& effects, Watches& watches, Reclaimer& reclaimer)
    : hasher_(seed), effects_(effects), watches_(watches), reclaimer_(reclaimer) {
  for (int i = 0; i < databases; ++i) {
    auto db = std::make_unique<Database>();
    db->index = i;
    db->partition = next_partition_++;
    db->table = std::make_shared<Table>(hasher_);
    dbs_.push_back(std::move(db));
  }
  end_sweep();
  // Any start will do, but not the same one in every process: RANDOMKEY would tell the same keys after each restart.
  std::memcpy(&random_, KeyHasher::random_seed().data(), sizeof random_);
  random_ |= 1;
}

// --- looking up

bool Keyspace::has_passed(UnixTime expire_at) const { return expiry_ != Expiry::off && expire_at <= now_; }

bool Keyspace::is_expired(const Entry& entry) const { return entry.has_expire() && has_passed(*entry.expire_at()); }

Item Keyspace::find(Database& db, std::string_view key) {
  const Hash48 hash = hasher_(key);
  Item item{&db, hash, key, db.table->find(hash, key), nullptr};
  if (!item.slot) {
    if (db.cold == 0) return item;
    item = load(db, hash, key);
    if (!item.slot) return item;
  }
  if (item.slot.is_tombstone()) return item;
  item.entry = item.slot.entry();
  if (is_expired(*item.entry)) expire(item);
  return item;
}

Item Keyspace::peek(Database& db, std::string_view key) {
  const Item item = find(db, key);
  ++(item ? stats_.hits : stats_.misses);
  if (!item) notify(key_event::kKeyMiss, "keymiss", db.index, key);
  return item;
}

Item Keyspace::find_to_overwrite(Database& db, std::string_view key) {
  if (!defers_lookups_ || db.cold == 0) return find(db, key);
  const Hash48 hash = hasher_(key);
  Item item{.db = &db, .hash = hash, .key = key, .slot = db.table->find(hash, key)};
  if (!item.slot) {
    item.unresolved = true;
  } else if (!item.slot.is_tombstone()) {
    item.entry = item.slot.entry();
  }
  return item;
}

Database* Keyspace::owner_of(std::string_view stored) {
  const Partition partition = stored_key_partition(stored);
  const auto owner = std::find_if(dbs_.begin(), dbs_.end(), [&](const auto& db) { return db->partition == partition; });
  return owner == dbs_.end() ? nullptr : owner->get();
}

void Keyspace::resolve(std::string_view stored, const std::optional<std::string>& value) {
  Database* const db = owner_of(stored);
  if (!value || db == nullptr) return;  // it was new, or flushed meanwhile
  STELE_ASSERT(db->cold > 0);
  --db->cold;
  if (const auto expire_at = stored_value_expire(*value)) {
    STELE_ASSERT(db->cold_expires > 0);
    --db->cold_expires;
    stale_expires_.emplace_back(*expire_at, stored);
  }
}

Item Keyspace::read(Database& db, std::string_view key) {
  const Item item = peek(db, key);
  if (item) touch(*item.entry);
  return item;
}

void Keyspace::touch(Entry& entry) {
  if (no_touch_) return;
  if (access_policy_.lfu) {
    entry.set_access(lfu_accessed(entry.access(), access_policy_, now_, static_cast<std::uint32_t>(next_random() >> 32)));
  } else {
    entry.set_access(access_clock_);
  }
}

std::uint64_t Keyspace::next_random() {
  random_ ^= random_ << 13, random_ ^= random_ >> 7, random_ ^= random_ << 17;
  return random_ * 0x2545F4914F6CDD1Dull;
}

bool Keyspace::is_cold(Database& db, std::string_view key) {
  if (db.cold == 0) return false;
  const Hash48 hash = hasher_(key);
  if (db.table->find(hash, key)) return false;
  return store_->may_contain(stored_key(db.partition, hash, key));
}

Item Keyspace::load(Database& db, Hash48 hash, std::string_view key) {
  Item item{&db, hash, key, {}, nullptr};
  const std::string stored = stored_key(db.partition, hash, key);
  if (!store_->may_contain(stored)) return item;
  Result<std::optional<std::string>> value = store_->get(stored);
  // A value that cannot be read must not become a missing key: whatever follows would be built on a loss.
  if (!value.ok()) {
    internal::assertion_failed(value.status().message().c_str(), __FILE__, __LINE__);
  }
  if (const Status status = install_loaded(stored, *value); !status.ok()) {
    internal::assertion_failed(status.message().c_str(), __FILE__, __LINE__);
  }
  item.slot = db.table->find(hash, key);
  return item;
}

Status Keyspace::install_loaded(std::string_view stored, const std::optional<std::string>& value) {
  Database* const owner = owner_of(stored);
  if (!value || owner == nullptr) return Status();  // flushed meanwhile
  Database& db = *owner;
  const Hash48 hash = stored_key_hash(stored);
  const std::string_view key = stored_key_user_key(stored);
  if (db.table->find(hash, key)) return Status();
  STELE_TRY(Entry * entry, entry_from_stored(key, *value, limits_));
  db.table->insert(hash, entry);
  ++stats_.loads;
  STELE_ASSERT(db.cold > 0);
  --db.cold;
  if (entry->has_expire()) {
    STELE_ASSERT(db.cold_expires > 0);
    --db.cold_expires;
    db.expires.emplace(entry->expire_at()->ms(), hash);
  }
  return Status();
}

// --- changing

void Keyspace::take_frozen(Item& item) {
  const unsigned frozen = epoch_ ^ 1;
  if (!item.slot.is_dirty(frozen)) return;
  STELE_ASSERT(frozen_sink_ != nullptr);
  frozen_sink_->take_early(item.db->partition, item.hash, *item.slot.entry());
  item.slot.entry()->set_stored(true);
  item.db->table->clear_dirty(item.slot, frozen);
}

void Keyspace::mark_dirty(Item& item) { item.db->table->mark_dirty(item.slot, epoch_); }

void Keyspace::changed(Database& db, std::string_view key) {
  ++stats_.changes;
  if (!watches_.empty()) watches_.touch(db.index, key);
  if (!waiters_.empty()) waiters_.touch(db.index, key);
  if (observes_changes_) observer_->key_changed(db.index, key, !expiring_);
}

void Keyspace::index_expire(Database& db, Hash48 hash, std::optional<UnixTime> before, std::optional<UnixTime> after) {
  if (before == after) return;
  if (before) {
    const auto row = db.expires.find({before->ms(), hash});
    STELE_ASSERT(row != db.expires.end());
    db.expires.erase(row);
  }
  if (!after) return;
  db.expires.emplace(after->ms(), hash);
  if (expiry_ == Expiry::hidden && effects_.muted()) local_expires_.emplace(after->ms(), db.index, hash);
}

void Keyspace::create(Item& item, Entry* entry) {
  STELE_ASSERT(item.entry == nullptr);
  Database& db = *item.db;
  entry->set_access(access_policy_.lfu ? lfu_start(now_) : access_clock_);
  if (item.slot && !item.slot.is_tombstone()) {
    // An expired key that is hidden: it goes as if the primary's DEL had come.
    item.entry = item.slot.entry();
    erase(item);
  }
  if (item.slot) {
    take_frozen(item);
    db.table->revive(item.slot, entry);
  } else {
    item.slot = db.table->insert(item.hash, entry);
    if (item.unresolved) {
      entry->set_stored(true);  // perhaps: a tombstone too many does no harm
      unresolved_.push_back(stored_key(db.partition, item.hash, item.key));
      item.unresolved = false;
    }
  }
  item.entry = entry;
  mark_dirty(item);
  index_expire(db, item.hash, std::nullopt, entry->expire_at());
  changed(db, item.key);
  if (!replacing_) notify(key_event::kNew, "new", db.index, item.key);
}

void Keyspace::replace(Item& item, Entry* entry, bool lazy) {
  if (item) {
    Database& db = *item.db;
    const std::string_view key = item.key;
    erase(item, lazy);
    item = find(db, key);
    replacing_ = true;
  }
  create(item, entry);
  replacing_ = false;
}

void Keyspace::begin_change(Item& item) {
  take_frozen(item);
  expire_before_ = item.entry->expire_at();
  // The row of the old expiry stands in the store since the entry was last serialised; once a checkpoint is enough.
  if (expire_before_ && item.entry->is_stored() && !item.slot.is_dirty(epoch_)) {
    stale_expires_.emplace_back(*expire_before_, stored_key(item.db->partition, item.hash, item.entry->key()));
  }
  mark_dirty(item);
  touch(*item.entry);
}

void Keyspace::end_change(Item& item, Entry* entry) {
  if (entry != item.entry) {
    item.slot.set_entry(entry);
    item.entry = entry;
  }
  index_expire(*item.db, item.hash, expire_before_, entry->expire_at());
  changed(*item.db, item.key);
}

Entry* Keyspace::take(Item& item) {
  begin_change(item);
  Database& db = *item.db;
  index_expire(db, item.hash, expire_before_, std::nullopt);
  Entry* entry = item.entry;
  if (entry->is_stored()) {
    db.table->bury(item.slot, Entry::make_tombstone(entry->key()));
  } else {
    db.table->extract(item.slot);
    item.slot = {};
  }
  item.entry = nullptr;
  changed(db, item.key);
  return entry;
}

void Keyspace::erase(Item& item, bool lazy) {
  Entry* entry = take(item);
  if (frozen_sink_ != nullptr) frozen_sink_->before_free(*entry);
  if (lazy && entry->allocated_bytes() + type_ops(entry->type()).body_bytes(*entry) >= kLazyBodyBytes) {
    reclaimer_.submit([entry] { Entry::destroy(entry); });
  } else {
    Entry::destroy(entry);
  }
}

void Keyspace::set_expire(Item& item, std::optional<UnixTime> at) {
  begin_change(item);
  end_change(item, Entry::with_expire(item.entry, at));
}

void Keyspace::set_string(Item& item, std::string_view value, std::optional<UnixTime> expire_at) {
  if (item.entry == nullptr) {
    create(item, Entry::make_string(item.key, value, expire_at));
    return;
  }
  begin_change(item);
  end_change(item, Entry::assign_string(item.entry, value, expire_at));
}

void Keyspace::flush(Database& db, bool lazy) {
  // Of an empty one too: a client may have cached that a key is missing.
  if (observes_changes_) observer_->database_changed(db.index);
  // Whatever tombstones there are do the same for less; FLUSHALL meets mostly databases that are empty.
  if (db.size() == 0) return;
  watches_.touch_if(db.index, [&](const std::string& key) { return bool(find(db, key)); });
  waiters_.touch_all(db.index);
  const std::size_t keys = db.size();
  stats_.changes += keys;
  std::shared_ptr<Table> old = std::move(db.table);
  db.table = std::make_shared<Table>(hasher_);
  db.partition = next_partition_++;
  db.cold = db.cold_expires = 0;
  if (lazy && keys > 0) {
    auto expires = std::make_shared<decltype(db.expires)>(std::move(db.expires));
    reclaimer_.submit([table = std::move(old), expires]() mutable { table.reset(), expires.reset(); }, keys);
  }
  db.expires.clear();
}

void Keyspace::clear() {
  for (const auto& db : dbs_) {
    flush(*db, true);
    db->table = std::make_shared<Table>(hasher_);  // without tombstones
  }
  stale_expires_.clear();
  unresolved_.clear();
  functions_ = FunctionLibraries();
  end_sweep();
}

void Keyspace::swap(int a, int b) {
  if (a == b) return;
  Database& first = db(a);
  Database& second = db(b);
  // A watched key that exists in either database is another one afterwards.
  for (const int index : {a, b}) {
    watches_.touch_if(index, [&](const std::string& key) { return find(first, key) || find(second, key); });
    waiters_.touch_all(index);
    if (observes_changes_) observer_->database_changed(index);
  }
  std::swap(first, second);
  std::swap(first.index, second.index);
  ++stats_.changes;
}

std::size_t Keyspace::evict(std::size_t most) {
  constexpr int kSamples = 5;
  std::size_t freed = 0;
  for (std::size_t i = 0; i < most; ++i) {
    // A database in proportion to what it has in memory.
    std::size_t resident = 0;
    for (const auto& db : dbs_) resident += db->table->size();
    if (resident == 0) return freed;
    std::size_t at = next_random() % resident;
    auto owner = dbs_.begin();
    while (at >= (*owner)->table->size()) at -= (*owner++)->table->size();
    Database& db = **owner;
    Table::Slot victim;
    for (int sample = 0; sample < kSamples; ++sample) {
      const Table::Slot slot = db.table->random_live(next_random());
      if (!slot || !slot.is_clean() || !slot.entry()->is_stored()) continue;
      if (!victim || idle_rank(*slot.entry()) > idle_rank(*victim.entry())) victim = slot;
    }
    if (!victim) continue;
    Entry* entry = victim.entry();
    freed += entry->allocated_bytes() + type_ops(entry->type()).body_bytes(*entry);
    if (const auto expire_at = entry->expire_at()) {
      index_expire(db, hasher_(entry->key()), expire_at, std::nullopt);
      ++db.cold_expires;
    }
    ++db.cold;
    ++stats_.evictions;
    Entry::destroy(db.table->extract(victim));
  }
  return freed;
}

std::uint64_t Keyspace::idle_rank(const Entry& entry) const {
  return access_policy_.lfu ? 255 - frequency(entry) : idle_seconds(entry);
}

void Keyspace::drop_resident() {
  for (const auto& db : dbs_) {
    STELE_ASSERT(db->table->dirty(0) == 0 && db->table->dirty(1) == 0);
    db->cold = db->size();
    db->cold_expires = db->expires_size();
    db->table = std::make_shared<Table>(hasher_);
    db->expires.clear();
  }
}

// --- expiry

void Keyspace::expire(Item& item) {
  if (expiry_ == Expiry::hidden) {
    item.entry = nullptr;  // the slot stays: a replica's own write replaces what is hidden
    return;
  }
  remove_expired(item);
}

void Keyspace::remove_expired(Item& item) {
  ++stats_.expired;
  const std::string key(item.entry->key());
  const std::string_view caller_key = item.key;
  item.key = key;
  expiring_ = true;
  erase(item, lazy_free_.expire);
  expiring_ = false;
  item.key = caller_key;
  notify(key_event::kExpired, "expired", item.db->index, key);
  effects_.emit(item.db->index, std::string_view(lazy_free_.expire ? "UNLINK" : "DEL"), std::string_view(key));
}

std::size_t Keyspace::expire_due(std::size_t most) {
  if (expiry_ == Expiry::hidden) return expire_local(most);
  if (expiry_ != Expiry::active) return 0;
  std::size_t removed = 0;
  for (const auto& db : dbs_) {
    while (removed < most && !db->expires.empty() && db->expires.begin()->first <= now_.ms()) {
      const auto [at, hash] = *db->expires.begin();
      const Table::Slot slot = db->table->find_if(hash, [&, due = at](const Entry& entry) {
        return !entry.is_tombstone() && entry.expire_at() == UnixTime(due);
      });
      STELE_ASSERT(slot);
      const std::string key(slot.entry()->key());
      effects_.begin_unit();
      Item item{db.get(), hash, key, slot, slot.entry()};
      expire(item);
      effects_.end_unit();
      ++removed;
    }
  }
  return removed;
}

/// What was written to a replica itself, nobody else will remove.
std::size_t Keyspace::expire_local(std::size_t most) {
  std::size_t looked_at = 0;
  for (; looked_at < most && !local_expires_.empty(); ++looked_at) {
    const auto [at, index, hash] = *local_expires_.begin();
    if (at > now_.ms()) break;
    local_expires_.erase(local_expires_.begin());
    Database& owner = db(index);
    const Table::Slot slot = owner.table->find_if(hash, [due = at](const Entry& entry) {
      return !entry.is_tombstone() && entry.expire_at() == UnixTime(due);
    });
    if (!slot) continue;  // replaced since
    const std::string key(slot.entry()->key());
    Item item{&owner, hash, key, slot, slot.entry()};
    remove_expired(item);
  }
  return looked_at;
}

Keyspace::StoredExpiry Keyspace::expire_stored(UnixTime at, std::string_view stored, bool loaded) {
  if (Database* db = owner_of(stored)) {
    const Table::Slot slot = db->table->find(stored_key_hash(stored), stored_key_user_key(stored));
    if (!slot && !loaded && store_->may_contain(stored)) return StoredExpiry::cold;
    if (slot && !slot.is_tombstone() && slot.entry()->expire_at() == at) return StoredExpiry::resident;
  }
  stale_expires_.emplace_back(at, stored);
  return StoredExpiry::stale;
}

// --- checkpoints

std::size_t Keyspace::dirty_keys() const {
  std::size_t keys = 0;
  for (const auto& db : dbs_) keys += db->table->dirty(epoch_);
  return keys;
}

Frozen Keyspace::freeze() {
  Frozen frozen;
  frozen.epoch = epoch_;
  for (const auto& db : dbs_) {
    STELE_ASSERT(db->table->dirty(epoch_ ^ 1) == 0);
    frozen.ranges.push_back({db->partition, db->table});
  }
  std::sort(frozen.ranges.begin(), frozen.ranges.end(),
            [](const auto& a, const auto& b) { return a.partition < b.partition; });
  frozen.stale_expires = std::move(stale_expires_);
  stale_expires_.clear();
  frozen.engine_state = engine_state().text();
  epoch_ ^= 1;
  // From now on a tombstone becomes clean by being serialised, while the store still shows its key.
  end_sweep();
  return frozen;
}

void Keyspace::thaw(const Frozen& frozen) {
  for (const auto& range : frozen.ranges) {
    for (const auto& db : dbs_) {
      if (db->table != range.table) continue;
      db->table->mark_all_dirty(epoch_);
      db->table->clear_all_dirty(epoch_ ^ 1);
      // Dirty entries are not asked for the row of their expiry any more when it changes: name them all now. The next
      // checkpoint puts again what still holds.
      for (Hash48 at = 0; at < kHashEnd;) {
        at = db->table->visit_segment(at, [&](Table::Slot slot, Hash48 hash) {
          const Entry& entry = *slot.entry();
          if (slot.is_tombstone() || !entry.has_expire() || !entry.is_stored()) return;
          stale_expires_.emplace_back(*entry.expire_at(), stored_key(db->partition, hash, entry.key()));
        });
      }
    }
  }
  stale_expires_.insert(stale_expires_.end(), frozen.stale_expires.begin(), frozen.stale_expires.end());
}

void Keyspace::release(Frozen frozen) {
  for (auto& range : frozen.ranges) {
    if (range.table.use_count() > 1) continue;
    reclaimer_.submit([table = std::move(range.table)]() mutable { table.reset(); }, 0);
  }
}

bool Keyspace::sweep_tombstones(std::size_t segments) {
  while (segments > 0 && sweep_db_ < dbs_.size()) {
    Table& table = *dbs_[sweep_db_]->table;
    if (table.tombstones() == 0 || sweep_at_ >= kHashEnd) {
      ++sweep_db_;
      sweep_at_ = 0;
      continue;
    }
    sweep_at_ = table.sweep_tombstones(sweep_at_);
    --segments;
  }
  return sweep_db_ >= dbs_.size();
}

}  // namespace stele
