#include "tests/system/event_script.h"

namespace stele::test {
namespace {

const EventScript kSets("sets", R"(
  SADD s a b c d
  SADD s a
  SADD numbers 1 2 3
  SREM s a nothing
  SREM s nothing
  SREM missing a
  SMOVE s t b
  SMOVE s t nothing
  SMOVE s s c
  SADD t c
  SMOVE s t c
  SISMEMBER missing a
  SMISMEMBER missing a
  SMEMBERS missing
  SCARD missing
  SRANDMEMBER missing
  SSCAN missing 0
  SPOP missing
  SPOP s
  SADD s a
  SPOP s 10
  SADD s a b c
  SPOP s 0
  SADD s a b c
  SADD t a
  SINTERSTORE dest s t
  SINTERSTORE dest s missing
  SINTERSTORE dest s missing
  SUNIONSTORE dest s t
  SINTERSTORE dest s t
  SDIFFSTORE dest s missing
  SUNIONSTORE dest missing missing2
  SDIFFSTORE dest s t
  SDIFFSTORE dest s s
  SINTER s missing
  SUNION missing missing2
  SDIFF missing s
  SINTERCARD 2 s missing
  SREM s a b c
)");

}  // namespace
}  // namespace stele::test
