#pragma once

#include "tools/restore/restore.h"

namespace stele::tools {

/// A directory that `BACKUP TO` has filled.
bool is_backup(const std::filesystem::path& path);

/// Lays out `rocksdb` and `appendonlydir` in `dir`, which must be empty: the store of the backup that the moment is in, and the journal from
/// there up to the moment, which the server replays when it starts.
Result<Cut> lay_out_backup(const RestoreOptions& options, const std::filesystem::path& dir);

}  // namespace stele::tools
