#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "protocol/scripting/lua.h"

namespace stele {

class Scripting;

/// A Lua 5.1 state in which scripts can do nothing but compute and call redis.*: no files, no processes, no way to load
/// bytecode, and nothing that one script leaves for the next but what functions keep in their own variables.
///
/// Redis' Lua has a patch that makes tables read-only. Stock Lua has none, so what scripts see of a shared table is an empty
/// one whose metatable leads reads to the table and turns writes away:
///
///     proxy {}  ──metatable──►  { __index = table, __newindex = error, [kTarget] = table }
///
/// The functions of the base library that would look through that (rawset, rawget, next, pairs, setmetatable, table.insert
/// and so on) are replaced by ones that know it.
///
/// Errors are C++ exceptions here (Debian's liblua5.1-c++), so they unwind what is between as they should.
/// Threads: one at a time.
class LuaSandbox {
 public:
  enum class Kind { scripts, functions };

  LuaSandbox(Kind kind, Scripting& host);
  ~LuaSandbox();
  LuaSandbox(const LuaSandbox&) = delete;
  LuaSandbox& operator=(const LuaSandbox&) = delete;

  lua_State* state() const { return state_; }
  std::size_t bytes() const;

  /// Compiles text, never bytecode, and pushes the function; or returns the error message. `chunk_name` begins with '@'.
  std::string compile(std::string_view code, const char* chunk_name);

  /// Kind::scripts: sets the globals KEYS and ARGV.
  void set_keys_and_args(std::span<const std::string_view> keys, std::span<const std::string_view> args);

  /// Kind::functions: while a library is loaded, all it sees is a `redis` with register_function.
  void begin_load();
  void end_load();

 private:
  void build(Kind kind, Scripting& host);

  lua_State* state_;
  int globals_ = LUA_NOREF;      // the table behind _G
  int load_globals_ = LUA_NOREF;  // what a library sees while it is loaded
  int globals_meta_ = LUA_NOREF;  // the metatable of _G
};

/// Pushes a table with the strings.
void push_strings(lua_State* L, std::span<const std::string_view> strings);

/// Replaces the table on top by a read-only view of it.
void push_read_only(lua_State* L);

/// The Scripting that a state belongs to.
Scripting& host_of(lua_State* L);

/// The error handler of all runs: makes any error a table with `err`, and with `source` and `line` of where it arose.
int annotate_error(lua_State* L);

/// Has Scripting::interrupt() called now and then. Coroutines made from here on inherit it.
void watch_running_time(lua_State* L);

/// In the files of these names: each pushes a table of functions.
void open_struct(lua_State* L);
void open_cmsgpack(lua_State* L);
/// redis.* as scripts see it, as functions do, and as a library does while it is loaded.
enum class RedisApi { script, function, load };
void push_redis_api(lua_State* L, RedisApi which);

}  // namespace stele
