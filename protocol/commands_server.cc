// Commands on the server as a whole: its life, its checkpoints, its clock, and who listens to everything.

#include "protocol/scripting/scripting.h"
#include "protocol/commands_server.h"

#include "protocol/acl/commands_acl.h"
#include "protocol/command_tips.h"
#include "protocol/commands.h"
#include "protocol/commands_command.h"
#include "protocol/commands_config.h"
#include "protocol/environment.h"

namespace stele {

Status commit_turn_so_far(Call& call) {
  Effects& effects = call.effects();
  if (effects.unit_effects() > 0) {
    return Status::invalid("not possible in a transaction that has written already");
  }
  effects.end_unit();
  const Result<Offset> end = call.environment().storage.journal().commit(call.now(), effects.stream_db());
  effects.begin_unit();
  return end.status();
}

UnixTime last_save(const Environment& environment) {
  const UnixTime saved = environment.storage.snapshots(SnapshotKind::save).last_finished;
  return saved == UnixTime() ? environment.stats.started_at : saved;
}

std::int64_t unix_microseconds() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::microseconds>(now).count();
}

namespace {

/// SHUTDOWN [NOSAVE | SAVE] [NOW] [FORCE] [ABORT]: not answered, the connection ends with the server.
void shutdown(Call& call) {
  using Save = ShutdownRequest::Save;
  ShutdownRequest request;
  bool abort = false;
  for (std::size_t i = 1; i < call.argc(); ++i) {
    if (call.arg_is(i, "NOSAVE") && request.save != Save::yes) {
      request.save = Save::no;
    } else if (call.arg_is(i, "SAVE") && request.save != Save::no) {
      request.save = Save::yes;
    } else if (call.arg_is(i, "NOW")) {
      request.now = true;
    } else if (call.arg_is(i, "FORCE")) {
      request.force = true;
    } else if (call.arg_is(i, "ABORT")) {
      abort = true;
    } else {
      return call.syntax_error();
    }
  }
  if (abort) {
    if (request.save != Save::by_default || request.now || request.force) return call.syntax_error();
    if (!call.environment().abort_shutdown()) return call.fail("ERR No shutdown in progress.");
    return call.reply().ok();
  }
  const Scripting& scripting = *call.environment().scripting;
  // What a script has half done must not be stored.
  if (scripting.is_busy() && request.save != Save::no) return call.fail(scripting.busy_error());
  call.environment().shut_down(request);
  if (!call.environment().shutdown_deadline) return;
  call.block_aside();
  connection_of(call).waits = Waits::for_end;
}

/// SAVE: an RDB file that is waited for.
void save(Call& call) {
  Storage& storage = call.environment().storage;
  if (storage.snapshot_running(SnapshotKind::save)) return call.fail("ERR Background save already in progress");
  if (storage.snapshot_running(SnapshotKind::base)) {
    return call.fail("ERR Background append only file rewriting is in progress: use BGSAVE, which waits for its end");
  }
  if (const Status status = commit_turn_so_far(call); !status.ok()) return call.fail("ERR " + status.message());
  if (const Status status = storage.save_now(); !status.ok()) return call.fail("ERR " + status.message());
  call.reply().ok();
}

/// Whether it begins with the end of this turn; else it follows what runs, or the transaction.
bool request_snapshot(Call& call, SnapshotKind kind) {
  Storage& storage = call.environment().storage;
  storage.request_snapshot(kind);
  const bool other_runs = storage.snapshot_running(SnapshotKind::save) || storage.snapshot_running(SnapshotKind::base);
  return !other_runs && !call.session().in_exec;
}

/// BGSAVE [SCHEDULE]
void bgsave(Call& call) {
  if (call.argc() > 2 || (call.argc() == 2 && !call.arg_is(1, "SCHEDULE"))) return call.syntax_error();
  if (call.environment().storage.snapshot_running(SnapshotKind::save)) return call.fail("ERR Background save already in progress");
  const bool at_once = request_snapshot(call, SnapshotKind::save);
  call.reply().simple(at_once ? "Background saving started" : "Background saving scheduled");
}

/// BGREWRITEAOF: the append-only files begin anew with the state as it is now.
void bgrewriteaof(Call& call) {
  if (call.environment().storage.snapshot_running(SnapshotKind::base)) {
    return call.fail("ERR Background append only file rewriting already in progress");
  }
  const bool at_once = request_snapshot(call, SnapshotKind::base);
  call.reply().simple(at_once ? "Background append only file rewriting started"
                              : "Background append only file rewriting scheduled");
}

/// LASTSAVE
void lastsave(Call& call) { call.reply().integer(last_save(call.environment()).ms() / 1000); }

/// TIME
void time(Call& call) {
  const std::int64_t now = unix_microseconds();
  call.reply().array(2);
  call.reply().bulk_integer(now / 1'000'000);
  call.reply().bulk_integer(now % 1'000'000);
}

/// MONITOR
void monitor(Call& call) {
  Connection& connection = connection_of(call);
  if (connection.monitor) return;
  connection.monitor = true;
  call.environment().monitors.push_back(&connection);
  call.reply().ok();
}

using namespace command_flag;

constexpr Flags kOperator = kAdmin | kNoscript;
constexpr Flags kWatchful = category::kAdmin | category::kDangerous;
constexpr std::string_view kGroup = "server";

const Command kServerCommands[] = {
    {.name = "acl", .arity = -2, .group = kGroup, .since = "6.0.0", .summary = "Commands on users and what they may do.",
     .complexity = "Depends on the subcommand.", .subcommands = acl_subcommands()},
    {.name = "bgrewriteaof", .arity = 1, .flags = kNoAsyncLoading | kOperator, .run = bgrewriteaof, .group = kGroup,
     .since = "1.0.0", .summary = "Has the append-only files begin anew with the present state.", .complexity = "O(1)"},
    {.name = "bgsave", .arity = -1, .flags = kNoAsyncLoading | kOperator, .run = bgsave, .group = kGroup,
     .since = "1.0.0", .summary = "Has the data written to an RDB file.", .complexity = "O(1)", .syntax = "[SCHEDULE]"},
    {.name = "command", .arity = -1, .flags = kLoading | kStale, .categories = category::kConnection,
     .run = server_command::command, .group = kGroup, .since = "2.8.13", .summary = "Describes all commands.",
     .complexity = "O(N) in the commands", .subcommands = command_subcommands(), .tips = tips::kVariesInOrder},
    {.name = "config", .arity = -2, .group = kGroup, .since = "2.0.0", .summary = "Commands on the configuration.",
     .complexity = "Depends on the subcommand.", .subcommands = config_subcommands()},
    {.name = "info", .arity = -1, .flags = kLoading | kStale, .categories = category::kDangerous,
     .run = server_command::info, .group = kGroup, .since = "1.0.0", .summary = "Returns the server's figures.",
     .complexity = "O(1)", .tips = tips::kVariesByShard, .syntax = "[section]..."},
    {.name = "lastsave", .arity = 1, .flags = kLoading | kStale | kFast, .categories = kWatchful, .run = lastsave,
     .group = kGroup, .since = "1.0.0", .summary = "Returns when the data was last written to an RDB file.", .complexity = "O(1)",
     .tips = tips::kVaries},
    {.name = "lolwut", .arity = -1, .flags = kReadonly | kFast, .run = server_command::lolwut, .group = kGroup,
     .since = "5.0.0", .summary = "Draws something, and names the version.", .complexity = "O(1)",
     .syntax = "[VERSION version:integer]"},
    {.name = "monitor", .arity = 1, .flags = kOperator | kLoading | kStale, .run = monitor, .group = kGroup,
     .since = "1.0.0", .summary = "Shows every command that the server runs.", .complexity = "O(1)"},
    {.name = "save", .arity = 1, .flags = kNoAsyncLoading | kOperator | kNoMulti, .run = save, .group = kGroup,
     .since = "1.0.0", .summary = "Writes the data to an RDB file and waits for it.", .complexity = "O(N) in the keys"},
    {.name = "shutdown", .arity = -1, .flags = kOperator | kLoading | kStale | kNoMulti | kAllowBusy, .run = shutdown,
     .group = kGroup, .since = "1.0.0", .summary = "Ends the server.", .complexity = "O(N) in the keys changed",
     .syntax = "[NOSAVE|SAVE] [NOW] [FORCE] [ABORT]"},
    {.name = "time", .arity = 1, .flags = kLoading | kStale | kFast, .run = time, .group = kGroup, .since = "2.6.0",
     .summary = "Returns the server's time.", .complexity = "O(1)", .tips = tips::kVaries},
};

}  // namespace

std::span<const Command> server_commands() { return kServerCommands; }

}  // namespace stele
