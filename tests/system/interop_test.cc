// Debian's own tools against the server: what they send and expect has to work unchanged.
#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "tests/support/server.h"

namespace stele::test {
namespace {

class Interop : public ::testing::Test {
 protected:
  Outcome cli(std::vector<std::string> args, std::string_view input = {}) {
    std::vector<std::string> all{"-h", "127.0.0.1", "-p", std::to_string(server_.port())};
    all.insert(all.end(), args.begin(), args.end());
    return run_program("redis-cli", all, input);
  }

  Outcome benchmark(std::vector<std::string> args) {
    std::vector<std::string> all{"-h", "127.0.0.1", "-p", std::to_string(server_.port())};
    all.insert(all.end(), args.begin(), args.end());
    return run_program("redis-benchmark", all);
  }

  std::filesystem::path socket_path() const { return socket_directory_.path() / "socket"; }

  TemporaryDirectory socket_directory_;
  Server server_{"--unixsocket", socket_path().native()};
};

TEST_F(Interop, RedisCliRunsACommandAndPrintsItsReply) {
  EXPECT_EQ(cli({"SET", "key", "two words"}).output, "OK\n");
  EXPECT_EQ(cli({"GET", "key"}).output, "two words\n");
  EXPECT_EQ(cli({"GET", "missing"}).output, "\n");
  EXPECT_EQ(cli({"--no-raw", "GET", "missing"}).output, "(nil)\n");
  EXPECT_EQ(cli({"--no-raw", "INCR", "counter"}).output, "(integer) 1\n");
}

TEST_F(Interop, RedisCliReportsErrorsByItsExitCodeWhenAsked) {
  const Outcome outcome = cli({"-e", "NOSUCHCOMMAND"});
  EXPECT_NE(outcome.exit_code, 0);
  EXPECT_TRUE(outcome.output.starts_with("ERR unknown command 'NOSUCHCOMMAND'")) << outcome.output;
}

TEST_F(Interop, RedisCliSpeaksResp3) {
  EXPECT_EQ(cli({"-3", "SET", "key", "value"}).output, "OK\n");
  const std::string hello = cli({"-3", "--no-raw", "HELLO", "3"}).output;
  EXPECT_NE(hello.find("\"proto\" => (integer) 3"), std::string::npos) << hello;
  EXPECT_EQ(cli({"-3", "--no-raw", "GET", "missing"}).output, "(nil)\n");
}

TEST_F(Interop, RedisCliPrintsRawAndCsv) {
  server_.run("SET", "odd", std::string("a\"b\n\xff", 5));
  EXPECT_EQ(cli({"--raw", "GET", "odd"}).output, "a\"b\n\xff\n");
  server_.run("MSET", "a", 1, "b", 2);
  EXPECT_EQ(cli({"--csv", "MGET", "a", "b", "missing"}).output, "\"1\",\"2\",NULL\n");
}

TEST_F(Interop, RedisCliRunsAScriptOfLinesFromStdin) {
  const Outcome outcome = cli({}, "SELECT 3\nSET key \"quoted \\x41\"\nMULTI\nINCR n\nINCR n\nEXEC\n");
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_EQ(outcome.output, "OK\nOK\nOK\nQUEUED\nQUEUED\n1\n2\n");
  EXPECT_EQ(cli({"-n", "3", "GET", "key"}).output, "quoted A\n");
}

TEST_F(Interop, RedisCliScansAndCountsKeys) {
  std::set<std::string> expected;
  for (int i = 0; i < 2000; ++i) {
    const std::string key = fmt::format("key:{}", i);
    server_.run("SET", key, i);
    expected.insert(key);
  }
  std::istringstream lines(cli({"--scan", "--pattern", "key:*"}).output);
  std::set<std::string> found;
  for (std::string line; std::getline(lines, line);) found.insert(line);
  EXPECT_EQ(found, expected);
}

TEST_F(Interop, InlineCommandsWorkOnABareSocket) {
  Client client = server_.connect();
  client.send_raw("PING\r\nSET key 'a b'\nGET \"key\"\r\n\r\n  ECHO   spaced  \r\n");
  EXPECT_EQ(client.read(), "PONG");
  EXPECT_EQ(client.read(), "OK");
  EXPECT_EQ(client.read(), "a b");
  EXPECT_EQ(client.read(), "spaced");
}

TEST_F(Interop, UnbalancedQuotesAndBrokenFramingEndTheConnection) {
  for (const auto& [bytes, error] : std::vector<std::pair<std::string, std::string>>{
           {"SET key \"unbalanced\r\n", "ERR Protocol error: unbalanced quotes in request"},
           {"*1\r\n+PING\r\n", "ERR Protocol error: expected '$', got '+'"},
           {"*1\r\n$-5\r\n", "ERR Protocol error: invalid bulk length"},
           {"*99999999999\r\n", "ERR Protocol error: invalid multibulk length"}}) {
    Client client = server_.connect(std::chrono::seconds(10));
    client.send_raw(bytes);
    EXPECT_EQ(client.read(), (Reply{.type = '-', .text = error}));
    EXPECT_TRUE(client.closed_by_server()) << bytes;
  }
}

TEST_F(Interop, QuitAnswersAndCloses) {
  Client client = server_.connect(std::chrono::seconds(10));
  EXPECT_EQ(client.run("QUIT"), "OK");
  EXPECT_TRUE(client.closed_by_server());
}

TEST_F(Interop, ARequestMayArriveByteByByte) {
  Client client = server_.connect();
  for (const char byte : std::string("*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$5\r\nval\r\n\r\n")) {
    client.send_raw(std::string(1, byte));
    client.flush();
  }
  EXPECT_EQ(client.read(), "OK");
  EXPECT_EQ(server_.run("GET", "key"), "val\r\n");
}

TEST_F(Interop, RedisCliAndClientsUseTheUnixSocket) {
  EXPECT_EQ(run_program("redis-cli", {"-s", socket_path(), "SET", "key", "value"}).output, "OK\n");
  Client client = Client::unix_socket(socket_path());
  EXPECT_EQ(client.run("GET", "key"), "value");
}

TEST_F(Interop, DatabasesAreSeparateAndSurviveARestart) {
  Client client = server_.connect();
  for (int database = 0; database < 16; ++database) {
    ASSERT_EQ(client.run("SELECT", database), "OK");
    for (int i = 0; i <= database; ++i) ASSERT_EQ(client.run("SET", fmt::format("key:{}", i), database), "OK");
  }
  EXPECT_EQ(client.run("SELECT", 16), (Reply{.type = '-', .text = "ERR DB index is out of range"}));
  server_.restart();
  client = server_.connect();
  for (int database = 0; database < 16; ++database) {
    client.run("SELECT", database);
    EXPECT_EQ(client.run("DBSIZE"), std::to_string(database + 1));
    EXPECT_EQ(client.run("GET", "key:0"), std::to_string(database));
    EXPECT_TRUE(server_.info(fmt::format("db{}", database)).starts_with(fmt::format("keys={},", database + 1)));
  }
}

TEST_F(Interop, RedisBenchmarkRunsWithAndWithoutPipelining) {
  for (const char* depth : {"1", "16"}) {
    const Outcome outcome =
        benchmark({"-t", "set,get,incr,mset", "-n", "5000", "-c", "20", "-P", depth, "-r", "1000", "--csv"});
    EXPECT_EQ(outcome.exit_code, 0) << outcome.output;
    for (const char* test : {"\"SET\",", "\"GET\",", "\"INCR\",", "\"MSET (10 keys)\","}) {
      EXPECT_NE(outcome.output.find(test), std::string::npos) << outcome.output;
    }
    EXPECT_EQ(outcome.output.find("rror"), std::string::npos) << outcome.output;
  }
  EXPECT_EQ(server_.run("GET", "counter:__rand_int__").null, true);
  EXPECT_GT(server_.run("DBSIZE").integer(), 900);
}

TEST_F(Interop, MassInsertionByPipeLosesNoWord) {
  std::vector<std::string> words;
  std::ifstream dictionary("/usr/share/dict/words");
  for (std::string line; std::getline(dictionary, line);) words.push_back(line);
  if (words.empty()) GTEST_SKIP() << "package wamerican is not installed";

  constexpr std::size_t kCommands = 300'000;
  std::string commands;
  const auto key = [&](std::size_t i) { return fmt::format("{}:{}", words[i % words.size()], i / words.size()); };
  for (std::size_t i = 0; i < kCommands; ++i) {
    const std::string& value = words[(i * 7919) % words.size()];
    fmt::format_to(std::back_inserter(commands), "*3\r\n$3\r\nSET\r\n${}\r\n{}\r\n${}\r\n{}\r\n", key(i).size(), key(i),
                   value.size(), value);
  }
  const Outcome outcome = cli({"--pipe"}, commands);
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_NE(outcome.output.find("errors: 0, replies: 300000"), std::string::npos) << outcome.output;

  std::set<std::string> distinct;
  for (std::size_t i = 0; i < kCommands; ++i) distinct.insert(key(i));
  EXPECT_EQ(server_.run("DBSIZE"), std::to_string(distinct.size()));
  for (std::size_t i = 0; i < kCommands; i += 997)
    ASSERT_EQ(server_.run("GET", key(i)), words[(i * 7919) % words.size()]) << key(i);

  server_.kill9();
  server_.restart();
  EXPECT_EQ(server_.run("DBSIZE"), std::to_string(distinct.size()));
}

}  // namespace
}  // namespace stele::test
