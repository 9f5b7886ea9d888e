#include "replication/replicas.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>

#include <spdlog/spdlog.h>

#include "protocol/journal_retention.h"
#include "protocol/clients.h"
#include "protocol/resp_command.h"
#include "protocol/resp_integer.h"
#include "protocol/resp_text.h"
#include "replication/replication.h"

namespace stele {

namespace {

using std::chrono::seconds;
using std::chrono::steady_clock;

constexpr std::string_view kPing = "*1\r\n$4\r\nPING\r\n";
constexpr std::string_view kGetAck = "*3\r\n$8\r\nREPLCONF\r\n$6\r\nGETACK\r\n$1\r\n*\r\n";

}  // namespace

std::string_view Replica::state_name() const {
  switch (state) {
    case State::introduced:
    case State::waiting: return "wait_bgsave";
    case State::fed: return snapshot_sent ? "online" : "send_bulk";
    case State::online: return "online";
  }
  return {};
}

Replicas::~Replicas() {
  for (auto& [id, replica] : replicas_) {
    if (replica->feeder) replica->feeder->stop();
  }
}

Replica& Replicas::of(Connection& connection) {
  auto& replica = replicas_[connection.id];
  if (replica == nullptr) replica = std::make_unique<Replica>();
  return *replica;
}

std::string Replicas::address_of(std::uint64_t id, const Replica& replica) const {
  std::string ip = replica.ip;
  if (const Connection* connection = environment_.clients.find(id); ip.empty() && connection != nullptr) {
    ip = connection->peer.substr(0, connection->peer.rfind(':'));
    if (ip.starts_with('[')) ip = ip.substr(1, ip.size() - 2);
  }
  return ip;
}

// --- commands

bool Replicas::replconf(Call& call) {
  Connection& connection = connection_of(call);
  const auto integer = [&](std::size_t i) { return parse_integer(call.arg(i)); };
  for (std::size_t i = 1; i + 1 < call.argc(); i += 2) {
    const std::string_view value = call.arg(i + 1);
    if (call.arg_is(i, "ack")) {
      const auto found = replicas_.find(connection.id);
      const auto offset = integer(i + 1);
      if (found == replicas_.end() || !found->second->follows() || !offset || *offset < 0) return true;
      Replica& replica = *found->second;
      replica.acked = std::max(replica.acked, Offset(static_cast<std::uint64_t>(*offset)));
      replica.last_ack = steady_clock::now();
      if (replica.feeder) replica.feeder->note_ack();
      if (i + 3 < call.argc() && call.arg_is(i + 2, "fack")) {
        if (const auto on_disk = integer(i + 3); on_disk && *on_disk >= 0) {
          replica.fsynced = std::max(replica.fsynced, Offset(static_cast<std::uint64_t>(*on_disk)));
        }
      }
      replication_of(environment_).acknowledged();
      return true;  // never answered
    }
    if (call.arg_is(i, "listening-port")) {
      const auto port = integer(i + 1);
      if (!port || *port < 0 || *port > 65535) return call.not_an_integer(), true;
      of(connection).port = static_cast<int>(*port);
    } else if (call.arg_is(i, "ip-address")) {
      of(connection).ip = value;
    } else if (call.arg_is(i, "capa")) {
      if (equals_ignoring_case(value, "eof")) of(connection).knows_eof = true;
      if (equals_ignoring_case(value, "psync2")) of(connection).knows_psync2 = true;
      if (equals_ignoring_case(value, "stele-digest")) of(connection).knows_digests = true;
      // Who slows the saving of keys down wants to see it.
      if (value == store_copy_format()) of(connection).knows_store = environment_.config.now().rdb_key_save_delay == 0;
    } else if (call.arg_is(i, "rdb-only")) {
      of(connection).wants_snapshot_only = integer(i + 1).value_or(0) != 0;
    } else if (call.arg_is(i, "rdb-filter-only")) {
      if (!value.empty() && !equals_ignoring_case(value, "functions")) {
        return call.fail(fmt::format("ERR Unsupported rdb-filter-only option: {:.128}", value)), true;
      }
      of(connection).wants_functions_only = !value.empty();
    } else if (!call.arg_is(i, "version")) {
      return false;
    }
  }
  call.reply().ok();
  return true;
}

void Replicas::start_tail() {
  Journal& journal = environment_.storage.journal();
  if (following_ == 0) pinged_ = steady_clock::now();
  if (tail_.active()) return;
  tail_.start(journal.end(), static_cast<std::size_t>(environment_.config.now().repl_backlog_size));
  journal.keep_tail(&tail_);
}

bool Replicas::continues(std::string_view replid, Offset from) const {
  const Storage& storage = environment_.storage;
  const Journal& journal = storage.journal();
  if (from < journal.start() || from > journal.end()) return false;
  if (replid == journal.replid()) return true;
  return storage.was_history(replid, from);
}

/// PSYNC replid offset [FAILOVER]: `offset` is that of the first byte wanted, counted from 1.
void Replicas::psync(Call& call) {
  Connection& connection = connection_of(call);
  const std::string_view replid = call.arg(1);
  std::int64_t wanted = 0;
  if (!call.integer_arg(2, wanted)) return spdlog::warn("Replica {} asks for synchronization but with a wrong offset", connection.peer);
  if (call.argc() > 3) {
    if (!call.arg_is(3, "failover")) return call.syntax_error();
    if (!replication_of(environment_).take_over_from(call, replid)) return;
  }
  if (replicas_.contains(connection.id) && of(connection).follows()) return;
  if (!replication_of(environment_).may_be_followed(call)) return;
  Replica& replica = of(connection);
  const bool asks = replid != "?";
  const Offset from(static_cast<std::uint64_t>(std::max<std::int64_t>(0, wanted - 1)));
  if (asks && wanted > 0 && continues(replid, from)) {
    ++figures_.partial_syncs;
    start_tail();
    ++following_;
    connection.replica = true;
    replica.last_ack = steady_clock::now();
    replica.acked = from;
    replica.snapshot_sent = true;
    if (replica.knows_psync2) {
      call.reply().simple(fmt::format("CONTINUE {}", environment_.storage.journal().replid()));
    } else {
      call.reply().simple("CONTINUE");
    }
    spdlog::info("Partial resynchronization request from {} accepted. Sending {} bytes of backlog starting from offset {}.",
                 connection.peer, environment_.storage.journal().end() - from, wanted);
    replica.state = Replica::State::online;
    if (Result<JournalPin> pin = environment_.storage.journal().pin(from, connection.peer); pin.ok()) replica.pin = std::move(*pin);
    replica.next = from;
    replication_of(environment_).update_restrictions();
    return;
  }
  if (asks) {
    ++figures_.partial_syncs_refused;
    const Journal& journal = environment_.storage.journal();
    if (replid != journal.replid() && replid != environment_.storage.previous_replid()) {
      spdlog::info("Partial resynchronization not accepted: Replication ID mismatch (Replica asked for '{}', my replication IDs are "
                   "'{}' and '{}')", printed(replid, 64), journal.replid(), environment_.storage.previous_replid());
    } else {
      spdlog::info("Unable to partial resync with replica {} for lack of backlog (Replica request was: {}; the journal has {} to {}, "
                   "and of its older name up to {}).", connection.peer, wanted, journal.start() + 1, journal.end(),
                   environment_.storage.previous_replid_end());
      if (from > journal.end()) {
        spdlog::warn("Replica {} asks for synchronization but with a wrong offset", connection.peer);
      }
    }
  }
  begin_full_sync(connection, replica, asks ? "it cannot go on from where it was" : "it has nothing yet");
}

/// SYNC: the protocol of Redis before 2.8, and of tools that want a snapshot.
void Replicas::sync(Call& call) {
  Connection& connection = connection_of(call);
  if (replicas_.contains(connection.id) && of(connection).follows()) return;
  if (!replication_of(environment_).may_be_followed(call)) return;
  Replica& replica = of(connection);
  replica.old_protocol = true;
  begin_full_sync(connection, replica, "it asked with SYNC");
}

void Replicas::begin_full_sync(Connection& connection, Replica& replica, std::string_view why) {
  ++figures_.full_syncs;
  spdlog::info("Full resync requested by replica {}: {}", connection.peer, why);
  start_tail();
  ++following_;
  connection.replica = true;
  replica.state = Replica::State::waiting;
  replica.last_ack = replica.newline_at = steady_clock::now();
  replica.asked_at = replication_of(environment_).stream_end();
  replication_of(environment_).update_restrictions();
}

// --- turns

/// The store as it is, from the last checkpoint on: the journal has the rest.
void Replicas::give_store(Connection& connection, Replica& replica) {
  Storage& storage = environment_.storage;
  Journal& journal = storage.journal();
  const auto label = storage.store().label();
  if (label == nullptr || label->replid != journal.replid()) {
    if (!storage.checkpoint_running()) storage.request_checkpoint();
    return;
  }
  Result<JournalPin> pin = journal.pin(label->offset, connection.peer);
  if (!pin.ok()) return drop(connection, pin.status().message());
  Feeder::Job job{.copy_store = [&storage] { return storage.copy_store(); },
                  .pin = std::move(*pin),
                  .from = label->offset,
                  .timeout = seconds(environment_.config.now().repl_timeout)};
  spdlog::info("sending replica {} the store of offset {}, or later", connection.peer, label->offset);
  replica.state = Replica::State::fed;
  replica.next = job.from;
  replica.feeder = std::make_unique<Feeder>(connection.fd, journal, tail_, std::move(job), environment_.wake);
}

void Replicas::give_snapshots() {
  Storage& storage = environment_.storage;
  for (auto& [id, replica] : replicas_) {
    if (replica->state != Replica::State::waiting || !replica->takes_store()) continue;
    if (Connection* connection = environment_.clients.find(id)) give_store(*connection, *replica);
  }
  const auto anybody_can_use = [&](const SyncSnapshot* snapshot) {
    return std::any_of(replicas_.begin(), replicas_.end(), [&](const auto& entry) {
      return entry.second->state == Replica::State::waiting && !entry.second->takes_store() && (snapshot == nullptr || entry.second->can_use(*snapshot));
    });
  };
  if (!anybody_can_use(nullptr)) {
    if (std::exchange(snapshot_asked_, false)) storage.give_up_sync_snapshot();
    return;
  }
  std::shared_ptr<SyncSnapshot> snapshot = storage.take_sync_snapshot();
  if (snapshot == nullptr) snapshot = storage.recent_snapshot();
  if (snapshot == nullptr || !anybody_can_use(snapshot.get())) {
    const SnapshotFigures& figures = storage.snapshots(SnapshotKind::sync);
    if (snapshot_asked_ && figures.failed > snapshots_failed_) {
      snapshot_asked_ = false;
      for (auto& [id, replica] : replicas_) {
        Connection* connection = environment_.clients.find(id);
        if (connection != nullptr && replica->state == Replica::State::waiting && !replica->takes_store()) drop(*connection, "no snapshot could be written for it");
      }
      return;
    }
    if (!snapshot_asked_ || !(figures.wanted || storage.snapshot_running(SnapshotKind::sync))) {
      snapshot_asked_ = true;
      snapshots_failed_ = figures.failed;
      storage.request_snapshot(SnapshotKind::sync);
    }
    return;
  }
  for (auto& [id, replica] : replicas_) {
    Connection* connection = environment_.clients.find(id);
    if (connection == nullptr || replica->state != Replica::State::waiting || replica->takes_store() || !replica->can_use(*snapshot)) continue;
    std::shared_ptr<SyncSnapshot> its = snapshot;
    if (replica->wants_functions_only) {
      Result<std::shared_ptr<SyncSnapshot>> functions = storage.snapshot_of_functions();
      if (!functions.ok()) {
        drop(*connection, functions.status().message());
        continue;
      }
      its = std::move(*functions);
    }
    send_snapshot(*connection, *replica, std::move(its));
  }
}

void Replicas::send_snapshot(Connection& connection, Replica& replica, std::shared_ptr<SyncSnapshot> snapshot) {
  const Config& config = environment_.config.now();
  Feeder::Job job{.from = snapshot->offset, .timeout = seconds(config.repl_timeout)};
  if (!replica.old_protocol) job.preamble = fmt::format("+FULLRESYNC {} {}\r\n", environment_.storage.journal().replid(), snapshot->offset);
  if (replica.knows_eof && config.repl_diskless_sync) {
    job.end_mark = Storage::random_replid();
    job.preamble += fmt::format("$EOF:{}\r\n", job.end_mark);
  } else {
    job.preamble += fmt::format("${}\r\n", snapshot->bytes);
  }
  spdlog::info("sending replica {} a snapshot of {} bytes at offset {}", connection.peer, snapshot->bytes, snapshot->offset);
  job.snapshot_only = replica.wants_snapshot_only;
  job.snapshot = std::move(snapshot);
  replica.state = Replica::State::fed;
  replica.next = job.from;
  replica.feeder = std::make_unique<Feeder>(connection.fd, environment_.storage.journal(), tail_, std::move(job), environment_.wake);
}

void Replicas::catch_up(Connection& connection, Replica& replica, Offset from) {
  Feeder::Job job{.from = from, .timeout = seconds(environment_.config.now().repl_timeout)};
  replica.state = Replica::State::fed;
  replica.next = from;
  replica.feeder = std::make_unique<Feeder>(connection.fd, environment_.storage.journal(), tail_, std::move(job), environment_.wake);
}

void Replicas::look_at_feeder(Connection& connection, Replica& replica) {
  Feeder& feeder = *replica.feeder;
  replica.snapshot_sent |= feeder.state() == Feeder::State::sending_stream || feeder.state() == Feeder::State::done;
  if (!feeder.ended()) return;
  figures_.sent_bytes += feeder.sent_bytes();
  if (!feeder.status().ok()) return drop(connection, feeder.status().message());
  if (replica.wants_snapshot_only) {
    spdlog::info("the snapshot that {} asked for is sent", connection.peer);
    return environment_.clients.close(connection);
  }
  const Offset from = feeder.offset();
  // Before the feeder lets go of its own.
  Result<JournalPin> pin = environment_.storage.journal().pin(from, connection.peer);
  if (!pin.ok()) return drop(connection, pin.status().message());
  replica.pin = std::move(*pin);
  replica.feeder.reset();
  if (from < tail_.begin()) return catch_up(connection, replica, from);
  replica.state = Replica::State::online;
  replica.next = from;
  replica.last_ack = std::max(replica.last_ack, steady_clock::now() - seconds(1));
  spdlog::info("Synchronization with replica {} succeeded", connection.peer);
}

void Replicas::turn() {
  for (const std::uint64_t id : std::exchange(gone_, {})) replicas_.erase(id);
  std::erase_if(leaving_, [](const auto& feeder) { return feeder->ended(); });
  if (following_ == 0 && !snapshot_asked_) return;
  give_snapshots();
  for (auto& [id, replica] : replicas_) {
    Connection* connection = environment_.clients.find(id);
    if (replica->feeder && connection != nullptr) look_at_feeder(*connection, *replica);
  }
}

void Replicas::feed(Offset safe_end) {
  if (following_ == 0) return;
  for (auto& [id, replica] : replicas_) {
    if (replica->state != Replica::State::online) continue;
    if (replica->next == safe_end) continue;
    if (Connection* connection = environment_.clients.find(id)) send_to(*connection, *replica, safe_end);
  }
}

void Replicas::send_to(Connection& connection, Replica& replica, Offset safe_end) {
  if (!connection.output.empty()) return;  // +CONTINUE
  while (replica.next < safe_end) {
    if (replica.next < tail_.begin()) return catch_up(connection, replica, replica.next);
    const std::string_view bytes = tail_.from(replica.next, safe_end);
    const ssize_t sent = ::send(connection.fd, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0) {
      if (errno == EINTR) continue;
      if (errno != EAGAIN) return drop(connection, fmt::format("the connection was closed: {}", std::strerror(errno)));
      if (!connection.watches_writes) environment_.clients.watch(connection, true, true);
      return;
    }
    replica.next += static_cast<std::uint64_t>(sent);
    figures_.sent_bytes += static_cast<std::uint64_t>(sent);
  }
  if (connection.watches_writes) environment_.clients.watch(connection, true, false);
}

void Replicas::ask_for_acks() {
  if (following_ == 0 || environment_.storage.effects().muted()) return;
  environment_.storage.journal().batch().append(kGetAck);
}

bool Replicas::too_far_behind(const Replica& replica) const {
  const Journal& journal = environment_.storage.journal();
  const Offset kept = replica.feeder ? replica.feeder->offset() : replica.next;
  return holds_back_too_much(journal, environment_.config.now(), kept, tail_.capacity());
}

void Replicas::cron(steady_clock::time_point now, bool may_ping) {
  if (following_ == 0) {
    const auto ttl = seconds(environment_.config.now().repl_backlog_ttl);
    if (tail_.active() && ttl.count() > 0 && now - alone_since_ > ttl) {
      environment_.storage.journal().keep_tail(nullptr);
      tail_.stop();
    }
    return;
  }
  alone_since_ = now;
  const Config& config = environment_.config.now();
  if (may_ping && now - pinged_ >= seconds(config.repl_ping_replica_period)) {
    pinged_ = now;
    environment_.storage.journal().batch().append(kPing);
  }
  if (may_ping) tell_digest(now);
  for (auto& [id, replica] : replicas_) {
    Connection* connection = environment_.clients.find(id);
    if (connection == nullptr || !replica->follows()) continue;
    if (replica->state == Replica::State::waiting && now - replica->newline_at >= seconds(1)) {
      replica->newline_at = now;
      [[maybe_unused]] const ssize_t sent = ::send(connection->fd, "\n", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
    }
    if (replica->state == Replica::State::online) {
      if (replica->pin.held()) replica->pin.advance(replica->next);
      if (!replica->old_protocol && now - replica->last_ack > seconds(config.repl_timeout)) {
        spdlog::warn("Disconnecting timedout replica (streaming sync): {}", connection->peer);
        environment_.clients.close(*connection);
        continue;
      }
    }
    if (too_far_behind(*replica)) {
      ++figures_.let_go;
      spdlog::error("replica {} is let go: what it has not read yet is more than the disk may hold (journal-pin-size-max, or the "
                    "free space). It will need a full sync", connection->peer);
      environment_.clients.close(*connection);
    }
  }
}

/// Only if somebody compares it; stock replicas pass over the text.
void Replicas::tell_digest(steady_clock::time_point now) {
  const auto interval = seconds(environment_.config.now().repl_digest_interval);
  if (interval.count() == 0 || now - compared_ < interval) return;
  bool somebody = false;
  for_each([&](std::uint64_t, const Replica& replica) { somebody |= replica.knows_digests && replica.state == Replica::State::online; });
  if (!somebody || !environment_.storage.counts_are_exact()) return;
  compared_ = now;
  const std::string text = digests_.next(environment_.storage.keyspace());
  if (!text.empty()) append_command(environment_.storage.journal().batch(), "PING", text);
}

void Replicas::drop(Connection& connection, std::string_view why) {
  spdlog::warn("Connection with replica {} lost: {}", connection.peer, why);
  environment_.clients.close(connection);
}

void Replicas::forget(const Connection& connection) {
  const auto found = replicas_.find(connection.id);
  if (found == replicas_.end()) return;
  Replica& replica = *found->second;
  if (replica.follows()) --following_;
  if (replica.feeder) {
    replica.feeder->stop();
    leaving_.push_back(std::move(replica.feeder));
  }
  replica.state = Replica::State::introduced;
  replica.pin = JournalPin();
  gone_.push_back(connection.id);  // whoever goes through them just now is not disturbed
}

void Replicas::disconnect_all() {
  std::vector<std::uint64_t> ids;
  for_each([&](std::uint64_t id, const Replica&) { ids.push_back(id); });
  for (const std::uint64_t id : ids) {
    if (Connection* connection = environment_.clients.find(id)) environment_.clients.close(*connection);
  }
  leaving_.clear();  // each ends within moments
}

void Replicas::journal_replaced() {
  const bool active = tail_.active();
  tail_.stop();
  if (active) start_tail();
}

std::size_t Replicas::in_touch(seconds max_lag) const {
  const auto now = steady_clock::now();
  std::size_t count = 0;
  for_each([&](std::uint64_t, const Replica& replica) {
    if (replica.state != Replica::State::online && !replica.snapshot_sent) return;
    if (max_lag.count() == 0 || now - replica.last_ack <= max_lag + seconds(1)) ++count;
  });
  return count;
}

std::size_t Replicas::acknowledged(Offset offset, bool durably) const {
  std::size_t count = 0;
  for_each([&](std::uint64_t, const Replica& replica) { count += (durably ? replica.fsynced : replica.acked) >= offset; });
  return count;
}

}  // namespace stele
