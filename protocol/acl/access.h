#pragma once

#include <span>
#include <string>
#include <string_view>

#include "protocol/acl/acl.h"
#include "protocol/connection.h"

namespace stele {

struct Environment;

/// Whether `connection` may run `command` with `args`: an error text if not, after counting and logging the refusal; else empty.
/// The texts depend on where the command was found: sent by the client, queued and about to be run by EXEC, called by a script.
std::string refusal_by_acl(Environment& environment, const Connection& connection, const RegisteredCommand& command,
                           std::span<const std::string_view> args);
std::string refusal_by_acl_in_exec(Environment& environment, const Connection& connection, const RegisteredCommand& command,
                                   std::span<const std::string_view> args);
std::string refusal_by_acl_in_script(Environment& environment, const Connection& connection, const RegisteredCommand& command,
                                     std::span<const std::string_view> args);

/// The same question without any trace, for redis.acl_check_cmd().
bool is_allowed_by_acl(Environment& environment, const Session& session, const RegisteredCommand& command,
                       std::span<const std::string_view> args);

/// What `verdict` says to `user`, without an error code; `detailed` names the key or channel.
std::string denial_text(const Verdict& verdict, std::string_view user, const RegisteredCommand& command,
                        std::span<const std::string_view> args, bool detailed);

/// For ACL LOG. `command_name`: as the client wrote it; `user`: who it wanted to be.
void log_failed_login(Environment& environment, const Connection& connection, const RegisteredCommand& command,
                      std::string_view command_name, std::string_view user);

}  // namespace stele
