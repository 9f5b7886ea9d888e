// Several databases and what empties or exchanges them. Flushes are rare: a run needs keys to work on.
#include "tests/system/generator.h"

namespace stele::test {
namespace {

// A line per generator.
// clang-format off
const GeneratorGroup kDatabases("databases", {}, {
    {12, [](Source& s) -> Command { return {"SELECT", s.database()}; }},
    {4, [](Source& s) -> Command { return {"SWAPDB", s.database(), s.database()}; }},
    {2, [](Source& s) -> Command {
       Command command{"FLUSHDB"};
       if (s.one_in(2)) command.push_back(s.one_of("ASYNC", "SYNC", "async", "FOO"));
       return command;
     }},
    {1, [](Source& s) -> Command {
       Command command{"FLUSHALL"};
       if (s.one_in(2)) command.push_back(s.one_of("ASYNC", "SYNC", "FOO"));
       return command;
     }},
});
// clang-format on

}  // namespace
}  // namespace stele::test
