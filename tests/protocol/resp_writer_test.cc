#include "protocol/resp_writer.h"

#include <cmath>
#include <cstdio>
#include <cstring>
#include <functional>
#include <limits>
#include <random>
#include <string>

#include <gtest/gtest.h>

#include "protocol/resp_parser.h"

namespace stele {
namespace {

std::string written(RespVersion version, const std::function<void(RespWriter&)>& write) {
  OutputBuffer buffer;
  RespWriter writer(buffer, version);
  write(writer);
  return std::string(buffer.view());
}

void expect(const std::function<void(RespWriter&)>& write, std::string_view resp2, std::string_view resp3) {
  EXPECT_EQ(written(RespVersion::resp2, write), resp2);
  EXPECT_EQ(written(RespVersion::resp3, write), resp3);
}

void expect(const std::function<void(RespWriter&)>& write, std::string_view both) { expect(write, both, both); }

TEST(RespWriter, WritesWhatBothVersionsShare) {
  expect([](RespWriter& w) { w.ok(); }, "+OK\r\n");
  expect([](RespWriter& w) { w.pong(); }, "+PONG\r\n");
  expect([](RespWriter& w) { w.simple("QUEUED"); }, "+QUEUED\r\n");
  expect([](RespWriter& w) { w.error("ERR syntax error"); }, "-ERR syntax error\r\n");
  expect([](RespWriter& w) { w.bulk("value"); }, "$5\r\nvalue\r\n");
  expect([](RespWriter& w) { w.bulk(""); }, "$0\r\n\r\n");
  expect([](RespWriter& w) { w.bulk(std::string(12, 'x')); }, "$12\r\nxxxxxxxxxxxx\r\n");
  expect([](RespWriter& w) { w.bulk_integer(-12); }, "$3\r\n-12\r\n");
  expect([](RespWriter& w) { w.array(0); }, "*0\r\n");
  expect([](RespWriter& w) { w.array(3); }, "*3\r\n");
  expect([](RespWriter& w) { w.raw("+raw\r\n"); }, "+raw\r\n");
}

TEST(RespWriter, WritesIntegersOfEveryLength) {
  std::int64_t value = 1;
  for (int digits = 1; digits <= 19; ++digits) {
    for (const std::int64_t n : {value - 1, value, -value}) {
      expect([n](RespWriter& w) { w.integer(n); }, ":" + std::to_string(n) + "\r\n");
    }
    if (digits < 19) value *= 10;
  }
  expect([](RespWriter& w) { w.integer(std::numeric_limits<std::int64_t>::max()); }, ":9223372036854775807\r\n");
  expect([](RespWriter& w) { w.integer(std::numeric_limits<std::int64_t>::min()); }, ":-9223372036854775808\r\n");
}

TEST(RespWriter, WritesInResp2WhatOnlyResp3HasATypeFor) {
  expect([](RespWriter& w) { w.null(); }, "$-1\r\n", "_\r\n");
  expect([](RespWriter& w) { w.null_array(); }, "*-1\r\n", "_\r\n");
  expect([](RespWriter& w) { w.map(3); }, "*6\r\n", "%3\r\n");
  expect([](RespWriter& w) { w.set(3); }, "*3\r\n", "~3\r\n");
  expect([](RespWriter& w) { w.push(2); }, "*2\r\n", ">2\r\n");
  expect([](RespWriter& w) { w.boolean(true); }, ":1\r\n", "#t\r\n");
  expect([](RespWriter& w) { w.boolean(false); }, ":0\r\n", "#f\r\n");
  expect([](RespWriter& w) { w.big_number("1234567999999999999999999999999999999"); },
         "$37\r\n1234567999999999999999999999999999999\r\n", "(1234567999999999999999999999999999999\r\n");
  expect([](RespWriter& w) { w.verbatim("This is a verbatim\nstring"); }, "$25\r\nThis is a verbatim\nstring\r\n",
         "=29\r\ntxt:This is a verbatim\nstring\r\n");
  expect([](RespWriter& w) { w.verbatim("# x", "mkd"); }, "$3\r\n# x\r\n", "=7\r\nmkd:# x\r\n");
}

// What redis-server 7.0.15 replied to ZSCORE.
TEST(RespWriter, SpellsDoublesAsRedisDoes) {
  expect([](RespWriter& w) { w.real(3.141); }, "$5\r\n3.141\r\n", ",3.141\r\n");
  expect([](RespWriter& w) { w.real(0.1); }, "$19\r\n0.10000000000000001\r\n", ",0.10000000000000001\r\n");
  expect([](RespWriter& w) { w.real(3); }, "$1\r\n3\r\n", ",3\r\n");
  expect([](RespWriter& w) { w.real(1e-7); }, "$22\r\n9.9999999999999995e-08\r\n", ",9.9999999999999995e-08\r\n");
  expect([](RespWriter& w) { w.real(1e16); }, "$17\r\n10000000000000000\r\n", ",10000000000000000\r\n");
  expect([](RespWriter& w) { w.real(1e17); }, "$5\r\n1e+17\r\n", ",1e+17\r\n");
  expect([](RespWriter& w) { w.real(5e-324); }, "$23\r\n4.9406564584124654e-324\r\n", ",4.9406564584124654e-324\r\n");
  expect([](RespWriter& w) { w.real(INFINITY); }, "$3\r\ninf\r\n", ",inf\r\n");
  expect([](RespWriter& w) { w.real(-INFINITY); }, "$4\r\n-inf\r\n", ",-inf\r\n");
  expect([](RespWriter& w) { w.real(NAN); }, "$3\r\nnan\r\n", ",nan\r\n");
  expect([](RespWriter& w) { w.real(-NAN); }, "$3\r\nnan\r\n", ",nan\r\n");
}

TEST(RespWriter, SpellsRandomDoublesAsPrintfDoes) {
  std::mt19937_64 random(3);
  for (int i = 0; i < 100000; ++i) {
    const std::uint64_t bits = random();
    double value;
    std::memcpy(&value, &bits, sizeof value);
    if (!std::isfinite(value)) continue;
    char expected[64];
    std::snprintf(expected, sizeof expected, "%.17g", value);
    ASSERT_EQ(format_double(value), expected);
  }
}

TEST(RespWriter, KeepsSimpleRepliesOnOneLine) {
  expect([](RespWriter& w) { w.error("ERR unknown command 'a\r\nb'\r\n"); }, "-ERR unknown command 'a  b'\r\n");
  expect([](RespWriter& w) { w.simple("a\nb\n"); }, "+a b\r\n");
}

TEST(RespWriter, PutsAttributesBeforeAReplyInResp3) {
  EXPECT_EQ(written(RespVersion::resp3, [](RespWriter& w) { w.attribute(1); }), "|1\r\n");
}

TEST(RespWriterDeathTest, RefusesAttributesInResp2) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(written(RespVersion::resp2, [](RespWriter& w) { w.attribute(1); }), "assertion failed");
}

TEST(RespWriter, WritesALengthThatIsKnownLast) {
  for (const std::size_t n : {0U, 1U, 9U, 10U, 99U, 100U, 12345U}) {
    for (const std::size_t n_expected : {0U, 10U, 12345U}) {
      std::string elements;
      for (std::size_t i = 0; i < n; ++i) elements += ":7\r\n";
      expect(
          [n, n_expected](RespWriter& w) {
            w.ok();
            const RespWriter::Mark mark = w.begin_array(n_expected);
            for (std::size_t i = 0; i < n; ++i) w.integer(7);
            w.end_array(mark, n);
            w.pong();
          },
          "+OK\r\n*" + std::to_string(n) + "\r\n" + elements + "+PONG\r\n");
    }
  }
}

TEST(RespWriter, WritesLateLengthsOfMapsAndSetsInBothVersions) {
  expect(
      [](RespWriter& w) {
        const RespWriter::Mark mark = w.begin_map();
        for (int i = 0; i < 10; ++i) w.integer(i);
        w.end_map(mark, 5);
      },
      "*10\r\n:0\r\n:1\r\n:2\r\n:3\r\n:4\r\n:5\r\n:6\r\n:7\r\n:8\r\n:9\r\n",
      "%5\r\n:0\r\n:1\r\n:2\r\n:3\r\n:4\r\n:5\r\n:6\r\n:7\r\n:8\r\n:9\r\n");
  expect(
      [](RespWriter& w) {
        const RespWriter::Mark mark = w.begin_set(1000);
        w.integer(1);
        w.end_set(mark, 1);
      },
      "*1\r\n:1\r\n", "~1\r\n:1\r\n");
}

TEST(RespWriter, NestsLateLengths) {
  std::string inner;
  for (int i = 0; i < 10; ++i) inner += ":1\r\n";
  expect(
      [](RespWriter& w) {
        const RespWriter::Mark outer = w.begin_array();
        for (int j = 0; j < 11; ++j) {
          const RespWriter::Mark mark = w.begin_array();
          for (int i = 0; i < 10; ++i) w.integer(1);
          w.end_array(mark, 10);
        }
        w.end_array(outer, 11);
      },
      [&inner] {
        std::string all = "*11\r\n";
        for (int j = 0; j < 11; ++j) all += "*10\r\n" + inner;
        return all;
      }());
}

TEST(AppendCommand, EncodesTextsNumbersTimesAndOffsets) {
  OutputBuffer buffer;
  const std::string key = "k";
  append_command(buffer, "SET", key, std::string_view("a\r\n"), "PXAT", UnixTime(1700000000000), -1, Offset(42));
  EXPECT_EQ(buffer.view(),
            "*7\r\n$3\r\nSET\r\n$1\r\nk\r\n$3\r\na\r\n\r\n$4\r\nPXAT\r\n"
            "$13\r\n1700000000000\r\n$2\r\n-1\r\n$2\r\n42\r\n");
}

TEST(AppendCommand, EncodesTheLargestNumbers) {
  OutputBuffer buffer;
  append_command(buffer, std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::uint64_t>::max());
  EXPECT_EQ(buffer.view(), "*2\r\n$20\r\n-9223372036854775808\r\n$20\r\n18446744073709551615\r\n");
}

TEST(AppendCommand, WritesTheBytesThatTheParserCallsRaw) {
  std::mt19937 random(5);
  for (int round = 0; round < 2000; ++round) {
    std::vector<std::string> args(1 + random() % 120);
    for (std::string& arg : args) arg.assign(random() % 4 == 0 ? random() % 3000 : random() % 20, '\r');
    const std::vector<std::string_view> views(args.begin(), args.end());
    OutputBuffer buffer;
    append_command(buffer, std::span(views));

    RespParser parser;
    ASSERT_EQ(parser.parse(buffer.view()), RespParser::Outcome::command);
    ASSERT_TRUE(std::equal(parser.args().begin(), parser.args().end(), views.begin(), views.end()));
    ASSERT_EQ(parser.raw(), buffer.view());
  }
}

}  // namespace
}  // namespace stele
