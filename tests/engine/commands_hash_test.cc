#include <set>

#include "engine/hash/hash_value.h"
#include "engine/type_ops.h"
#include "tests/engine/collection_support.h"

namespace stele::test {
namespace {

constexpr std::string_view kWrongType = "-WRONGTYPE Operation against a key holding the wrong kind of value";
constexpr std::string_view kSyntaxError = "-ERR syntax error";

class HashCommands : public CollectionTest {
 protected:
  HashCommands() {
    registry().add(hash_commands());
    registry().add(string_commands());
  }

  /// A hash of that many fields "f<i>" with values "v<i>".
  void fill(std::string_view key, int fields) {
    for (int i = 0; i < fields; ++i) run("HSET", key, fmt::format("f{}", i), fmt::format("v{}", i));
  }
};

TEST_F(HashCommands, HsetCountsTheNewFieldsOnly) {
  EXPECT_EQ(run("HSET", "h", "a", "1", "b", "x"), ":2");
  EXPECT_EQ(effects(), "HSET h a 1 b x");
  EXPECT_EQ(run("HSET", "h", "a", "2", "c", "3"), ":1");
  EXPECT_EQ(run("HGET", "h", "a"), "$1 2");
  EXPECT_EQ(run("HMGET", "h", "b", "no", "c"), "*3 $1 x $-1 $1 3");
  EXPECT_EQ(run("HGETALL", "h"), "*6 $1 a $1 2 $1 b $1 x $1 c $1 3");
  EXPECT_EQ(run("HKEYS", "h"), "*3 $1 a $1 b $1 c");
  EXPECT_EQ(run("HVALS", "h"), "*3 $1 2 $1 x $1 3");
  EXPECT_EQ(run("HLEN", "h"), ":3");
  EXPECT_EQ(run("HSTRLEN", "h", "b"), ":1");
  EXPECT_EQ(run("HEXISTS", "h", "b"), ":1");
  EXPECT_EQ(run("HEXISTS", "h", "no"), ":0");
  EXPECT_EQ(run("HMSET", "h", "a", "5"), "+OK");
  EXPECT_EQ(run("HSET", "h", "a"), "-ERR wrong number of arguments for 'hset' command");
  EXPECT_EQ(run("HSET", "h", "a", "1", "b"), "-ERR wrong number of arguments for 'hset' command");
}

TEST_F(HashCommands, AnAbsentHashIsAnEmptyOne) {
  EXPECT_EQ(run("HGET", "h", "a"), "$-1");
  EXPECT_EQ(run("HMGET", "h", "a", "b"), "*2 $-1 $-1");
  EXPECT_EQ(run("HGETALL", "h"), "*0");
  EXPECT_EQ(run("HKEYS", "h"), "*0");
  EXPECT_EQ(run("HLEN", "h"), ":0");
  EXPECT_EQ(run("HSTRLEN", "h", "a"), ":0");
  EXPECT_EQ(run("HDEL", "h", "a"), ":0");
  EXPECT_EQ(run("HSCAN", "h", "0"), "*2 $1 0 *0");
  EXPECT_EQ(run("HRANDFIELD", "h"), "$-1");
  EXPECT_EQ(run("HRANDFIELD", "h", "2"), "*0");
  EXPECT_EQ(effects(), "");
}

TEST_F(HashCommands, Resp3HasMapsAndPairs) {
  run("HSET", "h", "a", "1");
  session().resp = RespVersion::resp3;
  EXPECT_EQ(run("HGETALL", "h"), "%1 $1 a $1 1");
  EXPECT_EQ(run("HGETALL", "no"), "%0");
  EXPECT_EQ(run("HGET", "h", "no"), "_");
  EXPECT_EQ(run("HRANDFIELD", "h", "-2", "WITHVALUES"), "*2 *2 $1 a $1 1 *2 $1 a $1 1");
  EXPECT_EQ(run("HSCAN", "h", "0"), "*2 $1 0 *2 $1 a $1 1");
}

TEST_F(HashCommands, EveryCommandRefusesAnotherType) {
  run("SET", "s", "x");
  EXPECT_EQ(run("HSET", "s", "a", "1"), kWrongType);
  EXPECT_EQ(run("HSETNX", "s", "a", "1"), kWrongType);
  EXPECT_EQ(run("HGET", "s", "a"), kWrongType);
  EXPECT_EQ(run("HMGET", "s", "a"), kWrongType);
  EXPECT_EQ(run("HDEL", "s", "a"), kWrongType);
  EXPECT_EQ(run("HLEN", "s"), kWrongType);
  EXPECT_EQ(run("HSTRLEN", "s", "a"), kWrongType);
  EXPECT_EQ(run("HEXISTS", "s", "a"), kWrongType);
  EXPECT_EQ(run("HINCRBY", "s", "a", "1"), kWrongType);
  EXPECT_EQ(run("HINCRBYFLOAT", "s", "a", "1"), kWrongType);
  EXPECT_EQ(run("HGETALL", "s"), kWrongType);
  EXPECT_EQ(run("HKEYS", "s"), kWrongType);
  EXPECT_EQ(run("HVALS", "s"), kWrongType);
  EXPECT_EQ(run("HRANDFIELD", "s"), kWrongType);
  EXPECT_EQ(run("HSCAN", "s", "0"), kWrongType);
  EXPECT_EQ(run("HSCAN", "s", "x"), "-ERR invalid cursor");
  EXPECT_EQ(effects(), "");
}

TEST_F(HashCommands, TheLastFieldTakesTheHashAlong) {
  run("HSET", "h", "a", "1", "b", "2");
  EXPECT_EQ(run("HDEL", "h", "no"), ":0");
  EXPECT_EQ(effects(), "");
  EXPECT_EQ(run("HDEL", "h", "a", "b", "c", "a"), ":2");
  EXPECT_EQ(effects(), "HDEL h a b c a");
  EXPECT_EQ(encoding("h"), "");
}

TEST_F(HashCommands, HsetnxLeavesWhatIsThere) {
  EXPECT_EQ(run("HSETNX", "h", "a", "1"), ":1");
  EXPECT_EQ(effects(), "HSETNX h a 1");
  EXPECT_EQ(run("HSETNX", "h", "a", "2"), ":0");
  EXPECT_EQ(effects(), "");
  EXPECT_EQ(run("HGET", "h", "a"), "$1 1");
}

TEST_F(HashCommands, HincrbyAddsIntegers) {
  EXPECT_EQ(run("HINCRBY", "h", "n", "5"), ":5");
  EXPECT_EQ(effects(), "HINCRBY h n 5");
  EXPECT_EQ(run("HINCRBY", "h", "n", "-7"), ":-2");
  run("HSET", "h", "n", "9223372036854775807", "t", "text", "z", "01");
  EXPECT_EQ(run("HINCRBY", "h", "n", "1"), "-ERR increment or decrement would overflow");
  EXPECT_EQ(run("HINCRBY", "h", "t", "1"), "-ERR hash value is not an integer");
  EXPECT_EQ(run("HINCRBY", "h", "z", "1"), "-ERR hash value is not an integer");
  EXPECT_EQ(run("HINCRBY", "h", "n", "x"), "-ERR value is not an integer or out of range");
  EXPECT_EQ(run("HGET", "h", "n"), "$19 9223372036854775807");
}

TEST_F(HashCommands, TheEffectOfHincrbyfloatIsTheResult) {
  EXPECT_EQ(run("HINCRBYFLOAT", "h", "n", "10.5"), "$4 10.5");
  EXPECT_EQ(effects(), "HSET h n 10.5");
  EXPECT_EQ(run("HINCRBYFLOAT", "h", "n", "-0.5"), "$2 10");
  EXPECT_EQ(run("HINCRBYFLOAT", "h", "n", "inf"), "-ERR value is NaN or Infinity");
  EXPECT_EQ(run("HINCRBYFLOAT", "h", "n", "x"), "-ERR value is not a valid float");
  run("HSET", "h", "t", "text", "i", "inf");
  EXPECT_EQ(run("HINCRBYFLOAT", "h", "t", "1"), "-ERR hash value is not a float");
  EXPECT_EQ(run("HINCRBYFLOAT", "h", "i", "1"), "-ERR increment would produce NaN or Infinity");
  EXPECT_EQ(effects(), "");
}

TEST_F(HashCommands, AListpackBecomesAHashtableByCountAndByLength) {
  fill("h", 512);
  EXPECT_EQ(encoding("h"), "listpack");
  run("HSET", "h", "one more", "x");
  EXPECT_EQ(encoding("h"), "hashtable");
  EXPECT_EQ(run("HLEN", "h"), ":513");
  EXPECT_EQ(run("HGET", "h", "f300"), "$4 v300");

  run("HSET", "v", "a", std::string(64, 'x'));
  EXPECT_EQ(encoding("v"), "listpack");
  run("HSET", "v", "a", std::string(65, 'x'));
  EXPECT_EQ(encoding("v"), "hashtable");
  run("HSET", "v", "a", "short again");
  EXPECT_EQ(encoding("v"), "hashtable");
  EXPECT_EQ(run("HGET", "v", "a"), "$11 short again");

  run("HSET", "k", std::string(65, 'k'), "x");
  EXPECT_EQ(encoding("k"), "hashtable");
  keyspace().limits().hash_max_listpack_entries = 1;
  run("HSET", "l", "a", "1");
  EXPECT_EQ(encoding("l"), "listpack");
  run("HSET", "l", "a", "1", "a", "2");
  EXPECT_EQ(encoding("l"), "hashtable");
  EXPECT_EQ(run("HLEN", "l"), ":1");
}

TEST_F(HashCommands, ALargeHashKeepsItsValuesThroughChanges) {
  fill("h", 3000);
  for (int i = 0; i < 3000; i += 2) run("HDEL", "h", fmt::format("f{}", i));
  for (int i = 1; i < 3000; i += 2)
    run("HSET", "h", fmt::format("f{}", i), std::string(static_cast<std::size_t>(i % 300), 'y'));
  EXPECT_EQ(run("HLEN", "h"), ":1500");
  for (int i = 1; i < 3000; i += 2) {
    ASSERT_EQ(run("HSTRLEN", "h", fmt::format("f{}", i)), fmt::format(":{}", i % 300));
  }
  expect_same_after_storing("h");
  expect_copy_is_equal("h", "copy");
}

TEST_F(HashCommands, HscanShowsAllFieldsPieceByPiece) {
  fill("h", 2000);
  std::set<std::string> seen;
  std::string cursor = "0";
  do {
    const auto page = scan_page(run("HSCAN", "h", cursor, "COUNT", "20"));
    EXPECT_LE(page.elements.size(), 2u * 30);
    for (std::size_t i = 0; i < page.elements.size(); i += 2) {
      EXPECT_EQ(page.elements[i].substr(1), page.elements[i + 1].substr(1));
      seen.insert(page.elements[i]);
    }
    cursor = page.cursor;
  } while (cursor != "0");
  EXPECT_EQ(seen.size(), 2000u);
  EXPECT_EQ(scan_page(run("HSCAN", "h", "0", "COUNT", "100000", "MATCH", "f1999")).elements.size(), 2u);
  EXPECT_EQ(run("HSCAN", "h", "0", "COUNT", "0"), kSyntaxError);
  EXPECT_EQ(run("HSCAN", "h", "0", "TYPE", "string"), kSyntaxError);
  EXPECT_EQ(run("HSCAN", "h", "0", "COUNT"), kSyntaxError);
  run("HSET", "small", "a", "1", "b", "2");
  EXPECT_EQ(run("HSCAN", "small", "0", "COUNT", "1", "MATCH", "b"), "*2 $1 0 *2 $1 b $1 2");
}

TEST_F(HashCommands, HrandfieldWithoutRepetitionNamesEachFieldOnce) {
  for (const int fields : {10, 2000}) {
    const std::string key = fmt::format("h{}", fields);
    fill(key, fields);
    for (const int count : {1, fields / 10, fields / 2, fields - 1, fields, fields * 2}) {
      const auto names = bulks(run("HRANDFIELD", key, std::to_string(count)));
      EXPECT_EQ(std::set<std::string>(names.begin(), names.end()).size(), names.size());
      EXPECT_EQ(names.size(), static_cast<std::size_t>(std::min(count, fields)));
      EXPECT_EQ(bulks(run("HRANDFIELD", key, std::to_string(-count))).size(), static_cast<std::size_t>(count));
    }
    EXPECT_EQ(bulks(run("HRANDFIELD", key, "5", "withvalues")).size(), 10u);
    EXPECT_EQ(bulks(run("HRANDFIELD", key)).size(), 1u);
  }
  EXPECT_EQ(run("HRANDFIELD", "h10", "0"), "*0");
  EXPECT_EQ(run("HRANDFIELD", "h10", "1", "VALUES"), kSyntaxError);
  EXPECT_EQ(run("HRANDFIELD", "h10", "1", "WITHVALUES", "x"), kSyntaxError);
  EXPECT_EQ(run("HRANDFIELD", "h10", "4611686018427387904", "WITHVALUES"), "-ERR value is out of range");
}

TEST_F(HashCommands, HrandfieldFavoursNoField) {
  fill("h", 10);
  fill("big", 600);
  for (const std::string_view key : {"h", "big"}) {
    for (const std::string_view count : {"1", "-1", "7"}) {
      std::map<std::string, double> drawn;
      double draws = 0;
      for (int i = 0; i < 20000; ++i) {
        for (const std::string& name : bulks(run("HRANDFIELD", key, count))) ++drawn[name], ++draws;
      }
      expect_even(drawn, draws, key == "h" ? 10 : 600);
    }
  }
}

TEST_F(HashCommands, StoredFormsAreThoseRedisWrites) {
  run("HSET", "h", "a", "1");
  EXPECT_EQ(stored("h"), (std::pair<int, std::string>(16, std::string("\x0c\x0c\0\0\0\2\0\x81"
                                                                      "a\2\1\1\xff",
                                                                      13))));
  run("HSET", "t", "a", std::string(65, 'x'));
  EXPECT_EQ(stored("t"), (std::pair<int, std::string>(4, "\1\1a\x40\x41" + std::string(65, 'x'))));
  expect_same_after_storing("h");
  expect_same_after_storing("t");
}

TEST_F(HashCommands, DamagedStoredFormsAreRefused) {
  EXPECT_FALSE(loads(4, std::string_view("\0", 1)));
  EXPECT_FALSE(loads(4, "\1\1a"));
  EXPECT_FALSE(loads(4, "\2\1a\1b\1a\1c"));  // a field twice
  EXPECT_FALSE(loads(4, std::string_view("\x81\xff\xff\xff\xff\xff\xff\xff\xff\1a\1b", 13)));
  EXPECT_TRUE(loads(4, "\2\1a\1b\1b\1c"));
  Listpack odd;
  for (const char* text : {"a", "1", "b"}) odd.append(text);
  EXPECT_FALSE(loads(16, with_length(odd.bytes())));
  odd.append("2");
  EXPECT_TRUE(loads(16, with_length(odd.bytes())));
  odd.append("a");
  odd.append("3");
  EXPECT_FALSE(loads(16, with_length(odd.bytes())));
  EXPECT_FALSE(loads(16, with_length(Listpack().bytes())));
  fill("h", 20);
  expect_damage_is_harmless("h");
  run("HSET", "h", "long", std::string(100, 'x'));
  expect_damage_is_harmless("h");
}

TEST_F(HashCommands, ALargeHashLoadsAsATable) {
  fill("h", 600);
  const auto [type, bytes] = stored("h");
  EXPECT_EQ(type, 4);
  EXPECT_EQ(loaded_encoding(type, bytes), "hashtable");
  EXPECT_EQ(loaded_encoding(4, "\1\1a\1b"), "listpack");
}

TEST_F(HashCommands, BodyBytesFollowWhatIsAllocated) {
  fill("h", 4000);
  const Item item = keyspace().find(db(), "h");
  const std::size_t bytes = type_ops(ObjectType::hash).body_bytes(*item.entry);
  // 8 bytes of lengths, 8 to 10 of text: 24 of glibc's or 16 of jemalloc's, and at most 20 of table.
  EXPECT_GT(bytes, 4000u * 24);
  EXPECT_LT(bytes, 4000u * 50);
}

}  // namespace
}  // namespace stele::test
