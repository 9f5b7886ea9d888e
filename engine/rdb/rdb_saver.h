#pragma once

#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include "engine/rdb/rdb_export.h"

namespace stele {

/// Writes RDB files from snapshots of the store, one at a time, on a thread of its own: no fork, and nothing that commands wait for.
///
///     start ──► Job::temporary written, synced ──► installed ──► poll() returns the outcome
///                  │ error, or cancel()
///                  └──► the temporary file is removed; what was under the name is untouched
///
/// Threads: the executor. The store must outlive it.
class RdbSaver {
 public:
  struct Job {
    std::filesystem::path temporary;
    RdbExportOptions options;
    bool is_waited_for = false;  // else it leaves the processor to commands
    /// On the saver's thread, with the file written and synced: puts it in its place.
    std::function<Status(const Label&)> install;
  };
  struct Outcome {
    Status status;
    Label label;
    std::uint64_t keys = 0;
    std::uint64_t bytes = 0;
    std::chrono::milliseconds took{0};
  };

  /// `on_progress`, on the saver's thread: poll() has something to return.
  explicit RdbSaver(std::function<void()> on_progress) : on_progress_(std::move(on_progress)) {}
  ~RdbSaver();
  RdbSaver(const RdbSaver&) = delete;
  RdbSaver& operator=(const RdbSaver&) = delete;

  bool running() const { return thread_.joinable(); }
  /// Only when not running.
  void start(Store::Snapshot snapshot, Job job);
  std::optional<Outcome> poll();
  /// Waits for the running one.
  Outcome finish();
  /// Ends the running one soon; its outcome is `unavailable`.
  void cancel() { progress_.cancelled = true; }

  const RdbExportProgress& progress() const { return progress_; }
  std::chrono::steady_clock::time_point started_at() const { return started_at_; }

 private:
  Outcome write(Store::Snapshot snapshot, const Job& job);

  const std::function<void()> on_progress_;
  RdbExportProgress progress_;
  std::chrono::steady_clock::time_point started_at_{};
  std::thread thread_;
  std::mutex mutex_;
  std::optional<Outcome> outcome_;  // guarded by mutex_
};

/// Puts a synced file in the place of another, durably.
Status rename_durably(const std::filesystem::path& from, const std::filesystem::path& to);

}  // namespace stele
