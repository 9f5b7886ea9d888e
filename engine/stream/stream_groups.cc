// XGROUP and XACK: groups, consumers, and what these are done with.

#include <absl/container/inlined_vector.h>

#include "engine/stream/stream_commands.h"

namespace stele::stream_command {

namespace {

void unknown_subcommand(Call& call) {
  call.fail(fmt::format("ERR unknown subcommand or wrong number of arguments for '{}'. Try XGROUP HELP.",
                        printed(call.arg(1), 128)));
}

/// MKSTREAM and ENTRIESREAD n, from argument 5 on.
bool parse_options(Call& call, bool& mkstream, std::int64_t& entries_read, bool is_create) {
  for (std::size_t i = 5; i < call.argc(); ++i) {
    if (is_create && call.arg_is(i, "MKSTREAM")) {
      mkstream = true;
    } else if (call.arg_is(i, "ENTRIESREAD") && i + 1 < call.argc()) {
      if (!call.integer_arg(++i, entries_read)) return false;
      if (entries_read < 0 && entries_read != StreamGroup::kUnknown) {
        call.fail("ERR value for ENTRIESREAD must be positive or -1");
        return false;
      }
    } else {
      unknown_subcommand(call);
      return false;
    }
  }
  return true;
}

/// The stream of argument 2, which must exist unless `may_be_absent`. Replies with an error and returns false if not.
bool find_stream(Call& call, Item& item, bool may_be_absent = false) {
  item = call.keyspace().find(call.db(), call.arg(2));
  if (!is_stream_or_absent(call, item)) return false;
  if (item || may_be_absent) return true;
  call.fail(
      "ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use the MKSTREAM "
      "option "
      "to create an empty stream automatically.");
  return false;
}

/// The group of argument 3; replies with an error and returns null if there is none.
StreamGroup* find_group(Call& call, Item& item) {
  if (!find_stream(call, item)) return nullptr;
  StreamGroup* group = stream_of(item).find_group(call.arg(3));
  if (group == nullptr) {
    call.fail(fmt::format("NOGROUP No such consumer group '{}' for key name '{}'", printed(call.arg(3)),
                          printed(call.arg(2))));
  }
  return group;
}

}  // namespace

/// XGROUP CREATE key group id | $ [MKSTREAM] [ENTRIESREAD n]. Effect: verbatim.
void xgroup_create(Call& call) {
  bool mkstream = false;
  std::int64_t entries_read = StreamGroup::kUnknown;
  if (!parse_options(call, mkstream, entries_read, true)) return;
  Item item;
  if (!find_stream(call, item, mkstream)) return;
  if (call.argc() > 8) return unknown_subcommand(call);
  StreamId last;
  if (call.arg(4) == "$") {
    if (item) last = stream_of(item).facts.last_id;
  } else if (!id_arg(call, 4, last)) {
    return;
  }
  if (item && stream_of(item).find_group(call.arg(3)) != nullptr) {
    return call.fail("BUSYGROUP Consumer Group name already exists");
  }

  if (item) {
    begin_quiet_change(call, item);
  } else {
    call.keyspace().create(
        item, Entry::make_body(call.arg(2), ObjectType::stream, Encoding::stream, new Stream(), std::nullopt));
  }
  auto group = std::make_unique<StreamGroup>();
  group->last_id = last;
  group->entries_read = entries_read;
  stream_of(item).groups.emplace(call.arg(3), std::move(group));
  call.notify(key_event::kStream, "xgroup-create", call.arg(2));
  call.emit_verbatim();
  call.reply().ok();
}

/// XGROUP SETID key group id | $ [ENTRIESREAD n]. Effect: verbatim.
void xgroup_setid(Call& call) {
  bool mkstream = false;
  std::int64_t entries_read = StreamGroup::kUnknown;
  if (!parse_options(call, mkstream, entries_read, false)) return;
  Item item;
  StreamGroup* group = find_group(call, item);
  if (group == nullptr) return;
  if (call.argc() > 7) return unknown_subcommand(call);
  std::optional<StreamId> last = stream_of(item).facts.last_id;
  if (call.arg(4) != "$") last = parse_stream_bound(call.arg(4), 0);
  if (!last) return invalid_id(call);

  begin_quiet_change(call, item);
  group->last_id = *last;
  group->entries_read = entries_read;
  call.notify(key_event::kStream, "xgroup-setid", call.arg(2));
  call.emit_verbatim();
  call.reply().ok();
}

/// XGROUP DESTROY key group. Effect: verbatim. Its readers who wait are told.
void xgroup_destroy(Call& call) {
  Item item;
  if (!find_stream(call, item)) return;
  Stream& stream = stream_of(item);
  if (stream.find_group(call.arg(3)) == nullptr) return call.reply().integer(0);
  begin_quiet_change(call, item);
  stream.groups.erase(stream.groups.find(call.arg(3)));
  call.keyspace().waiters().touch(call.session().db, call.arg(2));
  call.notify(key_event::kStream, "xgroup-destroy", call.arg(2));
  call.emit_verbatim();
  call.reply().integer(1);
}

/// XGROUP CREATECONSUMER key group consumer. Effect: verbatim.
void xgroup_createconsumer(Call& call) {
  Item item;
  StreamGroup* group = find_group(call, item);
  if (group == nullptr) return;
  if (group->find_consumer(call.arg(4)) != nullptr) return call.reply().integer(0);
  see_consumer(call, item, *group, call.arg(3), call.arg(4));
  call.reply().integer(1);
}

/// XGROUP DELCONSUMER key group consumer: replies how many entries it had pending. Effect: verbatim.
void xgroup_delconsumer(Call& call) {
  Item item;
  StreamGroup* group = find_group(call, item);
  if (group == nullptr) return;
  const StreamConsumer* consumer = group->find_consumer(call.arg(4));
  if (consumer == nullptr) return call.reply().integer(0);
  const std::size_t pending = consumer->pending.size();
  begin_quiet_change(call, item);
  group->erase_consumer(call.arg(4));
  call.notify(key_event::kStream, "xgroup-delconsumer", call.arg(2));
  call.emit_verbatim();
  call.reply().integer(static_cast<std::int64_t>(pending));
}

/// XGROUP HELP
void xgroup_help(Call& call) {
  static constexpr std::string_view kLines[] = {
      "XGROUP <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
      "CREATE <key> <groupname> <id|$> [option]",
      "    Create a new consumer group. Options are:",
      "    * MKSTREAM",
      "      Create the empty stream if it does not exist.",
      "    * ENTRIESREAD entries_read",
      "      Set the group's entries_read counter (internal use).",
      "CREATECONSUMER <key> <groupname> <consumer>",
      "    Create a new consumer in the specified group.",
      "DELCONSUMER <key> <groupname> <consumer>",
      "    Remove the specified consumer.",
      "DESTROY <key> <groupname>",
      "    Remove the specified group.",
      "SETID <key> <groupname> <id|$> [ENTRIESREAD entries_read]",
      "    Set the current group ID and entries_read counter.",
      "HELP",
      "    Prints this help.",
  };
  call.reply().array(std::size(kLines));
  for (const std::string_view line : kLines) call.reply().simple(line);
}

/// XACK key group id [id ...]. Effect: verbatim, if there was one of them.
void xack(Call& call) {
  Item item = call.keyspace().read(call.db(), call.arg(1));
  if (!is_stream_or_absent(call, item)) return;
  StreamGroup* group = item ? stream_of(item).find_group(call.arg(2)) : nullptr;
  if (group == nullptr) return call.reply().integer(0);
  absl::InlinedVector<StreamId, 8> ids(call.argc() - 3);
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (!id_arg(call, i + 3, ids[i])) return;
  }
  std::int64_t acknowledged = 0;
  for (const StreamId id : ids) {
    if (group->find_pending(id) == nullptr) continue;
    if (acknowledged++ == 0) begin_quiet_change(call, item);
    group->erase_pending(id);
  }
  if (acknowledged > 0) call.emit_verbatim();
  call.reply().integer(acknowledged);
}

}  // namespace stele::stream_command
