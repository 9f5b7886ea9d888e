#include "tests/engine/engine_fixture.h"

namespace stele::test {
namespace {

constexpr std::string_view kWrongType = "-WRONGTYPE Operation against a key holding the wrong kind of value";
constexpr std::string_view kNotAnInteger = "-ERR value is not an integer or out of range";
constexpr std::string_view kSyntaxError = "-ERR syntax error";
constexpr std::string_view kTooLong = "-ERR string exceeds maximum allowed size (proto-max-bulk-len)";

class StringCommands : public EngineTest {
 protected:
  StringCommands() { registry().add(string_commands()); }

  std::string in_ms(std::int64_t ms) const { return std::to_string(now_ms() + ms); }
};

TEST_F(StringCommands, GetReturnsWhatSetHasSet) {
  EXPECT_EQ(run("SET", "k", "v"), "+OK");
  EXPECT_EQ(effects(), "SET k v");
  EXPECT_EQ(run("GET", "k"), "$1 v");
  EXPECT_EQ(effects(), "");
  EXPECT_EQ(run("GET", "absent"), "$-1");
}

TEST_F(StringCommands, TheEffectOfSetIsTheBytesTheClientSent) {
  run("sEt", "k", "v");
  EXPECT_EQ(effects(), "sEt k v");
}

TEST_F(StringCommands, SetChoosesTheEncodingByTheValue) {
  run("SET", "k", "-12");
  EXPECT_EQ(encoding("k"), "int");
  run("SET", "k", "012");
  EXPECT_EQ(encoding("k"), "embstr");
  run("SET", "k", std::string(44, 'x'));
  EXPECT_EQ(encoding("k"), "embstr");
  run("SET", "k", std::string(45, 'x'));
  EXPECT_EQ(encoding("k"), "raw");
}

TEST_F(StringCommands, SetReplacesAnotherTypeAndTakesItsExpiry) {
  put_other_type("k");
  EXPECT_EQ(run("SET", "k", "v"), "+OK");
  EXPECT_EQ(run("GET", "k"), "$1 v");
  run("SET", "k", "v", "PX", "100");
  run("SET", "k", "v");
  EXPECT_EQ(expire_at("k"), std::nullopt);
  EXPECT_EQ(db().expires_size(), 0u);
}

TEST_F(StringCommands, SetWithAnExpiryLeavesADateAndNoOtherOption) {
  EXPECT_EQ(run("SET", "k", "v", "EX", "10"), "+OK");
  EXPECT_EQ(effects(), "SET k v PXAT " + in_ms(10'000));
  EXPECT_EQ(expire_at("k"), now_ms() + 10'000);
  run("SET", "k", "v", "px", "10");
  EXPECT_EQ(effects(), "SET k v PXAT " + in_ms(10));
  run("SET", "k", "v", "EXAT", "1999999999");
  EXPECT_EQ(effects(), "SET k v PXAT 1999999999000");
  run("set", "k", "v", "PXAT", "1999999999000", "NX", "GET");
  EXPECT_EQ(effects(), "");
  run("set", "k", "v", "XX", "PXAT", "7", "PXAT", "1999999999001", "GET");
  EXPECT_EQ(effects(), "SET k v PXAT 1999999999001");
}

TEST_F(StringCommands, SetRefusesOptionsThatContradictEachOther) {
  run("SET", "k", "old");
  const std::vector<std::vector<std::string_view>> conflicts = {
      {"NX", "XX"},           {"XX", "NX"},           {"KEEPTTL", "EX", "1"}, {"EX", "1", "KEEPTTL"},
      {"EX", "1", "PX", "1"}, {"PXAT", "9", "EX", "1"}, {"EX"},               {"PERSIST"},
      {"nonsense"},
  };
  for (const auto& options : conflicts) {
    std::vector<std::string_view> command = {"SET", "k", "v"};
    command.insert(command.end(), options.begin(), options.end());
    EXPECT_EQ(run_list(command), kSyntaxError) << options[0];
    EXPECT_EQ(effects(), "") << options[0];
  }
  EXPECT_EQ(run("GET", "k"), "$3 old");
}

TEST_F(StringCommands, TheSameExpiryOptionAgainOverridesItsNumber) {
  EXPECT_EQ(run("SET", "k", "v", "EX", "10", "EX", "20"), "+OK");
  EXPECT_EQ(expire_at("k"), now_ms() + 20'000);
}

TEST_F(StringCommands, AnExpiryMustBePositiveAndFit) {
  const std::string invalid = "-ERR invalid expire time in 'set' command";
  EXPECT_EQ(run("SET", "k", "v", "EX", "0"), invalid);
  EXPECT_EQ(run("SET", "k", "v", "PXAT", "-1"), invalid);
  EXPECT_EQ(run("SET", "k", "v", "EX", "9223372036854775"), invalid);
  EXPECT_EQ(run("SET", "k", "v", "EXAT", "9223372036854776"), invalid);
  EXPECT_EQ(run("SET", "k", "v", "PX", "9223372036854775807"), invalid);
  EXPECT_EQ(run("SET", "k", "v", "EX", "ten"), kNotAnInteger);
  EXPECT_EQ(run("SETEX", "k", "0", "v"), "-ERR invalid expire time in 'setex' command");
  EXPECT_EQ(run("PSETEX", "k", "-1", "v"), "-ERR invalid expire time in 'psetex' command");
  EXPECT_EQ(run("SET", "k", "v", "PXAT", "9223372036854775807"), "+OK");
}

TEST_F(StringCommands, NxSetsOnlyWhatIsAbsentAndXxOnlyWhatExists) {
  EXPECT_EQ(run("SET", "k", "v", "XX"), "$-1");
  EXPECT_EQ(effects(), "");
  EXPECT_EQ(run("SET", "k", "v", "NX"), "+OK");
  EXPECT_EQ(effects(), "SET k v NX");
  EXPECT_EQ(run("SET", "k", "w", "NX"), "$-1");
  EXPECT_EQ(effects(), "");
  EXPECT_EQ(run("SET", "k", "w", "XX"), "+OK");
  EXPECT_EQ(run("GET", "k"), "$1 w");
}

TEST_F(StringCommands, SetWithGetReturnsTheOldValueWhateverItDoes) {
  EXPECT_EQ(run("SET", "k", "1", "GET"), "$-1");
  EXPECT_EQ(effects(), "SET k 1");
  EXPECT_EQ(run("SET", "k", "2", "NX", "GET"), "$1 1");
  EXPECT_EQ(effects(), "");
  EXPECT_EQ(run("SET", "k", "3", "GET", "get", "XX"), "$1 1");
  EXPECT_EQ(effects(), "SET k 3 XX");
  put_other_type("other");
  EXPECT_EQ(run("SET", "other", "v", "GET"), kWrongType);
}

TEST_F(StringCommands, KeepttlKeepsTheExpiry) {
  run("SET", "k", "v", "PX", "100");
  EXPECT_EQ(run("SET", "k", "w", "KEEPTTL"), "+OK");
  EXPECT_EQ(effects(), "SET k w KEEPTTL");
  EXPECT_EQ(expire_at("k"), now_ms() + 100);
}

TEST_F(StringCommands, ADateInThePastIsSetAndTheKeyGoesWhenItIsNextLookedAt) {
  EXPECT_EQ(run("SET", "k", "v", "PXAT", "1"), "+OK");
  EXPECT_EQ(effects(), "SET k v PXAT 1");
  EXPECT_EQ(db().size(), 1u);
  EXPECT_EQ(run("GET", "k"), "$-1");
  EXPECT_EQ(effects(), "DEL k");
  EXPECT_EQ(db().size(), 0u);
}

TEST_F(StringCommands, WritingToAKeyThatHasJustExpiredIsOneUnit) {
  run("SET", "k", "5", "PX", "100");
  advance(100);
  EXPECT_EQ(run("INCR", "k"), ":1");
  EXPECT_EQ(effects(), "MULTI | DEL k | INCR k | EXEC");
}

TEST_F(StringCommands, ReplayKeepsWhatHasExpiredMeanwhile) {
  EXPECT_EQ(replay("SET", "k", "1", "PXAT", "1"), "+OK");
  EXPECT_EQ(replay("INCR", "k"), ":2");
  EXPECT_EQ(replay("GET", "k"), "$1 2");
  EXPECT_EQ(run("GET", "k"), "$-1");
}

TEST_F(StringCommands, AHiddenKeyIsReplacedWithoutATrace) {
  run("SET", "k", "v", "PX", "100");
  keyspace().set_expiry(Expiry::hidden);
  advance(100);
  EXPECT_EQ(run("GET", "k"), "$-1");
  EXPECT_EQ(effects(), "");
  EXPECT_EQ(run("SET", "k", "w"), "+OK");
  EXPECT_EQ(run("GET", "k"), "$1 w");
  EXPECT_EQ(db().size(), 1u);
  EXPECT_EQ(db().table->tombstones(), 0u);
  EXPECT_EQ(db().expires_size(), 0u);
}

TEST_F(StringCommands, SetnxSetexPsetexGetset) {
  EXPECT_EQ(run("SETNX", "k", "v"), ":1");
  EXPECT_EQ(effects(), "SETNX k v");
  EXPECT_EQ(run("SETNX", "k", "v"), ":0");
  EXPECT_EQ(effects(), "");
  EXPECT_EQ(run("SETEX", "k", "7", "w"), "+OK");
  EXPECT_EQ(effects(), "SET k w PXAT " + in_ms(7'000));
  EXPECT_EQ(run("PSETEX", "k", "7", "x"), "+OK");
  EXPECT_EQ(effects(), "SET k x PXAT " + in_ms(7));
  EXPECT_EQ(run("GETSET", "k", "y"), "$1 x");
  EXPECT_EQ(effects(), "SET k y");
  EXPECT_EQ(expire_at("k"), std::nullopt);
}

TEST_F(StringCommands, GetdelReturnsAndDeletes) {
  EXPECT_EQ(run("GETDEL", "k"), "$-1");
  EXPECT_EQ(effects(), "");
  run("SET", "k", "12");
  EXPECT_EQ(run("GETDEL", "k"), "$2 12");
  EXPECT_EQ(effects(), "DEL k");
  EXPECT_EQ(db().size(), 0u);
}

TEST_F(StringCommands, GetexChangesOnlyTheExpiry) {
  run("SET", "k", "v");
  EXPECT_EQ(run("GETEX", "k"), "$1 v");
  EXPECT_EQ(effects(), "");
  EXPECT_EQ(run("GETEX", "k", "EX", "5"), "$1 v");
  EXPECT_EQ(effects(), "PEXPIREAT k " + in_ms(5'000));
  EXPECT_EQ(run("GETEX", "k", "PERSIST"), "$1 v");
  EXPECT_EQ(effects(), "PERSIST k");
  EXPECT_EQ(run("GETEX", "k", "PERSIST"), "$1 v");
  EXPECT_EQ(effects(), "");
  EXPECT_EQ(run("GETEX", "k", "EXAT", "1"), "$1 v");
  EXPECT_EQ(effects(), "DEL k");
  EXPECT_EQ(run("GETEX", "k"), "$-1");
}

TEST_F(StringCommands, GetexChecksItsOptions) {
  EXPECT_EQ(run("GETEX", "absent", "EX", "0"), "$-1");
  run("SET", "k", "v");
  EXPECT_EQ(run("GETEX", "k", "EX", "0"), "-ERR invalid expire time in 'getex' command");
  EXPECT_EQ(run("GETEX", "k", "EX", "1", "PERSIST"), kSyntaxError);
  EXPECT_EQ(run("GETEX", "k", "PERSIST", "EX", "1"), kSyntaxError);
  EXPECT_EQ(run("GETEX", "k", "KEEPTTL"), kSyntaxError);
  EXPECT_EQ(run("GETEX", "k", "NX"), kSyntaxError);
  EXPECT_EQ(expire_at("k"), std::nullopt);
}

TEST_F(StringCommands, MsetAndMgetTakeSeveralKeys) {
  put_other_type("other");
  EXPECT_EQ(run("MSET", "a", "1", "b", "2", "a", "3"), "+OK");
  EXPECT_EQ(effects(), "MSET a 1 b 2 a 3");
  EXPECT_EQ(run("MGET", "a", "other", "b", "absent"), "*4 $1 3 $-1 $1 2 $-1");
  EXPECT_EQ(run("MSET", "a", "1", "b"), "-ERR wrong number of arguments for 'mset' command");
}

TEST_F(StringCommands, MsetnxSetsAllOrNone) {
  run("SET", "b", "1");
  EXPECT_EQ(run("MSETNX", "a", "2", "b", "2"), ":0");
  EXPECT_EQ(effects(), "");
  EXPECT_EQ(run("GET", "a"), "$-1");
  EXPECT_EQ(run("MSETNX", "c", "1", "c", "2"), ":1");
  EXPECT_EQ(run("GET", "c"), "$1 2");
  EXPECT_EQ(run("MSETNX", "c", "1", "d"), "-ERR wrong number of arguments for 'msetnx' command");
}

TEST_F(StringCommands, AppendMakesAStringRawAndGrowsIt) {
  EXPECT_EQ(run("APPEND", "k", "12"), ":2");
  EXPECT_EQ(encoding("k"), "int");
  EXPECT_EQ(run("APPEND", "k", "3"), ":3");
  EXPECT_EQ(effects(), "APPEND k 3");
  EXPECT_EQ(encoding("k"), "raw");
  std::string expected = "123";
  for (int i = 0; i < 2'000; ++i) {
    run("APPEND", "k", "-abc");
    expected += "-abc";
  }
  EXPECT_EQ(run("GET", "k"), fmt::format("${} {}", expected.size(), expected));
  EXPECT_EQ(run("STRLEN", "k"), fmt::format(":{}", expected.size()));
}

TEST_F(StringCommands, AppendKeepsTheExpiry) {
  run("SET", "k", "v", "PX", "100");
  run("APPEND", "k", std::string(1'000, 'x'));
  EXPECT_EQ(expire_at("k"), now_ms() + 100);
}

TEST_F(StringCommands, GetrangeCutsOffWhatLiesOutside) {
  run("SET", "k", "This is a string");
  EXPECT_EQ(run("GETRANGE", "k", "0", "3"), "$4 This");
  EXPECT_EQ(run("GETRANGE", "k", "-3", "-1"), "$3 ing");
  EXPECT_EQ(run("GETRANGE", "k", "-100", "3"), "$4 This");
  EXPECT_EQ(run("SUBSTR", "k", "10", "100"), "$6 string");
  EXPECT_EQ(run("GETRANGE", "k", "5", "3"), "$0 ");
  EXPECT_EQ(run("GETRANGE", "k", "-90", "-100"), "$0 ");
  EXPECT_EQ(run("GETRANGE", "k", "-100", "-90"), "$1 T");
  EXPECT_EQ(run("GETRANGE", "k", "16", "20"), "$0 ");
  EXPECT_EQ(run("GETRANGE", "k", "-9223372036854775808", "9223372036854775807"), "$16 This is a string");
  EXPECT_EQ(run("GETRANGE", "absent", "0", "-1"), "$0 ");
  EXPECT_EQ(run("GETRANGE", "k", "x", "1"), kNotAnInteger);
  run("SET", "n", "-1234");
  EXPECT_EQ(run("GETRANGE", "n", "0", "1"), "$2 -1");
}

TEST_F(StringCommands, SetrangePadsWithZeros) {
  EXPECT_EQ(run("SETRANGE", "k", "3", "xy"), ":5");
  EXPECT_EQ(effects(), "SETRANGE k 3 xy");
  EXPECT_EQ(run("GET", "k"), std::string("$5 \0\0\0xy", 8));
  EXPECT_EQ(run("SETRANGE", "k", "0", "ab"), ":5");
  EXPECT_EQ(run("GET", "k"), std::string("$5 ab\0xy", 8));
  EXPECT_EQ(encoding("k"), "raw");
}

TEST_F(StringCommands, SetrangeOfNothingChangesNothing) {
  EXPECT_EQ(run("SETRANGE", "k", "5", ""), ":0");
  EXPECT_EQ(db().size(), 0u);
  run("SET", "k", "12");
  EXPECT_EQ(run("SETRANGE", "k", "5", ""), ":2");
  EXPECT_EQ(effects(), "");
  EXPECT_EQ(encoding("k"), "int");
}

TEST_F(StringCommands, NoStringGrowsBeyondTheLimit) {
  keyspace().set_string_bytes_max(10);
  run("SET", "k", "12345678");
  EXPECT_EQ(run("APPEND", "k", "90"), ":10");
  EXPECT_EQ(run("APPEND", "k", "x"), kTooLong);
  EXPECT_EQ(effects(), "");
  EXPECT_EQ(run("SETRANGE", "k", "9", "x"), ":10");
  EXPECT_EQ(run("SETRANGE", "k", "9", "xx"), kTooLong);
  EXPECT_EQ(run("SETRANGE", "k", "9223372036854775807", "x"), kTooLong);
  EXPECT_EQ(run("SETRANGE", "k", "-1", "x"), "-ERR offset is out of range");
  EXPECT_EQ(replay("APPEND", "k", "x"), ":11");
}

TEST_F(StringCommands, IncrementsStayIntegersAndKeepTheExpiry) {
  EXPECT_EQ(run("INCR", "k"), ":1");
  EXPECT_EQ(effects(), "INCR k");
  EXPECT_EQ(run("INCRBY", "k", "-11"), ":-10");
  EXPECT_EQ(run("DECR", "k"), ":-11");
  EXPECT_EQ(run("DECRBY", "k", "-12"), ":1");
  EXPECT_EQ(encoding("k"), "int");
  run("SET", "k", "5", "PX", "100");
  run("INCR", "k");
  EXPECT_EQ(expire_at("k"), now_ms() + 100);
}

TEST_F(StringCommands, IncrementsReadTextThatIsANumber) {
  run("SETRANGE", "k", "0", "41");
  EXPECT_EQ(encoding("k"), "raw");
  EXPECT_EQ(run("INCR", "k"), ":42");
  EXPECT_EQ(encoding("k"), "int");
  for (const std::string_view text : {" 1", "1 ", "01", "+1", "1.0", "", "9223372036854775808"}) {
    run("SET", "k", text);
    EXPECT_EQ(run("INCR", "k"), kNotAnInteger) << text;
  }
}

TEST_F(StringCommands, IncrementsDoNotWrapAround) {
  const std::string overflow = "-ERR increment or decrement would overflow";
  run("SET", "k", "9223372036854775807");
  EXPECT_EQ(run("INCR", "k"), overflow);
  EXPECT_EQ(effects(), "");
  run("SET", "k", "-9223372036854775808");
  EXPECT_EQ(run("DECR", "k"), overflow);
  EXPECT_EQ(run("DECRBY", "k", "-9223372036854775808"), "-ERR decrement would overflow");
  EXPECT_EQ(run("GET", "k"), "$20 -9223372036854775808");
}

TEST_F(StringCommands, IncrbyfloatLeavesItsResultAsTheEffect) {
  EXPECT_EQ(run("INCRBYFLOAT", "k", "10.50"), "$4 10.5");
  EXPECT_EQ(effects(), "SET k 10.5 KEEPTTL");
  EXPECT_EQ(run("INCRBYFLOAT", "k", "0.1"), "$4 10.6");
  EXPECT_EQ(run("INCRBYFLOAT", "k", "-5.6"), "$1 5");
  EXPECT_EQ(encoding("k"), "embstr");
  EXPECT_EQ(run("INCRBYFLOAT", "k", "5.0e3"), "$4 5005");
  EXPECT_EQ(run("INCRBYFLOAT", "zero", "-0.0"), "$1 0");
  EXPECT_EQ(run("INCRBYFLOAT", "pi", "3.14159265358979323846"), "$19 3.14159265358979324");
}

TEST_F(StringCommands, IncrbyfloatTakesOnlyFiniteNumbers) {
  run("SET", "k", "1");
  for (const std::string_view text : {"", " 1", "1 ", "abc", "nan", "1e5000"}) {
    EXPECT_EQ(run("INCRBYFLOAT", "k", text), "-ERR value is not a valid float") << text;
  }
  EXPECT_EQ(run("INCRBYFLOAT", "k", "-inf"), "-ERR increment would produce NaN or Infinity");
  run("SET", "k", "one");
  EXPECT_EQ(run("INCRBYFLOAT", "k", "1"), "-ERR value is not a valid float");
  EXPECT_EQ(run("INCRBYFLOAT", "huge", "1e4932").substr(0, 6), "$4933 ");
}

TEST_F(StringCommands, RefuseOtherTypes) {
  put_other_type("other");
  const std::vector<std::vector<std::string_view>> commands = {
      {"GET", "other"},       {"GETDEL", "other"},      {"GETEX", "other"},           {"GETSET", "other", "v"},
      {"STRLEN", "other"},    {"APPEND", "other", "v"}, {"GETRANGE", "other", "0", "1"}, {"SETRANGE", "other", "0", ""},
      {"INCR", "other"},      {"DECRBY", "other", "1"}, {"INCRBYFLOAT", "other", "1"},
  };
  for (const auto& command : commands) {
    EXPECT_EQ(run_list(command), kWrongType) << command[0];
    EXPECT_EQ(effects(), "") << command[0];
  }
  EXPECT_EQ(run("LCS", "other", "k"), "-ERR The specified keys must contain string values");
}

TEST_F(StringCommands, LcsFindsTheSubsequenceOrItsLength) {
  run("MSET", "a", "ohmytext", "b", "mynewtext");
  EXPECT_EQ(run("LCS", "a", "b"), "$6 mytext");
  EXPECT_EQ(run("LCS", "a", "b", "LEN"), ":6");
  EXPECT_EQ(run("LCS", "a", "absent"), "$0 ");
  EXPECT_EQ(run("LCS", "a", "absent", "LEN"), ":0");
}

TEST_F(StringCommands, LcsListsItsMatchesFromTheEnd) {
  run("MSET", "a", "ohmytext", "b", "mynewtext");
  EXPECT_EQ(run("LCS", "a", "b", "IDX"),
            "*4 $7 matches *2 *2 *2 :4 :7 *2 :5 :8 *2 *2 :2 :3 *2 :0 :1 $3 len :6");
  EXPECT_EQ(run("LCS", "a", "b", "IDX", "MINMATCHLEN", "4", "WITHMATCHLEN"),
            "*4 $7 matches *1 *3 *2 :4 :7 *2 :5 :8 :4 $3 len :6");
  session().resp = RespVersion::resp3;
  EXPECT_EQ(run("LCS", "a", "absent", "IDX"), "%2 $7 matches *0 $3 len :0");
}

TEST_F(StringCommands, LcsChecksItsOptionsAndItsMemory) {
  run("MSET", "a", "ohmytext", "b", "mynewtext");
  EXPECT_EQ(run("LCS", "a", "b", "IDX", "LEN"), "-ERR If you want both the length and indexes, please just use IDX.");
  EXPECT_EQ(run("LCS", "a", "b", "MINMATCHLEN"), kSyntaxError);
  EXPECT_EQ(run("LCS", "a", "b", "MINMATCHLEN", "x"), kNotAnInteger);
  EXPECT_EQ(run("LCS", "a", "b", "nonsense"), kSyntaxError);
  keyspace().set_string_bytes_max(9 * 10 * 4);
  EXPECT_EQ(run("LCS", "a", "b", "LEN"), ":6");
  keyspace().set_string_bytes_max(9 * 10 * 4 - 1);
  EXPECT_EQ(run("LCS", "a", "b", "LEN"),
            "-ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len");
}

TEST_F(StringCommands, ReadsCountHitsAndMissesAndWritesDoNot) {
  run("SET", "k", "1");
  run("INCR", "k");
  run("APPEND", "k", "1");
  EXPECT_EQ(keyspace().stats().hits + keyspace().stats().misses, 0u);
  run("GET", "k");
  run("GETEX", "k");
  run("MGET", "k", "absent");
  EXPECT_EQ(keyspace().stats().hits, 3u);
  EXPECT_EQ(keyspace().stats().misses, 1u);
}

TEST_F(StringCommands, AWatchSeesEveryChangeAndNoRead) {
  run("SET", "k", "1");
  for (const auto& [changes, command] : std::vector<std::pair<bool, std::vector<std::string_view>>>{
           {false, {"GET", "k"}},
           {false, {"SET", "k", "v", "NX"}},
           {false, {"SETRANGE", "k", "0", ""}},
           {true, {"INCR", "k"}},
           {true, {"APPEND", "k", "1"}},
           {true, {"GETEX", "k", "PX", "100"}},
           {true, {"INCRBYFLOAT", "k", "1"}},
           {true, {"GETDEL", "k"}}}) {
    WatchState state;
    watches().watch(0, "k", state);
    run_list(command);
    EXPECT_EQ(state.touched, changes) << command[0];
    watches().forget(state);
  }
}

TEST_F(StringCommands, AWriteRefreshesTheAccessOfItsKey) {
  run("SET", "k", "1");
  keyspace().set_access_clock(77);
  run("INCR", "k");
  EXPECT_EQ(keyspace().find(db(), "k").entry->access(), 77u);
}

}  // namespace
}  // namespace stele::test
