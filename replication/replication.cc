#include "replication/replication.h"

#include <unistd.h>

#include <spdlog/spdlog.h>

#include "protocol/blocked_clients.h"
#include "protocol/clients.h"

namespace stele {

using std::chrono::seconds;
using std::chrono::steady_clock;

Replication::Replication(Environment& environment)
    : environment_(environment), replicas_(environment), failover_(environment) {}

Replication::~Replication() {
  if (link_) link_->stop();
  for (auto& link : leaving_) link->stop();
}

// --- roles

void Replication::start() {
  const PrimaryAddress& configured = environment_.config.now().replicaof;
  if (configured.host.empty()) return update_restrictions();
  follow(configured);
}

void Replication::follow(PrimaryAddress primary, bool accepts_empty) {
  const bool was_primary = !is_replica();
  leave_primary();
  primary_ = std::move(primary);
  accepts_empty_ = accepts_empty;
  environment_.storage.follow_primary(true);
  if (was_primary) unblock_clients();
  attempt_at_ = down_since_ = steady_clock::now();
  backoff_ = std::chrono::milliseconds(0);
  environment_.config.to_update().replicaof = *primary_;
  spdlog::info("Connecting to MASTER {}:{}", primary_->host, primary_->port);
  update_restrictions();
}

void Replication::lead() {
  if (!is_replica()) return;
  leave_primary();
  primary_.reset();
  must_resync_ = false;
  figures_.refused_reason.clear();
  Storage& storage = environment_.storage;
  // What was followed ends here: it is a frame of its own. A failure comes up again at the turn's end.
  if (!storage.journal().batch().empty()) (void)storage.journal().commit(storage.keyspace().now(), storage.effects().stream_db());
  storage.follow_primary(false);
  storage.continue_history(Storage::random_replid());
  storage.effects().begin_unit();
  storage.request_checkpoint();
  // They hear of the history's new name when they come back, which costs them nothing.
  replicas_.disconnect_all();
  environment_.config.to_update().replicaof = {};
  spdlog::info("MASTER MODE enabled: this history is {}, the same as {} up to offset {}", storage.journal().replid(),
               storage.previous_replid(), storage.previous_replid_end());
  update_restrictions();
}

void Replication::leave_primary() {
  if (link_) {
    link_->stop();
    leaving_.push_back(std::move(link_));
  }
  if (received_) {
    ::close(received_->fd);
    received_.reset();
    environment_.storage.ready_for_received(false);
  }
  if (stream_ != nullptr) environment_.clients.close(*stream_);
}

/// Whoever waits for a key here would wait for ever: it is others now that push.
void Replication::unblock_clients() {
  environment_.clients.for_each([&](Connection& connection) {
    if (connection.waits != Waits::blocked || connection.blocked == std::nullopt) return;
    environment_.blocked->unblock(connection,
                                  "UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)");
  });
  for (const Waiting& waiting : std::exchange(waiting_, {})) answer(waiting);
}

bool Replication::take_over_from(Call& call, std::string_view replid) {
  if (!is_replica()) {
    call.fail("ERR PSYNC FAILOVER can't be sent to a master.");
    return false;
  }
  if (replid != environment_.storage.journal().replid()) {
    call.fail("ERR PSYNC FAILOVER replid must match my replid.");
    return false;
  }
  spdlog::info("Failover request received for replid {}.", replid);
  lead();
  return true;
}

bool Replication::may_be_followed(Call& call) const {
  if (failover_.state() != Failover::State::none) {
    call.fail("NOMASTERLINK Can't SYNC while failing over");
    return false;
  }
  if (is_replica() && !link_is_up()) {
    call.fail("NOMASTERLINK Can't SYNC while not connected with my master");
    return false;
  }
  return true;
}

// --- what may run

void Replication::update_restrictions() {
  const Config& config = environment_.config.now();
  const bool too_few = !is_replica() && config.min_replicas_to_write > 0 && config.min_replicas_max_lag > 0 &&
                       static_cast<std::int64_t>(replicas_.in_touch(seconds(config.min_replicas_max_lag))) < config.min_replicas_to_write;
  refuses_writes_ = too_few || (is_replica() && config.replica_read_only);
  restricts_ = refuses_writes_ || (is_replica() && !link_is_up() && !config.replica_serve_stale_data);
}

std::string_view Replication::refusal(const Connection& connection, bool writes, bool stale) const {
  if (connection.primary) return {};
  if (writes && refuses_writes_) {
    return is_replica() ? "READONLY You can't write against a read only replica." : "NOREPLICAS Not enough good replicas to write.";
  }
  if (!stale && is_replica() && !link_is_up() && !environment_.config.now().replica_serve_stale_data) {
    return "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.";
  }
  return {};
}

// --- turns

void Replication::turn() {
  replicas_.turn();
  std::erase_if(leaving_, [](const auto& link) { return link->ended(); });
  if (link_ && link_->ended()) look_at_link();
  failover_.turn(steady_clock::now());
  if (look_at_waiting_ || !waiting_.empty()) look_at_waiting();
}

void Replication::cron(steady_clock::time_point now) {
  const bool ends = failover_.state() != Failover::State::none || environment_.shutdown_deadline;
  replicas_.cron(now, !is_replica() && !ends);
  if (stream_ != nullptr && now - stream_->last_active > seconds(environment_.config.now().repl_timeout)) {
    spdlog::warn("MASTER timeout: no data nor PING received...");
    figures_.last_error = "timeout: no data nor PING received";
    environment_.clients.close(*stream_);
  }
  update_restrictions();
}

void Replication::before_commit() {
  if (ask_for_acks_) {
    ask_for_acks_ = false;
    replicas_.ask_for_acks();
  }
  if (stream_ != nullptr && (ack_wanted_ || steady_clock::now() - acked_ >= seconds(1))) send_ack();
}

void Replication::after_commit(Offset safe_end) {
  replicas_.feed(safe_end);
  if (received_) {
    if (!received_->full) {
      attach(*std::exchange(received_, std::nullopt));
    } else if (environment_.storage.ready_for_received(true)) {
      take_received_state();
    }
  }
  const bool idle = !link_ && !received_ && stream_ == nullptr && leaving_.empty();
  if (is_replica() && idle && steady_clock::now() >= attempt_at_) begin_attempt();
}

std::optional<steady_clock::time_point> Replication::next_deadline() const {
  std::optional<steady_clock::time_point> next = failover_.deadline();
  const auto consider = [&](steady_clock::time_point at) { next = next ? std::min(*next, at) : at; };
  for (const Waiting& waiting : waiting_) {
    if (waiting.deadline) consider(*waiting.deadline);
  }
  if (is_replica() && stream_ == nullptr && !link_ && !received_) consider(attempt_at_);
  return next;
}

void Replication::forget(Connection& connection) {
  if (connection.replica) {
    spdlog::info("replica {} has left", connection.peer);
    replicas_.forget(connection);
    update_restrictions();
  }
  if (connection.waits == Waits::for_acks) {
    std::erase_if(waiting_, [&](const Waiting& waiting) { return waiting.client == connection.id; });
  }
  if (&connection != stream_) return;
  stream_ = nullptr;
  replayer_.reset();
  unit_scanned_ = 0;
  unit_is_open_ = unit_has_functions_ = false;
  down_since_ = steady_clock::now();
  attempt_at_ = down_since_;
  backoff_ = std::chrono::milliseconds(0);
  spdlog::warn("Connection with master lost.");
  update_restrictions();
}

std::size_t Replication::replicas_behind(Offset target) const {
  return is_replica() ? 0 : replicas_.size() - replicas_.acknowledged(target, false);
}

void Replication::log_replicas_at_end() const {
  if (replicas_.empty()) return;
  const Offset end = environment_.storage.journal().end();
  replicas_.for_each([&](std::uint64_t id, const Replica& replica) {
    if (replica.acked >= end) return;
    spdlog::warn("Lagging replica {}:{} reported offset {} behind master, lag={}, state={}.", replicas_.address_of(id, replica),
                 replica.port, end - replica.acked,
                 std::chrono::duration_cast<seconds>(steady_clock::now() - replica.last_ack).count(), replica.state_name());
  });
  spdlog::info("{} of {} replicas are in sync when shutting down.", replicas_.acknowledged(end, false), replicas_.size());
}

Offset Replication::stream_end() const {
  const Journal& journal = environment_.storage.journal();
  return journal.end() + environment_.storage.journal().batch().size();
}

}  // namespace stele
