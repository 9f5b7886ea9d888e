// The replica's side: attempts to get in step with the primary, and its stream once that is done.

#include <unistd.h>

#include <spdlog/spdlog.h>

#include "protocol/acl/acl.h"
#include "protocol/clients.h"
#include "protocol/dispatcher.h"
#include "protocol/resp_command.h"
#include "protocol/resp_integer.h"
#include "protocol/resp_text.h"
#include "protocol/scripting/scripting.h"
#include "replication/lost_writes.h"
#include "replication/replication.h"

namespace stele {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

constexpr milliseconds kBackoffFirst{100};
constexpr milliseconds kBackoffMax{1000};

bool holds_data(Keyspace& keyspace) {
  for (int i = 0; i < keyspace.databases(); ++i) {
    if (keyspace.db(i).size() > 0) return true;
  }
  return false;
}

}  // namespace

// --- attempts

void Replication::begin_attempt() {
  Storage& storage = environment_.storage;
  const Config& config = environment_.config.now();
  const Journal& journal = storage.journal();
  PrimaryLink::Request request;
  request.host = primary_->host;
  request.port = static_cast<int>(primary_->port);
  request.user = config.masteruser;
  request.password = config.masterauth;
  request.own_port = static_cast<int>(config.replica_announce_port != 0 ? config.replica_announce_port : config.port);
  request.own_ip = config.replica_announce_ip;
  request.holds_data = holds_data(storage.keyspace());
  request.accepts_empty = accepts_empty_ || config.replica_accept_empty_primary;
  if (!must_resync_) {
    request.replid = journal.replid();
    request.offset = journal.end();
    const bool may_ask_by_older = failover_.state() != Failover::State::in_progress;  // which goes by the name in use
    if (may_ask_by_older && storage.previous_replid_end() == journal.end()) request.older_replid = storage.previous_replid();
  }
  request.takes_over = failover_.state() == Failover::State::in_progress;
  request.timeout = seconds(config.repl_timeout);
  const StorageOptions& options = storage.options();
  request.into = {.dir = options.dir,
                  .store = options.store,
                  .databases = options.databases,
                  .skip_unknown = options.skip_unknown,
                  .verify_checksum = options.rdb.checksum,
                  .lfu = options.lfu,
                  .now = storage.keyspace().now(),
                  .key_delay = options.key_load_delay,
                  .append_dir_name = options.append_dir_name,
                  .journal = options.journal};
  link_ = std::make_unique<PrimaryLink>(std::move(request), environment_.wake);
}

void Replication::look_at_link() {
  PrimaryLink::Outcome outcome = link_->take_outcome();
  const bool took_over = link_->request().takes_over;
  link_.reset();
  if (!outcome.status.ok()) {
    if (outcome.refused) {
      if (figures_.refused_reason != outcome.status.message()) {
        spdlog::error("full sync with {}:{} refused ({}): the primary has no data, or fewer than we have of the same history. What is "
                      "here stays, and is served. To have it replaced all the same: REPLICAOF {} {} FORCE, or "
                      "replica-accept-empty-primary yes",
                      primary_->host, primary_->port, outcome.status.message(), primary_->host, primary_->port);
      }
      figures_.refused_reason = outcome.status.message();
    }
    if (took_over && failover_.may_give_up(outcome)) return failover_.failed(outcome.status.message());
    return link_failed(outcome.status.message());
  }
  if (took_over) failover_.succeeded();
  figures_.refused_reason.clear();
  received_ = std::move(outcome);
}

void Replication::link_failed(std::string_view why) {
  if (!is_replica()) return;
  if (figures_.last_error != why) spdlog::warn("no link to MASTER {}:{}: {}", primary_->host, primary_->port, why);
  figures_.last_error = why;
  backoff_ = std::clamp(backoff_ * 2, kBackoffFirst, kBackoffMax);
  attempt_at_ = steady_clock::now() + backoff_;
}

/// Writes that this server has accepted and its new primary has not: they leave the data, but not the disk.
void Replication::save_lost_writes() {
  const Journal& journal = environment_.storage.journal();
  // The names that the primary had while we were the same may be older ones of ours: crashes have given us others since.
  std::optional<Offset> parted;
  for (const PrimaryLink::KnownHistory& history : received_->histories) {
    if (history.replid != journal.replid() && !environment_.storage.was_history(history.replid, history.end)) continue;
    if (!parted || *parted < history.end) parted = history.end;
  }
  if (!parted || *parted >= journal.end()) return;
  const auto path = environment_.storage.options().dir / fmt::format("lost-writes-{}-{}.aof", journal.replid(), *parted);
  const Result<std::uint64_t> bytes = write_lost_writes(environment_.storage.journal(), *parted, path);
  if (bytes.ok() && *bytes == 0) return;
  if (!bytes.ok()) return spdlog::error("writes that the primary does not have could not be saved: {}", bytes.status().message());
  ++figures_.lost_writes_files;
  figures_.lost_writes_bytes += *bytes;
  spdlog::warn("{} bytes of writes that the primary does not have are in {}: look at them with stele-aof, or replay them with redis-cli "
               "--pipe", *bytes, path.native());
}

void Replication::take_received_state() {
  save_lost_writes();
  replicas_.disconnect_all();
  const auto began = steady_clock::now();
  if (const Status status = environment_.storage.take_received(); !status.ok()) {
    spdlog::critical("the state received from the primary cannot be taken into use: {}. Stopping; the next start goes on with it",
                     status.message());
    spdlog::shutdown();
    std::_Exit(1);
  }
  replicas_.journal_replaced();
  environment_.scripting->functions().compile_stored();
  must_resync_ = false;
  const auto took = std::chrono::duration_cast<milliseconds>(steady_clock::now() - began);
  spdlog::info("MASTER <-> REPLICA sync: Finished with success; swapped in {} ms", took.count());
  attach(*std::exchange(received_, std::nullopt));
}

void Replication::attach(PrimaryLink::Outcome outcome) {
  Storage& storage = environment_.storage;
  if (!outcome.full && outcome.replid != storage.journal().replid()) {
    storage.continue_history(outcome.replid);
    replicas_.disconnect_all();  // they have to learn the new name
  }
  Connection& connection = environment_.clients.add(outcome.fd);
  connection.primary = true;
  connection.authenticated = true;
  ParserLimits limits;
  limits.bulk_bytes_max = std::numeric_limits<std::int32_t>::max();
  limits.authenticated = true;
  connection.parser.set_limits(limits);
  replayer_ = std::make_unique<Replayer>(environment_.commands, storage.keyspace(), storage.effects(),
                                         storage.effects().stream_db(), &environment_);
  replayer_->set_tolerant(true);
  stream_ = &connection;
  figures_.last_error.clear();
  ack_wanted_ = true;
  if (!outcome.full) spdlog::info("Successful partial resynchronization with master. The history is {}", storage.journal().replid());
  connection.input.append(outcome.rest);
  environment_.resume(connection);
  update_restrictions();
}

bool Replication::full_sync_in_progress() const {
  return (received_ && received_->full) || (link_ && link_->phase() >= PrimaryLink::Phase::waiting_for_snapshot && !link_->ended());
}

steady_clock::time_point Replication::last_io() const {
  if (stream_ != nullptr) return stream_->last_active;
  return link_ ? link_->last_io() : down_since_;
}

// --- the stream

/// As configured: the primary may be of another version, and a replica that stopped would be no help.
void Replication::note_failed_command(std::string_view name) {
  ++figures_.failed_commands;
  std::string_view error = replayer_->last_error();
  if (error.starts_with('-')) error.remove_prefix(1);
  std::string lower(name);
  for (char& c : lower) c = to_lower(c);
  spdlog::error("== CRITICAL == This replica is sending an error to its master: '{}' after processing the command '{:.64}'",
                printed(error.substr(0, error.find('\r')), 128), lower);
  if (environment_.config.now().propagation_error_behavior == PropagationErrors::ignore) return;
  spdlog::critical("propagation-error-behavior says that a server ends rather than go on with other data than its primary's");
  spdlog::shutdown();
  std::_Exit(1);
}

void Replication::apply(std::span<const std::string_view> args) {
  const std::uint64_t failed = replayer_->failed();
  replayer_->follow(args);
  if (replayer_->failed() > failed) note_failed_command(args[0]);
  if (args.size() > 1 && equals_ignoring_case(args[0], "FUNCTION")) environment_.scripting->functions().compile_stored();
  // What clients write to a replica makes it differ, as they wish.
  if (args.size() == 2 && equals_ignoring_case(args[0], "PING") && environment_.config.now().replica_read_only) {
    digests_.compare(environment_.storage.keyspace(), args[1]);
  }
  if (args.size() == 3 && equals_ignoring_case(args[0], "REPLCONF") && equals_ignoring_case(args[1], "GETACK")) ack_wanted_ = true;
}

/// True if keys that the bytes name have to be loaded first; the connection then goes on by itself.
bool Replication::load_cold_keys(Connection& connection, std::string_view bytes) {
  Storage& storage = environment_.storage;
  Keyspace& keyspace = storage.keyspace();
  bool any = false;
  for (int i = 0; i < keyspace.databases(); ++i) any |= keyspace.db(i).cold > 0;
  if (!any) return false;
  RespParser parser;
  parser.set_limits(connection.parser.limits());
  int db = replayer_->db();
  std::vector<std::string> cold;
  while (!bytes.empty() && parser.parse(bytes) == RespParser::Outcome::command) {
    const std::span<const std::string_view> args = parser.args();
    if (args.size() == 2 && equals_ignoring_case(args[0], "SELECT")) {
      if (const auto index = parse_integer(args[1]); index && *index >= 0 && *index < keyspace.databases()) db = static_cast<int>(*index);
    } else if (!args.empty()) {
      environment_.dispatcher->find_cold_keys(db, args, cold);
    }
    bytes.remove_prefix(parser.consumed());
  }
  if (cold.empty()) return false;
  connection.waits = Waits::for_keys;
  environment_.clients.watch(connection, false, connection.watches_writes);
  storage.load(std::move(cold), [this, id = connection.id] {
    Connection* waiting = environment_.clients.find(id);
    if (waiting != nullptr && waiting == stream_) environment_.resume(*waiting);
  });
  return true;
}

std::size_t Replication::receive(Connection& connection, std::string_view bytes) {
  STELE_ASSERT(&connection == stream_);
  if (load_cold_keys(connection, bytes)) return 0;
  Storage& storage = environment_.storage;
  Keyspace& keyspace = storage.keyspace();
  ByteBuffer& batch = storage.journal().batch();
  keyspace.set_expiry(Expiry::off);  // only the primary decides what has expired
  std::size_t done = 0;              // of bytes: whole units
  std::size_t at = unit_scanned_;
  Status status;
  while (at < bytes.size() && status.ok()) {
    const RespParser::Outcome outcome = connection.parser.parse(bytes.substr(at));
    if (outcome == RespParser::Outcome::need_more) break;
    if (outcome == RespParser::Outcome::error) {
      status = Status::corrupt("{}", connection.parser.error());
      break;
    }
    at += connection.parser.consumed();
    const std::span<const std::string_view> args = connection.parser.args();
    if (args.empty()) {
      if (!unit_is_open_) done = at;  // a newline, which is not of the stream
      continue;
    }
    if (equals_ignoring_case(args[0], "MULTI")) unit_is_open_ = true;
    if (unit_is_open_ && equals_ignoring_case(args[0], "FUNCTION")) unit_has_functions_ = true;
    if (unit_is_open_ && !equals_ignoring_case(args[0], "EXEC")) continue;
    const std::string_view unit = bytes.substr(done, at - done);
    if (unit_is_open_) {
      unit_is_open_ = false;
      const std::uint64_t failed = replayer_->failed();
      status = replayer_->apply(unit, keyspace.now(), stream_end());
      if (replayer_->failed() > failed) note_failed_command("multi");
      if (std::exchange(unit_has_functions_, false)) environment_.scripting->functions().compile_stored();
    } else {
      apply(args);
    }
    if (!status.ok()) break;
    batch.append(unit);
    done = at;
    if (stream_ == nullptr) break;  // a subscriber's doing
  }
  keyspace.set_expiry(Expiry::hidden);
  if (replayer_ != nullptr) storage.effects().set_stream_db(replayer_->db());
  if (!status.ok()) {
    // Applied in part, perhaps: only a full sync makes it whole again.
    must_resync_ = true;
    spdlog::error("the primary's stream cannot be followed at offset {}: {}. A full sync is asked for", stream_end(), status.message());
    figures_.last_error = status.message();
    environment_.clients.close(connection);
    attempt_at_ = steady_clock::now() + kBackoffMax;
    return bytes.size();
  }
  unit_scanned_ = at - done;
  figures_.received_bytes += done;
  return done;
}

void Replication::send_ack() {
  ack_wanted_ = false;
  acked_ = steady_clock::now();
  // It leaves when the frame that is about to be committed is safe, as every reply does.
  append_command(stream_->output, "REPLCONF", "ACK", static_cast<std::int64_t>(stream_end().bytes()), "FACK",
                 static_cast<std::int64_t>(environment_.storage.journal().durable().bytes()));
  environment_.replied(*stream_);
}

}  // namespace stele
