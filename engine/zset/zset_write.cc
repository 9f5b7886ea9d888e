// ZADD, ZINCRBY, ZREM, ZREMRANGEBY...: members come, change and go.

#include <cmath>

#include <absl/container/inlined_vector.h>

#include "engine/real.h"
#include "engine/zset/zset_commands.h"

namespace stele {

namespace {

/// What becomes of a member; nothing if the rules leave it as it is.
std::optional<double> new_score(const ZaddRules& rules, const SortedSet::Spot& spot, double score) {
  if (!spot) return rules.only_old ? std::nullopt : std::optional(score);
  if (rules.only_new) return std::nullopt;
  if (rules.increment) score += spot.score;
  if (rules.only_less && score >= spot.score) return std::nullopt;
  if (rules.only_greater && score <= spot.score) return std::nullopt;
  return score;
}

}  // namespace

bool add_members(Call& call, const ZaddRules& rules, std::span<const ScoredText> members) {
  Keyspace& keyspace = call.keyspace();
  const CollectionLimits& limits = keyspace.limits();
  Item item = keyspace.find(call.db(), call.arg(1));
  if (!is_zset_or_absent(call, item)) return false;

  std::optional<double> last_score;  // of the only member, with INCR
  std::int64_t added = 0, updated = 0;
  if (!item && !rules.only_old) {
    std::size_t bytes_max = 0;
    for (const ScoredText& member : members) bytes_max = std::max(bytes_max, member.text.size());
    Entry* const entry = SortedSet::make(call.arg(1), members.size(), bytes_max, limits);
    SortedSet set(*entry);
    for (const auto& [score, text] : members) {
      const SortedSet::Spot spot = set.find(text);
      last_score = new_score(rules, spot, score);
      if (!last_score) continue;
      if (!spot) {
        set.insert(spot, text, *last_score, limits);
        ++added;
      } else if (*last_score != spot.score) {
        set.set_score(spot, text, *last_score);
        ++updated;
      }
    }
    keyspace.create(item, entry);
  } else if (item) {
    SortedSet set(*item.entry);
    for (const auto& [score, text] : members) {
      const SortedSet::Spot spot = set.find(text);
      last_score = new_score(rules, spot, score);
      // Only an increment makes one, and then it is the only member: nothing has changed yet.
      if (last_score && std::isnan(*last_score)) {
        call.fail("ERR resulting score is not a number (NaN)");
        return false;
      }
      if (!last_score || (spot && *last_score == spot.score)) continue;
      if (added + updated == 0) keyspace.begin_change(item);
      if (spot) {
        set.set_score(spot, text, *last_score);
        ++updated;
      } else {
        set.insert(spot, text, *last_score, limits);
        ++added;
      }
    }
    if (added + updated > 0) keyspace.end_change(item, item.entry);
  }

  if (rules.increment) {
    last_score ? call.reply().real(*last_score) : call.reply().null();
  } else {
    call.reply().integer(rules.changed_count ? added + updated : added);
  }
  if (added + updated == 0) return false;
  call.notify(key_event::kZset, rules.increment ? "zincr" : "zadd", call.arg(1));
  return true;
}

namespace zset_command {

namespace {

void add(Call& call, ZaddRules rules) {
  std::size_t at = 2;
  for (; at < call.argc(); ++at) {
    if (call.arg_is(at, "nx")) {
      rules.only_new = true;
    } else if (call.arg_is(at, "xx")) {
      rules.only_old = true;
    } else if (call.arg_is(at, "gt")) {
      rules.only_greater = true;
    } else if (call.arg_is(at, "lt")) {
      rules.only_less = true;
    } else if (call.arg_is(at, "ch")) {
      rules.changed_count = true;
    } else if (call.arg_is(at, "incr")) {
      rules.increment = true;
    } else {
      break;
    }
  }
  const std::size_t arguments = call.argc() - at;
  if (arguments == 0 || arguments % 2 != 0) return call.syntax_error();
  if (rules.only_new && rules.only_old) return call.fail("ERR XX and NX options at the same time are not compatible");
  if (rules.only_greater + rules.only_less + rules.only_new > 1) {
    return call.fail("ERR GT, LT, and/or NX options at the same time are not compatible");
  }
  if (rules.increment && arguments > 2) return call.fail("ERR INCR option supports a single increment-element pair");

  absl::InlinedVector<ScoredText, 8> members;
  members.reserve(arguments / 2);
  for (; at < call.argc(); at += 2) {
    const std::optional<double> score = parse_double(call.arg(at));
    if (!score) return call.fail("ERR value is not a valid float");
    members.push_back({*score, call.arg(at + 1)});
  }
  if (add_members(call, rules, members)) call.emit_verbatim();
}

void remove_range(Call& call, const Item& found, RankRange range, std::string_view event) {
  Item item = found;
  if (range.size() > 0) {
    call.keyspace().begin_change(item);
    SortedSet(*item.entry).erase_ranks(range);
    end_removal(call, item, event);
    call.emit_verbatim();
  }
  call.reply().integer(static_cast<std::int64_t>(range.size()));
}

}  // namespace

/// ZADD key [NX|XX] [GT|LT] [CH] [INCR] score member [score member ...]. Effect: verbatim.
void zadd(Call& call) { add(call, {}); }

/// ZINCRBY key increment member. Effect: verbatim.
void zincrby(Call& call) { add(call, {.increment = true}); }

/// ZREM key member [member ...]. Effect: verbatim.
void zrem(Call& call) {
  Item item = call.keyspace().find(call.db(), call.arg(1));
  if (!is_zset_or_absent(call, item)) return;
  if (!item) return call.reply().integer(0);
  SortedSet set(*item.entry);
  std::int64_t removed = 0;
  for (const std::string_view text : call.args().subspan(2)) {
    const SortedSet::Spot spot = set.find(text);
    if (!spot) continue;
    if (removed++ == 0) call.keyspace().begin_change(item);
    set.erase(spot, text);
  }
  if (removed > 0) {
    end_removal(call, item, "zrem");
    call.emit_verbatim();
  }
  call.reply().integer(removed);
}

/// ZREMRANGEBYRANK key first last. Effect of all three: verbatim.
void zremrangebyrank(Call& call) {
  std::int64_t first = 0, last = 0;
  if (!call.integer_arg(2, first) || !call.integer_arg(3, last)) return;
  const Item item = call.keyspace().find(call.db(), call.arg(1));
  if (!is_zset_or_absent(call, item)) return;
  if (!item) return call.reply().integer(0);
  remove_range(call, item, clamp_ranks(first, last, SortedSet(*item.entry).size()), "zremrangebyrank");
}

void zremrangebyscore(Call& call) {
  ScoreRange range;
  if (!score_range_arg(call, 2, 3, range)) return;
  const Item item = call.keyspace().find(call.db(), call.arg(1));
  if (!is_zset_or_absent(call, item)) return;
  if (!item) return call.reply().integer(0);
  remove_range(call, item, range.ranks(SortedSet(*item.entry)), "zremrangebyscore");
}

void zremrangebylex(Call& call) {
  LexRange range;
  if (!lex_range_arg(call, 2, 3, range)) return;
  const Item item = call.keyspace().find(call.db(), call.arg(1));
  if (!is_zset_or_absent(call, item)) return;
  if (!item) return call.reply().integer(0);
  remove_range(call, item, range.ranks(SortedSet(*item.entry)), "zremrangebylex");
}

}  // namespace zset_command

}  // namespace stele
