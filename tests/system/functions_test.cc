// Function libraries are data: across kills, checkpoints, and between this server and Redis.

#include "tests/system/system_fixture.h"

namespace stele::test {
namespace {

std::string library(std::string_view name, std::string_view function, std::string_view body) {
  return "#!lua name=" + std::string(name) + "\nredis.register_function('" + std::string(function) + "', function(keys, args) " +
         std::string(body) + " end)";
}

const std::string kPut = library("lib", "put", "return redis.call('SET', keys[1], args[1])");

class Functions : public testing::Test {
 protected:
  void kill_and_restart() {
    server_.kill9();
    server_.restart();
  }

  Server server_;
};

TEST_F(Functions, SurviveAKill) {
  ASSERT_EQ(server_.run("FUNCTION", "LOAD", kPut), "lib");

  kill_and_restart();

  EXPECT_EQ(server_.run("FCALL", "put", 1, "x", "a"), "OK");
  EXPECT_EQ(server_.run("GET", "x"), "a");
}

TEST_F(Functions, SurviveACheckpointAndAKill) {
  ASSERT_EQ(server_.run("FUNCTION", "LOAD", kPut), "lib");
  ASSERT_EQ(server_.run("SAVE"), "OK");

  kill_and_restart();

  EXPECT_EQ(server_.run("FCALL", "put", 1, "x", "a"), "OK");
}

TEST_F(Functions, ThatWereReplacedOrRemovedAfterACheckpointAreSoAfterAKill) {
  server_.run("FUNCTION", "LOAD", kPut);
  server_.run("FUNCTION", "LOAD", library("gone", "gone", "return 1"));
  server_.run("FUNCTION", "LOAD", library("kept", "kept", "return 1"));
  ASSERT_EQ(server_.run("SAVE"), "OK");
  ASSERT_EQ(server_.run("FUNCTION", "LOAD", "REPLACE", library("lib", "put", "return 'other'")), "lib");
  ASSERT_EQ(server_.run("FUNCTION", "DELETE", "gone"), "OK");

  kill_and_restart();

  EXPECT_EQ(server_.run("FCALL", "put", 0), "other");
  EXPECT_EQ(server_.run("FCALL", "kept", 0), "1");
  EXPECT_EQ(server_.run("FCALL", "gone", 0), error("ERR Function not found"));
  EXPECT_EQ(server_.info("number_of_libraries"), "2");
}

TEST_F(Functions, ThatWereFlushedStayAwayAfterAKill) {
  server_.run("FUNCTION", "LOAD", kPut);
  ASSERT_EQ(server_.run("SAVE"), "OK");
  ASSERT_EQ(server_.run("FUNCTION", "FLUSH"), "OK");

  kill_and_restart();

  EXPECT_TRUE(server_.run("FUNCTION", "LIST").elements.empty());
}

TEST_F(Functions, RestoredFromADumpSurviveAKill) {
  server_.run("FUNCTION", "LOAD", kPut);
  const std::string dump = server_.run("FUNCTION", "DUMP").text;
  server_.run("FUNCTION", "FLUSH");
  ASSERT_EQ(server_.run("FUNCTION", "RESTORE", dump), "OK");

  kill_and_restart();

  EXPECT_EQ(server_.run("FCALL", "put", 1, "x", "a"), "OK");
}

TEST_F(Functions, AreNotLostWithFlushall) {
  server_.run("FUNCTION", "LOAD", kPut);

  server_.run("FLUSHALL");

  EXPECT_EQ(server_.run("FCALL", "put", 1, "x", "a"), "OK");
}

TEST_F(Functions, GoToRedisAndBackAsADump) {
  RedisServer redis;
  // Long enough that Redis compresses it.
  const std::string code = library("long", "long", "local t = {" + std::string(4000, '1') + ", 1} return #t");
  server_.run("FUNCTION", "LOAD", kPut);
  server_.run("FUNCTION", "LOAD", code);

  ASSERT_EQ(redis.run("FUNCTION", "RESTORE", server_.run("FUNCTION", "DUMP").text), "OK");
  EXPECT_EQ(redis.run("FCALL", "long", 0), "2");
  const std::string dump = redis.run("FUNCTION", "DUMP").text;
  ASSERT_LT(dump.size(), code.size());
  ASSERT_EQ(server_.run("FUNCTION", "RESTORE", dump, "FLUSH"), "OK");

  EXPECT_EQ(server_.run("FCALL", "long", 0), "2");
  EXPECT_EQ(server_.run("FCALL", "put", 1, "x", "a"), "OK");
}

TEST_F(Functions, ADamagedDumpChangesNothing) {
  server_.run("FUNCTION", "LOAD", kPut);
  const std::string dump = server_.run("FUNCTION", "DUMP").text;

  for (std::size_t i = 0; i < dump.size(); ++i) {
    std::string damaged = dump;
    damaged[i] = static_cast<char>(damaged[i] ^ 1);
    EXPECT_EQ(server_.run("FUNCTION", "RESTORE", damaged, "FLUSH"), error("ERR DUMP payload version or checksum are wrong"));
    EXPECT_TRUE(server_.run("FUNCTION", "RESTORE", dump.substr(0, i), "FLUSH").is_error());
  }
  EXPECT_EQ(server_.run("FCALL", "put", 1, "x", "a"), "OK");
}

TEST_F(Functions, ALoadThatFailsLeavesWhatWasThere) {
  server_.run("FUNCTION", "LOAD", kPut);
  server_.run("FUNCTION", "LOAD", library("other", "other", "return 1"));

  EXPECT_TRUE(server_.run("FUNCTION", "LOAD", "REPLACE", "#!lua name=lib\nfoo =").is_error());
  EXPECT_TRUE(server_.run("FUNCTION", "LOAD", "REPLACE", library("lib", "OTHER", "return 2")).is_error());

  EXPECT_EQ(server_.run("FCALL", "put", 1, "x", "a"), "OK");
  EXPECT_EQ(server_.run("FCALL", "other", 0), "1");
}

TEST_F(Functions, KeepTheirOwnVariablesBetweenCalls) {
  server_.run("FUNCTION", "LOAD", "#!lua name=counter\nlocal n = 0\nredis.register_function('next', function() n = n + 1 return n end)");

  EXPECT_EQ(server_.run("FCALL", "next", 0), "1");
  EXPECT_EQ(server_.run("FCALL", "next", 0), "2");
}

TEST_F(Functions, ThatLoadForEverAreGivenUp) {
  EXPECT_TRUE(contains(server_.run("FUNCTION", "LOAD", "#!lua name=slow\nwhile true do end").text, "FUNCTION LOAD timeout"));
  EXPECT_EQ(server_.run("PING"), "PONG");
}

}  // namespace
}  // namespace stele::test
