#include "tools/rdb/rdb_input.h"

#include <algorithm>

#include "engine/glob.h"
#include "engine/rdb/value_walk.h"
#include "tools/common/output.h"
#include "tools/common/progress.h"
#include "tools/common/text.h"

namespace stele::tools {

std::string_view type_name(ObjectType type) {
  switch (type) {
    case ObjectType::string:
      return "string";
    case ObjectType::list:
      return "list";
    case ObjectType::set:
      return "set";
    case ObjectType::zset:
      return "zset";
    case ObjectType::hash:
      return "hash";
    case ObjectType::stream:
      return "stream";
    case ObjectType::module:
      return "module";
  }
  return "unknown";
}

std::string_view written_encoding(std::uint8_t written_type, RdbDialect dialect) {
  switch (written_type) {
    case rdb_type::kString:
    case rdb_type::kList:
    case rdb_type::kSet:
    case rdb_type::kHash:
    case rdb_type::kZset:
      return "plain";
    case rdb_type::kZsetText:
      return "plain-text";
    default:
      break;
  }
  const std::string_view name = rdb_type_name(written_type, dialect);
  const std::size_t dash = name.find('-');
  return dash == std::string_view::npos ? name : name.substr(dash + 1);
}

std::string_view first_reader(int version, RdbDialect dialect) {
  if (dialect == RdbDialect::valkey) return version == 80 ? "Valkey 9.0" : "Valkey 9.2";
  static constexpr std::string_view kReaders[] = {"",          "Redis 1.0", "Redis 2.4", "Redis 2.6", "Redis 2.6",
                                                  "Redis 2.6", "Redis 2.6", "Redis 3.2", "Redis 4.0", "Redis 5.0",
                                                  "Redis 7.0", "Redis 7.2", "Redis 7.4", "Redis 8.6", "Redis 8.8"};
  return version > 0 && static_cast<std::size_t>(version) < std::size(kReaders) ? kReaders[version] : "";
}

int type_since(std::uint8_t written_type, RdbDialect dialect) {
  if (dialect == RdbDialect::valkey) return written_type == rdb_type::kHashExpiringRc ? 80 : 11;
  static constexpr int kSince[] = {1, 1, 1,  1,  1,  8,  8,  8,  1,  2,  2,  2,  2,  4,
                                   7, 9, 10, 10, 10, 10, 11, 11, 12, 12, 12, 12, 13, 14};
  return written_type < std::size(kSince) ? kSince[written_type] : 1;
}

bool Selection::matches(const RdbKey& key, const KeyFacts& facts) const {
  if (!databases.empty() && std::find(databases.begin(), databases.end(), key.db) == databases.end()) return false;
  if (!types.empty() && std::find(types.begin(), types.end(), type_name(facts.type)) == types.end()) return false;
  if (bytes_min && facts.bytes < *bytes_min) return false;
  if (bytes_max && facts.bytes > *bytes_max) return false;
  if (only_expiring && !facts.ttl_ms) return false;
  if (only_persistent && facts.ttl_ms) return false;
  if (only_expired && !(facts.ttl_ms && *facts.ttl_ms <= 0)) return false;
  if (no_expired && facts.ttl_ms && *facts.ttl_ms <= 0) return false;
  if (ttl_min_ms && !(facts.ttl_ms && *facts.ttl_ms >= *ttl_min_ms)) return false;
  if (ttl_max_ms && !(facts.ttl_ms && *facts.ttl_ms <= *ttl_max_ms)) return false;
  return patterns.empty() || std::any_of(patterns.begin(), patterns.end(), [&](const std::string& pattern) {
           return pattern == "*" || glob_matches(pattern, key.key);
         });
}

Status InputVisitor::header(int version, RdbDialect dialect) {
  facts_.version = version;
  facts_.dialect = dialect;
  return Status();
}

Status InputVisitor::key(RdbKey& key) {
  ++keys_seen_;
  last_db_ = key.db;
  last_key_ = key.key;
  facts_.type = object_type_of_value(key.value.type);
  facts_.bytes = key.key.size() + key.value.bytes.size();
  facts_.file_bytes = source_->offset() - key.offset;
  facts_.ttl_ms.reset();
  if (key.expire_at_ms) {
    // What the file says may be any number.
    std::int64_t ttl = 0;
    if (__builtin_sub_overflow(*key.expire_at_ms, selection().now_ms, &ttl)) {
      ttl = *key.expire_at_ms < 0 ? std::numeric_limits<std::int64_t>::min() : std::numeric_limits<std::int64_t>::max();
    }
    facts_.ttl_ms = ttl;
  }
  return selection().matches(key, facts_) ? visit(key, facts_) : Status();
}

Status InputVisitor::skipped(const RdbKey& key, RdbValueOutcome) {
  ++keys_seen_;
  last_db_ = key.db;
  last_key_ = key.key;
  return Status();
}

Status InputVisitor::stop() {
  stopped_ = true;
  return Status::unavailable("enough was read");
}

std::string InputVisitor::position() const {
  if (keys_seen_ == 0) return "; no key came before";
  return fmt::format("; {} came before, the last one {} in database {}",
                     keys_seen_ == 1 ? "1 key" : format_count(keys_seen_) + " keys", in_quotes(last_key_, 128),
                     last_db_);
}

Result<InputFile> open_input(const std::filesystem::path& path) {
  std::error_code error;
  const auto kind = std::filesystem::status(path, error).type();
  if (kind == std::filesystem::file_type::directory) {
    const bool has_dump = std::filesystem::exists(path / "dump.rdb", error);
    return Status::invalid("{} is a directory{}", path.native(), has_dump ? "; its dump.rdb may be meant" : "");
  }
  InputFile input;
  STELE_TRY(input.file, File::open(path, File::Mode::read));
  if (kind != std::filesystem::file_type::regular) {
    return Status::invalid("{} is no regular file: its size must be known before it is read", path.native());
  }
  STELE_TRY(input.bytes, input.file.size());
  return input;
}

Result<RdbSummary> read_input(const InputFile& input, const InputOptions& options, InputVisitor& visitor) {
  Progress progress("reading " + printable(input.file.path().filename().native(), 40),
                    !options.quiet && !(options.prints && Output::is_terminal()));
  RdbSource source(input.file, 0, input.bytes);
  visitor.attach(&source);
  const RdbReadOptions read{
      .skip_unknown = options.skip_unknown,
      .skip_option = "--skip-unknown",
      .verify_checksum = options.verify_checksum,
      .on_progress = [&](std::uint64_t done, std::uint64_t total) { progress.update(done, total); }};
  Result<RdbSummary> summary = read_rdb(source, read, visitor);
  visitor.attach(nullptr);
  if (summary.ok()) return summary;
  if (visitor.stopped()) return RdbSummary{.keys = visitor.keys_seen()};
  if (summary.status().code() != Code::corrupt) return summary;
  return Status::corrupt("{}{}", summary.status().message(), visitor.position());
}

Result<RdbSummary> read_input(const std::filesystem::path& path, const InputOptions& options, InputVisitor& visitor) {
  STELE_TRY(const InputFile input, open_input(path));
  return read_input(input, options, visitor);
}

}  // namespace stele::tools
