// Sorted set commands, on family "z". Those by text are defined only while all scores are equal, so they have sets of their own
// ("lex0" ...) that no other command reaches: the group "lexsets".
#include "tests/system/generator.h"

namespace stele::test {
namespace {

std::string member(Source& s) {
  if (s.one_in(40)) return s.value();
  if (s.one_in(200)) return std::string(static_cast<std::size_t>(s.between(60, 70)), 'm');
  if (s.one_in(4)) return std::to_string(s.between(-50, 50));
  return "m" + std::to_string(s.between(0, 150));
}

std::string score(Source& s) {
  switch (s.between(0, 9)) {
    case 0: {
      // No minus zero: a listpack drops its sign, and 7.2 goes by all members when it chooses one, 7.0 by the first.
      const std::string real = s.real();
      return real.starts_with("-0") ? real.substr(1) : real;
    }
    case 1:
      return s.one_of("inf", "-inf", "+inf", "1e300", "0.1", "3.0", "1e17", "12345678901234567890");
    case 2:
    case 3:
      return std::to_string(s.between(-1000, 1000)) + "." + std::to_string(s.between(0, 999));
    default:
      return std::to_string(s.between(-20, 100));
  }
}

// No number beyond a double's range, nor a denormal one: 7.0 leaves ERANGE in errno, and the next SORT takes it for its own.
std::string bound(Source& s) {
  if (s.one_in(12)) return s.one_of("", "(", "(inf", "-inf", "+inf", "nan", "abc", " 5", "5 ", "((1", "(-inf", "0x10");
  return (s.one_in(4) ? "(" : "") + score(s);
}

void add_pairs(Source& s, Command& command, std::int64_t count) {
  for (; count > 0; --count) command.insert(command.end(), {score(s), member(s)});
}

Command zadd(Source& s) {
  Command command{"ZADD", s.key("z")};
  const bool incr = s.one_in(8);
  if (s.one_in(4)) command.push_back(s.one_of("NX", "XX", "nx", "xX"));
  if (s.one_in(5)) command.push_back(s.one_of("GT", "LT"));
  if (s.one_in(4)) command.push_back(s.one_of("CH", "ch"));
  if (incr) command.push_back("INCR");
  if (s.one_in(60)) command.push_back(s.one_of("NX", "GT", "LT", "FOO"));
  add_pairs(s, command, incr && !s.one_in(30) ? 1 : s.one_in(10) ? s.between(20, 60) : s.between(1, 5));
  if (s.one_in(60)) command.push_back(member(s));
  return command;
}

void add_limit(Source& s, Command& command) {
  if (s.one_in(3)) command.insert(command.end(), {s.one_of("LIMIT", "limit"), s.index(), s.index()});
}

void add_with_scores(Source& s, Command& command) {
  if (s.one_in(2)) command.push_back(s.one_of("WITHSCORES", "withscores"));
}

Command by_rank(Source& s, std::string name) {
  Command command{std::move(name), s.key("z"), s.index(), s.index()};
  if (command[0] == "ZRANGE" && s.one_in(3)) command.push_back("REV");
  if (s.one_in(30)) add_limit(s, command);
  add_with_scores(s, command);
  return command;
}

Command by_score(Source& s, std::string name) {
  Command command{std::move(name), s.key("z"), bound(s), bound(s)};
  if (s.one_in(3)) command[2] = "-inf", command[3] = "+inf";
  if (s.one_in(4)) std::swap(command[2], command[3]);
  if (command[0] == "ZRANGE") {
    command.push_back("BYSCORE");
    if (s.one_in(2)) command.push_back("REV");
  }
  add_limit(s, command);
  add_with_scores(s, command);
  if (s.one_in(40)) command.push_back(s.one_of("BYLEX", "REV", "BYSCORE", "LIMIT"));
  return command;
}

Command zrangestore(Source& s) {
  Command command{"ZRANGESTORE", s.key("z"), s.key("z")};
  if (s.one_in(2)) {
    command.insert(command.end(), {s.index(), s.index()});
  } else {
    command.insert(command.end(), {bound(s), bound(s), "BYSCORE"});
    add_limit(s, command);
  }
  if (s.one_in(3)) command.push_back("REV");
  if (s.one_in(40)) command.push_back("WITHSCORES");
  return command;
}

Command with_members(Source& s, std::string name, std::int64_t most) {
  Command command{std::move(name), s.key("z")};
  for (std::int64_t count = s.between(1, most); count > 0; --count) command.push_back(member(s));
  return command;
}

Command pop(Source& s) {
  Command command{s.one_of("ZPOPMIN", "ZPOPMAX"), s.key("z")};
  if (s.one_in(2)) command.push_back(s.one_in(12) ? s.one_of("-1", "x", "1.5", "99999") : std::to_string(s.between(0, 6)));
  return command;
}

Command zmpop(Source& s) {
  const std::int64_t count = s.between(1, 3);
  Command command{"ZMPOP", std::to_string(s.one_in(20) ? s.between(-1, 5) : count)};
  for (std::int64_t i = 0; i < count; ++i) command.push_back(s.key("z"));
  command.push_back(s.one_of("MIN", "MAX", "min"));
  if (s.one_in(2)) command.insert(command.end(), {"COUNT", s.one_in(12) ? s.one_of("0", "-1", "x") : std::to_string(s.between(1, 5))});
  if (s.one_in(40)) command.insert(command.end(), {"COUNT", "1"});
  return command;
}

Command combine(Source& s, std::string name, bool stores, bool weighs) {
  Command command{std::move(name)};
  if (stores) command.push_back(s.key("z"));
  const std::int64_t count = s.between(1, 4);
  command.push_back(s.one_in(25) ? s.one_of("0", "-1", "x", "9", "9223372036854775807") : std::to_string(count));
  for (std::int64_t i = 0; i < count; ++i) command.push_back(s.key(s.one_in(6) ? "u" : "z"));
  if (weighs && s.one_in(3)) {
    command.push_back("WEIGHTS");
    for (std::int64_t i = 0; i < count; ++i) command.push_back(s.one_in(10) ? s.real() : std::to_string(s.between(-3, 3)));
  }
  if (weighs && s.one_in(3)) command.insert(command.end(), {"AGGREGATE", s.one_of("SUM", "MIN", "MAX", "max", "AVG")});
  if (!stores) add_with_scores(s, command);
  if (s.one_in(50)) command.push_back(s.one_of("WITHSCORES", "WEIGHTS", "AGGREGATE", "LIMIT"));
  return command;
}

Command zintercard(Source& s) {
  Command command = combine(s, "ZINTERCARD", false, false);
  if (command.back() == "WITHSCORES" || command.back() == "withscores") command.pop_back();
  if (s.one_in(2)) command.insert(command.end(), {"LIMIT", s.one_of("0", "1", "3", "100", "-1", "x")});
  return command;
}

Command zscan(Source& s) {
  Command command{"ZSCAN", s.key("z"), "0"};
  if (s.one_in(3)) command.insert(command.end(), {"COUNT", std::to_string(s.between(1, 20))});
  if (s.one_in(3)) command.insert(command.end(), {"MATCH", s.one_of("m1*", "*", "?", "[0-9]*", "m?")});
  return command;
}

// clang-format off
const GeneratorGroup kZsets("zsets", {"z"}, {
    {24, zadd},
    {8, [](Source& s) -> Command { return {"ZINCRBY", s.key("z"), score(s), member(s)}; }},
    {6, [](Source& s) -> Command { return with_members(s, "ZREM", 5); }},
    {1, [](Source& s) -> Command { return {"ZREMRANGEBYRANK", s.key("z"), s.index(), s.index()}; }},
    {1, [](Source& s) -> Command { return {"ZREMRANGEBYSCORE", s.key("z"), bound(s), bound(s)}; }},
    {3, [](Source& s) -> Command { return {"ZCARD", s.key("z")}; }},
    {4, [](Source& s) -> Command { return {"ZSCORE", s.key("z"), member(s)}; }},
    {3, [](Source& s) -> Command { return with_members(s, "ZMSCORE", 4); }},
    {5, [](Source& s) -> Command { return {s.one_of("ZRANK", "ZREVRANK"), s.key("z"), member(s)}; }},
    {4, [](Source& s) -> Command { return {"ZCOUNT", s.key("z"), bound(s), bound(s)}; }},
    {7, [](Source& s) -> Command { return by_rank(s, s.one_of("ZRANGE", "ZREVRANGE")); }},
    {9, [](Source& s) -> Command { return by_score(s, s.one_of("ZRANGE", "ZRANGEBYSCORE", "ZREVRANGEBYSCORE")); }},
    {3, zrangestore},
    {4, pop},
    {2, zmpop},
    {4, [](Source& s) -> Command { return combine(s, s.one_of("ZUNION", "ZINTER"), false, true); }},
    {2, [](Source& s) -> Command { return combine(s, "ZDIFF", false, false); }},
    {4, [](Source& s) -> Command { return combine(s, s.one_of("ZUNIONSTORE", "ZINTERSTORE"), true, true); }},
    {2, [](Source& s) -> Command { return combine(s, "ZDIFFSTORE", true, false); }},
    {2, zintercard},
    {1, [](Source& s) -> Command { return {"ZRANDMEMBER", s.key("z")}; }, Compare::shape},
    {1, [](Source& s) -> Command { return {"ZRANDMEMBER", s.key("z"), s.index()}; }, Compare::shape},
    {1, [](Source& s) -> Command { return {"ZRANDMEMBER", s.key("z"), "100000"}; }, Compare::as_set},
    {1, [](Source& s) -> Command { return {"ZRANDMEMBER", s.key("z"), s.one_of("x", "-9223372036854775808", "9223372036854775807"), s.one_of("WITHSCORES", "FOO")}; }, Compare::shape},
    {2, zscan, Compare::scan},
    {2, [](Source& s) -> Command { return {"OBJECT", "ENCODING", s.key("z")}; }, Compare::encoding},
});

std::string lex_key(Source& s) { return "lex" + std::to_string(s.between(0, 7)); }

std::string lex_member(Source& s) {
  std::string text;
  for (std::int64_t count = s.between(0, 3); count > 0; --count) text += static_cast<char>(s.one_in(10) ? s.between(0, 255) : s.between('a', 'e'));
  return text;
}

std::string lex_bound(Source& s) {
  if (s.one_in(15)) return s.one_of("", "a", "+a", "--", "*");
  if (s.one_in(4)) return s.one_of("-", "+");
  return s.one_of("[", "(") + lex_member(s);
}

Command lex_range(Source& s) {
  Command command{s.one_of("ZRANGE", "ZRANGEBYLEX", "ZREVRANGEBYLEX"), lex_key(s), lex_bound(s), lex_bound(s)};
  if (command[0] == "ZRANGE") {
    command.push_back("BYLEX");
    if (s.one_in(2)) command.push_back("REV");
  }
  add_limit(s, command);
  if (s.one_in(20)) command.push_back("WITHSCORES");
  return command;
}

Command lex_add(Source& s) {
  Command command{"ZADD", lex_key(s)};
  for (std::int64_t count = s.one_in(10) ? s.between(50, 150) : s.between(1, 6); count > 0; --count) {
    command.insert(command.end(), {"0", lex_member(s)});
  }
  return command;
}

const GeneratorGroup kLexsets("lexsets", {}, {
    {10, lex_add},
    {4, [](Source& s) -> Command { return {"ZREM", lex_key(s), lex_member(s)}; }},
    {2, [](Source& s) -> Command { return {"ZREMRANGEBYLEX", lex_key(s), lex_bound(s), lex_bound(s)}; }},
    {6, [](Source& s) -> Command { return {"ZLEXCOUNT", lex_key(s), lex_bound(s), lex_bound(s)}; }},
    {12, lex_range},
    {2, [](Source& s) -> Command { return {"ZRANGESTORE", lex_key(s), lex_key(s), lex_bound(s), lex_bound(s), "BYLEX"}; }},
    {1, [](Source& s) -> Command { return {"ZUNIONSTORE", lex_key(s), "2", lex_key(s), lex_key(s)}; }},
});
// clang-format on

}  // namespace
}  // namespace stele::test
