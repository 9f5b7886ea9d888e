#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "engine/received_state.h"
#include "persistence/offset.h"
#include "persistence/status.h"

namespace stele {

/// One attempt of a replica to get in step with its primary:
///
///     connect ──► PING, AUTH, REPLCONF ──► INFO ──► PSYNC ──┬─ +CONTINUE ─────────────────────► in step
///                                                           └─ +FULLRESYNC ──► receive ──► load ──► in step, with a state to take
///
/// A full sync is received into `sync.rdb` and made into a store and a journal beside those in use; nothing of what the server has
/// is touched. Threads: the executor; the work is done on a thread of its own.
class PrimaryLink {
 public:
  enum class Phase { connecting, handshake, waiting_for_snapshot, receiving, loading, ended };

  struct KnownHistory {
    ReplicationId replid;
    Offset end;
  };

  struct Request {
    std::string host;
    int port = 0;
    std::string user;
    std::string password;
    int own_port = 0;
    std::string own_ip;  // empty: what the primary sees
    ReplicationId replid;     // our place; empty: a full sync
    Offset offset;
    ReplicationId older_replid;  // whose history is the same up to `offset`: asked for first; empty: none
    bool takes_over = false;     // PSYNC ... FAILOVER
    bool holds_data = false;
    bool accepts_empty = false;  // replica-accept-empty-primary
    std::chrono::seconds timeout{60};
    ReceivedState into;  // replid and offset are filled in
  };

  struct Outcome {
    Status status;  // why not
    bool refused = false;  // by us: the primary's history does not have what we have
    int fd = -1;    // the caller's; connected, behind the last byte of the handshake
    std::string rest;  // of the stream, read already
    std::string replid;  // the stream's
    bool full = false;   // there is a state to take: at `offset` of `replid`
    Offset offset;
    /// The names that the primary's history has gone by, and up to where: from INFO, none if it did not say.
    std::vector<KnownHistory> histories;
    bool asked_to_take_over = false;  // PSYNC ... FAILOVER has left, whatever came of it
    bool declined = false;            // the answer to that, or to PSYNC, was no
  };

  /// `on_progress`, on the link's thread: it has ended.
  PrimaryLink(Request request, std::function<void()> on_progress);
  /// Stops and waits; see ended().
  ~PrimaryLink();
  PrimaryLink(const PrimaryLink&) = delete;
  PrimaryLink& operator=(const PrimaryLink&) = delete;

  /// It ends soon; at the latest when what it is storing is stored.
  void stop() { stopping_ = true; }
  bool ended() const { return phase() == Phase::ended; }
  Outcome take_outcome();

  Phase phase() const { return phase_.load(std::memory_order_acquire); }
  /// Of the snapshot; 0 total: not known.
  std::uint64_t received_bytes() const { return received_; }
  std::uint64_t total_bytes() const { return total_; }
  /// steady_clock's, when the last byte came.
  std::chrono::steady_clock::time_point last_io() const {
    return std::chrono::steady_clock::time_point(std::chrono::steady_clock::duration(last_io_.load()));
  }
  const Request& request() const { return request_; }

 private:
  struct Primary;  // what INFO says of it

  Status run();
  Status connect();
  Status handshake();
  Result<Primary> ask_info();
  Status check_primary(const Primary& primary);
  Status psync();
  Status receive_snapshot();
  Status receive_store(std::string_view head);
  Status load_snapshot();

  Status command(std::initializer_list<std::string_view> args);
  Status send(std::string_view bytes);
  Result<std::string> line();
  Result<std::string> reply();
  Result<std::string_view> some_bytes(std::size_t most);
  Status wait(short events, std::chrono::steady_clock::time_point deadline);

  Request request_;
  const std::function<void()> on_progress_;
  std::atomic<Phase> phase_{Phase::connecting};
  std::atomic<bool> stopping_{false};
  std::atomic<std::uint64_t> received_{0};
  std::atomic<std::uint64_t> total_{0};
  std::atomic<std::chrono::steady_clock::rep> last_io_{0};

  // The thread's, and the executor's once it has ended.
  int fd_ = -1;
  std::string input_;
  std::size_t at_ = 0;  // in input_
  bool is_store_ = false;        // what was received
  bool has_taken_over_ = false;  // before this attempt
  Outcome outcome_;
  std::thread thread_;
};

}  // namespace stele
