// The table of string commands, and those that read or replace whole values without a deadline.

#include "engine/string/string_commands.h"

#include "engine/commands.h"

namespace stele {

namespace string_command {

/// GET key
void get(Call& call) {
  const Item item = call.keyspace().read(call.db(), call.arg(1));
  if (is_string_or_absent(call, item)) reply_with_value(call, item);
}

/// MGET key [key ...]: null also for what is no string.
void mget(Call& call) {
  call.reply().array(call.argc() - 1);
  for (const std::string_view key : call.args().subspan(1)) {
    const Item item = call.keyspace().read(call.db(), key);
    if (item && item.entry->type() != ObjectType::string) {
      call.reply().null();
    } else {
      reply_with_value(call, item);
    }
  }
}

/// SETNX key value. Effect: verbatim.
void setnx(Call& call) {
  Item item = call.keyspace().find(call.db(), call.arg(1));
  if (item) return call.reply().integer(0);
  call.keyspace().set_string(item, call.arg(2), std::nullopt);
  call.notify(key_event::kString, "set", call.arg(1));
  call.emit_verbatim();
  call.reply().integer(1);
}

/// GETSET key value. Effect: SET key value.
void getset(Call& call) {
  Item item = call.keyspace().read(call.db(), call.arg(1));
  if (!is_string_or_absent(call, item)) return;
  reply_with_value(call, item);  // now, while the old value is there: nothing fails from here on
  call.keyspace().set_string(item, call.arg(2), std::nullopt);
  call.notify(key_event::kString, "set", call.arg(1));
  call.emit("SET", call.arg(1), call.arg(2));
}

/// GETDEL key. Effect: DEL key.
void getdel(Call& call) {
  Item item = call.keyspace().read(call.db(), call.arg(1));
  if (!is_string_or_absent(call, item)) return;
  reply_with_value(call, item);  // now, while the old value is there: nothing fails from here on
  if (!item) return;
  call.keyspace().erase(item);
  call.notify(key_event::kGeneric, "del", call.arg(1));
  call.emit("DEL", call.arg(1));
}

namespace {

void set_pairs(Call& call) {
  for (std::size_t i = 1; i < call.argc(); i += 2) {
    Item item = call.keyspace().find_to_overwrite(call.db(), call.arg(i));
    call.keyspace().set_string(item, call.arg(i + 1), std::nullopt);
    call.notify(key_event::kString, "set", call.arg(i));
  }
  call.emit_verbatim();
}

}  // namespace

/// MSET key value [key value ...]. Effect: verbatim.
void mset(Call& call) {
  if (call.argc() % 2 == 0) return call.wrong_arity();
  set_pairs(call);
  call.reply().ok();
}

/// MSETNX key value [key value ...]: all or, if one exists, none. Effect: verbatim.
void msetnx(Call& call) {
  if (call.argc() % 2 == 0) return call.wrong_arity();
  for (std::size_t i = 1; i < call.argc(); i += 2) {
    if (call.keyspace().find(call.db(), call.arg(i))) return call.reply().integer(0);
  }
  set_pairs(call);
  call.reply().integer(1);
}

}  // namespace string_command

namespace {

using namespace command_flag;

constexpr Flags kString = category::kString;
constexpr Flags kReading = key_flag::kRO | key_flag::kAccess;
constexpr Flags kUpdating = key_flag::kRW | key_flag::kAccess | key_flag::kUpdate;
constexpr Flags kReplacing = key_flag::kOW | key_flag::kUpdate;
constexpr Flags kInserting = key_flag::kOW | key_flag::kInsert;

constexpr std::string_view kMgetTips[] = {"request_policy:multi_shard"};
constexpr std::string_view kMsetTips[] = {"request_policy:multi_shard", "response_policy:all_succeeded"};
constexpr std::string_view kMsetnxTips[] = {"request_policy:multi_shard", "response_policy:agg_min"};

constexpr Command kStringCommands[] = {
    {.name = "append",
     .arity = 3,
     .flags = kWrite | kDenyOom | kFast,
     .categories = kString,
     .keys = {KeySpec::one(1, key_flag::kRW | key_flag::kInsert)},
     .run = string_command::append,
     .group = "string",
     .since = "2.0.0",
     .summary = "Appends to a string, creating it if there is none.",
     .complexity = "O(1)",
     .syntax = "key value"},
    {.name = "decr",
     .arity = 2,
     .flags = kWrite | kDenyOom | kFast,
     .categories = kString,
     .keys = {KeySpec::one(1, kUpdating)},
     .run = string_command::decr,
     .group = "string",
     .since = "1.0.0",
     .summary = "Subtracts one from the integer a key holds.",
     .complexity = "O(1)",
     .syntax = "key"},
    {.name = "decrby",
     .arity = 3,
     .flags = kWrite | kDenyOom | kFast,
     .categories = kString,
     .keys = {KeySpec::one(1, kUpdating)},
     .run = string_command::decrby,
     .group = "string",
     .since = "1.0.0",
     .summary = "Subtracts a number from the integer a key holds.",
     .complexity = "O(1)",
     .syntax = "key decrement:integer"},
    {.name = "get",
     .arity = 2,
     .flags = kReadonly | kFast,
     .categories = kString,
     .keys = {KeySpec::one(1, kReading)},
     .run = string_command::get,
     .group = "string",
     .since = "1.0.0",
     .summary = "Returns the string a key holds.",
     .complexity = "O(1)",
     .syntax = "key"},
    {.name = "getdel",
     .arity = 2,
     .flags = kWrite | kFast,
     .categories = kString,
     .keys = {KeySpec::one(1, key_flag::kRW | key_flag::kAccess | key_flag::kDelete)},
     .run = string_command::getdel,
     .group = "string",
     .since = "6.2.0",
     .summary = "Returns the string a key holds and deletes the key.",
     .complexity = "O(1)",
     .syntax = "key"},
    {.name = "getex",
     .arity = -2,
     .flags = kWrite | kFast,
     .categories = kString,
     .keys = {KeySpec::one(1, kUpdating)},
     .run = string_command::getex,
     .group = "string",
     .since = "6.2.0",
     .summary = "Returns the string a key holds and changes its expiry.",
     .complexity = "O(1)",
     .syntax = "key expiration=[EX seconds:integer|PX milliseconds:integer|EXAT unix-time-seconds:unix-time|PXAT "
               "unix-time-milliseconds:unix-time|PERSIST]"},
    {.name = "getrange",
     .arity = 4,
     .flags = kReadonly,
     .categories = kString,
     .keys = {KeySpec::one(1, kReading)},
     .run = string_command::getrange,
     .group = "string",
     .since = "2.4.0",
     .summary = "Returns a part of a string.",
     .complexity = "O(N) in the bytes returned",
     .syntax = "key start:integer end:integer"},
    {.name = "getset",
     .arity = 3,
     .flags = kWrite | kDenyOom | kFast,
     .categories = kString,
     .keys = {KeySpec::one(1, kUpdating)},
     .run = string_command::getset,
     .group = "string",
     .since = "1.0.0",
     .summary = "Replaces a string and returns the old one.",
     .complexity = "O(1)",
     .deprecated_since = "6.2.0",
     .replaced_by = "SET with GET",
     .syntax = "key value"},
    {.name = "incr",
     .arity = 2,
     .flags = kWrite | kDenyOom | kFast,
     .categories = kString,
     .keys = {KeySpec::one(1, kUpdating)},
     .run = string_command::incr,
     .group = "string",
     .since = "1.0.0",
     .summary = "Adds one to the integer a key holds.",
     .complexity = "O(1)",
     .syntax = "key"},
    {.name = "incrby",
     .arity = 3,
     .flags = kWrite | kDenyOom | kFast,
     .categories = kString,
     .keys = {KeySpec::one(1, kUpdating)},
     .run = string_command::incrby,
     .group = "string",
     .since = "1.0.0",
     .summary = "Adds a number to the integer a key holds.",
     .complexity = "O(1)",
     .syntax = "key increment:integer"},
    {.name = "incrbyfloat",
     .arity = 3,
     .flags = kWrite | kDenyOom | kFast,
     .categories = kString,
     .keys = {KeySpec::one(1, kUpdating)},
     .run = string_command::incrbyfloat,
     .group = "string",
     .since = "2.6.0",
     .summary = "Adds a number to the real number a key holds.",
     .complexity = "O(1)",
     .syntax = "key increment:double"},
    {.name = "lcs",
     .arity = -3,
     .flags = kReadonly,
     .categories = kString,
     .keys = {KeySpec::range(1, 1, 1, kReading)},
     .run = string_command::lcs,
     .group = "string",
     .since = "7.0.0",
     .summary = "Finds the longest common subsequence of two strings.",
     .complexity = "O(N*M) in the lengths of both",
     .syntax = "key1:key key2:key [LEN] [IDX] [MINMATCHLEN len:integer] [WITHMATCHLEN]"},
    {.name = "mget",
     .arity = -2,
     .flags = kReadonly | kFast,
     .categories = kString,
     .keys = {KeySpec::range(1, -1, 1, kReading)},
     .run = string_command::mget,
     .group = "string",
     .since = "1.0.0",
     .summary = "Returns the strings of several keys.",
     .complexity = "O(N) in the number of keys",
     .tips = kMgetTips,
     .syntax = "key..."},
    {.name = "mset",
     .arity = -3,
     .flags = kWrite | kDenyOom,
     .categories = kString,
     .keys = {KeySpec::range(1, -1, 2, kReplacing)},
     .run = string_command::mset,
     .group = "string",
     .since = "1.0.1",
     .summary = "Sets several keys as one change.",
     .complexity = "O(N) in the number of keys",
     .tips = kMsetTips,
     .syntax = "(key value)..."},
    {.name = "msetnx",
     .arity = -3,
     .flags = kWrite | kDenyOom,
     .categories = kString,
     .keys = {KeySpec::range(1, -1, 2, kInserting)},
     .run = string_command::msetnx,
     .group = "string",
     .since = "1.0.1",
     .summary = "Sets several keys if none of them exists.",
     .complexity = "O(N) in the number of keys",
     .tips = kMsetnxTips,
     .syntax = "(key value)..."},
    {.name = "psetex",
     .arity = 4,
     .flags = kWrite | kDenyOom,
     .categories = kString,
     .keys = {KeySpec::one(1, kReplacing)},
     .run = string_command::psetex,
     .group = "string",
     .since = "2.6.0",
     .summary = "Sets a key with an expiry in milliseconds.",
     .complexity = "O(1)",
     .deprecated_since = "2.6.12",
     .replaced_by = "SET with PX",
     .syntax = "key milliseconds:integer value"},
    {.name = "set",
     .arity = -3,
     .flags = kWrite | kDenyOom,
     .categories = kString,
     .keys = {KeySpec::one(1, kUpdating | key_flag::kVariableFlags)},
     .run = string_command::set,
     .group = "string",
     .since = "1.0.0",
     .summary = "Sets a key to a string, whatever it held before.",
     .complexity = "O(1)",
     .syntax = "key value condition=[NX|XX] [GET] expiration=[EX seconds:integer|PX milliseconds:integer|EXAT "
               "unix-time-seconds:unix-time|PXAT unix-time-milliseconds:unix-time|KEEPTTL]"},
    {.name = "setex",
     .arity = 4,
     .flags = kWrite | kDenyOom,
     .categories = kString,
     .keys = {KeySpec::one(1, kReplacing)},
     .run = string_command::setex,
     .group = "string",
     .since = "2.0.0",
     .summary = "Sets a key with an expiry in seconds.",
     .complexity = "O(1)",
     .deprecated_since = "2.6.12",
     .replaced_by = "SET with EX",
     .syntax = "key seconds:integer value"},
    {.name = "setnx",
     .arity = 3,
     .flags = kWrite | kDenyOom | kFast,
     .categories = kString,
     .keys = {KeySpec::one(1, kInserting)},
     .run = string_command::setnx,
     .group = "string",
     .since = "1.0.0",
     .summary = "Sets a key unless it exists.",
     .complexity = "O(1)",
     .deprecated_since = "2.6.12",
     .replaced_by = "SET with NX",
     .syntax = "key value"},
    {.name = "setrange",
     .arity = 4,
     .flags = kWrite | kDenyOom,
     .categories = kString,
     .keys = {KeySpec::one(1, key_flag::kRW | key_flag::kUpdate)},
     .run = string_command::setrange,
     .group = "string",
     .since = "2.2.0",
     .summary = "Overwrites a part of a string, extending it as needed.",
     .complexity = "O(N) in the bytes written",
     .syntax = "key offset:integer value"},
    {.name = "strlen",
     .arity = 2,
     .flags = kReadonly | kFast,
     .categories = kString,
     .keys = {KeySpec::one(1, key_flag::kRO)},
     .run = string_command::strlen,
     .group = "string",
     .since = "2.2.0",
     .summary = "Returns the length of a string.",
     .complexity = "O(1)",
     .syntax = "key"},
    {.name = "substr",
     .arity = 4,
     .flags = kReadonly,
     .categories = kString,
     .keys = {KeySpec::one(1, kReading)},
     .run = string_command::getrange,
     .group = "string",
     .since = "1.0.0",
     .summary = "Returns a part of a string.",
     .complexity = "O(N) in the bytes returned",
     .deprecated_since = "2.0.0",
     .replaced_by = "GETRANGE",
     .syntax = "key start:integer end:integer"},
};

}  // namespace

std::span<const Command> string_commands() { return kStringCommands; }

}  // namespace stele
