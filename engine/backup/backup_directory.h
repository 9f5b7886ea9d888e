#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "persistence/frame.h"
#include "persistence/offset.h"
#include "persistence/status.h"

namespace stele {

/// A directory with the backups of one server:
///
///     <dir>/STELE-BACKUP                     says so, and whose
///     <dir>/000001.backup                    backup 1: its manifest, which names every file that it is made of
///     <dir>/000002.backup                    backup 2: likewise, with files of backup 1 where they are the same
///     <dir>/000001/store/000012.sst ...      what backup 1 brought along: files of the store, as they were,
///     <dir>/000001/journal/<first>.aof.lz4   and sealed segments of the journal, lz4 frames: `lz4 -d` gives the segment back
///     <dir>/000002.partial/                  of a backup being written, or one that failed: no manifest names it
///     <dir>/LOCK                             held by the server that writes; its contents mean nothing
///
/// A backup is the store at `state`, and the stream in [.., end) with `state` in it or before it: together the state at `end`.
/// A file is written once and never changed. The manifest comes last, durable after all that it names: where there is a
/// manifest there is a whole backup.
///
/// A manifest is lines of words:
///
///     stele-backup 1
///     server <32 hex>                        as in STELE-BACKUP
///     number <n>
///     kind full | incremental                full: with a store of its own; incremental: that of its parent, and more segments
///     parent <n>                             0: none
///     taken-at <unix ms>                     of `end`
///     version <of the server>
///     replid <40 hex>                        the history that `end` counts in
///     previous <40 hex | -> <offset>         the one before it, and where it ended
///     state <offset>
///     end <offset> <chain, 16 hex> <db>      where the next segment would begin: what its header says (persistence/frame.h)
///     store <path> <bytes> <checksum>        paths are relative to <dir>; checksums are XXH3-128 of the file
///     segment <path> <bytes> <checksum> <first> <end> <segment bytes> <first ms> <last ms> <replid>
///     check <32 hex>                         XXH3-128 of everything before this line
///
/// STELE-BACKUP has the first two lines and the last.

struct BackupFile {
  std::string path;  // relative to the directory
  std::uint64_t bytes = 0;
  std::string checksum;

  bool operator==(const BackupFile&) const = default;
};

struct BackupSegment {
  BackupFile file;  // compressed
  Offset first;
  Offset end;
  std::uint64_t segment_bytes = 0;  // once decompressed
  UnixTime first_time;              // of the frames in it; 0 if there are none
  UnixTime last_time;
  ReplicationId replid;
};

struct Backup {
  enum class Kind { full, incremental };

  std::string server;
  std::uint64_t number = 0;
  Kind kind = Kind::full;
  std::uint64_t parent = 0;
  UnixTime taken_at;
  std::string server_version;
  ReplicationId replid;
  ReplicationId previous_replid;  // empty: none
  Offset previous_end;
  Offset state;
  Offset end;
  Chain chain = 0;
  int stream_db = 0;
  std::vector<BackupFile> store;
  std::vector<BackupSegment> segments;  // rising, without gaps, up to `end`

  /// Of all files; of those that this backup brought along.
  std::uint64_t bytes() const;
  std::uint64_t bytes_added() const;
  std::vector<const BackupFile*> files() const;
};

std::string_view name_of(Backup::Kind kind);

std::string backup_text(const Backup& backup);
/// `corrupt` if it is no whole manifest, `invalid` if a later version wrote it. Bytes only; no file is looked at.
Result<Backup> parse_backup(std::string_view text);

/// What a long piece of work has done, to be looked at from another thread, and how it is told to end.
struct BackupProgress {
  std::atomic<std::uint64_t> bytes_done{0};
  std::atomic<std::uint64_t> bytes_total{0};
  std::atomic<bool> cancelled{false};

  Status check() const { return cancelled ? Status::unavailable("cancelled") : Status(); }
};

/// Reads what there is; nothing here writes. O(backups x files of each).
class BackupDirectory {
 public:
  /// `unavailable` if it does not exist or is empty, `invalid` if it is something else, `corrupt` if STELE-BACKUP is damaged.
  static Result<BackupDirectory> open(std::filesystem::path dir);

  const std::filesystem::path& path() const { return path_; }
  const std::string& server() const { return server_; }
  /// Rising numbers. Their manifests are whole; their files were not looked at.
  const std::vector<Backup>& backups() const { return backups_; }
  /// Manifests that could not be read, and why.
  struct Damaged {
    std::uint64_t number = 0;
    Status status;
  };
  const std::vector<Damaged>& damaged() const { return damaged_; }

  /// `unavailable` if there is no such backup, or what is wrong with it.
  Result<Backup> find(std::uint64_t number) const;
  /// The newest one. `corrupt` if a later one is damaged: whoever wants an older one says so.
  Result<Backup> last() const;

  /// Whether the file is there with the bytes that it was written with: `corrupt`, naming it, if not. Reads all of it.
  Status verify(const BackupFile& file, BackupProgress* progress = nullptr) const;
  /// Every file of the backup; the first that is bad ends it.
  Status verify(const Backup& backup, BackupProgress* progress = nullptr) const;

 private:
  BackupDirectory() = default;

  std::filesystem::path path_;
  std::string server_;
  std::vector<Backup> backups_;
  std::vector<Damaged> damaged_;
};

// --- names

inline constexpr std::string_view kBackupMarkFile = "STELE-BACKUP";
std::string backup_manifest_name(std::uint64_t number);  // 000001.backup
std::string backup_folder_name(std::uint64_t number);    // 000001
/// Of a manifest or a folder; nothing if it is neither.
std::optional<std::uint64_t> backup_number(std::string_view name);
std::string backup_mark_text(std::string_view server);

}  // namespace stele
