// The fixtures themselves, proved against Debian's redis-server.
#include "tests/support/server.h"

#include <gtest/gtest.h>
#include <signal.h>

#include <iostream>
#include <sstream>

#include <fmt/format.h>

namespace stele::test {
namespace {

TEST(ServerFixture, AnswersAsSoonAsItIsConstructed) {
  RedisServer server;
  EXPECT_EQ(server.run("SET", "key", 42), "OK");
  EXPECT_EQ(server.run("GET", "key"), "42");
  EXPECT_EQ(server.info("redis_version"), "7.0.15");
  EXPECT_EQ(server.info("no_such_field"), "");
}

TEST(ServerFixture, KeepsPortAndDataAcrossKill9) {
  RedisServer server;
  const int port = server.port();
  server.run("SET", "key", "value");
  server.kill9();
  EXPECT_FALSE(server.running());
  server.restart();
  EXPECT_EQ(server.port(), port);
  EXPECT_EQ(server.run("GET", "key"), "value");
}

TEST(ServerFixture, TerminatesWithItsExitCode) {
  RedisServer server;
  EXPECT_EQ(server.terminate(), 0);
  EXPECT_FALSE(server.running());
}

TEST(ServerFixture, ThrowsWithTheLogWhenTheServerDoesNotStart) {
  try {
    RedisServer server{"--no-such-directive", "1"};
    FAIL() << "started";
  } catch (const std::runtime_error& e) {
    EXPECT_NE(std::string_view(e.what()).find("no-such-directive"), std::string_view::npos) << e.what();
  }
}

TEST(ServerFixture, RunsManyAtOnceOnDifferentPorts) {
  RedisServer first;
  RedisServer second;
  second.run("REPLICAOF", "127.0.0.1", first.port());
  first.run("SET", "key", "value");
  second.wait_until([&] { return second.run("GET", "key") == "value"; });
}

// The victim of the test below, run in a process of its own: it has a server and dies without running a destructor.
TEST(AbortedTest, DISABLED_DiesWithAServerRunning) {
  RedisServer server;
  std::cout << "victim " << server.pid() << " " << server.directory().native() << std::endl;
  ::raise(SIGKILL);
}

TEST(ServerFixture, LeavesNeitherProcessNorDirectoryWhenTheTestAborts) {
  const Outcome victim = run_program(std::filesystem::read_symlink("/proc/self/exe"),
                                     {"--gtest_also_run_disabled_tests", "--gtest_filter=AbortedTest.*"});
  ASSERT_EQ(victim.exit_code, 128 + SIGKILL);
  std::istringstream words(victim.output.substr(victim.output.find("victim ")));
  std::string word;
  pid_t server = 0;
  std::string directory;
  words >> word >> server >> directory;
  ASSERT_GT(server, 0) << victim.output;
  const auto gone = [&] {  // or waiting for an init that reaps it
    const std::string status = read_file(fmt::format("/proc/{}/stat", server));
    return status.empty() || status.find(") Z ") != std::string::npos;
  };
  EXPECT_TRUE(wait_until(gone));
  EXPECT_TRUE(wait_until([&] { return !std::filesystem::exists(directory); }));
}

TEST(ClientOfTheTests, ReadsRepliesOfBothProtocolsAsTheyCame) {
  RedisServer server;
  Client client = server.connect();
  EXPECT_EQ(client.run("GET", "missing"), (Reply{.type = '$', .null = true}));
  client.run("RPUSH", "list", "a", std::string("\r\n\0", 3));
  EXPECT_EQ(describe(client.run("LRANGE", "list", 0, -1)), "[\"a\", \"\\r\\n\\x00\"]");
  EXPECT_EQ(client.run("INCR", "list").type, '-');
  EXPECT_EQ(client.run("HELLO", 3).type, '%');
  EXPECT_EQ(client.run("GET", "missing").type, '_');
  client.run("ZADD", "zset", "1.5", "member");
  EXPECT_EQ(describe(client.run("ZSCORE", "zset", "member")), "(double) 1.5");
}

TEST(ClientOfTheTests, PipelinesMoreThanSocketBuffersHold) {
  RedisServer server;
  Client client = server.connect();
  const std::vector<std::string> echo{"ECHO", std::string(10'000, 'x')};
  for (int i = 0; i < 2000; ++i) client.send(echo);
  for (int i = 0; i < 2000; ++i) ASSERT_EQ(client.read(), echo[1]);
}

TEST(ClientOfTheTests, GivesUpAfterItsTimeout) {
  RedisServer server;
  Client client = server.connect(std::chrono::milliseconds(50));
  EXPECT_THROW(client.run("BLPOP", "nothing", 0), ConnectionLost);
}

}  // namespace
}  // namespace stele::test
