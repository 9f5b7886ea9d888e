#pragma once

#include "engine/call.h"
#include "engine/list/list_value.h"

/// The handlers of the list commands, one file an idea; list_commands.cc has the table.
namespace stele::list_command {

// list_push_pop.cc: at the ends
void lpush(Call& call);
void rpush(Call& call);
void lpushx(Call& call);
void rpushx(Call& call);
void lpop(Call& call);
void rpop(Call& call);
void lmpop(Call& call);

// list_elements.cc: in between
void llen(Call& call);
void lindex(Call& call);
void lrange(Call& call);
void lpos(Call& call);
void lset(Call& call);
void linsert(Call& call);
void lrem(Call& call);
void ltrim(Call& call);

// list_move.cc: from one list to another
void lmove(Call& call);
void rpoplpush(Call& call);
void blmove(Call& call);
void brpoplpush(Call& call);

// list_blocking.cc: pops that wait
void blpop(Call& call);
void brpop(Call& call);
void blmpop(Call& call);

/// Whether `item` holds no other type than a list; replies WRONGTYPE if it does. Absence is fine.
inline bool is_list_or_absent(Call& call, const Item& item) {
  if (!item || item.entry->type() == ObjectType::list) return true;
  call.wrong_type();
  return false;
}

inline void reply_with_element(RespWriter& reply, const PackedValue& value) {
  value.is_integer() ? reply.bulk_integer(value.integer) : reply.bulk({value.data, value.bytes});
}

constexpr ListEnd other_end(ListEnd end) { return end == ListEnd::head ? ListEnd::tail : ListEnd::head; }

/// LEFT or RIGHT; replies with a syntax error if argument `i` is neither.
bool end_arg(Call& call, std::size_t i, ListEnd& end);

/// The names of the effect and of the notification of taking elements off an end.
constexpr std::string_view pop_effect(ListEnd end) { return end == ListEnd::head ? "LPOP" : "RPOP"; }
constexpr std::string_view pop_event(ListEnd end) { return end == ListEnd::head ? "lpop" : "rpop"; }

/// Removes `count` (at least 1, at most all) elements from an end of the list in `item`, and notifies. No reply, no
/// effect.
void remove_from_end(Call& call, Item& item, ListEnd end, std::size_t count);
/// The elements that remove_from_end() would remove, in that order: an array.
void reply_with_end(Call& call, const Item& item, ListEnd end, std::size_t count);

/// [B]LMPOP's arguments from `numkeys` at `at` on.
struct MultiPop {
  std::span<const std::string_view> keys;
  ListEnd end = ListEnd::head;
  std::size_t count = 1;
};
/// Replies with an error and returns false if they are wrong.
bool parse_multi_pop(Call& call, std::size_t at, MultiPop& pop);
/// Pops from the first of the keys that has a list. False, without a reply, if none has; true also after an error.
bool multi_pop(Call& call, const MultiPop& pop);

}  // namespace stele::list_command
