#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/keyspace.h"

namespace stele {

/// Which key goes next when memory is short: `maxmemory-policy`, but noeviction.
struct EvictionRule {
  enum class By : std::uint8_t { lru, lfu, ttl, random };
  By by = By::lru;
  bool volatile_only = false;  // only keys with an expiry
};

/// Deletes keys one by one to make room, those first that the rule likes least. Not to be confused with Keyspace::evict(), which
/// deletes nothing.
///
/// LRU and LFU go by samples, as in Redis: a few keys drawn at random are compared with the worst seen so far, 16 of which are
/// remembered from one call to the next. TTL is exact: the keyspace knows who expires first. Only resident keys are drawn; a
/// cold one takes no memory. Threads: the executor, between units.
class Evictor {
 public:
  Evictor(Keyspace& keyspace, Effects& effects) : keyspace_(keyspace), effects_(effects) {}

  struct Evicted {
    std::size_t bytes = 0;  // of the key and its value
    bool later = false;     // another thread is going to free them
  };
  /// Deletes one key, with its effect (DEL, or UNLINK if lazyfree-lazy-eviction) as a unit of its own, and the event. Nothing
  /// if there is no key to delete.
  std::optional<Evicted> evict_one(EvictionRule rule, std::size_t samples);

  std::uint64_t evicted() const { return evicted_; }
  void reset_evicted() { evicted_ = 0; }

 private:
  struct Candidate {
    std::uint64_t rank;  // the higher, the sooner it goes
    int db;
    std::string key;
  };

  Item draw(Database& db, bool volatile_only);
  Item at_expiry(Database& db, std::pair<std::int64_t, Hash48> expiry);
  Item first_to_expire();
  Item any(bool volatile_only);
  Item worst(EvictionRule rule, std::size_t samples);
  bool fill_pool(EvictionRule rule, std::size_t samples);
  std::uint64_t random();

  Keyspace& keyspace_;
  Effects& effects_;
  std::vector<Candidate> pool_;  // the highest rank last
  std::string victim_;           // the key of the item that is about to go
  int next_db_ = 0;
  std::uint64_t random_ = 0x9E3779B97F4A7C15;  // never 0
  std::uint64_t evicted_ = 0;
};

}  // namespace stele
