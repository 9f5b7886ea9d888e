#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "engine/command_registry.h"
#include "engine/effects.h"
#include "engine/keyspace.h"
#include "engine/session.h"
#include "protocol/resp_writer.h"

namespace stele {

/// What the protocol layer's commands (CLIENT, CONFIG, INFO) work on; the engine only carries it.
struct Environment;

/// One run of a command: arguments in, reply and effects out. A handler goes always in this order:
///
///     parse, look up, check, change, emit, reply
///
/// and changes nothing before the last thing that can fail. Views are valid while the handler runs.
class Call {
 public:
  Call(RegisteredCommand& command, std::span<const std::string_view> args, std::string_view raw, Session& session,
       RespWriter& reply, Keyspace& keyspace, Effects& effects, Environment* environment)
      : command_(command), args_(args), raw_(raw), session_(session), reply_(reply), keyspace_(keyspace),
        effects_(effects), environment_(environment) {}

  RegisteredCommand& command() const { return command_; }
  std::span<const std::string_view> args() const { return args_; }
  std::size_t argc() const { return args_.size(); }
  std::string_view arg(std::size_t i) const { return args_[i]; }
  /// The arguments as the client sent them; empty if they came another way.
  std::string_view raw() const { return raw_; }
  bool arg_is(std::size_t i, std::string_view word) const;  // in any case of letters

  Session& session() const { return session_; }
  Keyspace& keyspace() const { return keyspace_; }
  Database& db() const { return keyspace_.db(session_.db); }
  Effects& effects() const { return effects_; }
  UnixTime now() const { return keyspace_.now(); }
  Environment& environment() const { return *environment_; }
  Environment* environment_if_any() const { return environment_; }

  RespWriter& reply() const { return reply_; }

  // --- errors: reply, and count as failed
  void fail(std::string_view error);  // whole, with its code: "ERR syntax error"
  void syntax_error() { fail("ERR syntax error"); }
  void wrong_type() { fail("WRONGTYPE Operation against a key holding the wrong kind of value"); }
  void not_an_integer() { fail("ERR value is not an integer or out of range"); }
  void wrong_arity();
  void no_such_key() { fail("ERR no such key"); }
  /// As fail(), for an error that was counted where it arose: in a command that a script called.
  void fail_again(std::string_view error) {
    fail(error);
    error_code_bytes_ = 0;
  }
  bool failed() const { return failed_; }
  /// The first word of the last error; empty if it is not to be counted.
  std::string_view error() const { return {error_code_, error_code_bytes_}; }

  /// Parses argument `i`; replies not_an_integer() and returns false if it is none.
  bool integer_arg(std::size_t i, std::int64_t& value);

  /// Likewise for the number of a database; it must exist.
  bool database_arg(std::size_t i, int& db);

  /// Whether so much waits for the client that it is going to be disconnected: a reply without a bound of its own may end
  /// here, as nobody will see it.
  bool replied_too_much() const { return reply_.buffer().size() > session_.reply_bytes_max; }

  // --- notifications
  /// What happened to `key`, for those who subscribed to keyspace notifications; `kind` is one of key_event. After the change.
  void notify(std::uint32_t kind, std::string_view event, std::string_view key) const {
    keyspace_.notify(kind, event, session_.db, key);
  }

  // --- blocking
  /// False in a transaction, in a script, and in the run at the end of the wait: then the command replies at once that there
  /// is nothing.
  bool may_block() const { return !session_.in_exec && !session_.may_not_block && environment_ != nullptr; }
  using Deadline = std::optional<std::chrono::steady_clock::time_point>;  // nothing: for ever
  /// Instead of a reply, if may_block(): the command is run again, from its beginning, whenever one of `keys` has changed,
  /// and with may_block() false at `deadline`. `deadline` counts in the first run only, since it is computed from an argument.
  /// `wakes_when_gone`: also when a key is deleted.
  void block(std::span<const std::string_view> keys, Deadline deadline, bool wakes_when_gone = false);
  /// As above, and it is `args` that run then: for an argument that means "what is there now" (XREAD's $).
  void block_as(std::span<const std::string_view> args, std::span<const std::string_view> keys, Deadline deadline,
                bool wakes_when_gone = false);
  /// Likewise, for what no key decides: whoever makes it wait answers for the command.
  void block_aside() { blocked_ = true; }
  bool blocked() const { return blocked_; }
  /// The run at the end of the wait: the reply is the one of a timeout, whatever the keys hold by now.
  bool wait_is_over() const { return session_.may_not_block && session_.wait.waiting(); }
  /// Argument `i` as a timeout in seconds (a fraction is allowed) or whole milliseconds; 0 is for ever. Replies with the error
  /// and returns false if it is none.
  bool timeout_seconds_arg(std::size_t i, Deadline& deadline);
  bool timeout_ms_arg(std::size_t i, Deadline& deadline);

  // --- effects
  /// The command as the client sent it is its own effect.
  void emit_verbatim();
  template <typename... Parts>
  void emit(const Parts&... parts) {
    effects_.emit(session_.db, parts...);
  }
  template <typename... Parts>
  void emit_in(int db, const Parts&... parts) {
    effects_.emit(db, parts...);
  }

 private:
  RegisteredCommand& command_;
  std::span<const std::string_view> args_;
  std::string_view raw_;
  Session& session_;
  RespWriter& reply_;
  Keyspace& keyspace_;
  Effects& effects_;
  Environment* environment_;
  bool timeout(long double ms, Deadline& deadline);

  bool failed_ = false;
  bool blocked_ = false;
  std::uint8_t error_code_bytes_ = 0;
  char error_code_[22];
};

}  // namespace stele
