// redis.*: what scripts and functions can ask of the server.

#include <spdlog/spdlog.h>

#include "engine/function_libraries.h"
#include "protocol/scripting/lua_reply.h"
#include "protocol/scripting/scripting.h"
#include "protocol/server_version.h"

namespace stele {

namespace {

constexpr int kLogDebug = 0, kLogVerbose = 1, kLogNotice = 2, kLogWarning = 3;
constexpr int kReplNone = 0, kReplAof = 1, kReplReplica = 2, kReplAll = 3;

/// Raises { err = "ERR <text>" }.
int raise_error(lua_State* L, std::string_view text) {
  push_error(L, fmt::format("ERR {}", text), false);
  return lua_error(L);
}

int call(lua_State* L) {
  if (host_of(L).call_command(L)) return 1;
  return lua_error(L);
}

int pcall(lua_State* L) {
  host_of(L).call_command(L);
  return 1;
}

int acl_check_cmd(lua_State* L) {
  if (host_of(L).check_command(L)) return 1;
  return lua_error(L);
}

/// redis.error_reply(text): "ERR " in front of a single word, nothing in front of what has a code.
int error_reply(lua_State* L) {
  if (lua_gettop(L) != 1 || lua_type(L, -1) != LUA_TSTRING) {
    push_error(L, "ERR wrong number or type of arguments", false);
    return 1;
  }
  std::size_t bytes = 0;
  const char* begin = lua_tolstring(L, -1, &bytes);
  std::string_view text(begin, bytes);
  if (text.starts_with('-')) text.remove_prefix(1);
  while (!text.empty() && (text.front() == '\r' || text.front() == '\n')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == '\r' || text.back() == '\n')) text.remove_suffix(1);
  if (text.find(' ') != std::string_view::npos) {
    push_error(L, text, false);
  } else {
    push_error(L, fmt::format("ERR {}", text), false);
  }
  return 1;
}

int status_reply(lua_State* L) {
  if (lua_gettop(L) != 1 || lua_type(L, -1) != LUA_TSTRING) {
    push_error(L, "ERR wrong number or type of arguments", false);
    return 1;
  }
  lua_createtable(L, 0, 1);
  lua_pushvalue(L, 1);
  lua_setfield(L, -2, "ok");
  return 1;
}

int sha1hex(lua_State* L) {
  if (lua_gettop(L) != 1) return raise_error(L, "wrong number of arguments");
  std::size_t bytes = 0;
  const char* text = lua_tolstring(L, 1, &bytes);  // null, and so nothing, of what is no text
  const std::string sha = sha1_hex({text == nullptr ? "" : text, bytes});
  lua_pushlstring(L, sha.data(), sha.size());
  return 1;
}

int log(lua_State* L) {
  const int count = lua_gettop(L);
  if (count < 2) return raise_error(L, "redis.log() requires two arguments or more.");
  if (!lua_isnumber(L, 1)) return raise_error(L, "First argument must be a number (log level).");
  const auto level = static_cast<int>(lua_tonumber(L, 1));
  if (level < kLogDebug || level > kLogWarning) return raise_error(L, "Invalid debug level.");
  std::string text;
  for (int i = 2; i <= count; ++i) {
    std::size_t bytes = 0;
    const char* part = lua_tolstring(L, i, &bytes);
    if (part == nullptr) continue;
    if (i > 2) text += ' ';
    text.append(part, bytes);
  }
  static constexpr spdlog::level::level_enum kLevels[] = {spdlog::level::trace, spdlog::level::debug, spdlog::level::info,
                                                          spdlog::level::warn};
  spdlog::log(kLevels[level], "{}", text);
  return 0;
}

int setresp(lua_State* L) {
  if (lua_gettop(L) != 1) return raise_error(L, "redis.setresp() requires one argument.");
  if (!host_of(L).set_resp(static_cast<int>(lua_tonumber(L, 1)))) return raise_error(L, "RESP version must be 2 or 3.");
  return 0;
}

/// Accepted and without effect: the journal is the data, so every effect has to be in it.
int set_repl(lua_State* L) {
  if (lua_gettop(L) != 1) return raise_error(L, "redis.set_repl() requires two arguments.");
  const auto flags = static_cast<int>(lua_tonumber(L, 1));
  if ((flags & ~kReplAll) != 0) {
    return raise_error(L, "Invalid replication flags. Use REPL_AOF, REPL_REPLICA, REPL_ALL or REPL_NONE.");
  }
  return 0;
}

int replicate_commands(lua_State* L) {
  lua_pushboolean(L, 1);
  return 1;
}

/// There is no debugger: nothing stops.
int breakpoint(lua_State* L) {
  lua_pushboolean(L, 0);
  return 1;
}

int debug(lua_State*) { return 0; }

// --- redis.register_function

/// Reads flags off the array on top; false if one is unknown.
bool read_flags(lua_State* L, ScriptFlags& flags) {
  for (int i = 1;; ++i) {
    lua_rawgeti(L, -1, i);
    if (lua_isnil(L, -1)) return lua_pop(L, 1), true;
    std::size_t bytes = 0;
    const char* text = lua_type(L, -1) == LUA_TSTRING ? lua_tolstring(L, -1, &bytes) : nullptr;
    const bool known = text != nullptr && flags.set({text, bytes});
    lua_pop(L, 1);
    if (!known) return false;
  }
}

/// The table at the top, of named arguments; leaves the callback on the stack. An error message, or null.
const char* read_named(lua_State* L, FunctionEngine::Function& function) {
  bool has_name = false, has_callback = false;
  const int table = lua_gettop(L);
  lua_pushnil(L);  // where the callback goes
  for (lua_pushnil(L); lua_next(L, table); lua_pop(L, 1)) {
    if (lua_type(L, -2) != LUA_TSTRING) return "unknown argument given to redis.register_function";
    const std::string_view key = lua_tostring(L, -2);
    // A number is taken for its digits, but must stay what it is: the table is the script's.
    const auto text_of_value = [&]() -> std::optional<std::string> {
      if (!lua_isstring(L, -1)) return std::nullopt;
      lua_pushvalue(L, -1);
      std::size_t bytes = 0;
      const char* text = lua_tolstring(L, -1, &bytes);
      std::string out(text, bytes);
      lua_pop(L, 1);
      return out;
    };
    if (key == "function_name") {
      const auto text = text_of_value();
      if (!text) return "function_name argument given to redis.register_function must be a string";
      function.name = *text;
      has_name = true;
    } else if (key == "description") {
      function.description = text_of_value();
      if (!function.description) return "description argument given to redis.register_function must be a string";
    } else if (key == "callback") {
      if (!lua_isfunction(L, -1)) return "callback argument given to redis.register_function must be a function";
      lua_pushvalue(L, -1);
      lua_replace(L, table + 1);
      has_callback = true;
    } else if (key == "flags") {
      if (!lua_istable(L, -1)) {
        return "flags argument to redis.register_function must be a table representing function flags";
      }
      if (!read_flags(L, function.flags)) return "unknown flag given";
    } else {
      return "unknown argument given to redis.register_function";
    }
  }
  if (!has_name) return "redis.register_function must get a function name argument";
  if (!has_callback) return "redis.register_function must get a callback argument";
  return nullptr;
}

const char* read_registration(lua_State* L, FunctionEngine::Function& function) {
  const int count = lua_gettop(L);
  if (count < 1 || count > 2) return "wrong number of arguments to redis.register_function";
  if (count == 1) {
    if (!lua_istable(L, 1)) {
      return "calling redis.register_function with a single argument is only applicable to Lua table (representing named "
             "arguments).";
    }
    return read_named(L, function);
  }
  if (!lua_isstring(L, 1)) return "first argument to redis.register_function must be a string";
  if (!lua_isfunction(L, 2)) return "second argument to redis.register_function must be a function";
  std::size_t bytes = 0;
  const char* name = lua_tolstring(L, 1, &bytes);
  function.name.assign(name, bytes);
  return nullptr;
}

int register_function(lua_State* L) {
  FunctionEngine& engine = host_of(L).functions();
  if (!engine.is_loading()) return raise_error(L, "redis.register_function can only be called on FUNCTION LOAD command");
  FunctionEngine::Function function;
  function.flags.declared = true;
  if (const char* error = read_registration(L, function)) return raise_error(L, error);
  if (!is_function_name(function.name)) {
    return raise_error(L, "Library names can only contain letters, numbers, or underscores(_) and must be at least one "
                          "character long");
  }
  lua_pushvalue(L, 2);  // the callback, either way
  const int callback = luaL_ref(L, LUA_REGISTRYINDEX);
  function.callback = callback;
  if (const char* error = engine.register_function(std::move(function))) {
    luaL_unref(L, LUA_REGISTRYINDEX, callback);
    return raise_error(L, error);
  }
  return 0;
}

struct Constant {
  const char* name;
  int value;
};

void add_functions(lua_State* L, std::initializer_list<luaL_Reg> functions) {
  for (const luaL_Reg& function : functions) {
    lua_pushcfunction(L, function.func);
    lua_setfield(L, -2, function.name);
  }
}

void add_constants(lua_State* L, std::initializer_list<Constant> constants) {
  for (const Constant& constant : constants) {
    lua_pushinteger(L, constant.value);
    lua_setfield(L, -2, constant.name);
  }
}

/// 7.0.15 is 0x07000F.
int version_number(std::string_view version) {
  int number = 0, part = 0;
  for (const char c : version) {
    if (c == '.') {
      number = number << 8 | part;
      part = 0;
    } else {
      part = part * 10 + (c - '0');
    }
  }
  return number << 8 | part;
}

}  // namespace

void push_redis_api(lua_State* L, RedisApi which) {
  lua_newtable(L);
  add_constants(L, {{"LOG_DEBUG", kLogDebug}, {"LOG_VERBOSE", kLogVerbose}, {"LOG_NOTICE", kLogNotice},
                    {"LOG_WARNING", kLogWarning}, {"REDIS_VERSION_NUM", version_number(kCompatibleVersion)}});
  lua_pushlstring(L, kCompatibleVersion.data(), kCompatibleVersion.size());
  lua_setfield(L, -2, "REDIS_VERSION");
  add_functions(L, {{"log", log}});
  if (which == RedisApi::load) return add_functions(L, {{"register_function", register_function}});

  add_constants(L, {{"REPL_NONE", kReplNone}, {"REPL_AOF", kReplAof}, {"REPL_SLAVE", kReplReplica},
                    {"REPL_REPLICA", kReplReplica}, {"REPL_ALL", kReplAll}});
  add_functions(L, {{"call", call}, {"pcall", pcall}, {"acl_check_cmd", acl_check_cmd}, {"error_reply", error_reply},
                    {"status_reply", status_reply}, {"sha1hex", sha1hex}, {"setresp", setresp}, {"set_repl", set_repl}});
  if (which == RedisApi::function) return;
  add_functions(L, {{"replicate_commands", replicate_commands}, {"breakpoint", breakpoint}, {"debug", debug}});
}

int annotate_error(lua_State* L) {
  // Level 0 is this function; an error that a C function raised is its caller's.
  lua_Debug where;
  bool found = lua_getstack(L, 1, &where) != 0 && lua_getinfo(L, "Sl", &where) != 0;
  if (found && std::string_view(where.what) == "C") {
    found = lua_getstack(L, 2, &where) != 0 && lua_getinfo(L, "Sl", &where) != 0;
  }
  if (!lua_istable(L, 1)) {
    std::string text;
    if (lua_isstring(L, 1)) {
      std::size_t bytes = 0;
      const char* begin = lua_tolstring(L, 1, &bytes);
      text.assign(begin, bytes);
    } else if (lua_isnil(L, 1)) {
      text = "nil";
    } else if (lua_isboolean(L, 1)) {
      text = lua_toboolean(L, 1) ? "true" : "false";
    } else {
      text = fmt::format("{}: {}", luaL_typename(L, 1), lua_topointer(L, 1));
    }
    push_error(L, "ERR " + text, false);
    lua_replace(L, 1);
  } else if (lua_getmetatable(L, 1)) {
    lua_pop(L, 1);
    // Perhaps a table that all scripts share: nothing is written into it.
    return 1;
  }
  if (found) {
    lua_settop(L, 1);
    lua_pushliteral(L, "source");
    lua_pushstring(L, where.source);
    lua_rawset(L, 1);
    lua_pushliteral(L, "line");
    lua_pushinteger(L, where.currentline);
    lua_rawset(L, 1);
  }
  lua_settop(L, 1);
  return 1;
}

void watch_running_time(lua_State* L) {
  constexpr int kInstructions = 100'000;
  lua_sethook(L, [](lua_State* state, lua_Debug*) { host_of(state).interrupt(state); }, LUA_MASKCOUNT, kInstructions);
}

}  // namespace stele
