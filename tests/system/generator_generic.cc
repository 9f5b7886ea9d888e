// Commands on keys of any type.
#include "tests/system/generator.h"

namespace stele::test {
namespace {

Command several(Source& s, std::string name) {
  Command command{std::move(name)};
  for (std::int64_t count = s.between(1, 4); count > 0; --count) command.push_back(s.any_key());
  return command;
}

Command expire(Source& s) {
  Command command;
  const std::string key = s.any_key();
  switch (s.between(0, 3)) {
    case 0:
      command = {"EXPIRE", key, s.seconds()};
      break;
    case 1:
      command = {"PEXPIRE", key, s.milliseconds()};
      break;
    case 2:
      command = {"EXPIREAT", key, s.unix_seconds()};
      break;
    default:
      command = {"PEXPIREAT", key, s.unix_milliseconds()};
      break;
  }
  if (s.one_in(2)) command.push_back(s.one_of("NX", "XX", "GT", "LT", "gt", "lt"));
  if (s.one_in(8)) command.push_back(s.one_of("NX", "XX", "GT", "LT", "FOO"));
  return command;
}

Command copy(Source& s) {
  Command command{"COPY", s.any_key(), s.any_key()};
  if (s.one_in(3)) command.insert(command.end(), {"DB", s.database()});
  if (s.one_in(2)) command.push_back(s.one_of("REPLACE", "replace"));
  return command;
}

Command scan(Source& s) {
  Command command{"SCAN", "0"};
  if (s.one_in(2)) command.insert(command.end(), {"MATCH", s.glob()});
  if (s.one_in(2)) command.insert(command.end(), {"COUNT", std::to_string(s.between(1, 100))});
  if (s.one_in(3)) command.insert(command.end(), {"TYPE", s.one_of("string", "STRING", "list", "hash", "nosuch")});
  if (s.one_in(20)) command.insert(command.end(), {s.one_of("COUNT", "MATCH", "FOO"), s.one_of("0", "-1", "abc", "")});
  return command;
}

// A line per generator.
// clang-format off
const GeneratorGroup kGeneric("generic", {}, {
    {6, [](Source& s) -> Command { return several(s, "DEL"); }},
    {4, [](Source& s) -> Command { return several(s, "UNLINK"); }},
    {5, [](Source& s) -> Command { return several(s, "EXISTS"); }},
    {3, [](Source& s) -> Command { return several(s, "TOUCH"); }},
    {4, [](Source& s) -> Command { return {"TYPE", s.any_key()}; }},
    {5, [](Source& s) -> Command { return {"RENAME", s.any_key(), s.any_key()}; }},
    {3, [](Source& s) -> Command { return {"RENAMENX", s.any_key(), s.any_key()}; }},
    {5, copy},
    {4, [](Source& s) -> Command { return {"MOVE", s.any_key(), s.database()}; }},
    {2, [](Source& s) -> Command { return {"KEYS", s.glob()}; }, Compare::as_set},
    {3, scan, Compare::scan},
    // No cursor beyond 64 bits: 7.0 leaves ERANGE in errno, and the next SORT takes it for its own.
    {1, [](Source& s) -> Command { return {"SCAN", s.one_of("abc", "-1", "", "0x1", " 0")}; }, Compare::scan},
    {16, expire},
    {4, [](Source& s) -> Command { return {"TTL", s.any_key()}; }, Compare::near_seconds},
    {4, [](Source& s) -> Command { return {"PTTL", s.any_key()}; }, Compare::near_millis},
    {3, [](Source& s) -> Command { return {"EXPIRETIME", s.any_key()}; }, Compare::near_seconds},
    {3, [](Source& s) -> Command { return {"PEXPIRETIME", s.any_key()}; }, Compare::near_millis},
    {4, [](Source& s) -> Command { return {"PERSIST", s.any_key()}; }},
    {1, [](Source&) -> Command { return {"RANDOMKEY"}; }, Compare::shape},
    {4, [](Source& s) -> Command { return {"OBJECT", s.one_of("ENCODING", "encoding"), s.any_key()}; }, Compare::encoding},
    {1, [](Source& s) -> Command { return {"OBJECT", s.one_of("REFCOUNT", "IDLETIME"), s.any_key()}; }, Compare::shape},
    {1, [](Source& s) -> Command { return {"OBJECT", s.one_of("FREQ", "NOSUCH"), s.any_key()}; }},
});
// clang-format on

}  // namespace
}  // namespace stele::test
