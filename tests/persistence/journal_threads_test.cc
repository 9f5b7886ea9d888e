#include "tests/persistence/journal_fixture.h"

namespace stele {
namespace {

class Threads : public JournalFixture, public ::testing::WithParamInterface<Fsync> {};

TEST_P(Threads, ReadersFollowAcrossSegmentsWhileOthersCommitSyncAndTrim) {
  options_.fsync = GetParam();
  options_.segment_bytes_target = 64 << 10;
  open();
  constexpr std::size_t kStreamBytes = 4 << 20;
  std::atomic<bool> done{false};
  std::string expected;

  const auto follow = [&](std::size_t chunk, std::string& got) {
    Result<JournalReader> reader = journal_->read_from(Offset(0));
    ASSERT_TRUE(reader.ok());
    ByteBuffer out;
    while (true) {
      const bool last = done;
      const Result<std::size_t> n = reader->read(out, chunk);
      ASSERT_TRUE(n.ok()) << n.status().message();
      got.append(out.data(), out.size());
      out.clear();
      if (*n == 0 && last) return;
      if (*n == 0) std::this_thread::yield();
    }
  };
  // Pinned before anything can be trimmed.
  Result<JournalPin> pin = journal_->pin(Offset(0), "test");
  ASSERT_TRUE(pin.ok());
  std::string got[2];
  std::thread readers[2] = {std::thread([&] { follow(1000, got[0]); }), std::thread([&] { follow(100000, got[1]); })};
  std::thread syncer([&] {
    while (!done) {
      EXPECT_TRUE(journal_->sync().ok());
      journal_->trim(journal_->durable());
      static_cast<void>(journal_->stats());
      EXPECT_TRUE(journal_->health().ok());
      const Offset durable = journal_->durable();
      const Offset written = journal_->written();
      const Offset end = journal_->end();
      EXPECT_LE(durable, written);
      EXPECT_LE(written, end);
    }
  });

  // A segment goes on past its target until the next one is prepared.
  for (int i = 0; expected.size() < kStreamBytes || journal_->stats().segments < 2; ++i) {
    const std::string effect = set_command(fmt::format("key{}", i), std::string(static_cast<std::size_t>(i * 7 % 900), 'v'));
    commit(effect);
    expected += effect;
  }
  sync();
  done = true;
  for (std::thread& reader : readers) reader.join();
  syncer.join();
  EXPECT_TRUE(got[0] == expected);
  EXPECT_TRUE(got[1] == expected);
  *pin = JournalPin();
  EXPECT_TRUE(wait_until([&] { return !std::filesystem::exists(segment(1)); }));
  const Offset start = journal_->start();
  crash();
  open();
  EXPECT_TRUE(stream(start) == expected.substr(start.bytes()));
}

INSTANTIATE_TEST_SUITE_P(Policies, Threads, ::testing::Values(Fsync::always, Fsync::everysec, Fsync::no));

}  // namespace
}  // namespace stele
