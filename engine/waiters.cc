#include "engine/waiters.h"

#include <algorithm>

#include "engine/session.h"
#include "persistence/status.h"

namespace stele {

void Waiters::wait(int db, std::span<const std::string_view> keys, bool wakes_when_gone, Session& session) {
  WaitState& state = session.wait;
  STELE_ASSERT(!state.waiting());
  state.turn = ++last_turn_;
  state.wakes_when_gone = wakes_when_gone;
  for (const std::string_view key : keys) {
    Key waited(db, key);
    if (queues_[waited].emplace(state.turn, &session).second) state.keys.push_back(std::move(waited));
  }
}

void Waiters::forget(Session& session) {
  for (const Key& key : session.wait.keys) {
    const auto found = queues_.find(key);
    STELE_ASSERT(found != queues_.end());
    found->second.erase(session.wait.turn);
    if (found->second.empty()) queues_.erase(found);
  }
  session.wait = {};
}

void Waiters::touch(int db, std::string_view key) {
  if (queues_.empty()) return;
  Key touched(db, key);
  if (queues_.contains(touched)) make_ready(touched);
}

void Waiters::touch_all(int db) {
  std::vector<Key> keys;
  for (const auto& [key, queue] : queues_) {
    if (key.first == db) keys.push_back(key);
  }
  std::sort(keys.begin(), keys.end());
  for (const Key& key : keys) make_ready(key);
}

void Waiters::make_ready(const Key& key) {
  if (is_ready_.insert(key).second) ready_.push_back(key);
}

std::vector<Waiters::Key> Waiters::take_ready() {
  is_ready_.clear();
  return std::exchange(ready_, {});
}

std::vector<Session*> Waiters::queue_of(const Key& key) const {
  std::vector<Session*> sessions;
  const auto found = queues_.find(key);
  if (found == queues_.end()) return sessions;
  for (const auto& [turn, session] : found->second) sessions.push_back(session);
  return sessions;
}

}  // namespace stele
