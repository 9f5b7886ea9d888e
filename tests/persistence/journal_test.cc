#include "persistence/journal.h"

#include "tests/persistence/journal_fixture.h"

namespace stele {
namespace {

using JournalTest = JournalFixture;

TEST_F(JournalTest, AnEmptyBatchCommitsNothing) {
  options_.create_at = Offset(100);
  open();
  const std::string before = slurp(segment(1));
  EXPECT_EQ(commit(""), Offset(100));
  EXPECT_EQ(slurp(segment(1)), before);
}

TEST_F(JournalTest, ACommitIsWrittenWhenItReturnsUnderEverysec) {
  open();
  const std::string effect = set_command("k", "v");
  const Offset end = commit(effect);
  EXPECT_EQ(end, Offset(effect.size()));
  EXPECT_TRUE(wait_until([&] { return journal_->written() == end; }));
  crash();
  open();
  EXPECT_EQ(stream(), effect);
}

TEST_F(JournalTest, WhatWasCommittedIsThereAfterARestart) {
  open();
  std::string expected;
  for (int i = 0; i < 100; ++i) {
    const std::string effect = set_command(fmt::format("key{}", i), std::string(static_cast<std::size_t>(i), 'x'));
    commit(effect);
    expected += effect;
  }
  open();
  EXPECT_EQ(stream(), expected);
  EXPECT_EQ(journal_->end(), Offset(expected.size()));
  EXPECT_EQ(journal_->durable(), journal_->end());
  EXPECT_TRUE(journal_->report().closed);
  EXPECT_EQ(journal_->report().last_frame_time, UnixTime(1700000000000));
}

TEST_F(JournalTest, AKilledJournalIsNotReportedAsClosed) {
  open();
  commit(set_command("k", "v"));
  crash();
  open();
  EXPECT_FALSE(journal_->report().closed);
}

TEST_F(JournalTest, AlwaysMakesEveryCommitDurableByItself) {
  options_.fsync = Fsync::always;
  open();
  for (int i = 0; i < 20; ++i) {
    const Offset gate = commit(set_command("k", "v"));
    ASSERT_TRUE(wait_until([&] { return journal_->durable() >= gate; }));
  }
  EXPECT_GE(journal_->stats().fsyncs, 20u);
}

TEST_F(JournalTest, EverysecMakesCommitsDurableWithoutBeingAsked) {
  open();
  const Offset gate = commit(set_command("k", "v"));
  EXPECT_TRUE(wait_until([&] { return journal_->durable() >= gate; }));
}

TEST_F(JournalTest, NoLeavesSyncingToTheKernelUntilAsked) {
  options_.fsync = Fsync::no;
  open();
  const Offset gate = commit(set_command("k", "v"));
  EXPECT_TRUE(wait_until([&] { return journal_->written() >= gate; }));
  sync();
  EXPECT_EQ(journal_->durable(), gate);
}

TEST_F(JournalTest, ThePolicyCanChangeWhileRunning) {
  options_.fsync = Fsync::no;
  open();
  commit(set_command("k", "v"));
  journal_->set_fsync(Fsync::always);
  const Offset gate = commit(set_command("k", "w"));
  EXPECT_TRUE(wait_until([&] { return journal_->durable() >= gate; }));
  journal_->set_fsync(Fsync::everysec);
  const Offset last = commit(set_command("k", "x"));
  EXPECT_TRUE(wait_until([&] { return journal_->durable() >= last; }));
}

TEST_F(JournalTest, OnProgressIsCalledWhenDurableAdvances) {
  std::atomic<int> calls{0};
  options_.fsync = Fsync::always;
  options_.on_progress = [&] { ++calls; };
  open();
  commit(set_command("k", "v"));
  EXPECT_TRUE(wait_until([&] { return calls > 0; }));
  journal_.reset();
}

TEST_F(JournalTest, ASecondOpenOfTheSameDirectoryIsRefusedWithThePid) {
  open();
  const Status second = Journal::open(dir_, options_).status();
  EXPECT_EQ(second.code(), Code::unavailable);
  EXPECT_NE(second.message().find(std::to_string(::getpid())), std::string::npos) << second.message();
}

TEST_F(JournalTest, AFrameLargerThanAllReservedSpaceIsWrittenAndReadBack) {
  open();
  const std::string effect = set_command("big", std::string(40 << 20, 'b'));
  const Offset gate = commit(effect);
  ASSERT_TRUE(wait_until([&] { return journal_->written() >= gate; }));
  open();
  EXPECT_TRUE(stream() == effect);
}

TEST_F(JournalTest, ReplayBeginsOnlyWhereAFrameDoes) {
  open();
  const Offset second = commit(set_command("a", "1"));
  commit(set_command("b", "2"));
  EXPECT_EQ(stream(second), set_command("b", "2"));
  const Status inside = journal_->replay(Offset(3), [](std::string_view, UnixTime, Offset) { return Status(); });
  EXPECT_EQ(inside.code(), Code::invalid);
}

TEST_F(JournalTest, ReadingStartsBehindAMarkThatASegmentBeginsWith) {
  open();
  commit(set_command("a", "1"));
  journal_->begin_segment(0);
  const std::filesystem::path second = dir_ / "appendonly.aof.2.incr.aof";
  ASSERT_TRUE(wait_until([&] { return slurp(second).find("#D:") != std::string::npos; })) << "an idle journal marks what is durable";
  const Offset first = journal_->end();
  const std::string effect = set_command("b", std::string(1000, 'b'));
  const Offset gate = commit(effect);
  ASSERT_TRUE(wait_until([&] { return journal_->written() >= gate; }));
  Result<JournalReader> reader = journal_->read_from(first + 10);
  ASSERT_TRUE(reader.ok());
  ByteBuffer bytes;
  const Result<std::size_t> read = reader->read(bytes, 1 << 20);
  ASSERT_TRUE(read.ok()) << read.status().message();
  EXPECT_EQ(bytes.view(), effect.substr(10));
}

TEST_F(JournalTest, ReadingStartsAnywhereAndYieldsTheStreamAlone) {
  options_.segment_bytes_target = 4096;
  open();
  std::string expected;
  while (journal_->stats().segments < 4) {
    const std::string effect = set_command("key", std::string(expected.size() % 300, 'v'));
    commit(effect);
    expected += effect;
    ASSERT_LT(expected.size(), std::size_t{64} << 20);
  }
  sync();
  for (std::size_t from = 0; from < 20000 && from <= expected.size(); from += 997) {
    Result<JournalReader> reader = journal_->read_from(Offset(from));
    ASSERT_TRUE(reader.ok()) << reader.status().message();
    ByteBuffer out;
    while (true) {
      const Result<std::size_t> got = reader->read(out, 777);
      ASSERT_TRUE(got.ok()) << got.status().message();
      if (*got == 0) break;
    }
    EXPECT_TRUE(out.view() == std::string_view(expected).substr(from)) << from;
  }
}

TEST_F(JournalTest, ReadingBeyondTheEndIsRefused) {
  open();
  EXPECT_EQ(journal_->read_from(Offset(1)).status().code(), Code::unavailable);
}

TEST_F(JournalTest, SegmentsFollowEachOtherAndSurviveARestart) {
  options_.segment_bytes_target = 2048;
  open();
  fill_until_segment(5);
  const std::string before = stream();
  crash();
  open();
  EXPECT_GE(journal_->report().segments, 5u);
  EXPECT_EQ(stream(), before);
}

TEST_F(JournalTest, ANewHistoryBeginsASegmentAndIsWhatTheNextStartFinds) {
  open();
  commit(set_command("k", "v"));
  journal_->begin_history(ReplicationId(40, 'b'), 3);
  commit(set_command("k", "w"));
  sync();
  crash();
  open();
  EXPECT_EQ(journal_->replid(), ReplicationId(40, 'b'));
  EXPECT_EQ(stream(), set_command("k", "v") + set_command("k", "w"));
  EXPECT_NE(slurp(segment(2)).find("SELECT\r\n$1\r\n3\r\n"), std::string::npos);
}

TEST_F(JournalTest, TrimRemovesWholeSegmentsAndOnlyWhatIsNotNeeded) {
  options_.segment_bytes_target = 2048;
  open();
  fill_until_segment(4);
  sync();
  const Offset keep(4000);
  journal_->trim(keep);
  ASSERT_TRUE(wait_until([&] { return !std::filesystem::exists(segment(1)); }));
  EXPECT_GT(journal_->start(), Offset(0));
  EXPECT_LE(journal_->start(), keep);
  EXPECT_EQ(journal_->read_from(Offset(0)).status().code(), Code::unavailable);
  const Offset start = journal_->start();
  const std::string kept = stream(start);
  crash();
  open();
  EXPECT_EQ(journal_->start(), start);
  EXPECT_EQ(stream(start), kept);
}

TEST_F(JournalTest, APinKeepsWhatItNamesUntilItIsReleased) {
  options_.segment_bytes_target = 2048;
  open();
  fill_until_segment(4);
  sync();
  {
    Result<JournalPin> pin = journal_->pin(Offset(10), "test");
    ASSERT_TRUE(pin.ok());
    journal_->trim(journal_->end());
    // The next housekeeping has looked at it once a segment more is there.
    fill_until_segment(6);
    EXPECT_EQ(journal_->start(), Offset(0));
    EXPECT_TRUE(std::filesystem::exists(segment(1)));
  }
  EXPECT_TRUE(wait_until([&] { return !std::filesystem::exists(segment(3)); }));
}

TEST_F(JournalTest, TheNewestSegmentIsNeverTrimmed) {
  open();
  commit(set_command("k", "v"));
  sync();
  journal_->trim(journal_->end());
  fill_until_segment(1);
  EXPECT_EQ(journal_->start(), Offset(0));
}

}  // namespace
}  // namespace stele
