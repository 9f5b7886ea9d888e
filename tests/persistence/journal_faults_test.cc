#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "tests/persistence/journal_fixture.h"

namespace stele {
namespace {

// A disk whose size, errors and speed a test sets. One at a time: the table holds plain functions.
std::atomic<std::int64_t> g_disk_bytes{1 << 30};  // a file may not grow past this
std::atomic<bool> g_can_reserve{true};
std::atomic<bool> g_fsync_fails{false};
std::atomic<bool> g_write_fails{false};
std::atomic<bool> g_fsync_hangs{false};
std::atomic<int> g_fsyncs_hanging{0};

ssize_t disk_pwrite(int fd, const void* bytes, std::size_t n, off_t position) {
  if (g_write_fails) return errno = EIO, -1;
  const std::int64_t room = g_disk_bytes - position;
  if (room <= 0) return errno = ENOSPC, -1;
  return ::pwrite(fd, bytes, std::min(n, static_cast<std::size_t>(room)), position);
}

int disk_fdatasync(int fd) {
  ++g_fsyncs_hanging;
  while (g_fsync_hangs) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  --g_fsyncs_hanging;
  // As the kernel does, an error is reported once: the next call would succeed.
  if (g_fsync_fails.exchange(false)) return errno = EIO, -1;
  return ::fdatasync(fd);
}

int disk_fallocate(int fd, int mode, off_t position, off_t bytes) {
  if (!g_can_reserve) return errno = EOPNOTSUPP, -1;
  if (position + bytes > g_disk_bytes) return errno = ENOSPC, -1;
  return ::fallocate(fd, mode, position, bytes);
}

const FileOps kDisk = {
    .pwrite = disk_pwrite, .fdatasync = disk_fdatasync, .fsync = ::fsync, .fallocate = disk_fallocate};

class Faults : public JournalFixture {
 protected:
  Faults() {
    g_disk_bytes = 1 << 30;
    g_can_reserve = true;
    g_fsync_fails = g_write_fails = g_fsync_hangs = false;
    options_.file_ops = &kDisk;
  }
  ~Faults() override { g_fsync_hangs = false; }

  bool exhausted() { return journal_->health().code() == Code::exhausted; }
  bool failed() { return journal_->health().code() == Code::io; }

  std::string add(const std::string& effect) {
    journal_->batch().append(effect);
    const Result<Offset> end = journal_->commit(UnixTime(1), 0);
    EXPECT_TRUE(end.ok());
    return effect;
  }
};

class FullDisk : public Faults, public ::testing::WithParamInterface<std::tuple<Fsync, bool>> {
 protected:
  FullDisk() {
    options_.fsync = std::get<0>(GetParam());
    g_can_reserve = std::get<1>(GetParam());
  }
};

TEST_P(FullDisk, RefusesWritesLosesNothingAndRecoversByItself) {
  open();
  std::string expected = add(set_command("before", "1"));
  g_disk_bytes = 3 << 20;
  while (journal_->accepts_writes()) {
    expected += add(set_command("k", std::string(50000, 'x')));
    ASSERT_LT(expected.size(), std::size_t{1} << 30);
  }
  EXPECT_TRUE(exhausted());

  // Effects that no client asked for go on coming, with space reserved or without.
  for (int i = 0; i < 100; ++i) expected += add(set_command("expiry", std::string(20000, 'y')));
  ASSERT_TRUE(wait_until([&] { return exhausted(); }));
  EXPECT_LT(journal_->written(), journal_->end());
  EXPECT_EQ(journal_->sync().code(), Code::exhausted);

  g_disk_bytes = 1 << 30;
  ASSERT_TRUE(wait_until([&] { return journal_->written() == journal_->end() && journal_->health().ok(); }));
  EXPECT_TRUE(journal_->accepts_writes());
  expected += add(set_command("after", "1"));
  sync();
  crash();
  open();
  EXPECT_TRUE(stream() == expected);
}

TEST_P(FullDisk, SyncsInTimeWhatWasWrittenBefore) {
  open();
  add(set_command("before", "1"));
  ASSERT_TRUE(wait_until([&] { return journal_->written() == journal_->end(); }));
  const Offset before = journal_->written();
  g_disk_bytes = 0;
  add(set_command("huge", std::string(8 << 20, 'x')));
  ASSERT_TRUE(wait_until([&] { return exhausted(); }));
  if (journal_->fsync() != Fsync::no) {
    EXPECT_TRUE(wait_until([&] { return journal_->durable() >= before; }));
  }
  EXPECT_LT(journal_->written(), journal_->end());
  g_disk_bytes = 1 << 30;
  ASSERT_TRUE(wait_until([&] { return journal_->written() == journal_->end(); }));
}

INSTANTIATE_TEST_SUITE_P(Policies, FullDisk,
                         ::testing::Combine(::testing::Values(Fsync::always, Fsync::everysec, Fsync::no),
                                            ::testing::Bool()));

TEST_F(Faults, AFullDiskDoesNotStopAtASegmentBoundary) {
  options_.segment_bytes_target = 4096;
  open();
  std::string expected;
  g_disk_bytes = 1 << 20;  // the segment's first step fits, nothing of the next does
  while (expected.size() < 20000) expected += add(set_command("k", std::string(500, 'x')));
  g_disk_bytes = 1 << 30;
  ASSERT_TRUE(wait_until([&] { return journal_->health().ok() && journal_->written() == journal_->end(); }));
  open();
  EXPECT_TRUE(stream() == expected);
}

TEST_F(Faults, AFailedFsyncStopsAcknowledgingForGood) {
  std::atomic<int> calls{0};
  options_.fsync = Fsync::always;
  options_.on_progress = [&] { ++calls; };
  open();
  add(set_command("a", "1"));
  sync();
  const Offset durable = journal_->durable();
  g_fsync_fails = true;
  add(set_command("b", "2"));
  ASSERT_TRUE(wait_until([&] { return failed(); }));
  EXPECT_FALSE(journal_->accepts_writes());
  journal_->batch().append(set_command("c", "3"));
  EXPECT_EQ(journal_->commit(UnixTime(1), 0).status().code(), Code::io);
  EXPECT_EQ(journal_->sync().code(), Code::io);
  EXPECT_EQ(journal_->durable(), durable);
  EXPECT_GT(calls, 1);
  journal_.reset();
}

TEST_F(Faults, AFailedFsyncIsNoticedUnderEverysecToo) {
  open();
  g_fsync_fails = true;
  add(set_command("a", "1"));
  ASSERT_TRUE(wait_until([&] { return failed(); }));
  EXPECT_EQ(journal_->durable(), Offset(0));
}

TEST_F(Faults, AFailedWriteStopsAcknowledgingForGood) {
  open();
  g_write_fails = true;
  journal_->batch().append(set_command("a", "1"));
  static_cast<void>(journal_->commit(UnixTime(1), 0));
  ASSERT_TRUE(wait_until([&] { return failed(); }));
  EXPECT_EQ(journal_->written(), Offset(0));
}

TEST_F(Faults, AFsyncInFlightDoesNotKeepFramesFromBeingWritten) {
  open();
  g_fsync_hangs = true;
  add(set_command("a", "1"));
  ASSERT_TRUE(wait_until([&] { return g_fsyncs_hanging > 0; }));
  add(set_command("b", "2"));
  EXPECT_TRUE(wait_until([&] { return journal_->written() == journal_->end(); }, std::chrono::seconds(1)));
  EXPECT_EQ(journal_->durable(), Offset(0));
  g_fsync_hangs = false;
}

TEST_F(Faults, AFsyncThatStallsForTwoSecondsStopsAcknowledgementsUntilItReturns) {
  open();
  g_fsync_hangs = true;
  add(set_command("a", "1"));
  ASSERT_TRUE(wait_until([&] { return g_fsyncs_hanging > 0; }));
  const auto begin = std::chrono::steady_clock::now();
  while (std::chrono::steady_clock::now() - begin < std::chrono::milliseconds(2200)) {
    add(set_command("b", "2"));
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  const Offset late = journal_->written();
  const auto commit_begin = std::chrono::steady_clock::now();
  add(set_command("c", "3"));
  EXPECT_LT(std::chrono::steady_clock::now() - commit_begin, std::chrono::milliseconds(500));
  EXPECT_FALSE(wait_until([&] { return journal_->written() > late; }, std::chrono::milliseconds(300)));
  EXPECT_LT(late, journal_->end());
  g_fsync_hangs = false;
  EXPECT_TRUE(wait_until([&] { return journal_->written() == journal_->end(); }));
}

}  // namespace
}  // namespace stele
