#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string_view>

#include "persistence/file.h"

namespace stele {

struct AofReadOptions {
  std::uint64_t position = 0;  // of the first command
  /// What a crash has cut off at the end, half a command or a transaction without EXEC, is left out with a warning; otherwise
  /// it is an error.
  bool may_be_truncated = false;
  std::function<void(std::uint64_t done, std::uint64_t total)> on_progress;
};

/// Hands out the commands of a plain append-only file (../formats: AOF), those of a transaction once its EXEC is there; lines
/// that begin with '#' are skipped. `corrupt`, with file and position, for what is no command and for what `run` refuses.
Status read_aof(const File& file, const AofReadOptions& options,
                const std::function<Status(std::span<const std::string_view>)>& run);

}  // namespace stele
