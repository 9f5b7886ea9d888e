// DEBUG: what tests need to look inside the server, and the table of the diagnosing commands.

#include "protocol/commands_debug.h"

#include <cstdlib>
#include <thread>

#include <spdlog/spdlog.h>

#include "engine/glob.h"
#include "engine/type_ops.h"
#include "protocol/commands.h"
#include "protocol/commands_config.h"
#include "protocol/commands_server.h"
#include "protocol/environment.h"
#include "protocol/help.h"
#include "protocol/resp_integer.h"
#include "protocol/scripting/scripting.h"

namespace stele {

namespace {

constexpr std::size_t kPopulateBatchBytes = std::size_t{64} << 20;

/// DEBUG SLEEP seconds: the server does nothing else meanwhile.
void sleep(Call& call) {
  const double seconds = std::strtod(std::string(call.arg(2)).c_str(), nullptr);
  if (seconds > 0) std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
  call.reply().ok();
}

/// DEBUG OBJECT key: also one that has expired and is still there.
void object(Call& call) {
  const Expiry expiry = call.keyspace().expiry();
  call.keyspace().set_expiry(Expiry::off);
  const Item item = call.keyspace().find(call.db(), call.arg(2));
  call.keyspace().set_expiry(expiry);
  if (!item) return call.no_such_key();
  std::string serialised;
  type_ops(item.entry->type()).append_rdb(*item.entry, serialised);
  const std::uint32_t idle = (call.keyspace().access_clock() - item.entry->access()) & 0xffffff;
  call.reply().simple(fmt::format("Value at:{} refcount:1 encoding:{} serializedlength:{} lru:{} lru_seconds_idle:{}",
                                  static_cast<const void*>(item.entry), encoding_name(item.entry->encoding()),
                                  serialised.size(), item.entry->access(), idle));
}

/// DEBUG DIGEST
void digest(Call& call) {
  const Result<Digest> all = call.keyspace().digest();
  if (!all.ok()) return call.fail("ERR " + all.status().message());
  call.reply().simple(all->hex());
}

/// DEBUG DIGEST-VALUE key [key ...]: zeros for a key that is not there.
void digest_value(Call& call) {
  call.reply().array(call.argc() - 2);
  for (const std::string_view key : call.args().subspan(2)) {
    const Item item = call.keyspace().find(call.db(), key);
    call.reply().simple((item ? Keyspace::digest_value(*item.entry) : Digest()).hex());
  }
}

/// DEBUG LOADAOF: everything goes to the store, leaves memory, and comes back when asked for.
void load_aof(Call& call) {
  if (const Status status = commit_turn_so_far(call); !status.ok()) return call.fail("ERR " + status.message());
  if (const Status status = call.environment().storage.drop_resident(); !status.ok()) {
    return call.fail("ERR " + status.message());
  }
  call.reply().ok();
}

/// DEBUG RELOAD [MERGE] [NOFLUSH] [NOSAVE]: writes the RDB file and loads it. What is saved and not flushed would meet itself when it
/// is loaded, which without MERGE is an error, and with it changes nothing.
void reload_with_options(Call& call) {
  bool merge = false, flush = true, save = true;
  for (std::size_t i = 2; i < call.argc(); ++i) {
    if (call.arg_is(i, "MERGE")) {
      merge = true;
    } else if (call.arg_is(i, "NOFLUSH")) {
      flush = false;
    } else if (call.arg_is(i, "NOSAVE")) {
      save = false;
    } else {
      return call.fail("ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options.");
    }
  }
  bool any = !call.keyspace().functions().all().empty();
  for (int i = 0; i < call.keyspace().databases(); ++i) any |= call.keyspace().db(i).size() > 0;
  if (any && save && !flush && !merge) {
    return call.fail("ERR Error trying to load the RDB dump, check server logs.");
  }
  if (!flush) return load_aof(call);
  if (const Status status = commit_turn_so_far(call); !status.ok()) return call.fail("ERR " + status.message());
  Environment& environment = call.environment();
  Storage& storage = environment.storage;
  storage.cancel_snapshot();
  Status status = save ? storage.save_now() : Status();
  if (status.ok()) status = storage.reload_from(storage.options().dir / storage.options().rdb_file);
  if (!status.ok()) {
    spdlog::error("DEBUG RELOAD: {}", status.message());
    return call.fail("ERR Error trying to load the RDB dump, check server logs.");
  }
  environment.scripting->functions().compile_stored();
  if (!save) storage.request_snapshot(SnapshotKind::base);  // the append-only files do not lead to this state
  call.reply().ok();
}

/// DEBUG POPULATE count [prefix] [size]. Effect: a SET for each key that was not there.
void populate(Call& call) {
  const auto count = parse_integer(call.arg(2));
  if (!count || *count < 0) return call.fail("ERR value is out of range, must be positive");
  std::int64_t size = 0;
  if (call.argc() == 5) {
    const auto asked = parse_integer(call.arg(4));
    if (!asked || *asked < 0) return call.fail("ERR value is out of range, must be positive");
    size = *asked;
  }
  const std::string_view prefix = call.argc() > 3 ? call.arg(3) : "key";
  const bool alone = call.effects().unit_effects() == 0;
  for (std::int64_t i = 0; i < *count; ++i) {
    const std::string key = fmt::format("{}:{}", prefix, i);
    Item item = call.keyspace().find(call.db(), key);
    if (item) continue;
    std::string value = fmt::format("value:{}", i);
    if (size > 0) value.resize(static_cast<std::size_t>(size), '\0');
    call.keyspace().set_string(item, value, std::nullopt);
    call.emit("SET", key, value);
    if (!alone) continue;
    // Each key for itself, or a million of them would be one frame.
    call.effects().end_unit();
    call.effects().begin_unit();
    if (call.environment().storage.journal().batch().size() < kPopulateBatchBytes) continue;
    if (const Status status = commit_turn_so_far(call); !status.ok()) return call.fail("ERR " + status.message());
  }
  call.reply().ok();
}

/// DEBUG CHANGE-REPL-ID
void change_replication_id(Call& call) {
  if (const Status status = commit_turn_so_far(call); !status.ok()) return call.fail("ERR " + status.message());
  call.environment().storage.begin_unrelated_history();
  call.reply().ok();
}

/// DEBUG REPLICATE arg [arg ...]: puts a command into the stream that this server does not run.
void replicate(Call& call) {
  call.effects().emit_list(call.session().db, call.args().subspan(2));
  call.reply().ok();
}

/// DEBUG SET-ACTIVE-EXPIRE (0 | 1)
void set_active_expire(Call& call) {
  call.environment().active_expire = parse_integer(call.arg(2)).value_or(0) != 0;
  call.reply().ok();
}

/// DEBUG AOF-FLUSH-SLEEP microseconds: every turn that has effects stands still for so long before they are written.
void sleep_before_commit(Call& call) {
  const std::int64_t microseconds = std::max<std::int64_t>(0, parse_integer(call.arg(2)).value_or(0));
  call.environment().commit_delay = std::chrono::microseconds(microseconds);
  call.reply().ok();
}

/// DEBUG SET-SKIP-CHECKSUM-VALIDATION (0 | 1): RESTORE takes a payload whose checksum is wrong.
void set_skip_checksum_validation(Call& call) {
  call.keyspace().set_checks_payload_sums(parse_integer(call.arg(2)).value_or(0) == 0);
  call.reply().ok();
}

/// DEBUG PAUSE-CRON (0 | 1): nothing is done a few times a second any more.
void pause_cron(Call& call) {
  call.environment().cron_paused = parse_integer(call.arg(2)).value_or(0) != 0;
  call.reply().ok();
}

void append_table_text(std::string& text, std::string_view name, std::size_t keys, std::size_t segments) {
  fmt::format_to(std::back_inserter(text),
                 "[{}]\nHash table 0 stats:\n table size: {}\n number of elements: {}\n segments: {}\n", name,
                 segments * TableSegment::kHomes, keys, segments);
}

/// DEBUG HTSTATS db: the tables of keys and of expiries, the latter a tree.
void table_stats(Call& call) {
  int index = 0;
  if (!call.database_arg(2, index)) return;
  const Database& db = call.keyspace().db(index);
  std::string text;
  append_table_text(text, "Dictionary HT", db.table->size(), db.table->segment_count());
  append_table_text(text, "Expires HT", db.expires.size(), 0);
  call.reply().verbatim(text);
}

/// DEBUG HTSTATS-KEY key
void key_table_stats(Call& call) {
  const Item item = call.keyspace().find(call.db(), call.arg(2));
  if (!item) return call.no_such_key();
  const Encoding encoding = item.entry->encoding();
  if (encoding != Encoding::hashtable && encoding != Encoding::skiplist) {
    return call.fail("ERR The value stored at the specified key is not represented using an hash table");
  }
  call.reply().verbatim(fmt::format("Hash table 0 stats:\n bytes: {}\n",
                                    type_ops(item.entry->type()).body_bytes(*item.entry)));
}

/// DEBUG MALLCTL name [value]
void allocator_control(Call& call) {
  std::optional<std::int64_t> value;
  if (call.argc() > 3 && !(value = parse_integer(call.arg(3)))) return call.not_an_integer();
  const auto old = allocator_number(std::string(call.arg(2)), value);
  if (!old) return call.fail("ERR the allocator knows no such number");
  call.reply().integer(*old);
}

/// DEBUG MALLCTL-STR name [value]
void allocator_control_text(Call& call) {
  std::optional<std::string> value;
  if (call.argc() > 3) value = call.arg(3);
  const auto old = allocator_text(std::string(call.arg(2)), value);
  if (!old) return call.fail("ERR the allocator knows no such text");
  call.reply().bulk(*old);
}

/// DEBUG STRINGMATCH-LEN length pattern: whether a text of so many `a` matches.
void match_long(Call& call) {
  std::int64_t length = 0;
  if (!call.integer_arg(2, length)) return;
  if (length < 0 || static_cast<std::size_t>(length) > call.keyspace().string_bytes_max()) return call.not_an_integer();
  call.reply().integer(glob_matches(call.arg(3), std::string(static_cast<std::size_t>(length), 'a')) ? 1 : 0);
}

/// DEBUG SEGFAULT, PANIC: the server ends as if it had a bug. What was acknowledged is in the journal.
[[noreturn]] void crash(Call&) {
  spdlog::critical("crashing, as DEBUG was told to");
  spdlog::shutdown();
  std::abort();
}

/// DEBUG LOG message
void log(Call& call) {
  spdlog::warn("DEBUG LOG: {}", call.arg(2));
  call.reply().ok();
}

/// DEBUG ERROR message
void error(Call& call) { call.fail(call.arg(2)); }

/// DEBUG SET-DISABLE-DENY-SCRIPTS (0 | 1): scripts may call commands that are marked noscript.
void set_disable_deny_scripts(Call& call) {
  call.environment().scripting->allow_noscript_commands(parse_integer(call.arg(2)).value_or(0) != 0);
  call.reply().ok();
}

/// What Redis' tests set about its inside, where there is nothing here to set.
void accept(Call& call) { call.reply().ok(); }

/// DEBUG HELP
void help(Call& call) {
  reply_with_help(call, "DEBUG",
                  {"AOF-FLUSH-SLEEP <microseconds>", "    Stand still before effects are written.",
                   "CHANGE-REPL-ID", "    Begin a history that no replica knows.",
                   "CONFIG-REWRITE-FORCE-ALL", "    CONFIG REWRITE with a line for every directive.",
                   "DIGEST", "    A digest of all data.",
                   "DIGEST-VALUE <key> [<key> ...]", "    Digests of these keys' values.",
                   "ERROR <message>", "    Reply with this error.", "LOADAOF", "    Take a checkpoint, then forget everything that is in memory.",
                   "HTSTATS <db>, HTSTATS-KEY <key>", "    The size of tables.",
                   "LOG <message>", "    Write a line to the log.",
                   "MALLCTL <name> [<value>], MALLCTL-STR <name> [<value>]", "    Ask the allocator, or tell it.", "OBJECT <key>", "    How a value is held.",
                   "PANIC, SEGFAULT", "    Crash.", "PAUSE-CRON (0|1)", "    Whether what is done a few times a second is not.",
                   "POPULATE <count> [<prefix>] [<size>]", "    Create keys that are not there, named <prefix>:<n>.",
                   "PROTOCOL <type>", "    Reply with a value of this type.",
                   "RELOAD [<option> ...]", "    Write the RDB file, then load it.", "REPLICATE <command> [<arg> ...]",
                   "    Put a command into the stream without running it.",
                   "SET-ACTIVE-EXPIRE (0|1)", "    Whether keys expire that nobody asks for.",
                   "SET-DISABLE-DENY-SCRIPTS (0|1)", "    Whether scripts may call what they must not.",
                   "SET-SKIP-CHECKSUM-VALIDATION (0|1)", "    Whether RESTORE takes a payload with a wrong checksum.", "SLEEP <seconds>", "    Do nothing for so long.",
                   "STRINGMATCH-LEN <length> <pattern>", "    Whether a text of so many 'a' matches."});
}

/// DEBUG CONFIG-REWRITE-FORCE-ALL
void rewrite_config_with_all(Call& call) {
  if (const Status status = rewrite_config(call.environment(), true); !status.ok()) return call.fail("ERR " + status.message());
  call.reply().ok();
}

struct Subcommand {
  std::string_view name;
  std::size_t argc_min;
  std::size_t argc_max;
  void (*run)(Call&);
};

constexpr std::size_t kAny = SIZE_MAX;

constexpr Subcommand kSubcommands[] = {
    {"AOF-FLUSH-SLEEP", 3, 3, sleep_before_commit},
    {"CHANGE-REPL-ID", 2, 2, change_replication_id},
    {"CONFIG-REWRITE-FORCE-ALL", 2, 2, rewrite_config_with_all},
    {"DIGEST", 2, 2, digest},
    {"DIGEST-VALUE", 2, kAny, digest_value},
    {"ERROR", 3, 3, error},
    {"HELP", 2, 2, help},
    {"HTSTATS", 3, 4, table_stats},
    {"HTSTATS-KEY", 3, 4, key_table_stats},
    {"JMAP", 2, 2, accept},
    {"LOADAOF", 2, 2, load_aof},
    {"LOG", 3, 3, log},
    {"MALLCTL", 3, 4, allocator_control},
    {"MALLCTL-STR", 3, 4, allocator_control_text},
    {"OBJECT", 3, 4, object},
    {"PANIC", 2, 2, crash},
    {"PAUSE-CRON", 3, 3, pause_cron},
    {"POPULATE", 3, 5, populate},
    {"PROTOCOL", 3, 3, debug_protocol},
    {"QUICKLIST-PACKED-THRESHOLD", 3, 3, accept},
    {"RELOAD", 2, kAny, reload_with_options},
    {"REPLICATE", 3, kAny, replicate},
    {"REPLYBUFFER", 3, 4, accept},
    {"SEGFAULT", 2, 2, crash},
    {"SET-ACTIVE-EXPIRE", 3, 3, set_active_expire},
    {"SET-DISABLE-DENY-SCRIPTS", 3, 3, set_disable_deny_scripts},
    {"SET-SKIP-CHECKSUM-VALIDATION", 3, 3, set_skip_checksum_validation},
    {"SLEEP", 3, 3, sleep},
    {"STRINGMATCH-LEN", 4, 4, match_long},
};

}  // namespace

namespace server_command {

/// DEBUG subcommand [arg ...]
void debug(Call& call) {
  for (const Subcommand& sub : kSubcommands) {
    if (call.arg_is(1, sub.name) && call.argc() >= sub.argc_min && call.argc() <= sub.argc_max) return sub.run(call);
  }
  call.fail(fmt::format("ERR unknown subcommand or wrong number of arguments for '{:.128}'. Try DEBUG HELP.", call.arg(1)));
}

}  // namespace server_command

namespace {

using namespace command_flag;

constexpr std::string_view kGroup = "server";

const Command kDebugCommands[] = {
    {.name = "debug", .arity = -2, .flags = kAdmin | kNoscript | kLoading | kStale | kProtected,
     .run = server_command::debug, .group = kGroup, .since = "1.0.0", .summary = "Commands for testing the server.",
     .complexity = "Depends on the subcommand."},
    {.name = "latency", .arity = -2, .group = kGroup, .since = "2.8.13", .summary = "Commands on latency.",
     .complexity = "Depends on the subcommand.", .subcommands = latency_subcommands()},
    {.name = "memory", .arity = -2, .group = kGroup, .since = "4.0.0", .summary = "Commands on memory.",
     .complexity = "Depends on the subcommand.", .subcommands = memory_subcommands()},
    {.name = "slowlog", .arity = -2, .group = kGroup, .since = "2.2.12", .summary = "Commands on the slow log.",
     .complexity = "Depends on the subcommand.", .subcommands = slowlog_subcommands()},
};

}  // namespace

std::span<const Command> debug_commands() { return kDebugCommands; }

}  // namespace stele
