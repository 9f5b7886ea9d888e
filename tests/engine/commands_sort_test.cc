// SORT: where the differential test cannot go, because Redis leaves the order of equals to its hash tables.
#include "tests/engine/engine_fixture.h"

namespace stele::test {
namespace {

class SortCommands : public EngineTest {
 protected:
  SortCommands() {
    for (const auto& rows : {generic_commands(), string_commands(), list_commands(), set_commands(), hash_commands(), zset_commands()}) {
      registry().add(rows);
    }
  }
};

TEST_F(SortCommands, NumbersAndTextsOfEveryTypeAreSorted) {
  run("RPUSH", "l", "10", "9", "-1", "2.5");
  run("SADD", "s", "c", "a", "b");
  run("ZADD", "z", "1", "30", "2", "20", "3", "100");
  EXPECT_EQ(run("SORT", "l"), "*4 $2 -1 $3 2.5 $1 9 $2 10");
  EXPECT_EQ(run("SORT", "s", "ALPHA", "DESC"), "*3 $1 c $1 b $1 a");
  EXPECT_EQ(run("SORT_RO", "z"), "*3 $2 20 $2 30 $3 100");
  EXPECT_EQ(run("SORT", "none"), "*0");
  EXPECT_EQ(run("SORT", "s"), "-ERR One or more scores can't be converted into double");
}

TEST_F(SortCommands, ASortedSetInItsOwnOrderIsCutByRank) {
  run("ZADD", "z", "1", "a", "2", "b", "3", "c", "4", "d");
  EXPECT_EQ(run("SORT", "z", "BY", "nosort"), "*4 $1 a $1 b $1 c $1 d");
  EXPECT_EQ(run("SORT", "z", "BY", "nosort", "DESC", "LIMIT", "1", "2"), "*2 $1 c $1 b");
  EXPECT_EQ(run("SORT", "z", "BY", "nosort", "LIMIT", "3", "9"), "*1 $1 d");
  EXPECT_EQ(run("SORT", "z", "BY", "nosort", "LIMIT", "4", "1"), "*0");
}

TEST_F(SortCommands, KeysAndFieldsAreLookedUpForEachElement) {
  run("RPUSH", "l", "1", "2", "3");
  run("MSET", "w1", "30", "w2", "20", "w3", "10");
  run("HSET", "h1", "f", "x");
  run("HSET", "h3", "f", "42", "->", "odd");
  EXPECT_EQ(run("SORT", "l", "BY", "w*"), "*3 $1 3 $1 2 $1 1");
  EXPECT_EQ(run("SORT", "l", "BY", "w*", "GET", "#", "GET", "h*->f"), "*6 $1 3 $2 42 $1 2 $-1 $1 1 $1 x");
  EXPECT_EQ(run("SORT", "l", "BY", "nosort", "GET", "h*->"), "*3 $-1 $-1 $-1");
  EXPECT_EQ(run("SORT", "l", "GET", "w1"), "*3 $-1 $-1 $-1");
  EXPECT_EQ(run("SORT", "l", "BY", "h*->f", "ALPHA"), "*3 $1 2 $1 3 $1 1");
}

TEST_F(SortCommands, WhatIsStoredIsAListAndItsOwnEffect) {
  run("SADD", "s", "2", "1", "3");
  EXPECT_EQ(run("SORT", "s", "STORE", "l"), ":3");
  EXPECT_EQ(effects(), "SORT s STORE l");
  EXPECT_EQ(encoding("l"), "listpack");
  EXPECT_EQ(run("LRANGE", "l", "0", "-1"), "*3 $1 1 $1 2 $1 3");
  EXPECT_EQ(run("SORT", "l", "GET", "none*", "STORE", "l"), ":3");
  EXPECT_EQ(run("LRANGE", "l", "0", "-1"), "*3 $0  $0  $0 ");
  EXPECT_EQ(run("SORT", "none", "STORE", "l"), ":0");
  EXPECT_EQ(effects(), "SORT none STORE l");
  EXPECT_EQ(encoding("l"), "");
  EXPECT_EQ(run("SORT", "none", "STORE", "l"), ":0");
  EXPECT_EQ(effects(), "");
  EXPECT_EQ(run("SORT_RO", "s", "STORE", "l"), "-ERR syntax error");
}

TEST_F(SortCommands, WhatIsStoredDoesNotDependOnTheOrderInsideASet) {
  run("SADD", "a", "x", "y", "z", "w");
  run("SADD", "b", "w", "z", "y", "x");
  for (const char* set : {"a", "b"}) {
    run("SORT", set, "BY", "nosort", "STORE", "l");
    EXPECT_EQ(run("LRANGE", "l", "0", "-1"), "*4 $1 w $1 x $1 y $1 z");
    run("SORT", set, "BY", "none*", "ALPHA", "STORE", "l");
    EXPECT_EQ(run("LRANGE", "l", "0", "-1"), "*4 $1 w $1 x $1 y $1 z");
  }
}

TEST_F(SortCommands, AKeyThatExpiresWhileItIsLookedUpIsNotThere) {
  run("RPUSH", "l", "1", "2");
  run("SET", "w1", "9");
  run("PEXPIRE", "w1", "10");
  advance(20);
  EXPECT_EQ(run("SORT", "l", "BY", "w*", "GET", "w*", "STORE", "l2"), ":2");
  EXPECT_EQ(effects(), "MULTI | DEL w1 | SORT l BY w* GET w* STORE l2 | EXEC");
}

TEST_F(SortCommands, TheKeyItStoresToIsToldFromTheArguments) {
  const auto keys_of = [&](std::vector<std::string_view> args) {
    std::vector<KeyPosition> positions;
    EXPECT_TRUE(key_positions(*registry().find("sort"), args, positions));
    std::string text;
    for (const KeyPosition& position : positions) text += fmt::format("{} ", args[static_cast<std::size_t>(position.index)]);
    return text;
  };
  EXPECT_EQ(keys_of({"SORT", "a"}), "a ");
  EXPECT_EQ(keys_of({"SORT", "a", "BY", "store", "GET", "store", "store", "x", "STORE", "b"}), "a b ");
  EXPECT_EQ(keys_of({"SORT", "a", "LIMIT", "STORE", "2", "STORE"}), "a ");
}

}  // namespace
}  // namespace stele::test
