#include "engine/call.h"
#include "engine/commands.h"
#include "protocol/resp_integer.h"

namespace stele {

// Databases as wholes.

namespace {

/// SELECT index
void select(Call& call) {
  int db = 0;
  if (!call.database_arg(1, db)) return;
  call.session().db = db;
  call.reply().ok();
}

/// FLUSHDB [ASYNC | SYNC], FLUSHALL [ASYNC | SYNC]: whether memory is freed in the background.
bool parse_lazy(Call& call, bool& lazy) {
  lazy = call.keyspace().lazy_free().user_flush;
  if (call.argc() == 1) return true;
  lazy = call.arg_is(1, "async");
  if (call.argc() == 2 && (lazy || call.arg_is(1, "sync"))) return true;
  call.syntax_error();
  return false;
}

/// Effect  verbatim, for an empty database too: a replica that holds keys it should not gets rid of them.
void flushdb(Call& call) {
  bool lazy = false;
  if (!parse_lazy(call, lazy)) return;
  call.keyspace().flush(call.db(), lazy);
  call.emit_verbatim();
  call.reply().ok();
}

/// Effect  verbatim.
void flushall(Call& call) {
  bool lazy = false;
  if (!parse_lazy(call, lazy)) return;
  for (int db = 0; db < call.keyspace().databases(); ++db) call.keyspace().flush(call.keyspace().db(db), lazy);
  call.emit_verbatim();
  call.reply().ok();
}

/// SWAPDB index1 index2
///
/// Effect  verbatim, even of a database with itself, as Redis has it.
void swapdb(Call& call) {
  const auto parse = [&](std::size_t i) -> std::optional<std::int64_t> {
    const auto value = parse_integer(call.arg(i));
    if (!value || *value != static_cast<int>(*value)) return std::nullopt;
    return value;
  };
  const auto first = parse(1);
  if (!first) return call.fail("ERR invalid first DB index");
  const auto second = parse(2);
  if (!second) return call.fail("ERR invalid second DB index");
  for (const auto db : {*first, *second}) {
    if (db < 0 || db >= call.keyspace().databases()) return call.fail("ERR DB index is out of range");
  }
  call.keyspace().swap(static_cast<int>(*first), static_cast<int>(*second));
  call.emit_verbatim();
  call.reply().ok();
}

using namespace command_flag;

constexpr std::string_view kAllShards[] = {"request_policy:all_shards", "response_policy:all_succeeded"};

constexpr Command kCommands[] = {
    {.name = "select", .arity = 2, .flags = kLoading | kStale | kFast, .categories = category::kConnection,
     .run = select, .group = "connection", .since = "1.0.0", .summary = "Goes on in another database.",
     .complexity = "O(1)", .syntax = "index:integer"},
    {.name = "flushdb", .arity = -1, .flags = kWrite, .categories = category::kKeyspace | category::kDangerous,
     .run = flushdb, .group = "server", .since = "1.0.0", .summary = "Removes all keys of a database.",
     .complexity = "O(N) for N keys; O(1) with ASYNC", .tips = kAllShards, .syntax = "async=[ASYNC|SYNC]"},
    {.name = "flushall", .arity = -1, .flags = kWrite, .categories = category::kKeyspace | category::kDangerous,
     .run = flushall, .group = "server", .since = "1.0.0", .summary = "Removes all keys of all databases.",
     .complexity = "O(N) for N keys; O(1) with ASYNC", .tips = kAllShards, .syntax = "async=[ASYNC|SYNC]"},
    {.name = "swapdb", .arity = 3, .flags = kWrite | kFast, .categories = category::kKeyspace | category::kDangerous,
     .run = swapdb, .group = "server", .since = "4.0.0", .summary = "Exchanges two databases for all clients.",
     .complexity = "O(N) for N watched keys", .syntax = "index1:integer index2:integer"},
};

}  // namespace

std::span<const Command> database_commands() { return kCommands; }

}  // namespace stele
