// stele-backup verify: whether backups are what was written.

#include <map>

#include "engine/backup/backup_directory.h"
#include "tools/backup/commands.h"
#include "tools/common/json_writer.h"
#include "tools/common/output.h"
#include "tools/common/progress.h"
#include "tools/common/text.h"

namespace stele::tools::backup {

namespace {

constexpr std::string_view kProgram = "stele-backup";

/// Each file once, however many backups it belongs to.
class Verifier {
 public:
  Verifier(const BackupDirectory& directory, const std::vector<Backup>& backups, bool quiet)
      : directory_(directory), progress_("verifying", !quiet) {
    for (const Backup& backup : backups) {
      for (const BackupFile* file : backup.files()) {
        if (results_.emplace(file->path, std::nullopt).second) total_ += file->bytes;
      }
    }
  }

  /// What is wrong with the backup's files.
  std::vector<Status> problems(const Backup& backup) {
    std::vector<Status> problems;
    for (const BackupFile* file : backup.files()) {
      std::optional<Status>& result = results_[file->path];
      if (!result) {
        result = directory_.verify(*file);
        done_ += file->bytes;
        progress_.update(done_, total_);
      }
      if (!result->ok()) problems.push_back(*result);
    }
    return problems;
  }

  void finish() { progress_.finish(); }

 private:
  const BackupDirectory& directory_;
  Progress progress_;
  std::map<std::string, std::optional<Status>> results_;  // by path
  std::uint64_t done_ = 0;
  std::uint64_t total_ = 0;
};

void append_result(std::string& out, std::uint64_t number, const std::vector<Status>& problems, bool json) {
  if (!json) {
    fmt::format_to(std::back_inserter(out), "backup {}: {}\n", number,
                   problems.empty() ? std::string("good") : fmt::format("DAMAGED, {} problems", problems.size()));
    for (const Status& problem : problems) fmt::format_to(std::back_inserter(out), "  {}\n", printable(problem.message()));
    return;
  }
  JsonWriter writer(out);
  writer.begin_object();
  writer.field("number", number);
  writer.field("good", problems.empty());
  writer.name("problems").begin_array();
  for (const Status& problem : problems) writer.string(problem.message());
  writer.end_array();
  writer.end_object();
  out += '\n';
}

}  // namespace

int verify(const VerifyOptions& options) {
  const Result<BackupDirectory> directory = BackupDirectory::open(options.dir);
  if (!directory.ok()) {
    complain(kProgram, directory.status().message());
    return directory.status().code() == Code::corrupt ? kFoundSomething : kCouldNotRun;
  }
  std::vector<Backup> chosen;
  std::map<std::uint64_t, std::vector<Status>> problems;
  if (options.numbers.empty()) {
    chosen = directory->backups();
    for (const BackupDirectory::Damaged& damaged : directory->damaged()) problems[damaged.number].push_back(damaged.status);
  }
  for (const std::uint64_t number : options.numbers) {
    const Result<Backup> backup = directory->find(number);
    if (backup.ok()) {
      chosen.push_back(*backup);
    } else if (backup.status().code() == Code::corrupt) {
      problems[number].push_back(backup.status());
    } else {
      complain(kProgram, backup.status().message());
      return kCouldNotRun;
    }
  }
  if (chosen.empty() && problems.empty()) {
    complain(kProgram, fmt::format("{}: no backups are there", options.dir.native()));
    return kCouldNotRun;
  }
  Verifier verifier(*directory, chosen, options.quiet);
  for (const Backup& backup : chosen) problems[backup.number] = verifier.problems(backup);
  verifier.finish();
  Output out;
  bool good = true;
  for (const auto& [number, found] : problems) {
    append_result(out.text(), number, found, options.json);
    good &= found.empty();
  }
  if (!out.flush().ok()) return kCouldNotRun;
  return good ? kGood : kFoundSomething;
}

}  // namespace stele::tools::backup
