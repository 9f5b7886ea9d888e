#pragma once

#include <cstdint>
#include <string>

#include "engine/command_registry.h"
#include "engine/effects.h"
#include "engine/keyspace.h"
#include "engine/session.h"
#include "protocol/resp_parser.h"
#include "protocol/resp_reply.h"

namespace stele {

struct Environment;

/// Runs commands of a stream against a keyspace whose effects are muted and whose expiry is off. Threads: the executor.
class Replayer {
 public:
  /// Messages in the stream (PUBLISH) are delivered if there is an `environment`; otherwise they were, when it was written.
  Replayer(CommandRegistry& registry, Keyspace& keyspace, Effects& effects, int db, Environment* environment = nullptr);

  /// A frame of the journal holds whole commands, and whole transactions: so MULTI and EXEC add nothing here. `corrupt`, with the
  /// offset, if a command is unknown or fails, which it did not when it was accepted.
  Status apply(std::string_view payload, UnixTime time, Offset start);

  /// One command of our own. `corrupt` if it is unknown or fails.
  Status run(std::span<const std::string_view> args);
  /// One of a primary. That it fails, or is unknown, is counted and no error: the primary has done what it has done.
  void follow(std::span<const std::string_view> args);
  /// What the last command that failed was answered.
  std::string_view last_error() const { return output_.view(); }
  /// One that another server has written: only what works on data, with as many arguments as it takes. That it fails is counted
  /// and no error: stock servers do not look at replies while they load.
  Status run_foreign(std::span<const std::string_view> args);

  std::uint64_t commands() const { return commands_; }
  std::uint64_t failed() const { return failed_; }
  int db() const { return session_.db; }
  void select(int db) { session_.db = db; }
  /// For a stream of a primary: apply() goes on after a command that fails, as it did the first time.
  void set_tolerant(bool tolerant) { tolerant_ = tolerant; }

 private:
  RegisteredCommand* find(std::span<const std::string_view> args);
  Result<RegisteredCommand*> find_own(std::span<const std::string_view> args);
  bool call(RegisteredCommand& command, std::span<const std::string_view> args);

  CommandRegistry& registry_;
  Keyspace& keyspace_;
  Effects& effects_;
  Environment* environment_;
  OutputBuffer output_;
  RespWriter reply_;
  RespParser parser_;
  Session session_;
  std::string last_name_;
  RegisteredCommand* last_ = nullptr;
  std::uint64_t commands_ = 0;
  std::uint64_t failed_ = 0;
  bool tolerant_ = false;
};

}  // namespace stele
