#include "replication/failover.h"

#include <spdlog/spdlog.h>

#include "protocol/clients.h"
#include "protocol/resp_integer.h"
#include "replication/replication.h"

namespace stele {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

std::string_view Failover::state_name() const {
  switch (state_) {
    case State::none: return "no-failover";
    case State::waiting: return "waiting-for-sync";
    case State::in_progress: return "failover-in-progress";
  }
  return {};
}

void Failover::run(Call& call) {
  if (environment_.config.now().cluster_enabled) return call.fail("ERR FAILOVER not allowed in cluster mode.");
  std::optional<std::int64_t> timeout;
  std::string host;
  std::int64_t port = 0;
  bool aborts = false, forces = false;
  for (std::size_t i = 1; i < call.argc(); ++i) {
    const bool has_value = i + 1 < call.argc();
    if (call.arg_is(i, "timeout") && has_value && !timeout) {
      std::int64_t ms = 0;
      if (!call.integer_arg(++i, ms)) return;
      if (ms <= 0) return call.fail("ERR FAILOVER timeout must be greater than 0");
      timeout = ms;
    } else if (call.arg_is(i, "abort")) {
      aborts = true;
    } else if (call.arg_is(i, "to") && i + 2 < call.argc() && host.empty()) {
      host = call.arg(i + 1);
      if (!call.integer_arg(i + 2, port)) return;
      i += 2;
    } else if (call.arg_is(i, "force")) {
      forces = true;
    } else {
      return call.syntax_error();
    }
  }
  if (aborts) {
    if (call.argc() > 2) return call.syntax_error();
    if (state_ == State::none) return call.fail("ERR No failover in progress.");
    abort("Failover manually aborted");
    return call.reply().ok();
  }
  if (state_ != State::none) return call.fail("ERR FAILOVER already in progress.");
  Replication& replication = replication_of(environment_);
  if (replication.is_replica()) return call.fail("ERR FAILOVER is not valid when server is a replica.");
  if (replication.replicas().empty()) return call.fail("ERR FAILOVER requires connected replicas.");
  if (forces && (!timeout || host.empty())) return call.fail("ERR FAILOVER with force option requires both a timeout and target HOST and IP.");
  if (!host.empty()) {
    bool known = false, online = false;
    replication.replicas().for_each([&](std::uint64_t id, const Replica& replica) {
      if (replica.port != port || replication.replicas().address_of(id, replica) != host) return;
      known = true;
      online |= replica.state_name() == "online";
    });
    if (!known) return call.fail("ERR FAILOVER target HOST and PORT is not a replica.");
    if (!online) return call.fail("ERR FAILOVER target replica is not online.");
  }
  spdlog::info("FAILOVER requested to {}", host.empty() ? "any replica." : fmt::format("{}:{}.", host, port));
  host_ = host;
  port_ = static_cast<int>(port);
  force_ = forces;
  deadline_.reset();
  if (timeout) deadline_ = steady_clock::now() + milliseconds(*timeout);
  state_ = State::waiting;
  environment_.pause.failover = true;
  replication.ask_for_acks();  // or they would tell within a second
  call.reply().ok();
}

void Failover::turn(steady_clock::time_point now) {
  if (state_ != State::waiting) return;
  Replication& replication = replication_of(environment_);
  if (deadline_ && *deadline_ <= now) {
    if (!force_) return abort("Replica never caught up before timeout");
    spdlog::info("Failover to {}:{} time out exceeded, failing over.", host_, port_);
    return begin_switch(host_, port_);
  }
  const Offset end = environment_.storage.journal().end();
  if (!environment_.storage.journal().batch().empty()) return;
  std::string host;
  int port = 0;
  replication.replicas().for_each([&](std::uint64_t id, const Replica& replica) {
    if (!host.empty() || replica.acked != end || replica.port == 0) return;
    const std::string ip = replication.replicas().address_of(id, replica);
    if (!host_.empty() && (ip != host_ || replica.port != port_)) return;
    host = ip;
    port = replica.port;
  });
  if (!host.empty()) begin_switch(host, port);
}

void Failover::begin_switch(const std::string& host, int port) {
  spdlog::info("Failover target is {}:{}, failing over.", host, port);
  state_ = State::in_progress;
  asked_ = false;
  replication_of(environment_).follow({host, port}, true);
}

void Failover::succeeded() {
  if (state_ != State::in_progress) return;
  state_ = State::none;
  spdlog::info("Failover done: this server follows now");
  release_clients();
}

void Failover::failed(std::string_view why) {
  if (state_ != State::in_progress) return;
  abort(fmt::format("Failover target rejected psync request: {}", why));
}

bool Failover::may_give_up(const PrimaryLink::Outcome& attempt) {
  asked_ |= attempt.asked_to_take_over;
  return attempt.declined || !asked_;
}

void Failover::abort(std::string_view why) {
  spdlog::warn("FAILOVER aborted: {}", why);
  const bool switched = std::exchange(state_, State::none) == State::in_progress;
  if (switched) replication_of(environment_).lead();
  release_clients();
}

void Failover::release_clients() {
  deadline_.reset();
  environment_.pause.failover = false;  // those who wait go on with the next look at them
}

std::optional<steady_clock::time_point> Failover::deadline() const {
  if (state_ != State::waiting) return std::nullopt;
  return deadline_;
}

}  // namespace stele
