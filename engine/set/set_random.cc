// SPOP, SRANDMEMBER: members drawn at random.

#include <absl/container/flat_hash_set.h>

#include "engine/random_picks.h"
#include "engine/set/set_commands.h"
#include "protocol/resp_integer.h"

namespace stele::set_command {

namespace {

/// From how many members a choice without repetition is made by drawing, and again if it was drawn before: then at
/// least two of three draws are new ones.
constexpr std::size_t kDrawUpToNth = 3;
/// Members a SREM among the effects names at most.
constexpr std::size_t kEffectMembersMax = 1024;

std::vector<PackedValue> members_of(const SetBody& set) {
  std::vector<PackedValue> members;
  members.reserve(set.size());
  SetWalk walk(set);
  PackedValue member;
  while (walk.next(member)) members.push_back(member);
  return members;
}

/// `count` members, fewer than all, each once; their bytes stay where they are in the set.
std::vector<PackedValue> distinct_members(const SetBody& set, std::size_t count) {
  if (set.encoding() != Encoding::hashtable) {
    const std::vector<PackedValue> all = members_of(set);
    std::vector<PackedValue> chosen;
    chosen.reserve(count);
    for (const std::size_t pick : random_picks(count, all.size())) chosen.push_back(all[pick]);
    return chosen;
  }
  if (count * kDrawUpToNth > set.size()) {
    std::vector<PackedValue> all = members_of(set);
    shuffle_front(all, count);
    all.resize(count);
    return all;
  }
  std::vector<PackedValue> chosen;
  chosen.reserve(count);
  absl::flat_hash_set<const SetMember*> drawn;
  drawn.reserve(count);
  while (drawn.size() < count) {
    const SetMember* member = set.table().random();
    if (!drawn.insert(member).second) continue;
    chosen.push_back({.data = member->text().data(), .bytes = static_cast<std::uint32_t>(member->text().size())});
  }
  return chosen;
}

/// Effects  SREM key member [member ...]: another server would draw others.
void emit_removal(Call& call, std::span<const PackedValue> members) {
  std::vector<std::string_view> args;
  std::vector<std::array<char, 24>> digits(std::min(members.size(), kEffectMembersMax));
  while (!members.empty()) {
    const std::size_t count = std::min(members.size(), kEffectMembersMax);
    args.assign({"SREM", call.arg(1)});
    for (std::size_t i = 0; i < count; ++i) args.push_back(members[i].text(digits[i].data()));
    call.effects().emit_list(call.session().db, args);
    members = members.subspan(count);
  }
}

/// The set without its members at `picks`, ascending, for what is packed.
SetBody without(const SetBody& set, std::span<const std::size_t> picks) {
  Listpack listpack;
  Intset intset;
  SetWalk walk(set);
  PackedValue member;
  for (std::size_t index = 0; walk.next(member); ++index) {
    if (!picks.empty() && picks.front() == index) {
      picks = picks.subspan(1);
    } else if (set.encoding() == Encoding::intset) {
      intset.insert(member.integer);
    } else if (member.is_integer()) {
      listpack.append_integer(member.integer);
    } else {
      listpack.append({member.data, member.bytes});
    }
  }
  return {set.encoding(), set.encoding() == Encoding::intset ? intset.release() : listpack.release()};
}

void reply_and_emit(Call& call, std::span<const PackedValue> members) {
  call.reply().set(members.size());
  for (const PackedValue& member : members) reply_packed(call.reply(), member);
  emit_removal(call, members);
}

/// Removes `count` members, fewer than all. The reply and the effects come first, while the members are there: nothing
/// can fail any more.
void pop_some(Call& call, Item& item, std::size_t count) {
  SetBody set(*item.entry);
  call.keyspace().begin_change(item);
  if (set.encoding() == Encoding::hashtable) {
    const std::vector<PackedValue> chosen = distinct_members(set, count);
    reply_and_emit(call, chosen);
    for (const PackedValue& member : chosen) set.erase(member);
  } else {
    const std::vector<std::size_t> picks = random_picks(count, set.size());
    const std::vector<PackedValue> all = members_of(set);
    std::vector<PackedValue> chosen;
    for (const std::size_t pick : picks) chosen.push_back(all[pick]);
    reply_and_emit(call, chosen);
    const SetBody old = set;
    set = without(old, picks);
    old.free();
  }
  set.put_into(*item.entry);
  call.keyspace().end_change(item, item.entry);
  call.notify(key_event::kSet, "spop", call.arg(1));
}

/// Removes all members and so the key. Effect: DEL key.
void pop_all(Call& call, Item& item) {
  reply_with_members(call, SetBody(*item.entry));
  call.emit("DEL", call.arg(1));
  call.keyspace().erase(item, call.keyspace().lazy_free().server_del);
  call.notify(key_event::kSet, "spop", call.arg(1));
  call.notify(key_event::kGeneric, "del", call.arg(1));
}

void pop_one(Call& call, Item& item) {
  SetBody set(*item.entry);
  char scratch[24];
  call.keyspace().begin_change(item);
  const PackedValue member = set.random();
  reply_packed(call.reply(), member);
  call.emit("SREM", call.arg(1), member.text(scratch));
  set.erase(member);
  set.put_into(*item.entry);
  call.keyspace().end_change(item, item.entry);
  call.notify(key_event::kSet, "spop", call.arg(1));
  if (set.size() > 0) return;
  call.keyspace().erase(item);
  call.notify(key_event::kGeneric, "del", call.arg(1));
}

}  // namespace

/// SPOP key [count]
///
/// Effects  SREM of what was drawn; DEL if that was everything.
void spop(Call& call) {
  if (call.argc() > 3) return call.syntax_error();
  std::int64_t count = 0;
  if (call.argc() == 3) {
    const auto parsed = parse_integer(call.arg(2));
    if (!parsed || *parsed < 0) return call.fail("ERR value is out of range, must be positive");
    count = *parsed;
  }
  Item item = call.keyspace().find(call.db(), call.arg(1));
  if (!is_set_or_absent(call, item)) return;
  if (call.argc() == 2) return item ? pop_one(call, item) : call.reply().null();
  if (!item || count == 0) return call.reply().set(0);
  const auto wanted = static_cast<std::size_t>(count);
  wanted >= SetBody(*item.entry).size() ? pop_all(call, item) : pop_some(call, item, wanted);
}

/// SRANDMEMBER key [count]: a negative count may name a member more than once.
void srandmember(Call& call) {
  if (call.argc() > 3) return call.syntax_error();
  std::int64_t count = 0;
  if (call.argc() == 3) {
    if (!call.integer_arg(2, count)) return;
    constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();
    if (count < -kMax) {
      return call.fail(fmt::format("ERR value is out of range, value must between {} and {}", -kMax, kMax));
    }
  }
  const Item item = call.keyspace().read(call.db(), call.arg(1));
  if (!is_set_or_absent(call, item)) return;
  if (!item) return call.argc() == 2 ? call.reply().null() : call.reply().array(0);
  const SetBody set(*item.entry);
  if (call.argc() == 2) return reply_packed(call.reply(), set.random());

  const auto wanted = static_cast<std::size_t>(count < 0 ? -count : count);
  if (count < 0) {
    call.reply().array(wanted);
    if (set.encoding() == Encoding::listpack) {
      const std::vector<PackedValue> all = members_of(set);
      for (std::size_t i = 0; i < wanted && !call.replied_too_much(); ++i) {
        reply_packed(call.reply(), all[Random::below(all.size())]);
      }
    } else {
      for (std::size_t i = 0; i < wanted && !call.replied_too_much(); ++i) reply_packed(call.reply(), set.random());
    }
    return;
  }
  const std::vector<PackedValue> chosen = wanted >= set.size() ? members_of(set) : distinct_members(set, wanted);
  call.reply().array(chosen.size());
  for (const PackedValue& member : chosen) reply_packed(call.reply(), member);
}

}  // namespace stele::set_command
