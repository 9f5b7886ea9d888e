#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "engine/storage.h"
#include "persistence/journal.h"
#include "persistence/stream_tail.h"

namespace stele {

/// Between steles a full sync is the files of the store, and nothing is made or parsed for it. In the place of an RDB file's size:
///
///     $STELE:<files> <bytes of all>\r\n  then for each:  <bytes> <name>\r\n  <its bytes>  <XXH3-128 of them, 32 hex digits>\r\n
///
/// and the stream follows at once.
inline constexpr std::string_view kStoreCopyHead = "$STELE:";

/// Brings one replica from wherever it is to the stream's tail: the snapshot it needs, if any, then the journal's segments, at its
/// own pace. Nothing is kept in memory for it but a buffer of 1 MiB, so a slow one costs disk space alone.
///
///     snapshot ──► segments ──► near enough: done
///         └──────────┴────────► failed: it has gone, was stopped, or takes nothing for `timeout`
///
/// Threads: the executor; the work is done on one of its own, which writes to the socket while the executor only reads from it.
class Feeder {
 public:
  enum class State { sending_snapshot, awaiting_ack, sending_stream, done, failed };

  struct Job {
    std::string preamble;                    // sent before everything else
    std::shared_ptr<SyncSnapshot> snapshot;  // null: none
    std::string end_mark;                    // behind the snapshot; then the stream waits for note_ack()
    bool snapshot_only = false;              // nothing of the stream
    std::function<Result<StoreCopy>()> copy_store;  // instead of a snapshot, and of the preamble: called on the feeder's thread
    JournalPin pin;                          // of what follows the copy
    Offset from;                             // of the stream
    std::chrono::seconds timeout{60};
  };

  /// `fd` is duplicated. `tail` is where the replica is to be brought; `on_progress`, on the feeder's thread: it has ended. Both, and
  /// the journal, must outlive it.
  Feeder(int fd, Journal& journal, const StreamTail& tail, Job job, std::function<void()> on_progress);
  /// Stops and waits: moments, unless the disk stalls.
  ~Feeder();
  Feeder(const Feeder&) = delete;
  Feeder& operator=(const Feeder&) = delete;

  State state() const { return state_.load(std::memory_order_acquire); }
  bool ended() const { return state() >= State::done; }
  /// Of the stream: the first byte not sent.
  Offset offset() const { return Offset(offset_.load(std::memory_order_acquire)); }
  std::uint64_t sent_bytes() const { return sent_.load(std::memory_order_relaxed); }
  /// Why it failed; once ended().
  const Status& status() const { return status_; }

  /// The replica has taken in the snapshot.
  void note_ack() { acked_ = true; }
  void stop();

 private:
  Status run();
  Status send_snapshot();
  Status send_store();
  Status send_stream();
  Status send(std::string_view bytes);
  Status wait_writable();

  const int fd_;
  Journal& journal_;
  const StreamTail& tail_;
  Job job_;
  const std::function<void()> on_progress_;
  std::atomic<State> state_;
  std::atomic<std::uint64_t> offset_;
  std::atomic<std::uint64_t> sent_{0};
  std::atomic<bool> acked_{false};
  std::atomic<bool> stopping_{false};
  Status status_;
  std::thread thread_;
};

}  // namespace stele
