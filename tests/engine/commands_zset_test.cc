#include <random>
#include <set>
#include <sstream>

#include "engine/zset/zset_value.h"
#include "engine_fixture.h"

namespace stele::test {
namespace {

constexpr std::string_view kWrongType = "-WRONGTYPE Operation against a key holding the wrong kind of value";
constexpr std::string_view kSyntaxError = "-ERR syntax error";
constexpr std::string_view kNotAFloat = "-ERR value is not a valid float";

class ZsetCommands : public EngineTest, public KeyspaceObserver {
 protected:
  ZsetCommands() {
    registry().add(zset_commands());
    registry().add(generic_commands());
    registry().add(string_commands());
    registry().add(set_commands());
    keyspace().observe(this, false, key_event::kZset | key_event::kGeneric);
  }
  ~ZsetCommands() override { keyspace().observe(nullptr, false, 0); }

  void key_event(std::uint32_t, std::string_view event, int, std::string_view key) override {
    if (!events_.empty()) events_ += " ";
    events_.append(event).append(":").append(key);
  }
  void key_changed(int, std::string_view, bool) override {}
  void database_changed(int) override {}
  std::string events() { return std::exchange(events_, {}); }

  /// Adds `count` members of score and name 0 .. count - 1.
  void fill(std::string_view key, int count) {
    for (int i = 0; i < count; ++i) run("ZADD", key, std::to_string(i), std::to_string(i));
  }
  std::string stored(std::string_view key, std::uint8_t& rdb_type) {
    std::string bytes;
    const Item item = keyspace().find(db(), key);
    rdb_type = type_ops(ObjectType::zset).append_rdb(*item.entry, bytes);
    return bytes;
  }
  Result<Entry*> load(std::uint8_t rdb_type, std::string_view bytes) {
    return type_ops(ObjectType::zset).from_rdb("loaded", rdb_type, bytes, std::nullopt);
  }
  bool loads(std::uint8_t rdb_type, std::string_view bytes) {
    const Result<Entry*> entry = load(rdb_type, bytes);
    if (entry.ok()) Entry::destroy(*entry);
    return entry.ok();
  }
  void put(Entry* entry) {
    Item item = keyspace().find(db(), "loaded");
    if (item) keyspace().erase(item), item = keyspace().find(db(), "loaded");
    keyspace().create(item, entry);
  }

  std::string events_;
};

TEST_F(ZsetCommands, ZaddCountsWhatIsNewAndWithChWhatChanged) {
  EXPECT_EQ(run("ZADD", "z", "1", "a", "2", "b"), ":2");
  EXPECT_EQ(effects(), "ZADD z 1 a 2 b");
  EXPECT_EQ(events(), "zadd:z");
  EXPECT_EQ(run("ZADD", "z", "1", "a"), ":0");
  EXPECT_EQ(effects(), "");
  EXPECT_EQ(events(), "");
  EXPECT_EQ(run("ZADD", "z", "CH", "5", "a", "3", "c"), ":2");
  EXPECT_EQ(run("ZRANGE", "z", "0", "-1", "WITHSCORES"), "*6 $1 b $1 2 $1 c $1 3 $1 a $1 5");
}

TEST_F(ZsetCommands, ZaddFollowsItsConditions) {
  run("ZADD", "z", "10", "a");
  EXPECT_EQ(run("ZADD", "z", "NX", "1", "a", "1", "b"), ":1");
  EXPECT_EQ(run("ZADD", "z", "XX", "CH", "2", "b", "2", "c"), ":1");
  EXPECT_EQ(run("ZADD", "z", "GT", "CH", "9", "a", "3", "b", "4", "d"), ":2");
  EXPECT_EQ(run("ZADD", "z", "LT", "CH", "11", "a", "0", "b"), ":1");
  EXPECT_EQ(run("ZRANGE", "z", "0", "-1", "WITHSCORES"), "*6 $1 b $1 0 $1 d $1 4 $1 a $2 10");
  EXPECT_EQ(run("ZADD", "none", "XX", "1", "a"), ":0");
  EXPECT_EQ(run("EXISTS", "none"), ":0");
}

TEST_F(ZsetCommands, ZaddRefusesWhatContradicts) {
  EXPECT_EQ(run("ZADD", "z", "NX", "XX", "1", "a"), "-ERR XX and NX options at the same time are not compatible");
  EXPECT_EQ(run("ZADD", "z", "GT", "LT", "1", "a"),
            "-ERR GT, LT, and/or NX options at the same time are not compatible");
  EXPECT_EQ(run("ZADD", "z", "NX", "GT", "1", "a"),
            "-ERR GT, LT, and/or NX options at the same time are not compatible");
  EXPECT_EQ(run("ZADD", "z", "INCR", "1", "a", "2", "b"), "-ERR INCR option supports a single increment-element pair");
  EXPECT_EQ(run("ZADD", "z", "1", "a", "2"), kSyntaxError);
  EXPECT_EQ(run("ZADD", "z", "1", "a", "x", "b"), kNotAFloat);
  EXPECT_EQ(run("ZADD", "z", "nan", "b"), kNotAFloat);
  EXPECT_EQ(run("EXISTS", "z"), ":0");
  run("SET", "s", "v");
  EXPECT_EQ(run("ZADD", "s", "1", "a"), kWrongType);
}

TEST_F(ZsetCommands, NumbersAtTheEdgeOfADoubleAreTaken) {
  EXPECT_EQ(run("ZADD", "z", "5e-324", "least", "1e308", "large"), ":2");
  EXPECT_EQ(run("ZSCORE", "z", "least"), run("ZINCRBY", "z", "0", "least"));
  EXPECT_EQ(run("ZADD", "z", "1e400", "beyond"), kNotAFloat);
  EXPECT_EQ(run("ZCOUNT", "z", "5e-324", "1e400"), ":2") << "a bound beyond the range is infinity";
}

TEST_F(ZsetCommands, IncrementsReplyWithTheScoreOrNull) {
  EXPECT_EQ(run("ZADD", "z", "INCR", "2.5", "a"), "$3 2.5");
  EXPECT_EQ(events(), "zincr:z");
  EXPECT_EQ(effects(), "ZADD z INCR 2.5 a");
  EXPECT_EQ(run("ZINCRBY", "z", "-1", "a"), "$3 1.5");
  EXPECT_EQ(effects(), "ZINCRBY z -1 a");
  EXPECT_EQ(run("ZADD", "z", "XX", "INCR", "1", "b"), "$-1");
  EXPECT_EQ(run("ZADD", "z", "NX", "INCR", "1", "a"), "$-1");
  EXPECT_EQ(effects(), "");
  run("ZADD", "z", "inf", "a");
  EXPECT_EQ(run("ZINCRBY", "z", "-inf", "a"), "-ERR resulting score is not a number (NaN)");
  session().resp = RespVersion::resp3;
  EXPECT_EQ(run("ZINCRBY", "z", "1", "a"), ",inf");
}

TEST_F(ZsetCommands, TheFormFollowsTheLimitsAndNeverGoesBack) {
  fill("z", 128);
  EXPECT_EQ(encoding("z"), "listpack");
  run("ZADD", "z", "128", "128");
  EXPECT_EQ(encoding("z"), "skiplist");
  run("ZREMRANGEBYRANK", "z", "1", "-1");
  EXPECT_EQ(encoding("z"), "skiplist");
  run("ZADD", "long", "1", std::string(65, 'm'));
  EXPECT_EQ(encoding("long"), "skiplist");
  run("ZADD", "short", "1", std::string(64, 'm'));
  EXPECT_EQ(encoding("short"), "listpack");
  keyspace().limits().zset_max_listpack_entries = 0;
  run("ZADD", "none", "1", "a");
  EXPECT_EQ(encoding("none"), "skiplist");
}

TEST_F(ZsetCommands, BothFormsHoldTheSameThroughRandomChanges) {
  std::mt19937_64 random(3);
  const auto pick = [&](std::uint64_t end) { return std::to_string(random() % end); };
  for (int step = 0; step < 6000; ++step) {
    // 100 members: a listpack under the name p, and under s a skiplist.
    std::vector<std::string> command;
    switch (random() % 6) {
      case 0:
        command = {"ZREM", "", pick(100), pick(100)};
        break;
      case 1:
        command = {"ZINCRBY", "", random() % 2 ? "0.5" : "-3", pick(100)};
        break;
      case 2:
        command = random() % 20 ? std::vector<std::string>{"ZRANK", "", pick(100)}
                                : std::vector<std::string>{"ZREMRANGEBYRANK", "", pick(50), pick(80)};
        break;
      default:
        command = {"ZADD", "", "CH", pick(40), pick(100), pick(40), pick(100)};
    }
    std::string replies[2];
    for (int form = 0; form < 2; ++form) {
      keyspace().limits().zset_max_listpack_entries = form == 0 ? 128 : 0;
      command[1] = form == 0 ? "p" : "s";
      replies[form] = run_list({command.begin(), command.end()});
      replies[form] += run("ZRANGE", command[1], "0", "-1", "WITHSCORES");
      replies[form] += run("ZRANGE", command[1], "(30", "5", "BYSCORE", "REV", "LIMIT", "2", "9");
      replies[form] += run("ZCOUNT", command[1], "(5", "30");
    }
    ASSERT_EQ(replies[0], replies[1]) << fmt::format("{}", fmt::join(command, " "));
  }
  EXPECT_EQ(encoding("p"), "listpack");
  EXPECT_EQ(encoding("s"), "skiplist");
}

TEST_F(ZsetCommands, MembersOfOneScoreAreInTheOrderOfTheirBytes) {
  run("ZADD", "z", "0", "b", "0", "", "0", "10", "0", "9", "0", "a", "0", "\xff");
  EXPECT_EQ(run("ZRANGE", "z", "0", "-1"), "*6 $0  $2 10 $1 9 $1 a $1 b $1 \xff");
  EXPECT_EQ(run("ZRANGEBYLEX", "z", "[9", "(b"), "*2 $1 9 $1 a");
  EXPECT_EQ(run("ZREVRANGEBYLEX", "z", "+", "[b", "LIMIT", "0", "1"), "*1 $1 \xff");
  EXPECT_EQ(run("ZLEXCOUNT", "z", "-", "+"), ":6");
  EXPECT_EQ(run("ZLEXCOUNT", "z", "+", "-"), ":0");
  EXPECT_EQ(run("ZLEXCOUNT", "z", "a", "+"), "-ERR min or max not valid string range item");
  EXPECT_EQ(run("ZREMRANGEBYLEX", "z", "(10", "+"), ":4");
  EXPECT_TRUE(events().ends_with(" zremrangebylex:z"));
}

TEST_F(ZsetCommands, RangesByScoreTakeBoundsOfEveryKind) {
  fill("z", 10);
  EXPECT_EQ(run("ZCOUNT", "z", "(2", "5"), ":3");
  EXPECT_EQ(run("ZCOUNT", "z", "-inf", "+inf"), ":10");
  EXPECT_EQ(run("ZCOUNT", "z", "5", "(5"), ":0");
  EXPECT_EQ(run("ZCOUNT", "z", "", "("), ":0");  // as strtod: nothing is zero
  EXPECT_EQ(run("ZCOUNT", "z", "x", "1"), "-ERR min or max is not a float");
  EXPECT_EQ(run("ZRANGEBYSCORE", "z", "3", "8", "LIMIT", "1", "2"), "*2 $1 4 $1 5");
  EXPECT_EQ(run("ZREVRANGEBYSCORE", "z", "8", "3", "LIMIT", "1", "-1"), "*5 $1 7 $1 6 $1 5 $1 4 $1 3");
  EXPECT_EQ(run("ZRANGEBYSCORE", "z", "3", "8", "LIMIT", "-1", "2"), "*0");
  EXPECT_EQ(run("ZRANGE", "z", "1", "2", "LIMIT", "0", "1"),
            "-ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX");
  EXPECT_EQ(run("ZRANGE", "z", "-", "+", "BYLEX", "WITHSCORES"),
            "-ERR syntax error, WITHSCORES not supported in combination with BYLEX");
  EXPECT_EQ(run("ZRANGEBYSCORE", "z", "1", "2", "REV"), kSyntaxError);
}

TEST_F(ZsetCommands, Resp3PairsMembersWithDoubles) {
  run("ZADD", "z", "1.5", "a", "2", "b");
  session().resp = RespVersion::resp3;
  EXPECT_EQ(run("ZRANGE", "z", "0", "-1", "WITHSCORES"), "*2 *2 $1 a ,1.5 *2 $1 b ,2");
  EXPECT_EQ(run("ZRANK", "z", "b", "WITHSCORE"), "*2 :1 ,2");
  EXPECT_EQ(run("ZRANK", "z", "c", "WITHSCORE"), "_");
  EXPECT_EQ(run("ZUNION", "1", "z", "WITHSCORES"), "*2 *2 $1 a ,1.5 *2 $1 b ,2");
  EXPECT_EQ(run("ZPOPMIN", "z"), "*2 $1 a ,1.5");
  EXPECT_EQ(run("ZPOPMIN", "z", "1"), "*1 *2 $1 b ,2");
}

TEST_F(ZsetCommands, ZrankTellsTheScoreIfAsked) {
  run("ZADD", "z", "1.5", "a", "2", "b");
  EXPECT_EQ(run("ZRANK", "z", "a", "withscore"), "*2 :0 $3 1.5");
  EXPECT_EQ(run("ZREVRANK", "z", "a", "WITHSCORE"), "*2 :1 $3 1.5");
  EXPECT_EQ(run("ZRANK", "z", "c", "WITHSCORE"), "*-1");
  EXPECT_EQ(run("ZRANK", "z", "c"), "$-1");
  EXPECT_EQ(run("ZRANK", "z", "a", "WITHSCORES"), kSyntaxError);
  EXPECT_EQ(run("ZRANK", "z", "a", "WITHSCORE", "x"), "-ERR wrong number of arguments for 'zrank' command");
}

TEST_F(ZsetCommands, WhatLosesItsLastMemberGoes) {
  run("ZADD", "z", "1", "a", "2", "b");
  events();
  EXPECT_EQ(run("ZREM", "z", "b", "c", "a"), ":2");
  EXPECT_EQ(effects(), "ZREM z b c a");
  EXPECT_EQ(events(), "zrem:z del:z");
  EXPECT_EQ(run("EXISTS", "z"), ":0");
  run("ZADD", "z", "1", "a");
  events();
  EXPECT_EQ(run("ZREMRANGEBYSCORE", "z", "0", "5"), ":1");
  EXPECT_EQ(events(), "zremrangebyscore:z del:z");
  EXPECT_EQ(run("ZREM", "z", "a"), ":0");
  EXPECT_EQ(effects(), "");
}

TEST_F(ZsetCommands, PopsTakeFromTheEndsAndAreTheirOwnEffects) {
  fill("z", 6);
  events();
  EXPECT_EQ(run("ZPOPMIN", "z"), "*2 $1 0 $1 0");
  EXPECT_EQ(effects(), "ZPOPMIN z");
  EXPECT_EQ(events(), "zpopmin:z");
  EXPECT_EQ(run("ZPOPMAX", "z", "2"), "*4 $1 5 $1 5 $1 4 $1 4");
  EXPECT_EQ(effects(), "ZPOPMAX z 2");
  EXPECT_EQ(run("ZPOPMIN", "z", "0"), "*0");
  EXPECT_EQ(run("ZPOPMIN", "z", "-1"), "-ERR value is out of range, must be positive");
  EXPECT_EQ(run("ZPOPMIN", "none", "2"), "*0");
  EXPECT_EQ(run("BZPOPMIN", "none", "z", "0"), "*3 $1 z $1 1 $1 1");
  EXPECT_EQ(effects(), "ZPOPMIN z");
  EXPECT_EQ(run("BZPOPMAX", "none", "0"), "*-1");
  EXPECT_EQ(run("ZMPOP", "2", "none", "z", "MAX", "COUNT", "9"), "*2 $1 z *2 *2 $1 3 $1 3 *2 $1 2 $1 2");
  EXPECT_EQ(effects(), "ZPOPMAX z 2");
  EXPECT_EQ(run("ZMPOP", "1", "z", "MIN"), "*-1");
  EXPECT_EQ(run("ZMPOP", "0", "z", "MIN"), "-ERR numkeys should be greater than 0");
  EXPECT_EQ(run("ZMPOP", "1", "z", "MIN", "COUNT", "0"), "-ERR count should be greater than 0");
  EXPECT_EQ(run("ZMPOP", "2", "z", "MIN"), kSyntaxError);
  EXPECT_EQ(run("BZMPOP", "0", "1", "z", "MIN"), "*-1");
}

TEST_F(ZsetCommands, SeveralSetsAreCombinedWithWeights) {
  run("ZADD", "a", "1", "x", "2", "y", "3", "z");
  run("ZADD", "b", "10", "y", "20", "z", "30", "w");
  EXPECT_EQ(run("ZUNION", "2", "a", "b", "WEIGHTS", "2", "1", "WITHSCORES"),
            "*8 $1 x $1 2 $1 y $2 14 $1 z $2 26 $1 w $2 30");
  EXPECT_EQ(run("ZINTER", "2", "a", "b", "AGGREGATE", "MAX", "WITHSCORES"), "*4 $1 y $2 10 $1 z $2 20");
  EXPECT_EQ(run("ZDIFF", "2", "a", "b", "WITHSCORES"), "*2 $1 x $1 1");
  EXPECT_EQ(run("ZDIFF", "2", "a", "a"), "*0");
  EXPECT_EQ(run("ZINTERCARD", "2", "a", "b", "LIMIT", "1"), ":1");
  EXPECT_EQ(run("ZINTERCARD", "2", "a", "b", "LIMIT", "0"), ":2");
  EXPECT_EQ(run("ZINTERCARD", "2", "a", "b", "LIMIT", "-1"), "-ERR LIMIT can't be negative");
  EXPECT_EQ(run("ZUNION", "0", "a"), "-ERR at least 1 input key is needed for 'zunion' command");
  EXPECT_EQ(run("ZUNION", "3", "a", "b"), kSyntaxError);
  EXPECT_EQ(run("ZUNION", "2", "a", "b", "WEIGHTS", "1", "x"), "-ERR weight value is not a float");
}

TEST_F(ZsetCommands, PlainSetsCountAsMembersOfScoreOne) {
  run("ZADD", "z", "5", "a", "6", "2");
  run("SADD", "texts", "a", "b");
  run("SADD", "integers", "1", "2");
  EXPECT_EQ(run("ZUNION", "3", "z", "texts", "integers", "WITHSCORES"), "*8 $1 1 $1 1 $1 b $1 1 $1 a $1 6 $1 2 $1 7");
  EXPECT_EQ(run("ZINTER", "2", "texts", "z", "WEIGHTS", "10", "1", "WITHSCORES"), "*2 $1 a $2 15");
  EXPECT_EQ(run("ZDIFF", "2", "z", "integers"), "*1 $1 a");
  EXPECT_EQ(run("ZINTERCARD", "2", "z", "integers"), ":1");
  EXPECT_EQ(run("ZADD", "texts", "1", "a"), kWrongType);
}

TEST_F(ZsetCommands, InfinitiesThatCancelOutAreZero) {
  run("ZADD", "a", "inf", "x");
  run("ZADD", "b", "-inf", "x");
  EXPECT_EQ(run("ZUNION", "2", "a", "b", "WITHSCORES"), "*2 $1 x $1 0");
  EXPECT_EQ(run("ZINTER", "1", "a", "WEIGHTS", "0", "WITHSCORES"), "*2 $1 x $1 0");
  run("ZADD", "infinite", "inf", "x", "2", "y");
  EXPECT_EQ(run("ZINTER", "2", "infinite", "infinite", "WEIGHTS", "3", "0", "WITHSCORES"), "*4 $1 x $1 0 $1 y $1 6");
  EXPECT_EQ(run("ZUNION", "2", "infinite", "infinite", "WEIGHTS", "3", "0", "WITHSCORES"), "*4 $1 y $1 6 $1 x $3 inf");
}

TEST_F(ZsetCommands, StoringReplacesWhateverWasThere) {
  run("ZADD", "a", "1", "x", "2", "y");
  run("SET", "d", "text");
  events();
  EXPECT_EQ(run("ZUNIONSTORE", "d", "2", "a", "none"), ":2");
  EXPECT_EQ(effects(), "ZUNIONSTORE d 2 a none");
  EXPECT_EQ(events(), "zunionstore:d");
  EXPECT_EQ(run("ZINTERSTORE", "d", "2", "a", "none"), ":0");
  EXPECT_EQ(events(), "del:d");
  EXPECT_EQ(run("ZINTERSTORE", "d", "2", "a", "none"), ":0");
  EXPECT_EQ(effects(), "");
  EXPECT_EQ(run("ZRANGESTORE", "a", "a", "1", "1"), ":1");
  EXPECT_EQ(run("ZRANGE", "a", "0", "-1", "WITHSCORES"), "*2 $1 y $1 2");
  EXPECT_EQ(run("ZDIFFSTORE", "d", "1", "a"), ":1");
}

// Redis has a listpack until a member comes that is too long for one, and a listpack knows no minus zero.
TEST_F(ZsetCommands, ZrangestoreDropsTheSignOfAMinusZeroBeforeTheFirstLongMember) {
  const std::string longer(65, 'm');
  run("ZADD", "source", "-0", longer, "-0", "a", "-0", "z");
  EXPECT_EQ(run("ZSCORE", "source", "a"), "$2 -0");
  for (const auto& by : std::vector<std::vector<std::string>>{{"0", "-1"}, {"-1", "1", "BYSCORE"}, {"0", "-1", "REV"}}) {
    std::vector<std::string> command{"ZRANGESTORE", "copy", "source"};
    command.insert(command.end(), by.begin(), by.end());
    run_list(std::vector<std::string_view>(command.begin(), command.end()));
    const bool backwards = by.back() == "REV";
    EXPECT_EQ(run("ZSCORE", "copy", "a"), backwards ? "$2 -0" : "$1 0") << by.back();
    EXPECT_EQ(run("ZSCORE", "copy", longer), "$2 -0");
    EXPECT_EQ(run("ZSCORE", "copy", "z"), backwards ? "$1 0" : "$2 -0") << by.back();
  }
}

TEST_F(ZsetCommands, ZrandmemberDrawsDifferentMembersOrAnyByItsSign) {
  for (const int size : {100, 1000}) {
    fill("z", size);
    for (const int wanted : {1, 10, 60, 99}) {
      const std::string reply = run("ZRANDMEMBER", "z", std::to_string(wanted));
      EXPECT_TRUE(reply.starts_with(fmt::format("*{} ", wanted)));
      std::set<std::string> members;
      std::istringstream words(reply);
      for (std::string word; words >> word;) {
        if (word[0] != '$' && word[0] != '*') members.insert(word);
      }
      EXPECT_EQ(members.size(), static_cast<std::size_t>(wanted));
    }
  }
  EXPECT_TRUE(run("ZRANDMEMBER", "z", "-3000", "WITHSCORES").starts_with("*6000 "));
  EXPECT_TRUE(run("ZRANDMEMBER", "z", "5000").starts_with("*1000 "));
  EXPECT_EQ(run("ZRANDMEMBER", "none"), "$-1");
  EXPECT_EQ(run("ZRANDMEMBER", "none", "3"), "*0");
  EXPECT_EQ(run("ZRANDMEMBER", "z", "-9223372036854775808"),
            "-ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807");
}

TEST_F(ZsetCommands, ZscanShowsEveryMember) {
  for (const int size : {20, 3000}) {
    fill("z", size);
    std::set<std::string> seen;
    std::string cursor = "0";
    do {
      const std::string reply = run("ZSCAN", "z", cursor, "COUNT", "100");
      std::istringstream words(reply);
      std::vector<std::string> texts;
      for (std::string word; words >> word;) {
        if (word[0] != '$' && word[0] != '*') texts.push_back(word);
      }
      cursor = texts[0];
      for (std::size_t i = 1; i < texts.size(); i += 2) {
        EXPECT_EQ(texts[i], texts[i + 1]);
        seen.insert(texts[i]);
      }
    } while (cursor != "0");
    EXPECT_EQ(seen.size(), static_cast<std::size_t>(size));
  }
}

TEST_F(ZsetCommands, TheStoredFormOfEitherReadsBackTheSame) {
  for (const int size : {5, 500}) {
    run("DEL", "z");
    for (int i = 0; i < size; ++i)
      run("ZADD", "z", fmt::format("{}", i * 0.37 - 20), i % 2 ? fmt::format("m{}", i) : fmt::format("{}", i));
    run("ZADD", "z", "inf", "top", "-inf", "bottom", "-0", "zero");
    std::uint8_t rdb_type = 0;
    const std::string bytes = stored("z", rdb_type);
    EXPECT_EQ(rdb_type, size == 5 ? 17 : 5);
    const Result<Entry*> loaded = load(rdb_type, bytes);
    ASSERT_TRUE(loaded.ok()) << loaded.status().message();
    put(*loaded);
    EXPECT_EQ(run("ZRANGE", "loaded", "0", "-1", "WITHSCORES"), run("ZRANGE", "z", "0", "-1", "WITHSCORES"));
    EXPECT_EQ(encoding("loaded"), encoding("z"));
    const Item a = keyspace().find(db(), "z"), b = keyspace().find(db(), "loaded");
    EXPECT_EQ(Keyspace::digest_value(*a.entry), Keyspace::digest_value(*b.entry));
  }
}

TEST_F(ZsetCommands, AStoredFormWithAnyCutOrFlippedBitIsRefusedOrSafe) {
  for (const int size : {12, 140}) {
    run("DEL", "z");
    for (int i = 0; i < size; ++i) run("ZADD", "z", fmt::format("{}.5", i), fmt::format("m{}", i));
    std::uint8_t rdb_type = 0;
    const std::string bytes = stored("z", rdb_type);
    for (std::size_t cut = 0; cut < bytes.size(); ++cut) EXPECT_FALSE(load(rdb_type, bytes.substr(0, cut)).ok());
    EXPECT_FALSE(load(rdb_type, bytes + '\0').ok());
    for (std::size_t bit = 0; bit < 8 * bytes.size(); ++bit) {
      std::string damaged = bytes;
      damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ 1 << bit % 8);
      const Result<Entry*> loaded = load(rdb_type, damaged);
      if (!loaded.ok()) continue;
      put(*loaded);
      run("ZADD", "loaded", "3", "new");
      run("ZRANGE", "loaded", "0", "-1", "WITHSCORES");
      run("ZPOPMAX", "loaded", "3");
    }
  }
}

TEST_F(ZsetCommands, AStoredFormThatNoSortedSetHasIsRefused) {
  const auto packed = [](std::initializer_list<std::string_view> elements) {
    Listpack listpack;
    for (const std::string_view element : elements) listpack.append(element);
    return std::string(1, static_cast<char>(listpack.total())) + std::string(listpack.bytes());
  };
  EXPECT_TRUE(loads(17, packed({"a", "1", "b", "2"})));
  EXPECT_FALSE(loads(17, packed({})));
  EXPECT_FALSE(loads(17, packed({"a", "1", "b"})));
  EXPECT_FALSE(loads(17, packed({"a", "2", "b", "1"})));
  EXPECT_FALSE(loads(17, packed({"b", "1", "a", "1"})));
  EXPECT_FALSE(loads(17, packed({"a", "1", "a", "2"})));
  EXPECT_FALSE(loads(17, packed({"5", "1", "b", "2", "5", "3"})));
  EXPECT_FALSE(loads(17, packed({"a", "x"})));
  EXPECT_FALSE(loads(17, packed({"a", "nan"})));
  EXPECT_FALSE(loads(5, std::string_view("\0", 1)));
  const std::string one = std::string("\1a") + std::string("\0\0\0\0\0\0\0\0", 8);
  EXPECT_TRUE(loads(5, "\1" + one));
  EXPECT_FALSE(loads(5, "\2" + one + one));
  const std::string nan = std::string("\1a") + std::string("\0\0\0\0\0\0\xf8\x7f", 8);
  EXPECT_FALSE(loads(5, "\1" + nan));
  EXPECT_TRUE(loads(3, std::string_view("\2\1a\3"
                                       "1.5"
                                       "\1b\xfe")));
  EXPECT_FALSE(loads(3, std::string_view("\1\1a\xfd")));
}

TEST_F(ZsetCommands, ACopyIsASetOfItsOwn) {
  for (const int size : {5, 500}) {
    run("DEL", "z");
    fill("z", size);
    EXPECT_EQ(run("COPY", "z", "c", "REPLACE"), ":1");
    EXPECT_EQ(run("ZRANGE", "c", "0", "-1"), run("ZRANGE", "z", "0", "-1"));
    run("ZADD", "c", "-1", "new");
    EXPECT_EQ(run("ZSCORE", "z", "new"), "$-1");
  }
}

TEST_F(ZsetCommands, MinusZeroIsZeroInAListpackOnly) {
  run("ZADD", "small", "-0", "m");
  EXPECT_EQ(run("ZSCORE", "small", "m"), "$1 0");
  run("ZADD", "large", "-0", std::string(100, 'm'));
  EXPECT_EQ(run("ZSCORE", "large", std::string(100, 'm')), "$2 -0");
}

}  // namespace
}  // namespace stele::test
