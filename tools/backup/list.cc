// stele-backup list: which backups a directory holds.

#include "engine/backup/backup_directory.h"
#include "tools/backup/commands.h"
#include "tools/common/json_writer.h"
#include "tools/common/output.h"
#include "tools/common/table.h"
#include "tools/common/text.h"

namespace stele::tools::backup {

namespace {

constexpr std::string_view kProgram = "stele-backup";

void append_json(std::string& out, const Backup& backup, bool files) {
  JsonWriter json(out);
  json.begin_object();
  json.field("number", backup.number);
  json.field("kind", name_of(backup.kind));
  if (backup.parent != 0) json.field("parent", backup.parent);
  json.field("taken_at", format_time(backup.taken_at.ms()));
  json.field("taken_at_ms", backup.taken_at.ms());
  json.field("replication_id", backup.replid);
  json.field("state_offset", backup.state.bytes());
  json.field("offset", backup.end.bytes());
  json.field("store_files", backup.store.size());
  json.field("segments", backup.segments.size());
  json.field("bytes", backup.bytes());
  json.field("bytes_added", backup.bytes_added());
  json.field("server", backup.server);
  json.field("version", backup.server_version);
  if (files) {
    json.name("files").begin_array();
    for (const BackupFile* file : backup.files()) {
      json.begin_object();
      json.field("path", file->path);
      json.field("bytes", file->bytes);
      json.field("xxh3_128", file->checksum);
      json.end_object();
    }
    json.end_array();
  }
  json.end_object();
  out += '\n';
}

std::string table_of(const BackupDirectory& directory) {
  using Align = Table::Align;
  Table table({{"number", Align::right}, {"kind"}, {"parent", Align::right}, {"taken at"}, {"offset", Align::right},
               {"files", Align::right}, {"bytes", Align::right}, {"of them new", Align::right}});
  for (const Backup& backup : directory.backups()) {
    table.row({fmt::format("{}", backup.number), std::string(name_of(backup.kind)),
               backup.parent == 0 ? "-" : fmt::format("{}", backup.parent), format_time(backup.taken_at.ms()),
               fmt::format("{}", backup.end), fmt::format("{}", backup.files().size()), format_bytes(backup.bytes()),
               format_bytes(backup.bytes_added())});
  }
  return table.text();
}

}  // namespace

int list(const ListOptions& options) {
  const Result<BackupDirectory> directory = BackupDirectory::open(options.dir);
  if (!directory.ok()) {
    complain(kProgram, directory.status().message());
    return directory.status().code() == Code::corrupt ? kFoundSomething : kCouldNotRun;
  }
  Output out;
  if (options.json) {
    for (const Backup& backup : directory->backups()) append_json(out.text(), backup, options.files);
  } else {
    out.text() = table_of(*directory);
    if (options.files) {
      for (const Backup& backup : directory->backups()) {
        fmt::format_to(std::back_inserter(out.text()), "\nbackup {}\n", backup.number);
        for (const BackupFile* file : backup.files()) {
          fmt::format_to(std::back_inserter(out.text()), "  {}  {}  {}\n", file->checksum, file->path, format_bytes(file->bytes));
        }
      }
    }
  }
  if (!out.flush().ok()) return kCouldNotRun;
  for (const BackupDirectory::Damaged& damaged : directory->damaged()) complain(kProgram, damaged.status.message());
  return directory->damaged().empty() ? kGood : kFoundSomething;
}

}  // namespace stele::tools::backup
