#include "engine/keyspace.h"

namespace stele {

EngineState Keyspace::engine_state() const {
  EngineState state{.seed = hasher_.seed(), .next_partition = next_partition_, .databases = {}, .functions = functions_, .cursors = feed_cursors_};
  for (const auto& db : dbs_) state.databases.push_back({db->index, db->partition, db->size(), db->expires_size()});
  return state;
}

Status Keyspace::restore(const EngineState& state) {
  for (const auto& db : dbs_) STELE_ASSERT(db->size() == 0);
  hasher_ = KeyHasher(state.seed);
  std::vector<bool> known(dbs_.size());
  next_partition_ = state.next_partition;
  functions_ = state.functions;
  feed_cursors_ = state.cursors;
  for (const EngineState::Database& stored : state.databases) {
    const auto index = static_cast<std::size_t>(stored.index);
    if (index >= dbs_.size()) {
      if (stored.keys == 0) continue;
      return Status::invalid("the data directory has {} keys in database {}, but 'databases' is {}: raise it", stored.keys,
                             stored.index, dbs_.size());
    }
    Database& db = *dbs_[index];
    db.partition = stored.partition;
    db.cold = stored.keys;
    db.cold_expires = stored.expires;
    known[index] = true;
  }
  // Databases that the label does not know, because 'databases' was raised, need numbers that nobody had.
  for (const auto& db : dbs_) {
    if (!known[static_cast<std::size_t>(db->index)]) db->partition = next_partition_++;
  }
  return Status();
}

}  // namespace stele
