// struct.pack, unpack and size: numbers and strings as C structures lay them out.
//
//     > <          big or little endian from here on; at first the machine's
//     !n           align to at most n, a power of 2 (8 if n is left out); at first not at all
//     x            a zero byte
//     b B h H l L T   integers of 1, 2, 8, 8 bytes, in capitals without a sign; T as L
//     in In        an integer of n bytes (4), at most 32
//     f d          float and double
//     s            a string with a zero behind it
//     cn           n characters (1); c0 takes all of the string, and in unpack its length is the number read before
//     space        nothing

#include <bit>
#include <cmath>
#include <limits>

#include "protocol/scripting/lua_sandbox.h"

namespace stele {

namespace {

constexpr int kIntegerBytesMax = 32;
constexpr int kAlignMax = 8;

struct Layout {
  bool little = std::endian::native == std::endian::little;
  int align = 1;
};

bool is_digit(char c) { return c >= '0' && c <= '9'; }

int take_number(lua_State* L, const char*& format, int otherwise) {
  if (!is_digit(*format)) return otherwise;
  int number = 0;
  do {
    const int digit = *format++ - '0';
    if (number > (std::numeric_limits<int>::max() - digit) / 10) return luaL_error(L, "integral size overflow");
    number = number * 10 + digit;
  } while (is_digit(*format));
  return number;
}

/// Bytes of what `option` stands for; `format` is behind it.
std::size_t option_bytes(lua_State* L, char option, const char*& format) {
  switch (option) {
    case 'b': case 'B': case 'x': return 1;
    case 'h': case 'H': return 2;
    case 'l': case 'L': case 'T': case 'd': return 8;
    case 'f': return 4;
    case 'c': return static_cast<std::size_t>(take_number(L, format, 1));
    case 'i': case 'I': {
      const int bytes = take_number(L, format, 4);
      if (bytes > kIntegerBytesMax) {
        luaL_error(L, "integral size %d is larger than limit of %d", bytes, kIntegerBytesMax);
      }
      return static_cast<std::size_t>(bytes);
    }
    default: return 0;
  }
}

/// Zero bytes needed in front of something of `bytes` at `position`.
std::size_t padding(std::size_t position, const Layout& layout, char option, std::size_t bytes) {
  if (bytes == 0 || option == 'c') return 0;
  bytes = std::min(bytes, static_cast<std::size_t>(layout.align));
  if (bytes <= 1) return 0;
  return (bytes - (position & (bytes - 1))) & (bytes - 1);
}

/// An option that only changes how the rest is read.
void control(lua_State* L, char option, const char*& format, Layout& layout) {
  switch (option) {
    case ' ': return;
    case '>': layout.little = false; return;
    case '<': layout.little = true; return;
    case '!': {
      const int align = take_number(L, format, kAlignMax);
      if (align <= 0 || (align & (align - 1)) != 0) luaL_error(L, "alignment %d is not a power of 2", align);
      layout.align = align;
      return;
    }
    default: luaL_argerror(L, 1, lua_pushfstring(L, "invalid format option '%c'", option));
  }
}

void add_integer(lua_State* L, luaL_Buffer* out, int arg, bool little, std::size_t bytes) {
  const lua_Number number = luaL_checknumber(L, arg);
  std::uint64_t value = std::uint64_t{1} << 63;  // what a conversion out of range gives
  if (number < 0 && number >= -0x1p63) {
    value = static_cast<std::uint64_t>(static_cast<std::int64_t>(number));
  } else if (number >= 0 && number < 0x1p64) {
    value = static_cast<std::uint64_t>(number);
  }
  char raw[kIntegerBytesMax] = {};
  for (std::size_t i = 0; i < bytes; ++i) {
    raw[little ? i : bytes - 1 - i] = i < 8 ? static_cast<char>(value >> (8 * i)) : '\0';
  }
  luaL_addlstring(out, raw, bytes);
}

lua_Number read_integer(const char* raw, bool little, bool is_signed, std::size_t bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < bytes; ++i) {
    value = value << 8 | static_cast<unsigned char>(raw[little ? bytes - 1 - i : i]);
  }
  if (!is_signed) return static_cast<lua_Number>(value);
  if (bytes > 0 && bytes < 8) {
    const auto unused = static_cast<int>(64 - 8 * bytes);
    return static_cast<lua_Number>(static_cast<std::int64_t>(value << unused) >> unused);
  }
  return static_cast<lua_Number>(static_cast<std::int64_t>(value));
}

template <typename Float>
void add_float(luaL_Buffer* out, Float value, bool little) {
  char raw[sizeof value];
  std::memcpy(raw, &value, sizeof value);
  if (little != (std::endian::native == std::endian::little)) std::reverse(raw, raw + sizeof raw);
  luaL_addlstring(out, raw, sizeof raw);
}

template <typename Float>
lua_Number read_float(const char* bytes, bool little) {
  char raw[sizeof(Float)];
  std::memcpy(raw, bytes, sizeof raw);
  if (little != (std::endian::native == std::endian::little)) std::reverse(raw, raw + sizeof raw);
  Float value;
  std::memcpy(&value, raw, sizeof value);
  return static_cast<lua_Number>(value);
}

bool is_unsigned(char option) { return option >= 'A' && option <= 'Z'; }

int pack(lua_State* L) {
  const char* format = luaL_checkstring(L, 1);
  Layout layout;
  int arg = 2;
  std::size_t total = 0;
  lua_pushnil(L);  // between the arguments and what the buffer puts on the stack
  luaL_Buffer out;
  luaL_buffinit(L, &out);
  while (*format != '\0') {
    const char option = *format++;
    std::size_t bytes = option_bytes(L, option, format);
    const std::size_t zeros = padding(total, layout, option, bytes);
    total += zeros;
    for (std::size_t i = 0; i < zeros; ++i) luaL_addchar(&out, '\0');
    switch (option) {
      case 'b': case 'B': case 'h': case 'H': case 'l': case 'L': case 'T': case 'i': case 'I':
        add_integer(L, &out, arg++, layout.little, bytes);
        break;
      case 'x': luaL_addchar(&out, '\0'); break;
      case 'f': add_float(&out, static_cast<float>(luaL_checknumber(L, arg++)), layout.little); break;
      case 'd': add_float(&out, static_cast<double>(luaL_checknumber(L, arg++)), layout.little); break;
      case 'c': case 's': {
        std::size_t given = 0;
        const char* text = luaL_checklstring(L, arg++, &given);
        if (bytes == 0) bytes = given;
        luaL_argcheck(L, given >= bytes, arg, "string too short");
        luaL_addlstring(&out, text, bytes);
        if (option == 's') {
          luaL_addchar(&out, '\0');
          ++bytes;
        }
        break;
      }
      default: control(L, option, format, layout);
    }
    total += bytes;
  }
  luaL_pushresult(&out);
  return 1;
}

int unpack(lua_State* L) {
  const char* format = luaL_checkstring(L, 1);
  std::size_t size = 0;
  const char* data = luaL_checklstring(L, 2, &size);
  const auto offset = static_cast<std::int64_t>(luaL_optnumber(L, 3, 1));
  luaL_argcheck(L, offset != 0, 3, "offset must be 1 or greater");
  luaL_argcheck(L, offset > 0 && static_cast<std::size_t>(offset - 1) <= size, 2, "data string too short");
  auto at = static_cast<std::size_t>(offset - 1);
  Layout layout;
  int results = 0;
  lua_settop(L, 2);
  while (*format != '\0') {
    const char option = *format++;
    std::size_t bytes = option_bytes(L, option, format);
    const std::size_t zeros = padding(at, layout, option, bytes);
    luaL_argcheck(L, zeros <= size - at && bytes <= size - at - zeros, 2, "data string too short");
    at += zeros;
    luaL_checkstack(L, 2, "too many results");
    switch (option) {
      case 'b': case 'B': case 'h': case 'H': case 'l': case 'L': case 'T': case 'i': case 'I':
        lua_pushnumber(L, read_integer(data + at, layout.little, !is_unsigned(option), bytes));
        ++results;
        break;
      case 'x': break;
      case 'f': lua_pushnumber(L, read_float<float>(data + at, layout.little)), ++results; break;
      case 'd': lua_pushnumber(L, read_float<double>(data + at, layout.little)), ++results; break;
      case 'c':
        if (bytes == 0) {
          if (results == 0 || !lua_isnumber(L, -1)) return luaL_error(L, "format 'c0' needs a previous size");
          const lua_Number wanted = lua_tonumber(L, -1);
          lua_pop(L, 1);
          --results;
          luaL_argcheck(L, wanted >= 0 && wanted <= static_cast<lua_Number>(size - at), 2, "data string too short");
          bytes = static_cast<std::size_t>(wanted);
        }
        lua_pushlstring(L, data + at, bytes);
        ++results;
        break;
      case 's': {
        const void* end = std::memchr(data + at, '\0', size - at);
        if (end == nullptr) return luaL_error(L, "unfinished string in data");
        bytes = static_cast<std::size_t>(static_cast<const char*>(end) - (data + at)) + 1;
        lua_pushlstring(L, data + at, bytes - 1);
        ++results;
        break;
      }
      default: control(L, option, format, layout);
    }
    at += bytes;
  }
  lua_pushinteger(L, static_cast<lua_Integer>(at + 1));
  return results + 1;
}

int size_of(lua_State* L) {
  const char* format = luaL_checkstring(L, 1);
  Layout layout;
  std::size_t total = 0;
  while (*format != '\0') {
    const char option = *format++;
    const std::size_t bytes = option_bytes(L, option, format);
    total += padding(total, layout, option, bytes);
    if (option == 's') luaL_argerror(L, 1, "option 's' has no fixed size");
    if (option == 'c' && bytes == 0) luaL_argerror(L, 1, "option 'c0' has no fixed size");
    // Letters that stand for data have been dealt with.
    if (std::strchr("bBhHlLTiIfdxcs", option) == nullptr) control(L, option, format, layout);
    total += bytes;
  }
  lua_pushinteger(L, static_cast<lua_Integer>(total));
  return 1;
}

}  // namespace

void open_struct(lua_State* L) {
  static const luaL_Reg kFunctions[] = {{"pack", pack}, {"unpack", unpack}, {"size", size_of}, {nullptr, nullptr}};
  lua_newtable(L);
  luaL_register(L, nullptr, kFunctions);
}

}  // namespace stele
