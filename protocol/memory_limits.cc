#include "protocol/memory_limits.h"

#include <cmath>
#include <thread>

#include <spdlog/spdlog.h>

#include "protocol/client_text.h"

namespace stele {

namespace {

constexpr int kKeysBetweenLooks = 16;  // at the clock
// So many tombstones, and an eighth of the keys, are worth a checkpoint: until then a deleted key of the store keeps an
// entry.
constexpr std::size_t kTombstonesMin = 1000;
// What the journal and the store take is counted up to here, as any server's fixed cost is: where they are small,
// used_memory keeps to maxmemory without having to be corrected for them.
constexpr std::size_t kCountedBytesMax = std::size_t{16} << 10;

std::optional<EvictionRule> rule_of(EvictionPolicy policy) {
  using By = EvictionRule::By;
  switch (policy) {
    case EvictionPolicy::volatile_lru:
      return EvictionRule{By::lru, true};
    case EvictionPolicy::volatile_lfu:
      return EvictionRule{By::lfu, true};
    case EvictionPolicy::volatile_random:
      return EvictionRule{By::random, true};
    case EvictionPolicy::volatile_ttl:
      return EvictionRule{By::ttl, true};
    case EvictionPolicy::allkeys_lru:
      return EvictionRule{By::lru, false};
    case EvictionPolicy::allkeys_lfu:
      return EvictionRule{By::lfu, false};
    case EvictionPolicy::allkeys_random:
      return EvictionRule{By::random, false};
    case EvictionPolicy::noeviction:
      break;
  }
  return std::nullopt;
}

/// How long evicting may hold up a command: 50 us a step up to 10, then 15% more each, and no limit at 100.
std::chrono::microseconds time_limit(std::int64_t tenacity) {
  if (tenacity <= 10) return std::chrono::microseconds(50 * tenacity);
  if (tenacity >= 100) return std::chrono::hours(1);
  return std::chrono::microseconds(static_cast<std::int64_t>(500 * std::pow(1.15, static_cast<double>(tenacity) - 10)));
}

}  // namespace

MemoryLimits::MemoryLimits(Environment& environment)
    : environment_(environment), evictor_(environment.storage.keyspace(), environment.storage.effects()) {
  take_config();
}

void MemoryLimits::take_config() {
  const Config& config = environment_.config.now();
  memory_max_ = static_cast<std::size_t>(config.maxmemory);
  const bool counted = clients_max_ != 0;
  const MemoryOrPercent& clients = config.maxmemory_clients;
  clients_max_ =
      static_cast<std::size_t>(clients.percent > 0 ? config.maxmemory / 100.0 * static_cast<double>(clients.percent)
                                                   : static_cast<double>(clients.bytes));
  if (clients_max_ != 0 && !counted) {
    environment_.clients.for_each([&](Connection& connection) { environment_.clients.count_memory(connection); });
  }
  cron();
  out_of_memory_ = false;
  unfinished_ = memory_max_ != 0;
  if (bytes_over() > 0) {
    spdlog::warn(
        "maxmemory is {} bytes and {} are in use: keys are evicted, or writes refused, as maxmemory-policy says",
        memory_max_, environment_.stats.memory.allocated());
  }
}

void MemoryLimits::cron() {
  if (memory_max_ == 0 || !environment_.storage.is_open()) return;
  const StoreStats store = environment_.storage.store().stats();
  store_bytes_ = store.block_cache_bytes + store.filter_and_index_bytes + store.memtable_bytes;
  if (environment_.storage.reclaimer().pending_objects() == 0) handed_over_ = 0;
}

std::size_t MemoryLimits::not_counted_bytes() const {
  if (!environment_.storage.is_open()) return 0;
  const std::size_t bytes = environment_.storage.journal().batch().capacity() + store_bytes_;
  return bytes - std::min(bytes, kCountedBytesMax);
}

std::size_t MemoryLimits::bytes_over() const {
  if (memory_max_ == 0) return 0;
  const std::size_t allowed = memory_max_ + not_counted_bytes() + handed_over_;
  const std::size_t allocated = environment_.stats.memory.allocated();
  return allocated > allowed ? allocated - allowed : 0;
}

void MemoryLimits::note_over(bool over) {
  const bool was_over = over_since_ != Clock::time_point();
  if (over == was_over) return;
  if (over) {
    over_since_ = Clock::now();
  } else {
    over_before_ += Clock::now() - over_since_;
    over_since_ = {};
  }
}

void MemoryLimits::make_room() {
  if (clients_max_ != 0) evict_clients();
  if (memory_max_ == 0) return;
  const Room room = evict_keys();
  out_of_memory_ = room == Room::none;
  unfinished_ = room == Room::later;
}

bool MemoryLimits::turn() {
  if (!unfinished_) return false;
  unfinished_ = evict_keys() == Room::later;
  return unfinished_;
}

MemoryLimits::Room MemoryLimits::evict_keys() {
  Keyspace& keyspace = environment_.storage.keyspace();
  // A replica's keys are its primary's to delete, and while clients are paused the data stands still.
  if (keyspace.expiry() != Expiry::active || environment_.pause.is_on()) return Room::enough;
  std::size_t to_free = bytes_over();
  if (to_free == 0) {
    note_over(false);
    return Room::enough;
  }
  note_over(true);
  const Config& config = environment_.config.now();
  const std::optional<EvictionRule> rule = rule_of(config.maxmemory_policy);
  if (!rule) return Room::none;

  LatencyMonitor& latency = environment_.latency;
  const bool measures = config.latency_monitor_threshold > 0;
  const auto note_latency = [&](std::string_view event, Clock::time_point since) {
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - since).count();
    if (ms >= config.latency_monitor_threshold) latency.add(event, keyspace.now(), static_cast<std::uint64_t>(ms));
  };
  const auto begin = Clock::now();
  const auto limit = time_limit(config.maxmemory_eviction_tenacity);
  const auto samples = static_cast<std::size_t>(config.maxmemory_samples);
  Room room = Room::enough;
  // By what the keys took, not by what is allocated: telling clients of the keys that are gone takes memory, and
  // deleting more for that would never end.
  for (int keys = 1; to_free > 0; ++keys) {
    const auto before = measures ? Clock::now() : Clock::time_point();
    const std::optional<Evictor::Evicted> evicted = evictor_.evict_one(*rule, samples);
    if (!evicted) {
      // The reclaimer may have freed what was not known yet.
      environment_.stats.memory.refresh();
      room = bytes_over() > 0 ? Room::none : Room::enough;
      break;
    }
    to_free -= std::min(to_free, evicted->bytes);
    if (evicted->later) handed_over_ += evicted->bytes;
    if (measures) note_latency("eviction-del", before);
    if (keys % kKeysBetweenLooks == 0 && Clock::now() - begin > limit) {
      room = Room::later;
      break;
    }
  }
  if (measures) note_latency("eviction-cycle", begin);
  if (room == Room::enough) note_over(false);

  std::size_t tombstones = 0, resident = 0;
  for (int i = 0; i < keyspace.databases(); ++i) {
    tombstones += keyspace.db(i).table->tombstones();
    resident += keyspace.db(i).table->size();
  }
  if (tombstones > std::max(kTombstonesMin, resident / 8) && !environment_.storage.checkpoint_running()) {
    environment_.storage.request_checkpoint();
  }
  return room;
}

void MemoryLimits::evict_clients() {
  Clients& clients = environment_.clients;
  while (clients_max_ != 0 && clients.counted_bytes() > clients_max_) {
    Connection* largest = nullptr;
    clients.for_each([&](Connection& connection) {
      if (connection.no_evict || connection.close_after_reply) return;
      if (largest == nullptr || connection.counted_bytes > largest->counted_bytes) largest = &connection;
    });
    if (largest == nullptr) return;
    std::string line;
    append_client_line(line, *largest, {.now = Clock::now()});
    line.pop_back();
    spdlog::warn("Evicting client: {}", line);
    clients.close(*largest);
    // Now and not at the end of the turn, or keys would have to go for it. Its input may be where the running command
    // is.
    OutputBuffer().swap(largest->output);
    largest->released = 0;
    largest->gates.clear();
    ++evicted_clients_;
  }
}

std::chrono::milliseconds MemoryLimits::exceeded_now() const {
  if (over_since_ == Clock::time_point()) return std::chrono::milliseconds(0);
  return std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - over_since_);
}

std::chrono::milliseconds MemoryLimits::exceeded_total() const {
  return std::chrono::duration_cast<std::chrono::milliseconds>(over_before_) + exceeded_now();
}

void MemoryLimits::reset_stats() {
  evictor_.reset_evicted();
  evicted_clients_ = 0;
  over_before_ = {};
  if (over_since_ != Clock::time_point()) over_since_ = Clock::now();
}

}  // namespace stele
