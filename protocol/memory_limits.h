#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

#include "engine/evictor.h"
#include "protocol/environment.h"

namespace stele {

/// `maxmemory` and `maxmemory-clients`: what happens before a command runs when there is too much in memory.
///
///     under the limit ──command, CONFIG SET──► over it ──► keys deleted ──► under it
///                                                 │
///                                                 ├─ time is up ──► goes on in the next turns; commands run meanwhile
///                                                 └─ nothing to delete ──► out_of_memory(): commands that may grow are refused
///
/// What counts against maxmemory is all that is allocated, less what deleting keys does not bring back: the journal's batch and
/// RocksDB's caches, which have a bound of their own. Without either limit nothing here runs but a look at a flag.
/// Threads: the executor, between units.
class MemoryLimits {
 public:
  explicit MemoryLimits(Environment& environment);

  bool any() const { return memory_max_ != 0 || clients_max_ != 0; }
  bool limits_clients() const { return clients_max_ != 0; }

  /// The directives have changed. If keys have to go, that begins with the next turn.
  void take_config();
  /// A few times a second, after the figures were refreshed.
  void cron();

  /// Before a command: clients go that hold too much, then keys.
  void make_room();
  /// As of the last make_room(): it was not enough.
  bool out_of_memory() const { return out_of_memory_; }
  /// A slice of the work that make_room() left; true if there is more.
  bool turn();
  /// The largest clients are closed until all together are under maxmemory-clients.
  void evict_clients();

  /// Bytes of `mem_not_counted_for_evict`.
  std::size_t not_counted_bytes() const;

  std::uint64_t evicted_clients() const { return evicted_clients_; }
  std::uint64_t evicted_keys() const { return evictor_.evicted(); }
  /// How long memory has been over the limit: in all, and now.
  std::chrono::milliseconds exceeded_total() const;
  std::chrono::milliseconds exceeded_now() const;
  void reset_stats();

 private:
  using Clock = std::chrono::steady_clock;
  enum class Room { enough, later, none };

  Room evict_keys();
  /// 0: not over the limit.
  std::size_t bytes_over() const;
  void note_over(bool over);

  Environment& environment_;
  Evictor evictor_;
  std::size_t memory_max_ = 0;
  std::size_t clients_max_ = 0;
  std::size_t store_bytes_ = 0;   // of RocksDB's caches, as of the last cron()
  std::size_t handed_over_ = 0;   // to the reclaimer: freed soon
  bool out_of_memory_ = false;
  bool unfinished_ = false;
  std::uint64_t evicted_clients_ = 0;
  Clock::time_point over_since_{};
  Clock::duration over_before_{};
};

}  // namespace stele
