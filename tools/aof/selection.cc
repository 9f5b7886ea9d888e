#include "tools/aof/selection.h"

#include <charconv>

#include "engine/glob.h"
#include "protocol/resp_text.h"
#include "protocol/server.h"
#include "tools/common/text.h"

namespace stele::tools {

namespace {

constexpr std::size_t kArgsShown = 20;

bool is_structure(std::span<const std::string_view> args) {
  return equals_ignoring_case(args[0], "SELECT") || equals_ignoring_case(args[0], "MULTI") || equals_ignoring_case(args[0], "EXEC");
}

bool is_plain(std::string_view text) {
  if (text.empty()) return false;
  for (const char c : text) {
    if (c <= ' ' || c >= 0x7f || c == '"' || c == '\\' || c == '\'') return false;
  }
  return true;
}

}  // namespace

std::optional<Moment> Moment::parse(const std::string& text) {
  Moment moment;
  std::uint64_t offset = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, offset);
  if (error == std::errc() && stop == end) {
    moment.offset = offset;
    return moment;
  }
  const auto time = parse_time(text);
  if (!time) return std::nullopt;
  moment.time = UnixTime(*time);
  return moment;
}

std::optional<CommandPattern> CommandPattern::parse(const std::string& text) {
  CommandPattern pattern;
  pattern.text_ = text;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t begin = text.find_first_not_of(' ', at);
    if (begin == std::string::npos) break;
    at = std::min(text.find(' ', begin), text.size());
    pattern.words_.push_back(text.substr(begin, at - begin));
  }
  if (pattern.words_.empty()) return std::nullopt;
  return pattern;
}

bool CommandPattern::matches(std::span<const std::string_view> args) const {
  if (args.size() < words_.size() || !glob_matches(words_[0], args[0], true)) return false;
  for (std::size_t i = 1; i < words_.size(); ++i) {
    if (words_[i] != "*" && !glob_matches(words_[i], args[i])) return false;
  }
  return true;
}

StreamCommands::StreamCommands() { register_commands(registry_); }

const RegisteredCommand* StreamCommands::find(std::span<const std::string_view> args) const {
  const RegisteredCommand* command = registry_.find_in_stream(args[0]);
  if (command == nullptr || command->subcommands.empty() || args.size() < 2) return command;
  return CommandRegistry::find_subcommand(*command, args[1]);
}

const std::vector<std::string_view>& StreamCommands::keys(std::span<const std::string_view> args) {
  keys_.clear();
  positions_.clear();
  const RegisteredCommand* command = find(args);
  if (command == nullptr || !key_positions(*command, args, positions_)) return keys_;
  for (const KeyPosition& position : positions_) {
    if (position.index > 0 && static_cast<std::size_t>(position.index) < args.size()) {
      keys_.push_back(args[static_cast<std::size_t>(position.index)]);
    }
  }
  return keys_;
}

bool StreamCommands::changes_all(std::span<const std::string_view> args) {
  return equals_ignoring_case(args[0], "FLUSHALL") || equals_ignoring_case(args[0], "FLUSHDB") ||
         equals_ignoring_case(args[0], "SWAPDB");
}

std::string StreamCommands::problem(std::span<const std::string_view> args) const {
  const RegisteredCommand* command = find(args);
  if (command == nullptr || command->row->run == nullptr) {
    return equals_ignoring_case(args[0], "REPLCONF") ? std::string() : fmt::format("unknown command {}", in_quotes(args[0], 64));
  }
  const auto argc = static_cast<int>(args.size());
  const int arity = command->row->arity;
  if (arity > 0 ? argc != arity : argc < -arity) {
    return fmt::format("{} with {} arguments, which it does not take", in_quotes(args[0], 64), argc - 1);
  }
  return {};
}

bool CommandSelection::matches(const StreamCommand& command, StreamCommands& registry) const {
  if (since.offset && command.offset < *since.offset) return false;
  if (since.time && (!command.time || *command.time < *since.time)) return false;
  if (is_past(command)) return false;
  if (!structure && is_structure(command.args)) return false;
  if (!databases.empty() && std::find(databases.begin(), databases.end(), command.db) == databases.end()) return false;
  if (!commands.empty()) {
    const RegisteredCommand* known = commands.empty() ? nullptr : registry.find(command.args);
    const bool any = std::any_of(commands.begin(), commands.end(), [&](const std::string& pattern) {
      return glob_matches(pattern, command.args[0], true) || (known != nullptr && glob_matches(pattern, known->full_name, true));
    });
    if (!any) return false;
  }
  if (keys.empty()) return true;
  if (StreamCommands::changes_all(command.args)) return true;
  for (const std::string_view key : registry.keys(command.args)) {
    for (const std::string& pattern : keys) {
      if (pattern == "*" || glob_matches(pattern, key)) return true;
    }
  }
  return false;
}

bool CommandSelection::is_past(const StreamCommand& command) const {
  return (until.offset && command.offset >= *until.offset) || (until.time && command.time && *command.time > *until.time);
}

std::string command_text(std::span<const std::string_view> args, std::size_t bytes_max) {
  std::string out = is_plain(args[0]) ? printable(args[0], bytes_max) : in_quotes(args[0], bytes_max);
  for (std::size_t i = 1; i < args.size(); ++i) {
    if (i == kArgsShown && args.size() > kArgsShown + 1) {
      out += fmt::format(" ... and {} more", args.size() - i);
      break;
    }
    out += ' ';
    out += is_plain(args[i]) && args[i].size() <= bytes_max ? std::string(args[i]) : in_quotes(args[i], bytes_max);
  }
  return out;
}

void command_json(JsonWriter& json, const StreamCommand& command, std::uint64_t bytes_max) {
  json.field("file", command.file->name).field("position", command.position).field("offset", command.offset).name("time_ms");
  command.time ? json.number(command.time->ms()) : json.null();
  json.field("db", command.db).field("transaction", command.in_transaction).name("args").begin_array();
  for (const std::string_view arg : command.args) json.string(bytes_max > 0 ? arg.substr(0, bytes_max) : arg);
  json.end_array();
}

}  // namespace stele::tools
