#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "tools/aof/selection.h"
#include "tools/aof/state.h"

namespace stele::tools {

inline constexpr std::string_view kAofTool = "stele-aof";

/// The sub-commands of stele-aof. Each returns the program's exit code (ExitCode) and has said on standard error what went wrong.
/// None but fix() changes what it looks at. Memory, unless said otherwise: the longest command or frame.

struct AofCheckOptions {
  std::vector<std::filesystem::path> paths;
  bool json = false;
  bool quiet = false;
  bool shallow = false;  // frames and their chain alone, not the commands in them
  std::size_t problems_max = 20;
};
int aof_check(const AofCheckOptions& options);

struct AofListOptions {
  std::filesystem::path path;
  CommandSelection selection;
  bool json = false;
  bool quiet = false;
  bool frames = false;
  bool values = false;             // of grep: the key's value before and after
  std::uint64_t limit = 0;         // 0: none
  std::uint64_t last = 0;          // of tail: so many at the end; of ls and grep: 0
  std::size_t argument_bytes = 64;  // shown of each; 0: all
  std::size_t memory_bytes = std::size_t{1} << 30;
};
int aof_list(const AofListOptions& options);
/// Kept to what the selection says; kFoundSomething if there is nothing of the kind.
int aof_grep(const AofListOptions& options);

struct AofTailOptions {
  AofListOptions list;
  bool follow = false;
};
int aof_tail(const AofTailOptions& options);

struct AofStatsOptions {
  std::filesystem::path path;
  CommandSelection selection;
  bool json = false;
  bool quiet = false;
  std::uint64_t count = 10;  // of each list
  std::string delimiters = ":";
  std::uint64_t depth = 1;   // of prefixes
  bool seconds = false;      // all of them
};
int aof_stats(const AofStatsOptions& options);

struct AofFixOptions {
  std::filesystem::path path;
  bool yes = false;
  bool dry_run = false;
  bool drop_store = false;  // if the store is ahead of the stream: moves it away
  bool json = false;
};
int aof_fix(const AofFixOptions& options);

struct AofToRdbOptions {
  std::filesystem::path path;
  std::filesystem::path to;
  MomentOptions moment;
  int version = 10;
  bool force = false;
  bool json = false;
  bool quiet = false;
  bool digest = false;
  bool skip_unknown = false;
  std::size_t memory_bytes = 0;
};
int aof_to_rdb(const AofToRdbOptions& options);

/// `to` is a directory.
int aof_export(const AofToRdbOptions& options);

}  // namespace stele::tools
