#include "engine/rdb/value_commands.h"

#include <cstring>

#include <gtest/gtest.h>

#include "persistence/packed/intset.h"
#include "persistence/packed/listpack.h"
#include "persistence/rdb/rdb_value.h"
#include "persistence/rdb_primitives.h"
#include "protocol/resp_parser.h"

namespace stele::test {
namespace {

class ValueCommandsTest : public ::testing::Test {
 protected:
  Status key(std::uint8_t type, std::string_view value, std::optional<std::int64_t> expire_at_ms = {}) {
    return commands_.key({.key = "k", .type = type, .value = value, .expire_at_ms = expire_at_ms});
  }

  /// What went out, a command a line, arguments between blanks.
  std::string text() {
    constexpr std::string_view kSelect = "SELECT 0\n";
    EXPECT_TRUE(commands_.finish().ok());
    std::string lines;
    RespParser parser;
    for (std::string_view rest = out_; !rest.empty(); rest.remove_prefix(parser.consumed())) {
      EXPECT_EQ(parser.parse(rest), RespParser::Outcome::command);
      for (const std::string_view arg : parser.args())
        lines.append(lines.empty() || lines.back() == '\n' ? "" : " ").append(arg);
      lines += '\n';
    }
    return lines.starts_with(kSelect) ? lines.substr(kSelect.size()) : lines;
  }

  static std::string strings(std::uint64_t count, std::initializer_list<std::string_view> texts) {
    std::string out;
    append_rdb_length(out, count);
    for (const std::string_view text : texts) append_rdb_string(out, text);
    return out;
  }
  static std::string packed(std::initializer_list<std::string_view> texts) {
    Listpack listpack;
    for (const std::string_view text : texts) listpack.append(text);
    std::string out;
    append_rdb_string(out, listpack.bytes());
    return out;
  }

  std::string out_;
  ValueCommands commands_{{}, [this](std::string& bytes) {
                            out_ += std::exchange(bytes, {});
                            return Status();
                          }};
};

TEST_F(ValueCommandsTest, StringsAreSetAndExpireByThemselves) {
  std::string value;
  append_rdb_string(value, "-12");
  ASSERT_TRUE(key(rdb_type::kString, value, 1'700'000'000'000).ok());
  EXPECT_EQ(text(), "SET k -12\nPEXPIREAT k 1700000000000\n");
}

TEST_F(ValueCommandsTest, PlainCollectionsAndPackedOnesMakeTheSameCommands) {
  ASSERT_TRUE(key(rdb_type::kSet, strings(2, {"a", "7"})).ok());
  ASSERT_TRUE(key(rdb_type::kHash, strings(1, {"field", "1"})).ok());
  const std::string expected = "SADD k a 7\nHSET k field 1\n";
  EXPECT_EQ(text(), expected);
  out_.clear();
  ASSERT_TRUE(key(rdb_type::kQuicklist2,
                  "\x02\x01\x01"
                  "a\x02" +
                      packed({"7"}))
                  .ok());
  ASSERT_TRUE(key(rdb_type::kSetListpack, packed({"a", "7"})).ok());
  ASSERT_TRUE(key(rdb_type::kHashListpack, packed({"field", "1"})).ok());
  EXPECT_EQ(text(), "RPUSH k a 7\n" + expected);
}

TEST_F(ValueCommandsTest, ScoresComeBeforeMembersAndReadAsTheSameNumbers) {
  std::string value;
  append_rdb_length(value, 3);
  for (const double score : {-std::numeric_limits<double>::infinity(), 0.1, -0.0}) {
    append_rdb_string(value, "m");
    value.append(reinterpret_cast<const char*>(&score), sizeof score);
  }
  ASSERT_TRUE(key(rdb_type::kZset, value).ok());
  ASSERT_TRUE(key(rdb_type::kZsetListpack, packed({"one", "1", "half", "0.5"})).ok());
  EXPECT_EQ(text(), "ZADD k -inf m 0.1 m -0 m\nZADD k 1 one 0.5 half\n");
}

TEST_F(ValueCommandsTest, IntegersOfASetAreSpelledOut) {
  Intset set;
  for (const std::int64_t value : {5, -1, 70'000}) set.insert(value);
  std::string value;
  append_rdb_string(value, set.bytes());
  ASSERT_TRUE(key(rdb_type::kSetIntset, value).ok());
  EXPECT_EQ(text(), "SADD k -1 5 70000\n");
}

TEST_F(ValueCommandsTest, LargeCollectionsComeInLotsOf64) {
  std::string value;
  append_rdb_length(value, 130);
  for (int i = 0; i < 130; ++i) {
    append_rdb_string(value, "field" + std::to_string(i));
    append_rdb_string(value, "v");
  }
  ASSERT_TRUE(key(rdb_type::kHash, value).ok());
  const std::string lines = text();
  EXPECT_EQ(std::count(lines.begin(), lines.end(), '\n'), 3);
  EXPECT_NE(lines.find(" field63 v\nHSET k field64 v "), std::string::npos);
}

TEST_F(ValueCommandsTest, LibrariesAndDatabases) {
  ASSERT_TRUE(commands_.function("#!lua name=l").ok());
  commands_.select(15);
  commands_.select(15);
  ASSERT_TRUE(commands_.finish().ok());
  EXPECT_EQ(out_, "*3\r\n$8\r\nFUNCTION\r\n$4\r\nLOAD\r\n$12\r\n#!lua name=l\r\n*2\r\n$6\r\nSELECT\r\n$2\r\n15\r\n");
}

TEST_F(ValueCommandsTest, MalformedValuesAreRefused) {
  const std::string list = strings(2, {"a", "b"});
  const std::string odd = packed({"field without a value"});
  for (const auto& [type, value] : std::initializer_list<std::pair<std::uint8_t, std::string>>{
           {rdb_type::kString, ""},
           {rdb_type::kString, "\x01xx"},
           {rdb_type::kSet, list.substr(0, list.size() - 1)},
           {rdb_type::kSet, list + "x"},
           {rdb_type::kHash, strings(2, {"a", "b", "c"})},
           {rdb_type::kHashListpack, odd},
           {rdb_type::kZsetListpack, odd},
           {rdb_type::kQuicklist2,
            "\x01\x03\x01"
            "a"},
           {rdb_type::kStream3, "\x01"},
           {rdb_type::kModule, list}}) {
    const Status status = key(type, value);
    EXPECT_EQ(status.code(), Code::corrupt) << int{type};
  }
}

TEST_F(ValueCommandsTest, WhatTheDrainSaysEndsIt) {
  ValueCommands refused({}, [](std::string&) { return Status::exhausted("full"); });
  std::string value;
  append_rdb_string(value, std::string(1 << 20, 'x'));
  EXPECT_EQ(refused.key({.key = "k", .type = rdb_type::kString, .value = value}).code(), Code::exhausted);
}

}  // namespace
}  // namespace stele::test
