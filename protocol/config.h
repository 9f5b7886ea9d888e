#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <variant>
#include <vector>

namespace stele {

// Enumerators stand in the order of the names that config_table.cc gives them.
enum class PropagationErrors { ignore, panic, panic_on_replicas };
enum class FsyncPolicy { everysec, always, no };
enum class LogLevel { debug, verbose, notice, warning };
enum class EvictionPolicy {
  volatile_lru,
  volatile_lfu,
  volatile_random,
  volatile_ttl,
  allkeys_lru,
  allkeys_lfu,
  allkeys_random,
  noeviction,
};
enum class SanitizeDump { no, yes, clients };
enum class DisklessLoad { disabled, on_empty_db, swapdb };
enum class OomScoreAdj { no, yes, relative, absolute };  // yes and relative are the same
enum class AclPubsubDefault { allchannels, resetchannels };
enum class TlsAuthClients { no, yes, optional };
enum class ProtectedFeature { no, yes, local };  // local: only for clients of the loopback interface
enum class Supervisor { upstart, systemd, automatic, no };
enum class EndpointType { ip, hostname, unknown_endpoint };

/// The bits of `shutdown-on-sigint` and `shutdown-on-sigterm`; none set is `default`.
inline constexpr std::int64_t kShutdownSave = 1;
inline constexpr std::int64_t kShutdownNoSave = 2;
inline constexpr std::int64_t kShutdownNow = 4;
inline constexpr std::int64_t kShutdownForce = 8;

/// The bits of `notify-keyspace-events`, one a letter.
inline constexpr std::int64_t kNotifyKeyspace = 1 << 0;  // K
inline constexpr std::int64_t kNotifyKeyevent = 1 << 1;  // E
inline constexpr std::int64_t kNotifyGeneric = 1 << 2;   // g
inline constexpr std::int64_t kNotifyString = 1 << 3;    // $
inline constexpr std::int64_t kNotifyList = 1 << 4;      // l
inline constexpr std::int64_t kNotifySet = 1 << 5;       // s
inline constexpr std::int64_t kNotifyHash = 1 << 6;      // h
inline constexpr std::int64_t kNotifyZset = 1 << 7;      // z
inline constexpr std::int64_t kNotifyExpired = 1 << 8;   // x
inline constexpr std::int64_t kNotifyEvicted = 1 << 9;   // e
inline constexpr std::int64_t kNotifyStream = 1 << 10;   // t
inline constexpr std::int64_t kNotifyModule = 1 << 11;   // d
inline constexpr std::int64_t kNotifyKeyMiss = 1 << 12;  // m
inline constexpr std::int64_t kNotifyNew = 1 << 13;      // n
inline constexpr std::int64_t kNotifyAll =               // A
    kNotifyGeneric | kNotifyString | kNotifyList | kNotifySet | kNotifyHash | kNotifyZset | kNotifyExpired |
    kNotifyEvicted | kNotifyStream | kNotifyModule;

struct SavePoint {
  std::int64_t seconds = 0;
  std::int64_t changes = 0;
  bool operator==(const SavePoint&) const = default;
};

/// When a client is closed for what it has not read. 0 is no limit.
struct OutputBufferLimit {
  std::int64_t hard_bytes = 0;
  std::int64_t soft_bytes = 0;
  std::int64_t soft_seconds = 0;
  bool operator==(const OutputBufferLimit&) const = default;
};

struct OutputBufferLimits {
  OutputBufferLimit normal;
  OutputBufferLimit replica{256 << 20, 64 << 20, 60};
  OutputBufferLimit pubsub{32 << 20, 8 << 20, 60};
  bool operator==(const OutputBufferLimits&) const = default;
};

/// A size that may be given as a share of `maxmemory`. At most one of the two is not 0.
struct MemoryOrPercent {
  std::int64_t bytes = 0;
  std::int64_t percent = 0;
  bool operator==(const MemoryOrPercent&) const = default;
};

/// Whom `replicaof` names; an empty host is nobody.
struct PrimaryAddress {
  std::string host;
  std::int64_t port = 0;
  bool operator==(const PrimaryAddress&) const = default;
};

using Words = std::vector<std::string>;

/// The value of any directive. Enumerations and bit sets are their number.
using ConfigValue = std::variant<bool, std::int64_t, std::string, Words, std::vector<SavePoint>, OutputBufferLimits,
                                 MemoryOrPercent, PrimaryAddress, std::vector<double>, std::vector<Words>>;

/// What the operator decides. A member is named as its directive, with `_` for `-`, and initialised to the default;
/// so `config.maxclients` is all that reading takes. Sizes are bytes; a time's unit is Redis' (see conf/stele.conf).
///
/// Threads: LiveConfig changes it on the executor. Another thread is handed copies of what it needs.
struct Config {
  // Network
  Words bind{"*", "-::*"};  // a leading '-': no error if the address is not available
  std::string bind_source_addr;
  std::int64_t port = 6379;  // 0: no TCP
  std::int64_t tcp_backlog = 511;
  bool protected_mode = true;
  std::string unixsocket;
  std::int64_t unixsocketperm = 0;  // 0: as the umask has it
  std::int64_t timeout = 0;         // seconds; 0: idle clients stay
  std::int64_t tcp_keepalive = 300;
  std::int64_t maxclients = 10000;
  MemoryOrPercent maxmemory_clients;
  std::int64_t client_query_buffer_limit = std::int64_t{1} << 30;
  std::int64_t proto_max_bulk_len = std::int64_t{512} << 20;
  OutputBufferLimits client_output_buffer_limit;
  std::int64_t io_threads = 1;
  std::int64_t tracking_table_max_keys = 1000000;

  // TLS
  std::int64_t tls_port = 0;
  std::string tls_cert_file;
  std::string tls_key_file;
  std::string tls_key_file_pass;
  std::string tls_client_cert_file;
  std::string tls_client_key_file;
  std::string tls_client_key_file_pass;
  std::string tls_dh_params_file;
  std::string tls_ca_cert_file;
  std::string tls_ca_cert_dir;
  TlsAuthClients tls_auth_clients = TlsAuthClients::yes;
  bool tls_replication = false;
  bool tls_cluster = false;
  std::string tls_protocols;
  std::string tls_ciphers;
  std::string tls_ciphersuites;
  bool tls_prefer_server_ciphers = false;
  bool tls_session_caching = true;
  std::int64_t tls_session_cache_size = 20480;
  std::int64_t tls_session_cache_timeout = 300;

  // Process
  bool daemonize = false;
  Supervisor supervised = Supervisor::no;
  std::string pidfile;
  LogLevel loglevel = LogLevel::notice;
  std::string logfile;  // empty: standard output
  bool syslog_enabled = false;
  std::string syslog_ident = "stele";
  std::string syslog_facility = "local0";
  bool crash_log_enabled = true;
  bool set_proc_title = true;
  std::string proc_title_template = "{title} {listen-addr} {server-mode}";
  std::int64_t hz = 10;
  OomScoreAdj oom_score_adj = OomScoreAdj::no;
  Words oom_score_adj_values{"0", "200", "800"};  // of a primary, a replica, a child process
  std::int64_t databases = 16;
  std::int64_t shutdown_timeout = 10;
  std::int64_t shutdown_on_sigint = 0;
  std::int64_t shutdown_on_sigterm = 0;

  // Access
  std::string requirepass;
  std::string aclfile;
  std::int64_t acllog_max_len = 128;
  AclPubsubDefault acl_pubsub_default = AclPubsubDefault::resetchannels;
  std::vector<Words> users;             // one entry a `user` line, without the word `user`
  std::vector<Words> renamed_commands;  // {name, new name}; an empty new name removes the command
  std::vector<Words> modules;           // one entry a `loadmodule` line; there is nothing here that could load them
  ProtectedFeature enable_protected_configs = ProtectedFeature::no;
  ProtectedFeature enable_debug_command = ProtectedFeature::no;
  ProtectedFeature enable_module_command = ProtectedFeature::no;

  // Snapshots
  std::string dir = "./";  // absolute once it was given
  std::string dbfilename = "dump.rdb";
  std::vector<SavePoint> save{{3600, 1}, {300, 100}, {60, 10000}};
  bool stop_writes_on_bgsave_error = true;
  bool rdbcompression = true;
  bool rdbchecksum = true;
  std::int64_t rdb_version = 10;
  bool rdb_skip_unknown = false;
  std::int64_t rdb_key_save_delay = 0;  // microseconds, for tests of what happens meanwhile; so is the next one
  std::int64_t key_load_delay = 0;
  SanitizeDump sanitize_dump_payload = SanitizeDump::no;

  // Journal
  bool appendonly = true;
  std::string appendfilename = "appendonly.aof";
  std::string appenddirname = "appendonlydir";
  FsyncPolicy appendfsync = FsyncPolicy::everysec;
  PropagationErrors propagation_error_behavior = PropagationErrors::ignore;
  std::int64_t auto_aof_rewrite_percentage = 100;
  std::int64_t auto_aof_rewrite_min_size = std::int64_t{64} << 20;
  bool aof_timestamp_enabled = false;
  bool aof_use_rdb_preamble = true;
  bool aof_load_truncated = true;
  bool recover_from_checkpoint = false;
  bool load_replaced_files = false;
  std::int64_t scrub_rate = std::int64_t{4} << 20;    // bytes a second; 0: never
  std::int64_t scrub_interval = 86'400;               // seconds
  std::int64_t backup_rate = std::int64_t{64} << 20;  // bytes a second
  std::int64_t journal_pin_size_max = 0;
  std::int64_t journal_retain_size = std::int64_t{64} << 20;
  std::int64_t journal_retain_seconds = 0;
  std::int64_t journal_segment_size = std::int64_t{64} << 20;

  // Memory and store
  std::int64_t maxmemory = 0;
  EvictionPolicy maxmemory_policy = EvictionPolicy::noeviction;
  std::int64_t maxmemory_samples = 5;
  std::int64_t maxmemory_eviction_tenacity = 10;
  std::int64_t lfu_log_factor = 10;
  std::int64_t lfu_decay_time = 1;
  std::int64_t active_expire_effort = 1;
  bool lazyfree_lazy_eviction = false;
  bool lazyfree_lazy_expire = false;
  bool lazyfree_lazy_server_del = false;
  bool lazyfree_lazy_user_del = false;
  bool lazyfree_lazy_user_flush = false;
  std::int64_t resident_memory = 0;
  std::int64_t checkpoint_journal_bytes = std::int64_t{32} << 20;
  std::int64_t checkpoint_interval = 300;  // seconds
  std::int64_t block_cache_size = std::int64_t{32} << 20;
  std::int64_t loader_threads = 2;
  bool warm_up = true;

  // Replication
  PrimaryAddress replicaof;
  std::string masterauth;
  std::string masteruser;
  bool replica_serve_stale_data = true;
  bool replica_read_only = true;
  bool replica_ignore_maxmemory = true;
  bool replica_lazy_flush = false;
  std::int64_t replica_priority = 100;
  bool replica_announced = true;
  bool replica_accept_empty_primary = false;
  std::int64_t repl_digest_interval = 10;
  std::string replica_announce_ip;
  std::int64_t replica_announce_port = 0;
  bool repl_diskless_sync = true;
  std::int64_t repl_diskless_sync_delay = 5;
  std::int64_t repl_diskless_sync_max_replicas = 0;
  DisklessLoad repl_diskless_load = DisklessLoad::disabled;
  std::int64_t repl_ping_replica_period = 10;
  std::int64_t repl_timeout = 60;
  bool repl_disable_tcp_nodelay = false;
  std::int64_t repl_backlog_size = std::int64_t{1} << 20;
  std::int64_t repl_backlog_ttl = 3600;
  std::int64_t min_replicas_to_write = 0;
  std::int64_t min_replicas_max_lag = 10;

  // Cluster
  bool cluster_enabled = false;
  std::string cluster_config_file = "nodes.conf";
  std::int64_t cluster_port = 0;
  std::int64_t cluster_node_timeout = 15000;
  std::int64_t cluster_replica_validity_factor = 10;
  std::int64_t cluster_migration_barrier = 1;
  bool cluster_allow_replica_migration = true;
  bool cluster_require_full_coverage = true;
  bool cluster_replica_no_failover = false;
  bool cluster_allow_reads_when_down = false;
  bool cluster_allow_pubsubshard_when_down = true;
  std::string cluster_announce_ip;
  std::int64_t cluster_announce_port = 0;
  std::int64_t cluster_announce_tls_port = 0;
  std::int64_t cluster_announce_bus_port = 0;
  std::string cluster_announce_hostname;
  EndpointType cluster_preferred_endpoint_type = EndpointType::ip;
  std::int64_t cluster_link_sendbuf_limit = 0;

  // Scripts, slow log, latency, events
  std::int64_t busy_reply_threshold = 5000;
  std::int64_t slowlog_log_slower_than = 10000;
  std::int64_t slowlog_max_len = 128;
  std::int64_t latency_monitor_threshold = 0;
  bool latency_tracking = true;
  std::vector<double> latency_tracking_info_percentiles{50, 99, 99.9};
  std::int64_t notify_keyspace_events = 0;

  // Encodings
  std::int64_t hash_max_listpack_entries = 512;
  std::int64_t hash_max_listpack_value = 64;
  std::int64_t list_max_listpack_size = -2;
  std::int64_t list_compress_depth = 0;
  std::int64_t set_max_intset_entries = 512;
  std::int64_t set_max_listpack_entries = 128;
  std::int64_t set_max_listpack_value = 64;
  std::int64_t zset_max_listpack_entries = 128;
  std::int64_t zset_max_listpack_value = 64;
  std::int64_t hll_sparse_max_bytes = 3000;
  std::int64_t stream_node_max_bytes = 4096;
  std::int64_t stream_node_max_entries = 100;

  /// Directives of Redis that mean nothing here, as far as they were given: checked, kept, and without effect.
  std::map<std::string, ConfigValue, std::less<>> inert;

  bool operator==(const Config&) const = default;
};

}  // namespace stele
