#include "persistence/store.h"

#include "store_fixture.h"

namespace stele {
namespace {

class StoreTest : public StoreFixture {};

TEST_F(StoreTest, ANewStoreIsEmptyAndHasNoLabel) {
  open();
  EXPECT_EQ(store_->label(), nullptr);
  EXPECT_EQ(get("k"), std::nullopt);
  EXPECT_FALSE(store_->may_contain("k"));
  EXPECT_TRUE(contents().empty());
  EXPECT_TRUE(store_->health().ok());
}

TEST_F(StoreTest, WhatACheckpointPutsAndErasesIsThereAfterReopening) {
  open();
  checkpoint(10, {{"a", "1"}, {"b", "2"}, {"c", ""}});
  checkpoint(20, {{"a", std::nullopt}, {"b", "22"}, {"never there", std::nullopt}});
  reopen();
  EXPECT_EQ(contents(), (std::map<std::string, std::string>{{"b", "22"}, {"c", ""}}));
  EXPECT_EQ(get("a"), std::nullopt);
  EXPECT_EQ(get("b"), "22");
  EXPECT_EQ(get("c"), "");
}

TEST_F(StoreTest, TheLabelComesBackInFull) {
  open();
  Label label = label_at(123456789012345);
  label.clean_shutdown = true;
  Result<CheckpointWriter> writer = store_->begin_checkpoint();
  ASSERT_TRUE(writer.ok());
  ASSERT_TRUE(writer->finish(label).ok());
  EXPECT_EQ(*store_->label(), label);
  writer = Status::unavailable("done with it");
  reopen();
  ASSERT_NE(store_->label(), nullptr);
  EXPECT_EQ(*store_->label(), label);
}

TEST_F(StoreTest, ACheckpointOfNothingButItsLabelMovesTheOffset) {
  open();
  checkpoint(10, {{"a", "1"}});
  checkpoint(20, {});
  reopen();
  EXPECT_EQ(store_->label()->offset, Offset(20));
  EXPECT_EQ(get("a"), "1");
}

TEST_F(StoreTest, MultiGetAnswersInTheOrderOfItsKeys) {
  open();
  checkpoint(10, {{"a", "1"}, {"b", "2"}});
  const std::vector<std::string_view> keys = {"b", "x", "a", "b"};
  Result<std::vector<std::optional<std::string>>> values = store_->multi_get(keys);
  ASSERT_TRUE(values.ok());
  EXPECT_EQ(*values, (std::vector<std::optional<std::string>>{"2", std::nullopt, "1", "2"}));
}

TEST_F(StoreTest, KeysOutOfOrderAreRefusedAndTheCheckpointWithThem) {
  open();
  checkpoint(10, {{"a", "1"}});
  {
    Result<CheckpointWriter> writer = store_->begin_checkpoint();
    ASSERT_TRUE(writer.ok());
    ASSERT_TRUE(writer->put("b", "2").ok());
    EXPECT_EQ(writer->put("b", "3").code(), Code::invalid);
    EXPECT_EQ(writer->put("c", "4").code(), Code::invalid);
    EXPECT_EQ(writer->finish(label_at(20)).code(), Code::invalid);
  }
  EXPECT_EQ(contents(), (std::map<std::string, std::string>{{"a", "1"}}));
  EXPECT_EQ(store_->label()->offset, Offset(10));
}

TEST_F(StoreTest, KeysOutOfOrderAcrossFilesAreRefused) {
  options_.sst_bytes_max = 1;
  open();
  Result<CheckpointWriter> writer = store_->begin_checkpoint();
  ASSERT_TRUE(writer.ok());
  const std::string value(10'000, 'v');
  ASSERT_TRUE(writer->put("b", value).ok());
  ASSERT_TRUE(writer->put("c", value).ok());
  EXPECT_EQ(writer->put("a", value).code(), Code::invalid);
}

TEST_F(StoreTest, PartsBecomeOneCheckpointIfTheirKeysAreInOrder) {
  open();
  for (const bool in_order : {false, true}) {
    Result<CheckpointWriter> writer = store_->begin_checkpoint();
    ASSERT_TRUE(writer.ok());
    CheckpointPart first = writer->begin_part();
    CheckpointPart second = writer->begin_part();
    ASSERT_TRUE(second.put("c", "3").ok());
    second.put_expire(UnixTime(30), "c");
    ASSERT_TRUE(first.put("a", "1").ok());
    ASSERT_TRUE(first.put("b", "2").ok());
    ASSERT_TRUE(writer->join(std::move(in_order ? first : second)).ok());
    EXPECT_EQ(writer->join(std::move(in_order ? second : first)).code(), in_order ? Code::ok : Code::invalid);
    EXPECT_EQ(writer->finish(label_at(1)).code(), in_order ? Code::ok : Code::invalid);
    EXPECT_EQ(contents().size(), in_order ? 3u : 0u);
    EXPECT_EQ(expires_until(100).size(), in_order ? 1u : 0u);
  }
}

TEST_F(StoreTest, ALargeCheckpointIsSplitIntoFiles) {
  options_.sst_bytes_max = 64 << 10;
  open();
  Objects objects;
  for (int i = 0; i < 100; ++i) objects[fmt::format("key{:03}", i)] = std::string(10'000, 'v');
  checkpoint(10, objects);
  EXPECT_GE(store_->stats().sst_files, 10u);
  EXPECT_EQ(contents().size(), 100u);
}

TEST_F(StoreTest, OnlyOneCheckpointIsWrittenAtATime) {
  open();
  {
    Result<CheckpointWriter> writer = store_->begin_checkpoint();
    ASSERT_TRUE(writer.ok());
    EXPECT_EQ(store_->begin_checkpoint().status().code(), Code::unavailable);
  }
  EXPECT_TRUE(store_->begin_checkpoint().ok());
}

TEST_F(StoreTest, ExpiriesComeInTheOrderOfTime) {
  open();
  {
    Result<CheckpointWriter> writer = store_->begin_checkpoint();
    ASSERT_TRUE(writer.ok());
    writer->put_expire(UnixTime(3000), "c");
    writer->put_expire(UnixTime(256), "b");
    writer->put_expire(UnixTime(255), "z");
    writer->put_expire(UnixTime(256), "a");
    ASSERT_TRUE(writer->finish(label_at(10)).ok());
  }
  reopen();
  EXPECT_EQ(expires_until(256), (Expiries{{255, "z"}, {256, "a"}, {256, "b"}}));
  EXPECT_EQ(expires_until(254), Expiries());
  EXPECT_EQ(expires_until(std::numeric_limits<std::int64_t>::max()).size(), 4u);
  EXPECT_EQ(expires_until(-5), Expiries());
}

TEST_F(StoreTest, OfSeveralChangesToAnExpiryTheLastCounts) {
  open();
  {
    Result<CheckpointWriter> writer = store_->begin_checkpoint();
    ASSERT_TRUE(writer.ok());
    writer->put_expire(UnixTime(1), "kept");
    writer->put_expire(UnixTime(2), "gone in the same checkpoint");
    writer->erase_expire(UnixTime(2), "gone in the same checkpoint");
    writer->put_expire(UnixTime(3), "gone in the next");
    ASSERT_TRUE(writer->finish(label_at(10)).ok());
  }
  {
    Result<CheckpointWriter> writer = store_->begin_checkpoint();
    ASSERT_TRUE(writer.ok());
    writer->erase_expire(UnixTime(3), "gone in the next");
    writer->erase_expire(UnixTime(4), "back again");
    writer->put_expire(UnixTime(4), "back again");
    ASSERT_TRUE(writer->finish(label_at(20)).ok());
  }
  EXPECT_EQ(expires_until(10), (Expiries{{1, "kept"}, {4, "back again"}}));
}

TEST_F(StoreTest, MayContainIsNeverFalseForAPresentKeyAndRarelyTrueForAnAbsentOne) {
  open();
  std::mt19937_64 random(1);
  std::vector<std::string> present;
  for (int part = 0; part < 4; ++part) {  // several runs, one over the other
    Objects objects;
    for (int i = 0; i < 25'000; ++i) {
      present.push_back(object_key(1, fmt::format("key:{}", random())));
      objects[present.back()] = "v";
    }
    checkpoint(10 + static_cast<std::uint64_t>(part), objects);
  }
  reopen();
  for (const std::string& key : present) ASSERT_TRUE(store_->may_contain(key));

  int false_positives = 0;
  for (int i = 0; i < 100'000; ++i) {
    false_positives += store_->may_contain(object_key(1, fmt::format("absent:{}", random()))) ? 1 : 0;
  }
  EXPECT_LT(false_positives, 3'000);
}

TEST_F(StoreTest, StatsTellWhatIsThere) {
  open();
  checkpoint(10, {{"a", std::string(5'000, 'x')}});
  const StoreStats stats = store_->stats();
  EXPECT_GT(stats.sst_bytes, 5'000u);
  EXPECT_EQ(stats.sst_files, 2u);  // objects and meta
  EXPECT_EQ(stats.estimated_objects, 1u);
  EXPECT_GT(stats.filter_and_index_bytes, 0u);
  EXPECT_LT(stats.memtable_bytes, 1u << 20);
  EXPECT_FALSE(stats.write_stalled);
  EXPECT_EQ(stats.drops_pending, 0u);
}

}  // namespace
}  // namespace stele
