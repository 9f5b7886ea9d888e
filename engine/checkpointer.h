#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include <absl/container/btree_map.h>

#include "engine/keyspace.h"
#include "engine/packed/sliced_value.h"
#include "persistence/store.h"

namespace stele {

/// Brings the store from one offset to a later one while commands go on.
///
///     idle ──start──► walking ──step: all frozen slots serialised──► writing ──poll: thread has ingested──► idle
///                       │                                              │
///                       │ step: executor, slices of bounded time       `- failure: everything is dirty again (thaw)
///                       `- take_early: an object about to change is serialised first
///
/// The walk goes over the tables in hash order, so what it hands to the checkpoint thread is sorted already; the few
/// objects taken early wait in an ordered map and are merged in when the walk comes to their segment. A large collection is
/// taken as a SlicedValue, which serialises it bit by bit while it goes on changing; what comes after it in order waits for it.
///
/// Threads: the executor, but for the one thread inside that writes SSTs.
class Checkpointer final : public FrozenSink {
 public:
  struct Outcome {
    Status status;
    Label label;
    std::uint64_t objects = 0;
    std::uint64_t bytes = 0;
    std::chrono::milliseconds took{0};
  };

  /// On the checkpoint thread, `before_ingest` is called once all is written but nothing is visible yet: it makes the
  /// journal durable, lest a power cut leaves the store ahead of it. `on_progress`: poll() may have something to return.
  Checkpointer(Keyspace& keyspace, Store& store, std::function<Status()> before_ingest,
               std::function<void()> on_progress);
  ~Checkpointer() override;
  Checkpointer(const Checkpointer&) = delete;
  Checkpointer& operator=(const Checkpointer&) = delete;

  bool running() const { return state_ != State::idle; }
  /// Executor has work to do: step() should be called again soon.
  bool walking() const { return state_ == State::walking; }

  /// Freezes the state; `label` has everything but the engine's part. Only when idle.
  void start(Label label);
  /// Serialises for about `budget`.
  void step(std::chrono::microseconds budget);
  /// The outcome of a checkpoint that has ended since the last call. The keyspace has been told already.
  std::optional<Outcome> poll();
  /// Runs a started checkpoint to its end: shutdown, SAVE, DEBUG RELOAD.
  Outcome finish();

  /// 0 to 100 of the objects of the running checkpoint.
  unsigned percent_done() const;
  std::uint64_t objects_done() const { return objects_done_; }
  std::uint64_t objects_total() const { return objects_total_; }
  std::chrono::steady_clock::time_point started_at() const { return started_at_; }

  void take_early(Partition partition, Hash48 hash, Entry& entry) override;
  void before_free(const Entry& entry) override;

 private:
  enum class State { idle, walking, writing };

  /// Serialised objects in stored-key order: see append_record().
  struct Chunk {
    std::string records;
    bool last = false;
  };

  /// A record that has its turn later.
  struct Early {
    std::string record;                  // whole, or
    std::unique_ptr<SlicedValue> value;  // what will be one, but for the number of bytes in its header
  };

  void append_record(std::string& out, std::string_view stored, const Entry& entry);
  Early make_early(std::string_view stored, Entry& entry);
  /// Moves what was taken early and comes before `bound` to the chunk; false if time is up before that.
  bool append_early_until(std::string_view bound, std::chrono::steady_clock::time_point until);
  void submit(bool last);
  void run();
  Status write(CheckpointWriter& writer, std::string_view records);
  void write_one();

  Keyspace& keyspace_;
  Store& store_;
  const std::function<Status()> before_ingest_;
  const std::function<void()> on_progress_;

  State state_ = State::idle;
  Frozen frozen_;
  std::size_t range_ = 0;   // of frozen_.ranges, being walked
  Hash48 at_ = 0;           // the walk has passed everything before
  absl::btree_map<std::string, Early> early_;  // by stored key
  Chunk chunk_;
  std::string key_scratch_;
  std::uint64_t objects_done_ = 0;
  std::uint64_t objects_total_ = 0;
  std::uint64_t bytes_done_ = 0;
  std::chrono::steady_clock::time_point started_at_{};

  std::mutex mutex_;
  std::condition_variable wake_;          // the thread waits for chunks, finish() for the outcome
  std::deque<Chunk> chunks_;              // guarded by mutex_
  std::size_t queued_bytes_ = 0;          // guarded by mutex_
  std::optional<Label> label_;            // guarded by mutex_; set by start(), taken by the thread
  std::vector<std::pair<UnixTime, std::string>> stale_expires_;  // guarded by mutex_; likewise
  std::optional<Outcome> outcome_;        // guarded by mutex_; set by the thread
  bool stopping_ = false;                 // guarded by mutex_
  std::thread thread_;
};

}  // namespace stele
