// The list commands: encodings as of Redis 7.2, effects, notifications, and what the differential test cannot see because
// Redis 7.0 does it differently.
#include "engine/list/list_value.h"
#include "tests/engine/engine_fixture.h"

namespace stele::test {
namespace {

class ListCommands : public EngineTest, public KeyspaceObserver {
 protected:
  ListCommands() {
    registry().add(list_commands());
    registry().add(string_commands());
    keyspace().observe(this, true, key_event::kList | key_event::kGeneric);
  }
  ~ListCommands() override { keyspace().observe(nullptr, false, 0); }

  void key_event(std::uint32_t, std::string_view event, int, std::string_view key) override {
    events_ += fmt::format("{}{} {}", events_.empty() ? "" : ", ", event, key);
  }
  void key_changed(int, std::string_view, bool) override { ++changes_; }
  void database_changed(int) override {}

  std::string take_events() { return std::exchange(events_, {}); }
  void push(int count, std::size_t bytes, std::string_view key = "l") {
    const std::string text(bytes, 'x');
    for (int i = 0; i < count; ++i) run("RPUSH", key, text);
  }

  std::string events_;
  int changes_ = 0;
};

// --- encodings

TEST_F(ListCommands, AListIsAListpackUntilItOutgrowsANode) {
  push(1, 8000);
  EXPECT_EQ(encoding("l"), "listpack");
  run("RPUSH", "l", std::string(300, 'y'));
  EXPECT_EQ(encoding("l"), "quicklist");
  push(1, 9000, "one");
  EXPECT_EQ(encoding("one"), "quicklist");
}

TEST_F(ListCommands, AQuicklistIsAListpackAgainOnceItFitsHalfANode) {
  push(100, 100);
  EXPECT_EQ(encoding("l"), "quicklist");
  run("LTRIM", "l", "0", "59");
  EXPECT_EQ(encoding("l"), "quicklist");
  run("LPOP", "l", "30");
  EXPECT_EQ(encoding("l"), "listpack");
  EXPECT_EQ(run("LLEN", "l"), ":30");
}

TEST_F(ListCommands, ALimitInElementsCountsThem) {
  keyspace().limits().list_max_listpack_size = 4;
  push(4, 10);
  EXPECT_EQ(encoding("l"), "listpack");
  push(1, 10);
  EXPECT_EQ(encoding("l"), "quicklist");
  run("LTRIM", "l", "0", "2");
  EXPECT_EQ(encoding("l"), "quicklist");
  run("RPOP", "l");
  EXPECT_EQ(encoding("l"), "listpack");
}

TEST_F(ListCommands, LsetGrowsAndShrinksAList) {
  run("RPUSH", "l", "a", "b", "c");
  EXPECT_EQ(run("LSET", "l", "1", std::string(9000, 'x')), "+OK");
  EXPECT_EQ(encoding("l"), "quicklist");
  EXPECT_EQ(run("LINDEX", "l", "1"), "$9000 " + std::string(9000, 'x'));
  run("LREM", "l", "0", "a");
  EXPECT_EQ(run("LSET", "l", "0", "small"), "+OK");
  EXPECT_EQ(run("LRANGE", "l", "0", "-1"), "*2 $5 small $1 c");
}

TEST_F(ListCommands, LinsertAndLmoveGrowAListToo) {
  push(1, 8000);
  run("RPUSH", "l", "pivot");
  run("LINSERT", "l", "BEFORE", "pivot", std::string(400, 'y'));
  EXPECT_EQ(encoding("l"), "quicklist");
  push(1, 8000, "m");
  run("RPUSH", "source", std::string(400, 'y'));
  run("LMOVE", "source", "m", "LEFT", "RIGHT");
  EXPECT_EQ(encoding("m"), "quicklist");
}

// --- effects and notifications

TEST_F(ListCommands, PushesAndPopsAreTheirOwnEffects) {
  EXPECT_EQ(run("RPUSH", "l", "a", "b", "c"), ":3");
  EXPECT_EQ(effects(), "RPUSH l a b c");
  EXPECT_EQ(take_events(), "rpush l");
  EXPECT_EQ(run("LPOP", "l", "2"), "*2 $1 a $1 b");
  EXPECT_EQ(effects(), "LPOP l 2");
  EXPECT_EQ(take_events(), "lpop l");
  EXPECT_EQ(run("RPOP", "l"), "$1 c");
  EXPECT_EQ(effects(), "RPOP l");
  EXPECT_EQ(take_events(), "rpop l, del l");
  EXPECT_EQ(run("RPOP", "l"), "$-1");
  EXPECT_EQ(run("LPUSHX", "l", "a"), ":0");
  EXPECT_EQ(effects(), "");
  EXPECT_EQ(take_events(), "");
}

TEST_F(ListCommands, MultiPopsAreSinglePopsInTheStream) {
  run("RPUSH", "l", "a", "b", "c");
  take_events();
  EXPECT_EQ(run("LMPOP", "2", "none", "l", "RIGHT", "COUNT", "2"), "*2 $1 l *2 $1 c $1 b");
  EXPECT_EQ(effects(), "RPOP l 2");
  EXPECT_EQ(run("BLMPOP", "0", "1", "l", "LEFT", "COUNT", "7"), "*2 $1 l *1 $1 a");
  EXPECT_EQ(effects(), "LPOP l 1");
  EXPECT_EQ(take_events(), "rpop l, lpop l, del l");
}

TEST_F(ListCommands, BlockingCommandsWithSomethingThereLeaveTheEffectOfTheOthers) {
  run("RPUSH", "l", "a", "b", "c", "d");
  EXPECT_EQ(run("BLPOP", "none", "l", "0"), "*2 $1 l $1 a");
  EXPECT_EQ(effects(), "LPOP l");
  EXPECT_EQ(run("BRPOP", "l", "0"), "*2 $1 l $1 d");
  EXPECT_EQ(effects(), "RPOP l");
  EXPECT_EQ(run("BLMOVE", "l", "m", "LEFT", "RIGHT", "0"), "$1 b");
  EXPECT_EQ(effects(), "LMOVE l m left right");
  EXPECT_EQ(run("BRPOPLPUSH", "l", "m", "0"), "$1 c");
  EXPECT_EQ(effects(), "RPOPLPUSH l m");
}

TEST_F(ListCommands, WhatMayNotBlockSaysThatThereIsNothing) {
  EXPECT_EQ(run("BLPOP", "l", "0"), "*-1");
  EXPECT_EQ(run("BLMPOP", "0", "1", "l", "LEFT"), "*-1");
  EXPECT_EQ(run("BLMOVE", "l", "m", "LEFT", "LEFT", "0"), "$-1");
  EXPECT_EQ(run("BRPOPLPUSH", "l", "m", "0"), "$-1");
}

TEST_F(ListCommands, AMoveNotifiesOfThePushFirst) {
  run("RPUSH", "l", "a");
  take_events();
  EXPECT_EQ(run("LMOVE", "l", "m", "LEFT", "RIGHT"), "$1 a");
  EXPECT_EQ(effects(), "LMOVE l m LEFT RIGHT");
  EXPECT_EQ(take_events(), "rpush m, lpop l, del l");
  EXPECT_EQ(run("RPOPLPUSH", "m", "m"), "$1 a");
  EXPECT_EQ(take_events(), "lpush m, rpop m");
  EXPECT_EQ(run("LLEN", "m"), ":1");
}

TEST_F(ListCommands, AMoveToAKeyOfAnotherTypeTakesNothing) {
  run("RPUSH", "l", "a");
  run("SET", "s", "x");
  EXPECT_TRUE(run("LMOVE", "l", "s", "LEFT", "RIGHT").starts_with("-WRONGTYPE"));
  EXPECT_EQ(run("LLEN", "l"), ":1");
  EXPECT_EQ(run("LMOVE", "none", "s", "LEFT", "RIGHT"), "$-1");
}

TEST_F(ListCommands, ChangesInTheMiddleNotifyUnderTheirNames) {
  run("RPUSH", "l", "a", "b", "a");
  take_events();
  EXPECT_EQ(run("LINSERT", "l", "AFTER", "a", "n"), ":4");
  EXPECT_EQ(run("LSET", "l", "-1", "z"), "+OK");
  EXPECT_EQ(run("LREM", "l", "0", "a"), ":1");
  EXPECT_EQ(run("LTRIM", "l", "1", "1"), "+OK");
  EXPECT_EQ(run("LREM", "l", "-1", "b"), ":1");
  EXPECT_EQ(take_events(), "linsert l, lset l, lrem l, ltrim l, lrem l, del l");
  run("RPUSH", "l", "a");
  take_events();
  EXPECT_EQ(run("LTRIM", "l", "5", "9"), "+OK");
  EXPECT_EQ(take_events(), "ltrim l, del l");
}

TEST_F(ListCommands, WhatFindsNothingToChangeEmitsNothing) {
  run("RPUSH", "l", "a", "b");
  take_events();
  for (const std::vector<std::string_view>& command :
       {std::vector<std::string_view>{"LINSERT", "l", "BEFORE", "none", "x"}, {"LREM", "l", "0", "none"}, {"LPOP", "l", "0"},
        {"LSET", "l", "2", "x"}, {"LMOVE", "none", "l", "LEFT", "LEFT"}}) {
    run_list(command);
    EXPECT_EQ(effects(), "") << command[0];
    EXPECT_EQ(take_events(), "") << command[0];
  }
  changes_ = 0;
  EXPECT_EQ(run("LTRIM", "l", "0", "-1"), "+OK");
  EXPECT_EQ(effects(), "");
  EXPECT_EQ(changes_, 1);  // as Redis: WATCH notices
}

// --- 7.2

TEST_F(ListCommands, NumbersWithoutAnOppositeAreRefused) {
  run("RPUSH", "l", "a");
  const std::string refused = "-ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807";
  EXPECT_EQ(run("LREM", "l", "-9223372036854775808", "a"), refused);
  EXPECT_EQ(run("LPOS", "l", "a", "RANK", "-9223372036854775808"), refused);
}

TEST_F(ListCommands, ATimeoutBeyondTheClockIsRefused) {
  EXPECT_EQ(run("BLPOP", "l", "1e400"), "-ERR timeout is out of range");
  EXPECT_EQ(run("BLPOP", "l", "-1"), "-ERR timeout is negative");
  EXPECT_EQ(run("BLPOP", "l", "soon"), "-ERR timeout is not a float or out of range");
}

// --- the rest of the engine

TEST_F(ListCommands, ReplayMakesTheSameListWhateverTheLimits) {
  run("RPUSH", "l", "a", "b", "c");
  keyspace().limits().list_max_listpack_size = 1;
  replay("RPUSH", "l", "d");
  replay("LINSERT", "l", "BEFORE", "b", "n");
  replay("LTRIM", "l", "1", "-1");
  EXPECT_EQ(run("LRANGE", "l", "0", "-1"), "*4 $1 n $1 b $1 c $1 d");
}

TEST_F(ListCommands, ALongListIsReadAtAnyIndexAndFromBothEnds) {
  for (int i = 0; i < 5000; ++i) run("RPUSH", "l", std::to_string(i));
  EXPECT_EQ(encoding("l"), "quicklist");
  for (const int i : {0, 1, 2499, 2500, 2501, 4998, 4999}) {
    EXPECT_EQ(run("LINDEX", "l", std::to_string(i)), fmt::format("${} {}", std::to_string(i).size(), i));
    EXPECT_EQ(run("LINDEX", "l", std::to_string(i - 5000)), fmt::format("${} {}", std::to_string(i).size(), i));
  }
  EXPECT_EQ(run("LRANGE", "l", "4998", "9999"), "*2 $4 4998 $4 4999");
  EXPECT_EQ(run("LPOS", "l", "4000"), ":4000");
  EXPECT_EQ(run("LPOS", "l", "4000", "RANK", "-1", "MAXLEN", "1000"), ":4000");
  EXPECT_EQ(run("LPOS", "l", "4000", "RANK", "-1", "MAXLEN", "999"), "$-1");
}

TEST_F(ListCommands, MemoryPerElementIsThatOfItsBytes) {
  for (int i = 0; i < 20'000; ++i) run("RPUSH", "l", "element:0123456789");
  const Item item = keyspace().find(db(), "l");
  EXPECT_LT(type_ops(ObjectType::list).body_bytes(*item.entry), 20'000u * 21);
}

}  // namespace
}  // namespace stele::test
