#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/waiters.h"
#include "engine/watches.h"
#include "protocol/resp_writer.h"

namespace stele {

class Permissions;
struct RegisteredCommand;

/// A command that waits for EXEC. Owns its bytes.
class QueuedCommand {
 public:
  QueuedCommand(RegisteredCommand* command, std::span<const std::string_view> args, std::string_view raw);

  RegisteredCommand* command() const { return command_; }
  std::span<const std::string_view> args() const { return args_; }
  std::string_view raw() const { return std::string_view(bytes_).substr(0, raw_bytes_); }

 private:
  RegisteredCommand* command_;
  std::string bytes_;  // raw, or the arguments one behind the other if there is no raw; never moves
  std::size_t raw_bytes_;
  std::vector<std::string_view> args_;
};

/// What a client has set up on its connection, as far as commands are concerned.
struct Session {
  std::uint64_t id = 0;
  int db = 0;
  RespVersion resp = RespVersion::resp2;
  bool authenticated = false;
  std::string user = "default";
  const Permissions* permissions = nullptr;  // of `user`; null: may do everything
  std::string name;         // CLIENT SETNAME
  std::string lib_name;     // CLIENT SETINFO
  std::string lib_version;
  bool no_touch = false;
  bool no_evict = false;

  // MULTI
  bool in_multi = false;
  bool in_exec = false;      // the queue is being run
  bool multi_failed = false;  // a command was refused while queueing: EXEC answers EXECABORT
  std::deque<QueuedCommand> queue;
  std::size_t queue_bytes = 0;
  WatchState watch;

  // A blocking command that found nothing; it is run again when one of its keys changes, and a last time when its time is up.
  WaitState wait;
  std::optional<QueuedCommand> blocked;
  std::optional<std::chrono::steady_clock::time_point> blocked_until;
  bool may_not_block = false;  // a script, or the last run of a blocking command

  /// client-output-buffer-limit as of the command that runs: more than this would never be sent.
  std::size_t reply_bytes_max = std::numeric_limits<std::size_t>::max();
};

}  // namespace stele
