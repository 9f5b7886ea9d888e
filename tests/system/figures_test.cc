// What the server says about itself: counts of commands, events of latency, keys that are waited for.
#include <fmt/format.h>

#include "tests/system/system_fixture.h"

namespace stele::test {
namespace {

using namespace std::chrono_literals;
using Args = std::vector<std::string>;

class Figures : public ::testing::Test {
 protected:
  /// A new connection that waits in `command`.
  Client blocked_in(const Args& command) {
    Client client = server_.connect(20s);
    const int before = std::stoi(server_.info("blocked_clients"));
    client.send(command);
    client.flush();
    server_.wait_until([&] { return std::stoi(server_.info("blocked_clients")) == before + 1; });
    return client;
  }

  /// A number out of a line of INFO commandstats; nothing if the command has no line there.
  std::optional<std::int64_t> command_figure(std::string_view command, std::string_view name) {
    const std::string line = server_.info(fmt::format("cmdstat_{}", command));
    const std::string field = fmt::format("{}=", name);
    const std::size_t at = line.find(field);
    if (at == std::string::npos) return std::nullopt;
    return std::stoll(line.substr(at + field.size()));
  }

  /// Worst time in ms of an event in LATENCY LATEST; nothing if there was none.
  std::optional<std::int64_t> worst_latency(std::string_view event) {
    for (const Reply& each : server_.run("LATENCY", "LATEST").elements) {
      if (each.elements.at(0) == event) return each.elements.at(3).integer();
    }
    return std::nullopt;
  }

  /// A set that takes milliseconds to free.
  void make_large_set(const std::string& key) {
    std::vector<Args> commands;
    for (int batch = 0; batch < 200; ++batch) {
      Args add = {"SADD", key};
      for (int i = 0; i < 1000; ++i) add.push_back(fmt::format("member:{}:{}", batch, i));
      commands.push_back(std::move(add));
    }
    Client client = server_.connect();
    pipeline(client, commands);
  }

  Server server_;
};

// --- commands that wait

TEST_F(Figures, ACommandThatWaitedIsOneCallAndItsWaitIsNoTimeThatItTook) {
  server_.run("CONFIG", "SET", "slowlog-log-slower-than", 100'000);
  server_.run("CONFIG", "SET", "latency-monitor-threshold", 100);
  server_.run("CONFIG", "RESETSTAT");
  Client client = blocked_in({"BLPOP", "k", "0"});
  EXPECT_EQ(command_figure("blpop", "calls"), std::nullopt);
  std::this_thread::sleep_for(300ms);
  server_.run("RPUSH", "k", "v");
  EXPECT_EQ(client.read().elements.size(), 2u);
  EXPECT_EQ(command_figure("blpop", "calls"), 1);
  EXPECT_LT(command_figure("blpop", "usec"), 100'000);
  EXPECT_EQ(command_figure("blpop", "failed_calls"), 0);
  EXPECT_EQ(server_.run("SLOWLOG", "LEN"), "0");
  EXPECT_EQ(worst_latency("command"), std::nullopt);
}

TEST_F(Figures, ACommandThatIsWokenForNothingIsNotCountedUntilItReplies) {
  server_.run("CONFIG", "RESETSTAT");
  Client first = blocked_in({"BLPOP", "k", "0"});
  Client second = blocked_in({"BLPOP", "k", "0"});
  for (int i = 1; i <= 2; ++i) {
    server_.run("RPUSH", "k", "v");  // both are woken by the first one
    EXPECT_EQ(command_figure("blpop", "calls"), i);
  }
  EXPECT_EQ(first.read().elements.size(), 2u);
  EXPECT_EQ(second.read().elements.size(), 2u);
}

TEST_F(Figures, AWaitThatEndsByItsTimeIsACallAndOneThatIsEndedWithAnErrorIsAFailedOne) {
  server_.run("CONFIG", "RESETSTAT");
  Client late = server_.connect();
  EXPECT_TRUE(late.run("BLPOP", "k", "0.01").null);
  EXPECT_EQ(command_figure("blpop", "calls"), 1);
  EXPECT_EQ(command_figure("blpop", "failed_calls"), 0);
  Client waiting = server_.connect(20s);
  const std::int64_t id = waiting.run("CLIENT", "ID").integer();
  waiting.send(Args{"BLPOP", "k", "0"});
  waiting.flush();
  server_.wait_until([&] { return server_.info("blocked_clients") == "1"; });
  EXPECT_EQ(server_.run("CLIENT", "UNBLOCK", id, "ERROR"), "1");
  EXPECT_TRUE(waiting.read().is_error());
  EXPECT_EQ(command_figure("blpop", "calls"), 2);
  EXPECT_EQ(command_figure("blpop", "failed_calls"), 1);
  EXPECT_EQ(server_.info("errorstat_UNBLOCKED"), "count=1");
}

TEST_F(Figures, TheSlowLogHasACommandThatWaitedAsTheClientSentIt) {
  server_.run("CONFIG", "SET", "slowlog-log-slower-than", 0);
  server_.run("SLOWLOG", "RESET");
  Client client = blocked_in({"BLPOP", "k", "0"});
  server_.run("RPUSH", "k", "v");
  client.read();
  bool found = false;
  for (const Reply& entry : server_.run("SLOWLOG", "GET", "-1").elements) {
    const std::vector<Reply>& command = entry.elements.at(3).elements;
    if (command.at(0) != "BLPOP") continue;
    EXPECT_FALSE(std::exchange(found, true));
    EXPECT_EQ(command.size(), 3u);
  }
  EXPECT_TRUE(found);
}

TEST_F(Figures, InfoCountsKeysThatAreWaitedForAndWaitsThatEndByThemselves) {
  server_.run("XGROUP", "CREATE", "stream", "group", "$", "MKSTREAM");
  const auto figures = [&] {
    return fmt::format("{} {} {}", server_.info("total_blocking_keys"), server_.info("total_blocking_keys_on_nokey"),
                       server_.info("clients_in_timeout_table"));
  };
  EXPECT_EQ(figures(), "0 0 0");
  std::vector<Client> clients;
  clients.push_back(blocked_in({"BLPOP", "a", "b", "a", "0"}));
  EXPECT_EQ(figures(), "2 0 0");
  clients.push_back(blocked_in({"BZPOPMIN", "b", "c", "100"}));
  EXPECT_EQ(figures(), "3 0 1");
  // Only this one hears of it when the key is deleted.
  clients.push_back(blocked_in({"XREADGROUP", "GROUP", "group", "me", "BLOCK", "0", "STREAMS", "stream", ">"}));
  EXPECT_EQ(figures(), "4 1 1");
  clients.push_back(blocked_in({"XREAD", "BLOCK", "100000", "STREAMS", "stream", "$"}));
  EXPECT_EQ(figures(), "4 1 2");
  server_.run("DEL", "stream");
  EXPECT_EQ(figures(), "4 0 2");
  clients.clear();
  server_.wait_until([&] { return figures() == "0 0 0"; });
}

// --- events of latency

TEST_F(Figures, ExpiryThatTookLongIsAnEventOfLatency) {
  server_.run("CONFIG", "SET", "latency-monitor-threshold", 1);
  server_.run("CONFIG", "SET", "lazyfree-lazy-expire", "no");
  make_large_set("large");
  server_.run("LATENCY", "RESET");
  server_.run("PEXPIRE", "large", 20);
  server_.wait_until([&] { return server_.run("DBSIZE") == "0"; });
  ASSERT_TRUE(worst_latency("expire-cycle").has_value());
  EXPECT_GE(worst_latency("expire-cycle"), 1);
}

TEST_F(Figures, ExpiryThatTookNoTimeIsNone) {
  server_.run("CONFIG", "SET", "latency-monitor-threshold", 10'000);
  server_.run("SET", "k", "v", "PX", 20);
  server_.wait_until([&] { return server_.run("DBSIZE") == "0"; });
  EXPECT_EQ(worst_latency("expire-cycle"), std::nullopt);
}

}  // namespace
}  // namespace stele::test
