#include "tools/rdb/rdb_copy.h"

#include <fmt/format.h>

#include "engine/function_libraries.h"
#include "engine/rdb/value_walk.h"
#include "tools/common/text.h"
#include "tools/rdb/commands.h"

namespace stele::tools {

namespace {

constexpr int kFunctionsSince = 10;
constexpr int kStreamFiguresSince = 10;
constexpr int kFieldExpirySince = 12;

}  // namespace

void RdbCopy::name(const std::string& what) {
  if (++inexpressible_ <= kNamedMax) complain(kRdbTool, what);
}

Status RdbCopy::function(std::string_view source) {
  if (options_.version >= kFunctionsSince) return writer_.function(source);
  const Result<LibraryHead> head = parse_library_head(source);
  name(fmt::format("RDB version {} has no form for functions: library {}", options_.version,
                   in_quotes(head.ok() ? head->name : "?", 128)));
  return Status();
}

Status RdbCopy::key(const RdbKey& key) {
  if (key.db != db_) {
    const Expected expected = expected_[key.db];
    STELE_CHECK(writer_.select(key.db, expected.keys, expected.expires));
    db_ = key.db;
  }
  const bool has_field_expiries = key.value.expiring_fields > 0;
  if (has_field_expiries && options_.version < kFieldExpirySince) {
    name(fmt::format("RDB version {} has no form for the expiry of {} fields of key {} in database {}",
                     options_.version, key.value.expiring_fields, in_quotes(key.key, 128), key.db));
    if (!options_.lossy) return Status();
  }
  if (key.value.type != rdb_type::kStream && object_type_of_value(key.value.type) == ObjectType::stream &&
      options_.version < kStreamFiguresSince) {
    name(fmt::format(
        "RDB version {} has no form for all of the stream under key {} in database {}: its largest deleted id, and "
        "how many entries were added and read",
        options_.version, in_quotes(key.key, 128), key.db));
    if (!options_.lossy) return Status();
  }
  if (key.value.producers > 0) {
    name(
        fmt::format("no RDB version that is written here has a form for the {} producers that the stream under key {} "
                    "in database {} "
                    "remembers",
                    key.value.producers, in_quotes(key.key, 128), key.db));
    if (!options_.lossy) return Status();
  }
  ++keys_;
  return writer_.key({.key = key.key,
                      .expire_at_ms = key.expire_at_ms,
                      .idle_seconds = key.idle_seconds,
                      .frequency = key.frequency,
                      .type = key.value.type,
                      .value = key.value.bytes,
                      .field_expires_at_ms = has_field_expiries
                                                 ? std::span<const std::int64_t>(key.value.field_expires_at_ms)
                                                 : std::span<const std::int64_t>()});
}

int finish_copy(RdbCopy& copy, OutputFile& output, Status read, const std::filesystem::path& path,
                std::uint64_t bytes_behind) {
  if (!read.ok()) return failed(read);
  if (copy.inexpressible() > RdbCopy::kNamedMax) {
    complain(kRdbTool, fmt::format("and {} more", format_count(copy.inexpressible() - RdbCopy::kNamedMax)));
  }
  if (copy.inexpressible() > 0 && !copy.lossy()) {
    complain(kRdbTool, fmt::format("{} was not written; --lossy writes what version {} has a form for", path.native(),
                                   copy.version()));
    return kFoundSomething;
  }
  Status status = copy.end();
  if (status.ok()) status = output.commit();
  if (!status.ok()) return failed(status);
  if (bytes_behind > 0) {
    complain(kRdbTool, fmt::format("{} behind the RDB part were not copied", format_bytes(bytes_behind)));
  }
  complain(kRdbTool, fmt::format("{}: RDB version {}, {} keys, {}", path.native(), copy.version(),
                                 format_count(copy.keys()), format_bytes(copy.bytes())));
  return kGood;
}

}  // namespace stele::tools
