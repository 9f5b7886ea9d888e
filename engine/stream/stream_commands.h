#pragma once

#include <optional>
#include <string_view>

#include "engine/call.h"
#include "engine/stream/stream.h"

/// The handlers of the stream commands, one file an idea; stream_commands.cc has the table.
namespace stele::stream_command {

// stream_entries.cc: entries, and what is known of a stream
void xadd(Call& call);
void xtrim(Call& call);
void xdel(Call& call);
void xlen(Call& call);
void xrange(Call& call);
void xrevrange(Call& call);
void xsetid(Call& call);

// stream_read.cc: reading on, alone or as a member of a group
void xread(Call& call);
void xreadgroup(Call& call);

// stream_groups.cc: groups and consumers
void xgroup_create(Call& call);
void xgroup_setid(Call& call);
void xgroup_destroy(Call& call);
void xgroup_createconsumer(Call& call);
void xgroup_delconsumer(Call& call);
void xgroup_help(Call& call);
void xack(Call& call);

// stream_pending.cc: what was delivered and not acknowledged
void xpending(Call& call);
void xclaim(Call& call);
void xautoclaim(Call& call);

// stream_info.cc
void xinfo_stream(Call& call);
void xinfo_groups(Call& call);
void xinfo_consumers(Call& call);
void xinfo_help(Call& call);

inline Stream& stream_of(const Item& item) { return *static_cast<Stream*>(item.entry->body()); }

/// Whether `item` holds no other type than a stream; replies WRONGTYPE if it does. Absence is fine.
inline bool is_stream_or_absent(Call& call, const Item& item) {
  if (!item || item.entry->type() == ObjectType::stream) return true;
  call.wrong_type();
  return false;
}

// --- arguments; each replies with an error and returns nothing or false if argument `i` is none

inline void invalid_id(Call& call) { call.fail("ERR Invalid stream ID specified as stream command argument"); }

inline bool id_arg(Call& call, std::size_t i, StreamId& id) {
  const auto parsed = parse_stream_id(call.arg(i), 0);
  if (!parsed) {
    invalid_id(call);
    return false;
  }
  id = *parsed;
  return true;
}

/// The ends of an interval: `-`, `+`, an id, or `(` and an id that is not part of it.
bool first_id_arg(Call& call, std::size_t i, StreamId& first);
bool last_id_arg(Call& call, std::size_t i, StreamId& last);

// --- changes

/// A change of a stream that is no change of its entries: groups, consumers, what is pending. It is stored and counted,
/// but not signalled, as in Redis: it fails no WATCH, invalidates no client's cache, and wakes nobody. `counted` is
/// false where not even INFO's rdb_changes_since_last_save shows it.
inline void begin_quiet_change(Call& call, Item& item, bool counted = true) {
  call.keyspace().begin_change(item);
  if (counted) ++call.keyspace().stats().changes;
}

/// The consumer of that name, who has now been seen; created if there is none, which is a change and an effect.
StreamConsumer& see_consumer(Call& call, Item& item, StreamGroup& group, std::string_view group_name,
                             std::string_view consumer_name);

/// Effects of deliveries: what `group` has pending since now, as XCLAIM ... FORCE JUSTID LASTID. Neighbours that say
/// the same of several ids are one effect.
class DeliveryEffects {
 public:
  DeliveryEffects(Call& call, std::string_view key, std::string_view group_name, const StreamGroup& group)
      : call_(call), key_(key), group_name_(group_name), group_(group) {}

  void add(StreamId id, const StreamPending& pending);
  /// To be called at the end, and before other effects that have to come behind.
  void flush();
  bool any() const { return any_; }

 private:
  static constexpr std::size_t kIdsMax = 32;

  Call& call_;
  const std::string_view key_;
  const std::string_view group_name_;
  const StreamGroup& group_;
  StreamPending said_;
  std::optional<StreamIdText> ids_[kIdsMax];
  std::size_t count_ = 0;
  bool any_ = false;
};

/// The effect of a group's having moved on: XGROUP SETID key group id ENTRIESREAD n.
void emit_group_position(Call& call, std::string_view key, std::string_view group_name, const StreamGroup& group);

// --- replies

inline void reply_with_id(RespWriter& reply, StreamId id) { reply.bulk(StreamIdText(id).view()); }

inline void reply_with_packed(RespWriter& reply, const PackedValue& value) {
  if (value.is_integer()) return reply.bulk_integer(value.integer);
  reply.bulk({value.data, value.bytes});
}

/// [id, [field, value, ...]]
inline void reply_with_entry(RespWriter& reply, const StreamCursor& entry) {
  reply.array(2);
  reply_with_id(reply, entry.id());
  reply.array(2 * entry.fields());
  entry.each_pair([&reply](const PackedValue& field, const PackedValue& value) {
    reply_with_packed(reply, field);
    reply_with_packed(reply, value);
  });
}

/// Milliseconds from `then` to now, not negative.
inline std::int64_t elapsed_ms(const Call& call, std::int64_t then) {
  const std::int64_t now = call.now().ms();
  if (then >= now) return 0;
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(now) - static_cast<std::uint64_t>(then));
}

}  // namespace stele::stream_command
