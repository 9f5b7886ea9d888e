// ACL: users, what they may do, and what was refused to them.

#include "protocol/acl/commands_acl.h"

#include <sys/random.h>

#include <spdlog/spdlog.h>

#include "protocol/acl/access.h"
#include "protocol/authentication.h"
#include "protocol/command_tips.h"
#include "protocol/commands_command.h"
#include "protocol/environment.h"
#include "protocol/help.h"
#include "protocol/resp_integer.h"

namespace stele {

namespace {

bool all_channels_by_default(Call& call) {
  return call.environment().config.now().acl_pubsub_default == AclPubsubDefault::allchannels;
}

void too_many_arguments(Call& call) {
  call.fail(fmt::format("ERR unknown subcommand or wrong number of arguments for '{:.128}'. Try ACL HELP.", call.arg(1)));
}

/// Ends `connections`. Who asked for it reads the reply first, so that comes before.
void close(Call& call, const std::vector<Connection*>& connections) {
  Clients& clients = call.environment().clients;
  for (Connection* connection : connections) {
    connection == &connection_of(call) ? clients.close_after_reply(*connection) : clients.close(*connection);
  }
}

/// Ends the connections of users that are no more.
void disconnect(Call& call, std::span<const std::unique_ptr<AclUser>> users) {
  std::vector<Connection*> found;
  call.environment().clients.for_each([&](Connection& connection) {
    const auto is_theirs = [&](const auto& user) { return connection.permissions == user.get(); };
    if (std::any_of(users.begin(), users.end(), is_theirs)) found.push_back(&connection);
  });
  for (Connection* connection : found) {
    become_default_user(*call.environment().acl, *connection);
    connection->authenticated = false;
  }
  close(call, found);
}

bool may_subscribe(const AclUser& user, std::string_view name, bool as_pattern) {
  return std::any_of(user.selectors().begin(), user.selectors().end(),
                     [&](const Selector& selector) { return selector.allows_channel(name, as_pattern); });
}

/// Ends the connections of `user` that listen to what the user may not listen to any more.
void disconnect_subscribers(Call& call, const AclUser& user) {
  std::vector<Connection*> found;
  call.environment().clients.for_each([&](Connection& connection) {
    if (connection.permissions != &user || !connection.is_subscriber()) return;
    for (const Topic topic : {Topic::channel, Topic::pattern, Topic::shard}) {
      for (const auto& [audience, subscription] : connection.subscriptions->tables[static_cast<std::size_t>(topic)]) {
        if (!may_subscribe(user, audience->name, topic == Topic::pattern)) return found.push_back(&connection);
      }
    }
  });
  close(call, found);
}

// --- users

/// ACL SETUSER username [rule [rule ...]]: all of them or none.
void setuser(Call& call) {
  const std::string_view name = call.arg(2);
  if (!is_user_name(name)) return call.fail("ERR Usernames can't contain spaces or null characters");
  std::string unclosed;
  const auto rules = join_selectors(call.args().subspan(3), unclosed);
  if (!rules) {
    return call.fail(fmt::format("ERR Unmatched parenthesis in acl selector starting at '{}'.", printed(unclosed)));
  }
  Acl& acl = *call.environment().acl;
  if (const Acl::Failure failure = acl.set(name, *rules, all_channels_by_default(call)); !failure.ok()) {
    return call.fail(fmt::format("ERR Error in ACL SETUSER modifier '{}': {}", printed((*rules)[failure.rule]),
                                 text_of(failure.error)));
  }
  call.reply().ok();
  if (name == acl.default_user().name()) default_user_changed(call.environment());
  disconnect_subscribers(call, *acl.find(name));
}

/// ACL DELUSER username [username ...]
void deluser(Call& call) {
  Acl& acl = *call.environment().acl;
  const auto names = call.args().subspan(2);
  if (std::find(names.begin(), names.end(), acl.default_user().name()) != names.end()) {
    return call.fail("ERR The 'default' user cannot be removed");
  }
  std::vector<std::unique_ptr<AclUser>> taken;
  for (const std::string_view name : names) {
    if (auto user = acl.take(name)) taken.push_back(std::move(user));
  }
  call.reply().integer(static_cast<std::int64_t>(taken.size()));
  disconnect(call, taken);
}

void reply_with_selector(RespWriter& reply, const Selector& selector) {
  reply.bulk("commands");
  reply.bulk(selector.commands_text());
  reply.bulk("keys");
  reply.bulk(selector.keys_text());
  reply.bulk("channels");
  reply.bulk(selector.channels_text());
}

/// ACL GETUSER username
void getuser(Call& call) {
  const AclUser* user = call.environment().acl->find(call.arg(2));
  RespWriter& reply = call.reply();
  if (user == nullptr) return reply.null();
  reply.map(6);
  reply.bulk("flags");
  const std::vector<std::string_view> flags = user->flags();
  reply.set(flags.size());
  for (const std::string_view flag : flags) reply.bulk(flag);
  reply.bulk("passwords");
  reply.array(user->password_hashes().size());
  for (const std::string& hash : user->password_hashes()) reply.bulk(hash);
  const std::vector<Selector>& selectors = user->selectors();
  reply_with_selector(reply, selectors.front());
  reply.bulk("selectors");
  reply.array(selectors.size() - 1);
  for (std::size_t i = 1; i < selectors.size(); ++i) {
    reply.map(3);
    reply_with_selector(reply, selectors[i]);
  }
}

/// ACL LIST
void list(Call& call) {
  const auto& users = call.environment().acl->users();
  call.reply().array(users.size());
  for (const auto& [name, user] : users) call.reply().bulk(fmt::format("user {} {}", name, user->text()));
}

/// ACL USERS
void users(Call& call) {
  const auto& users = call.environment().acl->users();
  call.reply().array(users.size());
  for (const auto& [name, user] : users) call.reply().bulk(name);
}

/// ACL WHOAMI
void whoami(Call& call) { call.reply().bulk(call.session().user); }

/// ACL DRYRUN username command [arg ...]
void dryrun(Call& call) {
  Environment& environment = call.environment();
  const AclUser* user = environment.acl->find(call.arg(2));
  if (user == nullptr) return call.fail(fmt::format("ERR User '{}' not found", printed(call.arg(2))));
  const std::span<const std::string_view> args = call.args().subspan(3);
  const RegisteredCommand* command = environment.commands.find(args[0]);
  if (command != nullptr && !command->subcommands.empty() && args.size() > 1) {
    command = CommandRegistry::find_subcommand(*command, args[1]);
  }
  if (command == nullptr) return call.fail(fmt::format("ERR Command '{}' not found", printed(args[0])));
  const int arity = command->row->arity;
  const int argc = static_cast<int>(args.size());
  if (arity >= 0 ? argc != arity : argc < -arity) {
    return call.fail(fmt::format("ERR wrong number of arguments for '{}' command", command->full_name));
  }
  std::vector<KeyPosition> keys;
  const Verdict verdict = user->check(*command, args, keys);
  if (verdict.allowed()) return call.reply().ok();
  call.reply().bulk(denial_text(verdict, user->name(), *command, args, true));
}

// --- the file

bool has_file(Call& call) {
  if (!call.environment().config.now().aclfile.empty()) return true;
  call.fail(
      "ERR This Redis instance is not configured to use an ACL file. You may want to specify users via the ACL SETUSER command and "
      "then issue a CONFIG REWRITE (assuming you have a Redis configuration file set) in order to store users in the Redis "
      "configuration.");
  return false;
}

/// ACL LOAD: every user but the default one is another than before, so their connections end.
void load(Call& call) {
  if (!has_file(call)) return;
  Environment& environment = call.environment();
  std::vector<std::unique_ptr<AclUser>> replaced;
  if (const Status status = environment.acl->load(environment.config.now(), replaced); !status.ok()) {
    return call.fail("ERR " + status.message());
  }
  call.reply().ok();
  default_user_changed(environment);
  disconnect(call, replaced);
}

/// ACL SAVE
void save(Call& call) {
  if (!has_file(call)) return;
  Environment& environment = call.environment();
  if (const Status status = environment.acl->save(environment.config.now()); !status.ok()) {
    spdlog::warn("ACL SAVE to '{}': {}", environment.config.now().aclfile, status.message());
    return call.fail("ERR There was an error trying to save the ACLs. Please check the server logs for more information");
  }
  call.reply().ok();
}

// --- what else there is to know

/// ACL CAT [category]
void cat(Call& call) {
  if (call.argc() > 3) return too_many_arguments(call);
  if (call.argc() == 2) {
    const std::vector<std::string_view> names = category_names(~Flags{0});
    call.reply().array(names.size());
    for (const std::string_view name : names) call.reply().bulk(name);
    return;
  }
  const std::optional<Flags> category = category_of_name(call.arg(2));
  if (!category) return call.fail(fmt::format("ERR Unknown category '{}'", printed(call.arg(2))));
  std::vector<std::string_view> names;
  for (const RegisteredCommand& command : call.environment().commands.all()) {
    if (command.categories & *category) names.push_back(command.full_name);
  }
  call.reply().array(names.size());
  for (const std::string_view name : names) call.reply().bulk(name);
}

/// ACL GENPASS [bits]
void genpass(Call& call) {
  constexpr std::int64_t kBitsMax = 4096;
  if (call.argc() > 3) return too_many_arguments(call);
  std::int64_t bits = 256;
  if (call.argc() == 3 && !call.integer_arg(2, bits)) return;
  if (bits <= 0 || bits > kBitsMax) {
    return call.fail(fmt::format(
        "ERR ACL GENPASS argument must be the number of bits for the output password, a positive number up to {}", kBitsMax));
  }
  std::array<unsigned char, kBitsMax / 8> bytes;
  const auto digits = static_cast<std::size_t>((bits + 3) / 4);
  for (std::size_t got = 0; got < (digits + 1) / 2;) {
    const ssize_t more = ::getrandom(bytes.data() + got, (digits + 1) / 2 - got, 0);
    if (more > 0) got += static_cast<std::size_t>(more);
  }
  static constexpr std::string_view kDigits = "0123456789abcdef";
  std::string password;
  for (std::size_t i = 0; i < digits; ++i) password += kDigits[i % 2 == 0 ? bytes[i / 2] >> 4 : bytes[i / 2] & 15];
  call.reply().bulk(password);
}

/// ACL LOG [count | RESET]
void log(Call& call) {
  if (call.argc() > 3) return too_many_arguments(call);
  AclLog& log = call.environment().acl->log();
  std::int64_t count = 10;
  if (call.argc() == 3) {
    if (call.arg_is(2, "RESET")) {
      log.clear();
      return call.reply().ok();
    }
    if (!call.integer_arg(2, count)) return;
    count = std::max<std::int64_t>(0, count);
  }
  RespWriter& reply = call.reply();
  const std::size_t shown = std::min(log.entries().size(), static_cast<std::size_t>(count));
  reply.array(shown);
  const auto text = [&reply](std::string_view name, std::string_view value) {
    reply.bulk(name);
    reply.bulk(value);
  };
  const auto number = [&reply](std::string_view name, std::uint64_t value) {
    reply.bulk(name);
    reply.integer(static_cast<std::int64_t>(value));
  };
  for (std::size_t i = 0; i < shown; ++i) {
    const AclLog::Entry& entry = log.entries()[i];
    reply.map(10);
    number("count", entry.count);
    text("reason", name_of(entry.reason));
    text("context", name_of(entry.context));
    text("object", entry.object);
    text("username", entry.user);
    reply.bulk("age-seconds");
    reply.real(static_cast<double>(call.now().ms() - entry.updated.ms()) / 1000);
    text("client-info", entry.client);
    number("entry-id", entry.id);
    number("timestamp-created", static_cast<std::uint64_t>(entry.created.ms()));
    number("timestamp-last-updated", static_cast<std::uint64_t>(entry.updated.ms()));
  }
}

/// ACL HELP
void help(Call& call) {
  reply_with_help(call, "ACL",
                  {"CAT [<category>]", "    The categories of commands, or the commands in one.",
                   "DELUSER <username> [<username> ...]", "    Remove users, and close their connections.",
                   "DRYRUN <username> <command> [<arg> ...]", "    Whether the user may run this command, without running it.",
                   "GENPASS [<bits>]", "    A random password of 256 or so many bits.",
                   "GETUSER <username>", "    What a user may do.",
                   "LIST", "    The users, as lines of an ACL file.",
                   "LOAD", "    Read the ACL file again.",
                   "LOG [<count> | RESET]", "    What was refused lately; or forget it.",
                   "SAVE", "    Write the users to the ACL file.",
                   "SETUSER <username> <rule> [<rule> ...]", "    Make or change a user.",
                   "USERS", "    The names of all users.",
                   "WHOAMI", "    The name of this connection's user."});
}

using namespace command_flag;

constexpr Flags kOwn = kNoscript | kLoading | kStale;
constexpr Flags kOperator = kAdmin | kOwn;
constexpr std::string_view kGroup = "server";

const Command kAclCommands[] = {
    {.name = "cat", .arity = -2, .flags = kOwn, .run = cat, .group = kGroup, .since = "6.0.0",
     .summary = "Lists the categories of commands, or the commands in one.", .complexity = "O(N) in the commands",
     .syntax = "[categoryname]"},
    {.name = "deluser", .arity = -3, .flags = kOperator, .run = deluser, .group = kGroup, .since = "6.0.0",
     .summary = "Removes users and closes their connections.", .complexity = "O(N) in the connections", .tips = tips::kDoneOnNodes,
     .syntax = "username..."},
    {.name = "dryrun", .arity = -4, .flags = kOperator, .run = dryrun, .group = kGroup, .since = "7.0.0",
     .summary = "Tells whether a user may run a command.", .complexity = "O(1)", .syntax = "username command [arg]..."},
    {.name = "genpass", .arity = -2, .flags = kOwn, .run = genpass, .group = kGroup, .since = "6.0.0",
     .summary = "Returns a random password.", .complexity = "O(1)", .syntax = "[bits:integer]"},
    {.name = "getuser", .arity = 3, .flags = kOperator, .run = getuser, .group = kGroup, .since = "6.0.0",
     .summary = "Tells what a user may do.", .complexity = "O(N) in the user's rules", .syntax = "username"},
    {.name = "help", .arity = 2, .flags = kLoading | kStale, .run = help, .group = kGroup, .since = "6.0.0",
     .summary = "Lists the subcommands.", .complexity = "O(1)"},
    {.name = "list", .arity = 2, .flags = kOperator, .run = list, .group = kGroup, .since = "6.0.0",
     .summary = "Returns the users, as lines of an ACL file.", .complexity = "O(N) in the users"},
    {.name = "load", .arity = 2, .flags = kOperator, .run = load, .group = kGroup, .since = "6.0.0",
     .summary = "Reads the ACL file again.", .complexity = "O(N) in the users"},
    {.name = "log", .arity = -2, .flags = kOperator, .run = log, .group = kGroup, .since = "6.0.0",
     .summary = "Returns what was refused lately.", .complexity = "O(N) in the entries shown",
     .syntax = "operation=[count:integer|RESET]"},
    {.name = "save", .arity = 2, .flags = kOperator, .run = save, .group = kGroup, .since = "6.0.0",
     .summary = "Writes the users to the ACL file.", .complexity = "O(N) in the users", .tips = tips::kDoneOnNodes},
    {.name = "setuser", .arity = -3, .flags = kOperator, .run = setuser, .group = kGroup, .since = "6.0.0",
     .summary = "Makes or changes a user.", .complexity = "O(N) in the rules", .tips = tips::kDoneOnNodes,
     .syntax = "username [rule]..."},
    {.name = "users", .arity = 2, .flags = kOperator, .run = users, .group = kGroup, .since = "6.0.0",
     .summary = "Returns the names of all users.", .complexity = "O(N) in the users"},
    {.name = "whoami", .arity = 2, .flags = kOwn, .run = whoami, .group = kGroup, .since = "6.0.0",
     .summary = "Returns the name of the connection's user.", .complexity = "O(1)"},
};

}  // namespace

std::span<const Command> acl_subcommands() { return kAclCommands; }

}  // namespace stele
