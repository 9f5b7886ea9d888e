// SET, SETEX, PSETEX, GETEX: whole values with a deadline. Replay and replicas run later than the client asked, so a
// deadline is a date by the time it becomes an effect.

#include <limits>

#include "engine/string/string_commands.h"
#include "protocol/resp_integer.h"
#include "protocol/resp_text.h"

namespace stele::string_command {

namespace {

enum class Unit { seconds, milliseconds };
enum class Base { now, epoch };

/// EX, PX, EXAT or PXAT, and the argument behind it.
struct Deadline {
  Unit unit;
  Base base;
  std::size_t arg;
};

std::optional<Deadline> deadline_option(std::string_view word, std::size_t arg) {
  if (equals_ignoring_case(word, "EX")) return Deadline{Unit::seconds, Base::now, arg};
  if (equals_ignoring_case(word, "PX")) return Deadline{Unit::milliseconds, Base::now, arg};
  if (equals_ignoring_case(word, "EXAT")) return Deadline{Unit::seconds, Base::epoch, arg};
  if (equals_ignoring_case(word, "PXAT")) return Deadline{Unit::milliseconds, Base::epoch, arg};
  return std::nullopt;
}

bool same_option(const Deadline& a, const Deadline& b) { return a.unit == b.unit && a.base == b.base; }

/// The date that `deadline` names. Replies with an error and returns nothing unless its number is positive and the date
/// fits 63 bits.
std::optional<UnixTime> date_of(Call& call, const Deadline& deadline) {
  constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();
  std::int64_t ms = 0;
  if (!call.integer_arg(deadline.arg, ms)) return std::nullopt;
  bool valid = ms > 0;
  if (deadline.unit == Unit::seconds) {
    valid = valid && ms <= kMax / 1000;
    if (valid) ms *= 1000;
  }
  if (deadline.base == Base::now) {
    valid = valid && ms <= kMax - call.now().ms();
    if (valid) ms += call.now().ms();
  }
  if (!valid) {
    call.fail(fmt::format("ERR invalid expire time in '{}' command", call.command().full_name));
    return std::nullopt;
  }
  return UnixTime(ms);
}

/// What stands behind SET key value, or GETEX key.
struct SetOptions {
  bool nx = false;
  bool xx = false;
  bool get = false;
  bool keepttl = false;
  std::optional<Deadline> deadline;
};

bool parse_set_options(Call& call, SetOptions& options) {
  for (std::size_t i = 3; i < call.argc(); ++i) {
    if (call.arg_is(i, "NX") && !options.xx) {
      options.nx = true;
    } else if (call.arg_is(i, "XX") && !options.nx) {
      options.xx = true;
    } else if (call.arg_is(i, "GET")) {
      options.get = true;
    } else if (call.arg_is(i, "KEEPTTL") && !options.deadline) {
      options.keepttl = true;
    } else {
      // The same option again overrides its first number; a different one is a conflict.
      const auto deadline = deadline_option(call.arg(i), i + 1);
      if (!deadline || i + 1 >= call.argc() || options.keepttl ||
          (options.deadline && !same_option(*options.deadline, *deadline))) {
        call.syntax_error();
        return false;
      }
      options.deadline = deadline;
      ++i;
    }
  }
  return true;
}

/// The effect of SET with GET: what it answered concerns nobody else.
void emit_without_get(Call& call) {
  std::vector<std::string_view> parts(call.args().begin(), call.args().begin() + 3);
  for (std::size_t i = 3; i < call.argc(); ++i) {
    if (!call.arg_is(i, "GET")) parts.push_back(call.arg(i));
  }
  call.effects().emit_list(call.session().db, parts);
}

void set_with_options(Call& call) {
  SetOptions options;
  if (!parse_set_options(call, options)) return;
  std::optional<UnixTime> expire_at;
  if (options.deadline) {
    expire_at = date_of(call, *options.deadline);
    if (!expire_at) return;
  }

  const bool overwrites = !options.get && !options.nx && !options.xx && !options.keepttl;
  Item item = options.get  ? call.keyspace().read(call.db(), call.arg(1))
              : overwrites ? call.keyspace().find_to_overwrite(call.db(), call.arg(1))
                           : call.keyspace().find(call.db(), call.arg(1));
  if (options.get) {
    if (!is_string_or_absent(call, item)) return;
    reply_with_value(call, item);  // now, while the old value is there: nothing fails from here on
  }
  if (options.nx ? bool(item) : options.xx && !item) {
    if (!options.get) call.reply().null();
    return;
  }

  if (options.keepttl && item) expire_at = item.entry->expire_at();
  call.keyspace().set_string(item, call.arg(2), expire_at);
  call.notify(key_event::kString, "set", call.arg(1));
  if (options.deadline) call.notify(key_event::kGeneric, "expire", call.arg(1));

  if (options.deadline) {
    call.emit("SET", call.arg(1), call.arg(2), "PXAT", *expire_at);
  } else if (options.get) {
    emit_without_get(call);
  } else {
    call.emit_verbatim();
  }
  if (!options.get) call.reply().ok();
}

void set_expiring(Call& call, Unit unit) {
  const auto expire_at = date_of(call, {unit, Base::now, 2});
  if (!expire_at) return;
  Item item = call.keyspace().find_to_overwrite(call.db(), call.arg(1));
  call.keyspace().set_string(item, call.arg(3), expire_at);
  call.notify(key_event::kString, "set", call.arg(1));
  call.notify(key_event::kGeneric, "expire", call.arg(1));
  call.emit("SET", call.arg(1), call.arg(3), "PXAT", *expire_at);
  call.reply().ok();
}

}  // namespace

/// SET key value [NX | XX] [GET] [EX s | PX ms | EXAT s | PXAT ms | KEEPTTL]
///
/// Effect  verbatim, without GET; with an expiry: SET key value PXAT ms, without the rest. A date that has passed is
///         set all the same, and the key expires when it is next looked at, as in Redis.
void set(Call& call) {
  if (call.argc() > 3) return set_with_options(call);
  Item item = call.keyspace().find_to_overwrite(call.db(), call.arg(1));
  call.keyspace().set_string(item, call.arg(2), std::nullopt);
  call.notify(key_event::kString, "set", call.arg(1));
  call.emit_verbatim();
  call.reply().ok();
}

/// SETEX key seconds value. Effect: SET key value PXAT ms.
void setex(Call& call) { set_expiring(call, Unit::seconds); }

/// PSETEX key milliseconds value. Effect: SET key value PXAT ms.
void psetex(Call& call) { set_expiring(call, Unit::milliseconds); }

/// GETEX key [EX s | PX ms | EXAT s | PXAT ms | PERSIST]
///
/// Effect  PEXPIREAT key ms; DEL key if that date has passed; PERSIST key if there was an expiry to take.
void getex(Call& call) {
  bool persist = false;
  std::optional<Deadline> deadline;
  for (std::size_t i = 2; i < call.argc(); ++i) {
    if (call.arg_is(i, "PERSIST") && !deadline) {
      persist = true;
      continue;
    }
    const auto option = deadline_option(call.arg(i), i + 1);
    if (!option || i + 1 >= call.argc() || persist || (deadline && !same_option(*deadline, *option))) {
      return call.syntax_error();
    }
    deadline = option;
    ++i;
  }

  Item item = call.keyspace().read(call.db(), call.arg(1));
  if (!item) return call.reply().null();
  if (!is_string_or_absent(call, item)) return;
  std::optional<UnixTime> expire_at;
  if (deadline) {
    expire_at = date_of(call, *deadline);
    if (!expire_at) return;
  }
  reply_with_value(call, item);  // now: below, the value may go

  if (expire_at && *expire_at <= call.now() && call.keyspace().expiry() == Expiry::active) {
    call.keyspace().erase(item);
    call.notify(key_event::kGeneric, "del", call.arg(1));
    call.emit("DEL", call.arg(1));
  } else if (expire_at) {
    call.keyspace().set_expire(item, expire_at);
    call.notify(key_event::kGeneric, "expire", call.arg(1));
    call.emit("PEXPIREAT", call.arg(1), *expire_at);
  } else if (persist && item.entry->has_expire()) {
    call.keyspace().set_expire(item, std::nullopt);
    call.notify(key_event::kGeneric, "persist", call.arg(1));
    call.emit("PERSIST", call.arg(1));
  }
}

}  // namespace stele::string_command
