// Stream commands. Ids are explicit: what `*` gives depends on the clock, and everything after it would. Most are 9-n,
// so that a stream takes what XADD gives it; the other milliseconds are mostly too late. Idle times are none or hours.
#include "tests/system/generator.h"

namespace stele::test {
namespace {

std::string id(Source& s) {
  if (s.one_in(3)) return std::to_string(s.between(0, 9)) + "-" + std::to_string(s.between(0, 3));
  if (s.one_in(4)) return std::to_string(s.between(0, 11));
  if (s.one_in(40)) {
    return s.one_of("0-0", "x", "1-x", "-5", "5-", "5-5-5", "007-01", " 9-1", "+9", "18446744073709551615",
                    "18446744073709551615-18446744073709551615", "18446744073709551616", "9223372036854775808-1", "");
  }
  return "9-" + std::to_string(s.between(0, s.one_in(3) ? 400 : 60));
}

std::string bound(Source& s) {
  if (s.one_in(3)) return s.one_of("-", "+", "-", "+", "(0-0", "(18446744073709551615-18446744073709551615", "(-");
  return (s.one_in(4) ? "(" : "") + id(s);
}

std::string new_id(Source& s) {
  if (s.one_in(6)) return id(s);
  if (s.one_in(8)) return std::to_string(s.between(0, 8)) + "-*";
  if (s.one_in(100)) return s.one_of("0-*", "-*", "9-**", "*-*", "9-*-*", "18446744073709551615-*");
  return "9-*";
}

void add_trimming(Source& s, Command& command) {
  const bool by_length = s.one_in(2);
  command.push_back(by_length ? s.one_of("MAXLEN", "maxlen") : s.one_of("MINID", "minid"));
  const std::string sign = s.one_of("~", "~", "=", "");
  if (!sign.empty()) command.push_back(sign);
  command.push_back(by_length ? std::to_string(s.between(s.one_in(20) ? -1 : 0, s.one_in(8) ? 5 : 150)) : id(s));
  if (s.one_in(sign == "~" ? 3 : 30)) {
    command.insert(command.end(), {"LIMIT", std::to_string(s.between(s.one_in(20) ? -1 : 0, 120))});
  }
  if (s.one_in(50)) command.insert(command.end(), {"MAXLEN", "3"});
}

void add_pairs(Source& s, Command& command) {
  // Often the same fields: then a node leaves them out.
  const std::int64_t pairs = s.one_in(3) ? s.between(1, 5) : 2;
  for (std::int64_t i = 0; i < pairs; ++i) {
    command.push_back(s.one_in(6) ? s.value() : "field" + std::to_string(i));
    command.push_back(s.value());
  }
}

Command xadd(Source& s) {
  Command command{"XADD", s.key("x")};
  if (s.one_in(10)) command.push_back("NOMKSTREAM");
  if (s.one_in(6)) add_trimming(s, command);
  if (s.one_in(40)) command.push_back("NOMKSTREAM");
  command.push_back(new_id(s));
  add_pairs(s, command);
  return command;
}

Command xtrim(Source& s) {
  Command command{"XTRIM", s.key("x")};
  add_trimming(s, command);
  return command;
}

Command xdel(Source& s) {
  Command command{"XDEL", s.key("x")};
  for (std::int64_t count = s.between(1, 4); count > 0; --count) command.push_back(id(s));
  return command;
}

Command range(Source& s) {
  Command command{s.one_of("XRANGE", "XREVRANGE"), s.key("x"), bound(s), bound(s)};
  if (s.one_in(2)) command.insert(command.end(), {"COUNT", std::to_string(s.between(-1, 12))});
  if (s.one_in(40)) command.push_back(s.one_of("COUNT", "REV"));
  return command;
}

std::string group(Source& s) { return s.one_in(30) ? s.value() : s.one_of("g1", "g2"); }
std::string consumer(Source& s) { return s.one_of("alice", "bob", "carol", "", "12"); }

Command xgroup_create(Source& s) {
  Command command{"XGROUP", s.one_of("CREATE", "create"), s.key("x"), group(s),
                  s.one_in(2) ? s.one_of("$", "0") : id(s)};
  if (s.one_in(3)) command.push_back("MKSTREAM");
  if (s.one_in(6)) command.insert(command.end(), {"ENTRIESREAD", std::to_string(s.between(-2, 30))});
  return command;
}

Command xgroup_setid(Source& s) {
  Command command{"XGROUP", "SETID", s.key("x"), group(s), s.one_in(3) ? s.one_of("$", "0", "-", "+") : id(s)};
  if (s.one_in(4)) command.insert(command.end(), {"ENTRIESREAD", std::to_string(s.between(-2, 30))});
  return command;
}

Command xread(Source& s) {
  Command command{"XREAD"};
  if (s.one_in(2)) command.insert(command.end(), {"COUNT", std::to_string(s.between(-1, 10))});
  if (s.one_in(60)) command.push_back(s.one_of("NOACK", "GROUP", "FOO"));
  command.push_back("STREAMS");
  const std::int64_t keys = s.between(1, 3);
  for (std::int64_t i = 0; i < keys; ++i) command.push_back(s.key("x"));
  for (std::int64_t i = 0; i < keys; ++i) command.push_back(s.one_in(20) ? s.one_of("$", ">", "-", "+") : id(s));
  return command;
}

Command xreadgroup(Source& s) {
  Command command{"XREADGROUP", "GROUP", group(s), consumer(s)};
  if (s.one_in(30)) command = {"XREADGROUP", "COUNT", "1", "NOACK"};
  if (!s.one_in(4)) command.insert(command.end(), {"COUNT", std::to_string(s.between(-1, 6))});
  if (s.one_in(5)) command.push_back("NOACK");
  command.push_back("STREAMS");
  const std::int64_t keys = s.one_in(5) ? 2 : 1;
  for (std::int64_t i = 0; i < keys; ++i) command.push_back(s.key("x"));
  for (std::int64_t i = 0; i < keys; ++i) {
    command.push_back(s.one_in(40) ? s.one_of("$", "-", "+") : s.one_in(3) ? id(s) : s.one_of(">", ">", "0"));
  }
  return command;
}

Command xack(Source& s) {
  Command command{"XACK", s.key("x"), group(s)};
  for (std::int64_t count = s.between(1, 4); count > 0; --count) command.push_back(id(s));
  return command;
}

Command xpending(Source& s) {
  Command command{"XPENDING", s.key("x"), group(s)};
  if (s.one_in(4)) return command;
  if (s.one_in(3)) command.insert(command.end(), {"IDLE", s.one_of("0", "3600000", "-1", "x")});
  command.insert(command.end(), {bound(s), bound(s), std::to_string(s.between(-1, 20))});
  if (s.one_in(3)) command.push_back(consumer(s));
  if (s.one_in(40)) command.push_back("extra");
  return command;
}

std::string min_idle(Source& s) { return s.one_of("0", "0", "0", "3600000", "-1", "x"); }

Command xclaim(Source& s) {
  Command command{"XCLAIM", s.key("x"), group(s), consumer(s), min_idle(s)};
  for (std::int64_t count = s.between(1, 5); count > 0; --count) command.push_back(id(s));
  if (s.one_in(4)) command.insert(command.end(), {"IDLE", s.one_of("0", "7200000", "-5", "9223372036854775807", "x")});
  if (s.one_in(6)) command.insert(command.end(), {"TIME", s.one_of("0", "1", "-1", "9223372036854775807")});
  if (s.one_in(4)) command.insert(command.end(), {"RETRYCOUNT", s.one_of("0", "7", "-1", "x")});
  if (s.one_in(3)) command.push_back(s.one_of("FORCE", "force"));
  if (s.one_in(3)) command.push_back("JUSTID");
  if (s.one_in(8)) command.insert(command.end(), {"LASTID", id(s)});
  if (s.one_in(40)) command.push_back(s.one_of("FOO", "IDLE"));
  return command;
}

Command xautoclaim(Source& s) {
  Command command{"XAUTOCLAIM", s.key("x"), group(s), consumer(s), min_idle(s), bound(s)};
  if (s.one_in(2)) command.insert(command.end(), {"COUNT", std::to_string(s.between(s.one_in(10) ? -1 : 1, 5))});
  if (s.one_in(3)) command.push_back("JUSTID");
  if (s.one_in(40)) command.push_back(s.one_of("COUNT", "FOO"));
  return command;
}

// To ids that nothing here deletes: 7.0 takes one that is smaller than what was deleted.
Command xsetid(Source& s) {
  Command command{"XSETID", s.key("x"), "9-" + std::to_string(s.between(100'000, 100'060))};
  if (s.one_in(4)) command.insert(command.end(), {"ENTRIESADDED", std::to_string(s.between(-1, 500))});
  if (s.one_in(4)) command.insert(command.end(), {"MAXDELETEDID", id(s)});
  return command;
}

Command xinfo_full(Source& s) {
  Command command{"XINFO", "STREAM", s.key("x"), "FULL"};
  if (s.one_in(2)) command.insert(command.end(), {"COUNT", s.one_of("0", "1", "3", "-1", "x")});
  if (s.one_in(40)) command.push_back("FOO");
  return command;
}

// A line per generator.
// clang-format off
const GeneratorGroup kStreams("streams", {"x"}, {
    {45, xadd},
    {2, xtrim},
    {5, xdel},
    {2, [](Source& s) -> Command { return {"XLEN", s.key("x")}; }},
    {7, range},
    {5, xread},
    {5, xgroup_create},
    {2, xgroup_setid},
    {1, [](Source& s) -> Command { return {"XGROUP", "DESTROY", s.key("x"), group(s)}; }},
    {1, [](Source& s) -> Command { return {"XGROUP", "CREATECONSUMER", s.key("x"), group(s), consumer(s)}; }, Compare::shape},
    {1, [](Source& s) -> Command { return {"XGROUP", "DELCONSUMER", s.key("x"), group(s), consumer(s)}; }},
    {14, xreadgroup},
    {5, xack},
    {5, xpending, Compare::pending},
    {5, xclaim},
    {3, xautoclaim},
    {1, xsetid},
    {4, [](Source& s) -> Command { return {"XINFO", "STREAM", s.key("x")}; }},
    {3, xinfo_full, Compare::stream_info},
    {3, [](Source& s) -> Command { return {"XINFO", "GROUPS", s.key("x")}; }, Compare::stream_info},
    {2, [](Source& s) -> Command { return {"XINFO", "CONSUMERS", s.key("x"), group(s)}; }, Compare::stream_info},
    {1, [](Source& s) -> Command { return {s.one_of("XGROUP", "XINFO"), s.one_of("HELP", "help", "FOO")}; }},
    {1, [](Source& s) -> Command { return {"OBJECT", "ENCODING", s.key("x")}; }, Compare::encoding},
});
// clang-format on

}  // namespace
}  // namespace stele::test
