#pragma once

#include <span>

#include "engine/call.h"

namespace stele {

/// Subcommands of LATENCY, SLOWLOG and MEMORY; their own rows stand in commands_debug.cc.
std::span<const Command> latency_subcommands();
std::span<const Command> slowlog_subcommands();
std::span<const Command> memory_subcommands();

void debug_protocol(Call& call);  // debug_protocol.cc

}  // namespace stele
