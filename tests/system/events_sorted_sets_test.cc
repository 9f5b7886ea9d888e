#include "tests/system/event_script.h"

namespace stele::test {
namespace {

const EventScript kSortedSets("sorted_sets", R"(
  ZADD z 1 a 2 b 3 c 4 d 5 e
  ZADD z 1 a
  ZADD z XX 1 nothing
  ZADD z NX 9 a
  ZADD z GT CH 9 a
  ZADD z INCR 1 a
  ZADD z NX INCR 1 a
  ZINCRBY z 1 b
  ZREM z a nothing
  ZREM z nothing
  ZSCORE missing a
  ZRANK missing a
  ZCARD missing
  ZCOUNT missing 0 1
  ZRANGE missing 0 -1
  ZRANDMEMBER missing
  ZPOPMIN z
  ZPOPMAX z
  ZPOPMIN missing
  ZPOPMIN z 0
  ZADD z 1 a 2 b 3 c 4 d 5 e
  ZREMRANGEBYRANK z 0 0
  ZREMRANGEBYRANK z 50 60
  ZREMRANGEBYSCORE z 2 2
  ZREMRANGEBYSCORE z 100 200
  ZADD same 0 a 0 b 0 c
  ZREMRANGEBYLEX same [a [b
  ZREMRANGEBYLEX same [x [y
  ZREMRANGEBYLEX same - +
  ZADD y 1 c 1 x
  ZUNIONSTORE dest 2 z y
  ZINTERSTORE dest 2 z y
  ZINTERSTORE dest 2 z missing
  ZINTERSTORE dest 2 z missing
  ZDIFFSTORE dest 2 z y
  ZRANGESTORE dest z 0 0
  ZRANGESTORE dest z 50 60
  ZMPOP 2 missing z MIN
  BZPOPMIN y 0
  BZPOPMAX y 0
  ZADD y 1 a
  BZMPOP 0 1 y MAX COUNT 5
  ZREMRANGEBYSCORE z -inf +inf
  GEOADD g 13.361389 38.115556 Palermo 15.087269 37.502669 Catania
  GEOSEARCHSTORE dest g FROMLONLAT 15 37 BYRADIUS 300 km
  GEOSEARCHSTORE dest g FROMLONLAT 80 37 BYRADIUS 1 km
  GEORADIUS g 15 37 300 km STORE dest
  GEOPOS missing a
)");

}  // namespace
}  // namespace stele::test
