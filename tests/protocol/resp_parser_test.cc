#include "protocol/resp_parser.h"

#include <cstring>
#include <limits>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "protocol/resp_command.h"

namespace stele {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Outcome = RespParser::Outcome;
using Commands = std::vector<std::vector<std::string>>;

constexpr std::size_t kRestingBytesMax = 256 * 1024;

std::string command(const std::vector<std::string>& args) {
  OutputBuffer buffer;
  const std::vector<std::string_view> views(args.begin(), args.end());
  append_command(buffer, std::span(views));
  return std::string(buffer.view());
}

/// Receives bytes as a connection does: what was parsed is dropped, and the rest moves to a new, exactly fitting block
/// before each call, so that a view that should not have been kept is found by the address sanitizer.
class Receiver {
 public:
  explicit Receiver(ParserLimits limits = {}) : parser_(limits) {}

  void receive(std::string_view bytes) {
    pending_ += bytes;
    while (!failed() && !pending_.empty()) {
      const auto block = std::make_unique<char[]>(pending_.size());
      std::memcpy(block.get(), pending_.data(), pending_.size());
      const Outcome outcome = parser_.parse({block.get(), pending_.size()});
      if (outcome == Outcome::need_more) return;
      if (outcome == Outcome::error) {
        error_ = parser_.error();
        return;
      }
      if (!parser_.args().empty()) commands_.emplace_back(parser_.args().begin(), parser_.args().end());
      raw_ += parser_.raw();
      pending_.erase(0, parser_.consumed());
    }
  }

  bool failed() const { return !error_.empty(); }
  const std::string& error() const { return error_; }
  const std::string& raw() const { return raw_; }
  const std::string& pending() const { return pending_; }
  const Commands& commands() const { return commands_; }
  RespParser& parser() { return parser_; }

 private:
  RespParser parser_;
  std::string pending_;
  std::string raw_;
  std::string error_;
  Commands commands_;
};

const std::vector<std::string>& requests() {
  static const std::vector<std::string> all = {
      "*1\r\n$4\r\nPING\r\n",
      "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$12\r\n\r\n*1\r\n$1\r\n\r\n\r\n",
      "*2\r\n$4\r\nECHO\r\n$0\r\n\r\n",
      command({"SET", std::string("\0\xff\r\n", 4), std::string(99, 'x'), std::string(100, 'y')}),
      command({"SET", "k", std::string(1234, 'v')}),
      command(std::vector<std::string>(9, "arg")),
      command(std::vector<std::string>(10, "arg")),
      command(std::vector<std::string>(123, "arg")),
      "*1\rX$4\rYPINGzz",
      "PING\r\n",
      "PING\n",
      "SET  key \"a \\x41\\n\" 'b c'\r\n",
      "*0\r\n",
      "*-1\r\n",
      "\r\n",
      "\n",
      "  \t\r\n",
      "*+1\r\n",
      "*2\r\n$1\r\na\r\n$-1\r\n",
      "*2\r\n$1\r\na\r\n:1\r\n",
      "ECHO \"a\r\n",
  };
  return all;
}

TEST(RespParser, ReadsAnArrayOfBulks) {
  RespParser parser;
  const std::string input = "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$5\r\nvalue\r\n*1\r\n";

  ASSERT_EQ(parser.parse(input), Outcome::command);

  EXPECT_THAT(parser.args(), ElementsAre("SET", "k", "value"));
  EXPECT_EQ(parser.consumed(), input.size() - 4);
  EXPECT_EQ(parser.raw(), std::string_view(input).substr(0, input.size() - 4));
  EXPECT_EQ(parser.raw().data(), input.data());
  EXPECT_FALSE(parser.is_inline());
}

TEST(RespParser, AsksForMoreAtEveryPrefixAndThenAnswersAsIfTheRequestHadComeWhole) {
  for (const std::string& request : requests()) {
    Receiver whole;
    whole.receive(request);
    for (std::size_t cut = 0; cut < request.size(); ++cut) {
      Receiver split;
      split.receive(std::string_view(request).substr(0, cut));
      if (!whole.failed()) {
        EXPECT_THAT(split.commands(), IsEmpty()) << request << " at " << cut;
        EXPECT_EQ(split.pending().size(), cut) << request;
      }
      split.receive(std::string_view(request).substr(cut));
      EXPECT_EQ(split.commands(), whole.commands()) << request << " at " << cut;
      EXPECT_EQ(split.error(), whole.error()) << request << " at " << cut;
      EXPECT_EQ(split.raw(), whole.raw()) << request << " at " << cut;
    }
  }
}

TEST(RespParser, AnswersTheSameWhenEveryByteComesAlone) {
  for (const std::string& request : requests()) {
    Receiver whole;
    whole.receive(request);
    Receiver bytewise;
    for (const char byte : request) bytewise.receive({&byte, 1});
    EXPECT_EQ(bytewise.commands(), whole.commands()) << request;
    EXPECT_EQ(bytewise.error(), whole.error()) << request;
  }
}

TEST(RespParser, CutsAPipelineAlikeHoweverItWasSplit) {
  std::string pipeline;
  for (int round = 0; round < 20; ++round) {
    for (const std::string& request : requests()) {
      Receiver alone;
      alone.receive(request);
      if (!alone.failed()) pipeline += request;
    }
  }
  Receiver whole;
  whole.receive(pipeline);
  ASSERT_TRUE(whole.pending().empty());
  ASSERT_EQ(whole.commands().size(), 20U * 12U);

  for (unsigned seed = 0; seed < 50; ++seed) {
    std::mt19937 random(seed);
    Receiver split;
    for (std::size_t at = 0; at < pipeline.size();) {
      const std::size_t bytes = 1 + random() % (seed % 2 == 0 ? 20 : 2000);
      split.receive(std::string_view(pipeline).substr(at, bytes));
      at += bytes;
    }
    ASSERT_EQ(split.commands(), whole.commands()) << "seed " << seed;
  }
}

TEST(RespParser, ConsumesEmptyCommandsWithoutArguments) {
  for (const char* request :
       {"*0\r\n", "*-1\r\n", "*-5\r\n", "*-9223372036854775808\r\n", "\r\n", "\n", "  \r\n", "\r\r\n"}) {
    RespParser parser;
    ASSERT_EQ(parser.parse(std::string(request) + "PING\r\n"), Outcome::command) << request;
    EXPECT_THAT(parser.args(), IsEmpty()) << request;
    EXPECT_THAT(parser.raw(), IsEmpty()) << request;
    EXPECT_EQ(parser.consumed(), std::strlen(request)) << request;
  }
}

struct Malformed {
  std::string request;
  std::string error;
};

// What redis-server 7.0.15 replied to the same bytes.
TEST(RespParser, RefusesMalformedRequestsInTheWordsOfRedis) {
  const std::string bad_count = "Protocol error: invalid multibulk length";
  const std::string bad_bytes = "Protocol error: invalid bulk length";
  const std::string unbalanced = "Protocol error: unbalanced quotes in request";
  const std::vector<Malformed> table = {
      {"*+1\r\n", bad_count},
      {"*01\r\n", bad_count},
      {"*1 \r\n", bad_count},
      {"* 1\r\n", bad_count},
      {"*\r\n", bad_count},
      {"*-\r\n", bad_count},
      {"*-0\r\n", bad_count},
      {"*00\r\n", bad_count},
      {"*x\r\n", bad_count},
      {"*2147483648\r\n", bad_count},
      {"*9223372036854775808\r\n", bad_count},
      {"*99999999999999999999\r\n", bad_count},
      {"*1\r\n$-1\r\n", bad_bytes},
      {"*1\r\n$+1\r\n", bad_bytes},
      {"*1\r\n$01\r\n", bad_bytes},
      {"*1\r\n$001\r\n", bad_bytes},
      {"*1\r\n$\r\n", bad_bytes},
      {"*1\r\n$x\r\n", bad_bytes},
      {"*1\r\n$1x34\r\n", bad_bytes},
      {"*1\r\n$536870913\r\n", bad_bytes},
      {"*1\r\n$99999999999999999999999\r\n", bad_bytes},
      {"*1\r\nx\r\n", "Protocol error: expected '$', got 'x'"},
      {"*1\r\n:1\r\n", "Protocol error: expected '$', got ':'"},
      {"*1\r\n\r\n", "Protocol error: expected '$', got ' '"},
      {"*1\r\n\n\r\n", "Protocol error: expected '$', got ' '"},
      {"*1\r\n\xff\r\n", "Protocol error: expected '$', got '\xff'"},
      {"ECHO \"a\r\n", unbalanced},
      {"ECHO 'a\r\n", unbalanced},
      {"ECHO \"a\"b\r\n", unbalanced},
      {"ECHO 'a'b\r\n", unbalanced},
      {"ECHO a\"\"b\r\n", unbalanced},
      {"ECHO \"a\\\"\r\n", unbalanced},
      {std::string(65537, 'A'), "Protocol error: too big inline request"},
      {"*" + std::string(65536, '1'), "Protocol error: too big mbulk count string"},
      {"*1\r\n$" + std::string(65536, '1'), "Protocol error: too big bulk count string"},
      {std::string("A\0\n", 3) + std::string(65600, 'B'), "Protocol error: too big inline request"},
  };
  for (const Malformed& malformed : table) {
    RespParser parser;
    EXPECT_EQ(parser.parse(malformed.request), Outcome::error) << malformed.request.substr(0, 40);
    EXPECT_EQ(parser.error(), malformed.error) << malformed.request.substr(0, 40);
    EXPECT_EQ(parser.consumed(), 0U);
  }
}

TEST(RespParser, WaitsWhereRedisWaits) {
  for (const std::string& request :
       {std::string(65536, 'A'), "*" + std::string(65535, '1'), "*1\r\n$" + std::string(65535, '1'),
        std::string("ECHO a\0b\r\n", 10), std::string("*1\r\n\0\r\n", 7), std::string("*2147483647\r\n"),
        std::string("*1\r\n$536870912\r\n"), std::string("*1\r\nx")}) {
    RespParser parser;
    EXPECT_EQ(parser.parse(request), Outcome::need_more) << request.substr(0, 40);
  }
}

TEST(RespParser, RefusesALongLineHoweverItArrives) {
  const std::string line = std::string(65537, 'A') + "\r\n";
  RespParser parser;
  EXPECT_EQ(parser.parse(line), Outcome::error);

  Receiver receiver;
  for (std::size_t at = 0; at < line.size(); at += 1000) receiver.receive(std::string_view(line).substr(at, 1000));
  EXPECT_EQ(receiver.error(), "Protocol error: too big inline request");
}

TEST(RespParser, HoldsUnauthenticatedClientsToSmallCommands) {
  Receiver count(ParserLimits{.authenticated = false});
  count.receive("*10\r\n");
  EXPECT_FALSE(count.failed());

  Receiver count_above(ParserLimits{.authenticated = false});
  count_above.receive("*11\r\n");
  EXPECT_EQ(count_above.error(), "Protocol error: unauthenticated multibulk length");

  Receiver bytes(ParserLimits{.authenticated = false});
  bytes.receive("*1\r\n$16384\r\n");
  EXPECT_FALSE(bytes.failed());

  Receiver bytes_above(ParserLimits{.authenticated = false});
  bytes_above.receive("*1\r\n$16385\r\n");
  EXPECT_EQ(bytes_above.error(), "Protocol error: unauthenticated bulk length");
}

TEST(RespParser, CallsAnImpossibleLengthInvalidBeforeAuthenticationToo) {
  Receiver count(ParserLimits{.authenticated = false});
  count.receive("*2147483648\r\n");
  EXPECT_EQ(count.error(), "Protocol error: invalid multibulk length");

  Receiver bytes(ParserLimits{.authenticated = false});
  bytes.receive("*1\r\n$536870913\r\n");
  EXPECT_EQ(bytes.error(), "Protocol error: invalid bulk length");
}

TEST(RespParser, LiftsTheLimitsOnceTheClientHasAuthenticated) {
  Receiver receiver(ParserLimits{.authenticated = false});
  receiver.receive(command({"AUTH", "secret"}));
  receiver.parser().set_authenticated(true);

  receiver.receive(command(std::vector<std::string>(11, std::string(20000, 'x'))));

  ASSERT_EQ(receiver.commands().size(), 2U);
  EXPECT_EQ(receiver.commands()[1].size(), 11U);
}

TEST(RespParser, KeepsToSmallLimitsForCommandsThatArriveWhole) {
  Receiver bytes(ParserLimits{.bulk_bytes_max = 5});
  bytes.receive(command({"12345"}));
  bytes.receive(command({"123456"}));
  EXPECT_EQ(bytes.commands(), Commands{{"12345"}});
  EXPECT_EQ(bytes.error(), "Protocol error: invalid bulk length");

  Receiver large(ParserLimits{.bulk_bytes_max = 1000});
  large.receive(command({std::string(1000, 'x')}));
  large.receive(command({std::string(1001, 'x')}));
  EXPECT_EQ(large.commands().size(), 1U);
  EXPECT_EQ(large.error(), "Protocol error: invalid bulk length");

  Receiver count(ParserLimits{.multibulk_count_max = 2});
  count.receive(command({"a", "b"}));
  count.receive(command({"a", "b", "c"}));
  EXPECT_EQ(count.commands().size(), 1U);
  EXPECT_EQ(count.error(), "Protocol error: invalid multibulk length");
}

TEST(RespParser, HasNoRawBytesForWhatAJournalReaderCouldNotRead) {
  const std::string sloppy[] = {"*1\rX$4\r\nPING\r\n", "*1\r\n$4\rXPING\r\n", "*1\r\n$4\r\nPINGXX", "PING\r\n"};
  for (const std::string& request : sloppy) {
    RespParser parser;
    ASSERT_EQ(parser.parse(request), Outcome::command) << request;
    EXPECT_THAT(parser.args(), ElementsAre("PING")) << request;
    EXPECT_THAT(parser.raw(), IsEmpty()) << request;
    EXPECT_EQ(parser.consumed(), request.size()) << request;
  }
}

TEST(RespParser, SaysWhetherACommandWasInline) {
  RespParser parser;
  ASSERT_EQ(parser.parse("PING\r\n"), Outcome::command);
  EXPECT_TRUE(parser.is_inline());
  ASSERT_EQ(parser.parse("*1\r\n$4\r\nPING\r\n"), Outcome::command);
  EXPECT_FALSE(parser.is_inline());
}

TEST(RespParser, SaysHowManyBytesOfAPayloadAreMissing) {
  RespParser parser;
  std::string input = "*2\r\n$3\r\nSET\r\n$1000000\r\n";
  ASSERT_EQ(parser.parse(input), Outcome::need_more);
  EXPECT_EQ(parser.wanted(), 1000002U);

  input += std::string(1000001, 'x');
  ASSERT_EQ(parser.parse(input), Outcome::need_more);
  EXPECT_EQ(parser.wanted(), 1U);

  ASSERT_EQ(parser.parse("*2\r\n$3\r\nSET\r\n$1000000\r\n" + std::string(1000002, 'x')), Outcome::command);
  EXPECT_EQ(parser.wanted(), 0U);
}

TEST(RespParser, TakesALengthUpTo63BitsWhenTheLimitAllowsIt) {
  // A primary's stream is not held to proto-max-bulk-len.
  RespParser parser(ParserLimits{.bulk_bytes_max = std::numeric_limits<std::size_t>::max()});
  const std::string input = "*1\r\n$9223372036854775807\r\nabc";
  ASSERT_EQ(parser.parse(input), Outcome::need_more);
  EXPECT_EQ(parser.wanted(), 9223372036854775807ULL + 2 - 3);
}

TEST(RespParser, StartsAfreshAfterAReset) {
  RespParser parser;
  ASSERT_EQ(parser.parse("*2\r\n$3\r\nG"), Outcome::need_more);
  parser.reset();
  ASSERT_EQ(parser.parse("*1\r\n$4\r\nPING\r\n"), Outcome::command);
  EXPECT_THAT(parser.args(), ElementsAre("PING"));
}

TEST(RespParser, ReadsACommandOfManyArgumentsInTheTimeOfItsBytes) {
  // Were each read to start over, these 8,000 reads would look at more than 30 GB.
  OutputBuffer buffer;
  const std::vector<std::string_view> args(1000000, "a");
  append_command(buffer, std::span(args));
  RespParser parser;
  for (std::size_t arrived = 0; arrived < buffer.size(); arrived += 1000) {
    ASSERT_EQ(parser.parse(buffer.view().substr(0, arrived)), Outcome::need_more);
  }
  ASSERT_EQ(parser.parse(buffer.view()), Outcome::command);
  EXPECT_EQ(parser.args().size(), 1000000U);
  EXPECT_EQ(parser.raw().size(), buffer.size());
}

TEST(RespParser, ReusesItsMemoryFromCommandToCommand) {
  RespParser parser;
  const std::string longest = command(std::vector<std::string>(99, "arg"));
  ASSERT_EQ(parser.parse(longest), Outcome::command);
  const std::string_view* const at = parser.args().data();

  for (int count = 1; count < 99; ++count) {
    const std::string request = command(std::vector<std::string>(static_cast<std::size_t>(count), "arg"));
    ASSERT_EQ(parser.parse(std::string_view(request).substr(0, request.size() / 2)), Outcome::need_more);
    ASSERT_EQ(parser.parse(request), Outcome::command);
    ASSERT_EQ(parser.parse(request), Outcome::command);
    EXPECT_EQ(parser.args().data(), at);
  }
}

TEST(RespParser, SurvivesRandomBytes) {
  const std::string alphabet = std::string("*$:-+0123456789\r\n\r\n\r\n '\"\\xA") + '\0';
  std::mt19937 random(7);
  std::size_t commands = 0;
  std::size_t errors = 0;
  for (int round = 0; round < 20000; ++round) {
    Receiver whole;
    Receiver bytewise;
    std::string input;
    for (std::size_t n = random() % 60; n > 0; --n) input.push_back(alphabet[random() % alphabet.size()]);
    whole.receive(input);
    for (const char byte : input) bytewise.receive({&byte, 1});
    ASSERT_EQ(whole.commands(), bytewise.commands()) << input;
    ASSERT_EQ(whole.error(), bytewise.error()) << input;
    commands += whole.commands().size();
    errors += whole.failed() ? 1 : 0;
  }
  EXPECT_GT(commands, 1000U);
  EXPECT_GT(errors, 1000U);
}

TEST(RespParser, SurvivesRequestsWithOneByteChanged) {
  for (const std::string& request : requests()) {
    for (std::size_t at = 0; at < std::min<std::size_t>(request.size(), 60); ++at) {
      for (int byte = 0; byte < 256; ++byte) {
        std::string changed = request;
        changed[at] = static_cast<char>(byte);
        Receiver whole;
        whole.receive(changed);
        Receiver split;
        split.receive(std::string_view(changed).substr(0, at));
        split.receive(std::string_view(changed).substr(at));
        ASSERT_EQ(whole.commands(), split.commands()) << changed;
        ASSERT_EQ(whole.error(), split.error()) << changed;
      }
    }
  }
}

TEST(RespParser, TheMemoryOfManyArgumentsIsGivenBackWithTheNextCommand) {
  std::vector<std::string> many(100'000, "a");
  const std::string large = command(many), small = command({"PING"});
  RespParser parser;
  ASSERT_EQ(parser.parse(large), Outcome::command);
  EXPECT_GE(parser.allocated_bytes(), many.size() * sizeof(std::string_view));
  ASSERT_EQ(parser.parse(small), Outcome::command);
  EXPECT_LT(parser.allocated_bytes(), kRestingBytesMax);
}

TEST(RespParser, TheMemoryOfManyArgumentsIsGivenBackBetweenCommandsAndNotWithinOne) {
  const std::string large = command(std::vector<std::string>(100'000, "a"));
  RespParser parser;
  ASSERT_EQ(parser.parse(large.substr(0, large.size() / 2)), Outcome::need_more);
  parser.give_back();
  ASSERT_EQ(parser.parse(large), Outcome::command);
  EXPECT_EQ(parser.args().size(), 100'000u);
  parser.give_back();
  EXPECT_LT(parser.allocated_bytes(), kRestingBytesMax);
  EXPECT_THAT(parser.args(), IsEmpty());
}

}  // namespace
}  // namespace stele
