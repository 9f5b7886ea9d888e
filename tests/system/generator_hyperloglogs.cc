// HyperLogLogs, on family "p". GET compares the representations byte for byte. A sparse value whose runs end too
// early is one without any: Redis adds elements to a value until it meets what is malformed, and keeps what it added.
#include "tests/system/generator.h"

namespace stele::test {
namespace {

std::string element(Source& s) {
  if (s.one_in(20)) return s.value();
  return "element-" + std::to_string(s.between(0, 5000));
}

Command pfadd(Source& s, std::int64_t most) {
  Command command{"PFADD", s.key("p")};
  for (std::int64_t count = s.between(0, most); count > 0; --count) command.push_back(element(s));
  return command;
}

Command several(Source& s, std::string name) {
  Command command{std::move(name), s.key("p")};
  for (std::int64_t count = s.between(0, 3); count > 0; --count) command.push_back(s.key("p"));
  return command;
}

// A line per generator.
// clang-format off
const GeneratorGroup kHyperLogLogs("hyperloglogs", {"p"}, {
    {30, [](Source& s) -> Command { return pfadd(s, 4); }},
    {5, [](Source& s) -> Command { return pfadd(s, 60); }},
    {1, [](Source& s) -> Command { return pfadd(s, 800); }},
    {14, [](Source& s) -> Command { return {"PFCOUNT", s.key("p")}; }},
    {6, [](Source& s) -> Command { return several(s, "PFCOUNT"); }},
    {10, [](Source& s) -> Command { return several(s, "PFMERGE"); }},
    {14, [](Source& s) -> Command { return {"GET", s.key("p")}; }},
    {4, [](Source& s) -> Command { return {"PFDEBUG", s.one_of("ENCODING", "DECODE", "encoding", "NOSUCH"), s.key("p")}; }},
    {1, [](Source& s) -> Command { return {"PFDEBUG", s.one_of("TODENSE", "GETREG"), s.key("p")}; }},
    {6, [](Source& s) -> Command { return {"DEL", s.key("p")}; }},
    {2, [](Source& s) -> Command { return {"SET", s.key("p"), s.one_of("HYLL", "HYLL0123456789ab", std::string_view("HYLL\1\0\0\0\0\0\0\0\0\0\0\0\x7f\xff", 18),
                                                                       std::string_view("HYLL\1\0\0\0\0\0\0\0\0\0\0\x80", 16))}; }},
});
// clang-format on

}  // namespace
}  // namespace stele::test
