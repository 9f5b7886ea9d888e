#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "engine/command_registry.h"
#include "persistence/journal.h"

namespace stele {

/// A place in the stream where a command begins, and the database that is selected there.
struct FeedPlace {
  Offset offset;
  int db = 0;
};

struct FeedRequest {
  std::uint64_t id = 0;
  Offset from;
  std::optional<FeedPlace> known;  // that `from` is such a place; else it is looked for from the segment's beginning on
  Offset until;                    // nothing that ends behind it
  std::size_t count = 0;           // entries, unless a transaction has more
  std::optional<std::string> match;  // a pattern; of the changes that name keys, those with one that matches
  std::optional<int> db;             // changes of this database alone
};

struct FeedEntry {
  Offset end;  // where to go on behind it; for all of a transaction, behind that
  UnixTime time;
  int db = 0;
  std::vector<std::string> args;
};

struct FeedResult {
  std::uint64_t id = 0;
  Status status;
  std::vector<FeedEntry> entries;
  FeedPlace next;  // where to go on: behind what was passed over, too
};

/// Reads changes out of the journal on a thread of its own: commands never wait for the disk that holds old segments.
///
/// What the stream has for those who follow it (SELECT, PING, REPLCONF, MULTI and EXEC, PUBLISH) is no change. A transaction comes
/// whole.
///
/// Threads: the executor; `registry` is only read.
class FeedReader {
 public:
  static constexpr std::size_t kEntryBytesMax = std::size_t{4} << 20;   // of a result, unless one transaction has more
  static constexpr std::uint64_t kPassedOverBytesMax = std::uint64_t{16} << 20;  // a result may then be empty, and go on

  /// `on_result`, on the reader's thread: take() has something.
  FeedReader(Journal& journal, CommandRegistry& registry, std::function<void()> on_result);
  /// Waits for what is being read: moments.
  ~FeedReader();
  FeedReader(const FeedReader&) = delete;
  FeedReader& operator=(const FeedReader&) = delete;

  void read(FeedRequest request);
  std::vector<FeedResult> take();

 private:
  void run();
  FeedResult serve(const FeedRequest& request);

  Journal& journal_;
  CommandRegistry& registry_;
  const std::function<void()> on_result_;
  std::mutex mutex_;
  std::condition_variable wakes_;
  std::deque<FeedRequest> requests_;  // guarded by mutex_
  std::vector<FeedResult> results_;   // guarded by mutex_
  bool stopping_ = false;             // guarded by mutex_
  std::thread thread_;
};

}  // namespace stele
