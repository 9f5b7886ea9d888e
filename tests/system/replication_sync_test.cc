// Full syncs that go wrong, and the protocol spoken by hand and by redis-cli.
#include <signal.h>

#include <random>

#include <fmt/format.h>

#include "tests/support/tcp_proxy.h"
#include "tests/system/replication_fixture.h"

namespace stele::test {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

std::string request(const std::vector<std::string>& args) {
  std::string text = fmt::format("*{}\r\n", args.size());
  for (const std::string& arg : args) text += fmt::format("${}\r\n{}\r\n", arg.size(), arg);
  return text;
}

constexpr std::string_view kId = "0123456789012345678901234567890123456789";
constexpr std::string_view kMark = "abcdefghijabcdefghijabcdefghijabcdefghij";

/// Bytes that no one compresses.
std::string noise(std::size_t bytes) {
  static std::mt19937_64 random{7};
  std::string text(bytes, '\0');
  for (char& c : text) c = static_cast<char>(random());
  return text;
}

std::string full_resync() { return fmt::format("+FULLRESYNC {} 1000\r\n", kId); }

// --- full syncs that fail

class FullSync : public ::testing::Test {
 protected:
  /// An RDB file with "new" in it.
  static std::string snapshot() {
    static const std::string bytes = [] {
      RedisServer server;
      server.run("SET", "new", std::string(5000, 'n'));
      server.run("RPUSH", "list", "a", "b", "c");
      server.run("SAVE");
      return read_file(server.directory() / "dump.rdb");
    }();
    return bytes;
  }

  /// FORCE begins at once, whatever failed before.
  void follow(int port) { ASSERT_EQ(replica_.run("REPLICAOF", "127.0.0.1", port, "FORCE"), "OK"); }

  /// After a full sync that failed.
  void expect_nothing_changed(const std::string& what) {
    EXPECT_EQ(replica_.run("GET", "old"), "1") << what;
    EXPECT_EQ(replica_.run("DBSIZE"), "1") << what;
    EXPECT_EQ(replica_.info("master_link_status"), "down") << what;
    EXPECT_NE(replica_.info("master_link_error"), "") << what;
    EXPECT_TRUE(wait_until([&] { return sync_remains(replica_).empty(); }, 5s))
        << what << " left " << sync_remains(replica_)[0];
  }

  Server replica_;
};

TEST_F(FullSync, DamagedOnesOfEveryKindLeaveTheDataAsTheyWere) {
  replica_.run("SET", "old", "1");
  const std::string good = snapshot();
  std::string flipped = good, bad_sum = good;
  flipped[good.size() / 2] = static_cast<char>(flipped[good.size() / 2] ^ 1);
  bad_sum.back() = static_cast<char>(bad_sum.back() ^ 1);
  const std::string junk(3000, 'j');
  const auto sized = [](std::size_t size, std::string_view bytes) {
    return full_resync() + fmt::format("${}\r\n{}", size, bytes);
  };
  const auto marked = [](std::string_view bytes) { return full_resync() + fmt::format("$EOF:{}\r\n{}", kMark, bytes); };
  const std::vector<std::pair<std::string, std::string>> kinds{
      {"a flipped bit", sized(good.size(), flipped)},
      {"a bad checksum", sized(good.size(), bad_sum)},
      {"cut short", sized(good.size(), good.substr(0, good.size() / 2))},
      {"a size that is too small", sized(good.size() - 20, good)},
      {"a size that is too large", sized(good.size() + 20, good)},
      {"a size that is too large, and bytes to fill it", sized(good.size() + 20, good + std::string(20, 'x'))},
      {"no bytes at all", sized(0, "")},
      {"junk", sized(junk.size(), junk)},
      {"junk with a mark", marked(junk + std::string(kMark))},
      {"a mark that does not come", marked(good)},
      {"half a mark", marked(good + std::string(kMark.substr(0, 20)))},
      {"a flipped bit before a mark", marked(flipped + std::string(kMark))},
      {"an error", full_resync() + "-ERR no snapshot today\r\n"},
      {"no size", full_resync() + "$\r\n"},
      {"a negative size", full_resync() + "$-1\r\n"},
      {"a size that is no number", full_resync() + "$abc\r\n"},
      {"a huge size", full_resync() + "$9223372036854775807\r\n" + good},
      {"a mark that is too short", full_resync() + "$EOF:abc\r\n" + good},
      {"another type", full_resync() + "*1\r\n"},
      {"a store that is none", full_resync() + "$STELE:x\r\n"},
      {"a store of less than no files", full_resync() + "$STELE:-1 5\r\n"},
      {"a store without files", full_resync() + "$STELE:0 0\r\n"},
      {"a file outside of the store", full_resync() + "$STELE:1 3\r\n3 ../../CURRENT\r\nabc" + std::string(32, '0') + "\r\n"},
      {"a file of no size", full_resync() + "$STELE:1 3\r\nx CURRENT\r\n"},
      {"a file that is not as it was", full_resync() + "$STELE:1 3\r\n3 CURRENT\r\nabc" + std::string(32, '0') + "\r\n"},
      {"a file cut short", full_resync() + "$STELE:1 3000\r\n3000 CURRENT\r\nabc"},
      {"a file that is in it twice", full_resync() + "$STELE:2 0\r\n0 CURRENT\r\n99aa06d3014798d86001c324468d497f\r\n0 CURRENT\r\n"},
      {"files that make no store", full_resync() + "$STELE:1 0\r\n0 CURRENT\r\n99aa06d3014798d86001c324468d497f\r\n"},
      {"no history", "+FULLRESYNC\r\n"},
      {"a history that is too short", "+FULLRESYNC abc 1\r\n"},
      {"an offset that is no number", fmt::format("+FULLRESYNC {} x\r\n", kId)},
      {"a negative offset", fmt::format("+FULLRESYNC {} -1\r\n", kId)},
      {"an answer that is none", "+HELLO\r\n"},
      {"nothing", ""},
  };
  for (const auto& [what, bytes] : kinds) {
    FakePrimary primary([bytes = bytes](Wire& wire, const std::string&) { wire.send(bytes); });
    follow(primary.port());
    replica_.wait_until([&] { return primary.asked() > 0 && !replica_.info("master_link_error").empty(); });
    expect_nothing_changed(what);
  }
  // And one that is whole, by size and by mark.
  for (const std::string& bytes : {sized(good.size(), good), marked(good + std::string(kMark))}) {
    FakePrimary primary([&](Wire& wire, const std::string&) {
      wire.send(bytes);
      wire.until("ACK\r\n$4\r\n1000\r\n");
      wire.send(request({"SELECT", "0"}) + request({"SET", "stream", "1"}));
      wire.is_closed();
    });
    follow(primary.port());
    replica_.wait_until([&] { return replica_.run("GET", "stream") == "1"; });
    EXPECT_EQ(replica_.run("STRLEN", "new"), "5000");
    EXPECT_EQ(replica_.run("EXISTS", "old"), "0");
    EXPECT_EQ(replica_.info("master_replid"), kId);
    EXPECT_EQ(number(replica_, "master_repl_offset"),
              1000 + std::ssize(request({"SELECT", "0"}) + request({"SET", "stream", "1"})));
    EXPECT_TRUE(wait_until([&] { return sync_remains(replica_).empty(); }, 5s));
  }
  replica_.run("REPLICAOF", "NO", "ONE");
  const std::string before = digest(replica_);
  replica_.kill9();
  replica_.restart();
  EXPECT_EQ(digest(replica_), before);
}

TEST_F(FullSync, BetweenStelesTheStoreItselfIsSent) {
  Server primary{"--repl-diskless-sync-delay", "0", "--checkpoint-journal-bytes", "1mb"};
  primary.run("DEBUG", "POPULATE", 20000, "key", 100);
  primary.run("SET", "expires", "later", "EX", 1000);
  primary.run("ZADD", "zset", 1, "one", 2, "two");
  primary.run("XADD", "stream", "1-1", "f", "v");
  primary.run("XGROUP", "CREATE", "stream", "group", "0");
  primary.run("FUNCTION", "LOAD", "#!lua name=lib\nredis.register_function('f', function() return 'one' end)");
  primary.run("SELECT", 9);
  primary.run("SET", "elsewhere", "1");
  primary.run("FLUSHDB");
  primary.run("RPUSH", "list", "a", "b");
  primary.run("SELECT", 0);
  follow(primary.port());
  wait_in_step(primary, replica_);
  EXPECT_EQ(digest(primary), digest(replica_));
  EXPECT_EQ(replica_.run("DBSIZE"), primary.run("DBSIZE"));
  EXPECT_EQ(replica_.run("FCALL", "f", 0), "one");
  EXPECT_TRUE(contains(primary.log(), "the store of offset"));
  EXPECT_FALSE(contains(primary.log(), "RDB for replicas"));
  EXPECT_TRUE(sync_remains(replica_).empty());
  EXPECT_TRUE(sync_remains(primary).empty());

  // What a stock server needs of the append-only files is made afterwards.
  replica_.wait_until([&] { return number(replica_, "aof_base_size") > 0; });
  primary.run("SET", "more", "1");
  wait_in_step(primary, replica_);
  replica_.kill9();
  replica_.restart();
  EXPECT_EQ(replica_.run("FCALL", "f", 0), "one");
  replica_.run("REPLICAOF", "127.0.0.1", primary.port());
  wait_in_step(primary, replica_);
  EXPECT_EQ(digest(primary), digest(replica_));
}

TEST_F(FullSync, AStoreWithMoreDatabasesThanThereAreIsRefused) {
  Server primary{"--repl-diskless-sync-delay", "0"};
  primary.run("SELECT", 9);
  primary.run("SET", "k", "v");
  Server small{"--databases", "4"};
  small.run("SET", "old", "1");
  small.run("REPLICAOF", "127.0.0.1", primary.port(), "FORCE");
  small.wait_until([&] { return contains(small.info("master_link_error"), "'databases' is 4"); });
  EXPECT_EQ(small.run("GET", "old"), "1");
}

TEST_F(FullSync, AStreamThatMakesNoSenseCostsAFullSyncAndNotTheData) {
  const std::string good = snapshot();
  for (const std::string& bad : {std::string("*1\r\n$-5\r\n"), std::string("*2\r\n$3\r\nGET\r\n:1\r\n"),
                                 request({"MULTI"}) + request({"SET", "new", "x"}) + "*1\r\n+EXEC\r\n"}) {
    FakePrimary primary([&](Wire& wire, const std::string&) {
      wire.send(full_resync() + fmt::format("${}\r\n{}", good.size(), good));
      wire.until("ACK\r\n$4\r\n1000\r\n");
      wire.send(bad);
      wire.is_closed();
    });
    follow(primary.port());
    replica_.wait_until([&] { return primary.asked() > 0 && replica_.run("STRLEN", "new") == "5000"; });
    replica_.wait_until([&] { return primary.asked() > 1; });
    EXPECT_EQ(replica_.run("STRLEN", "new"), "5000");
  }
}

TEST_F(FullSync, ACommandThatIsNotKnownIsPassedOverAndReported) {
  const std::string good = snapshot();
  FakePrimary primary([&](Wire& wire, const std::string&) {
    wire.send(full_resync() + fmt::format("${}\r\n{}", good.size(), good));
    wire.until("ACK\r\n$4\r\n1000\r\n");
    wire.send(request({"SELECT", "0"}) + request({"NEWCOMMAND", "x"}) + request({"SET", "stream", "1"}));
    wire.is_closed();
  });
  follow(primary.port());
  replica_.wait_until([&] { return replica_.run("GET", "stream") == "1"; });
  EXPECT_EQ(replica_.info("master_link_status"), "up");
  EXPECT_TRUE(contains(replica_.log(), "unknown command 'NEWCOMMAND'"));
}

TEST_F(FullSync, APrimaryThatDiesInTheMiddleIsAskedAgainWhenItIsBack) {
  replica_.run("SET", "old", "1");
  Server primary{"--repl-diskless-sync-delay", "0"};
  Client client = primary.connect();
  // More than sockets hold, or it would all be under way when the primary dies.
  for (int i = 0; i < 2000; ++i) client.run("SET", "k" + std::to_string(i), noise(20'000));
  TcpProxy line(primary.port());
  line.limit_rate(1 << 20);
  follow(line.port());
  replica_.wait_until([&] { return number(replica_, "master_sync_read_bytes") > 100'000; });
  EXPECT_EQ(replica_.info("master_sync_in_progress"), "1");
  EXPECT_EQ(replica_.run("GET", "old"), "1");
  EXPECT_EQ(replica_.run("ROLE").elements.at(3), "sync");
  primary.kill9();
  replica_.wait_until([&] { return replica_.info("master_sync_in_progress") == "0"; });
  expect_nothing_changed("a primary that died");
  line.limit_rate(0);
  primary.restart();
  wait_in_step(primary, replica_);
  EXPECT_EQ(digest(replica_), digest(primary));
}

TEST_F(FullSync, AReplicaThatIsToldOtherwiseMeanwhileKeepsItsData) {
  replica_.run("SET", "old", "1");
  FakePrimary primary([&](Wire& wire, const std::string&) {
    wire.send(full_resync() + "$1000000\r\n" + snapshot());
    wire.is_closed();
  });
  follow(primary.port());
  replica_.wait_until([&] { return number(replica_, "master_sync_read_bytes") > 0; });
  EXPECT_EQ(replica_.run("REPLICAOF", "NO", "ONE"), "OK");
  EXPECT_EQ(replica_.run("SET", "new-one", "1"), "OK");
  EXPECT_EQ(replica_.run("GET", "old"), "1");
  EXPECT_TRUE(wait_until([&] { return sync_remains(replica_).empty(); }, 5s));
}

// The swap is a few renames: killed before, between or after them, the server has one state or the other, whole.
TEST_F(FullSync, AReplicaKilledAroundTheSwapHasTheOldDataOrTheNew) {
  Server primary{"--repl-diskless-sync-delay", "0"};
  {
    Client client = primary.connect();
    set_keys(client, 3000, "new:");
  }
  const std::string fresh = digest(primary);
  std::mt19937 random{std::random_device{}()};
  const char* const asked = std::getenv("STELE_SWAP_ROUNDS");
  const int rounds = asked != nullptr ? std::stoi(asked) : 12;
  std::chrono::microseconds takes{150'000};
  int had_old = 0, had_new = 0;
  for (int i = 0; i < rounds; ++i) {
    {
      Client client = replica_.connect();
      client.run("FLUSHALL");
      set_keys(client, 500, fmt::format("old{}:", i));
    }
    const std::string before = digest(replica_);
    follow(primary.port());
    const auto began = Clock::now();
    if (i == 0) {
      wait_in_step(primary, replica_);
      takes = std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - began);
    } else if (i % 2 == 0) {
      std::this_thread::sleep_for(std::chrono::microseconds(random() % static_cast<unsigned>(takes.count())));
    } else {
      // From when it is loaded on.
      replica_.wait_until(
          [&] { return fs::exists(replica_.directory() / "sync.loading") || in_step(primary, replica_); });
      std::this_thread::sleep_for(std::chrono::microseconds(random() % static_cast<unsigned>(takes.count() / 2)));
    }
    replica_.kill9();
    while (random() % 3 == 0) {
      replica_.spawn();
      std::this_thread::sleep_for(std::chrono::milliseconds(random() % 60));
      replica_.kill9();
    }
    replica_.restart();
    const std::string after = digest(replica_);
    ASSERT_TRUE(after == before || after == fresh) << "round " << i << ": " << replica_.run("DBSIZE");
    (after == fresh ? had_new : had_old)++;
    EXPECT_TRUE(sync_remains(replica_).empty()) << sync_remains(replica_)[0];
    EXPECT_EQ(replica_.run("SET", "goes", "on"), "OK");
  }
  RecordProperty("had_old", had_old);
  RecordProperty("had_new", had_new);
}

TEST_F(FullSync, WhatIsWrittenMeanwhileArrivesToo) {
  Server primary{"--repl-diskless-sync-delay", "0"};
  Client client = primary.connect();
  for (int i = 0; i < 100; ++i) client.run("SET", "k" + std::to_string(i), noise(10'000));
  TcpProxy line(primary.port());
  line.limit_rate(2 << 20);
  follow(line.port());
  replica_.wait_until([&] { return number(replica_, "master_sync_read_bytes") > 0; });
  set_keys(client, 20'000, "meanwhile:");
  line.limit_rate(0);
  wait_in_step(primary, replica_);
  EXPECT_EQ(digest(replica_), digest(primary));
  EXPECT_EQ(primary.info("sync_full"), "1");
}

TEST_F(FullSync, ManyReplicasShareOneSnapshot) {
  Server primary{"--repl-diskless-sync-delay", "0"};
  Client client = primary.connect();
  set_keys(client, 2000);
  std::vector<std::unique_ptr<Server>> replicas;
  for (int i = 0; i < 4; ++i) replicas.push_back(std::make_unique<Server>(following(primary)));
  for (auto& replica : replicas) {
    wait_in_step(primary, *replica);
    EXPECT_EQ(digest(*replica), digest(primary));
  }
  EXPECT_EQ(primary.info("sync_full"), "4");
}

// --- the protocol by hand

class SyncProtocol : public ::testing::Test {
 protected:
  /// Reads the snapshot that follows "+FULLRESYNC"; returns its bytes.
  static std::string read_snapshot(Wire& wire) {
    const std::string head = wire.line();
    if (head.starts_with("$EOF:")) {
      const std::string mark = head.substr(5);
      std::string bytes = wire.until(mark);
      bytes.resize(bytes.size() - mark.size());
      return bytes;
    }
    return wire.bytes(static_cast<std::size_t>(std::stoll(head.substr(1))));
  }

  std::string replid() { return server_.info("master_replid"); }

  Server server_{"--repl-diskless-sync-delay", "0"};
};

TEST_F(SyncProtocol, PsyncWithNothingGetsASnapshotBySizeAndThenTheStream) {
  server_.run("SET", "k", "v");
  const std::string offset = server_.info("master_repl_offset");
  Wire wire(server_.port());
  wire.send(request({"PSYNC", "?", "-1"}));
  EXPECT_EQ(wire.line(), fmt::format("+FULLRESYNC {} {}", replid(), offset));
  const std::string snapshot = read_snapshot(wire);
  EXPECT_TRUE(snapshot.starts_with("REDIS00"));
  server_.run("SET", "k", "w");
  EXPECT_EQ(wire.until("w\r\n"), request({"SELECT", "0"}) + request({"SET", "k", "w"})) << "as if no database were selected";
  server_.run("SELECT", 2);
  server_.run("SET", "k", "x");
  EXPECT_EQ(wire.until("x\r\n"), request({"SELECT", "2"}) + request({"SET", "k", "x"}));
}

TEST_F(SyncProtocol, ASnapshotByItsMarkIsFollowedByTheStreamOnceItIsAcknowledged) {
  server_.run("SET", "k", "v");
  Wire wire(server_.port());
  wire.send(request({"REPLCONF", "capa", "eof", "capa", "psync2"}));
  EXPECT_EQ(wire.line(), "+OK");
  wire.send(request({"PSYNC", "?", "-1"}));
  const std::string answer = wire.line();
  EXPECT_TRUE(answer.starts_with("+FULLRESYNC "));
  const std::string head = wire.line();
  ASSERT_TRUE(head.starts_with("$EOF:")) << head;
  ASSERT_EQ(head.size(), 45u);
  const std::string snapshot = wire.until(head.substr(5));
  EXPECT_TRUE(snapshot.starts_with("REDIS00"));
  server_.run("SET", "k", "w");
  EXPECT_TRUE(wire.is_silent());
  wire.send(request({"REPLCONF", "ACK", answer.substr(answer.rfind(' ') + 1)}));
  EXPECT_TRUE(contains(wire.until("w\r\n"), request({"SET", "k", "w"})));
}

TEST_F(SyncProtocol, SyncGetsASnapshotWithoutAPreamble) {
  server_.run("SET", "k", "v");
  Wire wire(server_.port());
  wire.send("SYNC\r\n");
  EXPECT_TRUE(read_snapshot(wire).starts_with("REDIS00"));
  wire.send("SYNC\r\n");  // it is one already
  server_.run("SET", "k", "w");
  EXPECT_EQ(wire.until("w\r\n"), request({"SELECT", "0"}) + request({"SET", "k", "w"}));
  EXPECT_EQ(server_.info("sync_full"), "1");
  EXPECT_EQ(server_.info("connected_slaves"), "1");
}

TEST_F(SyncProtocol, PsyncGoesOnFromAnyOffsetThatIsKept) {
  server_.run("SET", "k", "v");
  server_.run("SET", "k", "w");
  const std::int64_t end = number(server_, "master_repl_offset");
  const std::string all = request({"SELECT", "0"}) + request({"SET", "k", "v"}) + request({"SET", "k", "w"});
  ASSERT_EQ(end, std::ssize(all));
  for (const std::int64_t from : {std::int64_t{0}, std::int64_t{1}, std::int64_t{23}, end - 1, end}) {
    Wire wire(server_.port());
    wire.send(request({"REPLCONF", "capa", "psync2"}) + request({"PSYNC", replid(), std::to_string(from + 1)}));
    EXPECT_EQ(wire.line(), "+OK");
    EXPECT_EQ(wire.line(), "+CONTINUE " + replid());
    EXPECT_EQ(wire.bytes(static_cast<std::size_t>(end - from)), all.substr(static_cast<std::size_t>(from)));
  }
  Wire old(server_.port());
  old.send(request({"PSYNC", replid(), std::to_string(end + 1)}));
  EXPECT_EQ(old.line(), "+CONTINUE") << "one that does not know psync2 hears no name";
  EXPECT_EQ(server_.info("sync_full"), "0");
  EXPECT_EQ(server_.info("sync_partial_ok"), "6");
}

TEST_F(SyncProtocol, WhatCannotGoOnGetsAFullSync) {
  server_.run("SET", "k", "v");
  const std::int64_t end = number(server_, "master_repl_offset");
  const std::vector<std::vector<std::string>> asked{
      {"PSYNC", std::string(kId), "1"},
      {"PSYNC", replid(), std::to_string(end + 2)},
      {"PSYNC", replid(), "9223372036854775807"},
      {"PSYNC", replid(), "0"},
      {"PSYNC", replid(), "-9223372036854775808"},
      {"PSYNC", "?", "1"},
      {"PSYNC", "", "1"},
      {"PSYNC", std::string(100'000, 'x'), "1"},
      {"PSYNC", std::string("\0\r\n", 3), "1"},
      {"psync", std::string(40, '0'), "1"},
  };
  for (const auto& command : asked) {
    Wire wire(server_.port());
    wire.send(request(command));
    EXPECT_EQ(wire.line(), fmt::format("+FULLRESYNC {} {}", replid(), server_.info("master_repl_offset")))
        << command[1].substr(0, 50) << " " << command[2];
    EXPECT_TRUE(read_snapshot(wire).starts_with("REDIS00"));
  }
  EXPECT_EQ(server_.info("sync_full"), std::to_string(asked.size()));
  EXPECT_FALSE(server_.info("sync_partial_err").empty());
  EXPECT_EQ(server_.run("GET", "k"), "v");
}

TEST_F(SyncProtocol, HostileArgumentsGetErrors) {
  const std::string not_an_integer = "-ERR value is not an integer or out of range";
  const std::vector<std::pair<std::vector<std::string>, std::string>> cases{
      {{"PSYNC", "?", "x"}, not_an_integer},
      {{"PSYNC", "?", ""}, not_an_integer},
      {{"PSYNC", "?", "9223372036854775808"}, not_an_integer},
      {{"PSYNC", "?"}, "-ERR wrong number of arguments for 'psync' command"},
      {{"SYNC", "x"}, "-ERR wrong number of arguments for 'sync' command"},
      {{"PSYNC", replid(), "1", "FAILOVER"}, "-ERR PSYNC FAILOVER can't be sent to a master."},
      {{"REPLCONF", "listening-port"}, "-ERR syntax error"},
      {{"REPLCONF", "listening-port", "x"}, not_an_integer},
      {{"REPLCONF", "nosuch", "x"}, "-ERR Unrecognized REPLCONF option: nosuch"},
      {{"REPLCONF", "rdb-filter-only", "keys"}, "-ERR Unsupported rdb-filter-only option: keys"},
  };
  Wire wire(server_.port());
  for (const auto& [command, answer] : cases) {
    wire.send(request(command));
    EXPECT_EQ(wire.line(), answer) << command[0];
  }
  wire.send(request({"REPLCONF", "ACK", "10"}) + request({"REPLCONF", "GETACK", "*"}) +
            request({"REPLCONF", "ACK", "x"}));
  EXPECT_TRUE(wire.is_silent()) << "not answered, whoever sends them";
  wire.send(request({"PING"}));
  EXPECT_EQ(wire.line(), "+PONG");
  EXPECT_EQ(server_.info("connected_slaves"), "0");
}

TEST_F(SyncProtocol, NeitherRunsInATransactionOrAScript) {
  for (const std::vector<std::string>& command : {std::vector<std::string>{"PSYNC", "?", "-1"}, {"SYNC"}}) {
    Wire wire(server_.port());
    wire.send(request({"MULTI"}) + request(command) + request({"EXEC"}));
    EXPECT_EQ(wire.line(), "+OK");
    EXPECT_EQ(wire.line(), "-ERR Command not allowed inside a transaction");
    EXPECT_TRUE(wire.line().starts_with("-EXECABORT"));
    EXPECT_TRUE(server_.run("EVAL", fmt::format("return redis.call('{}', '?', '-1')", command[0]), 0).is_error());
  }
  EXPECT_EQ(server_.info("connected_slaves"), "0");
}

TEST_F(SyncProtocol, AcknowledgementsThatLieHarmNobody) {
  server_.run("SET", "k", "v");
  Wire wire(server_.port());
  wire.send(request({"PSYNC", replid(), "1"}));
  EXPECT_EQ(wire.line(), "+CONTINUE");
  wire.send(request({"REPLCONF", "ACK", "-1"}) +
            request({"REPLCONF", "ACK", "9223372036854775807", "FACK", "9223372036854775807"}) +
            request({"REPLCONF", "ACK", "1", "FACK", "x"}));
  EXPECT_TRUE(contains(wire.until("v\r\n"), "SET"));
  server_.run("SET", "k", "w");
  EXPECT_TRUE(contains(wire.until("w\r\n"), "SET"));
  EXPECT_EQ(server_.run("GET", "k"), "w");
}

TEST_F(SyncProtocol, AReplicaThatLeavesDuringItsSnapshotHarmsNobody) {
  Client client = server_.connect();
  for (int i = 0; i < 100; ++i) client.run("SET", "k" + std::to_string(i), noise(50'000));
  for (int i = 0; i < 5; ++i) {
    Wire wire(server_.port());
    wire.send(request({"PSYNC", "?", "-1"}));
    EXPECT_TRUE(wire.line().starts_with("+FULLRESYNC"));
    wire.bytes(1000);
  }
  server_.wait_until([&] { return server_.info("connected_slaves") == "0"; });
  Server replica(following(server_));
  wait_in_step(server_, replica);
  EXPECT_EQ(digest(replica), digest(server_));
}

TEST_F(SyncProtocol, AReplicaThatReadsNothingCostsNoMemory) {
  Wire wire(server_.port());
  wire.send(request({"PSYNC", replid(), "1"}));
  EXPECT_EQ(wire.line(), "+CONTINUE");
  Client client = server_.connect();
  const std::string value(100'000, 'v');
  for (int i = 0; i < 100; ++i) client.run("SET", "k", value);
  const std::uint64_t before = peak_memory_bytes(server_);
  for (int i = 0; i < 1000; ++i) client.run("SET", "k", value);  // 100 MB
  EXPECT_LT(peak_memory_bytes(server_) - before, 48u << 20);
  EXPECT_EQ(server_.info("connected_slaves"), "1");
}

// --- redis-cli

TEST_F(SyncProtocol, RedisCliTakesAnRdbFile) {
  set_keys(*std::make_unique<Client>(server_.connect()), 1000);
  server_.run("FUNCTION", "LOAD", "#!lua name=lib\nredis.register_function('f', function() return 1 end)");
  const TemporaryDirectory directory;
  const fs::path file = directory.path() / "dump.rdb";
  const Outcome outcome = run_program("redis-cli", {"-p", std::to_string(server_.port()), "--rdb", file});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.output;
  const Outcome check = run_program("redis-check-rdb", {file});
  EXPECT_EQ(check.exit_code, 0) << check.output;
  RedisServer stock{"--dir", directory.path().native(), "--appendonly", "no"};
  EXPECT_EQ(digest(stock), digest(server_));
  server_.wait_until([&] { return server_.info("connected_slaves") == "0"; });
}

TEST_F(SyncProtocol, RedisCliTakesTheFunctionsAlone) {
  set_keys(*std::make_unique<Client>(server_.connect()), 10);
  server_.run("FUNCTION", "LOAD", "#!lua name=lib\nredis.register_function('f', function() return 1 end)");
  const TemporaryDirectory directory;
  const fs::path file = directory.path() / "dump.rdb";
  const Outcome outcome = run_program("redis-cli", {"-p", std::to_string(server_.port()), "--functions-rdb", file});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.output;
  RedisServer stock{"--dir", directory.path().native(), "--appendonly", "no"};
  EXPECT_EQ(stock.run("DBSIZE"), "0");
  EXPECT_EQ(stock.run("FCALL", "f", 0), "1");
}

TEST_F(SyncProtocol, RedisCliShowsTheStream) {
  server_.run("SET", "before", "1");
  const TemporaryDirectory directory;
  const fs::path output = directory.path() / "output";
  Process cli({"/usr/bin/redis-cli", "redis-cli"}, {"-p", std::to_string(server_.port()), "--replica"}, output);
  server_.wait_until([&] { return contains(server_.info("slave0"), "state=online"); });
  // It takes the first command for an answer to its REPLCONF.
  EXPECT_TRUE(wait_until(
      [&] {
        server_.run("SET", "shown", "1");
        return contains(read_file(output), "\"SET\",\"shown\",\"1\"");
      },
      10s))
      << read_file(output);
}

}  // namespace
}  // namespace stele::test
