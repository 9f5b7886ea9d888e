#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include <absl/container/btree_map.h>

#include "persistence/stream_tail.h"
#include "protocol/environment.h"
#include "replication/digest_check.h"
#include "replication/feeder.h"

namespace stele {

/// One server that follows this one.
struct Replica {
  enum class State {
    introduced,    // has sent REPLCONF, and perhaps never will send PSYNC
    waiting,       // for a snapshot
    fed,           // by its feeder: a snapshot, segments
    online,        // from the tail
  };

  State state = State::introduced;
  int port = 0;
  std::string ip;  // announced; empty: where its connection comes from
  bool knows_eof = false;
  bool knows_psync2 = false;
  bool knows_digests = false;
  bool knows_store = false;           // can be sent the files of ours
  bool wants_snapshot_only = false;   // REPLCONF rdb-only
  bool wants_functions_only = false;  // REPLCONF rdb-filter-only functions
  bool old_protocol = false;          // SYNC
  Offset asked_at;                    // the stream's end, when it asked for a snapshot

  std::unique_ptr<Feeder> feeder;
  bool snapshot_sent = false;
  Offset next;  // online: the first byte not sent
  JournalPin pin;
  Offset acked;
  Offset fsynced;  // FACK
  std::chrono::steady_clock::time_point last_ack{};
  std::chrono::steady_clock::time_point newline_at{};

  /// Who does not follow the stream by its offsets is given the state of when it asked, no older one.
  bool can_use(const SyncSnapshot& snapshot) const {
    return !(old_protocol || wants_snapshot_only) || snapshot.offset >= asked_at;
  }
  bool takes_store() const { return knows_store && !old_protocol && !wants_snapshot_only; }
  bool follows() const { return state != State::introduced; }
  /// As INFO has it.
  std::string_view state_name() const;
};

struct ReplicasFigures {
  std::uint64_t full_syncs = 0;
  std::uint64_t partial_syncs = 0;
  std::uint64_t partial_syncs_refused = 0;
  std::uint64_t sent_bytes = 0;
  std::uint64_t let_go = 0;  // too far behind for what the disk may hold
};

/// The primary's side: who follows, and how far each has come. A replica is a cursor in the journal:
///
///     PSYNC ──┬─ we have what it lacks ──────────────┬─► online: sent from the tail after each turn
///             │                                      ▲
///             └─ a snapshot, shared ─► a Feeder ─────┘        one that falls behind the tail gets a Feeder again
///
/// Threads: the executor.
class Replicas {
 public:
  explicit Replicas(Environment& environment) : environment_(environment) {}
  ~Replicas();

  // --- commands
  void psync(Call& call);
  void sync(Call& call);
  /// False if the option is not about a replica.
  bool replconf(Call& call);

  // --- turns
  /// Sends what the turn has committed.
  void feed(Offset safe_end);
  /// Looks after feeders and snapshots.
  void turn();
  /// Pings, time-outs, what each one keeps. Before the turn's commit.
  void cron(std::chrono::steady_clock::time_point now, bool may_ping);
  /// Has everyone say how far it is, at the end of the turn.
  void ask_for_acks();
  void forget(const Connection& connection);
  /// Their history is no longer ours. Waits until nobody reads the journal.
  void disconnect_all();
  /// The journal is another one.
  void journal_replaced();

  bool empty() const { return following_ == 0; }
  std::size_t size() const { return following_; }
  /// Online, and heard of within `max_lag`.
  std::size_t in_touch(std::chrono::seconds max_lag) const;
  /// That have taken in everything up to `offset`, on disk if `durably`.
  std::size_t acknowledged(Offset offset, bool durably) const;

  template <typename Visit>
  void for_each(const Visit& visit) const {
    for (const auto& [id, replica] : replicas_) {
      if (replica->follows()) visit(id, *replica);
    }
  }
  const ReplicasFigures& figures() const { return figures_; }
  const StreamTail& tail() const { return tail_; }
  const DigestCheck& digests() const { return digests_; }
  std::string address_of(std::uint64_t id, const Replica& replica) const;

 private:
  Replica& of(Connection& connection);
  void begin_full_sync(Connection& connection, Replica& replica, std::string_view why);
  void start_tail();
  bool continues(std::string_view replid, Offset from) const;
  void send_snapshot(Connection& connection, Replica& replica, std::shared_ptr<SyncSnapshot> snapshot);
  void catch_up(Connection& connection, Replica& replica, Offset from);
  void look_at_feeder(Connection& connection, Replica& replica);
  void give_snapshots();
  void give_store(Connection& connection, Replica& replica);
  void send_to(Connection& connection, Replica& replica, Offset safe_end);
  void drop(Connection& connection, std::string_view why);
  bool too_far_behind(const Replica& replica) const;
  void tell_digest(std::chrono::steady_clock::time_point now);

  Environment& environment_;
  absl::btree_map<std::uint64_t, std::unique_ptr<Replica>> replicas_;  // by the connection's id
  std::size_t following_ = 0;
  StreamTail tail_;
  ReplicasFigures figures_;
  bool snapshot_asked_ = false;
  std::uint64_t snapshots_failed_ = 0;
  std::chrono::steady_clock::time_point pinged_{};
  std::chrono::steady_clock::time_point compared_{};
  DigestCheck digests_;
  std::chrono::steady_clock::time_point alone_since_{};
  std::vector<std::uint64_t> gone_;               // forgotten, until the next turn()
  std::vector<std::unique_ptr<Feeder>> leaving_;  // of replicas that are gone
};

}  // namespace stele
