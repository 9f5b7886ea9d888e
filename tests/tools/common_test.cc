// What the tools share: text and figures, JSON, tables, progress, sorting.

#include <map>
#include <random>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/support/temporary_directory.h"
#include "tools/common/external_sorter.h"
#include "tools/common/json_writer.h"
#include "tools/common/output.h"
#include "tools/common/progress.h"
#include "tools/common/table.h"
#include "tools/common/text.h"
#include "tools/rdb/prefix_tree.h"
#include "tools/rdb/statistics.h"

namespace stele::tools {
namespace {

TEST(Text, FormatsFiguresForPeople) {
  EXPECT_EQ(format_bytes(0), "0 B");
  EXPECT_EQ(format_bytes(1023), "1023 B");
  EXPECT_EQ(format_bytes(1024), "1.0 KiB");
  EXPECT_EQ(format_bytes(1024 * 1024 - 1), "1.0 MiB");
  EXPECT_EQ(format_count(0), "0");
  EXPECT_EQ(format_count(999), "999");
  EXPECT_EQ(format_count(1234567), "1,234,567");
  EXPECT_EQ(format_duration(999), "999ms");
  EXPECT_EQ(format_duration(61'000), "1m 1s");
  EXPECT_EQ(format_duration(-90'000'000), "-1d 1h");
  EXPECT_EQ(format_time(4102444800000), "2100-01-01T00:00:00Z");
  EXPECT_EQ(format_time(-1), "1969-12-31T23:59:59Z");
}

TEST(Text, ReadsSizesAndTimes) {
  EXPECT_EQ(parse_bytes("100"), 100u);
  EXPECT_EQ(parse_bytes("1.5kb"), 1536u);
  EXPECT_EQ(parse_bytes("2K"), 2000u);
  EXPECT_EQ(parse_bytes("3gb"), 3ull << 30);
  EXPECT_EQ(parse_duration("250ms"), 250);
  EXPECT_EQ(parse_duration("90"), 90'000);
  EXPECT_EQ(parse_duration("2h"), 7'200'000);
  for (const char* wrong : {"", "kb", "-1", "1x", "1 kb", "nan", "1e400", "99999999999999tb"}) {
    EXPECT_FALSE(parse_bytes(wrong)) << wrong;
    EXPECT_FALSE(parse_duration(wrong)) << wrong;
  }
}

TEST(Text, QuotesWhatATerminalMustNotGet) {
  EXPECT_EQ(in_quotes("plain \"x\" \\"), R"("plain \"x\" \\")");
  EXPECT_EQ(in_quotes(std::string("\n\r\t\0\x1b[31m\xff", 10)), R"("\n\r\t\x00\x1b[31m\xff")");
  EXPECT_EQ(in_quotes("caf\xc3\xa9 \xc2\x9b"), "\"caf\xc3\xa9 \\xc2\\x9b\"");
  EXPECT_EQ(in_quotes("abcdef", 3), "\"abc\"...");
}

TEST(Text, TellsUtf8FromWhatOnlyLooksLikeIt) {
  for (const char* good : {"", "ascii", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "12345678\xc3\xa9"})
    EXPECT_TRUE(is_utf8(good)) << good;
  for (const char* bad : {"\xff", "\xc3", "\xc0\xaf", "\xe0\x80\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80",
                          "\xf0\x8f\xbf\xbf", "1234567\xe2\x82", "\x80"}) {
    EXPECT_FALSE(is_utf8(bad)) << in_quotes(bad);
  }
}

TEST(JsonWriter, WritesUtf8WhateverTheBytesAndLosesNone) {
  std::mt19937 random(7);
  for (int round = 0; round < 2000; ++round) {
    std::string bytes(random() % 20, '\0');
    // Mostly text, so that both forms occur.
    for (char& c : bytes) c = static_cast<char>(random() % 8 == 0 && round % 2 == 0 ? random() : random() % 128);
    std::string out;
    JsonWriter(out).begin_object().field("x", bytes).end_object();
    EXPECT_TRUE(is_utf8(out));
    const nlohmann::json read = nlohmann::json::parse(out)["x"];
    std::string back;
    if (read.is_string()) {
      back = read.get<std::string>();
    } else {
      const std::string hex = read["hex"];
      for (std::size_t i = 0; i < hex.size(); i += 2)
        back += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
    }
    EXPECT_EQ(back, bytes);
    EXPECT_EQ(read.is_string(), is_utf8(bytes));
  }
}

TEST(JsonWriter, PutsCommasAndSpellsNumbersInFull) {
  std::string out;
  JsonWriter json(out);
  json.begin_object().field("a", 1).field("b", std::uint64_t{18446744073709551615u}).name("c").begin_array();
  json.real(0.1)
      .real(-HUGE_VAL)
      .null()
      .boolean(true)
      .begin_object()
      .end_object()
      .end_array()
      .field("d", "x")
      .end_object();
  EXPECT_EQ(out, R"({"a":1,"b":18446744073709551615,"c":[0.1,"-inf",null,true,{}],"d":"x"})");
}

TEST(Table, AlignsByCharactersNotBytes) {
  Table table({{"name"}, {"n", Table::Align::right}});
  table.row({"caf\xc3\xa9", "1"});
  table.row({"x", "1000"});
  EXPECT_EQ(table.text(" "), " name     n\n caf\xc3\xa9     1\n x     1000\n");
}

TEST(Progress, ShowsShareRateAndWhatIsLeftWithinTheWidth) {
  using std::chrono::milliseconds;
  EXPECT_EQ(Progress::line("reading x", 45 << 20, 100 << 20, milliseconds(1000), 200),
            "reading x  45% [=========>          ] 45.0 MiB of 100.0 MiB  45.0 MiB/s  1s left");
  EXPECT_EQ(Progress::line("x", 0, 10, milliseconds(0), 200), "x   0% [>                   ] 0 B of 10 B  0 B/s");
  EXPECT_EQ(Progress::line("x", 10, 10, milliseconds(1000), 200), "x 100% [====================] 10 B of 10 B  10 B/s");
  EXPECT_EQ(Progress::line("reading", 1, 10, milliseconds(1), 12).size(), 12u);
}

std::vector<std::pair<std::string, std::string>> sorted(ExternalSorter& sorter) {
  EXPECT_TRUE(sorter.finish().ok());
  std::vector<std::pair<std::string, std::string>> out;
  std::string_view key;
  std::string_view payload;
  for (;;) {
    const auto more = sorter.next(key, payload);
    EXPECT_TRUE(more.ok());
    if (!more.ok() || !*more) return out;
    out.emplace_back(key, payload);
  }
}

TEST(ExternalSorter, GivesTheSameOrderWithAndWithoutFiles) {
  const test::TemporaryDirectory directory;
  for (const std::size_t memory : {std::size_t{1} << 30, std::size_t{64} << 10, std::size_t{1} << 10}) {
    ExternalSorter sorter(memory, directory.path());
    std::mt19937 random(1);
    std::vector<std::pair<std::string, std::string>> expected;
    for (int i = 0; i < 20000; ++i) {
      std::string key(random() % 6, '\0');
      for (char& c : key) c = static_cast<char>(random());
      // Now and then a record that is longer than a run's buffer.
      std::string payload(i % 7000 == 0 ? 100'000 : i % 5, 'p');
      payload += std::to_string(i);
      expected.emplace_back(key, payload);
      ASSERT_TRUE(sorter.add(key, payload).ok());
    }
    std::stable_sort(expected.begin(), expected.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    EXPECT_EQ(sorted(sorter), expected) << memory;
    EXPECT_EQ(sorter.runs() > 0, memory < (std::size_t{1} << 30));
    EXPECT_TRUE(std::filesystem::is_empty(directory.path()));
  }
}

TEST(ExternalSorter, OfNothingIsNothingAndNamesADirectoryThatIsNotThere) {
  ExternalSorter empty(1000, "/nowhere");
  EXPECT_TRUE(sorted(empty).empty());
  ExternalSorter sorter(1, "/nowhere");
  const Status status = sorter.add("key", "payload");
  EXPECT_NE(status.message().find("/nowhere"), std::string::npos) << status.message();
}

TEST(OutputFile, IsThereInFullOrNotAtAll) {
  const test::TemporaryDirectory directory;
  const auto path = directory.path() / "out";
  {
    auto output = OutputFile::create(path, false);
    ASSERT_TRUE(output.ok());
    ASSERT_TRUE(output->file().write_at(0, "half").ok());
  }
  EXPECT_TRUE(std::filesystem::is_empty(directory.path()));
  {
    auto output = OutputFile::create(path, false);
    ASSERT_TRUE(output.ok());
    ASSERT_TRUE(output->file().write_at(0, "whole").ok());
    ASSERT_TRUE(output->commit().ok());
  }
  EXPECT_EQ(*read_whole_file(path, 100), "whole");
  EXPECT_FALSE(OutputFile::create(path, false).ok());
}

TEST(PrefixTree, CountsIdsAsOneAndCrowdsToo) {
  PrefixTree tree(":");
  for (int i = 0; i < 5000; ++i) {
    tree.add("user:" + std::to_string(i) + ":name", 10, false);
    tree.add("user:" + std::to_string(i) + ":cart", 20, true);
    tree.add("token:t" + std::to_string(i), 1, true);
    tree.add("lone" + std::to_string(i), 2, false);
  }
  tree.add("session:0123456789abcdef-0", 7, true);
  tree.add("config", 3, false);
  std::map<std::string, std::pair<std::uint64_t, std::uint64_t>> found;
  for (const auto& prefix : tree.list(0)) found[prefix.name] = {prefix.keys, prefix.bytes};
  const std::map<std::string, std::pair<std::uint64_t, std::uint64_t>> expected = {{"user:*:name", {5000, 50'000}},
                                                                                   {"user:*:cart", {5000, 100'000}},
                                                                                   {"token:*", {5000, 5000}},
                                                                                   {"*", {5001, 10'003}},
                                                                                   {"session:*", {1, 7}}};
  EXPECT_EQ(found, expected);
  EXPECT_EQ(tree.list(1).front().name, "user:*");
  EXPECT_EQ(tree.root().keys, 20'002u);
}

TEST(PrefixTree, StaysSmallAndLosesNoKey) {
  PrefixTree tree(":/");
  std::mt19937 random(3);
  for (int i = 0; i < 200'000; ++i) {
    std::string key;
    for (unsigned parts = random() % 20; parts > 0; --parts) {
      key += static_cast<char>('a' + random() % 26);
      key += static_cast<char>('a' + random() % 26);
      key += random() % 2 == 0 ? ':' : '/';
    }
    tree.add(key, 1, false);
  }
  std::uint64_t keys = 0;
  for (const auto& prefix : tree.list(0)) keys += prefix.keys;
  EXPECT_EQ(keys, 200'000u);
  EXPECT_LT(tree.list(0).size(), 2 * PrefixTree::kNodesMax);
}

TEST(Classes, EveryFigureHasOne) {
  const auto ttl = [](std::optional<std::int64_t> ms) { return kTtlClasses[ttl_class({.ttl_ms = ms})]; };
  EXPECT_EQ(ttl({}), "no expiry");
  EXPECT_EQ(ttl(0), "expired");
  EXPECT_EQ(ttl(1), "< 1 minute");
  EXPECT_EQ(ttl(60'000), "< 10 minutes");
  EXPECT_EQ(ttl(std::numeric_limits<std::int64_t>::max()), "1 year and more");
  EXPECT_EQ(ttl(std::numeric_limits<std::int64_t>::min()), "expired");
  EXPECT_EQ(kSizeClasses[size_class(63)], "< 64 B");
  EXPECT_EQ(kSizeClasses[size_class(64)], "< 256 B");
  EXPECT_EQ(kSizeClasses[size_class(1023)], "< 1 KiB");
  EXPECT_EQ(kSizeClasses[size_class(64 << 20)], "64 MiB and more");
}

}  // namespace
}  // namespace stele::tools
