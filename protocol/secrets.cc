#include "protocol/secrets.h"

#include "protocol/config_directive.h"
#include "protocol/resp_text.h"

namespace stele {

std::vector<std::string_view> without_secrets(const RegisteredCommand& command, std::span<const std::string_view> args) {
  static constexpr std::string_view kRedacted = "(redacted)";
  std::vector<std::string_view> shown(args.begin(), args.end());
  if (command.full_name == "auth") {
    std::fill(shown.begin() + 1, shown.end(), kRedacted);
  } else if (command.full_name == "acl|setuser" || command.full_name == "acl|deluser" || command.full_name == "acl|getuser") {
    std::fill(shown.begin() + 2, shown.end(), kRedacted);
  } else if (command.full_name == "hello") {
    for (std::size_t i = 2; i + 2 < shown.size(); ++i) {
      if (!equals_ignoring_case(shown[i], "auth")) continue;
      shown[i + 1] = shown[i + 2] = kRedacted;
      i += 2;
    }
  } else if (command.full_name == "migrate") {
    for (std::size_t i = 6; i < shown.size() && !equals_ignoring_case(shown[i], "keys"); ++i) {
      std::size_t secrets = equals_ignoring_case(shown[i], "auth") ? 1 : equals_ignoring_case(shown[i], "auth2") ? 2 : 0;
      for (; secrets > 0 && i + 1 < shown.size(); --secrets) shown[++i] = kRedacted;
    }
  } else if (command.full_name == "config|set") {
    for (std::size_t i = 2; i + 1 < shown.size(); i += 2) {
      const Directive* directive = find_directive(shown[i]);
      if (directive != nullptr && (directive->flags & kConfigSecret) != 0) shown[i + 1] = kRedacted;
    }
  }
  return shown;
}

}  // namespace stele
