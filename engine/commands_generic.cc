#include "engine/call.h"
#include "engine/commands.h"
#include "engine/type_ops.h"

namespace stele {

// What can be asked of a key, or done to it, whatever its type.

namespace {

/// DEL key [key ...], UNLINK key [key ...]
///
/// Effect  verbatim, if a key was there.
void remove_keys(Call& call, bool lazy) {
  std::int64_t removed = 0;
  for (const std::string_view key : call.args().subspan(1)) {
    Item item = call.keyspace().find(call.db(), key);
    if (!item) continue;
    call.keyspace().erase(item, lazy);
    call.notify(key_event::kGeneric, "del", key);
    ++removed;
  }
  if (removed > 0) call.emit_verbatim();
  call.reply().integer(removed);
}

void del(Call& call) { remove_keys(call, call.keyspace().lazy_free().user_del); }
void unlink(Call& call) { remove_keys(call, true); }

/// EXISTS key [key ...]: a key named twice counts twice.
void exists(Call& call) {
  std::int64_t found = 0;
  for (const std::string_view key : call.args().subspan(1)) found += bool(call.keyspace().peek(call.db(), key));
  call.reply().integer(found);
}

/// TOUCH key [key ...]
void touch(Call& call) {
  call.keyspace().set_no_touch(false);  // CLIENT NO-TOUCH is about accesses by the way
  std::int64_t found = 0;
  for (const std::string_view key : call.args().subspan(1)) found += bool(call.keyspace().read(call.db(), key));
  call.reply().integer(found);
}

/// TYPE key
void type(Call& call) {
  const Item item = call.keyspace().peek(call.db(), call.arg(1));
  call.reply().simple(item ? type_ops(item.entry->type()).name : "none");
}

using namespace command_flag;
using namespace key_flag;

constexpr std::string_view kSumOfShards[] = {"request_policy:multi_shard", "response_policy:agg_sum"};

constexpr Command kCommands[] = {
    {.name = "del", .arity = -2, .flags = kWrite, .categories = category::kKeyspace,
     .keys = {KeySpec::range(1, -1, 1, kRM | kDelete)}, .run = del, .group = "generic", .since = "1.0.0",
     .summary = "Removes keys.", .complexity = "O(N) for N keys, and O(M) for each value of M elements",
     .tips = kSumOfShards, .syntax = "key..."},
    {.name = "unlink", .arity = -2, .flags = kWrite | kFast, .categories = category::kKeyspace,
     .keys = {KeySpec::range(1, -1, 1, kRM | kDelete)}, .run = unlink, .group = "generic", .since = "4.0.0",
     .summary = "Removes keys and frees large values in the background.", .complexity = "O(N) for N keys",
     .tips = kSumOfShards, .syntax = "key..."},
    {.name = "exists", .arity = -2, .flags = kReadonly | kFast, .categories = category::kKeyspace,
     .keys = {KeySpec::range(1, -1, 1, kRO)}, .run = exists, .group = "generic", .since = "1.0.0",
     .summary = "Counts which of the keys exist.", .complexity = "O(N) for N keys", .tips = kSumOfShards,
     .syntax = "key..."},
    {.name = "touch", .arity = -2, .flags = kReadonly | kFast, .categories = category::kKeyspace,
     .keys = {KeySpec::range(1, -1, 1, kRO)}, .run = touch, .group = "generic", .since = "3.2.1",
     .summary = "Notes an access to keys and counts those that exist.", .complexity = "O(N) for N keys",
     .tips = kSumOfShards, .syntax = "key..."},
    {.name = "type", .arity = 2, .flags = kReadonly | kFast, .categories = category::kKeyspace,
     .keys = {KeySpec::one(1, kRO)}, .run = type, .group = "generic", .since = "1.0.0",
     .summary = "Tells the type of a key's value.", .complexity = "O(1)", .syntax = "key"},
};

}  // namespace

std::span<const Command> key_commands() { return kCommands; }

std::span<const Command> generic_commands() {
  static const std::vector<Command> all = [] {
    std::vector<Command> rows;
    for (const auto table : {key_commands(), move_commands(), expire_commands(), scan_commands(), object_commands(),
                             database_commands(), dump_commands(), sort_commands()}) {
      rows.insert(rows.end(), table.begin(), table.end());
    }
    return rows;
  }();
  return all;
}

}  // namespace stele
