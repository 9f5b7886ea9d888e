#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <absl/container/btree_map.h>
#include <absl/container/flat_hash_map.h>
#include <absl/container/flat_hash_set.h>
#include <absl/hash/hash.h>

namespace stele {

struct Session;

/// What a blocked session waits for; part of it.
struct WaitState {
  std::vector<std::pair<int, std::string>> keys;  // (database, key), each once; empty: not waiting
  std::uint64_t turn = 0;                         // its place in the queue of every one of its keys
  bool wakes_when_gone = false;                   // also when a key is deleted (XREADGROUP)

  bool waiting() const { return !keys.empty(); }
};

/// Which sessions wait for which keys, and which of these keys have changed since anybody looked. A session that is
/// woken and finds nothing for it keeps its place. Threads: the executor alone.
class Waiters {
 public:
  using Key = std::pair<int, std::string>;

  bool empty() const { return queues_.empty(); }
  /// How many keys somebody waits for.
  std::size_t keys() const { return queues_.size(); }
  /// How many of them have somebody who is to know when they are gone. O(keys).
  std::size_t keys_that_wake_when_gone() const;

  /// Puts `session` at the end of the queues of `keys`. It must not be waiting yet, and must outlive the wait.
  void wait(int db, std::span<const std::string_view> keys, bool wakes_when_gone, Session& session);
  void forget(Session& session);

  /// A key changed: if somebody waits for it, it is ready.
  void touch(int db, std::string_view key);
  /// Any key of `db` may have changed: FLUSHDB, SWAPDB.
  void touch_all(int db);

  bool has_ready() const { return !ready_.empty(); }
  /// In the order in which they became ready, each once.
  std::vector<Key> take_ready();
  /// Who waits for `key` behind the one whose WaitState::turn is `turn` (0: the first to be served); null if nobody
  /// does. O(log N) in the waiters.
  Session* next_of(const Key& key, std::uint64_t turn) const;
  /// Whether somebody waits for `key` who is to know that it is gone.
  bool somebody_wakes_when_gone(const Key& key) const;

 private:
  struct Queue {
    absl::btree_map<std::uint64_t, Session*> sessions;
    std::size_t wake_when_gone = 0;
  };
  // Looked up for every change while anybody waits: without making a string of the key.
  using KeyView = std::pair<int, std::string_view>;
  struct KeyHash {
    using is_transparent = void;
    std::size_t operator()(const KeyView& key) const { return absl::Hash<KeyView>()(key); }
  };
  struct KeyEqual {
    using is_transparent = void;
    bool operator()(const KeyView& a, const KeyView& b) const { return a == b; }
  };

  void make_ready(const Key& key);

  absl::flat_hash_map<Key, Queue, KeyHash, KeyEqual> queues_;
  std::uint64_t last_turn_ = 0;
  std::vector<Key> ready_;
  absl::flat_hash_set<Key> is_ready_;
};

}  // namespace stele
