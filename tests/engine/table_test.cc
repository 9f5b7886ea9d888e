#include "engine/table.h"

#include <map>
#include <random>
#include <set>

#include <gtest/gtest.h>

namespace stele::test {
namespace {

class TableTest : public ::testing::Test {
 protected:
  /// What the table should hold: in its order, with the dirty marks.
  struct Expected {
    bool tombstone = false;
    bool dirty[2] = {false, false};
  };
  using Model = std::map<std::pair<Hash48, std::string>, Expected>;

  static std::string key(std::uint64_t i) { return fmt::format("key:{}", i); }

  Table::Slot find(std::string_view name) { return table_.find(hasher_(name), name); }
  Table::Slot insert(const std::string& name) {
    model_[{hasher_(name), name}] = {};
    return table_.insert(hasher_(name), Entry::make_string(name, name, std::nullopt));
  }
  void erase(const std::string& name) {
    model_.erase({hasher_(name), name});
    Entry::destroy(table_.extract(find(name)));
  }
  void bury(const std::string& name) {
    model_[{hasher_(name), name}].tombstone = true;
    const Table::Slot slot = find(name);
    Entry* old = slot.entry();
    table_.bury(slot, Entry::make_tombstone(name));
    Entry::destroy(old);
  }
  void revive(const std::string& name) {
    model_[{hasher_(name), name}].tombstone = false;
    table_.revive(find(name), Entry::make_string(name, name, std::nullopt));
  }
  void mark(const std::string& name, unsigned epoch, bool dirty) {
    model_[{hasher_(name), name}].dirty[epoch] = dirty;
    dirty ? table_.mark_dirty(find(name), epoch) : table_.clear_dirty(find(name), epoch);
  }

  /// Walks the table and compares everything: order, contents, marks and counts.
  void expect_matches_model() {
    auto expected = model_.begin();
    std::size_t live = 0, tombstones = 0, dirty[2] = {0, 0};
    for (Hash48 at = 0; at < kHashEnd;) {
      at = table_.visit_segment(at, [&](Table::Slot slot, Hash48 hash) {
        ASSERT_NE(expected, model_.end());
        ASSERT_EQ(slot.entry()->key(), expected->first.second);
        ASSERT_EQ(hash, expected->first.first);
        ASSERT_EQ(slot.is_tombstone(), expected->second.tombstone);
        slot.is_tombstone() ? ++tombstones : ++live;
        for (const unsigned epoch : {0u, 1u}) {
          ASSERT_EQ(slot.is_dirty(epoch), expected->second.dirty[epoch]);
          dirty[epoch] += slot.is_dirty(epoch);
        }
        ++expected;
      });
      if (HasFatalFailure()) return;
    }
    ASSERT_EQ(expected, model_.end());
    ASSERT_EQ(table_.size(), live);
    ASSERT_EQ(table_.tombstones(), tombstones);
    for (const unsigned epoch : {0u, 1u}) ASSERT_EQ(table_.dirty(epoch), dirty[epoch]);
  }

  std::set<std::string> dirty_keys(unsigned epoch) {
    std::set<std::string> keys;
    for (Hash48 at = 0; at < kHashEnd;) {
      at = table_.visit_dirty(at, epoch, [&](Table::Slot slot, Hash48) { keys.emplace(slot.entry()->key()); });
    }
    return keys;
  }

  KeyHasher hasher_{KeyHasher::Seed{7}};
  Table table_{hasher_};
  Model model_;
};

TEST_F(TableTest, FindsWhatWasInsertedAndNothingElse) {
  EXPECT_FALSE(find("a"));
  const Table::Slot slot = insert("a");
  EXPECT_EQ(slot.entry()->key(), "a");
  EXPECT_EQ(find("a").entry(), slot.entry());
  EXPECT_FALSE(find("b"));
}

TEST_F(TableTest, FindsAnEntryByItsHashAlone) {
  for (std::uint64_t i = 0; i < 2'000; ++i) insert(key(i));
  const Table::Slot slot = table_.find_if(hasher_(key(77)), [](const Entry&) { return true; });
  ASSERT_TRUE(slot);
  EXPECT_EQ(slot.entry()->key(), key(77));
  EXPECT_FALSE(table_.find_if(hasher_(key(77)), [](const Entry&) { return false; }));
}

TEST_F(TableTest, KeepsEveryKeyThroughSplitsAndGivesSegmentsBackThroughMerges) {
  for (std::uint64_t i = 0; i < 50'000; ++i) insert(key(i));
  ASSERT_NO_FATAL_FAILURE(expect_matches_model());
  EXPECT_GT(table_.segment_count(), 50'000u / TableSegment::kSlots);
  EXPECT_LT(table_.segment_count(), 50'000u / TableSegment::kSplitAt * 2 + 2);
  for (std::uint64_t i = 0; i < 50'000; ++i) ASSERT_TRUE(find(key(i))) << i;

  for (std::uint64_t i = 0; i < 50'000; ++i) erase(key(i));
  ASSERT_NO_FATAL_FAILURE(expect_matches_model());
  EXPECT_EQ(table_.size(), 0u);
  EXPECT_EQ(table_.segment_count(), 1u);
  EXPECT_LT(table_.overhead_bytes(), 2 * sizeof(TableSegment));
}

TEST_F(TableTest, ShrinksInTheOrderOfAScanAndGrowsAgain) {
  // Each round leaves a few keys at the upper end of one stretch of hashes, which then fills up again.
  for (std::uint64_t round = 0; round < 3; ++round) {
    for (std::uint64_t i = 0; i < 30'000; ++i) {
      if (!find(key(i))) insert(key(i));
    }
    std::vector<std::string> in_order;
    for (Hash48 at = 0; at < kHashEnd;) {
      at = table_.visit_segment(at, [&](Table::Slot slot, Hash48) { in_order.emplace_back(slot.entry()->key()); });
    }
    in_order.resize(in_order.size() - 60 * round);
    for (const std::string& name : in_order) erase(name);
    ASSERT_NO_FATAL_FAILURE(expect_matches_model());
  }
}

TEST_F(TableTest, AgreesWithAMapUnderRandomOperations) {
  std::mt19937_64 random(20'261'122);
  // Phases that grow and phases that shrink, so that splits and merges both happen many times.
  for (int phase = 0; phase < 12; ++phase) {
    const unsigned erase_percent = phase % 2 == 0 ? 15 : 75;
    for (int i = 0; i < 6'000; ++i) {
      const std::string name = key(random() % 8'000);
      const auto known = model_.find({hasher_(name), name});
      if (known == model_.end()) {
        if (random() % 100 >= erase_percent) insert(name);
      } else if (known->second.tombstone) {
        random() % 2 == 0 ? revive(name) : erase(name);
      } else if (random() % 100 < erase_percent) {
        random() % 4 == 0 ? bury(name) : erase(name);
      } else {
        mark(name, random() % 2, random() % 3 != 0);
      }
    }
    ASSERT_NO_FATAL_FAILURE(expect_matches_model()) << "phase " << phase;
  }
}

TEST_F(TableTest, VisitsExactlyTheDirtyOnesOfAnEpoch) {
  std::set<std::string> expected[2];
  for (std::uint64_t i = 0; i < 3'000; ++i) {
    insert(key(i));
    if (i % 7 == 0) mark(key(i), 0, true), expected[0].insert(key(i));
    if (i % 11 == 0) mark(key(i), 1, true), expected[1].insert(key(i));
  }
  EXPECT_EQ(dirty_keys(0), expected[0]);
  EXPECT_EQ(dirty_keys(1), expected[1]);
  for (std::uint64_t i = 0; i < 3'000; ++i) {
    if (i % 5 != 0) erase(key(i)), expected[0].erase(key(i)), expected[1].erase(key(i));
  }
  EXPECT_EQ(dirty_keys(0), expected[0]);
  EXPECT_EQ(dirty_keys(1), expected[1]);
}

TEST_F(TableTest, MarkingAllAndClearingAllReachesEverySegment) {
  for (std::uint64_t i = 0; i < 3'000; ++i) insert(key(i));
  table_.mark_all_dirty(1);
  EXPECT_EQ(table_.dirty(1), 3'000u);
  EXPECT_EQ(dirty_keys(1).size(), 3'000u);
  EXPECT_EQ(table_.dirty(0), 0u);
  table_.clear_all_dirty(1);
  EXPECT_EQ(table_.dirty(1), 0u);
  EXPECT_TRUE(dirty_keys(1).empty());
}

TEST_F(TableTest, AnEntryThatMovesKeepsItsMarks) {
  insert("a");
  mark("a", 1, true);
  Table::Slot slot = find("a");
  slot.set_entry(Entry::with_expire(slot.entry(), UnixTime(5)));
  EXPECT_TRUE(find("a").is_dirty(1));
  EXPECT_EQ(find("a").entry()->expire_at(), UnixTime(5));
}

TEST_F(TableTest, SweepingFreesCleanTombstonesOnly) {
  for (std::uint64_t i = 0; i < 4'000; ++i) {
    insert(key(i));
    if (i % 2 == 0) bury(key(i));
    if (i % 6 == 0) mark(key(i), 0, true);
  }
  for (Hash48 at = 0; at < kHashEnd;) at = table_.sweep_tombstones(at);
  std::erase_if(model_, [](const auto& item) { return item.second.tombstone && !item.second.dirty[0]; });
  ASSERT_NO_FATAL_FAILURE(expect_matches_model());
}

TEST_F(TableTest, SweepingAwayNearlyAllStillComesToTheEnd) {
  for (std::uint64_t i = 0; i < 20'000; ++i) {
    insert(key(i));
    bury(key(i));
  }
  insert("alive");
  for (Hash48 at = 0; at < kHashEnd;) at = table_.sweep_tombstones(at);
  EXPECT_EQ(table_.tombstones(), 0u);
  EXPECT_TRUE(find("alive"));
  EXPECT_EQ(table_.segment_count(), 1u);
}

// SCAN's promise: what is there from beginning to end is returned, and, hash order being what it is, exactly once.
TEST_F(TableTest, AWalkSeesEachLastingKeyOnceWhileOthersComeAndGo) {
  constexpr std::uint64_t kLasting = 5'000;
  for (std::uint64_t i = 0; i < kLasting; ++i) insert(key(i));
  std::mt19937_64 random(3);
  std::uint64_t next = 1'000'000;
  std::vector<std::string> passing;
  std::map<std::string, int> seen;
  int turn = 0;
  for (Hash48 at = 0; at < kHashEnd; ++turn) {
    at = table_.visit_segment(at, [&](Table::Slot slot, Hash48) { ++seen[std::string(slot.entry()->key())]; });
    // First the table grows under the walk, then it shrinks.
    if (turn < 10) {
      for (int i = 0; i < 1'000; ++i) insert(passing.emplace_back(key(next++)));
    } else {
      for (int i = 0; i < 1'500 && !passing.empty(); ++i) {
        std::swap(passing[random() % passing.size()], passing.back());
        erase(passing.back());
        passing.pop_back();
      }
    }
  }
  for (std::uint64_t i = 0; i < kLasting; ++i) ASSERT_EQ(seen[key(i)], 1) << i;
  for (const auto& [name, times] : seen) ASSERT_EQ(times, 1) << name;
  EXPECT_GT(turn, 20);
}

TEST_F(TableTest, AWalkFromAHashStartsThere) {
  for (std::uint64_t i = 0; i < 1'000; ++i) insert(key(i));
  auto expected = std::next(model_.begin(), 500);
  for (Hash48 at = expected->first.first; at < kHashEnd;) {
    at = table_.visit_segment(at, [&](Table::Slot slot, Hash48) {
      ASSERT_EQ(slot.entry()->key(), expected->first.second);
      ++expected;
    });
  }
  EXPECT_EQ(expected, model_.end());
}

TEST_F(TableTest, ARandomKeyIsALiveOneAndAnyOfThem) {
  EXPECT_FALSE(table_.random_live(1));
  for (std::uint64_t i = 0; i < 40; ++i) insert(key(i));
  for (std::uint64_t i = 0; i < 20; ++i) bury(key(i));
  std::mt19937_64 random(5);
  std::set<std::string> drawn;
  for (int i = 0; i < 5'000; ++i) {
    const Table::Slot slot = table_.random_live(random());
    ASSERT_TRUE(slot);
    ASSERT_FALSE(slot.is_tombstone());
    drawn.emplace(slot.entry()->key());
  }
  EXPECT_EQ(drawn.size(), 20u);
}

}  // namespace
}  // namespace stele::test
