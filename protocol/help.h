#pragma once

#include <initializer_list>
#include <string_view>

#include "engine/call.h"

namespace stele {

/// The reply to `<CONTAINER> HELP`: a heading, `lines`, and what HELP itself does. `lines` go in pairs as in Redis: a
/// subcommand with its arguments, then one or more lines that are indented by four spaces.
inline void reply_with_help(Call& call, std::string_view container, std::initializer_list<std::string_view> lines) {
  RespWriter& reply = call.reply();
  reply.array(lines.size() + 3);
  reply.simple(fmt::format("{} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:", container));
  for (const std::string_view line : lines) reply.simple(line);
  reply.simple("HELP");
  reply.simple("    Print these lines.");
}

}  // namespace stele
