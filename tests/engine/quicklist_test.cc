// Quicklist against a deque, with every kind of limit, and its stored form.
#include "engine/list/quicklist.h"

#include <deque>
#include <random>

#include <gtest/gtest.h>

#include "engine/list/list_value.h"
#include "engine/type_ops.h"
#include "engine/types.h"

namespace stele::test {
namespace {

std::vector<std::string> elements_of(const Quicklist& list) {
  std::vector<std::string> out;
  for (const ListNode& node : list.nodes()) {
    char scratch[24];
    if (node.plain) {
      out.emplace_back(node.plain_value().text(scratch));
      continue;
    }
    const PackView pack(node);
    EXPECT_EQ(pack->size(), node.count);
    for (auto at = pack->first(); at != Listpack::kNone; at = pack->next(at)) out.emplace_back(pack->get(at).text(scratch));
  }
  return out;
}

class QuicklistTest : public ::testing::TestWithParam<std::int64_t> {
 protected:
  QuicklistTest() { register_types(); }

  std::string element() {
    switch (random_() % 10) {
      case 0:
        return std::to_string(static_cast<std::int64_t>(random_()));
      case 1:
        return std::string(random_() % 9000, 'x');
      case 2:
        return {};
      default:
        return std::to_string(random_() % 8);
    }
  }
  std::mt19937_64 random_{GetParam() < 0 ? 1u : 2u};
};

TEST_P(QuicklistTest, BehavesAsADequeWhateverTheSizeOfItsNodes) {
  const NodeLimit limit = NodeLimit::of(GetParam());
  Quicklist list;
  std::deque<std::string> model;
  for (int i = 0; i < 6000; ++i) {
    const std::string text = element();
    const std::size_t index = model.empty() ? 0 : random_() % model.size();
    const auto at = model.begin() + static_cast<std::ptrdiff_t>(index);
    switch (random_() % 12) {
      case 0: case 1: case 2:
        list.push(ListEnd::head, text, limit);
        model.push_front(text);
        break;
      case 3: case 4: case 5:
        list.push(ListEnd::tail, text, limit);
        model.push_back(text);
        break;
      case 6:
        if (model.empty()) break;
        list.replace(index, text, limit);
        *at = text;
        break;
      case 7: case 8: {
        if (model.empty()) break;
        const bool after = random_() % 2;
        Entry* entry = make_list_entry("k", list.copy(), false, std::nullopt);
        const auto place = ListView(*entry).find(*at, ListEnd::head);
        Entry::destroy(entry);
        ASSERT_TRUE(place);
        list.insert(*place, after, text, limit);
        model.insert(std::find(model.begin(), model.end(), *at) + (after ? 1 : 0), text);
        break;
      }
      case 9: {
        const std::size_t count = model.empty() ? 0 : random_() % std::min<std::size_t>(model.size() - index, 12);
        list.erase(index, count);
        model.erase(at, at + static_cast<std::ptrdiff_t>(count));
        break;
      }
      case 10: {
        if (model.empty()) break;
        const std::string victim = *at;
        const ListEnd from = random_() % 2 ? ListEnd::head : ListEnd::tail;
        const std::size_t most = 1 + random_() % 4;
        Entry* entry = make_list_entry("k", list.copy(), false, std::nullopt);
        const auto place = ListView(*entry).find(victim, from);
        Entry::destroy(entry);
        const std::size_t removed = list.remove_equal(victim, *place, from, most);
        std::size_t expected = 0;
        if (from == ListEnd::tail) std::reverse(model.begin(), model.end());
        std::erase_if(model, [&](const std::string& e) { return e == victim && expected < most && ++expected; });
        if (from == ListEnd::tail) std::reverse(model.begin(), model.end());
        EXPECT_EQ(removed, expected);
        break;
      }
      default:
        if (i % 1500 == 1499) {
          list.erase(0, model.size());
          model.clear();
        }
    }
    ASSERT_EQ(list.size(), model.size());
    if (i % 16 == 0) {
      ASSERT_EQ(elements_of(list), std::vector<std::string>(model.begin(), model.end())) << "step " << i;
    }
  }
  EXPECT_EQ(elements_of(list.copy()), elements_of(list));
}

INSTANTIATE_TEST_SUITE_P(Limits, QuicklistTest, ::testing::Values(-5, -2, -1, 0, 1, 2, 3, 10, 100));

TEST(Quicklist, KeepsNodesWithinTheirLimit) {
  const NodeLimit limit = NodeLimit::of(-1);
  Quicklist list;
  for (int i = 0; i < 10'000; ++i) list.push(i % 2 ? ListEnd::head : ListEnd::tail, "element of a list", limit);
  for (const ListNode& node : list.nodes()) EXPECT_LE(PackView(node)->total(), 4096u);
  EXPECT_LE(list.nodes().size(), 10'000u * 20 / 4096 + 2);
}

TEST(Quicklist, AQueueTakesNoMoreMemoryTheLongerItRuns) {
  const NodeLimit limit = NodeLimit::of(1);
  Quicklist list;
  std::size_t most = 0;
  for (int i = 0; i < 100'000; ++i) {
    list.push(ListEnd::tail, "job", limit);
    if (list.size() > 100) list.erase(0, 1);
    most = std::max(most, list.allocated_bytes());
  }
  EXPECT_LT(most, 101u * (16 + 4 * sizeof(ListNode)));
}

TEST(Quicklist, RemovingFromEveryNodeTakesTimeLinearInThem) {
  const NodeLimit limit = NodeLimit::of(1);
  Quicklist list;
  constexpr std::size_t kElements = 400'000;
  for (std::size_t i = 0; i < kElements; ++i) list.push(ListEnd::tail, i % 2 ? "odd" : "even", limit);
  EXPECT_EQ(list.remove_equal("odd", {0, Listpack::kNone}, ListEnd::head, SIZE_MAX), kElements / 2);
  EXPECT_EQ(list.size(), kElements / 2);
  EXPECT_EQ(list.nodes().size(), kElements / 2);
}

// --- the stored form

class StoredList : public ::testing::Test {
 protected:
  StoredList() { register_types(); }

  static std::string stored(const Quicklist& list) {
    Entry* entry = make_list_entry("k", list.copy(), true, std::nullopt);
    std::string bytes;
    EXPECT_EQ(type_ops(ObjectType::list).append_rdb(*entry, bytes), 18);
    Entry::destroy(entry);
    return bytes;
  }
  /// "listpack a b", or "corrupt".
  static std::string loaded(std::string_view bytes, std::uint8_t rdb_type = 18) {
    Result<Entry*> entry = type_ops(ObjectType::list).from_rdb("k", rdb_type, bytes, std::nullopt);
    if (!entry.ok()) return "corrupt";
    std::string out(encoding_name((*entry)->encoding()));
    ListView(**entry).visit_all([&out](const PackedValue& value) {
      char scratch[24];
      out += ' ';
      out += value.text(scratch);
    });
    Entry::destroy(*entry);
    return out;
  }
};

TEST_F(StoredList, ComesBackWithItsEncoding) {
  Quicklist small;
  for (const char* text : {"a", "-5", "1000000"}) small.push(ListEnd::tail, text, NodeLimit::of(-2));
  EXPECT_EQ(loaded(stored(small)), "listpack a -5 1000000");
  Quicklist large;
  for (const char* text : {"a", "b", "c"}) large.push(ListEnd::tail, text, NodeLimit::of(2));
  large.push_plain("plain");
  EXPECT_EQ(loaded(stored(large)), "quicklist a b c plain");
}

TEST_F(StoredList, TheListOfStringsThatOldServersWroteIsReadToo) {
  EXPECT_EQ(loaded(std::string_view("\x03\x01" "a" "\xC0\x05\x00", 6), 1), "listpack a 5 ");
}

TEST_F(StoredList, NoCutAndNoFlippedBitGetsPastTheChecks) {
  Quicklist list;
  for (int i = 0; i < 12; ++i) list.push(ListEnd::tail, i % 3 ? std::to_string(i * 1000) : std::string(70, 'x'), NodeLimit::of(5));
  list.push_plain("plain");
  const std::string bytes = stored(list);
  for (std::size_t cut = 0; cut < bytes.size(); ++cut) EXPECT_EQ(loaded(bytes.substr(0, cut)), "corrupt") << cut;
  EXPECT_EQ(loaded(bytes + '\0'), "corrupt");
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    std::string flipped = bytes;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ 1 << bit % 8);
    loaded(flipped);  // another list, or corrupt; what it is not is a crash
  }
}

TEST_F(StoredList, AnEmptyListAndUnknownContainersAreCorrupt) {
  EXPECT_EQ(loaded(std::string_view("\0", 1)), "corrupt");
  EXPECT_EQ(loaded(std::string_view("\x01\x02\x07\x07\0\0\0\0\0\xFF", 10)), "corrupt");  // one node without elements
  EXPECT_EQ(loaded(std::string_view("\x01\x03\x01" "a", 4)), "corrupt");
  EXPECT_EQ(loaded(std::string_view("\x01\x01\0", 3)), "corrupt");
  EXPECT_EQ(loaded(std::string_view("\x81\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01", 10)), "corrupt");
}

}  // namespace
}  // namespace stele::test
