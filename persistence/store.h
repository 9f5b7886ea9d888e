#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "persistence/status.h"
#include "persistence/store_checkpoint.h"
#include "persistence/store_iterator.h"
#include "persistence/store_label.h"
#include "persistence/store_options.h"

namespace stele {

/// Figures for INFO and for deciding when to slow down.
struct StoreStats {
  std::uint64_t sst_bytes = 0;  ///< live files; iterators may hold more
  std::uint64_t sst_files = 0;
  std::vector<int> objects_files_by_level;
  std::uint64_t estimated_live_bytes = 0;
  std::uint64_t estimated_objects = 0;
  std::uint64_t pending_compaction_bytes = 0;
  std::uint64_t compactions_running = 0;
  std::uint64_t compaction_cpu_us = 0;         ///< since open
  std::uint64_t compaction_written_bytes = 0;  ///< since open
  std::uint64_t block_cache_bytes = 0;
  std::uint64_t filter_and_index_bytes = 0;
  std::uint64_t memtable_bytes = 0;
  bool write_stalled = false;  ///< compaction has fallen behind: RocksDB would now delay writers
  std::uint64_t write_stalls = 0;
  std::uint64_t drops_pending = 0;
};

/// RocksDB as a materialised prefix of the journal: exactly the state at the label's offset.
///
///     <dir>/                  RocksDB's own, and
///     <dir>/creating          while a new store is not complete yet
///     <dir>/ingest/*.sst      files of an unfinished checkpoint; left-overs of a crash are removed at open
///
/// Column families: objects, elements, expires, meta. They change only by ingestion of files (CheckpointWriter): there
/// is no write-ahead log and the memtables stay empty, so no crash can leave a state between two checkpoints.
///
/// Threads: begin_checkpoint() on the checkpoint thread; all else on any thread. The executor calls what never waits
/// for a disk: may_contain, label, drop_range, health. Destroy iterators and writers before the store.
class Store {
 public:
  /// Opens the store in `dir` and locks it; creates it if `dir` is missing or empty. Errors name path and remedy:
  /// `unavailable` if another process or this one has it open, `corrupt` if it cannot be read or is something else
  /// (its files are then left as they were), `invalid` if a later version wrote it.
  static Result<std::unique_ptr<Store>> open(const std::filesystem::path& dir, StoreOptions options);

  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;
  ~Store();  ///< waits for running compactions to stop

  /// Of the last finished checkpoint; null if there has been none.
  std::shared_ptr<const Label> label() const;

  /// The object under `key`. May read the disk. `corrupt` if its bytes fail their checksum.
  Result<std::optional<std::string>> get(std::string_view key) const;

  /// As get(), for several keys at once: in the order of `keys`.
  Result<std::vector<std::optional<std::string>>> multi_get(std::span<const std::string_view> keys) const;

  /// False: certainly absent. True: probably there (1 % of absent keys too). Asks filters in memory only.
  bool may_contain(std::string_view key) const;

  /// Objects in [first, end); an empty `end` means no bound.
  StoreIterator iterate(std::string_view first, std::string_view end) const;

  /// Expiries not after `last`.
  ExpiryIterator expires_until(UnixTime last) const;

  /// All objects together with the label they belong to. Waits while a checkpoint is ingested.
  struct Snapshot {
    std::shared_ptr<const Label> label;
    StoreIterator objects;
  };
  Snapshot snapshot() const;

  /// Makes `dir`, which must not exist and has to be on the same disk, the store as it is at this moment: hard links of the sorted
  /// files, copies of the small rest. Returns the label of that state; null if there is none. Durable, and quick: no data is copied.
  Result<std::shared_ptr<const Label>> link_files(const std::filesystem::path& dir) const;

  /// The sorted files that make up the data now; each lasts until a compaction has replaced it.
  std::vector<std::filesystem::path> sorted_files() const;
  /// Reads one of them and checks every block: `corrupt` with the position. It may be gone meanwhile: `io`.
  Status verify_sorted_file(const std::filesystem::path& path) const;

  /// `unavailable` while another writer exists, or if RocksDB has stopped over an error until the next open (reads go
  /// on); `io`, `exhausted` or `corrupt` if a lesser background error persists.
  Result<CheckpointWriter> begin_checkpoint();

  /// Removes the objects in [first, end) in the background. The range must be dead: the label of the last finished
  /// checkpoint no longer names its partition (a replay from that label might still read it otherwise), and nobody
  /// puts into it until drops_pending is 0. Iterators made before go on seeing it. A drop that a crash cut short is not
  /// resumed: ask again at start for partitions that the label does not name (iterate().seek() finds them). Entries
  /// in `expires` stay until their time has come.
  void drop_range(std::string_view first, std::string_view end);

  /// For files that are of no use once the process has ended: what is left there is removed at open.
  std::filesystem::path scratch_dir() const;

  /// The error that keeps compactions or drops from making progress, until it has been overcome.
  Status health() const;

  StoreStats stats() const;

  /// Of the library that writes the files: another one may not read them.
  static std::string library_version();

  struct Core;

 private:
  explicit Store(std::unique_ptr<Core> core);

  std::unique_ptr<Core> core_;
};

}  // namespace stele
