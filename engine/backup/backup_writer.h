#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "engine/backup/backup_directory.h"
#include "persistence/background_work.h"
#include "persistence/journal.h"
#include "persistence/store.h"

namespace stele {

/// What BACKUP asks for.
struct BackupRequest {
  std::filesystem::path dir;  // absolute; made if missing
  bool incremental = false;   // against the last one there
  bool copy = false;          // files of the store are copied even where they could be linked
};

/// Writes backups, one at a time, on a thread of its own at the lowest priority: nothing that commands wait for.
///
///     start ──► <n>.partial/ written, synced ──► renamed ──► <n>.backup ──► poll() returns the outcome
///                  │ error, or cancel()                         `- from here on it is there
///                  └──► the partial directory is removed
///
/// A full backup is the store as it is now, which is the state of the last checkpoint, and the journal from there. An incremental
/// one goes on with the segments behind those of the backup before it; if they are gone, or that one is of another journal, it is
/// full. Files of the store that the backup before has are not stored again either way.
///
/// Threads: the executor. Store and journal must outlive the running one.
class BackupWriter {
 public:
  struct Job {
    BackupRequest request;
    Backup backup;  // server, taken_at, server_version, replid, previous_..., end: what the executor knows
    std::filesystem::path staging;  // on the store's disk; what is there is replaced
    std::uint64_t bytes_per_second = 0;
    JournalPin pin;  // at the journal's start, or at least before the store's label
  };
  struct Outcome {
    Status status;
    std::filesystem::path dir;
    Backup backup;
    std::string full_because;  // it was asked to be incremental
    std::chrono::milliseconds took{0};
  };

  /// `on_progress`, on the writer's thread: poll() has something to return.
  explicit BackupWriter(std::function<void()> on_progress) : on_progress_(std::move(on_progress)) {}
  ~BackupWriter();
  BackupWriter(const BackupWriter&) = delete;
  BackupWriter& operator=(const BackupWriter&) = delete;

  bool running() const { return thread_.joinable(); }
  /// The store must get no later label yet: the journal's part of the backup has been told where to end.
  bool holds_store() const { return running() && !has_store_; }
  /// Only when not running. The store has a label; a checkpoint that runs already is of no later state than the end.
  void start(const Store& store, Journal& journal, Job job);
  std::optional<Outcome> poll();
  /// Waits for the running one.
  Outcome finish();
  /// Ends the running one soon; its outcome is `unavailable`.
  void cancel() { progress_.cancelled = true; }
  void set_rate(std::uint64_t bytes_per_second) { throttle_.set_rate(bytes_per_second); }

  const BackupProgress& progress() const { return progress_; }
  std::chrono::steady_clock::time_point started_at() const { return started_at_; }

 private:
  Outcome write(const Store& store, Journal& journal, Job job);

  const std::function<void()> on_progress_;
  BackupProgress progress_;
  std::atomic<bool> has_store_ = false;
  Throttle throttle_{0};
  std::chrono::steady_clock::time_point started_at_{};
  std::thread thread_;
  std::mutex mutex_;
  std::optional<Outcome> outcome_;  // guarded by mutex_
};

}  // namespace stele
