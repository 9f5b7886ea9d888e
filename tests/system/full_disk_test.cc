// A disk without space: writes are refused, reads go on, nothing acknowledged is lost, and service resumes by itself.
#include <sys/mount.h>

#include <fmt/format.h>

#include <random>
#include <sstream>

#include "tests/system/system_fixture.h"

namespace stele::test {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

/// A file system of 64 MB in memory.
class SmallDisk {
 public:
  SmallDisk() { mounted_ = is_root() && ::mount("stele-test", path().c_str(), "tmpfs", 0, "size=64m") == 0; }
  ~SmallDisk() {
    if (mounted_) ::umount2(path().c_str(), MNT_DETACH);
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;

  bool mounted() const { return mounted_; }
  const fs::path& path() const { return directory_.path(); }

  /// Takes all space but `bytes`.
  void fill_but(std::uint64_t bytes) const {
    const std::uint64_t available = fs::space(path()).available;
    if (available > bytes) append_file(path() / "ballast", std::string(available - bytes, 'b'));
  }
  void empty() const { fs::remove(path() / "ballast"); }

 private:
  TemporaryDirectory directory_;
  bool mounted_ = false;
};

class FullDisk : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!disk_.mounted()) GTEST_SKIP() << "needs to mount a small file system, so root";
    fs::create_directory(disk_.path() / "data");
    server_ = std::make_unique<Server>(std::vector<std::string>{
        "--dir", disk_.path() / "data", "--journal-segment-size", "1mb", "--warm-up", "no", "--loglevel", "notice"});
  }

  /// Sets "key:<n>" until one is refused; returns how many were not.
  int write_until_refused(Client& client) {
    for (int i = 0; i < 100'000; ++i) {
      const Reply reply = client.run("SET", fmt::format("key:{}", i), value(i));
      if (reply == "OK") continue;
      EXPECT_TRUE(reply.text.starts_with("MISCONF ")) << reply;
      return i;
    }
    ADD_FAILURE() << "the disk never became full";
    return 0;
  }

  static std::string value(int i) { return fmt::format("{}:{}", i, std::string(5000, 'v')); }

  void expect_all(int count) {
    EXPECT_EQ(server_->run("DBSIZE"), std::to_string(count));
    for (int i = 0; i < count; ++i) ASSERT_EQ(server_->run("GET", fmt::format("key:{}", i)), value(i)) << i;
  }

  fs::path data() const { return disk_.path() / "data"; }

  /// Sets `count` keys whose values no compression makes smaller.
  static void set_dense(Client& client, int first, int count) {
    std::mt19937_64 random(static_cast<std::uint64_t>(first));
    for (int i = first; i < first + count; ++i) {
      std::string value(5000, '\0');
      for (char& c : value) c = static_cast<char>(random());
      ASSERT_EQ(client.run("SET", fmt::format("key:{}", i), value), "OK");
    }
  }

  /// Names and contents of what a save or a rewrite may replace, without the segments.
  std::map<fs::path, std::string> what_is_saved() const {
    std::map<fs::path, std::string> files = contents(data());
    std::erase_if(files, [](const auto& file) {
      return file.first.native().find("rocksdb") != std::string::npos || file.first.native().ends_with(".incr.aof") ||
             file.first.native().ends_with(".manifest");  // a segment that is prepared adds a line
    });
    return files;
  }

  /// `command` fails for lack of space, says so, and leaves nothing behind.
  void expect_failure(Client& client, const std::string& command, const char* status, const std::string& where) {
    const auto before = what_is_saved();
    const std::string base_line = base_of_manifest();
    const Reply reply = client.run(command);
    EXPECT_EQ(reply.is_error(), command == "SAVE") << reply;
    if (command == "SAVE") {
      EXPECT_TRUE(contains(reply.text, "No space left on device"));
    }
    server_->wait_until([&] {
      const bool runs = server_->info("rdb_bgsave_in_progress") == "1" || server_->info("aof_rewrite_in_progress") == "1" ||
                        server_->info("aof_rewrite_scheduled") == "1";
      return !runs && server_->info(status) == "err";
    });
    const std::string log = server_->log();
    EXPECT_TRUE(contains(log, fmt::format("failed: write {}: No space left on device. What was there before is untouched; free some "
                                          "space there, then",
                                          (data() / where).native())));
    EXPECT_TRUE(what_is_saved() == before) << "a file was changed, added or left behind";
    EXPECT_EQ(base_of_manifest(), base_line);
    EXPECT_EQ(client.run("PING"), "PONG");
  }

  std::string base_of_manifest() const {
    std::istringstream lines(read_file(data() / "appendonlydir" / "appendonly.aof.manifest"));
    for (std::string line; std::getline(lines, line);) {
      if (line.ends_with(" type b")) return line;
    }
    return "";
  }

  SmallDisk disk_;
  std::unique_ptr<Server> server_;
};

TEST_F(FullDisk, WritesAreRefusedReadsGoOnAndServiceResumesByItself) {
  disk_.fill_but(4 << 20);
  Client client = server_->connect(5s);
  const int acknowledged = write_until_refused(client);
  EXPECT_GT(acknowledged, 100);
  EXPECT_EQ(client.run("GET", "key:0"), value(0));
  EXPECT_TRUE(client.run("DEL", "key:0").text.starts_with("MISCONF "));
  EXPECT_EQ(client.run("PING"), "PONG");

  disk_.empty();
  server_->wait_until([&] { return client.run("SET", fmt::format("key:{}", acknowledged), value(acknowledged)) == "OK"; });
  server_->kill9();
  server_->restart();
  expect_all(acknowledged + 1);
}

TEST_F(FullDisk, Kill9WhileItIsFullLosesNothingAcknowledged) {
  disk_.fill_but(4 << 20);
  Client client = server_->connect(5s);
  const int acknowledged = write_until_refused(client);
  server_->kill9();
  disk_.empty();
  server_->restart();
  expect_all(acknowledged);
}

TEST_F(FullDisk, ATransactionIsRefusedAsAWhole) {
  Client early = server_->connect(5s);
  pipeline(early, {{"MULTI"}, {"SET", "a", "1"}, {"SET", "b", "2"}});
  disk_.fill_but(4 << 20);
  Client client = server_->connect(5s);
  write_until_refused(client);
  EXPECT_TRUE(early.run("EXEC").text.starts_with("EXECABORT Transaction discarded because of: MISCONF "));
  EXPECT_EQ(client.run("EXISTS", "a", "b"), "0");
  // A transaction that only reads is not concerned.
  EXPECT_EQ(pipeline(client, {{"MULTI"}, {"GET", "key:0"}, {"EXEC"}}).back().elements.at(0), value(0));
}

TEST_F(FullDisk, ACheckpointThatFindsNoSpaceFailsAndTheNextOneSucceeds) {
  Client client = server_->connect(5s);
  for (int i = 0; i < 1000; ++i) ASSERT_EQ(client.run("SET", fmt::format("key:{}", i), value(i)), "OK");
  disk_.fill_but(3 << 20);
  const Reply saved = client.run("SAVE");
  EXPECT_TRUE(saved.is_error()) << saved;
  EXPECT_EQ(client.run("GET", "key:999"), value(999));
  disk_.empty();
  server_->wait_until([&] { return client.run("SAVE") == "OK"; });
  server_->wait_until([&] { return client.run("SET", "key:1000", value(1000)) == "OK"; });
  server_->kill9();
  server_->restart();
  expect_all(1001);
}

TEST_F(FullDisk, SnapshotsThatFindNoSpaceLeaveTheOldOnesAndTheNextOnesSucceed) {
  Client client = server_->connect(5s);
  client.run("CONFIG", "SET", "rdbcompression", "no");
  set_dense(client, 0, 1000);
  ASSERT_EQ(client.run("BGREWRITEAOF"), "Background append only file rewriting started");
  server_->wait_until([&] { return server_->info("aof_rewrites") == "1"; });
  set_dense(client, 1000, 200);
  ASSERT_EQ(client.run("SAVE"), "OK");
  // The store is up to date, so it is the file itself that does not fit.
  disk_.fill_but(3 << 20);
  expect_failure(client, "SAVE", "rdb_last_bgsave_status", "temp-dump.rdb");
  expect_failure(client, "BGSAVE", "rdb_last_bgsave_status", "temp-dump.rdb");
  expect_failure(client, "BGREWRITEAOF", "aof_last_bgrewrite_status", "appendonlydir/temp-base.rdb");
  client.run("CONFIG", "SET", "aof-use-rdb-preamble", "no");
  expect_failure(client, "BGREWRITEAOF", "aof_last_bgrewrite_status", "appendonlydir/temp-base.aof");

  disk_.empty();
  client.run("BGSAVE");
  server_->wait_until([&] { return server_->info("rdb_last_bgsave_status") == "ok"; });
  client.run("BGREWRITEAOF");
  server_->wait_until([&] { return server_->info("aof_last_bgrewrite_status") == "ok"; });
  EXPECT_TRUE(base_of_manifest().find(".base.aof ") != std::string::npos) << base_of_manifest();
  EXPECT_EQ(run_program("redis-check-rdb", {data() / "dump.rdb"}).exit_code, 0);
  server_->wait_until([&] { return client.run("SET", "after", "wards") == "OK"; });
  server_->kill9();
  fs::remove_all(data() / "rocksdb");
  server_->restart();
  EXPECT_EQ(server_->run("DBSIZE"), "1201");
}

TEST_F(FullDisk, ASnapshotAtTheEndThatFindsNoSpaceIsSaidAndNothingIsLost) {
  server_->restart({"--shutdown-on-sigterm", "save", "--rdbcompression", "no"});
  Client client = server_->connect(5s);
  set_dense(client, 0, 1000);
  ASSERT_EQ(client.run("SAVE"), "OK");
  const std::string old = read_file(data() / "dump.rdb");
  disk_.fill_but(3 << 20);
  EXPECT_EQ(server_->terminate(), 1);
  EXPECT_TRUE(contains(server_->log(), "temp-dump.rdb: No space left on device. What was there before is untouched; free some space"));
  EXPECT_EQ(read_file(data() / "dump.rdb"), old);
  EXPECT_FALSE(fs::exists(data() / "temp-dump.rdb"));
  disk_.empty();
  server_->restart();
  EXPECT_EQ(server_->run("DBSIZE"), "1000");
}

TEST_F(FullDisk, AServerThatCannotCheckpointAtItsEndSaysSoAndLosesNothing) {
  Client client = server_->connect(5s);
  for (int i = 0; i < 1000; ++i) ASSERT_EQ(client.run("SET", fmt::format("key:{}", i), value(i)), "OK");
  disk_.fill_but(1 << 20);
  EXPECT_EQ(server_->terminate(), 1);
  EXPECT_TRUE(contains(server_->log(), "no checkpoint at shutdown"));
  disk_.empty();
  server_->restart();
  expect_all(1000);
}

TEST_F(FullDisk, AStartWithoutSpaceIsRefusedOrServesReads) {
  Client client = server_->connect(5s);
  for (int i = 0; i < 200; ++i) ASSERT_EQ(client.run("SET", fmt::format("key:{}", i), value(i)), "OK");
  server_->kill9();
  disk_.fill_but(0);
  server_->spawn();
  try {
    server_->wait_until_ready();
    expect_all(200);
    server_->kill9();
  } catch (const std::runtime_error&) {
    EXPECT_TRUE(contains(server_->log(), "No space left on device"));
  }
  disk_.empty();
  server_->restart();
  expect_all(200);
}

}  // namespace
}  // namespace stele::test
