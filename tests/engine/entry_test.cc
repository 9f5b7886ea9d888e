#include "engine/entry.h"

#include <memory>
#include <random>

#include <gtest/gtest.h>

#include "engine/types.h"

namespace stele::test {
namespace {

class EntryTest : public ::testing::Test {
 protected:
  EntryTest() { register_types(); }
  ~EntryTest() override {
    if (entry_ != nullptr) Entry::destroy(entry_);
  }

  std::string value() const {
    char scratch[24];
    return std::string(entry_->string_value(scratch));
  }

  Entry* entry_ = nullptr;  // moved by what is tested
};

TEST_F(EntryTest, HoldsKeyValueAndExpiry) {
  entry_ = Entry::make_string("key", "value", UnixTime(1'234));
  EXPECT_EQ(entry_->key(), "key");
  EXPECT_EQ(value(), "value");
  EXPECT_EQ(entry_->expire_at(), UnixTime(1'234));
  EXPECT_EQ(entry_->type(), ObjectType::string);
  EXPECT_FALSE(entry_->is_tombstone());
  EXPECT_FALSE(entry_->is_stored());
}

TEST_F(EntryTest, HoldsEmptyAndBinaryKeysAndValues) {
  entry_ = Entry::make_string("", "", std::nullopt);
  EXPECT_EQ(entry_->key(), "");
  EXPECT_EQ(value(), "");
  const std::string binary("a\0\r\n\xff", 5);
  Entry::destroy(entry_);
  entry_ = Entry::make_string(binary, binary, std::nullopt);
  EXPECT_EQ(entry_->key(), binary);
  EXPECT_EQ(value(), binary);
}

TEST_F(EntryTest, IsAnIntegerOnlyIfItsTextIsCanonical) {
  std::int64_t integer = 0;
  EXPECT_EQ(encoding_of_string("-9223372036854775808", integer), Encoding::integer);
  EXPECT_EQ(integer, INT64_MIN);
  EXPECT_EQ(encoding_of_string("0", integer), Encoding::integer);
  for (const std::string_view text : {"-0", "00", "+1", " 1", "1 ", "", "9223372036854775808"}) {
    EXPECT_EQ(encoding_of_string(text, integer), Encoding::embstr) << text;
  }
  EXPECT_EQ(encoding_of_string(std::string(44, 'x'), integer), Encoding::embstr);
  EXPECT_EQ(encoding_of_string(std::string(45, 'x'), integer), Encoding::raw);
}

TEST_F(EntryTest, AccessKeepsItsTwentyFourBitsApartFromTheType) {
  entry_ = Entry::make_string("key", "value", std::nullopt);
  entry_->set_access(0xffffffff);
  EXPECT_EQ(entry_->access(), 0xffffffu);
  EXPECT_EQ(entry_->type(), ObjectType::string);
}

TEST_F(EntryTest, AssigningAnySizeOverAnyOtherKeepsKeyFlagsAndAccess) {
  std::mt19937 random(1);
  entry_ = Entry::make_string("key", "start", std::nullopt);
  entry_->set_access(77);
  entry_->set_stored(true);
  for (int i = 0; i < 5'000; ++i) {
    std::string text(random() % 3 == 0 ? random() % 3'000 : random() % 60, static_cast<char>('a' + i % 26));
    if (random() % 4 == 0) text = std::to_string(static_cast<std::int64_t>(random()) - 1'000'000'000);
    std::optional<UnixTime> expire_at;
    if (random() % 2 == 0) expire_at = UnixTime(i);
    entry_ = Entry::assign_string(entry_, text, expire_at);
    ASSERT_EQ(entry_->key(), "key");
    ASSERT_EQ(value(), text);
    ASSERT_EQ(entry_->expire_at(), expire_at);
    ASSERT_EQ(entry_->access(), 77u);
    ASSERT_TRUE(entry_->is_stored());
    std::int64_t integer = 0;
    ASSERT_EQ(entry_->encoding(), encoding_of_string(text, integer));
  }
}

TEST_F(EntryTest, AssigningAPartOfItselfWorks) {
  entry_ = Entry::make_string("key", "0123456789abcdefghij", std::nullopt);
  entry_ = Entry::assign_string(entry_, entry_->inline_value().substr(5, 12), std::nullopt);
  EXPECT_EQ(value(), "56789abcdefg");
  entry_ = Entry::assign_string(entry_, entry_->inline_value().substr(5), UnixTime(1));
  EXPECT_EQ(value(), "abcdefg");
}

TEST_F(EntryTest, AMuchSmallerValueGivesTheMemoryBack) {
  entry_ = Entry::make_string("key", std::string(100'000, 'x'), std::nullopt);
  entry_ = Entry::assign_string(entry_, "small", std::nullopt);
  EXPECT_LT(entry_->allocated_bytes(), 1'000u);
}

TEST_F(EntryTest, ResizingKeepsWhatWasThereAndZeroesTheRest) {
  entry_ = Entry::make_integer("key", 12, UnixTime(9));
  entry_->set_access(5);
  entry_ = Entry::resize_raw(entry_, 4);
  EXPECT_EQ(value(), std::string("12\0\0", 4));
  EXPECT_EQ(entry_->encoding(), Encoding::raw);
  EXPECT_EQ(entry_->expire_at(), UnixTime(9));
  EXPECT_EQ(entry_->access(), 5u);
  entry_ = Entry::resize_raw(entry_, 1);
  EXPECT_EQ(value(), "1");
  // What a shorter length hid must not come back.
  entry_ = Entry::resize_raw(entry_, 2);
  EXPECT_EQ(value(), std::string("1\0", 2));
}

TEST_F(EntryTest, GrowingByteByByteMovesSeldom) {
  entry_ = Entry::make_raw("key", 0, std::nullopt);
  int moves = 0;
  for (std::size_t bytes = 1; bytes <= 1'000'000; ++bytes) {
    Entry* before = entry_;
    entry_ = Entry::resize_raw(entry_, bytes);
    moves += entry_ != before;
  }
  EXPECT_LT(moves, 40);
}

TEST_F(EntryTest, AnExpiryComesAndGoesWithoutTouchingTheValue) {
  for (Entry* entry : {Entry::make_string("key", "text", std::nullopt), Entry::make_integer("key", 42, std::nullopt),
                       Entry::make_string("key", std::string(500, 'x'), std::nullopt)}) {
    char scratch[24];
    const std::string before(entry->string_value(scratch));
    const Encoding encoding = entry->encoding();
    entry->set_stored(true);
    const std::optional<UnixTime> changes[] = {UnixTime(1), UnixTime(2), std::nullopt};
    for (const std::optional<UnixTime>& at : changes) {
      entry = Entry::with_expire(entry, at);
      EXPECT_EQ(entry->expire_at(), at);
      EXPECT_EQ(entry->string_value(scratch), before);
      EXPECT_EQ(entry->encoding(), encoding);
      EXPECT_TRUE(entry->is_stored());
      EXPECT_EQ(entry->key(), "key");
    }
    Entry::destroy(entry);
  }
}

TEST_F(EntryTest, ANewKeyKeepsValueAndExpiryButIsNotStored) {
  entry_ = Entry::make_integer("old", -5, UnixTime(3));
  entry_->set_stored(true);
  entry_ = Entry::with_key(entry_, "a longer key than before");
  EXPECT_EQ(entry_->key(), "a longer key than before");
  EXPECT_EQ(value(), "-5");
  EXPECT_EQ(entry_->expire_at(), UnixTime(3));
  EXPECT_FALSE(entry_->is_stored());
}

TEST_F(EntryTest, ATombstoneHasAKeyAndIsStored) {
  entry_ = Entry::make_tombstone("gone");
  EXPECT_EQ(entry_->key(), "gone");
  EXPECT_TRUE(entry_->is_tombstone());
  EXPECT_TRUE(entry_->is_stored());
}

}  // namespace
}  // namespace stele::test
