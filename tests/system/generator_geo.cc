// Geo commands, on family "g". Two members are hardly ever at the same distance: which of them comes first is not defined.
#include <fmt/format.h>

#include "tests/system/generator.h"

namespace stele::test {
namespace {

// Not the sorted sets of other families: their small scores are places so close together that many are at one distance.
std::string places(Source& s) {
  std::string key = s.key("g");
  return key.starts_with('z') || key.starts_with("lex") || key.starts_with("found") ? "g0" : key;
}

std::string place(Source& s) { return "place" + std::to_string(s.between(0, 200)); }

std::string degrees(Source& s, double most) {
  if (s.one_in(60)) return s.one_of("abc", "", "inf", "200", "-180", "180", "85.05112878", "-85.05112878", "86", "1e3");
  // Half of them around one town, so that small circles find some.
  const double value = static_cast<double>(s.between(-1'000'000'000, 1'000'000'000)) / 1e9;
  return fmt::format("{:.9f}", s.one_in(2) ? value * most : 13 + value / 3);
}

std::string unit(Source& s) { return s.one_in(40) ? s.one_of("", "cm", "kmm") : s.one_of("m", "km", "ft", "mi", "KM"); }

std::string size(Source& s) {
  if (s.one_in(40)) return s.one_of("-1", "abc", "", "0", "1e300", "inf", "20037727");
  if (s.one_in(4)) return fmt::format("{}", s.between(1, 20'000'000));
  return fmt::format("{}.{}", s.between(0, 5000), s.between(0, 99));
}

Command geoadd(Source& s) {
  Command command{"GEOADD", places(s)};
  if (s.one_in(5)) command.push_back(s.one_of("NX", "XX"));
  if (s.one_in(5)) command.push_back("CH");
  if (s.one_in(60)) command.push_back(s.one_of("NX", "XX", "GT"));
  for (std::int64_t count = s.one_in(8) ? s.between(10, 60) : s.between(1, 4); count > 0; --count) {
    command.insert(command.end(), {degrees(s, 180), degrees(s, 85), place(s)});
  }
  if (s.one_in(60)) command.push_back("1");
  return command;
}

// What is stored is all of it: COUNT cuts anywhere between places at one distance, and the data sets would differ from there on.
void add_options(Source& s, Command& command, bool shows, bool stores) {
  if (shows && s.one_in(3)) command.push_back("WITHDIST");
  if (shows && s.one_in(3)) command.push_back(s.one_of("WITHCOORD", "withcoord"));
  if (shows && s.one_in(4)) command.push_back("WITHHASH");
  if (!stores && s.one_in(3)) {
    command.insert(command.end(), {"COUNT", s.one_in(20) ? s.one_of("0", "-1", "x") : std::to_string(s.between(1, 20))});
    if (s.one_in(4)) command.push_back("ANY");
  }
  if (s.one_in(3)) command.push_back(s.one_of("ASC", "DESC"));
  if (s.one_in(60)) command.push_back(s.one_of("ANY", "FOO", "WITHDIST", "STORE", "COUNT"));
}

void add_area(Source& s, Command& command) {
  if (s.one_in(3)) {
    command.insert(command.end(), {"FROMMEMBER", place(s)});
  } else {
    command.insert(command.end(), {"FROMLONLAT", degrees(s, 180), degrees(s, 85)});
  }
  if (s.one_in(2)) {
    command.insert(command.end(), {"BYRADIUS", size(s), unit(s)});
  } else {
    command.insert(command.end(), {"BYBOX", size(s), size(s), unit(s)});
  }
  if (s.one_in(50)) command.insert(command.end(), {"BYRADIUS", "1", "km"});
}

Command geosearch(Source& s) {
  Command command{"GEOSEARCH", places(s)};
  add_area(s, command);
  add_options(s, command, true, false);
  return command;
}

Command geosearchstore(Source& s) {
  Command command{"GEOSEARCHSTORE", s.key("found"), places(s)};
  add_area(s, command);
  add_options(s, command, s.one_in(20), true);
  if (s.one_in(3)) command.push_back("STOREDIST");
  return command;
}

Command georadius(Source& s) {
  Command command;
  if (s.one_in(2)) {
    command = {s.one_of("GEORADIUS", "GEORADIUS_RO"), places(s), degrees(s, 180), degrees(s, 85), size(s), unit(s)};
  } else {
    command = {s.one_of("GEORADIUSBYMEMBER", "GEORADIUSBYMEMBER_RO"), places(s), place(s), size(s), unit(s)};
  }
  const bool stores = s.one_in(4);
  add_options(s, command, !stores || s.one_in(20), stores);
  if (stores) command.insert(command.end(), {s.one_of("STORE", "STOREDIST"), s.key("found")});
  return command;
}

// clang-format off
const GeneratorGroup kGeo("geo", {"found", "g"}, {
    {20, geoadd},
    {8, [](Source& s) -> Command { return {"GEODIST", places(s), place(s), place(s)}; }},
    {4, [](Source& s) -> Command { return {"GEODIST", places(s), place(s), place(s), unit(s)}; }},
    {6, [](Source& s) -> Command { return {"GEOHASH", places(s), place(s), place(s)}; }},
    {8, [](Source& s) -> Command { return {"GEOPOS", places(s), place(s), place(s)}; }},
    {20, geosearch, Compare::places},
    {6, geosearchstore},
    {15, georadius, Compare::places},
    {1, [](Source& s) -> Command { return {"ZREM", places(s), place(s)}; }},
    {1, [](Source& s) -> Command { return {"GEODIST", s.key("z"), "m1", "m2"}; }},
    {3, [](Source& s) -> Command { return {"ZRANGE", s.key("found"), "0", "-1", "WITHSCORES"}; }},
});
// clang-format on

}  // namespace
}  // namespace stele::test
