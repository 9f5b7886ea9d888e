// CLIENT: what a client asks and sets for itself, and the table of its subcommands.

#include "protocol/commands_client.h"

#include "protocol/client_text.h"
#include "protocol/command_tips.h"
#include "protocol/environment.h"
#include "protocol/help.h"
#include "protocol/resp_integer.h"

namespace stele {

bool check_client_name(Call& call, std::string_view name) {
  if (is_valid_client_text(name)) return true;
  call.fail("ERR Client names cannot contain spaces, newlines or special characters.");
  return false;
}

namespace {

std::string line_of(Call& call, const Connection& connection, std::chrono::steady_clock::time_point now) {
  ClientSight sight{.now = now};
  if (&connection == &connection_of(call)) {
    sight.command = call.command().full_name;
    for (const std::string_view argument : call.args()) sight.argument_bytes += argument.size();
    sight.command_bytes = call.raw().size();
  }
  std::string line;
  append_client_line(line, connection, sight);
  return line;
}

/// CLIENT LIST [TYPE type] [ID id [id ...]]
void list(Call& call) {
  Clients& clients = call.environment().clients;
  const auto now = std::chrono::steady_clock::now();
  std::string lines;
  if (call.argc() == 2) {
    clients.for_each([&](Connection& connection) { lines += line_of(call, connection, now); });
  } else if (call.argc() == 4 && call.arg_is(2, "TYPE")) {
    const std::optional<ClientType> type = client_type_of_name(call.arg(3));
    if (!type) return call.fail(fmt::format("ERR Unknown client type '{}'", call.arg(3)));
    clients.for_each([&](Connection& connection) {
      if (type_of(connection) == *type) lines += line_of(call, connection, now);
    });
  } else if (call.argc() > 3 && call.arg_is(2, "ID")) {
    for (std::size_t i = 3; i < call.argc(); ++i) {
      const auto id = parse_integer(call.arg(i));
      if (!id) return call.fail("ERR Invalid client ID");
      if (*id <= 0) continue;
      if (const Connection* found = clients.find(static_cast<std::uint64_t>(*id))) lines += line_of(call, *found, now);
    }
  } else {
    return call.syntax_error();
  }
  call.reply().verbatim(lines);
}

/// CLIENT INFO
void info(Call& call) {
  call.reply().verbatim(line_of(call, connection_of(call), std::chrono::steady_clock::now()));
}

/// CLIENT ID
void id(Call& call) { call.reply().integer(static_cast<std::int64_t>(call.session().id)); }

/// CLIENT GETNAME
void getname(Call& call) {
  if (call.session().name.empty()) return call.reply().null();
  call.reply().bulk(call.session().name);
}

/// CLIENT SETNAME connection-name: an empty one takes the name away.
void setname(Call& call) {
  if (!check_client_name(call, call.arg(2))) return;
  call.session().name = call.arg(2);
  call.reply().ok();
}

/// CLIENT SETINFO (LIB-NAME | LIB-VER) value
void setinfo(Call& call) {
  std::string* attribute = nullptr;
  if (call.arg_is(2, "LIB-NAME")) attribute = &call.session().lib_name;
  if (call.arg_is(2, "LIB-VER")) attribute = &call.session().lib_version;
  if (attribute == nullptr) return call.fail(fmt::format("ERR Unrecognized option '{}'", call.arg(2)));
  if (!is_valid_client_text(call.arg(3))) {
    return call.fail(fmt::format("ERR {} cannot contain spaces, newlines or special characters.", call.arg(2)));
  }
  *attribute = call.arg(3);
  call.reply().ok();
}

/// ON or OFF; replies with an error if it is neither.
std::optional<bool> on_or_off(Call& call) {
  if (call.arg_is(2, "ON")) return true;
  if (call.arg_is(2, "OFF")) return false;
  call.syntax_error();
  return std::nullopt;
}

/// CLIENT NO-EVICT (ON | OFF)
void no_evict(Call& call) {
  const std::optional<bool> on = on_or_off(call);
  if (!on) return;
  call.session().no_evict = *on;
  call.reply().ok();
}

/// CLIENT NO-TOUCH (ON | OFF)
void no_touch(Call& call) {
  const std::optional<bool> on = on_or_off(call);
  if (!on) return;
  call.session().no_touch = *on;
  call.reply().ok();
}

/// CLIENT REPLY (ON | OFF | SKIP): OFF and SKIP are not answered themselves.
void reply_mode(Call& call) {
  Connection& connection = connection_of(call);
  if (call.arg_is(2, "ON")) {
    connection.reply_mode = ReplyMode::on;
    call.reply().ok();
  } else if (call.arg_is(2, "OFF")) {
    connection.reply_mode = ReplyMode::off;
  } else if (call.arg_is(2, "SKIP")) {
    if (connection.reply_mode != ReplyMode::off) connection.reply_mode = ReplyMode::skip_next;
  } else {
    call.syntax_error();
  }
}

/// CLIENT HELP
void help(Call& call) {
  reply_with_help(call, "CLIENT",
                  {"CACHING (YES|NO)", "    Whether the next command's keys are tracked, with OPTIN or OPTOUT.",
                   "GETNAME", "    Name of this connection.",
                   "GETREDIR", "    Client that invalidations are redirected to; -1 for none.",
                   "ID", "    Number of this connection.",
                   "INFO", "    This connection's line of CLIENT LIST.",
                   "KILL <ip:port>", "    Close the connection from this address.",
                   "KILL <option> <value> [<option> <value> [...]]", "    Close all connections that fit every option:",
                   "    * ADDR <ip:port>, LADDR <ip:port>: their address, or the server's side of it",
                   "    * ID <client-id>", "    * TYPE (NORMAL|MASTER|REPLICA|PUBSUB)", "    * USER <username>",
                   "    * SKIPME (YES|NO): whether to spare this one (default: yes)",
                   "LIST [TYPE <type> | ID <client-id> [...]]", "    One line about each client, or those of a type, or these.",
                   "NO-EVICT (ON|OFF)", "    Whether this client is safe from eviction.",
                   "NO-TOUCH (ON|OFF)", "    Whether this client's commands leave access times as they are.",
                   "PAUSE <milliseconds> [WRITE|ALL]", "    Put off the commands of all clients, or only writes, for a while.",
                   "REPLY (ON|OFF|SKIP)", "    Whether this client wants replies; SKIP is about the next one.",
                   "SETINFO (LIB-NAME|LIB-VER) <value>", "    Say which client library this is.",
                   "SETNAME <name>", "    Name this connection.",
                   "TRACKING (ON|OFF) [REDIRECT <id>] [BCAST] [PREFIX <prefix> [...]] [OPTIN] [OPTOUT] [NOLOOP]",
                   "    Whether this client is told when keys that it read change.",
                   "TRACKINGINFO", "    How this client's reads are tracked.",
                   "UNBLOCK <client-id> [TIMEOUT|ERROR]", "    End the wait of a blocked client.",
                   "UNPAUSE", "    End a pause."});
}

using namespace command_flag;

constexpr Flags kOwn = kNoscript | kLoading | kStale;
constexpr Flags kOthers = kAdmin | kOwn;
constexpr Flags kIn = category::kConnection;
constexpr std::string_view kGroup = "connection";

const Command kClientCommands[] = {
    {.name = "caching", .arity = 3, .flags = kOwn, .categories = kIn, .run = client_command::caching, .group = kGroup,
     .since = "6.0.0", .summary = "Says whether the next command's keys are tracked.", .complexity = "O(1)",
     .syntax = "mode=(YES|NO)"},
    {.name = "getname", .arity = 2, .flags = kOwn, .categories = kIn, .run = getname, .group = kGroup, .since = "2.6.9",
     .summary = "Returns the connection's name.", .complexity = "O(1)"},
    {.name = "getredir", .arity = 2, .flags = kOwn, .categories = kIn, .run = client_command::getredir, .group = kGroup, .since = "6.0.0",
     .summary = "Returns the client that invalidations are redirected to.", .complexity = "O(1)"},
    {.name = "help", .arity = 2, .flags = kLoading | kStale, .categories = kIn, .run = help, .group = kGroup,
     .since = "5.0.0", .summary = "Lists the subcommands.", .complexity = "O(1)"},
    {.name = "id", .arity = 2, .flags = kOwn, .categories = kIn, .run = id, .group = kGroup, .since = "5.0.0",
     .summary = "Returns the connection's number.", .complexity = "O(1)"},
    {.name = "info", .arity = 2, .flags = kOwn, .categories = kIn, .run = info, .group = kGroup, .since = "6.2.0",
     .summary = "Describes the connection.", .complexity = "O(1)", .tips = tips::kVaries},
    {.name = "kill", .arity = -3, .flags = kOthers, .categories = kIn, .run = client_command::kill, .group = kGroup,
     .since = "2.4.0", .summary = "Closes connections.", .complexity = "O(N) in the connections",
     .syntax = "filter=(ip:port|new-format=([ID client-id:integer]|[TYPE normal_master_slave_pubsub=(NORMAL|MASTER|SLAVE|"
               "REPLICA|PUBSUB)]|[USER username]|[ADDR ip:port]|[LADDR ip:port]|[SKIPME yes/no])...)"},
    {.name = "list", .arity = -2, .flags = kOthers, .categories = kIn, .run = list, .group = kGroup, .since = "2.4.0",
     .summary = "Describes all connections.", .complexity = "O(N) in the connections", .tips = tips::kVaries,
     .syntax = "[TYPE (NORMAL|MASTER|REPLICA|PUBSUB)] [ID id=({client-id:integer...})]"},
    {.name = "no-evict", .arity = 3, .flags = kOthers, .categories = kIn, .run = no_evict, .group = kGroup,
     .since = "7.0.0", .summary = "Keeps the connection from being evicted.", .complexity = "O(1)",
     .syntax = "enabled=(ON|OFF)"},
    {.name = "no-touch", .arity = 3, .flags = kOwn, .categories = kIn, .run = no_touch, .group = kGroup,
     .since = "7.2.0", .summary = "Keeps commands from noting that they accessed keys.", .complexity = "O(1)",
     .syntax = "enabled=(ON|OFF)"},
    {.name = "pause", .arity = -3, .flags = kOthers, .categories = kIn, .run = client_command::pause, .group = kGroup,
     .since = "3.0.0", .summary = "Puts off commands for a while.", .complexity = "O(1)",
     .syntax = "timeout:integer mode=[WRITE|ALL]"},
    {.name = "reply", .arity = 3, .flags = kOwn, .categories = kIn, .run = reply_mode, .group = kGroup,
     .since = "3.2.0", .summary = "Says whether the client wants replies.", .complexity = "O(1)", .syntax = "(ON|OFF|SKIP)"},
    {.name = "setinfo", .arity = 4, .flags = kOwn, .categories = kIn, .run = setinfo, .group = kGroup, .since = "7.2.0",
     .summary = "Says which library the client uses.", .complexity = "O(1)", .tips = tips::kDoneOnNodes,
     .syntax = "attr=(LIB-NAME libname|LIB-VER libver)"},
    {.name = "setname", .arity = 3, .flags = kOwn, .categories = kIn, .run = setname, .group = kGroup, .since = "2.6.9",
     .summary = "Names the connection.", .complexity = "O(1)", .syntax = "connection-name"},
    {.name = "tracking", .arity = -3, .flags = kOwn, .categories = kIn, .run = client_command::tracking, .group = kGroup,
     .since = "6.0.0", .summary = "Lets the connection be told when keys that it read change.",
     .complexity = "O(1), and O(N) for N prefixes",
     .syntax = "status=(ON|OFF) [REDIRECT client-id:integer] [PREFIX prefix]+... [BCAST] [OPTIN] [OPTOUT] [NOLOOP]"},
    {.name = "trackinginfo", .arity = 2, .flags = kOwn, .categories = kIn, .run = client_command::trackinginfo, .group = kGroup,
     .since = "6.2.0", .summary = "Tells how the connection's reads are tracked.", .complexity = "O(1)"},
    {.name = "unblock", .arity = -3, .flags = kOthers, .categories = kIn, .run = client_command::unblock,
     .group = kGroup, .since = "5.0.0", .summary = "Ends the wait of a blocked client.", .complexity = "O(log N) in the clients",
     .syntax = "client-id:integer [TIMEOUT|ERROR]"},
    {.name = "unpause", .arity = 2, .flags = kOthers, .categories = kIn, .run = client_command::unpause, .group = kGroup,
     .since = "6.2.0", .summary = "Ends a pause.", .complexity = "O(N) in the clients that waited"},
};

}  // namespace

std::span<const Command> client_subcommands() { return kClientCommands; }

}  // namespace stele
