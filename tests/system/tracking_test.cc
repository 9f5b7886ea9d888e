// Client-side caching: which clients are told of which keys, how, and when.

#include <thread>

#include <fmt/format.h>

#include "tests/system/system_fixture.h"

namespace stele::test {
namespace {

using namespace std::chrono_literals;

class Tracking : public ::testing::Test {
 protected:
  Client client(bool resp3 = true) {
    Client client = server_.connect(10s);
    if (resp3) client.run("HELLO", "3");
    return client;
  }
  template <typename... Options>
  Client tracking_client(const Options&... options) {
    Client client = this->client();
    EXPECT_EQ(client.run("CLIENT", "TRACKING", "ON", options...), "OK");
    return client;
  }

  /// "invalidate a b", "invalidate (nil)", "message __redis__:invalidate a".
  static std::string words(const Reply& reply) {
    std::string words;
    for (const Reply& element : reply.elements) {
      if (element.is_aggregate()) {
        for (const Reply& key : element.elements) words += " " + key.text;
      } else {
        words += " " + (element.null ? "(nil)" : element.text);
      }
    }
    return words.empty() ? words : words.substr(1);
  }
  /// The push that has come; "" if there is none before the reply to PING.
  static std::string pushed(Client& client) {
    client.send_raw("PING\r\n");
    const Reply first = client.read();
    if (first == "PONG") return "";
    EXPECT_EQ(first.type, '>');
    EXPECT_EQ(client.read(), "PONG");
    return words(first);
  }

  Server server_;
};

TEST_F(Tracking, AClientIsToldOnceOfAKeyThatItRead) {
  Client a = tracking_client();
  a.run("GET", "k");
  server_.run("SET", "k", "1");
  EXPECT_EQ(words(a.read()), "invalidate k");
  server_.run("SET", "k", "2");
  server_.run("SET", "never-read", "2");
  EXPECT_EQ(pushed(a), "");
}

TEST_F(Tracking, EveryKeyOfAReadingCommandCountsAndNoKeyOfAWritingOne) {
  Client a = tracking_client();
  a.run("MGET", "a", "b");
  a.run("SET", "c", "1");
  server_.run("MSET", "c", "2", "b", "1");
  EXPECT_EQ(pushed(a), "invalidate b");
  server_.run("DEL", "a");  // it did not exist
  EXPECT_EQ(pushed(a), "");
  server_.run("SET", "a", "1");
  EXPECT_EQ(pushed(a), "invalidate a");
}

TEST_F(Tracking, ItsOwnChangesAreToldBehindTheReplyUnlessNoloop) {
  Client a = tracking_client();
  a.run("GET", "k");
  EXPECT_EQ(a.run("SET", "k", "1"), "OK");
  EXPECT_EQ(words(a.read()), "invalidate k");

  Client b = tracking_client("NOLOOP");
  b.run("MGET", "k", "l");
  b.run("SET", "k", "1");
  EXPECT_EQ(pushed(b), "");
  server_.run("SET", "l", "1");
  EXPECT_EQ(pushed(b), "invalidate l");
}

TEST_F(Tracking, InsideATransactionInvalidationsFollowTheReplyOfExec) {
  Client a = tracking_client();
  a.run("GET", "k");
  a.run("MULTI");
  a.run("INCR", "k");
  a.run("GET", "l");
  EXPECT_EQ(a.run("EXEC").elements.size(), 2u);
  EXPECT_EQ(words(a.read()), "invalidate k");
  server_.run("SET", "l", "1");
  EXPECT_EQ(words(a.read()), "invalidate l");
}

TEST_F(Tracking, Resp2ClientsAreToldThroughAnother) {
  Client listener = client(false);
  const std::string id = listener.run("CLIENT", "ID").text;
  listener.run("SUBSCRIBE", "__redis__:invalidate");
  Client a = client(false);
  EXPECT_EQ(a.run("CLIENT", "TRACKING", "ON", "REDIRECT", id), "OK");
  EXPECT_EQ(a.run("CLIENT", "GETREDIR"), id);
  a.run("GET", "k");
  server_.run("SET", "k", "1");
  EXPECT_EQ(words(listener.read()), "message __redis__:invalidate k");
  server_.run("FLUSHALL");
  EXPECT_EQ(words(listener.read()), "message __redis__:invalidate (nil)");
  EXPECT_TRUE(contains(server_.run("CLIENT", "LIST").text, " redir=" + id + " "));
}

TEST_F(Tracking, ABrokenRedirectionIsTold) {
  Client a = client();
  {
    Client listener = client();
    const std::string id = listener.run("CLIENT", "ID").text;
    a.run("CLIENT", "TRACKING", "ON", "REDIRECT", id);
  }
  a.run("GET", "k");
  server_.wait_until([&] { return server_.info("connected_clients") == "2"; });
  server_.run("SET", "k", "1");
  EXPECT_TRUE(words(a.read()).starts_with("tracking-redir-broken "));
  EXPECT_TRUE(contains(server_.run("CLIENT", "LIST").text, " flags=tR "));
  EXPECT_EQ(words(a.run("CLIENT", "TRACKINGINFO")).substr(0, 24), "flags on broken_redirect");
}

TEST_F(Tracking, BcastTellsOfAllKeysWithThePrefixOnceATurn) {
  Client a = tracking_client("BCAST", "PREFIX", "user:", "PREFIX", "item:");
  pipeline(a, {{"SET", "user:2", "1"}, {"SET", "user:1", "1"}, {"SET", "other", "1"}, {"SET", "user:2", "2"}});
  EXPECT_EQ(words(a.read()), "invalidate user:1 user:2");
  server_.run("SET", "item:1", "1");
  EXPECT_EQ(words(a.read()), "invalidate item:1");
  EXPECT_EQ(server_.info("tracking_total_prefixes"), "2");
  a.run("CLIENT", "TRACKING", "OFF");
  EXPECT_EQ(server_.info("tracking_total_prefixes"), "0");
}

TEST_F(Tracking, BcastWithNoloopLeavesOutOnesOwnChanges) {
  Client a = tracking_client("BCAST", "NOLOOP");
  a.run("SET", "mine", "1");
  EXPECT_EQ(pushed(a), "");
  server_.run("SET", "yours", "1");
  EXPECT_EQ(words(a.read()), "invalidate yours");
}

TEST_F(Tracking, KeysThatExpireAreToldWhateverNoloopSays) {
  Client a = tracking_client("NOLOOP");
  a.run("SET", "k", "1", "PX", "20");
  a.run("GET", "k");
  EXPECT_EQ(words(a.read()), "invalidate k");

  server_.run("DEBUG", "SET-ACTIVE-EXPIRE", "0");
  a.run("SET", "l", "1", "PX", "20");
  a.run("GET", "l");
  std::this_thread::sleep_for(40ms);
  EXPECT_TRUE(a.run("GET", "l").null);
  EXPECT_EQ(words(a.read()), "invalidate l");
}

TEST_F(Tracking, OptinTracksOnlyBehindCachingYes) {
  Client a = tracking_client("OPTIN");
  a.run("GET", "k");
  a.run("CLIENT", "CACHING", "YES");
  EXPECT_TRUE(contains(words(a.run("CLIENT", "TRACKINGINFO")), "caching-yes"));
  a.run("GET", "l");
  a.run("GET", "m");
  a.run("CLIENT", "CACHING", "YES");
  a.run("MULTI");
  a.run("GET", "n");
  a.run("GET", "o");
  a.run("EXEC");
  EXPECT_EQ(server_.info("tracking_total_keys"), "3");  // l, n, o
}

TEST_F(Tracking, OptoutTracksAllButBehindCachingNo) {
  Client a = tracking_client("OPTOUT");
  a.run("CLIENT", "CACHING", "NO");
  a.run("GET", "k");
  a.run("GET", "l");
  server_.run("MSET", "k", "1", "l", "1");
  EXPECT_EQ(pushed(a), "invalidate l");
}

TEST_F(Tracking, FlushingTellsEveryoneOnceAndForgetsTheTable) {
  Client a = tracking_client(), b = tracking_client("BCAST");
  a.run("GET", "k");
  server_.run("SET", "x", "1");
  EXPECT_EQ(words(b.read()), "invalidate x");
  server_.run("FLUSHALL");
  EXPECT_EQ(pushed(a), "invalidate (nil)");
  EXPECT_EQ(pushed(b), "invalidate (nil)");
  EXPECT_EQ(server_.info("tracking_total_keys"), "0");

  a.run("MULTI");
  a.run("GET", "k");
  a.run("FLUSHDB");
  a.run("GET", "k");
  a.run("SET", "k", "1");
  EXPECT_EQ(a.run("EXEC").elements.size(), 4u);
  EXPECT_EQ(words(a.read()), "invalidate (nil)");
  EXPECT_EQ(words(a.read()), "invalidate k");
}

TEST_F(Tracking, TheTableKeepsToItsLimitAndTellsWhomItForgets) {
  Client a = tracking_client("NOLOOP");
  for (int i = 0; i < 10; ++i) a.run("GET", "k" + std::to_string(i));
  EXPECT_EQ(server_.info("tracking_total_keys"), "10");
  server_.run("CONFIG", "SET", "tracking-table-max-keys", "4");
  server_.wait_until([&] { return server_.info("tracking_total_keys") == "4"; });
  for (int i = 0; i < 6; ++i) EXPECT_TRUE(words(a.read()).starts_with("invalidate k"));
  a.send_raw("GET one-more\r\n");
  EXPECT_TRUE(a.read().null);
  EXPECT_TRUE(words(a.read()).starts_with("invalidate "));
  EXPECT_EQ(server_.info("tracking_total_keys"), "4");
}

TEST_F(Tracking, ClientsThatLeaveAreForgotten) {
  Client stays = tracking_client();
  stays.run("GET", "k");
  for (int i = 0; i < 100; ++i) {
    Client leaves = tracking_client();
    leaves.run("GET", "k");
  }
  server_.wait_until([&] { return server_.info("tracking_clients") == "1"; });
  Client another = tracking_client();
  another.run("GET", "k");
  EXPECT_LT(std::stoi(server_.info("tracking_total_items")), 64);
  server_.run("SET", "k", "1");
  EXPECT_EQ(words(stays.read()), "invalidate k");
  EXPECT_EQ(words(another.read()), "invalidate k");
  EXPECT_EQ(server_.info("tracking_total_items"), "0");
}

TEST_F(Tracking, ItEndsWithOffAndWithReset) {
  Client a = tracking_client();
  a.run("GET", "k");
  a.run("CLIENT", "TRACKING", "OFF");
  EXPECT_EQ(a.run("CLIENT", "GETREDIR"), "-1");
  server_.run("SET", "k", "1");
  EXPECT_EQ(pushed(a), "");
  a.run("CLIENT", "TRACKING", "ON");
  a.run("RESET");
  EXPECT_EQ(server_.info("tracking_clients"), "0");
}

TEST_F(Tracking, OptionsThatDoNotGoTogetherAreRefusedInRedisWords) {
  RedisServer redis;
  Client ours = client(false), theirs = redis.connect(10s);
  for (const std::string_view line :
       {"CLIENT TRACKING", "CLIENT TRACKING maybe", "CLIENT TRACKING on foo", "CLIENT TRACKING on redirect",
        "CLIENT TRACKING on redirect x", "CLIENT TRACKING on redirect 9999", "CLIENT TRACKING on prefix a",
        "CLIENT TRACKING on bcast optin", "CLIENT TRACKING on optin optout", "CLIENT TRACKING on bcast prefix fo prefix foo",
        "CLIENT CACHING yes", "CLIENT TRACKING on optin", "CLIENT TRACKING on optout", "CLIENT TRACKING on bcast",
        "CLIENT CACHING no", "CLIENT CACHING maybe", "CLIENT CACHING yes", "CLIENT TRACKINGINFO", "CLIENT TRACKING off",
        "CLIENT TRACKING on bcast prefix foo", "CLIENT TRACKING on bcast prefix fo", "CLIENT TRACKING on bcast prefix bar",
        "CLIENT TRACKING on", "CLIENT CACHING yes", "CLIENT TRACKING off", "CLIENT TRACKINGINFO", "CLIENT GETREDIR"}) {
    for (Client* each : {&ours, &theirs}) each->send_raw(fmt::format("{}\r\n", line));
    EXPECT_EQ(describe(ours.read()), describe(theirs.read())) << line;
  }
}

}  // namespace
}  // namespace stele::test
