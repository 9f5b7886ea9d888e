#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/replayer.h"
#include "protocol/environment.h"
#include "protocol/replication_role.h"
#include "replication/failover.h"
#include "replication/primary_link.h"
#include "replication/replicas.h"

namespace stele {

/// The server's part in replication: a primary, unless it follows one; replicas of its own it may have either way.
///
///     primary ──REPLICAOF──► connecting ──PSYNC──┬─ +CONTINUE ──► following: the stream is applied and journalled, byte by byte
///        ▲                       ▲               └─ full sync, received and loaded beside the data, then swapped ──► following
///        └──REPLICAOF NO ONE─────┴────────────────────────────── the link breaks ◄──────────────────────────────────┘
///
/// Threads: the executor.
class Replication final : public ReplicationRole {
 public:
  explicit Replication(Environment& environment);
  ~Replication() override;

  // --- who we are
  void start() override;
  bool is_replica() const override { return primary_.has_value(); }
  bool is_followed() const override { return !replicas_.empty() && !is_replica(); }
  const std::optional<PrimaryAddress>& primary() const { return primary_; }
  bool link_is_up() const { return stream_ != nullptr; }
  void follow(PrimaryAddress primary, bool accepts_empty = false);
  /// As a primary from here on; what was followed so far becomes the older history.
  void lead();
  Replicas& replicas() { return replicas_; }
  Failover& failover() { return failover_; }

  // --- what that means to commands
  std::string_view refusal(const Connection& connection, bool writes, bool stale) const override;
  void update_restrictions() override;

  // --- commands; each replies
  void psync(Call& call) { replicas_.psync(call); }
  void sync(Call& call) { replicas_.sync(call); }
  void role(Call& call) const;
  void wait(Call& call, bool on_disk);
  /// PSYNC ... FAILOVER: false after an error reply.
  bool take_over_from(Call& call, std::string_view replid);
  /// False after an error reply: the data are not what a replica should have.
  bool may_be_followed(Call& call) const;

  // --- turns
  std::size_t receive(Connection& connection, std::string_view bytes) override;
  void turn() override;
  void cron(std::chrono::steady_clock::time_point now) override;
  void before_commit() override;
  void after_commit(Offset safe_end) override;
  std::optional<std::chrono::steady_clock::time_point> next_deadline() const override;
  void forget(Connection& connection) override;
  /// A replica has said how far it is.
  void acknowledged() { look_at_waiting_ = true; }
  Offset stream_end() const override;
  std::size_t replicas_behind(Offset target) const override;
  void ask_for_acks() override { ask_for_acks_ = true; }
  void log_replicas_at_end() const override;

  // --- INFO
  Traffic traffic() const override;
  void add_info(InfoText& info) const override;
  struct Figures {
    std::uint64_t received_bytes = 0;
    std::uint64_t failed_commands = 0;
    std::uint64_t lost_writes_files = 0;
    std::uint64_t lost_writes_bytes = 0;
    std::string last_error;      // why the link is down
    std::string refused_reason;  // why a full sync was refused; empty: it was not
  };
  const Figures& figures() const { return figures_; }
  const DigestCheck& digests() const { return is_replica() ? digests_ : replicas_.digests(); }
  const PrimaryLink* link() const { return link_.get(); }
  bool full_sync_in_progress() const override;
  std::chrono::steady_clock::time_point link_down_since() const { return down_since_; }
  std::chrono::steady_clock::time_point last_io() const;

 private:
  struct Waiting {
    std::uint64_t client;
    Offset target;
    std::size_t replicas;
    bool local = false;
    bool on_disk = false;
    std::optional<std::chrono::steady_clock::time_point> deadline;
  };

  void begin_attempt();
  void look_at_link();
  void take_received_state();
  void attach(PrimaryLink::Outcome outcome);
  void link_failed(std::string_view why);
  void leave_primary();
  void unblock_clients();
  void save_lost_writes();
  bool load_cold_keys(Connection& connection, std::string_view bytes);
  void send_ack();
  void apply(std::span<const std::string_view> args);
  void note_failed_command(std::string_view name);
  void look_at_waiting();
  bool satisfied(const Waiting& waiting) const;
  void answer(const Waiting& waiting);
  void reply_wait(RespWriter& reply, const Waiting& waiting) const;

  Environment& environment_;
  Replicas replicas_;
  Failover failover_;
  std::optional<PrimaryAddress> primary_;
  bool accepts_empty_ = false;
  bool must_resync_ = false;  // what we have is not what the primary has: no partial sync
  bool refuses_writes_ = false;

  std::unique_ptr<PrimaryLink> link_;
  std::vector<std::unique_ptr<PrimaryLink>> leaving_;  // given up, and not ended yet
  std::optional<PrimaryLink::Outcome> received_;       // a full sync to be taken
  Connection* stream_ = nullptr;                       // from the primary
  std::unique_ptr<Replayer> replayer_;
  std::size_t unit_scanned_ = 0;  // bytes of the transaction at the front of the stream that were parsed
  bool unit_is_open_ = false;
  bool unit_has_functions_ = false;
  bool ack_wanted_ = false;
  std::chrono::steady_clock::time_point acked_{};
  std::chrono::steady_clock::time_point attempt_at_{};
  std::chrono::steady_clock::time_point down_since_{};
  std::chrono::milliseconds backoff_{0};

  std::vector<Waiting> waiting_;
  DigestCheck digests_;
  bool look_at_waiting_ = false;
  bool ask_for_acks_ = false;
  Figures figures_;
};

/// The one implementation of the role, to those who know it.
inline Replication& replication_of(Environment& environment) { return static_cast<Replication&>(*environment.replication); }

/// REPLICAOF PSYNC REPLCONF FAILOVER WAIT ...
std::span<const Command> replication_commands();
/// For Server::start().
ReplicationParts replication_parts();

}  // namespace stele
