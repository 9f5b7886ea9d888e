#include "tests/protocol/config_test_support.h"

namespace stele {
namespace {

using test::live;
using test::set;
using test::value_of;
using Pairs = std::vector<std::pair<std::string_view, std::string>>;

TEST(ConfigGet, PrintsEveryTypeAsRedisDoes) {
  const LiveConfig config = live(
      "maxmemory 1gb\nmaxmemory-clients 5%\nsave 3600 1\nsave 60 10000\nunixsocketperm 0700\nappendfsync ALWAYS\n"
      "client-output-buffer-limit replica 1mb 2kb 3\nnotify-keyspace-events KEA\nbind 127.0.0.1 -::1\n"
      "shutdown-on-sigterm now nosave\nlatency-tracking-info-percentiles 50.0 99.900 12.3456789\n"
      "replicaof 127.0.0.1 6380\nprotected-mode no\nrequirepass x\n");
  EXPECT_EQ(value_of(config, "maxmemory"), "1073741824");
  EXPECT_EQ(value_of(config, "maxmemory-clients"), "5%");
  EXPECT_EQ(value_of(config, "save"), "3600 1 60 10000");
  EXPECT_EQ(value_of(config, "unixsocketperm"), "700");
  EXPECT_EQ(value_of(config, "appendfsync"), "always");
  EXPECT_EQ(value_of(config, "client-output-buffer-limit"),
            "normal 0 0 0 slave 1048576 2048 3 pubsub 33554432 8388608 60");
  EXPECT_EQ(value_of(config, "notify-keyspace-events"), "AKE");
  EXPECT_EQ(value_of(config, "bind"), "127.0.0.1 -::1");
  EXPECT_EQ(value_of(config, "shutdown-on-sigterm"), "nosave now");
  EXPECT_EQ(value_of(config, "latency-tracking-info-percentiles"), "50 99.9 12.345679");
  EXPECT_EQ(value_of(config, "replicaof"), "127.0.0.1 6380");
  EXPECT_EQ(value_of(config, "protected-mode"), "no");
  EXPECT_EQ(value_of(config, "requirepass"), "x");
  EXPECT_EQ(value_of(config, "dir"), std::filesystem::current_path().native());
}

TEST(ConfigGet, SeveralPatternsGiveEachNameOnceInOrder) {
  const LiveConfig config = live();
  const std::vector<std::string_view> patterns = {"port", "maxmem*s", "PORT", "p?rt", "nosuch", "maxmemory-[ac]*"};
  EXPECT_EQ(config.get(patterns), (Pairs{{"maxmemory-clients", "0"}, {"maxmemory-samples", "5"}, {"port", "6379"}}));
}

TEST(ConfigGet, AnOldNameShowsUnderThatName) {
  const LiveConfig config = live("replica-priority 7");
  EXPECT_EQ(value_of(config, "slave-priority"), "7");
  EXPECT_EQ(config.get(std::vector<std::string_view>{"*-priority"}),
            (Pairs{{"replica-priority", "7"}, {"slave-priority", "7"}}));
}

TEST(ConfigGet, HiddenDirectivesShowByTheirExactNameOnly) {
  const LiveConfig config = live();
  EXPECT_EQ(value_of(config, "watchdog-period"), "0");
  EXPECT_TRUE(config.get(std::vector<std::string_view>{"watchdog-perio*"}).empty());
  EXPECT_TRUE(config.get(std::vector<std::string_view>{"user"}).empty());
}

TEST(ConfigSet, WhatIsNotHereCannotBeTurnedOn) {
  LiveConfig config = live();
  EXPECT_FALSE(set(config, {{"activedefrag", "yes"}}).ok());
  EXPECT_EQ(value_of(config, "activedefrag"), "no");
  EXPECT_TRUE(set(config, {{"activedefrag", "no"}}).ok());
  // A file that was written for Redis does not keep the server from starting; tools may write back what they read.
  LiveConfig from_file = live("activedefrag yes");
  EXPECT_TRUE(set(from_file, {{"activedefrag", "yes"}}).ok());
  EXPECT_TRUE(set(from_file, {{"activedefrag", "no"}}).ok());
}

TEST(ConfigSet, ChangesTheMembers) {
  LiveConfig config = live();
  ASSERT_TRUE(set(config, {{"maxmemory", "1gb"}, {"appendfsync", "no"}, {"save", "1 2 3 4"}, {"hz", "1000"}}).ok());
  EXPECT_EQ(config.now().maxmemory, 1 << 30);
  EXPECT_EQ(config.now().appendfsync, FsyncPolicy::no);
  EXPECT_EQ(config.now().save, (std::vector<SavePoint>{{1, 2}, {3, 4}}));
  EXPECT_EQ(config.now().hz, 500);  // what is beyond is brought to the limit, as Redis does it
}

TEST(ConfigSet, KeepsWhatHasNoEffect) {
  LiveConfig config = live();
  ASSERT_TRUE(set(config, {{"activerehashing", "no"}}).ok());
  EXPECT_EQ(value_of(config, "activerehashing"), "no");
}

TEST(ConfigSet, ChangesNothingIfOneSettingIsWrong) {
  LiveConfig config = live();
  EXPECT_EQ(
      set(config, {{"timeout", "5"}, {"maxclients", "abc"}}).message(),
      "CONFIG SET failed (possibly related to argument 'maxclients') - argument couldn't be parsed into an integer");
  EXPECT_EQ(config.now(), Config());
}

TEST(ConfigSet, RefusesWithTheWordsOfRedis) {
  LiveConfig config = live();
  const auto failed = [](std::string_view name, std::string_view why) {
    return fmt::format("CONFIG SET failed (possibly related to argument '{}') - {}", name, why);
  };
  EXPECT_EQ(set(config, {{"nosuch", "1"}}).message(),
            "Unknown option or number of arguments for CONFIG SET - 'nosuch'");
  EXPECT_EQ(set(config, {{"user", "x"}}).message(), "Unknown option or number of arguments for CONFIG SET - 'user'");
  EXPECT_EQ(set(config, {{"databases", "5"}}).message(), failed("databases", "can't set immutable config"));
  EXPECT_EQ(set(config, {{"hz", "x"}, {"databases", "5"}}).message(),
            failed("databases", "can't set immutable config"));
  EXPECT_EQ(set(config, {{"hz", "5"}, {"hz", "6"}}).message(), failed("hz", "duplicate parameter"));
  EXPECT_EQ(set(config, {{"dir", "/"}}).message(), failed("dir", "can't set protected config"));
  EXPECT_EQ(set(config, {{"maxmemory", "50%"}}).message(), failed("maxmemory", "argument must be a memory value"));
  EXPECT_EQ(set(config, {{"save", "1"}}).message(), failed("save", "Invalid save parameters"));
}

TEST(ConfigSet, TakesProtectedDirectivesWhereAllowed) {
  LiveConfig config = live();
  ASSERT_TRUE(set(config, {{"dbfilename", "x.rdb"}}, true).ok());
  EXPECT_EQ(config.now().dbfilename, "x.rdb");
}

TEST(ConfigSet, TakesAnOldAndANewNameTogether) {
  LiveConfig config = live();
  ASSERT_TRUE(set(config, {{"slave-priority", "5"}, {"replica-priority", "6"}}).ok());
  EXPECT_EQ(config.now().replica_priority, 6);
}

TEST(ConfigSet, NeverQuotesASecret) {
  LiveConfig config = live();
  config.on_change({"requirepass"}, [](const Config&) { return Status::invalid("no"); });
  EXPECT_EQ(set(config, {{"requirepass", "hunter2"}}).message().find("hunter2"), std::string::npos);
}

TEST(ConfigObserver, HearsOnceOfAChangeAlreadyMade) {
  LiveConfig config = live();
  std::vector<std::int64_t> heard;
  config.on_change({"hz", "timeout"}, [&](const Config& now) {
    heard.push_back(now.hz * 1000 + now.timeout);
    return Status();
  });
  ASSERT_TRUE(set(config, {{"hz", "7"}, {"timeout", "8"}}).ok());
  EXPECT_EQ(heard, (std::vector<std::int64_t>{7008}));
}

TEST(ConfigObserver, DoesNotHearOfAnEqualValueOrOfOthers) {
  LiveConfig config = live();
  int calls = 0;
  config.on_change({"hz"}, [&](const Config&) {
    ++calls;
    return Status();
  });
  ASSERT_TRUE(set(config, {{"hz", "10"}, {"timeout", "8"}}).ok());
  EXPECT_EQ(calls, 0);
}

TEST(ConfigObserver, ThatRefusesRollsEverythingBack) {
  LiveConfig config = live();
  std::vector<std::int64_t> applied;
  config.on_change({"hz"}, [&](const Config& now) {
    applied.push_back(now.hz);
    return Status();
  });
  config.on_change({"port"}, [](const Config& now) {
    return now.port == 1 ? Status::io("Unable to listen on this port. Check server logs.") : Status();
  });
  int later = 0;
  config.on_change({"timeout"}, [&](const Config&) {
    ++later;
    return Status();
  });

  EXPECT_EQ(
      set(config, {{"timeout", "3"}, {"hz", "7"}, {"port", "1"}}).message(),
      "CONFIG SET failed (possibly related to argument 'port') - Unable to listen on this port. Check server logs.");
  EXPECT_EQ(config.now(), Config());
  EXPECT_EQ(applied, (std::vector<std::int64_t>{7, 10}));
  EXPECT_EQ(later, 0);  // never heard of it, so has nothing to undo
}

TEST(ConfigSet, OfAnOwnImmutableDirectiveToItsValueIsNoError) {
  LiveConfig config = live("loader-threads 3\n");
  EXPECT_TRUE(set(config, {{"loader-threads", "3"}}).ok());
  EXPECT_FALSE(set(config, {{"loader-threads", "4"}}).ok());
  EXPECT_FALSE(set(config, {{"databases", value_of(config, "databases")}}).ok()) << "as Redis refuses its own";
}

}  // namespace
}  // namespace stele
