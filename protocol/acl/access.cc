#include "protocol/acl/access.h"

#include "protocol/client_text.h"
#include "protocol/environment.h"

namespace stele {

namespace {

void count(ServerStats& stats, Denial denial) {
  switch (denial) {
    case Denial::none: break;
    case Denial::command: ++stats.acl_denied_commands; break;
    case Denial::key: ++stats.acl_denied_keys; break;
    case Denial::auth: ++stats.acl_denied_logins; break;
    case Denial::channel: ++stats.acl_denied_channels; break;
  }
}

void log(Environment& environment, const Connection& connection, const RegisteredCommand& command, Denial reason,
         AclContext context, std::string_view object, std::string_view user) {
  count(environment.stats, reason);
  AclLog::Entry entry;
  entry.reason = reason;
  entry.context = context;
  entry.object = object;
  entry.user = user;
  const Connection& client = connection.acts_for != nullptr ? *connection.acts_for : connection;
  append_client_line(entry.client, client,
                     {.now = std::chrono::steady_clock::now(), .command = command.full_name, .argument_bytes = 0});
  entry.client.pop_back();  // the line feed
  entry.created = entry.updated = environment.storage.keyspace().now();
  environment.acl->log().add(std::move(entry), static_cast<std::size_t>(environment.config.now().acllog_max_len));
}

/// Checks, counts and logs.
Verdict examine(Environment& environment, const Connection& connection, const RegisteredCommand& command,
                std::span<const std::string_view> args, AclContext context) {
  const Verdict verdict = environment.acl->check(connection, command, args);
  if (verdict.allowed()) return verdict;
  const std::string_view object = verdict.denial == Denial::command ? std::string_view(command.full_name)
                                                                    : args[static_cast<std::size_t>(verdict.position)];
  log(environment, connection, command, verdict.denial, context, object, connection.user);
  return verdict;
}

AclContext context_of(const Connection& connection) {
  return connection.in_multi || connection.in_exec ? AclContext::multi : AclContext::toplevel;
}

}  // namespace

std::string denial_text(const Verdict& verdict, std::string_view user, const RegisteredCommand& command,
                        std::span<const std::string_view> args, bool detailed) {
  const auto object = [&] { return printed(args[static_cast<std::size_t>(verdict.position)]); };
  switch (verdict.denial) {
    case Denial::command:
      return fmt::format("User {} has no permissions to run the '{}' command", user, command.full_name);
    case Denial::key:
      if (!detailed) return "No permissions to access a key";
      return fmt::format("User {} has no permissions to access the '{}' key", user, object());
    case Denial::channel:
      if (!detailed) return "No permissions to access a channel";
      return fmt::format("User {} has no permissions to access the '{}' channel", user, object());
    case Denial::auth:
    case Denial::none:
      break;
  }
  return {};
}

std::string refusal_by_acl(Environment& environment, const Connection& connection, const RegisteredCommand& command,
                           std::span<const std::string_view> args) {
  const Verdict verdict = examine(environment, connection, command, args, context_of(connection));
  if (verdict.allowed()) return {};
  return "NOPERM " + denial_text(verdict, connection.user, command, args, false);
}

std::string refusal_by_acl_in_exec(Environment& environment, const Connection& connection, const RegisteredCommand& command,
                                   std::span<const std::string_view> args) {
  const Verdict verdict = examine(environment, connection, command, args, AclContext::multi);
  if (verdict.allowed()) return {};
  std::string_view reason = "no permission to execute the command or subcommand";
  if (verdict.denial == Denial::key) reason = "no permission to touch the specified keys";
  if (verdict.denial == Denial::channel) {
    reason = "no permission to access one of the channels used as arguments to the command";
  }
  return fmt::format(
      "NOPERM ACLs rules changed between the moment the transaction was accumulated and the EXEC call. This command is no longer "
      "allowed for the following reason: {}",
      reason);
}

std::string refusal_by_acl_in_script(Environment& environment, const Connection& connection, const RegisteredCommand& command,
                                     std::span<const std::string_view> args) {
  const Verdict verdict = examine(environment, connection, command, args, AclContext::lua);
  if (verdict.allowed()) return {};
  return "NOPERM ACL failure in script: " + denial_text(verdict, connection.user, command, args, false);
}

bool is_allowed_by_acl(Environment& environment, const Session& session, const RegisteredCommand& command,
                       std::span<const std::string_view> args) {
  return environment.acl->check(session, command, args).allowed();
}

void log_failed_login(Environment& environment, const Connection& connection, const RegisteredCommand& command,
                      std::string_view command_name, std::string_view user) {
  log(environment, connection, command, Denial::auth, context_of(connection), command_name, user);
}

}  // namespace stele
