// The journal thread: writes what the executor hands over, in order, and takes the journal from segment to segment.

#include <limits>

#include <spdlog/spdlog.h>

#include "persistence/journal.h"

namespace stele {
namespace {

constexpr std::size_t kFreeBuffersMax = 64;
constexpr std::size_t kFreeBufferBytesMax = std::size_t{1} << 20;
constexpr std::uint64_t kReserveStepMin = std::uint64_t{1} << 20;
constexpr std::uint64_t kReserveStepMax = std::uint64_t{16} << 20;
constexpr std::uint64_t kReserveBlock = std::uint64_t{64} << 10;
constexpr std::uint64_t kUnlimited = std::numeric_limits<std::uint64_t>::max();
constexpr std::chrono::milliseconds kRetryEvery{100};

/// Reserves [begin, wanted) of `file`, or as much of it as there is space for as long as that reaches `min`. Returns
/// the new end, kUnlimited if the file system cannot reserve.
Result<std::uint64_t> reserve_space(File& file, std::uint64_t begin, std::uint64_t min, std::uint64_t wanted) {
  while (true) {
    const Result<bool> reserved = file.reserve(begin, wanted);
    if (reserved.ok()) return *reserved ? wanted : kUnlimited;
    if (reserved.status().code() != Code::exhausted || wanted <= min) return reserved.status();
    const std::uint64_t half = begin + (wanted - begin) / 2;
    wanted = half - begin >= kReserveBlock ? std::max(min, half) : min;
  }
}

}  // namespace

void Journal::write_loop() {
  std::unique_lock lock(mutex_);
  std::deque<Handed> items;
  while (true) {
    writer_waits_ = true;
    while (!stopping_ && (pending_.empty() || !may_write())) writer_wakes_.wait(lock);
    writer_waits_ = false;
    if (stopping_) return;

    items.swap(pending_);
    writer_busy_ = true;
    lock.unlock();
    Status status = write_out(items);
    const bool synced = fsync_.load(std::memory_order_relaxed) == Fsync::always && sync_active().ok();
    lock.lock();
    writer_busy_ = false;

    // What is left goes before what came meanwhile.
    while (!items.empty()) {
      pending_.push_front(std::move(items.back()));
      items.pop_back();
    }
    if (!status.ok() && status.code() != Code::exhausted) fail(status);
    const bool starved = status.code() == Code::exhausted;
    note_space(writer_starved_, starved, status);
    if (!synced && !pending_.empty()) sync_wakes_.notify_one();
    lock.unlock();
    progress();
    lock.lock();
    if (starved && !stopping_) writer_wakes_.wait_for(lock, kRetryEvery);
  }
}

/// `everysec` promises that what was acknowledged is on disk soon: when a sync is long overdue, nothing more is written
/// and so nothing acknowledged, until it returns.
bool Journal::may_write() const { return failure_.ok() && !overdue(Clock::now()); }

/// Writes items from the front and removes them; stops at the first that fails.
Status Journal::write_out(std::deque<Handed>& items) {
  Status status;
  std::size_t done = 0;
  for (Handed& item : items) {
    status = item.rotation ? rotate(*item.rotation) : write_item(item);
    if (!status.ok()) break;
    publish_written(item.end);
    ++done;
  }
  recycle(items, done);
  return status;
}

void Journal::publish_written(Offset end) {
  if (end > written()) written_.store(end, std::memory_order_release);
}

void Journal::recycle(std::deque<Handed>& items, std::size_t done) {
  const std::lock_guard lock(mutex_);
  unsynced_ = true;  // also when a write got only half through
  for (; done > 0; --done) {
    Handed& item = items.front();
    if (item.rotation) --rotations_pending_;
    if (item.buffer.headroom() != 0 && free_buffers_.size() < kFreeBuffersMax) {
      item.buffer.clear_keeping(kFreeBufferBytesMax);
      free_buffers_.push_back(std::move(item.buffer));
    }
    items.pop_front();
  }
}

Status Journal::write_item(Handed& item) {
  STELE_CHECK(ensure_reserved(position_ + item.size));
  std::size_t written = 0;
  const Status status = active_->file().write_at(position_ + item.done, {item.bytes + item.done, item.size - item.done},
                                                 &written);
  item.done += written;
  if (!status.ok()) return status;
  // A reader that began at a mark would not know the chain value of the frame behind it.
  if (!item.is_mark) active_->note({position_, item.first, item.chain_before});
  position_ += item.size;
  active_->set_written_bytes(position_);
  return {};
}

bool Journal::wants_reserve() const {
  if (reserved_bytes_ == kUnlimited) return false;
  return segment_bytes_ + std::clamp(reserved_bytes_, kReserveStepMin, kReserveStepMax) / 2 > reserved_bytes_;
}

/// Reserves a step beyond `end`, or at least up to it.
Status Journal::ensure_reserved(std::uint64_t end) {
  if (end <= reserved_seen_) return {};
  STELE_CHECK(reserve(end, end + std::clamp(end, kReserveStepMin, kReserveStepMax)));
  const std::lock_guard lock(mutex_);
  reserved_seen_ = reserved_bytes_;
  return {};
}

/// Called by the sync thread, ahead of need.
Status Journal::reserve_ahead() {
  std::uint64_t end = 0;
  {
    const std::lock_guard lock(mutex_);
    if (!wants_reserve()) {
      note_space(reserve_starved_, false, {});
      return {};
    }
    end = std::max(reserved_bytes_, segment_bytes_);
  }
  const Status status = reserve(end + kReserveBlock, end + std::clamp(end, kReserveStepMin, kReserveStepMax));
  const std::lock_guard lock(mutex_);
  // What is reserved still takes the effects of this turn, and those that no client asked for, such as expiry.
  const bool starved = status.code() == Code::exhausted && segment_bytes_ + kReserveLeftMin > reserved_bytes_;
  note_space(reserve_starved_, starved, status);
  return status;
}

Status Journal::reserve(std::uint64_t end_min, std::uint64_t end_wanted) {
  std::shared_ptr<Segment> segment;
  std::uint64_t begin = 0;
  {
    const std::lock_guard lock(mutex_);
    segment = active_;
    begin = reserved_bytes_;
  }
  if (begin >= end_min) return {};
  STELE_TRY(const std::uint64_t end, reserve_space(segment->file(), begin, end_min, end_wanted));
  const std::lock_guard lock(mutex_);
  if (segment != active_) return {};
  if (end == kUnlimited && reserved_bytes_ != kUnlimited) {
    spdlog::warn("journal: {} is on a file system that cannot reserve space; a full disk shows only when a write fails",
                 dir_.native());
  }
  reserved_bytes_ = std::max(reserved_bytes_, end);
  return {};
}

/// Ends the active segment and begins the next. The first is durable before the second gets its header, and the
/// header is durable before frames follow: a valid header vouches for all before it, and a file with frames in it has
/// had a header.
Status Journal::rotate(Rotation& rotation) {
  STELE_CHECK(prepare_next());
  const std::shared_ptr<Segment> old = active_;
  STELE_CHECK(old->file().truncate(position_));  // gives back what was reserved
  STELE_CHECK(sync_active());

  File& file = next_->file;
  STELE_CHECK(file.write_at(0, rotation.text));
  {
    const std::lock_guard sync_lock(sync_mutex_);
    STELE_CHECK(file.datasync());
  }
  auto segment = std::make_shared<Segment>(std::move(file), next_->seq, rotation.header);
  {
    const std::lock_guard lock(segments_mutex_);
    segments_.push_back(segment);
  }
  old->seal();

  const std::lock_guard lock(mutex_);
  active_ = std::move(segment);
  position_ = rotation.header.bytes;
  reserved_bytes_ = std::max(next_->reserved_bytes, position_);
  reserved_seen_ = reserved_bytes_;
  next_.reset();
  if (active_->first() <= trim_to_) {
    // What a trim could not remove yet, because it was still being written to.
    housekeeping_wanted_ = true;
    sync_wakes_.notify_one();
  }
  return {};
}

bool Journal::wants_next() const {
  return !next_ && rotations_pending_ == 0 && segment_bytes_ > options_.segment_bytes_target / 2;
}

/// Puts an empty file for the next segment into the directory and into the manifest, unless one is there.
Status Journal::prepare_next() {
  const std::lock_guard files_lock(files_mutex_);
  {
    const std::lock_guard lock(mutex_);
    if (next_) return {};
  }
  STELE_TRY(NextFile next, create_next_file(manifest_.last_incr_seq() + 1));
  Manifest manifest = manifest_;
  manifest.add_incr(next.file.path().filename().native(), next.seq);
  if (Status status = replace_file_durably(dir_ / (options_.base_name + ".manifest"), manifest.text(), *options_.file_ops);
      !status.ok()) {
    std::error_code ignored;
    if (status.code() == Code::exhausted) std::filesystem::remove(next.file.path(), ignored);
    return status;
  }
  manifest_ = std::move(manifest);
  const std::lock_guard lock(mutex_);
  next_ = std::move(next);
  return {};
}

Result<Journal::NextFile> Journal::create_next_file(std::uint64_t seq) {
  const std::filesystem::path path = dir_ / fmt::format("{}.{}.incr.aof", options_.base_name, seq);
  std::error_code error;
  // A crash between creating and naming it leaves an empty file. Anything else under that name is not ours to touch.
  if (std::filesystem::file_size(path, error) > 0 && !error) return create_next_file(seq + 1);
  STELE_TRY(File file, File::open(path, File::Mode::replace, *options_.file_ops));
  NextFile next{.file = std::move(file), .seq = seq};
  Status status;
  if (Result<std::uint64_t> reserved = reserve_space(next.file, 0, 2 * kReserveLeftMin, kReserveStepMin); reserved.ok()) {
    next.reserved_bytes = *reserved;
    status = next.file.sync();
  } else {
    status = reserved.status();
  }
  if (status.ok()) status = sync_directory(dir_, *options_.file_ops);
  if (status.ok()) return next;
  std::filesystem::remove(path, error);
  return status;
}

/// Makes durable what is written so far, and publishes that.
Status Journal::sync_active() {
  const std::lock_guard sync_lock(sync_mutex_);
  std::shared_ptr<Segment> segment;
  Offset target;
  {
    const std::lock_guard lock(mutex_);
    if (!failure_.ok()) return failure_;
    segment = active_;
    target = written();
    unsynced_ = false;
  }
  const Clock::time_point begin = Clock::now();
  const Status status = segment->file().datasync();
  const auto took = std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - begin);

  const std::lock_guard lock(mutex_);
  ++stats_.fsyncs;
  stats_.fsync_last = took;
  stats_.fsync_longest = std::max(stats_.fsync_longest, took);
  if (!status.ok()) {
    // The kernel may have dropped the pages: a second fdatasync would succeed over a hole.
    fail(status);
    return status;
  }
  if (failure_.ok() && target > durable()) durable_.store(target, std::memory_order_release);
  return {};
}

}  // namespace stele
