#include <limits>

#include "engine/call.h"
#include "engine/commands.h"
#include "engine/glob.h"
#include "engine/scan_reply.h"
#include "engine/type_ops.h"
#include "protocol/resp_text.h"

namespace stele {

// Finding keys without knowing them.

namespace {

/// SCAN cursor [MATCH pattern] [COUNT count] [TYPE type]
///
/// The cursor is the hash of the next key: no state is kept, every key that is there all the while is shown exactly once,
/// and a cursor outlives restarts. One beyond all hashes is at the end.
void scan(Call& call) {
  std::uint64_t cursor = 0;
  if (!scan_cursor_arg(call, 1, cursor)) return;
  std::int64_t count = 10;
  std::optional<std::string_view> pattern, type;
  for (std::size_t i = 2; i < call.argc(); i += 2) {
    if (i + 1 == call.argc()) return call.syntax_error();
    if (call.arg_is(i, "count")) {
      if (!call.integer_arg(i + 1, count)) return;
      if (count < 1) return call.syntax_error();
    } else if (call.arg_is(i, "match")) {
      pattern = call.arg(i + 1);
      if (*pattern == "*") pattern.reset();
    } else if (call.arg_is(i, "type")) {
      type = call.arg(i + 1);
    } else {
      return call.syntax_error();
    }
  }

  std::vector<std::string> keys;
  Hash48 next = 0;
  if (cursor < kHashEnd) {
    const auto collect = [&](std::string_view key, const TypeOps& ops) {
      if (pattern && !glob_matches(*pattern, key)) return;
      if (type && !equals_ignoring_case(*type, ops.name)) return;
      keys.emplace_back(key);
    };
    const auto result = call.keyspace().scan(call.db(), cursor, static_cast<std::size_t>(count), collect);
    if (!result.ok()) return call.fail(fmt::format("ERR {}", result.status().message()));
    next = *result;
  }
  call.reply().array(2);
  call.reply().bulk_integer(static_cast<std::int64_t>(next));
  call.reply().array(keys.size());
  for (const std::string& key : keys) call.reply().bulk(key);
}

/// KEYS pattern
void keys(Call& call) {
  const std::string_view pattern = call.arg(1);
  std::vector<std::string> found;
  const auto result = call.keyspace().scan(call.db(), 0, std::numeric_limits<std::size_t>::max(),
                                           [&](std::string_view key, const TypeOps&) {
                                             if (pattern == "*" || glob_matches(pattern, key)) found.emplace_back(key);
                                           });
  if (!result.ok()) return call.fail(fmt::format("ERR {}", result.status().message()));
  call.reply().array(found.size());
  for (const std::string& key : found) call.reply().bulk(key);
}

/// RANDOMKEY
void randomkey(Call& call) {
  const Item item = call.keyspace().random(call.db());
  item ? call.reply().bulk(item.key) : call.reply().null();
}

/// DBSIZE: expired keys count until they are removed.
void dbsize(Call& call) { call.reply().integer(static_cast<std::int64_t>(call.db().size())); }

using namespace command_flag;

constexpr std::string_view kScanTips[] = {"nondeterministic_output", "request_policy:special", "response_policy:special"};
constexpr std::string_view kKeysTips[] = {"request_policy:all_shards", "nondeterministic_output_order"};
constexpr std::string_view kRandomKeyTips[] = {"request_policy:all_shards", "response_policy:special",
                                               "nondeterministic_output"};
constexpr std::string_view kDbsizeTips[] = {"request_policy:all_shards", "response_policy:agg_sum"};

constexpr Command kCommands[] = {
    {.name = "keys", .arity = 2, .flags = kReadonly, .categories = category::kKeyspace | category::kDangerous,
     .run = keys, .group = "generic", .since = "1.0.0", .summary = "Lists all keys that match a pattern.",
     .complexity = "O(N) for N keys in the database", .tips = kKeysTips, .syntax = "pattern:pattern"},
    {.name = "scan", .arity = -2, .flags = kReadonly | kTouchesArbitraryKeys, .categories = category::kKeyspace,
     .run = scan, .group = "generic", .since = "2.8.0", .summary = "Lists the keys of a database piece by piece.",
     .complexity = "O(1) a call; O(N) for all N keys", .tips = kScanTips,
     .syntax = "cursor:integer [MATCH pattern:pattern] [COUNT count:integer] [TYPE type]"},
    {.name = "randomkey", .arity = 1, .flags = kReadonly | kTouchesArbitraryKeys, .categories = category::kKeyspace,
     .run = randomkey, .group = "generic", .since = "1.0.0", .summary = "Picks a key at random.", .complexity = "O(1)",
     .tips = kRandomKeyTips},
    {.name = "dbsize", .arity = 1, .flags = kReadonly | kFast, .categories = category::kKeyspace, .run = dbsize,
     .group = "server", .since = "1.0.0", .summary = "Counts the keys of a database.", .complexity = "O(1)",
     .tips = kDbsizeTips},
};

}  // namespace

std::span<const Command> scan_commands() { return kCommands; }

}  // namespace stele
