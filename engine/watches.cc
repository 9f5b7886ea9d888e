#include "engine/watches.h"

#include <algorithm>

namespace stele {

void Watches::watch(int db, std::string_view key, WatchState& state) {
  std::pair<int, std::string> watched(db, key);
  if (std::find(state.keys.begin(), state.keys.end(), watched) != state.keys.end()) return;
  watchers_[watched].push_back(&state);
  state.keys.push_back(std::move(watched));
}

void Watches::forget(WatchState& state) {
  for (const auto& watched : state.keys) {
    const auto found = watchers_.find(watched);
    if (found == watchers_.end()) continue;
    std::erase(found->second, &state);
    if (found->second.empty()) watchers_.erase(found);
  }
  state.keys.clear();
  state.touched = false;
}

void Watches::touch(int db, std::string_view key) {
  const auto found = watchers_.find(std::pair<int, std::string>(db, key));
  if (found == watchers_.end()) return;
  for (WatchState* state : found->second) state->touched = true;
}

}  // namespace stele
