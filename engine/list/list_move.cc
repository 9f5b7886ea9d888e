// LMOVE and its older and its waiting forms: an element goes from an end of one list to an end of another.

#include <string>

#include "engine/list/list_commands.h"

namespace stele::list_command {

namespace {

enum class Moved { yes, no_source, failed };

/// Moves one element and replies with it; no reply if there is no source. Emits nothing.
Moved move_element(Call& call, std::string_view source_key, std::string_view target_key, ListEnd from, ListEnd to) {
  Keyspace& keyspace = call.keyspace();
  // Looking a key up can remove it (expired) or load it (cold), which ends what an Item says of another: so the target
  // again.
  keyspace.find(call.db(), target_key);
  Item source = keyspace.find(call.db(), source_key);
  if (!source) return Moved::no_source;
  if (!is_list_or_absent(call, source)) return Moved::failed;
  Item target = keyspace.find(call.db(), target_key);
  if (!is_list_or_absent(call, target)) return Moved::failed;

  const ListView list(*source.entry);
  const PackedValue value = *list.at(from == ListEnd::head ? 0 : list.size() - 1);
  reply_with_element(call.reply(), value);
  char scratch[24];
  const std::string_view text = value.text(scratch);
  const std::string_view push_event = to == ListEnd::head ? "lpush" : "rpush";

  if (target && target.entry == source.entry) {
    const std::string element(text);
    ListChange change(keyspace, source);
    change->erase(from == ListEnd::head ? 0 : change->size() - 1, 1);
    change.grow(element.size(), 1);
    change->push(to, element, change.node_limit());
    change.finish(ListChange::Shrinks::yes);
    call.notify(key_event::kList, push_event, target_key);
    call.notify(key_event::kList, pop_event(from), source_key);
    return Moved::yes;
  }
  {
    // The text lies in the source, which stays as it is until the target has it.
    ListChange change(keyspace, target);
    change.grow(text.size(), 1);
    change->push(to, text, change.node_limit());
    change.finish(ListChange::Shrinks::no);
  }
  call.notify(key_event::kList, push_event, target_key);
  source = keyspace.find(call.db(), source_key);
  remove_from_end(call, source, from, 1);
  return Moved::yes;
}

constexpr std::string_view end_name(ListEnd end) { return end == ListEnd::head ? "left" : "right"; }

/// As move_element(), waiting for a source.
Moved move_or_block(Call& call, ListEnd from, ListEnd to, std::size_t timeout_at) {
  Call::Deadline deadline;
  if (!call.timeout_seconds_arg(timeout_at, deadline)) return Moved::failed;
  if (call.wait_is_over()) {
    call.reply().null_array();
    return Moved::no_source;
  }
  const Moved moved = move_element(call, call.arg(1), call.arg(2), from, to);
  if (moved != Moved::no_source) return moved;
  call.may_block() ? call.block(call.args().subspan(1, 1), deadline) : call.reply().null();
  return moved;
}

}  // namespace

/// LMOVE source target LEFT | RIGHT LEFT | RIGHT. Effect: verbatim.
void lmove(Call& call) {
  ListEnd from{}, to{};
  if (!end_arg(call, 3, from) || !end_arg(call, 4, to)) return;
  const Moved moved = move_element(call, call.arg(1), call.arg(2), from, to);
  if (moved == Moved::yes) call.emit_verbatim();
  if (moved == Moved::no_source) call.reply().null();
}

/// RPOPLPUSH source target. Effect: verbatim.
void rpoplpush(Call& call) {
  const Moved moved = move_element(call, call.arg(1), call.arg(2), ListEnd::tail, ListEnd::head);
  if (moved == Moved::yes) call.emit_verbatim();
  if (moved == Moved::no_source) call.reply().null();
}

/// BLMOVE source target LEFT | RIGHT LEFT | RIGHT timeout. Effect: LMOVE.
void blmove(Call& call) {
  ListEnd from{}, to{};
  if (!end_arg(call, 3, from) || !end_arg(call, 4, to)) return;
  if (move_or_block(call, from, to, 5) == Moved::yes) {
    call.emit("LMOVE", call.arg(1), call.arg(2), end_name(from), end_name(to));
  }
}

/// BRPOPLPUSH source target timeout. Effect: RPOPLPUSH.
void brpoplpush(Call& call) {
  if (move_or_block(call, ListEnd::tail, ListEnd::head, 3) == Moved::yes) {
    call.emit("RPOPLPUSH", call.arg(1), call.arg(2));
  }
}

}  // namespace stele::list_command
