#pragma once

// Lua's own headers have no extern "C" in them; the library, though it is the one compiled as C++, exports C names.
extern "C" {
#include <lua5.1/lauxlib.h>
#include <lua5.1/lua.h>
#include <lua5.1/lualib.h>
}
