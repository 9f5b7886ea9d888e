// Every row of the command tables against the facts of Redis 7.2, and how COMMAND INFO shows them.

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <set>

#include <gtest/gtest.h>

#include "engine/command_registry.h"
#include "protocol/commands_command.h"
#include "protocol/resp_text.h"
#include "protocol/server.h"
#include "replication/replication.h"
#include "tests/protocol/json_reader.h"

namespace stele::test {
namespace {

using Names = std::set<std::string>;

Names names_of(const Json& list, bool lower) {
  Names names;
  for (const Json& name : list.elements) names.insert(lower ? to_lower(name.text) : name.text);
  return names;
}

Names names_of(const std::vector<std::string_view>& list, bool lower) {
  Names names;
  for (const std::string_view name : list) names.insert(lower ? to_lower(name) : std::string(name));
  return names;
}

std::int64_t number_or(const Json& value, std::int64_t otherwise) {
  return value.type == Json::Type::number ? value.number : otherwise;
}

/// "index 1 range 0 1 0", to compare and to read.
std::string spec_text(const Json& spec) {
  std::string text;
  const Json& begin = spec["begin"];
  if (begin.has("index")) text += fmt::format("index {}", begin["index"]["pos"].number);
  if (begin.has("keyword")) {
    text += fmt::format("keyword {} {}", begin["keyword"]["keyword"].text, begin["keyword"]["startfrom"].number);
  }
  if (begin.has("unknown")) text += "unknown";
  const Json& find = spec["find"];
  if (find.has("range")) {
    text += fmt::format(" range {} {} {}", find["range"]["lastkey"].number, number_or(find["range"]["step"], 1),
                        number_or(find["range"]["limit"], 0));
  }
  if (find.has("keynum")) {
    text += fmt::format(" keynum {} {} {}", find["keynum"]["keynumidx"].number, find["keynum"]["firstkey"].number,
                        number_or(find["keynum"]["step"], 1));
  }
  if (find.has("unknown")) text += " unknown";
  return text;
}

std::string spec_text(const KeySpec& spec) {
  std::string text;
  if (spec.begin == KeySpec::Begin::index) text += fmt::format("index {}", spec.index);
  if (spec.begin == KeySpec::Begin::keyword) text += fmt::format("keyword {} {}", spec.keyword, spec.index);
  if (spec.begin == KeySpec::Begin::unknown) text += "unknown";
  if (spec.find == KeySpec::Find::range) text += fmt::format(" range {} {} {}", spec.last, spec.step, spec.limit);
  if (spec.find == KeySpec::Find::keynum) {
    text += fmt::format(" keynum {} {} {}", spec.keynum_index, spec.first_key, spec.step);
  }
  if (spec.find == KeySpec::Find::unknown) text += " unknown";
  return text;
}

class CommandTable : public ::testing::Test {
 protected:
  CommandTable() { register_commands(registry_), registry_.add(replication_commands()); }

  /// The facts by full name; empty if the file is not at hand.
  static std::map<std::string, Json> facts() {
    const char* const set = std::getenv("STELE_COMPAT");
    for (const std::string& folder : {std::string(set == nullptr ? "" : set), std::string("../shared/compat"),
                                      std::string("../../shared/compat")}) {
      std::ifstream file(folder + "/commands-7.2.json");
      if (!file) continue;
      const std::string text(std::istreambuf_iterator<char>(file), {});
      std::map<std::string, Json> facts;
      Json all = JsonReader(text).read();
      for (Json& command : all.elements) facts.emplace(command["name"].text, std::move(command));
      return facts;
    }
    return {};
  }

  template <typename Visit>
  void for_each_command(const std::vector<RegisteredCommand*>& commands, const Visit& visit) {
    for (const RegisteredCommand* command : commands) {
      visit(*command);
      for_each_command(command->subcommands, visit);
    }
  }
  template <typename Visit>
  void for_each_command(const Visit& visit) {
    for_each_command(registry_.commands(), visit);
  }

  CommandRegistry registry_;
};

TEST_F(CommandTable, RowsSayWhatRedisSaysOfItsCommands) {
  const std::map<std::string, Json> facts = CommandTable::facts();
  if (facts.empty()) GTEST_SKIP() << "commands-7.2.json is not there; STELE_COMPAT names its folder";
  std::size_t compared = 0;
  for_each_command([&](const RegisteredCommand& command) {
    SCOPED_TRACE(command.full_name);
    const auto found = facts.find(command.full_name);
    const std::string_view container = std::string_view(command.full_name).substr(0, command.full_name.find('|'));
    if (container == "backup" || container == "journal") {
      EXPECT_EQ(found, facts.end());  // ours alone
      return;
    }
    ASSERT_NE(found, facts.end());
    const Json& fact = found->second;
    const Command& row = *command.row;
    // REPLICAOF host port FORCE is ours alone.
    const bool has_more = command.full_name == "replicaof" || command.full_name == "slaveof";
    EXPECT_EQ(row.arity, has_more ? -3 : fact["arity"].number);
    EXPECT_EQ(row.group, fact["group"].text);
    EXPECT_EQ(row.since, fact["since"].text);
    EXPECT_EQ(row.deprecated_since, fact["deprecated_since"].text);
    Names flags = names_of(fact["flags"], true);
    // About Sentinel, and not part of what COMMAND shows.
    for (const char* const hidden : {"sentinel", "only_sentinel", "touches_arbitrary_keys"}) flags.erase(hidden);
    EXPECT_EQ(names_of(flag_names(row.flags), true), flags);
    const Names acl = names_of(fact["acl"], true);
    for (const std::string& category : acl) {
      ASSERT_TRUE(category_of_name(category)) << category;
      EXPECT_TRUE(command.categories & *category_of_name(category)) << category;
    }
    std::size_t specs = 0;
    while (specs < row.keys.size() && row.keys[specs].begin != KeySpec::Begin::none) ++specs;
    ASSERT_EQ(specs, fact["key_specs"].elements.size());
    for (std::size_t i = 0; i < specs; ++i) {
      EXPECT_EQ(spec_text(row.keys[i]), spec_text(fact["key_specs"].elements[i]));
      EXPECT_EQ(names_of(key_flag_names(row.keys[i].flags), true),
                names_of(fact["key_specs"].elements[i]["flags"], true));
    }
    ++compared;
  });
  EXPECT_GT(compared, 100u);
}

TEST_F(CommandTable, EveryRowIsDocumentedAndCanRun) {
  for_each_command([](const RegisteredCommand& command) {
    SCOPED_TRACE(command.full_name);
    EXPECT_FALSE(command.row->summary.empty());
    EXPECT_FALSE(command.row->complexity.empty());
    EXPECT_TRUE(command.row->run != nullptr || !command.subcommands.empty());
  });
}

TEST_F(CommandTable, CategoriesFollowFromTheFlags) {
  EXPECT_EQ(category_names(registry_.find_full("client|kill")->categories),
            (std::vector<std::string_view>{"admin", "slow", "dangerous", "connection"}));
  EXPECT_EQ(category_names(registry_.find_full("memory|usage")->categories),
            (std::vector<std::string_view>{"read", "slow"}));
  EXPECT_EQ(category_names(registry_.find_full("ping")->categories),
            (std::vector<std::string_view>{"fast", "connection"}));
}

TEST_F(CommandTable, CommandInfoShowsOneRowAsRedisDoes) {
  OutputBuffer output;
  RespWriter reply(output, RespVersion::resp3);
  reply_with_command_info(reply, *registry_.find_full("memory|usage"));
  EXPECT_EQ(output.view(),
            "*10\r\n$12\r\nmemory|usage\r\n:-3\r\n~1\r\n+readonly\r\n:2\r\n:2\r\n:1\r\n~2\r\n+@read\r\n+@slow\r\n~0\r\n"
            "~1\r\n%3\r\n$5\r\nflags\r\n~1\r\n+RO\r\n"
            "$12\r\nbegin_search\r\n%2\r\n$4\r\ntype\r\n$5\r\nindex\r\n$4\r\nspec\r\n%1\r\n$5\r\nindex\r\n:2\r\n"
            "$9\r\nfind_keys\r\n%2\r\n$4\r\ntype\r\n$5\r\nrange\r\n$4\r\nspec\r\n%3\r\n$7\r\nlastkey\r\n:0\r\n"
            "$7\r\nkeystep\r\n:1\r\n$5\r\nlimit\r\n:0\r\n~0\r\n");
}

}  // namespace
}  // namespace stele::test
