// The scrubber finds what has gone bad on the disk while the server runs, and says so.

#include "tests/system/system_fixture.h"

namespace stele::test {
namespace {

namespace fs = std::filesystem;

class Scrubbing : public ::testing::Test {
 protected:
  Scrubbing() {
    Client client = server_.connect();
    for (int i = 0; i < 6; ++i) client.run("SET", fmt::format("big:{}", i), std::string(600'000, static_cast<char>('a' + i)));
    set_keys(client, 5000);
    server_.run("SAVE");
  }

  void scrub() {
    const int passes = std::stoi(server_.info("scrub_passes"));
    server_.run("CONFIG", "SET", "scrub-rate", "1gb");
    server_.wait_until([&] { return std::stoi(server_.info("scrub_passes")) > passes; });
    server_.run("CONFIG", "SET", "scrub-rate", "0");
    server_.wait_until([&] { return server_.info("scrub_in_progress") == "0"; });
  }

  Server server_{"--journal-segment-size", "1mb", "--scrub-rate", "0", "--scrub-interval", "1"};
};

TEST_F(Scrubbing, FindsNothingWhereNothingIsWrong) {
  scrub();
  EXPECT_EQ(server_.info("scrub_errors"), "0");
  EXPECT_EQ(server_.info("scrub_last_error"), "");
  EXPECT_NE(server_.info("scrub_last_pass_time"), "0");
  EXPECT_GT(std::stoull(server_.info("scrub_bytes_total")), 3'000'000u);
}

TEST_F(Scrubbing, FindsAFlippedByteInAClosedSegment) {
  const fs::path segment = files_in(server_.directory() / "appendonlydir", ".incr.aof").front();
  for (const std::uint64_t at : {std::uint64_t{10}, std::uint64_t{500'000}}) {
    flip_byte_at(segment, at);
    scrub();
    EXPECT_EQ(server_.info("scrub_errors"), "1");
    EXPECT_TRUE(contains(server_.info("scrub_last_error"), segment.filename().native() + ": position"));
    EXPECT_TRUE(contains(server_.log(), "scrub: DAMAGE on the disk"));
    EXPECT_TRUE(contains(server_.log(), "BGREWRITEAOF"));
    flip_byte_at(segment, at);
    scrub();
    EXPECT_EQ(server_.info("scrub_errors"), "0");
  }
  EXPECT_EQ(server_.run("SET", "key", "goes on"), "OK");
}

TEST_F(Scrubbing, FindsAFlippedByteInAFileOfTheStore) {
  const std::vector<fs::path> files = files_in(server_.directory() / "rocksdb", ".sst");
  const fs::path largest = *std::ranges::max_element(files, {}, [](const fs::path& path) { return fs::file_size(path); });
  flip_byte_at(largest, fs::file_size(largest) / 3);
  scrub();
  EXPECT_EQ(server_.info("scrub_errors"), "1");
  EXPECT_TRUE(contains(server_.info("scrub_last_error"), largest.filename().native()));
  EXPECT_TRUE(contains(server_.info("scrub_last_error"), "checksum mismatch"));
  EXPECT_EQ(server_.run("SET", "key", "goes on"), "OK");
}

TEST_F(Scrubbing, KeepsToItsRate) {
  server_.run("CONFIG", "SET", "scrub-rate", "2mb");
  server_.wait_until([&] { return server_.info("scrub_in_progress") == "1"; });
  server_.wait_until([&] { return server_.info("scrub_passes") == "1"; });
  EXPECT_GE(std::stoi(server_.info("scrub_last_pass_sec")), 1);  // of more than 3 MB, half a second's worth at once
}

}  // namespace
}  // namespace stele::test
