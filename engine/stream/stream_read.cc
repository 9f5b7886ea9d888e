// XREAD and XREADGROUP: what came behind an id, at once or when it comes.

#include <absl/container/inlined_vector.h>

#include "engine/stream/stream_commands.h"

namespace stele::stream_command {

namespace {

struct Request {
  bool of_group = false;    // XREADGROUP
  std::uint64_t count = 0;  // 0: all
  bool blocks = false;
  Call::Deadline deadline;
  bool no_ack = false;
  std::size_t group_at = 0;  // the argument; the consumer behind it
  std::size_t keys_at = 0;
  std::size_t keys = 0;

  std::size_t id_at(std::size_t i) const { return keys_at + keys + i; }
};

bool parse_options(Call& call, Request& request) {
  for (std::size_t i = 1; i < call.argc(); ++i) {
    const std::size_t more = call.argc() - 1 - i;
    if (call.arg_is(i, "BLOCK") && more >= 1) {
      if (!call.timeout_ms_arg(++i, request.deadline)) return false;
      request.blocks = true;
    } else if (call.arg_is(i, "COUNT") && more >= 1) {
      std::int64_t count = 0;
      if (!call.integer_arg(++i, count)) return false;
      request.count = static_cast<std::uint64_t>(std::max<std::int64_t>(count, 0));
    } else if (call.arg_is(i, "STREAMS") && more >= 1) {
      request.keys_at = i + 1;
      request.keys = more / 2;
      if (more % 2 == 0) break;
      call.fail(fmt::format("ERR Unbalanced '{}' list of streams: for each stream key an ID or '{}' must be specified.",
                            call.command().full_name, request.of_group ? '>' : '$'));
      return false;
    } else if (call.arg_is(i, "GROUP") && more >= 2) {
      if (!request.of_group) {
        call.fail("ERR The GROUP option is only supported by XREADGROUP. You called XREAD instead.");
        return false;
      }
      request.group_at = i + 1;
      i += 2;
    } else if (call.arg_is(i, "NOACK")) {
      if (!request.of_group) {
        call.fail("ERR The NOACK option is only supported by XREADGROUP. You called XREAD instead.");
        return false;
      }
      request.no_ack = true;
    } else {
      call.syntax_error();
      return false;
    }
  }
  if (request.keys_at == 0) {
    call.syntax_error();
    return false;
  }
  if (request.of_group && request.group_at == 0) {
    call.fail("ERR Missing GROUP option for XREADGROUP");
    return false;
  }
  return true;
}

/// The ids behind which to read; the largest one stands for `>`.
using Ids = absl::InlinedVector<StreamId, 4>;

bool parse_ids(Call& call, const Request& request, Ids& ids) {
  ids.resize(request.keys);
  for (std::size_t i = 0; i < request.keys; ++i) {
    const std::string_view key = call.arg(request.keys_at + i);
    const Item item = call.keyspace().read(call.db(), key);
    // While XREAD waits, another type in the place of its key is no stream that it could read, and no reason to stop.
    const bool is_stream = item && item.entry->type() == ObjectType::stream;
    if (item && !is_stream && (request.of_group || !call.session().wait.waiting())) return call.wrong_type(), false;
    if (request.of_group) {
      const std::string_view group = call.arg(request.group_at);
      if (!item || stream_of(item).find_group(group) == nullptr) {
        call.fail(fmt::format("NOGROUP No such key '{}' or consumer group '{}' in XREADGROUP with GROUP option",
                              printed(key), printed(group)));
        return false;
      }
    }
    const std::string_view text = call.arg(request.id_at(i));
    if (text == "$") {
      if (request.of_group) {
        call.fail(
            "ERR The $ ID is meaningless in the context of XREADGROUP: you want to read the history of this consumer "
            "by "
            "specifying a proper ID, or use the > ID to get new messages. The $ ID would just return an empty result "
            "set.");
        return false;
      }
      if (is_stream) ids[i] = stream_of(item).facts.last_id;
    } else if (text == ">") {
      if (!request.of_group) {
        call.fail(
            "ERR The > ID can be specified only when calling XREADGROUP using the GROUP <group> <consumer> option.");
        return false;
      }
      ids[i] = StreamId::max();
    } else if (!id_arg(call, request.id_at(i), ids[i])) {
      return false;
    }
  }
  return true;
}

/// The reply of all streams that had something: a map, in RESP2 an array of pairs.
class StreamsReply {
 public:
  explicit StreamsReply(RespWriter& reply) : reply_(reply) {}

  void begin_stream(std::string_view key) {
    if (count_++ == 0) mark_ = reply_.resp3() ? reply_.begin_map(1) : reply_.begin_array(1);
    if (!reply_.resp3()) reply_.array(2);
    reply_.bulk(key);
  }
  /// False if there was none, and nothing is written.
  bool end() {
    if (count_ == 0) return false;
    reply_.resp3() ? reply_.end_map(mark_, count_) : reply_.end_array(mark_, count_);
    return true;
  }

 private:
  RespWriter& reply_;
  RespWriter::Mark mark_{};
  std::size_t count_ = 0;
};

/// Entries behind `after`.
void serve(Call& call, const Stream& stream, StreamId after, std::uint64_t count) {
  const RespWriter::Mark mark = call.reply().begin_array(std::min<std::uint64_t>(count, stream.length()));
  std::size_t n = 0;
  for (StreamCursor entry(stream, *after.next(), StreamId::max()); n < count && entry.next(); ++n) {
    reply_with_entry(call.reply(), entry);
  }
  call.reply().end_array(mark, n);
}

struct Member {
  std::string_view group_name;
  StreamGroup& group;
  StreamConsumer& consumer;
};

/// Entries that the group has not had yet. They are pending at the consumer then, unless `no_ack`.
void serve_new(Call& call, Item& item, const Member& member, std::uint64_t count, bool no_ack) {
  const Stream& stream = stream_of(item);
  begin_quiet_change(call, item);
  DeliveryEffects deliveries(call, item.key, member.group_name, member.group);
  const RespWriter::Mark mark = call.reply().begin_array(std::min<std::uint64_t>(count, stream.length()));
  std::size_t n = 0;
  for (StreamCursor entry(stream, *member.group.last_id.next(), StreamId::max()); n < count && entry.next(); ++n) {
    stream.advance(member.group, entry.id());
    reply_with_entry(call.reply(), entry);
    if (no_ack) continue;
    StreamPending& pending = member.group.assign(entry.id(), member.consumer);
    pending.delivered_ms = call.now().ms();
    pending.deliveries = 1;
    deliveries.add(entry.id(), pending);
  }
  call.reply().end_array(mark, n);
  if (!no_ack) member.consumer.active_ms = call.now().ms();
  deliveries.flush();
  emit_group_position(call, item.key, member.group_name, member.group);
}

/// What is pending at the consumer behind `after`, once more.
void serve_history(Call& call, Item& item, const Member& member, StreamId after, std::uint64_t count) {
  const Stream& stream = stream_of(item);
  begin_quiet_change(call, item, false);
  DeliveryEffects deliveries(call, item.key, member.group_name, member.group);
  const auto& ids = member.consumer.pending;
  const RespWriter::Mark mark = call.reply().begin_array(std::min<std::uint64_t>(count, ids.size()));
  std::size_t n = 0;
  for (auto id = ids.upper_bound(after); id != ids.end() && n < count; ++id, ++n) {
    StreamCursor entry(stream, *id, *id);
    if (!entry.next()) {
      call.reply().array(2);
      reply_with_id(call.reply(), *id);
      call.reply().null_array();
      continue;
    }
    reply_with_entry(call.reply(), entry);
    StreamPending& pending = *member.group.find_pending(*id);
    pending.delivered_ms = call.now().ms();
    ++pending.deliveries;
    deliveries.add(*id, pending);
  }
  call.reply().end_array(mark, n);
  deliveries.flush();
}

/// Replies with what `key` has, if it has something.
void serve_stream(Call& call, const Request& request, std::string_view key, StreamId after, StreamsReply& streams) {
  // A second look to those who are told of misses, as in Redis.
  Item item = call.keyspace().read(call.db(), key);
  if (!item || item.entry->type() != ObjectType::stream) return;
  const Stream& stream = stream_of(item);
  const std::uint64_t count = request.count == 0 ? std::numeric_limits<std::uint64_t>::max() : request.count;
  const auto has_entries_behind = [&stream](StreamId id) { return stream.length() > 0 && stream.last_live_id() > id; };
  if (!request.of_group) {
    if (!has_entries_behind(after)) return;
    streams.begin_stream(key);
    return serve(call, stream, after, count);
  }
  const std::string_view group_name = call.arg(request.group_at);
  StreamGroup& group = *stream.find_group(group_name);
  StreamConsumer& consumer = see_consumer(call, item, group, group_name, call.arg(request.group_at + 1));
  const Member member{group_name, group, consumer};
  if (after != StreamId::max()) {
    streams.begin_stream(key);
    serve_history(call, item, member, after, count);
  } else if (has_entries_behind(group.last_id)) {
    streams.begin_stream(key);
    serve_new(call, item, member, count, request.no_ack);
  }
}

/// Waits for any of the keys, with `$` said as the id that it means now.
void wait(Call& call, const Request& request, const Ids& ids) {
  const auto keys = call.args().subspan(request.keys_at, request.keys);
  if (request.of_group) return call.block(keys, request.deadline, true);
  absl::InlinedVector<std::string_view, 12> args(call.args().begin(), call.args().end());
  absl::InlinedVector<StreamIdText, 4> texts;
  texts.reserve(ids.size());
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (call.arg(request.id_at(i)) == "$") args[request.id_at(i)] = texts.emplace_back(ids[i]).view();
  }
  call.block_as(args, keys, request.deadline);
}

void read(Call& call, bool of_group) {
  Request request{.of_group = of_group};
  Ids ids;
  if (!parse_options(call, request) || !parse_ids(call, request, ids)) return;
  StreamsReply streams(call.reply());
  for (std::size_t i = 0; i < request.keys; ++i) {
    serve_stream(call, request, call.arg(request.keys_at + i), ids[i], streams);
  }
  if (streams.end()) return;
  if (request.blocks && call.may_block()) return wait(call, request, ids);
  call.reply().null_array();
}

}  // namespace

/// XREAD [COUNT n] [BLOCK ms] STREAMS key [key ...] id [id ...]: entries behind each id; `$` is the last one there is.
void xread(Call& call) { read(call, false); }

/// XREADGROUP GROUP group consumer [COUNT n] [BLOCK ms] [NOACK] STREAMS key [key ...] id [id ...]
///
/// `>` is what the group has not had yet; any other id reads what is pending at the consumer.
///
/// Effect  XGROUP CREATECONSUMER for a consumer who is new; XCLAIM key group consumer 0 id ... TIME ms RETRYCOUNT n
/// FORCE
///         JUSTID LASTID id for what it got; XGROUP SETID key group id ENTRIESREAD n for how far the group is.
///         A second delivery is told as well, which Redis does not do: its count survives a restart here.
void xreadgroup(Call& call) { read(call, true); }

}  // namespace stele::stream_command
