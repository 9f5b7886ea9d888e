#include "persistence/journal.h"

#include <cerrno>

#include <spdlog/spdlog.h>

#include "persistence/journal_opened.h"
#include "persistence/stream_tail.h"

namespace stele {
namespace {

constexpr std::size_t kBatchHeadroom = kFrameLineBytesMax + kTimestampBytesMax + kMarkBytesMax;
constexpr std::size_t kBatchBytesKept = std::size_t{1} << 20;

}  // namespace

Result<std::unique_ptr<Journal>> Journal::open(std::filesystem::path dir, JournalOptions options) {
  STELE_CHECK(create_directories_durably(dir, *options.file_ops));
  STELE_TRY(LockFile lock, LockFile::acquire(dir / "LOCK"));
  STELE_TRY(Opened opened, Opener(dir, options).open());
  std::unique_ptr<Journal> journal(
      new Journal(std::move(dir), std::move(options), std::move(lock), std::move(opened)));
  journal->start_threads();
  return journal;
}

Journal::Journal(std::filesystem::path dir, JournalOptions options, LockFile lock, Opened opened)
    : dir_(std::move(dir)),
      options_(std::move(options)),
      lock_(std::move(lock)),
      report_(std::move(opened.report)),
      batch_(kBatchHeadroom),
      chain_(opened.end.chain),
      mark_seed_(opened.segments.back()->header().chain),
      timestamps_(options_.timestamps),
      unclean_(!report_.created && !report_.closed),
      start_(opened.segments.front()->first()),
      durable_(opened.end.offset),
      written_(opened.end.offset),
      end_(opened.end.offset),
      fsync_(options_.fsync),
      active_(opened.segments.back()),
      replid_(active_->header().replid),
      reserved_bytes_(opened.end.position),
      segment_bytes_(opened.end.position),
      next_(std::move(opened.next)),
      idle_marked_(opened.end.offset),
      sync_due_(Clock::now()),
      position_(opened.end.position),
      manifest_(std::move(opened.manifest)),
      segments_(std::move(opened.segments)),
      base_(opened.base) {}

void Journal::start_threads() {
  if (const Status reserved = ensure_reserved(position_ + 1); !reserved.ok()) {
    note_space(reserve_starved_, true, reserved);
  }
  writer_thread_ = std::thread([this] { write_loop(); });
  sync_thread_ = std::thread([this] { sync_loop(); });
}

Journal::~Journal() {
  if (const Status status = close(); !status.ok()) {
    spdlog::error("journal: closed at offset {} of {}: {}", durable(), end(), status.message());
  }
}

Status Journal::close() {
  if (!writer_thread_.joinable()) return {};
  Status status = sync();
  if (status.ok()) {
    {
      const std::lock_guard lock(mutex_);
      hand_over_mark(!unclean_);
    }
    status = sync();
  }
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    writer_wakes_.notify_all();
    sync_wakes_.notify_all();
  }
  writer_thread_.join();
  sync_thread_.join();
  return status;
}

Result<Offset> Journal::commit(UnixTime now, int db) {
  db_ = db;
  const Offset first = end_.load(std::memory_order_relaxed);
  const std::size_t bytes = batch_.size();
  if (bytes == 0) return first;
  STELE_ASSERT(bytes <= kFrameBytesMax);

  const Chain chain_before = chain_;
  char* line = put_frame_line_before(batch_.data(), bytes, first, now, chain_);
  if (timestamps_ && frame_second(now) != stamped_second_) {
    line = put_timestamp_before(line, now);
    stamped_second_ = frame_second(now);
  }
  if (const Offset durable = this->durable(); durable > marked_) {
    line = put_mark_before(line, durable, false, mark_seed_);
    marked_ = durable;
  }
  const std::size_t size = static_cast<std::size_t>(batch_.tail() - line);
  const Offset end = first + bytes;

  const std::lock_guard lock(mutex_);
  if (!failure_.ok()) return failure_;
  if (tail_ != nullptr) tail_->append(batch_.view());
  end_.store(end, std::memory_order_release);
  const FramePlace frame{segment_bytes_, first, chain_before};
  segment_bytes_ += size;
  if (!write_now(line, size, frame, end)) {
    if (!failure_.ok()) return failure_;
  }
  if (segment_bytes_ >= options_.segment_bytes_target && next_ && rotations_pending_ == 0) hand_over_rotation(replid_);
  ask_sync_thread();
  return end;
}

/// The hot path: false if the frame was not written whole, and has been handed over or the journal has failed.
bool Journal::write_now(const char* bytes, std::size_t size, const FramePlace& frame, Offset end) {
  if (fsync_.load(std::memory_order_relaxed) == Fsync::always || writer_busy_ || sync_busy_ || !pending_.empty() ||
      position_ + size > reserved_bytes_) {
    hand_over(bytes, size, 0, frame, end);
    return false;
  }
  const ssize_t put = options_.file_ops->pwrite(active_->file().fd(), bytes, size, static_cast<off_t>(position_));
  if (put == static_cast<ssize_t>(size)) [[likely]] {
    active_->note(frame);
    position_ += size;
    active_->set_written_bytes(position_);
    unsynced_ = true;
    written_.store(end, std::memory_order_release);
    batch_.clear_keeping(kBatchBytesKept);
    return true;
  }
  if (put < 0 && errno != ENOSPC && errno != EDQUOT && errno != EINTR) {
    fail(status_from_errno(errno, "write", active_->file().path()));
    return false;
  }
  // The journal thread finds out whether space is what is missing.
  hand_over(bytes, size, put > 0 ? static_cast<std::size_t>(put) : 0, frame, end);
  return false;
}

void Journal::hand_over(const char* bytes, std::size_t size, std::size_t done, const FramePlace& frame, Offset end) {
  ByteBuffer buffer(kBatchHeadroom);
  if (!free_buffers_.empty()) {
    buffer = std::move(free_buffers_.back());
    free_buffers_.pop_back();
  }
  batch_.swap(buffer);
  pending_.push_back({.buffer = std::move(buffer),
                      .bytes = bytes,
                      .size = size,
                      .done = done,
                      .first = frame.offset,
                      .end = end,
                      .chain_before = frame.chain});
  if (fsync_.load(std::memory_order_relaxed) != Fsync::always) ++stats_.frames_delayed;
  wake_writer();
}

void Journal::hand_over_rotation(const ReplicationId& replid) {
  const Offset first = end_.load(std::memory_order_relaxed);
  auto rotation = std::make_unique<Rotation>();
  const int db = std::max(0, db_);  // -1: whatever comes next selects one
  rotation->text = make_segment_header(replid, first, chain_, db);
  rotation->header = {.replid = replid, .first = first, .chain = chain_, .bytes = rotation->text.size(), .db = db};
  segment_bytes_ = rotation->header.bytes;
  mark_seed_ = chain_;
  stamped_second_ = -1;
  ++rotations_pending_;
  pending_.push_back({.first = first, .end = first, .rotation = std::move(rotation)});
  wake_writer();
}

void Journal::begin_history(ReplicationId replid, int db) {
  STELE_ASSERT(batch_.empty());
  db_ = db;
  unclean_ = false;
  const std::lock_guard lock(mutex_);
  hand_over_rotation(replid);
  replid_ = std::move(replid);
}

/// Only when nothing is pending: the mark belongs to the active segment.
void Journal::hand_over_mark(bool closed) {
  char mark[kMarkBytesMax];
  const Offset durable = this->durable();
  const char* begin = put_mark_before(mark + kMarkBytesMax, durable, closed, active_->header().chain);
  Handed item{.first = durable, .end = written()};
  item.buffer.append(begin, static_cast<std::size_t>(mark + kMarkBytesMax - begin));
  item.bytes = item.buffer.data();
  item.size = item.buffer.size();
  item.is_mark = true;
  segment_bytes_ += item.size;
  idle_marked_ = durable;
  pending_.push_back(std::move(item));
  wake_writer();
}

void Journal::wake_writer() {
  if (writer_waits_) writer_wakes_.notify_one();
}

Status Journal::sync() {
  const Offset target = end();
  std::unique_lock lock(mutex_);
  const auto done = [&] {
    return durable() >= target && !unsynced_ && pending_.empty() && !writer_busy_ && rotations_pending_ == 0;
  };
  while (!done()) {
    if (!failure_.ok()) return failure_;
    if (writer_starved_ && !pending_.empty()) {
      return Status::exhausted("{}: no space for what is committed up to offset {}", dir_.native(), target);
    }
    sync_wanted_ = true;
    sync_wakes_.notify_one();
    progressed_.wait_for(lock, std::chrono::milliseconds(100));
    // Others may go on committing; what came before the call is enough.
    if (durable() >= target && rotations_pending_ == 0 && end() > target) break;
  }
  return failure_;
}

void Journal::set_fsync(Fsync fsync) {
  const std::lock_guard lock(mutex_);
  fsync_.store(fsync, std::memory_order_relaxed);
  sync_due_ = std::min(sync_due_, Clock::now() + std::chrono::seconds(1));
  sync_wanted_ = true;
  sync_wakes_.notify_one();
}

ReplicationId Journal::replid() const {
  const std::lock_guard lock(mutex_);
  return replid_;
}

Status Journal::health() const {
  const std::lock_guard lock(mutex_);
  if (!failure_.ok()) return failure_;
  if (writer_starved_ || reserve_starved_) return Status::exhausted("{}: no space left", dir_.native());
  return {};
}

JournalStats Journal::stats() const {
  JournalStats stats;
  {
    const std::lock_guard lock(mutex_);
    stats = stats_;
  }
  const std::lock_guard lock(segments_mutex_);
  stats.segments = segments_.size();
  stats.pins = pins_.size();
  for (const auto& segment : segments_) {
    stats.bytes += segment->written_bytes();
    if (segment->first() >= base_.offset) stats.bytes_after_base += segment->written_bytes();
  }
  return stats;
}

void Journal::update_accepts_writes() {
  accepts_writes_.store(failure_.ok() && !writer_starved_ && !reserve_starved_, std::memory_order_relaxed);
}

/// One of the two reasons to be exhausted comes or goes; the log hears of the first and of the last.
void Journal::note_space(bool& reason, bool starved, const Status& status) {
  const bool before = writer_starved_ || reserve_starved_;
  reason = starved;
  const bool after = writer_starved_ || reserve_starved_;
  if (!before && after) spdlog::error("journal: {}; writes are refused until there is space", status.message());
  if (before && !after) spdlog::info("journal: there is space again; written up to offset {}", written());
  update_accepts_writes();
}

void Journal::fail(const Status& status) {
  if (failure_.ok()) failure_ = status;
  update_accepts_writes();
  writer_wakes_.notify_all();
  sync_wakes_.notify_all();
  progressed_.notify_all();
}

void Journal::progress() {
  progressed_.notify_all();
  if (options_.on_progress) options_.on_progress();
}

}  // namespace stele
