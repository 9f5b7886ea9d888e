#pragma once

#include <string_view>

#include "protocol/resp_writer.h"
#include "protocol/scripting/lua_sandbox.h"

namespace stele {

/// Replies to Lua values and back, as Redis converts them:
///
///     RESP                      Lua
///     :n                        number
///     $                         string
///     null, null array          false; nil if it is RESP3's null
///     *                         table of 1 .. n
///     +text  -text              { ok = text }, { err = text }
///     #                         boolean
///     ,                         { double = number }
///     (                         { big_number = text }
///     =                         { verbatim_string = { string = text, format = "txt" } }
///     %  ~                      { map = { key = value } }, { set = { element = true } }
///
/// The way back: a number is cut to an integer, true is 1 and false is null unless the script said setresp(3), an array ends at
/// its first nil, and what has no counterpart is null.

/// Pushes the reply at the front of `resp`, which must be whole. Returns what is behind it.
std::string_view push_reply(lua_State* L, std::string_view resp);

/// Writes the value on top of the stack and removes it. `script_resp`: what the script has set.
void write_lua_value(lua_State* L, RespWriter& reply, RespVersion script_resp);

/// Pushes { err = text }; `counted`: it stands in the statistics already.
void push_error(lua_State* L, std::string_view text, bool counted);

/// The field `name` of the table at the top if it is a string, without metamethods.
std::string_view string_field(lua_State* L, const char* name);
/// Of it what becomes a line, an error or a status: those are C strings to Redis and end at a NUL.
std::string_view line_field(lua_State* L, const char* name);

}  // namespace stele
