// Pub/sub: who gets which message, in which form and when, and what a client may do meanwhile.

#include <fmt/format.h>

#include "tests/system/system_fixture.h"

namespace stele::test {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view kRefused =
    "ERR Can't execute '{}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context";

class PubSub : public ::testing::Test {
 protected:
  Client client() { return server_.connect(10s); }
  Client resp3_client() {
    Client client = server_.connect(10s);
    client.run("HELLO", "3");
    return client;
  }
  Client subscriber(std::string_view channel) {
    Client client = server_.connect(10s);
    client.run("SUBSCRIBE", channel);
    return client;
  }

  /// The elements of a push as words, its type first: "* message channel text".
  static std::string words(const Reply& reply) {
    std::string words(1, reply.type);
    for (const Reply& element : reply.elements) words += " " + (element.null ? "(nil)" : element.text);
    return words;
  }

  std::int64_t publish(std::string_view channel, std::string_view message) {
    return server_.run("PUBLISH", channel, message).integer();
  }

  Server server_;
};

TEST_F(PubSub, MessagesReachChannelsPatternsAndBothInThatOrder) {
  Client all = client();
  all.run("PSUBSCRIBE", "n*");
  all.run("PSUBSCRIBE", "*s");
  all.run("SUBSCRIBE", "news");
  EXPECT_EQ(publish("news", "one"), 3);
  EXPECT_EQ(words(all.read()), "* message news one");
  EXPECT_EQ(words(all.read()), "* pmessage n* news one");
  EXPECT_EQ(words(all.read()), "* pmessage *s news one");
  EXPECT_EQ(publish("other", "two"), 0);
}

TEST_F(PubSub, ShardChannelsAreApartFromChannelsOfTheSameName) {
  Client shard = client();
  EXPECT_EQ(words(shard.run("SSUBSCRIBE", "x")), "* ssubscribe x 1");
  EXPECT_EQ(words(shard.run("SUBSCRIBE", "x")), "* subscribe x 1");
  EXPECT_EQ(publish("x", "a"), 1);
  EXPECT_EQ(server_.run("SPUBLISH", "x", "b"), "1");
  EXPECT_EQ(words(shard.read()), "* message x a");
  EXPECT_EQ(words(shard.read()), "* smessage x b");
  EXPECT_EQ(words(shard.run("SUNSUBSCRIBE")), "* sunsubscribe x 0");
  EXPECT_EQ(server_.run("SPUBLISH", "x", "b"), "0");
}

TEST_F(PubSub, SubscriptionsAreConfirmedOneByOne) {
  Client a = client();
  a.send_raw("SUBSCRIBE a b a\r\nPSUBSCRIBE p\r\nUNSUBSCRIBE b nothing\r\nUNSUBSCRIBE\r\nPUNSUBSCRIBE\r\nPUNSUBSCRIBE\r\n");
  for (const std::string_view expected :
       {"* subscribe a 1", "* subscribe b 2", "* subscribe a 2", "* psubscribe p 3", "* unsubscribe b 2",
        "* unsubscribe nothing 2", "* unsubscribe a 1", "* punsubscribe p 0", "* punsubscribe (nil) 0"}) {
    EXPECT_EQ(words(a.read()), expected);
  }
}

TEST_F(PubSub, AResp2SubscriberMayRunFewCommandsUntilItUnsubscribes) {
  Client a = subscriber("x");
  EXPECT_EQ(a.run("GET", "a"), error(fmt::format(kRefused, "get")));
  EXPECT_EQ(a.run("CLIENT", "ID"), error(fmt::format(kRefused, "client|id")));
  EXPECT_EQ(a.run("MULTI"), error(fmt::format(kRefused, "multi")));
  EXPECT_EQ(words(a.run("PING")), "* pong ");
  EXPECT_EQ(words(a.run("PING", "me")), "* pong me");
  a.run("UNSUBSCRIBE");
  EXPECT_EQ(a.run("PING"), "PONG");
  EXPECT_TRUE(a.run("GET", "a").null);
  a.run("SSUBSCRIBE", "x");
  EXPECT_EQ(a.run("GET", "a"), error(fmt::format(kRefused, "get")));
  EXPECT_EQ(a.run("RESET"), "RESET");
  EXPECT_TRUE(a.run("GET", "a").null);
  EXPECT_EQ(server_.run("SPUBLISH", "x", "b"), "0");
}

TEST_F(PubSub, AResp3SubscriberMayRunAnyCommandAndGetsPushes) {
  Client a = resp3_client();
  EXPECT_EQ(words(a.run("SUBSCRIBE", "x")), "> subscribe x 1");
  EXPECT_EQ(a.run("PING"), "PONG");
  EXPECT_EQ(a.run("SET", "a", "1"), "OK");
  publish("x", "hi");
  EXPECT_EQ(words(a.read()), "> message x hi");
}

TEST_F(PubSub, AMessageToOneselfFollowsTheReplyOfTheCommandOrTransaction) {
  Client a = resp3_client();
  a.run("SUBSCRIBE", "x");
  EXPECT_EQ(a.run("PUBLISH", "x", "1"), "1");
  EXPECT_EQ(words(a.read()), "> message x 1");
  a.run("MULTI");
  a.run("PUBLISH", "x", "2");
  a.run("INCR", "n");
  EXPECT_EQ(describe(a.run("EXEC")), describe(Reply{.type = '*', .elements = {{.type = ':', .text = "1"},
                                                                              {.type = ':', .text = "1"}}}));
  EXPECT_EQ(words(a.read()), "> message x 2");
}

TEST_F(PubSub, SubscribingInsideATransactionTakesEffectWithIt) {
  Client a = client();
  a.run("MULTI");
  EXPECT_EQ(a.run("SUBSCRIBE", "x"), "QUEUED");
  EXPECT_EQ(a.run("SET", "a", "1"), "QUEUED");
  EXPECT_EQ(publish("x", "early"), 0);
  const Reply replies = a.run("EXEC");
  EXPECT_EQ(words(replies.elements.at(0)), "* subscribe x 1");
  EXPECT_EQ(replies.elements.at(1), "OK");
  EXPECT_EQ(publish("x", "late"), 1);
  EXPECT_EQ(words(a.read()), "* message x late");
  EXPECT_EQ(a.run("GET", "a"), error(fmt::format(kRefused, "get")));
}

TEST_F(PubSub, ClientReplyOffSilencesRepliesButNoPushes) {
  Client a = resp3_client();
  a.send_raw("CLIENT REPLY OFF\r\nSUBSCRIBE x\r\nPING\r\nPUBLISH x 1\r\n");
  EXPECT_EQ(words(a.read()), "> subscribe x 1");
  EXPECT_EQ(words(a.read()), "> message x 1");
  a.send_raw("UNSUBSCRIBE\r\nCLIENT REPLY ON\r\nCLIENT REPLY SKIP\r\nSUBSCRIBE y\r\nPING\r\n");
  EXPECT_EQ(words(a.read()), "> unsubscribe x 0");
  EXPECT_EQ(a.read(), "OK");
  EXPECT_EQ(words(a.read()), "> subscribe y 1");
  EXPECT_EQ(a.read(), "PONG");
}

TEST_F(PubSub, PubsubTellsWhoListens) {
  Client a = subscriber("a"), b = subscriber("a"), c = client();
  c.run("PSUBSCRIBE", "p*");
  c.run("SSUBSCRIBE", "s");
  EXPECT_EQ(words(server_.run("PUBSUB", "CHANNELS")), "* a");
  EXPECT_EQ(words(server_.run("PUBSUB", "CHANNELS", "b*")), "*");
  EXPECT_EQ(words(server_.run("PUBSUB", "NUMSUB", "a", "b")), "* a 2 b 0");
  EXPECT_EQ(server_.run("PUBSUB", "NUMPAT"), "1");
  EXPECT_EQ(words(server_.run("PUBSUB", "SHARDCHANNELS", "?")), "* s");
  EXPECT_EQ(words(server_.run("PUBSUB", "SHARDNUMSUB", "s")), "* s 1");
  EXPECT_EQ(server_.info("pubsub_channels") + server_.info("pubsub_patterns") + server_.info("pubsubshard_channels"), "111");
  EXPECT_EQ(server_.run("PUBSUB", "CHANNELS", "a", "b"),
            error("ERR unknown subcommand or wrong number of arguments for 'CHANNELS'. Try PUBSUB HELP."));
}

TEST_F(PubSub, SubscriptionsEndWithTheConnection) {
  {
    Client a = subscriber("a");
    a.run("PSUBSCRIBE", "p");
    a.run("SSUBSCRIBE", "s");
  }
  server_.wait_until([&] { return server_.info("pubsub_patterns") == "0"; });
  EXPECT_EQ(publish("a", "x"), 0);
  Client b = subscriber("b");
  EXPECT_EQ(server_.run("CLIENT", "KILL", "TYPE", "pubsub"), "1");
  EXPECT_EQ(publish("b", "x"), 0);  // at once
  EXPECT_TRUE(b.closed_by_server());
}

TEST_F(PubSub, ClientListShowsSubscriptions) {
  Client a = subscriber("a");
  a.run("PSUBSCRIBE", "p");
  a.run("PSUBSCRIBE", "q");
  a.run("SSUBSCRIBE", "s");
  const std::string line = server_.run("CLIENT", "LIST", "TYPE", "PUBSUB").text;
  EXPECT_TRUE(contains(line, " flags=P "));
  EXPECT_TRUE(contains(line, " sub=1 psub=2 ssub=1 "));
  EXPECT_FALSE(contains(server_.run("CLIENT", "LIST", "TYPE", "normal").text, "flags=P"));
}

TEST_F(PubSub, ASubscriberThatDoesNotReadIsClosedByTheLimitOfItsClass) {
  server_.run("CONFIG", "SET", "client-output-buffer-limit", "pubsub 4mb 0 0 normal 0 0 0");
  Client slow = subscriber("x"), reads = subscriber("x");
  const std::string message(1024 * 1024, 'm');
  int received = 0;
  for (int i = 0; i < 64 && publish("x", message) == 2; ++i, ++received) EXPECT_EQ(reads.read().elements[2].text.size(), message.size());
  EXPECT_LT(received, 64);
  EXPECT_EQ(server_.info("client_output_buffer_limit_disconnections"), "1");
  EXPECT_EQ(publish("y", "z"), 0);
  EXPECT_LT(peak_memory_bytes(server_), 200u * 1024 * 1024);
}

TEST_F(PubSub, OnePacketOfMessagesDoesNotGrowAnOutputBeyondItsLimit) {
  server_.run("CONFIG", "SET", "client-output-buffer-limit", "pubsub 4mb 0 0");
  Client slow = subscriber("x");
  const std::string message(8 * 1024, 'm');
  std::vector<std::vector<std::string>> commands(4000, {"PUBLISH", "x", message});
  Client publisher = client();
  EXPECT_EQ(pipeline(publisher, commands).back(), "0");
  EXPECT_LT(peak_memory_bytes(server_), 200u * 1024 * 1024);
}

TEST_F(PubSub, ThousandsOfSubscribersAllGetTheirMessage) {
  server_.run("CONFIG", "SET", "maxclients", "10100");
  const auto possible = server_.run("CONFIG", "GET", "maxclients").elements.at(1).integer();
  const int count = static_cast<int>(std::min<std::int64_t>(2000, possible - 10));
  std::vector<Client> subscribers;
  for (int i = 0; i < count; ++i) subscribers.push_back(subscriber("x"));
  EXPECT_EQ(publish("x", "hi"), count);
  for (Client& each : subscribers) ASSERT_EQ(each.read().elements.at(2), "hi");
  subscribers.clear();
  server_.wait_until([&] { return server_.info("pubsub_channels") == "0"; });
}

TEST_F(PubSub, PublishIsNotReplayed) {
  publish("x", "1");
  server_.run("SET", "a", "1");
  server_.kill9();
  server_.restart();
  EXPECT_EQ(server_.run("GET", "a"), "1");
  for (const auto& file : files_in(server_.directory(), ".incr.aof")) EXPECT_FALSE(contains(read_file(file), "PUBLISH"));
}

TEST_F(PubSub, WithFsyncAlwaysAMessageComesAfterTheWriteItTellsOf) {
  Server durable{"--appendfsync", "always", "--notify-keyspace-events", "E$"};
  Client listener = durable.connect(10s);
  listener.run("SUBSCRIBE", "__keyevent@0__:set");
  Client writer = durable.connect(10s);
  for (int i = 0; i < 50; ++i) {
    writer.run("SET", "k" + std::to_string(i), i);
    EXPECT_EQ(listener.read().elements.at(2), "k" + std::to_string(i));
  }
}

TEST_F(PubSub, MonitorShowsSubscriptionsAndMessages) {
  Client watcher = client();
  watcher.run("MONITOR");
  Client a = subscriber("x");
  publish("x", "hi");
  EXPECT_TRUE(contains(watcher.read().text, "\"SUBSCRIBE\" \"x\""));
  EXPECT_TRUE(contains(watcher.read().text, "\"PUBLISH\" \"x\" \"hi\""));
}

}  // namespace
}  // namespace stele::test
