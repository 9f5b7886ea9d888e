// DEBUG: what it changes about the server, for tests.
#include <signal.h>

#include <fmt/format.h>

#include "tests/system/system_fixture.h"

namespace stele::test {
namespace {

using namespace std::chrono_literals;

/// A payload with one bit of its checksum flipped.
std::string with_wrong_checksum(std::string payload) {
  payload.back() = static_cast<char>(payload.back() ^ 1);
  return payload;
}

TEST(Debug, APayloadWhoseChecksumWasNotCheckedSurvivesARestart) {
  Server server;
  server.run("RPUSH", "list", "a", "b");
  server.run("FUNCTION", "LOAD", "#!lua name=lib\nredis.register_function('f', function() return 7 end)");
  const std::string payload = with_wrong_checksum(server.run("DUMP", "list").text);
  const std::string functions = with_wrong_checksum(server.run("FUNCTION", "DUMP").text);
  EXPECT_TRUE(server.run("RESTORE", "copy", "0", payload).is_error());
  EXPECT_TRUE(server.run("FUNCTION", "RESTORE", functions, "REPLACE").is_error());
  EXPECT_EQ(server.run("DEBUG", "SET-SKIP-CHECKSUM-VALIDATION", "1"), "OK");
  EXPECT_EQ(server.run("RESTORE", "copy", "0", payload), "OK");
  EXPECT_EQ(server.run("FUNCTION", "RESTORE", functions, "FLUSH"), "OK");
  EXPECT_EQ(server.run("DEBUG", "SET-SKIP-CHECKSUM-VALIDATION", "0"), "OK");
  EXPECT_TRUE(server.run("RESTORE", "other", "0", payload).is_error());
  server.kill9();
  server.restart();  // and is replayed by a server that checks again
  EXPECT_EQ(server.run("LRANGE", "copy", "0", "-1"), server.run("LRANGE", "list", "0", "-1"));
  EXPECT_EQ(server.run("FCALL", "f", "0"), "7");
}

TEST(Debug, ACrashSaysInTheLogWhereItWas) {
  Server server;
  server.run("SET", "k", "v");
  EXPECT_THROW(server.run("DEBUG", "SEGFAULT"), ConnectionLost);
  server.wait_until([&] { return !server.running(); });
  EXPECT_TRUE(contains(server.log(), "crashed by signal: "));
  EXPECT_TRUE(contains(server.log(), "STACK TRACE"));
  EXPECT_TRUE(contains(server.log(), "BUG REPORT END"));
  server.restart({"--crash-log-enabled", "no"});
  EXPECT_EQ(server.run("GET", "k"), "v");
  const std::size_t before = server.log().size();
  ::kill(server.pid(), SIGABRT);
  server.wait_until([&] { return !server.running(); });
  EXPECT_FALSE(contains(server.log().substr(before), "STACK TRACE"));
}

TEST(Debug, ASleepBeforeTheFlushShowsThatRepliesWaitForTheJournal) {
  for (const std::string policy : {"always", "everysec"}) {
    Server server{"--appendfsync", policy};
    server.run("SET", "before", "v");
    const std::filesystem::path segment = newest_segment(server);
    EXPECT_EQ(server.run("DEBUG", "AOF-FLUSH-SLEEP", "200000"), "OK");
    const auto size = std::filesystem::file_size(segment);
    const auto began = std::chrono::steady_clock::now();
    EXPECT_EQ(server.run("SET", "k", "v"), "OK");
    EXPECT_GE(std::chrono::steady_clock::now() - began, 200ms);
    EXPECT_GT(std::filesystem::file_size(segment), size);
    EXPECT_TRUE(contains(read_file(segment), "\r\nk\r\n"));
    EXPECT_EQ(server.run("DEBUG", "AOF-FLUSH-SLEEP", "0"), "OK");
  }
}

}  // namespace
}  // namespace stele::test
