// ZRANGE in all its forms, and ZRANGESTORE.

#include "engine/zset/zset_commands.h"

namespace stele::zset_command {

namespace {

enum class By { any, rank, score, lex };  // `any`: by rank unless an option says otherwise
enum class Direction { any, forwards, backwards };

struct RangeQuery {
  By by;
  Direction direction;
  bool with_scores = false;
  std::int64_t offset = 0;
  std::int64_t limit = -1;  // negative: all

  std::int64_t first = 0, last = 0;
  ScoreRange scores;
  LexRange texts;

  bool backwards() const { return direction == Direction::backwards; }
};

/// The two bounds are arguments `at` and the one behind it. Replies with the error and returns false if it is no query.
bool parse_query(Call& call, std::size_t at, bool storing, RangeQuery& query) {
  for (std::size_t i = at + 2; i < call.argc(); ++i) {
    if (!storing && call.arg_is(i, "withscores")) {
      query.with_scores = true;
    } else if (call.arg_is(i, "limit") && i + 2 < call.argc()) {
      if (!call.integer_arg(i + 1, query.offset) || !call.integer_arg(i + 2, query.limit)) return false;
      i += 2;
    } else if (query.direction == Direction::any && call.arg_is(i, "rev")) {
      query.direction = Direction::backwards;
    } else if (query.by == By::any && call.arg_is(i, "bylex")) {
      query.by = By::lex;
    } else if (query.by == By::any && call.arg_is(i, "byscore")) {
      query.by = By::score;
    } else {
      call.syntax_error();
      return false;
    }
  }
  if (query.by == By::any) query.by = By::rank;
  if (query.limit != -1 && query.by == By::rank) {
    call.fail("ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX");
    return false;
  }
  if (query.with_scores && query.by == By::lex) {
    call.fail("ERR syntax error, WITHSCORES not supported in combination with BYLEX");
    return false;
  }
  // From the end, the greater bound comes first.
  const std::size_t min = query.backwards() ? at + 1 : at, max = query.backwards() ? at : at + 1;
  if (query.by == By::score) return score_range_arg(call, min, max, query.scores);
  if (query.by == By::lex) return lex_range_arg(call, min, max, query.texts);
  return call.integer_arg(at, query.first) && call.integer_arg(at + 1, query.last);
}

RankRange ranks_of(const SortedSet& set, const RangeQuery& query) {
  if (query.by == By::rank) {
    const std::size_t size = set.size();
    const RankRange range = clamp_ranks(query.first, query.last, size);
    if (!query.backwards()) return range;
    return {size - range.last, size - range.first};
  }
  RankRange range = query.by == By::score ? query.scores.ranks(set) : query.texts.ranks(set);
  if (query.offset < 0 || static_cast<std::uint64_t>(query.offset) >= range.size()) return {};
  const auto offset = static_cast<std::size_t>(query.offset);
  std::size_t count = range.size() - offset;
  if (query.limit >= 0) count = std::min<std::size_t>(count, static_cast<std::size_t>(query.limit));
  if (!query.backwards()) return {range.first + offset, range.first + offset + count};
  return {range.last - offset - count, range.last - offset};
}

void reply_range(Call& call, RangeQuery query) {
  if (!parse_query(call, 2, false, query)) return;
  const Item item = call.keyspace().read(call.db(), call.arg(1));
  if (!is_zset_or_absent(call, item)) return;
  if (!item) return call.reply().array(0);

  const SortedSet set(*item.entry);
  const RankRange range = ranks_of(set, query);
  RespWriter& reply = call.reply();
  if (!query.with_scores) {
    reply.array(range.size());
    return set.for_each(range, query.backwards(), [&](std::string_view text, double) { reply.bulk(text); });
  }
  const bool nested = reply.resp3();
  reply.array(nested ? range.size() : 2 * range.size());
  set.for_each(range, query.backwards(), [&](std::string_view text, double score) {
    if (nested) reply.array(2);
    reply.bulk(text);
    reply.real(score);
  });
}

}  // namespace

/// ZRANGE key first last [BYSCORE|BYLEX] [REV] [LIMIT offset count] [WITHSCORES]
void zrange(Call& call) { reply_range(call, {By::any, Direction::any}); }
void zrevrange(Call& call) { reply_range(call, {By::rank, Direction::backwards}); }
void zrangebyscore(Call& call) { reply_range(call, {By::score, Direction::forwards}); }
void zrevrangebyscore(Call& call) { reply_range(call, {By::score, Direction::backwards}); }
void zrangebylex(Call& call) { reply_range(call, {By::lex, Direction::forwards}); }
void zrevrangebylex(Call& call) { reply_range(call, {By::lex, Direction::backwards}); }

namespace {

/// Redis adds one member after the other to a listpack, which drops the sign of a minus zero, until one comes that is too long
/// or too many for it; later ones keep theirs.
void drop_signs(const MemberList& members, const RangeQuery& query, const CollectionLimits& limits) {
  const std::span<Member* const> list = members.get();
  const auto entries_max = static_cast<std::uint64_t>(limits.zset_max_listpack_entries);
  if (query.by == By::rank && list.size() > entries_max) return;  // known beforehand: no listpack
  for (std::size_t i = 0; i < std::min<std::uint64_t>(list.size(), entries_max); ++i) {
    Member& member = *list[query.backwards() ? list.size() - 1 - i : i];
    if (member.text().size() > static_cast<std::uint64_t>(limits.zset_max_listpack_value)) return;
    if (member.score() == 0) member.set_score(0);
  }
}

}  // namespace

/// ZRANGESTORE destination source first last [BYSCORE|BYLEX] [REV] [LIMIT offset count]. Effect: verbatim.
void zrangestore(Call& call) {
  RangeQuery query{By::any, Direction::any};
  if (!parse_query(call, 3, true, query)) return;
  const Item item = call.keyspace().read(call.db(), call.arg(2));
  if (!is_zset_or_absent(call, item)) return;
  MemberList members;
  if (item) {
    const SortedSet set(*item.entry);
    set.for_each(ranks_of(set, query), false, [&](std::string_view text, double score) { members.add(text, score); });
  }
  drop_signs(members, query, call.keyspace().limits());
  const auto count = static_cast<std::int64_t>(members.size());
  if (store_members(call, call.arg(1), std::move(members), "zrangestore")) call.emit_verbatim();
  call.reply().integer(count);
}

}  // namespace stele::zset_command
