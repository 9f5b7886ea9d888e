#pragma once

#include <cstdint>
#include <string_view>

namespace stele {

/// What is wrong with one rule of a user. The texts are Redis'.
enum class RuleError : std::uint8_t {
  none,
  syntax,
  unknown_command,
  keys_after_all,
  channels_after_all,
  no_such_password,
  bad_hash,
  argument_of_subcommand,
};

constexpr std::string_view text_of(RuleError error) {
  switch (error) {
    case RuleError::none:
      break;
    case RuleError::syntax:
      return "Syntax error";
    case RuleError::unknown_command:
      return "Unknown command or category name in ACL";
    case RuleError::keys_after_all:
      return "Adding a pattern after the * pattern (or the 'allkeys' flag) is not valid and does not have any effect. Try "
             "'resetkeys' to start with an empty list of patterns";
    case RuleError::channels_after_all:
      return "Adding a pattern after the * pattern (or the 'allchannels' flag) is not valid and does not have any effect. Try "
             "'resetchannels' to start with an empty list of channels";
    case RuleError::no_such_password:
      return "The password you are trying to remove from the user does not exist";
    case RuleError::bad_hash:
      return "The password hash must be exactly 64 characters and contain only lowercase hexadecimal characters";
    case RuleError::argument_of_subcommand:
      return "Allowing first-arg of a subcommand is not supported";
  }
  return {};
}

}  // namespace stele
