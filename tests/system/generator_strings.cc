// String commands. Family "s" holds values of every kind, "n" numbers, "t" short texts for LCS, whose cost is the
// product of the lengths.
#include "tests/system/generator.h"

namespace stele::test {
namespace {

// One expiry option, of any kind.
void add_lifetime(Source& s, Command& command) {
  switch (s.between(0, 3)) {
    case 0:
      command.insert(command.end(), {s.one_of("EX", "ex"), s.seconds()});
      break;
    case 1:
      command.insert(command.end(), {"PX", s.milliseconds()});
      break;
    case 2:
      command.insert(command.end(), {"EXAT", s.unix_seconds()});
      break;
    default:
      command.insert(command.end(), {s.one_of("PXAT", "pxAt"), s.unix_milliseconds()});
      break;
  }
}

Command set_with_options(Source& s) {
  Command command{"SET", s.key("s"), s.value()};
  if (s.one_in(3)) command.push_back(s.one_of("NX", "XX", "nx"));
  if (s.one_in(3)) command.push_back(s.one_of("GET", "get"));
  if (s.one_in(2)) add_lifetime(s, command);
  if (s.one_in(4)) command.push_back("KEEPTTL");
  if (s.one_in(20)) command.push_back(s.one_of("NX", "XX", "PERSIST", "EX", "FOO"));
  return command;
}

Command getex(Source& s) {
  Command command{"GETEX", s.key("s")};
  if (s.one_in(3)) {
    command.push_back("PERSIST");
  } else if (s.one_in(2)) {
    add_lifetime(s, command);
  }
  if (s.one_in(20)) command.push_back(s.one_of("PERSIST", "KEEPTTL", "NX"));
  return command;
}

Command several(Source& s, std::string name, bool with_values) {
  Command command{std::move(name)};
  for (std::int64_t count = s.between(1, 5); count > 0; --count) {
    command.push_back(s.key("s"));
    if (with_values) command.push_back(s.value());
  }
  return command;
}

Command lcs(Source& s) {
  Command command{"LCS", s.key("t"), s.key("t")};
  if (s.one_in(3)) command.push_back("LEN");
  if (s.one_in(2)) command.push_back("IDX");
  if (s.one_in(3)) command.insert(command.end(), {"MINMATCHLEN", s.index()});
  if (s.one_in(3)) command.push_back("WITHMATCHLEN");
  return command;
}

std::string text_for_lcs(Source& s) {
  std::string text;
  for (std::int64_t count = s.between(0, 60); count > 0; --count) text += static_cast<char>(s.between('a', 'd'));
  return text;
}

// A line per generator.
// clang-format off
const GeneratorGroup kStrings("strings", {"n", "s", "t"}, {
    {10, [](Source& s) -> Command { return {"SET", s.key("s"), s.value()}; }},
    {4, [](Source& s) -> Command { return {"SET", s.key("n"), s.integer()}; }},
    {2, [](Source& s) -> Command { return {"SET", s.key("n"), s.real()}; }},
    {1, [](Source& s) -> Command { return {"SET", s.key("s"), s.big_value()}; }},
    {20, set_with_options},
    {12, [](Source& s) -> Command { return {"GET", s.key("s")}; }},
    {3, [](Source& s) -> Command { return {"GET", s.key("n")}; }},
    {8, getex},
    {4, [](Source& s) -> Command { return {"GETDEL", s.key("s")}; }},
    {4, [](Source& s) -> Command { return {"GETSET", s.key("s"), s.value()}; }},
    {4, [](Source& s) -> Command { return {"SETNX", s.key("s"), s.value()}; }},
    {4, [](Source& s) -> Command { return {"SETEX", s.key("s"), s.seconds(), s.value()}; }},
    {4, [](Source& s) -> Command { return {"PSETEX", s.key("s"), s.milliseconds(), s.value()}; }},
    {4, [](Source& s) -> Command { return several(s, "MSET", true); }},
    {4, [](Source& s) -> Command { return several(s, "MSETNX", true); }},
    {5, [](Source& s) -> Command { return several(s, "MGET", false); }},
    {6, [](Source& s) -> Command { return {"APPEND", s.key("s"), s.value()}; }},
    {2, [](Source& s) -> Command { return {"APPEND", s.key("n"), s.integer()}; }},
    {4, [](Source& s) -> Command { return {"STRLEN", s.key("s")}; }},
    {5, [](Source& s) -> Command { return {"GETRANGE", s.key("s"), s.index(), s.index()}; }},
    {2, [](Source& s) -> Command { return {"SUBSTR", s.key("s"), s.index(), s.index()}; }},
    {5, [](Source& s) -> Command { return {"SETRANGE", s.key("s"), std::to_string(s.between(0, 80)), s.value()}; }},
    {1, [](Source& s) -> Command {
       return {"SETRANGE", s.key("s"), s.one_of("-1", "536870912", "9223372036854775807", "536870911x", "3000"), s.one_of("", "x")};
     }},
    {5, [](Source& s) -> Command { return {s.one_of("INCR", "DECR"), s.key("n")}; }},
    {6, [](Source& s) -> Command { return {s.one_of("INCRBY", "DECRBY"), s.key("n"), s.integer()}; }},
    {6, [](Source& s) -> Command { return {"INCRBYFLOAT", s.key("n"), s.real()}; }},
    {3, [](Source& s) -> Command { return {"SET", s.key("t"), text_for_lcs(s)}; }},
    {3, lcs},
});
// clang-format on

}  // namespace
}  // namespace stele::test
