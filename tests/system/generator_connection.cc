// Commands about the connection itself, and what is no command at all.
#include "tests/system/generator.h"

namespace stele::test {
namespace {

// A line per generator.
// clang-format off
const GeneratorGroup kConnection("connection", {}, {
    {3, [](Source& s) -> Command { return s.one_in(2) ? Command{"PING"} : Command{"PING", s.value()}; }},
    {2, [](Source& s) -> Command { return {"ECHO", s.value()}; }},
    {2, [](Source& s) -> Command { return {"CLIENT", "SETNAME", s.one_of("name", "", "with space", "line\n", "n-1", "\x7f")}; }},
    {2, [](Source&) -> Command { return {"CLIENT", "GETNAME"}; }},
    {1, [](Source&) -> Command { return {"CLIENT", "ID"}; }, Compare::shape},
    {1, [](Source& s) -> Command { return {"CLIENT", s.one_of("NOSUCH", "SETNAM", "")}; }},
    {1, [](Source& s) -> Command { return {"HELLO", s.one_of("2", "3", "3")}; }, Compare::shape},
    {1, [](Source& s) -> Command { return {"HELLO", s.one_of("1", "4", "abc", "")}; }, Compare::shape},
    {1, [](Source& s) -> Command { return {"HELLO", s.one_of("2", "3"), s.one_of("SETNAME", "AUTH", "FOO"), s.one_of("n", "a b")}; }, Compare::shape},
    {1, [](Source& s) -> Command { return {"AUTH", s.value()}; }},
    {1, [](Source&) -> Command { return {"RESET"}; }},
    {1, [](Source&) -> Command { return {"TIME"}; }, Compare::shape},
    {1, [](Source& s) -> Command { return {s.one_of("NOSUCH", "FOO BAR", "get\r\n", ""), s.value(), s.value()}; }},
});
// clang-format on

}  // namespace
}  // namespace stele::test
