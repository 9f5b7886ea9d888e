#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <absl/container/flat_hash_map.h>

namespace stele {

/// What WATCH leaves on a connection: its watched keys, and whether one of them was touched since.
struct WatchState {
  std::vector<std::pair<int, std::string>> keys;  // (database, key)
  bool touched = false;
};

/// Which connections watch which key. Threads: the executor alone.
class Watches {
 public:
  bool empty() const { return watchers_.empty(); }

  /// `state` must outlive its watches; see forget(). Watching a key twice counts once.
  void watch(int db, std::string_view key, WatchState& state);
  /// UNWATCH, EXEC, DISCARD, the end of a connection.
  void forget(WatchState& state);

  /// A key changed.
  void touch(int db, std::string_view key);
  /// All watched keys of `db` for which `changes(key)` says so: FLUSHDB, SWAPDB.
  template <typename Changes>
  void touch_if(int db, Changes&& changes) {
    for (auto& [watched, states] : watchers_) {
      if (watched.first != db || !changes(watched.second)) continue;
      for (WatchState* state : states) state->touched = true;
    }
  }

 private:
  absl::flat_hash_map<std::pair<int, std::string>, std::vector<WatchState*>> watchers_;
};

}  // namespace stele
