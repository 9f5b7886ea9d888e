#include "engine/glob.h"

#include <gtest/gtest.h>

namespace stele {
namespace {

struct Case {
  std::string_view pattern, text;
  bool matches;
  bool ignore_case = false;
};

// What KEYS of Redis 7.0.15 answers, oddities too. KEYS cannot show the rows that ignore case nor "*" by itself: those
// follow from the rules in the header.
constexpr Case kCases[] = {
    {"", "", true},
    {"", "a", false},
    {"*", "", false},
    {"*", "a", true},
    {"a*", "a", true},
    {"a**", "a", true},
    {"*a", "a", true},
    {"*a*", "bab", true},
    {"a*b*c", "a-b-b-c", true},
    {"a*b*c", "a-b-b-", false},
    {"a*bc", "abbc", true},
    {"?", "", false},
    {"?", "ab", false},
    {"a?c", "abc", true},
    {"h[ae]llo", "hello", true},
    {"h[ae]llo", "hillo", false},
    {"h[^e]llo", "hallo", true},
    {"h[^e]llo", "hello", false},
    {"h[a-b]llo", "hbllo", true},
    {"h[b-a]llo", "hallo", true},
    {"h[a-b]llo", "hcllo", false},
    {"[a-]", "-", false},  // the range from a to ], not closed
    {"[a-]", "^", true},
    {"[-a]", "-", true},
    {"[abc", "b", true},  // not closed: ends with the pattern
    {"[", "[", false},
    {"[^", "x", true},
    {"[]", "]", false},
    {"[\\]]", "]", true},
    {"[a\\-z]", "-", true},
    {"[a\\-z]", "b", false},
    {"a\\*", "a*", true},
    {"a\\*", "ab", false},
    {"a\\", "a\\", true},
    {"\\a", "a", true},
    {"A", "a", false},
    {"A", "a", true, true},
    {"[A-C]x", "BX", true, true},
    {"[\\A]", "a", false, true},  // an escape in a class keeps its case
    {"[a-\xff]", "b", false},     // bytes are signed: from -1 to a
    {"[a-\xff]", "A", true},
    {std::string_view("a\0*", 3), std::string_view("a\0b", 3), true},
};

TEST(Glob, AnswersAsRedisDoes) {
  for (const Case& row : kCases) {
    EXPECT_EQ(glob_matches(row.pattern, row.text, row.ignore_case), row.matches)
        << "pattern " << row.pattern << ", text " << row.text;
  }
}

TEST(Glob, APatternOfManyStarsTakesNoLongerThanItsLengthTimesTheText) {
  std::string pattern;
  for (int i = 0; i < 1000; ++i) pattern += "a*";
  pattern += 'b';
  EXPECT_FALSE(glob_matches(pattern, std::string(20'000, 'a')));
}

}  // namespace
}  // namespace stele
