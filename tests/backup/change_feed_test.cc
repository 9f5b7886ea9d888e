// JOURNAL READ and its cursors: what consumers are told, and that nothing is lost to them.

#include <random>
#include <thread>

#include "tests/system/system_fixture.h"

namespace stele::test {
namespace {

namespace fs = std::filesystem;

/// "<db> SET key value"
std::string text_of(const Reply& entry) {
  std::string text = entry.elements[2].text;
  for (const Reply& arg : entry.elements[3].elements) text += " " + arg.text;
  return text;
}

std::vector<std::string> texts_of(const Reply& read) {
  std::vector<std::string> texts;
  for (const Reply& entry : read.elements.at(2).elements) texts.push_back(text_of(entry));
  return texts;
}

std::string next_of(const Reply& read) { return read.elements.at(1).text; }

std::string field(const Reply& map, std::string_view name) {
  for (std::size_t i = 0; i + 1 < map.elements.size(); i += 2) {
    if (map.elements[i] == name) return map.elements[i + 1].text;
  }
  return "";
}

std::string cursor_offset(Server& server, std::string_view name) { return field(server.run("JOURNAL", "CURSOR", "GET", name), "offset"); }

using Texts = std::vector<std::string>;

TEST(ChangeFeed, TellsEveryChangeInOrderWithItsDatabaseAndTime) {
  Server server;
  const std::string start = next_of(server.run("JOURNAL", "READ", "$"));
  server.run("SET", "a", "1");
  server.run("SELECT", "2");
  server.run("INCR", "n");
  server.run("SETEX", "b", "1000", "x");
  server.run("GET", "a");
  const Reply read = server.run("JOURNAL", "READ", start);
  ASSERT_EQ(read.elements.size(), 3u) << read;
  EXPECT_EQ(read.elements[0], server.info("master_replid"));
  const Texts texts = texts_of(read);
  ASSERT_EQ(texts.size(), 3u);
  EXPECT_EQ(texts[0], "0 SET a 1");
  EXPECT_EQ(texts[1], "2 INCR n");
  EXPECT_TRUE(texts[2].starts_with("2 SET b x PXAT ")) << texts[2];
  const std::int64_t now = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
  EXPECT_NEAR(static_cast<double>(read.elements[2].elements[0].elements[1].integer()), static_cast<double>(now), 60'000);
  EXPECT_EQ(next_of(read), server.info("master_repl_offset"));
}

TEST(ChangeFeed, GoesOnBehindEveryChange) {
  Server server;
  const std::string start = next_of(server.run("JOURNAL", "READ", "$"));
  for (int i = 0; i < 20; ++i) {
    server.run("SELECT", i % 3);
    server.run("SET", fmt::format("key:{}", i), i);
  }
  const Reply all = server.run("JOURNAL", "READ", start);
  const Texts texts = texts_of(all);
  ASSERT_EQ(texts.size(), 20u);
  server.restart();  // nothing of it is remembered
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const std::string behind = all.elements[2].elements[i].elements[0].text;
    EXPECT_EQ(texts_of(server.run("JOURNAL", "READ", behind)), Texts(texts.begin() + static_cast<std::ptrdiff_t>(i) + 1, texts.end())) << i;
  }
  // A few at a time.
  std::string at = start;
  Texts together;
  while (together.size() < texts.size()) {
    const Reply some = server.run("JOURNAL", "READ", at, "COUNT", "3");
    ASSERT_FALSE(texts_of(some).empty());
    for (const std::string& text : texts_of(some)) together.push_back(text);
    at = next_of(some);
  }
  EXPECT_EQ(together, texts);
}

TEST(ChangeFeed, TransactionComesWholeAndHasOneOffset) {
  Server server;
  const std::string start = next_of(server.run("JOURNAL", "READ", "$"));
  Client client = server.connect();
  pipeline(client, {{"MULTI"}, {"SET", "a", "1"}, {"SET", "b", "2"}, {"SET", "c", "3"}, {"EXEC"}});
  const Reply read = server.run("JOURNAL", "READ", start, "COUNT", "1");
  EXPECT_EQ(texts_of(read), (Texts{"0 SET a 1", "0 SET b 2", "0 SET c 3"}));
  for (const Reply& entry : read.elements[2].elements) EXPECT_EQ(entry.elements[0], next_of(read));
}

TEST(ChangeFeed, RefusesPlacesWhereNoChangeBegins) {
  Server server;
  server.run("SET", "a", "1");
  const std::string start = next_of(server.run("JOURNAL", "READ", "$"));
  server.run("SET", "key", "value");
  Client client = server.connect();
  pipeline(client, {{"MULTI"}, {"SET", "a", "1"}, {"SET", "b", "2"}, {"EXEC"}});
  const std::string end = server.info("master_repl_offset");
  std::size_t refused = 0;
  for (std::int64_t at = std::stoll(start); at < std::stoll(end); ++at) {
    const Reply read = server.run("JOURNAL", "READ", at);
    if (read.is_error()) {
      EXPECT_TRUE(contains(read.text, "no change begins at offset")) << at;
      ++refused;
    }
  }
  EXPECT_EQ(refused, static_cast<std::size_t>(std::stoll(end) - std::stoll(start) - 2));  // SET, and the transaction
  EXPECT_TRUE(contains(server.run("JOURNAL", "READ", std::stoll(end) + 1).text, "HISTORY offset"));
  EXPECT_TRUE(contains(server.run("JOURNAL", "READ", end, "ID", std::string(40, 'f')).text, "HISTORY offset"));
  EXPECT_EQ(server.run("JOURNAL", "READ", "x"), error("ERR value is not an integer or out of range"));
  EXPECT_EQ(server.run("JOURNAL", "READ", end, "COUNT"), error("ERR syntax error"));
  EXPECT_EQ(client.run("MULTI"), "OK");
  EXPECT_TRUE(client.run("JOURNAL", "READ", end).is_error());
}

TEST(ChangeFeed, WaitsForTheNextChangeOrForTheTimeToPass) {
  Server server;
  const std::string start = next_of(server.run("JOURNAL", "READ", "$"));
  EXPECT_EQ(texts_of(server.run("JOURNAL", "READ", start)), Texts{});
  const auto began = std::chrono::steady_clock::now();
  const Reply nothing = server.run("JOURNAL", "READ", start, "BLOCK", "150");
  EXPECT_GE(std::chrono::steady_clock::now() - began, std::chrono::milliseconds(150));
  EXPECT_EQ(texts_of(nothing), Texts{});
  EXPECT_EQ(next_of(nothing), start);

  Client waiting = server.connect();
  waiting.send(std::vector<std::string>{"JOURNAL", "READ", start, "BLOCK", "0", "MATCH", "wanted:*"});
  waiting.flush();
  server.wait_until([&] { return server.info("feed_waiting") == "1"; });
  server.run("SET", "other", "1");
  server.run("SET", "wanted:1", "1");
  EXPECT_EQ(texts_of(waiting.read()), Texts{"0 SET wanted:1 1"});

  waiting.send(std::vector<std::string>{"JOURNAL", "READ", "$", "BLOCK", "0"});
  waiting.flush();
  server.wait_until([&] { return server.info("feed_waiting") == "1"; });
  waiting.shut_down();
  server.wait_until([&] { return server.info("feed_waiting") == "0"; });
}

TEST(ChangeFeed, UnderAlwaysWaitsForTheDisk) {
  Server server{"--appendfsync", "always"};
  const std::string start = next_of(server.run("JOURNAL", "READ", "$"));
  Client waiting = server.connect();
  waiting.send(std::vector<std::string>{"JOURNAL", "READ", start, "BLOCK", "0"});
  waiting.flush();
  server.run("SET", "key", "value");
  const Reply read = waiting.read();
  EXPECT_EQ(texts_of(read), Texts{"0 SET key value"});
  EXPECT_LE(std::stoll(next_of(read)), std::stoll(server.info("journal_durable")));
}

TEST(ChangeFeed, LeavesOutWhatIsNotAskedFor) {
  Server server;
  const std::string start = next_of(server.run("JOURNAL", "READ", "$"));
  server.run("MSET", "user:1", "a", "order:1", "b");
  server.run("SET", "order:2", "c");
  server.run("SELECT", "1");
  server.run("SET", "user:2", "d");
  server.run("MOVE", "user:2", "0");
  server.run("FLUSHALL");
  const Reply users = server.run("JOURNAL", "READ", start, "MATCH", "user:*");
  EXPECT_EQ(texts_of(users), (Texts{"0 MSET user:1 a order:1 b", "1 SET user:2 d", "1 MOVE user:2 0", "1 FLUSHALL"}));
  EXPECT_EQ(texts_of(server.run("JOURNAL", "READ", start, "DB", "0")),
            (Texts{"0 MSET user:1 a order:1 b", "0 SET order:2 c", "1 MOVE user:2 0", "1 FLUSHALL"}));
  EXPECT_EQ(texts_of(server.run("JOURNAL", "READ", start, "DB", "5")), (Texts{"1 FLUSHALL"}));
  EXPECT_EQ(next_of(users), server.info("master_repl_offset"));
}

TEST(ChangeFeed, CursorsAreMadeMovedShownAndRemoved) {
  Server server;
  server.run("SET", "a", "1");
  EXPECT_EQ(server.run("JOURNAL", "CURSOR", "CREATE", "mail", "-"), "OK");
  EXPECT_EQ(cursor_offset(server, "mail"), "0");
  EXPECT_TRUE(contains(server.run("JOURNAL", "CURSOR", "CREATE", "mail").text, "BUSYCURSOR"));
  EXPECT_EQ(server.run("JOURNAL", "CURSOR", "CREATE", "search"), "OK");
  const Reply read = server.run("JOURNAL", "READ", "0");
  EXPECT_EQ(texts_of(read), Texts{"0 SET a 1"});  // cursors are no changes
  EXPECT_EQ(server.run("JOURNAL", "CURSOR", "ACK", "mail", next_of(read)), "OK");
  EXPECT_EQ(cursor_offset(server, "mail"), next_of(read));
  EXPECT_TRUE(contains(server.run("JOURNAL", "CURSOR", "ACK", "mail", "0").text, "already"));
  EXPECT_TRUE(contains(server.run("JOURNAL", "CURSOR", "ACK", "mail", "99999999").text, "Nothing was read behind"));
  EXPECT_TRUE(contains(server.run("JOURNAL", "CURSOR", "ACK", "nobody", "1").text, "NOCURSOR"));
  EXPECT_EQ(server.run("JOURNAL", "CURSOR", "LIST").elements.size(), 2u);
  EXPECT_EQ(field(server.run("JOURNAL", "CURSOR", "GET", "mail"), "state"), "kept");
  EXPECT_EQ(server.run("JOURNAL", "CURSOR", "DELETE", "search"), "1");
  EXPECT_EQ(server.run("JOURNAL", "CURSOR", "DELETE", "search"), "0");
  EXPECT_TRUE(server.run("JOURNAL", "CURSOR", "GET", "search").null);
  EXPECT_EQ(field(server.run("JOURNAL", "INFO"), "cursors"), "1");
  EXPECT_EQ(server.run("FLUSHALL"), "OK");
  EXPECT_EQ(cursor_offset(server, "mail"), next_of(read));
}

TEST(ChangeFeed, CursorsAreThereAfterAKillAndAfterACheckpoint) {
  Server server;
  server.run("SET", "a", "1");
  const std::string end = server.info("master_repl_offset");
  server.run("JOURNAL", "CURSOR", "CREATE", "one and\nonly", "-");
  server.run("JOURNAL", "CURSOR", "ACK", "one and\nonly", end);
  server.run("JOURNAL", "CURSOR", "CREATE", "gone", "-");
  server.run("JOURNAL", "CURSOR", "DELETE", "gone");
  server.kill9();
  server.restart();
  EXPECT_EQ(cursor_offset(server, "one and\nonly"), end);
  EXPECT_TRUE(server.run("JOURNAL", "CURSOR", "GET", "gone").null);
  server.restart();  // in order: from the checkpoint's label
  EXPECT_EQ(cursor_offset(server, "one and\nonly"), end);
  EXPECT_EQ(server.info("recovery_replayed_bytes"), "0");
  // A rebuild from the journal's base knows them as well.
  server.run("BGREWRITEAOF");
  server.wait_until([&] { return server.info("aof_rewrite_in_progress") == "0" && server.info("aof_base_size") != "0"; });
  server.terminate();
  fs::remove_all(server.directory() / "rocksdb");
  server.restart();
  EXPECT_EQ(cursor_offset(server, "one and\nonly"), end);
}

TEST(ChangeFeed, AckInATransactionCountsWithIt) {
  Server server;
  server.run("JOURNAL", "CURSOR", "CREATE", "copy", "-");
  server.run("SET", "a", "1");
  const std::string end = next_of(server.run("JOURNAL", "READ", "-"));
  Client client = server.connect();
  pipeline(client, {{"MULTI"}, {"SET", "copied", "a"}, {"JOURNAL", "CURSOR", "ACK", "copy", end}, {"EXEC"}});
  server.kill9();
  server.restart();
  EXPECT_EQ(cursor_offset(server, "copy"), end);
  EXPECT_EQ(texts_of(server.run("JOURNAL", "READ", end)), Texts{"0 SET copied a"});
}

TEST(ChangeFeed, CursorKeepsTheJournalUntilItMovesOn) {
  Server server{"--journal-segment-size", "1mb", "--journal-retain-size", "0", "--appendonly", "no"};
  server.run("SAVE");
  server.run("JOURNAL", "CURSOR", "CREATE", "slow", "$");
  const std::int64_t at = std::stoll(cursor_offset(server, "slow"));
  for (int i = 0; i < 5; ++i) {
    server.run("SET", "big", std::string(1 << 20, 'x'));
    server.run("SAVE");
  }
  EXPECT_LE(std::stoll(server.info("journal_start")), at);
  const Reply first = server.run("JOURNAL", "READ", at, "COUNT", "1");
  ASSERT_EQ(first.elements.at(2).elements.size(), 1u);
  EXPECT_EQ(server.run("JOURNAL", "CURSOR", "ACK", "slow", "$"), "OK");
  server.wait_until([&] {
    server.run("SET", "big", "small");
    server.run("SAVE");
    return std::stoll(server.info("journal_start")) > at;
  });
  EXPECT_TRUE(contains(server.run("JOURNAL", "READ", at).text, "TRIMMED offset"));
}

TEST(ChangeFeed, CursorThatHoldsBackTooMuchIsLetGoAndSaysSo) {
  Server server{"--journal-segment-size", "1mb", "--journal-retain-size", "0", "--appendonly", "no", "--journal-pin-size-max", "2mb"};
  server.run("SAVE");
  server.run("JOURNAL", "CURSOR", "CREATE", "stuck", "$");
  const std::string at = cursor_offset(server, "stuck");
  for (int i = 0; i < 5; ++i) {
    server.run("SET", "big", std::string(1 << 20, 'x'));
    server.run("SAVE");
  }
  server.wait_until([&] { return server.info("feed_cursors_let_go") == "1"; });
  server.wait_until([&] {
    server.run("SET", "big", "small");
    server.run("SAVE");
    return field(server.run("JOURNAL", "CURSOR", "GET", "stuck"), "state") == "lost";
  });
  EXPECT_TRUE(contains(server.run("JOURNAL", "READ", at).text, "TRIMMED offset"));
  EXPECT_TRUE(contains(server.log(), "cursor 'stuck' is let go"));
}

/// Reads with a cursor and acknowledges now and then. What it was given and had not acknowledged comes again, nothing else does.
class Consumer {
 public:
  explicit Consumer(std::uint64_t seed) : random_(seed) {}

  /// Until `last` has been seen, or the connection breaks, or it has had enough of this one.
  bool run(Client client, std::int64_t last) {
    std::int64_t batches = std::uniform_int_distribution<std::int64_t>(1, 40)(random_);
    const Reply cursor = client.run("JOURNAL", "CURSOR", "GET", "consumer");
    std::string at = field(cursor, "offset");
    std::string replid = field(cursor, "replid");
    expected_ = acknowledged_ + 1;
    if (ack_is_open_ && std::stoll(at) >= open_offset_) expected_ = open_ + 1;  // it had arrived
    while (batches-- > 0 && seen_ < last) {
      const Reply read = client.run("JOURNAL", "READ", at, "ID", replid, "COUNT", "7", "BLOCK", "50", "MATCH", "seq:*");
      if (read.is_error()) throw std::runtime_error(read.text);
      for (const Reply& entry : read.elements[2].elements) {
        const std::int64_t n = std::stoll(entry.elements[3].elements[2].text);
        if (n != expected_) problems_.push_back(fmt::format("{} came, {} was due", n, expected_));
        expected_ = n + 1;
        seen_ = std::max(seen_, n);
      }
      at = next_of(read);
      replid = read.elements[0].text;
      if (std::uniform_int_distribution<int>(0, 2)(random_) != 0) continue;
      ack_is_open_ = true;
      open_ = expected_ - 1;
      open_offset_ = std::stoll(at);
      if (client.run("JOURNAL", "CURSOR", "ACK", "consumer", at).is_error()) throw std::runtime_error("ACK was refused");
      acknowledged_ = open_;
      ack_is_open_ = false;
    }
    return seen_ >= last;
  }

  std::int64_t seen() const { return seen_; }
  std::int64_t acknowledged() const { return acknowledged_; }
  const std::vector<std::string>& problems() const { return problems_; }

 private:
  std::mt19937_64 random_;
  std::int64_t expected_ = 1;
  std::int64_t seen_ = 0;
  std::int64_t acknowledged_ = 0;
  bool ack_is_open_ = false;  // sent, and not answered
  std::int64_t open_ = 0;
  std::int64_t open_offset_ = 0;
  std::vector<std::string> problems_;
};

TEST(ChangeFeed, ConsumerThatIsKilledLosesNothingAndSeesOnlyTheUnacknowledgedAgain) {
  Server server{"--journal-segment-size", "1mb"};
  server.run("JOURNAL", "CURSOR", "CREATE", "consumer", "$");
  constexpr std::int64_t kWrites = 4000;
  Consumer consumer(11);
  std::int64_t written = 0;
  int kills = 0;
  while (consumer.seen() < kWrites) {
    std::thread writer([&, from = written] {
      try {
        Client client = server.connect();
        for (std::int64_t n = from + 1; n <= std::min(kWrites, from + 500); ++n) {
          if (client.run("SET", fmt::format("seq:{}", n % 100), n) == "OK") written = n;
        }
      } catch (const ConnectionLost&) {
        // killed; the write that was not answered may be there or not
      }
    });
    try {
      for (int i = 0; i < 3; ++i) consumer.run(server.connect(), kWrites);
    } catch (const ConnectionLost&) {
    }
    if (kills < 8) {
      server.kill9();
      ++kills;
    }
    writer.join();
    if (!server.running()) server.restart();
    // An unanswered write that is there is seen once more as its own repetition, unless it counts as written.
    const Reply last = server.run("JOURNAL", "READ", cursor_offset(server, "consumer"), "COUNT", "100000", "MATCH", "seq:*");
    written = std::max(written, consumer.seen());
    if (!last.elements.at(2).elements.empty()) {
      written = std::max<std::int64_t>(written, std::stoll(last.elements[2].elements.back().elements[3].elements[2].text));
    }
  }
  EXPECT_EQ(consumer.problems(), std::vector<std::string>{});
  EXPECT_EQ(consumer.seen(), kWrites);
  EXPECT_GE(kills, 4);
}

TEST(ChangeFeed, ConsumerGoesOnWithTheNewPrimary) {
  Server primary;
  primary.run("JOURNAL", "CURSOR", "CREATE", "before the sync", "-");
  primary.run("SET", "old", "data");
  Server replica{"--replicaof", primary.address()};
  replica.wait_until([&] { return replica.info("master_link_status") == "up"; });
  EXPECT_EQ(cursor_offset(replica, "before the sync"), "0");  // told in the snapshot
  primary.run("JOURNAL", "CURSOR", "CREATE", "consumer", "$");
  Client writer = primary.connect();
  for (int n = 1; n <= 300; ++n) writer.run("SET", fmt::format("seq:{}", n % 10), n);
  Consumer consumer(5);
  while (consumer.acknowledged() < 50) consumer.run(primary.connect(), 200);
  EXPECT_TRUE(contains(replica.run("JOURNAL", "CURSOR", "ACK", "consumer", "$").text, "READONLY"));
  ASSERT_EQ(primary.run("WAIT", "1", "5000"), "1");
  EXPECT_EQ(texts_of(replica.run("JOURNAL", "READ", cursor_offset(primary, "consumer"), "COUNT", "1")).size(), 1u);
  primary.kill9();
  replica.run("REPLICAOF", "NO", "ONE");
  Client writer2 = replica.connect();
  for (int n = 301; n <= 400; ++n) writer2.run("SET", fmt::format("seq:{}", n % 10), n);
  while (!consumer.run(replica.connect(), 400)) {
  }
  EXPECT_EQ(consumer.problems(), std::vector<std::string>{});
  EXPECT_EQ(consumer.seen(), 400);
}

TEST(ChangeFeed, WhatWasLostInAFailoverIsNotPassedOverInSilence) {
  Server primary;
  Server replica{"--replicaof", primary.address()};
  replica.wait_until([&] { return replica.info("master_link_status") == "up"; });
  primary.run("SET", "a", "1");
  ASSERT_EQ(primary.run("WAIT", "1", "5000"), "1");
  replica.run("REPLICAOF", "NO", "ONE");
  primary.run("SET", "lost", "write");
  const Reply read = primary.run("JOURNAL", "READ", "-");
  for (int i = 0; i < 50; ++i) replica.run("SET", "other", i);
  const Reply refused = replica.run("JOURNAL", "READ", next_of(read), "ID", read.elements[0].text);
  EXPECT_TRUE(contains(refused.text, "HISTORY offset"));
}

TEST(ChangeFeed, StockRedisFollowsAndLoadsAStreamWithCursorsInIt) {
  Server server;
  RedisServer replica{"--replicaof", server.address()};
  replica.wait_until([&] { return replica.info("master_link_status") == "up"; });
  server.run("JOURNAL", "CURSOR", "CREATE", "consumer", "-");
  server.run("SET", "a", "1");
  Client client = server.connect();
  pipeline(client, {{"MULTI"}, {"SET", "b", "2"}, {"JOURNAL", "CURSOR", "ACK", "consumer", server.info("master_repl_offset")}, {"EXEC"}});
  ASSERT_EQ(server.run("WAIT", "1", "5000"), "1");
  EXPECT_EQ(replica.run("DEBUG", "DIGEST").text, server.run("DEBUG", "DIGEST").text);
  EXPECT_EQ(replica.info("master_link_status"), "up");
  server.terminate();
  RedisServer loading;
  loading.kill9();
  fs::remove_all(loading.directory() / "appendonlydir");
  fs::copy(server.directory() / "appendonlydir", loading.directory() / "appendonlydir", fs::copy_options::recursive);
  loading.restart();
  EXPECT_EQ(loading.run("GET", "b"), "2");
}

}  // namespace
}  // namespace stele::test
