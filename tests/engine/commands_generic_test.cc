#include "engine_fixture.h"

namespace stele::test {
namespace {

/// Strings stand in for SET, whose file has tests of its own.
class GenericCommands : public EngineTest {
 protected:
  GenericCommands() { registry().add(generic_commands()); }

  void set(std::string_view key, std::string_view value, std::optional<std::int64_t> expire_ms = std::nullopt) {
    Item item = keyspace().find(db(), key);
    keyspace().set_string(item, value, expire_ms ? std::optional(UnixTime(now_ms() + *expire_ms)) : std::nullopt);
  }
  std::string get(std::string_view key) {
    const Item item = keyspace().find(db(), key);
    char scratch[24];
    return item ? std::string(item.entry->string_value(scratch)) : "(none)";
  }
};

TEST_F(GenericCommands, DelRemovesWhatIsThereAndIsItsOwnEffect) {
  set("a", "1");
  EXPECT_EQ(run("DEL", "a", "none", "a"), ":1");
  EXPECT_EQ(effects(), "DEL a none a");
  EXPECT_EQ(run("DEL", "a"), ":0");
  EXPECT_EQ(effects(), "");
  set("a", "1");
  EXPECT_EQ(run("UNLINK", "a"), ":1");
  EXPECT_EQ(effects(), "UNLINK a");
}

TEST_F(GenericCommands, ExistsAndTouchCountAKeyAsOftenAsItIsNamed) {
  set("a", "1");
  EXPECT_EQ(run("EXISTS", "a", "a", "b"), ":2");
  EXPECT_EQ(run("TOUCH", "a", "a", "b"), ":2");
  EXPECT_EQ(run("TYPE", "a"), "+string");
  EXPECT_EQ(run("TYPE", "b"), "+none");
}

TEST_F(GenericCommands, RenameTakesTheExpiryAlongAndReplacesTheOther) {
  set("a", "1", 5000);
  set("b", "2");
  EXPECT_EQ(run("RENAME", "a", "b"), "+OK");
  EXPECT_EQ(effects(), "RENAME a b");
  EXPECT_EQ(get("b"), "1");
  EXPECT_EQ(expire_at("b"), kStartMs + 5000);
  EXPECT_EQ(get("a"), "(none)");
  set("c", "3");
  EXPECT_EQ(run("RENAME", "c", "b"), "+OK");
  EXPECT_EQ(expire_at("b"), std::nullopt);
  EXPECT_EQ(db().expires_size(), 0u);
}

TEST_F(GenericCommands, RenameOntoItselfChangesNothingButNeedsTheKey) {
  set("a", "1");
  EXPECT_EQ(run("RENAME", "a", "a"), "+OK");
  EXPECT_EQ(effects(), "");
  EXPECT_EQ(run("RENAMENX", "a", "a"), ":0");
  EXPECT_EQ(run("RENAME", "x", "x"), "-ERR no such key");
  EXPECT_EQ(run("RENAMENX", "x", "y"), "-ERR no such key");
}

TEST_F(GenericCommands, RenamenxLeavesAnotherKeyAlone) {
  set("a", "1");
  set("b", "2");
  EXPECT_EQ(run("RENAMENX", "a", "b"), ":0");
  EXPECT_EQ(effects(), "");
  EXPECT_EQ(run("RENAMENX", "a", "c"), ":1");
  EXPECT_EQ(effects(), "RENAMENX a c");
  EXPECT_EQ(get("c"), "1");
}

TEST_F(GenericCommands, RenameOntoAnExpiredKeyTellsOfItsEndFirst) {
  set("a", "1");
  set("b", "2", 10);
  advance(20);
  EXPECT_EQ(run("RENAMENX", "a", "b"), ":1");
  EXPECT_EQ(effects(), "MULTI | DEL b | RENAMENX a b | EXEC");
}

TEST_F(GenericCommands, CopyKeepsBothAndTheExpiry) {
  set("a", "1", 5000);
  EXPECT_EQ(run("COPY", "a", "b"), ":1");
  EXPECT_EQ(effects(), "COPY a b");
  EXPECT_EQ(get("a"), "1");
  EXPECT_EQ(get("b"), "1");
  EXPECT_EQ(expire_at("b"), kStartMs + 5000);
  set("b", "2");
  EXPECT_EQ(run("COPY", "a", "b"), ":0");
  EXPECT_EQ(effects(), "");
  EXPECT_EQ(run("COPY", "a", "b", "DB", "0", "REPLACE"), ":1");
  EXPECT_EQ(get("b"), "1");
}

TEST_F(GenericCommands, CopyRefusesWhatRedisRefuses) {
  set("a", "1");
  EXPECT_EQ(run("COPY", "a", "a"), "-ERR source and destination objects are the same");
  EXPECT_EQ(run("COPY", "x", "x"), "-ERR source and destination objects are the same");
  EXPECT_EQ(run("COPY", "x", "b"), ":0");
  EXPECT_EQ(run("COPY", "a", "b", "DB", "99"), "-ERR DB index is out of range");
  EXPECT_EQ(run("COPY", "a", "b", "DB", "x"), "-ERR value is not an integer or out of range");
  EXPECT_EQ(run("COPY", "a", "b", "DB"), "-ERR syntax error");
  EXPECT_EQ(run("COPY", "a", "b", "FOO"), "-ERR syntax error");
}

TEST_F(GenericCommands, MoveAndCopyReachOtherDatabases) {
  set("a", "1", 5000);
  EXPECT_EQ(run("COPY", "a", "a", "DB", "3"), ":1");
  EXPECT_EQ(run("MOVE", "a", "3"), ":0");
  EXPECT_EQ(run("MOVE", "a", "4"), ":1");
  EXPECT_EQ(effects(), "MOVE a 4");
  EXPECT_EQ(get("a"), "(none)");
  EXPECT_EQ(run("SELECT", "4"), "+OK");
  EXPECT_EQ(get("a"), "1");
  EXPECT_EQ(expire_at("a"), kStartMs + 5000);
  EXPECT_EQ(run("MOVE", "a", "4"), "-ERR source and destination objects are the same");
  EXPECT_EQ(run("MOVE", "a", "99"), "-ERR DB index is out of range");
}

TEST_F(GenericCommands, SelectTellsWhatIsWrongWithAnIndex) {
  EXPECT_EQ(run("SELECT", "16"), "-ERR DB index is out of range");
  EXPECT_EQ(run("SELECT", "x"), "-ERR value is not an integer or out of range");
  EXPECT_EQ(run("SELECT", "99999999999"),
            "-ERR value is out of range, value must between -2147483648 and 2147483647");
}

TEST_F(GenericCommands, SwapdbExchangesKeysAndTheirExpiries) {
  set("a", "1", 5000);
  EXPECT_EQ(run("SWAPDB", "0", "1"), "+OK");
  EXPECT_EQ(effects(), "SWAPDB 0 1");
  EXPECT_EQ(get("a"), "(none)");
  EXPECT_EQ(keyspace().db(1).expires_size(), 1u);
  EXPECT_EQ(run("SWAPDB", "0", "0"), "+OK");
  EXPECT_EQ(effects(), "SWAPDB 0 0");
  EXPECT_EQ(run("SWAPDB", "x", "0"), "-ERR invalid first DB index");
  EXPECT_EQ(run("SWAPDB", "0", "99999999999"), "-ERR invalid second DB index");
  EXPECT_EQ(run("SWAPDB", "0", "99"), "-ERR DB index is out of range");
}

TEST_F(GenericCommands, FlushdbIsAnEffectEvenOfAnEmptyDatabase) {
  set("a", "1", 5000);
  EXPECT_EQ(run("FLUSHDB"), "+OK");
  EXPECT_EQ(effects(), "FLUSHDB");
  EXPECT_EQ(run("DBSIZE"), ":0");
  EXPECT_EQ(db().expires_size(), 0u);
  EXPECT_EQ(run("FLUSHDB", "ASYNC"), "+OK");
  EXPECT_EQ(effects(), "FLUSHDB ASYNC");
  EXPECT_EQ(run("FLUSHDB", "FOO"), "-ERR syntax error");
  EXPECT_EQ(run("FLUSHALL", "ASYNC", "SYNC"), "-ERR syntax error");
}

TEST_F(GenericCommands, FlushallEmptiesEveryDatabase) {
  set("a", "1");
  session().db = 7;
  set("b", "1");
  EXPECT_EQ(run("FLUSHALL"), "+OK");
  EXPECT_EQ(effects(), "SELECT 7 | FLUSHALL");
  EXPECT_EQ(keyspace().db(0).size() + keyspace().db(7).size(), 0u);
}

TEST_F(GenericCommands, TheExpireFamilyLeavesADateAndItsConditions) {
  set("a", "1");
  EXPECT_EQ(run("EXPIRE", "a", "100"), ":1");
  EXPECT_EQ(effects(), fmt::format("PEXPIREAT a {}", kStartMs + 100'000));
  EXPECT_EQ(run("PEXPIRE", "a", "50", "lt"), ":1");
  EXPECT_EQ(effects(), fmt::format("PEXPIREAT a {} lt", kStartMs + 50));
  EXPECT_EQ(run("EXPIREAT", "a", "2000000000"), ":1");
  EXPECT_EQ(effects(), "PEXPIREAT a 2000000000000");
  EXPECT_EQ(run("PEXPIREAT", "a", "2000000000500"), ":1");
  EXPECT_EQ(run("EXPIRETIME", "a"), ":2000000001");
  EXPECT_EQ(run("PEXPIRETIME", "a"), ":2000000000500");
  EXPECT_EQ(run("PTTL", "a"), fmt::format(":{}", 2000000000500 - kStartMs));
  EXPECT_EQ(run("TTL", "a"), ":300000001");
  EXPECT_EQ(run("PERSIST", "a"), ":1");
  EXPECT_EQ(effects(), "PERSIST a");
  EXPECT_EQ(run("PERSIST", "a"), ":0");
  EXPECT_EQ(run("TTL", "a"), ":-1");
  EXPECT_EQ(run("TTL", "b"), ":-2");
  EXPECT_EQ(run("EXPIRE", "b", "1"), ":0");
}

TEST_F(GenericCommands, ConditionsCompareWithTheExpiryThere) {
  set("a", "1");
  EXPECT_EQ(run("EXPIRE", "a", "100", "GT"), ":0") << "no expiry is later than any";
  EXPECT_EQ(run("EXPIRE", "a", "100", "XX"), ":0");
  EXPECT_EQ(run("EXPIRE", "a", "100", "LT"), ":1");
  EXPECT_EQ(run("EXPIRE", "a", "100", "LT"), ":0");
  EXPECT_EQ(run("EXPIRE", "a", "100", "GT"), ":0");
  EXPECT_EQ(run("EXPIRE", "a", "100", "NX"), ":0");
  EXPECT_EQ(run("EXPIRE", "a", "101", "GT", "XX"), ":1");
  EXPECT_EQ(run("EXPIRE", "a", "1", "NX", "GT"),
            "-ERR NX and XX, GT or LT options at the same time are not compatible");
  EXPECT_EQ(run("EXPIRE", "a", "1", "GT", "LT"), "-ERR GT and LT options at the same time are not compatible");
  EXPECT_EQ(run("EXPIRE", "b", "x", "FOO"), "-ERR Unsupported option FOO");
}

TEST_F(GenericCommands, ADeadlineThatDoesNotFitIsRefused) {
  set("a", "1");
  EXPECT_EQ(run("EXPIRE", "a", "9223372036854775807"), "-ERR invalid expire time in 'expire' command");
  EXPECT_EQ(run("PEXPIRE", "a", "9223372036854775807"), "-ERR invalid expire time in 'pexpire' command");
  EXPECT_EQ(run("EXPIREAT", "a", "9223372036854776"), "-ERR invalid expire time in 'expireat' command");
  EXPECT_EQ(run("EXPIREAT", "a", "9223372036854775"), ":1");
  EXPECT_EQ(run("EXPIRE", "a", "x"), "-ERR value is not an integer or out of range");
}

TEST_F(GenericCommands, APassedDeadlineDeletes) {
  set("a", "1");
  EXPECT_EQ(run("EXPIRE", "a", "-1", "NX"), ":1");
  EXPECT_EQ(effects(), "DEL a");
  keyspace().lazy_free().expire = true;
  set("a", "1");
  EXPECT_EQ(run("PEXPIREAT", "a", "5"), ":1");
  EXPECT_EQ(effects(), "UNLINK a");
  EXPECT_EQ(run("EXISTS", "a"), ":0");
}

TEST_F(GenericCommands, ReplayAndReplicasKeepAPassedDeadlineUntilTheDelComes) {
  set("a", "1");
  EXPECT_EQ(replay("PEXPIREAT", "a", "5"), ":1");
  EXPECT_EQ(replay("EXISTS", "a"), ":1");
  EXPECT_EQ(run("EXISTS", "a"), ":0");
  EXPECT_EQ(effects(), "DEL a");
}

TEST_F(GenericCommands, AHiddenKeyCanBeReplacedOnAReplica) {
  set("a", "1", 10);
  advance(20);
  keyspace().set_expiry(Expiry::hidden);
  EXPECT_EQ(run("EXISTS", "a"), ":0");
  EXPECT_EQ(run("DBSIZE"), ":1");
  set("a", "2");
  EXPECT_EQ(get("a"), "2");
  EXPECT_EQ(run("DBSIZE"), ":1");
  EXPECT_EQ(db().expires_size(), 0u);
  EXPECT_EQ(db().table->tombstones(), 0u);
}

TEST_F(GenericCommands, ScanShowsEveryKeyOnceAndHonoursItsFilters) {
  for (int i = 0; i < 1000; ++i) set(fmt::format("key:{}", i), "v");
  put_other_type("other");
  for (const std::string filter : {"", "MATCH", "TYPE"}) {
    std::multiset<std::string> seen;
    std::string cursor = "0";
    do {
      std::vector<std::string_view> args = {"SCAN", cursor, "COUNT", "7"};
      if (filter == "MATCH") args.insert(args.end(), {"MATCH", "key:1*"});
      if (filter == "TYPE") args.insert(args.end(), {"TYPE", "OTHER"});
      std::istringstream reply(run_list(args));
      std::string word, next;
      reply >> word >> word >> next >> word;
      while (reply >> word >> word) seen.insert(word);
      cursor = next;
    } while (cursor != "0");
    EXPECT_EQ(std::set<std::string>(seen.begin(), seen.end()).size(), seen.size()) << filter;
    EXPECT_EQ(seen.size(), filter.empty() ? 1001u : filter == "MATCH" ? 111u : 1u) << filter;
  }
}

TEST_F(GenericCommands, ScanShowsKeysOfOneHashTogether) {
  ASSERT_EQ(keyspace().hasher()("k1776672"), keyspace().hasher()("k3827239"));
  set("k1776672", "1");
  set("k3827239", "1");
  EXPECT_EQ(run("SCAN", "0", "COUNT", "1"), "*2 $1 0 *2 $8 k1776672 $8 k3827239");
}

TEST_F(GenericCommands, KeysOfOneHashAndExpiryExpireBoth) {
  set("k1776672", "1", 10);
  set("k3827239", "1", 10);
  EXPECT_EQ(db().expires_size(), 2u);
  advance(20);
  EXPECT_EQ(keyspace().expire_due(10), 2u);
  EXPECT_EQ(db().size() + db().expires_size(), 0u);
}

TEST_F(GenericCommands, ScanTakesTheCursorsThatRedisTakes) {
  for (const std::string_view cursor : {"x", " 0", "0x", "99999999999999999999999"}) {
    EXPECT_EQ(run("SCAN", cursor), "-ERR invalid cursor") << cursor;
  }
  set("a", "1");
  for (const std::string_view cursor : {"-1", "18446744073709551615", "281474976710656"}) {
    EXPECT_EQ(run("SCAN", cursor), "*2 $1 0 *0") << cursor;
  }
  EXPECT_EQ(run("SCAN", ""), "*2 $1 0 *1 $1 a");
  EXPECT_EQ(run("SCAN", "0", "COUNT", "0"), "-ERR syntax error");
  EXPECT_EQ(run("SCAN", "0", "COUNT", "x"), "-ERR value is not an integer or out of range");
  EXPECT_EQ(run("SCAN", "0", "MATCH"), "-ERR syntax error");
  EXPECT_EQ(run("SCAN", "0", "FOO", "1"), "-ERR syntax error");
  EXPECT_EQ(run("SCAN", "0", "TYPE", "foo"), "*2 $1 0 *0");
}

TEST_F(GenericCommands, KeysAndRandomkeyFindLiveKeysOnly) {
  EXPECT_EQ(run("RANDOMKEY"), "$-1");
  set("gone", "1", 10);
  set("a", "1");
  advance(20);
  EXPECT_EQ(run("KEYS", "*"), "*1 $1 a");
  EXPECT_EQ(run("KEYS", "b*"), "*0");
  for (int i = 0; i < 20; ++i) EXPECT_EQ(run("RANDOMKEY"), "$1 a");
}

TEST_F(GenericCommands, RandomkeyDrawsKeysEvenly) {
  for (int i = 0; i < 1000; ++i) set(fmt::format("key:{}", i), "v");
  std::map<std::string, int> drawn;
  for (int i = 0; i < 100'000; ++i) ++drawn[run("RANDOMKEY")];
  // 100 times each on average; even keys in the emptiest segment stay far from five times as often.
  EXPECT_GT(drawn.size(), 990u);
  for (const auto& [key, times] : drawn) EXPECT_LT(times, 300) << key;
}

TEST_F(GenericCommands, ObjectTellsEncodingAndReferences) {
  set("a", "1");
  set("b", "hello");
  EXPECT_EQ(run("OBJECT", "ENCODING", "a"), "$3 int");
  EXPECT_EQ(run("OBJECT", "encoding", "b"), "$6 embstr");
  EXPECT_EQ(run("OBJECT", "ENCODING", "x"), "$-1");
  EXPECT_EQ(run("OBJECT", "REFCOUNT", "a"), ":2147483647");
  EXPECT_EQ(run("OBJECT", "REFCOUNT", "b"), ":1");
}

TEST_F(GenericCommands, ObjectIdletimeCountsSecondsSinceTheAccess) {
  keyspace().set_access_clock(0xffffff);
  set("b", "hello");
  keyspace().set_access_clock(4);  // the clock has wrapped round
  EXPECT_EQ(run("OBJECT", "IDLETIME", "b"), ":5");
  EXPECT_EQ(run("EXISTS", "b"), ":1");
  EXPECT_EQ(run("OBJECT", "IDLETIME", "b"), ":5") << "asking is no access";
  EXPECT_EQ(run("RENAME", "b", "c"), "+OK");
  keyspace().set_access_clock(6);
  EXPECT_EQ(run("TOUCH", "c"), ":1");
  EXPECT_EQ(run("OBJECT", "IDLETIME", "c"), ":0");
  EXPECT_TRUE(run("OBJECT", "FREQ", "c").starts_with("-ERR An LFU maxmemory policy is not selected, access frequency"));
  EXPECT_EQ(run("OBJECT", "FREQ", "x"), "$-1");
}

TEST_F(GenericCommands, ObjectFreqGrowsWithAccessesAndDecays) {
  keyspace().access_policy().lfu = true;
  set("b", "hello");
  EXPECT_EQ(run("OBJECT", "FREQ", "b"), ":5");
  EXPECT_EQ(run("TOUCH", "b"), ":1");
  EXPECT_EQ(run("OBJECT", "FREQ", "b"), ":6") << "the first step is certain";
  advance(2 * 60'000);
  EXPECT_EQ(run("OBJECT", "FREQ", "b"), ":4");
  EXPECT_TRUE(run("OBJECT", "IDLETIME", "b").starts_with("-ERR An LFU maxmemory policy is selected, idle time"));
}

TEST_F(GenericCommands, ChangesTouchWatchedKeys) {
  set("a", "1");
  WatchState state;
  watches().watch(0, "b", state);
  EXPECT_EQ(run("RENAME", "a", "b"), "+OK");
  EXPECT_TRUE(state.touched);
  watches().forget(state);
  watches().watch(0, "b", state);
  EXPECT_EQ(run("SWAPDB", "0", "1"), "+OK");
  EXPECT_TRUE(state.touched);
  watches().forget(state);
}

}  // namespace
}  // namespace stele::test
