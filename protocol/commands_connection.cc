// The commands a client sends about its own connection: who it is, which protocol it speaks, whether anyone is there.

#include "protocol/authentication.h"
#include "protocol/command_tips.h"
#include "protocol/commands.h"
#include "protocol/commands_client.h"
#include "protocol/environment.h"
#include "protocol/pubsub/pubsub.h"
#include "protocol/resp_integer.h"
#include "protocol/server_version.h"
#include "protocol/tracking/tracking.h"

namespace stele {

namespace {

/// AUTH [username] password
void auth(Call& call) {
  if (call.argc() > 3) return call.syntax_error();
  if (call.argc() == 2 && call.environment().acl->default_user().nopass()) {
    return call.fail(
        "ERR AUTH <password> called without any password configured for the default user. "
        "Are you sure your configuration is correct?");
  }
  const std::string_view user = call.argc() == 3 ? call.arg(1) : "default";
  if (authenticate(call, user, call.arg(call.argc() - 1))) call.reply().ok();
}

/// Answers in the protocol the connection has from now on.
void reply_to_hello(Call& call) {
  const Connection& connection = connection_of(call);
  RespWriter reply(call.reply().buffer(), connection.resp);
  reply.map(7);
  reply.bulk("server");
  reply.bulk("redis");
  reply.bulk("version");
  reply.bulk(kCompatibleVersion);
  reply.bulk("proto");
  reply.integer(static_cast<int>(connection.resp));
  reply.bulk("id");
  reply.integer(static_cast<std::int64_t>(connection.id));
  reply.bulk("mode");
  reply.bulk("standalone");
  reply.bulk("role");
  reply.bulk("master");
  reply.bulk("modules");
  reply.array(0);
}

/// HELLO [protover [AUTH username password] [SETNAME clientname]]
void hello(Call& call) {
  std::optional<RespVersion> version;
  if (call.argc() > 1) {
    const auto number = parse_integer(call.arg(1));
    if (!number) return call.fail("ERR Protocol version is not an integer or out of range");
    if (*number < 2 || *number > 3) return call.fail("NOPROTO unsupported protocol version");
    version = *number == 3 ? RespVersion::resp3 : RespVersion::resp2;
  }
  std::optional<std::pair<std::string_view, std::string_view>> credentials;
  std::optional<std::string_view> name;
  for (std::size_t i = 2; i < call.argc(); ++i) {
    const std::size_t more = call.argc() - 1 - i;
    if (call.arg_is(i, "AUTH") && more >= 2) {
      credentials.emplace(call.arg(i + 1), call.arg(i + 2));
      i += 2;
    } else if (call.arg_is(i, "SETNAME") && more >= 1) {
      // Redis takes the name as it reads it, even if a later option is refused; clients have come to see that.
      name = call.arg(++i);
      if (!check_client_name(call, *name)) return;
      call.session().name = *name;
    } else {
      return call.fail(fmt::format("ERR Syntax error in HELLO option '{}'", printed(call.arg(i))));
    }
  }

  if (credentials && !authenticate(call, credentials->first, credentials->second)) return;
  if (must_authenticate(call)) {
    return call.fail(
        "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH <user> <pass> "
        "option can be used to authenticate the client and select the RESP protocol version at the same time");
  }
  if (name) call.session().name = *name;
  if (version) call.session().resp = *version;
  reply_to_hello(call);
}

/// PING [message]: a RESP2 client that subscribed reads nothing but messages, and gets the answer in that form.
void ping(Call& call) {
  if (call.argc() > 2) return call.wrong_arity();
  if (connection_of(call).is_subscriber() && !call.reply().resp3()) {
    call.reply().array(2);
    call.reply().bulk("pong");
    return call.reply().bulk(call.argc() == 2 ? call.arg(1) : std::string_view());
  }
  if (call.argc() == 1) return call.reply().pong();
  call.reply().bulk(call.arg(1));
}

/// ECHO message
void echo(Call& call) { call.reply().bulk(call.arg(1)); }

/// QUIT
void quit(Call& call) {
  call.reply().ok();
  call.environment().clients.close_after_reply(connection_of(call));
}

/// RESET: the connection is as it was when it came, but for its library's name.
void reset(Call& call) {
  Environment& environment = call.environment();
  Connection& connection = connection_of(call);
  environment.storage.watches().forget(connection.watch);
  connection.in_multi = connection.multi_failed = false;
  connection.queue.clear();
  connection.queue_bytes = 0;
  if (connection.monitor) {
    connection.monitor = false;
    std::erase(environment.monitors, &connection);
  }
  environment.pubsub->forget(connection);
  environment.tracking->disable(connection);
  connection.reply_mode = ReplyMode::on;
  connection.no_evict = connection.no_touch = false;
  connection.db = 0;
  connection.resp = RespVersion::resp2;
  connection.name.clear();
  become_default_user(*environment.acl, connection);
  call.reply().simple("RESET");
}

using namespace command_flag;

constexpr Flags kAlways = kLoading | kStale | kFast;

const Command kConnectionCommands[] = {
    {.name = "auth",
     .arity = -2,
     .flags = kNoscript | kAlways | kNoAuth | kAllowBusy,
     .categories = category::kConnection,
     .run = auth,
     .group = "connection",
     .since = "1.0.0",
     .summary = "Says who the client is.",
     .complexity = "O(N) in the passwords the user has",
     .syntax = "[username] password"},
    {.name = "client",
     .arity = -2,
     .group = "connection",
     .since = "2.4.0",
     .summary = "Commands on client connections.",
     .complexity = "Depends on the subcommand.",
     .subcommands = client_subcommands()},
    {.name = "echo",
     .arity = 2,
     .flags = kAlways,
     .categories = category::kConnection,
     .run = echo,
     .group = "connection",
     .since = "1.0.0",
     .summary = "Returns its argument.",
     .complexity = "O(1)",
     .syntax = "message"},
    {.name = "hello",
     .arity = -1,
     .flags = kNoscript | kAlways | kNoAuth | kAllowBusy,
     .categories = category::kConnection,
     .run = hello,
     .group = "connection",
     .since = "6.0.0",
     .summary = "Chooses the protocol version, and describes the server.",
     .complexity = "O(1)",
     .syntax = "arguments=[protover:integer [AUTH (username password)] [SETNAME clientname]]"},
    {.name = "ping",
     .arity = -1,
     .flags = kFast,
     .categories = category::kConnection,
     .run = ping,
     .group = "connection",
     .since = "1.0.0",
     .summary = "Returns PONG, or its argument.",
     .complexity = "O(1)",
     .tips = tips::kDoneOnShards,
     .syntax = "[message]"},
    {.name = "quit",
     .arity = -1,
     .flags = kAllowBusy | kNoscript | kAlways | kNoAuth,
     .categories = category::kConnection,
     .run = quit,
     .group = "connection",
     .since = "1.0.0",
     .summary = "Closes the connection.",
     .complexity = "O(1)",
     .deprecated_since = "7.2.0",
     .replaced_by = "just closing the connection"},
    {.name = "reset",
     .arity = 1,
     .flags = kNoscript | kAlways | kNoAuth | kAllowBusy,
     .categories = category::kConnection,
     .run = reset,
     .group = "connection",
     .since = "6.2.0",
     .summary = "Brings the connection back to how it began.",
     .complexity = "O(1)"},
};

}  // namespace

std::span<const Command> connection_commands() { return kConnectionCommands; }

}  // namespace stele
