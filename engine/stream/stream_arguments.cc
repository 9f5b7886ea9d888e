// What several stream commands do alike: intervals, consumers that show up, effects of deliveries.

#include <absl/container/inlined_vector.h>

#include "engine/stream/stream_commands.h"

namespace stele::stream_command {

namespace {

/// An end of an interval; `excluded` if it stands behind a `(`.
bool interval_arg(Call& call, std::size_t i, std::uint64_t missing_seq, StreamId& id, bool& excluded) {
  const std::string_view text = call.arg(i);
  excluded = text.size() > 1 && text[0] == '(';
  const auto parsed = excluded ? parse_stream_id(text.substr(1), missing_seq) : parse_stream_bound(text, missing_seq);
  if (!parsed) return invalid_id(call), false;
  id = *parsed;
  return true;
}

}  // namespace

bool first_id_arg(Call& call, std::size_t i, StreamId& first) {
  bool excluded = false;
  if (!interval_arg(call, i, 0, first, excluded)) return false;
  if (!excluded) return true;
  const auto next = first.next();
  if (!next) return call.fail("ERR invalid start ID for the interval"), false;
  first = *next;
  return true;
}

bool last_id_arg(Call& call, std::size_t i, StreamId& last) {
  bool excluded = false;
  if (!interval_arg(call, i, std::numeric_limits<std::uint64_t>::max(), last, excluded)) return false;
  if (!excluded) return true;
  const auto previous = last.previous();
  if (!previous) return call.fail("ERR invalid end ID for the interval"), false;
  last = *previous;
  return true;
}

StreamConsumer& see_consumer(Call& call, Item& item, StreamGroup& group, std::string_view group_name,
                             std::string_view consumer_name) {
  const std::int64_t now = call.now().ms();
  if (StreamConsumer* known = group.find_consumer(consumer_name)) {
    known->seen_ms = now;
    return *known;
  }
  begin_quiet_change(call, item);
  StreamConsumer& consumer = group.add_consumer(consumer_name, now);
  call.notify(key_event::kStream, "xgroup-createconsumer", item.key);
  call.emit("XGROUP", "CREATECONSUMER", item.key, group_name, consumer_name);
  return consumer;
}

void DeliveryEffects::add(StreamId id, const StreamPending& pending) {
  any_ = true;
  if (call_.effects().muted()) return;
  const bool same = said_.consumer == pending.consumer && said_.delivered_ms == pending.delivered_ms &&
                    said_.deliveries == pending.deliveries;
  if (count_ == kIdsMax || !same) flush();
  said_ = pending;
  ids_[count_++].emplace(id);
}

void DeliveryEffects::flush() {
  if (count_ == 0) return;
  char time[24], count[24];
  const auto digits = [](char(&text)[24], auto value) {
    return std::string_view(text, static_cast<std::size_t>(std::to_chars(text, text + sizeof text, value).ptr - text));
  };
  const StreamIdText last(group_.last_id);
  absl::InlinedVector<std::string_view, kIdsMax + 13> effect = {"XCLAIM", key_, group_name_, said_.consumer->name, "0"};
  for (std::size_t i = 0; i < count_; ++i) effect.push_back(ids_[i]->view());
  effect.insert(effect.end(), {"TIME", digits(time, said_.delivered_ms), "RETRYCOUNT", digits(count, said_.deliveries),
                               "FORCE", "JUSTID", "LASTID", last.view()});
  call_.effects().emit_list(call_.session().db, effect);
  count_ = 0;
}

void emit_group_position(Call& call, std::string_view key, std::string_view group_name, const StreamGroup& group) {
  call.emit("XGROUP", "SETID", key, group_name, StreamIdText(group.last_id).view(), "ENTRIESREAD", group.entries_read);
}

}  // namespace stele::stream_command
