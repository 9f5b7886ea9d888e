// Scripts that run for long, what they leave behind, and what other clients see of them.

#include <thread>

#include "tests/system/system_fixture.h"

namespace stele::test {
namespace {

class Scripts : public testing::Test {
 protected:
  /// Sends a script and returns once other clients are told that the server is busy.
  void start_slow(Client& client, const std::vector<std::string>& command) {
    client.send(command);
    client.flush();
    Client asker = server_.connect();
    server_.wait_until([&] { return asker.run("PING").is_error(); });
  }

  Server server_{"--busy-reply-threshold", "50"};
};

TEST_F(Scripts, EffectsOfAFailedScriptSurviveAKill) {
  const Reply failed = server_.run("EVAL", "redis.call('SET', KEYS[1], 'a') redis.call('INCR', KEYS[2]) return nosuch", 2, "x", "n");
  ASSERT_TRUE(failed.is_error());
  const Reply digest = server_.run("DEBUG", "DIGEST");

  server_.kill9();
  server_.restart();

  EXPECT_EQ(server_.run("DEBUG", "DIGEST"), digest);
  EXPECT_EQ(server_.run("GET", "x"), "a");
  EXPECT_EQ(server_.run("GET", "n"), "1");
}

TEST_F(Scripts, EffectsAreOneTransactionInTheJournal) {
  server_.run("EVAL", "redis.call('SET', 'x', 'a') redis.call('SELECT', 3) redis.call('SET', 'y', 'b')", 0);

  const std::string journal = read_file(newest_segment(server_));

  const std::size_t multi = journal.find("MULTI"), exec = journal.find("EXEC");
  ASSERT_NE(multi, std::string::npos);
  EXPECT_LT(multi, journal.find("\r\nx\r\n"));
  EXPECT_LT(journal.find("\r\nx\r\n"), journal.find("\r\ny\r\n"));
  EXPECT_LT(journal.find("\r\ny\r\n"), exec);
  EXPECT_EQ(journal.find("EVAL"), std::string::npos);
}

TEST_F(Scripts, ErrorsAndStatusesEndAtANul) {
  EXPECT_EQ(server_.run("EVAL", "return {ok = 'a\\0b'}", 0), "a");
  EXPECT_EQ(server_.run("EVAL", "return {err = 'E a\\0b'}", 0).text, "E a");
  EXPECT_EQ(server_.run("EVAL", "return {{err = 'E a\\0b'}}", 0).elements.at(0).text, "E a");
}

TEST_F(Scripts, TimeStandsStillInAScript) {
  const Reply reply = server_.run(
      "EVAL", "redis.call('SET', 'k', 'v', 'PX', 30) for i = 1, 2000000 do end return redis.call('EXISTS', 'k')", 0);

  EXPECT_EQ(reply, "1");
}

TEST_F(Scripts, OthersAreToldThatTheServerIsBusyAndCanKillAScript) {
  Client slow = server_.connect();
  Client other = server_.connect();
  ASSERT_EQ(other.run("PING"), "PONG");
  start_slow(slow, {"EVAL", "while true do end", "0"});

  EXPECT_EQ(other.run("GET", "x"), error("BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE."));
  EXPECT_EQ(server_.connect().run("GET", "x").is_error(), true);  // one that came meanwhile
  EXPECT_EQ(other.run("SCRIPT", "KILL"), "OK");

  EXPECT_TRUE(contains(slow.read().text, "killed by user"));
  EXPECT_EQ(other.run("PING"), "PONG");
}

TEST_F(Scripts, PcallDoesNotSaveAScriptFromBeingKilled) {
  Client slow = server_.connect();
  start_slow(slow, {"EVAL", "while true do pcall(function() while true do end end) end", "0"});

  EXPECT_EQ(server_.connect().run("SCRIPT", "KILL"), "OK");

  EXPECT_TRUE(contains(slow.read().text, "killed by user"));
}

TEST_F(Scripts, ACoroutineDoesNotSaveAScriptFromBeingKilled) {
  Client slow = server_.connect();
  start_slow(slow, {"EVAL", "coroutine.wrap(function() while true do end end)()", "0"});

  EXPECT_EQ(server_.connect().run("SCRIPT", "KILL"), "OK");

  EXPECT_TRUE(contains(slow.read().text, "killed by user"));
}

TEST_F(Scripts, OneThatHasWrittenCannotBeKilled) {
  Client slow = server_.connect();
  start_slow(slow, {"EVAL", "redis.call('SET', 'x', 1) while redis.call('GET', 'x') do for i = 1, 1000 do end end", "0"});
  Client other = server_.connect();

  EXPECT_TRUE(contains(other.run("SCRIPT", "KILL").text, "UNKILLABLE"));
  EXPECT_TRUE(other.run("SHUTDOWN").is_error());
}

TEST_F(Scripts, ShutdownNosaveInAScriptGivesUpWhatItHasDone) {
  server_.run("SET", "before", "1");
  Client slow = server_.connect();
  start_slow(slow, {"EVAL", "redis.call('SET', 'x', 1) redis.call('SET', 'y', 1) while true do end", "0"});

  Client other = server_.connect();
  const std::vector<std::string> command{"SHUTDOWN", "NOSAVE"};
  other.send(command);
  other.flush();
  EXPECT_EQ(server_.wait_until_ended(), 0);
  server_.restart();

  EXPECT_EQ(server_.run("GET", "before"), "1");
  EXPECT_EQ(server_.run("EXISTS", "x", "y"), "0");
}

TEST_F(Scripts, ATransactionThatMetABusyServerIsDiscarded) {
  Client slow = server_.connect();
  Client other = server_.connect();
  start_slow(slow, {"EVAL", "while true do end", "0"});

  EXPECT_EQ(other.run("MULTI"), "OK");
  EXPECT_TRUE(other.run("SET", "x", "1").is_error());
  EXPECT_EQ(other.run("SCRIPT", "KILL").text, "QUEUED");
  EXPECT_TRUE(server_.connect().run("SCRIPT", "KILL") == "OK");
  slow.read();

  EXPECT_TRUE(contains(other.run("EXEC").text, "EXECABORT"));
}

TEST_F(Scripts, RepliesOfTheTurnBeforeAScriptArriveBeforeItEnds) {
  Client both = server_.connect();
  Client other = server_.connect();
  both.send_raw("*1\r\n$4\r\nPING\r\n*3\r\n$4\r\nEVAL\r\n$17\r\nwhile true do end\r\n$1\r\n0\r\n");
  both.flush();
  server_.wait_until([&] { return other.run("PING").is_error(); });

  EXPECT_EQ(other.run("SCRIPT", "KILL"), "OK");
  EXPECT_EQ(both.read(), "PONG");
  EXPECT_TRUE(both.read().is_error());
}

TEST_F(Scripts, NothingOfOneScriptIsLeftForTheNext) {
  EXPECT_TRUE(server_.run("EVAL", "x = 1", 0).is_error());
  EXPECT_TRUE(server_.run("EVAL", "redis.x = 1", 0).is_error());
  EXPECT_TRUE(server_.run("EVAL", "string.upper = nil", 0).is_error());
  EXPECT_TRUE(server_.run("EVAL", "rawset(_G, 'x', 1)", 0).is_error());
  EXPECT_TRUE(server_.run("EVAL", "setmetatable(_G, nil)", 0).is_error());
  EXPECT_TRUE(server_.run("EVAL", "getmetatable('').__index = nil", 0).is_error());
  EXPECT_TRUE(server_.run("EVAL", "table.insert(math, 1)", 0).is_error());
  EXPECT_TRUE(server_.run("EVAL", "local f, t = pairs(redis) t.call = nil", 0).is_error());
  EXPECT_EQ(server_.run("EVAL", "collectgarbage('stop') return string.upper('a')", 0), "A");
}

TEST_F(Scripts, NeitherFilesNorBytecodeCanBeHad) {
  for (const char* name : {"io", "require", "dofile", "loadfile", "debug", "package", "getfenv", "setfenv", "newproxy"}) {
    EXPECT_TRUE(server_.run("EVAL", std::string("return ") + name, 0).is_error()) << name;
  }
  EXPECT_TRUE(server_.run("EVAL", "return os.execute", 0).null);
  EXPECT_TRUE(server_.run("EVAL", "return loadstring(string.dump(function() end))", 0).null);
  EXPECT_TRUE(server_.run("EVAL", "local n = 0 return load(function() n = n + 1 return n == 1 and string.dump(function() end) or nil end)",
                          0).null);
  EXPECT_TRUE(server_.run("EVAL", "\x1bLua", 0).is_error());
}

TEST_F(Scripts, AColdKeyIsLoadedWhenAScriptTouchesIt) {
  server_.run("SET", "cold", "value");
  ASSERT_EQ(server_.run("DEBUG", "RELOAD"), "OK");

  EXPECT_EQ(server_.run("EVAL", "return redis.call('GET', 'co' .. 'ld')", 0), "value");
}

TEST_F(Scripts, MonitorShowsAScriptAndThenWhatItCalls) {
  Client monitor = server_.connect();
  ASSERT_EQ(monitor.run("MONITOR"), "OK");

  server_.run("EVAL", "return redis.call('SET', 'x', '1')", 0);

  EXPECT_TRUE(contains(monitor.read().text, "\"EVAL\""));
  EXPECT_TRUE(contains(monitor.read().text, " lua] \"SET\" \"x\" \"1\""));
}

TEST_F(Scripts, StatisticsTellCommandsOfAScriptFromTheScript) {
  server_.run("CONFIG", "RESETSTAT");

  server_.run("EVAL", "redis.call('SET', 'x', 'a') redis.pcall('INCR', 'x') return redis.call('INCR', 'x')", 0);

  const std::string info = server_.run("INFO", "all").text;
  EXPECT_TRUE(contains(info, "cmdstat_set:calls=1"));
  EXPECT_TRUE(contains(info, "cmdstat_incr:calls=2"));
  EXPECT_TRUE(contains(info, "cmdstat_eval:calls=1"));
  EXPECT_TRUE(contains(info, "errorstat_ERR:count=2"));
  EXPECT_EQ(server_.info("number_of_cached_scripts"), "1");
}

TEST_F(Scripts, RandomNumbersAreThoseOfRedis) {
  EXPECT_EQ(server_.run("EVAL", "return tostring(math.random()) .. ' ' .. math.random(10) .. ' ' .. math.random(5, 9)", 0),
            "0.39646477363839 9 6");
}

}  // namespace
}  // namespace stele::test
