// INFO: the sections, and which of them a call asks for.

#include "protocol/info.h"

#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "protocol/blocked_clients.h"
#include "protocol/client_text.h"
#include "protocol/commands_server.h"
#include "protocol/environment.h"
#include "protocol/memory_limits.h"
#include "protocol/server_version.h"
#include "protocol/replication_role.h"

namespace stele {

namespace {

std::string os_name() {
  utsname name{};
  ::uname(&name);
  return fmt::format("{} {} {}", name.sysname, name.release, name.machine);
}

void add_server(InfoText& info, Environment& environment) {
  const Config& config = environment.config.now();
  const auto uptime = std::chrono::duration_cast<std::chrono::seconds>(std::chrono::steady_clock::now() -
                                                                       environment.stats.started).count();
  const std::int64_t now_us = unix_microseconds();
  info.begin("Server");
  info.add("redis_version", kCompatibleVersion);
  info.add("redis_git_sha1", "00000000");
  info.add("redis_git_dirty", 0);
  info.add("redis_build_id", kSteleVersion);
  info.add("redis_mode", "standalone");
  info.add("stele_version", kSteleVersion);
  info.add("os", os_name());
  info.add("arch_bits", sizeof(void*) * 8);
  info.add("monotonic_clock", "POSIX clock_gettime");
  info.add("multiplexing_api", "epoll");
  info.add("atomicvar_api", "c11-builtin");
  info.line("gcc_version:{}.{}.{}", __GNUC__, __GNUC_MINOR__, __GNUC_PATCHLEVEL__);
  info.add("process_id", ::getpid());
  info.add("process_supervised", "no");
  info.add("run_id", environment.run_id);
  info.add("tcp_port", config.port);
  info.add("server_time_usec", now_us);
  info.add("uptime_in_seconds", uptime);
  info.add("uptime_in_days", uptime / (24 * 3600));
  if (environment.shutdown_deadline) {
    const auto left = *environment.shutdown_deadline - std::chrono::steady_clock::now();
    info.add("shutdown_in_milliseconds", std::max<std::int64_t>(0, std::chrono::ceil<std::chrono::milliseconds>(left).count()));
  }
  info.add("hz", config.hz);
  info.add("configured_hz", config.hz);
  info.add("lru_clock", now_us / 1'000'000 & 0xffffff);
  info.add("executable", environment.executable);
  info.add("config_file", environment.config.file());
  info.add("io_threads_active", 0);
}

void add_clients(InfoText& info, Environment& environment) {
  std::size_t input_max = 0, output_max = 0, blocked = 0;
  environment.clients.for_each([&](Connection& connection) {
    input_max = std::max(input_max, connection.input.capacity());
    output_max = std::max({output_max, connection.output_peak, connection.output.size()});
    if (is_blocked(connection)) ++blocked;
  });
  info.begin("Clients");
  info.add("connected_clients", environment.clients.size() - environment.replication->traffic().replicas);
  info.add("cluster_connections", 0);
  info.add("maxclients", environment.config.now().maxclients);
  info.add("client_recent_max_input_buffer", input_max);
  info.add("client_recent_max_output_buffer", output_max);
  info.add("blocked_clients", blocked);
  info.add("tracking_clients", environment.tracking->clients());
  info.add("clients_in_timeout_table", environment.blocked->with_deadline());
  const Waiters& waiters = environment.storage.keyspace().waiters();
  info.add("total_blocking_keys", waiters.keys());
  info.add("total_blocking_keys_on_nokey", waiters.keys_that_wake_when_gone());
}

void add_stats(InfoText& info, Environment& environment) {
  const ServerStats& stats = environment.stats;
  const KeyspaceStats& keyspace = environment.storage.keyspace().stats();
  const auto kib = [](const Rate& rate) { return static_cast<double>(rate.per_second()) / 1024; };
  info.begin("Stats");
  info.add("total_connections_received", stats.connections_received);
  info.add("total_commands_processed", stats.commands_processed);
  info.add("instantaneous_ops_per_sec", stats.commands_rate.per_second());
  info.add("total_net_input_bytes", stats.net_input_bytes);
  info.add("total_net_output_bytes", stats.net_output_bytes);
  const ReplicationRole::Traffic replication = environment.replication->traffic();
  info.add("total_net_repl_input_bytes", replication.received_bytes);
  info.add("total_net_repl_output_bytes", replication.sent_bytes);
  info.line("instantaneous_input_kbps:{:.2f}", kib(stats.input_rate));
  info.line("instantaneous_output_kbps:{:.2f}", kib(stats.output_rate));
  info.add("instantaneous_input_repl_kbps", "0.00");
  info.add("instantaneous_output_repl_kbps", "0.00");
  info.add("rejected_connections", stats.connections_rejected);
  info.add("sync_full", replication.full_syncs);
  info.add("sync_partial_ok", replication.partial_syncs);
  info.add("sync_partial_err", replication.partial_syncs_refused);
  info.add("expired_keys", keyspace.expired);
  info.add("expired_stale_perc", "0.00");
  info.add("expired_time_cap_reached_count", 0);
  info.add("expire_cycle_cpu_milliseconds", 0);
  const MemoryLimits& limits = *environment.memory_limits;
  info.add("evicted_keys", limits.evicted_keys());
  info.add("evicted_clients", limits.evicted_clients());
  info.add("total_eviction_exceeded_time", limits.exceeded_total().count());
  info.add("current_eviction_exceeded_time", limits.exceeded_now().count());
  info.add("keyspace_hits", keyspace.hits);
  info.add("keyspace_misses", keyspace.misses);
  info.add("pubsub_channels", environment.pubsub->count(Topic::channel));
  info.add("pubsub_patterns", environment.pubsub->count(Topic::pattern));
  info.add("pubsubshard_channels", environment.pubsub->count(Topic::shard));
  info.add("migrate_cached_sockets", environment.target_links.size());
  for (const std::string_view none :
       {"latest_fork_usec", "total_forks",
        "slave_expires_tracked_keys", "active_defrag_hits", "active_defrag_misses",
        "active_defrag_key_hits", "active_defrag_key_misses", "total_active_defrag_time", "current_active_defrag_time"}) {
    info.add(none, 0);
  }
  info.add("tracking_total_keys", environment.tracking->keys());
  info.add("tracking_total_items", environment.tracking->items());
  info.add("tracking_total_prefixes", environment.tracking->prefixes());
  info.add("unexpected_error_replies", stats.unexpected_error_replies);
  info.add("total_error_replies", stats.error_replies);
  info.add("dump_payload_sanitizations", 0);
  info.add("total_reads_processed", stats.reads_processed);
  info.add("total_writes_processed", stats.writes_processed);
  info.add("io_threaded_reads_processed", 0);
  info.add("io_threaded_writes_processed", 0);
  info.add("client_query_buffer_limit_disconnections", stats.query_buffer_limit_disconnections);
  info.add("client_output_buffer_limit_disconnections", stats.output_buffer_limit_disconnections);
  info.add("reply_buffer_shrinks", 0);
  info.add("reply_buffer_expands", 0);
  info.add("acl_access_denied_auth", stats.acl_denied_logins);
  info.add("acl_access_denied_cmd", stats.acl_denied_commands);
  info.add("acl_access_denied_key", stats.acl_denied_keys);
  info.add("acl_access_denied_channel", stats.acl_denied_channels);
}

void add_cpu(InfoText& info, Environment&) {
  const auto add = [&info](std::string_view suffix, int who) {
    rusage used{};
    ::getrusage(who, &used);
    info.line("used_cpu_sys{}:{}.{:06}", suffix, used.ru_stime.tv_sec, used.ru_stime.tv_usec);
    info.line("used_cpu_user{}:{}.{:06}", suffix, used.ru_utime.tv_sec, used.ru_utime.tv_usec);
  };
  info.begin("CPU");
  add("", RUSAGE_SELF);
  add("_children", RUSAGE_CHILDREN);
  add("_main_thread", RUSAGE_THREAD);
}

void add_modules(InfoText& info, Environment&) { info.begin("Modules"); }

template <typename Visit>
void for_each_command(const std::vector<RegisteredCommand*>& commands, const Visit& visit) {
  for (const RegisteredCommand* command : commands) {
    visit(*command);
    for_each_command(command->subcommands, visit);
  }
}

void add_commandstats(InfoText& info, Environment& environment) {
  info.begin("Commandstats");
  for_each_command(environment.commands.commands(), [&](const RegisteredCommand& command) {
    const CommandStats& stats = command.stats;
    if (stats.calls + stats.rejected + stats.failed == 0) return;
    const double each_us = stats.calls == 0 ? 0 : static_cast<double>(stats.nanoseconds) / 1000 / static_cast<double>(stats.calls);
    info.line("cmdstat_{}:calls={},usec={},usec_per_call={:.2f},rejected_calls={},failed_calls={}", command.full_name,
              stats.calls, stats.nanoseconds / 1000, each_us, stats.rejected, stats.failed);
  });
}

void add_errorstats(InfoText& info, Environment& environment) {
  info.begin("Errorstats");
  for (const auto& [code, count] : environment.stats.errors) info.line("errorstat_{}:count={}", code, count);
}

void add_latencystats(InfoText& info, Environment& environment) {
  info.begin("Latencystats");
  const Config& config = environment.config.now();
  if (!config.latency_tracking) return;
  for_each_command(environment.commands.commands(), [&](const RegisteredCommand& command) {
    const LatencyHistogram* latency = command.stats.latency.get();
    if (latency == nullptr || latency->total() == 0) return;
    std::string percentiles;
    for (const double percent : config.latency_tracking_info_percentiles) {
      if (!percentiles.empty()) percentiles += ',';
      fmt::format_to(std::back_inserter(percentiles), "p{}={:.3f}", percent,
                     static_cast<double>(latency->percentile(percent)) / 1000);
    }
    info.line("latency_percentiles_usec_{}:{}", command.full_name, percentiles);
  });
}

void add_cluster(InfoText& info, Environment&) {
  info.begin("Cluster");
  info.add("cluster_enabled", 0);
}

/// The mean time to live of resident keys in ms: exact if there are few, else that of some drawn at random.
std::int64_t average_ttl(const Database& db, UnixTime now) {
  constexpr std::size_t kExactMax = 1000;
  constexpr int kDraws = 128;
  std::int64_t sum = 0, count = 0;
  const auto take = [&](std::int64_t at) { sum += std::max<std::int64_t>(0, at - now.ms()), ++count; };
  if (db.expires.size() <= kExactMax) {
    for (const auto& [at, hash] : db.expires) take(at);
  } else {
    std::uint64_t random = static_cast<std::uint64_t>(now.ms());
    for (int i = 0; i < kDraws; ++i) {
      random = random * 6364136223846793005u + 1442695040888963407u;
      const Table::Slot slot = db.table->random_live(random);
      if (slot && slot.entry()->has_expire()) take(slot.entry()->expire_at()->ms());
    }
  }
  return count == 0 ? 0 : sum / count;
}

void add_keyspace(InfoText& info, Environment& environment) {
  info.begin("Keyspace");
  Keyspace& keyspace = environment.storage.keyspace();
  for (int i = 0; i < keyspace.databases(); ++i) {
    const Database& db = keyspace.db(i);
    if (db.size() == 0) continue;
    info.line("db{}:keys={},expires={},avg_ttl={}", i, db.size(), db.expires_size(), average_ttl(db, keyspace.now()));
  }
}

void add_replication(InfoText& info, Environment& environment) { environment.replication->add_info(info); }

struct Section {
  std::string_view name;
  bool by_default;
  bool in_all;  // "everything" has every one
  void (*add)(InfoText&, Environment&);
};

constexpr Section kSections[] = {
    {"server", true, true, add_server},
    {"clients", true, true, add_clients},
    {"memory", true, true, add_memory},
    {"persistence", true, true, add_persistence},
    {"stats", true, true, add_stats},
    {"replication", true, true, add_replication},
    {"cpu", true, true, add_cpu},
    {"modules", true, false, add_modules},
    {"commandstats", false, true, add_commandstats},
    {"errorstats", true, true, add_errorstats},
    {"latencystats", false, true, add_latencystats},
    {"cluster", true, true, add_cluster},
    {"keyspace", true, true, add_keyspace},
    {"stele", true, true, add_stele},
};

bool asks_for(const Section& section, std::span<const std::string_view> names) {
  if (names.empty()) return section.by_default;
  return std::any_of(names.begin(), names.end(), [&](std::string_view name) {
    return equals_ignoring_case(name, section.name) || equals_ignoring_case(name, "everything") ||
           (section.in_all && equals_ignoring_case(name, "all")) ||
           (section.by_default && equals_ignoring_case(name, "default"));
  });
}

}  // namespace

std::string info_text(Environment& environment, std::span<const std::string_view> sections) {
  InfoText info;
  for (const Section& section : kSections) {
    if (asks_for(section, sections)) section.add(info, environment);
  }
  return info.take();
}

namespace server_command {

/// INFO [section [section ...]]
void info(Call& call) { call.reply().verbatim(info_text(call.environment(), call.args().subspan(1))); }

}  // namespace server_command

}  // namespace stele
