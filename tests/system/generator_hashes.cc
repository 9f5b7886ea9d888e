// Hash commands. Family "h" holds hashes of every size, "f" those whose values are numbers.
#include "tests/system/generator.h"

namespace stele::test {
namespace {

// From a few names, so that fields meet again; sometimes one too long for a listpack, sometimes anything.
std::string field(Source& s) {
  if (s.one_in(40)) return s.value();
  if (s.one_in(200)) return std::string(65, 'f') + std::to_string(s.between(0, 3));
  return s.one_in(4) ? std::to_string(s.between(-3, 12)) : "field" + std::to_string(s.between(0, 12));
}

Command with_fields(Source& s, std::string name, std::int64_t most, bool with_values) {
  Command command{std::move(name), s.key("h")};
  for (std::int64_t count = s.between(1, most); count > 0; --count) {
    command.push_back(field(s));
    if (with_values) command.push_back(s.value());
  }
  return command;
}

Command many_fields(Source& s) {
  Command command{"HSET", s.key("h")};
  const std::int64_t from = s.between(0, 600);
  for (std::int64_t i = from, end = from + s.between(200, 600); i < end; ++i) {
    command.insert(command.end(), {"many" + std::to_string(i), std::to_string(i * i)});
  }
  return command;
}

Command hscan(Source& s) {
  Command command{"HSCAN", s.key("h"), "0"};
  if (s.one_in(2)) command.insert(command.end(), {s.one_of("COUNT", "count"), s.one_of("1", "10", "1000")});
  if (s.one_in(3)) command.insert(command.end(), {"MATCH", s.one_of("field*", "*1*", "many?", "*")});
  if (s.one_in(15)) command.push_back(s.one_of("TYPE", "COUNT", "NOVALUES", "0"));
  return command;
}

Command hrandfield(Source& s) {
  Command command{"HRANDFIELD", s.key("h")};
  if (s.one_in(4)) return command;
  command.push_back(s.one_of("0", "1", "-1", "-10", "3"));
  if (s.one_in(2)) command.push_back(s.one_of("WITHVALUES", "withvalues", "FOO"));
  return command;
}

// A line per generator.
// clang-format off
const GeneratorGroup kHashes("hashes", {"f", "h"}, {
    {14, [](Source& s) -> Command { return with_fields(s, "HSET", 3, true); }},
    {2, many_fields},
    {5, [](Source& s) -> Command { return with_fields(s, "HMSET", 4, true); }},
    {1, [](Source& s) -> Command { return {"HSET", s.key("h"), field(s), s.big_value()}; }},
    {1, [](Source& s) -> Command { return {"HSET", s.key("h"), field(s), s.value(), field(s)}; }},
    {5, [](Source& s) -> Command { return {"HSETNX", s.key("h"), field(s), s.value()}; }},
    {8, [](Source& s) -> Command { return {"HGET", s.key("h"), field(s)}; }},
    {5, [](Source& s) -> Command { return with_fields(s, "HMGET", 5, false); }},
    {10, [](Source& s) -> Command { return with_fields(s, "HDEL", 4, false); }},
    {3, [](Source& s) -> Command { return {"HDEL", s.key("h"), "many" + std::to_string(s.between(0, 700)), field(s)}; }},
    {3, [](Source& s) -> Command { return {"HLEN", s.key("h")}; }},
    {3, [](Source& s) -> Command { return {"HSTRLEN", s.key("h"), field(s)}; }},
    {3, [](Source& s) -> Command { return {"HEXISTS", s.key("h"), field(s)}; }},
    {4, [](Source& s) -> Command { return {"HSET", s.key("f"), field(s), s.one_in(2) ? s.integer() : s.real()}; }},
    {8, [](Source& s) -> Command { return {"HINCRBY", s.key("f"), field(s), s.integer()}; }},
    {8, [](Source& s) -> Command { return {"HINCRBYFLOAT", s.key("f"), field(s), s.one_in(20) ? s.one_of("inf", "-inf", "nan", "1e4000") : s.real()}; }},
    {1, [](Source& s) -> Command { return {s.one_of("HINCRBY", "HINCRBYFLOAT"), s.key("h"), field(s), s.integer()}; }},
    {2, [](Source& s) -> Command { return {s.one_of("HKEYS", "HVALS"), s.key("h")}; }, Compare::as_set},
    {3, [](Source& s) -> Command { return {"HGETALL", s.key("h")}; }, Compare::as_pairs},
    {3, hrandfield, Compare::shape},
    {2, [](Source& s) -> Command { return {"HRANDFIELD", s.key("h"), s.one_of("1000000", "9223372036854775807")}; }, Compare::as_set},
    {1, [](Source& s) -> Command { return {"HRANDFIELD", s.key("h"), s.one_of("-9223372036854775808", "4611686018427387904", "x"), s.one_of("WITHVALUES", "VALUES")}; }, Compare::shape},
    {4, hscan, Compare::scan},
    {1, [](Source& s) -> Command { return {"OBJECT", "ENCODING", s.key("h")}; }, Compare::encoding},
    {1, [](Source& s) -> Command { return {"COPY", s.key("h"), s.key("h"), "REPLACE"}; }},
    {2, [](Source& s) -> Command { return {"DEL", s.key("h")}; }},
    {1, [](Source& s) -> Command { return {"DEL", s.key("f")}; }},
});
// clang-format on

}  // namespace
}  // namespace stele::test
