#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/call.h"
#include "protocol/connection.h"
#include "protocol/scripting/function_engine.h"
#include "protocol/scripting/lua_sandbox.h"
#include "protocol/scripting/script_cache.h"
#include "protocol/scripting/script_flags.h"

namespace stele {

struct Environment;

/// A script or function to be run.
struct ScriptRun {
  std::string_view name;  // sha or function: for error messages
  ScriptFlags flags;
  bool is_function = false;
  bool read_only = false;  // it may not write: said by itself, or by how it was called
};

/// Scripts and functions: compiles, runs and ends them. One runs at a time; what it calls goes through the Dispatcher as a
/// connection of its own, and all its effects are in the unit of the command that runs it.
///
///     EVAL, FCALL ──► run ──► Lua ──redis.call──► Dispatcher ──► handlers
///                              │
///                              └─hook, every 100,000 instructions: longer than busy-reply-threshold?
///                                     └──► environment.while_busy: other clients get BUSY, or SCRIPT KILL
///
/// Threads: the executor.
class Scripting {
 public:
  explicit Scripting(Environment& environment);
  ~Scripting();

  // --- commands
  void eval(Call& call, bool by_sha, bool read_only);
  void fcall(Call& call, bool read_only);
  /// Whether `command` runs a script or function that says of itself that it does not write.
  bool promises_no_writes(const RegisteredCommand& command, std::span<const std::string_view> args) const;
  ScriptCache& cache() { return cache_; }
  FunctionEngine& functions() { return functions_; }
  /// SCRIPT KILL and FUNCTION KILL; replies.
  void kill(Call& call, bool function);

  // --- the running script
  bool is_running() const { return running_.has_value(); }
  /// It has been running for longer than busy-reply-threshold: whoever asks meanwhile is told so.
  bool is_busy() const { return running_ && running_->busy; }
  std::string_view busy_error() const;
  /// Whose script it is; null if none runs.
  Connection* caller() const { return running_ ? running_->caller : nullptr; }
  /// FUNCTION STATS.
  struct Running {
    ScriptRun run;
    Connection* caller = nullptr;
    std::span<const std::string_view> args;  // of the EVAL or FCALL
    std::chrono::steady_clock::time_point since;
    bool wrote = false;
    bool busy = false;
    bool killed = false;
  };
  const Running* running() const { return running_ ? &*running_ : nullptr; }

  // --- called from Lua
  /// redis.call and redis.pcall: takes the arguments off the stack and pushes the reply, or an error table and returns false.
  bool call_command(lua_State* L);
  /// redis.acl_check_cmd(): pushes a boolean, or an error table and returns false.
  bool check_command(lua_State* L);
  bool set_resp(int version);
  /// The hook: raises an error if the script has been killed.
  void interrupt(lua_State* L);

  /// DEBUG SET-DISABLE-DENY-SCRIPTS: scripts may call some of what is marked noscript.
  void allow_noscript_commands(bool allowed) { noscript_allowed_ = allowed; }

 private:
  /// What may go wrong before the first line runs; empty if nothing does.
  std::string_view refusal_to_start(const ScriptRun& run, const Connection& caller);
  /// The arguments and the function are on the stack, above the error handler at index 1.
  void run(Call& call, const ScriptRun& run, LuaSandbox& sandbox, int arguments);
  void reply_with_error(Call& call, const ScriptRun& run, lua_State* L);
  bool collect_args(lua_State* L);
  std::string_view refusal(RegisteredCommand& command);
  bool is_out_of_memory() const;

  Environment& environment_;
  ScriptCache cache_;
  FunctionEngine functions_;
  std::optional<Running> running_;
  Connection script_;  // as whom scripts run commands
  bool in_command_ = false;
  bool noscript_allowed_ = false;

  std::vector<std::string_view> args_;  // of the command being called
  std::string numbers_;                 // those of args_ that were numbers
};

}  // namespace stele
