#include "engine/evictor.h"

#include "engine/type_ops.h"

namespace stele {

namespace {

constexpr std::size_t kPoolKeys = 16;
// Where one key in so many at least has an expiry, drawing any key until one has is cheap, and each is as likely.
constexpr std::size_t kVolatileShare = 8;
constexpr int kDraws = 32;

}  // namespace

std::uint64_t Evictor::random() {
  random_ ^= random_ << 13, random_ ^= random_ >> 7, random_ ^= random_ << 17;
  return random_ * 0x2545F4914F6CDD1Dull;
}

Item Evictor::at_expiry(Database& db, std::pair<std::int64_t, Hash48> expiry) {
  const Table::Slot slot = db.table->find_if(expiry.second, [&](const Entry& entry) {
    return !entry.is_tombstone() && entry.expire_at() == UnixTime(expiry.first);
  });
  STELE_ASSERT(slot);
  return {&db, expiry.second, slot.entry()->key(), slot, slot.entry()};
}

Item Evictor::draw(Database& db, bool volatile_only) {
  if (db.table->size() == 0 || (volatile_only && db.expires.empty())) return {};
  if (!volatile_only || db.expires.size() * kVolatileShare >= db.table->size()) {
    for (int i = 0; i < kDraws; ++i) {
      const Table::Slot slot = db.table->random_live(random());
      if (!slot || (volatile_only && !slot.entry()->has_expire())) continue;
      const std::string_view key = slot.entry()->key();
      return {&db, keyspace_.hasher()(key), key, slot, slot.entry()};
    }
    if (!volatile_only) return {};
  }
  // A moment between the first expiry and the last, and a few steps from there: not as likely all, but all possible.
  const std::int64_t first = db.expires.begin()->first;
  const auto span = static_cast<std::uint64_t>(db.expires.rbegin()->first - first) + 1;
  auto at = db.expires.lower_bound({first + static_cast<std::int64_t>(random() % span), 0});
  for (std::uint64_t steps = random() % kPoolKeys; steps > 0 && at != db.expires.end(); --steps) ++at;
  if (at == db.expires.end()) at = std::prev(at);
  return at_expiry(db, *at);
}

Item Evictor::first_to_expire() {
  Database* soonest = nullptr;
  for (int i = 0; i < keyspace_.databases(); ++i) {
    Database& db = keyspace_.db(i);
    if (db.expires.empty()) continue;
    if (soonest == nullptr || db.expires.begin()->first < soonest->expires.begin()->first) soonest = &db;
  }
  return soonest == nullptr ? Item() : at_expiry(*soonest, *soonest->expires.begin());
}

Item Evictor::any(bool volatile_only) {
  for (int i = 0; i < keyspace_.databases(); ++i) {
    Database& db = keyspace_.db(next_db_++ % keyspace_.databases());
    next_db_ %= keyspace_.databases();
    if (const Item item = draw(db, volatile_only)) return item;
  }
  return {};
}

bool Evictor::fill_pool(EvictionRule rule, std::size_t samples) {
  bool any = false;
  for (int i = 0; i < keyspace_.databases(); ++i) {
    Database& db = keyspace_.db(i);
    for (std::size_t sample = 0; sample < samples; ++sample) {
      const Item item = draw(db, rule.volatile_only);
      if (!item) break;
      any = true;
      const std::uint64_t rank = rule.by == EvictionRule::By::lfu ? kLfuCounterMax - keyspace_.frequency(*item.entry)
                                                                  : keyspace_.idle_seconds(*item.entry);
      if (pool_.size() == kPoolKeys && rank <= pool_.front().rank) continue;
      const auto known = [&](const Candidate& c) { return c.db == i && c.key == item.key; };
      if (std::any_of(pool_.begin(), pool_.end(), known)) continue;
      if (pool_.size() == kPoolKeys) pool_.erase(pool_.begin());
      const auto place = std::lower_bound(pool_.begin(), pool_.end(), rank,
                                          [](const Candidate& c, std::uint64_t r) { return c.rank < r; });
      pool_.insert(place, Candidate{rank, i, std::string(item.key)});
    }
  }
  return any;
}

Item Evictor::worst(EvictionRule rule, std::size_t samples) {
  while (fill_pool(rule, samples)) {
    while (!pool_.empty()) {
      const Candidate candidate = std::move(pool_.back());
      pool_.pop_back();
      Database& db = keyspace_.db(candidate.db);
      const Hash48 hash = keyspace_.hasher()(candidate.key);
      const Table::Slot slot = db.table->find(hash, candidate.key);
      // It may be gone by now, or have lost its expiry.
      if (!slot || slot.is_tombstone() || (rule.volatile_only && !slot.entry()->has_expire())) continue;
      return {&db, hash, slot.entry()->key(), slot, slot.entry()};
    }
  }
  return {};
}

std::optional<Evictor::Evicted> Evictor::evict_one(EvictionRule rule, std::size_t samples) {
  using By = EvictionRule::By;
  Item item = rule.by == By::ttl      ? first_to_expire()
              : rule.by == By::random ? any(rule.volatile_only)
                                      : worst(rule, samples);
  if (!item) return std::nullopt;
  victim_ = item.key;
  item.key = victim_;
  const int db = item.db->index;
  const bool lazy = keyspace_.lazy_free().eviction;
  const std::size_t bytes = item.entry->allocated_bytes() + type_ops(item.entry->type()).body_bytes(*item.entry);
  effects_.begin_unit();
  keyspace_.erase(item, lazy);
  effects_.emit(db, std::string_view(lazy ? "UNLINK" : "DEL"), std::string_view(victim_));
  effects_.end_unit();
  keyspace_.notify(key_event::kEvicted, "evicted", db, victim_);
  ++evicted_;
  return Evicted{bytes, lazy && bytes >= Keyspace::kLazyBodyBytes};
}

}  // namespace stele
