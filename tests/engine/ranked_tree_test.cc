#include "engine/zset/ranked_tree.h"

#include <random>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include <gtest/gtest.h>

namespace stele::test {
namespace {

/// The tree beside a std::set that says what it has to hold.
class RankedTreeTest : public ::testing::Test {
 protected:
  ~RankedTreeTest() override {
    for (const auto& [score, text, member] : model_) Member::destroy(member);
  }

  Member* insert(double score, const std::string& text) {
    Member* const member = Member::make(text, score);
    tree_.insert(member);
    model_.emplace(score, text, member);
    return member;
  }
  void forget(Member* member) {
    model_.erase({member->score(), std::string(member->text()), member});
    Member::destroy(member);
  }
  void erase(Member* member) {
    tree_.erase(member);
    forget(member);
  }
  void move(Member* member, double score) {
    model_.erase({member->score(), std::string(member->text()), member});
    tree_.move(member, score);
    model_.emplace(score, std::string(member->text()), member);
  }
  Member* any() {
    return std::get<2>(*std::next(model_.begin(), static_cast<std::ptrdiff_t>(random_() % model_.size())));
  }

  void expect_equal() {
    ASSERT_EQ(tree_.size(), model_.size());
    if (model_.empty()) {
      EXPECT_EQ(tree_.allocated_bytes(), 0u);
      return;
    }
    std::size_t rank = 0;
    auto cursor = tree_.cursor_at(0);
    for (const auto& [score, text, member] : model_) {
      ASSERT_TRUE(cursor);
      ASSERT_EQ(cursor.member(), member);
      ASSERT_EQ(cursor.score(), member->score());
      ASSERT_EQ(tree_.rank_of(member), rank);
      ASSERT_EQ(tree_.cursor_at(rank).member(), member);
      const double bound = score;
      if (rank % 16 == 0) {
        const auto below = [bound](double other, const Member*) { return other < bound; };
        const auto first = model_.lower_bound({bound, "", nullptr});
        ASSERT_EQ(tree_.count_while(below), static_cast<std::size_t>(std::distance(model_.begin(), first)));
      }
      cursor.next();
      ++rank;
    }
    ASSERT_FALSE(cursor);
    cursor = tree_.cursor_at(tree_.size() - 1);
    for (auto it = model_.rbegin(); it != model_.rend(); ++it, cursor.previous()) {
      ASSERT_EQ(cursor.member(), std::get<2>(*it));
    }
    ASSERT_FALSE(cursor);
  }

  std::mt19937_64 random_{7};
  RankedTree tree_;
  std::set<std::tuple<double, std::string, Member*>> model_;
};

TEST_F(RankedTreeTest, HoldsWhatASetHoldsThroughRandomChanges) {
  std::size_t serial = 0;
  // Growing, level, shrinking; few scores, so that texts decide too.
  for (const int inserts_in_ten : {9, 5, 1, 7, 0}) {
    for (int step = 0; step < 4000; ++step) {
      const auto score = static_cast<double>(random_() % 200);
      if (model_.empty() || random_() % 10 < static_cast<unsigned>(inserts_in_ten)) {
        if (!model_.empty() && random_() % 3 == 0) {
          move(any(), random_() % 2 ? score : any()->score() + 0.25);
        } else {
          insert(score, std::to_string(++serial));
        }
      } else {
        erase(any());
      }
      if (step % 500 == 0) expect_equal();
    }
    expect_equal();
  }
}

TEST_F(RankedTreeTest, TakesRangesOutByRank) {
  for (int i = 0; i < 5000; ++i) insert(static_cast<double>(random_() % 1000), std::to_string(i));
  while (!model_.empty()) {
    const std::size_t rank = random_() % model_.size();
    const std::size_t count = random_() % (std::min<std::size_t>(model_.size() - rank, 700) + 1);
    auto expected = std::next(model_.begin(), static_cast<std::ptrdiff_t>(rank));
    std::vector<Member*> taken;
    tree_.erase_ranks(rank, count, [&](Member* member) { taken.push_back(member); });
    ASSERT_EQ(taken.size(), count);
    for (Member* const member : taken) ASSERT_EQ(std::get<2>(*expected++), member);
    for (Member* const member : taken) forget(member);
    expect_equal();
  }
}

TEST_F(RankedTreeTest, IsFullWhenScoresOnlyGrowOrOnlyShrink) {
  for (const int sign : {1, -1}) {
    for (int i = 0; i < 100'000; ++i) insert(sign * i, "m");
    EXPECT_LT(tree_.allocated_bytes() / tree_.size(), 18u);
    tree_.erase_ranks(0, tree_.size(), [](Member*) {});
    EXPECT_EQ(tree_.allocated_bytes(), 0u);
    for (const auto& [score, text, member] : model_) Member::destroy(member);
    model_.clear();
  }
}

TEST_F(RankedTreeTest, GivesMemoryBackWhenMembersGoEvenly) {
  std::vector<Member*> members;
  for (int i = 0; i < 60'000; ++i)
    members.push_back(insert(static_cast<double>(random_() % 100'000), std::to_string(i)));
  for (std::size_t i = 0; i < members.size(); ++i) {
    if (i % 20 != 0) erase(members[i]);
  }
  expect_equal();
  EXPECT_LT(tree_.allocated_bytes() / tree_.size(), 40u);
}

TEST_F(RankedTreeTest, OneMemberTakesLittle) {
  insert(1, "m");
  EXPECT_LE(tree_.allocated_bytes(), 128u);
}

}  // namespace
}  // namespace stele::test
