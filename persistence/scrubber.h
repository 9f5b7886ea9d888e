#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <mutex>
#include <string>
#include <thread>

#include "persistence/background_work.h"
#include "persistence/journal.h"
#include "persistence/store.h"

namespace stele {

struct ScrubFigures {
  bool running = false;
  std::string file;               // being read
  std::uint64_t bytes = 0;        // of this pass
  std::uint64_t bytes_total = 0;  // likewise; files that go meanwhile count
  std::uint64_t passes = 0;
  UnixTime last_pass_end;  // 0: none yet
  std::chrono::milliseconds last_pass_took{0};
  std::uint64_t errors = 0;       // bad files of the last whole pass, or of this one if it has found more
  std::string last_error;
};

/// Reads what lies on the disk and is not read otherwise, to find damage while there is something left to repair it from: the sealed
/// segments of the journal, frame by frame, and the store's sorted files, block by block. From the disk, not from the page cache, at
/// a bounded rate.
///
///     pass: every sealed segment, every sorted file ──► pause until `interval` after it began ──► pass ...
///
/// What it finds is said in the log once a pass, and in the figures. It repairs nothing and stops nothing: the server goes on with
/// what it has in memory.
///
/// Threads: any; the work is done on one of its own. Store and journal must outlive it.
class Scrubber {
 public:
  struct Options {
    std::uint64_t bytes_per_second = 0;  // 0: no scrubbing, not even to the end of a pass
    std::chrono::seconds interval{0};    // from the beginning of a pass to that of the next
  };

  Scrubber(const Store& store, const Journal& journal, Options options);
  ~Scrubber();
  Scrubber(const Scrubber&) = delete;
  Scrubber& operator=(const Scrubber&) = delete;

  void set_options(Options options);
  ScrubFigures figures() const;

 private:
  void run();
  bool pause(std::chrono::steady_clock::time_point began, bool is_first);
  void pass();
  void scrub_segment(const Segment& segment);
  void scrub_sorted_file(const std::filesystem::path& path);
  void begin_file(const std::filesystem::path& path);
  void spend(std::uint64_t bytes);
  void found(const Status& status, std::string_view remedy);
  bool halted() const { return halted_.load(std::memory_order_relaxed); }

  const Store& store_;
  const Journal& journal_;
  Throttle throttle_;
  std::atomic<bool> halted_{false};  // stopping_, or there is nothing to be read any more
  std::uint64_t pass_errors_ = 0;  // the thread's

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false;  // guarded by mutex_
  Options options_;        // guarded by mutex_
  ScrubFigures figures_;   // guarded by mutex_
  std::thread thread_;
};

}  // namespace stele
