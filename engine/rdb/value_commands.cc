#include "engine/rdb/value_commands.h"

#include <charconv>
#include <cmath>

#include "engine/function_libraries.h"
#include "engine/rdb/value_walk.h"
#include "persistence/rdb/rdb_writer.h"

namespace stele {

namespace {

constexpr std::uint64_t kBatchElements = 64;
constexpr std::size_t kBatchBytes = 256 * 1024;
constexpr int kFunctionsSince = 700;
constexpr int kFieldExpirySince = 704;

void append_decimal(std::string& out, std::int64_t value) {
  char digits[24];
  const auto [end, error] = std::to_chars(digits, digits + sizeof digits, value);
  out.append(digits, end);
}

void append_head(std::string& out, char kind, std::uint64_t count) {
  out += kind;
  append_decimal(out, static_cast<std::int64_t>(count));
  out += "\r\n";
}

void append_argument(std::string& out, std::string_view text) { append_bulk(out, text); }
void append_argument(std::string& out, std::int64_t value) {
  char digits[24];
  const auto [end, error] = std::to_chars(digits, digits + sizeof digits, value);
  append_bulk(out, {digits, end});
}

/// The shortest text that reads as the same number.
void append_score(std::string& out, double score) {
  if (std::isinf(score)) return append_bulk(out, score > 0 ? "inf" : "-inf");
  char digits[32];
  const auto [end, error] = std::to_chars(digits, digits + sizeof digits, score);
  append_bulk(out, {digits, end});
}

/// The RDB version of the payloads that a server of `redis_version` writes.
int dump_version(int redis_version) {
  if (redis_version >= 704) return 12;
  if (redis_version >= 702) return 11;
  return redis_version >= 700 ? 10 : 9;
}

}  // namespace

void append_bulk(std::string& out, std::string_view text) {
  append_head(out, '$', text.size());
  out += text;
  out += "\r\n";
}

template <typename... Args>
void ValueCommands::command(const Args&... args) {
  append_head(out_, '*', sizeof...(args));
  (append_argument(out_, args), ...);
}

Status ValueCommands::spill() { return out_.size() < kDrainBytes ? Status() : drain_(out_); }

Status ValueCommands::finish() { return out_.empty() ? Status() : drain_(out_); }

void ValueCommands::lose(std::string_view key, std::string_view what) {
  if (options_.on_loss) options_.on_loss(key, what);
}

Status ValueCommands::function(std::string_view source) {
  if (options_.redis_version < kFunctionsSince) {
    const Result<LibraryHead> head = parse_library_head(source);
    lose("", fmt::format("the function library '{}': there are none before Redis 7.0", head.ok() ? head->name : "?"));
    return Status();
  }
  options_.replace ? command("FUNCTION", "LOAD", "REPLACE", source) : command("FUNCTION", "LOAD", source);
  return spill();
}

void ValueCommands::select(std::uint64_t db) {
  if (db == db_) return;
  db_ = db;
  command("SELECT", static_cast<std::int64_t>(db));
}

Status ValueCommands::key(const Key& key) {
  select(key.db);
  if (options_.restore && restorable(key)) {
    restore(key);
  } else {
    if (options_.replace) command("DEL", key.key);
    STELE_CHECK(object_type_of_value(key.type) == ObjectType::stream ? stream(key) : elements(key));
    if (key.expire_at_ms) command("PEXPIREAT", key.key, *key.expire_at_ms);
    if (options_.restore && (key.idle_seconds || key.frequency)) lose(key.key, "how idle or how often used it is");
  }
  if (!key.field_expires_at_ms.empty()) STELE_CHECK(field_expiries(key));
  return spill();
}

/// Payloads of Redis 6.2 and before have no form for what is known of a stream today.
bool ValueCommands::restorable(const Key& key) const {
  return object_type_of_value(key.type) != ObjectType::stream || key.type == rdb_type::kStream ||
         dump_version(options_.redis_version) > 9;
}

void ValueCommands::restore(const Key& key) {
  const std::string payload = make_dump_payload(key.type, key.value, dump_version(options_.redis_version));
  const std::uint64_t args = 5 + (options_.replace ? 1 : 0) + (key.idle_seconds || key.frequency ? 2 : 0);
  append_head(out_, '*', args);
  append_argument(out_, "RESTORE");
  append_argument(out_, key.key);
  // 0 stands for "never"; whatever is past is past.
  append_argument(out_, key.expire_at_ms ? std::max<std::int64_t>(1, *key.expire_at_ms) : 0);
  append_argument(out_, payload);
  append_argument(out_, "ABSTTL");
  if (options_.replace) append_argument(out_, "REPLACE");
  if (key.idle_seconds) {
    append_argument(out_, "IDLETIME");
    append_argument(out_, static_cast<std::int64_t>(*key.idle_seconds));
  } else if (key.frequency) {
    append_argument(out_, "FREQ");
    append_argument(out_, *key.frequency);
  }
}

/// The command `name` with the batched arguments behind the key.
void ValueCommands::batch(std::string_view name, std::string_view key) {
  if (batched_ == 0) return;
  append_head(out_, '*', 2 + batched_);
  append_argument(out_, name);
  append_argument(out_, key);
  out_ += batch_;
  batch_.clear();
  batched_ = 0;
}

Status ValueCommands::elements(const Key& key) {
  const ObjectType type = object_type_of_value(key.type);
  std::string_view name;
  switch (type) {
    case ObjectType::list:
      name = "RPUSH";
      break;
    case ObjectType::set:
      name = "SADD";
      break;
    case ObjectType::zset:
      name = "ZADD";
      break;
    case ObjectType::hash:
      name = "HSET";
      break;
    default:
      break;
  }
  std::uint64_t waiting = 0;
  STELE_CHECK(walk_value(key.type, key.value, [&](const ValueElement& element) -> Status {
    if (type == ObjectType::string) {
      command("SET", key.key, element.text);
      return Status();
    }
    if (type == ObjectType::zset) append_score(batch_, element.score);
    append_argument(batch_, element.text);
    if (type == ObjectType::hash) append_argument(batch_, element.value);
    batched_ += type == ObjectType::hash || type == ObjectType::zset ? 2 : 1;
    if (++waiting < kBatchElements && batch_.size() < kBatchBytes) return Status();
    waiting = 0;
    batch(name, key.key);
    return spill();
  }));
  batch(name, key.key);
  return Status();
}

Status ValueCommands::field_expiries(const Key& key) {
  if (options_.redis_version < kFieldExpirySince) {
    lose(key.key, "when fields of it expire: they do from Redis 7.4 on");
    return Status();
  }
  std::size_t field = 0;
  return walk_value(key.type, key.value, [&](const ValueElement& element) -> Status {
    const std::int64_t at = key.field_expires_at_ms[field++];
    if (at == 0) return Status();
    command("HPEXPIREAT", key.key, at, "FIELDS", std::string_view("1"), element.text);
    return spill();
  });
}

}  // namespace stele
