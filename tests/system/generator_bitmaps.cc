// Bitmap commands, on family "b".
#include "tests/system/generator.h"

namespace stele::test {
namespace {

std::string offset(Source& s) {
  if (s.one_in(25)) return s.one_of("-1", "4294967296", "x", "", "1.5", "9223372036854775807");
  if (s.one_in(30)) return std::to_string(s.between(0, 100'000));
  return std::to_string(s.between(0, 200));
}

std::string field_type(Source& s) {
  if (s.one_in(25)) return s.one_of("u64", "i65", "i0", "u0", "x8", "i", "u-1", "I8", "i 8", "");
  return s.one_of("i", "u") + std::to_string(s.between(1, 63));
}

std::string field_offset(Source& s) {
  if (s.one_in(3)) return "#" + (s.one_in(15) ? s.one_of("-1", "x", "", "4294967296") : std::to_string(s.between(0, 12)));
  return offset(s);
}

std::string operand(Source& s) {
  if (s.one_in(3)) return s.one_of("1", "-1", "127", "128", "-128", "-129", "255", "256", "9223372036854775807", "-9223372036854775808");
  return s.integer();
}

void add_field_operation(Source& s, Command& command, bool reads_only) {
  if (reads_only || s.one_in(3)) {
    command.insert(command.end(), {s.one_of("GET", "get"), field_type(s), field_offset(s)});
    return;
  }
  if (s.one_in(2)) command.insert(command.end(), {"OVERFLOW", s.one_in(20) ? "BOUNCE" : s.one_of("WRAP", "SAT", "FAIL", "sat")});
  const std::string type = s.one_in(6) ? "i64" : field_type(s);
  command.insert(command.end(), {s.one_of("SET", "INCRBY", "INCRBY"), type, field_offset(s), operand(s)});
}

Command bitfield(Source& s, std::string name, bool reads_only) {
  Command command{std::move(name), s.key("b")};
  for (std::int64_t count = s.between(0, 4); count > 0; --count) add_field_operation(s, command, reads_only && !s.one_in(20));
  if (s.one_in(30)) command.push_back(s.one_of("GET", "OVERFLOW", "SET"));
  return command;
}

Command bitop(Source& s) {
  Command command{"BITOP", s.one_of("AND", "OR", "XOR", "NOT", "and", "Xor", "NAND"), s.key("b")};
  const std::int64_t count = command[1] == "NOT" && !s.one_in(10) ? 1 : s.between(1, 4);
  for (std::int64_t i = 0; i < count; ++i) command.push_back(s.key("b"));
  return command;
}

// A line per generator.
// clang-format off
const GeneratorGroup kBitmaps("bitmaps", {"b"}, {
    {14, [](Source& s) -> Command { return {"SETBIT", s.key("b"), offset(s), s.one_in(30) ? s.one_of("2", "-1", "x") : s.one_of("0", "1", "1")}; }},
    {8, [](Source& s) -> Command { return {"GETBIT", s.key("b"), offset(s)}; }},
    {5, [](Source& s) -> Command { return {"BITCOUNT", s.key("b")}; }, Compare::args_first},
    {6, [](Source& s) -> Command { return {"BITCOUNT", s.key("b"), std::to_string(s.between(-40, 40)), std::to_string(s.between(-40, 40))}; }, Compare::args_first},
    {6, [](Source& s) -> Command { return {"BITCOUNT", s.key("b"), std::to_string(s.between(-200, 200)), std::to_string(s.between(-200, 200)), s.one_of("BIT", "BYTE", "bit")}; }, Compare::args_first},
    {5, [](Source& s) -> Command { return {"BITPOS", s.key("b"), s.one_of("0", "1")}; }, Compare::args_first},
    {5, [](Source& s) -> Command { return {"BITPOS", s.key("b"), s.one_of("0", "1"), std::to_string(s.between(-40, 40))}; }, Compare::args_first},
    {6, [](Source& s) -> Command { return {"BITPOS", s.key("b"), s.one_of("0", "1"), std::to_string(s.between(-40, 40)), std::to_string(s.between(-40, 40))}; }, Compare::args_first},
    {6, [](Source& s) -> Command { return {"BITPOS", s.key("b"), s.one_of("0", "1"), std::to_string(s.between(-200, 200)), std::to_string(s.between(-200, 200)), s.one_of("BIT", "BYTE")}; }, Compare::args_first},
    {14, bitop},
    {22, [](Source& s) -> Command { return bitfield(s, "BITFIELD", false); }},
    {6, [](Source& s) -> Command { return bitfield(s, "BITFIELD_RO", true); }},
    {3, [](Source& s) -> Command { return {"SET", s.key("b"), s.bytes(static_cast<std::size_t>(s.between(0, 40)))}; }},
    {1, [](Source& s) -> Command { return {"SET", s.key("b"), s.big_value()}; }},
    {1, [](Source& s) -> Command { return {"SET", s.key("b"), s.integer()}; }},
    {4, [](Source& s) -> Command { return {"GET", s.key("b")}; }},
    {2, [](Source& s) -> Command { return {"DEL", s.key("b")}; }},
});
// clang-format on

}  // namespace
}  // namespace stele::test
