#pragma once

#include <cmath>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "engine/type_ops.h"
#include "tests/engine/engine_fixture.h"

namespace stele::test {

/// What tests of collections need beside running commands: taking replies apart, stored forms, fairness.
class CollectionTest : public EngineTest {
 protected:
  /// The bulk strings of a reply (without spaces in them), whatever they are nested in.
  static std::vector<std::string> bulks(const std::string& reply) {
    std::vector<std::string> texts;
    std::istringstream words(reply);
    for (std::string word; words >> word;) {
      if (word[0] == '$' && word != "$-1" && words >> word) texts.push_back(word);
    }
    return texts;
  }

  struct ScanPage {
    std::string cursor;
    std::vector<std::string> elements;
  };
  static ScanPage scan_page(const std::string& reply) {
    std::vector<std::string> texts = bulks(reply);
    ScanPage page{texts.at(0), {texts.begin() + 1, texts.end()}};
    return page;
  }

  /// RDB type and bytes of a key's value.
  std::pair<int, std::string> stored(std::string_view key) {
    const Item item = keyspace().find(db(), key);
    std::string bytes;
    const int type = type_ops(item.entry->type()).append_rdb(*item.entry, bytes);
    return {type, bytes};
  }

  /// An RDB string.
  static std::string with_length(std::string_view bytes) {
    STELE_ASSERT(bytes.size() < 1 << 14);
    std::string out{static_cast<char>(0x40 | bytes.size() >> 8), static_cast<char>(bytes.size())};
    return out.append(bytes);
  }

  static bool loads(int type, std::string_view bytes) { return !loaded_encoding(type, bytes).empty(); }

  /// Empty if the bytes are refused.
  static std::string loaded_encoding(int type, std::string_view bytes) {
    const TypeOps* ops = type_ops_of_rdb(static_cast<std::uint8_t>(type));
    auto entry = ops->from_rdb("key", static_cast<std::uint8_t>(type), bytes, std::nullopt);
    if (!entry.ok()) {
      EXPECT_EQ(entry.status().code(), Code::corrupt);
      return {};
    }
    const std::string name(encoding_name((*entry)->encoding()));
    Entry::destroy(*entry);
    return name;
  }

  void expect_same_after_storing(std::string_view key) {
    const Item item = keyspace().find(db(), key);
    const auto [type, bytes] = stored(key);
    const TypeOps* ops = type_ops_of_rdb(static_cast<std::uint8_t>(type));
    auto loaded = ops->from_rdb(key, static_cast<std::uint8_t>(type), bytes, std::nullopt);
    ASSERT_TRUE(loaded.ok()) << loaded.status().message();
    EXPECT_EQ(Keyspace::digest_value(**loaded), Keyspace::digest_value(*item.entry));
    Entry::destroy(*loaded);
    for (std::size_t cut = 0; cut < std::min<std::size_t>(bytes.size(), 200); ++cut) {
      EXPECT_FALSE(loads(type, std::string_view(bytes).substr(0, cut)));
    }
    EXPECT_FALSE(loads(type, bytes + "x"));
  }

  void expect_copy_is_equal(std::string_view key, std::string_view copy_key) {
    const Item item = keyspace().find(db(), key);
    Entry* copy = type_ops(item.entry->type()).copy(*item.entry, copy_key);
    EXPECT_EQ(copy->key(), copy_key);
    EXPECT_EQ(copy->encoding(), item.entry->encoding());
    EXPECT_EQ(Keyspace::digest_value(*copy), Keyspace::digest_value(*item.entry));
    Entry::destroy(copy);
  }

  /// Flips every bit of the stored form: refused, or some value that can be stored in turn.
  void expect_damage_is_harmless(std::string_view key) {
    const auto [type, good] = stored(key);
    const TypeOps* ops = type_ops_of_rdb(static_cast<std::uint8_t>(type));
    for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
      std::string bad = good;
      bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ 1 << bit % 8);
      const auto loaded = ops->from_rdb("key", static_cast<std::uint8_t>(type), bad, std::nullopt);
      if (!loaded.ok()) continue;
      std::string again;
      ops->append_rdb(**loaded, again);
      EXPECT_EQ(type_ops((*loaded)->type()).name, ops->name);
      Entry::destroy(*loaded);
    }
  }

  /// `draws` fell on each of `count` things about equally often, by five standard deviations of chi-square.
  static void expect_even(const std::map<std::string, double>& drawn, double draws, std::size_t count) {
    ASSERT_EQ(drawn.size(), count);
    const auto n = static_cast<double>(count);
    const double expected = draws / n;
    double chi_square = 0;
    for (const auto& [text, times] : drawn) chi_square += (times - expected) * (times - expected) / expected;
    EXPECT_LT(chi_square, n + 5 * std::sqrt(2 * n) + 15);
  }
};

}  // namespace stele::test
