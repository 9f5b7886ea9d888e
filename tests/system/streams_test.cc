// Readers of streams that wait, and what of a stream survives the end of its server.
#include "tests/system/system_fixture.h"

namespace stele::test {
namespace {

class Streams : public ::testing::Test {
 protected:
  /// Sends a command that is going to block, and returns when it has.
  void block(Client& client, std::vector<std::string> command) {
    const std::string before = server_.info("blocked_clients");
    client.send(command);
    client.flush();
    server_.wait_until([&] { return server_.info("blocked_clients") != before; });
  }

  Server server_;
};

TEST_F(Streams, XreadWaitsForWhatComesBehindTheLastEntryThereWas) {
  server_.run("XADD", "s", "1-1", "f", "old");
  Client reader = server_.connect();
  block(reader, {"XREAD", "BLOCK", "0", "STREAMS", "other", "s", "$", "$"});
  server_.run("XGROUP", "CREATE", "s", "g", "$");
  server_.run("MULTI");
  server_.run("XADD", "s", "2-1", "f", "new");
  server_.run("XADD", "s", "3-1", "f", "newer");
  server_.run("EXEC");
  EXPECT_EQ(describe(reader.read()), R"([["s", [["2-1", ["f", "new"]], ["3-1", ["f", "newer"]]]]])");
}

TEST_F(Streams, XreadWaitsOnThroughDeletionAndOtherTypes) {
  server_.run("XADD", "s", "5-1", "f", "v");
  Client reader = server_.connect();
  block(reader, {"XREAD", "BLOCK", "0", "STREAMS", "s", "$"});
  server_.run("DEL", "s");
  server_.run("SET", "s", "text");
  server_.run("DEL", "s");
  server_.run("XADD", "s", "2-1", "f", "too early");
  EXPECT_EQ(server_.info("blocked_clients"), "1");
  server_.run("XADD", "s", "6-1", "f", "v");
  EXPECT_EQ(describe(reader.read()), R"([["s", [["6-1", ["f", "v"]]]]])");
}

TEST_F(Streams, AWaitEndsWithNothing) {
  server_.run("XGROUP", "CREATE", "s", "g", "$", "MKSTREAM");
  EXPECT_TRUE(server_.run("XREAD", "BLOCK", "10", "STREAMS", "s", "$").null);
  EXPECT_TRUE(server_.run("XREADGROUP", "GROUP", "g", "c", "BLOCK", "10", "STREAMS", "s", ">").null);
}

TEST_F(Streams, EachEntryGoesToOneReaderOfAGroup) {
  server_.run("XGROUP", "CREATE", "s", "g", "$", "MKSTREAM");
  Client first = server_.connect(), second = server_.connect();
  block(first, {"XREADGROUP", "GROUP", "g", "a", "BLOCK", "0", "STREAMS", "s", ">"});
  block(second, {"XREADGROUP", "GROUP", "g", "b", "BLOCK", "0", "STREAMS", "s", ">"});
  server_.run("XADD", "s", "1-1", "f", "1");
  EXPECT_EQ(describe(first.read()), R"([["s", [["1-1", ["f", "1"]]]]])");
  EXPECT_EQ(server_.info("blocked_clients"), "1");
  server_.run("XADD", "s", "2-1", "f", "2");
  EXPECT_EQ(describe(second.read()), R"([["s", [["2-1", ["f", "2"]]]]])");
  EXPECT_EQ(describe(server_.run("XPENDING", "s", "g")), R"([(integer) 2, "1-1", "2-1", [["a", "1"], ["b", "1"]]])");
}

TEST_F(Streams, AReaderOfAGroupIsToldWhenItsGroupIsGone) {
  const auto waiting_reader = [this] {
    server_.run("DEL", "s");
    server_.run("XGROUP", "CREATE", "s", "g", "$", "MKSTREAM");
    Client reader = server_.connect();
    block(reader, {"XREADGROUP", "GROUP", "g", "c", "BLOCK", "0", "STREAMS", "s", ">"});
    return reader;
  };
  const Reply no_group = error("NOGROUP No such key 's' or consumer group 'g' in XREADGROUP with GROUP option");
  const std::vector<std::vector<std::string>> ends = {
      {"XGROUP", "DESTROY", "s", "g"}, {"DEL", "s"}, {"FLUSHALL"}, {"RENAME", "s", "t"}, {"PEXPIREAT", "s", "1"}};
  for (const auto& end : ends) {
    SCOPED_TRACE(end[0]);
    Client reader = waiting_reader();
    server_.connect().run_arguments(end);
    EXPECT_EQ(reader.read(), no_group);
  }
  Client reader = waiting_reader();
  server_.run("SET", "s", "text");
  EXPECT_EQ(reader.read(), error("WRONGTYPE Operation against a key holding the wrong kind of value"));
}

// Effects of groups are subcommands: the journal's reader has to find these too.
TEST_F(Streams, GroupsAndWhatTheyHavePendingSurviveKill9) {
  for (int i = 1; i <= 300; ++i) server_.run("XADD", "s", std::to_string(i), "n", std::to_string(i));
  server_.run("XGROUP", "CREATE", "s", "g", "0");
  server_.run("XREADGROUP", "GROUP", "g", "a", "COUNT", "150", "STREAMS", "s", ">");
  server_.run("SAVE");
  server_.run("XREADGROUP", "GROUP", "g", "b", "COUNT", "100", "STREAMS", "s", ">");
  server_.run("XREADGROUP", "GROUP", "g", "a", "COUNT", "3", "STREAMS", "s", "0");
  server_.run("XACK", "s", "g", "1", "2", "170");
  server_.run("XCLAIM", "s", "g", "c", "0", "10", "160");
  server_.run("XDEL", "s", "20", "165");
  server_.run("XTRIM", "s", "MAXLEN", "~", "210");
  server_.run("XAUTOCLAIM", "s", "g", "c", "0", "0", "COUNT", "5");
  const Reply pending =
      server_.run("XINFO", "STREAM", "s", "FULL", "COUNT", "0").elements.back().elements.at(0).elements.at(11);
  const Reply groups = server_.run("XINFO", "GROUPS", "s");
  const Reply stream = server_.run("XINFO", "STREAM", "s");
  const Reply digest = server_.run("DEBUG", "DIGEST");
  for (int start = 0; start < 2; ++start) {
    server_.kill9();
    server_.restart();
    EXPECT_EQ(server_.run("XINFO", "STREAM", "s", "FULL", "COUNT", "0").elements.back().elements.at(0).elements.at(11),
              pending);
    EXPECT_EQ(server_.run("XINFO", "GROUPS", "s"), groups);
    EXPECT_EQ(server_.run("XINFO", "STREAM", "s"), stream);
    EXPECT_EQ(server_.run("DEBUG", "DIGEST"), digest);
    server_.run("SAVE");
  }
}

}  // namespace
}  // namespace stele::test
