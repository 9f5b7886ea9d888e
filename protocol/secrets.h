#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "engine/command_registry.h"

namespace stele {

/// `args` as others may see them, in MONITOR and SLOWLOG: "(redacted)" in place of users' names and passwords.
std::vector<std::string_view> without_secrets(const RegisteredCommand& command, std::span<const std::string_view> args);

}  // namespace stele
