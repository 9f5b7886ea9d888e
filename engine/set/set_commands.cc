// The table of set commands, and those that add, look for, remove and list members.

#include "engine/set/set_commands.h"

#include "engine/commands.h"
#include "engine/scan_reply.h"

namespace stele {

namespace set_command {

void reply_with_members(Call& call, const SetBody& set) {
  call.reply().set(set.size());
  SetWalk walk(set);
  PackedValue member;
  while (walk.next(member)) reply_packed(call.reply(), member);
}

/// SADD key member [member ...]. Effect: verbatim.
void sadd(Call& call) {
  Item item = call.keyspace().find(call.db(), call.arg(1));
  if (!is_set_or_absent(call, item)) return;
  const CollectionLimits& limits = call.keyspace().limits();
  const std::size_t more = call.argc() - 2;
  std::int64_t added = 0;
  if (!item) {
    SetBody set = SetBody::make(call.arg(2), more, limits);
    for (const std::string_view member : call.args().subspan(2)) added += set.add(member, limits);
    call.keyspace().create(item, set.to_entry(call.arg(1), std::nullopt));
  } else {
    SetBody set(*item.entry);
    // What is there already changes nothing, so it is no change of the key either.
    std::size_t i = 2;
    while (i < call.argc() && set.contains(call.arg(i))) ++i;
    if (i == call.argc()) return call.reply().integer(0);
    call.keyspace().begin_change(item);
    set.expect(more, limits);
    for (; i < call.argc(); ++i) added += set.add(call.arg(i), limits);
    set.put_into(*item.entry);
    call.keyspace().end_change(item, item.entry);
  }
  if (added > 0) {
    call.notify(key_event::kSet, "sadd", call.arg(1));
    call.emit_verbatim();
  }
  call.reply().integer(added);
}

/// SREM key member [member ...]. Effect: verbatim.
void srem(Call& call) {
  Item item = call.keyspace().find(call.db(), call.arg(1));
  if (!is_set_or_absent(call, item)) return;
  std::int64_t erased = 0;
  bool gone = false;
  if (item) {
    SetBody set(*item.entry);
    for (std::size_t i = 2; i < call.argc() && !gone; ++i) {
      if (erased == 0) {
        if (!set.contains(call.arg(i))) continue;
        call.keyspace().begin_change(item);
      }
      if (!set.erase(call.arg(i))) continue;
      ++erased;
      gone = set.size() == 0;
    }
    if (erased > 0) {
      set.put_into(*item.entry);
      call.keyspace().end_change(item, item.entry);
      call.notify(key_event::kSet, "srem", call.arg(1));
      if (gone) {
        call.keyspace().erase(item);
        call.notify(key_event::kGeneric, "del", call.arg(1));
      }
      call.emit_verbatim();
    }
  }
  call.reply().integer(erased);
}

/// SMOVE source destination member. Effect: verbatim.
void smove(Call& call) {
  const std::string_view member = call.arg(3);
  Item source = call.keyspace().find(call.db(), call.arg(1));
  if (!source) return call.reply().integer(0);
  if (!is_set_or_absent(call, source)) return;
  Item destination = call.keyspace().find(call.db(), call.arg(2));
  if (!is_set_or_absent(call, destination)) return;
  SetBody from(*source.entry);
  const bool is_member = from.contains(member);
  if (!is_member || call.arg(1) == call.arg(2)) return call.reply().integer(is_member ? 1 : 0);

  call.keyspace().begin_change(source);
  from.erase(member);
  from.put_into(*source.entry);
  call.keyspace().end_change(source, source.entry);
  call.notify(key_event::kSet, "srem", call.arg(1));
  if (from.size() == 0) {
    call.keyspace().erase(source);
    call.notify(key_event::kGeneric, "del", call.arg(1));
    destination = call.keyspace().find(call.db(), call.arg(2));  // its slot may have moved
  }
  const CollectionLimits& limits = call.keyspace().limits();
  const bool added = !destination || !SetBody(*destination.entry).contains(member);
  if (destination && added) {
    call.keyspace().begin_change(destination);
    SetBody to(*destination.entry);
    to.add(member, limits);
    to.put_into(*destination.entry);
    call.keyspace().end_change(destination, destination.entry);
  } else if (!destination) {
    SetBody to = SetBody::make(member, 1, limits);
    to.add(member, limits);
    call.keyspace().create(destination, to.to_entry(call.arg(2), std::nullopt));
  }
  if (added) call.notify(key_event::kSet, "sadd", call.arg(2));
  call.emit_verbatim();
  call.reply().integer(1);
}

/// SISMEMBER key member
void sismember(Call& call) {
  const Item item = call.keyspace().read(call.db(), call.arg(1));
  if (!is_set_or_absent(call, item)) return;
  call.reply().integer(item && SetBody(*item.entry).contains(call.arg(2)) ? 1 : 0);
}

/// SMISMEMBER key member [member ...]
void smismember(Call& call) {
  const Item item = call.keyspace().read(call.db(), call.arg(1));
  if (!is_set_or_absent(call, item)) return;
  call.reply().array(call.argc() - 2);
  for (const std::string_view member : call.args().subspan(2)) {
    call.reply().integer(item && SetBody(*item.entry).contains(member) ? 1 : 0);
  }
}

/// SCARD key
void scard(Call& call) {
  const Item item = call.keyspace().read(call.db(), call.arg(1));
  if (!is_set_or_absent(call, item)) return;
  call.reply().integer(item ? static_cast<std::int64_t>(SetBody(*item.entry).size()) : 0);
}

/// SMEMBERS key
void smembers(Call& call) {
  const Item item = call.keyspace().read(call.db(), call.arg(1));
  if (!is_set_or_absent(call, item)) return;
  item ? reply_with_members(call, SetBody(*item.entry)) : call.reply().set(0);
}

/// SSCAN key cursor [MATCH pattern] [COUNT count]
void sscan(Call& call) {
  std::uint64_t cursor = 0;
  if (!scan_cursor_arg(call, 2, cursor)) return;
  const Item item = call.keyspace().read(call.db(), call.arg(1));
  if (!item) return reply_empty_scan(call);
  if (!is_set_or_absent(call, item)) return;
  ScanOptions options;
  if (!scan_options(call, 3, options)) return;

  const SetBody set(*item.entry);
  if (set.encoding() == Encoding::hashtable) {
    return reply_table_scan(call, set.table(), cursor, options, [&](const SetMember& member) {
      call.reply().bulk(member.text());
      return std::size_t{1};
    });
  }
  reply_scan(call, 0, [&] {
    SetWalk walk(set);
    PackedValue member;
    char scratch[24];
    std::size_t written = 0;
    while (walk.next(member)) {
      if (!options.accepts(member.text(scratch))) continue;
      reply_packed(call.reply(), member);
      ++written;
    }
    return written;
  });
}

}  // namespace set_command

namespace {

using namespace command_flag;

constexpr Flags kReading = key_flag::kRO | key_flag::kAccess;
constexpr Flags kRemoving = key_flag::kRW | key_flag::kAccess | key_flag::kDelete;
constexpr Flags kInserting = key_flag::kRW | key_flag::kInsert;

constexpr std::string_view kNondeterministic[] = {"nondeterministic_output"};
constexpr std::string_view kNondeterministicOrder[] = {"nondeterministic_output_order"};

constexpr Command row(std::string_view name, std::string_view syntax, int arity, Flags flags,
                      std::array<KeySpec, 3> keys, void (*run)(Call&), std::string_view since, std::string_view summary,
                      std::string_view complexity,
                      std::span<const std::string_view> tips = {}) {
  return {.name = name,
          .arity = arity,
          .flags = flags,
          .categories = category::kSet,
          .keys = keys,
          .run = run,
          .group = "set",
          .since = since,
          .summary = summary,
          .complexity = complexity,
          .tips = tips,
          .syntax = syntax};
}

constexpr std::array<KeySpec, 3> one(Flags flags) { return {KeySpec::one(1, flags)}; }
constexpr std::array<KeySpec, 3> all() { return {KeySpec::range(1, -1, 1, kReading)}; }
constexpr std::array<KeySpec, 3> stored(Flags flags) {
  return {KeySpec::one(1, flags), KeySpec::range(2, -1, 1, kReading)};
}

constexpr std::string_view kInterComplexity = "O(N*M) at worst: N members in the smallest of M sets";
constexpr std::string_view kSumComplexity = "O(N) in the members of all sets";

// A line or two per command.
// clang-format off
constexpr Command kSetCommands[] = {
    row("sadd", "key member...", -3, kWrite | kDenyOom | kFast, one(kInserting), set_command::sadd, "1.0.0",
        "Adds members to a set, creating it if there is none.", "O(1) a member"),
    row("scard", "key", 2,
        kReadonly | kFast, one(key_flag::kRO), set_command::scard, "1.0.0", "Counts the members of a set.", "O(1)"),
    row("sdiff", "key...", -2,
        kReadonly, all(), set_command::sdiff, "1.0.0", "Returns what is in the first set and in no other.",
        kSumComplexity, kNondeterministicOrder),
    row("sdiffstore", "destination:key key...", -3,
        kWrite | kDenyOom, stored(key_flag::kOW | key_flag::kUpdate), set_command::sdiffstore, "1.0.0",
        "Stores what is in the first set and in no other.", kSumComplexity),
    row("sinter", "key...", -2,
        kReadonly, all(), set_command::sinter, "1.0.0", "Returns what is in all sets.", kInterComplexity,
        kNondeterministicOrder),
    row("sintercard", "numkeys:integer key... [LIMIT limit:integer]", -3,
        kReadonly, {KeySpec::counted(1, 0, 1, 1, kReading)}, set_command::sintercard, "7.0.0",
        "Counts what is in all sets, up to a limit.", kInterComplexity),
    row("sinterstore", "destination:key key...", -3,
        kWrite | kDenyOom, stored(key_flag::kRW | key_flag::kUpdate), set_command::sinterstore, "1.0.0",
        "Stores what is in all sets.", kInterComplexity),
    row("sismember", "key member", 3, kReadonly | kFast, one(key_flag::kRO), set_command::sismember, "1.0.0",
        "Tells whether a set has a member.", "O(1)"),
    row("smembers", "key", 2, kReadonly, one(kReading), set_command::smembers, "1.0.0", "Returns all members of a set.",
        "O(N) in the size of the set", kNondeterministicOrder),
    row("smismember", "key member...", -3, kReadonly | kFast, one(kReading), set_command::smismember, "6.2.0",
        "Tells which of several members a set has.", "O(1) a member"),
    row("smove", "source:key destination:key member", 4,
        kWrite | kFast, {KeySpec::one(1, kRemoving), KeySpec::one(2, kInserting)}, set_command::smove, "1.0.0",
        "Moves a member from one set to another.", "O(1)"),
    row("spop", "key [count:integer]", -2,
        kWrite | kFast, one(kRemoving), set_command::spop, "1.0.0", "Removes members drawn at random and returns them.",
        "O(1) a member", kNondeterministic),
    row("srandmember", "key [count:integer]", -2,
        kReadonly, one(kReading), set_command::srandmember, "1.0.0", "Returns members drawn at random.",
        "O(1) a member", kNondeterministic),
    row("srem", "key member...", -3, kWrite | kFast, one(key_flag::kRW | key_flag::kDelete), set_command::srem, "1.0.0",
        "Removes members from a set, and the set with the last one.", "O(1) a member"),
    row("sscan", "key cursor:integer [MATCH pattern:pattern] [COUNT count:integer]", -3,
        kReadonly, one(kReading), set_command::sscan, "2.8.0", "Lists the members of a set piece by piece.",
        "O(1) a call; O(N) for the whole set", kNondeterministic),
    row("sunion", "key...", -2,
        kReadonly, all(), set_command::sunion, "1.0.0", "Returns what is in any of the sets.", kSumComplexity,
        kNondeterministicOrder),
    row("sunionstore", "destination:key key...", -3,
        kWrite | kDenyOom, stored(key_flag::kOW | key_flag::kUpdate), set_command::sunionstore, "1.0.0",
        "Stores what is in any of the sets.", kSumComplexity),
};
// clang-format on

}  // namespace

std::span<const Command> set_commands() { return kSetCommands; }

}  // namespace stele
