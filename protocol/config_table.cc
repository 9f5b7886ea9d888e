#include <algorithm>
#include <cctype>
#include <climits>
#include <type_traits>

#include "persistence/rdb/rdb_writer.h"
#include "protocol/config_directive.h"

// Every directive of Redis 7.0, what 7.2 added, and our own: one row each. A row with MEMBER has an effect, and its
// default is the initialiser in Config; one without is accepted, checked and kept, and changes nothing.

namespace stele {
namespace {

constexpr std::int64_t kIntMin = INT_MIN;
constexpr std::int64_t kIntMax = INT_MAX;
constexpr std::int64_t kUintMax = UINT_MAX;
constexpr std::int64_t kLongMax = INT64_MAX;

constexpr std::string_view kFsyncNames[] = {"everysec", "always", "no"};
constexpr std::string_view kLogLevelNames[] = {"debug", "verbose", "notice", "warning"};
constexpr std::string_view kEvictionNames[] = {"volatile-lru", "volatile-lfu", "volatile-random", "volatile-ttl",
                                               "allkeys-lru",  "allkeys-lfu",  "allkeys-random",  "noeviction"};
constexpr std::string_view kSanitizeNames[] = {"no", "yes", "clients"};
constexpr std::string_view kDisklessLoadNames[] = {"disabled", "on-empty-db", "swapdb"};
constexpr std::string_view kAclPubsubNames[] = {"allchannels", "resetchannels"};
constexpr std::string_view kTlsAuthClientsNames[] = {"no", "yes", "optional"};
constexpr std::string_view kProtectedNames[] = {"no", "yes", "local"};
constexpr std::string_view kSupervisorNames[] = {"upstart", "systemd", "auto", "no"};
constexpr std::string_view kEndpointNames[] = {"ip", "hostname", "unknown-endpoint"};
constexpr std::string_view kOomNames[] = {"no", "yes", "relative", "absolute"};
constexpr std::string_view kPropagationErrorNames[] = {"ignore", "panic", "panic-on-replicas"};
constexpr std::string_view kShutdownNames[] = {"default", "save", "nosave", "now", "force"};

const char* check_dbfilename(std::string_view name) {
  return name.find('/') == name.npos ? nullptr : "dbfilename can't be a path, just a filename";
}

const char* check_appendfilename(std::string_view name) {
  return name.find('/') == name.npos ? nullptr : "appendfilename can't be a path, just a filename";
}

const char* check_appenddirname(std::string_view name) {
  return name.find('/') == name.npos ? nullptr : "appenddirname can't be a path, just a dirname";
}

const char* check_hostname(std::string_view name) {
  if (name.size() >= 256) return "Hostnames must be less than 256 characters";
  const bool valid = std::all_of(name.begin(), name.end(),
                                 [](unsigned char c) { return std::isalnum(c) != 0 || c == '-' || c == '.'; });
  return valid ? nullptr : "Hostnames may only contain alphanumeric characters, hyphens or dots";
}

const char* check_syslog_facility(std::string_view name) {
  static constexpr std::string_view kFacilities[] = {"user",   "local0", "local1", "local2", "local3",
                                                     "local4", "local5", "local6", "local7"};
  for (const std::string_view facility : kFacilities) {
    if (equals_ignoring_case(name, facility)) return nullptr;
  }
  return "argument(s) must be one of the following: user, local0, local1, local2, local3, local4, local5, local6, "
         "local7";
}

const char* check_proc_title(std::string_view title) {
  static constexpr std::string_view kVariables[] = {"{title}",    "{listen-addr}", "{server-mode}", "{port}",
                                                    "{tls-port}", "{unixsocket}",  "{config-file}"};
  for (std::size_t open = title.find('{'); open != title.npos; open = title.find('{', open + 1)) {
    const bool known = std::any_of(std::begin(kVariables), std::end(kVariables),
                                   [&](std::string_view variable) { return title.substr(open).starts_with(variable); });
    if (!known) return "template format is invalid or contains unknown variables";
  }
  return nullptr;
}

template <auto kMember>
ConfigValue read_member(const Config& config) {
  using Member = std::remove_cvref_t<decltype(config.*kMember)>;
  if constexpr (std::is_enum_v<Member>) {
    return static_cast<std::int64_t>(config.*kMember);
  } else {
    return config.*kMember;
  }
}

template <auto kMember>
void write_member(Config& config, ConfigValue value) {
  using Member = std::remove_cvref_t<decltype(config.*kMember)>;
  if constexpr (std::is_enum_v<Member>) {
    config.*kMember = static_cast<Member>(std::get<std::int64_t>(value));
  } else {
    config.*kMember = std::get<Member>(std::move(value));
  }
}

#define MEMBER(member) .read = read_member<&Config::member>, .write = write_member<&Config::member>

// Sorted by name. Redis has no descriptions for these; conf/stele.conf describes those that an operator may want.
// clang-format off
using enum ConfigType;

constexpr Directive kDirectives[] = {
    {.name = "acl-pubsub-default", .type = choice, .names = kAclPubsubNames, MEMBER(acl_pubsub_default)},
    {.name = "aclfile", .type = text, .flags = kConfigImmutable, MEMBER(aclfile)},
    {.name = "acllog-max-len", .type = integer, .max = kLongMax, MEMBER(acllog_max_len)},
    {.name = "active-defrag-cycle-max", .type = integer, .min = 1, .max = 99, .inert_default = "25"},
    {.name = "active-defrag-cycle-min", .type = integer, .min = 1, .max = 99, .inert_default = "1"},
    {.name = "active-defrag-ignore-bytes", .type = memory, .min = 1, .max = kLongMax, .inert_default = "104857600"},
    {.name = "active-defrag-max-scan-fields", .type = integer, .min = 1, .max = kLongMax, .inert_default = "1000"},
    {.name = "active-defrag-threshold-lower", .type = integer, .max = 1000, .inert_default = "10"},
    {.name = "active-defrag-threshold-upper", .type = integer, .max = 1000, .inert_default = "100"},
    {.name = "active-expire-effort", .type = integer, .min = 1, .max = 10, MEMBER(active_expire_effort)},
    {.name = "activedefrag", .type = yes_no, .flags = kConfigAbsent, .inert_default = "no"},
    {.name = "activerehashing", .type = yes_no, .inert_default = "yes"},
    {.name = "always-show-logo", .type = yes_no, .flags = kConfigImmutable, .inert_default = "no"},
    {.name = "aof-disable-auto-gc", .type = yes_no, .inert_default = "no"},
    {.name = "aof-load-truncated", .type = yes_no, MEMBER(aof_load_truncated)},
    {.name = "aof-rewrite-incremental-fsync", .type = yes_no, .inert_default = "yes"},
    {.name = "aof-timestamp-enabled", .type = yes_no, MEMBER(aof_timestamp_enabled)},
    {.name = "aof-use-rdb-preamble", .type = yes_no, MEMBER(aof_use_rdb_preamble)},
    {.name = "aof_rewrite_cpulist", .type = text, .flags = kConfigImmutable},
    {.name = "appenddirname", .type = text, .flags = kConfigImmutable, .check = check_appenddirname, MEMBER(appenddirname)},
    {.name = "appendfilename", .type = text, .flags = kConfigImmutable, .check = check_appendfilename, MEMBER(appendfilename)},
    {.name = "appendfsync", .type = choice, .names = kFsyncNames, MEMBER(appendfsync)},
    {.name = "appendonly", .type = yes_no, MEMBER(appendonly)},
    {.name = "auto-aof-rewrite-min-size", .type = memory, .max = kLongMax, MEMBER(auto_aof_rewrite_min_size)},
    {.name = "auto-aof-rewrite-percentage", .type = integer, .max = kIntMax, MEMBER(auto_aof_rewrite_percentage)},
    {.name = "backup-rate", .type = memory, .max = kLongMax, MEMBER(backup_rate)},
    {.name = "bgsave_cpulist", .type = text, .flags = kConfigImmutable},
    {.name = "bind", .type = words, MEMBER(bind)},
    {.name = "bind-source-addr", .type = text, MEMBER(bind_source_addr)},
    {.name = "bio_cpulist", .type = text, .flags = kConfigImmutable},
    {.name = "block-cache-size", .type = memory, .flags = kConfigImmutable | kConfigOwn, .max = kLongMax, MEMBER(block_cache_size)},
    {.name = "busy-reply-threshold", .alias = "lua-time-limit", .type = integer, .max = kLongMax, MEMBER(busy_reply_threshold)},
    {.name = "checkpoint-interval", .type = integer, .min = 1, .max = kIntMax, MEMBER(checkpoint_interval)},
    {.name = "checkpoint-journal-bytes", .type = memory, .min = 1048576, .max = kLongMax, MEMBER(checkpoint_journal_bytes)},
    {.name = "client-output-buffer-limit", .type = output_buffer_limits, MEMBER(client_output_buffer_limit)},
    {.name = "client-query-buffer-limit", .type = memory, .min = 1048576, .max = kLongMax, MEMBER(client_query_buffer_limit)},
    {.name = "cluster-allow-pubsubshard-when-down", .type = yes_no, MEMBER(cluster_allow_pubsubshard_when_down)},
    {.name = "cluster-allow-reads-when-down", .type = yes_no, MEMBER(cluster_allow_reads_when_down)},
    {.name = "cluster-allow-replica-migration", .type = yes_no, MEMBER(cluster_allow_replica_migration)},
    {.name = "cluster-announce-bus-port", .type = integer, .max = 65535, MEMBER(cluster_announce_bus_port)},
    {.name = "cluster-announce-hostname", .type = text, .check = check_hostname, MEMBER(cluster_announce_hostname)},
    {.name = "cluster-announce-human-nodename", .type = text},
    {.name = "cluster-announce-ip", .type = text, MEMBER(cluster_announce_ip)},
    {.name = "cluster-announce-port", .type = integer, .max = 65535, MEMBER(cluster_announce_port)},
    {.name = "cluster-announce-tls-port", .type = integer, .max = 65535, MEMBER(cluster_announce_tls_port)},
    {.name = "cluster-config-file", .type = text, .flags = kConfigImmutable, MEMBER(cluster_config_file)},
    {.name = "cluster-enabled", .type = yes_no, .flags = kConfigImmutable, MEMBER(cluster_enabled)},
    {.name = "cluster-link-sendbuf-limit", .type = memory, .max = kLongMax, MEMBER(cluster_link_sendbuf_limit)},
    {.name = "cluster-migration-barrier", .type = integer, .max = kIntMax, MEMBER(cluster_migration_barrier)},
    {.name = "cluster-node-timeout", .type = integer, .max = kLongMax, MEMBER(cluster_node_timeout)},
    {.name = "cluster-port", .type = integer, .flags = kConfigImmutable, .max = 65535, MEMBER(cluster_port)},
    {.name = "cluster-preferred-endpoint-type", .type = choice, .names = kEndpointNames, MEMBER(cluster_preferred_endpoint_type)},
    {.name = "cluster-replica-no-failover", .alias = "cluster-slave-no-failover", .type = yes_no, MEMBER(cluster_replica_no_failover)},
    {.name = "cluster-replica-validity-factor", .alias = "cluster-slave-validity-factor", .type = integer, .max = kIntMax, MEMBER(cluster_replica_validity_factor)},
    {.name = "cluster-require-full-coverage", .type = yes_no, MEMBER(cluster_require_full_coverage)},
    {.name = "crash-log-enabled", .type = yes_no, MEMBER(crash_log_enabled)},
    {.name = "crash-memcheck-enabled", .type = yes_no, .inert_default = "yes"},
    {.name = "daemonize", .type = yes_no, .flags = kConfigImmutable, MEMBER(daemonize)},
    {.name = "databases", .type = integer, .flags = kConfigImmutable, .min = 1, .max = kIntMax, MEMBER(databases)},
    {.name = "dbfilename", .type = text, .flags = kConfigProtected, .check = check_dbfilename, MEMBER(dbfilename)},
    {.name = "dir", .type = directory, .flags = kConfigProtected, MEMBER(dir)},
    {.name = "disable-thp", .type = yes_no, .flags = kConfigImmutable, .inert_default = "yes"},
    {.name = "dynamic-hz", .type = yes_no, .inert_default = "yes"},
    {.name = "enable-debug-command", .type = choice, .flags = kConfigImmutable, .names = kProtectedNames, MEMBER(enable_debug_command)},
    {.name = "enable-module-command", .type = choice, .flags = kConfigImmutable, .names = kProtectedNames, MEMBER(enable_module_command)},
    {.name = "enable-protected-configs", .type = choice, .flags = kConfigImmutable, .names = kProtectedNames, MEMBER(enable_protected_configs)},
    {.name = "hash-max-listpack-entries", .alias = "hash-max-ziplist-entries", .type = integer, .max = kLongMax, MEMBER(hash_max_listpack_entries)},
    {.name = "hash-max-listpack-value", .alias = "hash-max-ziplist-value", .type = memory, .max = kLongMax, MEMBER(hash_max_listpack_value)},
    {.name = "hll-sparse-max-bytes", .type = memory, .max = kLongMax, MEMBER(hll_sparse_max_bytes)},
    {.name = "hz", .type = integer, .max = kIntMax, .floor = 1, .ceiling = 500, MEMBER(hz)},
    {.name = "ignore-warnings", .type = text},
    {.name = "io-threads", .type = integer, .flags = kConfigImmutable, .min = 1, .max = 128, MEMBER(io_threads)},
    {.name = "io-threads-do-reads", .type = yes_no, .flags = kConfigImmutable, .inert_default = "no"},
    {.name = "jemalloc-bg-thread", .type = yes_no, .inert_default = "yes"},
    {.name = "journal-pin-size-max", .type = memory, .max = kLongMax, MEMBER(journal_pin_size_max)},
    {.name = "journal-retain-seconds", .type = integer, .max = kLongMax, MEMBER(journal_retain_seconds)},
    {.name = "journal-retain-size", .type = memory, .max = kLongMax, MEMBER(journal_retain_size)},
    {.name = "journal-segment-size", .type = memory, .flags = kConfigImmutable | kConfigOwn, .min = 1048576, .max = 1073741824, MEMBER(journal_segment_size)},
    {.name = "key-load-delay", .type = integer, .flags = kConfigHidden, .min = kIntMin, .max = kIntMax, MEMBER(key_load_delay)},
    {.name = "latency-monitor-threshold", .type = integer, .max = kLongMax, MEMBER(latency_monitor_threshold)},
    {.name = "latency-tracking", .type = yes_no, MEMBER(latency_tracking)},
    {.name = "latency-tracking-info-percentiles", .type = percentiles, MEMBER(latency_tracking_info_percentiles)},
    {.name = "lazyfree-lazy-eviction", .type = yes_no, MEMBER(lazyfree_lazy_eviction)},
    {.name = "lazyfree-lazy-expire", .type = yes_no, MEMBER(lazyfree_lazy_expire)},
    {.name = "lazyfree-lazy-server-del", .type = yes_no, MEMBER(lazyfree_lazy_server_del)},
    {.name = "lazyfree-lazy-user-del", .type = yes_no, MEMBER(lazyfree_lazy_user_del)},
    {.name = "lazyfree-lazy-user-flush", .type = yes_no, MEMBER(lazyfree_lazy_user_flush)},
    {.name = "lfu-decay-time", .type = integer, .max = kIntMax, MEMBER(lfu_decay_time)},
    {.name = "lfu-log-factor", .type = integer, .max = kIntMax, MEMBER(lfu_log_factor)},
    {.name = "list-compress-depth", .type = integer, .max = kIntMax, MEMBER(list_compress_depth)},
    {.name = "list-max-listpack-size", .alias = "list-max-ziplist-size", .type = integer, .min = kIntMin, .max = kIntMax, MEMBER(list_max_listpack_size)},
    {.name = "list-max-ziplist-entries", .type = ignored, .flags = kConfigFileOnly},
    {.name = "list-max-ziplist-value", .type = ignored, .flags = kConfigFileOnly},
    {.name = "load-replaced-files", .type = yes_no, .flags = kConfigImmutable | kConfigOwn, MEMBER(load_replaced_files)},
    {.name = "loader-threads", .type = integer, .flags = kConfigImmutable | kConfigOwn, .min = 1, .max = 64, MEMBER(loader_threads)},
    {.name = "loading-process-events-interval-bytes", .type = integer, .flags = kConfigHidden, .min = 1024, .max = kIntMax, .inert_default = "2097152"},
    {.name = "loadmodule", .type = repeated, .flags = kConfigFileOnly, MEMBER(modules)},
    {.name = "locale-collate", .type = text},
    {.name = "logfile", .type = text, .flags = kConfigImmutable, MEMBER(logfile)},
    {.name = "loglevel", .type = choice, .names = kLogLevelNames, MEMBER(loglevel)},
    {.name = "masterauth", .type = text, .flags = kConfigSecret, MEMBER(masterauth)},
    {.name = "masteruser", .type = text, .flags = kConfigSecret, MEMBER(masteruser)},
    {.name = "maxclients", .type = integer, .min = 1, .max = kUintMax, MEMBER(maxclients)},
    {.name = "maxmemory", .type = memory, .max = kLongMax, MEMBER(maxmemory)},
    {.name = "maxmemory-clients", .type = memory_or_percent, .max = kLongMax, MEMBER(maxmemory_clients)},
    {.name = "maxmemory-eviction-tenacity", .type = integer, .max = 100, MEMBER(maxmemory_eviction_tenacity)},
    {.name = "maxmemory-policy", .type = choice, .names = kEvictionNames, MEMBER(maxmemory_policy)},
    {.name = "maxmemory-samples", .type = integer, .min = 1, .max = kIntMax, MEMBER(maxmemory_samples)},
    {.name = "min-replicas-max-lag", .alias = "min-slaves-max-lag", .type = integer, .max = kIntMax, MEMBER(min_replicas_max_lag)},
    {.name = "min-replicas-to-write", .alias = "min-slaves-to-write", .type = integer, .max = kIntMax, MEMBER(min_replicas_to_write)},
    {.name = "no-appendfsync-on-rewrite", .type = yes_no, .inert_default = "no"},
    {.name = "notify-keyspace-events", .type = keyspace_events, MEMBER(notify_keyspace_events)},
    {.name = "oom-score-adj", .type = choice, .names = kOomNames, MEMBER(oom_score_adj)},
    {.name = "oom-score-adj-values", .type = oom_values, MEMBER(oom_score_adj_values)},
    {.name = "pidfile", .type = text, .flags = kConfigImmutable, MEMBER(pidfile)},
    {.name = "port", .type = integer, .max = 65535, MEMBER(port)},
    {.name = "proc-title-template", .type = text, .check = check_proc_title, MEMBER(proc_title_template)},
    {.name = "propagation-error-behavior", .type = choice, .names = kPropagationErrorNames, MEMBER(propagation_error_behavior)},
    {.name = "protected-mode", .type = yes_no, MEMBER(protected_mode)},
    {.name = "proto-max-bulk-len", .type = memory, .min = 1048576, .max = kLongMax, MEMBER(proto_max_bulk_len)},
    {.name = "rdb-del-sync-files", .type = yes_no, .inert_default = "no"},
    {.name = "rdb-key-save-delay", .type = integer, .flags = kConfigHidden, .min = kIntMin, .max = kIntMax, MEMBER(rdb_key_save_delay)},
    {.name = "rdb-save-incremental-fsync", .type = yes_no, .inert_default = "yes"},
    {.name = "rdb-skip-unknown", .type = yes_no, MEMBER(rdb_skip_unknown)},
    {.name = "rdb-version", .type = integer, .min = kRdbVersionFirst, .max = kRdbVersionLast, MEMBER(rdb_version)},
    {.name = "rdbchecksum", .type = yes_no, .flags = kConfigImmutable, MEMBER(rdbchecksum)},
    {.name = "rdbcompression", .type = yes_no, MEMBER(rdbcompression)},
    {.name = "recover-from-checkpoint", .type = yes_no, .flags = kConfigImmutable | kConfigOwn, MEMBER(recover_from_checkpoint)},
    {.name = "rename-command", .type = repeated, .flags = kConfigFileOnly, MEMBER(renamed_commands)},
    {.name = "repl-backlog-size", .type = memory, .min = 1, .max = kLongMax, .floor = 16384, MEMBER(repl_backlog_size)},
    {.name = "repl-backlog-ttl", .type = integer, .max = kLongMax, MEMBER(repl_backlog_ttl)},
    {.name = "repl-digest-interval", .type = integer, .max = kIntMax, MEMBER(repl_digest_interval)},
    {.name = "repl-disable-tcp-nodelay", .type = yes_no, MEMBER(repl_disable_tcp_nodelay)},
    {.name = "repl-diskless-load", .type = choice, .names = kDisklessLoadNames, MEMBER(repl_diskless_load)},
    {.name = "repl-diskless-sync", .type = yes_no, MEMBER(repl_diskless_sync)},
    {.name = "repl-diskless-sync-delay", .type = integer, .max = kIntMax, MEMBER(repl_diskless_sync_delay)},
    {.name = "repl-diskless-sync-max-replicas", .type = integer, .max = kIntMax, MEMBER(repl_diskless_sync_max_replicas)},
    {.name = "repl-ping-replica-period", .alias = "repl-ping-slave-period", .type = integer, .min = 1, .max = kIntMax, MEMBER(repl_ping_replica_period)},
    {.name = "repl-timeout", .type = integer, .min = 1, .max = kIntMax, MEMBER(repl_timeout)},
    {.name = "replica-accept-empty-primary", .type = yes_no, MEMBER(replica_accept_empty_primary)},
    {.name = "replica-announce-ip", .alias = "slave-announce-ip", .type = text, MEMBER(replica_announce_ip)},
    {.name = "replica-announce-port", .alias = "slave-announce-port", .type = integer, .max = 65535, MEMBER(replica_announce_port)},
    {.name = "replica-announced", .type = yes_no, MEMBER(replica_announced)},
    {.name = "replica-ignore-disk-write-errors", .type = yes_no, .inert_default = "no"},
    {.name = "replica-ignore-maxmemory", .alias = "slave-ignore-maxmemory", .type = yes_no, MEMBER(replica_ignore_maxmemory)},
    {.name = "replica-lazy-flush", .alias = "slave-lazy-flush", .type = yes_no, MEMBER(replica_lazy_flush)},
    {.name = "replica-priority", .alias = "slave-priority", .type = integer, .max = kIntMax, MEMBER(replica_priority)},
    {.name = "replica-read-only", .alias = "slave-read-only", .type = yes_no, MEMBER(replica_read_only)},
    {.name = "replica-serve-stale-data", .alias = "slave-serve-stale-data", .type = yes_no, MEMBER(replica_serve_stale_data)},
    {.name = "replicaof", .alias = "slaveof", .type = primary_address, .flags = kConfigImmutable, MEMBER(replicaof)},
    {.name = "requirepass", .type = text, .flags = kConfigSecret, MEMBER(requirepass)},
    {.name = "resident-memory", .type = memory, .max = kLongMax, MEMBER(resident_memory)},
    {.name = "sanitize-dump-payload", .type = choice, .names = kSanitizeNames, MEMBER(sanitize_dump_payload)},
    {.name = "save", .type = save_points, MEMBER(save)},
    {.name = "scrub-interval", .type = integer, .min = 1, .max = kIntMax, MEMBER(scrub_interval)},
    {.name = "scrub-rate", .type = memory, .max = kLongMax, MEMBER(scrub_rate)},
    {.name = "server_cpulist", .type = text, .flags = kConfigImmutable},
    {.name = "set-max-intset-entries", .type = integer, .max = kLongMax, MEMBER(set_max_intset_entries)},
    {.name = "set-max-listpack-entries", .type = integer, .max = kLongMax, MEMBER(set_max_listpack_entries)},
    {.name = "set-max-listpack-value", .type = memory, .max = kLongMax, MEMBER(set_max_listpack_value)},
    {.name = "set-proc-title", .type = yes_no, .flags = kConfigImmutable, MEMBER(set_proc_title)},
    {.name = "shutdown-on-sigint", .type = shutdown_flags, .names = kShutdownNames, MEMBER(shutdown_on_sigint)},
    {.name = "shutdown-on-sigterm", .type = shutdown_flags, .names = kShutdownNames, MEMBER(shutdown_on_sigterm)},
    {.name = "shutdown-timeout", .type = integer, .max = kIntMax, MEMBER(shutdown_timeout)},
    {.name = "slowlog-log-slower-than", .type = integer, .min = -1, .max = kLongMax, MEMBER(slowlog_log_slower_than)},
    {.name = "slowlog-max-len", .type = integer, .max = kLongMax, MEMBER(slowlog_max_len)},
    {.name = "socket-mark-id", .type = integer, .flags = kConfigImmutable, .max = kUintMax, .inert_default = "0"},
    {.name = "stop-writes-on-bgsave-error", .type = yes_no, MEMBER(stop_writes_on_bgsave_error)},
    {.name = "stream-node-max-bytes", .type = memory, .max = kLongMax, MEMBER(stream_node_max_bytes)},
    {.name = "stream-node-max-entries", .type = integer, .max = kLongMax, MEMBER(stream_node_max_entries)},
    {.name = "supervised", .type = choice, .flags = kConfigImmutable, .names = kSupervisorNames, MEMBER(supervised)},
    {.name = "syslog-enabled", .type = yes_no, .flags = kConfigImmutable, MEMBER(syslog_enabled)},
    {.name = "syslog-facility", .type = text, .flags = kConfigImmutable, .check = check_syslog_facility, MEMBER(syslog_facility)},
    {.name = "syslog-ident", .type = text, .flags = kConfigImmutable, MEMBER(syslog_ident)},
    {.name = "tcp-backlog", .type = integer, .flags = kConfigImmutable, .max = kIntMax, MEMBER(tcp_backlog)},
    {.name = "tcp-keepalive", .type = integer, .max = kIntMax, MEMBER(tcp_keepalive)},
    {.name = "timeout", .type = integer, .max = kIntMax, MEMBER(timeout)},
    {.name = "tls-auth-clients", .type = choice, .names = kTlsAuthClientsNames, MEMBER(tls_auth_clients)},
    {.name = "tls-ca-cert-dir", .type = text, MEMBER(tls_ca_cert_dir)},
    {.name = "tls-ca-cert-file", .type = text, MEMBER(tls_ca_cert_file)},
    {.name = "tls-cert-file", .type = text, MEMBER(tls_cert_file)},
    {.name = "tls-ciphers", .type = text, MEMBER(tls_ciphers)},
    {.name = "tls-ciphersuites", .type = text, MEMBER(tls_ciphersuites)},
    {.name = "tls-client-cert-file", .type = text, MEMBER(tls_client_cert_file)},
    {.name = "tls-client-key-file", .type = text, MEMBER(tls_client_key_file)},
    {.name = "tls-client-key-file-pass", .type = text, .flags = kConfigSecret, MEMBER(tls_client_key_file_pass)},
    {.name = "tls-cluster", .type = yes_no, MEMBER(tls_cluster)},
    {.name = "tls-dh-params-file", .type = text, MEMBER(tls_dh_params_file)},
    {.name = "tls-key-file", .type = text, MEMBER(tls_key_file)},
    {.name = "tls-key-file-pass", .type = text, .flags = kConfigSecret, MEMBER(tls_key_file_pass)},
    {.name = "tls-port", .type = integer, .max = 65535, MEMBER(tls_port)},
    {.name = "tls-prefer-server-ciphers", .type = yes_no, MEMBER(tls_prefer_server_ciphers)},
    {.name = "tls-protocols", .type = text, MEMBER(tls_protocols)},
    {.name = "tls-replication", .type = yes_no, MEMBER(tls_replication)},
    {.name = "tls-session-cache-size", .type = integer, .max = kIntMax, MEMBER(tls_session_cache_size)},
    {.name = "tls-session-cache-timeout", .type = integer, .max = kIntMax, MEMBER(tls_session_cache_timeout)},
    {.name = "tls-session-caching", .type = yes_no, MEMBER(tls_session_caching)},
    {.name = "tracking-table-max-keys", .type = integer, .max = kLongMax, MEMBER(tracking_table_max_keys)},
    {.name = "unixsocket", .type = text, .flags = kConfigImmutable, MEMBER(unixsocket)},
    {.name = "unixsocketperm", .type = octal, .flags = kConfigImmutable, .max = 0777, MEMBER(unixsocketperm)},
    {.name = "use-exit-on-panic", .type = yes_no, .flags = kConfigHidden, .inert_default = "no"},
    {.name = "user", .type = repeated, .flags = kConfigSecret | kConfigFileOnly, MEMBER(users)},
    {.name = "warm-up", .type = yes_no, .flags = kConfigImmutable | kConfigOwn, MEMBER(warm_up)},
    {.name = "watchdog-period", .type = integer, .flags = kConfigHidden, .max = kIntMax, .inert_default = "0"},
    {.name = "zset-max-listpack-entries", .alias = "zset-max-ziplist-entries", .type = integer, .max = kLongMax, MEMBER(zset_max_listpack_entries)},
    {.name = "zset-max-listpack-value", .alias = "zset-max-ziplist-value", .type = memory, .max = kLongMax, MEMBER(zset_max_listpack_value)},
};
// clang-format on

#undef MEMBER

static_assert(std::is_sorted(std::begin(kDirectives), std::end(kDirectives),
                             [](const Directive& a, const Directive& b) { return a.name < b.name; }));

/// Levenshtein distance, for suggestions.
std::size_t edits_between(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t above = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1)});
      diagonal = above;
    }
  }
  return row.back();
}

}  // namespace

std::span<const Directive> directives() { return kDirectives; }

bool equals_ignoring_case(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

const Directive* find_directive(std::string_view name) {
  for (const Directive& directive : kDirectives) {
    if (equals_ignoring_case(directive.name, name)) return &directive;
    if (!directive.alias.empty() && equals_ignoring_case(directive.alias, name)) return &directive;
  }
  return nullptr;
}

std::string_view nearest_directive_name(std::string_view name) {
  std::string lowered(name.substr(0, 64));
  for (char& c : lowered) c = static_cast<char>(c == '_' ? '-' : std::tolower(static_cast<unsigned char>(c)));

  // A third of the letters wrong is still a typing error; more is another word.
  std::size_t fewest = std::max<std::size_t>(lowered.size() / 3, 1) + 1;
  std::string_view nearest;
  for (const Directive& directive : kDirectives) {
    for (const std::string_view known : {directive.name, directive.alias}) {
      if (known.empty()) continue;
      const std::size_t edits = edits_between(lowered, known);
      if (edits < fewest) {
        fewest = edits;
        nearest = known;
      }
    }
  }
  return nearest;
}

}  // namespace stele
