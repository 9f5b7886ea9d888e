#include "engine/rdb/row_buckets.h"

#include <map>
#include <random>
#include <set>

#include "engine/stored_value.h"
#include "tests/persistence/store_fixture.h"

namespace stele {
namespace {

class RowBucketsTest : public StoreFixture {
 protected:
  RowBucketsTest() {
    options_.fills_empty_store = true;
    options_.sst_bytes_max = 64 << 10;
    open();
  }

  void add_row(Partition partition, const std::string& key, const std::string& value,
               std::optional<UnixTime> expire_at = std::nullopt) {
    const std::size_t start = rows_.bytes.size() + key.size();
    rows_.bytes += key;
    append_stored_header(0, 0, expire_at, rows_.bytes);
    rows_.bytes += value;
    const std::string row = rows_.bytes.substr(start);
    rows_.rows.push_back({partition, static_cast<std::uint32_t>(key.size()), static_cast<std::uint32_t>(row.size())});
    hashes_.push_back(hasher_(key));
    expected_[stored_key(partition, hashes_.back(), key)] = row;
  }
  Status hand_over(RowBuckets& buckets) { return buckets.add(std::exchange(rows_, {}), std::exchange(hashes_, {})); }
  Status store(RowBuckets& buckets, int threads = 2) {
    return buckets.store(*store_, threads, nullptr, [] { return false; });
  }
  void add_many(RowBuckets& buckets, int rows) {
    std::mt19937_64 random(5);
    for (int i = 0; i < rows; ++i) {
      const auto partition = static_cast<Partition>(1 + random() % 3);
      const auto at =
          random() % 4 == 0 ? std::optional(UnixTime(static_cast<std::int64_t>(1000 + random() % 1000))) : std::nullopt;
      if (at) ++expiring_;
      add_row(partition, "key:" + std::to_string(i), std::string(random() % 200, 'v'), at);
      if (i % 1000 != 999) continue;
      ASSERT_TRUE(hand_over(buckets).ok());
    }
    ASSERT_TRUE(hand_over(buckets).ok());
  }
  void expect_all_stored() {
    EXPECT_EQ(contents(), expected_);
    EXPECT_EQ(expires_until(5000).size(), expiring_);
  }

  KeyHasher hasher_{KeyHasher::random_seed()};
  RowBuckets::Rows rows_;
  std::vector<Hash48> hashes_;
  std::map<std::string, std::string> expected_;
  std::size_t expiring_ = 0;
};

TEST_F(RowBucketsTest, StoresWhatFitsIntoMemoryInFilesThatDoNotOverlap) {
  RowBuckets buckets(store_->scratch_dir(), std::size_t{64} << 20);
  add_many(buckets, 30'000);
  EXPECT_EQ(buckets.spilled_bytes(), 0u);
  ASSERT_TRUE(store(buckets).ok());
  expect_all_stored();
  const std::vector<int> files = store_->stats().objects_files_by_level;
  EXPECT_EQ(files.front(), 0);
  EXPECT_GT(files.back(), 10);
}

TEST_F(RowBucketsTest, SpillsWhatIsMoreThanItMayKeepInMemory) {
  RowBuckets buckets(store_->scratch_dir(), std::size_t{500} << 10);
  add_many(buckets, 30'000);
  EXPECT_GT(buckets.spilled_bytes(), 2'000'000u);
  ASSERT_TRUE(store(buckets, 3).ok());
  expect_all_stored();
  std::error_code error;
  EXPECT_TRUE(std::filesystem::is_empty(store_->scratch_dir(), error)) << "the temporary file has no name";
}

TEST_F(RowBucketsTest, AKeyThatIsThereTwiceIsAnErrorWhetherInMemoryOrSpilled) {
  for (const std::size_t memory : {std::size_t{0}, std::size_t{1} << 20}) {
    RowBuckets buckets(store_->scratch_dir(), memory);
    add_row(1, "a", "1");
    add_row(2, "b", "in another database");
    ASSERT_TRUE(hand_over(buckets).ok());
    add_row(1, "b", "2");
    add_row(1, "a", "3");
    ASSERT_TRUE(hand_over(buckets).ok());
    const Status status = store(buckets);
    EXPECT_EQ(status.code(), Code::corrupt);
    EXPECT_NE(status.message().find("key 'a' is in the file twice"), std::string::npos) << status.message();
    EXPECT_TRUE(contents().empty()) << "nothing of it is stored";
  }
}

TEST_F(RowBucketsTest, RowsOfAFewBytesStayWhereTheyAre) {
  RowBuckets buckets(store_->scratch_dir(), std::size_t{1} << 20);
  for (int i = 0; i < 100; ++i) {
    add_row(1, std::to_string(i), "v");
    ASSERT_TRUE(hand_over(buckets).ok());
  }
  ASSERT_TRUE(store(buckets).ok());
  expect_all_stored();
}

TEST_F(RowBucketsTest, CanBeStopped) {
  RowBuckets buckets(store_->scratch_dir(), std::size_t{64} << 20);
  add_many(buckets, 1'000);
  EXPECT_EQ(buckets.store(*store_, 2, nullptr, [] { return true; }).code(), Code::unavailable);
}

TEST_F(RowBucketsTest, WithoutRowsThereIsNothingToStore) {
  RowBuckets buckets(store_->scratch_dir(), 0);
  EXPECT_TRUE(store(buckets).ok());
  expect_all_stored();
}

}  // namespace
}  // namespace stele
