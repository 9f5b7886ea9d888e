#include "tests/system/event_script.h"

namespace stele::test {
namespace {

const EventScript kHashes("hashes", R"(
  HSET h a 1 b 2
  HSET h a 1
  HSETNX h a 2
  HSETNX h c 3
  HMSET h d 4 e 5
  HINCRBY h a 5
  HINCRBY h word x
  HINCRBYFLOAT h a 0.5
  HGET missing a
  HMGET missing a b
  HGETALL missing
  HKEYS missing
  HLEN missing
  HEXISTS missing a
  HSTRLEN missing a
  HRANDFIELD missing
  HSCAN missing 0
  HDEL h a nothing
  HDEL h nothing
  HDEL h b c d e
  HDEL h a
)");

}  // namespace
}  // namespace stele::test
