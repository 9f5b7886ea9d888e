#include "tests/system/event_script.h"

namespace stele::test {
namespace {

const EventScript kLists("lists", R"(
  RPUSH l a b c
  LPUSH l d
  LPUSHX l e
  RPUSHX missing e
  LINSERT l BEFORE a x
  LINSERT l BEFORE nothing x
  LSET l 0 y
  LSET missing 0 y
  LREM l 0 y
  LREM l 0 nothing
  LTRIM l 0 3
  LRANGE missing 0 -1
  LLEN missing
  LINDEX missing 0
  LPOS missing a
  LPOP l
  RPOP l
  LPOP missing
  LPOP l 0
  LPOP l 1
  RPOPLPUSH l m
  RPOPLPUSH l m
  RPUSH l a b
  LMOVE l m LEFT RIGHT
  LMOVE l l LEFT RIGHT
  LMOVE l m LEFT RIGHT
  LMPOP 2 l m LEFT COUNT 2
  LMPOP 1 m RIGHT COUNT 10
  RPUSH l a b c
  BLPOP missing l 0
  BRPOP l 0
  BLMPOP 0 1 l LEFT
  RPUSH l a b
  BLMOVE l m LEFT LEFT 0
  BRPOPLPUSH l m 0
  LTRIM m 5 9
  RPUSH l 3 1 2
  SORT l STORE sorted
  SORT l STORE sorted
  SORT missing STORE sorted
  LPOP l 5
)");

}  // namespace
}  // namespace stele::test
