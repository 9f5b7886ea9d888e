// COMMAND DOCS and what is next to it, compared with Redis 7.0.15.
#include <map>
#include <set>

#include "tests/system/system_fixture.h"

namespace stele::test {
namespace {

const Reply* field(const Reply& map, std::string_view name) {
  for (std::size_t i = 0; i + 1 < map.elements.size(); i += 2) {
    if (map.elements[i] == name) return &map.elements[i + 1];
  }
  return nullptr;
}

/// The structure of `arguments` on one line, without what only one of the versions tells: "since", and "display_text".
std::string shape_of(const Reply& arguments) {
  std::string shape;
  for (const Reply& argument : arguments.elements) {
    shape += " " + field(argument, "name")->text + ":" + field(argument, "type")->text;
    if (const Reply* spec = field(argument, "key_spec_index")) shape += "@" + spec->text;
    if (const Reply* token = field(argument, "token")) shape += " token=" + token->text;
    if (const Reply* flags = field(argument, "flags")) {
      for (const Reply& flag : flags->elements) shape += " " + flag.text;
    }
    if (const Reply* nested = field(argument, "arguments")) shape += " (" + shape_of(*nested) + " )";
  }
  return shape;
}

using Shapes = std::map<std::string, std::string>;

void collect(const Reply& docs, Shapes& shapes) {
  for (std::size_t i = 0; i + 1 < docs.elements.size(); i += 2) {
    const Reply& doc = docs.elements[i + 1];
    const Reply* arguments = field(doc, "arguments");
    shapes[docs.elements[i].text] = arguments == nullptr ? "" : shape_of(*arguments);
    if (const Reply* subcommands = field(doc, "subcommands")) collect(*subcommands, shapes);
  }
}

TEST(CommandDocs, ArgumentsAreThoseThatRedisTells) {
  Server ours;
  RedisServer redis;
  Shapes our_shapes, redis_shapes;
  collect(ours.run("COMMAND", "DOCS"), our_shapes);
  collect(redis.run("COMMAND", "DOCS"), redis_shapes);
  // Redis 7.2 has more arguments than 7.0.
  const std::set<std::string> newer{"zrank", "zrevrank"};
  std::size_t compared = 0;
  for (const auto& [name, shape] : our_shapes) {
    const auto found = redis_shapes.find(name);
    if (found == redis_shapes.end() || newer.contains(name) || (shape.empty() && name.starts_with("stele"))) continue;
    EXPECT_EQ(shape, found->second) << name;
    ++compared;
  }
  EXPECT_GT(compared, 150u);
}

TEST(CommandDocs, KeysAndTheirFlagsAreThoseThatRedisTells) {
  Server ours;
  RedisServer redis;
  const std::vector<std::vector<std::string>> commands{
      {"GET", "k"}, {"SET", "k", "v"}, {"SET", "k", "v", "GET"}, {"SET", "k", "v", "EX", "get"}, {"MGET", "a", "b"},
      {"MSET", "a", "1", "b", "2"}, {"COPY", "a", "b"}, {"RENAME", "a", "b"}, {"DEL", "a", "b"}, {"LCS", "a", "b"}, {"GETEX", "a"},
      {"OBJECT", "ENCODING", "k"}, {"MEMORY", "USAGE", "k"}, {"WATCH", "a", "b"}, {"EXISTS", "a"}, {"PING", "text"},
      {"nosuch", "k"}, {"GET", "k", "more"},  // 7.0 wants an argument behind the name
  };
  for (std::vector<std::string> command : commands) {
    for (const char* const sub : {"GETKEYS", "GETKEYSANDFLAGS"}) {
      std::vector<std::string> asked{"COMMAND", sub};
      asked.insert(asked.end(), command.begin(), command.end());
      const Reply our_reply = ours.connect().run_arguments(asked);
      EXPECT_EQ(our_reply, redis.connect().run_arguments(asked)) << sub << " " << command[0];
    }
  }
}

}  // namespace
}  // namespace stele::test
