#pragma once

#include <string_view>

#include "engine/call.h"
#include "engine/zset/zset_value.h"

namespace stele {

/// `min` and `max` of ZRANGE BYSCORE and the like: a number, with `(` in front if it is not included itself.
struct ScoreRange {
  struct Bound {
    double score = 0;
    bool excluded = false;
  };
  Bound min, max;

  RankRange ranks(const SortedSet& set) const;
};

/// Of BYLEX: `[text`, `(text` which is not included, `-` and `+` for before and behind all. Meant for members of one
/// score.
struct LexRange {
  struct Bound {
    enum class Kind { first, included, excluded, last } kind = Kind::first;
    std::string_view text;
  };
  Bound min, max;

  RankRange ranks(const SortedSet& set) const;
};

/// Arguments `min` and `max`. Reply with the error and return false if they are no range.
bool score_range_arg(Call& call, std::size_t min, std::size_t max, ScoreRange& range);
bool lex_range_arg(Call& call, std::size_t min, std::size_t max, LexRange& range);
/// Both inclusive, negative ones from the end; what lies outside of `size` is cut off.
RankRange clamp_ranks(std::int64_t first, std::int64_t last, std::size_t size);

/// Whether `item` holds no other type than a sorted set; replies WRONGTYPE if it does. Absence is fine.
inline bool is_zset_or_absent(Call& call, const Item& item) {
  if (!item || item.entry->type() == ObjectType::zset) return true;
  call.wrong_type();
  return false;
}

/// Puts `members`, which are in order of rank, under `key` in place of whatever is there; if there are none the key
/// goes. Notifies of `event`, or of "del". False if nothing changed: there were none and there was no key.
bool store_members(Call& call, std::string_view key, MemberList members, std::string_view event);

/// After members were taken out: a sorted set without any is erased. Notifies of `event`, then perhaps of "del".
void end_removal(Call& call, Item& item, std::string_view event);

}  // namespace stele
