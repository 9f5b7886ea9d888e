#include "protocol/commands.h"
#include "protocol/dispatcher.h"

namespace stele {

namespace {

using namespace command_flag;
namespace key = key_flag;

void leave_multi(Connection& connection, Call& call) {
  connection.in_multi = connection.multi_failed = false;
  connection.queue.clear();
  connection.queue_bytes = 0;
  call.environment().storage.watches().forget(connection.watch);
}

/// MULTI
void multi(Call& call) {
  Session& session = call.session();
  if (session.in_multi) return call.fail("ERR MULTI calls can not be nested");
  session.in_multi = true;
  session.multi_failed = false;
  call.reply().ok();
}

/// EXEC
///
/// Effect  those of the queued commands, between MULTI and EXEC if there are several.
void exec(Call& call) {
  Connection& connection = connection_of(call);
  if (!connection.in_multi) return call.fail("ERR EXEC without MULTI");
  // A watched key whose time has come counts as changed, whether anybody looked at it or not.
  Keyspace& keyspace = call.keyspace();
  for (const auto& [db, watched] : connection.watch.keys) {
    if (!connection.watch.touched) keyspace.find(keyspace.db(db), watched);
  }
  if (connection.multi_failed) {
    leave_multi(connection, call);
    return call.fail("EXECABORT Transaction discarded because of previous errors.");
  }
  if (connection.watch.touched) {
    leave_multi(connection, call);
    return call.reply().null_array();
  }
  call.environment().storage.watches().forget(connection.watch);
  connection.in_multi = false;
  connection.in_exec = true;
  call.environment().dispatcher->run_queue(connection);
  connection.in_exec = false;
}

/// DISCARD
void discard(Call& call) {
  if (!call.session().in_multi) return call.fail("ERR DISCARD without MULTI");
  leave_multi(connection_of(call), call);
  call.reply().ok();
}

/// WATCH key [key ...]
void watch(Call& call) {
  Session& session = call.session();
  if (session.in_multi) return call.fail("ERR WATCH inside MULTI is not allowed");
  for (std::size_t i = 1; i < call.argc(); ++i) {
    // Removes it if it has expired already: that is not a change after WATCH.
    call.keyspace().find(call.db(), call.arg(i));
    call.environment().storage.watches().watch(session.db, call.arg(i), session.watch);
  }
  call.reply().ok();
}

/// UNWATCH
void unwatch(Call& call) {
  call.environment().storage.watches().forget(call.session().watch);
  call.reply().ok();
}

constexpr Command kCommands[] = {
    {.name = "multi", .arity = 1, .flags = kNoscript | kLoading | kStale | kFast | kAllowBusy,
     .categories = category::kTransaction, .run = multi, .group = "transactions", .since = "1.2.0",
     .summary = "Begins to queue commands for one atomic EXEC.", .complexity = "O(1)"},
    {.name = "exec", .arity = 1, .flags = kNoscript | kLoading | kStale | kSkipSlowlog,
     .categories = category::kTransaction, .run = exec, .group = "transactions", .since = "1.2.0",
     .summary = "Runs the queued commands as one.", .complexity = "Depends on the commands in the transaction"},
    {.name = "discard", .arity = 1, .flags = kNoscript | kLoading | kStale | kFast | kAllowBusy,
     .categories = category::kTransaction, .run = discard, .group = "transactions", .since = "2.0.0",
     .summary = "Drops the queued commands.", .complexity = "O(N), where N is the number of queued commands"},
    {.name = "watch", .arity = -2, .flags = kNoscript | kLoading | kStale | kFast | kAllowBusy,
     .categories = category::kTransaction, .keys = {KeySpec::range(1, -1, 1, key::kRO)}, .run = watch,
     .group = "transactions", .since = "2.2.0", .summary = "Makes the next EXEC fail if one of the keys changes before it.",
     .complexity = "O(1) for every key.", .syntax = "key..."},
    {.name = "unwatch", .arity = 1, .flags = kNoscript | kLoading | kStale | kFast | kAllowBusy,
     .categories = category::kTransaction, .run = unwatch, .group = "transactions", .since = "2.2.0",
     .summary = "Forgets all watched keys.", .complexity = "O(1)"},
};

}  // namespace

std::span<const Command> transaction_commands() { return kCommands; }

}  // namespace stele
