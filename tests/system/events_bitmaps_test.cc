#include "tests/system/event_script.h"

namespace stele::test {
namespace {

const EventScript kBitmaps("bitmaps", R"(
  SETBIT b 7 1
  SETBIT b 7 1
  SETBIT b 70 0
  GETBIT missing 1
  BITCOUNT missing
  BITPOS missing 1
  BITFIELD f SET u8 0 200
  BITFIELD f GET u8 0
  BITFIELD f INCRBY u8 0 100 OVERFLOW FAIL INCRBY u8 0 100
  BITFIELD f OVERFLOW FAIL INCRBY u8 0 200
  BITFIELD missing GET u8 0
  BITFIELD_RO missing GET u8 0
  BITOP AND d b f
  BITOP OR d missing missing2
  BITOP OR d missing missing2
  BITOP NOT d b
)");

const EventScript kHyperLogLogs("hyperloglogs", R"(
  PFADD h a b
  PFADD h a b
  PFADD h c
  PFADD empty
  PFADD empty
  PFCOUNT h
  PFCOUNT missing
  PFCOUNT h empty
  PFMERGE merged h empty
  PFMERGE merged
)");

}  // namespace
}  // namespace stele::test
