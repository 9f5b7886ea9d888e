// Set commands. Family "u" (unordered) holds sets of every kind, "i" mostly sets of integers.
#include "tests/system/generator.h"

namespace stele::test {
namespace {

std::string number(Source& s) {
  if (s.one_in(20)) return s.integer();
  return std::to_string(s.one_in(6) ? s.between(-100000, 100000) : s.between(-5, 25));
}

// From a few, so that sets have some in common; sometimes one too long for a listpack, sometimes anything.
std::string member(Source& s) {
  if (s.one_in(40)) return s.value();
  if (s.one_in(150)) return std::string(65, 'm') + std::to_string(s.between(0, 3));
  return s.one_in(2) ? number(s) : "member" + std::to_string(s.between(0, 20));
}

std::string set_key(Source& s) { return s.key(s.one_in(3) ? "i" : "u"); }

Command with_members(Source& s, std::string name, std::int64_t most) {
  Command command{std::move(name)};
  const bool numbers = s.one_in(3);
  command.push_back(s.key(numbers ? "i" : "u"));
  for (std::int64_t count = s.between(1, most); count > 0; --count) command.push_back(numbers ? number(s) : member(s));
  return command;
}

Command many_members(Source& s) {
  const bool numbers = s.one_in(2);
  Command command{"SADD", s.key(numbers ? "i" : "u")};
  const std::int64_t from = s.between(0, 600);
  for (std::int64_t i = from, end = from + s.between(100, 600); i < end; ++i) {
    command.push_back((numbers ? "" : "many") + std::to_string(i));
  }
  return command;
}

Command with_keys(Source& s, std::string name, bool stores) {
  Command command{std::move(name)};
  if (stores) command.push_back(set_key(s));
  for (std::int64_t count = s.between(1, 4); count > 0; --count) command.push_back(set_key(s));
  return command;
}

Command sintercard(Source& s) {
  const std::int64_t keys = s.between(1, 3);
  Command command{"SINTERCARD", std::to_string(s.one_in(15) ? s.between(-1, 5) : keys)};
  for (std::int64_t i = 0; i < keys; ++i) command.push_back(set_key(s));
  if (s.one_in(2)) command.insert(command.end(), {s.one_of("LIMIT", "limit"), s.one_of("0", "1", "3", "1000", "-1", "x")});
  if (s.one_in(20)) command.push_back("LIMIT");
  return command;
}

Command sscan(Source& s) {
  Command command{"SSCAN", set_key(s), "0"};
  if (s.one_in(2)) command.insert(command.end(), {"COUNT", s.one_of("1", "10", "1000")});
  if (s.one_in(3)) command.insert(command.end(), {"MATCH", s.one_of("member*", "*1*", "many?", "*")});
  if (s.one_in(15)) command.push_back(s.one_of("TYPE", "COUNT", "0"));
  return command;
}

// A line per generator.
// clang-format off
const GeneratorGroup kSets("sets", {"i", "u"}, {
    {16, [](Source& s) -> Command { return with_members(s, "SADD", 4); }},
    {3, many_members},
    {1, [](Source& s) -> Command { return {"SADD", s.key("u"), s.big_value()}; }},
    {12, [](Source& s) -> Command { return with_members(s, "SREM", 4); }},
    {2, [](Source& s) -> Command { return {"SREM", set_key(s), std::to_string(s.between(0, 700)), "many" + std::to_string(s.between(0, 700))}; }},
    {6, [](Source& s) -> Command { return {"SMOVE", set_key(s), set_key(s), member(s)}; }},
    {4, [](Source& s) -> Command { return {"SISMEMBER", set_key(s), member(s)}; }},
    {4, [](Source& s) -> Command { return with_members(s, "SMISMEMBER", 5); }},
    {4, [](Source& s) -> Command { return {"SCARD", set_key(s)}; }},
    {4, [](Source& s) -> Command { return {"SMEMBERS", set_key(s)}; }, Compare::as_set},
    {4, sscan, Compare::scan},
    // What is drawn is each server's own: all or nothing.
    {2, [](Source& s) -> Command { return {"SPOP", set_key(s), s.one_of("0", "100000", "-1", "x", "9223372036854775807")}; }, Compare::as_set},
    {2, [](Source& s) -> Command { return {"SRANDMEMBER", set_key(s)}; }, Compare::shape},
    {2, [](Source& s) -> Command { return {"SRANDMEMBER", set_key(s), s.one_of("0", "1", "-1", "-10", "x", "-9223372036854775808")}; }, Compare::shape},
    {5, [](Source& s) -> Command { return with_keys(s, s.one_of("SINTER", "SUNION", "SDIFF"), false); }, Compare::as_set},
    {6, [](Source& s) -> Command { return with_keys(s, s.one_of("SINTERSTORE", "SUNIONSTORE", "SDIFFSTORE"), true); }},
    {5, sintercard},
    {2, [](Source& s) -> Command { return {"OBJECT", "ENCODING", set_key(s)}; }, Compare::encoding},
    {1, [](Source& s) -> Command { return {"COPY", set_key(s), set_key(s), "REPLACE"}; }},
    {2, [](Source& s) -> Command { return {"DEL", set_key(s)}; }},
});
// clang-format on

}  // namespace
}  // namespace stele::test
