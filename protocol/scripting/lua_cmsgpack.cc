// cmsgpack.pack, unpack, unpack_one and unpack_limit: MessagePack.
//
// Integers take the shortest form, other numbers a float if it is exact and else a double. A table whose keys are 1 .. n is an
// array, every other one a map; an empty one is an array. What lies 16 tables deep is nil, and so is what MessagePack cannot
// say. Binary and extension types are not read: Redis does not know them.

#include <bit>
#include <cmath>
#include <optional>

#include "protocol/scripting/lua_sandbox.h"

namespace stele {

namespace {

constexpr int kDepthMax = 16;

// --- writing

class Packer {
 public:
  explicit Packer(lua_State* L) : lua_(L) {}

  /// The value at the top of the stack, which it removes.
  void value(int depth) {
    switch (lua_type(lua_, -1)) {
      case LUA_TSTRING: {
        std::size_t bytes = 0;
        const char* text = lua_tolstring(lua_, -1, &bytes);
        string({text, bytes});
        break;
      }
      case LUA_TBOOLEAN: byte(lua_toboolean(lua_, -1) ? 0xC3 : 0xC2); break;
      case LUA_TNUMBER: number(lua_tonumber(lua_, -1)); break;
      case LUA_TTABLE: depth == kDepthMax ? byte(0xC0) : table(depth); break;
      default: byte(0xC0);
    }
    lua_pop(lua_, 1);
  }

  const std::string& bytes() const { return out_; }

 private:
  void byte(unsigned value) { out_.push_back(static_cast<char>(value)); }

  void big_endian(unsigned type, std::uint64_t value, int bytes) {
    byte(type);
    for (int i = bytes; i-- > 0;) byte(static_cast<unsigned>(value >> (8 * i)) & 255);
  }

  void string(std::string_view text) {
    if (text.size() < 32) {
      byte(0xA0 | static_cast<unsigned>(text.size()));
    } else if (text.size() <= 0xFF) {
      big_endian(0xD9, text.size(), 1);
    } else if (text.size() <= 0xFFFF) {
      big_endian(0xDA, text.size(), 2);
    } else {
      big_endian(0xDB, text.size(), 4);
    }
    out_.append(text);
  }

  void number(lua_Number value) {
    if (value >= -0x1p63 && value < 0x1p63 && std::floor(value) == value) return integer(static_cast<std::int64_t>(value));
    const auto single = static_cast<float>(value);
    if (static_cast<lua_Number>(single) == value) {
      big_endian(0xCA, std::bit_cast<std::uint32_t>(single), 4);
    } else {
      big_endian(0xCB, std::bit_cast<std::uint64_t>(value), 8);
    }
  }

  void integer(std::int64_t value) {
    const auto bits = static_cast<std::uint64_t>(value);
    if (value >= 0) {
      if (value <= 127) return byte(static_cast<unsigned>(value));
      if (value <= 0xFF) return big_endian(0xCC, bits, 1);
      if (value <= 0xFFFF) return big_endian(0xCD, bits, 2);
      if (value <= 0xFFFFFFFF) return big_endian(0xCE, bits, 4);
      return big_endian(0xCF, bits, 8);
    }
    if (value >= -32) return byte(static_cast<unsigned>(bits & 255));
    if (value >= -128) return big_endian(0xD0, bits, 1);
    if (value >= -32768) return big_endian(0xD1, bits, 2);
    if (value >= -2147483648LL) return big_endian(0xD2, bits, 4);
    big_endian(0xD3, bits, 8);
  }

  void length(std::size_t count, unsigned small, unsigned medium, unsigned large) {
    if (count < 16) return byte(small | static_cast<unsigned>(count));
    if (count <= 0xFFFF) return big_endian(medium, count, 2);
    big_endian(large, count, 4);
  }

  void table(int depth) {
    luaL_checkstack(lua_, 4, "in function mp_encode_lua_table");
    std::size_t count = 0;
    lua_Number largest = 0;
    bool only_indices = true;
    for (lua_pushnil(lua_); lua_next(lua_, -2); lua_pop(lua_, 1)) {
      ++count;
      const lua_Number key = lua_type(lua_, -2) == LUA_TNUMBER ? lua_tonumber(lua_, -2) : 0;
      only_indices = only_indices && key >= 1 && std::floor(key) == key;
      largest = std::max(largest, key);
    }
    if (only_indices && largest == static_cast<lua_Number>(count)) {
      length(count, 0x90, 0xDC, 0xDD);
      for (std::size_t i = 1; i <= count; ++i) {
        lua_rawgeti(lua_, -1, static_cast<int>(i));
        value(depth + 1);
      }
      return;
    }
    length(count, 0x80, 0xDE, 0xDF);
    for (lua_pushnil(lua_); lua_next(lua_, -2);) {
      lua_pushvalue(lua_, -2);
      value(depth + 1);
      value(depth + 1);
    }
  }

  lua_State* lua_;
  std::string out_;
};

int pack(lua_State* L) {
  const int count = lua_gettop(L);
  if (count == 0) return luaL_argerror(L, 0, "MessagePack pack needs input.");
  luaL_checkstack(L, 4, "Too many arguments for MessagePack pack.");
  Packer packer(L);
  for (int i = 1; i <= count; ++i) {
    lua_pushvalue(L, i);
    packer.value(0);
  }
  lua_pushlstring(L, packer.bytes().data(), packer.bytes().size());
  return 1;
}

// --- reading

class Unpacker {
 public:
  Unpacker(lua_State* L, std::string_view input) : lua_(L), input_(input) {}

  std::size_t position() const { return at_; }
  void seek(std::size_t position) { at_ = position; }
  bool at_end() const { return at_ >= input_.size(); }

  /// Pushes the next value.
  void value() {
    luaL_checkstack(lua_, 3, "too many return values at once; use unpack_one or unpack_limit instead.");
    const auto type = static_cast<unsigned>(number(1));
    if (type <= 0x7F) return lua_pushnumber(lua_, type);
    if (type >= 0xE0) return lua_pushnumber(lua_, static_cast<std::int8_t>(type));
    if (type < 0x90) return map(type & 15);
    if (type < 0xA0) return array(type & 15);
    if (type < 0xC0) return string(type & 31);
    switch (type) {
      case 0xC0: return lua_pushnil(lua_);
      case 0xC2: case 0xC3: return lua_pushboolean(lua_, type == 0xC3);
      case 0xCA: return lua_pushnumber(lua_, static_cast<lua_Number>(std::bit_cast<float>(static_cast<std::uint32_t>(number(4)))));
      case 0xCB: return lua_pushnumber(lua_, std::bit_cast<double>(number(8)));
      case 0xCC: return lua_pushnumber(lua_, static_cast<lua_Number>(number(1)));
      case 0xCD: return lua_pushnumber(lua_, static_cast<lua_Number>(number(2)));
      case 0xCE: return lua_pushnumber(lua_, static_cast<lua_Number>(number(4)));
      // Of 64 bits without a sign, Lua 5.1's integers take the top one as a sign all the same.
      case 0xCF: case 0xD3: return lua_pushnumber(lua_, static_cast<lua_Number>(static_cast<std::int64_t>(number(8))));
      case 0xD0: return lua_pushnumber(lua_, static_cast<std::int8_t>(number(1)));
      case 0xD1: return lua_pushnumber(lua_, static_cast<std::int16_t>(number(2)));
      case 0xD2: return lua_pushnumber(lua_, static_cast<std::int32_t>(number(4)));
      case 0xD9: return string(number(1));
      case 0xDA: return string(number(2));
      case 0xDB: return string(number(4));
      case 0xDC: return array(number(2));
      case 0xDD: return array(number(4));
      case 0xDE: return map(number(2));
      case 0xDF: return map(number(4));
      default: luaL_error(lua_, "Bad data format in input.");
    }
  }

 private:
  void need(std::uint64_t bytes) {
    if (bytes > input_.size() - at_) luaL_error(lua_, "Missing bytes in input.");
  }

  std::uint64_t number(std::size_t bytes) {
    need(bytes);
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < bytes; ++i) value = value << 8 | static_cast<unsigned char>(input_[at_++]);
    return value;
  }

  void string(std::uint64_t bytes) {
    need(bytes);
    lua_pushlstring(lua_, input_.data() + at_, bytes);
    at_ += bytes;
  }

  void array(std::uint64_t count) {
    // The count is a claim: the table grows as elements come.
    lua_newtable(lua_);
    for (std::uint64_t i = 1; i <= count; ++i) {
      value();
      lua_rawseti(lua_, -2, static_cast<int>(i));
    }
  }

  void map(std::uint64_t count) {
    lua_newtable(lua_);
    for (; count > 0; --count) {
      value();
      value();
      lua_settable(lua_, -3);
    }
  }

  lua_State* lua_;
  std::string_view input_;
  std::size_t at_ = 0;
};

/// Up to `limit` values (0: all) from `offset` on; with `tells_position`, in front of them where to go on, -1 at the end.
int unpack_values(lua_State* L, std::int64_t limit, std::int64_t offset, bool tells_position) {
  std::size_t bytes = 0;
  const char* input = luaL_checklstring(L, 1, &bytes);
  if (offset < 0 || limit < 0) {
    return luaL_error(L, "Invalid request to unpack with offset of %d and limit of %d.", static_cast<int>(offset),
                      static_cast<int>(bytes));
  }
  if (static_cast<std::uint64_t>(offset) > bytes) {
    return luaL_error(L, "Start offset %d greater than input length %d.", static_cast<int>(offset), static_cast<int>(bytes));
  }
  Unpacker unpacker(L, {input, bytes});
  unpacker.seek(static_cast<std::size_t>(offset));
  const int before = lua_gettop(L);
  for (std::int64_t i = 0; (limit == 0 || i < limit) && !unpacker.at_end(); ++i) unpacker.value();
  int results = lua_gettop(L) - before;
  if (tells_position) {
    luaL_checkstack(L, 1, "too many return values at once; use unpack_one or unpack_limit instead.");
    lua_pushinteger(L, unpacker.at_end() ? -1 : static_cast<lua_Integer>(unpacker.position()));
    lua_insert(L, before + 1);
    ++results;
  }
  return results;
}

int unpack(lua_State* L) { return unpack_values(L, 0, 0, false); }

int unpack_one(lua_State* L) {
  const lua_Integer offset = luaL_optinteger(L, 2, 0);
  if (lua_gettop(L) > 1) lua_settop(L, 1);
  return unpack_values(L, 1, offset, true);
}

int unpack_limit(lua_State* L) {
  const lua_Integer limit = luaL_checkinteger(L, 2);
  const lua_Integer offset = luaL_optinteger(L, 3, 0);
  lua_settop(L, 1);
  return unpack_values(L, limit, offset, limit != 0 || offset != 0);
}

}  // namespace

void open_cmsgpack(lua_State* L) {
  static const luaL_Reg kFunctions[] = {{"pack", pack},
                                        {"unpack", unpack},
                                        {"unpack_one", unpack_one},
                                        {"unpack_limit", unpack_limit},
                                        {nullptr, nullptr}};
  lua_newtable(L);
  luaL_register(L, nullptr, kFunctions);
  lua_pushliteral(L, "cmsgpack");
  lua_setfield(L, -2, "_NAME");
  lua_pushliteral(L, "lua-cmsgpack 0.4.0");
  lua_setfield(L, -2, "_VERSION");
}

}  // namespace stele
