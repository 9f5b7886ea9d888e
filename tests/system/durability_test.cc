// What was acknowledged is there after every kind of end, for keys in memory and keys that only the store has.
#include <random>
#include <set>
#include <thread>

#include <fmt/format.h>

#include "tests/system/system_fixture.h"

namespace stele::test {
namespace {

using namespace std::chrono_literals;

class Durability : public ::testing::Test {
 protected:
  std::string digest() { return server_.run("DEBUG", "DIGEST").text; }

  /// Ends the server by a command that has no reply.
  int end_by(std::vector<std::string> command) {
    Client client = server_.connect();
    client.send(command);
    client.flush();
    EXPECT_TRUE(client.closed_by_server());
    return server_.wait_until_ended();
  }

  /// Every key once, by SCAN with restarts in between if asked for.
  std::multiset<std::string> scan(int restart_every = 0) {
    std::multiset<std::string> found;
    std::string cursor = "0";
    int calls = 0;
    do {
      if (restart_every > 0 && ++calls % restart_every == 0) server_.restart();
      const Reply reply = server_.run("SCAN", cursor, "COUNT", 50);
      cursor = reply.elements.at(0).text;
      for (const Reply& key : reply.elements.at(1).elements) found.insert(key.text);
    } while (cursor != "0");
    return found;
  }

  Server server_{"--warm-up", "no"};
};

TEST_F(Durability, SigtermWritesACheckpointAndTheNextStartReplaysNothing) {
  Client client = server_.connect();
  set_keys(client, 500);
  const std::string before = digest();
  EXPECT_EQ(server_.terminate(), 0);
  server_.restart();
  EXPECT_TRUE(contains(server_.log(), "500 keys: checkpoint at offset"));
  EXPECT_TRUE(contains(server_.log(), "then 0 bytes (0 commands) of journal replayed"));
  EXPECT_EQ(digest(), before);
}

TEST_F(Durability, ShutdownNosaveLeavesItToTheJournal) {
  Client client = server_.connect();
  set_keys(client, 300);
  const std::string before = digest();
  EXPECT_EQ(end_by({"SHUTDOWN", "NOSAVE"}), 0);
  server_.restart();
  EXPECT_EQ(server_.log().find("then 0 bytes"), std::string::npos);
  EXPECT_EQ(digest(), before);
}

TEST_F(Durability, ShutdownOnSigtermNosaveIsObeyed) {
  server_.run("CONFIG", "SET", "shutdown-on-sigterm", "nosave");
  server_.run("SET", "key", "value");
  EXPECT_EQ(server_.terminate(), 0);
  server_.restart();
  EXPECT_EQ(server_.log().find("then 0 bytes"), std::string::npos);
  EXPECT_EQ(server_.run("GET", "key"), "value");
}

TEST_F(Durability, ShutdownSaveAndShutdownNowWriteACheckpoint) {
  for (const std::vector<std::string>& command :
       {std::vector<std::string>{"SHUTDOWN", "SAVE"}, {"SHUTDOWN", "NOW"}, {"SHUTDOWN", "NOW", "FORCE"}}) {
    server_.run("INCR", "counter");
    EXPECT_EQ(end_by(command), 0);
    const std::size_t log_before = server_.log().size();
    server_.restart();
    EXPECT_NE(server_.log().find("then 0 bytes", log_before), std::string::npos) << command[1];
  }
  EXPECT_EQ(server_.run("GET", "counter"), "3");
}

TEST_F(Durability, Kill9DuringSaveLosesNothing) {
  std::mt19937 random(7);
  for (int round = 0; round < 5; ++round) {
    Client client = server_.connect();
    set_keys(client, 3000, fmt::format("round:{}:", round));
    const std::string before = digest();
    client.send(std::vector<std::string>{"SAVE"});
    client.flush();
    std::this_thread::sleep_for(std::chrono::microseconds(random() % 30'000));  // where it hits is to be random
    server_.kill9();
    server_.restart();
    ASSERT_EQ(digest(), before) << "round " << round;
  }
}

TEST_F(Durability, ColdKeysExpireByThemselvesAndStayGone) {
  server_.run("SET", "stays", "1");
  for (int i = 0; i < 50; ++i) server_.run("SET", fmt::format("goes:{}", i), "1", "PX", 1500);
  server_.restart();
  server_.wait_until([&] { return server_.run("DBSIZE") == "1"; });
  EXPECT_EQ(server_.info("db0").substr(0, 17), "keys=1,expires=0,");
  // Their DELs are effects: the state without any clock is the same.
  EXPECT_TRUE(contains(read_file(newest_segment(server_)), "goes:7"));
  server_.kill9();
  server_.restart();
  EXPECT_EQ(server_.run("DBSIZE"), "1");
}

TEST_F(Durability, DbsizeIsExactRightAfterKill9WithOverwrittenColdKeys) {
  Client client = server_.connect();
  set_keys(client, 1000);
  server_.restart();
  client = server_.connect();
  set_keys(client, 600);
  client.run("DEL", "key:0", "key:999", "missing");
  set_keys(client, 10, "new:");
  server_.kill9();
  server_.restart();
  EXPECT_EQ(server_.run("DBSIZE"), "1008");
  EXPECT_EQ(scan().size(), 1008U);
}

TEST_F(Durability, DbsizeInATransactionIsExactRightAfterKill9) {
  Client client = server_.connect();
  set_keys(client, 20'000);
  server_.restart();
  client = server_.connect();
  set_keys(client, 20'000);
  server_.kill9();
  server_.restart();
  client = server_.connect();
  EXPECT_EQ(pipeline(client, {{"MULTI"}, {"DBSIZE"}, {"EXEC"}}).back().elements.at(0), "20000");
}

TEST_F(Durability, FlushallSurvivesKill9) {
  Client client = server_.connect();
  set_keys(client, 1000);
  client.run("SAVE");
  EXPECT_EQ(client.run("FLUSHALL"), "OK");
  client.run("SET", "after", "1");
  server_.kill9();
  server_.restart();
  EXPECT_EQ(server_.run("DBSIZE"), "1");
  EXPECT_EQ(scan(), std::multiset<std::string>{"after"});
  server_.run("SAVE");
  server_.kill9();
  server_.restart();
  EXPECT_EQ(scan(), std::multiset<std::string>{"after"});
}

TEST_F(Durability, SwapdbOfColdAndResidentDatabasesSurvivesKill9AndARestart) {
  Client client = server_.connect();
  set_keys(client, 200, "zero:");
  server_.restart();
  client = server_.connect();
  client.run("SELECT", 1);
  set_keys(client, 100, "one:");
  EXPECT_EQ(client.run("SWAPDB", 0, 1), "OK");
  EXPECT_EQ(client.run("GET", "zero:5"), "value:5");
  const std::string before = digest();
  server_.kill9();
  for (int start = 0; start < 2; ++start) {
    server_.restart();
    EXPECT_EQ(server_.run("DBSIZE"), "100");
    EXPECT_EQ(server_.run("GET", "one:5"), "value:5");
    EXPECT_EQ(digest(), before);
  }
}

TEST(Databases, HundredsOfThemSurviveKill9AndARestart) {
  Server server{"--databases", "300", "--warm-up", "no"};
  Client client = server.connect();
  for (int db = 0; db < 300; ++db) pipeline(client, {{"SELECT", std::to_string(db)}, {"SET", "db", std::to_string(db)}});
  const std::string before = server.run("DEBUG", "DIGEST").text;
  server.kill9();
  server.restart();
  EXPECT_EQ(server.run("DEBUG", "DIGEST"), before);
  server.restart();
  EXPECT_EQ(server.run("DEBUG", "DIGEST"), before);
  client = server.connect();
  client.run("SELECT", 299);
  EXPECT_EQ(client.run("GET", "db"), "299");
}

TEST_F(Durability, ScanShowsEachResidentAndColdKeyOnceAndItsCursorOutlivesRestarts) {
  Client client = server_.connect();
  set_keys(client, 500, "cold:");
  server_.restart();
  client = server_.connect();
  set_keys(client, 300, "resident:");
  set_keys(client, 100, "cold:");
  client.run("DEL", "cold:400", "resident:7");
  std::multiset<std::string> expected;
  for (int i = 0; i < 500; ++i) expected.insert(fmt::format("cold:{}", i));
  for (int i = 0; i < 300; ++i) expected.insert(fmt::format("resident:{}", i));
  expected.erase("cold:400");
  expected.erase("resident:7");
  EXPECT_EQ(scan(), expected);
  EXPECT_EQ(scan(5), expected);
}

TEST_F(Durability, RandomkeyFindsColdKeysToo) {
  Client client = server_.connect();
  set_keys(client, 20);
  server_.restart();
  std::set<std::string> seen;
  for (int i = 0; i < 1000 && seen.size() < 20; ++i) seen.insert(server_.run("RANDOMKEY").text);
  EXPECT_EQ(seen.size(), 20U);
}

TEST_F(Durability, WatchOnAColdKeyNoticesAChangeAndOnlyThat) {
  server_.run("MSET", "watched", "1", "other", "1");
  server_.restart();
  Client client = server_.connect();
  pipeline(client, {{"WATCH", "watched"}});
  server_.run("GET", "watched");
  server_.run("SET", "other", "2");
  EXPECT_EQ(pipeline(client, {{"MULTI"}, {"INCR", "watched"}, {"EXEC"}}).back().elements.at(0), "2");
  server_.restart();
  client = server_.connect();
  pipeline(client, {{"WATCH", "watched"}});
  server_.run("APPEND", "watched", "0");
  EXPECT_TRUE(pipeline(client, {{"MULTI"}, {"INCR", "watched"}, {"EXEC"}}).back().null);
  EXPECT_EQ(server_.run("GET", "watched"), "20");
}

TEST_F(Durability, TransactionsAndMultipleKeyCommandsWorkOnColdKeys) {
  server_.run("MSET", "a", "1", "b", "2", "c", "three");
  server_.restart();
  Client client = server_.connect();
  const Reply exec = pipeline(client, {{"MULTI"}, {"INCR", "a"}, {"INCR", "c"}, {"GET", "b"}, {"EXEC"}}).back();
  EXPECT_EQ(exec.elements.at(0), "2");
  EXPECT_TRUE(exec.elements.at(1).is_error());
  EXPECT_EQ(exec.elements.at(2), "2");
  server_.restart();
  EXPECT_EQ(server_.run("MSETNX", "new", "1", "b", "9"), "0");
  server_.restart();
  EXPECT_EQ(server_.run("MSET", "b", "20", "c", "30", "d", "40"), "OK");
  EXPECT_EQ(server_.run("DBSIZE"), "4");
  server_.kill9();
  server_.restart();
  const Reply values = server_.run("MGET", "a", "b", "c", "d", "new");
  EXPECT_EQ(values.elements.at(0), "2");
  EXPECT_EQ(values.elements.at(1), "20");
  EXPECT_EQ(values.elements.at(2), "30");
  EXPECT_EQ(values.elements.at(3), "40");
  EXPECT_TRUE(values.elements.at(4).null);
}

class EveryPolicy : public ::testing::TestWithParam<std::vector<std::string>> {};

TEST_P(EveryPolicy, Kill9LosesNoAcknowledgedWrite) {
  Server server{GetParam()};
  Client client = server.connect();
  int acknowledged = 0;
  const auto end = std::chrono::steady_clock::now() + 300ms;
  while (std::chrono::steady_clock::now() < end) {
    if (client.run("SET", "last", acknowledged + 1) == "OK") ++acknowledged;
  }
  server.kill9();
  server.restart();
  EXPECT_EQ(server.run("GET", "last"), std::to_string(acknowledged));
}

INSTANTIATE_TEST_SUITE_P(Fsync, EveryPolicy,
                         ::testing::Values(std::vector<std::string>{"--appendfsync", "always"},
                                           std::vector<std::string>{"--appendfsync", "everysec"},
                                           std::vector<std::string>{"--appendfsync", "no"},
                                           std::vector<std::string>{"--appendonly", "no"}));

TEST(CheckpointAndJournal, TogetherAreTheStateInMemoryAtTwentyRandomMoments) {
  Server server{"--checkpoint-journal-bytes", "1mb", "--journal-segment-size", "1mb", "--warm-up", "no"};
  std::random_device device;
  const unsigned seed = device();
  SCOPED_TRACE(fmt::format("seed {}", seed));
  std::mt19937 random(seed);
  const auto key = [&] { return fmt::format("key:{}", random() % 2000); };
  for (int round = 0; round < 20; ++round) {
    Client client = server.connect();
    const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(random() % 150);
    do {
      std::vector<std::vector<std::string>> commands;
      for (int i = 0; i < 60; ++i) {
        switch (random() % 12) {
          case 0: commands.push_back({"DEL", key(), key()}); break;
          case 1: commands.push_back({"APPEND", key(), std::string(random() % 3000, 'a')}); break;
          case 2: commands.push_back({"INCRBY", "counter:" + key(), std::to_string(random() % 99)}); break;
          case 3: commands.push_back({"RENAME", key(), key()}); break;
          case 4: commands.push_back({"EXPIRE", key(), "100000"}); break;
          case 5: commands.push_back({"PERSIST", key()}); break;
          case 6: commands.push_back({"MSET", key(), "1", key(), "2"}); break;
          case 7: commands.push_back({"COPY", key(), key(), "REPLACE"}); break;
          case 8: commands.push_back({"SELECT", std::to_string(random() % 3)}); break;
          case 9: commands.push_back({"SET", key(), "short", "PX", std::to_string(1 + random() % 50)}); break;
          default: commands.push_back({"SET", key(), std::string(random() % 3000, 'v')}); break;
        }
      }
      if (random() % 50 == 0) commands.push_back({"FLUSHDB"});
      if (random() % 30 == 0) commands.push_back({"SWAPDB", "0", "2"});
      if (random() % 20 == 0) commands.push_back({"BGSAVE"});
      pipeline(client, commands);
    } while (std::chrono::steady_clock::now() < end);
    // The keys with a close deadline have to be gone, or they would go while it is down.
    const auto settled = [&] {
      const std::string first = server.run("DEBUG", "DIGEST").text;
      std::this_thread::sleep_for(60ms);
      return first == server.run("DEBUG", "DIGEST").text;
    };
    server.wait_until(settled);
    const std::string before = server.run("DEBUG", "DIGEST").text;
    server.kill9();
    server.restart();
    ASSERT_EQ(server.run("DEBUG", "DIGEST"), before) << "round " << round;
  }
  EXPECT_TRUE(contains(server.log(), "checkpoint at offset"));
}

}  // namespace
}  // namespace stele::test
