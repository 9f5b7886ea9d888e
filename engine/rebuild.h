#pragma once

#include <atomic>
#include <chrono>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/command_registry.h"
#include "persistence/offset.h"
#include "persistence/status.h"
#include "persistence/store.h"

namespace stele {

class Keyspace;

/// Takes what is to be run behind the RDB that a store is rebuilt from.
class RebuildSink {
 public:
  virtual ~RebuildSink() = default;

  virtual void select(int db) = 0;
  /// Whole commands of a journal of ours. That one fails is counted.
  virtual Status frame(std::string_view payload, UnixTime time, Offset offset) = 0;
  /// One that another server has written.
  virtual Status command(std::span<const std::string_view> args) = 0;

  /// As it is behind all this; for looking at.
  virtual Keyspace& keyspace() = 0;
};

/// Where the data of a directory without a store come from.
struct RebuildSource {
  enum class Kind {
    base,      // the journal's base, or that of a stock server, and the files of a stock server behind it
    old_aof,   // a single append-only file, as Redis before 7 wrote it
    dump,      // an RDB file
  };
  Kind kind = Kind::dump;
  std::vector<std::filesystem::path> files;  // the first may be an RDB, perhaps with commands behind; the others are commands
  /// If it is set: in place of the commands in `files`, which are one RDB then, or none, this hands over what is to be run.
  std::function<Status(RebuildSink&)> feed;
  /// Where the journal goes on, if there is one.
  std::optional<Offset> offset;
};

struct RebuildOptions {
  StoreOptions store;
  int databases = 16;
  bool skip_unknown = false;
  bool verify_checksum = true;
  bool may_be_truncated = true;  // the last file
  bool lfu = false;
  UnixTime now;
  std::chrono::microseconds key_delay{0};  // after each key: key-load-delay
  ReplicationId replid;  // of the history that begins with the data
  ReplicationId replid2;  // what it was called before, up to there; empty if nobody knows
  Offset replid2_end;
  /// Commands are run in memory, and stored now and then: each million, or (if this is set) only while the process takes more.
  std::uint64_t memory_bytes = 0;
  /// Once true, reading an RDB ends with `unavailable` soon.
  const std::atomic<bool>* stop = nullptr;
  /// Now and then: bytes read, of how many.
  std::function<void(std::uint64_t done, std::uint64_t total)> on_progress;
};

struct RebuildFigures {
  std::uint64_t keys = 0;
  std::uint64_t expired = 0;
  std::uint64_t unknown = 0;
  std::uint64_t commands = 0;
  std::uint64_t failed = 0;  // of them
  int stream_db = -1;  // that they have selected last; -1 without commands
};

/// Fills a new store in `dir`, which must not exist, with what `source` holds, and labels it. On an error the directory is to be
/// removed. Threads: any; nothing else may use `registry` meanwhile.
Result<RebuildFigures> rebuild_store(const std::filesystem::path& dir, const RebuildSource& source, const RebuildOptions& options,
                                     CommandRegistry& registry);

}  // namespace stele
