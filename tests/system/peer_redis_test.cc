// Replication with another Redis or Valkey than Debian's: $STELE_PEER_REDIS is its server's path. Skipped without it.
#include <cstdlib>

#include <fmt/format.h>

#include "tests/system/replication_fixture.h"

namespace stele::test {
namespace {

class PeerRedis : public ::testing::Test {
 protected:
  void SetUp() override {
    const char* const path = std::getenv("STELE_PEER_REDIS");
    if (path == nullptr) GTEST_SKIP() << "set STELE_PEER_REDIS to a redis-server or valkey-server of another version";
    program_.path = path;
    program_.has_debug_directive = run_program(path, {"--version"}).output.find("v=6.") == std::string::npos;
  }

  static void fill(Server& server) {
    server.run("SET", "string", "value");
    server.run("SET", "number", 42);
    server.run("SET", "expires", "later", "EX", 1000);
    server.run("RPUSH", "list", "a", "b", std::string(10000, 'l'));
    server.run("SADD", "intset", 1, 2, 3);
    server.run("SADD", "set", "a", "b", "c");
    server.run("ZADD", "zset", 1, "one", 2, "two");
    server.run("HSET", "hash", "field", "value", "other", std::string(1000, 'h'));
    server.run("XADD", "stream", "1-1", "field", "value");
    server.run("XGROUP", "CREATE", "stream", "group", 0);
    server.run("XREADGROUP", "GROUP", "group", "consumer", "STREAMS", "stream", ">");
    server.run("PFADD", "hyperloglog", "a", "b", "c");
    server.run("EVAL", "redis.call('SET', KEYS[1], ARGV[1]) return redis.call('INCR', KEYS[2])", 2, "by-script", "number", "x");
  }

  static void expect_alike(Server& one, Server& other) {
    EXPECT_EQ(one.run("DBSIZE"), other.run("DBSIZE"));
    EXPECT_EQ(one.run("DEBUG", "DIGEST"), other.run("DEBUG", "DIGEST"));
  }

  Program program_{.path = {}, .name = "redis-server"};
};

TEST_F(PeerRedis, AsThePrimary) {
  Server primary(program_, {"--repl-diskless-sync-delay", "0"});
  fill(primary);
  Server replica(following(primary));
  wait_in_step(primary, replica);
  fill(primary);
  primary.run("DEL", "set");
  wait_in_step(primary, replica);
  expect_alike(primary, replica);
  replica.kill9();
  primary.run("SET", "meanwhile", "1");
  replica.restart();
  wait_in_step(primary, replica);
  expect_alike(primary, replica);
  EXPECT_EQ(primary.info("sync_full"), "1");
}

TEST_F(PeerRedis, AsTheReplica) {
  Server primary{"--repl-diskless-sync-delay", "0"};
  fill(primary);
  Server replica(program_, {"--replicaof", "127.0.0.1", std::to_string(primary.port())});
  wait_in_step(primary, replica);
  fill(primary);
  primary.run("DEL", "set");
  primary.run("CLIENT", "KILL", "TYPE", "replica");
  primary.run("SET", "meanwhile", "1");
  wait_in_step(primary, replica);
  expect_alike(primary, replica);
  EXPECT_EQ(primary.info("sync_full"), "1");
}

}  // namespace
}  // namespace stele::test
