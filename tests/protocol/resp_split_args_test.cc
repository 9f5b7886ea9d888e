#include "protocol/resp_split_args.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace stele {
namespace {

using Args = std::vector<std::string>;

struct Line {
  std::string text;
  Args args;
};

// What redis-server 7.0.15 made of the same lines.
TEST(SplitArgs, FollowsTheQuotingRulesOfRedis) {
  const std::vector<Line> table = {
      {"", {}},
      {" \t\r\n\v\f", {}},
      {"a", {"a"}},
      {"  a  b\tc\rd ", {"a", "b", "c", "d"}},
      {"\"\"", {""}},
      {"''", {""}},
      {"\"a b\" 'c d'", {"a b", "c d"}},
      {"a\"b c\"", {"ab c"}},
      {"a'b c'", {"ab c"}},
      {"\"\\x41\\n\\t\\r\\b\\a\\q\\x4\"", {"A\n\t\r\b\aqx4"}},
      {"\"\\x4g\"", {"x4g"}},
      {"\"\\xfF\\x00\"", {std::string("\xff\0", 2)}},
      {"\"a\\\"b\\\\\"", {"a\"b\\"}},
      {"'a\\'b\\n\"'", {"a'b\\n\""}},
      {"a\\x41", {"a\\x41"}},
      {"a\vb", {"a\vb"}},
      {"\va", {"a"}},
      {"\"a\"\v'b'", {"a", "b"}},
      {std::string("a\0b", 3), {"a"}},
  };
  for (const Line& line : table) {
    const std::optional<Args> args = split_args(line.text);
    ASSERT_TRUE(args.has_value()) << line.text;
    EXPECT_EQ(*args, line.args) << line.text;
  }
}

TEST(SplitArgs, RefusesUnbalancedQuotes) {
  for (const char* line :
       {"\"a", "'a", "\"a\"b", "'a'b", "a\"\"b", "\"a\\\"", "'a\\'", "\"", "'", "\"a\"\"b\"", "\"\\"}) {
    EXPECT_FALSE(split_args(line).has_value()) << line;
  }
}

}  // namespace
}  // namespace stele
