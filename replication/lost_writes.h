#pragma once

#include <cstdint>
#include <filesystem>

#include "persistence/journal.h"

namespace stele {

/// Writes the changes in the stream from `from` to its end as a file of commands, which can be read as an append-only file, and sent by
/// redis-cli --pipe. Returns how many bytes of the stream it holds; without any there is no file. What is no longer kept is missing;
/// `unavailable` if nothing is. Threads: any; it waits for the disk.
Result<std::uint64_t> write_lost_writes(Journal& journal, Offset from, const std::filesystem::path& path);

}  // namespace stele
