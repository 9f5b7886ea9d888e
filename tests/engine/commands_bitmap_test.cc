#include "tests/engine/engine_fixture.h"

#include <random>

#include "engine/bitmap/bits.h"

namespace stele::test {
namespace {

class BitmapCommands : public EngineTest {
 protected:
  BitmapCommands() { registry().add(string_commands()), registry().add(bitmap_commands()); }
};

TEST(Bits, CountFindAndFieldsAgreeWithABitByBitReading) {
  std::mt19937 random(7);
  for (int round = 0; round < 400; ++round) {
    std::string bytes(random() % 70 + 1, '\0');
    const int density = static_cast<int>(random() % 3);
    for (char& byte : bytes) byte = density == 0 ? '\0' : density == 1 ? '\xff' : static_cast<char>(random());
    if (random() % 2) bytes[random() % bytes.size()] = static_cast<char>(random());
    const std::uint64_t begin = random() % (bytes.size() * 8), end = begin + random() % (bytes.size() * 8 - begin + 1);
    std::uint64_t count = 0;
    std::optional<std::uint64_t> first[2];
    for (std::uint64_t i = begin; i < end; ++i) {
      const bool bit = bits::test(bytes, i);
      count += bit;
      if (!first[bit]) first[bit] = i;
    }
    ASSERT_EQ(bits::count(bytes, begin, end), count);
    ASSERT_EQ(bits::find(bytes, true, begin, end), first[1]);
    ASSERT_EQ(bits::find(bytes, false, begin, end), first[0]);

    const unsigned width = random() % 64 + 1;
    std::uint64_t field = 0;
    for (unsigned i = 0; i < width; ++i) field = field << 1 | bits::test(bytes, begin + i);
    ASSERT_EQ(bits::load_field(bytes, begin, width), field);
    std::string target(bytes.size() + 9, '\x55');
    bits::store_field(target, begin, width, field);
    ASSERT_EQ(bits::load_field(target, begin, width), field);
  }
}

TEST_F(BitmapCommands, SetbitThatChangesNothingLeavesNoEffect) {
  EXPECT_EQ(run("SETBIT", "k", "7", "1"), ":0");
  EXPECT_EQ(effects(), "SETBIT k 7 1");
  EXPECT_EQ(run("GET", "k"), std::string("$1 \x01"));
  EXPECT_EQ(run("SETBIT", "k", "7", "1"), ":1");
  EXPECT_EQ(effects(), "");
  EXPECT_EQ(run("SETBIT", "k", "15", "0"), ":0");  // zeros are added
  EXPECT_EQ(effects(), "SETBIT k 15 0");
  EXPECT_EQ(run("STRLEN", "k"), ":2");
}

TEST_F(BitmapCommands, ReplayTakesAnOffsetThatALowerLimitWouldRefuse) {
  keyspace().set_string_bytes_max(1024);
  EXPECT_EQ(run("SETBIT", "k", "8192", "1"), "-ERR bit offset is not an integer or out of range");
  EXPECT_EQ(replay("SETBIT", "k", "8192", "1"), ":0");
  EXPECT_EQ(replay("SETBIT", "k", "34359738368", "1"), "-ERR bit offset is not an integer or out of range");
}

TEST_F(BitmapCommands, ArgumentsAreLookedAtBeforeTheKey) {
  EXPECT_EQ(run("BITCOUNT", "absent", "0", "x"), "-ERR value is not an integer or out of range");
  EXPECT_EQ(run("BITCOUNT", "absent", "0"), "-ERR syntax error");
  EXPECT_EQ(run("BITPOS", "absent", "1", "0", "1", "HALF"), "-ERR syntax error");
  EXPECT_EQ(run("BITPOS", "absent", "0", "5", "7"), ":0");
}

TEST_F(BitmapCommands, BitopOfNothingDeletesTheDestination) {
  run("SET", "d", "v");
  EXPECT_EQ(run("BITOP", "OR", "d", "a", "b"), ":0");
  EXPECT_EQ(effects(), "BITOP OR d a b");
  EXPECT_EQ(run("GET", "d"), "$-1");
  EXPECT_EQ(run("BITOP", "OR", "d", "a", "b"), ":0");
  EXPECT_EQ(effects(), "");
}

TEST_F(BitmapCommands, BitopTakesTheExpiryOfItsDestinationAndMayReadIt) {
  run("SET", "d", "ab", "PX", "10000");
  run("SET", "s", "b");
  EXPECT_EQ(run("BITOP", "XOR", "d", "s", "d"), ":2");
  EXPECT_EQ(run("GET", "d"), std::string("$2 \x03") + "b");
  EXPECT_EQ(expire_at("d"), std::nullopt);
}

TEST_F(BitmapCommands, BitfieldThatOnlyReadsOrFailsLeavesNoEffect) {
  EXPECT_EQ(run("BITFIELD", "k", "GET", "u8", "0"), "*1 :0");
  EXPECT_EQ(effects(), "");
  EXPECT_EQ(encoding("k"), "");
  EXPECT_EQ(run("BITFIELD", "k", "SET", "u8", "#1", "255", "GET", "i8", "8"), "*2 :0 :-1");
  EXPECT_EQ(effects(), "BITFIELD k SET u8 #1 255 GET i8 8");
  EXPECT_EQ(run("BITFIELD", "k", "OVERFLOW", "FAIL", "INCRBY", "u8", "#1", "1"), "*1 $-1");
  EXPECT_EQ(effects(), "");
  EXPECT_EQ(run("BITFIELD", "k", "OVERFLOW", "SAT", "INCRBY", "u8", "#1", "1"), "*1 :255");
  EXPECT_EQ(effects(), "");
}

TEST_F(BitmapCommands, ZerosThatAFailedBitfieldAddedAreInTheStream) {
  EXPECT_EQ(run("BITFIELD", "k", "OVERFLOW", "FAIL", "SET", "u8", "0", "256"), "*1 $-1");
  EXPECT_EQ(run("STRLEN", "k"), ":1");
  run("BITFIELD", "j", "OVERFLOW", "FAIL", "SET", "u8", "0", "256");
  EXPECT_EQ(effects(), "BITFIELD j OVERFLOW FAIL SET u8 0 256");
}

TEST_F(BitmapCommands, AnOffsetInFieldsThatOverflowsIsRefused) {
  EXPECT_EQ(run("BITFIELD", "k", "SET", "i64", "#9223372036854775807", "1"),
            "-ERR bit offset is not an integer or out of range");
}

}  // namespace
}  // namespace stele::test
