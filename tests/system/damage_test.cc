// Damaged data directories: what lies behind the last durable byte is cut, anything else is refused and left as it is.
// Wrong data is never served.
#include <filesystem>

#include <fmt/format.h>

#include "tests/system/system_fixture.h"

namespace stele::test {
namespace {

namespace fs = std::filesystem;

class DamagedJournal : public ::testing::Test {
 protected:
  /// Stops in order without a checkpoint: everything is in one segment that ends in a mark.
  void fill_and_stop() {
    Client client = server_.connect();
    set_keys(client, 1000);
    client.send(std::vector<std::string>{"SHUTDOWN", "NOSAVE"});
    client.flush();
    server_.wait_until([&] { return !server_.running(); });
  }

  fs::path journal() const { return server_.directory() / "appendonlydir"; }

  Server server_{"--appendfsync", "no"};
};

TEST_F(DamagedJournal, AFlippedByteWithDurableFramesBehindItIsRefusedAndNothingIsTouched) {
  fill_and_stop();
  const fs::path segment = newest_segment(server_);
  flip_byte_at(segment, fs::file_size(segment) / 2);
  const auto before = contents(journal());
  const Outcome outcome = failed_restart(server_);
  EXPECT_NE(outcome.exit_code, 0);
  EXPECT_TRUE(contains(outcome.output, segment.filename().native()));
  EXPECT_TRUE(contains(outcome.output, ": position "));
  EXPECT_TRUE(contains(outcome.output, "bad frame at offset "));
  EXPECT_TRUE(contents(journal()) == before);
}

TEST_F(DamagedJournal, ADamagedJournalThatWasRefusedIsRefusedAgainAndStartsOnceItIsRepaired) {
  fill_and_stop();
  const fs::path segment = newest_segment(server_);
  const std::uint64_t position = fs::file_size(segment) / 3;
  flip_byte_at(segment, position);
  EXPECT_NE(failed_restart(server_).exit_code, 0);
  EXPECT_NE(failed_restart(server_).exit_code, 0);
  flip_byte_at(segment, position);
  server_.restart();
  EXPECT_EQ(server_.run("DBSIZE"), "1000");
  EXPECT_EQ(server_.run("GET", "key:999"), "value:999");
}

TEST_F(DamagedJournal, ATornTailIsCutAndTheLogSaysHowManyBytes) {
  server_.run("SET", "first", "1");
  server_.run("SET", "second", "2");
  server_.kill9();
  const fs::path segment = newest_segment(server_);
  const std::string text = read_file(segment);
  const std::size_t last_frame = text.rfind("#J:");
  fs::resize_file(segment, text.size() - 3);
  server_.restart();
  EXPECT_TRUE(contains(server_.log(), fmt::format("{} bytes cut from {}", text.size() - 3 - last_frame,
                                                  segment.filename().native())));
  EXPECT_EQ(server_.run("GET", "first"), "1");
  EXPECT_TRUE(server_.run("GET", "second").null);
}

TEST_F(DamagedJournal, JunkBehindTheLastFrameIsCutAndTheLogSaysHowManyBytes) {
  server_.run("SET", "key", "value");
  server_.kill9();
  const fs::path segment = newest_segment(server_);
  append_file(segment, "#J:junk\r\n" + std::string(500, '\0'));
  server_.restart();
  EXPECT_TRUE(contains(server_.log(), fmt::format("509 bytes cut from {}", segment.filename().native())));
  EXPECT_EQ(server_.run("GET", "key"), "value");
  server_.run("SET", "after", "1");
  server_.kill9();
  server_.restart();
  EXPECT_EQ(server_.run("GET", "after"), "1");
}

TEST_F(DamagedJournal, ATransactionTornInTheMiddleGoesAsAWhole) {
  Client client = server_.connect();
  pipeline(client, {{"SET", "before", "1"}});
  pipeline(client, {{"MULTI"}, {"SET", "a", "1"}, {"SET", "b", "2"}, {"EXEC"}});
  server_.kill9();
  const fs::path segment = newest_segment(server_);
  const std::string text = read_file(segment);
  fs::resize_file(segment, text.rfind("$3\r\nSET"));
  server_.restart();
  EXPECT_EQ(server_.run("EXISTS", "a", "b"), "0");
  EXPECT_EQ(server_.run("GET", "before"), "1");
}

TEST_F(DamagedJournal, AMissingSegmentIsRefused) {
  fill_and_stop();
  const fs::path segment = newest_segment(server_);
  fs::remove(segment);
  const Outcome outcome = failed_restart(server_);
  EXPECT_NE(outcome.exit_code, 0);
  EXPECT_TRUE(contains(outcome.output, segment.filename().native()));
}

TEST_F(DamagedJournal, AMissingManifestIsRefusedInsteadOfStartingEmpty) {
  fill_and_stop();
  fs::remove(journal() / "appendonly.aof.manifest");
  const Outcome outcome = failed_restart(server_);
  EXPECT_NE(outcome.exit_code, 0);
  EXPECT_TRUE(contains(outcome.output, "manifest"));
}

TEST_F(DamagedJournal, AMissingJournalBesideACheckpointIsRefused) {
  server_.run("SET", "key", "value");
  EXPECT_EQ(server_.terminate(), 0);
  fs::rename(journal(), server_.directory() / "aside");
  const Outcome outcome = failed_restart(server_);
  EXPECT_NE(outcome.exit_code, 0);
  EXPECT_TRUE(contains(outcome.output, "appendonlydir is missing or empty"));
  fs::remove_all(journal());
  fs::rename(server_.directory() / "aside", journal());
  server_.restart();
  EXPECT_EQ(server_.run("GET", "key"), "value");
}

class DamagedStore : public ::testing::Test {
 protected:
  static constexpr int kKeys = 2000;

  void SetUp() override {
    Client client = server_.connect();
    set_keys(client, kKeys);
    EXPECT_EQ(client.run("SAVE"), "OK");
    server_.kill9();
  }

  fs::path store() const { return server_.directory() / "rocksdb"; }

  /// Refused at start, or stopped by a read; every reply until then is right.
  void expect_no_wrong_data() {
    server_.spawn();
    try {
      server_.wait_until_ready();
    } catch (const std::runtime_error&) {
      EXPECT_FALSE(server_.running());
      return;
    }
    bool stopped = false;
    try {
      Client client = server_.connect(std::chrono::seconds(20));
      EXPECT_EQ(client.run("DBSIZE"), std::to_string(kKeys));
      for (int i = 0; i < kKeys; ++i) ASSERT_EQ(client.run("GET", fmt::format("key:{}", i)), fmt::format("value:{}", i));
    } catch (const ConnectionLost&) {
      stopped = true;
    }
    EXPECT_TRUE(stopped) << "the damage was in nothing that is read";
    server_.wait_until([&] { return !server_.running(); });
  }

  Server server_{"--warm-up", "no"};
};

TEST_F(DamagedStore, AFlippedByteInADataBlockStopsTheServerBeforeAWrongReply) {
  for (const fs::path& sst : files_in(store(), ".sst")) {
    if (fs::file_size(sst) > 10'000) flip_byte_at(sst, 5'000);
  }
  expect_no_wrong_data();
}

TEST_F(DamagedStore, ScanOverADamagedBlockReportsAnErrorOrStopsAndNeverShowsAPart) {
  for (const fs::path& sst : files_in(store(), ".sst")) {
    if (fs::file_size(sst) > 10'000) flip_byte_at(sst, 5'000);
  }
  server_.restart();
  Client client = server_.connect(std::chrono::seconds(20));
  bool noticed = false;
  try {
    std::string cursor = "0";
    do {
      const Reply reply = client.run("SCAN", cursor, "COUNT", 500);
      noticed = reply.is_error();
      if (noticed) break;
      cursor = reply.elements[0].text;
    } while (cursor != "0");
    noticed = noticed || client.run("DEBUG", "DIGEST").is_error();
  } catch (const ConnectionLost&) {
    noticed = true;
  }
  EXPECT_TRUE(noticed);
}

TEST_F(DamagedStore, ADamagedManifestIsRefused) {
  for (const fs::path& path : files_in(store())) {
    if (path.filename().native().starts_with("MANIFEST-")) flip_byte_at(path, fs::file_size(path) / 2);
  }
  const Outcome outcome = failed_restart(server_);
  EXPECT_NE(outcome.exit_code, 0);
  EXPECT_TRUE(contains(outcome.output, "rocksdb"));
}

TEST_F(DamagedStore, ATruncatedTableIsRefusedOrNoticed) {
  for (const fs::path& sst : files_in(store(), ".sst")) fs::resize_file(sst, fs::file_size(sst) / 2);
  expect_no_wrong_data();
}

TEST_F(DamagedStore, AMissingCurrentFileIsRefused) {
  fs::remove(store() / "CURRENT");
  const Outcome outcome = failed_restart(server_);
  EXPECT_NE(outcome.exit_code, 0);
  EXPECT_TRUE(contains(outcome.output, "no CURRENT"));
}

TEST_F(DamagedStore, AMissingTableIsRefused) {
  fs::path largest;
  for (const fs::path& sst : files_in(store(), ".sst")) {
    if (largest.empty() || fs::file_size(sst) > fs::file_size(largest)) largest = sst;
  }
  fs::remove(largest);
  const Outcome outcome = failed_restart(server_);
  EXPECT_NE(outcome.exit_code, 0);
  EXPECT_TRUE(contains(outcome.output, largest.stem().native()));
}

TEST(MissingStore, ATrimmedJournalAloneIsRefused) {
  Server server{"--journal-segment-size", "1mb", "--appendonly", "no"};  // which makes no base
  const std::string value(300'000, 'x');
  // A segment grows beyond its size until the next one is prepared.
  server.wait_until([&] {
    for (int i = 0; i < 12; ++i) server.run("SET", fmt::format("key:{}", i), value);
    server.run("SAVE");
    return !fs::exists(server.directory() / "appendonlydir" / "appendonly.aof.1.incr.aof");
  });
  const std::string digest = server.run("DEBUG", "DIGEST").text;
  server.kill9();
  fs::rename(server.directory() / "rocksdb", server.directory() / "aside");
  const Outcome outcome = failed_restart(server);
  EXPECT_NE(outcome.exit_code, 0);
  EXPECT_TRUE(contains(outcome.output, "holds no checkpoint that reaches so far"));
  // Refused once, it has to be refused again: a half-made store must not change that.
  EXPECT_NE(failed_restart(server).exit_code, 0);
  fs::remove_all(server.directory() / "rocksdb");
  fs::rename(server.directory() / "aside", server.directory() / "rocksdb");
  server.restart();
  EXPECT_EQ(server.run("DEBUG", "DIGEST"), digest);
}

TEST(FailedStart, DoesNotHideFromTheNextOneThatTheServerWasKilled) {
  Server server;
  server.run("SELECT", 5);
  server.run("SET", "key", "value");
  server.run("SAVE");
  server.kill9();
  EXPECT_TRUE(contains(failed_restart(server, {"--databases", "2"}).output, "'databases' is 2"));
  server.restart();
  EXPECT_TRUE(contains(server.log(), "the last run was not shut down in order"));
}

TEST(MissingStore, AWholeJournalRebuildsIt) {
  Server server;
  Client client = server.connect();
  set_keys(client, 500);
  const std::string digest = server.run("DEBUG", "DIGEST").text;
  server.kill9();
  fs::remove_all(server.directory() / "rocksdb");
  server.restart();
  EXPECT_EQ(server.run("DEBUG", "DIGEST"), digest);
}

}  // namespace
}  // namespace stele::test
