#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>

#include "engine/engine_state.h"
#include "persistence/rdb/rdb_reader.h"
#include "persistence/store.h"

namespace stele {

struct RdbImportOptions {
  int databases = 16;
  bool skip_unknown = false;
  bool verify_checksum = true;
  bool keep_expired = false;  // the base of an append-only file: its commands decide, or the primary does
  bool lfu = false;           // what the access bits of keys are to mean
  UnixTime now;
  /// What is in memory at once, see RowBuckets; more than that is kept in a temporary file of the store's.
  std::size_t memory_bytes = std::size_t{64} << 20;
  /// Once true, the import ends with `unavailable` soon.
  const std::atomic<bool>* stop = nullptr;
  std::chrono::microseconds key_delay{0};  // after each key: key-load-delay
  /// On the caller's thread, now and then. Reading is the one half, storing the other.
  std::function<void(std::uint64_t done, std::uint64_t total)> on_progress;
};

/// What was in the file beside the keys.
struct RdbImport {
  EngineState state;  // with a hash seed and partitions of its own
  RdbSummary summary;
  std::uint64_t expired = 0;  // keys left out because their time had come
  // The writer's place in its history, if the file says so.
  std::optional<ReplicationId> replid;
  std::optional<Offset> offset;
  int stream_db = -1;
};

/// Stores all keys of the file, straight into sorted files: packed values as they are, each checked as RESTORE does it. `store`
/// must be empty; its label stays without meaning until the caller sets one with set_label(). A failed import leaves the store
/// to be thrown away. `corrupt`, with file and offset, if the file is not as its format says; `invalid` if it has keys in a
/// database beyond `databases`.
/// Threads: any; it uses others of its own.
Result<RdbImport> import_rdb(RdbSource& source, Store& store, const RdbImportOptions& options);

/// Gives the store a label without changing its objects.
Status set_label(Store& store, const Label& label);

}  // namespace stele
