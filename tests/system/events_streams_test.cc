#include "tests/system/event_script.h"

namespace stele::test {
namespace {

const EventScript kStreams("streams", R"(
  XADD s 1-1 f v
  XADD s 2-1 f v
  XADD s MAXLEN 1 3-1 f v
  XADD s NOMKSTREAM 4-1 f v
  XADD missing NOMKSTREAM 4-1 f v
  XADD s 5-1 f v
  XDEL s 5-1 9-9
  XDEL s 9-9
  XTRIM s MAXLEN 1
  XTRIM s MAXLEN 100
  XSETID s 10-1
  XLEN missing
  XRANGE missing - +
  XGROUP CREATE s g 0
  XGROUP CREATE new g $ MKSTREAM
  XGROUP CREATECONSUMER s g Bob
  XGROUP CREATECONSUMER s g Bob
  XGROUP SETID s g 0
  XADD s 11-1 f v
  XREADGROUP GROUP g Alice STREAMS s >
  XACK s g 11-1
  XCLAIM s g Mike 0 11-1 FORCE JUSTID
  XAUTOCLAIM s g Carol 0 0 JUSTID
  XGROUP DELCONSUMER s g Mike
  XGROUP DELCONSUMER s g Nobody
  XGROUP DESTROY s g
  XGROUP DESTROY s g
)");

}  // namespace
}  // namespace stele::test
