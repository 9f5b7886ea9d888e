#pragma once

#include <span>

#include "engine/call.h"

namespace stele {

/// The subcommands of ACL; its own row stands in commands_server.cc.
std::span<const Command> acl_subcommands();

}  // namespace stele
