#pragma once

#include <span>
#include <string_view>

#include "engine/call.h"

namespace stele {

/// The subcommands of CLIENT; the row of CLIENT itself stands in commands_connection.cc.
std::span<const Command> client_subcommands();

/// CLIENT SETNAME and HELLO SETNAME: replies with an error and returns false if `name` may not be one.
bool check_client_name(Call& call, std::string_view name);

namespace client_command {

// commands_client_others.cc: what changes or ends other clients' connections
void kill(Call& call);
void pause(Call& call);
void unpause(Call& call);
void unblock(Call& call);

// tracking/tracking_commands.cc
void tracking(Call& call);
void caching(Call& call);
void getredir(Call& call);
void trackinginfo(Call& call);

}  // namespace client_command

}  // namespace stele
