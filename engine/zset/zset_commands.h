#pragma once

#include <span>

#include "engine/zset/zset_ranges.h"

/// The handlers of the sorted set commands, one file an idea; zset_commands.cc has the table.
namespace stele::zset_command {

// zset_write.cc: members come, change and go
void zadd(Call& call);
void zincrby(Call& call);
void zrem(Call& call);
void zremrangebyrank(Call& call);
void zremrangebyscore(Call& call);
void zremrangebylex(Call& call);

// zset_read.cc: one member, or how many
void zcard(Call& call);
void zscore(Call& call);
void zmscore(Call& call);
void zrank(Call& call);
void zrevrank(Call& call);
void zcount(Call& call);
void zlexcount(Call& call);
void zrandmember(Call& call);
void zscan(Call& call);

// zset_range.cc
void zrange(Call& call);
void zrangestore(Call& call);
void zrangebyscore(Call& call);
void zrevrangebyscore(Call& call);
void zrangebylex(Call& call);
void zrevrangebylex(Call& call);
void zrevrange(Call& call);

// zset_pop.cc
void zpopmin(Call& call);
void zpopmax(Call& call);
void bzpopmin(Call& call);
void bzpopmax(Call& call);
void zmpop(Call& call);
void bzmpop(Call& call);

// zset_combine.cc: several sets to one
void zunion(Call& call);
void zinter(Call& call);
void zdiff(Call& call);
void zunionstore(Call& call);
void zinterstore(Call& call);
void zdiffstore(Call& call);
void zintercard(Call& call);

}  // namespace stele::zset_command

namespace stele {

/// What ZADD does with members that are there, or are not.
struct ZaddRules {
  bool only_new = false;       // NX
  bool only_old = false;       // XX
  bool only_greater = false;   // GT
  bool only_less = false;      // LT
  bool changed_count = false;  // CH
  bool increment = false;      // INCR
};

struct ScoredText {
  double score;
  std::string_view text;
};

/// Adds or changes members of the sorted set under argument 1, notifies, replies. True if anything changed: then the
/// caller emits.
bool add_members(Call& call, const ZaddRules& rules, std::span<const ScoredText> members);

}  // namespace stele
