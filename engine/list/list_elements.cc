// LRANGE, LSET and their kin: elements by index or by value.

#include <limits>

#include "engine/list/list_commands.h"
#include "protocol/resp_integer.h"

namespace stele::list_command {

namespace {

/// [begin, end) of the inclusive range `first` to `last`, where negative indexes count from the end and what lies
/// outside is cut off; empty as [0, 0).
std::pair<std::size_t, std::size_t> range_of(std::int64_t first, std::int64_t last, std::size_t size) {
  const auto elements = static_cast<std::int64_t>(size);
  if (first < 0) first = std::max<std::int64_t>(first + elements, 0);
  if (last < 0) last += elements;
  last = std::min(last, elements - 1);
  if (first > last) return {0, 0};
  return {static_cast<std::size_t>(first), static_cast<std::size_t>(last) + 1};
}

/// Replies with an error and returns false if argument `i` is no number, or the one that has no opposite.
bool symmetric_arg(Call& call, std::size_t i, std::int64_t& value) {
  if (!call.integer_arg(i, value)) return false;
  if (value != std::numeric_limits<std::int64_t>::min()) return true;
  call.fail("ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807");
  return false;
}

}  // namespace

/// LLEN key
void llen(Call& call) {
  const Item item = call.keyspace().read(call.db(), call.arg(1));
  if (!is_list_or_absent(call, item)) return;
  call.reply().integer(item ? static_cast<std::int64_t>(ListView(*item.entry).size()) : 0);
}

/// LINDEX key index
void lindex(Call& call) {
  const Item item = call.keyspace().read(call.db(), call.arg(1));
  if (!item) return call.reply().null();
  if (!is_list_or_absent(call, item)) return;
  std::int64_t index = 0;
  if (!call.integer_arg(2, index)) return;
  const ListView list(*item.entry);
  if (index < 0) index += static_cast<std::int64_t>(list.size());
  const auto value = index < 0 ? std::nullopt : list.at(static_cast<std::size_t>(index));
  value ? reply_with_element(call.reply(), *value) : call.reply().null();
}

/// LRANGE key first last
void lrange(Call& call) {
  std::int64_t first = 0, last = 0;
  if (!call.integer_arg(2, first) || !call.integer_arg(3, last)) return;
  const Item item = call.keyspace().read(call.db(), call.arg(1));
  if (!item) return call.reply().array(0);
  if (!is_list_or_absent(call, item)) return;
  const ListView list(*item.entry);
  const auto [begin, end] = range_of(first, last, list.size());
  RespWriter& reply = call.reply();
  reply.array(end - begin);
  if (begin == end) return;
  list.visit(begin, end - begin, ListEnd::tail, [&reply](const PackedValue& value) {
    reply_with_element(reply, value);
    return true;
  });
}

namespace {

struct PositionOptions {
  std::int64_t rank = 1;
  std::optional<std::size_t> count;  // 0: all
  std::size_t looked_at_max = 0;     // 0: all
};

bool not_negative_arg(Call& call, std::size_t i, std::string_view error, std::size_t& value) {
  const auto parsed = parse_integer(call.arg(i));
  if (!parsed || *parsed < 0) {
    call.fail(error);
    return false;
  }
  value = static_cast<std::size_t>(*parsed);
  return true;
}

bool parse_position_options(Call& call, PositionOptions& options) {
  for (std::size_t i = 3; i < call.argc(); i += 2) {
    const bool has_value = i + 1 < call.argc();
    if (has_value && call.arg_is(i, "RANK")) {
      if (!symmetric_arg(call, i + 1, options.rank)) return false;
      if (options.rank == 0) {
        call.fail(
            "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use negative to "
            "start "
            "from the end of the list");
        return false;
      }
    } else if (has_value && call.arg_is(i, "COUNT")) {
      if (!not_negative_arg(call, i + 1, "ERR COUNT can't be negative", options.count.emplace())) return false;
    } else if (has_value && call.arg_is(i, "MAXLEN")) {
      if (!not_negative_arg(call, i + 1, "ERR MAXLEN can't be negative", options.looked_at_max)) return false;
    } else {
      call.syntax_error();
      return false;
    }
  }
  return true;
}

}  // namespace

/// LPOS key element [RANK rank] [COUNT count] [MAXLEN length]
void lpos(Call& call) {
  PositionOptions options;
  if (!parse_position_options(call, options)) return;
  const Item item = call.keyspace().read(call.db(), call.arg(1));
  if (!item) return options.count ? call.reply().array(0) : call.reply().null();
  if (!is_list_or_absent(call, item)) return;

  const ListView list(*item.entry);
  const ElementMatcher matches(call.arg(2));
  const bool backwards = options.rank < 0;
  auto to_skip = static_cast<std::uint64_t>(backwards ? -options.rank : options.rank) - 1;
  const std::size_t looked_at = options.looked_at_max == 0 ? list.size() : std::min(options.looked_at_max, list.size());
  std::size_t index = 0, found = 0;
  std::optional<RespWriter::Mark> mark;
  if (options.count) mark = call.reply().begin_array();
  list.visit(backwards ? list.size() - 1 : 0, looked_at, backwards ? ListEnd::head : ListEnd::tail,
             [&](const PackedValue& value) {
               const std::size_t here = index++;
               if (!matches(value)) return true;
               if (to_skip > 0) {
                 --to_skip;
                 return true;
               }
               call.reply().integer(static_cast<std::int64_t>(backwards ? list.size() - 1 - here : here));
               ++found;
               return options.count && (*options.count == 0 || found < *options.count);
             });
  if (mark) return call.reply().end_array(*mark, found);
  if (found == 0) call.reply().null();
}

/// LSET key index element. Effect: verbatim.
void lset(Call& call) {
  Item item = call.keyspace().find(call.db(), call.arg(1));
  if (!item) return call.no_such_key();
  if (!is_list_or_absent(call, item)) return;
  std::int64_t index = 0;
  if (!call.integer_arg(2, index)) return;
  const std::size_t size = ListView(*item.entry).size();
  if (index < 0) index += static_cast<std::int64_t>(size);
  if (index < 0 || static_cast<std::size_t>(index) >= size) return call.fail("ERR index out of range");

  ListChange change(call.keyspace(), item);
  change.grow(call.arg(3).size(), 1);
  change->replace(static_cast<std::size_t>(index), call.arg(3), change.node_limit());
  change.finish(ListChange::Shrinks::yes);  // the new element may be the smaller one
  call.notify(key_event::kList, "lset", call.arg(1));
  call.emit_verbatim();
  call.reply().ok();
}

/// LINSERT key BEFORE | AFTER pivot element. Effect: verbatim, if there is such a pivot.
void linsert(Call& call) {
  const bool after = call.arg_is(2, "AFTER");
  if (!after && !call.arg_is(2, "BEFORE")) return call.syntax_error();
  Item item = call.keyspace().find(call.db(), call.arg(1));
  if (!item) return call.reply().integer(0);
  if (!is_list_or_absent(call, item)) return;
  const auto place = ListView(*item.entry).find(call.arg(3), ListEnd::head);
  if (!place) return call.reply().integer(-1);

  ListChange change(call.keyspace(), item);
  change.grow(call.arg(4).size(), 1);
  change->insert(*place, after, call.arg(4), change.node_limit());
  const std::size_t size = change->size();
  change.finish(ListChange::Shrinks::no);
  call.notify(key_event::kList, "linsert", call.arg(1));
  call.emit_verbatim();
  call.reply().integer(static_cast<std::int64_t>(size));
}

/// LREM key count element: a negative count removes from the end, 0 all. Effect: verbatim, if there was one.
void lrem(Call& call) {
  std::int64_t count = 0;
  if (!symmetric_arg(call, 2, count)) return;
  Item item = call.keyspace().find(call.db(), call.arg(1));
  if (!item) return call.reply().integer(0);
  if (!is_list_or_absent(call, item)) return;
  const ListEnd from = count < 0 ? ListEnd::tail : ListEnd::head;
  const auto place = ListView(*item.entry).find(call.arg(3), from);
  if (!place) return call.reply().integer(0);

  const std::size_t most =
      count == 0 ? std::numeric_limits<std::size_t>::max() : static_cast<std::size_t>(count < 0 ? -count : count);
  ListChange change(call.keyspace(), item);
  const std::size_t removed = change->remove_equal(call.arg(3), *place, from, most);
  const bool is_left = change.finish(ListChange::Shrinks::yes);
  call.notify(key_event::kList, "lrem", call.arg(1));
  if (!is_left) call.notify(key_event::kGeneric, "del", call.arg(1));
  call.emit_verbatim();
  call.reply().integer(static_cast<std::int64_t>(removed));
}

/// LTRIM key first last. Effect: verbatim, if something went.
void ltrim(Call& call) {
  std::int64_t first = 0, last = 0;
  if (!call.integer_arg(2, first) || !call.integer_arg(3, last)) return;
  Item item = call.keyspace().find(call.db(), call.arg(1));
  if (!item) return call.reply().ok();
  if (!is_list_or_absent(call, item)) return;
  const std::size_t size = ListView(*item.entry).size();
  const auto [begin, end] = range_of(first, last, size);
  const bool all = begin == end;
  if (all) {
    call.keyspace().erase(item);
  } else {
    // Also with nothing to remove: Redis counts it as a change of the key, and WATCH shows that.
    ListChange change(call.keyspace(), item);
    change->erase(end, size - end);
    change->erase(0, begin);
    change.finish(ListChange::Shrinks::yes);
  }
  call.notify(key_event::kList, "ltrim", call.arg(1));
  if (all) call.notify(key_event::kGeneric, "del", call.arg(1));
  if (end - begin < size) call.emit_verbatim();
  call.reply().ok();
}

}  // namespace stele::list_command
