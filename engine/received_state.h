#pragma once

#include <atomic>
#include <chrono>
#include <filesystem>
#include <functional>

#include "persistence/journal.h"
#include "persistence/offset.h"
#include "persistence/status.h"
#include "persistence/store_options.h"

namespace stele {

/// Where a state came from, and what becomes of it.
struct ReceivedState {
  std::filesystem::path dir;  // the data directory
  std::filesystem::path rdb;  // on the same file system, synced
  StoreOptions store;
  int databases = 16;
  bool skip_unknown = false;
  bool verify_checksum = true;
  bool lfu = false;
  UnixTime now;
  std::chrono::microseconds key_delay{0};  // after each key: key-load-delay

  ReplicationId replid;  // the history that the state belongs to, and its place there
  Offset offset;
  int stream_db = -1;  // -1: what the file says

  /// A journal that goes on from there, with the file as its base; otherwise the server keeps its own.
  bool with_journal = true;
  std::string append_dir_name = "appendonlydir";
  JournalOptions journal;

  const std::atomic<bool>* stop = nullptr;  // once true, it ends with `unavailable` soon
  /// On the caller's thread, now and then.
  std::function<void(std::uint64_t done, std::uint64_t total)> on_progress;
};

struct ReceivedFigures {
  std::uint64_t keys = 0;
  std::uint64_t unknown = 0;
};

/// Makes a store, and a journal, of an RDB file, beside those that a server may be using:
///
///     sync.loading/ ──settle_on_received_state()──► sync.ready/ ──install_received_state()──► in their place, the old ones in sync.old/
///
/// A crash before `ready` leaves what was; one after it is rolled forward by the next start. On an error `sync.loading` is removed.
/// Threads: any.
Result<ReceivedFigures> prepare_received_state(const ReceivedState& state);

/// Likewise, of the files of another server's store (StoreCopy), which the caller has put, synced, into the folder that begin_received_store()
/// has made for them. There is no base then: the server makes one when it can.
Result<std::filesystem::path> begin_received_store(const std::filesystem::path& dir);
Status prepare_received_store(const ReceivedState& state);
void give_up_received_store(const std::filesystem::path& dir);

/// From here on there is no way back to what was.
Status settle_on_received_state(const std::filesystem::path& dir);

/// Puts what is ready in its place, as often as it takes; nothing if nothing is ready. Nobody may have the old store or journal
/// open. Leaves `sync.old` to be removed.
Status install_received_state(const std::filesystem::path& dir);

/// What an installation has left. May take long: it removes a whole store.
Status remove_replaced_state(const std::filesystem::path& dir);

/// For a start: that, and what attempts have left that a crash cut short.
Status remove_received_remains(const std::filesystem::path& dir);

}  // namespace stele
