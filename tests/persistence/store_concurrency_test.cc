#include "store_fixture.h"

namespace stele {
namespace {

class StoreConcurrency : public StoreFixture {
 protected:
  /// Every object has the same value in every checkpoint, so a mixture of two checkpoints shows.
  static Objects objects_of(std::uint64_t offset) {
    Objects objects;
    for (int i = 0; i < 500; ++i) objects[fmt::format("key{:03}", i)] = std::to_string(offset);
    return objects;
  }
  bool drops_done() {
    return wait_until([this] { return store_->stats().drops_pending == 0; });
  }
};

TEST_F(StoreConcurrency, AnIteratorSeesTheStateItWasMadeFrom) {
  open();
  checkpoint(10, {{"a", "1"}, {"b", "1"}, {"c", "1"}});
  StoreIterator before = store_->iterate({}, {});
  checkpoint(20, {{"a", "2"}, {"b", std::nullopt}, {"bb", "2"}});
  EXPECT_EQ(contents(std::move(before)), (std::map<std::string, std::string>{{"a", "1"}, {"b", "1"}, {"c", "1"}}));
  EXPECT_EQ(contents(), (std::map<std::string, std::string>{{"a", "2"}, {"bb", "2"}, {"c", "1"}}));
}

TEST_F(StoreConcurrency, AnIteratorKeepsToItsRangeAndSeeksWithinIt) {
  open();
  checkpoint(10, {{"a", "1"}, {"b", "1"}, {"c", "1"}, {"d", "1"}});
  EXPECT_EQ(contents(store_->iterate("b", "d")), (std::map<std::string, std::string>{{"b", "1"}, {"c", "1"}}));
  StoreIterator iterator = store_->iterate("a", "d");
  iterator.seek("bb");
  ASSERT_TRUE(iterator.valid());
  EXPECT_EQ(iterator.key(), "c");
  iterator.seek("a");
  EXPECT_EQ(iterator.key(), "a");
  iterator.seek("d");
  EXPECT_FALSE(iterator.valid());
}

TEST_F(StoreConcurrency, ASnapshotIsExactlyTheStateOfItsLabel) {
  options_.runs_before_compaction = 2;  // compactions run as well
  open();
  checkpoint(1, objects_of(1));
  std::atomic<bool> done = false;
  std::atomic<int> snapshots = 0;
  std::thread reader([&] {
    while (!done) {
      Store::Snapshot snapshot = store_->snapshot();
      const std::string expected = std::to_string(snapshot.label->offset.bytes());
      int objects = 0;
      for (StoreIterator& it = snapshot.objects; it.valid(); it.next(), ++objects) ASSERT_EQ(it.value(), expected);
      ASSERT_EQ(objects, 500);
      ++snapshots;
    }
  });
  std::thread asker([&] {
    while (!done) {
      ASSERT_TRUE(store_->may_contain("key007"));
      ASSERT_TRUE(store_->get("key123").value().has_value());
      ASSERT_GE(store_->label()->offset, Offset(1));
      ASSERT_GT(store_->stats().sst_files, 0u);
    }
  });
  for (std::uint64_t offset = 2; offset <= 40; ++offset) checkpoint(offset, objects_of(offset));
  EXPECT_TRUE(wait_until([&] { return snapshots > 3; }));
  done = true;
  reader.join();
  asker.join();
}

TEST_F(StoreConcurrency, ADroppedRangeIsGoneAndItsNeighboursAreNot) {
  options_.sst_bytes_max = 8 << 10;  // several whole files within the range, and parts of others
  open();
  Objects objects;
  for (std::uint32_t partition = 1; partition <= 3; ++partition) {
    for (int i = 0; i < 500; ++i) objects[object_key(partition, std::to_string(i))] = std::string(100, 'v');
  }
  checkpoint(10, objects);
  checkpoint(20, {{object_key(2, "in another run"), "v"}, {object_key(3, "in another run"), "v"}});
  StoreIterator before = store_->iterate({}, {});

  store_->drop_range(object_key(2, "").substr(0, 4), object_key(3, "").substr(0, 4));
  ASSERT_TRUE(drops_done());

  EXPECT_EQ(contents(std::move(before)).size(), 1502u);
  for (int reopened = 0; reopened < 2; ++reopened) {
    EXPECT_EQ(contents(store_->iterate(object_key(1, "").substr(0, 4), object_key(2, "").substr(0, 4))).size(), 500u);
    EXPECT_EQ(contents(store_->iterate(object_key(2, "").substr(0, 4), object_key(3, "").substr(0, 4))).size(), 0u);
    EXPECT_EQ(contents(store_->iterate(object_key(3, "").substr(0, 4), {})).size(), 501u);
    EXPECT_EQ(get(object_key(2, "7")), std::nullopt);
    reopen();
  }
}

TEST_F(StoreConcurrency, DropsAndCheckpointsDoNotDisturbEachOther) {
  open();
  for (std::uint32_t partition = 1; partition <= 20; ++partition) {
    Objects objects;
    for (int i = 0; i < 50; ++i) objects[object_key(partition, std::to_string(i))] = "v";
    checkpoint(partition, objects);
    if (partition > 1) {
      store_->drop_range(object_key(partition - 1, "").substr(0, 4), object_key(partition, "").substr(0, 4));
    }
  }
  ASSERT_TRUE(drops_done());
  EXPECT_EQ(contents().size(), 50u);
  EXPECT_EQ(store_->label()->offset, Offset(20));
  EXPECT_TRUE(store_->health().ok());
}

TEST_F(StoreConcurrency, ManyCheckpointsAreMergedInTheBackground) {
  options_.runs_before_compaction = 4;
  open();
  for (std::uint64_t offset = 1; offset <= 30; ++offset) checkpoint(offset, objects_of(offset));
  EXPECT_TRUE(wait_until([this] {
    const StoreStats stats = store_->stats();
    return stats.compactions_running == 0 && stats.sst_files < 20 && stats.compaction_written_bytes > 0;
  }));
  EXPECT_EQ(store_->stats().write_stalls, 0u);
  EXPECT_EQ(contents().size(), 500u);
}

}  // namespace
}  // namespace stele
