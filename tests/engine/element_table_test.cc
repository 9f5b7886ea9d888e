#include "engine/packed/element_table.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

namespace stele {
namespace {

struct Node {
  static inline std::size_t alive = 0;

  explicit Node(std::string text) : name(std::move(text)) { ++alive; }
  std::string_view text() const { return name; }
  static void destroy(Node* node) {
    --alive;
    delete node;
  }

  std::string name;
};

using Elements = ElementTable<Node>;

std::string name(std::size_t i) { return "element:" + std::to_string(i); }

void fill(Elements& table, std::size_t from, std::size_t to) {
  for (std::size_t i = from; i < to; ++i) table.insert(new Node(name(i)));
}

std::multiset<std::string> walk(const Elements& table) {
  std::multiset<std::string> names;
  Elements::Walk at(table);
  while (const Node* node = at.next()) names.insert(node->name);
  EXPECT_EQ(at.next(), nullptr);
  return names;
}

TEST(ElementTable, FindsWhatWasInsertedWhileItGrowsAndShrinks) {
  {
    auto table = std::make_unique<Elements>();
    std::mt19937 random(5);
    std::set<std::string> model;
    for (const std::size_t target : {3u, 0u, 500u, 10u, 30000u, 29000u, 400u, 2000u, 0u, 5u}) {
      while (model.size() != target) {
        const std::string any = name(random() % 60000);
        if (model.size() < target) {
          if (model.insert(any).second) table->insert(new Node(any));
        } else {
          const auto victim = model.lower_bound(any);
          if (victim == model.end()) continue;
          EXPECT_TRUE(table->erase(*victim));
          EXPECT_FALSE(table->erase(*victim));
          model.erase(victim);
        }
      }
      ASSERT_EQ(table->size(), target);
      ASSERT_EQ(walk(*table), std::multiset<std::string>(model.begin(), model.end()));
      for (std::size_t i = 0; i < 60000; i += 7) {
        const Node* node = table->find(name(i));
        ASSERT_EQ(node != nullptr, model.contains(name(i)));
        if (node != nullptr) {
          ASSERT_EQ(node->name, name(i));
        }
      }
    }
    ASSERT_LE(table->allocated_bytes(), 1000u);
    ASSERT_EQ(Node::alive, 5u);
  }
  EXPECT_EQ(Node::alive, 0u);
}

TEST(ElementTable, ShrinksInTheOrderOfAScanAndGrowsAgain) {
  for (const std::size_t left : {0u, 40u, 60u, 500u}) {
    Elements table;
    for (int round = 0; round < 3; ++round) {
      for (std::size_t i = 0; i < 30000; ++i) {
        if (table.find(name(i)) == nullptr) table.insert(new Node(name(i)));
      }
      std::vector<std::string> in_order;
      Elements::Walk at(table);
      while (const Node* node = at.next()) in_order.push_back(node->name);
      in_order.resize(in_order.size() - left);
      for (const std::string& victim : in_order) ASSERT_TRUE(table.erase(victim));
      ASSERT_EQ(table.size(), left);
      ASSERT_EQ(walk(table).size(), left);
    }
  }
}

TEST(ElementTable, PutsAMovedNodeWhereTheOldOneWas) {
  Elements table;
  fill(table, 0, 1000);
  for (std::size_t i = 0; i < 1000; ++i) {
    Node* old = table.find(name(i));
    auto* fresh = new Node(name(i));
    table.replace(element_hash(name(i)), old, fresh);
    Node::destroy(old);
    ASSERT_EQ(table.find(name(i)), fresh);
  }
  EXPECT_EQ(table.size(), 1000u);
}

TEST(ElementTable, ScanVisitsEachElementOnceWhileNothingChanges) {
  for (const std::size_t count : {0u, 1u, 5u, 128u, 511u, 20000u}) {
    Elements table;
    fill(table, 0, count);
    for (const std::size_t step : {1u, 10u, 1000u}) {
      std::multiset<std::string> seen;
      std::uint64_t cursor = 0;
      std::size_t calls = 0;
      do {
        std::size_t visited = 0;
        cursor = table.scan(cursor, step, [&](Node& node) {
          seen.insert(node.name);
          ++visited;
        });
        EXPECT_LT(visited, step + 10);
        ++calls;
      } while (cursor != 0);
      EXPECT_EQ(seen, walk(table));
      EXPECT_LE(calls, count / step + 1);
    }
  }
}

TEST(ElementTable, ScanMissesNothingThatStaysWhileTheTableGrowsAndShrinks) {
  for (const bool grows : {true, false}) {
    Elements table;
    constexpr std::size_t kStay = 1500, kOthers = 40000;
    fill(table, 0, kStay);
    if (!grows) fill(table, kStay, kStay + kOthers);
    std::set<std::string> seen;
    std::uint64_t cursor = 0;
    std::size_t next = kStay;
    do {
      cursor = table.scan(cursor, 10, [&](Node& node) { seen.insert(node.name); });
      for (int i = 0; i < 100 && next < kStay + kOthers; ++i, ++next) {
        if (grows) {
          table.insert(new Node(name(next)));
        } else {
          EXPECT_TRUE(table.erase(name(next)));
        }
      }
    } while (cursor != 0);
    for (std::size_t i = 0; i < kStay; ++i) EXPECT_TRUE(seen.contains(name(i))) << name(i);
  }
}

TEST(ElementTable, ACursorFromNowhereDoesNoHarm) {
  Elements table;
  fill(table, 0, 5000);
  std::mt19937_64 random(1);
  for (int i = 0; i < 10000; ++i) table.scan(random() >> (random() % 64), 10, [](Node&) {});
  EXPECT_EQ(table.scan(UINT64_MAX, 10, [](Node&) { FAIL(); }), 0u);
}

TEST(ElementTable, EveryElementIsAsLikelyToBeDrawn) {
  // Sizes with one segment, with several, and with some of them split further than others; and after most are gone.
  for (const std::size_t count : {2u, 100u, 600u, 1300u, 3001u}) {
    Elements table;
    fill(table, 0, count * 4);
    for (std::size_t i = count; i < count * 4; ++i) table.erase(name(i));
    constexpr std::size_t kDrawsEach = 200;
    std::map<std::string, std::size_t> drawn;
    for (std::size_t i = 0; i < count * kDrawsEach; ++i) ++drawn[table.random()->name];
    ASSERT_EQ(drawn.size(), count);
    double chi_square = 0;
    for (const auto& [text, times] : drawn) {
      const double off = static_cast<double>(times) - kDrawsEach;
      chi_square += off * off / kDrawsEach;
    }
    // Five standard deviations.
    const auto n = static_cast<double>(count);
    EXPECT_LT(chi_square, n + 5 * std::sqrt(2 * n) + 15) << count;
  }
}

TEST(ElementTable, CostsAtMost20BytesAnElementBesideItsNode) {
  Elements table;
  std::size_t from = 0;
  for (const std::size_t count : {4u, 128u, 1000u, 10000u, 60000u, 100000u}) {
    fill(table, from, count);
    from = count;
    EXPECT_LE(table.allocated_bytes(), 120 + count * 20) << count;
  }
}

}  // namespace
}  // namespace stele
