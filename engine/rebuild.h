#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "engine/command_registry.h"
#include "persistence/offset.h"
#include "persistence/status.h"
#include "persistence/store.h"

namespace stele {

/// Where the data of a directory without a store come from.
struct RebuildSource {
  enum class Kind {
    base,      // the journal's base, or that of a stock server, and the files of a stock server behind it
    old_aof,   // a single append-only file, as Redis before 7 wrote it
    dump,      // an RDB file
  };
  Kind kind = Kind::dump;
  std::vector<std::filesystem::path> files;  // the first may be an RDB, perhaps with commands behind; the others are commands
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
  /// Now and then: bytes read, of how many.
  std::function<void(std::uint64_t done, std::uint64_t total)> on_progress;
};

struct RebuildFigures {
  std::uint64_t keys = 0;
  std::uint64_t expired = 0;
  std::uint64_t unknown = 0;
  std::uint64_t commands = 0;
};

/// Fills a new store in `dir`, which must not exist, with what `source` holds, and labels it. On an error the directory is to be
/// removed. Threads: any; nothing else may use `registry` meanwhile.
Result<RebuildFigures> rebuild_store(const std::filesystem::path& dir, const RebuildSource& source, const RebuildOptions& options,
                                     CommandRegistry& registry);

}  // namespace stele
