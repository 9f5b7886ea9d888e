#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "engine/call.h"
#include "engine/storage.h"
#include "protocol/clients.h"
#include "protocol/config_live.h"
#include "protocol/latency_monitor.h"
#include "protocol/migrate/target_links.h"
#include "protocol/server_stats.h"
#include "protocol/slow_log.h"

namespace stele {

class Acl;
class ChangeFeed;
class BlockedClients;
class Dispatcher;
class MemoryLimits;
class Scripting;
class PubSub;
class Pushes;
class ReplicationRole;
class Tracking;

/// CLIENT PAUSE: until when, and whether commands that only read are put off too.
struct Pause {
  std::chrono::steady_clock::time_point until{};
  bool reads_too = false;
  bool failover = false;  // writes wait until the primary is another one
  bool shutdown = false;  // they wait for the end: replicas get what there is
  bool is_on() const { return failover || shutdown || is_asked_for(); }
  bool is_asked_for() const { return until.time_since_epoch().count() != 0 && until > std::chrono::steady_clock::now(); }
};

/// How SHUTDOWN or a signal wants the server to end.
struct ShutdownRequest {
  enum class Save { by_default, yes, no } save = Save::by_default;
  bool now = false;
  bool force = false;
};

/// What the commands of this folder work on: made by the server, handed through every Call.
struct Environment {
  LiveConfig& config;
  CommandRegistry& commands;
  Storage& storage;
  Clients& clients;
  ServerStats& stats;
  SlowLog& slow_log;
  LatencyMonitor& latency;
  std::string run_id;
  std::string executable;
  Acl* acl = nullptr;
  Dispatcher* dispatcher = nullptr;
  Scripting* scripting = nullptr;
  BlockedClients* blocked = nullptr;
  MemoryLimits* memory_limits = nullptr;
  Pushes* pushes = nullptr;
  PubSub* pubsub = nullptr;
  Tracking* tracking = nullptr;
  ReplicationRole* replication = nullptr;
  ChangeFeed* change_feed = nullptr;
  TargetLinks target_links;
  Pause pause;
  std::vector<Connection*> monitors;
  bool active_expire = true;  // DEBUG SET-ACTIVE-EXPIRE
  bool cron_paused = false;   // DEBUG PAUSE-CRON
  std::chrono::microseconds commit_delay{};  // DEBUG AOF-FLUSH-SLEEP

  /// From any thread: there is something for the executor to look at.
  std::function<void()> wake;
  /// Runs at the end of the turn.
  std::function<void(ShutdownRequest)> shut_down;
  /// False if no end is being waited for.
  std::function<bool()> abort_shutdown;
  std::optional<std::chrono::steady_clock::time_point> shutdown_deadline;  // of an end that waits for replicas
  /// A connection that waited may go on: within the turn, or with the next.
  std::function<void(Connection&)> resume;
  /// Replies were appended to a connection other than the one whose command runs: they leave at the end of the turn.
  std::function<void(Connection&)> replied;
  /// A script has been running for long: other clients are heard, and told that the server is busy.
  std::function<void()> while_busy;
  /// It has ended.
  std::function<void()> script_was_busy;
};

inline Connection& connection_of(Call& call) { return static_cast<Connection&>(call.session()); }

}  // namespace stele
