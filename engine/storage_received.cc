// What a replica needs of the data directory: to follow another's stream, and to take another's state in the place of its own.

#include <spdlog/spdlog.h>

#include "engine/backup/backups.h"
#include "engine/received_state.h"
#include "engine/storage.h"
#include "persistence/scrubber.h"

namespace stele {

namespace {

// A file is worth sending as long as the stream behind it is shorter than making another one would take.
constexpr std::uint64_t kStreamBehindSnapshot = std::uint64_t{64} << 20;

}  // namespace

void Storage::follow_primary(bool follows) {
  options_.follows_primary = follows;
  effects_->mute(follows);
  // Whatever was selected: a start or a promotion is a place where others may begin.
  if (!follows) effects_->set_stream_db(-1);
  keyspace_->set_expiry(follows ? Expiry::hidden : Expiry::active);
}

void Storage::continue_history(ReplicationId replid) {
  STELE_ASSERT(journal_->batch().empty());
  if (replid == journal_->replid()) return;
  replid2_ = journal_->replid();
  replid2_end_ = journal_->end();
  journal_->begin_history(std::move(replid), effects_->stream_db());
}

bool Storage::was_history(std::string_view replid, Offset offset) const {
  if (replid.empty()) return false;
  if (replid == replid2_) return offset <= replid2_end_;
  for (const Journal::OlderHistory& older : journal_->older_histories()) {
    if (older.replid == replid) return offset <= older.end && (!unrelated_until_ || older.end > *unrelated_until_);
  }
  return false;
}

bool Storage::is_recent(Offset snapshot, std::uint64_t bytes) const {
  return journal_->end() - snapshot <= std::max(kStreamBehindSnapshot, bytes / 2);
}

std::shared_ptr<SyncSnapshot> Storage::recent_snapshot() {
  if (auto last = sync_snapshot_.lock(); last != nullptr && is_recent(last->offset, last->bytes)) return last;
  const JournalBase base = journal_->base();
  if (base.bytes == 0 || base_of_stream_ != base.offset || base.file.extension() != ".rdb" || !is_recent(base.offset, base.bytes)) {
    return nullptr;
  }
  // In this order: what is pinned stays.
  Result<JournalPin> pin = journal_->pin(base.offset, "full sync");
  Result<File> file = File::open(base.file, File::Mode::read);
  if (!pin.ok() || !file.ok()) return nullptr;
  auto snapshot = std::make_shared<SyncSnapshot>(SyncSnapshot{.file = std::move(*file), .bytes = base.bytes, .offset = base.offset,
                                                              .pin = std::move(*pin)});
  sync_snapshot_ = snapshot;
  return snapshot;
}

Result<std::shared_ptr<SyncSnapshot>> Storage::snapshot_of_functions() {
  const std::filesystem::path path = options_.dir / "temp-functions.rdb";
  STELE_TRY(File file, File::open(path, File::Mode::replace));
  std::error_code ignored;
  std::filesystem::remove(path, ignored);
  RdbWriter writer(file, options_.rdb);
  STELE_CHECK(writer.begin());
  STELE_CHECK(writer.aux("redis-ver", options_.server_version));
  for (const auto& [name, code] : keyspace_->functions().all()) STELE_CHECK(writer.function(code));
  STELE_CHECK(writer.end());
  STELE_TRY(JournalPin pin, journal_->pin(journal_->end(), "functions"));
  return std::make_shared<SyncSnapshot>(SyncSnapshot{.file = std::move(file), .bytes = writer.bytes(), .offset = journal_->end(),
                                                     .pin = std::move(pin)});
}

std::string store_copy_format() { return "stele-store-1-" + Store::library_version(); }

Result<StoreCopy> Storage::copy_store() {
  const std::lock_guard lock(copy_mutex_);
  if (store_ == nullptr) return Status::unavailable("the data are being replaced");
  const std::filesystem::path links = options_.dir / "sync.links";
  STELE_CHECK(create_directories_durably(links));
  const std::filesystem::path dir = links / std::to_string(++copies_);
  std::error_code error;
  const auto copy = [&]() -> Result<StoreCopy> {
    STELE_TRY(const std::shared_ptr<const Label> label, store_->link_files(dir));
    if (label == nullptr) return Status::unavailable("there is no checkpoint yet");
    StoreCopy copy{.replid = label->replid, .offset = label->offset};
    for (const auto& entry : std::filesystem::directory_iterator(dir, error)) {
      StoreCopy::Part part{.name = entry.path().filename().native()};
      STELE_TRY(part.file, File::open(entry.path(), File::Mode::read));
      STELE_TRY(part.bytes, part.file.size());
      copy.bytes += part.bytes;
      copy.parts.push_back(std::move(part));
    }
    if (error) return Status::io("{}: {}", dir.native(), error.message());
    return copy;
  };
  Result<StoreCopy> made = copy();
  std::filesystem::remove_all(dir, error);
  std::filesystem::remove(links, error);
  return made;
}

bool Storage::ready_for_received(bool wanted) {
  makes_room_ = wanted;
  if (!wanted) return false;
  if (saver_.running()) saver_.cancel();
  if (backups_->running()) backups_->cancel();
  return !checkpointer_->running() && !saver_.running() && !backups_->running();
}

Status Storage::reload_from(const std::filesystem::path& rdb) {
  STELE_ASSERT(journal_->batch().empty());
  cancel_snapshot();
  if (checkpointer_->running()) checkpoint_ended(checkpointer_->finish());
  STELE_CHECK(journal_->sync());
  const ReceivedState state{.dir = options_.dir,
                            .rdb = rdb,
                            .store = options_.store,
                            .databases = options_.databases,
                            .skip_unknown = options_.skip_unknown,
                            .verify_checksum = options_.rdb.checksum,
                            .lfu = options_.lfu,
                            .now = keyspace_->now(),
                            .replid = journal_->replid(),
                            .offset = journal_->end(),
                            .stream_db = std::max(0, effects_->stream_db()),
                            .with_journal = false,
                            .append_dir_name = options_.append_dir_name,
                            .journal = options_.journal};
  STELE_CHECK(prepare_received_state(state).status());
  ready_for_received(true);
  return take_received();
}

Status Storage::take_received() {
  STELE_ASSERT(ready_for_received(true) && journal_->batch().empty());
  std::error_code error;
  const bool with_journal = std::filesystem::exists(options_.dir / "sync.loading" / options_.append_dir_name, error);
  if (with_journal && before_journal_leaves_) before_journal_leaves_();
  // They are no part of an RDB file that is not of this journal.
  const FeedCursors cursors = keyspace_->feed_cursors();
  scrubber_.reset();
  std::unique_lock copying(copy_mutex_);
  loader_.reset();
  checkpointer_.reset();
  sync_pin_ = JournalPin();
  keyspace_->clear();
  keyspace_->attach_store(nullptr);
  store_.reset();
  if (with_journal) {
    effects_->attach(no_batch_);
    journal_.reset();
  }
  STELE_CHECK(settle_on_received_state(options_.dir));
  STELE_CHECK(install_received_state(options_.dir));
  reclaimer_.submit([dir = options_.dir] {
    if (const Status status = remove_replaced_state(dir); !status.ok()) spdlog::warn("{}", status.message());
  });
  STELE_TRY(store_, Store::open(options_.dir / "rocksdb", options_.store));
  copying.unlock();
  const auto label = store_->label();
  STELE_ASSERT(label != nullptr);
  checkpoint_offset_ = label->offset;
  if (with_journal) {
    JournalOptions options = options_.journal;
    options.on_progress = on_progress_;
    options.verify_from = label->offset;
    STELE_TRY(journal_, Journal::open(options_.dir / options_.append_dir_name, options));
    replid2_.clear();
    replid2_end_ = Offset();
    unrelated_until_.reset();
    base_of_stream_ = label->offset;
    effects_->attach(journal_->batch());
    checkpoint_history_.clear();
  }
  STELE_CHECK(open_keyspace());
  if (!with_journal) keyspace_->feed_cursors() = cursors;
  changes_saved_ = keyspace_->stats().changes;
  ++generation_;
  due_generation_.reset();
  due_ticket_ = warm_up_ticket_ = 0;
  unresolved_jobs_ = 0;
  makes_room_ = checkpoint_wanted_ = sweeping_ = false;
  start_background();
  for (const auto& done : std::exchange(counts_waiting_, {})) done();
  // Their keys are other ones now; whoever asked looks again.
  for (const Waiting& waiting : std::exchange(waiting_, {})) waiting.done();
  return Status();
}

}  // namespace stele
