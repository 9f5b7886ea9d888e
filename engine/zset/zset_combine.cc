// ZUNION, ZINTER, ZDIFF, with STORE or without, and ZINTERCARD: several sets to one.

#include <cmath>
#include <limits>

#include <absl/container/flat_hash_map.h>
#include <absl/container/flat_hash_set.h>
#include <absl/container/inlined_vector.h>

#include "engine/real.h"
#include "engine/zset/zset_commands.h"
#include "engine/zset/zset_source.h"
#include "protocol/resp_integer.h"

namespace stele::zset_command {

namespace {

enum class Aggregate { sum, min, max };

struct Combination {
  absl::InlinedVector<ZsetSource, 4> sources;
  Aggregate aggregate = Aggregate::sum;
  bool with_scores = false;
  std::size_t limit = 0;  // 0: none
};

struct Syntax {
  std::size_t numkeys;  // the argument
  bool weighs = false;  // WEIGHTS and AGGREGATE
  bool shows = false;   // WITHSCORES
  bool counts = false;  // LIMIT
};

bool parse_weights(Call& call, std::size_t at, Combination& query) {
  for (ZsetSource& source : query.sources) {
    const auto weight = parse_double(call.arg(at++));
    if (!weight) {
      call.fail("ERR weight value is not a float");
      return false;
    }
    source.weight = *weight;
  }
  return true;
}

bool parse_options(Call& call, std::size_t at, const Syntax& syntax, Combination& query) {
  while (at < call.argc()) {
    const std::size_t left = call.argc() - at;
    if (syntax.weighs && left > query.sources.size() && call.arg_is(at, "weights")) {
      if (!parse_weights(call, at + 1, query)) return false;
      at += 1 + query.sources.size();
    } else if (syntax.weighs && left >= 2 && call.arg_is(at, "aggregate")) {
      if (call.arg_is(at + 1, "sum")) {
        query.aggregate = Aggregate::sum;
      } else if (call.arg_is(at + 1, "min")) {
        query.aggregate = Aggregate::min;
      } else if (call.arg_is(at + 1, "max")) {
        query.aggregate = Aggregate::max;
      } else {
        call.syntax_error();
        return false;
      }
      at += 2;
    } else if (syntax.shows && call.arg_is(at, "withscores")) {
      query.with_scores = true;
      ++at;
    } else if (syntax.counts && left >= 2 && call.arg_is(at, "limit")) {
      const auto limit = parse_integer(call.arg(at + 1));
      if (!limit || *limit < 0) {
        call.fail("ERR LIMIT can't be negative");
        return false;
      }
      query.limit = static_cast<std::size_t>(*limit);
      at += 2;
    } else {
      call.syntax_error();
      return false;
    }
  }
  return true;
}

/// Replies with the error and returns false. In Redis' order: keys are looked up before options are read.
bool parse(Call& call, const Syntax& syntax, Combination& query) {
  std::int64_t count = 0;
  if (!call.integer_arg(syntax.numkeys, count)) return false;
  if (count < 1) {
    call.fail(fmt::format("ERR at least 1 input key is needed for '{}' command", call.command().full_name));
    return false;
  }
  const std::size_t first = syntax.numkeys + 1;
  if (static_cast<std::uint64_t>(count) > call.argc() - first) {
    call.syntax_error();
    return false;
  }
  for (const std::string_view key : call.args().subspan(first, static_cast<std::size_t>(count))) {
    const Item item = call.keyspace().read(call.db(), key);
    if (item && !ZsetSource::accepts(*item.entry)) {
      call.wrong_type();
      return false;
    }
    query.sources.emplace_back(item.entry);
  }
  return parse_options(call, first + query.sources.size(), syntax, query);
}

/// Infinity times zero, and infinity less infinity, count as 0.
double or_zero(double score) { return std::isnan(score) ? 0 : score; }

double aggregate(Aggregate how, double a, double b) {
  if (how == Aggregate::sum) return or_zero(a + b);
  return how == Aggregate::min ? std::min(a, b) : std::max(a, b);
}

/// The smallest first. Which order scores are added in shows in their last digits, so it has to be Redis'.
void sort_by_size(Combination& query) {
  std::stable_sort(query.sources.begin(), query.sources.end(),
                   [](const ZsetSource& a, const ZsetSource& b) { return a.size() < b.size(); });
}

MemberList unite(Combination& query) {
  sort_by_size(query);
  MemberList result;
  absl::flat_hash_map<std::string_view, Member*> united;
  united.reserve(query.sources.back().size());
  for (const ZsetSource& source : query.sources) {
    source.for_each([&](std::string_view text, double value) {
      const double score = or_zero(source.weight * value);
      if (const auto found = united.find(text); found != united.end()) {
        found->second->set_score(aggregate(query.aggregate, found->second->score(), score));
      } else {
        Member* const member = result.add(text, score);
        united.emplace(member->text(), member);
      }
      return true;
    });
  }
  result.sort();
  return result;
}

/// visit(text, score) for each member that all sources have, until it returns false.
template <typename Visit>
void intersect(Combination& query, const Visit& visit) {
  sort_by_size(query);
  const ZsetSource& smallest = query.sources[0];
  smallest.for_each([&](std::string_view text, double value) {
    double score = or_zero(smallest.weight * value);
    for (std::size_t i = 1; i < query.sources.size(); ++i) {
      const ZsetSource& source = query.sources[i];
      const std::optional<double> other = source.is_same_as(smallest) ? value : source.score_of(text);
      if (!other) return true;
      // As in Redis: infinity times zero takes the whole sum to 0 here, and is no smallest or largest score.
      score = aggregate(query.aggregate, score, source.weight * *other);
    }
    return visit(text, score);
  });
}

MemberList intersection(Combination& query) {
  MemberList result;
  intersect(query, [&](std::string_view text, double score) {
    result.add(text, score);
    return true;
  });
  result.sort();
  return result;
}

MemberList difference(Combination& query) {
  MemberList result;
  const std::span<const ZsetSource> others = std::span(query.sources).subspan(1);
  std::size_t others_size = 0;
  for (const ZsetSource& other : others) {
    if (other.is_same_as(query.sources[0])) return result;
    others_size += other.size();
  }
  // Looking for each member in every other set, or taking their members out of this one: whatever is less.
  if (query.sources[0].size() * others.size() <= query.sources[0].size() + others_size) {
    query.sources[0].for_each([&](std::string_view text, double score) {
      for (const ZsetSource& other : others) {
        if (other.score_of(text)) return true;
      }
      result.add(text, score);
      return true;
    });
  } else {
    MemberList all;
    absl::flat_hash_set<std::string_view> left;
    query.sources[0].for_each([&](std::string_view text, double score) {
      left.insert(all.add(text, score)->text());
      return true;
    });
    for (const ZsetSource& other : others) {
      other.for_each([&](std::string_view text, double) {
        left.erase(text);
        return !left.empty();
      });
    }
    for (const Member* const member : all.get()) {
      if (left.contains(member->text())) result.add(member->text(), member->score());
    }
  }
  result.sort();
  return result;
}

using Combine = MemberList (*)(Combination&);

/// <command> numkeys key [key ...] [options]
void reply_combined(Call& call, Combine combine, bool weighs) {
  Combination query;
  if (!parse(call, {.numkeys = 1, .weighs = weighs, .shows = true}, query)) return;
  const MemberList members = combine(query);
  RespWriter& reply = call.reply();
  const bool nested = query.with_scores && reply.resp3();
  reply.array(query.with_scores && !nested ? 2 * members.size() : members.size());
  for (const Member* const member : members.get()) {
    if (nested) reply.array(2);
    reply.bulk(member->text());
    if (query.with_scores) reply.real(member->score());
  }
}

/// <command> destination numkeys key [key ...] [options]. Effect: verbatim.
void store_combined(Call& call, Combine combine, bool weighs, std::string_view event) {
  Combination query;
  if (!parse(call, {.numkeys = 2, .weighs = weighs}, query)) return;
  MemberList members = combine(query);
  const auto count = static_cast<std::int64_t>(members.size());
  if (store_members(call, call.arg(1), std::move(members), event)) call.emit_verbatim();
  call.reply().integer(count);
}

}  // namespace

void zunion(Call& call) { reply_combined(call, unite, true); }
void zinter(Call& call) { reply_combined(call, intersection, true); }
void zdiff(Call& call) { reply_combined(call, difference, false); }
void zunionstore(Call& call) { store_combined(call, unite, true, "zunionstore"); }
void zinterstore(Call& call) { store_combined(call, intersection, true, "zinterstore"); }
void zdiffstore(Call& call) { store_combined(call, difference, false, "zdiffstore"); }

/// ZINTERCARD numkeys key [key ...] [LIMIT limit]
void zintercard(Call& call) {
  Combination query;
  if (!parse(call, {.numkeys = 1, .counts = true}, query)) return;
  std::size_t count = 0;
  intersect(query, [&](std::string_view, double) { return ++count != query.limit; });
  call.reply().integer(static_cast<std::int64_t>(count));
}

}  // namespace stele::zset_command
