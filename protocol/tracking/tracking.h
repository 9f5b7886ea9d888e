#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <absl/container/btree_map.h>
#include <absl/container/btree_set.h>
#include <absl/container/flat_hash_map.h>

#include "engine/command_registry.h"

namespace stele {

class Clients;
struct Connection;
class Pushes;

/// How a connection's reads are tracked: the options of CLIENT TRACKING.
struct TrackingState {
  std::uint64_t redirect = 0;    // the connection that is told instead; 0: itself
  bool bcast = false;            // told of every key with one of its prefixes, whether it read it or not
  bool optin = false;            // reads are tracked only right after CLIENT CACHING YES
  bool optout = false;           // reads are tracked, but right after CLIENT CACHING NO
  bool noloop = false;           // not told of what it changes itself
  bool caching = false;          // CLIENT CACHING was said, and concerns the command that comes, or the transaction
  bool broken_redirect = false;  // the one to be told is gone
  std::vector<std::string> prefixes;  // with bcast; one of them empty: all keys
};

/// Tells clients that cache values which keys have changed.
///
///     read by a client that tracks ──► remember(): the table has key -> clients
///     a change                     ──► key_changed(): each of them is told once, and the row goes
///                                      and prefixes that match collect the key ──► broadcast(), once a turn
///
/// The table keeps at most `tracking-table-max-keys` rows: above that, rows drawn at random go, and their clients are
/// told as if the key had changed. As in Redis, a key means that name in all databases. A client that is gone, or
/// tracks no longer, is noticed when its id comes up.
///
/// Threads: the executor.
class Tracking {
 public:
  /// `changed_use`: the first client began to track, or the last one ceased to.
  Tracking(Clients& clients, Pushes& pushes, std::function<void()> changed_use)
      : clients_(clients), pushes_(pushes), changed_use_(std::move(changed_use)) {}

  bool used() const { return tracking_clients_ > 0; }

  /// Takes the options over; what `connection` has read, and the prefixes it had, stay.
  void enable(Connection& connection, TrackingState options);
  void disable(Connection& connection);

  /// `connection`, which tracks, has run `command`: the keys of one that reads are remembered. Also for commands that a
  /// script runs. O(keys).
  void remember(Connection& connection, const RegisteredCommand& command, std::span<const std::string_view> args);
  /// `by_client`: the client whose command is running did it. Otherwise the key went by itself: expiry, eviction.
  void key_changed(std::string_view key, bool by_client);
  /// All keys at once. Everyone is told at end_command(), or before what comes next, so that FLUSHALL is told once.
  void all_changed();
  void end_command() {
    if (all_changed_) tell_all_changed();
  }
  /// Between commands, before the turn is committed: the changes of keys with a prefix, all those of the turn in one
  /// message.
  void broadcast() {
    end_command();
    if (prefixes_changed_) tell_prefixes();
  }

  /// The size of the table from now on; what is too much goes with trim(), some of it before each command.
  void set_keys_max(std::size_t keys) { keys_max_ = keys; }
  /// Drops at most `most` of the rows that are too many.
  void trim(std::size_t most) {
    if (rows_.size() > keys_max_ && keys_max_ > 0) drop_rows(most);
  }

  std::size_t clients() const { return tracking_clients_; }
  std::size_t keys() const { return rows_.size(); }
  std::size_t items() const { return items_; }  // pairs of key and client
  std::size_t prefixes() const { return prefixes_.size(); }

 private:
  /// Who may have a key's value: ids, ascending.
  struct Row {
    std::string key;
    std::vector<std::uint64_t> readers;
    std::size_t place;  // in rows_
  };
  struct Prefix {
    absl::btree_set<std::uint64_t> clients;
    absl::btree_map<std::string, std::uint64_t> changed;  // by whom; 0: by itself
  };

  /// The client `id` if it is told about keys it read.
  Connection* reader(std::uint64_t id);
  void add_reader(std::string_view key, std::uint64_t id);
  void drop_rows(std::size_t most);
  Row take_row(std::size_t place);
  void tell_readers(const Row& row, const Connection* by);
  /// `keys` is a RESP array of them; none: all keys.
  void tell(Connection& connection, std::optional<std::string_view> keys);
  void tell_all_changed();
  void tell_prefixes();
  void leave_prefixes(Connection& connection);

  Clients& clients_;
  Pushes& pushes_;
  std::function<void()> changed_use_;
  std::size_t tracking_clients_ = 0;
  std::size_t keys_max_ = 1'000'000;                                   // 0: no limit
  absl::flat_hash_map<std::string_view, std::unique_ptr<Row>> table_;  // keys point into the rows
  std::vector<Row*> rows_;                                             // those of the table, to draw from
  std::size_t items_ = 0;
  std::uint64_t random_ = 0x9E3779B97F4A7C15;
  absl::btree_map<std::string, Prefix> prefixes_;
  bool prefixes_changed_ = false;
  bool all_changed_ = false;
  std::vector<KeyPosition> positions_;
};

}  // namespace stele
