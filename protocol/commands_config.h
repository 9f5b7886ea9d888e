#pragma once

#include <span>

#include "engine/command.h"

namespace stele {

/// The subcommands of CONFIG; its own row stands in commands_server.cc.
std::span<const Command> config_subcommands();

}  // namespace stele
