#include <set>

#include "engine/set/set_value.h"
#include "tests/engine/collection_support.h"

namespace stele::test {
namespace {

constexpr std::string_view kWrongType = "-WRONGTYPE Operation against a key holding the wrong kind of value";
constexpr std::string_view kSyntaxError = "-ERR syntax error";

class SetCommands : public CollectionTest {
 protected:
  SetCommands() {
    registry().add(set_commands());
    registry().add(string_commands());
    registry().add(generic_commands());
  }

  /// Members "<prefix><i>", i from `from` to `to` - 1.
  void fill(std::string_view key, std::string_view prefix, int from, int to) {
    for (int i = from; i < to; ++i) run("SADD", key, fmt::format("{}{}", prefix, i));
  }
  std::set<std::string> members(std::string_view key) {
    const auto all = bulks(run("SMEMBERS", key));
    return {all.begin(), all.end()};
  }
  Digest digest(std::string_view key) {
    const Item item = keyspace().find(db(), key);
    return item ? Keyspace::digest_value(*item.entry) : Digest();
  }
};

using Names = std::set<std::string>;

TEST_F(SetCommands, SaddCountsTheNewMembersOnly) {
  EXPECT_EQ(run("SADD", "s", "a", "b", "a"), ":2");
  EXPECT_EQ(effects(), "SADD s a b a");
  EXPECT_EQ(run("SADD", "s", "b"), ":0");
  EXPECT_EQ(effects(), "");
  EXPECT_EQ(run("SADD", "s", "b", "c"), ":1");
  EXPECT_EQ(effects(), "SADD s b c");
  EXPECT_EQ(run("SCARD", "s"), ":3");
  EXPECT_EQ(run("SISMEMBER", "s", "a"), ":1");
  EXPECT_EQ(run("SMISMEMBER", "s", "a", "x", "c"), "*3 :1 :0 :1");
  EXPECT_EQ(run("SMEMBERS", "s"), "*3 $1 a $1 b $1 c");
  session().resp = RespVersion::resp3;
  EXPECT_EQ(run("SMEMBERS", "s"), "~3 $1 a $1 b $1 c");
  EXPECT_EQ(run("SMEMBERS", "no"), "~0");
}

TEST_F(SetCommands, AnAbsentSetIsAnEmptyOne) {
  EXPECT_EQ(run("SREM", "s", "a"), ":0");
  EXPECT_EQ(run("SCARD", "s"), ":0");
  EXPECT_EQ(run("SISMEMBER", "s", "a"), ":0");
  EXPECT_EQ(run("SMISMEMBER", "s", "a", "b"), "*2 :0 :0");
  EXPECT_EQ(run("SMEMBERS", "s"), "*0");
  EXPECT_EQ(run("SSCAN", "s", "0"), "*2 $1 0 *0");
  EXPECT_EQ(run("SPOP", "s"), "$-1");
  EXPECT_EQ(run("SPOP", "s", "3"), "*0");
  EXPECT_EQ(run("SRANDMEMBER", "s"), "$-1");
  EXPECT_EQ(run("SRANDMEMBER", "s", "-3"), "*0");
  EXPECT_EQ(run("SINTER", "s", "s"), "*0");
  EXPECT_EQ(run("SUNION", "s"), "*0");
  EXPECT_EQ(run("SDIFF", "s"), "*0");
  EXPECT_EQ(run("SINTERCARD", "1", "s"), ":0");
  EXPECT_EQ(run("SUNIONSTORE", "d", "s"), ":0");
  EXPECT_EQ(effects(), "");
}

TEST_F(SetCommands, EveryCommandRefusesAnotherType) {
  run("SET", "k", "x");
  run("SADD", "s", "a");
  EXPECT_EQ(run("SADD", "k", "a"), kWrongType);
  EXPECT_EQ(run("SREM", "k", "a"), kWrongType);
  EXPECT_EQ(run("SCARD", "k"), kWrongType);
  EXPECT_EQ(run("SISMEMBER", "k", "a"), kWrongType);
  EXPECT_EQ(run("SMISMEMBER", "k", "a"), kWrongType);
  EXPECT_EQ(run("SMEMBERS", "k"), kWrongType);
  EXPECT_EQ(run("SSCAN", "k", "0"), kWrongType);
  EXPECT_EQ(run("SPOP", "k"), kWrongType);
  EXPECT_EQ(run("SPOP", "k", "0"), kWrongType);
  EXPECT_EQ(run("SRANDMEMBER", "k"), kWrongType);
  EXPECT_EQ(run("SMOVE", "s", "k", "a"), kWrongType);
  EXPECT_EQ(run("SMOVE", "k", "s", "a"), kWrongType);
  EXPECT_EQ(run("SMOVE", "absent", "k", "a"), ":0");
  for (const std::string_view name : {"SINTER", "SUNION", "SDIFF"}) {
    EXPECT_EQ(run(name, "absent", "k"), kWrongType);
    EXPECT_EQ(run(std::string(name) + "STORE", "d", "absent", "k"), kWrongType);
  }
  EXPECT_EQ(run("SINTERCARD", "2", "absent", "k"), kWrongType);
  EXPECT_EQ(run("SUNIONSTORE", "k", "s"), ":1");  // the destination may be anything
}

TEST_F(SetCommands, TheLastMemberTakesTheSetAlong) {
  run("SADD", "s", "a", "b");
  EXPECT_EQ(run("SREM", "s", "x"), ":0");
  EXPECT_EQ(effects(), "");
  EXPECT_EQ(run("SREM", "s", "a", "b", "a"), ":2");
  EXPECT_EQ(effects(), "SREM s a b a");
  EXPECT_EQ(encoding("s"), "");
}

TEST_F(SetCommands, TheEncodingFollowsMembersAndLimits) {
  run("SADD", "i", "3", "-1", "2");
  EXPECT_EQ(encoding("i"), "intset");
  EXPECT_EQ(run("SMEMBERS", "i"), "*3 $2 -1 $1 2 $1 3");
  run("SADD", "i", "x");
  EXPECT_EQ(encoding("i"), "listpack");
  EXPECT_EQ(members("i"), (Names{"-1", "2", "3", "x"}));

  fill("n", "", 0, 512);
  EXPECT_EQ(encoding("n"), "intset");
  run("SADD", "n", "1000");
  EXPECT_EQ(encoding("n"), "hashtable");
  EXPECT_EQ(run("SCARD", "n"), ":513");

  fill("m", "", 0, 128);  // too many for a listpack with one more
  run("SADD", "m", "x");
  EXPECT_EQ(encoding("m"), "hashtable");

  fill("l", "m", 0, 128);
  EXPECT_EQ(encoding("l"), "listpack");
  run("SADD", "l", "m0");
  EXPECT_EQ(encoding("l"), "listpack");
  run("SADD", "l", "m128");
  EXPECT_EQ(encoding("l"), "hashtable");

  run("SADD", "v", std::string(64, 'x'));
  EXPECT_EQ(encoding("v"), "listpack");
  run("SADD", "v", std::string(65, 'x'));
  EXPECT_EQ(encoding("v"), "hashtable");
  run("SADD", "w", "1");
  run("SADD", "w", std::string(65, 'x'));
  EXPECT_EQ(encoding("w"), "hashtable");

  keyspace().limits().set_max_intset_entries = 0;
  run("SADD", "z", "1");
  EXPECT_EQ(encoding("z"), "listpack");
  keyspace().limits().set_max_listpack_entries = 0;
  run("SADD", "y", "1");
  EXPECT_EQ(encoding("y"), "hashtable");
}

TEST_F(SetCommands, SmoveMovesOneMember) {
  run("SADD", "a", "1", "x");
  run("SADD", "b", "2");
  EXPECT_EQ(run("SMOVE", "a", "b", "no"), ":0");
  EXPECT_EQ(effects(), "");
  EXPECT_EQ(run("SMOVE", "a", "b", "x"), ":1");
  EXPECT_EQ(effects(), "SMOVE a b x");
  EXPECT_EQ(members("b"), (Names{"2", "x"}));
  EXPECT_EQ(run("SMOVE", "a", "a", "1"), ":1");
  EXPECT_EQ(effects(), "");
  EXPECT_EQ(run("SMOVE", "a", "new", "1"), ":1");
  EXPECT_EQ(encoding("a"), "");
  EXPECT_EQ(encoding("new"), "intset");
}

TEST_F(SetCommands, SmoveChangesNoDestinationThatHasTheMember) {
  run("SADD", "a", "x", "y");
  run("SADD", "b", "x");
  WatchState watch;
  watches().watch(0, "b", watch);
  EXPECT_EQ(run("SMOVE", "a", "b", "x"), ":1");
  EXPECT_EQ(effects(), "SMOVE a b x");
  EXPECT_FALSE(watch.touched);
  watches().forget(watch);
}

TEST_F(SetCommands, IntersectionsUnionsAndDifferencesOfEveryEncoding) {
  fill("ints", "", 0, 100);
  fill("list", "", 50, 120);
  run("SADD", "list", "x");
  fill("table", "", 60, 400);
  run("SADD", "table", "x", "y");
  ASSERT_EQ(encoding("ints"), "intset");
  ASSERT_EQ(encoding("list"), "listpack");
  ASSERT_EQ(encoding("table"), "hashtable");
  const std::vector<std::string> keys{"ints", "list", "table", "absent"};
  for (const std::string& a : keys) {
    for (const std::string& b : keys) {
      const Names left = members(a), right = members(b);
      Names both, any = left, rest;
      any.insert(right.begin(), right.end());
      for (const std::string& name : left) (right.contains(name) ? both : rest).insert(name);
      const auto result = [&](std::string_view name) {
        const auto texts = bulks(run(name, a, b));
        EXPECT_EQ(Names(texts.begin(), texts.end()).size(), texts.size());
        return Names(texts.begin(), texts.end());
      };
      EXPECT_EQ(result("SINTER"), both);
      EXPECT_EQ(result("SUNION"), any);
      EXPECT_EQ(result("SDIFF"), rest);
      EXPECT_EQ(run("SINTERCARD", "2", a, b), fmt::format(":{}", both.size()));
      EXPECT_EQ(run("SINTERCARD", "2", a, b, "LIMIT", "7"), fmt::format(":{}", std::min<std::size_t>(7, both.size())));
      EXPECT_EQ(run("SINTERCARD", "2", a, b, "limit", "0"), fmt::format(":{}", both.size()));
      EXPECT_EQ(run("SINTERSTORE", "d", a, b), fmt::format(":{}", both.size()));
      EXPECT_EQ(members("d"), both);
      EXPECT_EQ(run("SUNIONSTORE", "d", a, b), fmt::format(":{}", any.size()));
      EXPECT_EQ(members("d"), any);
      EXPECT_EQ(run("SDIFFSTORE", "d", a, b), fmt::format(":{}", rest.size()));
      EXPECT_EQ(members("d"), rest);
    }
  }
}

TEST_F(SetCommands, BothWaysToADifferenceAgree) {
  fill("a", "m", 0, 300);
  fill("big", "m", 10, 290);
  fill("one", "m", 5, 6);
  EXPECT_EQ(run("SDIFFSTORE", "d", "a", "one", "one", "one", "one", "one", "one", "one"), ":299");  // out of a copy
  EXPECT_EQ(run("SDIFFSTORE", "d", "a", "big"), ":20");                                             // asking the other
  EXPECT_EQ(run("SDIFFSTORE", "d", "a", "big", "one", "absent"), ":19");
  EXPECT_EQ(run("SDIFF", "a", "one", "a"), "*0");
}

TEST_F(SetCommands, AStoredResultReplacesWhateverWasThere) {
  run("SET", "d", "x", "EX", "100");
  run("SADD", "s", "1", "2");
  EXPECT_EQ(run("SINTERSTORE", "d", "s"), ":2");
  EXPECT_EQ(effects(), "SINTERSTORE d s");
  EXPECT_EQ(encoding("d"), "intset");
  EXPECT_EQ(expire_at("d"), std::nullopt);
  EXPECT_EQ(run("SINTERSTORE", "d", "s", "absent"), ":0");
  EXPECT_EQ(effects(), "SINTERSTORE d s absent");
  EXPECT_EQ(encoding("d"), "");
  EXPECT_EQ(run("SDIFFSTORE", "d", "s", "s"), ":0");
  EXPECT_EQ(effects(), "");
  EXPECT_EQ(run("SUNIONSTORE", "s", "s", "s"), ":2");  // onto an operand
  EXPECT_EQ(members("s"), (Names{"1", "2"}));
}

TEST_F(SetCommands, SintercardChecksItsArguments) {
  EXPECT_EQ(run("SINTERCARD", "0", "a"), "-ERR numkeys should be greater than 0");
  EXPECT_EQ(run("SINTERCARD", "x", "a"), "-ERR numkeys should be greater than 0");
  EXPECT_EQ(run("SINTERCARD", "2", "a"), "-ERR Number of keys can't be greater than number of args");
  EXPECT_EQ(run("SINTERCARD", "1", "a", "b"), kSyntaxError);
  EXPECT_EQ(run("SINTERCARD", "1", "a", "LIMIT"), kSyntaxError);
  EXPECT_EQ(run("SINTERCARD", "1", "a", "LIMIT", "-1"), "-ERR LIMIT can't be negative");
  EXPECT_EQ(run("SINTERCARD", "1", "a", "LIMIT", "x"), "-ERR LIMIT can't be negative");
}

TEST_F(SetCommands, TheEffectOfSpopNamesWhatWasDrawn) {
  for (const std::string_view first : {"1", "a", ""}) {
    run("DEL", "s");
    run("SADD", "s", first.empty() ? std::string(65, 'x') : std::string(first));
    EXPECT_EQ(run("SADD", "s", "2", "3"), ":2");
    const std::string drawn = bulks(run("SPOP", "s")).at(0);
    EXPECT_EQ(effects(), "SREM s " + drawn);
    EXPECT_EQ(run("SISMEMBER", "s", drawn), ":0");
    run("SPOP", "s");
    run("SPOP", "s");
    EXPECT_EQ(encoding("s"), "");
    EXPECT_EQ(run("SPOP", "s"), "$-1");
  }
}

TEST_F(SetCommands, SpopOfSeveralRemovesExactlyThose) {
  for (const auto& [prefix, size] : {std::pair("", 400), std::pair("m", 100), std::pair("m", 3000)}) {
    for (const int count : {1, size / 10, size / 2, size - 1}) {
      run("DEL", "s");
      fill("s", prefix, 0, size);
      run("COPY", "s", "twin", "REPLACE");
      const auto drawn = bulks(run("SPOP", "s", std::to_string(count)));
      const std::string removal = effects();
      EXPECT_EQ(drawn.size(), static_cast<std::size_t>(count));
      EXPECT_EQ(Names(drawn.begin(), drawn.end()).size(), drawn.size());
      EXPECT_EQ(run("SCARD", "s"), fmt::format(":{}", size - count));
      for (const std::string& name : drawn) ASSERT_EQ(run("SISMEMBER", "s", name), ":0");
      // A replica that had the same members has the same again.
      std::istringstream words(removal);
      for (std::string word; words >> word;) {
        if (word != "SREM" && word != "s" && word != "|" && word != "MULTI" && word != "EXEC")
          run("SREM", "twin", word);
      }
      EXPECT_EQ(digest("twin"), digest("s"));
    }
  }
  EXPECT_EQ(run("SPOP", "s", "0"), "*0");
  EXPECT_EQ(effects(), "");
  EXPECT_EQ(run("SPOP", "s", "-1"), "-ERR value is out of range, must be positive");
  EXPECT_EQ(run("SPOP", "s", "x"), "-ERR value is out of range, must be positive");
  EXPECT_EQ(run("SPOP", "s", "1", "2"), kSyntaxError);
}

TEST_F(SetCommands, ManyDrawnMembersMakeSeveralEffects) {
  fill("s", "m", 0, 3000);
  run("SPOP", "s", "2500");
  const std::string stream = effects();
  EXPECT_TRUE(stream.starts_with("MULTI | SREM s ")) << stream.substr(0, 40);
  EXPECT_TRUE(stream.ends_with("| EXEC"));
  std::size_t removals = 0;
  for (std::size_t at = stream.find("SREM"); at != std::string::npos; at = stream.find("SREM", at + 1)) ++removals;
  EXPECT_EQ(removals, 3u);
}

TEST_F(SetCommands, SpopOfEverythingDeletesTheKey) {
  run("SADD", "s", "a", "b");
  EXPECT_EQ(run("SPOP", "s", "2"), "*2 $1 a $1 b");
  EXPECT_EQ(effects(), "DEL s");
  EXPECT_EQ(encoding("s"), "");
  run("SADD", "s", "a");
  session().resp = RespVersion::resp3;
  EXPECT_EQ(run("SPOP", "s", "100"), "~1 $1 a");
}

TEST_F(SetCommands, SrandmemberWithoutRepetitionNamesEachMemberOnce) {
  for (const auto& [prefix, size] : {std::pair("", 400), std::pair("m", 100), std::pair("m", 2000)}) {
    run("DEL", "s");
    fill("s", prefix, 0, size);
    for (const int count : {1, size / 10, size / 2, size - 1, size, 2 * size}) {
      const auto drawn = bulks(run("SRANDMEMBER", "s", std::to_string(count)));
      EXPECT_EQ(drawn.size(), static_cast<std::size_t>(std::min(count, size)));
      EXPECT_EQ(Names(drawn.begin(), drawn.end()).size(), drawn.size());
      EXPECT_EQ(bulks(run("SRANDMEMBER", "s", std::to_string(-count))).size(), static_cast<std::size_t>(count));
    }
    EXPECT_EQ(effects(), "");
  }
  EXPECT_EQ(run("SRANDMEMBER", "s", "x"), "-ERR value is not an integer or out of range");
  EXPECT_EQ(run("SRANDMEMBER", "s", "1", "2"), kSyntaxError);
}

TEST_F(SetCommands, DrawingFavoursNoMember) {
  fill("ints", "", 0, 20);
  fill("list", "m", 0, 20);
  fill("table", "m", 0, 600);
  for (const std::string_view key : {"ints", "list", "table"}) {
    for (const std::string_view count : {"1", "-1", "7"}) {
      std::map<std::string, double> drawn;
      double draws = 0;
      for (int i = 0; i < 20000; ++i) {
        for (const std::string& name : bulks(run("SRANDMEMBER", key, count))) ++drawn[name], ++draws;
      }
      expect_even(drawn, draws, key == "table" ? 600 : 20);
    }
  }
}

TEST_F(SetCommands, SscanShowsAllMembersPieceByPiece) {
  fill("s", "m", 0, 2000);
  Names seen;
  std::string cursor = "0";
  do {
    const auto page = scan_page(run("SSCAN", "s", cursor));
    EXPECT_LE(page.elements.size(), 15u);
    seen.insert(page.elements.begin(), page.elements.end());
    cursor = page.cursor;
  } while (cursor != "0");
  EXPECT_EQ(seen, members("s"));
  fill("i", "", 0, 300);
  EXPECT_EQ(scan_page(run("SSCAN", "i", "0", "COUNT", "1")).elements.size(), 300u);
  EXPECT_EQ(run("SSCAN", "i", "0", "MATCH", "29?").substr(0, 10), "*2 $1 0 *1");
  EXPECT_EQ(run("SSCAN", "i", "0", "FOO", "x"), kSyntaxError);
}

TEST_F(SetCommands, StoredFormsAreThoseRedisReads) {
  run("SADD", "i", "1", "2");
  EXPECT_EQ(stored("i"), (std::pair<int, std::string>(11, std::string("\x0c\2\0\0\0\2\0\0\0\1\0\2\0", 13))));
  run("SADD", "l", "a", "5");
  EXPECT_EQ(stored("l"), (std::pair<int, std::string>(2, std::string("\2\1a\xc0\5", 5))));
  EXPECT_EQ(loaded_encoding(2, "\2\1a\xc0\5"), "listpack");
  EXPECT_EQ(loaded_encoding(2, "\1\xc0\5"), "intset");
  Listpack listpack;
  listpack.append("a");
  listpack.append("5");
  EXPECT_EQ(loaded_encoding(20, with_length(listpack.bytes())), "listpack");
  fill("t", "m", 0, 2000);
  for (const std::string_view key : {"i", "l", "t"}) {
    expect_same_after_storing(key);
    expect_copy_is_equal(key, "copy");
  }
}

TEST_F(SetCommands, DamagedStoredFormsAreRefused) {
  EXPECT_FALSE(loads(2, std::string_view("\0", 1)));
  EXPECT_FALSE(loads(2, "\2\1a\1a"));
  EXPECT_FALSE(loads(2,
                     "\2\xc0\5\1"
                     "5"));
  EXPECT_FALSE(loads(2, std::string_view("\x81\xff\xff\xff\xff\xff\xff\xff\xff\1a", 11)));
  EXPECT_FALSE(loads(11, with_length(Intset().bytes())));
  EXPECT_FALSE(loads(20, with_length(Listpack().bytes())));
  Listpack doubles;
  for (const char* text : {"a", "b", "a"}) doubles.append(text);
  EXPECT_FALSE(loads(20, with_length(doubles.bytes())));
  fill("s", "", 0, 20);
  expect_damage_is_harmless("s");
  run("SADD", "s", "x");
  expect_damage_is_harmless("s");
}

}  // namespace
}  // namespace stele::test
