// DUMP and RESTORE: a value as bytes that another server understands.

#include <spdlog/spdlog.h>

#include "engine/call.h"
#include "engine/commands.h"
#include "engine/dump.h"
#include "engine/type_ops.h"
#include "persistence/rdb/rdb_writer.h"
#include "protocol/resp_text.h"

namespace stele {

namespace {

using namespace command_flag;
namespace key = key_flag;

// What both neighbours of ours can read: Redis 7.0 refuses payloads of later versions.
constexpr int kPayloadVersion = kRdbVersionDefault;

/// DUMP key
void dump(Call& call) {
  const Item item = call.keyspace().peek(call.db(), call.arg(1));
  if (!item) return call.reply().null();
  call.reply().bulk(dump_payload(*item.entry));
}

struct RestoreOptions {
  bool replace = false;
  bool absolute = false;
  std::int64_t ttl_ms = 0;
  std::optional<std::int64_t> idle_seconds;
  std::optional<std::int64_t> frequency;
};

bool parse_options(Call& call, RestoreOptions& options) {
  for (std::size_t i = 4; i < call.argc(); ++i) {
    const bool has_next = i + 1 < call.argc();
    if (call.arg_is(i, "REPLACE")) {
      options.replace = true;
    } else if (call.arg_is(i, "ABSTTL")) {
      options.absolute = true;
    } else if (call.arg_is(i, "IDLETIME") && has_next && !options.frequency) {
      std::int64_t seconds = 0;
      if (!call.integer_arg(++i, seconds)) return false;
      if (seconds < 0) return call.fail("ERR Invalid IDLETIME value, must be >= 0"), false;
      options.idle_seconds = seconds;
    } else if (call.arg_is(i, "FREQ") && has_next && !options.idle_seconds) {
      std::int64_t counter = 0;
      if (!call.integer_arg(++i, counter)) return false;
      if (counter < 0 || counter > 255) return call.fail("ERR Invalid FREQ value, must be >= 0 and <= 255"), false;
      options.frequency = counter;
    } else {
      return call.syntax_error(), false;
    }
  }
  return true;
}

/// What a payload of the type consists of, in the words of stock servers' logs.
std::string_view kind_of(std::uint8_t type) {
  switch (type) {
    case rdb_type::kHashZipmap: return "Zipmap";
    case rdb_type::kListZiplist: return "List ziplist";
    case rdb_type::kSetIntset: return "Intset";
    case rdb_type::kZsetZiplist: return "Zset ziplist";
    case rdb_type::kHashZiplist: return "Hash ziplist";
    case rdb_type::kQuicklist: return "Quicklist ziplist";
    case rdb_type::kHashListpack: return "Hash listpack";
    case rdb_type::kZsetListpack: return "Zset listpack";
    case rdb_type::kSetListpack: return "Set listpack";
    case rdb_type::kStream:
    case rdb_type::kStream2:
    case rdb_type::kStream3: return "Stream listpack";
    default: return rdb_type_name(type, RdbDialect::redis);
  }
}

/// The client is told no more than that; the log says why.
Status bad_format(std::string_view key, std::uint8_t type, std::string_view why) {
  spdlog::warn("RESTORE {}: {} integrity check failed: {}", printed(key, 128), kind_of(type), why);
  return Status::invalid("ERR Bad data format");
}

/// The value of a payload as an entry of `key`. Every length and every element is checked: the payload is a stranger's.
Result<Entry*> entry_from_payload(std::string_view payload, std::string_view key, std::optional<UnixTime> expire_at,
                                  const CollectionLimits& limits) {
  int version = 0;
  STELE_TRY(const std::string_view body, open_dump_payload(payload, version));
  RdbSource source(body.substr(1), "payload");
  RdbValue value;
  const auto type = static_cast<std::uint8_t>(body[0]);
  switch (read_rdb_value(source, type, RdbDialect::redis, value)) {
    case RdbValueOutcome::value: break;
    case RdbValueOutcome::empty: return bad_format(key, type, "it has no elements");
    case RdbValueOutcome::unknown: return bad_format(key, type, "it is of a type that is not known here");
    case RdbValueOutcome::failed: return bad_format(key, type, source.status().message());
  }
  if (source.left() > 0) return bad_format(key, type, "there is something behind its end");
  if (value.expiring_fields > 0) {
    return Status::invalid("ERR Bad data format: fields of the hash have an expiry of their own, which is not known here");
  }
  const TypeOps* ops = type_ops_of_rdb(value.type);
  if (ops == nullptr) return bad_format(key, type, "it is of a type that is not known here");
  Result<Entry*> entry = ops->from_rdb(key, value.type, value.bytes, expire_at);
  if (!entry.ok()) return bad_format(key, type, entry.status().message());
  fit_to_limits(**entry, type, limits);
  return entry;
}

/// RESTORE key ttl payload [REPLACE] [ABSTTL] [IDLETIME seconds] [FREQ counter]
///
/// Effect  RESTORE with an absolute ttl; DEL if a key is replaced by one that has expired already.
void restore(Call& call) {
  RestoreOptions options;
  if (!parse_options(call, options)) return;
  Keyspace& keyspace = call.keyspace();
  const std::string_view name = call.arg(1);
  Item item = keyspace.find(call.db(), name);
  if (item && !options.replace) return call.fail("BUSYKEY Target key name already exists.");
  if (!call.integer_arg(2, options.ttl_ms)) return;
  if (options.ttl_ms < 0) return call.fail("ERR Invalid TTL value, must be >= 0");

  std::optional<UnixTime> expire_at;
  if (options.ttl_ms > 0) {
    expire_at = options.absolute ? UnixTime(options.ttl_ms) : UnixTime(call.now().ms() + options.ttl_ms);
  }
  // Repaired and not let through: the effect has to stand the check of whoever runs it.
  const std::string repaired = keyspace.checks_payload_sums() ? std::string() : repaired_dump_payload(call.arg(3));
  const std::string_view payload = keyspace.checks_payload_sums() ? call.arg(3) : std::string_view(repaired);
  Result<Entry*> entry = entry_from_payload(payload, name, expire_at, keyspace.limits());
  if (!entry.ok()) return call.fail(entry.status().message());

  if (item) keyspace.erase(item, keyspace.lazy_free().server_del);
  if (expire_at && *expire_at <= call.now() && keyspace.expiry() == Expiry::active) {
    Entry::destroy(*entry);
    if (options.replace) {
      call.emit(std::string_view(keyspace.lazy_free().server_del ? "UNLINK" : "DEL"), name);
      call.notify(key_event::kGeneric, "del", name);
    }
    return call.reply().ok();
  }
  Item fresh = keyspace.find(call.db(), name);
  keyspace.create(fresh, *entry);
  if (options.idle_seconds) {
    const auto idle = static_cast<std::uint32_t>(std::min<std::int64_t>(*options.idle_seconds, 0xffffff));
    if (!keyspace.access_policy().lfu) fresh.entry->set_access((keyspace.access_clock() - idle) & 0xffffff);
  } else if (options.frequency && keyspace.access_policy().lfu) {
    fresh.entry->set_access(lfu_minutes(call.now()) << 8 | static_cast<std::uint32_t>(*options.frequency));
  }

  std::vector<std::string_view> effect(call.args().begin(), call.args().end());
  const std::string ttl = fmt::format("{}", expire_at ? expire_at->ms() : 0);
  effect[0] = "RESTORE";
  effect[2] = ttl;
  effect[3] = payload;
  if (expire_at && !options.absolute) effect.push_back("ABSTTL");
  call.effects().emit_list(call.session().db, effect);
  call.notify(key_event::kGeneric, "restore", name);
  call.reply().ok();
}

constexpr Command kCommands[] = {
    {.name = "dump", .arity = 2, .flags = kReadonly, .categories = category::kKeyspace,
     .keys = {KeySpec::one(1, key::kRO | key::kAccess)}, .run = dump, .group = "generic", .since = "2.6.0",
     .summary = "Returns the value of a key as bytes for RESTORE.",
     .complexity = "O(1) to access the key and additional O(N*M) to serialize it, where N is the number of objects composing "
                   "the value and M their average size.", .syntax = "key"},
    {.name = "restore", .arity = -4, .flags = kWrite | kDenyOom, .categories = category::kKeyspace | category::kDangerous,
     .keys = {KeySpec::one(1, key::kOW | key::kUpdate)}, .run = restore, .group = "generic", .since = "2.6.0",
     .summary = "Creates a key from what DUMP returned.",
     .complexity = "O(1) to create the new key and additional O(N*M) to reconstruct the value, where N is the number of "
                   "objects composing it and M their average size.",
                   .syntax = "key ttl:integer serialized-value [REPLACE] [ABSTTL] [IDLETIME seconds:integer] [FREQ "
                             "frequency:integer]"},
    {.name = "restore-asking", .arity = -4, .flags = kWrite | kDenyOom | kAsking,
     .categories = category::kKeyspace | category::kDangerous, .keys = {KeySpec::one(1, key::kOW | key::kUpdate)},
     .run = restore, .group = "server", .since = "3.0.0", .summary = "RESTORE as a cluster's MIGRATE sends it.",
     .complexity = "As RESTORE.",
     .syntax = "key ttl:integer serialized-value [REPLACE] [ABSTTL] [IDLETIME seconds:integer] [FREQ frequency:integer]"},
};

}  // namespace

std::string dump_payload(const Entry& entry) {
  std::string value;
  const std::uint8_t type = type_ops(entry.type()).append_rdb(entry, value);
  return make_dump_payload(type, value, kPayloadVersion);
}

std::span<const Command> dump_commands() { return kCommands; }

}  // namespace stele
