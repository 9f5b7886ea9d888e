#include "protocol/blocked_clients.h"

#include "protocol/dispatcher.h"

namespace stele {

namespace {

/// Whether a blocking command can make something of a value of `type`: otherwise it goes on waiting, instead of failing
/// as it would have if the key had been of that type from the start.
bool waits_for(const RegisteredCommand& command, ObjectType type) {
  switch (type) {
    case ObjectType::list:
      return command.row->categories & category::kList;
    case ObjectType::zset:
      return command.row->categories & category::kSortedSet;
    case ObjectType::stream:
      return command.row->categories & category::kStream;
    default:
      return false;
  }
}

}  // namespace

void BlockedClients::add(Connection& connection) {
  if (connection.waits == Waits::for_acks || connection.waits == Waits::for_end) return;
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
  std::uint64_t turn = 0;
  while (Session* session = waiters_.next_of(key, turn)) {
    turn = session->wait.turn;
    Connection& connection = static_cast<Connection&>(*session);
    // The one whose command has just blocked is not among the waiting yet; one that was closed must not take anything.
    if (connection.waits != Waits::blocked || connection.closed) continue;
    const std::optional<ObjectType> type =
        type_of(key);  // each time: an earlier one in the queue may have taken the last element
    if (!type && !waiters_.somebody_wakes_when_gone(key)) return;
    const WaitState& wait = connection.wait;
    if (!wait.wakes_when_gone && (!type || !waits_for(*connection.blocked->command(), *type))) continue;
    Effects& effects = environment_.storage.effects();
    effects.begin_unit();
    const bool served = environment_.dispatcher->run_again(connection);
    effects.end_unit();
    if (served) leave(connection);
  }
}

std::optional<ObjectType> BlockedClients::type_of(const Waiters::Key& key) {
  Keyspace& keyspace = environment_.storage.keyspace();
  Effects& effects = environment_.storage.effects();
  effects.begin_unit();  // of its expiry, if its time has come
  const Item item = keyspace.find(keyspace.db(key.first), key.second);
  effects.end_unit();
  if (!item) return std::nullopt;
  return item.entry->type();
}

void BlockedClients::expire(std::chrono::steady_clock::time_point now) {
  Effects& effects = environment_.storage.effects();
  while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
    Connection* connection = environment_.clients.find(deadlines_.begin()->second);
    if (connection == nullptr) {  // closed in this very turn
      deadlines_.erase(deadlines_.begin());
      continue;
    }
    STELE_ASSERT(connection->waits == Waits::blocked);
    effects.begin_unit();
    unblock(*connection);
    effects.end_unit();
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
    environment_.dispatcher->give_up(connection, error);
  }
  leave(connection);
}

void BlockedClients::leave(Connection& connection) {
  forget(connection);
  if (connection.reply_mode == ReplyMode::skip)
    connection.reply_mode = ReplyMode::on;  // this was the reply to be skipped
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
