#include "protocol/dispatcher.h"

#include <cstring>

#include <spdlog/spdlog.h>

#include "protocol/acl/access.h"
#include "protocol/blocked_clients.h"
#include "protocol/memory_limits.h"
#include "protocol/monitor.h"
#include "protocol/pushes.h"
#include "protocol/resp_integer.h"
#include "protocol/resp_text.h"
#include "protocol/scripting/scripting.h"
#include "protocol/secrets.h"
#include "protocol/replication_role.h"

namespace stele {

namespace {

using namespace command_flag;

constexpr std::size_t kTrimPerCommand = 100;
constexpr std::size_t kUnknownNameBytesMax = 128;
// A command that took longer than this may have moved the clock: commands behind it in the turn see the new time.
constexpr std::chrono::microseconds kClockSlack{500};

std::string unknown_command(std::span<const std::string_view> args) {
  std::string quoted;
  for (std::size_t i = 1; i < args.size() && quoted.size() < kUnknownNameBytesMax; ++i) {
    fmt::format_to(std::back_inserter(quoted), "'{}' ", printed(args[i], kUnknownNameBytesMax - quoted.size()));
  }
  return fmt::format("ERR unknown command '{}', with args beginning with: {}", printed(args[0], kUnknownNameBytesMax),
                     quoted);
}

/// Right after a start, what it says about numbers of keys is not exact yet.
bool shows_counts(const RegisteredCommand& command) {
  return command.row->name == "dbsize" || command.row->name == "info";
}

/// A RESP2 client that has subscribed could not tell other replies from messages.
bool may_run_while_subscribed(const RegisteredCommand& command) {
  static constexpr std::string_view kAllowed[] = {"ping", "subscribe", "unsubscribe", "psubscribe", "punsubscribe",
                                                  "ssubscribe", "sunsubscribe", "quit", "reset"};
  return command.parent == nullptr &&
         std::find(std::begin(kAllowed), std::end(kAllowed), command.row->name) != std::end(kAllowed);
}

UnixTime wall_clock() {
  return UnixTime(std::chrono::duration_cast<std::chrono::milliseconds>(
                      std::chrono::system_clock::now().time_since_epoch())
                      .count());
}

}  // namespace

Dispatcher::Dispatcher(CommandRegistry& registry, Storage& storage, Environment& environment)
    : registry_(registry), storage_(storage), environment_(environment) {}

bool Dispatcher::fits_arity(const RegisteredCommand& command, std::size_t argc) {
  const int arity = command.row->arity;
  return arity > 0 ? argc == static_cast<std::size_t>(arity) : argc >= static_cast<std::size_t>(-arity);
}

RegisteredCommand* Dispatcher::find(Connection& connection, std::span<const std::string_view> args) {
  const std::string_view name = args[0];
  if (name.size() == connection.last_name_bytes &&
      std::memcmp(name.data(), connection.last_name, name.size()) == 0 && connection.last_command != nullptr) {
    return connection.last_command;
  }
  RegisteredCommand* command = registry_.find(name);
  if (command != nullptr && name.size() <= sizeof connection.last_name) {
    std::memcpy(connection.last_name, name.data(), name.size());
    connection.last_name_bytes = static_cast<std::uint8_t>(name.size());
    connection.last_command = command;
  }
  return command;
}

Dispatcher::Outcome Dispatcher::execute(Connection& connection, std::span<const std::string_view> args,
                                        std::string_view raw) {
  environment_.tracking->trim(kTrimPerCommand);
  const std::size_t output_before = connection.output.size();
  if (connection.reply_mode == ReplyMode::skip_next) connection.reply_mode = ReplyMode::skip;

  std::optional<Pushes::Running> running;
  const RegisteredCommand* ran = nullptr;
  const auto run = [&]() -> Outcome {
    RegisteredCommand* command = find(connection, args);
    ran = command;
    if (command == nullptr) {
      reject(connection, nullptr, unknown_command(args));
      return Outcome::done;
    }
    if (!command->subcommands.empty() && args.size() > 1) {
      RegisteredCommand* sub = CommandRegistry::find_subcommand(*command, args[1]);
      if (sub == nullptr) {
        std::string container(command->row->name);
        for (char& c : container) c = to_upper(c);
        reject(connection, command, fmt::format("ERR unknown subcommand '{}'. Try {} HELP.",
                                                printed(args[1], kUnknownNameBytesMax), container));
        return Outcome::done;
      }
      ran = command = connection.last_subcommand = sub;
    }
    if (!fits_arity(*command, args.size()) || command->row->run == nullptr) {
      reject(connection, command, fmt::format("ERR wrong number of arguments for '{}' command", command->full_name));
      return Outcome::done;
    }
    if (const std::string_view why_not = refusal(connection, *command, args); !why_not.empty()) {
      reject(connection, command, why_not);
      return Outcome::done;
    }
    if (environment_.memory_limits->any() && !environment_.scripting->is_running()) {
      environment_.memory_limits->make_room();
      if (connection.closed) return Outcome::done;  // it was itself what took too much
      if (environment_.memory_limits->out_of_memory() && may_grow(connection, *command)) {
        reject(connection, command, "OOM command not allowed when used memory > 'maxmemory'.");
        return Outcome::done;
      }
    }
    if (connection.in_multi && !command->is(kNoMulti) && !runs_inside_multi(*command)) {
      connection.queue.emplace_back(command, args, raw);
      connection.queue_bytes += raw.size();
      RespWriter(connection.output, connection.resp).simple("QUEUED");
      return Outcome::done;
    }
    // A script that is busy goes on as it began.
    if (const bool pauses = environment_.pause.is_on(); !environment_.scripting->is_running()) {
      if (pauses != holds_expiry_) follow_pause(pauses);
      if (pauses && is_paused(connection, *command, args)) return Outcome::wait_for_pause;
    } else if (pauses && is_paused(connection, *command, args)) {
      return Outcome::wait_for_pause;
    }
    if (!storage_.counts_are_exact() && would_run(connection, *command, shows_counts)) return Outcome::wait_for_counts;
    if (find_cold_keys(connection, *command, args)) return Outcome::wait_for_keys;

    // What is run while a script is busy changes nothing, and the open unit is the script's.
    if (environment_.scripting->is_running()) {
      const Pushes::Running answering(*environment_.pushes, connection);
      call(connection, *command, args, raw);
      return Outcome::done;
    }
    running.emplace(*environment_.pushes, connection);
    const OutputBufferLimits& limits = environment_.config.now().client_output_buffer_limit;
    const std::int64_t most = (connection.is_subscriber() ? limits.pubsub : limits.normal).hard_bytes;
    connection.reply_bytes_max = most > 0 ? static_cast<std::size_t>(most) : std::numeric_limits<std::size_t>::max();
    storage_.effects().begin_unit();
    const bool replied = call(connection, *command, args, raw);
    storage_.effects().end_unit();
    environment_.tracking->end_command();
    if (connection.tracking != nullptr) end_caching(connection, *command);
    return replied ? Outcome::done : Outcome::blocked;
  };

  const bool was_replica = connection.replica;
  const Outcome outcome = run();
  // A replica reads the stream, and nothing else.
  if (was_replica && connection.output.size() > output_before) refuse_reply(connection, ran, args[0], output_before);
  if (outcome == Outcome::done && !connection.closed) silence(connection, output_before);
  if (running) {
    running.reset();  // pushes for this connection follow its reply
    if (storage_.keyspace().waiters().has_ready()) environment_.blocked->serve_ready();
  }
  return outcome;
}

/// It would be taken for a part of the stream: who asks for one is no replica, or a broken one.
void Dispatcher::refuse_reply(Connection& connection, const RegisteredCommand* command, std::string_view name, std::size_t output_before) {
  const std::string full_name = command != nullptr ? command->full_name : std::string(printed(name, kUnknownNameBytesMax));
  const std::string reply(connection.output.view().substr(output_before, 256));
  connection.output.truncate(output_before);
  if (reply.starts_with('-')) {
    spdlog::warn("== CRITICAL == This master is sending an error to its replica: '{}' after processing the command '{}'",
                 printed(std::string_view(reply).substr(1, reply.find('\r') - 1)), full_name);
  }
  if (connection.closed) return;
  spdlog::warn("Replica generated a reply to command '{}', disconnecting it: {}", full_name, connection.peer);
  environment_.clients.close(connection);
}

void Dispatcher::silence(Connection& connection, std::size_t output_before) {
  if (connection.reply_mode != ReplyMode::off && connection.reply_mode != ReplyMode::skip) return;
  connection.output.truncate(output_before);
  if (connection.reply_mode == ReplyMode::skip) connection.reply_mode = ReplyMode::on;
}

void Dispatcher::end_caching(Connection& connection, const RegisteredCommand& command) {
  const bool about_client = command.parent != nullptr && command.parent->row->name == "client";
  if (!connection.in_multi && !about_client) connection.tracking->caching = false;
}

bool Dispatcher::runs_inside_multi(const RegisteredCommand& command) {
  const std::string_view name = command.row->name;
  return command.parent == nullptr &&
         (name == "exec" || name == "discard" || name == "multi" || name == "watch" || name == "quit" || name == "reset");
}

std::string_view Dispatcher::refusal(const Connection& connection, const RegisteredCommand& command,
                                     std::span<const std::string_view> args) {
  if (!connection.authenticated && !command.is(kNoAuth) && environment_.acl->asks_for_login()) {
    return "NOAUTH Authentication required.";
  }
  if (!storage_.is_open() && !(command.is(kLoading) && !command.is(kProtected))) {
    return "LOADING Redis is loading the dataset in memory";
  }
  if (environment_.scripting->is_busy() && connection.acts_for == nullptr && !command.is(kAllowBusy)) {
    return environment_.scripting->busy_error();
  }
  if (connection.replica && command.is(kWrite | kReadonly | kMayReplicate)) return "ERR Replica can't interact with the keyspace";
  if (command.is(kProtected)) {
    const ProtectedFeature allowed = environment_.config.now().enable_debug_command;
    if (allowed == ProtectedFeature::no || (allowed == ProtectedFeature::local && !connection.is_loopback())) {
      return "ERR DEBUG command not allowed. If the enable-debug-command option is set to \"local\", you can run it from a "
             "local connection, otherwise you need to set this option in the configuration file, and then restart the "
             "server.";
    }
  }
  if (connection.in_multi && command.is(kNoMulti)) return "ERR Command not allowed inside a transaction";
  const Permissions* permissions = connection.permissions;
  if (permissions != nullptr && !permissions->unrestricted()) {
    if (const std::string_view why_not = refusal_by_acl(connection, command, args); !why_not.empty()) return why_not;
  }
  // Once it runs, a transaction runs to its end: space that gives out meanwhile must not cut it in two.
  const auto writes = [](const RegisteredCommand& c) { return c.is(kWrite); };
  if (const std::string_view trouble = disk_trouble(); !trouble.empty() && !connection.in_exec && would_run(connection, command, writes)) {
    return trouble;
  }
  if (environment_.replication->restricts() && !connection.in_exec) {
    const bool writes_data = would_run(connection, command, writes);
    const bool runs_stale = !would_run(connection, command, [](const RegisteredCommand& c) { return !c.is(kStale); });
    if (const std::string_view why_not = environment_.replication->refusal(connection, writes_data, runs_stale); !why_not.empty()) {
      return why_not;
    }
  }
  if (connection.is_subscriber() && connection.resp == RespVersion::resp2 && !connection.in_exec &&
      !may_run_while_subscribed(command)) {
    refusal_ = fmt::format("ERR Can't execute '{}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed "
                           "in this context", command.full_name);
    return refusal_;
  }
  return {};
}

std::string_view Dispatcher::disk_trouble() const {
  if (!storage_.is_open()) return {};
  if (!storage_.journal().accepts_writes()) return "MISCONF Errors writing to the AOF file: No space left on device";
  if (storage_.snapshots(SnapshotKind::save).failed_in_a_row == 0) return {};
  const Config& config = environment_.config.now();
  if (!config.stop_writes_on_bgsave_error || config.save.empty()) return {};
  return "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk. Commands that may "
         "modify the data set are disabled, because this instance is configured to report errors during writes if RDB "
         "snapshotting fails (stop-writes-on-bgsave-error option). Please check the Redis logs for details about the RDB error.";
}

std::string_view Dispatcher::refusal_by_acl(const Connection& connection, const RegisteredCommand& command,
                                            std::span<const std::string_view> args) {
  if (connection.acts_for != nullptr) {
    refusal_ = refusal_by_acl_in_script(environment_, connection, command, args);
  } else if (connection.in_exec) {
    refusal_ = refusal_by_acl_in_exec(environment_, connection, command, args);
  } else {
    refusal_ = stele::refusal_by_acl(environment_, connection, command, args);
  }
  return refusal_;
}

bool Dispatcher::would_run(const Connection& connection, const RegisteredCommand& command, Predicate predicate) {
  if (command.row->name != "exec") return predicate(command);
  return std::any_of(connection.queue.begin(), connection.queue.end(),
                     [&](const QueuedCommand& queued) { return predicate(*queued.command()); });
}

bool Dispatcher::may_grow(const Connection& connection, const RegisteredCommand& command) {
  // What waits for EXEC takes memory, too. EXEC itself may run unless it would run something that may grow.
  if (connection.in_multi && !runs_inside_multi(command)) return true;
  return would_run(connection, command, [](const RegisteredCommand& c) { return c.is(kDenyOom); });
}

void Dispatcher::follow_pause(bool is_on) {
  if (!storage_.is_open()) return;  // time stands still for the replay, whoever asks for a pause
  Keyspace& keyspace = storage_.keyspace();
  if (is_on == holds_expiry_ || keyspace.expiry() == (is_on ? Expiry::hidden : Expiry::active)) return;
  keyspace.set_expiry(is_on || environment_.replication->is_replica() ? Expiry::hidden : Expiry::active);
  holds_expiry_ = is_on;
}

bool Dispatcher::is_paused(const Connection& connection, const RegisteredCommand& command,
                           std::span<const std::string_view> args) const {
  if (command.is(kNoAuth) || command.full_name == "client|unpause") return false;
  if (connection.primary) return false;
  if (environment_.pause.is_asked_for() && environment_.pause.reads_too) return !command.is(kAdmin);
  if (command.row->name != "exec") return may_write(command, args);
  return std::any_of(connection.queue.begin(), connection.queue.end(), [&](const QueuedCommand& queued) {
    return may_write(*queued.command(), queued.args());
  });
}

bool Dispatcher::may_write(const RegisteredCommand& command, std::span<const std::string_view> args) const {
  if (!command.is(kWrite | kMayReplicate)) return false;
  return !environment_.scripting->promises_no_writes(command, args);
}

void Dispatcher::reject(Connection& connection, RegisteredCommand* command, std::string_view error) {
  if (command != nullptr) ++command->stats.rejected;
  count_error(error);
  RespWriter reply(connection.output, connection.resp);
  if (command != nullptr && command->row->name == "exec") {
    connection.in_multi = connection.multi_failed = false;
    connection.queue.clear();
    connection.queue_bytes = 0;
    storage_.watches().forget(connection.watch);
    if (error.starts_with("ERR ")) error.remove_prefix(4);
    reply.error(fmt::format("EXECABORT Transaction discarded because of: {}", error));
    return;
  }
  if (connection.in_multi) connection.multi_failed = true;
  reply.error(error);
}

bool Dispatcher::find_cold_keys(Connection& connection, const RegisteredCommand& command,
                                std::span<const std::string_view> args) {
  cold_keys_.clear();
  if (command.row->name == "exec") {
    int db = connection.db;
    for (const QueuedCommand& queued : connection.queue) {
      if (queued.command()->row->name == "select" && queued.args().size() == 2) {
        const auto index = parse_integer(queued.args()[1]);
        if (index && *index >= 0 && *index < storage_.keyspace().databases()) db = static_cast<int>(*index);
      }
      add_cold_keys(db, *queued.command(), queued.args());
    }
  } else {
    add_cold_keys(connection.db, command, args);
  }
  return !cold_keys_.empty();
}

void Dispatcher::find_cold_keys(int db, std::span<const std::string_view> args, std::vector<std::string>& out) {
  RegisteredCommand* command = registry_.find_in_stream(args[0]);
  if (command != nullptr && !command->subcommands.empty() && args.size() > 1) {
    command = CommandRegistry::find_subcommand(*command, args[1]);
  }
  if (command == nullptr || !fits_arity(*command, args.size())) return;
  cold_keys_.clear();
  add_cold_keys(db, *command, args);
  out.insert(out.end(), std::make_move_iterator(cold_keys_.begin()), std::make_move_iterator(cold_keys_.end()));
  cold_keys_.clear();
}

void Dispatcher::add_cold_keys(int db_index, const RegisteredCommand& command, std::span<const std::string_view> args) {
  Database& db = storage_.keyspace().db(db_index);
  if (db.cold == 0) return;
  positions_.clear();
  key_positions(command, args, positions_);
  for (const KeyPosition& position : positions_) {
    const std::string_view key = args[static_cast<std::size_t>(position.index)];
    if (storage_.keyspace().is_cold(db, key)) cold_keys_.push_back(storage_.keyspace().stored_key_of(db, key));
  }
}

bool Dispatcher::call(Connection& connection, RegisteredCommand& command, std::span<const std::string_view> args,
                      std::string_view raw) {
  RespWriter reply(connection.output, connection.resp);
  Keyspace& keyspace = storage_.keyspace();
  keyspace.set_no_touch(connection.no_touch);
  Call call(command, args, raw, connection, reply, keyspace, storage_.effects(), &environment_);
  const auto began = last_clock_;
  command.row->run(call);
  last_clock_ = began;  // it took what the commands took that it ran
  Connection& client = connection.acts_for == nullptr ? connection : *connection.acts_for;
  if (client.tracking != nullptr) environment_.tracking->remember(client, command, args);
  account(connection, command, args, call);
  if (!environment_.monitors.empty() && !command.is(kSkipMonitor | kAdmin)) {
    feed_monitors(environment_, connection, without_secrets(command, args));
  }
  return !call.blocked();
}

bool Dispatcher::run_again(Connection& connection) {
  const QueuedCommand& waiting = *connection.blocked;
  const std::size_t output_before = connection.output.size();
  const Permissions* permissions = connection.permissions;
  if (permissions != nullptr && !permissions->unrestricted()) {
    // The rules may have changed while it waited.
    const std::string_view why_not = refusal_by_acl(connection, *waiting.command(), waiting.args());
    if (!why_not.empty()) {
      reject(connection, waiting.command(), why_not);
      return true;
    }
  }
  const Pushes::Running running(*environment_.pushes, connection);
  last_clock_ = std::chrono::steady_clock::now();  // its wait is no time that it took
  RespWriter reply(connection.output, connection.resp);
  storage_.keyspace().set_no_touch(connection.no_touch);
  Call call(*waiting.command(), waiting.args(), {}, connection, reply, storage_.keyspace(), storage_.effects(), &environment_);
  waiting.command()->row->run(call);
  if (connection.tracking != nullptr) environment_.tracking->remember(connection, *waiting.command(), waiting.args());
  environment_.tracking->end_command();
  account(connection, *waiting.command(), waiting.args(), call);
  if (!call.blocked()) silence(connection, output_before);
  return !call.blocked();
}

void Dispatcher::give_up(Connection& connection, std::string_view error) {
  CommandStats& stats = connection.blocked->command()->stats;
  ++stats.calls;
  ++stats.failed;
  ++connection.commands;
  ++environment_.stats.commands_processed;
  count_error(error);
  if (connection.reply_mode == ReplyMode::on) RespWriter(connection.output, connection.resp).error(error);
}

void Dispatcher::account(Connection& connection, RegisteredCommand& command, std::span<const std::string_view> args,
                         const Call& call) {
  const auto now = std::chrono::steady_clock::now();
  const auto took = now - last_clock_;
  last_clock_ = now;
  // In a script time stands still.
  if (took >= kClockSlack && !environment_.scripting->is_running()) storage_.keyspace().set_now(wall_clock());
  if (call.blocked()) return;  // it counts as the one call it is, when it is done
  ++connection.commands;
  ++environment_.stats.commands_processed;
  ++command.stats.calls;
  command.stats.nanoseconds += static_cast<std::uint64_t>(took.count());
  if (call.failed()) {
    ++command.stats.failed;
    if (!call.error().empty()) count_error(call.error());
  }
  const Config& config = environment_.config.now();
  if (config.latency_tracking) command.stats.record_latency(static_cast<std::uint64_t>(took.count()));
  const auto microseconds = std::chrono::duration_cast<std::chrono::microseconds>(took).count();
  if (config.slowlog_log_slower_than >= 0 && microseconds >= config.slowlog_log_slower_than &&
      !command.is(kSkipSlowlog)) {
    const Connection& client = connection.acts_for == nullptr ? connection : *connection.acts_for;
    environment_.slow_log.add(keyspace_now(), static_cast<std::uint64_t>(microseconds), without_secrets(command, args),
                              client.peer, client.name, static_cast<std::size_t>(config.slowlog_max_len));
  }
  if (config.latency_monitor_threshold > 0 && microseconds / 1000 >= config.latency_monitor_threshold) {
    environment_.latency.add(command.is(kFast) ? "fast-command" : "command", keyspace_now(),
                             static_cast<std::uint64_t>(microseconds / 1000));
  }
}

void Dispatcher::count_error(std::string_view error) {
  ++environment_.stats.error_replies;
  const std::string_view code = error.substr(0, error.find(' '));
  const auto found = environment_.stats.errors.find(code);
  if (found != environment_.stats.errors.end()) {
    ++found->second;
  } else {
    environment_.stats.errors.emplace(code, 1);
  }
}

void Dispatcher::run_queue(Connection& connection) {
  // Moved out: a command of the queue may be RESET, or close the connection.
  const std::deque<QueuedCommand> queue = std::move(connection.queue);
  connection.queue.clear();
  connection.queue_bytes = 0;
  RespWriter(connection.output, connection.resp).array(queue.size());
  for (const QueuedCommand& queued : queue) {
    RegisteredCommand& command = *queued.command();
    if (const std::string_view why_not = refusal(connection, command, queued.args()); !why_not.empty()) {
      reject(connection, &command, why_not);
      continue;
    }
    call(connection, command, queued.args(), queued.raw());
  }
}

}  // namespace stele
