#include "protocol/scripting/lua_sandbox.h"

#include <cmath>
#include <ctime>
#include <span>

#include "persistence/status.h"
#include "protocol/scripting/scripting.h"

// Debian's lua-cjson and lua-bitop.
extern "C" {
int luaopen_cjson(lua_State* L);
int luaopen_bit(lua_State* L);
}

namespace stele {

namespace {

// Addresses that serve as keys no script can make.
char kTarget;      // in a proxy's metatable: the table behind it
char kVisible;     // likewise: what getmetatable() shows, if anything
char kHost;        // in the registry: the Scripting
char kRandom;      // likewise: the state of math.random

constexpr const char* kReadOnly = "Attempt to modify a readonly table";

/// Raises `text` as it is. luaL_error() puts the caller's line in front, which Redis has for errors of the virtual machine and
/// not for those of its own functions.
int raise(lua_State* L, const char* text) {
  lua_pushstring(L, text);
  return lua_error(L);
}

/// Pushes the table behind the proxy at `index`, or nothing and returns false.
bool push_target(lua_State* L, int index) {
  if (lua_type(L, index) != LUA_TTABLE || !lua_getmetatable(L, index)) return false;
  lua_pushlightuserdata(L, &kTarget);
  lua_rawget(L, -2);
  lua_remove(L, -2);
  if (lua_istable(L, -1)) return true;
  lua_pop(L, 1);
  return false;
}

bool is_proxy(lua_State* L, int index) {
  if (!push_target(L, index)) return false;
  lua_pop(L, 1);
  return true;
}

int refuse_write(lua_State* L) { return luaL_error(L, kReadOnly); }

int no_such_global(lua_State* L) {
  return luaL_error(L, "Script attempted to access nonexistent global variable '%s'", lua_tostring(L, 2));
}

// --- replacements in the base library

int safe_getmetatable(lua_State* L) {
  luaL_checkany(L, 1);
  if (lua_type(L, 1) == LUA_TSTRING) {
    // Strings of all scripts share one.
    if (!lua_getmetatable(L, 1)) return lua_pushnil(L), 1;
    push_read_only(L);
    return 1;
  }
  if (!lua_getmetatable(L, 1)) return lua_pushnil(L), 1;
  lua_pushlightuserdata(L, &kTarget);
  lua_rawget(L, -2);
  if (!lua_isnil(L, -1)) {
    lua_pushlightuserdata(L, &kVisible);
    lua_rawget(L, -3);
    return 1;
  }
  lua_pop(L, 1);
  if (luaL_getmetafield(L, 1, "__metatable")) return 1;
  return 1;
}

int safe_setmetatable(lua_State* L) {
  const int type = lua_type(L, 2);
  luaL_checktype(L, 1, LUA_TTABLE);
  luaL_argcheck(L, type == LUA_TNIL || type == LUA_TTABLE, 2, "nil or table expected");
  if (is_proxy(L, 1)) return raise(L, kReadOnly);
  if (luaL_getmetafield(L, 1, "__metatable")) luaL_error(L, "cannot change a protected metatable");
  lua_settop(L, 2);
  lua_setmetatable(L, 1);
  return 1;
}

int safe_rawset(lua_State* L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  luaL_checkany(L, 2);
  luaL_checkany(L, 3);
  if (is_proxy(L, 1)) return raise(L, kReadOnly);
  lua_settop(L, 3);
  lua_rawset(L, 1);
  return 1;
}

int safe_rawget(lua_State* L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  luaL_checkany(L, 2);
  lua_settop(L, 2);
  if (push_target(L, 1)) lua_replace(L, 1);
  lua_rawget(L, 1);
  return 1;
}

int safe_next(lua_State* L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 2);
  if (push_target(L, 1)) lua_replace(L, 1);
  if (lua_next(L, 1)) return 2;
  lua_pushnil(L);
  return 1;
}

int safe_pairs(lua_State* L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_pushvalue(L, lua_upvalueindex(1));  // safe_next
  lua_pushvalue(L, 1);
  lua_pushnil(L);
  return 3;
}

bool is_bytecode(std::string_view code) { return !code.empty() && code.front() == LUA_SIGNATURE[0]; }

int loaded(lua_State* L, int status) {
  if (status == 0) return 1;
  lua_pushnil(L);
  lua_insert(L, -2);
  return 2;
}

int refuse_bytecode(lua_State* L) {
  lua_pushnil(L);
  lua_pushstring(L, "[string \"\033LuaQ\"]:1: unexpected symbol near 'char(27)'");
  return 2;
}

int safe_loadstring(lua_State* L) {
  std::size_t bytes = 0;
  const char* code = luaL_checklstring(L, 1, &bytes);
  const char* name = luaL_optstring(L, 2, code);
  if (is_bytecode({code, bytes})) return refuse_bytecode(L);
  return loaded(L, luaL_loadbuffer(L, code, bytes, name));
}

int safe_load(lua_State* L) {
  const char* name = luaL_optstring(L, 2, "=(load)");
  luaL_checktype(L, 1, LUA_TFUNCTION);
  std::string code;
  while (true) {
    lua_pushvalue(L, 1);
    lua_call(L, 0, 1);
    if (lua_isnil(L, -1)) break;
    if (!lua_isstring(L, -1)) {
      lua_pushnil(L);
      lua_pushstring(L, "reader function must return a string");
      return 2;
    }
    std::size_t bytes = 0;
    const char* piece = lua_tolstring(L, -1, &bytes);
    if (bytes == 0) break;
    code.append(piece, bytes);
    lua_pop(L, 1);
  }
  if (is_bytecode(code)) return refuse_bytecode(L);
  return loaded(L, luaL_loadbuffer(L, code.data(), code.size(), name));
}

/// Redis' pcall gives the text of an error that is a table with `err`.
int safe_pcall(lua_State* L) {
  luaL_checkany(L, 1);
  const int status = lua_pcall(L, lua_gettop(L) - 1, LUA_MULTRET, 0);
  if (status != 0 && lua_istable(L, -1)) {
    lua_pushliteral(L, "err");
    lua_rawget(L, -2);
    lua_isstring(L, -1) ? lua_replace(L, -2) : lua_pop(L, 1);
  }
  lua_pushboolean(L, status == 0);
  lua_insert(L, 1);
  return lua_gettop(L);
}

/// To stop the collector would be to stop it for the scripts of all others as well.
int safe_collectgarbage(lua_State* L) {
  const char* option = luaL_optstring(L, 1, "collect");
  if (std::string_view(option) == "stop" || std::string_view(option) == "restart") return lua_pushinteger(L, 0), 1;
  return lua_tocfunction(L, lua_upvalueindex(1))(L);
}

/// A function of the table library that changes its first argument; the original is the upvalue. Called as it is, not through
/// lua_call: its messages name the function that the script called.
int safe_table_change(lua_State* L) {
  if (is_proxy(L, 1)) return raise(L, kReadOnly);
  return lua_tocfunction(L, lua_upvalueindex(1))(L);
}

int safe_table_remove(lua_State* L) {
  if (is_proxy(L, 1)) return 0;  // there is nothing at its end
  return lua_tocfunction(L, lua_upvalueindex(1))(L);
}

// --- math.random: the generator of drand48(), which gives the same numbers everywhere, from its usual state

constexpr std::uint64_t kRandomStart = 0x1234ABCD330E;
constexpr std::uint64_t kRandomMask = (std::uint64_t{1} << 48) - 1;
constexpr std::int64_t kRandomMax = 0x7FFFFFFF;

std::uint64_t& random_state(lua_State* L) {
  lua_pushlightuserdata(L, &kRandom);
  lua_rawget(L, LUA_REGISTRYINDEX);
  auto* state = static_cast<std::uint64_t*>(lua_touserdata(L, -1));
  lua_pop(L, 1);
  return *state;
}

int random_number(lua_State* L) {
  std::uint64_t& state = random_state(L);
  state = (state * 0x5DEECE66D + 0xB) & kRandomMask;
  const auto drawn = static_cast<std::int64_t>(state >> 17);
  const lua_Number r = static_cast<lua_Number>(drawn % kRandomMax) / static_cast<lua_Number>(kRandomMax);
  switch (lua_gettop(L)) {
    case 0: lua_pushnumber(L, r); break;
    case 1: {
      const int high = luaL_checkint(L, 1);
      luaL_argcheck(L, 1 <= high, 1, "interval is empty");
      lua_pushnumber(L, std::floor(r * high) + 1);
      break;
    }
    case 2: {
      const int low = luaL_checkint(L, 1);
      const int high = luaL_checkint(L, 2);
      luaL_argcheck(L, low <= high, 2, "interval is empty");
      lua_pushnumber(L, std::floor(r * (static_cast<lua_Number>(high) - low + 1)) + low);
      break;
    }
    default: return luaL_error(L, "wrong number of arguments");
  }
  return 1;
}

int random_seed(lua_State* L) {
  const auto seed = static_cast<std::uint32_t>(luaL_checkint(L, 1));
  random_state(L) = std::uint64_t{seed} << 16 | 0x330E;
  return 0;
}

int clock_seconds(lua_State* L) {
  lua_pushnumber(L, static_cast<lua_Number>(std::clock()) / CLOCKS_PER_SEC);
  return 1;
}

// --- building

/// What is left of the libraries; the rest reaches files, environments or the debugger.
constexpr const char* kAllowed[] = {"assert", "bit", "cjson", "cmsgpack", "collectgarbage", "coroutine", "error", "gcinfo",
                                    "getmetatable", "ipairs", "load", "loadstring", "math", "next", "os", "pairs", "pcall",
                                    "rawequal", "rawget", "rawset", "redis", "select", "setmetatable", "string", "struct",
                                    "table", "tonumber", "tostring", "type", "unpack", "xpcall", "_VERSION"};

void open_library(lua_State* L, const char* name, lua_CFunction open) {
  lua_pushcfunction(L, open);
  lua_pushstring(L, name);
  lua_call(L, 1, 0);
}

/// table[name] = function, of the table at `index`.
void set_function(lua_State* L, int index, const char* name, lua_CFunction function) {
  lua_pushcfunction(L, function);
  lua_setfield(L, index < 0 ? index - 1 : index, name);
}

/// Puts `wrapper` in place of table[name], which becomes its upvalue.
void wrap(lua_State* L, int index, const char* name, lua_CFunction wrapper) {
  lua_getfield(L, index, name);
  lua_pushcclosure(L, wrapper, 1);
  lua_setfield(L, index < 0 ? index - 1 : index, name);
}

/// The table on top refuses reads of what it does not have.
void refuse_absent(lua_State* L) {
  lua_createtable(L, 0, 1);
  set_function(L, -1, "__index", no_such_global);
  lua_setmetatable(L, -2);
}

}  // namespace

void push_read_only(lua_State* L) {
  lua_newtable(L);           // target, proxy
  lua_createtable(L, 0, 3);  // target, proxy, meta
  lua_pushvalue(L, -3);
  lua_setfield(L, -2, "__index");
  set_function(L, -1, "__newindex", refuse_write);
  lua_pushlightuserdata(L, &kTarget);
  lua_pushvalue(L, -4);
  lua_rawset(L, -3);
  lua_setmetatable(L, -2);
  lua_remove(L, -2);
}

void push_strings(lua_State* L, std::span<const std::string_view> strings) {
  lua_createtable(L, static_cast<int>(strings.size()), 0);
  for (std::size_t i = 0; i < strings.size(); ++i) {
    lua_pushlstring(L, strings[i].data(), strings[i].size());
    lua_rawseti(L, -2, static_cast<int>(i + 1));
  }
}

Scripting& host_of(lua_State* L) {
  lua_pushlightuserdata(L, &kHost);
  lua_rawget(L, LUA_REGISTRYINDEX);
  auto* host = static_cast<Scripting*>(lua_touserdata(L, -1));
  lua_pop(L, 1);
  return *host;
}

LuaSandbox::LuaSandbox(Kind kind, Scripting& host) : state_(luaL_newstate()) {
  STELE_ASSERT(state_ != nullptr);
  build(kind, host);
}

LuaSandbox::~LuaSandbox() { lua_close(state_); }

std::size_t LuaSandbox::bytes() const {
  return static_cast<std::size_t>(lua_gc(state_, LUA_GCCOUNT, 0)) * 1024 +
         static_cast<std::size_t>(lua_gc(state_, LUA_GCCOUNTB, 0));
}

void LuaSandbox::build(Kind kind, Scripting& host) {
  lua_State* L = state_;
  lua_pushlightuserdata(L, &kHost);
  lua_pushlightuserdata(L, &host);
  lua_rawset(L, LUA_REGISTRYINDEX);
  lua_pushlightuserdata(L, &kRandom);
  *static_cast<std::uint64_t*>(lua_newuserdata(L, sizeof(std::uint64_t))) = kRandomStart;
  lua_rawset(L, LUA_REGISTRYINDEX);

  open_library(L, "", luaopen_base);
  open_library(L, LUA_TABLIBNAME, luaopen_table);
  open_library(L, LUA_STRLIBNAME, luaopen_string);
  open_library(L, LUA_MATHLIBNAME, luaopen_math);
  open_library(L, "bit", luaopen_bit);
  lua_pushcfunction(L, luaopen_cjson);
  lua_call(L, 0, 1);
  lua_setglobal(L, "cjson");
  open_struct(L);
  lua_setglobal(L, "struct");
  open_cmsgpack(L);
  lua_setglobal(L, "cmsgpack");
  push_redis_api(L, kind == Kind::scripts ? RedisApi::script : RedisApi::function);
  lua_setglobal(L, "redis");
  lua_createtable(L, 0, 1);
  set_function(L, -1, "clock", clock_seconds);
  lua_setglobal(L, "os");

  lua_pushvalue(L, LUA_GLOBALSINDEX);
  const int all = lua_gettop(L);
  set_function(L, all, "getmetatable", safe_getmetatable);
  set_function(L, all, "setmetatable", safe_setmetatable);
  set_function(L, all, "rawset", safe_rawset);
  set_function(L, all, "rawget", safe_rawget);
  set_function(L, all, "next", safe_next);
  set_function(L, all, "load", safe_load);
  set_function(L, all, "loadstring", safe_loadstring);
  set_function(L, all, "pcall", safe_pcall);
  wrap(L, all, "collectgarbage", safe_collectgarbage);
  lua_getfield(L, all, "next");
  lua_pushcclosure(L, safe_pairs, 1);
  lua_setfield(L, all, "pairs");
  lua_getfield(L, all, "table");
  wrap(L, -1, "insert", safe_table_change);
  wrap(L, -1, "remove", safe_table_remove);
  lua_pop(L, 1);
  lua_getfield(L, all, "math");
  set_function(L, -1, "random", random_number);
  set_function(L, -1, "randomseed", random_seed);
  lua_pop(L, 1);

  // A new table of what is allowed, each library behind a proxy.
  lua_newtable(L);
  const int globals = lua_gettop(L);
  for (const char* name : kAllowed) {
    lua_getfield(L, all, name);
    if (lua_istable(L, -1)) push_read_only(L);
    lua_setfield(L, globals, name);
  }
  // Methods of strings are found in the same table that `string` is.
  lua_pushliteral(L, "");
  lua_getmetatable(L, -1);
  lua_getfield(L, globals, "string");
  lua_setfield(L, -2, "__index");
  lua_pop(L, 2);
  refuse_absent(L);

  lua_pushvalue(L, globals);
  globals_ = luaL_ref(L, LUA_REGISTRYINDEX);
  lua_pushvalue(L, globals);
  push_read_only(L);
  lua_getmetatable(L, -1);
  lua_pushlightuserdata(L, &kVisible);
  lua_newtable(L);
  push_read_only(L);
  lua_rawset(L, -3);
  globals_meta_ = luaL_ref(L, LUA_REGISTRYINDEX);
  lua_pushvalue(L, -1);
  lua_setfield(L, globals, "_G");
  lua_replace(L, LUA_GLOBALSINDEX);

  if (kind == Kind::functions) {
    lua_newtable(L);
    push_redis_api(L, RedisApi::load);
    refuse_absent(L);
    push_read_only(L);
    lua_setfield(L, -2, "redis");
    refuse_absent(L);
    load_globals_ = luaL_ref(L, LUA_REGISTRYINDEX);
  }
  lua_settop(L, 0);
  lua_gc(L, LUA_GCCOLLECT, 0);
}

std::string LuaSandbox::compile(std::string_view code, const char* chunk_name) {
  if (is_bytecode(code)) return fmt::format("{}:1: unexpected symbol near 'char(27)'", chunk_name + 1);
  if (luaL_loadbuffer(state_, code.data(), code.size(), chunk_name) == 0) return {};
  std::size_t bytes = 0;
  const char* text = lua_tolstring(state_, -1, &bytes);
  std::string error = text == nullptr ? "unknown error" : std::string(text, bytes);
  lua_pop(state_, 1);
  return error;
}

void LuaSandbox::set_keys_and_args(std::span<const std::string_view> keys, std::span<const std::string_view> args) {
  lua_rawgeti(state_, LUA_REGISTRYINDEX, globals_);
  lua_pushliteral(state_, "KEYS");
  push_strings(state_, keys);
  lua_rawset(state_, -3);
  lua_pushliteral(state_, "ARGV");
  push_strings(state_, args);
  lua_rawset(state_, -3);
  lua_pop(state_, 1);
}

void LuaSandbox::begin_load() {
  lua_rawgeti(state_, LUA_REGISTRYINDEX, globals_meta_);
  for (const bool index : {true, false}) {
    index ? static_cast<void>(lua_pushliteral(state_, "__index")) : lua_pushlightuserdata(state_, &kTarget);
    lua_rawgeti(state_, LUA_REGISTRYINDEX, load_globals_);
    lua_rawset(state_, -3);
  }
  lua_pop(state_, 1);
}

void LuaSandbox::end_load() {
  lua_rawgeti(state_, LUA_REGISTRYINDEX, globals_meta_);
  for (const bool index : {true, false}) {
    index ? static_cast<void>(lua_pushliteral(state_, "__index")) : lua_pushlightuserdata(state_, &kTarget);
    lua_rawgeti(state_, LUA_REGISTRYINDEX, globals_);
    lua_rawset(state_, -3);
  }
  lua_pop(state_, 1);
}

}  // namespace stele
