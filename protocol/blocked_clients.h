#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <utility>

#include <absl/container/btree_set.h>

#include "protocol/environment.h"

namespace stele {

/// Connections whose blocking command found nothing: serves them when a key they wait for has changed, in the order in
/// which they came, and ends the wait of those whose time is up. Serving is running the command again.
///
/// Threads: the executor.
class BlockedClients {
 public:
  BlockedClients(Environment& environment, Waiters& waiters) : environment_(environment), waiters_(waiters) {}

  std::size_t size() const { return count_; }
  /// How many of them wait until a time and not for ever.
  std::size_t with_deadline() const { return deadlines_.size(); }
  /// `connection`'s command has just blocked: Session holds the wait.
  void add(Connection& connection);
  /// Runs the commands of those whose keys are ready, and of those whom that made ready, until none is. Between units.
  void serve_ready();
  /// Ends the wait of everyone whose time is up.
  void expire(std::chrono::steady_clock::time_point now);
  /// Until when nothing happens here by itself.
  std::optional<std::chrono::steady_clock::time_point> next_deadline() const;
  /// Ends the wait as if its time was up, or with `error` for a reply unless that is empty. Part of the running unit:
  /// of CLIENT UNBLOCK, perhaps in a transaction.
  void unblock(Connection& connection, std::string_view error = {});
  /// The connection is gone.
  void forget(Connection& connection);

 private:
  using Deadline = std::pair<std::chrono::steady_clock::time_point, std::uint64_t>;  // and the connection's id

  void serve(const Waiters::Key& key);
  std::optional<ObjectType> type_of(const Waiters::Key& key);  // nothing: no such key
  void leave(Connection& connection);

  Environment& environment_;
  Waiters& waiters_;
  std::size_t count_ = 0;
  absl::btree_set<Deadline> deadlines_;
};

}  // namespace stele
