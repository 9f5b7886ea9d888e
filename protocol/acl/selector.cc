#include "protocol/acl/selector.h"

#include <algorithm>

#include "engine/glob.h"
#include "protocol/commands_command.h"

namespace stele {

namespace {

/// Patterns stand between spaces wherever users are written down.
bool has_spaces(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](unsigned char c) { return c == 0 || std::isspace(c) != 0; });
}

bool is_rule(std::string_view rule, std::string_view name) { return equals_ignoring_case(rule, name); }

/// The same pattern again only adds rights.
void add_pattern(std::vector<NamePattern>& patterns, std::string_view text, std::uint8_t rights) {
  for (NamePattern& known : patterns) {
    if (known.text() != text) continue;
    known.rights |= rights;
    return;
  }
  patterns.emplace_back(text, rights);
}

}  // namespace

std::uint8_t rights_of(Flags key_flags) {
  std::uint8_t rights = 0;
  if (key_flags & key_flag::kAccess) rights |= kMayRead;
  if (key_flags & (key_flag::kInsert | key_flag::kDelete | key_flag::kUpdate)) rights |= kMayWrite;
  return rights;
}

// --- patterns

NamePattern::NamePattern(std::string_view text, std::uint8_t rights_given) : rights(rights_given), text_(text) {
  const std::size_t special = text.find_first_of("*?[\\");
  if (special == text.npos) {
    shape_ = Shape::name;
  } else if (special + 1 == text.size() && text[special] == '*') {
    shape_ = special == 0 ? Shape::any : Shape::prefix;
  } else {
    shape_ = Shape::glob;
  }
}

bool NamePattern::matches(std::string_view name) const {
  switch (shape_) {
    case Shape::name:
      return name == text_;
    case Shape::prefix:
      return name.starts_with(std::string_view(text_).substr(0, text_.size() - 1));
    case Shape::any:
      return true;
    case Shape::glob:
      break;
  }
  return glob_matches(text_, name);
}

// --- rules

RuleError Selector::apply(std::string_view rule, const CommandRegistry* commands) {
  if (is_rule(rule, "allkeys") || rule == "~*") {
    all_keys_ = true;
    keys_.clear();
  } else if (is_rule(rule, "resetkeys")) {
    all_keys_ = false;
    keys_.clear();
  } else if (is_rule(rule, "allchannels") || rule == "&*") {
    all_channels_ = true;
    channels_.clear();
  } else if (is_rule(rule, "resetchannels")) {
    all_channels_ = false;
    channels_.clear();
  } else if (is_rule(rule, "allcommands") || is_rule(rule, "+@all")) {
    allow_all(true, commands);
  } else if (is_rule(rule, "nocommands") || is_rule(rule, "-@all")) {
    allow_all(false, commands);
  } else if (rule.starts_with('~') || rule.starts_with('%')) {
    return apply_key_rule(rule);
  } else if (rule.starts_with('&')) {
    const std::string_view pattern = rule.substr(1);
    if (all_channels_) return RuleError::channels_after_all;
    if (has_spaces(pattern)) return RuleError::syntax;
    add_pattern(channels_, pattern, 0);
  } else if (rule.starts_with("+@") || rule.starts_with("-@")) {
    return apply_category(rule.substr(2), rule.front() == '+', commands);
  } else if (rule.starts_with('+') || rule.starts_with('-')) {
    return apply_command(rule.substr(1), rule.front() == '+', commands);
  } else {
    return RuleError::syntax;
  }
  return RuleError::none;
}

/// `~pattern`, `%R~pattern`, `%W~pattern`, `%RW~pattern`.
RuleError Selector::apply_key_rule(std::string_view rule) {
  if (all_keys_) return RuleError::keys_after_all;
  std::uint8_t rights = kMayRead | kMayWrite;
  std::string_view pattern = rule.substr(1);
  if (rule.front() == '%') {
    rights = 0;
    std::size_t at = 1;
    for (; at < rule.size() && rule[at] != '~'; ++at) {
      const char letter = to_lower(rule[at]);
      if (letter == 'r' && (rights & kMayRead) == 0) {
        rights |= kMayRead;
      } else if (letter == 'w' && (rights & kMayWrite) == 0) {
        rights |= kMayWrite;
      } else {
        return RuleError::syntax;
      }
    }
    if (rights == 0 || at == rule.size()) return RuleError::syntax;
    pattern = rule.substr(at + 1);
  }
  if (has_spaces(pattern)) return RuleError::syntax;
  add_pattern(keys_, pattern, rights);
  return RuleError::none;
}

void Selector::allow_all(bool allow, const CommandRegistry* commands) {
  all_commands_ = base_allows_ = allow;
  const std::size_t count = commands == nullptr ? 0 : commands->all().size();
  allowed_.assign((count + 63) / 64, allow ? ~std::uint64_t{0} : 0);
  first_args_.clear();
  rules_.clear();
}

RuleError Selector::apply_category(std::string_view name, bool allow, const CommandRegistry* commands) {
  const std::optional<Flags> category = category_of_name(name);
  if (!category) return RuleError::unknown_command;
  if (commands == nullptr) return RuleError::none;
  for (const RegisteredCommand& command : commands->all()) {
    if (command.categories & *category) set_command(command, allow);
  }
  note_rule(fmt::format("@{}", name), allow);
  return RuleError::none;
}

RuleError Selector::apply_command(std::string_view name, bool allow, const CommandRegistry* commands) {
  const std::size_t bar = name.find('|');
  const std::string_view sub = bar == name.npos ? std::string_view() : name.substr(bar + 1);
  if (commands == nullptr) return bar != name.npos && sub.empty() && allow ? RuleError::syntax : RuleError::none;
  // By the names that do not change: rename-command is about what clients type.
  const RegisteredCommand* command = commands->find_in_stream(name.substr(0, bar));
  if (command == nullptr) return RuleError::unknown_command;
  if (bar == name.npos) {
    set_command(*command, allow);
    note_rule(name, allow);
    return RuleError::none;
  }
  const std::size_t second_bar = sub.find('|');
  if (const RegisteredCommand* found = CommandRegistry::find_subcommand(*command, sub.substr(0, second_bar))) {
    if (second_bar != sub.npos) return allow ? RuleError::argument_of_subcommand : RuleError::unknown_command;
    set_command(*found, allow);
    note_rule(name, allow);
    return RuleError::none;
  }
  // What is left is the old form: a command that is allowed only with a certain first argument.
  if (!allow || second_bar != sub.npos) return RuleError::unknown_command;
  if (sub.empty()) return RuleError::syntax;
  if (!command->subcommands.empty()) return RuleError::unknown_command;
  std::vector<std::string>& arguments = first_args_[command->id];
  const auto is_sub = [&](const std::string& known) { return equals_ignoring_case(known, sub); };
  if (std::none_of(arguments.begin(), arguments.end(), is_sub)) arguments.emplace_back(sub);
  note_rule(name, true);
  return RuleError::none;
}

void Selector::set_bit(std::uint32_t id, bool allow) {
  const std::size_t word = id / 64;
  if (word >= allowed_.size()) allowed_.resize(word + 1);
  const std::uint64_t bit = std::uint64_t{1} << (id % 64);
  allow ? allowed_[word] |= bit : allowed_[word] &= ~bit;
  if (!allow) all_commands_ = false;
  first_args_.erase(id);
}

void Selector::set_command(const RegisteredCommand& command, bool allow) {
  set_bit(command.id, allow);
  for (const RegisteredCommand* sub : command.subcommands) set_bit(sub->id, allow);
}

void Selector::note_rule(std::string_view name, bool allow) {
  const std::string lowered = to_lower(name);
  std::erase_if(rules_, [&](const Rule& rule) {
    const std::string_view known = rule.name;
    return known == lowered || (known.starts_with(lowered) && known[lowered.size()] == '|');
  });
  rules_.push_back({lowered, allow});
}

// --- texts

std::string Selector::commands_text() const {
  std::string text = base_allows_ ? "+@all" : "-@all";
  for (const Rule& rule : rules_) fmt::format_to(std::back_inserter(text), " {}{}", rule.allow ? '+' : '-', rule.name);
  return text;
}

std::string Selector::keys_text() const {
  if (all_keys_) return "~*";
  std::string text;
  for (const NamePattern& pattern : keys_) {
    if (!text.empty()) text += ' ';
    if (pattern.rights == kMayRead) text += "%R";
    if (pattern.rights == kMayWrite) text += "%W";
    text += '~';
    text += pattern.text();
  }
  return text;
}

std::string Selector::channels_text() const {
  if (all_channels_) return "&*";
  std::string text;
  for (const NamePattern& pattern : channels_) {
    if (!text.empty()) text += ' ';
    text += '&';
    text += pattern.text();
  }
  return text;
}

std::string Selector::text() const {
  std::string text = keys_text();
  if (!text.empty()) text += ' ';
  if (!all_channels_) text += "resetchannels ";
  text += channels_text();
  if (text.ends_with(' ') || text.empty()) return text + commands_text();
  return text + ' ' + commands_text();
}

// --- checks

bool Selector::allows_command(const RegisteredCommand& command, std::span<const std::string_view> args) const {
  if (all_commands_ || command.is(command_flag::kNoAuth)) return true;
  const std::size_t word = command.id / 64;
  if (word < allowed_.size() && (allowed_[word] >> (command.id % 64) & 1) != 0) return true;
  if (first_args_.empty() || args.size() < 2) return false;
  const auto found = first_args_.find(command.id);
  if (found == first_args_.end()) return false;
  return std::any_of(found->second.begin(), found->second.end(),
                     [&](const std::string& known) { return equals_ignoring_case(known, args[1]); });
}

bool Selector::allows_key(std::string_view key, std::uint8_t rights) const {
  if (all_keys_) return true;
  return std::any_of(keys_.begin(), keys_.end(), [&](const NamePattern& pattern) {
    return (pattern.rights & rights) == rights && pattern.matches(key);
  });
}

bool Selector::allows_channel(std::string_view channel, bool as_pattern) const {
  if (all_channels_) return true;
  return std::any_of(channels_.begin(), channels_.end(), [&](const NamePattern& pattern) {
    return as_pattern ? pattern.text() == channel : pattern.matches(channel);
  });
}

bool Selector::allows_every_key(std::uint8_t rights) const {
  if (all_keys_) return true;
  return std::any_of(keys_.begin(), keys_.end(), [&](const NamePattern& pattern) {
    return (pattern.rights & rights) == rights && pattern.text() == "*";
  });
}

Verdict Selector::check(const RegisteredCommand& command, std::span<const std::string_view> args,
                        std::span<const KeyPosition> keys) const {
  if (!allows_command(command, args)) return {Denial::command, 0};
  if (!all_keys_) {
    for (const KeyPosition& key : keys) {
      if (!allows_key(args[static_cast<std::size_t>(key.index)], rights_of(key.flags))) return {Denial::key, key.index};
    }
  }
  if (!all_channels_ && command.is(command_flag::kPubsub)) {
    const std::string_view name = command.row->name;
    const bool one = name == "publish" || name == "spublish";
    const bool as_pattern = name == "psubscribe";
    if (one || as_pattern || name == "subscribe" || name == "ssubscribe") {
      const std::size_t end = one ? std::min<std::size_t>(2, args.size()) : args.size();
      for (std::size_t i = 1; i < end; ++i) {
        if (!allows_channel(args[i], as_pattern)) return {Denial::channel, static_cast<int>(i)};
      }
    }
  }
  return {};
}

}  // namespace stele
