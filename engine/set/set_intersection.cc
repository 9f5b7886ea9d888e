// SINTER, SINTERSTORE, SINTERCARD.

#include "engine/set/set_commands.h"
#include "protocol/resp_integer.h"

namespace stele::set_command {

namespace {

/// The sets under `keys`, the smallest first; none if one of the keys is absent. Nothing at all after a reply of
/// WRONGTYPE, which comes whatever else is absent.
std::optional<std::vector<SetBody>> sets_of(Call& call, std::span<const std::string_view> keys) {
  std::vector<SetBody> sets;
  sets.reserve(keys.size());
  bool all_there = true;
  for (const std::string_view key : keys) {
    const Item item = call.keyspace().read(call.db(), key);
    if (!is_set_or_absent(call, item)) return std::nullopt;
    if (item) sets.emplace_back(*item.entry);
    all_there = all_there && item;
  }
  if (!all_there) sets.clear();
  std::stable_sort(sets.begin(), sets.end(), [](const SetBody& a, const SetBody& b) { return a.size() < b.size(); });
  return sets;
}

/// Calls visit(member) for each member of the intersection until it returns false.
template <typename Visit>
void intersect(const std::vector<SetBody>& sets, Visit&& visit) {
  if (sets.empty()) return;
  SetWalk walk(sets.front());
  PackedValue member;
  while (walk.next(member)) {
    const bool in_all = std::all_of(sets.begin() + 1, sets.end(), [&](const SetBody& set) {
      return set.body() == sets.front().body() || set.contains(member);
    });
    if (in_all && !visit(member)) return;
  }
}

}  // namespace

/// SINTER key [key ...]
void sinter(Call& call) {
  const auto sets = sets_of(call, call.args().subspan(1));
  if (!sets) return;
  const auto mark = call.reply().begin_set();
  std::size_t members = 0;
  intersect(*sets, [&](const PackedValue& member) {
    reply_packed(call.reply(), member);
    ++members;
    return true;
  });
  call.reply().end_set(mark, members);
}

/// SINTERSTORE destination key [key ...]. Effect: verbatim.
void sinterstore(Call& call) {
  const auto sets = sets_of(call, call.args().subspan(2));
  if (!sets) return;
  const CollectionLimits& limits = call.keyspace().limits();
  // Begun as what the result can at most become, so that no set of many members goes through a listpack.
  SetBody result = SetBody::make(sets->empty() ? Encoding::intset : sets->front().encoding(), 0);
  intersect(*sets, [&](const PackedValue& member) {
    result.add(member, limits);
    return true;
  });
  result.to_intset_if_possible(limits);
  result.shrink();
  store_set(call, call.arg(1), result, "sinterstore");
}

/// SINTERCARD numkeys key [key ...] [LIMIT limit]: a limit of 0 is none.
void sintercard(Call& call) {
  const auto keys = parse_integer(call.arg(1));
  if (!keys || *keys < 1) return call.fail("ERR numkeys should be greater than 0");
  if (*keys > static_cast<std::int64_t>(call.argc()) - 2) {
    return call.fail("ERR Number of keys can't be greater than number of args");
  }
  const auto key_count = static_cast<std::size_t>(*keys);
  std::int64_t limit = 0;
  for (std::size_t i = 2 + key_count; i < call.argc(); i += 2) {
    if (!call.arg_is(i, "limit") || i + 1 == call.argc()) return call.syntax_error();
    const auto parsed = parse_integer(call.arg(i + 1));
    if (!parsed || *parsed < 0) return call.fail("ERR LIMIT can't be negative");
    limit = *parsed;
  }
  const auto sets = sets_of(call, call.args().subspan(2, key_count));
  if (!sets) return;
  std::int64_t members = 0;
  intersect(*sets, [&](const PackedValue&) { return ++members != limit; });
  call.reply().integer(members);
}

}  // namespace stele::set_command
