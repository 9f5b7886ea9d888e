#pragma once

#include <chrono>
#include <span>
#include <string_view>
#include <vector>

#include "engine/call.h"
#include "engine/storage.h"
#include "protocol/config_live.h"
#include "protocol/connection.h"
#include "protocol/environment.h"

namespace stele {

/// Decides what becomes of a command that has arrived: refused, queued, put off, or run.
///
///     execute ──► find ──► allowed? ──► MULTI: queue
///                   │         │ no        │ else: keys resident? ──no──► Outcome::wait_for_keys
///                   └─────────┴► error    └─────────► call
///
/// Threads: the executor. Hot: no allocation but what handlers do.
class Dispatcher {
 public:
  enum class Outcome {
    done,
    wait_for_keys,   // cold_keys() are to be loaded; then the same command again
    wait_for_counts, // DBSIZE right after a start; then the same command again
    wait_for_pause,  // CLIENT PAUSE; then the same command again
    blocked,         // a blocking command has nothing to reply yet; run_again() will
  };

  Dispatcher(CommandRegistry& registry, Storage& storage, Environment& environment);

  /// Runs `args`, whose bytes are `raw` (may be empty). Replies go to the connection's output.
  Outcome execute(Connection& connection, std::span<const std::string_view> args, std::string_view raw);

  /// Adds to `out` the stored keys of `args`, a command of a stream in `db`, that would have to be loaded first.
  void find_cold_keys(int db, std::span<const std::string_view> args, std::vector<std::string>& out);
  /// Of the last wait_for_keys: stored keys.
  std::vector<std::string> take_cold_keys() { return std::exchange(cold_keys_, {}); }

  /// Runs the command that `connection` is blocked in once more, as part of the running unit; false if it still has nothing to
  /// reply.
  bool run_again(Connection& connection);
  /// The blocked command ends with this error instead.
  void give_up(Connection& connection, std::string_view error);

  /// The queued commands of `connection`, as one unit, each with its reply: EXEC.
  void run_queue(Connection& connection);

  /// The time before the first command of a turn; durations are counted from there.
  void begin_turn(std::chrono::steady_clock::time_point now) {
    last_clock_ = now;
    if (holds_expiry_) follow_pause(environment_.pause.is_on());
  }

  /// Counts an error reply in INFO errorstats.
  void count_error(std::string_view error);

  // --- for scripts, which say no in words of their own
  /// The command, or the container, that `args` names; null if none.
  RegisteredCommand* find(Connection& connection, std::span<const std::string_view> args);
  static bool fits_arity(const RegisteredCommand& command, std::size_t argc);
  /// An error text if `command` may not run now; empty if it may.
  std::string_view refusal(const Connection& connection, const RegisteredCommand& command,
                           std::span<const std::string_view> args);
  /// Runs a command that may run, within the unit of the script that calls it; the reply is the output of `script`.
  void run_in_script(Connection& script, RegisteredCommand& command, std::span<const std::string_view> args) {
    last_clock_ = std::chrono::steady_clock::now();  // the script's own time is not the command's
    call(script, command, args, {});
  }

 private:
  /// CLIENT REPLY OFF and SKIP: takes back what the command that ends here has replied.
  void refuse_reply(Connection& connection, const RegisteredCommand* command, std::string_view name, std::size_t output_before);
  static void silence(Connection& connection, std::size_t output_before);
  /// What CLIENT CACHING said holds for one command, or one transaction.
  static void end_caching(Connection& connection, const RegisteredCommand& command);
  void reject(Connection& connection, RegisteredCommand* command, std::string_view error);
  /// Why no write may run now, for want of a disk; empty if there is no reason.
  std::string_view disk_trouble() const;
  /// Of a user who may not do everything.
  std::string_view refusal_by_acl(const Connection& connection, const RegisteredCommand& command,
                                  std::span<const std::string_view> args);
  static bool runs_inside_multi(const RegisteredCommand& command);
  static bool may_grow(const Connection& connection, const RegisteredCommand& command);
  UnixTime keyspace_now() const { return storage_.keyspace().now(); }
  /// Whether `predicate` is true of `command`; of EXEC, whether it is of one of the commands that EXEC would run.
  using Predicate = bool (*)(const RegisteredCommand&);
  static bool would_run(const Connection& connection, const RegisteredCommand& command, Predicate predicate);
  /// While clients are paused data stands still: what has expired is not shown, and goes when they go on.
  void follow_pause(bool is_on);
  /// Whether `command` has to wait for the end of the pause that is on.
  bool is_paused(const Connection& connection, const RegisteredCommand& command,
                 std::span<const std::string_view> args) const;
  /// Whether `command`, or the script that it runs, may change data or cause a message.
  bool may_write(const RegisteredCommand& command, std::span<const std::string_view> args) const;
  bool find_cold_keys(Connection& connection, const RegisteredCommand& command, std::span<const std::string_view> args);
  void add_cold_keys(int db, const RegisteredCommand& command, std::span<const std::string_view> args);
  /// Returns false if the command blocked.
  bool call(Connection& connection, RegisteredCommand& command, std::span<const std::string_view> args,
            std::string_view raw);
  void account(Connection& connection, RegisteredCommand& command, std::span<const std::string_view> args,
               const Call& call);

  CommandRegistry& registry_;
  Storage& storage_;
  Environment& environment_;
  std::vector<std::string> cold_keys_;
  std::string refusal_;  // what refusal() returned, if it is not always the same
  std::vector<KeyPosition> positions_;
  std::chrono::steady_clock::time_point last_clock_;
  bool holds_expiry_ = false;  // follow_pause() has
};

}  // namespace stele
