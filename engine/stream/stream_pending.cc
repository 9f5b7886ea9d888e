// XPENDING, XCLAIM, XAUTOCLAIM: what was delivered and not acknowledged, and who takes it over.

#include <vector>

#include <absl/container/inlined_vector.h>

#include "engine/stream/stream_commands.h"
#include "protocol/resp_integer.h"

namespace stele::stream_command {

namespace {

void no_group(Call& call) {
  call.fail(fmt::format("NOGROUP No such key '{}' or consumer group '{}'", printed(call.arg(1)), printed(call.arg(2))));
}

/// The group of arguments 1 and 2; replies with an error and returns null if there is none.
StreamGroup* find_group(Call& call, Item& item) {
  item = call.keyspace().read(call.db(), call.arg(1));
  if (!is_stream_or_absent(call, item)) return nullptr;
  StreamGroup* group = item ? stream_of(item).find_group(call.arg(2)) : nullptr;
  if (group == nullptr) no_group(call);
  return group;
}

/// Argument `i` as a number; replies with an error that names the argument and returns false if it is none.
bool number_arg(Call& call, std::size_t i, std::string_view what, std::int64_t& value) {
  const auto parsed = parse_integer(call.arg(i));
  if (!parsed) {
    call.fail(fmt::format("ERR Invalid {} argument for {}", what,
                          call.command().row->name == "xclaim" ? "XCLAIM" : "XAUTOCLAIM"));
    return false;
  }
  value = *parsed;
  return true;
}

void reply_with_summary(Call& call, const StreamGroup& group) {
  RespWriter& reply = call.reply();
  reply.array(4);
  reply.integer(static_cast<std::int64_t>(group.pending().size()));
  if (group.pending().empty()) {
    reply.null();
    reply.null();
    return reply.null_array();
  }
  reply_with_id(reply, group.pending().begin()->first);
  reply_with_id(reply, group.pending().rbegin()->first);
  const RespWriter::Mark mark = reply.begin_array(group.consumers().size());
  std::size_t n = 0;
  for (const auto& [name, consumer] : group.consumers()) {
    if (consumer->pending.empty()) continue;
    reply.array(2);
    reply.bulk(name);
    reply.bulk_integer(static_cast<std::int64_t>(consumer->pending.size()));
    ++n;
  }
  reply.end_array(mark, n);
}

struct PendingRange {
  StreamId first, last;
  std::int64_t count = 0;
  std::int64_t idle_ms = 0;
};

void reply_with_range(Call& call, const StreamGroup& group, const PendingRange& range, const StreamConsumer* of) {
  RespWriter& reply = call.reply();
  const RespWriter::Mark mark = reply.begin_array(0);
  std::int64_t n = 0;
  const auto visit = [&](StreamId id, const StreamPending& pending) {
    const std::int64_t idle = elapsed_ms(call, pending.delivered_ms);
    if (idle < range.idle_ms) return;
    reply.array(4);
    reply_with_id(reply, id);
    reply.bulk(pending.consumer->name);
    reply.integer(idle);
    reply.integer(static_cast<std::int64_t>(pending.deliveries));
    ++n;
  };
  if (of == nullptr) {
    for (auto at = group.pending().lower_bound(range.first);
         n < range.count && at != group.pending().end() && at->first <= range.last; ++at) {
      visit(at->first, at->second);
    }
  } else {
    for (auto at = of->pending.lower_bound(range.first);
         n < range.count && at != of->pending.end() && *at <= range.last; ++at) {
      visit(*at, group.pending().find(*at)->second);
    }
  }
  reply.end_array(mark, static_cast<std::size_t>(n));
}

/// What XCLAIM and XAUTOCLAIM do to an entry that the consumer takes over.
struct Claim {
  StreamConsumer& consumer;
  std::int64_t delivered_ms;
  std::optional<std::uint64_t> deliveries;  // nothing: one more, but for JUSTID
  bool just_id;
};

void claim(const Claim& claim, StreamGroup& group, StreamId id, DeliveryEffects& effects) {
  StreamPending& pending = group.assign(id, claim.consumer);
  pending.delivered_ms = claim.delivered_ms;
  if (claim.deliveries) {
    pending.deliveries = *claim.deliveries;
  } else if (!claim.just_id) {
    ++pending.deliveries;
  }
  effects.add(id, pending);
}

void reply_with_claimed(Call& call, const Stream& stream, StreamId id, bool just_id) {
  if (just_id) return reply_with_id(call.reply(), id);
  StreamCursor entry(stream, id, id);
  STELE_ASSERT(entry.next());
  reply_with_entry(call.reply(), entry);
}

/// The options of XCLAIM, behind its ids.
struct ClaimOptions {
  std::optional<std::int64_t> delivered_ms;
  std::optional<std::uint64_t> deliveries;
  bool force = false;
  bool just_id = false;
  StreamId last_id;
};

bool parse_claim_options(Call& call, std::size_t from, ClaimOptions& options) {
  for (std::size_t i = from; i < call.argc(); ++i) {
    const bool more = i + 1 < call.argc();
    std::int64_t value = 0;
    if (call.arg_is(i, "FORCE")) {
      options.force = true;
    } else if (call.arg_is(i, "JUSTID")) {
      options.just_id = true;
    } else if (more && call.arg_is(i, "IDLE")) {
      if (!number_arg(call, ++i, "IDLE option", value)) return false;
      options.delivered_ms =
          static_cast<std::int64_t>(static_cast<std::uint64_t>(call.now().ms()) - static_cast<std::uint64_t>(value));
    } else if (more && call.arg_is(i, "TIME")) {
      if (!number_arg(call, ++i, "TIME option", value)) return false;
      options.delivered_ms = value;
    } else if (more && call.arg_is(i, "RETRYCOUNT")) {
      if (!number_arg(call, ++i, "RETRYCOUNT option", value)) return false;
      options.deliveries.reset();
      if (value >= 0) options.deliveries = static_cast<std::uint64_t>(value);
    } else if (more && call.arg_is(i, "LASTID")) {
      if (!id_arg(call, ++i, options.last_id)) return false;
    } else {
      call.fail(fmt::format("ERR Unrecognized XCLAIM option '{}'", printed(call.arg(i))));
      return false;
    }
  }
  return true;
}

}  // namespace

/// XPENDING key group [[IDLE ms] first last count [consumer]]
void xpending(Call& call) {
  if (call.argc() != 3 && (call.argc() < 6 || call.argc() > 9)) return call.syntax_error();
  PendingRange range;
  std::size_t first_at = 3;
  if (call.argc() >= 6) {
    if (call.arg_is(3, "IDLE")) {
      if (!call.integer_arg(4, range.idle_ms)) return;
      if (call.argc() < 8) return call.syntax_error();
      first_at = 5;
    }
    if (!call.integer_arg(first_at + 2, range.count)) return;
    if (!first_id_arg(call, first_at, range.first) || !last_id_arg(call, first_at + 1, range.last)) return;
  }
  Item item;
  const StreamGroup* group = find_group(call, item);
  if (group == nullptr) return;
  if (call.argc() == 3) return reply_with_summary(call, *group);
  const StreamConsumer* consumer = nullptr;
  if (call.argc() > first_at + 3) {
    consumer = group->find_consumer(call.arg(first_at + 3));
    if (consumer == nullptr) return call.reply().array(0);
  }
  reply_with_range(call, *group, range, consumer);
}

/// XCLAIM key group consumer min-idle id [id ...] [IDLE ms | TIME ms] [RETRYCOUNT n] [FORCE] [JUSTID] [LASTID id]
///
/// An entry that the stream has no more is not pending any more either.
///
/// Effect  XGROUP CREATECONSUMER for a consumer who is new; XCLAIM ... FORCE JUSTID LASTID for what it got; XACK for
/// what is
///         gone; XGROUP SETID for LASTID if nothing else tells it.
void xclaim(Call& call) {
  Item item;
  StreamGroup* group = find_group(call, item);
  if (group == nullptr) return;
  std::int64_t idle_min = 0;
  if (!number_arg(call, 4, "min-idle-time", idle_min)) return;
  absl::InlinedVector<StreamId, 8> ids;
  std::size_t at = 5;
  for (; at < call.argc(); ++at) {
    const auto id = parse_stream_id(call.arg(at), 0);
    if (!id) break;
    ids.push_back(*id);
  }
  ClaimOptions options;
  if (!parse_claim_options(call, at, options)) return;
  const std::int64_t now = call.now().ms();
  // Clients compute this from clocks of their own: what cannot be is taken for now.
  std::int64_t delivered_ms = options.delivered_ms.value_or(now);
  if (delivered_ms < 0 || delivered_ms > now) delivered_ms = now;

  StreamConsumer& consumer = see_consumer(call, item, *group, call.arg(2), call.arg(3));
  begin_quiet_change(call, item, false);
  const bool moves = options.last_id > group->last_id;
  if (moves) group->last_id = options.last_id;
  const Stream& stream = stream_of(item);
  const Claim taken{consumer, delivered_ms, options.deliveries, options.just_id};
  DeliveryEffects effects(call, call.arg(1), call.arg(2), *group);
  const RespWriter::Mark mark = call.reply().begin_array(ids.size());
  std::size_t n = 0;
  std::uint64_t gone = 0;
  for (const StreamId id : ids) {
    const StreamPending* pending = group->find_pending(id);
    if (pending == nullptr && !options.force) continue;
    if (!stream.contains(id)) {
      if (pending == nullptr) continue;
      group->erase_pending(id);
      effects.flush();
      call.emit("XACK", call.arg(1), call.arg(2), StreamIdText(id).view());
      ++gone;
      continue;
    }
    if (pending != nullptr && idle_min > 0 && elapsed_ms(call, pending->delivered_ms) < idle_min) continue;
    claim(taken, *group, id, effects);
    consumer.active_ms = now;
    reply_with_claimed(call, stream, id, options.just_id);
    ++n;
  }
  call.reply().end_array(mark, n);
  effects.flush();
  if (moves && !effects.any()) emit_group_position(call, call.arg(1), call.arg(2), *group);
  call.keyspace().stats().changes += n + gone + (moves && n == 0 ? 1 : 0);
}

/// XAUTOCLAIM key group consumer min-idle first [COUNT n] [JUSTID]
///
/// Effect  as XCLAIM's.
void xautoclaim(Call& call) {
  // How many entries are looked at for each that may be claimed.
  constexpr std::int64_t kAttempts = 10;
  constexpr std::int64_t kCountMax = std::numeric_limits<std::int64_t>::max() / 16;
  std::int64_t idle_min = 0, count = 100;
  StreamId first;
  bool just_id = false;
  if (!number_arg(call, 4, "min-idle-time", idle_min) || !first_id_arg(call, 5, first)) return;
  for (std::size_t i = 6; i < call.argc(); ++i) {
    if (call.arg_is(i, "COUNT") && i + 1 < call.argc()) {
      const auto value = parse_integer(call.arg(++i));
      if (!value || *value < 1 || *value > kCountMax) return call.fail("ERR COUNT must be > 0");
      count = *value;
    } else if (call.arg_is(i, "JUSTID")) {
      just_id = true;
    } else {
      return call.syntax_error();
    }
  }
  Item item;
  StreamGroup* group = find_group(call, item);
  if (group == nullptr) return;

  const Stream& stream = stream_of(item);
  std::vector<StreamId> claimed, gone;
  std::int64_t attempts = count * kAttempts;
  auto at = group->pending().lower_bound(first);
  for (; at != group->pending().end() && attempts > 0 && count > 0; ++at, --attempts) {
    if (!stream.contains(at->first)) {
      gone.push_back(at->first);
    } else if (idle_min > 0 && elapsed_ms(call, at->second.delivered_ms) < idle_min) {
      continue;
    } else {
      claimed.push_back(at->first);
    }
    --count;
  }
  const StreamId next = at == group->pending().end() ? StreamId() : at->first;

  StreamConsumer& consumer = see_consumer(call, item, *group, call.arg(2), call.arg(3));
  if (!claimed.empty() || !gone.empty()) begin_quiet_change(call, item, false);
  const Claim taken{consumer, call.now().ms(), std::nullopt, just_id};
  DeliveryEffects effects(call, call.arg(1), call.arg(2), *group);
  call.reply().array(3);
  reply_with_id(call.reply(), next);
  call.reply().array(claimed.size());
  for (const StreamId id : claimed) {
    claim(taken, *group, id, effects);
    reply_with_claimed(call, stream, id, just_id);
  }
  effects.flush();
  if (!claimed.empty()) consumer.active_ms = call.now().ms();
  call.reply().array(gone.size());
  for (const StreamId id : gone) {
    group->erase_pending(id);
    call.emit("XACK", call.arg(1), call.arg(2), StreamIdText(id).view());
    reply_with_id(call.reply(), id);
  }
  call.keyspace().stats().changes += claimed.size() + gone.size();
}

}  // namespace stele::stream_command
