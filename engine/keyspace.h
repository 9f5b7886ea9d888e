#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include <absl/container/btree_set.h>

#include "engine/access.h"
#include "engine/collection_limits.h"
#include "engine/digest.h"
#include "engine/effects.h"
#include "engine/engine_state.h"
#include "engine/key_events.h"
#include "engine/key_hash.h"
#include "engine/reclaimer.h"
#include "engine/table.h"
#include "engine/waiters.h"
#include "engine/watches.h"
#include "persistence/offset.h"

namespace stele {

class Store;
struct TypeOps;

/// One logical database: its resident keys, and how many more the store holds.
struct Database {
  int index = 0;
  Partition partition = 0;
  std::shared_ptr<Table> table;  // shared with a checkpoint that walks it while FLUSHDB replaces it

  /// Keys that only the store has, and those of them with an expiry.
  std::size_t cold = 0;
  std::size_t cold_expires = 0;

  /// Resident keys with an expiry, the next due first. Keys may share both hash and expiry.
  absl::btree_multiset<std::pair<std::int64_t, Hash48>> expires;

  std::size_t size() const { return table->size() + cold; }
  std::size_t expires_size() const { return expires.size() + cold_expires; }
};

/// The place of one key while a command works on it. Valid until another key is created or removed.
struct Item {
  Database* db = nullptr;
  Hash48 hash = 0;
  std::string_view key;
  Table::Slot slot;        // also of a tombstone
  Entry* entry = nullptr;  // live, or null
  bool unresolved = false;  // not resident, and the store was not asked: see find_to_overwrite()

  explicit operator bool() const { return entry != nullptr; }
};

/// How the passing of an expiry is treated.
enum class Expiry {
  active,  // a primary: an expired key is removed, with a DEL as effect
  hidden,  // a replica: it is not shown, and removed only by the primary's DEL
  off,     // replay: time stands still until the journal says DEL
};

/// Who frees big values on the reclaimer's thread without being asked to: the lazyfree-lazy-... directives.
struct LazyFree {
  bool user_del = false;    // DEL, as if it were UNLINK
  bool user_flush = false;  // FLUSHDB and FLUSHALL, without ASYNC or SYNC
  bool server_del = false;  // overwriting: RENAME, COPY
  bool expire = false;
  bool eviction = false;
};

struct KeyspaceStats {
  std::uint64_t hits = 0;
  std::uint64_t misses = 0;
  std::uint64_t expired = 0;
  std::uint64_t changes = 0;  // what Redis counts as dirty
  std::uint64_t loads = 0;    // cold keys brought in
  std::uint64_t evictions = 0;  // keys made cold: resident-memory
};

/// Where the entry of a frozen slot goes when it is about to change before the checkpoint has walked to it.
class FrozenSink {
 public:
  virtual ~FrozenSink() = default;
  virtual void take_early(Partition partition, Hash48 hash, Entry& entry) = 0;
  /// `entry` is about to be freed, perhaps on another thread.
  virtual void before_free(const Entry& entry) = 0;
};

/// Everything a checkpoint has to know at the moment of the freeze.
struct Frozen {
  struct Range {
    Partition partition;
    std::shared_ptr<Table> table;
  };
  unsigned epoch;                    // the dirty marks that belong to it
  std::vector<Range> ranges;         // ascending by partition
  std::vector<std::pair<UnixTime, std::string>> stale_expires;  // rows to erase: (at, stored key)
  std::string engine_state;          // for the label
};

/// All databases. Handlers look keys up, then change them in one of two ways:
///
///     create(item, entry)               the key was absent
///     begin_change(item) ... end_change(item, entry)      the value or expiry of a live key changes, perhaps moving it
///     erase(item)
///
/// which keep dirty marks, expiry index, counters and WATCH right. Effects are the handler's to emit.
/// Threads: the executor alone.
class Keyspace {
 public:
  Keyspace(int databases, const KeyHasher::Seed& seed, Effects& effects, Watches& watches, Reclaimer& reclaimer);

  int databases() const { return static_cast<int>(dbs_.size()); }
  Database& db(int index) { return *dbs_[static_cast<std::size_t>(index)]; }
  const Database& db(int index) const { return *dbs_[static_cast<std::size_t>(index)]; }
  const KeyHasher& hasher() const { return hasher_; }

  /// The store that cold keys are in; null while there is none.
  void attach_store(const Store* store) { store_ = store; }

  // --- time, set once a turn or command
  void set_now(UnixTime now) { now_ = now; }
  UnixTime now() const { return now_; }
  void set_access_clock(std::uint32_t clock) { access_clock_ = clock; }
  std::uint32_t access_clock() const { return access_clock_; }
  void set_expiry(Expiry expiry) { expiry_ = expiry; }
  Expiry expiry() const { return expiry_; }
  /// Replay: find_to_overwrite() leaves it to take_unresolved() what the store has.
  void set_defers_lookups(bool defers) { defers_lookups_ = defers; }
  /// The connection said CLIENT NO-TOUCH, or OBJECT and the like are looking.
  void set_no_touch(bool no_touch) { no_touch_ = no_touch; }
  AccessPolicy& access_policy() { return access_policy_; }
  LazyFree& lazy_free() { return lazy_free_; }

  // --- who wants to know of changes
  /// `observer` (null: none) hears of every change of a key if `changes`, and of notifications of the kinds in `kinds`. It must
  /// outlive the keyspace or its own replacement.
  void observe(KeyspaceObserver* observer, bool changes, std::uint32_t kinds) {
    observer_ = observer;
    observes_changes_ = observer != nullptr && changes;
    observed_kinds_ = observer != nullptr ? kinds : 0;
  }
  void notify(std::uint32_t kind, std::string_view event, int db, std::string_view key) {
    if (observed_kinds_ & kind) observer_->key_event(kind, event, db, key);
  }
  Waiters& waiters() { return waiters_; }

  /// FUNCTION LOAD's, part of the state that a checkpoint stores.
  FunctionLibraries& functions() { return functions_; }
  FeedCursors& feed_cursors() { return feed_cursors_; }

  // --- limits
  CollectionLimits& limits() { return limits_; }
  /// Longest string that a command may build (proto-max-bulk-len).
  std::size_t string_bytes_max() const { return string_bytes_max_; }
  /// At most kStringBytesLimit, which is what an entry can hold.
  void set_string_bytes_max(std::size_t bytes) { string_bytes_max_ = std::min(bytes, kStringBytesLimit); }
  /// False: RESTORE takes a payload with a wrong checksum, for tests of what is behind it.
  bool checks_payload_sums() const { return checks_payload_sums_; }
  void set_checks_payload_sums(bool checks) { checks_payload_sums_ = checks; }
  static constexpr std::size_t kStringBytesLimit = std::numeric_limits<std::uint32_t>::max();

  // --- looking up
  /// Finds a live key; removes it first if it has expired. A cold key is loaded on the spot, which waits for the disk:
  /// the executor loads a command's keys beforehand (cold_keys) so that this happens to scripts only.
  Item find(Database& db, std::string_view key);
  /// As find(), for a command that replaces the value whatever it is. With deferred lookups a cold key is not loaded for that: whether
  /// the store has it matters to the counters alone, and take_unresolved() has it found out later.
  Item find_to_overwrite(Database& db, std::string_view key);
  /// As find(), counting a hit or a miss and noting the access.
  Item read(Database& db, std::string_view key);
  /// As read(), without noting the access: for commands that ask about a key and not for its value.
  Item peek(Database& db, std::string_view key);
  /// OBJECT IDLETIME and OBJECT FREQ; each is meaningful under its own policy only.
  std::uint32_t idle_seconds(const Entry& entry) const { return lru_idle_seconds(entry.access(), access_clock_); }
  std::uint32_t frequency(const Entry& entry) const { return lfu_counter(entry.access(), access_policy_, now_); }
  /// Whether `key` has to be loaded before find() can answer without waiting for the disk.
  bool is_cold(Database& db, std::string_view key);
  /// The stored key of `key` in `db`.
  std::string stored_key_of(const Database& db, std::string_view key) const {
    return stored_key(db.partition, hasher_(key), key);
  }
  /// Stored keys that find_to_overwrite() did not look up. Until resolve() has been told of each, size() of databases may
  /// be too large by as many, and no checkpoint may begin.
  std::vector<std::string> take_unresolved() { return std::exchange(unresolved_, {}); }
  void resolve(std::string_view stored, const std::optional<std::string>& value);
  /// Puts what the loader read under `stored` in place, unless the key became resident meanwhile or its partition is gone.
  Status install_loaded(std::string_view stored, const std::optional<std::string>& value);

  // --- changing
  void create(Item& item, Entry* entry);
  void begin_change(Item& item);
  void end_change(Item& item, Entry* entry);
  /// Puts `entry` in the place of what is there, of any type, or creates the key. One that was there is no new key to those
  /// who are told of new ones. `lazy` as for erase().
  void replace(Item& item, Entry* entry, bool lazy);
  /// Frees the value on the reclaimer's thread if `lazy` and at least kLazyBodyBytes.
  void erase(Item& item, bool lazy = false);
  static constexpr std::size_t kLazyBodyBytes = 16 * 1024;  // freeing less costs less than handing it over
  /// As erase(), but the entry is the caller's now: to be created elsewhere (RENAME, MOVE).
  Entry* take(Item& item);
  void set_expire(Item& item, std::optional<UnixTime> at);
  /// SET: creates or overwrites, dropping another type; access is noted.
  void set_string(Item& item, std::string_view value, std::optional<UnixTime> expire_at);

  /// An empty partition in place of the old one. Frees on the reclaimer's thread if `lazy`.
  void flush(Database& db, bool lazy);
  void swap(int a, int b);

  // --- expiry
  bool is_expired(const Entry& entry) const;
  /// Removes up to `most` keys whose time has come, the earliest first; returns how many. Each is a unit of its own. On a replica,
  /// those that were written there.
  std::size_t expire_due(std::size_t most);
  /// A row of the store's expiry index has come due.
  enum class StoredExpiry {
    resident,  // expire_due() takes care of the key
    cold,      // the key has to be loaded first
    stale,     // there is no such key, or its expiry is another: the next checkpoint erases the row
  };
  /// `loaded`: the store has been asked already, so a key that is not resident does not exist.
  StoredExpiry expire_stored(UnixTime at, std::string_view stored, bool loaded);

  /// Forgets up to `most` resident keys that are clean, those longest or least used among a few drawn at random; returns
  /// about how many bytes that freed. They are cold afterwards. Not while a checkpoint is running: what is clean by its
  /// marks may not be in the store yet.
  std::size_t evict(std::size_t most);

  /// Forgets every resident key; all must be in the store, clean. Replay and queries then find them cold.
  void drop_resident();

  // --- walking
  /// Live keys with hash >= cursor, `count` of them (and those that share the last one's hash), cold ones included, each
  /// once; returns the next cursor, 0 at the end. Waits for the disk if the database has cold keys. `visit` must not
  /// change the keyspace.
  Result<Hash48> scan(Database& db, Hash48 cursor, std::size_t count,
                      const std::function<void(std::string_view key, const TypeOps& type)>& visit);
  /// A random live key, loaded if it was cold.
  Item random(Database& db);
  /// DEBUG DIGEST of one key, and of all.
  static Digest digest_value(const Entry& entry);
  Result<Digest> digest();

  // --- checkpoints
  /// Freezes the dirty set in O(databases). Not while an earlier one is still being walked.
  Frozen freeze();
  void set_frozen_sink(FrozenSink* sink) { frozen_sink_ = sink; }
  /// The checkpoint of `frozen` failed: everything counts as dirty again.
  void thaw(const Frozen& frozen);
  /// The checkpoint has ended: tables that FLUSHDB replaced meanwhile are freed on the reclaimer's thread.
  void release(Frozen frozen);
  std::size_t dirty_keys() const;
  /// A checkpoint has finished: clean tombstones are needless until the next freeze, which ends the sweep.
  void begin_sweep() { sweep_db_ = 0, sweep_at_ = 0; }
  /// Frees them, up to `segments` segments; true when done.
  bool sweep_tombstones(std::size_t segments);

  /// Takes up the state of a label, its hash seed too, all keys cold. The keyspace must be new or cleared; `invalid` if it has too
  /// few databases.
  Status restore(const EngineState& state);
  /// Forgets everything, as flush() of all databases does, and what the store has besides. No checkpoint may be running.
  void clear();

  KeyspaceStats& stats() { return stats_; }

 private:
  Database* owner_of(std::string_view stored);  // null if its partition is gone
  void touch(Entry& entry);
  bool has_passed(UnixTime expire_at) const;
  void expire(Item& item);
  void remove_expired(Item& item);
  std::size_t expire_local(std::size_t most);
  void index_expire(Database& db, Hash48 hash, std::optional<UnixTime> before, std::optional<UnixTime> after);
  void take_frozen(Item& item);
  void mark_dirty(Item& item);
  void changed(Database& db, std::string_view key);
  std::uint64_t next_random();
  std::uint64_t idle_rank(const Entry& entry) const;
  Item load(Database& db, Hash48 hash, std::string_view key);
  EngineState engine_state() const;
  void end_sweep() { sweep_db_ = dbs_.size(); }

  KeyHasher hasher_;
  Effects& effects_;
  Watches& watches_;
  Reclaimer& reclaimer_;
  const Store* store_ = nullptr;
  std::vector<std::unique_ptr<Database>> dbs_;
  Partition next_partition_ = 1;

  UnixTime now_;
  std::uint32_t access_clock_ = 0;
  Expiry expiry_ = Expiry::active;
  bool defers_lookups_ = false;
  bool no_touch_ = false;
  bool replacing_ = false;  // create() is the second half of replace()
  AccessPolicy access_policy_;
  LazyFree lazy_free_;
  CollectionLimits limits_;
  Waiters waiters_;
  FunctionLibraries functions_;
  FeedCursors feed_cursors_;
  KeyspaceObserver* observer_ = nullptr;
  bool observes_changes_ = false;
  std::uint32_t observed_kinds_ = 0;
  bool checks_payload_sums_ = true;
  bool expiring_ = false;  // the running change is the passing of an expiry
  std::uint64_t random_ = 0x9E3779B97F4A7C15;  // state of next_random(), never 0
  std::size_t string_bytes_max_ = std::size_t{512} << 20;

  unsigned epoch_ = 0;  // of new dirty marks; the other one is frozen
  FrozenSink* frozen_sink_ = nullptr;
  std::optional<UnixTime> expire_before_;  // between begin_change and end_change
  std::vector<std::pair<UnixTime, std::string>> stale_expires_;

  absl::btree_set<std::tuple<std::int64_t, int, Hash48>> local_expires_;  // due first: written while expiry is hidden, by nobody's stream

  std::vector<std::string> unresolved_;
  std::size_t sweep_db_ = 0;
  Hash48 sweep_at_ = 0;
  KeyspaceStats stats_;
};

}  // namespace stele
