#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/command_registry.h"
#include "tools/common/json_writer.h"
#include "tools/aof/stream_reader.h"

namespace stele::tools {

/// TIME or OFFSET as the command line has it: digits are an offset, everything else a time (parse_time()).
struct Moment {
  std::optional<std::uint64_t> offset;
  std::optional<UnixTime> time;

  bool given() const { return offset || time; }
  static std::optional<Moment> parse(const std::string& text);
};
inline constexpr const char* kMomentHelp = "an offset, 2026-01-31T12:00:00Z, or @1769860800";

/// "FLUSHALL", "DEL user:*", "SET config:* off": the first word is the command's name, each word behind it a pattern, as KEYS has
/// them, of the argument in that place. Further arguments may be anything; no letters' case matters in the first word.
class CommandPattern {
 public:
  static std::optional<CommandPattern> parse(const std::string& text);
  bool matches(std::span<const std::string_view> args) const;
  const std::string& text() const { return text_; }

 private:
  std::string text_;
  std::vector<std::string> words_;
};

/// The commands there are: what their keys are, and whether a server would run them while it loads.
class StreamCommands {
 public:
  StreamCommands();

  CommandRegistry& registry() { return registry_; }
  const RegisteredCommand* find(std::span<const std::string_view> args) const;
  /// In the order they stand in; views into `args`. Those of a command that is unknown, or has none: none.
  const std::vector<std::string_view>& keys(std::span<const std::string_view> args);
  /// FLUSHALL and the like, which change every key of a database.
  static bool changes_all(std::span<const std::string_view> args);
  /// Why a server would not run it while it loads; empty if it would.
  std::string problem(std::span<const std::string_view> args) const;

 private:
  CommandRegistry registry_;
  std::vector<KeyPosition> positions_;
  std::vector<std::string_view> keys_;
};

/// Which commands are shown.
struct CommandSelection {
  std::vector<std::string> keys;      // patterns; any of them; none: all
  std::vector<std::string> commands;  // patterns of names; any of them
  std::vector<int> databases;
  Moment since;
  Moment until;
  bool structure = false;  // SELECT, MULTI and EXEC as well

  bool matches(const StreamCommand& command, StreamCommands& commands) const;
  /// Nothing behind `command` matches either.
  bool is_past(const StreamCommand& command) const;
};

/// SET "key" "value": arguments in quotes where they need it, each of at most `bytes_max` bytes, many of them cut.
std::string command_text(std::span<const std::string_view> args, std::size_t bytes_max);
void command_json(JsonWriter& json, const StreamCommand& command, std::uint64_t bytes_max);

}  // namespace stele::tools
