// List commands. Family "l" is a few lists that grow and shrink; "L" is fed with long elements and many at once, so that it is
// mostly a quicklist of several nodes.
#include "tests/system/generator.h"

namespace stele::test {
namespace {

// Few different values, so that LREM, LPOS and LINSERT find some.
std::string element(Source& s) {
  if (s.one_in(4)) return s.value();
  return s.one_of("a", "b", "c", "10", "-1", "300", "70000", "", "01", "9223372036854775807", "element");
}

std::string end(Source& s) { return s.one_of("LEFT", "RIGHT", "left", "Right"); }
std::string list(Source& s) { return s.key(s.one_in(3) ? "L" : "l"); }

Command push(Source& s) {
  Command command{s.one_of("LPUSH", "RPUSH", "RPUSH", "LPUSHX", "RPUSHX"), list(s)};
  for (std::int64_t count = s.between(1, 6); count > 0; --count) command.push_back(element(s));
  return command;
}

Command push_much(Source& s) {
  Command command{s.one_of("LPUSH", "RPUSH"), s.key("L")};
  if (s.one_in(8)) {
    command.push_back(s.big_value());
  } else {
    for (std::int64_t count = s.between(10, 60); count > 0; --count) command.push_back(s.bytes(static_cast<std::size_t>(s.between(1, 400))));
  }
  return command;
}

Command pop(Source& s) {
  Command command{s.one_of("LPOP", "RPOP"), list(s)};
  if (s.one_in(2)) command.push_back(s.one_in(8) ? s.integer() : std::to_string(s.between(0, 12)));
  return command;
}

Command lpos(Source& s) {
  Command command{"LPOS", list(s), element(s)};
  if (s.one_in(2)) command.insert(command.end(), {s.one_of("RANK", "rank"), s.one_in(10) ? s.one_of("0", "9223372036854775807", "x", "-2147483649") : std::to_string(s.between(-3, 3))});
  if (s.one_in(2)) command.insert(command.end(), {"COUNT", s.one_in(10) ? s.integer() : std::to_string(s.between(0, 4))});
  if (s.one_in(3)) command.insert(command.end(), {"MAXLEN", s.one_in(10) ? s.integer() : std::to_string(s.between(0, 40))});
  if (s.one_in(30)) command.push_back(s.one_of("RANK", "FOO", "0"));
  return command;
}

Command multi_pop(Source& s) {
  Command command{"LMPOP"};
  const std::int64_t keys = s.between(1, 3);
  command.push_back(s.one_in(15) ? s.integer() : std::to_string(keys));
  for (std::int64_t i = 0; i < keys; ++i) command.push_back(list(s));
  command.push_back(end(s));
  if (s.one_in(2)) command.insert(command.end(), {s.one_of("COUNT", "count"), s.one_in(10) ? s.integer() : std::to_string(s.between(1, 9))});
  if (s.one_in(30)) command.push_back(s.one_of("COUNT", "FOO"));
  return command;
}

// In a transaction, or with a list there, so that nothing waits: the differential test has one reply for one command.
Command never_blocks(Source& s) {
  const std::string timeout = s.one_of("-1", "abc", "-0.5", "nan");  // refused before anything waits
  switch (s.between(0, 3)) {
    case 0:
      return {s.one_of("BLPOP", "BRPOP"), list(s), list(s), timeout};
    case 1:
      return {"BLMOVE", list(s), list(s), end(s), s.one_of("LEFT", "RIGHT", "UP"), timeout};
    case 2:
      return {"BRPOPLPUSH", list(s), list(s), timeout};
    default:
      return {"BLMPOP", timeout, "1", list(s), s.one_of("LEFT", "RIGHT", "UP"), "COUNT", s.one_of("1", "3", "0")};
  }
}

// A millisecond: it waits on a missing key, and then says so on both servers.
Command hardly_blocks(Source& s) {
  switch (s.between(0, 3)) {
    case 0:
      return {s.one_of("BLPOP", "BRPOP"), list(s), list(s), "0.001"};
    case 1:
      return {"BLMOVE", list(s), list(s), end(s), end(s), "0.001"};
    case 2:
      return {"BRPOPLPUSH", list(s), list(s), "0.001"};
    default:
      return {"BLMPOP", "0.001", "2", list(s), list(s), end(s), "COUNT", std::to_string(s.between(1, 5))};
  }
}

Command push_digits(Source& s) {
  Command command{"RPUSH", s.key("o")};
  for (std::int64_t count = s.between(1, 8); count > 0; --count) {
    command.push_back(s.one_in(12) ? s.one_of("1.0", "-3", "1e2", "", "x", "inf", "9007199254740993") : std::to_string(s.between(0, 9)));
  }
  return command;
}

// The elements of family "o" make names of the families "n" and "s". Redis leaves the order of equal elements to chance with
// ALPHA by something, and that of sets without sorting: this stays away from the one and cuts nothing off the other.
Command sort(Source& s) {
  const bool by_alpha = s.one_in(4);
  Command command{s.one_in(4) ? "SORT_RO" : "SORT", s.key(s.one_in(3) ? "l" : "o")};
  if (!by_alpha && s.one_in(2)) command.insert(command.end(), {s.one_of("BY", "by"), s.one_of("n*", "s*", "t*->f", "*")});
  if (!by_alpha && s.one_in(3)) command.insert(command.end(), {"LIMIT", s.index(), s.index()});
  if (s.one_in(3)) command.insert(command.end(), {"GET", s.one_of("n*", "s*", "#", "nostar", "*", "s*->f")});
  if (s.one_in(5)) command.insert(command.end(), {"GET", "#"});
  if (s.one_in(2)) command.push_back(s.one_of("ASC", "DESC", "desc"));
  if (by_alpha) command.push_back("ALPHA");
  if (s.one_in(4)) command.insert(command.end(), {"STORE", s.key("o")});
  if (s.one_in(40)) command.push_back(s.one_of("STORE", "LIMIT", "FOO"));
  return command;
}

Command unsorted(Source& s) {
  Command command{s.one_of("SORT", "SORT_RO"), s.key("o"), "BY", s.one_of("nosort", "#")};
  if (s.one_in(2)) command.insert(command.end(), {"GET", "#"});
  return command;
}

// A line per generator.
// clang-format off
const GeneratorGroup kLists("lists", {"l", "L", "o"}, {
    {24, push},
    {5, push_much},
    {10, pop},
    {6, [](Source& s) -> Command { return {"LLEN", list(s)}; }},
    {8, [](Source& s) -> Command { return {"LINDEX", list(s), s.index()}; }},
    {10, [](Source& s) -> Command { return {"LRANGE", list(s), s.index(), s.index()}; }},
    {3, [](Source& s) -> Command { return {"LRANGE", list(s), "0", "-1"}; }},
    {10, [](Source& s) -> Command { return {"LSET", list(s), s.index(), element(s)}; }},
    {1, [](Source& s) -> Command { return {"LSET", s.key("L"), s.index(), s.big_value()}; }},
    {8, [](Source& s) -> Command { return {"LINSERT", list(s), s.one_of("BEFORE", "AFTER", "after", "NEAR"), element(s), element(s)}; }},
    {3, [](Source& s) -> Command { return {"LINSERT", s.key("L"), s.one_of("BEFORE", "AFTER"), element(s), s.bytes(static_cast<std::size_t>(s.between(1000, 6000)))}; }},
    {1, [](Source& s) -> Command { return {"LINSERT", s.key("L"), s.one_of("BEFORE", "AFTER"), element(s), s.big_value()}; }},
    {6, [](Source& s) -> Command { return {"LREM", list(s), s.one_in(10) ? s.one_of("0", "9223372036854775807", "x", "-9223372036854775807") : std::to_string(s.between(-3, 3)), element(s)}; }},
    {3, [](Source& s) -> Command { return {"LTRIM", list(s), s.index(), s.index()}; }},
    {3, [](Source& s) -> Command { return {"LTRIM", s.key("L"), std::to_string(s.between(0, 3)), "200"}; }},
    {8, lpos},
    {6, [](Source& s) -> Command { return {"LMOVE", list(s), list(s), end(s), s.one_in(20) ? "UP" : end(s)}; }},
    {4, [](Source& s) -> Command { return {"RPOPLPUSH", list(s), list(s)}; }},
    {6, multi_pop},
    {2, never_blocks},
    {2, hardly_blocks},
    {4, [](Source& s) -> Command { return {"OBJECT", "ENCODING", list(s)}; }, Compare::encoding},
    {5, push_digits},
    {8, sort},
    {2, unsorted, Compare::as_set},
    {2, [](Source& s) -> Command { return {"SORT", s.any_key()}; }},
});
// clang-format on

}  // namespace
}  // namespace stele::test
