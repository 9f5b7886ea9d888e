// The table of hash commands, and those that set, read and remove fields.

#include "engine/hash/hash_commands.h"

#include "engine/commands.h"

namespace stele {

namespace hash_command {

namespace {

/// Sets all pairs of the arguments; returns how many fields are new, nothing if it replied with an error.
std::optional<std::size_t> set_pairs(Call& call) {
  if (call.argc() % 2 == 1) {
    call.wrong_arity();
    return std::nullopt;
  }
  Item item = call.keyspace().find(call.db(), call.arg(1));
  if (!is_hash_or_absent(call, item)) return std::nullopt;

  if (item) call.keyspace().begin_change(item);
  HashBody hash = item ? HashBody(*item.entry) : HashBody();
  const CollectionLimits& limits = call.keyspace().limits();
  hash.expect((call.argc() - 2) / 2, limits);
  std::size_t created = 0;
  for (std::size_t i = 2; i < call.argc(); i += 2) created += hash.set(call.arg(i), call.arg(i + 1), limits);
  if (item) {
    hash.put_into(*item.entry);
    call.keyspace().end_change(item, item.entry);
  } else {
    call.keyspace().create(item, hash.to_entry(call.arg(1), std::nullopt));
  }
  call.notify(key_event::kHash, "hset", call.arg(1));
  call.emit_verbatim();
  return created;
}

}  // namespace

bool set_field(Call& call, Item& item, std::string_view field, std::string_view value) {
  const CollectionLimits& limits = call.keyspace().limits();
  if (!item) {
    HashBody hash;
    hash.set(field, value, limits);
    call.keyspace().create(item, hash.to_entry(call.arg(1), std::nullopt));
    return true;
  }
  call.keyspace().begin_change(item);
  HashBody hash(*item.entry);
  const bool created = hash.set(field, value, limits);
  hash.put_into(*item.entry);
  call.keyspace().end_change(item, item.entry);
  return created;
}

/// HSET key field value [field value ...]. Effect: verbatim.
void hset(Call& call) {
  if (const auto created = set_pairs(call)) call.reply().integer(static_cast<std::int64_t>(*created));
}

/// HMSET key field value [field value ...]. Effect: verbatim.
void hmset(Call& call) {
  if (set_pairs(call)) call.reply().ok();
}

/// HSETNX key field value. Effect: verbatim.
void hsetnx(Call& call) {
  Item item = call.keyspace().find(call.db(), call.arg(1));
  if (!is_hash_or_absent(call, item)) return;
  if (item && HashBody(*item.entry).find(call.arg(2))) return call.reply().integer(0);
  set_field(call, item, call.arg(2), call.arg(3));
  call.notify(key_event::kHash, "hset", call.arg(1));
  call.emit_verbatim();
  call.reply().integer(1);
}

namespace {

void reply_with_field(Call& call, const Item& item, std::string_view field) {
  const auto value = item ? HashBody(*item.entry).find(field) : std::nullopt;
  value ? reply_packed(call.reply(), *value) : call.reply().null();
}

}  // namespace

/// HGET key field
void hget(Call& call) {
  const Item item = call.keyspace().read(call.db(), call.arg(1));
  if (is_hash_or_absent(call, item)) reply_with_field(call, item, call.arg(2));
}

/// HMGET key field [field ...]
void hmget(Call& call) {
  const Item item = call.keyspace().read(call.db(), call.arg(1));
  if (!is_hash_or_absent(call, item)) return;
  call.reply().array(call.argc() - 2);
  for (const std::string_view field : call.args().subspan(2)) reply_with_field(call, item, field);
}

/// HDEL key field [field ...]. Effect: verbatim.
void hdel(Call& call) {
  Item item = call.keyspace().find(call.db(), call.arg(1));
  if (!is_hash_or_absent(call, item)) return;
  std::int64_t erased = 0;
  bool gone = false;
  if (item) {
    HashBody hash(*item.entry);
    for (std::size_t i = 2; i < call.argc() && !gone; ++i) {
      if (erased == 0) {
        if (!hash.find(call.arg(i))) continue;
        call.keyspace().begin_change(item);
      }
      if (!hash.erase(call.arg(i))) continue;
      ++erased;
      gone = hash.size() == 0;
    }
    if (erased > 0) {
      hash.put_into(*item.entry);
      call.keyspace().end_change(item, item.entry);
      call.notify(key_event::kHash, "hdel", call.arg(1));
      if (gone) {
        call.keyspace().erase(item);
        call.notify(key_event::kGeneric, "del", call.arg(1));
      }
      call.emit_verbatim();
    }
  }
  call.reply().integer(erased);
}

/// HLEN key
void hlen(Call& call) {
  const Item item = call.keyspace().read(call.db(), call.arg(1));
  if (!is_hash_or_absent(call, item)) return;
  call.reply().integer(item ? static_cast<std::int64_t>(HashBody(*item.entry).size()) : 0);
}

/// HSTRLEN key field
void hstrlen(Call& call) {
  const Item item = call.keyspace().read(call.db(), call.arg(1));
  if (!is_hash_or_absent(call, item)) return;
  const auto value = item ? HashBody(*item.entry).find(call.arg(2)) : std::nullopt;
  char scratch[24];
  call.reply().integer(value ? static_cast<std::int64_t>(value->text(scratch).size()) : 0);
}

/// HEXISTS key field
void hexists(Call& call) {
  const Item item = call.keyspace().read(call.db(), call.arg(1));
  if (!is_hash_or_absent(call, item)) return;
  call.reply().integer(item && HashBody(*item.entry).find(call.arg(2)) ? 1 : 0);
}

}  // namespace hash_command

namespace {

using namespace command_flag;

constexpr Flags kReading = key_flag::kRO | key_flag::kAccess;
constexpr Flags kAsking = key_flag::kRO;
constexpr Flags kSetting = key_flag::kRW | key_flag::kUpdate;
constexpr Flags kAdding = key_flag::kRW | key_flag::kAccess | key_flag::kUpdate;

constexpr std::string_view kNondeterministic[] = {"nondeterministic_output"};
constexpr std::string_view kNondeterministicOrder[] = {"nondeterministic_output_order"};

constexpr Command row(std::string_view name, std::string_view syntax, int arity, Flags flags, Flags key_flags,
                      void (*run)(Call&), std::string_view since, std::string_view summary, std::string_view complexity,
                      std::span<const std::string_view> tips = {}) {
  return {.name = name,
          .arity = arity,
          .flags = flags,
          .categories = category::kHash,
          .keys = {KeySpec::one(1, key_flags)},
          .run = run,
          .group = "hash",
          .since = since,
          .summary = summary,
          .complexity = complexity,
          .tips = tips,
          .syntax = syntax};
}

constexpr Command deprecated(Command command, std::string_view since, std::string_view replaced_by) {
  command.deprecated_since = since;
  command.replaced_by = replaced_by;
  return command;
}

constexpr Flags kChange = kWrite | kDenyOom | kFast;
constexpr Flags kLook = kReadonly | kFast;

// A line or two per command.
// clang-format off
constexpr Command kHashCommands[] = {
    row("hdel", "key field...", -3, kWrite | kFast, key_flag::kRW | key_flag::kDelete, hash_command::hdel, "2.0.0",
        "Removes fields from a hash, and the hash with the last one.", "O(N) in the number of fields removed"),
    row("hexists", "key field", 3,
        kLook, kAsking, hash_command::hexists, "2.0.0", "Tells whether a hash has a field.", "O(1)"),
    row("hget", "key field", 3, kLook, kReading, hash_command::hget, "2.0.0", "Returns the value of a field.", "O(1)"),
    row("hgetall", "key", 2, kReadonly, kReading, hash_command::hgetall, "2.0.0", "Returns all fields and values of a hash.",
        "O(N) in the size of the hash", kNondeterministicOrder),
    row("hincrby", "key field increment:integer", 4,
        kChange, kAdding, hash_command::hincrby, "2.0.0", "Adds a number to the integer a field holds.",
        "O(1)"),
    row("hincrbyfloat", "key field increment:double", 4, kChange, kAdding, hash_command::hincrbyfloat, "2.6.0",
        "Adds a number to the real number a field holds.", "O(1)"),
    row("hkeys", "key", 2, kReadonly, kReading, hash_command::hkeys, "2.0.0", "Returns all fields of a hash.",
        "O(N) in the size of the hash", kNondeterministicOrder),
    row("hlen", "key", 2, kLook, kAsking, hash_command::hlen, "2.0.0", "Counts the fields of a hash.", "O(1)"),
    row("hmget", "key field...", -3, kLook, kReading, hash_command::hmget, "2.0.0", "Returns the values of several fields.",
        "O(N) in the number of fields"),
    deprecated(row("hmset", "key (field value)...", -4,
        kChange, kSetting, hash_command::hmset, "2.0.0", "Sets the values of several fields.",
                   "O(N) in the number of fields"), "4.0.0", "HSET with several field-value pairs"),
    row("hrandfield", "key options=[count:integer [WITHVALUES]]", -2,
        kReadonly, kReading, hash_command::hrandfield, "6.2.0", "Picks fields of a hash at random.",
        "O(N) in the number of fields returned", kNondeterministic),
    row("hscan", "key cursor:integer [MATCH pattern:pattern] [COUNT count:integer]", -3,
        kReadonly, kReading, hash_command::hscan, "2.8.0", "Lists the fields and values of a hash piece by piece.",
        "O(1) a call; O(N) for the whole hash", kNondeterministic),
    row("hset", "key (field value)...", -4,
        kChange, kSetting, hash_command::hset, "2.0.0", "Sets the values of fields, creating the hash if needed.",
        "O(1) a field"),
    row("hsetnx", "key field value", 4, kChange, key_flag::kRW | key_flag::kInsert, hash_command::hsetnx, "2.0.0",
        "Sets the value of a field unless it exists.", "O(1)"),
    row("hstrlen", "key field", 3,
        kLook, kAsking, hash_command::hstrlen, "3.2.0", "Returns the length of a field's value.", "O(1)"),
    row("hvals", "key", 2, kReadonly, kReading, hash_command::hvals, "2.0.0", "Returns all values of a hash.",
        "O(N) in the size of the hash", kNondeterministicOrder),
};
// clang-format on

}  // namespace

std::span<const Command> hash_commands() { return kHashCommands; }

}  // namespace stele
