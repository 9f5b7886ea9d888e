// The aclfile: a `user` line for each user, and nothing else.
//
//     user <name> <rule> <rule> ...

#include <filesystem>

#include "protocol/acl/acl.h"

namespace stele {

namespace {

std::string_view trim(std::string_view text, std::string_view what) {
  const std::size_t first = text.find_first_not_of(what);
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(what) - first + 1);
}

/// As Redis: at each single space, so that two of them have an empty word between them.
std::vector<std::string_view> words_of(std::string_view line) {
  std::vector<std::string_view> words;
  for (;;) {
    const std::size_t end = line.find(' ');
    words.push_back(line.substr(0, end));
    if (end == line.npos) return words;
    line.remove_prefix(end + 1);
  }
}

class AclFileParser {
 public:
  AclFileParser(std::string_view file, const CommandRegistry* commands, bool all_channels,
                std::map<std::string, std::unique_ptr<AclUser>, std::less<>>& users)
      : file_(file), commands_(commands), all_channels_(all_channels), users_(users) {}

  void read_line(std::string_view line, int number) {
    number_ = number;
    const std::vector<std::string_view> words = words_of(line);
    if (words[0] != "user" || words.size() < 2) {
      return say("{}:{} should start with user keyword followed by the username. ", file_, number);
    }
    const std::string name(words[1]);
    if (!is_user_name(name)) return say("'{}:{}: username '{}' contains invalid characters. ", file_, number, name);
    if (users_.contains(name)) return say("WARNING: Duplicate user '{}' found on line {}. ", name, number);

    auto user = std::make_unique<AclUser>(name, all_channels_);
    std::string unclosed;
    const auto rules = join_selectors(std::span(words).subspan(2), unclosed);
    if (!rules) return say("{}:{}: Unmatched parenthesis in selector definition.", file_, number);
    apply(*user, *rules);
    users_.emplace(name, std::move(user));
  }

  std::string errors;

 private:
  template <typename... Args>
  void say(fmt::format_string<Args...> format, Args&&... args) {
    fmt::format_to(std::back_inserter(errors), format, std::forward<Args>(args)...);
  }

  /// All unknown commands of a line are told, since they likely come from another version; of other errors the first.
  void apply(AclUser& user, const std::vector<std::string>& rules) {
    bool told = false;
    for (const std::string& rule : rules) {
      const std::string_view trimmed = trim(rule, "\t\r\n");
      const RuleError error = user.apply(trimmed, commands_, all_channels_);
      if (error == RuleError::none) continue;
      if (error == RuleError::unknown_command) {
        say("{}:{}: Error in applying operation '{}': {}. ", file_, number_, shown_rule(trimmed), text_of(error));
      } else if (!std::exchange(told, true)) {
        say("{}:{}: {}. ", file_, number_, text_of(error));
      }
    }
  }

  std::string_view file_;
  const CommandRegistry* commands_;
  bool all_channels_;
  std::map<std::string, std::unique_ptr<AclUser>, std::less<>>& users_;
  int number_ = 0;
};

}  // namespace

std::string parse_acl_file(std::string_view text, std::string_view file, const CommandRegistry* commands, bool all_channels,
                           std::map<std::string, std::unique_ptr<AclUser>, std::less<>>& users) {
  AclFileParser parser(file, commands, all_channels, users);
  for (int number = 1; !text.empty(); ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = trim(text.substr(0, end), " \t\r\n");
    text.remove_prefix(std::min(end + 1, text.size()));
    if (!line.empty()) parser.read_line(line, number);
  }
  if (parser.errors.empty()) return {};
  return parser.errors + "WARNING: ACL errors detected, no change to the previously active ACL rules was performed";
}

std::string acl_file_path(const Config& config) {
  return std::filesystem::absolute(std::filesystem::path(config.dir) / config.aclfile).lexically_normal().native();
}

}  // namespace stele
