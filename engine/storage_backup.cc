// BACKUP: a place in the journal to end at, then BackupWriter's thread.

#include "engine/backup/backups.h"
#include "engine/storage.h"

namespace stele {

namespace {

std::filesystem::path staging_path(const std::filesystem::path& dir) { return dir / "backup.linking"; }

}  // namespace

void Storage::remove_backup_remains() {
  std::error_code ignored;
  std::filesystem::remove_all(staging_path(options_.dir), ignored);
}

void Storage::begin_backup() {
  // Whose backups they are is told by what a checkpoint keeps, so there has to be one.
  if (store_->label() == nullptr) {
    if (!checkpoints_.last || checkpoints_.last->status.ok()) {
      checkpoint_wanted_ = true;
      return;
    }
    return backups_->failed_to_start(checkpoints_.last->status);
  }
  // In this order: what is pinned stays, so the store's label is covered whichever it is by then.
  Result<JournalPin> pin = journal_->pin(journal_->start(), "backup");
  if (!pin.ok()) return backups_->failed_to_start(pin.status());
  BackupWriter::Job job{.staging = staging_path(options_.dir), .bytes_per_second = options_.backup_bytes_per_second, .pin = std::move(*pin)};
  job.backup.server = backup_server_id(keyspace_->hasher().seed());
  job.backup.taken_at = keyspace_->now();
  job.backup.previous_replid = replid2_;
  job.backup.previous_end = replid2_end_;
  job.backup.end = journal_->end();
  // Sealed segments alone are archived: whole files that nothing is added to.
  journal_->begin_segment(effects_->stream_db());
  backups_->start(*store_, *journal_, std::move(job));
}

}  // namespace stele
