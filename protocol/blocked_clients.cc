#include "protocol/blocked_clients.h"

#include "protocol/dispatcher.h"

namespace stele {

void BlockedClients::add(Connection& connection) {
  ++count_;
  connection.waits = Waits::blocked;
  if (connection.blocked_until) deadlines_.emplace(*connection.blocked_until, connection.id);
}

void BlockedClients::serve_ready() {
  // What a served client does may make other keys ready (BLMOVE): they come in the next round.
  while (waiters_.has_ready() && !environment_.pause.is_on()) {
    for (const Waiters::Key& key : waiters_.take_ready()) serve(key);
  }
}

void BlockedClients::serve(const Waiters::Key& key) {
  Keyspace& keyspace = environment_.storage.keyspace();
  const bool was_there = bool(keyspace.find(keyspace.db(key.first), key.second));
  for (Session* session : waiters_.queue_of(key)) {
    Connection& connection = static_cast<Connection&>(*session);
    // An earlier one in the queue may have closed it, taken the last element, or woken it by another key.
    if (connection.waits != Waits::blocked) continue;
    if (was_there && !keyspace.find(keyspace.db(key.first), key.second)) return;
    if (!was_there && !connection.wait.wakes_when_gone) continue;
    if (environment_.dispatcher->run_again(connection)) leave(connection);
  }
}

void BlockedClients::expire(std::chrono::steady_clock::time_point now) {
  while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
    Connection* connection = environment_.clients.find(deadlines_.begin()->second);
    STELE_ASSERT(connection != nullptr && connection->waits == Waits::blocked);
    unblock(*connection);
  }
}

std::optional<std::chrono::steady_clock::time_point> BlockedClients::next_deadline() const {
  if (deadlines_.empty()) return std::nullopt;
  return deadlines_.begin()->first;
}

void BlockedClients::unblock(Connection& connection, std::string_view error) {
  if (error.empty()) {
    connection.may_not_block = true;
    environment_.dispatcher->run_again(connection);
    connection.may_not_block = false;
  } else {
    environment_.dispatcher->count_error(error);
    RespWriter(connection.output, connection.resp).error(error);
  }
  leave(connection);
}

void BlockedClients::leave(Connection& connection) {
  forget(connection);
  environment_.replied(connection);
  environment_.resume(connection);
}

void BlockedClients::forget(Connection& connection) {
  if (connection.waits != Waits::blocked) return;
  --count_;
  connection.waits = Waits::no;
  if (connection.blocked_until) deadlines_.erase({*connection.blocked_until, connection.id});
  waiters_.forget(connection);
  connection.blocked.reset();
  connection.blocked_until.reset();
}

}  // namespace stele
