// A disk without space: writes are refused, reads go on, nothing acknowledged is lost, and service resumes by itself.
#include <sys/mount.h>

#include <fmt/format.h>

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
