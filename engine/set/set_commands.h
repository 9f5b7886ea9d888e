#pragma once

#include "engine/call.h"
#include "engine/packed/packed_reply.h"
#include "engine/set/set_value.h"

/// The handlers of the set commands, one file an idea; set_commands.cc has the table.
namespace stele::set_command {

// set_commands.cc: members added, looked for, removed, listed
void sadd(Call& call);
void srem(Call& call);
void smove(Call& call);
void sismember(Call& call);
void smismember(Call& call);
void scard(Call& call);
void smembers(Call& call);
void sscan(Call& call);

// set_random.cc
void spop(Call& call);
void srandmember(Call& call);

// set_intersection.cc
void sinter(Call& call);
void sinterstore(Call& call);
void sintercard(Call& call);

// set_union.cc: unions and differences
void sunion(Call& call);
void sunionstore(Call& call);
void sdiff(Call& call);
void sdiffstore(Call& call);

/// Whether `item` holds no other type than a set; replies WRONGTYPE if it does. Absence is fine.
inline bool is_set_or_absent(Call& call, const Item& item) {
  if (!item || item.entry->type() == ObjectType::set) return true;
  call.wrong_type();
  return false;
}

/// Replies with all members, as a set.
void reply_with_members(Call& call, const SetBody& set);

/// What SINTERSTORE, SUNIONSTORE and SDIFFSTORE do at their end: `result`, owned from now on, becomes the value of
/// `key`, or the key goes if it is empty. Notifies `event`, replies with the size. Effect: verbatim, none if nothing
/// changed.
void store_set(Call& call, std::string_view key, SetBody result, std::string_view event);

}  // namespace stele::set_command
