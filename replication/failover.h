#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/environment.h"
#include "replication/primary_link.h"

namespace stele {

/// FAILOVER: a planned switch that loses no acknowledged write. Clients that write are paused until a replica has everything; then
/// the two change places.
///
///     none ──FAILOVER──► waiting for a replica ──it has all──► the other takes over: PSYNC ... FAILOVER ──► none
///                              │ TIMEOUT, without FORCE; ABORT        │ refused, not there, or ABORT
///                              └──────────────► none ◄────────────────┘
///
/// Threads: the executor.
class Failover {
 public:
  enum class State { none, waiting, in_progress };

  explicit Failover(Environment& environment) : environment_(environment) {}

  /// FAILOVER [TO host port [FORCE]] [ABORT] [TIMEOUT ms]
  void run(Call& call);
  State state() const { return state_; }
  std::string_view state_name() const;

  void turn(std::chrono::steady_clock::time_point now);
  /// We follow the new primary, or it did not want to be one.
  void succeeded();
  void failed(std::string_view why);
  /// False while it may be that the other has taken over and we have not heard of it: then only asking again helps.
  bool may_give_up(const PrimaryLink::Outcome& attempt);
  std::optional<std::chrono::steady_clock::time_point> deadline() const;

 private:
  void begin_switch(const std::string& host, int port);
  void abort(std::string_view why);
  void release_clients();

  Environment& environment_;
  State state_ = State::none;
  std::string host_;  // empty: whichever comes first
  int port_ = 0;
  bool force_ = false;
  bool asked_ = false;   // the other has perhaps been told
  std::optional<std::chrono::steady_clock::time_point> deadline_;
};

}  // namespace stele
