#include "protocol/scripting/lua_reply.h"

#include <charconv>
#include <limits>

#include "persistence/status.h"

namespace stele {

namespace {

constexpr int kSlots = 6;  // of Lua's stack, a level

std::string_view take_line(std::string_view& rest) {
  const std::size_t end = rest.find('\r');
  const std::string_view line = rest.substr(0, end);
  rest.remove_prefix(end + 2);
  return line;
}

std::int64_t integer_of(std::string_view text) {
  std::int64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

void push_text(lua_State* L, std::string_view text) { lua_pushlstring(L, text.data(), text.size()); }

/// { name = text }
void push_single(lua_State* L, const char* name, std::string_view text) {
  lua_createtable(L, 0, 1);
  push_text(L, text);
  lua_setfield(L, -2, name);
}

std::string without_line_ends(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c == '\r' || c == '\n') c = ' ';
  }
  return out;
}

std::int64_t cut_to_integer(lua_Number number) {
  // What the conversion gives on x86 for what does not fit.
  if (!(number >= -0x1p63 && number < 0x1p63)) return std::numeric_limits<std::int64_t>::min();
  return static_cast<std::int64_t>(number);
}

/// Of the table on top: pushes field `name` if it has that type.
bool push_field(lua_State* L, const char* name, int type) {
  lua_pushstring(L, name);
  lua_rawget(L, -2);
  if (lua_type(L, -1) == type) return true;
  lua_pop(L, 1);
  return false;
}

void write_map(lua_State* L, RespWriter& reply, RespVersion script_resp) {
  std::size_t pairs = 0;
  for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) ++pairs;
  reply.map(pairs);
  for (lua_pushnil(L); lua_next(L, -2);) {
    lua_pushvalue(L, -2);  // a copy: writing a number as text would change the key under lua_next
    write_lua_value(L, reply, script_resp);
    write_lua_value(L, reply, script_resp);
  }
}

void write_set(lua_State* L, RespWriter& reply, RespVersion script_resp) {
  std::size_t elements = 0;
  for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) ++elements;
  reply.set(elements);
  for (lua_pushnil(L); lua_next(L, -2);) {
    lua_pop(L, 1);
    lua_pushvalue(L, -1);
    write_lua_value(L, reply, script_resp);
  }
}

void write_array(lua_State* L, RespWriter& reply, RespVersion script_resp) {
  int count = 0;
  for (bool more = true; more;) {
    lua_rawgeti(L, -1, count + 1);
    more = !lua_isnil(L, -1);
    if (more) ++count;
    lua_pop(L, 1);
  }
  reply.array(static_cast<std::size_t>(count));
  for (int i = 1; i <= count; ++i) {
    lua_rawgeti(L, -1, i);
    write_lua_value(L, reply, script_resp);
  }
}

bool write_verbatim(lua_State* L, RespWriter& reply) {
  const std::string_view text = string_field(L, "string");
  std::string format(string_field(L, "format"));
  if (text.data() == nullptr || format.empty()) return false;
  format.resize(3, ' ');
  reply.verbatim(text, format);
  return true;
}

void write_table(lua_State* L, RespWriter& reply, RespVersion script_resp) {
  if (const std::string_view error = line_field(L, "err"); error.data() != nullptr) return reply.error(error);
  if (const std::string_view status = line_field(L, "ok"); status.data() != nullptr) {
    return reply.simple(without_line_ends(status));  // to the last one, which simple() would drop
  }
  if (push_field(L, "double", LUA_TNUMBER)) {
    reply.real(lua_tonumber(L, -1));
    return lua_pop(L, 1);
  }
  if (push_field(L, "map", LUA_TTABLE)) {
    write_map(L, reply, script_resp);
    return lua_pop(L, 1);
  }
  if (push_field(L, "set", LUA_TTABLE)) {
    write_set(L, reply, script_resp);
    return lua_pop(L, 1);
  }
  if (const std::string_view digits = string_field(L, "big_number"); digits.data() != nullptr) {
    return reply.big_number(without_line_ends(digits));
  }
  if (push_field(L, "verbatim_string", LUA_TTABLE)) {
    const bool written = write_verbatim(L, reply);
    lua_pop(L, 1);
    if (written) return;
  }
  write_array(L, reply, script_resp);
}

}  // namespace

std::string_view push_reply(lua_State* L, std::string_view rest) {
  luaL_checkstack(L, kSlots, "reply nested too deeply");
  STELE_ASSERT(!rest.empty());
  const char type = rest[0];
  rest.remove_prefix(1);
  const std::string_view line = take_line(rest);
  switch (type) {
    case ':': lua_pushnumber(L, static_cast<lua_Number>(integer_of(line))); break;
    case '+': push_single(L, "ok", line); break;
    case '-': push_error(L, line, true); break;
    case '_': lua_pushnil(L); break;
    case '#': lua_pushboolean(L, line == "t"); break;
    case '(': push_single(L, "big_number", line); break;
    case ',':
      lua_createtable(L, 0, 1);
      lua_pushnumber(L, std::strtod(std::string(line).c_str(), nullptr));
      lua_setfield(L, -2, "double");
      break;
    case '$':
    case '=': {
      const std::int64_t bytes = integer_of(line);
      if (bytes < 0) {
        lua_pushboolean(L, 0);
        break;
      }
      const std::string_view text = rest.substr(0, static_cast<std::size_t>(bytes));
      rest.remove_prefix(text.size() + 2);
      if (type == '$') {
        push_text(L, text);
        break;
      }
      lua_createtable(L, 0, 1);
      push_single(L, "format", text.substr(0, 3));
      push_text(L, text.substr(4));
      lua_setfield(L, -2, "string");
      lua_setfield(L, -2, "verbatim_string");
      break;
    }
    case '*':
    case '>': {
      const std::int64_t count = integer_of(line);
      if (count < 0) {
        lua_pushboolean(L, 0);
        break;
      }
      lua_createtable(L, static_cast<int>(count), 0);
      for (std::int64_t i = 1; i <= count; ++i) {
        rest = push_reply(L, rest);
        lua_rawseti(L, -2, static_cast<int>(i));
      }
      break;
    }
    case '%':
    case '~': {
      const std::int64_t count = integer_of(line);
      lua_createtable(L, 0, 1);
      lua_createtable(L, 0, static_cast<int>(count));
      for (std::int64_t i = 0; i < count; ++i) {
        rest = push_reply(L, rest);
        type == '%' ? static_cast<void>(rest = push_reply(L, rest)) : lua_pushboolean(L, 1);
        lua_rawset(L, -3);
      }
      lua_setfield(L, -2, type == '%' ? "map" : "set");
      break;
    }
    case '|': {  // attributes are not shown to scripts
      for (std::int64_t i = 2 * integer_of(line); i > 0; --i) {
        rest = push_reply(L, rest);
        lua_pop(L, 1);
      }
      return push_reply(L, rest);
    }
    default: STELE_ASSERT(false);
  }
  return rest;
}

void write_lua_value(lua_State* L, RespWriter& reply, RespVersion script_resp) {
  if (!lua_checkstack(L, kSlots)) {
    reply.error("ERR reached lua stack limit");
    lua_pop(L, 1);
    return;
  }
  switch (lua_type(L, -1)) {
    case LUA_TSTRING: {
      std::size_t bytes = 0;
      const char* text = lua_tolstring(L, -1, &bytes);
      reply.bulk({text, bytes});
      break;
    }
    case LUA_TBOOLEAN:
      if (script_resp == RespVersion::resp3) {
        reply.boolean(lua_toboolean(L, -1) != 0);
      } else if (lua_toboolean(L, -1)) {
        reply.integer(1);
      } else {
        reply.null();
      }
      break;
    case LUA_TNUMBER: reply.integer(cut_to_integer(lua_tonumber(L, -1))); break;
    case LUA_TTABLE: write_table(L, reply, script_resp); break;
    default: reply.null();
  }
  lua_pop(L, 1);
}

void push_error(lua_State* L, std::string_view text, bool counted) {
  lua_createtable(L, 0, counted ? 4 : 3);  // source and line may come
  push_text(L, text);
  lua_setfield(L, -2, "err");
  if (!counted) return;
  lua_pushboolean(L, 1);
  lua_setfield(L, -2, "ignore_error_stats_update");
}

std::string_view string_field(lua_State* L, const char* name) {
  std::string_view text;
  if (push_field(L, name, LUA_TSTRING)) {
    std::size_t bytes = 0;
    const char* begin = lua_tolstring(L, -1, &bytes);
    text = {begin, bytes};  // the table keeps it
    lua_pop(L, 1);
  }
  return text;
}

std::string_view line_field(lua_State* L, const char* name) {
  const std::string_view text = string_field(L, name);
  return text.substr(0, text.find('\0'));
}

}  // namespace stele
