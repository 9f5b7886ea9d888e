#pragma once

#include <span>

#include "engine/command.h"

namespace stele {

/// The command tables of this folder, one for each file that has handlers.
std::span<const Command> string_commands();
std::span<const Command> generic_commands();

}  // namespace stele
