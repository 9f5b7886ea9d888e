#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "engine/command.h"
#include "persistence/offset.h"

namespace stele {

struct Connection;
struct Environment;
class InfoText;

/// What the server and its commands need to know of replication. replication/ implements it, and main() hands it in: that folder works
/// on this one's clients and commands, not the other way round.
///
/// Threads: the executor.
class ReplicationRole {
 public:
  virtual ~ReplicationRole() = default;

  /// Follows the primary that the configuration names, from the start on.
  virtual void start() = 0;
  virtual bool is_replica() const = 0;
  /// Whether messages have to be in the stream.
  virtual bool is_followed() const = 0;
  /// Another's data are on their way into the place of ours, which are served meanwhile.
  virtual bool full_sync_in_progress() const = 0;

  // --- what that means to commands
  /// Whether refusal() has anything to say just now. Asked for every command, so not a virtual call.
  bool restricts() const { return restricts_; }
  /// Why a command that `writes`, or may not be answered from `stale` data, may not run; empty if it may.
  virtual std::string_view refusal(const Connection& connection, bool writes, bool stale) const = 0;
  /// The configuration, or who is there, has changed.
  virtual void update_restrictions() = 0;

  // --- turns
  /// The primary's stream: returns how much of `bytes` was used.
  virtual std::size_t receive(Connection& connection, std::string_view bytes) = 0;
  virtual void turn() = 0;
  virtual void cron(std::chrono::steady_clock::time_point now) = 0;
  /// The turn's effects are about to be committed.
  virtual void before_commit() = 0;
  /// They are, and the batch is empty; up to `safe_end` a crash takes nothing back.
  virtual void after_commit(Offset safe_end) = 0;
  /// When something is to be done that nobody else wakes the executor for.
  virtual std::optional<std::chrono::steady_clock::time_point> next_deadline() const = 0;
  /// The connection is gone.
  virtual void forget(Connection& connection) = 0;

  // --- the end
  /// Of the stream, up to the end of this turn.
  virtual Offset stream_end() const = 0;
  /// Replicas that have not got everything up to `target` yet.
  virtual std::size_t replicas_behind(Offset target) const = 0;
  /// Has them say how far they are, at the end of the turn.
  virtual void ask_for_acks() = 0;
  virtual void log_replicas_at_end() const = 0;

  // --- INFO
  struct Traffic {
    std::size_t replicas = 0;
    std::uint64_t full_syncs = 0;
    std::uint64_t partial_syncs = 0;
    std::uint64_t partial_syncs_refused = 0;
    std::uint64_t received_bytes = 0;  // of the primary's stream
    std::uint64_t sent_bytes = 0;      // to replicas
    std::size_t tail_bytes = 0;        // of memory
  };
  virtual Traffic traffic() const = 0;
  /// The section "Replication".
  virtual void add_info(InfoText& info) const = 0;

 protected:
  bool restricts_ = false;
};

/// How a server comes by its role: the commands belong in its table before there is a role.
struct ReplicationParts {
  std::span<const Command> commands;
  std::function<std::unique_ptr<ReplicationRole>(Environment&)> make_role;
};

}  // namespace stele
