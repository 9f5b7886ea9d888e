#include "protocol/resp_integer.h"

#include <gtest/gtest.h>

namespace stele {
namespace {

TEST(ParseInteger, ReadsWhatPrintingGives) {
  EXPECT_EQ(parse_integer("0"), 0);
  EXPECT_EQ(parse_integer("7"), 7);
  EXPECT_EQ(parse_integer("-7"), -7);
  EXPECT_EQ(parse_integer("1234567890"), 1234567890);
  EXPECT_EQ(parse_integer("9223372036854775807"), std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(parse_integer("-9223372036854775808"), std::numeric_limits<std::int64_t>::min());
}

TEST(ParseInteger, RefusesEveryOtherSpelling) {
  for (const char* text : {"", "-", "+1", "01", "-01", "00", "-0", " 1", "1 ", "1x", "x", "1.0", "--1", "0x1",
                           "9223372036854775808", "-9223372036854775809", "9999999999999999999",
                           "18446744073709551616", "10000000000000000000000"}) {
    EXPECT_FALSE(parse_integer(text).has_value()) << text;
  }
}

}  // namespace
}  // namespace stele
