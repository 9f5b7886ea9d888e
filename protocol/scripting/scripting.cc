#include "protocol/scripting/scripting.h"

#include <spdlog/spdlog.h>

#include "protocol/acl/access.h"
#include "protocol/dispatcher.h"
#include "protocol/environment.h"
#include "protocol/memory_limits.h"
#include "protocol/monitor.h"
#include "protocol/resp_integer.h"
#include "protocol/resp_text.h"
#include "protocol/scripting/lua_reply.h"
#include "protocol/secrets.h"
#include "protocol/replication_role.h"

namespace stele {

namespace {

using namespace command_flag;

constexpr std::string_view kNoWrites = "ERR Write commands are not allowed from read-only scripts.";
constexpr std::chrono::milliseconds kLoadTimeMax{500};
constexpr std::size_t kKeptReplyBytes = 64 * 1024;
constexpr std::size_t kNumberBytes = 32;

/// Of what is marked noscript, these change nothing that a running script stands on; Redis' tests call them.
bool is_harmless(const RegisteredCommand& command, std::span<const std::string_view> args) {
  return command.full_name == "client|list" ||
         (command.full_name == "debug" && args.size() > 1 &&
          (equals_ignoring_case(args[1], "protocol") || equals_ignoring_case(args[1], "sleep")));
}

}  // namespace

Scripting::Scripting(Environment& environment)
    : environment_(environment), cache_(*this), functions_(*this, environment.storage.keyspace().functions()) {
  script_.peer = "lua";
  script_.authenticated = true;
  script_.may_not_block = true;
}

Scripting::~Scripting() = default;

// --- commands

bool Scripting::promises_no_writes(const RegisteredCommand& command, std::span<const std::string_view> args) const {
  const std::string_view name = command.row->name;
  if (command.parent != nullptr || args.size() < 2) return false;
  if (name == "fcall") {
    const FunctionEngine::Function* function = functions_.find(args[1]);
    return function != nullptr && function->flags.no_writes;
  }
  if (name == "evalsha") {
    const ScriptCache::Script* script = cache_.find_by_sha(args[1]);
    return script != nullptr && script->flags.no_writes;
  }
  if (name != "eval") return false;
  const Result<ScriptHead> head = parse_script_head(args[1]);
  return head.ok() && head->flags.no_writes;
}

void Scripting::eval(Call& call, bool by_sha, bool read_only) {
  const std::string_view text = call.arg(1);
  const ScriptCache::Script* script = nullptr;
  if (by_sha && text.size() != 40) return call.fail("NOSCRIPT No matching script. Please use EVAL.");
  std::int64_t keys = 0;
  if (!call.integer_arg(2, keys)) return;
  if (keys > static_cast<std::int64_t>(call.argc()) - 3) {
    return call.fail("ERR Number of keys can't be greater than number of args");
  }
  if (keys < 0) return call.fail("ERR Number of keys can't be negative");
  // So that what the script calls comes after it.
  if (!environment_.monitors.empty()) {
    feed_monitors(environment_, connection_of(call), call.args());
  }
  if (by_sha) {
    script = cache_.find_by_sha(text);
    if (script == nullptr) return call.fail("NOSCRIPT No matching script. Please use EVAL.");
  } else {
    script = cache_.find_by_body(text);
    if (script == nullptr) {
      std::string error;
      script = cache_.load(text, error);
      if (script == nullptr) return call.fail(error);
    }
  }
  if (read_only && script->flags.declared && !script->flags.no_writes) {
    return call.fail("ERR Can not execute a script with write flag using *_ro command.");
  }
  const ScriptRun what{.name = script->sha, .flags = script->flags, .is_function = false,
                       .read_only = read_only || script->flags.no_writes};
  if (const std::string_view why_not = refusal_to_start(what, connection_of(call)); !why_not.empty()) return call.fail(why_not);
  LuaSandbox& sandbox = cache_.sandbox();
  lua_State* L = sandbox.state();
  const auto count = static_cast<std::size_t>(keys);
  sandbox.set_keys_and_args(call.args().subspan(3, count), call.args().subspan(3 + count));
  lua_pushcfunction(L, annotate_error);
  lua_rawgeti(L, LUA_REGISTRYINDEX, script->function);
  run(call, what, sandbox, 0);
}

void Scripting::fcall(Call& call, bool read_only) {
  if (!environment_.monitors.empty()) {
    feed_monitors(environment_, connection_of(call), call.args());
  }
  const FunctionEngine::Function* function = functions_.find(call.arg(1));
  if (function == nullptr) return call.fail("ERR Function not found");
  const auto keys = parse_integer(call.arg(2));
  if (!keys) return call.fail("ERR Bad number of keys provided");
  if (*keys > static_cast<std::int64_t>(call.argc()) - 3) {
    return call.fail("ERR Number of keys can't be greater than number of args");
  }
  if (*keys < 0) return call.fail("ERR Number of keys can't be negative");
  if (read_only && !function->flags.no_writes) {
    return call.fail("ERR Can not execute a script with write flag using *_ro command.");
  }
  const ScriptRun what{.name = function->name, .flags = function->flags, .is_function = true,
                       .read_only = read_only || function->flags.no_writes};
  if (const std::string_view why_not = refusal_to_start(what, connection_of(call)); !why_not.empty()) return call.fail(why_not);
  LuaSandbox& sandbox = functions_.sandbox();
  lua_State* L = sandbox.state();
  const auto count = static_cast<std::size_t>(*keys);
  lua_pushcfunction(L, annotate_error);
  lua_rawgeti(L, LUA_REGISTRYINDEX, function->callback);
  push_strings(L, call.args().subspan(3, count));
  push_strings(L, call.args().subspan(3 + count));
  run(call, what, sandbox, 2);
}

std::string_view Scripting::refusal_to_start(const ScriptRun& run, const Connection& caller) {
  // One that says nothing of itself is refused at its first write.
  if (!run.flags.declared || run.read_only) return {};
  if (!environment_.storage.journal().accepts_writes()) {
    return "MISCONF Errors writing to the AOF file: No space left on device";
  }
  if (environment_.replication->restricts()) {
    const std::string_view why_not = environment_.replication->refusal(caller, !run.flags.no_writes, run.flags.allow_stale);
    if (why_not.starts_with("READONLY")) return "READONLY Can not run script with write flag on readonly replica.";
    if (!why_not.empty()) return why_not;
  }
  if (!run.flags.allow_oom && is_out_of_memory()) {
    return "OOM allow-oom flag is not set on the script, can not run it when used memory > 'maxmemory'";
  }
  return {};
}

/// As of the start of the script: nothing is evicted in the middle of it.
bool Scripting::is_out_of_memory() const {
  return environment_.memory_limits->any() && environment_.memory_limits->out_of_memory();
}

void Scripting::run(Call& call, const ScriptRun& what, LuaSandbox& sandbox, int arguments) {
  lua_State* L = sandbox.state();
  Connection& caller = connection_of(call);
  script_.id = caller.id;
  script_.db = caller.db;
  script_.user = caller.user;
  script_.permissions = caller.permissions;
  script_.no_touch = caller.no_touch;
  script_.resp = RespVersion::resp2;
  script_.acts_for = &caller;
  running_ = Running{.run = what, .caller = &caller, .args = call.args(), .since = std::chrono::steady_clock::now()};
  watch_running_time(L);
  const int status = lua_pcall(L, arguments, 1, 1);
  const bool was_busy = running_->busy;
  const RespVersion resp = script_.resp;
  running_.reset();
  script_.acts_for = nullptr;
  script_.output.clear();
  script_.output.shrink(kKeptReplyBytes);
  if (status != 0) {
    reply_with_error(call, what, L);
  } else {
    // An error that is the whole reply counts as one, unless it did so in the command that gave it.
    if (lua_istable(L, -1)) {
      if (const std::string_view error = line_field(L, "err"); error.data() != nullptr) {
        lua_pushliteral(L, "ignore_error_stats_update");
        lua_rawget(L, -2);
        const bool counted = lua_toboolean(L, -1) != 0;
        counted ? call.fail_again(error) : call.fail(error);
        lua_settop(L, 0);
        return;
      }
    }
    write_lua_value(L, call.reply(), resp);
  }
  lua_settop(L, 0);
  if (was_busy) environment_.script_was_busy();
}

void Scripting::reply_with_error(Call& call, const ScriptRun& run, lua_State* L) {
  std::string text = "ERR unknown error";
  bool counted = false;
  if (lua_istable(L, -1)) {
    if (const std::string_view error = line_field(L, "err"); error.data() != nullptr) text = error;
    if (text.starts_with('-')) text.erase(0, 1);
    const std::string_view source = string_field(L, "source");
    lua_pushliteral(L, "line");
    lua_rawget(L, -2);
    if (source.data() != nullptr && lua_isnumber(L, -1)) {
      text += fmt::format(" script: {}, on {}:{}.", run.name, source, lua_tointeger(L, -1));
    }
    lua_pop(L, 1);
    lua_pushliteral(L, "ignore_error_stats_update");
    lua_rawget(L, -2);
    counted = lua_toboolean(L, -1) != 0;
    lua_pop(L, 1);
  } else if (lua_isstring(L, -1)) {
    text = fmt::format("ERR {}", lua_tostring(L, -1));  // of the error handler itself
  }
  counted ? call.fail_again(text) : call.fail(text);
}

void Scripting::kill(Call& call, bool function) {
  if (!running_) return call.fail("NOTBUSY No scripts in execution right now.");
  if (running_->run.is_function != function) return call.fail(busy_error());
  if (running_->wrote) {
    return call.fail("UNKILLABLE Sorry the script already executed write commands against the dataset. You can either wait the "
                     "script termination or kill the server in a hard way using the SHUTDOWN NOSAVE command.");
  }
  running_->killed = true;
  call.reply().ok();
}

std::string_view Scripting::busy_error() const {
  return running_->run.is_function
             ? "BUSY Redis is busy running a script. You can only call FUNCTION KILL or SHUTDOWN NOSAVE."
             : "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.";
}

// --- called from Lua

bool Scripting::collect_args(lua_State* L) {
  const int count = lua_gettop(L);
  if (count == 0) {
    push_error(L, "ERR Please specify at least one argument for this redis lib call", false);
    return false;
  }
  args_.clear();
  numbers_.clear();
  numbers_.reserve(static_cast<std::size_t>(count) * kNumberBytes);  // views into it must stay
  for (int i = 1; i <= count; ++i) {
    if (lua_type(L, i) == LUA_TSTRING) {
      std::size_t bytes = 0;
      const char* text = lua_tolstring(L, i, &bytes);
      args_.emplace_back(text, bytes);
    } else if (lua_type(L, i) == LUA_TNUMBER) {
      char digits[kNumberBytes];
      const int bytes = std::snprintf(digits, sizeof digits, "%.17g", lua_tonumber(L, i));
      const std::size_t start = numbers_.size();
      numbers_.append(digits, static_cast<std::size_t>(bytes));
      args_.emplace_back(numbers_.data() + start, static_cast<std::size_t>(bytes));
    } else {
      push_error(L, "ERR Lua redis lib command arguments must be strings or integers", false);
      return false;
    }
  }
  return true;
}

std::string_view Scripting::refusal(RegisteredCommand& command) {
  Running& running = *running_;
  if (command.is(kNoscript) && !(noscript_allowed_ && is_harmless(command, args_))) {
    return "ERR This Redis command is not allowed from script";
  }
  if (command.is(kWrite | kMayReplicate) && running.run.read_only) return kNoWrites;
  if (command.is(kDenyOom) && !running.wrote && !running.run.flags.allow_oom && is_out_of_memory()) {
    return "OOM command not allowed when used memory > 'maxmemory'.";
  }
  // Once it has written it is let write: half of a script is worse than one that the limits let through.
  script_.in_exec = running.wrote;
  return environment_.dispatcher->refusal(script_, command, args_);
}

bool Scripting::call_command(lua_State* L) {
  if (!running_ || in_command_) {
    push_error(L, "ERR redis.call can not be used here", false);
    return false;
  }
  if (!collect_args(L)) return false;
  Dispatcher& dispatcher = *environment_.dispatcher;
  const auto refuse = [&](RegisteredCommand* command, std::string_view error) {
    if (command != nullptr) ++command->stats.rejected;
    dispatcher.count_error(error);
    push_error(L, error, true);
    return false;
  };
  RegisteredCommand* command = dispatcher.find(script_, args_);
  if (command != nullptr && !command->subcommands.empty() && args_.size() > 1) {
    command = CommandRegistry::find_subcommand(*command, args_[1]);
  }
  if (command == nullptr) return refuse(nullptr, "ERR Unknown Redis command called from script");
  if (!Dispatcher::fits_arity(*command, args_.size()) || command->row->run == nullptr) {
    return refuse(command, "ERR Wrong number of args calling Redis command from script");
  }
  if (const std::string_view why_not = refusal(*command); !why_not.empty()) return refuse(command, why_not);
  if (command->is(kWrite)) running_->wrote = true;

  script_.output.clear();
  in_command_ = true;
  dispatcher.run_in_script(script_, *command, args_);
  in_command_ = false;
  lua_settop(L, 0);  // the arguments; what they pointed at is not needed any more
  const bool failed = script_.output.view().starts_with('-');
  push_reply(L, script_.output.view());
  return !failed;
}

bool Scripting::check_command(lua_State* L) {
  if (!running_) {
    push_error(L, "ERR redis.acl_check_cmd can not be used here", false);
    return false;
  }
  if (!collect_args(L)) return false;
  RegisteredCommand* command = environment_.commands.find(args_[0]);
  if (command != nullptr && !command->subcommands.empty() && args_.size() > 1) {
    command = CommandRegistry::find_subcommand(*command, args_[1]);
  }
  if (command == nullptr) {
    push_error(L, "ERR Invalid command passed to redis.acl_check_cmd()", false);
    return false;
  }
  lua_pushboolean(L, is_allowed_by_acl(environment_, *running_->caller, *command, args_));
  return true;
}

bool Scripting::set_resp(int version) {
  if (version != 2 && version != 3) return false;
  script_.resp = version == 2 ? RespVersion::resp2 : RespVersion::resp3;
  return true;
}

void Scripting::interrupt(lua_State* L) {
  const auto now = std::chrono::steady_clock::now();
  if (functions_.is_loading()) {
    if (now - functions_.loading_since() < kLoadTimeMax) return;
    lua_sethook(L, [](lua_State* state, lua_Debug*) { host_of(state).interrupt(state); }, LUA_MASKLINE, 0);
    push_error(L, "ERR FUNCTION LOAD timeout", false);
    lua_error(L);
  }
  if (!running_) return;
  Running& running = *running_;
  if (!running.killed) {
    const auto threshold = std::chrono::milliseconds(environment_.config.now().busy_reply_threshold);
    if (threshold.count() <= 0 || now - running.since < threshold) return;
    if (!running.busy) {
      running.busy = true;
      spdlog::warn("a slow {} is running: {} ms so far. {} can stop it. Its name: {}", running.run.is_function ? "function" : "script",
                   std::chrono::duration_cast<std::chrono::milliseconds>(now - running.since).count(),
                   running.run.is_function ? "FUNCTION KILL" : "SCRIPT KILL", running.run.name);
    }
    environment_.while_busy();
  }
  if (!running.killed) return;
  // From now on at each line: so a pcall() of the script does not save it.
  lua_sethook(L, [](lua_State* state, lua_Debug*) { host_of(state).interrupt(state); }, LUA_MASKLINE, 0);
  push_error(L, "ERR Script killed by user with SCRIPT KILL...", false);
  lua_error(L);
}

}  // namespace stele
