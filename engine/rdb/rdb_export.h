#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "engine/access.h"
#include "persistence/rdb/rdb_writer.h"
#include "persistence/store.h"

namespace stele {

struct RdbExportOptions {
  RdbWriteOptions rdb;
  std::string server_version;  // the Redis that the file may say it comes from
  std::uint64_t used_memory = 0;
  bool is_aof_base = false;
  bool tell_hash_seed = false;  // for replicas: ranges of hashes are then the same there
  bool as_commands = false;        // no RDB but the commands that make the data (ValueCommands)
  bool annotate_time = false;      // of those: a #TS line in front
  /// Whether keys carry how idle they are, how often they are used, or neither.
  enum class Access { none, idle, frequency };
  Access access = Access::none;
  AccessPolicy policy;  // of `frequency`
  UnixTime now;
  std::chrono::microseconds key_delay{0};  // after each key: rdb-key-save-delay
};

/// Written by the thread that exports, read by any.
struct RdbExportProgress {
  std::atomic<std::uint64_t> keys{0};
  std::atomic<std::uint64_t> keys_total{0};
  std::atomic<std::uint64_t> bytes{0};
  std::atomic<bool> cancelled{false};  // set by any thread: the export ends with `unavailable`
};

/// Writes the snapshot as an RDB file or as commands, synced; the name is the caller's concern. Into an RDB, values are copied
/// through as they are stored. `invalid`, naming the key, if the version cannot express a value. Threads: one, which will wait for the disk.
Status export_rdb(Store::Snapshot& snapshot, const RdbExportOptions& options, File& file, RdbExportProgress& progress);

}  // namespace stele
