// Many requests, many clients, slow ones, and the commands by which one client changes what another may do.
#include <sys/resource.h>

#include <fmt/format.h>

#include "tests/system/system_fixture.h"

namespace stele::test {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

class Connections : public ::testing::Test {
 protected:
  std::string id_of(Client& client) { return client.run("CLIENT", "ID").text; }

  Server server_;
};

TEST_F(Connections, ARequestMayBeCutInTwoAtEveryByte) {
  const std::string requests =
      "*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$7\r\na\r\nb\r\nc\r\nPING\r\n*0\r\n*2\r\n$4\r\nECHO\r\n$0\r\n\r\n"
      "SET other 'x y'\r\n*-1\r\n*2\r\n$3\r\nGET\r\n$3\r\nkey\r\n\r\nGET other\n";
  const std::vector<std::string> expected{"OK", "PONG", "", "OK", "a\r\nb\r\nc", "x y"};
  Client client = server_.connect();
  for (std::size_t cut = 1; cut < requests.size(); ++cut) {
    client.send_raw(requests.substr(0, cut));
    client.flush();
    // The first part has been seen by the server once it answers somebody else.
    ASSERT_EQ(server_.run("PING"), "PONG");
    client.send_raw(requests.substr(cut));
    for (const std::string& reply : expected) ASSERT_EQ(client.read(), reply) << "cut at " << cut;
  }
}

TEST(HalfClosed, AClientThatHasSaidAllStillGetsTheRepliesThatWaitForTheDisk) {
  Server server{"--appendfsync", "always"};
  for (int i = 0; i < 50; ++i) {
    Client client = server.connect();
    client.send_raw("SET key value\r\nGET key\r\n");
    client.flush();
    client.finish_sending();
    ASSERT_EQ(client.read(), "OK");
    ASSERT_EQ(client.read(), "value");
    ASSERT_TRUE(client.closed_by_server());
  }
}

TEST_F(Connections, TenThousandPipelinedCommandsAreAnsweredInOrder) {
  Client client = server_.connect();
  for (int i = 0; i < 10'000; ++i) client.send(std::vector<std::string>{"INCR", "counter"});
  for (int i = 1; i <= 10'000; ++i) ASSERT_EQ(client.read(), std::to_string(i));
}

TEST_F(Connections, TwoThousandAtOnceAreAllServed) {
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = std::min<rlim_t>(files.rlim_max, 4096);
  ::setrlimit(RLIMIT_NOFILE, &files);
  if (files.rlim_cur < 2200) GTEST_SKIP() << "this process may not open 2200 files";
  std::vector<Client> clients;
  for (int i = 0; i < 2000; ++i) clients.push_back(server_.connect());
  for (Client& client : clients) {
    client.send(std::vector<std::string>{"INCR", "counter"});
    client.flush();
  }
  for (Client& client : clients) ASSERT_FALSE(client.read().is_error());
  EXPECT_EQ(server_.run("GET", "counter"), "2000");
  EXPECT_EQ(server_.info("connected_clients"), "2001");
  clients.clear();
  server_.wait_until([&] { return server_.info("connected_clients") == "1"; });
}

TEST_F(Connections, AReaderOfALargeReplyThatReadsNothingDelaysNobody) {
  server_.run("SET", "large", std::string(50 << 20, 'x'));
  Client slow = server_.connect();
  slow.send(std::vector<std::string>{"GET", "large"});
  slow.flush();
  std::vector<std::chrono::microseconds> took;
  for (int i = 0; i < 2000; ++i) {
    const auto start = Clock::now();
    ASSERT_EQ(server_.run("SET", "key", i), "OK");
    took.push_back(std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - start));
  }
  std::sort(took.begin(), took.end());
  EXPECT_LT(took[took.size() / 2], 20ms);
  EXPECT_EQ(slow.read().text.size(), std::size_t{50} << 20);
}

TEST_F(Connections, PauseWriteHoldsWritesBackAndTransactionsThatWriteUntilUnpause) {
  Client reader = server_.connect();
  Client writer = server_.connect();
  Client transaction = server_.connect();
  pipeline(transaction, {{"MULTI"}, {"SET", "b", "1"}});
  EXPECT_EQ(server_.run("CLIENT", "PAUSE", 60'000, "WRITE"), "OK");
  writer.send(std::vector<std::string>{"SET", "a", "1"});
  writer.flush();
  transaction.send(std::vector<std::string>{"EXEC"});
  transaction.flush();
  for (int i = 0; i < 50; ++i) ASSERT_EQ(reader.run("EXISTS", "a", "b"), "0");
  EXPECT_EQ(server_.run("CLIENT", "UNPAUSE"), "OK");
  EXPECT_EQ(writer.read(), "OK");
  EXPECT_EQ(transaction.read().elements.at(0), "OK");
  EXPECT_EQ(reader.run("EXISTS", "a", "b"), "2");
}

TEST_F(Connections, PauseWriteLetsScriptsRunThatSayThatTheyDoNotWrite) {
  const std::string reads = "#!lua flags=no-writes\nreturn redis.call('GET', KEYS[1])";
  server_.run("SET", "key", "value");
  server_.run("FUNCTION", "LOAD",
              "#!lua name=lib\n"
              "redis.register_function{function_name='reads', callback=function() return 'r' end, flags={'no-writes'}}\n"
              "redis.register_function('writes', function() return 'w' end)");
  const std::string sha = server_.run("SCRIPT", "LOAD", "#!lua flags=no-writes\nreturn 'by its sum'").text;
  EXPECT_EQ(server_.run("CLIENT", "PAUSE", 60'000, "WRITE"), "OK");
  Client client = server_.connect(10s);
  EXPECT_EQ(client.run("EVAL", reads, 1, "key"), "value");
  EXPECT_EQ(client.run("EVAL_RO", "return redis.call('GET', KEYS[1])", 1, "key"), "value");
  EXPECT_EQ(client.run("EVALSHA", sha, 0), "by its sum");
  EXPECT_EQ(client.run("FCALL", "READS", 0), "r");
  EXPECT_EQ(pipeline(client, {{"MULTI"}, {"EVAL", reads, "1", "key"}, {"EXEC"}}).back().elements.at(0), "value");
  // Those that may write, as far as anybody knows.
  std::vector<Client> paused;
  const std::vector<std::vector<std::string>> may_write = {
      {"EVAL", "return 1", "0"}, {"EVAL", "#!lua\nreturn 1", "0"}, {"FCALL", "writes", "0"}, {"PUBLISH", "channel", "x"}};
  for (const auto& command : may_write) {
    paused.push_back(server_.connect(20s));
    paused.back().send(command);
    paused.back().flush();
  }
  server_.wait_until([&] { return server_.info("blocked_clients") == std::to_string(may_write.size()); });
  EXPECT_EQ(server_.run("CLIENT", "UNPAUSE"), "OK");
  for (Client& each : paused) EXPECT_FALSE(each.read().is_error());
}

TEST_F(Connections, WhatExpiresDuringAPauseIsNotShownAndGoesAfterwards) {
  Client client = server_.connect();
  // The commands behind the pause are still of the transaction, and run.
  pipeline(client, {{"MULTI"}, {"SET", "a", "1", "PX", "20"}, {"CLIENT", "PAUSE", "60000", "WRITE"},
                    {"SET", "b", "1", "PX", "20"}, {"SET", "c", "1"}, {"EXEC"}});
  server_.wait_until([&] { return server_.run("EXISTS", "a", "b", "c") == "1"; });
  EXPECT_EQ(server_.run("EVAL_RO", "return redis.call('EXISTS', 'a', 'b')", 0), "0");
  EXPECT_EQ(server_.info("expired_keys"), "0");
  EXPECT_EQ(server_.run("DBSIZE"), "3");
  EXPECT_EQ(server_.run("CLIENT", "UNPAUSE"), "OK");
  server_.wait_until([&] { return server_.run("DBSIZE") == "1"; });
  EXPECT_EQ(server_.info("expired_keys"), "2");

  // A pause that ends by itself: whoever writes next meets no ghost, and neither does the replay.
  server_.run("SET", "n", "41", "PX", "50");
  server_.run("CLIENT", "PAUSE", 300, "WRITE");
  server_.wait_until([&] { return server_.run("EXISTS", "n") == "0"; });
  EXPECT_EQ(server_.run("INCR", "n"), "1");
  server_.kill9();
  server_.restart();
  EXPECT_EQ(server_.run("GET", "n"), "1");
}

TEST_F(Connections, PauseAllEndsByItself) {
  Client client = server_.connect();
  const auto start = Clock::now();
  EXPECT_EQ(server_.run("CLIENT", "PAUSE", 300), "OK");
  EXPECT_TRUE(client.run("GET", "key").null);
  EXPECT_GE(Clock::now() - start, 300ms);
  EXPECT_LT(Clock::now() - start, 10s);
}

TEST_F(Connections, KillByIdEndsThatClientOnly) {
  Client victim = server_.connect(10s);
  Client other = server_.connect();
  const std::string id = id_of(victim);
  EXPECT_EQ(server_.run("CLIENT", "KILL", "ID", id), "1");
  EXPECT_TRUE(victim.closed_by_server());
  EXPECT_EQ(other.run("PING"), "PONG");
  EXPECT_EQ(server_.run("CLIENT", "KILL", "ID", id), "0");
}

TEST_F(Connections, KillOfAClientThatWaitsForThePauseDropsItsCommand) {
  Client victim = server_.connect(10s);
  const std::string id = id_of(victim);
  server_.run("CLIENT", "PAUSE", 60'000, "WRITE");
  victim.send(std::vector<std::string>{"SET", "key", "1"});
  victim.flush();
  server_.wait_until([&] { return server_.run("CLIENT", "KILL", "ID", id) == "1"; });
  EXPECT_TRUE(victim.closed_by_server());
  server_.run("CLIENT", "UNPAUSE");
  EXPECT_EQ(server_.run("EXISTS", "key"), "0");
}

TEST_F(Connections, ReplyOffAndSkipSilenceRepliesButRunTheCommands) {
  Client client = server_.connect();
  for (const std::vector<std::string>& command : std::vector<std::vector<std::string>>{
           {"CLIENT", "REPLY", "OFF"}, {"INCR", "n"}, {"NOSUCH"}, {"INCR", "n"}, {"CLIENT", "REPLY", "ON"},
           {"CLIENT", "REPLY", "SKIP"}, {"INCR", "n"}, {"GET", "n"}}) {
    client.send(command);
  }
  EXPECT_EQ(client.read(), "OK");
  EXPECT_EQ(client.read(), "3");
}

TEST_F(Connections, MonitorShowsWhatOthersRunInOrderAndResetEndsIt) {
  Client monitor = server_.connect();
  EXPECT_EQ(monitor.run("MONITOR"), "OK");
  Client client = server_.connect();
  pipeline(client, {{"SET", "key", "a\nb"}, {"GET", "key"}});
  EXPECT_TRUE(contains(monitor.read().text, "\"SET\" \"key\" \"a\\nb\""));
  EXPECT_TRUE(contains(monitor.read().text, "\"GET\" \"key\""));
  EXPECT_EQ(monitor.run("RESET"), "RESET");
  client.run("SET", "key", "2");
  EXPECT_EQ(monitor.run("PING"), "PONG");
}

TEST_F(Connections, ResetBringsAConnectionBackToItsBeginning) {
  Client client = server_.connect();
  client.run("HELLO", 3);
  client.run("SELECT", 5);
  client.run("CLIENT", "SETNAME", "me");
  pipeline(client, {{"WATCH", "key"}, {"MULTI"}, {"SET", "key", "1"}});
  EXPECT_EQ(client.run("RESET"), "RESET");
  EXPECT_EQ(client.run("GET", "key").type, '$');  // RESP2 again
  EXPECT_TRUE(client.run("EXEC").text.starts_with("ERR EXEC without MULTI"));
  EXPECT_EQ(client.run("CLIENT", "GETNAME").text, "");
  client.run("SET", "in-zero", "1");
  EXPECT_EQ(server_.run("EXISTS", "in-zero"), "1");
}

TEST_F(Connections, Hello3ChangesTheTypesOfReplies) {
  Client client = server_.connect();
  EXPECT_EQ(client.run("GET", "missing").type, '$');
  EXPECT_EQ(client.run("HELLO", 3).type, '%');
  EXPECT_EQ(client.run("GET", "missing").type, '_');
  EXPECT_EQ(client.run("CONFIG", "GET", "port").type, '%');
  EXPECT_EQ(client.run("HELLO", 4), error("NOPROTO unsupported protocol version"));
  EXPECT_EQ(client.run("HELLO", 2).type, '*');
  EXPECT_EQ(client.run("GET", "missing").type, '$');
}

}  // namespace
}  // namespace stele::test
