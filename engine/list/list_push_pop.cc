// LPUSH, LPOP and their kin: what happens at the ends of a list.

#include "engine/list/list_commands.h"
#include "protocol/resp_integer.h"

namespace stele::list_command {

namespace {

/// [LR]PUSH[X] key element [element ...]. Effect: verbatim.
void push(Call& call, ListEnd end, bool only_if_there) {
  Item item = call.keyspace().find(call.db(), call.arg(1));
  if (!is_list_or_absent(call, item)) return;
  if (!item && only_if_there) return call.reply().integer(0);

  const std::span<const std::string_view> elements = call.args().subspan(2);
  std::size_t bytes = 0;
  for (const std::string_view element : elements) bytes += element.size();
  ListChange change(call.keyspace(), item);
  change.grow(bytes, elements.size());
  for (const std::string_view element : elements) change->push(end, element, change.node_limit());
  const std::size_t size = change->size();
  change.finish(ListChange::Shrinks::no);

  call.notify(key_event::kList, end == ListEnd::head ? "lpush" : "rpush", call.arg(1));
  call.emit_verbatim();
  call.reply().integer(static_cast<std::int64_t>(size));
}

/// [LR]POP key [count]. Effect: verbatim.
void pop(Call& call, ListEnd end) {
  if (call.argc() > 3) return call.wrong_arity();
  const bool has_count = call.argc() == 3;
  std::size_t count = 1;
  if (has_count) {
    const auto parsed = parse_integer(call.arg(2));
    if (!parsed || *parsed < 0) return call.fail("ERR value is out of range, must be positive");
    count = static_cast<std::size_t>(*parsed);
  }
  Item item = call.keyspace().find(call.db(), call.arg(1));
  if (!item) return has_count ? call.reply().null_array() : call.reply().null();
  if (!is_list_or_absent(call, item)) return;
  if (count == 0) return call.reply().array(0);

  // Now, while the elements are there: nothing fails from here on.
  if (has_count) {
    count = std::min(count, ListView(*item.entry).size());
    reply_with_end(call, item, end, count);
  } else {
    const ListView list(*item.entry);
    reply_with_element(call.reply(), *list.at(end == ListEnd::head ? 0 : list.size() - 1));
  }
  remove_from_end(call, item, end, count);
  call.emit_verbatim();
}

}  // namespace

void lpush(Call& call) { push(call, ListEnd::head, false); }
void rpush(Call& call) { push(call, ListEnd::tail, false); }
void lpushx(Call& call) { push(call, ListEnd::head, true); }
void rpushx(Call& call) { push(call, ListEnd::tail, true); }
void lpop(Call& call) { pop(call, ListEnd::head); }
void rpop(Call& call) { pop(call, ListEnd::tail); }

bool end_arg(Call& call, std::size_t i, ListEnd& end) {
  if (call.arg_is(i, "LEFT")) {
    end = ListEnd::head;
  } else if (call.arg_is(i, "RIGHT")) {
    end = ListEnd::tail;
  } else {
    call.syntax_error();
    return false;
  }
  return true;
}

void remove_from_end(Call& call, Item& item, ListEnd end, std::size_t count) {
  const std::string_view key = item.key;
  const std::size_t size = ListView(*item.entry).size();
  const bool all = count == size;
  if (all) {
    call.keyspace().erase(item);
  } else {
    ListChange change(call.keyspace(), item);
    change->erase(end == ListEnd::head ? 0 : size - count, count);
    change.finish(ListChange::Shrinks::yes);
  }
  call.notify(key_event::kList, pop_event(end), key);
  if (all) call.notify(key_event::kGeneric, "del", key);
}

void reply_with_end(Call& call, const Item& item, ListEnd end, std::size_t count) {
  const ListView list(*item.entry);
  call.reply().array(count);
  list.visit(end == ListEnd::head ? 0 : list.size() - 1, count, other_end(end), [&call](const PackedValue& value) {
    reply_with_element(call.reply(), value);
    return true;
  });
}

bool parse_multi_pop(Call& call, std::size_t at, MultiPop& pop) {
  const auto keys = parse_integer(call.arg(at));
  if (!keys || *keys < 1) {
    call.fail("ERR numkeys should be greater than 0");
    return false;
  }
  const std::size_t first = at + 1;
  if (static_cast<std::uint64_t>(*keys) >= call.argc() - first) {
    call.syntax_error();
    return false;
  }
  const std::size_t where = first + static_cast<std::size_t>(*keys);
  pop.keys = call.args().subspan(first, where - first);
  if (!end_arg(call, where, pop.end)) return false;
  bool counted = false;
  for (std::size_t i = where + 1; i < call.argc(); i += 2) {
    if (counted || !call.arg_is(i, "COUNT") || i + 1 >= call.argc()) {
      call.syntax_error();
      return false;
    }
    const auto count = parse_integer(call.arg(i + 1));
    if (!count || *count < 1) {
      call.fail("ERR count should be greater than 0");
      return false;
    }
    pop.count = static_cast<std::size_t>(*count);
    counted = true;
  }
  return true;
}

bool multi_pop(Call& call, const MultiPop& pop) {
  for (const std::string_view key : pop.keys) {
    Item item = call.keyspace().find(call.db(), key);
    if (!item) continue;
    if (!is_list_or_absent(call, item)) return true;
    const std::size_t count = std::min(pop.count, ListView(*item.entry).size());
    call.reply().array(2);
    call.reply().bulk(key);
    reply_with_end(call, item, pop.end, count);
    remove_from_end(call, item, pop.end, count);
    call.emit(pop_effect(pop.end), key, count);
    return true;
  }
  return false;
}

/// LMPOP numkeys key [key ...] LEFT | RIGHT [COUNT count]
///
/// Effect  LPOP or RPOP key, with the count that there was.
void lmpop(Call& call) {
  MultiPop pop;
  if (!parse_multi_pop(call, 1, pop)) return;
  if (!multi_pop(call, pop)) call.reply().null_array();
}

}  // namespace stele::list_command
