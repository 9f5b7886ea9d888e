#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "engine/key_hash.h"
#include "persistence/offset.h"
#include "persistence/store.h"

namespace stele {

/// Reads cold objects from the store on its own threads and hands them back to the executor.
///
/// What is read is as old as the store was when the read began; a checkpoint that ends meanwhile may have changed it. So
/// each result carries the generation given with its request, and the executor asks again if that has passed.
///
/// Jobs for which no client waits are in the background: they begin only when no other job waits, and leave one thread free
/// for those that may come meanwhile.
class Loader {
 public:
  struct Row {
    std::string stored;
    std::optional<std::string> value;
  };
  struct Result {
    std::uint64_t ticket = 0;
    std::uint64_t generation = 0;
    Status status;
    std::vector<Row> rows;
    std::vector<std::pair<UnixTime, std::string>> due;  // of load_due(): (expire at, stored key)
    std::string next;  // of a page: where the next one begins; empty at the end
  };
  enum class Urgency { client_waits, background };

  /// `on_progress` is called on a loader thread when take() has something.
  Loader(const Store& store, int threads, std::function<void()> on_progress);
  ~Loader();
  Loader(const Loader&) = delete;
  Loader& operator=(const Loader&) = delete;

  /// Reads these stored keys.
  void load(std::uint64_t ticket, std::uint64_t generation, std::vector<std::string> stored_keys,
            Urgency urgency = Urgency::client_waits);
  /// Reads up to `count` rows from `first` on, before `end`, in the background.
  void load_page(std::uint64_t ticket, std::uint64_t generation, std::string first, std::string end, std::size_t count);
  /// Reads up to `count` rows of the store's expiry index that are not after `now`, the earliest first, in the background.
  void load_due(std::uint64_t ticket, std::uint64_t generation, UnixTime now, std::size_t count);

  /// What has been read since the last call.
  std::vector<Result> take();
  /// Blocks until take() has something; only while something is being read.
  void wait();

 private:
  struct Job {
    std::uint64_t ticket;
    std::function<void(Result&)> read;
    Result result;
  };

  void submit(Job job, Urgency urgency);
  bool may_begin_background() const;  // mutex_ is held
  void run();

  const Store& store_;
  const std::function<void()> on_progress_;

  mutable std::mutex mutex_;
  std::condition_variable wake_;     // threads wait for jobs
  std::condition_variable read_;     // wait() for results
  std::deque<Job> urgent_;          // guarded by mutex_
  std::deque<Job> background_;      // guarded by mutex_
  std::size_t in_background_ = 0;   // guarded by mutex_; threads that read for nobody
  std::vector<Result> results_;     // guarded by mutex_
  bool stopping_ = false;           // guarded by mutex_
  const std::size_t background_max_;
  std::vector<std::thread> threads_;
};

}  // namespace stele
