// FAILOVER: two servers change places. Whatever becomes of it, there is one primary afterwards, and it has every write that was
// acknowledged, but for those that FORCE gives up.
#include <signal.h>

#include <atomic>
#include <thread>

#include <fmt/format.h>

#include "tests/support/tcp_proxy.h"
#include "tests/system/replication_fixture.h"

namespace stele::test {
namespace {

using namespace std::chrono_literals;

const std::vector<std::string> kQuick{"--repl-diskless-sync-delay", "0"};

/// Clients that count, each in a key of its own, until they are told that the server does not take writes any more.
class Writers {
 public:
  Writers(const Server& server, int count) : acknowledged_(static_cast<std::size_t>(count)) {
    for (int i = 0; i < count; ++i) {
      threads_.emplace_back([this, i, client = server.connect()]() mutable {
        try {
          while (!stopping_) {
            const Reply reply = client.run("INCR", key(i));
            if (reply.type != ':') return;
            acknowledged_[static_cast<std::size_t>(i)] = std::stoll(reply.text);
          }
        } catch (const ConnectionLost&) {
        }
      });
    }
    wait_for(50);
  }
  ~Writers() { stop(); }
  Writers(const Writers&) = delete;
  Writers& operator=(const Writers&) = delete;

  static std::string key(int i) { return fmt::format("counter:{}", i); }
  std::int64_t total() const {
    std::int64_t sum = 0;
    for (const auto& each : acknowledged_) sum += each;
    return sum;
  }
  /// More acknowledged writes.
  void wait_for(std::int64_t more) {
    const std::int64_t target = total() + more;
    if (!wait_until([&] { return total() >= target; }, 20s)) throw std::runtime_error("the writers are stuck");
  }
  void stop() {
    stopping_ = true;
    for (std::thread& thread : threads_) {
      if (thread.joinable()) thread.join();
    }
  }
  /// Every acknowledged write, and none that was refused.
  void expect_all_on(Server& server) {
    stop();
    for (std::size_t i = 0; i < acknowledged_.size(); ++i) {
      EXPECT_EQ(server.run("GET", key(static_cast<int>(i))), std::to_string(acknowledged_[i]));
    }
  }

 private:
  std::vector<std::atomic<std::int64_t>> acknowledged_;
  std::atomic<bool> stopping_{false};
  std::vector<std::thread> threads_;
};

class Failover : public ::testing::Test {
 protected:
  Failover() : primary_(kQuick) {
    primary_.run("SET", "k", "before");
    replica_ = std::make_unique<Server>(following(primary_));
    wait_in_step(primary_, *replica_);
  }

  void stop_replica() { ::kill(replica_->pid(), SIGSTOP); }
  void continue_replica() { ::kill(replica_->pid(), SIGCONT); }
  void wait_for_state(std::string_view state) {
    primary_.wait_until([&] { return primary_.info("master_failover_state") == state; });
  }
  /// They have changed places.
  void expect_switched(Server& now_primary) {
    wait_for_state("no-failover");
    EXPECT_EQ(now_primary.info("role"), "master");
    EXPECT_EQ(primary_.info("role"), "slave");
    wait_in_step(now_primary, primary_);
    EXPECT_EQ(digest(now_primary), digest(primary_));
    EXPECT_EQ(now_primary.run("SET", "k", "after"), "OK");
    wait_in_step(now_primary, primary_);
    EXPECT_EQ(primary_.run("GET", "k"), "after");
  }
  /// Nothing has changed: clients write as before, and the replica follows.
  void expect_as_before() {
    EXPECT_EQ(primary_.info("role"), "master");
    EXPECT_EQ(primary_.run("SET", "k", "as before"), "OK");
    wait_in_step(primary_, *replica_);
    EXPECT_EQ(replica_->run("GET", "k"), "as before");
  }

  Server primary_;
  std::unique_ptr<Server> replica_;
};

TEST_F(Failover, UnderLoadNoAcknowledgedWriteIsLost) {
  Writers writers(primary_, 4);
  ASSERT_EQ(primary_.run("FAILOVER"), "OK");
  wait_for_state("no-failover");
  writers.expect_all_on(*replica_);
  expect_switched(*replica_);
  EXPECT_EQ(number(*replica_, "sync_full"), 0);
}

TEST_F(Failover, ThereAndBackAgainUnderLoad) {
  for (int round = 0; round < 6; ++round) {
    Server& from = round % 2 == 0 ? primary_ : *replica_;
    Server& to = round % 2 == 0 ? *replica_ : primary_;
    {
      Writers writers(from, 2);
      ASSERT_EQ(from.run("FAILOVER", "TO", "127.0.0.1", to.port(), "TIMEOUT", 10000), "OK");
      from.wait_until([&] { return from.info("role") == "slave" && from.info("master_failover_state") == "no-failover"; });
      writers.expect_all_on(to);
    }
    EXPECT_EQ(to.info("role"), "master");
    wait_in_step(to, from);
    to.run("FLUSHALL");
    wait_in_step(to, from);
  }
  EXPECT_EQ(number(primary_, "sync_full"), 1);
  EXPECT_EQ(number(*replica_, "sync_full"), 0);
}

TEST_F(Failover, ItTakesTheReplicaThatHasEverything) {
  Server other(following(primary_));
  wait_in_step(primary_, other);
  stop_replica();
  primary_.run("SET", "k", "while one is held up");
  ASSERT_EQ(primary_.run("FAILOVER"), "OK");
  wait_for_state("no-failover");
  EXPECT_EQ(other.info("role"), "master");
  EXPECT_EQ(other.run("GET", "k"), "while one is held up");
  continue_replica();
  // Who was not there is a replica of a replica now, without a full sync.
  wait_in_step(primary_, *replica_);
  // In step it may have been already, before it was told the new name of the history.
  replica_->wait_until([&] { return replica_->info("master_replid") == other.info("master_replid"); });
  EXPECT_EQ(number(primary_, "sync_full"), 2);
}

TEST_F(Failover, ItWaitsForAReplicaThatIsFarBehind) {
  stop_replica();
  Client load = primary_.connect();
  const std::string value(1 << 20, 'v');
  for (int i = 0; i < 48; ++i) ASSERT_EQ(load.run("SET", fmt::format("large:{}", i), value), "OK");
  ASSERT_EQ(primary_.run("FAILOVER", "TO", "127.0.0.1", replica_->port()), "OK");
  EXPECT_EQ(primary_.info("master_failover_state"), "waiting-for-sync");
  // Writes wait, reads do not.
  EXPECT_EQ(primary_.run("GET", "k"), "before");
  std::atomic<bool> answered{false};
  std::thread writer([&, client = primary_.connect()]() mutable {
    const Reply reply = client.run("SET", "k", "held back");
    EXPECT_TRUE(reply.text.starts_with("READONLY")) << reply.text;
    answered = true;
  });
  std::this_thread::sleep_for(100ms);
  EXPECT_FALSE(answered);
  continue_replica();
  expect_switched(*replica_);
  writer.join();
  EXPECT_EQ(replica_->run("EXISTS", "large:0", "large:47"), "2");
  EXPECT_EQ(number(primary_, "sync_full"), 1);
}

TEST_F(Failover, ATimeoutEndsItAndClientsGoOn) {
  stop_replica();
  primary_.run("SET", "k", "not there yet");
  ASSERT_EQ(primary_.run("FAILOVER", "TO", "127.0.0.1", replica_->port(), "TIMEOUT", 200), "OK");
  EXPECT_EQ(primary_.run("SET", "k2", "waits for the end of it"), "OK");
  EXPECT_EQ(primary_.info("master_failover_state"), "no-failover");
  continue_replica();
  expect_as_before();
  EXPECT_TRUE(contains(primary_.log(), "Replica never caught up before timeout"));
}

TEST_F(Failover, AbortEndsItAndClientsGoOn) {
  stop_replica();
  primary_.run("SET", "k", "not there yet");
  ASSERT_EQ(primary_.run("FAILOVER"), "OK");
  EXPECT_EQ(primary_.run("FAILOVER"), error("ERR FAILOVER already in progress."));
  EXPECT_EQ(primary_.run("REPLICAOF", "NO", "ONE"), error("ERR REPLICAOF not allowed while failing over."));
  ASSERT_EQ(primary_.run("FAILOVER", "ABORT"), "OK");
  EXPECT_EQ(primary_.run("FAILOVER", "ABORT"), error("ERR No failover in progress."));
  continue_replica();
  expect_as_before();
}

TEST_F(Failover, WhatForceGivesUpIsKeptInAFile) {
  stop_replica();
  // More than the sockets' buffers take.
  Client load = primary_.connect();
  const std::string value(1 << 20, 'v');
  for (int i = 0; i < 32; ++i) ASSERT_EQ(load.run("SET", "large", value), "OK");
  primary_.run("SELECT", "3");
  primary_.run("SET", "lost", "but for the file");
  primary_.run("SELECT", "0");
  ASSERT_EQ(primary_.run("FAILOVER", "TO", "127.0.0.1", replica_->port(), "FORCE", "TIMEOUT", 50), "OK");
  wait_for_state("failover-in-progress");
  primary_.run("CLIENT", "KILL", "TYPE", "replica");
  continue_replica();
  wait_for_state("no-failover");
  EXPECT_EQ(replica_->info("role"), "master");
  wait_in_step(*replica_, primary_);
  EXPECT_EQ(digest(*replica_), digest(primary_));
  EXPECT_EQ(primary_.info("lost_writes_files"), "1");
  const auto files = files_in(primary_.directory(), ".aof");
  const auto file = std::find_if(files.begin(), files.end(), [](const auto& path) { return path.filename().native().starts_with("lost-writes-"); });
  ASSERT_NE(file, files.end());
  EXPECT_TRUE(contains(read_file(*file), "*2\r\n$6\r\nSELECT\r\n$1\r\n3\r\n*3\r\n$3\r\nSET\r\n$4\r\nlost\r\n$16\r\nbut for the file\r\n"));
  EXPECT_FALSE(contains(read_file(*file), "REPLCONF"));
}

TEST_F(Failover, AReplicaThatDiesBeforeItHasEverythingEndsWithTheTimeout) {
  stop_replica();
  primary_.run("SET", "k", "not there yet");
  ASSERT_EQ(primary_.run("FAILOVER", "TO", "127.0.0.1", replica_->port(), "TIMEOUT", 300), "OK");
  replica_->kill9();
  wait_for_state("no-failover");
  EXPECT_EQ(primary_.info("role"), "master");
  EXPECT_EQ(primary_.run("SET", "k", "alone"), "OK");
  replica_->restart();
  expect_as_before();
  EXPECT_EQ(number(primary_, "sync_full"), 1);
}

TEST_F(Failover, AReplicaThatIsNotThereWhenItsTimeComesDoesNotTakeOver) {
  stop_replica();
  primary_.run("SET", "k", "not there yet");
  ASSERT_EQ(primary_.run("FAILOVER", "TO", "127.0.0.1", replica_->port(), "FORCE", "TIMEOUT", 300), "OK");
  replica_->kill9();
  wait_for_state("no-failover");
  EXPECT_EQ(primary_.info("role"), "master");
  EXPECT_EQ(primary_.run("GET", "k"), "not there yet");
  replica_->restart();
  expect_as_before();
}

/// The replica says that it can be reached through a proxy.
class FailoverThroughAProxy : public ::testing::Test {
 protected:
  Server primary_{kQuick};
  Server replica_{following(primary_)};
  TcpProxy proxy_{replica_.port()};

  void SetUp() override {
    replica_.restart({"--replica-announce-port", std::to_string(proxy_.port())});
    primary_.run("SET", "k", "v");
    wait_in_step(primary_, replica_);
    primary_.wait_until([&] { return contains(primary_.info("slave0"), fmt::format("port={},state=online", proxy_.port())); });
  }
};

TEST_F(FailoverThroughAProxy, AnAnswerThatIsLostIsAskedForAgain) {
  proxy_.freeze(true);
  ASSERT_EQ(primary_.run("FAILOVER", "TO", "127.0.0.1", proxy_.port()), "OK");
  primary_.wait_until([&] { return primary_.info("master_failover_state") == "failover-in-progress"; });
  // Connections are cut at random places until the other has taken over, and after that.
  std::thread cuts([&] {
    proxy_.storm();
    proxy_.freeze(false);
    for (int i = 0; i < 40; ++i) {
      std::this_thread::sleep_for(5ms);
      proxy_.cut();
    }
    proxy_.calm();
  });
  cuts.join();
  primary_.wait_until([&] { return primary_.info("master_failover_state") == "no-failover"; });
  // One of them is the primary now, not both.
  if (replica_.info("role") == "master") {
    EXPECT_EQ(primary_.info("role"), "slave");
    wait_in_step(replica_, primary_);
    EXPECT_EQ(replica_.run("SET", "k", "after"), "OK");
    wait_in_step(replica_, primary_);
  } else {
    EXPECT_EQ(primary_.info("role"), "master");
    EXPECT_EQ(primary_.run("SET", "k", "after"), "OK");
    wait_in_step(primary_, replica_);
  }
  EXPECT_EQ(digest(primary_), digest(replica_));
}

TEST(FailoverToRedis, AndBackUnderLoad) {
  Server stele(kQuick);
  RedisServer redis(following(stele));
  wait_in_step(stele, redis);
  {
    Writers writers(stele, 2);
    ASSERT_EQ(stele.run("FAILOVER", "TO", "127.0.0.1", redis.port()), "OK");
    stele.wait_until([&] { return stele.info("master_failover_state") == "no-failover"; });
    writers.expect_all_on(redis);
  }
  EXPECT_EQ(redis.info("role"), "master");
  wait_in_step(redis, stele);
  EXPECT_EQ(digest(stele), digest(redis));
  EXPECT_EQ(number(redis, "sync_full"), 0);

  redis.run("FLUSHALL");
  wait_in_step(redis, stele);
  {
    Writers writers(redis, 2);
    ASSERT_EQ(redis.run("FAILOVER", "TO", "127.0.0.1", stele.port()), "OK");
    redis.wait_until([&] { return redis.info("master_failover_state") == "no-failover"; });
    writers.expect_all_on(stele);
  }
  EXPECT_EQ(stele.info("role"), "master");
  wait_in_step(stele, redis);
  EXPECT_EQ(digest(stele), digest(redis));
  EXPECT_EQ(number(stele, "sync_full"), 1);
}

}  // namespace
}  // namespace stele::test
