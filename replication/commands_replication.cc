// REPLICAOF, PSYNC and their kin, WAIT.

#include <unistd.h>

#include "protocol/command_tips.h"
#include "protocol/commands.h"
#include "protocol/resp_integer.h"
#include "replication/replication.h"

namespace stele {

namespace {

/// REPLICAOF host port [FORCE], REPLICAOF NO ONE
void replicaof(Call& call) {
  Environment& environment = call.environment();
  Replication& replication = replication_of(environment);
  if (environment.config.now().cluster_enabled) return call.fail("ERR REPLICAOF not allowed in cluster mode.");
  if (replication.failover().state() != Failover::State::none) return call.fail("ERR REPLICAOF not allowed while failing over.");
  if (call.argc() > 4) return call.wrong_arity();
  const bool force = call.argc() == 4;
  if (force && !call.arg_is(3, "force")) return call.syntax_error();
  if (call.arg_is(1, "no") && call.arg_is(2, "one") && !force) {
    replication.lead();
    return call.reply().ok();
  }
  if (connection_of(call).replica) return call.fail("ERR Command is not valid when client is a replica.");
  const auto port = parse_integer(call.arg(2));
  if (!port || *port < 0 || *port > 65535) return call.fail("ERR Invalid master port");
  PrimaryAddress primary{std::string(call.arg(1)), *port};
  if (!force && replication.primary() == primary) {
    return call.reply().simple("OK Already connected to specified master");
  }
  replication.follow(std::move(primary), force);
  call.reply().ok();
}

void psync(Call& call) { replication_of(call.environment()).psync(call); }
void sync(Call& call) { replication_of(call.environment()).sync(call); }
void role(Call& call) { replication_of(call.environment()).role(call); }
void failover(Call& call) { replication_of(call.environment()).failover().run(call); }
void wait(Call& call) { replication_of(call.environment()).wait(call, false); }
void waitaof(Call& call) { replication_of(call.environment()).wait(call, true); }

/// REPLCONF option value [option value ...]
void replconf(Call& call) {
  if (call.argc() % 2 == 0) return call.syntax_error();
  if (call.argc() == 3 && call.arg_is(1, "getack")) return;  // of a primary to its replicas
  if (replication_of(call.environment()).replicas().replconf(call)) return;
  call.fail(fmt::format("ERR Unrecognized REPLCONF option: {:.128}", call.arg(1)));
}

using namespace command_flag;

constexpr Flags kOperator = kAdmin | kNoscript;
constexpr std::string_view kGroup = "server";

const Command kReplicationCommands[] = {
    {.name = "failover", .arity = -1, .flags = kOperator | kStale, .run = failover, .group = kGroup, .since = "6.2.0",
     .summary = "Has a replica take over from this server, without losing a write.", .complexity = "O(1)",
     .syntax = "[target=TO (host port:integer [FORCE])] [ABORT] [TIMEOUT milliseconds:integer]"},
    {.name = "psync", .arity = -3, .flags = kNoAsyncLoading | kOperator | kNoMulti, .run = psync, .group = kGroup,
     .since = "2.8.0", .summary = "Used by replicas: asks for the stream from an offset on.", .complexity = "O(1)", .syntax = "replicationid offset:integer"},
    {.name = "replconf", .arity = -1, .flags = kOperator | kLoading | kStale | kAllowBusy, .run = replconf, .group = kGroup,
     .since = "3.0.0", .summary = "Used by replicas: says who they are and how far.", .complexity = "O(1)"},
    {.name = "replicaof", .arity = -3, .flags = kNoAsyncLoading | kOperator | kStale, .run = replicaof, .group = kGroup,
     .since = "5.0.0", .summary = "Follows another server, or none.", .complexity = "O(1)", .syntax = "args=(host-port=(host port:integer)|no-one=(NO ONE))"},
    {.name = "role", .arity = 1, .flags = kNoscript | kLoading | kStale | kFast, .categories = category::kAdmin | category::kDangerous,
     .run = role, .group = kGroup, .since = "2.8.12", .summary = "Returns the server's part in replication.", .complexity = "O(1)"},
    {.name = "slaveof", .arity = -3, .flags = kNoAsyncLoading | kOperator | kStale, .run = replicaof, .group = kGroup,
     .since = "1.0.0", .summary = "Follows another server, or none.", .complexity = "O(1)", .deprecated_since = "5.0.0",
     .replaced_by = "`REPLICAOF`", .syntax = "args=(host-port=(host port:integer)|no-one=(NO ONE))"},
    {.name = "sync", .arity = 1, .flags = kNoAsyncLoading | kOperator | kNoMulti, .run = sync, .group = kGroup, .since = "1.0.0",
     .summary = "Used by replicas before PSYNC: asks for a snapshot and the stream.", .complexity = "O(N) in the keys"},
    {.name = "wait", .arity = 3, .categories = category::kConnection, .run = wait, .group = "generic", .since = "3.0.0",
     .summary = "Waits until so many replicas have what was written.", .complexity = "O(1)",
     .syntax = "numreplicas:integer timeout:integer"},
    {.name = "waitaof", .arity = 4, .flags = kNoscript, .categories = category::kConnection, .run = waitaof, .group = "generic",
     .since = "7.2.0", .summary = "Waits until what was written is on disk, here and on so many replicas.", .complexity = "O(1)",
     .syntax = "numlocal:integer numreplicas:integer timeout:integer"},
};

}  // namespace

std::span<const Command> replication_commands() { return kReplicationCommands; }

ReplicationParts replication_parts() {
  return {.commands = kReplicationCommands, .make_role = [](Environment& environment) { return std::make_unique<Replication>(environment); }};
}

}  // namespace stele
