#pragma once

#include "engine/call.h"
#include "engine/hash/hash_value.h"
#include "engine/packed/packed_reply.h"

/// The handlers of the hash commands, one file an idea; hash_commands.cc has the table.
namespace stele::hash_command {

// hash_commands.cc: fields set, read and removed
void hset(Call& call);
void hmset(Call& call);
void hsetnx(Call& call);
void hget(Call& call);
void hmget(Call& call);
void hdel(Call& call);
void hlen(Call& call);
void hstrlen(Call& call);
void hexists(Call& call);

// hash_numbers.cc: values as numbers
void hincrby(Call& call);
void hincrbyfloat(Call& call);

// hash_walks.cc: many fields at once
void hkeys(Call& call);
void hvals(Call& call);
void hgetall(Call& call);
void hscan(Call& call);

// hash_random.cc
void hrandfield(Call& call);

/// Whether `item` holds no other type than a hash; replies WRONGTYPE if it does. Absence is fine.
inline bool is_hash_or_absent(Call& call, const Item& item) {
  if (!item || item.entry->type() == ObjectType::hash) return true;
  call.wrong_type();
  return false;
}

/// Sets one field, creating the hash if there is none; true if the field is new.
bool set_field(Call& call, Item& item, std::string_view field, std::string_view value);

}  // namespace stele::hash_command
