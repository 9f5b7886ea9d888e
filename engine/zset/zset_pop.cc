// ZPOPMIN, ZPOPMAX, ZMPOP and those that wait.

#include <limits>

#include "engine/zset/zset_commands.h"
#include "protocol/resp_integer.h"

namespace stele::zset_command {

namespace {

enum class End { min, max };

struct Pop {
  End end;
  std::size_t count = 1;
  bool counted = false;  // the client named a count
  bool with_key = false;
  bool nested = false;  // a pair is an array of its own

  std::string_view command() const { return end == End::min ? "ZPOPMIN" : "ZPOPMAX"; }
  std::string_view event() const { return end == End::min ? "zpopmin" : "zpopmax"; }
};

/// The first of `keys` that holds anything; it must be a sorted set, else this replies and `failed` is true. Who waits
/// already goes on waiting while a key holds something else.
Item first_of(Call& call, std::span<const std::string_view> keys, bool& failed) {
  failed = false;
  for (const std::string_view key : keys) {
    const Item item = call.keyspace().find(call.db(), key);
    if (!item) continue;
    if (call.session().wait.waiting() && item.entry->type() != ObjectType::zset) continue;
    failed = !is_zset_or_absent(call, item);
    return item;
  }
  return Item{};
}

/// Takes members from an end of `item`, which has some, and replies. Emits what has the same effect on every replay.
void pop(Call& call, Item& item, const Pop& how) {
  SortedSet set(*item.entry);
  const std::size_t size = set.size();
  const std::size_t count = std::min(how.count, size);
  const RankRange range = how.end == End::min ? RankRange{0, count} : RankRange{size - count, size};
  const std::string_view key = item.key;

  RespWriter& reply = call.reply();
  if (how.with_key) {
    reply.array(how.nested ? 2 : 1 + 2 * count);
    reply.bulk(key);
  }
  if (how.nested || !how.with_key) reply.array(how.nested ? count : 2 * count);
  // Now, while they are there: nothing fails from here on.
  set.for_each(range, how.end == End::max, [&](std::string_view text, double score) {
    if (how.nested) reply.array(2);
    reply.bulk(text);
    reply.real(score);
  });
  call.keyspace().begin_change(item);
  set.erase_ranks(range);
  end_removal(call, item, how.event());
  if (how.counted) {
    call.emit(how.command(), key, static_cast<std::int64_t>(count));
  } else {
    call.emit(how.command(), key);
  }
}

/// ZPOPMIN key [count]. Effect: ZPOPMIN key [how many there were].
void pop_some(Call& call, End end) {
  if (call.argc() > 3) return call.syntax_error();
  Pop how{.end = end};
  if (call.argc() == 3) {
    const auto count = parse_integer(call.arg(2));
    if (!count || *count < 0) return call.fail("ERR value is out of range, must be positive");
    how.count = static_cast<std::size_t>(*count);
    how.counted = true;
    how.nested = call.reply().resp3();
  }
  bool failed = false;
  Item item = first_of(call, call.args().subspan(1, 1), failed);
  if (failed) return;
  if (!item || how.count == 0) return call.reply().array(0);
  pop(call, item, how);
}

/// BZPOPMIN key [key ...] timeout. Effect: ZPOPMIN key.
void pop_or_wait(Call& call, End end) {
  Call::Deadline deadline;
  if (!call.timeout_seconds_arg(call.argc() - 1, deadline)) return;
  const auto keys = call.args().subspan(1, call.argc() - 2);
  bool failed = false;
  Item item = first_of(call, keys, failed);
  if (failed) return;
  if (item) return pop(call, item, {.end = end, .with_key = true});
  call.may_block() ? call.block(keys, deadline) : call.reply().null_array();
}

/// A number of at least 1; replies with `error` and returns false if it is none.
bool positive_arg(Call& call, std::size_t i, std::string_view error, std::int64_t& value) {
  const auto parsed = parse_integer(call.arg(i));
  if (parsed && *parsed >= 1) {
    value = *parsed;
    return true;
  }
  call.fail(error);
  return false;
}

/// numkeys key [key ...] MIN|MAX [COUNT count], from argument `at` on. Effect: ZPOPMIN key count.
void pop_of_several(Call& call, std::size_t at, bool waits) {
  std::int64_t key_count = 0;
  if (!positive_arg(call, at, "ERR numkeys should be greater than 0", key_count)) return;
  if (static_cast<std::uint64_t>(key_count) >= call.argc() - at - 1) return call.syntax_error();
  const auto keys = call.args().subspan(at + 1, static_cast<std::size_t>(key_count));
  const std::size_t where = at + 1 + keys.size();
  Pop how{.end = End::min, .counted = true, .with_key = true, .nested = true};
  if (call.arg_is(where, "max")) {
    how.end = End::max;
  } else if (!call.arg_is(where, "min")) {
    return call.syntax_error();
  }
  std::int64_t count = 0;
  for (std::size_t i = where + 1; i < call.argc(); i += 2) {
    if (count != 0 || !call.arg_is(i, "count") || i + 1 == call.argc()) return call.syntax_error();
    if (!positive_arg(call, i + 1, "ERR count should be greater than 0", count)) return;
    how.count = static_cast<std::size_t>(count);
  }
  Call::Deadline deadline;
  if (waits && !call.timeout_seconds_arg(1, deadline)) return;

  bool failed = false;
  Item item = first_of(call, keys, failed);
  if (failed) return;
  if (item) return pop(call, item, how);
  waits&& call.may_block() ? call.block(keys, deadline) : call.reply().null_array();
}

}  // namespace

void zpopmin(Call& call) { pop_some(call, End::min); }
void zpopmax(Call& call) { pop_some(call, End::max); }
void bzpopmin(Call& call) { pop_or_wait(call, End::min); }
void bzpopmax(Call& call) { pop_or_wait(call, End::max); }

/// ZMPOP numkeys key [key ...] MIN|MAX [COUNT count]
void zmpop(Call& call) { pop_of_several(call, 1, false); }
/// BZMPOP timeout numkeys key [key ...] MIN|MAX [COUNT count]
void bzmpop(Call& call) { pop_of_several(call, 2, true); }

}  // namespace stele::zset_command
