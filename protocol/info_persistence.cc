// INFO persistence and stele: what checkpoints, journal and store are at.

#include "engine/backup/backups.h"
#include "persistence/scrubber.h"
#include "protocol/change_feed/change_feed.h"
#include "protocol/commands_server.h"
#include "protocol/environment.h"
#include "protocol/info.h"
#include "protocol/replication_role.h"

namespace stele {

namespace {

/// Whole seconds that the last one took; -1 if there has been none.
std::int64_t last_seconds(const SnapshotFigures& snapshots) {
  return snapshots.last ? snapshots.last->took.count() / 1000 : -1;
}

/// Of the one that is being taken.
std::int64_t current_seconds(const Storage& storage, SnapshotKind kind) {
  if (!storage.snapshot_running(kind)) return -1;
  const auto running_for = std::chrono::steady_clock::now() - storage.snapshots(kind).last_try;
  return std::chrono::duration_cast<std::chrono::seconds>(running_for).count();
}

std::string_view ok_or_err(bool ok) { return ok ? "ok" : "err"; }

std::int64_t whole_seconds(std::chrono::steady_clock::duration duration) {
  return std::chrono::duration_cast<std::chrono::seconds>(duration).count();
}

void add_backups(InfoText& info, Backups& backups) {
  const BackupFigures& figures = backups.figures();
  const BackupProgress& progress = backups.progress();
  const bool runs = backups.in_progress();
  const auto now = std::chrono::steady_clock::now();
  info.add("backup_in_progress", runs ? 1 : 0);
  info.add("backup_current_bytes", runs ? progress.bytes_done.load() : 0);
  info.add("backup_current_bytes_total", runs ? progress.bytes_total.load() : 0);
  info.add("backup_current_time_sec", backups.running() ? whole_seconds(now - backups.started_at()) : -1);
  info.add("backups", figures.finished);
  info.add("backups_failed", figures.failed);
  info.add("backup_last_time", figures.last_finished.ms() / 1000);
  info.add("backup_last_status", ok_or_err(!figures.last || figures.last->status.ok()));
  if (!figures.last) return;
  const BackupWriter::Outcome& last = *figures.last;
  info.add("backup_last_dir", last.dir.native());
  info.add("backup_last_time_sec", last.took.count() / 1000);
  if (!last.status.ok()) return info.add("backup_last_error", last.status.message());
  info.add("backup_last_number", last.backup.number);
  info.add("backup_last_kind", name_of(last.backup.kind));
  info.add("backup_last_full_because", last.full_because);
  info.add("backup_last_offset", last.backup.end);
  info.add("backup_last_bytes", last.backup.bytes());
  info.add("backup_last_bytes_added", last.backup.bytes_added());
}

void add_scrubbing(InfoText& info, const Scrubber& scrubber) {
  const ScrubFigures figures = scrubber.figures();
  info.add("scrub_in_progress", figures.running ? 1 : 0);
  info.add("scrub_position", figures.file);
  info.add("scrub_bytes", figures.bytes);
  info.add("scrub_bytes_total", figures.bytes_total);
  info.add("scrub_passes", figures.passes);
  info.add("scrub_last_pass_time", figures.last_pass_end.ms() / 1000);
  info.add("scrub_last_pass_sec", figures.last_pass_took.count() / 1000);
  info.add("scrub_errors", figures.errors);
  info.add("scrub_last_error", figures.last_error);
}

/// While the data are loaded there is neither store nor journal to tell of.
void add_loading(InfoText& info, const Environment& environment) {
  const Storage::Loading& loading = environment.storage.loading();
  const double done = loading.total == 0 ? 0 : static_cast<double>(loading.done) / static_cast<double>(loading.total);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - loading.since).count();
  info.add("loading", 1);
  info.add("async_loading", 0);
  info.add("loading_start_time", environment.stats.started_at.ms() / 1000);
  info.add("loading_total_bytes", loading.total);
  info.add("loading_rdb_used_mem", 0);
  info.add("loading_loaded_bytes", loading.done);
  info.line("loading_loaded_perc:{:.2f}", 100 * done);
  info.line("loading_eta_seconds:{:.0f}", done > 0 ? seconds * (1 - done) / done : 0.0);
}

}  // namespace

void add_persistence(InfoText& info, Environment& environment) {
  Storage& storage = environment.storage;
  const SnapshotFigures& saves = storage.snapshots(SnapshotKind::save);
  const SnapshotFigures& bases = storage.snapshots(SnapshotKind::base);
  const bool saving = storage.snapshot_running(SnapshotKind::save);
  const bool runs = saving || storage.snapshot_running(SnapshotKind::base);
  const RdbExportProgress& progress = storage.saver().progress();
  const std::uint64_t keys = progress.keys, total = progress.keys_total;
  const auto ok = [](const SnapshotFigures& snapshots) { return ok_or_err(!snapshots.last || snapshots.last->status.ok()); };

  info.begin("Persistence");
  if (!storage.is_open()) return add_loading(info, environment);
  info.add("loading", 0);
  info.add("async_loading", environment.replication->full_sync_in_progress() ? 1 : 0);
  info.add("current_cow_peak", 0);
  info.add("current_cow_size", 0);
  info.add("current_cow_size_age", 0);
  info.line("current_fork_perc:{:.2f}", runs && total > 0 ? 100.0 * static_cast<double>(keys) / static_cast<double>(total) : 0.0);
  info.add("current_save_keys_processed", runs ? keys : 0);
  info.add("current_save_keys_total", runs ? total : 0);
  info.add("rdb_changes_since_last_save", storage.changes_since_save());
  info.add("rdb_bgsave_in_progress", saving || saves.wanted || storage.snapshot_running(SnapshotKind::sync) ? 1 : 0);
  info.add("rdb_last_save_time", last_save(environment).ms() / 1000);
  info.add("rdb_last_bgsave_status", ok(saves));
  info.add("rdb_last_bgsave_time_sec", last_seconds(saves));
  info.add("rdb_current_bgsave_time_sec", current_seconds(storage, SnapshotKind::save));
  info.add("rdb_saves", saves.finished);
  info.add("rdb_last_cow_size", 0);
  const RebuildFigures loaded = storage.recovery().rebuilt.value_or(RebuildFigures());
  info.add("rdb_last_load_keys_expired", loaded.expired);
  info.add("rdb_last_load_keys_loaded", loaded.keys);

  const bool aof = environment.config.now().appendonly;
  const JournalStats journal = storage.journal().stats();
  const JournalBase base = storage.journal().base();
  info.add("aof_enabled", aof ? 1 : 0);
  info.add("aof_rewrite_in_progress", storage.snapshot_running(SnapshotKind::base) ? 1 : 0);
  info.add("aof_rewrite_scheduled", bases.wanted ? 1 : 0);
  info.add("aof_last_rewrite_time_sec", last_seconds(bases));
  info.add("aof_current_rewrite_time_sec", current_seconds(storage, SnapshotKind::base));
  info.add("aof_last_bgrewrite_status", ok(bases));
  info.add("aof_rewrites", bases.finished);
  info.add("aof_rewrites_consecutive_failures", bases.failed_in_a_row);
  info.add("aof_last_write_status", ok_or_err(storage.journal().health().ok()));
  info.add("aof_last_cow_size", 0);
  info.add("module_fork_in_progress", 0);
  info.add("module_fork_last_cow_size", 0);
  add_backups(info, storage.backups());
  add_scrubbing(info, *storage.scrubber());
  if (aof) {
    info.add("aof_current_size", base.bytes + journal.bytes_after_base);
    info.add("aof_base_size", base.bytes);
    info.add("aof_pending_rewrite", 0);
    info.add("aof_buffer_length", storage.journal().batch().size());
    info.add("aof_pending_bio_fsync", storage.journal().durable() < storage.journal().written() ? 1 : 0);
    info.add("aof_delayed_fsync", journal.frames_delayed);
  }
}

void add_stele(InfoText& info, Environment& environment) {
  Storage& storage = environment.storage;
  if (!storage.is_open()) return info.begin("Stele");
  const Journal& journal = storage.journal();
  const JournalStats journal_stats = journal.stats();
  const StoreStats store = storage.store().stats();
  const RecoveryFigures& recovery = storage.recovery();
  const CheckpointFigures& checkpoints = storage.checkpoints();
  std::size_t resident = 0, cold = 0, tombstones = 0;
  for (int i = 0; i < storage.keyspace().databases(); ++i) {
    const Database& db = storage.keyspace().db(i);
    resident += db.table->size();
    tombstones += db.table->tombstones();
    cold += db.cold;
  }

  info.begin("Stele");
  info.add("journal_start", journal.start());
  info.add("journal_durable", journal.durable());
  info.add("journal_written", journal.written());
  info.add("journal_end", journal.end());
  info.add("journal_bytes", journal_stats.bytes);
  info.add("journal_segments", journal_stats.segments);
  info.add("journal_pins", journal_stats.pins);
  info.add("journal_fsyncs", journal_stats.fsyncs);
  info.add("journal_fsync_last_usec", journal_stats.fsync_last.count());
  info.add("journal_fsync_longest_usec", journal_stats.fsync_longest.count());
  info.add("journal_accepts_writes", journal.accepts_writes() ? 1 : 0);
  environment.change_feed->add_info(info);
  info.add("checkpoints", checkpoints.finished);
  info.add("checkpoints_failed", checkpoints.failed);
  info.add("checkpoint_running", storage.checkpoint_running() ? 1 : 0);
  if (checkpoints.last) {
    info.add("checkpoint_last_offset", checkpoints.last->label.offset);
    info.add("checkpoint_last_objects", checkpoints.last->objects);
    info.add("checkpoint_last_bytes", checkpoints.last->bytes);
    info.add("checkpoint_last_msec", checkpoints.last->took.count());
  }
  info.add("keys_resident", resident);
  info.add("keys_cold", cold);
  info.add("keys_dirty", storage.keyspace().dirty_keys());
  info.add("keys_loaded", storage.keyspace().stats().loads);
  info.add("tombstones", tombstones);
  info.add("warming_up", storage.warming_up() ? 1 : 0);
  info.add("store_bytes", store.sst_bytes);
  info.add("store_files", store.sst_files);
  info.add("store_cache_bytes", store.block_cache_bytes);
  info.add("store_pending_compaction_bytes", store.pending_compaction_bytes);
  info.add("store_write_stalls", store.write_stalls);
  info.add("store_health", ok_or_err(storage.store().health().ok()));
  info.add("recovery_checkpoint", recovery.checkpoint);
  info.add("recovery_replayed_bytes", recovery.replayed_bytes);
  info.add("recovery_replayed_commands", recovery.replayed_commands);
  info.add("recovery_open_msec", recovery.open_took.count());
  info.add("recovery_replay_msec", recovery.replay_took.count());
}

}  // namespace stele
