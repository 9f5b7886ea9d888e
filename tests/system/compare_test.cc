#include "tests/system/compare.h"

#include <gtest/gtest.h>

namespace stele::test {
namespace {

Reply bulk(std::string text) { return {.type = '$', .text = std::move(text)}; }
Reply number(std::int64_t value) { return {.type = ':', .text = std::to_string(value)}; }
Reply error(std::string text) { return {.type = '-', .text = std::move(text)}; }
Reply array(std::vector<Reply> elements) { return {.type = '*', .elements = std::move(elements)}; }

TEST(Comparison, TakesErrorsToTheLetterUnderEveryRule) {
  for (const Compare rule :
       {Compare::exact, Compare::as_set, Compare::near_millis, Compare::shape, Compare::encoding, Compare::scan}) {
    EXPECT_TRUE(same(error("ERR one"), error("ERR one"), rule));
    EXPECT_FALSE(same(error("ERR one"), error("ERR two"), rule));
    EXPECT_FALSE(same(error("ERR one"), number(1), rule));
  }
}

TEST(Comparison, TellsNullFromEmpty) {
  EXPECT_FALSE(same(Reply{.type = '$', .null = true}, bulk(""), Compare::exact));
  EXPECT_FALSE(same(Reply{.type = '$', .null = true}, bulk(""), Compare::shape));
}

TEST(Comparison, AllowsAnyOrderOnlyOfSets) {
  const Reply left = array({bulk("a"), bulk("b"), bulk("b")});
  EXPECT_TRUE(same(left, array({bulk("b"), bulk("a"), bulk("b")}), Compare::as_set));
  EXPECT_FALSE(same(left, array({bulk("b"), bulk("a"), bulk("a")}), Compare::as_set));
  EXPECT_FALSE(same(left, array({bulk("b"), bulk("a"), bulk("b")}), Compare::exact));
}

TEST(Comparison, KeepsPairsTogether) {
  const Reply left = array({bulk("f"), bulk("1"), bulk("g"), bulk("2")});
  EXPECT_TRUE(same(left, array({bulk("g"), bulk("2"), bulk("f"), bulk("1")}), Compare::as_pairs));
  EXPECT_FALSE(same(left, array({bulk("g"), bulk("1"), bulk("f"), bulk("2")}), Compare::as_pairs));
}

TEST(Comparison, ToleratesTheClockButNotTheSign) {
  EXPECT_TRUE(same(number(100'000), number(99'000), Compare::near_millis));
  EXPECT_FALSE(same(number(100'000), number(90'000), Compare::near_millis));
  EXPECT_FALSE(same(number(-1), number(-2), Compare::near_millis));
  EXPECT_FALSE(same(number(0), number(-2), Compare::near_millis));
}

TEST(Comparison, TakesOneEncodingOfAStringForAnotherOnlyAfterARestart) {
  EXPECT_FALSE(same(bulk("raw"), bulk("embstr"), Compare::encoding));
  EXPECT_TRUE(same(bulk("raw"), bulk("embstr"), Compare::encoding, true));
  EXPECT_TRUE(same(bulk("raw"), bulk("int"), Compare::encoding, true));
  EXPECT_FALSE(same(bulk("raw"), bulk("int"), Compare::encoding));
  EXPECT_FALSE(same(bulk("raw"), bulk("listpack"), Compare::encoding, true));
}

}  // namespace
}  // namespace stele::test
