// The one-line syntax of a command, and what COMMAND DOCS makes of it.

#include "protocol/command_syntax.h"

#include <gtest/gtest.h>

#include "engine/command_registry.h"
#include "protocol/server.h"
#include "replication/replication.h"

namespace stele::test {
namespace {

using Type = SyntaxArgument::Type;

std::vector<SyntaxArgument> parsed(std::string_view syntax, int key_specs = 1) {
  auto arguments = parse_syntax(syntax, key_specs);
  EXPECT_TRUE(arguments) << syntax;
  return arguments ? *std::move(arguments) : std::vector<SyntaxArgument>(1);
}

TEST(CommandSyntax, AWordIsAnArgumentOfItsTypeAndAKeyHasASpecification) {
  const auto arguments = parsed("key seconds:integer value destination:key", 2);
  ASSERT_EQ(arguments.size(), 4u);
  EXPECT_EQ(arguments[0].type, Type::key);
  EXPECT_EQ(arguments[0].key_spec, 0);
  EXPECT_EQ(arguments[1].name, "seconds");
  EXPECT_EQ(arguments[1].type, Type::integer);
  EXPECT_EQ(arguments[2].type, Type::string);
  EXPECT_EQ(arguments[3].key_spec, 1);
  EXPECT_EQ(parsed("ip:port")[0].name, "ip:port");
}

TEST(CommandSyntax, ATokenBelongsToTheArgumentBehindIt) {
  const auto arguments = parsed("[NX] [EX seconds:integer] [LIMIT (offset:integer count:integer)]");
  ASSERT_EQ(arguments.size(), 3u);
  EXPECT_EQ(arguments[0].type, Type::pure_token);
  EXPECT_EQ(arguments[0].name, "nx");
  EXPECT_EQ(arguments[0].token, "NX");
  EXPECT_TRUE(arguments[0].optional);
  EXPECT_EQ(arguments[1].name, "seconds");
  EXPECT_EQ(arguments[1].token, "EX");
  EXPECT_EQ(arguments[2].type, Type::block);
  EXPECT_EQ(arguments[2].name, "offset_count");
  EXPECT_EQ(arguments[2].token, "LIMIT");
  EXPECT_EQ(arguments[2].arguments.size(), 2u);
}

TEST(CommandSyntax, AlternativesAreOneArgument) {
  const auto arguments = parsed("expiration=[EX seconds:integer|KEEPTTL] (a b|c) id=(auto=\"*\"|id)");
  ASSERT_EQ(arguments.size(), 3u);
  EXPECT_EQ(arguments[0].name, "expiration");
  EXPECT_EQ(arguments[0].type, Type::oneof);
  EXPECT_TRUE(arguments[0].optional);
  EXPECT_EQ(arguments[0].arguments[1].token, "KEEPTTL");
  EXPECT_EQ(arguments[1].name, "a_b_c");
  EXPECT_EQ(arguments[1].arguments[0].type, Type::block);
  EXPECT_FALSE(arguments[1].optional);
  EXPECT_EQ(arguments[2].arguments[0].name, "auto");
  EXPECT_EQ(arguments[2].arguments[0].token, "*");
}

TEST(CommandSyntax, RepetitionMayRepeatTheToken) {
  const auto arguments = parsed("key... (field value)... [GET pattern:pattern]+... ({parameter})...");
  ASSERT_EQ(arguments.size(), 4u);
  EXPECT_TRUE(arguments[0].multiple);
  EXPECT_FALSE(arguments[0].multiple_token);
  EXPECT_EQ(arguments[1].type, Type::block);
  EXPECT_TRUE(arguments[1].multiple);
  EXPECT_TRUE(arguments[2].optional && arguments[2].multiple && arguments[2].multiple_token);
  EXPECT_EQ(arguments[3].type, Type::block);
  EXPECT_EQ(arguments[3].arguments.size(), 1u);
}

TEST(CommandSyntax, MistakesAreNoticed) {
  for (const std::string_view wrong : {"key  value", "(a", "[a|]", "a)", "=b", "\"*", "a |b", "()"}) {
    EXPECT_FALSE(parse_syntax(wrong, 1)) << wrong;
  }
}

TEST(CommandSyntax, EveryRowsCanBeRead) {
  CommandRegistry registry;
  register_commands(registry), registry.add(replication_commands());
  std::size_t read = 0;
  for (const RegisteredCommand& command : registry.all()) {
    if (command.row->syntax.empty()) continue;
    EXPECT_TRUE(parse_syntax(command.row->syntax, 3)) << command.full_name << ": " << command.row->syntax;
    ++read;
  }
  EXPECT_GT(read, 100u);
}

TEST(CommandSyntax, ARepliesArgumentsAreMaps) {
  OutputBuffer output;
  RespWriter reply(output, RespVersion::resp3);
  reply_with_arguments(reply, parsed("key [EX seconds:integer]"));
  EXPECT_EQ(output.view(),
            "*2\r\n%4\r\n$4\r\nname\r\n$3\r\nkey\r\n$4\r\ntype\r\n$3\r\nkey\r\n$12\r\ndisplay_text\r\n$3\r\nkey\r\n"
            "$14\r\nkey_spec_index\r\n:0\r\n"
            "%5\r\n$4\r\nname\r\n$7\r\nseconds\r\n$4\r\ntype\r\n$7\r\ninteger\r\n$12\r\ndisplay_text\r\n$7\r\nseconds\r\n"
            "$5\r\ntoken\r\n$2\r\nEX\r\n$5\r\nflags\r\n~1\r\n+optional\r\n");
}

}  // namespace
}  // namespace stele::test
