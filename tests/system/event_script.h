#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace stele::test {

/// Commands whose keyspace notifications must be Redis': same channels, same messages, same order. A file of a type defines one
/// or more, and they register themselves:
///
///     const EventScript kLists("lists", R"(
///       RPUSH list a b
///       LPOP list 2
///     )");
///
/// A line is a command, with quotes as redis-cli takes them. `@sleep 20` waits for so many ms, and lines that begin with # are
/// comments. The script runs twice, in a database of its own: with the kinds "KEA", and with "KEAmn". Replies are compared too.
/// It must not depend on chance, nor on how long it takes.
class EventScript {
 public:
  EventScript(std::string_view name, std::string_view text);

  const std::string& name() const { return name_; }
  const std::vector<std::vector<std::string>>& commands() const { return commands_; }

  /// All of the program.
  static const std::vector<const EventScript*>& all();

 private:
  std::string name_;
  std::vector<std::vector<std::string>> commands_;
};

}  // namespace stele::test
