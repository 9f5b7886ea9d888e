// BLPOP, BRPOP, BLMPOP: pops that wait until one of their keys has a list.

#include "engine/list/list_commands.h"

namespace stele::list_command {

namespace {

/// Nothing to pop: waits, or says so.
void wait_for(Call& call, std::span<const std::string_view> keys, Call::Deadline deadline) {
  call.may_block() ? call.block(keys, deadline) : call.reply().null_array();
}

/// B[LR]POP key [key ...] timeout. Effect: LPOP or RPOP.
void blocking_pop(Call& call, ListEnd end) {
  Call::Deadline deadline;
  if (!call.timeout_seconds_arg(call.argc() - 1, deadline)) return;
  if (call.wait_is_over()) return call.reply().null_array();
  const std::span<const std::string_view> keys = call.args().subspan(1, call.argc() - 2);
  for (const std::string_view key : keys) {
    Item item = call.keyspace().find(call.db(), key);
    if (!item) continue;
    if (!is_list_or_absent(call, item)) return;
    const ListView list(*item.entry);
    call.reply().array(2);
    call.reply().bulk(key);
    reply_with_element(call.reply(), *list.at(end == ListEnd::head ? 0 : list.size() - 1));
    remove_from_end(call, item, end, 1);
    call.emit(pop_effect(end), key);
    return;
  }
  wait_for(call, keys, deadline);
}

}  // namespace

void blpop(Call& call) { blocking_pop(call, ListEnd::head); }
void brpop(Call& call) { blocking_pop(call, ListEnd::tail); }

/// BLMPOP timeout numkeys key [key ...] LEFT | RIGHT [COUNT count]
///
/// Effect  LPOP or RPOP key, with the count that there was.
void blmpop(Call& call) {
  MultiPop pop;
  if (!parse_multi_pop(call, 2, pop)) return;
  Call::Deadline deadline;
  if (!call.timeout_seconds_arg(1, deadline)) return;
  if (call.wait_is_over()) return call.reply().null_array();
  if (!multi_pop(call, pop)) wait_for(call, pop.keys, deadline);
}

}  // namespace stele::list_command
