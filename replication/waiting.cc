// WAIT and WAITAOF: clients that want to know how far their writes have got.

#include "protocol/clients.h"
#include "protocol/resp_integer.h"
#include "replication/replication.h"

namespace stele {

using std::chrono::steady_clock;

/// WAIT numreplicas timeout, WAITAOF numlocal numreplicas timeout
void Replication::wait(Call& call, bool on_disk) {
  const std::size_t at = on_disk ? 2 : 1;
  std::int64_t local = 0, replicas = 0;
  if (on_disk) {
    if (!call.integer_arg(1, local)) return;
    if (local < 0 || local > 1) return call.fail("ERR value is out of range");
  }
  if (!call.integer_arg(at, replicas)) return;
  if (replicas < 0) return call.fail("ERR value is out of range, must be positive");
  Call::Deadline deadline;
  if (!call.timeout_ms_arg(at + 1, deadline)) return;
  if (is_replica()) {
    return call.fail(on_disk ? "ERR WAITAOF cannot be used with replica instances. Please also note that writes to replicas are just "
                               "local and are not propagated."
                             : "ERR WAIT cannot be used with replica instances. Please also note that since Redis 4.0 if a replica is "
                               "configured to be writable (which is not the default) writes to replicas are just local and are not "
                               "propagated.");
  }
  if (local > 0 && !environment_.config.now().appendonly) {
    return call.fail("ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.");
  }
  Connection& connection = connection_of(call);
  const Waiting waiting{.client = connection.id,
                        .target = stream_end(),
                        .replicas = static_cast<std::size_t>(replicas),
                        .local = local > 0,
                        .on_disk = on_disk,
                        .deadline = deadline};
  if (satisfied(waiting) || !call.may_block()) return reply_wait(call.reply(), waiting);
  call.block_aside();
  connection.waits = Waits::for_acks;
  waiting_.push_back(waiting);
  ask_for_acks_ = true;
}

bool Replication::satisfied(const Waiting& waiting) const {
  if (waiting.local && environment_.storage.journal().durable() < waiting.target) return false;
  return replicas_.acknowledged(waiting.target, waiting.on_disk) >= waiting.replicas;
}

void Replication::reply_wait(RespWriter& reply, const Waiting& waiting) const {
  const auto replicas = static_cast<std::int64_t>(replicas_.acknowledged(waiting.target, waiting.on_disk));
  if (!waiting.on_disk) return reply.integer(replicas);
  reply.array(2);
  reply.integer(environment_.storage.journal().durable() >= waiting.target ? 1 : 0);
  reply.integer(replicas);
}

void Replication::answer(const Waiting& waiting) {
  Connection* connection = environment_.clients.find(waiting.client);
  if (connection == nullptr) return;
  RespWriter reply(connection->output, connection->resp);
  reply_wait(reply, waiting);
  environment_.replied(*connection);
  environment_.resume(*connection);
}

void Replication::look_at_waiting() {
  look_at_waiting_ = false;
  const auto now = steady_clock::now();
  std::erase_if(waiting_, [&](const Waiting& waiting) {
    if (!satisfied(waiting) && !(waiting.deadline && *waiting.deadline <= now)) return false;
    answer(waiting);
    return true;
  });
}

}  // namespace stele
