// stele-aof to-rdb and export, stele-restore: back to a moment of a stream.

#include <csignal>

#include "tests/support/server.h"
#include "tests/tools/recorded_run.h"
#include "tests/tools/tool.h"

namespace stele::test {
namespace {

/// $STELE_MOMENTS, for `make soak`.
int moments_wanted(int few) {
  const char* const text = std::getenv("STELE_MOMENTS");
  return text == nullptr ? few : std::atoi(text);
}

std::string at(std::int64_t unix_ms) {
  char text[40];
  std::snprintf(text, sizeof text, "@%lld.%03d", static_cast<long long>(unix_ms / 1000), static_cast<int>(unix_ms % 1000));
  return text;
}

class Moments : public Tool {
 protected:
  Moments() : Tool("stele-aof") {}

  Json to_rdb(const fs::path& source, std::vector<std::string> args) {
    args.insert(args.begin(), {"to-rdb", "--json", "--digest", "--force", source, path("out.rdb")});
    const auto out = run_json(args);
    return out.empty() ? Json() : out[0];
  }
  Json restore(std::vector<std::string> args, int exit_code = 0) {
    args.insert(args.begin(), {"--json", "--digest"});
    const auto out = run_json(args, exit_code, "stele-restore");
    return out.empty() ? Json() : out[0];
  }
  static std::string digest_of(Server& server) { return server.run("DEBUG", "DIGEST").text; }
};

TEST_F(Moments, EveryRecordedOffsetAndTimeComesBackWithItsDigest) {
  Server server{"--journal-segment-size", "1mb"};
  RecordedRun run(server, 20261122);
  const int wanted = moments_wanted(6);
  run.run(wanted / 2, 120);
  server.run("BGREWRITEAOF");  // what is before the base is history from here on, or gone
  server.wait_until([&] { return server.info("aof_rewrite_in_progress") == "0" && server.info("aof_base_size") != "0"; });
  std::uint64_t base = std::stoull(server.info("master_repl_offset"));
  run.run(wanted - wanted / 2, 120);
  int shown = 0;
  for (const RecordedMoment& moment : run.moments()) {
    if (moment.offset < base) continue;
    EXPECT_EQ(to_rdb(server.directory(), {"--until", std::to_string(moment.offset)})["digest"], moment.digest) << moment.offset;
    const Json by_time = to_rdb(server.directory(), {"--until", at(moment.unix_ms)});
    EXPECT_EQ(by_time["digest"], moment.digest) << at(moment.unix_ms);
    EXPECT_EQ(by_time["offset"], moment.offset);
    ++shown;
  }
  EXPECT_GT(shown, 1);
}

TEST_F(Moments, RestoredDirectoriesHaveTheRecordedDigestToo) {
  Server server{"--save", ""};
  RecordedRun run(server, 7);
  run.run(moments_wanted(4), 100);
  server.kill9();
  for (const RecordedMoment& moment : run.moments()) {
    fs::remove_all(path("restored"));
    const Json made = restore({server.directory(), path("restored"), "--until", std::to_string(moment.offset)});
    EXPECT_EQ(made["digest"], moment.digest) << moment.offset;
    EXPECT_EQ(made["offset"], moment.offset);
    EXPECT_EQ(made["failed_commands"], 0);
  }
  EXPECT_EQ(files_in(path("restored")).size(), 2u);
}

TEST_F(Moments, BeforeFlushallBringsTheDataBack) {
  Server server;
  for (int i = 0; i < 100; ++i) server.run("SET", "k" + std::to_string(i), i);
  const std::string digest = digest_of(server);
  server.run("FLUSHALL");
  server.run("SET", "after", "1");
  const Json made = to_rdb(server.directory(), {"--before", "FLUSHALL"});
  EXPECT_EQ(made["digest"], digest);
  EXPECT_EQ(made["keys"], 100);
  EXPECT_EQ(made["matches"], 1);
  ASSERT_EQ(restore({server.directory(), path("restored"), "--before", "flushall"})["digest"], digest);
  Server again{"--dir", path("restored").native()};
  EXPECT_EQ(digest_of(again), digest);
  again.run("SET", "x", "y");
  again.restart();
  EXPECT_EQ(again.run("DBSIZE").integer(), 101);
}

TEST_F(Moments, BeforeFindsTheCommandInTheMiddleOfAFrameAndKeepsTransactionsWhole) {
  Server server;
  Client client = server.connect();
  client.send_raw("SET a 1\r\nSET b 2\r\nDEL a\r\nSET c 3\r\n");  // one frame
  for (int i = 0; i < 4; ++i) client.read();
  EXPECT_EQ(to_rdb(server.directory(), {"--before", "DEL a"})["keys"], 2);
  server.run("MULTI");
  server.run("SET", "d", "4");
  server.run("DEL", "b");
  server.run("EXEC");
  EXPECT_EQ(to_rdb(server.directory(), {"--before", "DEL b"})["keys"], 2);  // b and c: d is of the transaction
  EXPECT_EQ(to_rdb(server.directory(), {"--before", "SET *"})["keys"], 2);  // the last one
  EXPECT_EQ(to_rdb(server.directory(), {"--before", "SET *", "--first"})["keys"], 0);
  const Ran none = Tool::run({"to-rdb", server.directory(), path("none.rdb"), "--before", "FLUSHDB"});
  EXPECT_EQ(none.exit_code, 2);
  EXPECT_FALSE(fs::exists(path("none.rdb")));
}

TEST_F(Moments, GoesBackInAStockDirectoryByOffsetTimeAndCommand) {
  RedisServer server{"--aof-timestamp-enabled", "yes"};
  server.run("SET", "a", "1");
  server.run("MULTI");
  server.run("SET", "b", "2");
  server.run("SET", "c", "3");
  server.run("EXEC");
  const std::string digest = digest_of(server);
  const auto now = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
  std::this_thread::sleep_for(std::chrono::milliseconds(2100));
  server.run("FLUSHALL");
  server.run("SET", "d", "4");
  server.terminate();
  EXPECT_EQ(to_rdb(server.directory(), {"--before", "FLUSHALL"})["digest"], digest);
  EXPECT_EQ(to_rdb(server.directory(), {"--until", at(now + 1000)})["digest"], digest);
  EXPECT_EQ(to_rdb(server.directory(), {})["keys"], 1);
  // Every offset in the transaction is before it.
  const auto commands = run_json({"ls", "--all", "--json", server.directory()});
  const auto exec = std::find_if(commands.begin(), commands.end(), [](const Json& c) { return c["args"][0] == "EXEC"; });
  ASSERT_NE(exec, commands.end());
  EXPECT_EQ(to_rdb(server.directory(), {"--until", std::to_string((*exec)["offset"].get<std::uint64_t>())})["keys"], 1);
  ASSERT_EQ(restore({server.directory(), path("restored"), "--before", "FLUSHALL"})["digest"], digest);
  Server ours{"--dir", path("restored").native()};
  EXPECT_EQ(digest_of(ours), digest);
}

TEST_F(Moments, ExportedDirectoriesStartInRedisWithTheSameDigest) {
  Server server;
  RecordedRun(server, 3).run(1, 300);
  server.run("DEBUG", "SET-ACTIVE-EXPIRE", "0");
  for (int db = 0; db < 3; ++db) {
    server.run("SELECT", db);
    for (const Reply& key : server.run("KEYS", "*").elements) server.run("PERSIST", key.text);  // or some expire meanwhile
  }
  const std::string digest = digest_of(server);
  const auto made = run_json({"export", "--json", "--digest", server.directory(), path("exported")});
  EXPECT_EQ(made.at(0)["digest"], digest);
  EXPECT_EQ(files_in(path("exported")), std::vector<std::string>{"appendonlydir"});
  RedisServer redis{"--dir", path("exported").native()};
  EXPECT_EQ(digest_of(redis), digest);
  redis.run("SET", "more", "1");
  redis.restart();
  EXPECT_EQ(redis.run("GET", "more"), "1");
}

TEST_F(Moments, AReplicaSeededFromAnOldMomentComesOnlineWithAPartialSync) {
  Server primary{"--journal-retain-size", "100mb"};
  for (int i = 0; i < 200; ++i) primary.run("SET", "k" + std::to_string(i), i);
  const std::uint64_t old = std::stoull(primary.info("master_repl_offset"));
  for (int i = 0; i < 200; ++i) primary.run("APPEND", "k" + std::to_string(i), "more");
  ASSERT_EQ(restore({primary.directory(), path("seed"), "--until", std::to_string(old)})["offset"], old);
  Server replica{"--dir", path("seed").native(), "--replicaof", primary.address()};
  replica.wait_until([&] { return replica.info("master_link_status") == "up"; });
  replica.wait_until([&] { return replica.info("master_repl_offset") == primary.info("master_repl_offset"); });
  EXPECT_EQ(digest_of(replica), digest_of(primary));
  EXPECT_EQ(primary.info("sync_full"), "0");
  EXPECT_EQ(primary.info("sync_partial_ok"), "1");
}

TEST_F(Moments, APrimaryThatStartsOnAnOldMomentIsAnotherHistory) {
  Server primary;
  primary.run("SET", "a", "1");
  const std::string replid = primary.info("master_replid");
  const std::uint64_t old = std::stoull(primary.info("master_repl_offset"));
  primary.run("SET", "a", "2");
  restore({primary.directory(), path("past"), "--until", std::to_string(old)});
  Server past{"--dir", path("past").native()};
  EXPECT_EQ(past.run("GET", "a"), "1");
  EXPECT_NE(past.info("master_replid"), replid);
  EXPECT_EQ(past.info("master_replid2"), replid);
}

TEST_F(Moments, AnRdbAndTheSegmentsBehindItGoAnywhereInBetween) {
  Server server{"--journal-retain-size", "100mb"};
  for (int i = 0; i < 50; ++i) server.run("SET", "k" + std::to_string(i), i);
  server.run("SAVE");
  fs::copy_file(server.directory() / "dump.rdb", path("old.rdb"));
  for (int i = 0; i < 50; ++i) server.run("INCR", "k" + std::to_string(i));
  const std::uint64_t offset = std::stoull(server.info("master_repl_offset"));
  const std::string digest = digest_of(server);
  server.run("FLUSHALL");
  const fs::path segments = server.directory() / "appendonlydir";
  EXPECT_EQ(restore({path("old.rdb"), path("one"), "--segments", segments, "--until", std::to_string(offset)})["digest"], digest);
  EXPECT_EQ(restore({path("old.rdb"), path("two"), "--segments", segments, "--before", "FLUSHALL"})["digest"], digest);
  const Ran early = Tool::run({path("old.rdb"), path("three"), "--segments", segments, "--until", "10"}, "stele-restore");
  EXPECT_EQ(early.exit_code, 2);
  EXPECT_FALSE(fs::exists(path("three")));
  Server other;
  other.run("SET", "a", "1");
  const Ran wrong = Tool::run({path("old.rdb"), path("three"), "--segments", other.directory()}, "stele-restore");
  EXPECT_EQ(wrong.exit_code, 2);
  EXPECT_NE(wrong.err.find("is of the history"), std::string::npos) << wrong.err;
}

TEST_F(Moments, APlainRdbBecomesADataDirectory) {
  RedisServer redis;
  redis.run("SET", "a", "1");
  redis.run("RPUSH", "l", "1", "2");
  redis.run("SAVE");
  const std::string digest = digest_of(redis);
  EXPECT_EQ(restore({redis.directory() / "dump.rdb", path("restored")})["digest"], digest);
  Server ours{"--dir", path("restored").native()};
  EXPECT_EQ(digest_of(ours), digest);
  RedisServer stock{"--dir", path("restored").native()};
}

TEST_F(Moments, NeverWritesWhereSomethingIsAndLeavesNothingBehind) {
  Server server;
  server.run("SET", "a", "1");
  fs::create_directories(path("full") / "x");
  const Ran full = Tool::run({server.directory(), path("full")}, "stele-restore");
  EXPECT_EQ(full.exit_code, 2);
  EXPECT_NE(full.err.find("not empty"), std::string::npos) << full.err;
  EXPECT_EQ(files_in(path("full")), std::vector<std::string>{"x"});
  EXPECT_EQ(Tool::run({server.directory(), path("new"), "--until", "99999999"}, "stele-restore").exit_code, 2);
  EXPECT_FALSE(fs::exists(path("new")));
  write("broken.rdb", "REDIS0010broken");
  EXPECT_EQ(Tool::run({path("broken.rdb"), path("new")}, "stele-restore").exit_code, 2);
  EXPECT_FALSE(fs::exists(path("new")));
  fs::create_directory(path("empty"));
  EXPECT_EQ(Tool::run({server.directory(), path("empty")}, "stele-restore").exit_code, 0);
  const Ran dry = Tool::run({server.directory(), path("dry"), "--dry-run"}, "stele-restore");
  EXPECT_EQ(dry.exit_code, 0);
  EXPECT_FALSE(fs::exists(path("dry")));
}

TEST_F(Moments, ServesThePastBesideTheLiveServerAndCleansUp) {
  Server server;
  server.run("SET", "a", "1");
  server.run("FLUSHALL");
  server.run("SET", "a", "2");
  const fs::path tmp = path("tmp");
  fs::create_directory(tmp);
  int port = 0;
  {
    Server free;  // a port that was free a moment ago
    port = free.port();
  }
  ::setenv("TMPDIR", tmp.c_str(), 1);
  Process past({bin("stele-restore"), "stele-restore"},
               {server.directory(), "--before", "FLUSHALL", "--serve", std::to_string(port)}, path("serve.out"));
  ::unsetenv("TMPDIR");
  Reply reply;
  EXPECT_TRUE(wait_until([&] {
    try {
      reply = Client::tcp(port).run("GET", "a");
      return !reply.is_error();
    } catch (const ConnectionLost&) {
      return false;
    }
  })) << read_file(path("serve.out"));
  EXPECT_EQ(reply, "1");
  EXPECT_TRUE(Client::tcp(port).run("SET", "a", "3").is_error());
  EXPECT_EQ(server.run("GET", "a"), "2");
  past.signal(SIGTERM);
  EXPECT_EQ(past.wait(std::chrono::seconds(20)), 0);
  EXPECT_TRUE(fs::is_empty(tmp));
}

TEST_F(Moments, AnInterruptedRestoreLeavesNothing) {
  Server server;
  for (int i = 0; i < 20'000; i += 100) {
    Client client = server.connect();
    for (int j = 0; j < 100; ++j) client.send(std::vector<std::string>{"RPUSH", "l" + std::to_string(i + j), std::string(200, 'x')});
    for (int j = 0; j < 100; ++j) client.read();
  }
  Process restoring({bin("stele-restore"), "stele-restore"}, {server.directory(), path("restored")}, path("restore.out"));
  ASSERT_TRUE(wait_until([&] { return fs::exists(path("restored") / ".unfinished") || !restoring.running(); }));
  restoring.signal(SIGINT);
  const auto code = restoring.wait(std::chrono::seconds(20));
  ASSERT_TRUE(code.has_value());
  if (*code == 0) return;  // it was quicker
  EXPECT_EQ(*code, 2) << read_file(path("restore.out"));
  EXPECT_FALSE(fs::exists(path("restored")));
}

}  // namespace
}  // namespace stele::test
