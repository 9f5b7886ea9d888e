#include "engine/zset/zset_ranges.h"

#include <cmath>
#include <cstdlib>

namespace stele {

namespace {

bool parse_score_bound(std::string_view text, ScoreRange::Bound& bound) {
  bound.excluded = text.starts_with('(');
  // As strtod reads it, which takes nothing at all for 0 and has no numbers that are too large.
  const std::string number(text.substr(bound.excluded ? 1 : 0));
  char* end = nullptr;
  bound.score = std::strtod(number.c_str(), &end);
  return *end == '\0' && !std::isnan(bound.score);
}

bool parse_lex_bound(std::string_view text, LexRange::Bound& bound) {
  using Kind = LexRange::Bound::Kind;
  if (text == "-" || text == "+") {
    bound = {text == "-" ? Kind::first : Kind::last, {}};
    return true;
  }
  if (!text.starts_with('[') && !text.starts_with('(')) return false;
  bound = {text.front() == '[' ? Kind::included : Kind::excluded, text.substr(1)};
  return true;
}

// Whether a bound as the lower one leaves `text` out.
bool lies_below(const LexRange::Bound& min, std::string_view text) {
  using Kind = LexRange::Bound::Kind;
  if (min.kind == Kind::first) return false;
  if (min.kind == Kind::last) return true;
  return min.kind == Kind::included ? text < min.text : text <= min.text;
}

bool lies_above(const LexRange::Bound& max, std::string_view text) {
  using Kind = LexRange::Bound::Kind;
  if (max.kind == Kind::first) return true;
  if (max.kind == Kind::last) return false;
  return max.kind == Kind::included ? text > max.text : text >= max.text;
}

}  // namespace

RankRange ScoreRange::ranks(const SortedSet& set) const {
  return set.range(
      [this](double score, std::string_view) { return min.excluded ? score <= min.score : score < min.score; },
      [this](double score, std::string_view) { return max.excluded ? score >= max.score : score > max.score; });
}

RankRange LexRange::ranks(const SortedSet& set) const {
  return set.range([this](double, std::string_view text) { return lies_below(min, text); },
                   [this](double, std::string_view text) { return lies_above(max, text); });
}

bool score_range_arg(Call& call, std::size_t min, std::size_t max, ScoreRange& range) {
  if (parse_score_bound(call.arg(min), range.min) && parse_score_bound(call.arg(max), range.max)) return true;
  call.fail("ERR min or max is not a float");
  return false;
}

bool lex_range_arg(Call& call, std::size_t min, std::size_t max, LexRange& range) {
  if (parse_lex_bound(call.arg(min), range.min) && parse_lex_bound(call.arg(max), range.max)) return true;
  call.fail("ERR min or max not valid string range item");
  return false;
}

RankRange clamp_ranks(std::int64_t first, std::int64_t last, std::size_t size) {
  const auto count = static_cast<std::int64_t>(size);
  if (first < 0) first = std::max<std::int64_t>(first + count, 0);
  if (last < 0) last += count;
  last = std::min(last, count - 1);
  if (first > last) return {};
  return {static_cast<std::size_t>(first), static_cast<std::size_t>(last) + 1};
}

bool store_members(Call& call, std::string_view key, MemberList members, std::string_view event) {
  Item item = call.keyspace().find(call.db(), key);
  if (members.size() == 0) {
    if (!item) return false;
    call.keyspace().erase(item, call.keyspace().lazy_free().server_del);
    call.notify(key_event::kGeneric, "del", key);
    return true;
  }
  Entry* const entry = SortedSet::make(key, std::move(members), call.keyspace().limits());
  call.keyspace().replace(item, entry, call.keyspace().lazy_free().server_del);
  call.notify(key_event::kZset, event, key);
  return true;
}

void end_removal(Call& call, Item& item, std::string_view event) {
  call.keyspace().end_change(item, item.entry);
  const bool empty = SortedSet(*item.entry).size() == 0;
  if (empty) call.keyspace().erase(item);
  call.notify(key_event::kZset, event, item.key);
  if (empty) call.notify(key_event::kGeneric, "del", item.key);
}

}  // namespace stele
