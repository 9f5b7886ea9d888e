#include "engine/storage.h"

#include "engine/backup/backups.h"
#include "engine/received_state.h"
#include "persistence/scrubber.h"

#include <spdlog/spdlog.h>

namespace stele {

namespace {

constexpr std::chrono::microseconds kWalkSlice{250};
constexpr std::uint64_t kWalkSlicesMax = 4;
constexpr std::size_t kSweepSegments = 16;
constexpr std::size_t kDueRows = 1000;
constexpr std::size_t kWarmUpRows = 256;
constexpr std::uint64_t kResolveTicket = ~std::uint64_t{0};

std::chrono::milliseconds since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - start);
}

Scrubber::Options scrub_options(const StorageOptions& options) {
  return {.bytes_per_second = options.scrub_bytes_per_second, .interval = options.scrub_interval};
}

std::string partition_begin(Partition partition) { return stored_key(partition, 0, {}); }

}  // namespace

Storage::Storage(StorageOptions options, std::function<void()> on_progress)
    : options_(std::move(options)),
      on_progress_(std::move(on_progress)),
      effects_(std::make_unique<Effects>(no_batch_)),
      keyspace_(std::make_unique<Keyspace>(options_.databases, KeyHasher::random_seed(), *effects_, watches_, reclaimer_)),
      backups_(std::make_unique<Backups>(on_progress_)),
      saver_(on_progress_) {
  effects_->mute(true);
}

Storage::~Storage() {
  // Threads that read the store end before it does; the journal last, it holds what everyone relies on.
  backups_->stop();
  scrubber_.reset();
  if (saver_.running()) {
    saver_.cancel();
    saver_.finish();
  }
  loader_.reset();
  checkpointer_.reset();
}

Status Storage::open(CommandRegistry& registry) {
  const auto start = std::chrono::steady_clock::now();
  STELE_TRY(LockFile lock, LockFile::acquire(options_.dir / "LOCK"));
  lock_ = std::make_unique<LockFile>(std::move(lock));
  remove_half_written();
  remove_backup_remains();

  STELE_CHECK(install_received_state(options_.dir));
  STELE_CHECK(remove_received_remains(options_.dir));
  std::error_code ignored;
  std::filesystem::remove(options_.dir / "sync.rdb", ignored);
  STELE_CHECK(open_store());
  if (options_.load_replaced_files) STELE_CHECK(set_replaced_store_aside());
  if (store_->label() == nullptr) {
    STELE_TRY(const auto source, find_source());
    if (source) STELE_CHECK(rebuild(*source, registry));
  }
  STELE_CHECK(open_journal(registry));
  if (rebuilt_from_) STELE_CHECK(install_rebuilt());
  STELE_CHECK(drop_orphans());
  STELE_CHECK(open_keyspace());
  recovery_.open_took = since(start);

  const auto replay_start = std::chrono::steady_clock::now();
  STELE_CHECK(replay(registry));
  recovery_.replay_took = since(replay_start);
  if (!options_.follows_primary) begin_history_if_unclean();

  start_background();
  resolve_replayed();
  open_ = true;
  return Status();
}

void Storage::start_background() {
  loader_ = std::make_unique<Loader>(*store_, options_.loader_threads, on_progress_);
  checkpointer_ =
      std::make_unique<Checkpointer>(*keyspace_, *store_, [journal = journal_.get()] { return journal->sync(); }, on_progress_);
  scrubber_ = std::make_unique<Scrubber>(*store_, *journal_, scrub_options(options_));
  checkpoint_at_ = std::chrono::steady_clock::now();
  if (checkpoint_history_.empty()) checkpoint_history_.emplace_back(checkpoint_at_, journal_->start());
  warm_up_next_.clear();
  warm_up_db_ = options_.warm_up ? 0 : -1;
}

void Storage::take_options() {
  backups_->set_rate(options_.backup_bytes_per_second);
  if (scrubber_) scrubber_->set_options(scrub_options(options_));
}

Status Storage::drop_orphans() {
  // What lies between the partitions that the label names is dead: replay begins at the label, so it may still need what
  // the keyspace has left behind since. A drop that a crash cut short is found here as well.
  const auto label = store_->label();
  if (label == nullptr) return Status();
  STELE_TRY(const EngineState state, EngineState::parse(label->engine_state));
  // Numbers only grow, so nothing will ever be put there again; behind the last one there is nothing yet.
  std::string from;
  for (const Partition partition : state.partitions()) {
    const std::string end = partition_begin(partition);
    const StoreIterator gap = store_->iterate(from, end);
    STELE_CHECK(gap.status());
    if (gap.valid()) store_->drop_range(from, end);
    from = partition_begin(partition + 1);
  }
  return Status();
}

// --- turns

bool Storage::turn() {
  bool more = take_loads() || evicting_;
  if (checkpointer_->walking()) {
    // The further the journal is ahead, the longer the slices: the next start has to replay what is ahead.
    const std::uint64_t ahead = journal_->end() - checkpoint_offset_;
    const std::uint64_t times_over = ahead / std::max<std::uint64_t>(1, options_.checkpoint_journal_bytes);
    checkpointer_->step(kWalkSlice * static_cast<int>(std::min<std::uint64_t>(1 + times_over, kWalkSlicesMax)));
    more = true;
  }
  if (checkpointer_->running()) {
    if (const auto outcome = checkpointer_->poll()) checkpoint_ended(*outcome);
  }
  if (saver_.running()) {
    if (const auto outcome = saver_.poll()) snapshot_ended(*outcome);
  }
  backups_->poll();
  if (sweeping_) {
    sweeping_ = !keyspace_->sweep_tombstones(kSweepSegments);
    more = true;
  }
  return more;
}

void Storage::cron() {
  const auto now = std::chrono::steady_clock::now();
  const std::uint64_t journal_bytes = journal_->end() - checkpoint_offset_;
  const bool due = journal_bytes >= options_.checkpoint_journal_bytes ||
                   (journal_bytes > 0 && now - checkpoint_at_ >= options_.checkpoint_interval);
  if (due && !checkpointer_->running()) checkpoint_wanted_ = true;
  request_due_rewrite();

  if (due_ticket_ == 0 && due_generation_ != generation_ && keyspace_->expiry() == Expiry::active) {
    for (int i = 0; i < keyspace_->databases(); ++i) {
      if (keyspace_->db(i).cold_expires == 0) continue;
      due_ticket_ = ++last_ticket_;
      loader_->load_due(due_ticket_, generation_, keyspace_->now(), kDueRows);
      break;
    }
  }
  warm_up_next();
}

void Storage::after_commit() {
  evict_slice();
  if (backups_->wanted() && !makes_room_) begin_backup();  // a checkpoint that runs is of no later state
  const std::optional<SnapshotKind> snapshot = next_snapshot();
  if (!checkpoint_wanted_ && !snapshot) return;
  if (checkpointer_->running() || backups_->holds_store() || sweeping_ || !counts_are_exact() || makes_room_) return;
  STELE_ASSERT(journal_->batch().empty());
  if (snapshot) return begin_snapshot(*snapshot);
  checkpoint_wanted_ = false;
  checkpointer_->start(label_now(false));
}

Label Storage::label_now(bool clean_shutdown) const {
  Label label;
  label.offset = journal_->end();
  label.stream_db = effects_->stream_db();
  label.replid = journal_->replid();
  label.replid2 = replid2_;
  label.replid2_end = replid2_end_;
  label.clean_shutdown = clean_shutdown;
  label.taken_at = keyspace_->now();
  return label;
}

void Storage::checkpoint_ended(const Checkpointer::Outcome& outcome) {
  checkpoints_.last = outcome;
  checkpoint_at_ = std::chrono::steady_clock::now();
  const bool for_snapshot = taking_.has_value() && !saver_.running();
  if (!outcome.status.ok()) {
    ++checkpoints_.failed;
    spdlog::error("checkpoint at offset {} failed: {}. Nothing is lost, the journal has it; it is tried again", outcome.label.offset,
                  outcome.status.message());
    if (for_snapshot) snapshot_ended({.status = outcome.status, .label = outcome.label});
    return;
  }
  ++checkpoints_.finished;
  ++generation_;
  sweeping_ = true;
  checkpoint_offset_ = outcome.label.offset;
  checkpoints_.last_finished = outcome.label.taken_at;
  journal_->trim(keep_from());
  if (const Status status = drop_orphans(); !status.ok()) {
    spdlog::warn("flushed data still takes up space in the store: {}", status.message());
  }
  spdlog::info("checkpoint at offset {}: {} objects, {} bytes in {} ms", outcome.label.offset, outcome.objects, outcome.bytes,
               outcome.took.count());
  if (for_snapshot) start_saver(*taking_);
}

Offset Storage::keep_from() {
  // Nothing was let go so far: a base has to be there first, or a stock server could no longer load the directory.
  if (const JournalBase base = journal_->base(); options_.make_base && base.complete && base.bytes == 0) return journal_->start();
  const std::uint64_t bytes = std::min(checkpoint_offset_.bytes(), options_.retain_bytes);
  const Offset by_size(checkpoint_offset_.bytes() - bytes);
  // The stream was at history[i].offset at history[i].time: the newest of those old enough is where to cut.
  const auto now = std::chrono::steady_clock::now();
  checkpoint_history_.emplace_back(now, checkpoint_offset_);
  while (checkpoint_history_.size() > 1 && checkpoint_history_[1].first <= now - options_.retain_for) {
    checkpoint_history_.pop_front();
  }
  const Offset by_time = checkpoint_history_.front().second;
  return options_.retain_for.count() > 0 ? std::min(by_size, by_time) : by_size;
}

void Storage::evict_slice() {
  constexpr std::size_t kEvictionsPerTurn = 64;
  evicting_ = false;
  if (options_.resident_bytes_max == 0 || allocated_bytes_ <= options_.resident_bytes_max) return;
  if (checkpointer_->running() || !counts_are_exact()) return;
  const std::size_t freed = keyspace_->evict(kEvictionsPerTurn);
  // Nothing found: not again before memory is measured anew.
  allocated_bytes_ = freed == 0 ? 0 : allocated_bytes_ - std::min(freed, allocated_bytes_);
  evicting_ = allocated_bytes_ > options_.resident_bytes_max;
  // Hardly anything is clean: let a checkpoint clean it. Not for less than it is worth.
  constexpr std::size_t kDirtyWorthACheckpoint = 1000;
  if (freed == 0 && keyspace_->dirty_keys() >= kDirtyWorthACheckpoint) checkpoint_wanted_ = true;
}

Status Storage::checkpoint_now(bool clean_shutdown) {
  STELE_ASSERT(journal_->batch().empty());
  if (checkpointer_->running()) checkpoint_ended(checkpointer_->finish());
  checkpoint_wanted_ = false;
  while (!counts_are_exact()) {
    loader_->wait();
    take_loads();
  }
  while (!keyspace_->sweep_tombstones(kSweepSegments)) {
  }
  sweeping_ = false;
  checkpointer_->start(label_now(clean_shutdown));
  const Checkpointer::Outcome outcome = checkpointer_->finish();
  checkpoint_ended(outcome);
  return outcome.status;
}

// --- cold keys

void Storage::load(std::vector<std::string> stored_keys, std::function<void()> done) {
  const std::uint64_t ticket = ++last_ticket_;
  waiting_.push_back({ticket, std::move(done)});
  loader_->load(ticket, generation_, std::move(stored_keys));
}

bool Storage::take_loads() {
  std::vector<Loader::Result> results = loader_->take();
  for (Loader::Result& result : results) {
    if (!result.status.ok()) {
      // Serving on would mean to take a key that cannot be read for one that does not exist.
      spdlog::critical("cannot read from the store: {}. Stopping; the journal and the store are left as they are",
                       result.status.message());
      std::abort();
    }
    if (result.ticket == kResolveTicket) {
      for (const Loader::Row& row : result.rows) keyspace_->resolve(row.stored, row.value);
      if (--unresolved_jobs_ == 0) {
        for (const auto& done : std::exchange(counts_waiting_, {})) done();
      }
      continue;
    }
    if (result.ticket == due_ticket_) {
      due_ticket_ = 0;
      finished_due(result);
      continue;
    }
    if (result.ticket == warm_up_ticket_) {
      warm_up_ticket_ = 0;
      finished_warm_up_page(result);
      continue;
    }
    const auto waiting = std::find_if(waiting_.begin(), waiting_.end(),
                                      [&](const Waiting& w) { return w.ticket == result.ticket; });
    STELE_ASSERT(waiting != waiting_.end());
    if (result.generation != generation_) {
      // A checkpoint ended while it was read: the row may be older than a change that is no longer in memory.
      std::vector<std::string> again;
      for (Loader::Row& row : result.rows) again.push_back(std::move(row.stored));
      loader_->load(result.ticket, generation_, std::move(again));
      continue;
    }
    for (const Loader::Row& row : result.rows) {
      if (const Status status = keyspace_->install_loaded(row.stored, row.value); !status.ok()) {
        spdlog::critical("the store holds a malformed object: {}. Stopping; files are left as they are", status.message());
        std::abort();
      }
    }
    const std::function<void()> done = std::move(waiting->done);
    waiting_.erase(waiting);
    done();
  }
  return !results.empty();
}

void Storage::finished_due(const Loader::Result& result) {
  if (result.generation != generation_) return;
  const auto found_stale = [this] {
    // The same rows would be found again until a checkpoint has erased them.
    due_generation_ = generation_;
    checkpoint_wanted_ = true;
  };
  std::vector<std::string> cold;
  std::vector<std::pair<UnixTime, std::string>> to_look_at_again;
  for (const auto& [at, stored] : result.due) {
    const Keyspace::StoredExpiry what = keyspace_->expire_stored(at, stored, false);
    if (what == Keyspace::StoredExpiry::stale) found_stale();
    if (what != Keyspace::StoredExpiry::cold) continue;
    cold.push_back(stored);
    to_look_at_again.emplace_back(at, stored);
  }
  if (cold.empty()) return;
  load(std::move(cold), [this, found_stale, rows = std::move(to_look_at_again)] {
    for (const auto& [at, stored] : rows) {
      if (keyspace_->expire_stored(at, stored, true) == Keyspace::StoredExpiry::stale) found_stale();
    }
  });
}

void Storage::resolve_replayed() {
  constexpr std::size_t kKeysPerJob = 2000;
  std::vector<std::string> keys = keyspace_->take_unresolved();
  for (std::size_t from = 0; from < keys.size(); from += kKeysPerJob) {
    const std::size_t end = std::min(keys.size(), from + kKeysPerJob);
    std::vector<std::string> job(std::make_move_iterator(keys.begin() + static_cast<std::ptrdiff_t>(from)),
                                 std::make_move_iterator(keys.begin() + static_cast<std::ptrdiff_t>(end)));
    ++unresolved_jobs_;
    loader_->load(kResolveTicket, generation_, std::move(job), Loader::Urgency::background);
  }
}

void Storage::warm_up_next() {
  if (warm_up_db_ < 0 || warm_up_ticket_ != 0) return;
  if (options_.resident_bytes_max > 0 && allocated_bytes_ > options_.resident_bytes_max / 10 * 9) {
    warm_up_db_ = -1;  // what is loaded from here on would only push out something else
    return;
  }
  while (warm_up_db_ < keyspace_->databases()) {
    const Database& db = keyspace_->db(warm_up_db_);
    if (db.cold > 0) {
      const std::string begin = partition_begin(db.partition);
      const std::string end = partition_begin(db.partition + 1);
      // FLUSHDB or SWAPDB put other data here meanwhile: begin anew.
      if (warm_up_next_ < begin || warm_up_next_ >= end) warm_up_next_ = begin;
      warm_up_ticket_ = ++last_ticket_;
      loader_->load_page(warm_up_ticket_, generation_, warm_up_next_, end, kWarmUpRows);
      return;
    }
    ++warm_up_db_;
    warm_up_next_.clear();
  }
  warm_up_db_ = -1;
}

void Storage::finished_warm_up_page(const Loader::Result& result) {
  if (result.generation == generation_) {
    for (const Loader::Row& row : result.rows) {
      if (const Status status = keyspace_->install_loaded(row.stored, row.value); !status.ok()) {
        spdlog::critical("the store holds a malformed object: {}. Stopping; files are left as they are", status.message());
        std::abort();
      }
    }
    warm_up_next_ = result.next;
    if (result.next.empty()) ++warm_up_db_;
  }
  warm_up_next();
}

Status Storage::drop_resident() {
  STELE_CHECK(checkpoint_now(false));
  keyspace_->drop_resident();
  return Status();
}

}  // namespace stele
