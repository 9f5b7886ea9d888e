#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/entry.h"
#include "persistence/rdb/rdb_reader.h"

namespace stele::tools {

inline constexpr std::string_view kRdbTool = "stele-rdb";

/// "string", "list" ... as TYPE says it.
std::string_view type_name(ObjectType type);
/// "listpack", "quicklist" ...: what the file has the value as, from the name of its RDB type.
std::string_view written_encoding(std::uint8_t written_type, RdbDialect dialect);
/// The Redis that wrote files of this version first, and so can read them: "7.0".
std::string_view first_reader(int version, RdbDialect dialect);

/// The RDB version that knew a value type first.
int type_since(std::uint8_t written_type, RdbDialect dialect);

/// What is not in RdbKey itself.
struct KeyFacts {
  ObjectType type = ObjectType::string;
  RdbDialect dialect = RdbDialect::redis;
  int version = 0;
  std::uint64_t bytes = 0;             // of key and value, nothing compressed
  std::uint64_t file_bytes = 0;        // from the type byte on
  std::optional<std::int64_t> ttl_ms;  // until it expires, by the selection's clock; negative: since
};

/// Which keys a command looks at.
struct Selection {
  std::vector<std::string> patterns;  // any of them; none: all keys
  std::vector<std::uint64_t> databases;
  std::vector<std::string> types;
  std::optional<std::uint64_t> bytes_min;
  std::optional<std::uint64_t> bytes_max;
  std::optional<std::int64_t> ttl_min_ms;
  std::optional<std::int64_t> ttl_max_ms;
  bool only_expiring = false;
  bool only_persistent = false;
  bool only_expired = false;
  bool no_expired = false;
  std::int64_t now_ms = 0;

  bool matches(const RdbKey& key, const KeyFacts& facts) const;
};

struct InputOptions {
  Selection selection;
  bool skip_unknown = false;
  bool verify_checksum = true;
  bool quiet = false;  // no progress
  /// The command prints while it reads: no progress if that goes to the same terminal.
  bool prints = false;
};

/// A reader of one file. visit() gets the selected keys.
class InputVisitor : public RdbVisitor {
 public:
  explicit InputVisitor(const InputOptions& options) : options_(options) {}

  Status header(int version, RdbDialect dialect) override;
  Status key(RdbKey& key) final;
  Status skipped(const RdbKey& key, RdbValueOutcome why) override;

  /// visit() is not called again, and the reading ends well.
  Status stop();
  bool stopped() const { return stopped_; }

  void attach(RdbSource* source) { source_ = source; }
  /// "; 12 keys came before, the last one "x" in database 0": where in its data a file is damaged.
  std::string position() const;
  std::uint64_t keys_seen() const { return keys_seen_; }

 protected:
  virtual Status visit(RdbKey& key, const KeyFacts& facts) = 0;
  const Selection& selection() const { return options_.selection; }
  const InputOptions& options() const { return options_; }

 private:
  const InputOptions& options_;
  KeyFacts facts_;
  RdbSource* source_ = nullptr;
  bool stopped_ = false;
  std::uint64_t keys_seen_ = 0;
  std::uint64_t last_db_ = 0;
  std::string last_key_;
};

/// The file, open, and what it is.
struct InputFile {
  File file;
  std::uint64_t bytes = 0;
};
/// `invalid` if it is a directory or the like, with what could be meant.
Result<InputFile> open_input(const std::filesystem::path& path);

/// Reads the file with `visitor`. An error names the file, the offset, and the last key before. If the visitor stopped,
/// the summary says only how many keys there were.
Result<RdbSummary> read_input(const std::filesystem::path& path, const InputOptions& options, InputVisitor& visitor);
Result<RdbSummary> read_input(const InputFile& input, const InputOptions& options, InputVisitor& visitor);

}  // namespace stele::tools
