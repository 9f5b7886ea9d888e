// BACKUP: has a backup made, beside what clients do.

#include "engine/backup/backups.h"
#include "protocol/commands.h"
#include "protocol/environment.h"
#include "protocol/help.h"
#include "protocol/server_version.h"

namespace stele {

namespace {

/// Nothing is asked of the disk here: that is for the thread that writes.
Status check_path(Storage& storage, std::string_view path) {
  const std::filesystem::path dir(path);
  if (path.find('\0') != std::string_view::npos) return Status::invalid("the path has a zero byte in it");
  if (!dir.is_absolute()) return Status::invalid("the path must be absolute: the server's working directory is its own");
  const std::filesystem::path normal = dir.lexically_normal();
  const std::filesystem::path data = std::filesystem::path(storage.options().dir).lexically_normal();
  for (const std::filesystem::path& own : {data, data / "rocksdb", data / storage.options().append_dir_name}) {
    if (normal == own || normal == own / "") return Status::invalid("{} is where the server keeps its data", normal.native());
  }
  return {};
}

/// BACKUP TO directory [INCREMENTAL] [COPY]
void backup_to(Call& call) {
  BackupRequest request;
  for (std::size_t i = 3; i < call.argc(); ++i) {
    bool& option = call.arg_is(i, "INCREMENTAL") ? request.incremental : request.copy;
    if (option || (&option == &request.copy && !call.arg_is(i, "COPY"))) return call.syntax_error();
    option = true;
  }
  Storage& storage = call.environment().storage;
  if (const Status status = check_path(storage, call.arg(2)); !status.ok()) return call.fail("ERR " + status.message());
  if (storage.backups().in_progress()) return call.fail("ERR A backup is in progress already");
  request.dir = std::filesystem::path(call.arg(2)).lexically_normal();
  if (!request.dir.has_filename()) request.dir = request.dir.parent_path();
  storage.backups().request(std::move(request), std::string(kSteleVersion));
  call.reply().simple("Background backup started");
}

/// BACKUP CANCEL
void backup_cancel(Call& call) {
  Backups& backups = call.environment().storage.backups();
  if (!backups.in_progress()) return call.fail("ERR No backup is in progress");
  backups.cancel();
  call.reply().ok();
}

/// BACKUP HELP
void backup_help(Call& call) {
  reply_with_help(call, "BACKUP",
                  {"CANCEL", "    Give up the backup that is being made.", "TO <directory> [INCREMENTAL] [COPY]",
                   "    Make a backup in the background; INFO persistence tells how far it is. INCREMENTAL stores what came",
                   "    after the last one there; COPY copies files that could be linked."});
}

using namespace command_flag;

constexpr Flags kOperator = kAdmin | kNoscript;
constexpr std::string_view kGroup = "server";
constexpr std::string_view kSince = kSteleVersion;

const Command kBackupSubcommands[] = {
    {.name = "cancel", .arity = 2, .flags = kOperator, .run = backup_cancel, .group = kGroup, .since = kSince,
     .summary = "Gives up the backup that is being made.", .complexity = "O(1)"},
    {.name = "help", .arity = 2, .flags = kLoading | kStale, .run = backup_help, .group = kGroup, .since = kSince,
     .summary = "Lists the subcommands.", .complexity = "O(1)"},
    {.name = "to", .arity = -3, .flags = kNoAsyncLoading | kOperator, .run = backup_to, .group = kGroup, .since = kSince,
     .summary = "Has a backup made in the background.", .complexity = "O(1)", .syntax = "directory [INCREMENTAL] [COPY]"},
};

const Command kBackupCommands[] = {
    {.name = "backup", .arity = -2, .group = kGroup, .since = kSince, .summary = "Commands on backups.",
     .complexity = "Depends on the subcommand.", .subcommands = kBackupSubcommands},
};

}  // namespace

std::span<const Command> backup_commands() { return kBackupCommands; }

}  // namespace stele
