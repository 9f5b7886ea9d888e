#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/storage.h"
#include "protocol/acl/acl.h"
#include "protocol/blocked_clients.h"
#include "protocol/change_feed/change_feed.h"
#include "protocol/clients.h"
#include "protocol/config_live.h"
#include "protocol/dispatcher.h"
#include "protocol/environment.h"
#include "protocol/memory_limits.h"
#include "protocol/oom_score.h"
#include "protocol/poller.h"
#include "protocol/process_title.h"
#include "protocol/scripting/scripting.h"
#include "protocol/pubsub/keyspace_news.h"
#include "protocol/pubsub/pubsub.h"
#include "protocol/pushes.h"
#include "protocol/tracking/tracking.h"
#include "protocol/replication_role.h"

namespace stele {

/// The executor: accepts, reads, runs commands, commits a frame a turn, sends replies.
///
///     turn:  ready sockets ──► read, run ──► background slices ──► commit ──► release replies ──► send
///                                                                    │
///                                            gate: the frame's end; held back until the journal has passed it
///
/// Threads: run() is the executor; nothing here may be called from another thread but wake().
class Server {
 public:
  /// Opens the data directory and the sockets. The error is ready to print.
  static Result<std::unique_ptr<Server>> start(LoadedConfig config, std::string executable, const ReplicationParts& replication);
  ~Server();

  /// Keeps `title` as set-proc-title and proc-title-template say. It must outlive the server.
  void show_in(ProcessTitle& title);

  /// Serves until SHUTDOWN or a signal; returns the process' exit status.
  int run();

  void wake() const { wakeup_.signal(); }

 private:
  struct Io;  // asio stays in server_io.cc

  Server(LoadedConfig config, std::string executable, const ReplicationParts& replication);
  Status open_storage(const ReplicationParts& replication);
  Status open_sockets();
  void observe_config();
  void apply_config();
  void log_recovery() const;

  // --- turns
  void turn(std::span<epoll_event> ready);
  void read_from(Connection& connection);
  void process_input(Connection& connection);
  void check_query_limit(Connection& connection);
  std::size_t process(Connection& connection, std::string_view bytes);
  void busy_turn();
  void loading_turn();
  void look_at_others(const Connection* caller);
  void read_while_busy(Connection& connection);
  void end_in_script();
  void put_off(Connection& connection, Dispatcher::Outcome outcome);
  void resume(Connection& connection);
  void commit(Connection* held_back = nullptr);
  void release_replies(Connection& connection, Offset gate, Offset acknowledged);
  void release_gated(Offset acknowledged, const Connection* held_back = nullptr);
  void send(Connection& connection);
  void note_replied(Connection& connection);
  void count_memory(Connection& connection) {
    if (memory_limits_->limits_clients()) clients_.count_memory(connection);
  }
  void forget(Connection& connection);
  Offset acknowledged() const;
  void update_clock();
  bool journal_stalls() const;
  std::chrono::milliseconds until_something_is_due() const;

  // --- a few times a second
  void cron();
  void save_if_due();
  void check_client(Connection& connection, std::chrono::steady_clock::time_point now);
  void give_back_room(Connection& connection);
  bool over_output_limit(Connection& connection, std::chrono::steady_clock::time_point now);

  void accepted(int fd);
  void begin_shutdown(ShutdownRequest request);
  void end_waiting_shutdown();
  bool abort_shutdown();
  void signalled(int number);
  int shut_down();

  LiveConfig config_;
  ServerStats stats_;
  SlowLog slow_log_;
  LatencyMonitor latency_;
  CommandRegistry registry_;
  std::unique_ptr<Acl> acl_;
  OomScore oom_score_;
  Wakeup wakeup_;
  Poller poller_;
  Clients clients_;
  std::unique_ptr<Storage> storage_;
  std::unique_ptr<Environment> environment_;
  std::unique_ptr<Dispatcher> dispatcher_;
  std::unique_ptr<BlockedClients> blocked_;
  std::unique_ptr<MemoryLimits> memory_limits_;
  std::unique_ptr<Scripting> scripting_;
  std::unique_ptr<Pushes> pushes_;
  std::unique_ptr<PubSub> pubsub_;
  std::unique_ptr<Tracking> tracking_;
  std::unique_ptr<KeyspaceNews> news_;
  std::unique_ptr<ReplicationRole> replication_;
  std::unique_ptr<ChangeFeed> change_feed_;
  std::unique_ptr<Io> io_;

  std::chrono::steady_clock::time_point now_;
  std::vector<char> read_buffer_;
  std::vector<Connection*> replied_;   // have replies of this turn
  std::vector<Connection*> gated_;     // have replies held back
  std::vector<Connection*> resumed_;   // may go on
  std::vector<Connection*> paused_;    // wait for the end of CLIENT PAUSE
  bool more_work_ = false;
  bool served_ = false;  // the last turn had clients to serve
  std::optional<ShutdownRequest> shutdown_;
  ShutdownRequest waiting_shutdown_;  // while Environment::shutdown_deadline is set
  Offset shutdown_target_;            // likewise: what replicas are to have
  std::string executable_;
  std::string pidfile_;
};

/// All rows of the server's command table, but those of replication.
void register_commands(CommandRegistry& registry);

}  // namespace stele
