#include "store_faulty_disk.h"
#include "store_fixture.h"

namespace stele {
namespace {

class StoreCrash : public StoreFixture {
 protected:
  /// What kill -9 would leave now.
  std::filesystem::path copy_of_directory() {
    const std::filesystem::path copy = root_ / fmt::format("copy{}", copies_++);
    std::filesystem::copy(dir_, copy, std::filesystem::copy_options::recursive);
    return copy;
  }
  void open_copy(const std::filesystem::path& copy) {
    store_.reset();
    dir_ = copy;
    options_.env = nullptr;
    open();
  }

  int copies_ = 0;
};

TEST_F(StoreCrash, AnUnfinishedCheckpointLeavesTheStateBeforeItAndNoFiles) {
  open();
  checkpoint(10, {{"a", "1"}});
  std::filesystem::path copy;
  {
    Result<CheckpointWriter> writer = store_->begin_checkpoint();
    ASSERT_TRUE(writer.ok());
    ASSERT_TRUE(writer->put("a", std::string(100'000, '2')).ok());
    writer->put_expire(UnixTime(1), "a");
    copy = copy_of_directory();
  }
  EXPECT_EQ(files_in(dir_ / "ingest"), 0u);  // an abandoned writer cleans up

  ASSERT_GT(files_in(copy / "ingest"), 0u);  // a crashed one cannot
  open_copy(copy);
  EXPECT_EQ(files_in(copy / "ingest"), 0u);
  EXPECT_EQ(store_->label()->offset, Offset(10));
  EXPECT_EQ(contents(), (std::map<std::string, std::string>{{"a", "1"}}));
}

TEST_F(StoreCrash, AFinishedCheckpointIsCompleteWithoutAClose) {
  open();
  checkpoint(10, {{"a", "1"}, {"b", "1"}});
  checkpoint(20, {{"a", "2"}, {"b", std::nullopt}});
  const std::filesystem::path copy = copy_of_directory();
  open_copy(copy);
  EXPECT_EQ(store_->label()->offset, Offset(20));
  EXPECT_EQ(contents(), (std::map<std::string, std::string>{{"a", "2"}}));
}

TEST_F(StoreCrash, APowerCutAtAnyMomentLeavesOneCheckpointOrTheOtherInFull) {
  using Left = FaultyDisk::Left;
  bool finished = false;
  for (std::uint64_t operations = 1; !finished; ++operations) {
    ASSERT_LT(operations, 500u);
    const std::filesystem::path dir = root_ / fmt::format("run{}", operations);
    dir_ = dir;
    const auto disk = std::make_shared<FaultyDisk>();
    const std::unique_ptr<rocksdb::Env> env = rocksdb::NewCompositeEnv(disk);
    options_.env = env.get();
    open();
    checkpoint(10, {{"a", "1"}, {"b", "1"}});

    disk->arm(dir_, operations);
    Status status;
    {
      Result<CheckpointWriter> writer = store_->begin_checkpoint();
      ASSERT_TRUE(writer.ok());
      writer->put_expire(UnixTime(5), "a");
      status = write(*writer, {{"a", "2"}, {"b", std::nullopt}, {"c", "2"}});
      if (status.ok()) status = writer->finish(label_at(20));
    }
    finished = status.ok();
    store_.reset();
    if (finished) break;
    ASSERT_TRUE(disk->cut());

    for (const Left names : {Left::synced, Left::everything}) {
      for (const Left bytes : {Left::synced, Left::everything}) {
        SCOPED_TRACE(fmt::format("cut before operation {}, names {}, bytes {}", operations, static_cast<int>(names),
                                 static_cast<int>(bytes)));
        const std::filesystem::path left = root_ / "left";
        disk->restore(dir, left, names, bytes);
        open_copy(left);
        ASSERT_NE(store_, nullptr);
        ASSERT_NE(store_->label(), nullptr);
        const bool is_new = store_->label()->offset == Offset(20);
        EXPECT_TRUE(is_new || store_->label()->offset == Offset(10));
        EXPECT_EQ(get("a"), is_new ? "2" : "1");
        EXPECT_EQ(get("b"), is_new ? std::nullopt : std::optional<std::string>("1"));
        EXPECT_EQ(get("c"), is_new ? std::optional<std::string>("2") : std::nullopt);
        EXPECT_EQ(expires_until(10).size(), is_new ? 1u : 0u);
        store_.reset();
        std::filesystem::remove_all(left);
      }
    }
    std::filesystem::remove_all(dir);
  }
}

TEST_F(StoreCrash, AFinishedCheckpointSurvivesAPowerCutRightAfterIt) {
  const auto disk = std::make_shared<FaultyDisk>();
  const std::unique_ptr<rocksdb::Env> env = rocksdb::NewCompositeEnv(disk);
  options_.env = env.get();
  open();
  checkpoint(10, {{"a", "1"}});
  disk->arm(dir_, std::numeric_limits<std::uint64_t>::max());
  checkpoint(20, {{"a", "2"}});
  const std::filesystem::path left = root_ / "left";
  disk->restore(dir_, left, FaultyDisk::Left::synced, FaultyDisk::Left::synced);
  open_copy(left);
  EXPECT_EQ(store_->label()->offset, Offset(20));
  EXPECT_EQ(contents(), (std::map<std::string, std::string>{{"a", "2"}}));
}

TEST_F(StoreCrash, AFullDiskChangesNothingAndTheNextCheckpointWorks) {
  const auto disk = std::make_shared<FaultyDisk>();
  const std::unique_ptr<rocksdb::Env> env = rocksdb::NewCompositeEnv(disk);
  options_.env = env.get();
  open();
  checkpoint(10, {{"a", "1"}});

  disk->fill();
  const Status status = try_checkpoint(20, {{"a", "2"}});
  EXPECT_EQ(status.code(), Code::exhausted) << status.message();
  EXPECT_EQ(get("a"), "1");
  EXPECT_EQ(store_->label()->offset, Offset(10));
  EXPECT_EQ(files_in(dir_ / "ingest"), 0u);

  disk->free();
  checkpoint(30, {{"a", "3"}});
  EXPECT_EQ(get("a"), "3");
  store_.reset();
  options_.env = nullptr;
}

TEST_F(StoreCrash, ADiskThatFillsUpWhileTheManifestIsWrittenChangesNothingAndAReopenedStoreGoesOn) {
  std::uint64_t writes = 0;
  int stops = 0;
  for (bool finished = false; !finished; ++writes) {
    SCOPED_TRACE(fmt::format("full after {} writes to the MANIFEST", writes));
    dir_ = root_ / fmt::format("run{}", writes);
    const auto disk = std::make_shared<FaultyDisk>();
    const std::unique_ptr<rocksdb::Env> env = rocksdb::NewCompositeEnv(disk);
    options_.env = env.get();
    open();
    checkpoint(10, {{"a", "1"}});

    disk->fill_after(writes, "MANIFEST");
    const Status status = try_checkpoint(20, {{"a", "2"}});
    finished = status.ok();
    if (!finished) {
      EXPECT_EQ(status.code(), Code::exhausted) << status.message();
      EXPECT_EQ(get("a"), "1");
      EXPECT_EQ(store_->label()->offset, Offset(10));
    }

    disk->free();
    if (!store_->health().ok()) {
      EXPECT_EQ(try_checkpoint(25, {{"b", "2"}}).code(), Code::unavailable);
      EXPECT_FALSE(store_->health().ok());
      EXPECT_EQ(get("b"), std::nullopt);
      ++stops;
      reopen();
    }
    checkpoint(30, {{"b", "3"}});
    EXPECT_TRUE(store_->health().ok());
    reopen();
    EXPECT_EQ(get("a"), finished ? "2" : "1");
    EXPECT_EQ(get("b"), "3");
    EXPECT_EQ(store_->label()->offset, Offset(30));
    store_.reset();
  }
  EXPECT_GE(stops, 1);  // the checkpoint's own record was among them
}

TEST_F(StoreCrash, ACheckpointIsRefusedWhileLittleSpaceIsSpare) {
  open();
  checkpoint(10, {{"a", "1"}});
  store_.reset();
  options_.spare_bytes = std::numeric_limits<std::uint64_t>::max();
  open();
  const Status status = try_checkpoint(20, {{"a", "2"}});
  EXPECT_EQ(status.code(), Code::exhausted);
  EXPECT_NE(status.message().find("free some space"), std::string::npos);
  EXPECT_EQ(get("a"), "1");
  EXPECT_TRUE(store_->health().ok());
}

}  // namespace
}  // namespace stele
