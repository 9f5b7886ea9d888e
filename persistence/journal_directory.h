#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "persistence/manifest.h"
#include "persistence/offset.h"
#include "persistence/status.h"

namespace stele {

/// What the manifest of an append-only directory names, ours or a stock server's.
///
///     base? | files of a stock server ... | segments of ours ...
///
/// The data are the base, then the commands of each file in turn.
struct JournalDirectory {
  bool exists = false;  // there is a manifest
  Manifest manifest;
  std::optional<std::filesystem::path> base;
  std::vector<std::filesystem::path> foreign;  // incr files without a segment header, in front of the first that has one
  std::optional<Offset> first_own;             // where the first segment of ours begins
};

/// Only reads. `corrupt` if the manifest is, or names a file that is missing.
Result<JournalDirectory> inspect_journal(const std::filesystem::path& dir, const std::string& base_name);

/// Whether `text` begins as a stock server's file does: a command, its timestamp, or an RDB.
bool looks_foreign(std::string_view text);

inline constexpr std::uint64_t kManifestBytesMax = std::uint64_t{64} << 20;

}  // namespace stele
