// ZCARD, ZSCORE, ZRANK, ZCOUNT, ZRANDMEMBER, ZSCAN: one member, or how many.

#include <limits>

#include <absl/container/flat_hash_set.h>

#include "engine/random.h"
#include "engine/scan_reply.h"
#include "engine/zset/zset_commands.h"

namespace stele::zset_command {

namespace {

void rank(Call& call, bool backwards) {
  if (call.argc() > 4) return call.wrong_arity();
  const bool with_score = call.argc() == 4;
  if (with_score && !call.arg_is(3, "withscore")) return call.syntax_error();
  const Item item = call.keyspace().read(call.db(), call.arg(1));
  if (!is_zset_or_absent(call, item)) return;
  const SortedSet::Spot spot = item ? SortedSet(*item.entry).find(call.arg(2)) : SortedSet::Spot();
  if (!spot) return with_score ? call.reply().null_array() : call.reply().null();
  const SortedSet set(*item.entry);
  std::size_t rank = set.rank_of(spot);
  if (backwards) rank = set.size() - 1 - rank;
  if (with_score) call.reply().array(2);
  call.reply().integer(static_cast<std::int64_t>(rank));
  if (with_score) call.reply().real(spot.score);
}

/// The members that a count asks for, with their scores perhaps: nested in RESP3.
class RandomReply {
 public:
  RandomReply(Call& call, std::size_t members, bool with_scores) : reply_(call.reply()), with_scores_(with_scores) {
    reply_.array(with_scores_ && !reply_.resp3() ? 2 * members : members);
  }
  void operator()(std::string_view text, double score) const {
    if (with_scores_ && reply_.resp3()) reply_.array(2);
    reply_.bulk(text);
    if (with_scores_) reply_.real(score);
  }

 private:
  RespWriter& reply_;
  bool with_scores_;
};

void random_members(Call& call, const SortedSet& set, std::int64_t count, bool with_scores) {
  const std::size_t size = set.size();
  if (count < 0) {
    // Each drawn anew: the same one may come more than once.
    const std::size_t draws = static_cast<std::size_t>(-count);
    const RandomReply reply(call, draws, with_scores);
    for (std::size_t i = 0; i < draws && !call.replied_too_much(); ++i) {
      const SortedSet::Walk walk(set, Random::below(size), false);
      reply(walk.text(), walk.score());
    }
    return;
  }
  const auto wanted = static_cast<std::size_t>(count);
  if (wanted >= size) {
    const RandomReply reply(call, size, with_scores);
    return set.for_each({0, size}, true, reply);
  }
  const RandomReply reply(call, wanted, with_scores);
  if (wanted * 3 > size) {
    // A walk that takes each with the chance it needs for as many as are wanted to come out.
    std::size_t left = size, needed = wanted;
    for (SortedSet::Walk walk(set, 0, false); needed > 0; walk.next(), --left) {
      if (Random::below(left) >= needed) continue;
      reply(walk.text(), walk.score());
      --needed;
    }
    return;
  }
  absl::flat_hash_set<std::size_t> drawn;
  while (drawn.size() < wanted) {
    const std::size_t rank = Random::below(size);
    if (!drawn.insert(rank).second) continue;
    const SortedSet::Walk walk(set, rank, false);
    reply(walk.text(), walk.score());
  }
}

}  // namespace

/// ZCARD key
void zcard(Call& call) {
  const Item item = call.keyspace().read(call.db(), call.arg(1));
  if (!is_zset_or_absent(call, item)) return;
  call.reply().integer(item ? static_cast<std::int64_t>(SortedSet(*item.entry).size()) : 0);
}

/// ZSCORE key member
void zscore(Call& call) {
  const Item item = call.keyspace().read(call.db(), call.arg(1));
  if (!is_zset_or_absent(call, item)) return;
  const SortedSet::Spot spot = item ? SortedSet(*item.entry).find(call.arg(2)) : SortedSet::Spot();
  spot ? call.reply().real(spot.score) : call.reply().null();
}

/// ZMSCORE key member [member ...]
void zmscore(Call& call) {
  const Item item = call.keyspace().read(call.db(), call.arg(1));
  if (!is_zset_or_absent(call, item)) return;
  call.reply().array(call.argc() - 2);
  for (const std::string_view text : call.args().subspan(2)) {
    const SortedSet::Spot spot = item ? SortedSet(*item.entry).find(text) : SortedSet::Spot();
    spot ? call.reply().real(spot.score) : call.reply().null();
  }
}

/// ZRANK key member [WITHSCORE]
void zrank(Call& call) { rank(call, false); }
void zrevrank(Call& call) { rank(call, true); }

/// ZCOUNT key min max
void zcount(Call& call) {
  ScoreRange range;
  if (!score_range_arg(call, 2, 3, range)) return;
  const Item item = call.keyspace().read(call.db(), call.arg(1));
  if (!is_zset_or_absent(call, item)) return;
  call.reply().integer(item ? static_cast<std::int64_t>(range.ranks(SortedSet(*item.entry)).size()) : 0);
}

/// ZLEXCOUNT key min max
void zlexcount(Call& call) {
  LexRange range;
  if (!lex_range_arg(call, 2, 3, range)) return;
  const Item item = call.keyspace().read(call.db(), call.arg(1));
  if (!is_zset_or_absent(call, item)) return;
  call.reply().integer(item ? static_cast<std::int64_t>(range.ranks(SortedSet(*item.entry)).size()) : 0);
}

/// ZRANDMEMBER key [count [WITHSCORES]]: a positive count is of different members, a negative one of any.
void zrandmember(Call& call) {
  if (call.argc() == 2) {
    const Item item = call.keyspace().read(call.db(), call.arg(1));
    if (!is_zset_or_absent(call, item)) return;
    if (!item) return call.reply().null();
    const SortedSet set(*item.entry);
    return call.reply().bulk(SortedSet::Walk(set, Random::below(set.size()), false).text());
  }
  constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();
  std::int64_t count = 0;
  if (!call.integer_arg(2, count)) return;
  if (count < -kMax) {
    return call.fail(fmt::format("ERR value is out of range, value must between {} and {}", -kMax, kMax));
  }
  const bool with_scores = call.argc() == 4;
  if (call.argc() > 4 || (with_scores && !call.arg_is(3, "withscores"))) return call.syntax_error();
  if (with_scores && (count < -kMax / 2 || count > kMax / 2)) return call.fail("ERR value is out of range");

  const Item item = call.keyspace().read(call.db(), call.arg(1));
  if (!is_zset_or_absent(call, item)) return;
  if (!item || count == 0) return call.reply().array(0);
  random_members(call, SortedSet(*item.entry), count, with_scores);
}

/// ZSCAN key cursor [MATCH pattern] [COUNT count]
void zscan(Call& call) {
  std::uint64_t cursor = 0;
  if (!scan_cursor_arg(call, 2, cursor)) return;
  const Item item = call.keyspace().read(call.db(), call.arg(1));
  if (!is_zset_or_absent(call, item)) return;
  if (!item) return reply_empty_scan(call);
  ScanOptions options;
  if (!scan_options(call, 3, options)) return;

  const SortedSet set(*item.entry);
  char scratch[kDoubleTextMax];
  if (!set.is_packed()) {
    return reply_table_scan(call, set.zset().table, cursor, options, [&](const Member& member) {
      call.reply().bulk(member.text());
      call.reply().bulk(format_double(member.score(), scratch));
      return 2u;
    });
  }
  reply_scan(call, 0, [&] {
    std::size_t written = 0;
    set.for_each([&](std::string_view text, double score) {
      if (!options.accepts(text)) return;
      call.reply().bulk(text);
      call.reply().bulk(format_double(score, scratch));
      written += 2;
    });
    return written;
  });
}

}  // namespace stele::zset_command
