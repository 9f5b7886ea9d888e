#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/command_registry.h"
#include "protocol/acl/rule_error.h"

namespace stele {

/// Why a command is not allowed. In Redis' order: of several selectors' reasons, the greatest is the one told.
enum class Denial : std::uint8_t { none, command, key, auth, channel };

struct Verdict {
  Denial denial = Denial::none;
  int position = 0;  // of the argument that was not allowed
  bool allowed() const { return denial == Denial::none; }
};

/// One key of a command, as permissions see it.
inline constexpr std::uint8_t kMayRead = 1;
inline constexpr std::uint8_t kMayWrite = 2;

/// A pattern of keys or channels. The common shapes, a name and a name with a star behind it, are compared without the
/// general matcher.
class NamePattern {
 public:
  NamePattern(std::string_view text, std::uint8_t rights);
  bool matches(std::string_view name) const;
  const std::string& text() const { return text_; }

  std::uint8_t rights = 0;  // of keys: kMayRead, kMayWrite

 private:
  enum class Shape : std::uint8_t { name, prefix, any, glob } shape_;
  std::string text_;
};

/// A set of commands, keys and channels that go together: a command is allowed if one selector allows all of it. A user
/// has a root selector, and more for each `(...)` rule.
///
/// Commands are a bit each, by RegisteredCommand::id. How they came to be set is kept as text beside them, since that is
/// what ACL LIST shows and what a later version with more commands must read back:
///
///     "+@all" or "-@all", whichever came last, then the rules after it in their order; a rule replaces an older one
///     about the same command or category, and one about a command those about its subcommands
class Selector {
 public:
  explicit Selector(bool all_channels) : all_channels_(all_channels) {}

  /// Applies `+get`, `-@all`, `~key:*`, `%R~key:*`, `&channel`, `allkeys` and so on. The selector is as it was after an error.
  /// Without `commands`, rules about commands are only looked at for their form.
  RuleError apply(std::string_view rule, const CommandRegistry* commands);

  /// As ACL GETUSER shows them: "-@all +get", "~key:* %R~other", "&news".
  std::string commands_text() const;
  std::string keys_text() const;
  std::string channels_text() const;
  /// As in ACL LIST: what rules, separated by spaces, make a fresh selector like this one.
  std::string text() const;

  bool all_commands() const { return all_commands_; }
  bool all_keys() const { return all_keys_; }
  bool all_channels() const { return all_channels_; }
  bool unrestricted() const { return all_commands_ && all_keys_ && all_channels_; }

  bool allows_command(const RegisteredCommand& command, std::span<const std::string_view> args) const;
  /// `rights`: what is done to the key; none is allowed to whoever has any right.
  bool allows_key(std::string_view key, std::uint8_t rights) const;
  /// `as_pattern`: PSUBSCRIBE's argument, which is allowed only if the very same pattern is.
  bool allows_channel(std::string_view channel, bool as_pattern) const;
  /// Whether there is a `*` pattern with these rights.
  bool allows_every_key(std::uint8_t rights) const;
  const std::vector<NamePattern>& channels() const { return channels_; }

  /// Keys by key specification, channels by command; `keys` are those of the command.
  Verdict check(const RegisteredCommand& command, std::span<const std::string_view> args,
                std::span<const KeyPosition> keys) const;

 private:
  RuleError apply_command(std::string_view name, bool allow, const CommandRegistry* commands);
  RuleError apply_category(std::string_view name, bool allow, const CommandRegistry* commands);
  RuleError apply_key_rule(std::string_view rule);
  void allow_all(bool allow, const CommandRegistry* commands);
  void set_bit(std::uint32_t id, bool allow);
  void set_command(const RegisteredCommand& command, bool allow);
  void note_rule(std::string_view name, bool allow);

  bool all_commands_ = false;
  bool all_keys_ = false;
  bool all_channels_;
  bool base_allows_ = false;  // what a command is that comes with a later version
  std::vector<std::uint64_t> allowed_;
  std::map<std::uint32_t, std::vector<std::string>> first_args_;  // `+select|0`: what argument 1 may be
  struct Rule {
    std::string name;
    bool allow;
  };
  std::vector<Rule> rules_;
  std::vector<NamePattern> keys_;
  std::vector<NamePattern> channels_;
};

/// The rights that a key specification's flags ask for.
std::uint8_t rights_of(Flags key_flags);

}  // namespace stele
