// JOURNAL: the stream of changes for consumers that are no replicas.

#include "engine/feed_cursors.h"
#include "protocol/change_feed/change_feed.h"
#include "protocol/commands.h"
#include "protocol/help.h"
#include "protocol/journal_retention.h"
#include "protocol/replication_role.h"
#include "protocol/resp_integer.h"
#include "protocol/server_version.h"

namespace stele {

namespace {

constexpr std::int64_t kCountDefault = 100;
constexpr std::int64_t kCountMax = 100'000;

/// Argument `i` as an offset: `-` is the oldest one kept, `$` the end. Replies with the error and returns false if it is none.
bool offset_arg(Call& call, std::size_t i, Offset& offset) {
  const Journal& journal = call.environment().storage.journal();
  if (call.arg(i) == "-") {
    offset = journal.start();
  } else if (call.arg(i) == "$") {
    offset = call.environment().change_feed->safe_end();
  } else {
    std::int64_t bytes = 0;
    if (!call.integer_arg(i, bytes)) return false;
    if (bytes < 0) return call.not_an_integer(), false;
    offset = Offset(static_cast<std::uint64_t>(bytes));
  }
  return true;
}

/// Whether the history named `replid` went up to `offset` here; replies with the error if not.
bool is_of_our_history(Call& call, std::string_view replid, Offset offset) {
  const Storage& storage = call.environment().storage;
  if (replid == storage.journal().replid() ? offset <= storage.journal().end() : storage.was_history(replid, offset)) return true;
  call.fail(fmt::format("HISTORY offset {} of history {:.64} is not part of this server's: what was read there is lost here, or is of "
                        "another server", offset, replid));
  return false;
}

/// JOURNAL READ offset [ID replid] [COUNT count] [BLOCK ms] [MATCH pattern] [DB n]
///
/// Reply: the replication id, the offset to go on at, and the changes, each with the offset to go on at behind it (and to
/// acknowledge), its time, its database, and the command.
void journal_read(Call& call) {
  ChangeFeed::Read read{.count = static_cast<std::size_t>(kCountDefault)};
  if (!offset_arg(call, 2, read.from)) return;
  std::string_view replid;
  for (std::size_t i = 3; i < call.argc(); i += 2) {
    if (i + 1 == call.argc()) return call.syntax_error();
    if (call.arg_is(i, "ID")) {
      replid = call.arg(i + 1);
    } else if (call.arg_is(i, "COUNT")) {
      std::int64_t count = 0;
      if (!call.integer_arg(i + 1, count)) return;
      if (count < 1) return call.fail("ERR COUNT must be positive");
      read.count = static_cast<std::size_t>(std::min(count, kCountMax));
    } else if (call.arg_is(i, "BLOCK")) {
      read.blocks = true;
      if (!call.timeout_ms_arg(i + 1, read.deadline)) return;
    } else if (call.arg_is(i, "MATCH")) {
      read.match = call.arg(i + 1);
    } else if (call.arg_is(i, "DB")) {
      int db = 0;
      if (!call.database_arg(i + 1, db)) return;
      read.db = db;
    } else {
      return call.syntax_error();
    }
  }
  const Journal& journal = call.environment().storage.journal();
  if (!replid.empty() && !is_of_our_history(call, replid, read.from)) return;
  if (read.from > journal.end()) {
    return call.fail(fmt::format("HISTORY offset {} is ahead of the stream, which ends at {}: what was read there is lost here, or is of "
                                 "another server", read.from, journal.end()));
  }
  if (read.from < journal.start()) {
    return call.fail(fmt::format("TRIMMED offset {} is no longer kept: the journal begins at {}", read.from, journal.start()));
  }
  call.environment().change_feed->read(call, std::move(read));
}

/// JOURNAL INFO
void journal_info(Call& call) {
  const Storage& storage = call.environment().storage;
  const Journal& journal = storage.journal();
  const JournalStats stats = journal.stats();
  RespWriter& reply = call.reply();
  const auto field = [&](std::string_view name, std::uint64_t value) {
    reply.bulk(name);
    reply.integer(static_cast<std::int64_t>(value));
  };
  reply.map(11);
  reply.bulk("replid");
  reply.bulk(journal.replid());
  reply.bulk("previous-replid");
  reply.bulk(storage.previous_replid());
  field("previous-replid-end", storage.previous_replid_end().bytes());
  field("start", journal.start().bytes());
  field("readable-end", call.environment().change_feed->safe_end().bytes());
  field("durable", journal.durable().bytes());
  field("written", journal.written().bytes());
  field("end", journal.end().bytes());
  field("segments", stats.segments);
  field("bytes", stats.bytes);
  field("cursors", call.keyspace().feed_cursors().all().size());
}

// --- cursors

/// Moving one is a write, to all that refuses writes.
bool may_move(Call& call) {
  Environment& environment = call.environment();
  if (environment.replication->is_replica() || environment.replication->restricts()) {
    const std::string_view why = environment.replication->refusal(connection_of(call), true, false);
    if (!why.empty()) return call.fail(why), false;
    if (environment.replication->is_replica()) return call.fail("READONLY A replica's cursors are its primary's."), false;
  }
  if (environment.storage.journal().accepts_writes()) return true;
  call.fail("MISCONF Errors writing to the AOF file: No space left on device");
  return false;
}

void move_cursor(Call& call, std::string_view name, Offset offset) {
  const FeedCursor cursor{.offset = offset, .replid = call.environment().storage.journal().replid(), .moved_at = call.now()};
  call.keyspace().feed_cursors().set(name, cursor);
  call.emit("PING", FeedCursors::message(name, cursor));
  call.environment().change_feed->cursor_changed(name);
  call.reply().ok();
}

/// JOURNAL CURSOR CREATE name [offset]
void cursor_create(Call& call) {
  if (call.argc() > 5) return call.wrong_arity();
  const std::string_view name = call.arg(3);
  const FeedCursors& cursors = call.keyspace().feed_cursors();
  const Journal& journal = call.environment().storage.journal();
  Offset offset = call.environment().change_feed->safe_end();
  if (call.argc() == 5 && !offset_arg(call, 4, offset)) return;
  if (name.empty() || name.size() > FeedCursors::kNameBytesMax) return call.fail("ERR A cursor's name has 1 to 256 bytes");
  if (cursors.find(name) != nullptr) return call.fail("BUSYCURSOR A cursor of that name is there already");
  if (cursors.all().size() >= FeedCursors::kCountMax) return call.fail("ERR There are 1000 cursors already");
  if (offset > journal.end()) return call.fail(fmt::format("ERR The stream ends at offset {}", journal.end()));
  if (offset < journal.start()) {
    return call.fail(fmt::format("TRIMMED offset {} is no longer kept: the journal begins at {}", offset, journal.start()));
  }
  if (may_move(call)) move_cursor(call, name, offset);
}

/// JOURNAL CURSOR ACK name offset
void cursor_ack(Call& call) {
  if (call.argc() != 5) return call.wrong_arity();
  const FeedCursor* cursor = call.keyspace().feed_cursors().find(call.arg(3));
  Offset offset;
  if (!offset_arg(call, 4, offset)) return;
  if (cursor == nullptr) return call.fail("NOCURSOR No such cursor");
  if (offset < cursor->offset) return call.fail(fmt::format("ERR The cursor is at offset {} already", cursor->offset));
  const Offset end = call.environment().change_feed->safe_end();
  if (offset > end) return call.fail(fmt::format("ERR Nothing was read behind offset {}", end));
  if (offset == cursor->offset) return call.reply().ok();
  if (may_move(call)) move_cursor(call, call.arg(3), offset);
}

/// JOURNAL CURSOR DELETE name
void cursor_delete(Call& call) {
  if (call.argc() != 4) return call.wrong_arity();
  FeedCursors& cursors = call.keyspace().feed_cursors();
  if (cursors.find(call.arg(3)) == nullptr) return call.reply().integer(0);
  if (!may_move(call)) return;
  cursors.erase(call.arg(3));
  call.emit("PING", FeedCursors::message_of_removal(call.arg(3)));
  call.environment().change_feed->cursor_changed(call.arg(3));
  call.reply().integer(1);
}

void reply_with_cursor(Call& call, std::string_view name, const FeedCursor& cursor) {
  const Journal& journal = call.environment().storage.journal();
  RespWriter& reply = call.reply();
  reply.map(6);
  reply.bulk("name");
  reply.bulk(name);
  reply.bulk("offset");
  reply.integer(static_cast<std::int64_t>(cursor.offset.bytes()));
  reply.bulk("replid");
  reply.bulk(cursor.replid);
  reply.bulk("acknowledged-at");
  reply.integer(cursor.moved_at.ms());
  reply.bulk("behind");
  reply.integer(static_cast<std::int64_t>(journal.end() - std::min(cursor.offset, journal.end())));
  reply.bulk("state");
  const bool trimmed = cursor.offset < journal.start();
  reply.bulk(trimmed ? "lost" : call.environment().change_feed->is_let_go(name) ? "let-go" : "kept");
}

/// JOURNAL CURSOR GET name
void cursor_get(Call& call) {
  if (call.argc() != 4) return call.wrong_arity();
  const FeedCursor* cursor = call.keyspace().feed_cursors().find(call.arg(3));
  if (cursor == nullptr) return call.reply().null();
  reply_with_cursor(call, call.arg(3), *cursor);
}

/// JOURNAL CURSOR LIST
void cursor_list(Call& call) {
  if (call.argc() != 3) return call.wrong_arity();
  const auto& cursors = call.keyspace().feed_cursors().all();
  call.reply().array(cursors.size());
  for (const auto& [name, cursor] : cursors) reply_with_cursor(call, name, cursor);
}

void journal_cursor(Call& call) {
  if (call.arg_is(2, "LIST")) return cursor_list(call);
  if (call.argc() < 4) return call.wrong_arity();
  if (call.arg_is(2, "CREATE")) return cursor_create(call);
  if (call.arg_is(2, "GET")) return cursor_get(call);
  if (call.arg_is(2, "ACK")) return cursor_ack(call);
  if (call.arg_is(2, "DELETE")) return cursor_delete(call);
  call.syntax_error();
}

/// JOURNAL HELP
void journal_help(Call& call) {
  reply_with_help(call, "JOURNAL",
                  {"CURSOR CREATE <name> [<offset> | - | $]", "    Make a cursor: what it has not acknowledged is kept.",
                   "CURSOR ACK <name> <offset>", "    Everything before the offset has been dealt with.",
                   "CURSOR GET <name>", "    Where it is.", "CURSOR DELETE <name>", "    Remove it.", "CURSOR LIST", "    All of them.",
                   "INFO", "    How far the stream reaches.",
                   "READ <offset | - | $> [ID <replid>] [COUNT <count>] [BLOCK <ms>] [MATCH <pattern>] [DB <n>]",
                   "    The changes from the offset on."});
}

using namespace command_flag;

constexpr std::string_view kGroup = "server";
constexpr std::string_view kSince = kSteleVersion;

const Command kJournalSubcommands[] = {
    {.name = "cursor", .arity = -3, .flags = kAdmin | kNoscript | kMayReplicate, .run = journal_cursor, .group = kGroup, .since = kSince,
     .summary = "Makes, moves, shows and removes cursors of the change feed.", .complexity = "O(N) in the cursors",
     .syntax = "(CREATE name [offset]|ACK name offset:integer|GET name|DELETE name|LIST)"},
    {.name = "help", .arity = 2, .flags = kLoading | kStale, .run = journal_help, .group = kGroup, .since = kSince,
     .summary = "Lists the subcommands.", .complexity = "O(1)"},
    {.name = "info", .arity = 2, .flags = kAdmin | kNoscript, .run = journal_info, .group = kGroup, .since = kSince,
     .summary = "Tells how far the stream of changes reaches.", .complexity = "O(1)"},
    {.name = "read", .arity = -3, .flags = kAdmin | kNoscript | kNoMulti | kBlocking, .run = journal_read, .group = kGroup, .since = kSince,
     .summary = "Returns the changes from an offset on.", .complexity = "O(N) in the bytes read",
     .syntax = "offset [ID replid] [COUNT count:integer] [BLOCK milliseconds:integer] [MATCH pattern:pattern] [DB db:integer]"},
};

const Command kJournalCommands[] = {
    {.name = "journal", .arity = -2, .group = kGroup, .since = kSince, .summary = "Commands on the stream of changes.",
     .complexity = "Depends on the subcommand.", .subcommands = kJournalSubcommands},
};

}  // namespace

std::span<const Command> journal_commands() { return kJournalCommands; }

}  // namespace stele
