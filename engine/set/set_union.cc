// SUNION, SUNIONSTORE, SDIFF, SDIFFSTORE.

#include "engine/set/set_commands.h"

namespace stele::set_command {

void store_set(Call& call, std::string_view key, SetBody result, std::string_view event) {
  Item item = call.keyspace().find(call.db(), key);
  const auto members = static_cast<std::int64_t>(result.size());
  const bool was_there = static_cast<bool>(item);
  const bool lazy = call.keyspace().lazy_free().server_del;
  if (members > 0) {
    call.keyspace().replace(item, result.to_entry(key, std::nullopt), lazy);
    call.notify(key_event::kSet, event, key);
  } else {
    result.free();
    if (was_there) {
      call.keyspace().erase(item, lazy);
      call.notify(key_event::kGeneric, "del", key);
    }
  }
  if (was_there || members > 0) call.emit_verbatim();
  call.reply().integer(members);
}

namespace {

/// The sets under `keys`, those absent left out but in place of the first. Nothing after a reply of WRONGTYPE.
struct Operands {
  std::optional<SetBody> first;
  std::vector<SetBody> others;
};

std::optional<Operands> operands(Call& call, std::span<const std::string_view> keys) {
  Operands found;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const Item item = call.keyspace().read(call.db(), keys[i]);
    if (!is_set_or_absent(call, item)) return std::nullopt;
    if (!item) continue;
    if (i == 0) {
      found.first.emplace(*item.entry);
    } else {
      found.others.emplace_back(*item.entry);
    }
  }
  return found;
}

SetBody empty_set() { return SetBody::make(Encoding::intset, 0); }

void add_all(SetBody& result, const SetBody& set, const CollectionLimits& limits) {
  SetWalk walk(set);
  PackedValue member;
  while (walk.next(member)) result.add(member, limits);
}

SetBody union_of(const Operands& sets, const CollectionLimits& limits) {
  SetBody result = empty_set();
  if (sets.first) add_all(result, *sets.first, limits);
  for (const SetBody& set : sets.others) add_all(result, set, limits);
  return result;
}

/// By whichever of two ways has less to do: to ask the others for each member of the first set, the largest first since
/// it most likely has it, or to take the members of all others out of a copy of the first. The former gets half the
/// weight, because it often need not ask all.
SetBody difference_of(Operands& sets, const CollectionLimits& limits) {
  SetBody result = empty_set();
  if (!sets.first) return result;
  const std::size_t first_size = sets.first->size();
  std::size_t all_sizes = first_size;
  for (const SetBody& set : sets.others) {
    if (set.body() == sets.first->body()) return result;
    all_sizes += set.size();
  }
  if (first_size * (sets.others.size() + 1) / 2 <= all_sizes) {
    std::stable_sort(sets.others.begin(), sets.others.end(),
                     [](const SetBody& a, const SetBody& b) { return a.size() > b.size(); });
    SetWalk walk(*sets.first);
    PackedValue member;
    while (walk.next(member)) {
      const bool elsewhere =
          std::any_of(sets.others.begin(), sets.others.end(), [&](const SetBody& set) { return set.contains(member); });
      if (!elsewhere) result.add(member, limits);
    }
    return result;
  }
  add_all(result, *sets.first, limits);
  for (const SetBody& set : sets.others) {
    SetWalk walk(set);
    PackedValue member;
    while (result.size() > 0 && walk.next(member)) result.erase(member);
  }
  return result;
}

void reply_and_free(Call& call, const SetBody& result) {
  reply_with_members(call, result);
  result.free();
}

}  // namespace

/// SUNION key [key ...]
void sunion(Call& call) {
  const auto sets = operands(call, call.args().subspan(1));
  if (sets) reply_and_free(call, union_of(*sets, call.keyspace().limits()));
}

/// SUNIONSTORE destination key [key ...]. Effect: verbatim.
void sunionstore(Call& call) {
  const auto sets = operands(call, call.args().subspan(2));
  if (sets) store_set(call, call.arg(1), union_of(*sets, call.keyspace().limits()), "sunionstore");
}

/// SDIFF key [key ...]
void sdiff(Call& call) {
  auto sets = operands(call, call.args().subspan(1));
  if (sets) reply_and_free(call, difference_of(*sets, call.keyspace().limits()));
}

/// SDIFFSTORE destination key [key ...]. Effect: verbatim.
void sdiffstore(Call& call) {
  auto sets = operands(call, call.args().subspan(2));
  if (sets) store_set(call, call.arg(1), difference_of(*sets, call.keyspace().limits()), "sdiffstore");
}

}  // namespace stele::set_command
