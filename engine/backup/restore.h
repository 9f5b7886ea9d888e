#pragma once

#include <filesystem>
#include <string>

#include "engine/backup/backup_directory.h"

namespace stele {

/// Where a server is to find the data.
struct RestoreTarget {
  std::filesystem::path data_dir;  // missing, or empty; made if missing
  std::string append_dir_name = "appendonlydir";
  std::string base_name = "appendonly.aof";
};

/// Lays out a data directory that a server starts from with exactly the state at `backup.end`:
///
///     <data_dir>/rocksdb/         the backup's store
///     <data_dir>/appendonlydir/   its segments, and one without frames that begins at `backup.end` and so vouches for them
///
/// Every file is checked on the way: `corrupt`, naming it, if one is not what was written. Nothing is in place before all is good
/// and durable; what a failure leaves is removed, and what a crash leaves is in <data_dir>/restore.partial, which the next
/// attempt replaces. `invalid` if something else is in data_dir.
///
/// The server goes on under a new replication id, as after a crash: what its former self did later is another history.
Status restore_backup(const BackupDirectory& directory, const Backup& backup, const RestoreTarget& target,
                      BackupProgress* progress = nullptr);

/// Decompresses a segment into `to`, durably, checked as above.
Status unpack_segment(const BackupDirectory& directory, const BackupSegment& segment, const std::filesystem::path& to,
                      BackupProgress* progress = nullptr);

}  // namespace stele
