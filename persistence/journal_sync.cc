// The sync thread: fdatasync by the monotonic clock, and all work on the files that may take long.

#include <unistd.h>

#include <spdlog/spdlog.h>

#include "persistence/journal.h"

namespace stele {
namespace {

constexpr std::chrono::seconds kSyncEvery{1};
// `no` leaves it to the kernel, which takes about this long. A mark that reaches further costs nobody anything, and
// keeps damage apart from a torn tail.
constexpr std::chrono::seconds kSyncEveryWithNo{30};
constexpr std::chrono::seconds kSyncLateMax{2};
constexpr std::chrono::milliseconds kHousekeepingRetry{100};

}  // namespace

void Journal::ask_sync_thread() {
  // The next attempt may be a moment away: what was reserved must not run out until then.
  if (reserve_failed_ && !reserve_starved_ && segment_bytes_ + kReserveLeftMin > reserved_bytes_) {
    note_space(reserve_starved_, true, Status::exhausted("no space could be reserved in {}", dir_.native()));
  }
  if (housekeeping_wanted_ || !(wants_reserve() || wants_next())) return;
  housekeeping_wanted_ = true;
  sync_wakes_.notify_one();
}

bool Journal::overdue(Clock::time_point now) const {
  return fsync_.load(std::memory_order_relaxed) == Fsync::everysec && sync_busy_ &&
         now > sync_busy_since_ + kSyncLateMax;
}

void Journal::begin_sync_work() {
  sync_busy_ = true;
  sync_busy_since_ = Clock::now();
}

void Journal::sync_loop() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    const Clock::time_point now = Clock::now();
    const bool keep_house = housekeeping_wanted_ && now >= housekeeping_due_ && failure_.ok();
    if (sync_wanted_ || now >= sync_due_) {
      if (sync_once(lock)) continue;
    } else if (!keep_house) {
      sync_wakes_.wait_until(lock, housekeeping_wanted_ ? std::min(sync_due_, std::max(now, housekeeping_due_)) : sync_due_);
      continue;
    }
    if (!keep_house || stopping_) continue;

    housekeeping_wanted_ = false;
    const bool reserve = wants_reserve() || reserve_starved_;
    const bool prepare = wants_next();
    const bool trim = trim_to_ > start();
    begin_sync_work();
    lock.unlock();
    const Status status = housekeep(reserve, prepare, trim);
    lock.lock();
    sync_busy_ = false;
    reserve_failed_ = status.code() == Code::exhausted;
    if (!status.ok()) {
      if (status.code() != Code::exhausted) fail(status);
      housekeeping_wanted_ = true;
      housekeeping_due_ = Clock::now() + kHousekeepingRetry;
    }
    const bool accepted = accepts_writes();
    update_accepts_writes();
    wake_writer();
    if (accepted == accepts_writes() && status.ok()) continue;
    lock.unlock();
    progress();
    lock.lock();
  }
}

/// One tick or one request. False if there was nothing to do.
bool Journal::sync_once(std::unique_lock<std::mutex>& lock) {
  const Fsync policy = fsync_.load(std::memory_order_relaxed);
  const Clock::time_point now = Clock::now();
  const bool asked = std::exchange(sync_wanted_, false);
  const bool due = now >= sync_due_;
  if (due) sync_due_ = now + (policy == Fsync::no ? kSyncEveryWithNo : kSyncEvery);
  if (!failure_.ok()) return false;

  // With `always` the journal thread syncs what it writes; here remains what was written before the policy changed.
  if (!unsynced_ || (policy == Fsync::always && writer_busy_)) {
    if (due && !asked && pending_.empty() && !writer_busy_ && durable() == end() && idle_marked_ < durable()) {
      hand_over_mark(false);
    }
    return false;
  }
  begin_sync_work();
  lock.unlock();
  const Status status = sync_active();
  lock.lock();
  sync_busy_ = false;
  if (const auto took = Clock::now() - sync_busy_since_; status.ok() && took > kSyncLateMax) {
    spdlog::warn("journal: an fdatasync took {:.1f} s; acknowledgements waited for it",
                 std::chrono::duration<double>(took).count());
  }
  wake_writer();
  lock.unlock();
  progress();
  lock.lock();
  return true;
}

Status Journal::housekeep(bool reserve, bool prepare, bool trim) {
  Status status;
  if (reserve) status = reserve_ahead();
  if (trim && (status.ok() || status.code() == Code::exhausted)) {
    // A full disk is a reason to trim, not one to wait.
    const Status trimmed = trim_segments();
    if (!trimmed.ok()) return trimmed;
  }
  if (prepare && status.ok()) status = prepare_next();
  return status;
}

void Journal::trim(Offset keep_from) {
  const std::lock_guard lock(mutex_);
  if (keep_from <= trim_to_) return;
  trim_to_ = keep_from;
  housekeeping_wanted_ = true;
  housekeeping_due_ = {};
  sync_wakes_.notify_one();
}

/// Takes the oldest segments out of use in memory; the last is never among them.
std::vector<std::shared_ptr<Segment>> Journal::take_trimmable() {
  Offset keep_from;
  {
    const std::lock_guard lock(mutex_);
    keep_from = trim_to_;
  }
  std::vector<std::shared_ptr<Segment>> taken;
  const std::lock_guard lock(segments_mutex_);
  // What follows a base is needed with it.
  if (base_.bytes > 0 && keeps_base_.load(std::memory_order_relaxed)) keep_from = std::min(keep_from, base_.offset);
  const PinRecord* oldest = nullptr;
  for (const PinRecord& pin : pins_) {
    if (oldest == nullptr || pin.offset < oldest->offset) oldest = &pin;
  }
  while (segments_.size() > 1 && segments_[1]->first() <= keep_from) {
    if (oldest != nullptr && segments_[1]->first() > oldest->offset) {
      if (!pin_logged_) spdlog::info("journal: kept from offset {} on for {}", oldest->offset, oldest->owner);
      pin_logged_ = true;
      break;
    }
    taken.push_back(std::move(segments_.front()));
    segments_.pop_front();
    if (segments_.front()->first() > base_.offset) base_ = {};
  }
  start_.store(segments_.front()->first(), std::memory_order_release);
  return taken;
}

/// The manifest first: what it names has to exist. History lines name what a crash may leave behind.
Status Journal::trim_segments() {
  const std::lock_guard files_lock(files_mutex_);
  const std::vector<std::shared_ptr<Segment>> segments = take_trimmable();
  for (const auto& segment : segments) {
    manifest_.retire(segment->name());
    retired_.push_back(segment->name());
  }
  if (const auto base = manifest_.base(); base && this->base().bytes == 0 && !segments.empty()) {
    manifest_.drop_base();
    retired_.push_back(base->file);
    for (const Manifest::Entry& entry : manifest_.incrs()) {
      if (entry.seq >= segments.front()->seq()) break;
      manifest_.retire(entry.file);  // a stock server's, which came behind the base
      retired_.push_back(entry.file);
    }
  }
  if (retired_.empty()) return {};
  STELE_CHECK(
      replace_file_durably(dir_ / (options_.base_name + ".manifest"), manifest_.text(), *options_.file_ops));
  remove_retired();
  spdlog::info("journal: trimmed {} segments, begins at offset {}", segments.size(), start());
  return sync_directory(dir_, *options_.file_ops);
}

}  // namespace stele
