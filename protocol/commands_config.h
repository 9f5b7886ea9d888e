#pragma once

#include <span>

#include "engine/command.h"
#include "persistence/status.h"

namespace stele {

struct Environment;

/// The subcommands of CONFIG; its own row stands in commands_server.cc.
std::span<const Command> config_subcommands();

/// CONFIG REWRITE, of the users too. `force_all`: with a line for every directive.
Status rewrite_config(Environment& environment, bool force_all);

}  // namespace stele
