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
    Queue& queue = queues_[waited];
    if (!queue.sessions.emplace(state.turn, &session).second) continue;  // the key was named twice
    if (wakes_when_gone) ++queue.wake_when_gone;
    state.keys.push_back(std::move(waited));
  }
}

void Waiters::forget(Session& session) {
  for (const Key& key : session.wait.keys) {
    const auto found = queues_.find(key);
    STELE_ASSERT(found != queues_.end());
    Queue& queue = found->second;
    queue.sessions.erase(session.wait.turn);
    if (session.wait.wakes_when_gone) --queue.wake_when_gone;
    if (queue.sessions.empty()) queues_.erase(found);
  }
  session.wait = {};
}

void Waiters::touch(int db, std::string_view key) {
  if (queues_.empty()) return;
  const auto found = queues_.find(KeyView(db, key));
  if (found != queues_.end()) make_ready(found->first);
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

Session* Waiters::next_of(const Key& key, std::uint64_t turn) const {
  const auto found = queues_.find(key);
  if (found == queues_.end()) return nullptr;
  const auto next = found->second.sessions.upper_bound(turn);
  return next == found->second.sessions.end() ? nullptr : next->second;
}

std::size_t Waiters::keys_that_wake_when_gone() const {
  return static_cast<std::size_t>(
      std::ranges::count_if(queues_, [](const auto& queue) { return queue.second.wake_when_gone > 0; }));
}

bool Waiters::somebody_wakes_when_gone(const Key& key) const {
  const auto found = queues_.find(key);
  return found != queues_.end() && found->second.wake_when_gone > 0;
}

}  // namespace stele
