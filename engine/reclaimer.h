#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

namespace stele {

/// The lazyfree thread: runs destructors of big objects away from the executor.
class Reclaimer {
 public:
  Reclaimer();
  ~Reclaimer();  // finishes what is queued
  Reclaimer(const Reclaimer&) = delete;
  Reclaimer& operator=(const Reclaimer&) = delete;

  /// Runs `release` later on the reclaimer's thread; `objects` is what INFO counts until then. Any thread.
  void submit(std::function<void()> release, std::size_t objects = 1);

  std::size_t pending_objects() const;
  std::size_t freed_objects() const;
  void reset_freed();

 private:
  void run();

  struct Job {
    std::function<void()> release;
    std::size_t objects;
  };

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Job> jobs_;         // guarded by mutex_
  std::size_t pending_ = 0;      // guarded by mutex_
  std::size_t freed_ = 0;        // guarded by mutex_
  bool stopping_ = false;        // guarded by mutex_
  std::thread thread_;
};

}  // namespace stele
