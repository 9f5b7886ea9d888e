#pragma once

#include <filesystem>
#include <vector>

#include "tools/aof/state.h"

namespace stele::tools {

inline constexpr std::string_view kRestoreTool = "stele-restore";

struct RestoreOptions {
  std::filesystem::path source;
  std::filesystem::path to;                      // empty or to be made
  std::vector<std::filesystem::path> segments;   // the journal behind an RDB
  MomentOptions moment;
  int serve_port = 0;                            // a server on it, in place of a data directory that stays
  bool dry_run = false;
  bool json = false;
  bool quiet = false;
  bool digest = false;
  bool skip_unknown = false;
  std::size_t memory_bytes = 0;
};

/// Makes a data directory. The exit code.
int restore(const RestoreOptions& options);

/// Runs stele-server on `dir`, read-only, on a port of the loopback interface, until it or this program is told to end.
Status serve(const std::filesystem::path& dir, int port);

}  // namespace stele::tools
