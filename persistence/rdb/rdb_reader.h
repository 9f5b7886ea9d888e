#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "persistence/rdb/rdb_value.h"

namespace stele {

/// A key of an RDB file with its value, and what stood in front of it.
struct RdbKey {
  std::uint64_t db = 0;
  std::string key;
  std::optional<std::int64_t> expire_at_ms;
  std::optional<std::uint64_t> idle_seconds;
  std::optional<std::uint8_t> frequency;
  std::uint8_t written_type = 0;  // as the file has it
  std::uint64_t offset = 0;       // of the type byte in the file
  RdbValue value;
};

/// What is in an RDB file, in its order. A status that is not ok ends the reading and is returned.
class RdbVisitor {
 public:
  virtual ~RdbVisitor() = default;
  virtual Status header(int version, RdbDialect dialect);
  virtual Status aux(std::string_view name, std::string_view value);
  /// `keys` and `expires` are what the writer expected to write into `db`; hints, perhaps wrong.
  virtual Status size_hint(std::uint64_t db, std::uint64_t keys, std::uint64_t expires);
  /// The source of a function library, beginning with "#!".
  virtual Status function(std::string_view source);
  /// Data of a module that belongs to no key, which `skip_unknown` left out.
  virtual Status module_aux(std::string_view module);
  /// The value may be moved from.
  virtual Status key(RdbKey& key) = 0;
  /// A key whose collection has no elements, or that `skip_unknown` left out.
  virtual Status skipped(const RdbKey& key, RdbValueOutcome why);
};

struct RdbReadOptions {
  bool skip_unknown = false;  // values of modules and the like; otherwise the first is an error
  std::string_view skip_option = "rdb-skip-unknown";  // what the user can set to have them skipped
  bool verify_checksum = true;
  /// Now and then, with how many bytes have been read of how many.
  std::function<void(std::uint64_t done, std::uint64_t total)> on_progress;
};

struct RdbSummary {
  int version = 0;
  RdbDialect dialect = RdbDialect::redis;
  std::uint64_t keys = 0;
  std::uint64_t empty_skipped = 0;
  std::uint64_t unknown_skipped = 0;
  std::uint64_t expiring_fields = 0;  // in hashes; their expiry is lost
  bool has_checksum = false;
  std::uint64_t end = 0;  // offset behind the checksum; more may follow (in an append-only file, commands)
};

/// Reads one RDB file of any version (../formats: RDB) from the source's place on. `corrupt`, with the file's name and
/// the offset, for whatever is not as the format says; what was visited before stands.
Result<RdbSummary> read_rdb(RdbSource& source, const RdbReadOptions& options, RdbVisitor& visitor);

}  // namespace stele
