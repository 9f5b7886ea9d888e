// A primary and its replicas as operators and clients see them: INFO, ROLE, WAIT, what is refused and what is said why.
#include <signal.h>

#include <fmt/format.h>

#include "tests/system/replication_fixture.h"

namespace stele::test {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

const Reply kReadOnly = error("READONLY You can't write against a read only replica.");

std::string words(const Reply& reply) {
  if (!reply.is_aggregate()) return reply.null ? "(nil)" : reply.text;
  std::string text = "[";
  for (const Reply& element : reply.elements) text += (text.size() > 1 ? " " : "") + words(element);
  return text + "]";
}

/// Held back by SIGSTOP, as a machine that does not answer is.
class Stopped {
 public:
  explicit Stopped(const Server& server) : pid_(server.pid()) { ::kill(pid_, SIGSTOP); }
  ~Stopped() { ::kill(pid_, SIGCONT); }
  Stopped(const Stopped&) = delete;
  Stopped& operator=(const Stopped&) = delete;

 private:
  const pid_t pid_;
};

class Replication : public ::testing::Test {
 protected:
  Server primary_{"--repl-diskless-sync-delay", "0"};
};

TEST_F(Replication, APrimaryWithAPasswordIsFollowedByWhoKnowsIt) {
  primary_.run("CONFIG", "SET", "requirepass", "mypassword");
  ASSERT_EQ(primary_.run("AUTH", "mypassword"), "OK");
  primary_.run("SET", "user:1", "Ann");
  Server replica(following(primary_, {"--masterauth", "mypassword"}));
  wait_in_step(primary_, replica);

  EXPECT_EQ(primary_.info("role"), "master");
  EXPECT_EQ(primary_.info("connected_slaves"), "1");
  primary_.wait_until([&] {
    return contains(primary_.info("slave0"), fmt::format("ip=127.0.0.1,port={},state=online,offset={},lag=",
                                                         replica.port(), primary_.info("master_repl_offset")));
  });
  EXPECT_EQ(replica.info("role"), "slave");
  EXPECT_EQ(replica.info("master_host"), "127.0.0.1");
  EXPECT_EQ(replica.info("master_port"), std::to_string(primary_.port()));
  EXPECT_EQ(replica.info("master_link_status"), "up");
  EXPECT_EQ(replica.info("master_sync_in_progress"), "0");
  EXPECT_EQ(replica.info("slave_read_only"), "1");
  EXPECT_EQ(replica.info("slave_repl_offset"), primary_.info("master_repl_offset"));
  EXPECT_EQ(replica.info("master_replid"), primary_.info("master_replid"));
  EXPECT_EQ(replica.run("GET", "user:1"), "Ann");

  primary_.run("SET", "user:2", "Bob");
  replica.wait_until([&] { return replica.run("GET", "user:2") == "Bob"; });
}

TEST_F(Replication, AReplicaRefusesWritesHoweverTheyCome) {
  Server replica(following(primary_));
  wait_in_step(primary_, replica);
  EXPECT_EQ(replica.run("SET", "k", "v"), kReadOnly);
  EXPECT_EQ(replica.run("FLUSHALL"), kReadOnly);
  EXPECT_EQ(replica.run("FUNCTION", "FLUSH"), kReadOnly);
  EXPECT_TRUE(contains(replica.run("EVAL", "return redis.call('SET', KEYS[1], 'v')", 1, "k").text, "READONLY"));
  EXPECT_EQ(replica.run("MULTI"), "OK");
  EXPECT_EQ(replica.run("SET", "k", "v"), kReadOnly);
  EXPECT_TRUE(replica.run("EXEC").text.starts_with("EXECABORT"));
  EXPECT_EQ(replica.run("DBSIZE"), "0");
}

TEST_F(Replication, AWritableReplicaTakesWritesForItselfAlone) {
  Server replica(following(primary_, {"--replica-read-only", "no"}));
  wait_in_step(primary_, replica);
  EXPECT_EQ(replica.run("SET", "mine", "v"), "OK");
  EXPECT_EQ(replica.run("GET", "mine"), "v");
  primary_.run("SET", "k", "v");
  wait_in_step(primary_, replica);
  EXPECT_EQ(primary_.run("EXISTS", "mine"), "0");
  EXPECT_EQ(primary_.info("sync_full"), "1");
}

TEST_F(Replication, AWrongOrMissingPasswordIsSaidInInfoAndInTheLog) {
  primary_.run("CONFIG", "SET", "requirepass", "mypassword");
  ASSERT_EQ(primary_.run("AUTH", "mypassword"), "OK");
  Server replica(following(primary_));
  replica.wait_until([&] { return contains(replica.info("master_link_error"), "NOAUTH"); });
  EXPECT_TRUE(contains(replica.info("master_link_error"), "masterauth"));
  EXPECT_EQ(replica.info("master_link_status"), "down");

  replica.run("CONFIG", "SET", "masterauth", "wrong");
  replica.wait_until([&] { return contains(replica.info("master_link_error"), "WRONGPASS"); });
  EXPECT_TRUE(contains(replica.info("master_link_error"), "masterauth"));
  EXPECT_TRUE(contains(replica.log(), "WRONGPASS"));
  EXPECT_EQ(replica.info("master_link_status"), "down");

  replica.run("CONFIG", "SET", "masterauth", "mypassword");
  wait_in_step(primary_, replica);
  EXPECT_EQ(replica.info("master_link_error"), "");
}

TEST_F(Replication, AUserOfTheAccessListCanBeTheReplicas) {
  primary_.run("ACL", "SETUSER", "copier", "on", ">secret", "+psync", "+replconf", "+ping");
  primary_.run("CONFIG", "SET", "requirepass", "other");
  ASSERT_EQ(primary_.run("AUTH", "other"), "OK");
  primary_.run("SET", "k", "v");
  Server replica(following(primary_, {"--masteruser", "copier", "--masterauth", "secret"}));
  wait_in_step(primary_, replica);
  EXPECT_EQ(replica.run("GET", "k"), "v");
}

TEST_F(Replication, RoleTellsBothSides) {
  primary_.run("SET", "k", "v");
  const std::string offset = primary_.info("master_repl_offset");
  EXPECT_EQ(words(primary_.run("ROLE")), fmt::format("[master {} []]", offset));
  Server replica(following(primary_));
  wait_in_step(primary_, replica);
  const std::string at = primary_.info("master_repl_offset");
  primary_.wait_until([&] {
    return words(primary_.run("ROLE")) == fmt::format("[master {} [[127.0.0.1 {} {}]]]", at, replica.port(), at);
  });
  EXPECT_EQ(words(replica.run("ROLE")), fmt::format("[slave 127.0.0.1 {} connected {}]", primary_.port(), at));
  primary_.kill9();
  replica.wait_until([&] { return replica.info("master_link_status") == "down"; });
  const std::string down = words(replica.run("ROLE"));
  EXPECT_TRUE(down == fmt::format("[slave 127.0.0.1 {} connect -1]", primary_.port()) ||
              down == fmt::format("[slave 127.0.0.1 {} connecting -1]", primary_.port()))
      << down;
}

TEST_F(Replication, WaitCountsTheReplicasThatHaveIt) {
  EXPECT_EQ(primary_.run("WAIT", 0, 0), "0");
  Server replica(following(primary_));
  wait_in_step(primary_, replica);
  primary_.run("SET", "k", "v");
  EXPECT_EQ(primary_.run("WAIT", 1, 10'000), "1");
  EXPECT_EQ(replica.run("GET", "k"), "v");
  const auto began = Clock::now();
  EXPECT_EQ(primary_.run("WAIT", 2, 200), "1");
  EXPECT_GE(Clock::now() - began, 190ms);
  {
    const Stopped stopped(replica);
    primary_.run("SET", "k", "w");
    EXPECT_EQ(primary_.run("WAIT", 1, 100), "0");
    primary_.run("MULTI");
    primary_.run("SET", "k", "x");
    primary_.run("WAIT", 1, 0);
    EXPECT_EQ(words(primary_.run("EXEC")), "[OK 0]") << "in a transaction it does not wait";
  }
  EXPECT_EQ(primary_.run("WAIT", 1, 10'000), "1");
  EXPECT_EQ(primary_.run("WAIT", -1, 0), error("ERR value is out of range, must be positive"));
  EXPECT_EQ(primary_.run("WAIT", "x", 0), error("ERR value is not an integer or out of range"));
  EXPECT_EQ(primary_.run("WAIT", 1, -1), error("ERR timeout is negative"));
  EXPECT_TRUE(replica.run("WAIT", 1, 100).text.starts_with("ERR WAIT cannot be used with replica instances."));
}

TEST_F(Replication, ManyWhoWaitAreAnsweredByOneRoundOfAcknowledgements) {
  Server replica(following(primary_));
  wait_in_step(primary_, replica);
  std::vector<Client> clients;
  for (int i = 0; i < 50; ++i) {
    clients.push_back(primary_.connect(10s));
    clients.back().send(std::vector<std::string>{"SET", "k" + std::to_string(i), "v"});
    clients.back().send(std::vector<std::string>{"WAIT", "1", "0"});
    clients.back().flush();
  }
  for (Client& client : clients) {
    EXPECT_EQ(client.read(), "OK");
    EXPECT_EQ(client.read(), "1");
  }
}

TEST_F(Replication, WaitaofCountsWhoHasItOnDisk) {
  EXPECT_EQ(words(primary_.run("WAITAOF", 0, 0, 0)).substr(0, 1), "[");
  Server replica(following(primary_, {"--appendfsync", "always"}));
  wait_in_step(primary_, replica);
  primary_.run("SET", "k", "v");
  EXPECT_EQ(words(primary_.run("WAITAOF", 1, 1, 10'000)), "[1 1]");
  {
    const Stopped stopped(replica);
    primary_.run("SET", "k", "w");
    EXPECT_EQ(words(primary_.run("WAITAOF", 1, 1, 1500)), "[1 0]");
  }
  EXPECT_EQ(words(primary_.run("WAITAOF", 0, 1, 10'000)).substr(3), "1]");
  EXPECT_EQ(primary_.run("WAITAOF", 2, 0, 0), error("ERR value is out of range"));
  EXPECT_TRUE(replica.run("WAITAOF", 0, 0, 0).text.starts_with("ERR WAITAOF cannot be used with replica instances."));
  primary_.run("CONFIG", "SET", "appendonly", "no");
  EXPECT_EQ(primary_.run("WAITAOF", 1, 0, 0),
            error("ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled."));
}

TEST_F(Replication, TooFewReplicasInTouchEndWrites) {
  const Reply refused = error("NOREPLICAS Not enough good replicas to write.");
  primary_.run("CONFIG", "SET", "min-replicas-to-write", 1, "min-replicas-max-lag", 1);
  EXPECT_EQ(primary_.run("SET", "k", "v"), refused);
  EXPECT_TRUE(primary_.run("GET", "k").null);
  Server replica(following(primary_));
  primary_.wait_until([&] { return primary_.run("SET", "k", "v") == "OK"; });
  EXPECT_EQ(primary_.info("min_slaves_good_slaves"), "1");
  {
    const Stopped stopped(replica);
    primary_.wait_until([&] { return primary_.run("SET", "k", "v") == refused; });
    EXPECT_EQ(primary_.info("min_slaves_good_slaves"), "0");
  }
  primary_.wait_until([&] { return primary_.run("SET", "k", "v") == "OK"; });
  primary_.run("CONFIG", "SET", "min-replicas-to-write", 2);
  EXPECT_EQ(primary_.run("SET", "k", "v"), refused);
  EXPECT_EQ(replica.run("GET", "k"), "v") << "reads are served all the same";
}

TEST_F(Replication, StaleDataAreServedOrNotAsConfigured) {
  primary_.run("SET", "k", "v");
  Server replica(following(primary_));
  wait_in_step(primary_, replica);
  primary_.kill9();
  replica.wait_until([&] { return replica.info("master_link_status") == "down"; });
  EXPECT_EQ(replica.run("GET", "k"), "v");
  const Reply down = error("MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.");
  EXPECT_EQ(replica.run("CONFIG", "SET", "replica-serve-stale-data", "no"), "OK");
  EXPECT_EQ(replica.run("GET", "k"), down);
  EXPECT_EQ(replica.run("EVAL", "return 1", 0), "1") << "as in Redis: what it reads is asked for then";
  EXPECT_TRUE(replica.run("EVAL", "return redis.call('GET', 'k')", 0).is_error());
  EXPECT_EQ(replica.info("role"), "slave");
  EXPECT_EQ(replica.run("REPLICAOF", "NO", "ONE"), "OK");
  EXPECT_EQ(replica.run("GET", "k"), "v");
}

TEST_F(Replication, ClientListAndClientKillKnowTheKinds) {
  primary_.run("SET", "k", "u");  // a replica of an empty stream has nothing to resume
  Server replica(following(primary_));
  wait_in_step(primary_, replica);
  EXPECT_TRUE(contains(primary_.run("CLIENT", "LIST", "TYPE", "replica").text, " flags=S "));
  EXPECT_TRUE(contains(replica.run("CLIENT", "LIST", "TYPE", "master").text, " flags=M "));
  EXPECT_EQ(primary_.run("CLIENT", "KILL", "TYPE", "slave"), "1");
  primary_.wait_until([&] { return number(primary_, "sync_partial_ok") == 1; });
  wait_in_step(primary_, replica);
  EXPECT_EQ(replica.run("CLIENT", "KILL", "TYPE", "master"), "1");
  primary_.wait_until([&] { return number(primary_, "sync_partial_ok") == 2; });
  primary_.run("SET", "k", "v");
  wait_in_step(primary_, replica);
  EXPECT_EQ(replica.run("GET", "k"), "v");
  EXPECT_EQ(primary_.info("sync_full"), "1");
}

TEST_F(Replication, MessagesReachSubscribersOnReplicas) {
  Server replica(following(primary_));
  Server below(following(replica));
  RedisServer stock(following(primary_));
  for (Server* const server : {&replica, &below, static_cast<Server*>(&stock)}) {
    server->wait_until([&] { return in_step(primary_, *server); });
    Client all = server->connect(10s), shard = server->connect(10s);
    all.run("SUBSCRIBE", "news");
    shard.run("SSUBSCRIBE", "sharded");
    EXPECT_EQ(primary_.run("PUBLISH", "news", "one"), "0") << "only its own subscribers are counted";
    EXPECT_EQ(primary_.run("SPUBLISH", "sharded", "two"), "0");
    EXPECT_EQ(words(all.read()), "[message news one]");
    EXPECT_EQ(words(shard.read()), "[smessage sharded two]");
    EXPECT_EQ(server->run("PUBLISH", "news", "local"), "1");
    EXPECT_EQ(words(all.read()), "[message news local]");
  }
}

TEST_F(Replication, MessagesOfAStockPrimaryReachSubscribersOnOurs) {
  RedisServer stock{"--repl-diskless-sync-delay", "0"};
  Server replica(following(stock));
  wait_in_step(stock, replica);
  Client all = replica.connect(10s), shard = replica.connect(10s);
  all.run("SUBSCRIBE", "news");
  shard.run("SSUBSCRIBE", "sharded");
  stock.run("PUBLISH", "news", "one");
  stock.run("SPUBLISH", "sharded", "two");
  EXPECT_EQ(words(all.read()), "[message news one]");
  EXPECT_EQ(words(shard.read()), "[smessage sharded two]");
}

TEST_F(Replication, FunctionsComeAndGoOnAReplicaHoweverTheyDoOnThePrimary) {
  const auto library = [](std::string_view name) {
    return fmt::format(
        "#!lua name={0}\nredis.register_function{{function_name='{0}', callback=function() return '{0}' end, "
        "flags={{'no-writes'}}}}",
        name);
  };
  Server replica(following(primary_));
  wait_in_step(primary_, replica);
  primary_.run("FUNCTION", "LOAD", library("a"));
  primary_.run("MULTI");
  primary_.run("FUNCTION", "LOAD", library("b"));
  primary_.run("SET", "k", "v");
  primary_.run("EXEC");
  wait_in_step(primary_, replica);
  EXPECT_EQ(replica.run("FCALL_RO", "a", 0), "a");
  EXPECT_EQ(replica.run("FCALL_RO", "b", 0), "b");
  primary_.run("FUNCTION", "DELETE", "a");
  wait_in_step(primary_, replica);
  EXPECT_EQ(replica.run("FCALL_RO", "a", 0), error("ERR Function not found"));
  EXPECT_EQ(replica.run("FUNCTION", "LIST").elements.size(), 1u);
  primary_.run("MULTI");
  primary_.run("FUNCTION", "FLUSH");
  primary_.run("EXEC");
  wait_in_step(primary_, replica);
  EXPECT_EQ(replica.run("FUNCTION", "LIST").elements.size(), 0u);
}

// The estimate is kept in the value, and a replica's values are its primary's.
TEST_F(Replication, PfcountIsFollowedAndChangesNothingWhereItIsAsked) {
  Server replica(following(primary_));
  wait_in_step(primary_, replica);
  primary_.run("PFADD", "p", "a", "b", "c");
  wait_in_step(primary_, replica);
  EXPECT_EQ(replica.run("PFCOUNT", "p"), "3");
  EXPECT_EQ(digest(replica), digest(primary_));
  EXPECT_EQ(primary_.run("PFCOUNT", "p"), "3");
  wait_in_step(primary_, replica);
  EXPECT_EQ(digest(replica), digest(primary_));
  EXPECT_EQ(primary_.info("sync_full"), "1");
}

TEST_F(Replication, WhatHasExpiredIsHiddenOnAReplicaUntilThePrimaryDeletesIt) {
  Server replica(following(primary_));
  wait_in_step(primary_, replica);
  primary_.run("DEBUG", "SET-ACTIVE-EXPIRE", 0);
  primary_.run("SET", "k", "v", "PX", 50);
  primary_.run("HSET", "h", "f", "v");
  primary_.run("PEXPIRE", "h", 50);
  wait_in_step(primary_, replica);
  replica.wait_until([&] { return replica.run("GET", "k").null; });
  EXPECT_EQ(replica.run("EXISTS", "k"), "0");
  EXPECT_EQ(replica.run("TTL", "k"), "-2");
  replica.wait_until([&] { return replica.run("HGETALL", "h").elements.empty(); });
  EXPECT_EQ(replica.run("DBSIZE"), "2") << "only the primary decides that they are gone";
  EXPECT_TRUE(primary_.run("GET", "k").null);
  EXPECT_EQ(primary_.run("EXISTS", "h"), "0");
  wait_in_step(primary_, replica);
  EXPECT_EQ(replica.run("DBSIZE"), "0");
}

TEST_F(Replication, NonsenseIsRefusedAndWhatWasGoesOn) {
  Server replica(following(primary_));
  wait_in_step(primary_, replica);
  const Reply port = error("ERR Invalid master port");
  EXPECT_EQ(replica.run("REPLICAOF", "127.0.0.1", "x"), port);
  EXPECT_EQ(replica.run("REPLICAOF", "127.0.0.1", "65536"), port);
  EXPECT_EQ(replica.run("REPLICAOF", "127.0.0.1", "-1"), port);
  EXPECT_EQ(replica.run("REPLICAOF", "127.0.0.1", ""), port);
  EXPECT_EQ(replica.run("REPLICAOF", "127.0.0.1", 1, "NOW"), error("ERR syntax error"));
  EXPECT_TRUE(replica.run("REPLICAOF", "127.0.0.1").text.starts_with("ERR wrong number of arguments"));
  EXPECT_TRUE(replica.run("REPLICAOF", "127.0.0.1", 1, "FORCE", "x").text.starts_with("ERR wrong number of arguments"));
  EXPECT_EQ(replica.run("REPLICAOF", "127.0.0.1", primary_.port()), "OK Already connected to specified master");
  EXPECT_TRUE(in_step(primary_, replica));
  EXPECT_EQ(primary_.info("sync_partial_ok"), "0");
}

TEST_F(Replication, AServerThatFollowsItselfOrNobodyKeepsItsData) {
  primary_.run("SET", "k", "v");
  EXPECT_EQ(primary_.run("REPLICAOF", "127.0.0.1", primary_.port()), "OK");
  primary_.wait_until([&] { return !primary_.info("master_link_error").empty(); });
  EXPECT_EQ(primary_.info("master_link_status"), "down");
  EXPECT_EQ(primary_.run("GET", "k"), "v");
  EXPECT_EQ(primary_.run("REPLICAOF", "no-such-host.invalid", 6379), "OK");
  primary_.wait_until([&] { return contains(primary_.info("master_link_error"), "no-such-host.invalid"); });
  EXPECT_EQ(primary_.run("REPLICAOF", "NO", "ONE"), "OK");
  EXPECT_EQ(primary_.run("GET", "k"), "v");
  EXPECT_EQ(primary_.run("SET", "k", "w"), "OK");
}

TEST_F(Replication, TwoServersThatFollowEachOtherKeepTheirData) {
  Server other(following(primary_));
  primary_.run("SET", "k", "v");
  wait_in_step(primary_, other);
  EXPECT_EQ(primary_.run("REPLICAOF", "127.0.0.1", other.port()), "OK");
  other.wait_until(
      [&] { return other.info("master_link_status") == "down" || primary_.info("master_link_status") == "down"; });
  EXPECT_EQ(primary_.run("GET", "k"), "v");
  EXPECT_EQ(other.run("GET", "k"), "v");
  EXPECT_EQ(primary_.run("REPLICAOF", "NO", "ONE"), "OK");
  wait_in_step(primary_, other);
  primary_.run("SET", "k", "w");
  wait_in_step(primary_, other);
  EXPECT_EQ(other.run("GET", "k"), "w");
}

TEST_F(Replication, BlockedClientsOfAServerThatBecomesAReplicaAreToldSo) {
  Client client = primary_.connect(10s);
  client.send(std::vector<std::string>{"BLPOP", "list", "0"});
  client.flush();
  primary_.wait_until([&] { return primary_.info("blocked_clients") == "1"; });
  primary_.run("REPLICAOF", "127.0.0.1", 1);
  EXPECT_EQ(client.read(),
            error("UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)"));
}

TEST_F(Replication, AReplicaGivesTheAddressThatItIsToldTo) {
  Server replica(following(primary_, {"--replica-announce-ip", "203.0.113.7", "--replica-announce-port", "7000"}));
  wait_in_step(primary_, replica);
  primary_.wait_until([&] { return contains(primary_.info("slave0"), "ip=203.0.113.7,port=7000,state=online"); });
}

TEST_F(Replication, ConfigGetSaysWhoIsFollowed) {
  Server replica;
  replica.run("REPLICAOF", "127.0.0.1", primary_.port());
  wait_in_step(primary_, replica);
  EXPECT_EQ(replica.run("CONFIG", "GET", "replicaof").elements.at(1), "127.0.0.1 " + std::to_string(primary_.port()));
  replica.run("REPLICAOF", "NO", "ONE");
  EXPECT_EQ(replica.run("CONFIG", "GET", "replicaof").elements.at(1), "");
}

TEST_F(Replication, AValueLargerThanAnyBufferArrives) {
  primary_.run("CONFIG", "SET", "client-output-buffer-limit", "replica 1mb 1mb 1");
  Server replica(following(primary_));
  wait_in_step(primary_, replica);
  primary_.run("SET", "large", std::string(32 << 20, 'x'));
  primary_.run("APPEND", "large", "y");
  wait_in_step(primary_, replica);
  EXPECT_EQ(replica.run("STRLEN", "large").integer(), (32 << 20) + 1);
  EXPECT_EQ(primary_.info("sync_full"), "1");
  EXPECT_EQ(primary_.info("sync_partial_ok"), "0");
}

}  // namespace
}  // namespace stele::test
