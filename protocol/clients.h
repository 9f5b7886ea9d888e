#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <absl/container/btree_map.h>

#include "protocol/connection.h"
#include "protocol/poller.h"

namespace stele {

/// All connections. Threads: the executor.
class Clients {
 public:
  explicit Clients(Poller& poller) : poller_(poller) {}
  ~Clients();

  /// Takes over the connected socket `fd`.
  Connection& add(int fd);
  /// Closes the socket now; the object stays until free_closed().
  void close(Connection& connection);
  /// Sends what may be sent, then closes.
  void close_after_reply(Connection& connection);
  /// `forget` is called when a connection is closed, at once, before anybody else can meet it.
  void on_close(std::function<void(Connection&)> forget) { on_close_ = std::move(forget); }
  void free_closed(const std::function<void(Connection&)>& before);

  Connection* find(std::uint64_t id);
  /// In the order in which they came.
  template <typename Visit>
  void for_each(Visit&& visit) {
    for (auto& [id, connection] : by_id_) {
      if (!connection->closed) visit(*connection);
    }
  }
  std::size_t size() const { return by_id_.size() - closed_.size(); }

  /// Of connections that were counted and are open: what they cost. Only maxmemory-clients needs it, so only then it is counted.
  std::size_t counted_bytes() const { return counted_bytes_; }
  void count_memory(Connection& connection);

  /// A change of what the poller reports, only if it is one.
  void watch(Connection& connection, bool reads, bool writes);

 private:
  Poller& poller_;
  std::uint64_t last_id_ = 0;
  absl::btree_map<std::uint64_t, std::unique_ptr<Connection>> by_id_;
  std::vector<std::uint64_t> closed_;
  std::size_t counted_bytes_ = 0;
  std::function<void(Connection&)> on_close_;
};

}  // namespace stele
