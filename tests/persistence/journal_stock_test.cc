#include <cstdio>

#include "tests/persistence/journal_fixture.h"

namespace stele {
namespace {

/// What stock Redis makes of our directory.
class StockRedis : public JournalFixture {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists("/usr/bin/redis-check-rdb") || !std::filesystem::exists("/usr/bin/redis-check-aof") ||
        !std::filesystem::exists("/usr/bin/redis-cli")) {
      GTEST_SKIP() << "package redis-tools is not installed";
    }
    // The server is the same program under another name, and redis-tools alone has only this one.
    std::filesystem::create_symlink("/usr/bin/redis-check-rdb", root_ / "redis-server");
  }
  ~StockRedis() override { stop(); }

  std::pair<int, std::string> shell(const std::string& command) {
    std::string output;
    FILE* pipe = ::popen((command + " 2>&1").c_str(), "r");
    char chunk[4096];
    for (std::size_t n = 0; (n = std::fread(chunk, 1, sizeof chunk, pipe)) > 0;) output.append(chunk, n);
    const int status = ::pclose(pipe);
    while (output.ends_with('\n')) output.pop_back();
    return {WEXITSTATUS(status), output};
  }

  void start() {
    const auto [code, output] = shell(fmt::format(
        "{0}/redis-server --port 0 --unixsocket {0}/socket --daemonize yes --save '' --appendonly yes --dir {0} "
        "--logfile {0}/log",
        root_.native()));
    ASSERT_EQ(code, 0) << output;
    started_ = true;
    ASSERT_TRUE(wait_until([&] { return redis("PING") == "PONG"; })) << slurp(root_ / "log");
  }
  void stop() {
    if (!started_) return;
    redis("SHUTDOWN NOSAVE");
    wait_until([&] { return !std::filesystem::exists(root_ / "socket"); });
    started_ = false;
  }
  std::string redis(const std::string& command) {
    return shell(fmt::format("/usr/bin/redis-cli -s {}/socket {}", root_.native(), command)).second;
  }

  bool started_ = false;
};

TEST_F(StockRedis, CutsAJournalAtATimestampAndLoadsIt) {
  options_.timestamps = true;
  open();
  for (int second = 0; second < 4; ++second) {
    for (int i = 0; i < 2; ++i) {
      commit(set_command(fmt::format("key:{}:{}", second, i), "value"), UnixTime(1700000000000 + 1000 * second + i));
      sync();  // and so a mark before the next
    }
  }
  journal_.reset();
  const std::string check = fmt::format("/usr/bin/redis-check-aof {}", manifest().native());
  EXPECT_EQ(shell(check).first, 0);
  const auto [code, output] = shell(
      fmt::format("/usr/bin/redis-check-aof --truncate-to-timestamp 1700000001 {}", manifest().native()));
  EXPECT_EQ(code, 0) << output;
  EXPECT_EQ(shell(check).first, 0);
  open();
  EXPECT_EQ(stream().find("key:2:0"), std::string::npos);
  EXPECT_NE(stream().find("key:1:1"), std::string::npos) << "and we go on from there as well";
  EXPECT_EQ(journal_->report().cut_bytes, 0u);
  journal_.reset();
  start();
  EXPECT_EQ(redis("DBSIZE"), "4");
}

TEST_F(StockRedis, LoadsAJournalOfManySegmentsInSeveralDatabases) {
  options_.segment_bytes_target = 1500;
  open();
  // A segment goes on past its target until the next one is prepared.
  for (int i = 0; i < 300 || journal_->stats().segments < 3; ++i) {
    const int db = i % 3;
    journal_->batch().append(fmt::format("*2\r\n$6\r\nSELECT\r\n$1\r\n{}\r\n", db));
    commit(set_command(fmt::format("key{}", i % 300), std::to_string(i % 300)));
  }
  // The command behind this boundary relies on the database selected before it.
  journal_->batch().append("*2\r\n$6\r\nSELECT\r\n$1\r\n7\r\n");
  ASSERT_TRUE(journal_->commit(UnixTime(1), 7).ok());
  journal_->begin_history(ReplicationId(40, 'b'), 7);
  journal_->batch().append("*1\r\n$5\r\nMULTI\r\n" + set_command("last", "one") + "*1\r\n$4\r\nEXEC\r\n");
  ASSERT_TRUE(journal_->commit(UnixTime(1), 7).ok());
  sync();
  journal_.reset();

  const auto [code, output] = shell("/usr/bin/redis-check-aof " + manifest().native());
  EXPECT_EQ(code, 0) << output;
  start();
  EXPECT_EQ(redis("-n 0 DBSIZE"), "100");
  EXPECT_EQ(redis("-n 1 DBSIZE"), "100");
  EXPECT_EQ(redis("-n 2 GET key299"), "299");
  EXPECT_EQ(redis("-n 7 GET last"), "one");
}

TEST_F(StockRedis, LoadsAnEmptyJournalAndOneWithAPreparedSegment) {
  options_.segment_bytes_target = 1000;
  open();
  while (!std::filesystem::exists(segment(2))) commit(set_command("k", "v"));
  sync();
  crash();
  start();
  EXPECT_EQ(redis("GET k"), "v");
}

TEST_F(StockRedis, WhatItAddedIsNotTakenForATornTail) {
  open();
  commit(set_command("k", "v"));
  journal_.reset();
  start();
  EXPECT_EQ(redis("SET theirs 1"), "OK");
  stop();
  EXPECT_EQ(try_open().code(), Code::invalid);
}

}  // namespace
}  // namespace stele
