#include <gtest/gtest.h>

#include "tests/system/system_fixture.h"

namespace stele::test {
namespace {

constexpr std::string_view kOutOfMemory = "OOM command not allowed when used memory > 'maxmemory'.";

class MaxMemory : public ::testing::Test {
 protected:
  /// Leaves room for `bytes` more. What the store's caches and the journal's buffer take is not counted.
  void limit_to(std::int64_t bytes) {
    const std::int64_t counted =
        std::stoll(server_.info("used_memory")) - std::stoll(server_.info("mem_not_counted_for_evict"));
    server_.run("CONFIG", "SET", "maxmemory", std::to_string(counted + bytes));
  }
  void fill(int keys, std::string_view prefix, bool volatile_keys) {
    std::vector<std::vector<std::string>> commands;
    for (int i = 0; i < keys; ++i) {
      commands.push_back({"SET", std::string(prefix) + std::to_string(i), std::string(1000, 'v')});
      if (volatile_keys) commands.back().insert(commands.back().end(), {"EX", std::to_string(10'000 + i)});
    }
    const std::string clients = server_.info("connected_clients");
    {
      Client client = server_.connect();
      pipeline(client, commands);
    }
    // The server gives the buffers of a client who has gone back a little later.
    server_.wait_until([&] { return server_.info("connected_clients") == clients; });
  }
  std::int64_t evicted() { return std::stoll(server_.info("evicted_keys")); }

  Server server_{"--maxmemory-eviction-tenacity", "100", "--latency-tracking", "no"};
};

TEST_F(MaxMemory, NoevictionRefusesWhatMayGrowAndNothingElse) {
  server_.run("SET", "k", "v");
  limit_to(-100'000);
  EXPECT_EQ(server_.run("SET", "k", "w"), error(kOutOfMemory));
  EXPECT_EQ(server_.run("GET", "k"), "v");
  EXPECT_EQ(server_.run("DEL", "k").integer(), 1);
  server_.run("CONFIG", "SET", "maxmemory", "0");
  EXPECT_EQ(server_.run("SET", "k", "w"), "OK");
}

TEST_F(MaxMemory, ATransactionThatMayGrowIsRefusedWhenItIsQueuedOrRun) {
  Client client = server_.connect();
  client.run("MULTI");
  EXPECT_EQ(client.run("SET", "k", "v"), "QUEUED");
  limit_to(-100'000);
  EXPECT_EQ(client.run("EXEC"), error("EXECABORT Transaction discarded because of: " + std::string(kOutOfMemory)));
  client.run("MULTI");
  EXPECT_EQ(client.run("GET", "k"), error(kOutOfMemory));
  EXPECT_EQ(client.run("DISCARD"), "OK");
}

TEST_F(MaxMemory, EveryPolicyStaysUnderTheLimitAndDeletesOnlyWhatItMay) {
  for (const std::string policy : {"allkeys-lru", "allkeys-lfu", "allkeys-random", "volatile-lru", "volatile-lfu",
                                   "volatile-random", "volatile-ttl"}) {
    SCOPED_TRACE(policy);
    server_.run("CONFIG", "SET", "maxmemory", "0", "maxmemory-policy", policy);
    server_.run("FLUSHALL");
    server_.run("CONFIG", "RESETSTAT");
    fill(500, "kept:", false);
    limit_to(1'000'000);
    fill(3000, "volatile:", true);
    EXPECT_GT(evicted(), 700);  // what 3000 keys take more than the 1,000,000 bytes that are left
    // What the client that filled it had is given back a little later.
    server_.wait_until([&] {
      return std::stoll(server_.info("used_memory")) < std::stoll(server_.info("maxmemory")) + 100'000;
    });
    if (!policy.starts_with("volatile")) continue;
    for (int i = 0; i < 500; i += 7) EXPECT_EQ(server_.run("EXISTS", "kept:" + std::to_string(i)).integer(), 1);
  }
}

TEST_F(MaxMemory, VolatileTtlDeletesWhatExpiresFirst) {
  server_.run("CONFIG", "SET", "maxmemory-policy", "volatile-ttl");
  fill(1000, "k", true);
  limit_to(-100'000);
  server_.wait_until([&] { return evicted() > 0; });
  const std::int64_t gone = evicted();
  ASSERT_LT(gone, 900);
  EXPECT_EQ(server_.run("EXISTS", "k" + std::to_string(gone - 1)).integer(), 0);
  EXPECT_EQ(server_.run("EXISTS", "k" + std::to_string(gone)).integer(), 1);
}

TEST_F(MaxMemory, EvictionIsInTheJournal) {
  server_.run("CONFIG", "SET", "maxmemory-policy", "allkeys-random");
  fill(1000, "k", false);
  limit_to(-200'000);
  server_.wait_until([&] { return evicted() > 100; });
  server_.run("CONFIG", "SET", "maxmemory", "0");
  const Reply digest = server_.run("DEBUG", "DIGEST");
  server_.kill9();
  server_.restart();
  EXPECT_EQ(server_.run("DEBUG", "DIGEST"), digest);
}

TEST_F(MaxMemory, TheLargestClientGoesFirstUnlessItIsProtected) {
  Client large = server_.connect(), larger = server_.connect(), spared = server_.connect();
  for (Client* client : {&large, &larger, &spared}) client->run("CLIENT", "SETNAME", "c");
  spared.run("CLIENT", "NO-EVICT", "ON");
  const auto half_sent = [&](Client& client, std::size_t bytes) {
    client.send_raw("*2\r\n$3\r\nGET\r\n$" + std::to_string(bytes + 1) + "\r\n" + std::string(bytes, 'x'));
    client.flush();
  };
  half_sent(large, 1'000'000), half_sent(larger, 2'000'000), half_sent(spared, 3'000'000);
  server_.wait_until([&] { return std::stoll(server_.info("mem_clients_normal")) > 6'000'000; });
  server_.run("CONFIG", "SET", "maxmemory-clients", "5mb");
  EXPECT_TRUE(larger.closed_by_server());
  EXPECT_EQ(server_.info("evicted_clients"), "1");
  server_.run("CONFIG", "SET", "maxmemory-clients", "3500000");
  EXPECT_TRUE(large.closed_by_server());
}

TEST_F(MaxMemory, ClientListNamesTheCommandThatRanLast) {
  Client other = server_.connect();
  other.run("CLIENT", "SETNAME", "other");
  const std::string lines = server_.run("CLIENT", "LIST").text;
  EXPECT_TRUE(contains(lines, "cmd=client|setname"));
}

}  // namespace
}  // namespace stele::test
