// Transactions. The runner interleaves two connections, so that watched keys do get touched by the other.
#include "tests/system/generator.h"

namespace stele::test {
namespace {

// A line per generator.
// clang-format off
const GeneratorGroup kTransactions("transactions", {}, {
    {8, [](Source&) -> Command { return {"MULTI"}; }},
    {12, [](Source&) -> Command { return {"EXEC"}; }},
    {3, [](Source&) -> Command { return {"DISCARD"}; }},
    {10, [](Source& s) -> Command {
       Command command{"WATCH"};
       for (std::int64_t count = s.between(1, 3); count > 0; --count) command.push_back(s.any_key());
       return command;
     }},
    {2, [](Source&) -> Command { return {"UNWATCH"}; }},
});
// clang-format on

}  // namespace
}  // namespace stele::test
