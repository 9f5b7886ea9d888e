#include "tests/persistence/journal_fixture.h"

namespace stele {
namespace {

/// A journal of three frames, the first two known to be durable (a mark stands before the third).
class Recovery : public JournalFixture {
 protected:
  void write_three_frames() {
    journal_.reset();
    std::filesystem::remove_all(dir_);
    open();
    commit(first_);
    commit(second_);
    sync();
    commit(third_, UnixTime(1700000001000));
    ASSERT_TRUE(wait_until([&] { return journal_->written() == journal_->end(); }));
    crash();
    bytes_ = slurp(segment(1));
    third_at_ = bytes_.rfind("#D:");
    ASSERT_NE(third_at_, std::string::npos);
    ASSERT_LT(third_at_, bytes_.rfind("#J:"));
  }

  void expect_whole_frames(std::size_t frames) {
    const std::string expected = (frames > 0 ? first_ : "") + (frames > 1 ? second_ : "") + (frames > 2 ? third_ : "");
    EXPECT_EQ(stream(), expected);
    EXPECT_EQ(journal_->end(), Offset(expected.size()));
  }

  const std::string first_ = set_command("first", "1");
  const std::string second_ = "*1\r\n$5\r\nMULTI\r\n" + set_command("second", "2") + "*1\r\n$4\r\nEXEC\r\n";
  const std::string third_ = set_command("third", "3");
  std::string bytes_;
  std::size_t third_at_ = 0;
};

TEST_F(Recovery, EveryTornLengthOfTheLastFrameIsCutAndTheStreamGoesOn) {
  for (const bool timestamps : {false, true}) {
    options_.timestamps = timestamps;
    write_three_frames();
    EXPECT_EQ(bytes_.find("#TS:") != std::string::npos, timestamps);
    for (std::size_t length = third_at_; length < bytes_.size(); ++length) {
      spill(segment(1), bytes_.substr(0, length));
      open();
      expect_whole_frames(2);
      EXPECT_EQ(journal_->report().cut_from, Offset(first_.size() + second_.size()));
      commit(third_);
      open();
      expect_whole_frames(3);
      journal_.reset();
    }
  }
}

TEST_F(Recovery, EveryFlippedBitIsRefusedOrCutAndNeverServed) {
  for (const bool timestamps : {false, true}) {
    options_.timestamps = timestamps;
    write_three_frames();
    for (std::size_t bit = 0; bit < bytes_.size() * 8; ++bit) {
      const std::size_t byte = bit / 8;
      std::string damaged = bytes_;
      damaged[byte] = static_cast<char>(damaged[byte] ^ (1 << bit % 8));
      spill(segment(1), damaged);
      const Status status = try_open();
      if (byte < third_at_) {
        // The mark before the third frame, or the frames behind the header, prove that this was on disk once.
        EXPECT_TRUE(status.code() == Code::corrupt || status.code() == Code::invalid) << "byte " << byte;
        EXPECT_TRUE(slurp(segment(1)) == damaged) << "the file was changed, byte " << byte;
        continue;
      }
      ASSERT_TRUE(status.ok()) << "byte " << byte << ": " << status.message();
      open();
      expect_whole_frames(2);
      journal_.reset();
    }
  }
}

TEST_F(Recovery, TimestampsStandBeforeTheFirstFrameOfEachSecondAndOfEachSegment) {
  options_.timestamps = true;
  open();
  commit(first_, UnixTime(1700000000100));
  commit(second_, UnixTime(1700000000900));
  journal_->set_timestamps(false);
  commit(third_, UnixTime(1700000001000));
  journal_->set_timestamps(true);
  commit(third_, UnixTime(1700000002999));
  sync();
  journal_->begin_segment(0);
  commit(first_, UnixTime(1700000002999));
  sync();
  EXPECT_EQ(stream(), first_ + second_ + third_ + third_ + first_) << "timestamps are no part of it";
  const auto stamps = [&](int seq) {
    const std::string bytes = slurp(segment(seq));
    std::string found;
    for (std::size_t at = 0; (at = bytes.find("#TS:", at)) != std::string::npos; ++at) {
      found += bytes.substr(at, 14) + (bytes.compare(at + 14, 5, "\r\n#J:") == 0 ? " " : " not before a frame ");
    }
    return found;
  };
  EXPECT_EQ(stamps(1), "#TS:1700000000 #TS:1700000002 ");
  EXPECT_EQ(stamps(2), "#TS:1700000002 ");
}

TEST_F(Recovery, TheMessageAboutCorruptionSaysFilePositionOffsetAndTool) {
  write_three_frames();
  const std::size_t second_at = bytes_.find("#J:", bytes_.find("#J:") + 1);
  bytes_[second_at + 60] ^= 1;
  spill(segment(1), bytes_);
  const std::string message = try_open().message();
  EXPECT_NE(message.find(segment(1).native()), std::string::npos) << message;
  EXPECT_NE(message.find(fmt::format("position {}", second_at)), std::string::npos) << message;
  EXPECT_NE(message.find(fmt::format("offset {}", first_.size())), std::string::npos) << message;
  EXPECT_NE(message.find("stele-aof fix"), std::string::npos) << message;
}

TEST_F(Recovery, FramesThatWereNeverSyncedAreCutWithTheHoleBeforeThem) {
  // A power cut may lose the sector of one frame and keep that of the next.
  open();
  commit(first_);
  sync();
  commit(second_);
  commit(third_);
  ASSERT_TRUE(wait_until([&] { return journal_->written() == journal_->end(); }));
  crash();
  std::string bytes = slurp(segment(1));
  const std::size_t second_at = bytes.find(second_);
  bytes.replace(second_at, 10, std::string(10, '\0'));
  spill(segment(1), bytes);
  open();
  expect_whole_frames(1);
  EXPECT_GT(journal_->report().cut_bytes, second_.size() + third_.size() - 10);
}

TEST_F(Recovery, AnyTailOfJunkIsCut) {
  write_three_frames();
  const std::vector<std::string> tails = {
      std::string(4096, '\0'), std::string(1, '\0'), "#", "#J:", "#J:12", "#TS", "#TS:1700000000\r\n", "#TS:1700000000\r\n#J:12", "#D:99:r:0000000000000000\r\n",
      "#J:99999:5:1:0123456789abcdef\r\nhello", "*", "*3\r\n$3\r\nSET\r\n", "\r\n", std::string(100000, '#'),
      std::string("\xff\xfe", 2) + std::string(512, '\0') + "#J:0:1:1:0000000000000000\r\nx",
      "#J:" + std::to_string(first_.size() + second_.size() + third_.size()) + ":99999999:1:0123456789abcdef\r\n"};
  for (const std::string& tail : tails) {
    spill(segment(1), bytes_ + tail);
    open();
    expect_whole_frames(3);
    EXPECT_EQ(journal_->report().cut_bytes, tail.size()) << tail.substr(0, 40);
    journal_.reset();
  }
}

TEST_F(Recovery, CommandsThatAStockServerAppendedAreNotCutAsJunk) {
  write_three_frames();
  spill(segment(1), bytes_ + set_command("by", "another server"));
  EXPECT_EQ(try_open().code(), Code::invalid);
  EXPECT_EQ(slurp(segment(1)), bytes_ + set_command("by", "another server"));
  spill(segment(1), bytes_ + "#TS:1700000009\r\n" + set_command("by", "another server"));
  EXPECT_EQ(try_open().code(), Code::invalid);
}

TEST_F(Recovery, ALostFrameIsCorruption) {
  write_three_frames();
  const std::size_t first_at = bytes_.find("#J:");
  const std::size_t second_at = bytes_.find("#J:", first_at + 1);
  spill(segment(1), bytes_.substr(0, first_at) + bytes_.substr(second_at));
  EXPECT_EQ(try_open().code(), Code::corrupt);
}

TEST_F(Recovery, ARepeatedFrameIsCorruption) {
  write_three_frames();
  const std::size_t first_at = bytes_.find("#J:");
  const std::size_t second_at = bytes_.find("#J:", first_at + 1);
  spill(segment(1), bytes_.substr(0, second_at) + bytes_.substr(first_at, second_at - first_at) + bytes_.substr(second_at));
  EXPECT_EQ(try_open().code(), Code::corrupt);
}

TEST_F(Recovery, FramesInAnotherOrderAreCorruption) {
  write_three_frames();
  const std::size_t first_at = bytes_.find("#J:");
  const std::size_t second_at = bytes_.find("#J:", first_at + 1);
  spill(segment(1), bytes_.substr(0, first_at) + bytes_.substr(second_at, third_at_ - second_at) +
                        bytes_.substr(first_at, second_at - first_at) + bytes_.substr(third_at_));
  EXPECT_EQ(try_open().code(), Code::corrupt);
}

TEST_F(Recovery, AJournalThatEndsBeforeTheCheckpointIsCorruptEvenIfItsTailIsTorn) {
  write_three_frames();
  options_.verify_from = Offset(first_.size() + second_.size() + third_.size());
  spill(segment(1), bytes_.substr(0, bytes_.size() - 1));
  EXPECT_EQ(try_open().code(), Code::corrupt);
  spill(segment(1), bytes_);
  EXPECT_TRUE(try_open().ok());
}

TEST_F(Recovery, AMissingJournalBesideACheckpointIsNotCreatedAnew) {
  options_.verify_from = Offset(1000);
  EXPECT_EQ(try_open().code(), Code::corrupt);
  EXPECT_FALSE(std::filesystem::exists(manifest()));
}

TEST_F(Recovery, WithoutItsManifestAJournalIsRefused) {
  write_three_frames();
  std::filesystem::remove(manifest());
  EXPECT_EQ(try_open().code(), Code::corrupt);
  EXPECT_EQ(slurp(segment(1)), bytes_);
  EXPECT_FALSE(std::filesystem::exists(manifest()));
}

TEST_F(Recovery, AnEmptyManifestIsRefused) {
  write_three_frames();
  spill(manifest(), "");
  EXPECT_EQ(try_open().code(), Code::corrupt);
}

TEST_F(Recovery, AFileTheManifestNamesHasToExist) {
  write_three_frames();
  std::filesystem::remove(segment(1));
  EXPECT_EQ(try_open().code(), Code::corrupt);
}

TEST_F(Recovery, UnknownFilesAreIgnoredAndKept) {
  write_three_frames();
  spill(dir_ / "notes.txt", "mine");
  open();
  expect_whole_frames(3);
  EXPECT_EQ(slurp(dir_ / "notes.txt"), "mine");
}

TEST_F(Recovery, ACreationThatWasCutShortIsDoneAgain) {
  open();
  journal_.reset();
  const std::string header = slurp(segment(1)).substr(0, 60);
  std::filesystem::remove(manifest());
  spill(segment(1), header);
  spill(dir_ / "temp-appendonly.aof.manifest", "file appendonly.aof.1.inc");
  open();
  EXPECT_TRUE(journal_->report().created);
  EXPECT_FALSE(std::filesystem::exists(dir_ / "temp-appendonly.aof.manifest"));
}

TEST_F(Recovery, AStockServersDirectoryIsNamedAsSuch) {
  std::filesystem::create_directories(dir_);
  spill(manifest(), "file appendonly.aof.1.base.rdb seq 1 type b\nfile appendonly.aof.1.incr.aof seq 1 type i\n");
  spill(dir_ / "appendonly.aof.1.base.rdb", "REDIS0010");
  for (const std::string& content : {std::string(), set_command("k", "v"), "#TS:1700000000\r\n" + set_command("k", "v")}) {
    spill(segment(1), content);
    const Status status = try_open();
    EXPECT_EQ(status.code(), Code::invalid) << status.message();
    EXPECT_NE(status.message().find("stock server"), std::string::npos);
    EXPECT_EQ(slurp(segment(1)), content);
  }
}

/// A journal of two segments, as a crash during rotation may leave it.
class RotationCrash : public JournalFixture {
 protected:
  void write_two_segments() {
    open();
    commit(set_command("a", "1"));
    commit(set_command("b", "2"));
    journal_->begin_history(ReplicationId(40, 'b'), 0);
    commit(set_command("c", "3"));
    ASSERT_TRUE(wait_until([&] { return journal_->written() == journal_->end(); }));
    crash();
    old_ = slurp(segment(1));
    new_ = slurp(segment(2));
    header_ = new_.substr(0, new_.find("#J:"));
    if (const std::size_t mark = header_.find("#D:"); mark != std::string::npos) header_.resize(mark);
  }

  std::string old_, new_, header_;
};

TEST_F(RotationCrash, ATornSegmentBeforeAnEmptyOneIsATornTail) {
  write_two_segments();
  spill(segment(1), old_.substr(0, old_.size() - 3));
  spill(segment(2), "");
  open();
  EXPECT_EQ(stream(), set_command("a", "1"));
  // The empty file is the next segment, under the name the manifest already has.
  journal_->begin_history(ReplicationId(40, 'c'), 0);
  commit(set_command("d", "4"));
  open();
  EXPECT_EQ(stream(), set_command("a", "1") + set_command("d", "4"));
  EXPECT_EQ(journal_->report().segments, 2u);
  EXPECT_FALSE(std::filesystem::exists(segment(3)));
}

TEST_F(RotationCrash, EveryTornLengthOfTheNewHeaderIsCut) {
  write_two_segments();
  for (std::size_t length = 0; length < header_.size(); ++length) {
    spill(segment(1), old_);
    spill(segment(2), header_.substr(0, length) + std::string(length % 3 * 512, '\0'));
    open();
    EXPECT_EQ(stream(), set_command("a", "1") + set_command("b", "2")) << length;
    EXPECT_EQ(journal_->replid(), ReplicationId(40, 'a'));
    journal_.reset();
    EXPECT_EQ(slurp(segment(2)), "");
  }
}

TEST_F(RotationCrash, ANewSegmentWithoutFramesIsContinued) {
  write_two_segments();
  spill(segment(2), header_ + "#J:7");
  open();
  EXPECT_EQ(journal_->replid(), ReplicationId(40, 'b'));
  commit(set_command("d", "4"));
  open();
  EXPECT_EQ(stream(), set_command("a", "1") + set_command("b", "2") + set_command("d", "4"));
}

TEST_F(RotationCrash, ATornSegmentBeforeOneWithAHeaderIsCorruption) {
  write_two_segments();
  for (const std::string& second : {new_, header_}) {
    spill(segment(1), old_.substr(0, old_.size() - 3));
    spill(segment(2), second);
    EXPECT_EQ(try_open().code(), Code::corrupt);
    EXPECT_EQ(slurp(segment(1)), old_.substr(0, old_.size() - 3));
  }
}

TEST_F(RotationCrash, ABadHeaderWithFramesBehindItIsCorruption) {
  write_two_segments();
  new_[10] ^= 1;
  spill(segment(2), new_);
  EXPECT_EQ(try_open().code(), Code::corrupt);
}

TEST_F(RotationCrash, ASegmentMissingInTheMiddleIsCorruption) {
  write_two_segments();
  open();
  journal_->begin_history(ReplicationId(40, 'c'), 0);
  commit(set_command("d", "4"));
  journal_.reset();
  spill(manifest(), "file appendonly.aof.1.incr.aof seq 1 type i\nfile appendonly.aof.3.incr.aof seq 3 type i\n");
  EXPECT_EQ(try_open().code(), Code::corrupt);
}

TEST_F(RotationCrash, AnInterruptedRecoveryEndsWhereAnUndisturbedOneDoes) {
  write_two_segments();
  const std::string torn = old_.substr(0, old_.size() - 3);
  spill(segment(1), torn);
  spill(segment(2), header_.substr(0, 20));
  open();
  const std::string expected = stream();
  crash();
  const std::string cut = slurp(segment(1));
  // Recovery makes two changes; a crash may come before, between and after them, and more than once.
  for (const auto& [one, two] : std::vector<std::pair<std::string, std::string>>{
           {torn, header_.substr(0, 20)}, {cut, header_.substr(0, 20)}, {cut, ""}, {torn, ""}}) {
    for (int again = 0; again < 2; ++again) {
      spill(segment(1), one);
      spill(segment(2), two);
      open();
      EXPECT_EQ(stream(), expected);
      journal_.reset();
    }
  }
}

TEST_F(RotationCrash, TrimmedSegmentsThatACrashLeftAreRemoved) {
  write_two_segments();
  spill(manifest(), "file appendonly.aof.1.incr.aof seq 1 type h\nfile appendonly.aof.2.incr.aof seq 2 type i\n");
  open();
  EXPECT_EQ(journal_->start(), Offset(2 * set_command("a", "1").size()));
  EXPECT_FALSE(std::filesystem::exists(segment(1)));
}

TEST_F(RotationCrash, HistoryOfOthersIsKept) {
  write_two_segments();
  spill(dir_ / "old.base.rdb", "REDIS0010");
  spill(manifest(), "file old.base.rdb seq 1 type h\n" + slurp(manifest()));
  open();
  journal_->begin_history(ReplicationId(40, 'c'), 0);
  sync();
  journal_.reset();
  EXPECT_EQ(slurp(dir_ / "old.base.rdb"), "REDIS0010");
  EXPECT_NE(slurp(manifest()).find("file old.base.rdb seq 1 type h\n"), std::string::npos);
}

}  // namespace
}  // namespace stele
