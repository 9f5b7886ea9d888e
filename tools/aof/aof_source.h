#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "persistence/frame.h"
#include "persistence/manifest.h"
#include "persistence/status.h"

namespace stele::tools {

/// One file of a stream.
struct AofFile {
  enum class Kind {
    rdb,       // begins with an RDB; commands may follow
    commands,  // a stock server's, commands alone
    segment,   // of a journal of ours
    blank,     // empty, or a segment's header that was torn before anything followed
    unknown,   // none of these: its header is damaged
  };
  std::filesystem::path path;
  std::string name;
  Manifest::Type type = Manifest::Type::incr;
  Kind kind = Kind::commands;
  std::uint64_t bytes = 0;               // as found
  std::optional<SegmentHeader> header;   // of a segment
  std::uint64_t stock_offset = 0;        // of its first byte: bytes of the files before it
};

/// What a path stands for: a data directory, an append-only directory, its manifest, or one file of either.
///
///     history segments ... | base? | files of a stock server ... | segments of ours ...
///
/// History is what a base has replaced and was kept: what happened before the base, for looking at.
struct AofSource {
  std::filesystem::path named;     // as it was given
  std::filesystem::path dir;       // the append-only directory; empty for one file
  std::filesystem::path manifest;  // empty if there is none
  std::vector<AofFile> files;      // in the order of the stream
  std::size_t first_loaded = 0;    // in `files`: what a server loads begins here, history is before

  bool has_segments() const;
  const AofFile* base() const;  // null if there is none
  /// False for what a server of ours has written as its base: an RDB, and no commands behind it.
  bool may_have_commands(std::size_t index) const;
  /// Whether nothing follows the file, so that a crash may have cut its end: of a segment, a file prepared for the next one may.
  bool is_last(std::size_t index) const;
  /// True for files whose offsets are bytes of the files, not of a replication stream.
  bool is_stock() const { return !has_segments(); }
};

/// Only reads. `invalid` if there is nothing of the kind; `corrupt` if the manifest is, or names what is missing.
Result<AofSource> open_aof(const std::filesystem::path& path);

/// Segments of ours alone, of directories or files, in the order of the stream; each offset once.
Result<AofSource> open_segments(const std::vector<std::filesystem::path>& paths);

/// The append-only directory that `path` is or holds; empty if there is none. `invalid` if there are several.
Result<std::filesystem::path> find_manifest(const std::filesystem::path& path);

/// The file, for a stream of that alone.
Result<AofFile> look_at_file(const std::filesystem::path& path, Manifest::Type type);

std::string_view kind_name(AofFile::Kind kind);

/// Where the commands of a stock file begin: behind the RDB that it begins with, which is read for that, or at 0.
Result<std::uint64_t> commands_begin(const AofFile& file, bool quiet);

}  // namespace stele::tools
