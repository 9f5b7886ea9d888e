// BGSAVE and BGREWRITEAOF: a checkpoint unless the store is up to date, then an RDB file from a snapshot of the store.

#include <spdlog/spdlog.h>

#include "engine/backup/backups.h"
#include "engine/storage.h"

namespace stele {

namespace {

constexpr std::chrono::seconds kRewriteRetry{60};

std::string_view name_of(SnapshotKind kind) {
  switch (kind) {
    case SnapshotKind::save: return "RDB snapshot";
    case SnapshotKind::base: return "base of the append-only files";
    case SnapshotKind::sync: return "RDB for replicas";
  }
  return {};
}

std::string_view command_of(SnapshotKind kind) { return kind == SnapshotKind::base ? "BGREWRITEAOF" : "BGSAVE"; }

}  // namespace

std::optional<SnapshotKind> Storage::next_snapshot() const {
  if (taking_) return std::nullopt;
  for (const SnapshotKind kind : {SnapshotKind::sync, SnapshotKind::save, SnapshotKind::base}) {
    if (snapshots(kind).wanted) return kind;
  }
  return std::nullopt;
}

bool Storage::store_is_up_to_date() const {
  const auto label = store_->label();
  return label != nullptr && label->offset == journal_->end() && label->replid == journal_->replid();
}

/// A crash in the middle of a save left it; it can be as large as the data.
void Storage::remove_half_written() {
  std::error_code error;
  const std::filesystem::path temporary = temporary_save_path();
  if (!std::filesystem::is_regular_file(temporary, error) || !std::filesystem::remove(temporary, error)) return;
  spdlog::info("removed {}, left by a crash", temporary.native());
}

void Storage::begin_snapshot(SnapshotKind kind) {
  figures_of(kind).wanted = false;
  figures_of(kind).last_try = std::chrono::steady_clock::now();
  taking_ = kind;
  changes_taken_ = keyspace_->stats().changes;
  if (kind == SnapshotKind::base) journal_->begin_segment(effects_->stream_db());
  if (kind == SnapshotKind::sync) {
    Result<JournalPin> pin = journal_->pin(journal_->end(), "full sync");
    if (pin.ok()) sync_pin_ = std::move(*pin);
  }
  if (store_is_up_to_date()) {
    start_saver(kind);
  } else {
    checkpoint_wanted_ = false;
    checkpointer_->start(label_now(false));
  }
  // Who follows from the snapshot on, and does not look for repl-stream-db in it, is told the database.
  if (kind != SnapshotKind::save && !options_.follows_primary) effects_->set_stream_db(-1);
}

RdbSaver::Job Storage::snapshot_job(SnapshotKind kind) {
  RdbSaver::Job job;
  job.is_waited_for = kind == SnapshotKind::sync;  // by a replica, which holds back the journal meanwhile
  job.options = {.rdb = options_.rdb,
                 .server_version = options_.server_version,
                 .used_memory = allocated_bytes_,
                 .is_aof_base = kind == SnapshotKind::base,
                 .tell_hash_seed = kind != SnapshotKind::save,
                 .access = options_.rdb_access,
                 .policy = keyspace_->access_policy(),
                 .now = keyspace_->now(),
                 .key_delay = options_.key_save_delay};
  if (kind == SnapshotKind::save) {
    job.temporary = temporary_save_path();
    job.install = [path = save_path(), temporary = job.temporary](const Label&) { return rename_durably(temporary, path); };
  } else if (kind == SnapshotKind::sync) {
    job.temporary = options_.dir / "temp-sync.rdb";
    job.options.access = RdbExportOptions::Access::none;
    job.install = [this, temporary = job.temporary](const Label&) -> Status {
      // It lasts for as long as somebody sends it.
      STELE_TRY(sync_file_, File::open(temporary, File::Mode::read));
      std::error_code error;
      std::filesystem::remove(temporary, error);
      return error ? Status::io("{}: remove: {}", temporary.native(), error.message()) : Status();
    };
  } else {
    job.options.as_commands = options_.base_as_commands;
    job.options.annotate_time = options_.annotate_time;
    job.temporary = journal_->directory() / (options_.base_as_commands ? "temp-base.aof" : "temp-base.rdb");
    job.install = [journal = journal_.get(), temporary = job.temporary](const Label& label) {
      return journal->adopt_base(temporary, label.offset);
    };
  }
  return job;
}

void Storage::start_saver(SnapshotKind kind) { saver_.start(store_->snapshot(), snapshot_job(kind)); }

void Storage::snapshot_ended(const RdbSaver::Outcome& outcome) {
  const SnapshotKind kind = *std::exchange(taking_, std::nullopt);
  SnapshotFigures& figures = figures_of(kind);
  figures.last = outcome;
  if (!outcome.status.ok()) {
    if (kind == SnapshotKind::sync && outcome.status.code() == Code::unavailable) {
      sync_pin_ = JournalPin();
      return spdlog::info("{} at offset {}: {}", name_of(kind), outcome.label.offset, outcome.status.message());
    }
    ++figures.failed;
    ++figures.failed_in_a_row;
    sync_pin_ = JournalPin();
    const bool full = outcome.status.code() == Code::exhausted && !outcome.status.message().ends_with("free some space");
    spdlog::error("{} at offset {} failed: {}. What was there before is untouched{}", name_of(kind), outcome.label.offset,
                  outcome.status.message(),
                  full ? fmt::format("; free some space there, then {} again", command_of(kind)) : std::string());
    return;
  }
  ++figures.finished;
  figures.failed_in_a_row = 0;
  figures.last_finished = outcome.label.taken_at;
  if (kind == SnapshotKind::save) changes_saved_ = changes_taken_;
  if (kind == SnapshotKind::base) {
    base_of_stream_ = outcome.label.offset;
    journal_->trim(keep_from());
  }
  if (kind == SnapshotKind::sync) {
    sync_made_ = std::make_shared<SyncSnapshot>(SyncSnapshot{.file = std::move(sync_file_), .bytes = outcome.bytes,
                                                             .offset = outcome.label.offset, .pin = std::move(sync_pin_)});
    sync_snapshot_ = sync_made_;
  }
  spdlog::info("{} at offset {}: {} keys, {} bytes in {} ms", name_of(kind), outcome.label.offset, outcome.keys, outcome.bytes,
               outcome.took.count());
}

Status Storage::save_now() {
  STELE_ASSERT(!taking_);
  const bool up_to_date = !checkpointer_->running() && store_is_up_to_date();
  const Status checkpointed = up_to_date ? Status() : checkpoint_now(false);
  taking_ = SnapshotKind::save;
  if (!checkpointed.ok()) {
    snapshot_ended({.status = checkpointed, .label = label_now(false)});
    return checkpointed;
  }
  changes_taken_ = keyspace_->stats().changes;
  RdbSaver::Job job = snapshot_job(SnapshotKind::save);
  job.is_waited_for = true;
  saver_.start(store_->snapshot(), std::move(job));
  const RdbSaver::Outcome outcome = saver_.finish();
  snapshot_ended(outcome);
  return outcome.status;
}

void Storage::give_up_sync_snapshot() {
  figures_of(SnapshotKind::sync).wanted = false;
  sync_made_.reset();
  if (taking_ == SnapshotKind::sync && saver_.running()) saver_.cancel();
}

void Storage::cancel_snapshot() {
  backups_->stop();
  for (SnapshotFigures& figures : snapshots_) figures.wanted = false;
  if (!taking_) return;
  if (!saver_.running()) checkpoint_ended(checkpointer_->finish());
  if (!saver_.running()) return;
  saver_.cancel();
  snapshot_ended(saver_.finish());
}

/// The append-only files have grown by so much since the base, or a stock server could not load them.
void Storage::request_due_rewrite() {
  const SnapshotFigures& figures = snapshots(SnapshotKind::base);
  if (!options_.make_base || taking_ || figures.wanted) return;
  if (figures.failed_in_a_row > 0 && std::chrono::steady_clock::now() - figures.last_try < kRewriteRetry) return;
  const JournalBase base = journal_->base();
  const std::uint64_t bytes = base.bytes + journal_->stats().bytes_after_base;
  const std::uint64_t growth = bytes / std::max<std::uint64_t>(1, base.bytes / 100);  // in percent
  const bool grown = options_.rewrite_growth_percent > 0 && bytes > options_.rewrite_bytes_min &&
                     growth >= 100 + options_.rewrite_growth_percent;
  if (!grown && base.complete) return;
  spdlog::info("the append-only files begin anew: {}", base.complete ? fmt::format("{} bytes, the base has {}", bytes, base.bytes)
                                                                     : "what they begin with is not there");
  request_snapshot(SnapshotKind::base);
}

}  // namespace stele
