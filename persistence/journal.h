#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "persistence/byte_buffer.h"
#include "persistence/file.h"
#include "persistence/frame.h"
#include "persistence/lock_file.h"
#include "persistence/manifest.h"
#include "persistence/offset.h"
#include "persistence/segment.h"
#include "persistence/status.h"

namespace stele {

class JournalReader;
class StreamTail;

enum class Fsync { always, everysec, no };

struct JournalOptions {
  Fsync fsync = Fsync::everysec;
  std::string base_name = "appendonly.aof";
  bool timestamps = false;  // see set_timestamps()
  std::uint64_t segment_bytes_target = std::uint64_t{64} << 20;

  /// The checkpoint's offset: the journal must hold everything from there on, and verifies that at open. Without it
  /// every segment is verified.
  std::optional<Offset> verify_from;

  /// Whether a directory that a stock server has written is taken over: its files stay in front of the journal's first segment,
  /// which begins at `create_at`, until a base replaces them. Otherwise it is refused.
  bool take_over = false;
  /// For a journal that does not exist yet: what becomes its base, linked or copied; an RDB or an append-only file.
  std::filesystem::path create_on_base;

  /// For a journal that does not exist yet; else its newest segment tells.
  ReplicationId replid = ReplicationId(40, '0');
  Offset create_at;
  int create_in_db = 0;  // selected in the stream at `create_at`

  /// Called on one of the journal's threads after `written`, `durable` or `health` changed. Must be quick and must not
  /// call back into the journal.
  std::function<void()> on_progress;

  const FileOps* file_ops = &kKernelFileOps;
};

/// What open() found, for the server's log.
struct RecoveryReport {
  bool created = false;
  bool closed = false;  // the last server was shut down: nothing it emitted is missing
  std::uint64_t cut_bytes = 0;
  std::string cut_file;
  std::uint64_t cut_position = 0;
  Offset cut_from;           // stream offset: also the journal's end
  UnixTime last_frame_time;  // 0 if no frame was verified
  std::size_t segments = 0;
  std::size_t segments_verified = 0;
};

/// What stands in front of the segments, so that a stock server, or one whose store is lost, can load the directory.
struct JournalBase {
  std::filesystem::path file;
  Offset offset;            // the state that it holds; a segment begins there
  std::uint64_t bytes = 0;  // of the file; 0 if there is none
  bool complete = false;    // with what follows it, it makes up all data: false once something before it was let go
};

struct JournalStats {
  std::uint64_t fsyncs = 0;
  std::chrono::microseconds fsync_last{};
  std::chrono::microseconds fsync_longest{};
  std::uint64_t frames_delayed = 0;  // handed to the journal thread because the disk was busy
  std::uint64_t bytes = 0;           // of all segments' contents
  std::uint64_t bytes_after_base = 0;  // of those that a stock server would load
  std::size_t segments = 0;
  std::size_t pins = 0;
};

/// Keeps the stream from an offset on until destroyed. Must not outlive the journal.
class JournalPin {
 public:
  JournalPin() = default;
  JournalPin(const JournalPin&) = delete;
  JournalPin& operator=(const JournalPin&) = delete;
  JournalPin(JournalPin&& other) noexcept;
  JournalPin& operator=(JournalPin&& other) noexcept;
  ~JournalPin();

  bool held() const { return journal_ != nullptr; }
  Offset offset() const;
  /// Gives up what is before `offset`.
  void advance(Offset offset);

 private:
  friend class Journal;
  class Journal* journal_ = nullptr;
  std::uint64_t id_ = 0;
};

/// The ordered record of every effect this server accepted: log, append-only file and backlog in one.
///
/// Four offsets say how far the stream has come, always in this order:
///
///     start  <=  durable  <=  written  <=  end
///       |           |            |          `- committed, perhaps only in memory
///       |           |            `- handed to the kernel: survives kill -9
///       |           `- fdatasync has returned: survives a power cut
///       `- oldest byte kept: a PSYNC from before it becomes a FULLRESYNC
///
/// How a frame gets to the file:
///
///     commit() ──► write(2) there and then        everysec, no: nothing is in the way
///         │
///         └──hand_over()──► journal thread: write(2), and with `always` fdatasync for all that gathered meanwhile
///
///     In the way are: an fsync or other work on the file in flight, frames handed over before, a segment boundary, no
///     reserved space, and `always` itself. So the executor never waits for the disk.
///
/// Health, and what it takes to change:
///
///     ok ──reserve_ahead()/write_out(): no space──► exhausted ──there is space again──► ok
///     ok, exhausted ──fail(): fsync or write error──► io, for good: nothing is acknowledged after it
///
/// Threads: batch(), commit(), begin_history() and accepts_writes() on the executor, the rest on any thread. Three
/// threads touch the files: the executor and the journal thread write, never both at once; the sync thread does what may
/// take long: fdatasync each second, reserving space, preparing the next segment, trimming.
class Journal {
 public:
  /// Opens or creates the journal in `dir`, which stays locked until destruction. Cuts off a torn tail. `corrupt` if
  /// bytes that were on disk once are bad or missing, `invalid` if the directory is another server's, `unavailable` if
  /// it is in use; the files are then left as they were.
  static Result<std::unique_ptr<Journal>> open(std::filesystem::path dir, JournalOptions options);

  /// Makes a journal in `dir`, which must hold none, by the options for one that does not exist yet, and leaves it as a server that
  /// did not end in order would: whoever goes on with it as a primary begins a history of its own. `corrupt` if files are there.
  static Status create(const std::filesystem::path& dir, const JournalOptions& options);

  /// As close().
  ~Journal();
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;

  /// Makes everything durable, says so in the file, and stops the threads. The status is that of the last sync. What was
  /// opened unclean and never began a history is still unclean: a start that failed must not hide a crash from the next.
  Status close();

  // --- executor ---

  /// Where the turn's effects go: whole commands, MULTI ... EXEC in one turn. Emptied by commit().
  ByteBuffer& batch() { return batch_; }

  /// Closes one frame over batch() and returns its end, the gate of every reply that depends on it; end() if the batch
  /// is empty. `db` is the database selected in the stream at that point. Never waits for the disk. `io` once the
  /// journal has failed: nothing may be acknowledged then.
  Result<Offset> commit(UnixTime now, int db);

  /// To be asked before a write command runs. What runs all the same is kept until there is space, never dropped.
  bool accepts_writes() const { return accepts_writes_.load(std::memory_order_relaxed); }

  /// Whether lines for stock tools say when each second began (frame.h).
  void set_timestamps(bool timestamps) { timestamps_ = timestamps; }

  /// Seals the segment; the next one carries `replid`. The batch must be empty. Durable after sync().
  void begin_history(ReplicationId replid, int db);

  /// Has a segment begin at end(), where a base can take over. The batch must be empty.
  void begin_segment(int db);

  /// From now on what is committed goes to `tail` too (null: no longer). It must outlive the journal, or this.
  void keep_tail(StreamTail* tail) { tail_ = tail; }

  // --- any thread ---

  Offset start() const { return start_.load(std::memory_order_acquire); }
  Offset durable() const { return durable_.load(std::memory_order_acquire); }
  Offset written() const { return written_.load(std::memory_order_acquire); }
  Offset end() const { return end_.load(std::memory_order_acquire); }

  ReplicationId replid() const;
  Status health() const;
  JournalStats stats() const;
  const RecoveryReport& report() const { return report_; }

  /// Blocks until everything committed before the call is durable. `exhausted` or `io` if that cannot be.
  Status sync();

  void set_fsync(Fsync fsync);
  Fsync fsync() const { return fsync_.load(std::memory_order_relaxed); }

  /// Lets go of whole segments that end at or before `keep_from` and that no pin needs. The sync thread does it.
  void trim(Offset keep_from);

  /// A stock server reads `file` (an `.rdb`, or `.aof` of commands, in the journal's directory, synced, with the state at `at`,
  /// where a segment begins) and then the segments from there on. Renames it, and lets go of what it replaces. Waits for the disk; not the executor.
  Status adopt_base(const std::filesystem::path& file, Offset at);
  JournalBase base() const;
  /// Without, a trim may go past the base, which is then let go as well.
  void keep_base(bool keep) { keeps_base_.store(keep, std::memory_order_relaxed); }
  const std::filesystem::path& directory() const { return dir_; }

  /// Keeps everything from `offset` on; `unavailable` if it is gone already.
  Result<JournalPin> pin(Offset offset, std::string owner);

  /// Reads from `offset` on, across segments, whatever is written. What it reads is not trimmed meanwhile.
  /// `unavailable` before start() or beyond end(). The journal must outlive it.
  Result<JournalReader> read_from(Offset offset);

  /// Where the segment that holds `offset` begins, and which database is selected in the stream there.
  struct SegmentStart {
    Offset offset;
    int db = 0;
  };
  Result<SegmentStart> segment_start(Offset offset) const;

  /// Segments that are closed for good, and what the one behind them says in its header. Their files may be trimmed meanwhile,
  /// but what is open stays readable.
  struct SealedSegments {
    std::vector<std::shared_ptr<const Segment>> segments;  // oldest first; the first one holds `from`
    SegmentHeader next;
  };
  /// Everything in [from, to), where a segment begins at `to`: see begin_segment(). Waits for the disk until it does. `unavailable`
  /// if `from` is trimmed, `invalid` if no segment begins at `to`.
  Result<SealedSegments> sealed_segments(Offset from, Offset to);
  /// Those that are sealed by now, oldest first.
  std::vector<std::shared_ptr<const Segment>> sealed_segments() const;

  /// A name that the stream has had, and where it got another.
  struct OlderHistory {
    ReplicationId replid;
    Offset end;
  };
  /// As far back as segments are kept; oldest first. O(segments).
  std::vector<OlderHistory> older_histories() const;

  /// Every frame from `from` on, in order, checked once more. `invalid` if no frame begins at `from`.
  using ReplayFrame = std::function<Status(std::string_view payload, UnixTime time, Offset payload_start)>;
  Status replay(Offset from, const ReplayFrame& frame);

 private:
  friend class JournalPin;
  friend class JournalReader;
  using Clock = std::chrono::steady_clock;

  /// A sealed segment is followed by another whose header is this.
  struct Rotation {
    SegmentHeader header;
    std::string text;
  };

  /// What the journal thread is to write: a frame, a mark, or the step to the next segment.
  struct Handed {
    ByteBuffer buffer;
    const char* bytes = nullptr;  // in buffer, perhaps in its headroom
    std::size_t size = 0;
    std::size_t done = 0;
    Offset first;
    Offset end;
    Chain chain_before = 0;
    std::unique_ptr<Rotation> rotation;
    bool is_mark = false;  // no frame begins there
  };

  struct PinRecord {
    std::uint64_t id;
    Offset offset;
    std::string owner;
  };

  struct NextFile {
    File file;
    std::uint64_t seq = 0;
    std::uint64_t reserved_bytes = 0;
  };

  /// With less than this reserved and no more to be had, writes are refused: the rest is for those already under way.
  static constexpr std::uint64_t kReserveLeftMin = std::uint64_t{256} << 10;

  struct Opened;  // what recovery found
  class Opener;   // journal_recovery.cc

  Journal(std::filesystem::path dir, JournalOptions options, LockFile lock, Opened opened);
  void start_threads();

  // journal.cc; callers hold mutex_
  bool write_now(const char* bytes, std::size_t size, const FramePlace& frame, Offset end);
  void hand_over(const char* bytes, std::size_t size, std::size_t done, const FramePlace& frame, Offset end);
  void hand_over_rotation(const ReplicationId& replid);
  void hand_over_mark(bool closed);
  void ask_sync_thread();
  bool wants_reserve() const;
  bool wants_next() const;
  void wake_writer();
  void update_accepts_writes();
  void note_space(bool& reason, bool starved, const Status& status);
  void fail(const Status& status);
  void publish_written(Offset end);
  void progress();

  // journal_writer.cc
  void write_loop();
  bool may_write() const;
  Status write_out(std::deque<Handed>& items);
  void recycle(std::deque<Handed>& items, std::size_t done);
  Status write_item(Handed& item);
  Status ensure_reserved(std::uint64_t end);
  Status reserve(std::uint64_t end_min, std::uint64_t end_wanted);
  Status rotate(Rotation& rotation);
  Status prepare_next();
  Result<NextFile> create_next_file(std::uint64_t seq);
  Status sync_active();

  // journal_sync.cc
  void sync_loop();
  bool sync_once(std::unique_lock<std::mutex>& lock);
  void begin_sync_work();
  bool overdue(Clock::time_point now) const;
  Status housekeep(bool reserve, bool prepare, bool trim);
  Status reserve_ahead();
  Status trim_segments();
  std::vector<std::shared_ptr<Segment>> take_trimmable();

  // journal_base.cc
  Status await_segment_at(Offset at);
  void remove_retired();

  // journal_reader.cc
  std::shared_ptr<Segment> segment_holding(Offset offset) const;
  std::shared_ptr<Segment> segment_after(const Segment& segment) const;
  void unpin(std::uint64_t id);
  void retry_trim();
  void move_pin(std::uint64_t id, Offset offset);
  Offset pin_offset(std::uint64_t id) const;

  const std::filesystem::path dir_;
  const JournalOptions options_;
  const LockFile lock_;
  const RecoveryReport report_;

  // Executor only.
  ByteBuffer batch_;
  Chain chain_;
  Chain mark_seed_;
  Offset marked_;
  int db_ = 0;
  StreamTail* tail_ = nullptr;
  bool timestamps_;
  std::int64_t stamped_second_ = -1;  // of the segment's last timestamp
  bool unclean_;  // the last server was not shut down, and no history has begun since

  std::atomic<Offset> start_;
  std::atomic<Offset> durable_;
  std::atomic<Offset> written_;
  std::atomic<Offset> end_;
  std::atomic<bool> accepts_writes_{true};
  std::atomic<Fsync> fsync_;
  std::atomic<bool> keeps_base_{true};

  /// Held for moments and for the executor's own write(2), never across another call to the disk.
  mutable std::mutex mutex_;
  // Guarded by mutex_.
  std::condition_variable writer_wakes_;
  std::condition_variable sync_wakes_;
  std::condition_variable progressed_;
  std::deque<Handed> pending_;
  std::vector<ByteBuffer> free_buffers_;
  std::shared_ptr<Segment> active_;
  ReplicationId replid_;
  std::uint64_t reserved_bytes_;  // of active_
  std::uint64_t segment_bytes_;   // of active_, as if everything pending were written
  std::optional<NextFile> next_;
  std::size_t rotations_pending_ = 0;
  bool writer_busy_ = false;  // position_ is the journal thread's
  bool writer_waits_ = false;
  bool writer_starved_ = false;
  bool sync_busy_ = false;  // the sync thread is in a call to the disk, since:
  Clock::time_point sync_busy_since_;
  bool reserve_starved_ = false;
  bool reserve_failed_ = false;  // the last attempt to reserve ahead found no space
  bool unsynced_ = false;  // bytes were written since the last fdatasync began
  bool sync_wanted_ = false;
  bool housekeeping_wanted_ = false;
  Clock::time_point housekeeping_due_;  // not before: after a failure it waits
  bool stopping_ = false;
  Offset trim_to_;
  Offset idle_marked_;
  Clock::time_point sync_due_;
  Status failure_;
  JournalStats stats_;

  // Whoever may write: the executor under mutex_ unless writer_busy_, else the journal thread.
  std::uint64_t position_;

  std::uint64_t reserved_seen_ = 0;  // journal thread only: no more than reserved_bytes_, read without the lock

  /// One fdatasync at a time: the kernel reports a lost page only once per open file.
  std::mutex sync_mutex_;

  std::mutex files_mutex_;
  Manifest manifest_;                 // guarded by files_mutex_
  std::vector<std::string> retired_;  // guarded by files_mutex_; trimmed, perhaps not removed yet

  mutable std::mutex segments_mutex_;
  std::deque<std::shared_ptr<Segment>> segments_;  // guarded by segments_mutex_; oldest first, never empty
  JournalBase base_;                               // guarded by segments_mutex_
  std::list<PinRecord> pins_;                      // guarded by segments_mutex_
  std::uint64_t last_pin_id_ = 0;                  // guarded by segments_mutex_
  bool pin_logged_ = false;                        // guarded by segments_mutex_

  std::thread writer_thread_;
  std::thread sync_thread_;
};

}  // namespace stele
