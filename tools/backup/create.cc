// stele-backup create: asks a running server for a backup and watches it.

#include <thread>

#include "tools/backup/commands.h"
#include "tools/common/json_writer.h"
#include "tools/common/output.h"
#include "tools/common/progress.h"
#include "tools/common/text.h"

namespace stele::tools::backup {

namespace {

constexpr std::string_view kProgram = "stele-backup";
constexpr std::chrono::milliseconds kPoll{100};

std::uint64_t number_of(std::string_view info, std::string_view field) {
  std::uint64_t value = 0;
  for (const char c : info_field(info, field)) value = value * 10 + static_cast<std::uint64_t>(c - '0');
  return value;
}

std::string text_of(const std::string& info, bool json) {
  std::string out;
  const std::string_view kind = info_field(info, "backup_last_kind");
  const std::string_view why = info_field(info, "backup_last_full_because");
  const std::uint64_t bytes = number_of(info, "backup_last_bytes"), added = number_of(info, "backup_last_bytes_added");
  if (!json) {
    out = fmt::format("backup {} ({}{}): the state at offset {}, {}, {} of them new\n", info_field(info, "backup_last_number"), kind,
                      why.empty() ? "" : fmt::format(", since {}", why), info_field(info, "backup_last_offset"), format_bytes(bytes),
                      format_bytes(added));
    return out;
  }
  JsonWriter writer(out);
  writer.begin_object();
  writer.field("dir", info_field(info, "backup_last_dir"));
  writer.field("number", number_of(info, "backup_last_number"));
  writer.field("kind", kind);
  if (!why.empty()) writer.field("full_because", why);
  writer.field("offset", number_of(info, "backup_last_offset"));
  writer.field("bytes", bytes);
  writer.field("bytes_added", added);
  writer.field("seconds", number_of(info, "backup_last_time_sec"));
  writer.end_object();
  out += '\n';
  return out;
}

Result<std::string> persistence(ServerLink& link) {
  STELE_TRY(RespReply reply, link.run({"INFO", "persistence"}));
  if (info_field(reply.text, "backups").empty()) return Status::unavailable("the server is loading its data, or has no backups");
  return std::move(reply.text);
}

/// What INFO says once the backup has ended. Several may have ended by then: the last one counts.
Result<std::string> wait_for_end(ServerLink& link, Progress& progress) {
  while (true) {
    STELE_TRY(std::string info, persistence(link));
    if (info_field(info, "backup_in_progress") == "0") return info;
    progress.update(number_of(info, "backup_current_bytes"), number_of(info, "backup_current_bytes_total"));
    std::this_thread::sleep_for(kPoll);
  }
}

Result<std::string> run(const CreateOptions& options) {
  std::error_code error;
  const std::string dir = std::filesystem::absolute(options.dir, error).native();
  STELE_TRY(ServerLink link, ServerLink::connect(options.server));
  STELE_TRY(const std::string before, persistence(link));
  Result<RespReply> started = [&] {
    if (options.incremental && options.copy) return link.run({"BACKUP", "TO", dir, "INCREMENTAL", "COPY"});
    if (options.incremental) return link.run({"BACKUP", "TO", dir, "INCREMENTAL"});
    if (options.copy) return link.run({"BACKUP", "TO", dir, "COPY"});
    return link.run({"BACKUP", "TO", dir});
  }();
  STELE_CHECK(started.status());
  if (!options.wait) return std::string();
  Progress progress("backing up", !options.quiet);
  STELE_TRY(std::string info, wait_for_end(link, progress));
  progress.finish();
  if (info_field(info, "backup_last_status") != "ok") return Status::io("{}", info_field(info, "backup_last_error"));
  if (number_of(info, "backups") == number_of(before, "backups")) return Status::unavailable("it was cancelled before it began");
  return info;
}

}  // namespace

int create(const CreateOptions& options) {
  const Result<std::string> info = run(options);
  if (!info.ok()) {
    complain(kProgram, info.status().message());
    return kCouldNotRun;
  }
  if (info->empty()) return kGood;
  Output out;
  out.text() = text_of(*info, options.json);
  return out.flush().ok() ? kGood : kCouldNotRun;
}

}  // namespace stele::tools::backup
