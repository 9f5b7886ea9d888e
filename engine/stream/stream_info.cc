// XINFO: what is known of a stream, its groups and their consumers.

#include "engine/stream/stream_commands.h"

namespace stele::stream_command {

namespace {

void unknown_subcommand(Call& call) {
  call.fail(fmt::format("ERR unknown subcommand or wrong number of arguments for '{}'. Try XINFO HELP.",
                        printed(call.arg(1), 128)));
}

/// The stream of argument 2; replies with an error and returns null if there is none.
const Stream* find_stream(Call& call) {
  const Item item = call.keyspace().read(call.db(), call.arg(2));
  if (!item) return call.no_such_key(), nullptr;
  if (!is_stream_or_absent(call, item)) return nullptr;
  return &stream_of(item);
}

void field(RespWriter& reply, std::string_view name, std::uint64_t value) {
  reply.bulk(name);
  reply.integer(static_cast<std::int64_t>(value));
}

void field(RespWriter& reply, std::string_view name, StreamId id) {
  reply.bulk(name);
  reply_with_id(reply, id);
}

/// How far the group has read and what is left, as far as that is known.
void reply_with_progress(RespWriter& reply, const Stream& stream, const StreamGroup& group) {
  reply.bulk("entries-read");
  group.entries_read == StreamGroup::kUnknown ? reply.null() : reply.integer(group.entries_read);
  reply.bulk("lag");
  const auto lag = stream.lag(group);
  lag ? reply.integer(*lag) : reply.null();
}

void reply_with_facts(RespWriter& reply, const Stream& stream) {
  field(reply, "length", stream.length());
  field(reply, "radix-tree-keys", stream.nodes().size());
  field(reply, "radix-tree-nodes", stream.radix_tree_nodes());
  field(reply, "last-generated-id", stream.facts.last_id);
  field(reply, "max-deleted-entry-id", stream.facts.max_deleted_id);
  field(reply, "entries-added", stream.facts.entries_added);
  field(reply, "recorded-first-entry-id", stream.first_id());
}

void reply_with_edge(RespWriter& reply, const Stream& stream, bool last) {
  StreamCursor entry(stream, {}, StreamId::max(), last);
  if (!entry.next()) return reply.null();
  reply_with_entry(reply, entry);
}

void reply_with_group(RespWriter& reply, const Stream& stream, const std::string& name, const StreamGroup& group,
                      std::size_t count) {
  reply.map(7);
  reply.bulk("name");
  reply.bulk(name);
  field(reply, "last-delivered-id", group.last_id);
  reply_with_progress(reply, stream, group);
  field(reply, "pel-count", group.pending().size());
  reply.bulk("pending");
  std::size_t left = std::min(count, group.pending().size());
  reply.array(left);
  for (auto at = group.pending().begin(); left > 0; ++at, --left) {
    reply.array(4);
    reply_with_id(reply, at->first);
    reply.bulk(at->second.consumer->name);
    reply.integer(at->second.delivered_ms);
    reply.integer(static_cast<std::int64_t>(at->second.deliveries));
  }
  reply.bulk("consumers");
  reply.array(group.consumers().size());
  for (const auto& [consumer_name, consumer] : group.consumers()) {
    reply.map(5);
    reply.bulk("name");
    reply.bulk(consumer_name);
    reply.bulk("seen-time");
    reply.integer(consumer->seen_ms);
    reply.bulk("active-time");
    reply.integer(consumer->active_ms);
    field(reply, "pel-count", consumer->pending.size());
    reply.bulk("pending");
    left = std::min(count, consumer->pending.size());
    reply.array(left);
    for (auto at = consumer->pending.begin(); left > 0; ++at, --left) {
      const StreamPending& pending = group.pending().find(*at)->second;
      reply.array(3);
      reply_with_id(reply, *at);
      reply.integer(pending.delivered_ms);
      reply.integer(static_cast<std::int64_t>(pending.deliveries));
    }
  }
}

void reply_with_all(RespWriter& reply, const Stream& stream, std::size_t count) {
  reply.map(9);
  reply_with_facts(reply, stream);
  reply.bulk("entries");
  const RespWriter::Mark mark = reply.begin_array(std::min<std::uint64_t>(count, stream.length()));
  std::size_t n = 0;
  for (StreamCursor entry(stream, {}, StreamId::max()); n < count && entry.next(); ++n) reply_with_entry(reply, entry);
  reply.end_array(mark, n);
  reply.bulk("groups");
  reply.array(stream.groups.size());
  for (const auto& [name, group] : stream.groups) reply_with_group(reply, stream, name, *group, count);
}

}  // namespace

/// XINFO STREAM key [FULL [COUNT n]]: n entries, and n pending ones of each group and consumer; 0 means all.
void xinfo_stream(Call& call) {
  const Stream* stream = find_stream(call);
  if (stream == nullptr) return;
  RespWriter& reply = call.reply();
  if (call.argc() == 3) {
    reply.map(10);
    reply_with_facts(reply, *stream);
    field(reply, "groups", stream->groups.size());
    reply.bulk("first-entry");
    reply_with_edge(reply, *stream, false);
    reply.bulk("last-entry");
    reply_with_edge(reply, *stream, true);
    return;
  }
  if ((call.argc() != 4 && call.argc() != 6) || !call.arg_is(3, "FULL")) return unknown_subcommand(call);
  std::int64_t count = 10;
  if (call.argc() == 6) {
    if (!call.arg_is(4, "COUNT")) return unknown_subcommand(call);
    if (!call.integer_arg(5, count)) return;
    if (count < 0) count = 10;
  }
  reply_with_all(reply, *stream,
                 count == 0 ? std::numeric_limits<std::size_t>::max() : static_cast<std::size_t>(count));
}

/// XINFO GROUPS key
void xinfo_groups(Call& call) {
  const Stream* stream = find_stream(call);
  if (stream == nullptr) return;
  RespWriter& reply = call.reply();
  reply.array(stream->groups.size());
  for (const auto& [name, group] : stream->groups) {
    reply.map(6);
    reply.bulk("name");
    reply.bulk(name);
    field(reply, "consumers", group->consumers().size());
    field(reply, "pending", group->pending().size());
    field(reply, "last-delivered-id", group->last_id);
    reply_with_progress(reply, *stream, *group);
  }
}

/// XINFO CONSUMERS key group
void xinfo_consumers(Call& call) {
  const Stream* stream = find_stream(call);
  if (stream == nullptr) return;
  const StreamGroup* group = stream->find_group(call.arg(3));
  if (group == nullptr) {
    return call.fail(fmt::format("NOGROUP No such consumer group '{}' for key name '{}'", printed(call.arg(3)),
                                 printed(call.arg(2))));
  }
  RespWriter& reply = call.reply();
  reply.array(group->consumers().size());
  for (const auto& [name, consumer] : group->consumers()) {
    reply.map(4);
    reply.bulk("name");
    reply.bulk(name);
    field(reply, "pending", consumer->pending.size());
    reply.bulk("idle");
    reply.integer(elapsed_ms(call, consumer->seen_ms));
    reply.bulk("inactive");
    reply.integer(consumer->active_ms == StreamConsumer::kNever ? -1 : elapsed_ms(call, consumer->active_ms));
  }
}

/// XINFO HELP
void xinfo_help(Call& call) {
  static constexpr std::string_view kLines[] = {
      "XINFO <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
      "CONSUMERS <key> <groupname>",
      "    Show consumers of <groupname>.",
      "GROUPS <key>",
      "    Show the stream consumer groups.",
      "STREAM <key> [FULL [COUNT <count>]",
      "    Show information about the stream.",
      "HELP",
      "    Prints this help.",
  };
  call.reply().array(std::size(kLines));
  for (const std::string_view line : kLines) call.reply().simple(line);
}

}  // namespace stele::stream_command
