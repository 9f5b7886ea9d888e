#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <clocale>
#include <csignal>
#include <fstream>

#include <spdlog/spdlog.h>

#include "engine/commands.h"
#include "engine/types.h"
#include "protocol/authentication.h"
#include "protocol/commands.h"
#include "protocol/commands_server.h"
#include "protocol/crash_report.h"
#include "protocol/log.h"
#include "protocol/memory_usage.h"
#include "protocol/server.h"
#include "protocol/scripting/scripting.h"
#include "protocol/server_io.h"
#include "protocol/server_version.h"

namespace stele {

namespace {

constexpr std::size_t kReadBufferBytes = 64 * 1024;
constexpr std::size_t kTrimPerCron = 10'000;
constexpr int kReservedFiles = 256;  // what is not a client: segments, SSTs, sockets

std::string random_run_id() {
  unsigned char bytes[20];
  STELE_ASSERT(::getrandom(bytes, sizeof bytes, 0) == static_cast<ssize_t>(sizeof bytes));
  std::string id;
  for (const unsigned char byte : bytes) fmt::format_to(std::back_inserter(id), "{:02x}", byte);
  return id;
}

Fsync fsync_of(const Config& config) {
  if (!config.appendonly) return Fsync::no;
  switch (config.appendfsync) {
    case FsyncPolicy::always: return Fsync::always;
    case FsyncPolicy::everysec: return Fsync::everysec;
    case FsyncPolicy::no: return Fsync::no;
  }
  return Fsync::everysec;
}

bool is_lfu(const Config& config) {
  return config.maxmemory_policy == EvictionPolicy::volatile_lfu || config.maxmemory_policy == EvictionPolicy::allkeys_lfu;
}

bool is_lru(const Config& config) {
  return config.maxmemory_policy == EvictionPolicy::volatile_lru || config.maxmemory_policy == EvictionPolicy::allkeys_lru;
}

RdbExportOptions::Access rdb_access(const Config& config) {
  using Access = RdbExportOptions::Access;
  return is_lfu(config) ? Access::frequency : is_lru(config) ? Access::idle : Access::none;
}

/// Those that CONFIG SET may change.
void take_live_options(const Config& config, StorageOptions& options) {
  options.checkpoint_journal_bytes = static_cast<std::uint64_t>(config.checkpoint_journal_bytes);
  options.checkpoint_interval = std::chrono::seconds(config.checkpoint_interval);
  options.retain_bytes = static_cast<std::uint64_t>(config.journal_retain_size);
  options.retain_for = std::chrono::seconds(config.journal_retain_seconds);
  options.backup_bytes_per_second = static_cast<std::uint64_t>(config.backup_rate);
  options.scrub_bytes_per_second = static_cast<std::uint64_t>(config.scrub_rate);
  options.scrub_interval = std::chrono::seconds(config.scrub_interval);
  options.resident_bytes_max = static_cast<std::size_t>(config.resident_memory);
  options.rdb_file = config.dbfilename;
  options.rdb = {.version = static_cast<int>(config.rdb_version), .compress = config.rdbcompression, .checksum = config.rdbchecksum};
  options.rdb_access = rdb_access(config);
  options.key_save_delay = std::chrono::microseconds(config.rdb_key_save_delay);
  options.key_load_delay = std::chrono::microseconds(config.key_load_delay);
  options.server_version = kCompatibleVersion;
  options.make_base = config.appendonly;
  options.base_as_commands = !config.aof_use_rdb_preamble;
  options.annotate_time = config.aof_timestamp_enabled;
  options.rewrite_growth_percent = static_cast<std::uint64_t>(config.auto_aof_rewrite_percentage);
  options.rewrite_bytes_min = static_cast<std::uint64_t>(config.auto_aof_rewrite_min_size);
}

StorageOptions storage_options(const Config& config) {
  StorageOptions options;
  options.dir = config.dir;
  options.append_dir_name = config.appenddirname;
  options.journal.base_name = config.appendfilename;
  options.journal.fsync = fsync_of(config);
  options.journal.timestamps = config.aof_timestamp_enabled;
  options.journal.segment_bytes_target = static_cast<std::uint64_t>(config.journal_segment_size);
  options.store.block_cache_bytes = static_cast<std::size_t>(config.block_cache_size);
  options.databases = static_cast<int>(config.databases);
  options.skip_unknown = config.rdb_skip_unknown;
  options.may_be_truncated = config.aof_load_truncated;
  options.lfu = is_lfu(config);
  options.follows_primary = !config.replicaof.host.empty();
  options.recover_from_checkpoint = config.recover_from_checkpoint;
  options.load_replaced_files = config.load_replaced_files;
  options.loader_threads = static_cast<int>(config.loader_threads);
  options.warm_up = config.warm_up;
  take_live_options(config, options);
  return options;
}

/// What an operator who set it relies on, and would not get: better no start than a server that only seems protected.
Status refuse_what_is_missing(const Config& config) {
  const auto missing = [](std::string_view directive, std::string_view remedy) {
    return Status::invalid("'{}' is set, but this version has nothing behind it: {}", directive, remedy);
  };
  if (config.tls_port != 0) return missing("tls-port", "there is no TLS yet; remove the line, or put a TLS proxy in front");
  if (config.cluster_enabled) return missing("cluster-enabled", "there is no cluster mode; set it to no");
  if (!config.modules.empty()) return missing("loadmodule", "modules cannot be loaded; remove the line");
  return Status();
}

}  // namespace

void register_commands(CommandRegistry& registry) {
  const std::span<const Command> tables[] = {
      string_commands(),
      list_commands(),
      set_commands(),
      zset_commands(),
      hash_commands(),
      stream_commands(),
      bitmap_commands(),
      hyperloglog_commands(),
      geo_commands(),
      generic_commands(),
      transaction_commands(),
      connection_commands(),
      server_commands(),
      scripting_commands(),
      debug_commands(),
      pubsub_commands(),
      migrate_commands(),
      backup_commands(),
      journal_commands(),
  };
  for (const auto& rows : tables) registry.add(rows);
}

Server::Server(LoadedConfig config, std::string executable, const ReplicationParts& replication)
    : config_(std::move(config)), clients_(poller_), now_(std::chrono::steady_clock::now()),
      read_buffer_(kReadBufferBytes) {
  std::setlocale(LC_COLLATE, "");  // SORT ... ALPHA
  register_types();
  register_commands(registry_);
  registry_.add(replication.commands);
  environment_ = nullptr;
  executable_ = std::move(executable);
}

Server::~Server() {
  if (!pidfile_.empty()) ::unlink(pidfile_.c_str());
}

Result<std::unique_ptr<Server>> Server::start(LoadedConfig config, std::string executable, const ReplicationParts& replication) {
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGHUP, SIG_IGN);
  const std::set<std::string_view> without_effect = config.without_effect;
  std::unique_ptr<Server> server(new Server(std::move(config), std::move(executable), replication));
  const Config& now = server->config_.now();
  for (const std::string_view name : without_effect) {
    spdlog::warn("the directive '{}' is known but has no effect here", name);
  }
  for (const Words& renamed : now.renamed_commands) {
    if (!server->registry_.rename(renamed[0], renamed[1])) {
      return Status::invalid("rename-command: no command '{}', or '{}' exists already", renamed[0], renamed[1]);
    }
  }
  STELE_CHECK(refuse_what_is_missing(now));
  server->acl_ = std::make_unique<Acl>(server->registry_);
  STELE_CHECK(server->acl_->open(now));
  // The sockets come first: a port in use must be found out before anything is written.
  server->io_ = std::make_unique<Io>(*server, server->poller_);
  STELE_CHECK(server->open_sockets());
  STELE_CHECK(server->open_storage(replication));
  server->observe_config();
  server->replication_->start();
  if (const Status status = server->oom_score_.apply(now); !status.ok()) spdlog::warn("{}", status.message());
  server->poller_.add_wakeup(server->wakeup_);
  server->io_->await_signal([raw = server.get()](int number) { raw->signalled(number); });
  server->io_->start_cron(std::chrono::milliseconds(1000 / std::max<std::int64_t>(1, now.hz)));
  if (!now.pidfile.empty()) {
    server->pidfile_ = now.pidfile;
    std::ofstream(now.pidfile) << ::getpid() << '\n';
  }
  spdlog::info("Ready to accept connections");
  return server;
}

Status Server::open_sockets() {
  const Config& config = config_.now();
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) == 0) {
    const auto wanted = static_cast<rlim_t>(config.maxclients + kReservedFiles);
    if (files.rlim_cur < wanted) {
      files.rlim_cur = std::min(wanted, files.rlim_max);
      ::setrlimit(RLIMIT_NOFILE, &files);
      if (files.rlim_cur < wanted) {
        const auto possible = std::max<std::int64_t>(1, static_cast<std::int64_t>(files.rlim_cur) - kReservedFiles);
        spdlog::warn("maxclients is {} instead of {}: the process may open {} files; raise 'ulimit -n'", possible,
                     config.maxclients, files.rlim_cur);
        config_.to_update().maxclients = possible;
      }
    }
  }
  const int backlog = static_cast<int>(config.tcp_backlog);
  STELE_CHECK(io_->listeners.listen_tcp(config.bind, static_cast<int>(config.port), backlog));
  if (!config.unixsocket.empty()) {
    STELE_CHECK(io_->listeners.listen_unix(config.unixsocket, static_cast<unsigned>(config.unixsocketperm), backlog));
  }
  return Status();
}

Status Server::open_storage(const ReplicationParts& replication) {
  StorageOptions options = storage_options(config_.now());
  options.on_loading = [this] { loading_turn(); };
  storage_ = std::make_unique<Storage>(std::move(options), [this] { wake(); });
  environment_ = std::unique_ptr<Environment>(new Environment{
      .config = config_, .commands = registry_, .storage = *storage_, .clients = clients_, .stats = stats_,
      .slow_log = slow_log_, .latency = latency_});
  environment_->run_id = random_run_id();
  environment_->executable = executable_;
  environment_->shut_down = [this](ShutdownRequest request) { begin_shutdown(request); };
  environment_->abort_shutdown = [this] { return abort_shutdown(); };
  environment_->resume = [this](Connection& connection) { resume(connection); };
  environment_->replied = [this](Connection& connection) { note_replied(connection); };
  dispatcher_ = std::make_unique<Dispatcher>(registry_, *storage_, *environment_);
  environment_->dispatcher = dispatcher_.get();
  environment_->acl = acl_.get();
  blocked_ = std::make_unique<BlockedClients>(*environment_, storage_->keyspace().waiters());
  environment_->blocked = blocked_.get();
  memory_limits_ = std::make_unique<MemoryLimits>(*environment_);
  environment_->memory_limits = memory_limits_.get();
  pushes_ = std::make_unique<Pushes>([this](Connection& connection) { note_replied(connection); },
                                     [this](Connection& connection) { over_output_limit(connection, now_); });
  pubsub_ = std::make_unique<PubSub>(*pushes_);
  tracking_ = std::make_unique<Tracking>(clients_, *pushes_, [this] { news_->update(); });
  news_ = std::make_unique<KeyspaceNews>(storage_->keyspace(), *pubsub_, *tracking_);
  environment_->pushes = pushes_.get();
  environment_->pubsub = pubsub_.get();
  environment_->tracking = tracking_.get();
  replication_ = replication.make_role(*environment_);
  environment_->replication = replication_.get();
  environment_->wake = [this] { wake(); };
  change_feed_ = std::make_unique<ChangeFeed>(*environment_);
  environment_->change_feed = change_feed_.get();
  clients_.on_close([this](Connection& connection) {
    replication_->forget(connection);
    change_feed_->forget(connection);
    pubsub_->forget(connection);
    tracking_->disable(connection);
  });
  environment_->while_busy = [this] { busy_turn(); };
  environment_->script_was_busy = [this] { wake(); };
  scripting_ = std::make_unique<Scripting>(*environment_);
  environment_->scripting = scripting_.get();
  stats_.started_at = UnixTime(std::chrono::duration_cast<std::chrono::milliseconds>(
                                   std::chrono::system_clock::now().time_since_epoch())
                                   .count());
  apply_config();
  STELE_CHECK(storage_->open(registry_));
  scripting_->functions().compile_stored();
  update_clock();
  apply_config();
  log_recovery();
  return Status();
}

void Server::apply_config() {
  const Config& config = config_.now();
  Keyspace& keyspace = storage_->keyspace();
  keyspace.lazy_free() = {.user_del = config.lazyfree_lazy_user_del,
                          .user_flush = config.lazyfree_lazy_user_flush,
                          .server_del = config.lazyfree_lazy_server_del,
                          .expire = config.lazyfree_lazy_expire,
                          .eviction = config.lazyfree_lazy_eviction};
  keyspace.access_policy().lfu = is_lfu(config);
  keyspace.access_policy().decides = config.maxmemory != 0 && (is_lfu(config) || is_lru(config));
  keyspace.access_policy().log_factor = static_cast<unsigned>(config.lfu_log_factor);
  keyspace.access_policy().decay_minutes = static_cast<unsigned>(config.lfu_decay_time);
  keyspace.set_string_bytes_max(static_cast<std::size_t>(config.proto_max_bulk_len));
  keyspace.limits() = {.hash_max_listpack_entries = config.hash_max_listpack_entries,
                       .hash_max_listpack_value = config.hash_max_listpack_value,
                       .list_max_listpack_size = config.list_max_listpack_size,
                       .list_compress_depth = config.list_compress_depth,
                       .set_max_intset_entries = config.set_max_intset_entries,
                       .set_max_listpack_entries = config.set_max_listpack_entries,
                       .set_max_listpack_value = config.set_max_listpack_value,
                       .zset_max_listpack_entries = config.zset_max_listpack_entries,
                       .zset_max_listpack_value = config.zset_max_listpack_value,
                       .stream_node_max_bytes = config.stream_node_max_bytes,
                       .stream_node_max_entries = config.stream_node_max_entries,
                       .hll_sparse_max_bytes = config.hll_sparse_max_bytes};
  news_->set_notifications(config.notify_keyspace_events);
  tracking_->set_keys_max(static_cast<std::size_t>(config.tracking_table_max_keys));
  take_live_options(config, storage_->options());
  if (!storage_->is_open()) return;
  storage_->take_options();
  storage_->journal().set_fsync(fsync_of(config));
  storage_->journal().keep_base(config.appendonly);
  storage_->journal().set_timestamps(config.aof_timestamp_enabled);
}

void Server::observe_config() {
  config_.on_change({"lazyfree-lazy-user-del", "lazyfree-lazy-user-flush", "lazyfree-lazy-server-del",
                     "lazyfree-lazy-expire", "lazyfree-lazy-eviction", "maxmemory", "maxmemory-policy", "lfu-log-factor", "lfu-decay-time",
                     "proto-max-bulk-len",
                     "hash-max-listpack-entries", "hash-max-listpack-value", "list-max-listpack-size", "list-compress-depth",
                     "set-max-intset-entries", "set-max-listpack-entries", "set-max-listpack-value",
                     "zset-max-listpack-entries", "zset-max-listpack-value", "stream-node-max-bytes",
                     "stream-node-max-entries", "hll-sparse-max-bytes",
                     "checkpoint-journal-bytes", "checkpoint-interval", "journal-retain-size", "journal-retain-seconds", "resident-memory", "backup-rate", "scrub-rate", "scrub-interval",
                     "appendfsync", "appendonly", "dbfilename", "rdb-key-save-delay", "key-load-delay", "rdbcompression", "rdb-version", "aof-use-rdb-preamble", "aof-timestamp-enabled", "auto-aof-rewrite-percentage",
                     "auto-aof-rewrite-min-size", "notify-keyspace-events", "tracking-table-max-keys"},
                    [this](const Config&) {
                      apply_config();
                      return Status();
                    });
  config_.on_change({"maxmemory", "maxmemory-policy", "maxmemory-clients"}, [this](const Config&) {
    memory_limits_->take_config();
    return Status();
  });
  config_.on_change({"bind", "port"}, [this, bound = config_.now().bind](const Config& config) mutable {
    const Status status = io_->listeners.listen_tcp(config.bind, static_cast<int>(config.port),
                                                    static_cast<int>(config.tcp_backlog));
    if (status.ok()) {
      bound = config.bind;
      return Status();
    }
    spdlog::warn("{}", status.message());
    if (config.bind != bound) return Status::invalid("Failed to bind to specified addresses.");
    return Status::invalid("Unable to listen on this port. Check server logs.");
  });
  config_.on_change({"replica-read-only", "replica-serve-stale-data", "min-replicas-to-write", "min-replicas-max-lag"},
                    [this](const Config&) {
                      replication_->update_restrictions();
                      return Status();
                    });
  config_.on_change({"crash-log-enabled"}, [](const Config& config) {
    set_crash_report(config);
    return Status();
  });
  config_.on_change({"loglevel"}, [](const Config& config) {
    set_log_level(config.loglevel);
    return Status();
  });
  config_.on_change({"proto-max-bulk-len"}, [this](const Config& config) {
    clients_.for_each([&](Connection& connection) {
      ParserLimits limits = connection.parser.limits();
      limits.bulk_bytes_max = static_cast<std::size_t>(config.proto_max_bulk_len);
      connection.parser.set_limits(limits);
    });
    return Status();
  });
  config_.on_change({"oom-score-adj", "oom-score-adj-values"}, [this](const Config& config) {
    const Status status = oom_score_.apply(config);
    if (status.ok()) return Status();
    spdlog::warn("{}", status.message());
    return Status::invalid("Failed to set current oom_score_adj. Check server logs.");
  });
  config_.on_change({"requirepass"}, [this](const Config& config) {
    acl_->set_default_password(config.requirepass);
    default_user_changed(*environment_);
    return Status();
  });
}

void Server::log_recovery() const {
  const RecoveryReport& journal = storage_->journal().report();
  const RecoveryFigures& figures = storage_->recovery();
  if (journal.created && !figures.rebuilt) {
    spdlog::info("started empty: {} had no data", config_.now().dir);
    return;
  }
  if (journal.cut_bytes > 0) {
    spdlog::warn("the journal ended in a torn tail: {} bytes cut from {} at position {}, stream offset {}. Nothing before it is "
                 "affected; the last intact frame is of unix ms {}",
                 journal.cut_bytes, journal.cut_file, journal.cut_position, journal.cut_from, journal.last_frame_time.ms());
  }
  std::size_t keys = 0;
  for (int i = 0; i < storage_->keyspace().databases(); ++i) keys += storage_->keyspace().db(i).size();
  spdlog::info("{} keys: checkpoint at offset {} opened in {} ms, then {} bytes ({} commands) of journal replayed in {} ms{}", keys,
               figures.checkpoint, figures.open_took.count(), figures.replayed_bytes, figures.replayed_commands,
               figures.replay_took.count(), journal.closed ? "" : "; the last run was not shut down in order");
}

// --- connections

void Server::accepted(int fd) {
  ::fcntl(fd, F_SETFD, FD_CLOEXEC);
  ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK);
  const Config& config = config_.now();
  const auto refuse = [&](std::string_view why) {
    [[maybe_unused]] const ssize_t sent = ::send(fd, why.data(), why.size(), MSG_NOSIGNAL);
    ::close(fd);
    ++stats_.connections_rejected;
  };
  if (static_cast<std::int64_t>(clients_.size()) >= config.maxclients) return refuse("-ERR max number of clients reached\r\n");
  Connection& connection = clients_.add(fd);
  if (!connection.unix_socket) {
    const int on = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (const int idle = static_cast<int>(config.tcp_keepalive); idle > 0) {
      const int interval = std::max(1, idle / 3);
      const int count = 3;
      ::setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
      ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
      ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof interval);
      ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof count);
    }
  }
  if (config.protected_mode && acl_->default_user().nopass() && !connection.is_loopback()) {
    static constexpr std::string_view kDenied =
        "-DENIED stele is running in protected mode because protected mode is enabled and no password is set for the default "
        "user. In this mode connections are only accepted from the loopback interface. To accept others, set a password "
        "with 'requirepass', or 'protected-mode no' if the network is closed, then connect again.\r\n";
    [[maybe_unused]] const ssize_t sent = ::send(fd, kDenied.data(), kDenied.size(), MSG_NOSIGNAL);
    ++stats_.connections_rejected;
    return clients_.close(connection);
  }
  become_default_user(*acl_, connection);
  ParserLimits limits;
  limits.bulk_bytes_max = static_cast<std::size_t>(config.proto_max_bulk_len);
  limits.authenticated = connection.authenticated;
  connection.parser.set_limits(limits);
  ++stats_.connections_received;
}

// --- a few times a second

void Server::cron() {
  if (environment_->cron_paused) return;
  Keyspace& keyspace = storage_->keyspace();
  keyspace.set_access_clock(static_cast<std::uint32_t>(keyspace.now().ms() / 1000));
  stats_.commands_rate.sample(stats_.commands_processed, now_);
  stats_.input_rate.sample(stats_.net_input_bytes, now_);
  stats_.output_rate.sample(stats_.net_output_bytes, now_);
  update_memory_usage(stats_);
  memory_limits_->cron();
  storage_->note_memory(stats_.memory.now().allocated);
  clients_.for_each([this](Connection& connection) { check_client(connection, now_); });
  if (!environment_->pause.is_on()) {
    for (Connection* connection : std::exchange(paused_, {})) {
      // UNPAUSE may have resumed it already, and it may be waiting for something else by now.
      if (!connection->closed && connection->waits == Waits::for_pause) resume(*connection);
    }
  }
  tracking_->trim(kTrimPerCron);
  environment_->target_links.close_idle(now_);
  replication_->cron(now_);
  change_feed_->cron();
  storage_->cron();
  save_if_due();
}

/// The save points. After a failure not again at once.
void Server::save_if_due() {
  constexpr std::chrono::seconds kRetry{5};
  const SnapshotFigures& saves = storage_->snapshots(SnapshotKind::save);
  if (saves.wanted || storage_->snapshot_running(SnapshotKind::save)) return;
  if (saves.failed_in_a_row > 0 && now_ - saves.last_try < kRetry) return;
  const std::int64_t seconds = (storage_->keyspace().now().ms() - last_save(*environment_).ms()) / 1000;
  for (const SavePoint& point : config_.now().save) {
    const auto changes = static_cast<std::int64_t>(storage_->changes_since_save());
    if (changes < point.changes || seconds <= point.seconds) continue;
    spdlog::info("{} changes in {} seconds: saving", changes, seconds);
    return storage_->request_snapshot(SnapshotKind::save);
  }
}

// --- the end

void Server::begin_shutdown(ShutdownRequest request) {
  const std::int64_t timeout = config_.now().shutdown_timeout;
  if (environment_->shutdown_deadline) return;
  shutdown_target_ = storage_->is_open() ? replication_->stream_end() : Offset();
  const std::size_t behind = storage_->is_open() ? replication_->replicas_behind(shutdown_target_) : 0;
  if (request.now || timeout == 0 || behind == 0) {
    shutdown_ = request;
    return;
  }
  spdlog::warn("{} replicas are behind: waiting up to {} s for them before shutting down", behind, timeout);
  replication_->ask_for_acks();
  environment_->pause.shutdown = true;
  environment_->shutdown_deadline = now_ + std::chrono::seconds(timeout);
  waiting_shutdown_ = request;
}

void Server::end_waiting_shutdown() {
  if (replication_->replicas_behind(shutdown_target_) > 0 && now_ < *environment_->shutdown_deadline) return;
  shutdown_ = waiting_shutdown_;
}

bool Server::abort_shutdown() {
  if (!environment_->shutdown_deadline) return false;
  environment_->shutdown_deadline.reset();
  environment_->pause.shutdown = false;
  spdlog::warn("Shutdown manually aborted.");
  clients_.for_each([this](Connection& connection) {
    if (connection.waits != Waits::for_end) return;
    RespWriter(connection.output, connection.resp).error("ERR Errors trying to SHUTDOWN. Check logs.");
    note_replied(connection);
    resume(connection);
  });
  return true;
}

void Server::signalled(int number) {
  const bool interrupt = number == SIGINT;
  const std::int64_t flags = interrupt ? config_.now().shutdown_on_sigint : config_.now().shutdown_on_sigterm;
  ShutdownRequest request;
  if ((flags & kShutdownSave) != 0) request.save = ShutdownRequest::Save::yes;
  if ((flags & kShutdownNoSave) != 0) request.save = ShutdownRequest::Save::no;
  request.now = (flags & kShutdownNow) != 0;
  request.force = (flags & kShutdownForce) != 0;
  spdlog::warn("Received {} scheduling shutdown...", interrupt ? "SIGINT" : "SIGTERM");
  begin_shutdown(request);
}

int Server::shut_down() {
  spdlog::warn("User requested shutdown...");
  replication_->log_replicas_at_end();
  io_->listeners.close();
  commit();
  bool failed = false;
  storage_->cancel_snapshot();
  if (shutdown_->save != ShutdownRequest::Save::no) {
    const SnapshotFigures& saves = storage_->snapshots(SnapshotKind::save);
    const bool to_rdb = shutdown_->save == ShutdownRequest::Save::yes ||
                        (!config_.now().save.empty() && !(saves.finished > 0 && storage_->changes_since_save() == 0));
    if (to_rdb) {
      spdlog::info("Saving the final RDB snapshot before exiting.");
      if (const Status status = storage_->save_now(); !status.ok()) failed = true;
    }
    if (const Status status = storage_->checkpoint_now(true); !status.ok()) {
      failed = true;
      spdlog::error("no checkpoint at shutdown: {}. The journal has everything; the next start replays it", status.message());
    }
  }
  if (const Status status = storage_->journal().close(); !status.ok()) {
    failed = true;
    spdlog::error("the journal could not be synced at shutdown: {}", status.message());
  }
  release_gated(storage_->journal().durable());
  spdlog::warn("stele is now ready to exit, bye bye...");
  return failed ? 1 : 0;
}

}  // namespace stele
