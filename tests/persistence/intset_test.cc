#include "persistence/packed/intset.h"

#include <gtest/gtest.h>

#include <random>
#include <set>

namespace stele {
namespace {

void expect_is(const Intset& set, const std::set<std::int64_t>& model) {
  ASSERT_EQ(set.size(), model.size());
  std::size_t i = 0;
  for (const std::int64_t value : model) {
    EXPECT_EQ(set.at(i), value);
    EXPECT_EQ(set.find(value), i);
    ++i;
  }
  EXPECT_TRUE(Intset::from_bytes(set.bytes()).has_value());
}

TEST(Intset, WidensForValuesThatDoNotFit) {
  Intset set;
  std::set<std::int64_t> model;
  for (const std::int64_t value : {std::int64_t{0}, std::int64_t{32767}, std::int64_t{-32768}, std::int64_t{32768},
                                   std::int64_t{-2147483648}, std::int64_t{2147483648}, INT64_MIN, INT64_MAX}) {
    EXPECT_FALSE(set.contains(value));
    EXPECT_TRUE(set.insert(value));
    EXPECT_FALSE(set.insert(value));
    model.insert(value);
    expect_is(set, model);
  }
  Intset negative;
  negative.insert(3);
  negative.insert(-70000);
  expect_is(negative, {-70000, 3});
  EXPECT_EQ(negative.bytes(), std::string_view("\4\0\0\0\2\0\0\0\x90\xee\xfe\xff\3\0\0\0", 16));
}

TEST(Intset, AgreesWithASetUnderRandomChanges) {
  std::mt19937 random(3);
  for (const int range : {40, 100000, 1000000000}) {
    Intset set;
    std::set<std::int64_t> model;
    for (int step = 0; step < 3000; ++step) {
      const std::int64_t value = static_cast<std::int64_t>(random() % static_cast<unsigned>(range)) - range / 2;
      if (random() % 3 != 0) {
        EXPECT_EQ(set.insert(value), model.insert(value).second);
      } else {
        const std::int64_t victim = model.empty() || random() % 2 ? value : *model.begin();
        EXPECT_EQ(set.erase(victim), model.erase(victim) == 1);
      }
    }
    Intset adopted = Intset::adopt(set.release());
    expect_is(adopted, model);
    while (!model.empty()) {
      EXPECT_TRUE(adopted.erase(*model.rbegin()));
      model.erase(std::prev(model.end()));
    }
    EXPECT_TRUE(adopted.empty());
    EXPECT_LE(adopted.allocated_bytes(), 64u);
  }
}

TEST(Intset, TakesNoDamagedBytes) {
  Intset set;
  for (const std::int64_t value : {-5, 3, 70000}) set.insert(value);
  const std::string good(set.bytes());
  for (std::size_t cut = 0; cut < good.size(); ++cut) EXPECT_FALSE(Intset::from_bytes(good.substr(0, cut)).has_value());
  EXPECT_FALSE(Intset::from_bytes(good + "x").has_value());
  for (std::size_t i = 0; i < good.size(); ++i) {
    for (int flip = 1; flip < 256; ++flip) {
      std::string bad = good;
      bad[i] = static_cast<char>(bad[i] ^ flip);
      const auto taken = Intset::from_bytes(bad);
      EXPECT_FALSE(i < 8 && taken.has_value());
      if (!taken) continue;
      for (std::size_t at = 1; at < taken->size(); ++at) EXPECT_LT(taken->at(at - 1), taken->at(at));
    }
  }
}

}  // namespace
}  // namespace stele
