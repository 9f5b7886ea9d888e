// The table of list commands.

#include "engine/list/list_commands.h"

#include "engine/commands.h"

namespace stele {

namespace {

using namespace command_flag;

constexpr std::string_view kGroup = "list";
constexpr Flags kList = category::kList;
constexpr Flags kRO = key_flag::kRO;
constexpr Flags kReading = key_flag::kRO | key_flag::kAccess;
constexpr Flags kPushing = key_flag::kRW | key_flag::kInsert;
constexpr Flags kPopping = key_flag::kRW | key_flag::kAccess | key_flag::kDelete;
constexpr Flags kUpdating = key_flag::kRW | key_flag::kUpdate;
constexpr Flags kRemoving = key_flag::kRW | key_flag::kDelete;

constexpr Command kListCommands[] = {
    {.name = "blmove", .arity = 6, .flags = kWrite | kDenyOom | kBlocking, .categories = kList,
     .keys = {KeySpec::one(1, kPopping), KeySpec::one(2, kPushing)}, .run = list_command::blmove, .group = kGroup, .since = "6.2.0",
     .summary = "Moves an element from one list to another, waiting for it.",
     .complexity = "O(1)",
     .syntax = "source:key destination:key wherefrom=(LEFT|RIGHT) whereto=(LEFT|RIGHT) timeout:double"},
    {.name = "blmpop", .arity = -5, .flags = kWrite | kBlocking, .categories = kList,
     .keys = {KeySpec::counted(2, 0, 1, 1, kPopping)}, .run = list_command::blmpop, .group = kGroup, .since = "7.0.0",
     .summary = "Removes elements from the first of several lists, waiting for one.",
     .complexity = "O(N+M) in the keys and the elements returned",
     .syntax = "timeout:double numkeys:integer key... where=(LEFT|RIGHT) [COUNT count:integer]"},
    {.name = "blpop", .arity = -3, .flags = kWrite | kBlocking, .categories = kList,
     .keys = {KeySpec::range(1, -2, 1, kPopping)}, .run = list_command::blpop, .group = kGroup, .since = "2.0.0",
     .summary = "Removes the head of the first of several lists, waiting for one.",
     .complexity = "O(N) in the keys", .syntax = "key... timeout:double"},
    {.name = "brpop", .arity = -3, .flags = kWrite | kBlocking, .categories = kList,
     .keys = {KeySpec::range(1, -2, 1, kPopping)}, .run = list_command::brpop, .group = kGroup, .since = "2.0.0",
     .summary = "Removes the tail of the first of several lists, waiting for one.",
     .complexity = "O(N) in the keys", .syntax = "key... timeout:double"},
    {.name = "brpoplpush", .arity = 4, .flags = kWrite | kDenyOom | kBlocking, .categories = kList,
     .keys = {KeySpec::one(1, kPopping), KeySpec::one(2, kPushing)}, .run = list_command::brpoplpush, .group = kGroup, .since = "2.2.0",
     .summary = "Moves the last element of a list to the head of another, waiting for it.",
     .complexity = "O(1)",
     .deprecated_since = "6.2.0", .replaced_by = "BLMOVE with RIGHT and LEFT",
     .syntax = "source:key destination:key timeout:double"},
    {.name = "lindex", .arity = 3, .flags = kReadonly, .categories = kList,
     .keys = {KeySpec::one(1, kReading)}, .run = list_command::lindex, .group = kGroup, .since = "1.0.0",
     .summary = "Returns the element at an index of a list.",
     .complexity = "O(N) in the elements between it and the nearer end, by nodes", .syntax = "key index:integer"},
    {.name = "linsert", .arity = 5, .flags = kWrite | kDenyOom, .categories = kList,
     .keys = {KeySpec::one(1, kPushing)}, .run = list_command::linsert, .group = kGroup, .since = "2.2.0",
     .summary = "Adds an element before or after another one.",
     .complexity = "O(N) in the elements up to the one sought", .syntax = "key where=(BEFORE|AFTER) pivot element"},
    {.name = "llen", .arity = 2, .flags = kReadonly | kFast, .categories = kList,
     .keys = {KeySpec::one(1, kRO)}, .run = list_command::llen, .group = kGroup, .since = "1.0.0",
     .summary = "Returns the length of a list.",
     .complexity = "O(1)", .syntax = "key"},
    {.name = "lmove", .arity = 5, .flags = kWrite | kDenyOom, .categories = kList,
     .keys = {KeySpec::one(1, kPopping), KeySpec::one(2, kPushing)}, .run = list_command::lmove, .group = kGroup, .since = "6.2.0",
     .summary = "Moves an element from one list to another and returns it.",
     .complexity = "O(1)", .syntax = "source:key destination:key wherefrom=(LEFT|RIGHT) whereto=(LEFT|RIGHT)"},
    {.name = "lmpop", .arity = -4, .flags = kWrite, .categories = kList,
     .keys = {KeySpec::counted(1, 0, 1, 1, kPopping)}, .run = list_command::lmpop, .group = kGroup, .since = "7.0.0",
     .summary = "Removes elements from the first of several lists that is there.",
     .complexity = "O(N+M) in the keys and the elements returned",
     .syntax = "numkeys:integer key... where=(LEFT|RIGHT) [COUNT count:integer]"},
    {.name = "lpop", .arity = -2, .flags = kWrite | kFast, .categories = kList,
     .keys = {KeySpec::one(1, kPopping)}, .run = list_command::lpop, .group = kGroup, .since = "1.0.0",
     .summary = "Removes elements from the head of a list and returns them.",
     .complexity = "O(N) in the elements returned", .syntax = "key [count:integer]"},
    {.name = "lpos", .arity = -3, .flags = kReadonly, .categories = kList,
     .keys = {KeySpec::one(1, kReading)}, .run = list_command::lpos, .group = kGroup, .since = "6.0.6",
     .summary = "Returns the indexes of elements equal to a value.",
     .complexity = "O(N) in the elements looked at",
     .syntax = "key element [RANK rank:integer] [COUNT num-matches:integer] [MAXLEN len:integer]"},
    {.name = "lpush", .arity = -3, .flags = kWrite | kDenyOom | kFast, .categories = kList,
     .keys = {KeySpec::one(1, kPushing)}, .run = list_command::lpush, .group = kGroup, .since = "1.0.0",
     .summary = "Adds elements at the head of a list, creating it if there is none.",
     .complexity = "O(N) in the elements added", .syntax = "key element..."},
    {.name = "lpushx", .arity = -3, .flags = kWrite | kDenyOom | kFast, .categories = kList,
     .keys = {KeySpec::one(1, kPushing)}, .run = list_command::lpushx, .group = kGroup, .since = "2.2.0",
     .summary = "Adds elements at the head of a list that exists.",
     .complexity = "O(N) in the elements added", .syntax = "key element..."},
    {.name = "lrange", .arity = 4, .flags = kReadonly, .categories = kList,
     .keys = {KeySpec::one(1, kReading)}, .run = list_command::lrange, .group = kGroup, .since = "1.0.0",
     .summary = "Returns a range of a list.",
     .complexity = "O(S+N) in the distance from the nearer end and the elements returned",
     .syntax = "key start:integer stop:integer"},
    {.name = "lrem", .arity = 4, .flags = kWrite, .categories = kList,
     .keys = {KeySpec::one(1, kRemoving)}, .run = list_command::lrem, .group = kGroup, .since = "1.0.0",
     .summary = "Removes elements equal to a value.",
     .complexity = "O(N+M) in the length of the list and the elements removed", .syntax = "key count:integer element"},
    {.name = "lset", .arity = 4, .flags = kWrite | kDenyOom, .categories = kList,
     .keys = {KeySpec::one(1, kUpdating)}, .run = list_command::lset, .group = kGroup, .since = "1.0.0",
     .summary = "Replaces the element at an index of a list.",
     .complexity = "O(N) in the length of the list, O(1) at the ends", .syntax = "key index:integer element"},
    {.name = "ltrim", .arity = 4, .flags = kWrite, .categories = kList,
     .keys = {KeySpec::one(1, kRemoving)}, .run = list_command::ltrim, .group = kGroup, .since = "1.0.0",
     .summary = "Removes all elements outside a range.",
     .complexity = "O(N) in the elements removed", .syntax = "key start:integer stop:integer"},
    {.name = "rpop", .arity = -2, .flags = kWrite | kFast, .categories = kList,
     .keys = {KeySpec::one(1, kPopping)}, .run = list_command::rpop, .group = kGroup, .since = "1.0.0",
     .summary = "Removes elements from the tail of a list and returns them.",
     .complexity = "O(N) in the elements returned", .syntax = "key [count:integer]"},
    {.name = "rpoplpush", .arity = 3, .flags = kWrite | kDenyOom, .categories = kList,
     .keys = {KeySpec::one(1, kPopping), KeySpec::one(2, kPushing)}, .run = list_command::rpoplpush, .group = kGroup, .since = "1.2.0",
     .summary = "Moves the last element of a list to the head of another.",
     .complexity = "O(1)",
     .deprecated_since = "6.2.0", .replaced_by = "LMOVE with RIGHT and LEFT", .syntax = "source:key destination:key"},
    {.name = "rpush", .arity = -3, .flags = kWrite | kDenyOom | kFast, .categories = kList,
     .keys = {KeySpec::one(1, kPushing)}, .run = list_command::rpush, .group = kGroup, .since = "1.0.0",
     .summary = "Adds elements at the tail of a list, creating it if there is none.",
     .complexity = "O(N) in the elements added", .syntax = "key element..."},
    {.name = "rpushx", .arity = -3, .flags = kWrite | kDenyOom | kFast, .categories = kList,
     .keys = {KeySpec::one(1, kPushing)}, .run = list_command::rpushx, .group = kGroup, .since = "2.2.0",
     .summary = "Adds elements at the tail of a list that exists.",
     .complexity = "O(N) in the elements added", .syntax = "key element..."},
};

}  // namespace

std::span<const Command> list_commands() { return kListCommands; }

}  // namespace stele
