#include <deque>

#include "engine/stream/stream_rdb.h"
#include "engine_fixture.h"

namespace stele::test {
namespace {

class StreamCommands : public EngineTest {
 protected:
  StreamCommands() {
    registry().add(stream_commands());
    registry().add(string_commands());
    registry().add(generic_commands());
  }

  const Stream& stream(std::string_view key) {
    return *static_cast<const Stream*>(keyspace().find(db(), key).entry->body());
  }
  std::string stored(std::string_view key) {
    std::string bytes;
    append_stream_rdb(stream(key), bytes);
    return bytes;
  }

  /// Runs a command of words without spaces, and its effects in database 1 as a replay would.
  std::string run_and_replay(std::string_view line) {
    const std::string reply = run_list(words(line));
    std::string unit = effects();
    session().db = 1;
    for (std::size_t at = 0; at < unit.size();) {
      const std::size_t end = std::min(unit.find(" | ", at), unit.size());
      const std::string command = unit.substr(at, end - at);
      if (command != "MULTI" && command != "EXEC" && !command.starts_with("SELECT")) {
        keyspace().set_expiry(Expiry::off);
        const std::string result = run_list(words(command));
        EXPECT_NE(result.substr(0, 1), "-") << command << " -> " << result;
        keyspace().set_expiry(Expiry::active);
      }
      at = end + 3;
    }
    session().db = 0;
    return reply;
  }

  std::vector<std::string_view> words(std::string_view line) {
    lines_.emplace_back(line);
    std::vector<std::string_view> out;
    std::string_view rest = lines_.back();
    while (!rest.empty()) {
      const std::size_t end = std::min(rest.find(' '), rest.size());
      out.push_back(rest.substr(0, end));
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    return out;
  }

  /// All but when a consumer was last active: reading its history again does not count as that, while the XCLAIM that
  /// keeps the deliveries of it does.
  void expect_the_same_in_database_1(std::string_view key) {
    for (const std::size_t db : {std::size_t{1}, std::size_t{0}}) {
      session().db = db;
      for (const auto& [name, group] : stream(key).groups) {
        for (const auto& [consumer_name, consumer] : group->consumers()) consumer->active_ms = StreamConsumer::kNever;
      }
    }
    const std::string here = stored(key);
    session().db = 1;
    EXPECT_TRUE(stored(key) == here);
    session().db = 0;
  }

 private:
  std::deque<std::string> lines_;
};

TEST_F(StreamCommands, XaddTellsTheIdThatItGave) {
  EXPECT_EQ(run("XADD", "s", "*", "f", "v"), "$15 1700000000000-0");
  EXPECT_EQ(effects(), "XADD s 1700000000000-0 f v");
  EXPECT_EQ(run("XADD", "s", "NOMKSTREAM", "*", "f", "v"), "$15 1700000000000-1");
  EXPECT_EQ(effects(), "XADD s 1700000000000-1 f v");
  EXPECT_EQ(run("XADD", "s", "1700000000000-*", "f", "v"), "$15 1700000000000-2");
  EXPECT_EQ(effects(), "XADD s 1700000000000-2 f v");
  EXPECT_EQ(run("XADD", "s", "1800000000000-5", "f", "v"), "$15 1800000000000-5");
  EXPECT_EQ(effects(), "XADD s 1800000000000-5 f v");
  advance(1000);
  EXPECT_EQ(run("XADD", "s", "*", "f", "v"), "$15 1800000000000-6");  // the clock is behind
  EXPECT_EQ(run("XADD", "s", "1800000000001", "f", "v"), "$15 1800000000001-0");
  EXPECT_EQ(effects(), "XADD s 1800000000001 f v");
  EXPECT_EQ(run("XLEN", "s"), ":6");
  EXPECT_EQ(encoding("s"), "stream");
  EXPECT_EQ(run("TYPE", "s"), "+stream");
}

TEST_F(StreamCommands, XaddRefusesAnIdThatIsNotLarger) {
  constexpr std::string_view kNotLarger =
      "-ERR The ID specified in XADD is equal or smaller than the target stream top item";
  EXPECT_EQ(run("XADD", "s", "0-0", "f", "v"), "-ERR The ID specified in XADD must be greater than 0-0");
  EXPECT_EQ(run("XADD", "s", "0-*", "f", "v"), "$3 0-1");
  EXPECT_EQ(run("XADD", "s", "5-18446744073709551615", "f", "v"), "$22 5-18446744073709551615");
  EXPECT_EQ(run("XADD", "s", "5-18446744073709551615", "f", "v"), kNotLarger);
  EXPECT_EQ(run("XADD", "s", "5-*", "f", "v"), kNotLarger);
  EXPECT_EQ(run("XADD", "s", "4-*", "f", "v"), kNotLarger);
  EXPECT_EQ(effects(), "");
  run("XADD", "s", "18446744073709551615-18446744073709551615", "f", "v");
  EXPECT_EQ(run("XADD", "s", "*", "f", "v"),
            "-ERR The stream has exhausted the last possible ID, unable to add more items");
}

TEST_F(StreamCommands, XaddParsesAsRedisDoes) {
  EXPECT_EQ(run("XADD", "s", "1", "f"), "-ERR wrong number of arguments for 'xadd' command");
  EXPECT_EQ(run("XADD", "s", "1", "f", "v", "g"), "-ERR wrong number of arguments for 'xadd' command");
  EXPECT_EQ(run("XADD", "s", "MAXLEN", "5", "NOMKSTREAM", "x"),
            "-ERR Invalid stream ID specified as stream command argument");
  EXPECT_EQ(run("XADD", "s", "MAXLEN", "-1", "*", "f", "v"), "-ERR The MAXLEN argument must be >= 0.");
  EXPECT_EQ(run("XADD", "s", "MAXLEN", "1", "MINID", "1", "*", "f", "v"),
            "-ERR syntax error, MAXLEN and MINID options at the same time are not compatible");
  EXPECT_EQ(run("XADD", "s", "MAXLEN", "1", "LIMIT", "1", "*", "f", "v"),
            "-ERR syntax error, LIMIT cannot be used without the special ~ option");
  EXPECT_EQ(run("XADD", "s", "LIMIT", "1", "*", "f", "v"),
            "-ERR syntax error, LIMIT cannot be used without specifying a trimming strategy");
  EXPECT_EQ(run("XTRIM", "s", "LIMIT", "0"), "-ERR syntax error, XTRIM must be called with a trimming strategy");
  EXPECT_EQ(run("XADD", "s", "NOMKSTREAM", "*", "f", "v"), "$-1");
  EXPECT_EQ(run("EXISTS", "s"), ":0");
  run("SET", "s", "v");
  EXPECT_EQ(run("XADD", "s", "*", "f", "v"), "-WRONGTYPE Operation against a key holding the wrong kind of value");
}

TEST_F(StreamCommands, TrimmingIsToldExactly) {
  keyspace().limits().stream_node_max_entries = 10;
  for (int i = 1; i <= 25; ++i) run("XADD", "s", std::to_string(i), "f", "v");
  EXPECT_EQ(run("XADD", "s", "MAXLEN", "~", "12", "LIMIT", "100", "26", "f", "v"), "$4 26-0");
  EXPECT_EQ(effects(), "XADD s MAXLEN = 16 26-0 f v");
  EXPECT_EQ(run("XTRIM", "s", "MINID", "~", "22"), ":10");
  EXPECT_EQ(effects(), "XTRIM s MINID = 21-0");
  EXPECT_EQ(run("XADD", "s", "MINID", "23", "*", "f", "v"), "$15 1700000000000-0");
  EXPECT_EQ(effects(), "XADD s MINID = 23 1700000000000-0 f v");
  EXPECT_EQ(run("XTRIM", "s", "MAXLEN", "=", "2"), ":3");
  EXPECT_EQ(effects(), "XTRIM s MAXLEN = 2");
  EXPECT_EQ(run("XTRIM", "s", "MAXLEN", "2"), ":0");
  EXPECT_EQ(effects(), "");
  EXPECT_EQ(run("XADD", "s", "MINID", "~", "1900000000000", "1800000000000", "f", "v"), "$15 1800000000000-0");
  EXPECT_EQ(effects(), "XADD s MINID = 18446744073709551615-18446744073709551615 1800000000000-0 f v");
  EXPECT_EQ(run("XLEN", "s"), ":0");
}

TEST_F(StreamCommands, AnEffectMayStillSayLimit) {
  EXPECT_EQ(replay("XADD", "s", "MAXLEN", "=", "1", "LIMIT", "5", "1-1", "f", "v"), "$3 1-1");
}

TEST_F(StreamCommands, RangesTakeIdsBoundsAndCounts) {
  for (int i = 1; i <= 4; ++i) run("XADD", "s", std::to_string(i), "f", std::to_string(10 * i));
  EXPECT_EQ(run("XRANGE", "s", "(1", "3", "COUNT", "1"), "*1 *2 $3 2-0 *2 $1 f $2 20");
  EXPECT_EQ(run("XREVRANGE", "s", "+", "(3"), "*1 *2 $3 4-0 *2 $1 f $2 40");
  EXPECT_EQ(run("XRANGE", "s", "-", "+", "COUNT", "0"), "*-1");
  EXPECT_EQ(run("XRANGE", "none", "-", "+", "COUNT", "0"), "*0");
  EXPECT_EQ(run("XRANGE", "s", "(18446744073709551615-18446744073709551615", "+"),
            "-ERR invalid start ID for the interval");
  EXPECT_EQ(run("XRANGE", "s", "-", "(0-0"), "-ERR invalid end ID for the interval");
  EXPECT_EQ(run("XRANGE", "s", "(-", "+"), "-ERR Invalid stream ID specified as stream command argument");
}

TEST_F(StreamCommands, WhatRemovesNothingIsNoChange) {
  keyspace().limits().stream_node_max_entries = 10;
  for (int i = 1; i <= 25; ++i) run("XADD", "s", std::to_string(i), "f", "v");
  run("XDEL", "s", "25");
  Item item = keyspace().find(db(), "s");
  db().table->clear_dirty(item.slot, 0);
  const std::uint64_t changes = keyspace().stats().changes;
  const std::vector<std::vector<std::string_view>> commands = {
      {"XTRIM", "s", "MAXLEN", "24"},
      {"XTRIM", "s", "MAXLEN", "~", "15"},  // a node has 10
      {"XTRIM", "s", "MAXLEN", "~", "1", "LIMIT", "9"},
      {"XTRIM", "s", "MINID", "1"},
      {"XTRIM", "s", "MINID", "~", "10"},
      {"XDEL", "s", "25"},
      {"XDEL", "s", "25", "0-1", "26"},
  };
  for (const auto& command : commands) {
    EXPECT_EQ(run_list(command), ":0");
    EXPECT_EQ(effects(), "");
    EXPECT_FALSE(keyspace().find(db(), "s").slot.is_dirty(0)) << command[2];
  }
  EXPECT_EQ(keyspace().stats().changes, changes);
  EXPECT_EQ(run("XDEL", "s", "25", "3"), ":1");
  EXPECT_TRUE(keyspace().find(db(), "s").slot.is_dirty(0));
  EXPECT_EQ(keyspace().stats().changes, changes + 1);
  EXPECT_EQ(run("XTRIM", "s", "MINID", "2"), ":1");
  EXPECT_EQ(run("XTRIM", "s", "MINID", "~", "11"), ":8");
}

TEST_F(StreamCommands, XdelIsItsOwnEffectIfItFoundSomething) {
  run("XADD", "s", "1", "f", "v");
  EXPECT_EQ(run("XDEL", "s", "1", "1", "2"), ":1");
  EXPECT_EQ(effects(), "XDEL s 1 1 2");
  EXPECT_EQ(run("XDEL", "s", "1"), ":0");
  EXPECT_EQ(effects(), "");
  EXPECT_EQ(run("EXISTS", "s"), ":1");  // an empty stream stays
}

TEST_F(StreamCommands, XreadgroupTellsWhoHasWhat) {
  for (int i = 1; i <= 3; ++i) run("XADD", "s", std::to_string(i), "f", "v");
  run("XGROUP", "CREATE", "s", "g", "0");
  EXPECT_EQ(effects(), "XGROUP CREATE s g 0");
  EXPECT_EQ(run("XREADGROUP", "GROUP", "g", "alice", "COUNT", "2", "STREAMS", "s", ">"),
            "*1 *2 $1 s *2 *2 $3 1-0 *2 $1 f $1 v *2 $3 2-0 *2 $1 f $1 v");
  EXPECT_EQ(effects(),
            "MULTI | XGROUP CREATECONSUMER s g alice | XCLAIM s g alice 0 1-0 2-0 TIME 1700000000000 RETRYCOUNT 1 "
            "FORCE JUSTID "
            "LASTID 2-0 | XGROUP SETID s g 2-0 ENTRIESREAD 2 | EXEC");
  advance(5);
  EXPECT_EQ(run("XREADGROUP", "GROUP", "g", "alice", "COUNT", "1", "STREAMS", "s", "0"),
            "*1 *2 $1 s *1 *2 $3 1-0 *2 $1 f $1 v");
  EXPECT_EQ(effects(), "XCLAIM s g alice 0 1-0 TIME 1700000000005 RETRYCOUNT 2 FORCE JUSTID LASTID 2-0");
  EXPECT_EQ(run("XREADGROUP", "GROUP", "g", "bob", "NOACK", "STREAMS", "s", ">"),
            "*1 *2 $1 s *1 *2 $3 3-0 *2 $1 f $1 v");
  EXPECT_EQ(effects(), "MULTI | XGROUP CREATECONSUMER s g bob | XGROUP SETID s g 3-0 ENTRIESREAD 3 | EXEC");
  EXPECT_EQ(run("XREADGROUP", "GROUP", "g", "bob", "STREAMS", "s", ">"), "*-1");
  EXPECT_EQ(effects(), "");
  EXPECT_EQ(run("XACK", "s", "g", "1", "9"), ":1");
  EXPECT_EQ(effects(), "XACK s g 1 9");
  EXPECT_EQ(run("XACK", "s", "g", "1"), ":0");
  EXPECT_EQ(effects(), "");
}

TEST_F(StreamCommands, AConsumerComesIntoBeingWithoutGettingAnything) {
  run("XGROUP", "CREATE", "s", "g", "$", "MKSTREAM");
  EXPECT_EQ(run("XREADGROUP", "GROUP", "g", "alice", "STREAMS", "s", ">"), "*-1");
  EXPECT_EQ(effects(), "XGROUP CREATECONSUMER s g alice");
  EXPECT_EQ(run("XAUTOCLAIM", "s", "g", "bob", "0", "0"), "*3 $3 0-0 *0 *0");
  EXPECT_EQ(effects(), "XGROUP CREATECONSUMER s g bob");
  EXPECT_EQ(run("XCLAIM", "s", "g", "carol", "0", "1-1"), "*0");
  EXPECT_EQ(effects(), "XGROUP CREATECONSUMER s g carol");
  advance(7);
  EXPECT_EQ(run("XINFO", "CONSUMERS", "s", "g"),
            "*3 *8 $4 name $5 alice $7 pending :0 $4 idle :7 $8 inactive :-1 "
            "*8 $4 name $3 bob $7 pending :0 $4 idle :7 $8 inactive :-1 "
            "*8 $4 name $5 carol $7 pending :0 $4 idle :7 $8 inactive :-1");
}

TEST_F(StreamCommands, AConsumerIsSeenWhenItAsksAndActiveWhenItGets) {
  run("XADD", "s", "1", "f", "v");
  run("XGROUP", "CREATE", "s", "g", "0");
  run("XREADGROUP", "GROUP", "g", "a", "STREAMS", "s", ">");
  advance(10);
  run("XREADGROUP", "GROUP", "g", "a", "STREAMS", "s", ">");
  advance(3);
  EXPECT_EQ(run("XINFO", "CONSUMERS", "s", "g"), "*1 *8 $4 name $1 a $7 pending :1 $4 idle :3 $8 inactive :13");
  session().resp = RespVersion::resp3;
  EXPECT_EQ(
      run("XINFO", "STREAM", "s", "FULL"),
      "%9 $6 length :1 $15 radix-tree-keys :1 $16 radix-tree-nodes :2 $17 last-generated-id $3 1-0 "
      "$20 max-deleted-entry-id $3 0-0 $13 entries-added :1 $23 recorded-first-entry-id $3 1-0 "
      "$7 entries *1 *2 $3 1-0 *2 $1 f $1 v $6 groups *1 %7 $4 name $1 g $17 last-delivered-id $3 1-0 "
      "$12 entries-read :1 $3 lag :0 $9 pel-count :1 $7 pending *1 *4 $3 1-0 $1 a :1700000000000 :1 "
      "$9 consumers *1 %5 $4 name $1 a $9 seen-time :1700000000010 $11 active-time :1700000000000 $9 pel-count :1 "
      "$7 pending *1 *3 $3 1-0 :1700000000000 :1");
}

TEST_F(StreamCommands, ClaimsMoveWhatIsPendingAndDropWhatIsGone) {
  for (int i = 1; i <= 4; ++i) run("XADD", "s", std::to_string(i), "f", "v");
  run("XGROUP", "CREATE", "s", "g", "0");
  run("XREADGROUP", "GROUP", "g", "alice", "STREAMS", "s", ">");
  run("XDEL", "s", "2");
  advance(50);
  EXPECT_EQ(run("XCLAIM", "s", "g", "bob", "51", "1"), "*0");
  EXPECT_EQ(run("XCLAIM", "s", "g", "bob", "50", "1", "2", "3", "JUSTID", "IDLE", "20"), "*2 $3 1-0 $3 3-0");
  EXPECT_EQ(effects(),
            "MULTI | XCLAIM s g bob 0 1-0 TIME 1700000000030 RETRYCOUNT 1 FORCE JUSTID LASTID 4-0 | XACK s g 2-0 | "
            "XCLAIM s g bob 0 3-0 TIME 1700000000030 RETRYCOUNT 1 FORCE JUSTID LASTID 4-0 | EXEC");
  EXPECT_EQ(run("XPENDING", "s", "g"), "*4 :3 $3 1-0 $3 4-0 *2 *2 $5 alice $1 1 *2 $3 bob $1 2");
  EXPECT_EQ(run("XPENDING", "s", "g", "IDLE", "30", "-", "+", "10"), "*1 *4 $3 4-0 $5 alice :50 :1");
  run("XTRIM", "s", "MAXLEN", "1");
  EXPECT_EQ(run("XAUTOCLAIM", "s", "g", "alice", "0", "-", "COUNT", "2"), "*3 $3 4-0 *0 *2 $3 1-0 $3 3-0");
  EXPECT_EQ(effects(), "MULTI | XACK s g 1-0 | XACK s g 3-0 | EXEC");
  EXPECT_EQ(run("XAUTOCLAIM", "s", "g", "bob", "0", "4", "COUNT", "2"), "*3 $3 0-0 *1 *2 $3 4-0 *2 $1 f $1 v *0");
  EXPECT_EQ(effects(), "XCLAIM s g bob 0 4-0 TIME 1700000000050 RETRYCOUNT 2 FORCE JUSTID LASTID 4-0");
  EXPECT_EQ(run("XCLAIM", "s", "g", "bob", "0", "9", "LASTID", "7"), "*0");
  EXPECT_EQ(effects(), "XGROUP SETID s g 7-0 ENTRIESREAD 4");
}

TEST_F(StreamCommands, EffectsReplayedGiveTheSameStream) {
  for (int i = 1; i <= 60; ++i) run_and_replay("XADD s * n " + std::to_string(i)), advance(3);
  run_and_replay("XGROUP CREATE s g 0");
  run_and_replay("XGROUP CREATE s h $ ENTRIESREAD 5");
  run_and_replay("XREADGROUP GROUP g alice COUNT 40 STREAMS s >");
  advance(10);
  run_and_replay("XREADGROUP GROUP g bob COUNT 10 STREAMS s >");
  run_and_replay("XREADGROUP GROUP g carol NOACK COUNT 5 STREAMS s >");
  run_and_replay("XREADGROUP GROUP g dave STREAMS s 0");
  const std::string first(StreamIdText(stream("s").first_id()).view());
  run_and_replay("XDEL s " + first);
  advance(10);
  run_and_replay("XREADGROUP GROUP g alice COUNT 3 STREAMS s 0");
  run_and_replay("XAUTOCLAIM s g bob 5 - COUNT 7");
  run_and_replay("XCLAIM s g erin 0 1700000000009-0 1700000000012-0 RETRYCOUNT 9 TIME 77 JUSTID");
  run_and_replay("XACK s g 1700000000015-0 1700000000018-0");
  run_and_replay("XGROUP DELCONSUMER s g bob");
  run_and_replay("XADD s MAXLEN ~ 10 * n last");
  run_and_replay("XTRIM s MINID ~ 1700000000050");
  run_and_replay("XTRIM s MAXLEN 20");
  run_and_replay("XSETID s 1900000000000-0 ENTRIESADDED 100");
  run_and_replay("XGROUP SETID s h 1700000000100-0");
  expect_the_same_in_database_1("s");
  run_and_replay("XGROUP DESTROY s g");
  expect_the_same_in_database_1("s");
}

TEST_F(StreamCommands, GroupsAreNoReasonToFailATransaction) {
  run("XADD", "s", "1", "f", "v");
  const std::uint64_t changes = keyspace().stats().changes;
  run("XGROUP", "CREATE", "s", "g", "0");
  watches().watch(0, "s", session().watch);
  run("XREADGROUP", "GROUP", "g", "a", "STREAMS", "s", ">");
  run("XACK", "s", "g", "1");
  run("XGROUP", "DESTROY", "s", "g");
  EXPECT_FALSE(session().watch.touched);
  EXPECT_EQ(keyspace().stats().changes, changes + 5);  // the consumer is one more
  run("XADD", "s", "2", "f", "v");
  EXPECT_TRUE(session().watch.touched);
  watches().forget(session().watch);
}

TEST_F(StreamCommands, WhatWasDeletedBeforeTheFirstEntryLeavesTheLagKnown) {
  run("XADD", "s", "1", "f", "v");
  run("XADD", "s", "2", "f", "v");
  run("XADD", "s", "3", "f", "v");
  run("XGROUP", "CREATE", "s", "g", "0", "ENTRIESREAD", "0");
  const auto lag = [this] {
    const std::string groups = run("XINFO", "GROUPS", "s");
    return groups.substr(groups.find("lag"));
  };
  run("XDEL", "s", "1");
  EXPECT_EQ(lag(), "lag :3");  // as Redis counts: by what was added
  run("XDEL", "s", "2");
  run("XADD", "s", "4", "f", "v");
  run("XDEL", "s", "4");
  EXPECT_EQ(lag(), "lag $-1");  // 4 is behind the first entry
}

TEST_F(StreamCommands, XsetidKeepsIdsAscending) {
  EXPECT_EQ(run("XSETID", "s", "1"), "-ERR no such key");
  run("XADD", "s", "5", "f", "v");
  run("XADD", "s", "7", "f", "v");
  EXPECT_EQ(run("XSETID", "s", "6"), "-ERR The ID specified in XSETID is smaller than the target stream top item");
  run("XDEL", "s", "7");
  EXPECT_EQ(run("XSETID", "s", "6"), "-ERR The ID specified in XSETID is smaller than current max_deleted_entry_id");
  EXPECT_EQ(run("XSETID", "s", "8", "ENTRIESADDED", "0"),
            "-ERR The entries_added specified in XSETID is smaller than the target stream length");
  EXPECT_EQ(run("XSETID", "s", "8", "MAXDELETEDID", "9"),
            "-ERR The ID specified in XSETID is smaller than the provided max_deleted_entry_id");
  EXPECT_EQ(run("XSETID", "s", "8", "ENTRIESADDED", "10", "MAXDELETEDID", "6"), "+OK");
  EXPECT_EQ(effects(), "XSETID s 8 ENTRIESADDED 10 MAXDELETEDID 6");
  EXPECT_EQ(stream("s").facts.entries_added, 10u);
}

TEST_F(StreamCommands, GroupErrorsAreThoseOfRedis) {
  EXPECT_EQ(run("XGROUP", "CREATE", "s", "g", "$"),
            "-ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use the "
            "MKSTREAM option to "
            "create an empty stream automatically.");
  run("XGROUP", "CREATE", "s", "g", "$", "MKSTREAM");
  EXPECT_EQ(run("XGROUP", "CREATE", "s", "g", "$"), "-BUSYGROUP Consumer Group name already exists");
  EXPECT_EQ(run("XGROUP", "SETID", "s", "x", "$"), "-NOGROUP No such consumer group 'x' for key name 's'");
  EXPECT_EQ(run("XREADGROUP", "GROUP", "x", "c", "STREAMS", "s", ">"),
            "-NOGROUP No such key 's' or consumer group 'x' in XREADGROUP with GROUP option");
  EXPECT_EQ(run("XREAD", "STREAMS", "s"), "-ERR wrong number of arguments for 'xread' command");
  EXPECT_EQ(run("XREAD", "STREAMS", "s", "0", "t"),
            "-ERR Unbalanced 'xread' list of streams: for each stream key an ID or '$' must be specified.");
  EXPECT_EQ(run("XREADGROUP", "GROUP", "g", "c", "STREAMS", "s", "0", "t"),
            "-ERR Unbalanced 'xreadgroup' list of streams: for each stream key an ID or '>' must be specified.");
  EXPECT_EQ(run("XCLAIM", "s", "g", "c", "x", "1"), "-ERR Invalid min-idle-time argument for XCLAIM");
  EXPECT_EQ(run("XAUTOCLAIM", "s", "g", "c", "x", "1"), "-ERR Invalid min-idle-time argument for XAUTOCLAIM");
  EXPECT_EQ(run("XCLAIM", "s", "g", "c", "0", "1", "FOO"), "-ERR Unrecognized XCLAIM option 'FOO'");
}

TEST_F(StreamCommands, ExtremeCountersDoNotOverflow) {
  run("XADD", "s", "1", "f", "v");
  run("XADD", "s", "2", "f", "v");
  run("XGROUP", "CREATE", "s", "g", "0", "ENTRIESREAD", "9223372036854775807");
  run("XSETID", "s", "2", "ENTRIESADDED", "9223372036854775807");
  run("XREADGROUP", "GROUP", "g", "c", "STREAMS", "s", ">");
  run("XCLAIM", "s", "g", "c", "0", "1", "IDLE", "-9223372036854775808");
  run("XCLAIM", "s", "g", "c", "0", "1", "TIME", "9223372036854775807", "RETRYCOUNT", "9223372036854775807");
  run("XCLAIM", "s", "g", "c", "0", "1");
  run("XPENDING", "s", "g", "IDLE", "9223372036854775807", "-", "+", "9223372036854775807", "c");
  run("XAUTOCLAIM", "s", "g", "c", "0", "0", "COUNT", "576460752303423487");
  run("XADD", "s", "3", "f", "v");
  run("XINFO", "GROUPS", "s");
  EXPECT_EQ(run("XLEN", "s"), ":3");
}

}  // namespace
}  // namespace stele::test
