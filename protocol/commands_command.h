#pragma once

#include <span>

#include "engine/call.h"

namespace stele {

/// The subcommands of COMMAND; its own row stands in commands_server.cc.
std::span<const Command> command_subcommands();

/// One command as COMMAND INFO describes it, and its name and documentation as COMMAND DOCS does.
void reply_with_command_info(RespWriter& reply, const RegisteredCommand& command);
void reply_with_command_docs(RespWriter& reply, const RegisteredCommand& command);

/// In the order in which COMMAND INFO lists them.
std::vector<std::string_view> flag_names(Flags flags);
std::vector<std::string_view> category_names(Flags categories);
std::vector<std::string_view> key_flag_names(Flags flags);

/// Nothing if there is no such category.
std::optional<Flags> category_of_name(std::string_view name);

namespace server_command {

void command(Call& call);

}  // namespace server_command

}  // namespace stele
