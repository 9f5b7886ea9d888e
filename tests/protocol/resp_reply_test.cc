#include "protocol/resp_reply.h"

#include <cmath>
#include <memory>
#include <random>
#include <string>

#include <gtest/gtest.h>

#include "protocol/resp_reply_parser.h"
#include "protocol/resp_split_args.h"
#include "protocol/resp_writer.h"

namespace stele {
namespace {

using Outcome = ReplyParser::Outcome;
using Type = RespReply::Type;

RespReply parsed(std::string_view bytes) {
  ReplyParser parser;
  EXPECT_EQ(parser.parse(bytes), Outcome::reply) << bytes << parser.error();
  EXPECT_EQ(parser.consumed(), bytes.size()) << bytes;
  return parser.take();
}

/// Parses from a block that ends where the bytes end, so that the address sanitizer sees a read beyond.
Outcome parse_exactly(ReplyParser& parser, std::string_view bytes) {
  const auto block = std::make_unique<char[]>(bytes.size());
  if (!bytes.empty()) std::memcpy(block.get(), bytes.data(), bytes.size());
  return parser.parse({block.get(), bytes.size()});
}

RespReply random_reply(std::mt19937& random, int depth) {
  RespReply reply;
  reply.type = static_cast<Type>(random() % (depth > 0 ? 14 : 10));
  switch (reply.type) {
    case Type::integer:
      reply.integer = static_cast<std::int64_t>(random()) - (std::int64_t{1} << 31);
      break;
    case Type::boolean:
      reply.integer = static_cast<std::int64_t>(random() % 2);
      break;
    case Type::real:
      reply.real = random() % 10 == 0 ? INFINITY : std::ldexp(static_cast<double>(random()), -20);
      break;
    case Type::null:
    case Type::null_array:
      break;
    case Type::big_number:
      reply.text = "-123456789012345678901234567890";
      break;
    case Type::simple:
    case Type::error:
      reply.text = std::string(random() % 20, 'e');
      break;
    case Type::verbatim:
      reply.format = "txt";
      [[fallthrough]];
    case Type::bulk:
      for (std::size_t n = random() % 30; n > 0; --n) reply.text.push_back(static_cast<char>(random()));
      break;
    default:
      for (std::size_t n = 2 * (random() % 4); n > 0; --n) reply.elements.push_back(random_reply(random, depth - 1));
  }
  if (random() % 8 == 0) {
    reply.attributes.push_back(random_reply(random, 0));
    reply.attributes.push_back(random_reply(random, depth - 1));
  }
  return reply;
}

void write(RespWriter& writer, const RespReply& reply) {
  if (!reply.attributes.empty()) writer.attribute(reply.attributes.size() / 2);
  for (const RespReply& attribute : reply.attributes) write(writer, attribute);
  switch (reply.type) {
    case Type::simple:
      return writer.simple(reply.text);
    case Type::error:
      return writer.error(reply.text);
    case Type::integer:
      return writer.integer(reply.integer);
    case Type::bulk:
      return writer.bulk(reply.text);
    case Type::null:
      return writer.null();
    case Type::null_array:
      return writer.raw("*-1\r\n");  // a RESP3 writer has only one null
    case Type::boolean:
      return writer.boolean(reply.integer != 0);
    case Type::real:
      return writer.real(reply.real);
    case Type::big_number:
      return writer.big_number(reply.text);
    case Type::verbatim:
      return writer.verbatim(reply.text);
    case Type::array:
      writer.array(reply.elements.size());
      break;
    case Type::map:
      writer.map(reply.elements.size() / 2);
      break;
    case Type::set:
      writer.set(reply.elements.size());
      break;
    case Type::push:
      writer.push(reply.elements.size());
      break;
  }
  for (const RespReply& element : reply.elements) write(writer, element);
}

TEST(ReplyParser, ReadsBackWhatTheWriterWrote) {
  std::mt19937 random(11);
  for (int round = 0; round < 5000; ++round) {
    const RespReply reply = random_reply(random, 4);
    OutputBuffer buffer;
    RespWriter writer(buffer, RespVersion::resp3);
    write(writer, reply);
    ASSERT_EQ(parsed(buffer.view()), reply) << buffer.view();
  }
}

TEST(ReplyParser, AsksForMoreAtEveryPrefixAndThenAnswersAsIfTheReplyHadComeWhole) {
  std::mt19937 random(12);
  for (int round = 0; round < 300; ++round) {
    const RespReply reply = random_reply(random, 3);
    OutputBuffer buffer;
    RespWriter writer(buffer, RespVersion::resp3);
    write(writer, reply);

    ReplyParser bytewise;
    for (std::size_t arrived = 0; arrived < buffer.size(); ++arrived) {
      ASSERT_EQ(parse_exactly(bytewise, buffer.view().substr(0, arrived)), Outcome::need_more);
    }
    ASSERT_EQ(parse_exactly(bytewise, buffer.view()), Outcome::reply);
    ASSERT_EQ(bytewise.take(), reply) << buffer.view();
  }
}

TEST(ReplyParser, ReadsEveryTypeOfResp2) {
  EXPECT_EQ(parsed("+OK\r\n").text, "OK");
  EXPECT_EQ(parsed("-ERR no\r\n").text, "ERR no");
  EXPECT_TRUE(parsed("-ERR no\r\n").is_error());
  EXPECT_EQ(parsed(":-5\r\n").integer, -5);
  EXPECT_EQ(parsed("$4\r\na\r\nb\r\n").text, "a\r\nb");
  EXPECT_EQ(parsed("$-1\r\n").type, Type::null);
  EXPECT_EQ(parsed("*-1\r\n").type, Type::null_array);
  EXPECT_TRUE(parsed("*-1\r\n").is_null());
  EXPECT_EQ(parsed("*0\r\n").type, Type::array);
  EXPECT_EQ(parsed("*2\r\n:1\r\n*1\r\n:2\r\n").elements[1].elements[0].integer, 2);
}

TEST(ReplyParser, ReadsEveryTypeOfResp3) {
  EXPECT_EQ(parsed("_\r\n").type, Type::null);
  EXPECT_EQ(parsed("#t\r\n").integer, 1);
  EXPECT_EQ(parsed(",-3.25\r\n").real, -3.25);
  EXPECT_EQ(parsed(",4.9406564584124654e-324\r\n").real, 5e-324);
  EXPECT_EQ(parsed(",-inf\r\n").real, -INFINITY);
  EXPECT_TRUE(std::isnan(parsed(",nan\r\n").real));
  EXPECT_EQ(parsed("(3492890328409238509324850943850943825024385\r\n").type, Type::big_number);
  EXPECT_EQ(parsed("!8\r\nERR a\r\nb\r\n").text, "ERR a\r\nb");
  EXPECT_EQ(parsed("=7\r\nmkd:abc\r\n").text, "abc");
  EXPECT_EQ(parsed("=7\r\nmkd:abc\r\n").format, "mkd");
  EXPECT_EQ(parsed("%1\r\n+k\r\n:1\r\n").elements.size(), 2U);
  EXPECT_EQ(parsed("~2\r\n:1\r\n:2\r\n").type, Type::set);
  EXPECT_EQ(parsed(">1\r\n+invalidate\r\n").type, Type::push);
}

TEST(ReplyParser, GivesAttributesToTheReplyBehindThem) {
  const RespReply reply = parsed("*2\r\n|1\r\n+ttl\r\n:9\r\n$1\r\na\r\n|0\r\n$1\r\nb\r\n");
  ASSERT_EQ(reply.elements.size(), 2U);
  ASSERT_EQ(reply.elements[0].attributes.size(), 2U);
  EXPECT_EQ(reply.elements[0].attributes[1].integer, 9);
  EXPECT_TRUE(reply.elements[1].attributes.empty());
  EXPECT_TRUE(reply.attributes.empty());

  EXPECT_EQ(parsed("|1\r\n+k\r\n+v\r\n*1\r\n:1\r\n").attributes.size(), 2U);
}

TEST(ReplyParser, LeavesTheNextReplyInTheInput) {
  ReplyParser parser;
  ASSERT_EQ(parser.parse("*1\r\n:1\r\n+OK\r\n"), Outcome::reply);
  EXPECT_EQ(parser.consumed(), 8U);
}

TEST(ReplyParser, SaysHowManyBytesOfAPayloadAreMissing) {
  ReplyParser parser;
  ASSERT_EQ(parser.parse("*2\r\n$1\r\na\r\n$100\r\nxyz"), Outcome::need_more);
  EXPECT_EQ(parser.wanted(), 99U);
}

TEST(ReplyParser, RefusesMalformedReplies) {
  for (const char* bytes :
       {"x\r\n", "\r\n", ":\r\n", ":+1\r\n", ":1x\r\n", "$-2\r\n", "*-2\r\n", "%-1\r\n", "~-1\r\n", "$x\r\n", "$?\r\n",
        "*?\r\n", "_x\r\n", "#x\r\n", "#\r\n", ",\r\n", ",x\r\n", ",1.0x\r\n", "(\r\n", "(12a\r\n", "(-\r\n", "=3\r\ntxt\r\n",
        "=5\r\ntxt-a\r\n", "+OK\rX", "$1\r\nabc", "!-1\r\n", "$9223372036854775807\r\n"}) {
    ReplyParser parser;
    EXPECT_EQ(parser.parse(bytes), Outcome::error) << bytes;
    EXPECT_FALSE(parser.error().empty());
  }
}

TEST(ReplyParser, SaysWhereAndWhatIsMalformed) {
  ReplyParser parser;
  ASSERT_EQ(parser.parse("*2\r\n:1\r\n?\n2\r\n"), Outcome::error);
  EXPECT_EQ(parser.error(), "malformed reply at byte 13: reply of unknown type \"?\"");
}

TEST(ReplyParser, BoundsDepth) {
  std::string nested;
  for (int i = 0; i < 128; ++i) nested += "*1\r\n";
  EXPECT_EQ(parsed(nested + ":1\r\n").type, Type::array);
  ReplyParser parser;
  EXPECT_EQ(parser.parse("*1\r\n" + nested + ":1\r\n"), Outcome::error);
  EXPECT_EQ(parser.parse(nested + "|1\r\n"), Outcome::error);
}

TEST(ReplyParser, BoundsLines) {
  ReplyParser parser(ReplyLimits{.line_bytes_max = 10});
  EXPECT_EQ(parser.parse("+123456789"), Outcome::need_more);
  parser.reset();
  EXPECT_EQ(parser.parse("+1234567890"), Outcome::error);
}

TEST(ReplyParser, AllocatesForWhatCameAndNotForWhatWasAnnounced) {
  ReplyParser parser;
  EXPECT_EQ(parser.parse("*9223372036854775807\r\n%9223372036854775807\r\n$1000000000000\r\nabc"), Outcome::need_more);
}

TEST(ReplyParser, SurvivesRandomBytes) {
  const std::string alphabet = "*$:-+_#,(!=%~>|0123456789\r\n\r\n\r\ntxt:";
  std::mt19937 random(13);
  std::size_t replies = 0;
  for (int round = 0; round < 50000; ++round) {
    std::string input;
    for (std::size_t n = random() % 40; n > 0; --n) {
      input.push_back(alphabet[random() % alphabet.size()]);
      if (random() % 4 == 0) input += "\r\n";
    }
    ReplyParser whole;
    const Outcome outcome = parse_exactly(whole, input);
    if (outcome == Outcome::reply) ++replies;
    ReplyParser bytewise;
    Outcome last = Outcome::need_more;
    for (std::size_t n = 0; n <= input.size() && last == Outcome::need_more; ++n) {
      last = parse_exactly(bytewise, std::string_view(input).substr(0, n));
    }
    ASSERT_EQ(outcome, last) << input;
    ASSERT_EQ(whole.consumed(), bytewise.consumed()) << input;
    ASSERT_EQ(whole.error(), bytewise.error()) << input;
    ASSERT_EQ(whole.take(), bytewise.take()) << input;
  }
  EXPECT_GT(replies, 1000U);
}

TEST(RespReply, IsEqualOnlyInTypeContentAndOrder) {
  EXPECT_EQ(parsed("*2\r\n:1\r\n$1\r\na\r\n"), parsed("*2\r\n:1\r\n$1\r\na\r\n"));
  EXPECT_NE(parsed("*2\r\n:1\r\n:2\r\n"), parsed("*2\r\n:2\r\n:1\r\n"));
  EXPECT_NE(parsed("*1\r\n:1\r\n"), parsed("~1\r\n:1\r\n"));
  EXPECT_NE(parsed("$1\r\n1\r\n"), parsed(":1\r\n"));
  EXPECT_NE(parsed("|1\r\n+k\r\n+v\r\n:1\r\n"), parsed(":1\r\n"));
  EXPECT_EQ(parsed(",nan\r\n"), parsed(",nan\r\n"));
}

TEST(RespReply, PrintsAsRedisCliDoes) {
  EXPECT_EQ(parsed("+OK\r\n").to_string(), "OK");
  EXPECT_EQ(parsed("-ERR no\r\n").to_string(), "(error) ERR no");
  EXPECT_EQ(parsed(":7\r\n").to_string(), "(integer) 7");
  EXPECT_EQ(parsed("$5\r\na\"\n\x01\xff\r\n").to_string(), "\"a\\\"\\n\\x01\\xff\"");
  EXPECT_EQ(parsed("$-1\r\n").to_string(), "(nil)");
  EXPECT_EQ(parsed("#f\r\n").to_string(), "(false)");
  EXPECT_EQ(parsed(",0.5\r\n").to_string(), "(double) 0.5");
  EXPECT_EQ(parsed("=5\r\ntxt:a\r\n").to_string(), "a");
  EXPECT_EQ(parsed("*0\r\n").to_string(), "(empty array)");
  EXPECT_EQ(parsed("%0\r\n").to_string(), "(empty hash)");
  EXPECT_EQ(parsed("~0\r\n").to_string(), "(empty set)");
  EXPECT_EQ(parsed("*2\r\n$1\r\na\r\n*2\r\n:1\r\n:2\r\n").to_string(),
            "1) \"a\"\n"
            "2) 1) (integer) 1\n"
            "   2) (integer) 2");
  EXPECT_EQ(parsed("%2\r\n+a\r\n:1\r\n+b\r\n~1\r\n:2\r\n").to_string(),
            "1# a => (integer) 1\n"
            "2# b => 1~ (integer) 2");
  EXPECT_EQ(parsed("*10\r\n:0\r\n:1\r\n:2\r\n:3\r\n:4\r\n:5\r\n:6\r\n:7\r\n:8\r\n:9\r\n").to_string().substr(0, 15),
            " 1) (integer) 0");
}

TEST(Quote, IsUndoneBySplitArgs) {
  std::string all;
  for (int byte = 0; byte < 256; ++byte) all.push_back(static_cast<char>(byte));
  EXPECT_EQ(split_args(quote(all)), std::vector<std::string>{all});
}

}  // namespace
}  // namespace stele
