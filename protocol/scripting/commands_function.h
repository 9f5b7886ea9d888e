#pragma once

#include <span>

#include "engine/command.h"

namespace stele {

/// FUNCTION LOAD DELETE FLUSH LIST DUMP RESTORE STATS KILL HELP
std::span<const Command> function_subcommands();

}  // namespace stele
