#include <limits>

#include "engine/call.h"
#include "engine/commands.h"

namespace stele {

// Expiries: a deadline in Unix milliseconds, however a client names it.

namespace {

enum class Unit { seconds, milliseconds };
enum class From { now, epoch };

/// The conditions of EXPIRE and its kin.
struct Condition {
  bool nx = false;  // only without an expiry
  bool xx = false;  // only with one
  bool gt = false;  // only to a later one; none counts as never
  bool lt = false;  // only to an earlier one

  bool allows(std::optional<UnixTime> current, UnixTime at) const {
    if (nx && current) return false;
    if (xx && !current) return false;
    if (gt && (!current || at <= *current)) return false;
    if (lt && current && at >= *current) return false;
    return true;
  }
};

/// Replies with the error if the arguments from 3 on are no condition.
bool parse_condition(Call& call, Condition& condition) {
  for (std::size_t i = 3; i < call.argc(); ++i) {
    if (call.arg_is(i, "nx")) {
      condition.nx = true;
    } else if (call.arg_is(i, "xx")) {
      condition.xx = true;
    } else if (call.arg_is(i, "gt")) {
      condition.gt = true;
    } else if (call.arg_is(i, "lt")) {
      condition.lt = true;
    } else {
      call.fail(fmt::format("ERR Unsupported option {}", printed(call.arg(i))));
      return false;
    }
  }
  if (condition.nx && (condition.xx || condition.gt || condition.lt)) {
    call.fail("ERR NX and XX, GT or LT options at the same time are not compatible");
    return false;
  }
  if (condition.gt && condition.lt) {
    call.fail("ERR GT and LT options at the same time are not compatible");
    return false;
  }
  return true;
}

/// Argument 2 as a date; replies with the error if it does not fit 63 bits.
bool parse_deadline(Call& call, Unit unit, From from, UnixTime& at) {
  std::int64_t ms = 0;
  if (!call.integer_arg(2, ms)) return false;
  bool fits = unit == Unit::milliseconds || !__builtin_mul_overflow(ms, std::int64_t{1000}, &ms);
  if (fits && from == From::now) fits = !__builtin_add_overflow(ms, call.now().ms(), &ms);
  if (!fits) {
    call.fail(fmt::format("ERR invalid expire time in '{}' command", call.command().full_name));
    return false;
  }
  at = UnixTime(ms);
  return true;
}

/// EXPIRE key seconds [NX | XX | GT | LT], PEXPIRE, EXPIREAT, PEXPIREAT
///
/// Effect  PEXPIREAT key <unix ms> and the conditions; DEL or UNLINK if the deadline has passed already.
/// Only a primary takes a passed deadline for a deletion: a replica and a replay wait for the DEL in the stream.
void set_deadline(Call& call, Unit unit, From from) {
  Condition condition;
  UnixTime at;
  if (!parse_condition(call, condition) || !parse_deadline(call, unit, from, at)) return;

  Keyspace& keyspace = call.keyspace();
  Item item = keyspace.find(call.db(), call.arg(1));
  if (!item || !condition.allows(item.entry->expire_at(), at)) return call.reply().integer(0);

  if (at <= call.now() && keyspace.expiry() == Expiry::active) {
    const bool lazy = keyspace.lazy_free().expire;
    keyspace.erase(item, lazy);
    call.emit(lazy ? std::string_view("UNLINK") : std::string_view("DEL"), call.arg(1));
    call.notify(key_event::kGeneric, "del", call.arg(1));
    return call.reply().integer(1);
  }
  // The store orders deadlines as unsigned numbers, and before 1970 is as past as 1970.
  keyspace.set_expire(item, std::max(at, UnixTime(0)));
  if (call.argc() == 3) {
    call.emit("PEXPIREAT", call.arg(1), at);
  } else {
    const std::string deadline = std::to_string(at.ms());
    std::vector<std::string_view> effect = {"PEXPIREAT", call.arg(1), deadline};
    effect.insert(effect.end(), call.args().begin() + 3, call.args().end());
    call.effects().emit_list(call.session().db, effect);
  }
  call.notify(key_event::kGeneric, "expire", call.arg(1));
  call.reply().integer(1);
}

void expire(Call& call) { set_deadline(call, Unit::seconds, From::now); }
void pexpire(Call& call) { set_deadline(call, Unit::milliseconds, From::now); }
void expireat(Call& call) { set_deadline(call, Unit::seconds, From::epoch); }
void pexpireat(Call& call) { set_deadline(call, Unit::milliseconds, From::epoch); }

/// TTL key, PTTL key, EXPIRETIME key, PEXPIRETIME key
///
/// Replies -2 without the key, -1 without an expiry. Seconds are rounded to the nearest.
void tell_deadline(Call& call, Unit unit, From from) {
  const Item item = call.keyspace().peek(call.db(), call.arg(1));
  if (!item) return call.reply().integer(-2);
  const auto at = item.entry->expire_at();
  if (!at) return call.reply().integer(-1);
  const std::int64_t ms = from == From::epoch ? at->ms() : std::max<std::int64_t>(0, at->ms() - call.now().ms());
  call.reply().integer(unit == Unit::seconds ? ms / 1000 + (ms % 1000 >= 500) : ms);
}

void ttl(Call& call) { tell_deadline(call, Unit::seconds, From::now); }
void pttl(Call& call) { tell_deadline(call, Unit::milliseconds, From::now); }
void expiretime(Call& call) { tell_deadline(call, Unit::seconds, From::epoch); }
void pexpiretime(Call& call) { tell_deadline(call, Unit::milliseconds, From::epoch); }

/// PERSIST key
///
/// Effect  verbatim, if there was an expiry to take.
void persist(Call& call) {
  Item item = call.keyspace().find(call.db(), call.arg(1));
  if (!item || !item.entry->has_expire()) return call.reply().integer(0);
  call.keyspace().set_expire(item, std::nullopt);
  call.notify(key_event::kGeneric, "persist", call.arg(1));
  call.emit_verbatim();
  call.reply().integer(1);
}

using namespace command_flag;
using namespace key_flag;

constexpr std::string_view kNondeterministic[] = {"nondeterministic_output"};

constexpr Command setter(std::string_view name, std::string_view since, std::string_view summary, std::string_view syntax,
                         void (*run)(Call&)) {
  return {.name = name, .arity = -3, .flags = kWrite | kFast, .categories = category::kKeyspace,
          .keys = {KeySpec::one(1, kRW | key_flag::kUpdate)}, .run = run, .group = "generic", .since = since,
          .summary = summary, .complexity = "O(1)", .syntax = syntax};
}

constexpr Command teller(std::string_view name, std::string_view since, std::string_view summary, void (*run)(Call&)) {
  return {.name = name, .arity = 2, .flags = kReadonly | kFast, .categories = category::kKeyspace,
          .keys = {KeySpec::one(1, kRO | kAccess)}, .run = run, .group = "generic", .since = since,
          .summary = summary, .complexity = "O(1)", .syntax = "key"};
}

constexpr Command relative_teller(std::string_view name, std::string_view since, std::string_view summary,
                                  void (*run)(Call&)) {
  Command row = teller(name, since, summary, run);
  row.tips = kNondeterministic;
  return row;
}

constexpr Command kCommands[] = {
    setter("expire", "1.0.0", "Lets a key expire after a number of seconds.",
           "key seconds:integer condition=[NX|XX|GT|LT]", expire),
    setter("pexpire", "2.6.0", "Lets a key expire after a number of milliseconds.",
           "key milliseconds:integer condition=[NX|XX|GT|LT]", pexpire),
    setter("expireat", "1.2.0", "Lets a key expire at a date in Unix seconds.",
           "key unix-time-seconds:unix-time condition=[NX|XX|GT|LT]", expireat),
    setter("pexpireat", "2.6.0", "Lets a key expire at a date in Unix milliseconds.",
           "key unix-time-milliseconds:unix-time condition=[NX|XX|GT|LT]", pexpireat),
    relative_teller("ttl", "1.0.0", "Tells after how many seconds a key expires.", ttl),
    relative_teller("pttl", "2.6.0", "Tells after how many milliseconds a key expires.", pttl),
    teller("expiretime", "7.0.0", "Tells when a key expires, in Unix seconds.", expiretime),
    teller("pexpiretime", "7.0.0", "Tells when a key expires, in Unix milliseconds.", pexpiretime),
    {.name = "persist", .arity = 2, .flags = kWrite | kFast, .categories = category::kKeyspace,
     .keys = {KeySpec::one(1, kRW | key_flag::kUpdate)}, .run = persist, .group = "generic", .since = "2.2.0",
     .summary = "Takes the expiry from a key.", .complexity = "O(1)", .syntax = "key"},
};

}  // namespace

std::span<const Command> expire_commands() { return kCommands; }

}  // namespace stele
