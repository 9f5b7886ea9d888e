// DEBUG: what tests need to look inside the server, and the table of the diagnosing commands.

#include "protocol/commands_debug.h"

#include <cstdlib>
#include <thread>

#include <spdlog/spdlog.h>

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

/// DEBUG LOADAOF, and RELOAD without options: everything goes to the store, leaves memory, and comes back when asked for.
void reload(Call& call) {
  if (const Status status = commit_turn_so_far(call); !status.ok()) return call.fail("ERR " + status.message());
  if (const Status status = call.environment().storage.drop_resident(); !status.ok()) {
    return call.fail("ERR " + status.message());
  }
  call.reply().ok();
}

/// DEBUG RELOAD [MERGE] [NOFLUSH] [NOSAVE]: there is no other file to load, so the options change nothing.
void reload_with_options(Call& call) {
  for (std::size_t i = 2; i < call.argc(); ++i) {
    if (!call.arg_is(i, "MERGE") && !call.arg_is(i, "NOFLUSH") && !call.arg_is(i, "NOSAVE")) {
      return call.fail("ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options.");
    }
  }
  reload(call);
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

/// DEBUG SET-ACTIVE-EXPIRE (0 | 1)
void set_active_expire(Call& call) {
  call.environment().active_expire = parse_integer(call.arg(2)).value_or(0) != 0;
  call.reply().ok();
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
                  {"CHANGE-REPL-ID", "    Begin a history that no replica knows.",
                   "CONFIG-REWRITE-FORCE-ALL", "    CONFIG REWRITE with a line for every directive.",
                   "DIGEST", "    A digest of all data.",
                   "DIGEST-VALUE <key> [<key> ...]", "    Digests of these keys' values.",
                   "ERROR <message>", "    Reply with this error.", "LOADAOF", "    As RELOAD.",
                   "LOG <message>", "    Write a line to the log.", "OBJECT <key>", "    How a value is held.",
                   "POPULATE <count> [<prefix>] [<size>]", "    Create keys that are not there, named <prefix>:<n>.",
                   "PROTOCOL <type>", "    Reply with a value of this type.",
                   "RELOAD [<option> ...]", "    Take a checkpoint, then forget everything that is in memory.",
                   "SET-ACTIVE-EXPIRE (0|1)", "    Whether keys expire that nobody asks for.",
                   "SET-DISABLE-DENY-SCRIPTS (0|1)", "    Whether scripts may call what they must not.", "SLEEP <seconds>", "    Do nothing for so long."});
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
    {"CHANGE-REPL-ID", 2, 2, change_replication_id},
    {"CONFIG-REWRITE-FORCE-ALL", 2, 2, rewrite_config_with_all},
    {"DIGEST", 2, 2, digest},
    {"DIGEST-VALUE", 2, kAny, digest_value},
    {"ERROR", 3, 3, error},
    {"HELP", 2, 2, help},
    {"JMAP", 2, 2, accept},
    {"LOADAOF", 2, 2, reload},
    {"LOG", 3, 3, log},
    {"OBJECT", 3, 3, object},
    {"PAUSE-CRON", 3, 3, accept},
    {"POPULATE", 3, 5, populate},
    {"PROTOCOL", 3, 3, debug_protocol},
    {"QUICKLIST-PACKED-THRESHOLD", 3, 3, accept},
    {"RELOAD", 2, kAny, reload_with_options},
    {"REPLYBUFFER", 3, 4, accept},
    {"SET-ACTIVE-EXPIRE", 3, 3, set_active_expire},
    {"SET-DISABLE-DENY-SCRIPTS", 3, 3, set_disable_deny_scripts},
    {"SLEEP", 3, 3, sleep},
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
