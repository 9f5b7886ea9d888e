// Data sets that come and go by files: RDB snapshots, bases of the append-only files, and directories of a real redis-server, in
// both directions, compared by DEBUG DIGEST.
#include <fmt/format.h>

#include <regex>
#include <sstream>

#include "tests/system/system_fixture.h"

namespace stele::test {
namespace {

namespace fs = std::filesystem;

std::string digest(Server& server) { return server.run("DEBUG", "DIGEST").text; }

/// Every type in every encoding, expiries, several databases and a function.
void fill(Server& server) {
  Client client = server.connect();
  const std::string big(10'000, 'v');
  const auto many = [&](std::vector<std::string> command, int count, bool pairs) {
    for (int i = 0; i < count; ++i) {
      command.push_back(pairs && command[0] == "ZADD" ? std::to_string(i) : fmt::format("element:{}", i));
      if (pairs) command.push_back(fmt::format("value:{}", i));
    }
    client.run_arguments(command);
  };
  for (int db : {0, 3, 15}) {
    client.run("SELECT", db);
    for (int i = 0; i < 500; ++i) client.run("SET", fmt::format("key:{}", i), fmt::format("value:{}", i));
    client.run("SET", "integer", 12345);
    client.run("SET", "raw", big);
    client.run("SET", "compressible", std::string(5000, 'a'));
    client.run("SET", std::string("bin\0ary\r\n", 9), std::string("\xff\0\x80", 3));
    client.run("SET", "expires", "later", "PX", 100'000'000);
    many({"RPUSH", "list"}, 20, false);
    many({"RPUSH", "quicklist"}, 2000, false);
    client.run("RPUSH", "plain nodes", big, big);
    client.run("SADD", "intset", 1, 2, 300000);
    many({"SADD", "set"}, 20, false);
    many({"SADD", "large set"}, 2000, false);
    many({"HSET", "hash"}, 20, true);
    many({"HSET", "large hash"}, 2000, true);
    many({"ZADD", "zset"}, 20, true);
    many({"ZADD", "large zset"}, 2000, true);
    client.run("ZADD", "zset", "inf", "last", "-inf", "first", "0.1", "tenth");
    for (int i = 1; i < 300; ++i) client.run("XADD", "stream", fmt::format("{}-1", i), "field", i);
    client.run("XGROUP", "CREATE", "stream", "group", "0");
    client.run("XREADGROUP", "GROUP", "group", "alice", "COUNT", 10, "STREAMS", "stream", ">");
    client.run("XDEL", "stream", "5-1");
    client.run("PFADD", "hyperloglog", "a", "b", "c");
    client.run("PEXPIREAT", "large hash", 4'000'000'000'000);
  }
  client.run("FUNCTION", "LOAD", "#!lua name=lib\nredis.register_function('f', function() return 1 end)");
}

void snapshot(Server& server, const char* command, const char* running) {
  EXPECT_FALSE(server.run(command).is_error());
  server.wait_until([&] { return server.info(running) == "0"; });
}

/// A server of `program` on a copy of `files`.
std::unique_ptr<Server> server_on(const Program& program, const fs::path& files, std::vector<std::string> args) {
  auto server = std::make_unique<Server>(program, std::move(args));
  server->kill9();
  fs::remove_all(server->directory());
  fs::create_directory(server->directory());
  fs::copy(files, server->directory() / files.filename(), fs::copy_options::recursive);
  server->restart();
  return server;
}

const std::vector<std::string> kAof{"--appendonly", "yes"};
const std::vector<std::string> kNoAof{"--appendonly", "no"};

TEST(RdbFiles, ADumpOfRedisIsLoadedAndOursIsLoadedByRedis) {
  Server redis(redis_program(), kNoAof);
  fill(redis);
  const std::string expected = digest(redis);
  EXPECT_EQ(redis.run("SAVE"), "OK");
  const auto stele = server_on(stele_program(), redis.directory() / "dump.rdb", {});
  EXPECT_EQ(digest(*stele), expected);
  EXPECT_EQ(stele->run("FCALL", "f", 0).integer(), 1);
  EXPECT_EQ(stele->info("rdb_last_load_keys_loaded"), std::to_string(3 * 517));
  fs::remove(stele->directory() / "dump.rdb");
  snapshot(*stele, "BGSAVE", "rdb_bgsave_in_progress");
  const auto again = server_on(redis_program(), stele->directory() / "dump.rdb", kNoAof);
  EXPECT_EQ(digest(*again), expected);
  EXPECT_EQ(again->run("FCALL", "f", 0).integer(), 1);
}

TEST(RdbFiles, SaveWritesWhatIsThereAndLastsaveSaysWhen) {
  Server server;
  server.run("SET", "key", "value");
  EXPECT_EQ(server.info("rdb_changes_since_last_save"), "1");
  EXPECT_EQ(server.run("SAVE"), "OK");
  EXPECT_EQ(server.info("rdb_changes_since_last_save"), "0");
  EXPECT_EQ(server.info("rdb_saves"), "1");
  EXPECT_EQ(server.info("rdb_last_save_time"), std::to_string(server.run("LASTSAVE").integer()));
  EXPECT_TRUE(read_file(server.directory() / "dump.rdb").starts_with("REDIS0010"));
  EXPECT_EQ(run_program("redis-check-rdb", {server.directory() / "dump.rdb"}).exit_code, 0);
}

TEST(RdbFiles, ASavePointSaves) {
  Server server{"--save", "1 3"};
  server.run("SET", "a", 1);
  server.run("SET", "b", 1);
  EXPECT_FALSE(fs::exists(server.directory() / "dump.rdb"));
  server.run("SET", "c", 1);
  server.wait_until([&] { return server.info("rdb_saves") == "1"; });
  EXPECT_EQ(server.info("rdb_changes_since_last_save"), "0");
  server.run("SET", "d", 1);
  EXPECT_EQ(server.terminate(), 0);
  const auto other = server_on(redis_program(), server.directory() / "dump.rdb", kNoAof);
  EXPECT_EQ(other->run("DBSIZE").integer(), 4) << "the end of a server with save points is one";
}

TEST(RdbFiles, ASnapshotThatCannotBeWrittenStopsWritesAndLeavesTheOldFile) {
  Server server{"--save", "3600 1"};
  server.run("SET", "key", "value");
  EXPECT_EQ(server.run("SAVE"), "OK");
  const std::string before = read_file(server.directory() / "dump.rdb");
  server.run("SET", "key", "other");
  fs::create_directory(server.directory() / "temp-dump.rdb");  // where the file would be written
  EXPECT_TRUE(server.run("SAVE").is_error());
  EXPECT_EQ(server.info("rdb_last_bgsave_status"), "err");
  EXPECT_EQ(read_file(server.directory() / "dump.rdb"), before);
  EXPECT_TRUE(server.run("SET", "key", "refused").text.starts_with("MISCONF Redis is configured to save RDB snapshots"));
  EXPECT_EQ(server.run("GET", "key"), "other");
  server.run("CONFIG", "SET", "stop-writes-on-bgsave-error", "no");
  EXPECT_EQ(server.run("SET", "key", "accepted"), "OK");
  server.run("CONFIG", "SET", "stop-writes-on-bgsave-error", "yes");
  fs::remove_all(server.directory() / "temp-dump.rdb");
  EXPECT_EQ(server.run("SAVE"), "OK");
  EXPECT_EQ(server.run("SET", "key", "again"), "OK");
}

TEST(RdbFiles, APlaceThatCannotBeWrittenToIsNamedAndEverythingWorksOnceItCan) {
  Server server;
  fill(server);
  EXPECT_EQ(server.run("SAVE"), "OK");
  const fs::path base = server.directory() / "appendonlydir" / "temp-base.rdb";
  const fs::path dump = server.directory() / "temp-dump.rdb";
  for (const fs::path& path : {base, dump}) {
    fs::create_directory(path);
    write_file(path / "in the way", "");
  }
  snapshot(server, "BGREWRITEAOF", "aof_rewrite_in_progress");
  EXPECT_EQ(server.info("aof_last_bgrewrite_status"), "err");
  EXPECT_EQ(server.info("aof_rewrites_consecutive_failures"), "1");
  EXPECT_TRUE(contains(server.log(), "failed: open " + base.native() + ": Is a directory"));
  snapshot(server, "BGSAVE", "rdb_bgsave_in_progress");
  EXPECT_EQ(server.info("rdb_last_bgsave_status"), "err");
  EXPECT_TRUE(contains(server.run("SAVE").text, "open " + dump.native() + ": Is a directory"));
  EXPECT_EQ(server.run("SET", "still", "writable"), "OK");
  for (const fs::path& path : {base, dump}) fs::remove_all(path);
  snapshot(server, "BGREWRITEAOF", "aof_rewrite_in_progress");
  EXPECT_EQ(server.info("aof_last_bgrewrite_status"), "ok");
  snapshot(server, "BGSAVE", "rdb_bgsave_in_progress");
  EXPECT_EQ(server.info("rdb_last_bgsave_status"), "ok");
}

TEST(RdbFiles, ADirectoryThatIsGoneFailsTheSaveAndNothingElse) {
  Server server;
  fill(server);
  EXPECT_EQ(server.run("SAVE"), "OK");
  const fs::path aside = server.directory().native() + ".aside";
  fs::rename(server.directory(), aside);
  EXPECT_TRUE(contains(server.run("SAVE").text, "No such file or directory"));
  EXPECT_EQ(server.info("rdb_last_bgsave_status"), "err");
  EXPECT_EQ(server.run("GET", "integer"), "12345");
  fs::rename(aside, server.directory());
  EXPECT_EQ(server.run("SAVE"), "OK");
  EXPECT_EQ(server.info("rdb_last_bgsave_status"), "ok");
}

TEST(RdbFiles, WhatACrashLeftHalfWrittenIsRemoved) {
  Server server;
  server.kill9();
  const std::vector<fs::path> left{server.directory() / "temp-dump.rdb", server.directory() / "appendonlydir" / "temp-base.rdb",
                                   server.directory() / "appendonlydir" / "temp-base.aof"};
  for (const fs::path& path : left) write_file(path, "REDIS0010");
  server.restart();
  for (const fs::path& path : left) {
    EXPECT_FALSE(fs::exists(path)) << path;
    EXPECT_TRUE(contains(server.log(), "removed " + path.native() + ", left by a crash"));
  }
}

TEST(RdbFiles, AVersionThatHasNoFormForAValueRefusesTheSaveAndNamesTheKey) {
  Server server{"--rdb-version", "9"};
  server.run("SET", "string", "value");
  EXPECT_EQ(server.run("SAVE"), "OK");
  server.run("XADD", "the stream", "1-1", "a", "b");
  const Reply refused = server.run("SAVE");
  if (refused.is_error()) {
    EXPECT_TRUE(contains(refused.text, "the stream"));
  } else {
    EXPECT_TRUE(read_file(server.directory() / "dump.rdb").starts_with("REDIS0009"));
  }
}

TEST(RdbFiles, ADamagedDumpStopsTheStartAndIsLeftAsItIs) {
  Server redis(redis_program(), kNoAof);
  fill(redis);
  redis.run("SAVE");
  const TemporaryDirectory directory;
  const fs::path dump = directory.path() / "dump.rdb";
  fs::copy_file(redis.directory() / "dump.rdb", dump);
  flip_byte_at(dump, fs::file_size(dump) / 2);
  const std::string before = read_file(dump);
  const Outcome outcome = failed_start({"--port", "0", "--dir", directory.path()});
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_TRUE(contains(outcome.output, dump.native()));
  EXPECT_EQ(read_file(dump), before);
  EXPECT_FALSE(fs::exists(directory.path() / "rocksdb.loading"));
  write_file(dump, "no RDB at all");
  EXPECT_TRUE(contains(failed_start({"--port", "0", "--dir", directory.path()}).output, "this is no RDB file"));
}

TEST(AppendOnlyDirectory, OfRedisIsTakenOverWhereItIs) {
  Server redis(redis_program(), kAof);
  fill(redis);
  redis.run("BGREWRITEAOF");
  redis.wait_until([&] { return redis.info("aof_rewrite_in_progress") == "0"; });
  redis.run("SET", "after", "the rewrite");
  redis.run("RPUSH", "list", "one more");
  const std::string expected = digest(redis);
  redis.terminate();
  const auto stele = server_on(stele_program(), redis.directory() / "appendonlydir", {});
  EXPECT_EQ(digest(*stele), expected);
  stele->run("SET", "new", "here");
  const std::string later = digest(*stele);
  // Before and after its files are replaced by a base of ours.
  stele->kill9();
  stele->restart();
  EXPECT_EQ(digest(*stele), later);
  stele->wait_until([&] { return stele->info("aof_rewrites") != "0" || stele->info("aof_base_size") != "0"; });
  stele->kill9();
  fs::remove_all(stele->directory() / "rocksdb");
  stele->restart();
  EXPECT_EQ(digest(*stele), later);
  const auto back = server_on(redis_program(), stele->directory() / "appendonlydir", kAof);
  EXPECT_EQ(digest(*back), later);
}

TEST(AppendOnlyDirectory, OfABusyServerCanBeCopiedAtAnyMomentAndStartsInRedis) {
  Server server{"--journal-segment-size", "1mb", "--auto-aof-rewrite-min-size", "300kb", "--auto-aof-rewrite-percentage", "20"};
  fill(server);
  std::atomic<bool> done{false};
  std::thread writer([&] {
    Client client = server.connect();
    for (int i = 0; !done; ++i) {
      client.send(std::vector<std::string>{"SET", fmt::format("busy:{}", i % 3000), fmt::format("{:0100}", i)});
      client.send(std::vector<std::string>{"RPUSH", fmt::format("busy list:{}", i % 50), std::to_string(i)});
      client.flush();
      client.read();
      client.read();
    }
  });
  for (int round = 0; round < 6; ++round) {
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    const TemporaryDirectory copy;
    // As cp -r would: the manifest, then what it names, until nothing was renamed or removed meanwhile.
    for (;;) {
      fs::remove_all(copy.path() / "appendonlydir");
      std::error_code error;
      const fs::path from = server.directory() / "appendonlydir";
      const std::string before = read_file(from / "appendonly.aof.manifest");
      fs::copy(from, copy.path() / "appendonlydir", fs::copy_options::recursive, error);
      if (!error && read_file(from / "appendonly.aof.manifest") == before) break;
    }
    const fs::path manifest = copy.path() / "appendonlydir" / "appendonly.aof.manifest";
    const auto redis = server_on(redis_program(), copy.path() / "appendonlydir", kAof);
    EXPECT_GE(redis->run("DBSIZE").integer(), 517) << read_file(manifest);
  }
  done = true;
  writer.join();
  EXPECT_NE(server.info("aof_rewrites"), "0");
  const std::string expected = digest(server);
  const auto redis = server_on(redis_program(), server.directory() / "appendonlydir", kAof);
  EXPECT_EQ(digest(*redis), expected);
}

TEST(AppendOnlyDirectory, AloneRebuildsTheStore) {
  Server server{"--journal-segment-size", "1mb"};
  fill(server);
  snapshot(server, "BGREWRITEAOF", "aof_rewrite_in_progress");
  server.wait_until([&] { return server.info("aof_rewrites") == "1"; });
  server.run("SET", "after", "the base");
  server.run("DEL", "key:1");
  const std::string expected = digest(server);
  const std::string offset = server.info("master_repl_offset");
  server.kill9();
  fs::remove_all(server.directory() / "rocksdb");
  server.restart();
  EXPECT_EQ(digest(server), expected);
  EXPECT_EQ(server.info("master_repl_offset"), offset);
  EXPECT_EQ(server.run("FCALL", "f", 0).integer(), 1);
}

/// Everything of the streams that a digest leaves out.
std::string groups(Server& server) {
  std::string text;
  for (const int db : {0, 3, 15}) {
    Client client = server.connect();
    client.run("SELECT", db);
    for (const char* key : {"stream", "empty stream", "read stream"}) {
      for (const auto& command : std::vector<std::vector<std::string>>{{"XINFO", "GROUPS", key},
                                                                       {"XPENDING", key, "group", "-", "+", "100"},
                                                                       {"XREVRANGE", key, "+", "-", "COUNT", "1"}}) {
        std::ostringstream out;
        out << client.run_arguments(command);
        // How long ago it was delivered depends on when one asks.
        text += std::regex_replace(out.str(), std::regex("((alice|bob)\", \\(integer\\) )[0-9]+"), "$1N") + "\n";
      }
    }
  }
  return text;
}

TEST(AppendOnlyDirectory, ABaseOfCommandsHoldsAllThatAnRdbHolds) {
  Server server{"--aof-use-rdb-preamble", "no", "--journal-segment-size", "1mb"};
  fill(server);
  for (const int db : {0, 3, 15}) {
    Client client = server.connect();
    client.run("SELECT", db);
    client.run("XGROUP", "CREATE", "empty stream", "group", "$", "MKSTREAM");
    client.run("XGROUP", "CREATECONSUMER", "empty stream", "group", "idle");
    client.run("XADD", "read stream", "7-7", "a", "b");
    client.run("XADD", "read stream", "8-1", "a", "b", "c", "d");
    client.run("XGROUP", "CREATE", "read stream", "group", "7-7", "ENTRIESREAD", 1);
    client.run("XREADGROUP", "GROUP", "group", "bob", "STREAMS", "read stream", ">");
    client.run("XACK", "stream", "group", "5-1");  // deleted: neither server can claim it
    client.run("SADD", "set with -0", "-0", "0", "007");
    client.run("ZADD", "negative zero", "-0", "member", "1e300", "large", "1e-300", "small");
  }
  snapshot(server, "BGREWRITEAOF", "aof_rewrite_in_progress");
  const fs::path dir = server.directory() / "appendonlydir";
  ASSERT_TRUE(fs::exists(dir / "appendonly.aof.1.base.aof")) << server.log();
  EXPECT_TRUE(read_file(dir / "appendonly.aof.1.base.aof").starts_with("*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n*3\r\n$8\r\nFUNCTION\r\n"));
  server.run("SET", "after", "the base");
  const std::string expected = digest(server);
  const std::string expected_groups = groups(server);
  server.kill9();
  EXPECT_EQ(run_program("redis-check-aof", {dir / "appendonly.aof.manifest"}).exit_code, 0);
  const auto redis = server_on(redis_program(), dir, kAof);
  EXPECT_EQ(digest(*redis), expected);
  EXPECT_EQ(groups(*redis), expected_groups);
  EXPECT_EQ(redis->run("PEXPIRETIME", "large hash").integer(), 4'000'000'000'000);
  EXPECT_EQ(redis->run("FCALL", "f", 0).integer(), 1);
  // The base alone, without the store.
  fs::remove_all(server.directory() / "rocksdb");
  server.restart();
  EXPECT_EQ(digest(server), expected);
  EXPECT_EQ(groups(server), expected_groups);
  EXPECT_EQ(server.run("FCALL", "f", 0).integer(), 1);
  // Live, and the next one replaces it whatever its form.
  server.run("CONFIG", "SET", "aof-use-rdb-preamble", "yes");
  snapshot(server, "BGREWRITEAOF", "aof_rewrite_in_progress");
  server.wait_until([&] { return fs::exists(dir / "appendonly.aof.2.base.rdb") && !fs::exists(dir / "appendonly.aof.1.base.aof"); });
  const auto again = server_on(redis_program(), dir, kAof);
  EXPECT_EQ(digest(*again), expected);
}

TEST(AppendOnlyDirectory, WithTimestampsIsLoadedByRedisAndReplayed) {
  Server server{"--aof-use-rdb-preamble", "no"};
  server.run("SET", "before", 1);
  EXPECT_FALSE(contains(read_file(newest_segment(server)), "#TS:"));
  EXPECT_EQ(server.run("CONFIG", "SET", "aof-timestamp-enabled", "yes"), "OK");
  fill(server);
  EXPECT_TRUE(contains(read_file(newest_segment(server)), "\r\n#TS:"));
  snapshot(server, "BGREWRITEAOF", "aof_rewrite_in_progress");
  server.run("SET", "after", 1);
  const std::string expected = digest(server);
  server.kill9();
  const fs::path dir = server.directory() / "appendonlydir";
  EXPECT_TRUE(read_file(dir / "appendonly.aof.1.base.aof").starts_with("#TS:"));
  EXPECT_EQ(run_program("redis-check-aof", {dir / "appendonly.aof.manifest"}).exit_code, 0);
  const auto redis = server_on(redis_program(), dir, kAof);
  EXPECT_EQ(digest(*redis), expected);
  server.restart();
  EXPECT_EQ(digest(server), expected);
  server.kill9();
  fs::remove_all(server.directory() / "rocksdb");
  server.restart();
  EXPECT_EQ(digest(server), expected);
}

TEST(AppendOnlyDirectory, LostIsSaidAndTheCheckpointServesOnRequest) {
  Server server;
  fill(server);
  EXPECT_EQ(server.run("SAVE"), "OK");
  const std::string expected = digest(server);
  server.run("SET", "not", "in the checkpoint");
  server.kill9();
  fs::rename(server.directory() / "appendonlydir", server.directory() / "aside");
  const Outcome refused = failed_restart(server);
  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_TRUE(contains(refused.output, "--recover-from-checkpoint yes"));
  server.restart({"--recover-from-checkpoint", "yes"});
  EXPECT_EQ(digest(server), expected);
  EXPECT_TRUE(contains(server.log(), "started from the checkpoint at offset"));
  server.wait_until([&] { return server.info("aof_rewrites") == "1"; });
  const auto redis = server_on(redis_program(), server.directory() / "appendonlydir", kAof);
  EXPECT_EQ(digest(*redis), expected);
}

TEST(AppendOnlyDirectory, OfAnotherServerIsLoadedInThePlaceOfTheStoreIfAllowed) {
  RedisServer redis;
  redis.run("SET", "from", "redis");
  redis.terminate();
  Server server;
  server.run("SET", "from", "stele");
  server.terminate();
  fs::remove_all(server.directory() / "appendonlydir");
  fs::copy(redis.directory() / "appendonlydir", server.directory() / "appendonlydir", fs::copy_options::recursive);
  EXPECT_TRUE(contains(failed_restart(server).output, "while the store beside it holds other data"));
  server.restart({"--load-replaced-files", "yes"});
  EXPECT_EQ(server.run("GET", "from"), "redis");
  // The other data are still there; and the files are ours by now.
  EXPECT_TRUE(contains(server.log(), "set aside as rocksdb.replaced-"));
  server.run("SET", "and", "then");
  server.restart();
  EXPECT_EQ(server.run("GET", "and"), "then");
  int aside = 0;
  for (const auto& entry : fs::directory_iterator(server.directory())) aside += entry.path().filename().native().starts_with("rocksdb.replaced-");
  EXPECT_EQ(aside, 1);
}

TEST(AppendOnlyDirectory, AStoreOlderThanTheBaseGivesWayToIt) {
  Server server{"--journal-segment-size", "1mb", "--journal-retain-size", "0"};
  fill(server);
  EXPECT_EQ(server.run("SAVE"), "OK");
  server.kill9();
  fs::copy(server.directory() / "rocksdb", server.directory() / "older", fs::copy_options::recursive);
  server.restart();
  for (int i = 0; i < 100; ++i) server.run("SET", fmt::format("more:{}", i), std::string(30'000, 'x'));
  server.run("BGREWRITEAOF");
  server.wait_until([&] { return server.info("aof_rewrites") == "1"; });
  server.run("SAVE");  // trims
  server.wait_until([&] { return !fs::exists(server.directory() / "appendonlydir" / "appendonly.aof.1.incr.aof"); });
  const std::string expected = digest(server);
  server.kill9();
  fs::remove_all(server.directory() / "rocksdb");
  fs::rename(server.directory() / "older", server.directory() / "rocksdb");
  server.restart();
  EXPECT_EQ(digest(server), expected);
}

TEST(Loading, IsSaidToClientsWhoMayLookOnMeanwhile) {
  Server server;
  server.kill9();
  fs::remove_all(server.directory());
  fs::create_directory(server.directory());
  // Commands take longer to load than an RDB of the same size: this many are under way for a while.
  std::string aof = "*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n";
  for (int i = 0; i < 1'500'000; ++i) aof += fmt::format("*3\r\n$4\r\nSADD\r\n$3\r\nkey\r\n$7\r\n{}\r\n", 1'000'000 + i);
  write_file(server.directory() / "appendonly.aof", aof);
  server.spawn();
  std::optional<Client> client;
  ASSERT_TRUE(wait_until([&] {
    try {
      client = server.connect();
      return true;
    } catch (const ConnectionLost&) {
      return false;
    }
  }));
  EXPECT_EQ(client->run("SELECT", 0), "OK");
  EXPECT_EQ(client->run("GET", "key"), error("LOADING Redis is loading the dataset in memory"));
  EXPECT_EQ(client->run("DEBUG", "DIGEST"), error("LOADING Redis is loading the dataset in memory"));
  EXPECT_EQ(client->run("CONFIG", "SET", "appendfsync", "always"), "OK");
  const std::string info = client->run("INFO", "everything").text;
  EXPECT_TRUE(contains(info, "\r\nloading:1\r\n"));
  EXPECT_TRUE(contains(info, "\r\nloading_eta_seconds:"));
  EXPECT_EQ(client->run("CLIENT", "PAUSE", 1), "OK");
  EXPECT_EQ(client->run("SELECT", 0), "OK");
  server.wait_until_ready();
  EXPECT_EQ(client->run("SCARD", "key").integer(), 1'500'000) << "the connection lives on";
  EXPECT_EQ(server.info("loading"), "0");
}

TEST(Loading, EndsOnRequest) {
  Server server;
  server.kill9();
  fs::remove_all(server.directory());
  fs::create_directory(server.directory());
  std::string aof;
  for (int i = 0; i < 1'500'000; ++i) aof += fmt::format("*3\r\n$4\r\nSADD\r\n$3\r\nkey\r\n$7\r\n{}\r\n", 1'000'000 + i);
  write_file(server.directory() / "appendonly.aof", aof);
  server.spawn();
  ASSERT_TRUE(wait_until([&] {
    try {
      return server.connect().run("SHUTDOWN", "NOSAVE").null;
    } catch (const ConnectionLost&) {
      return !server.running();
    }
  }));
  EXPECT_EQ(server.wait_until_ended(), 0);
  EXPECT_FALSE(fs::exists(server.directory() / "rocksdb" / "CURRENT") && fs::exists(server.directory() / "appendonlydir"));
}

TEST(AppendOnlyDirectory, OldSingleFilesAreLoaded) {
  Server server;
  server.kill9();
  fs::remove_all(server.directory());
  fs::create_directory(server.directory());
  write_file(server.directory() / "appendonly.aof",
             "*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$5\r\nvalue\r\n"
             "*1\r\n$5\r\nMULTI\r\n*3\r\n$5\r\nRPUSH\r\n$1\r\nl\r\n$1\r\na\r\n*1\r\n$4\r\nEXEC\r\n*3\r\n$3\r\nSET\r\n$3\r\nto");
  server.restart();
  EXPECT_EQ(server.run("GET", "key"), "value");
  EXPECT_EQ(server.run("LLEN", "l").integer(), 1);
  EXPECT_EQ(server.run("DBSIZE").integer(), 2);
  EXPECT_TRUE(contains(server.log(), "aof-load-truncated"));
  server.kill9();
  server.restart();
  EXPECT_EQ(server.run("DBSIZE").integer(), 2);
}

TEST(AppendOnlyDirectory, AppendonlyNoLetsGoOfTheBase) {
  Server server{"--journal-segment-size", "1mb"};
  server.run("SET", "key", "value");
  server.run("BGREWRITEAOF");
  server.wait_until([&] { return server.info("aof_rewrites") == "1"; });
  EXPECT_NE(server.info("aof_base_size"), "0");
  server.run("CONFIG", "SET", "appendonly", "no");
  server.wait_until([&] {
    for (int i = 0; i < 12; ++i) server.run("SET", fmt::format("key:{}", i), std::string(300'000, 'x'));
    server.run("SAVE");
    return !fs::exists(server.directory() / "appendonlydir" / "appendonly.aof.1.base.rdb");
  });
  server.run("CONFIG", "SET", "appendonly", "yes");
  server.wait_until([&] { return server.info("aof_rewrites") == "2"; });
  const auto redis = server_on(redis_program(), server.directory() / "appendonlydir", kAof);
  EXPECT_EQ(digest(*redis), digest(server));
}

}  // namespace
}  // namespace stele::test
