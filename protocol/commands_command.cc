// COMMAND: the command table, as clients and redis-cli ask for it.

#include "protocol/commands_command.h"

#include "engine/glob.h"
#include "protocol/acl/key_access.h"
#include "protocol/command_tips.h"
#include "protocol/environment.h"
#include "protocol/help.h"

namespace stele {

namespace {

/// COMMAND COUNT
void count(Call& call) {
  call.reply().integer(static_cast<std::int64_t>(call.environment().commands.commands().size()));
}

/// COMMAND INFO [command-name ...]: null in the place of one that there is not.
void info(Call& call) {
  if (call.argc() == 2) return server_command::command(call);
  call.reply().array(call.argc() - 2);
  for (const std::string_view name : call.args().subspan(2)) {
    const RegisteredCommand* found = call.environment().commands.find_full(name);
    if (found == nullptr) {
      call.reply().null();
    } else {
      reply_with_command_info(call.reply(), *found);
    }
  }
}

/// COMMAND DOCS [command-name ...]: without those that there are not.
void docs(Call& call) {
  const CommandRegistry& registry = call.environment().commands;
  std::vector<const RegisteredCommand*> wanted;
  if (call.argc() == 2) {
    wanted.assign(registry.commands().begin(), registry.commands().end());
  } else {
    for (const std::string_view name : call.args().subspan(2)) {
      if (const RegisteredCommand* found = registry.find_full(name)) wanted.push_back(found);
    }
  }
  call.reply().map(wanted.size());
  for (const RegisteredCommand* command : wanted) reply_with_command_docs(call.reply(), *command);
}

/// The keys of the command that begins at argument 2. Replies with an error and returns false if it has none.
bool find_keys(Call& call, std::vector<KeyPosition>& keys) {
  const std::span<const std::string_view> args = call.args().subspan(2);
  const RegisteredCommand* command = call.environment().commands.find(args[0]);
  if (command != nullptr && !command->subcommands.empty() && args.size() > 1) {
    const RegisteredCommand* sub = CommandRegistry::find_subcommand(*command, args[1]);
    if (sub != nullptr || command->row->run == nullptr) command = sub;
  }
  if (command == nullptr) {
    call.fail("ERR Invalid command specified");
    return false;
  }
  if (command->row->keys[0].begin == KeySpec::Begin::none) {
    call.fail("ERR The command has no key arguments");
    return false;
  }
  const int arity = command->row->arity;
  const int argc = static_cast<int>(args.size());
  if (arity >= 0 ? argc != arity : argc < -arity) {
    call.fail("ERR Invalid number of arguments specified for command");
    return false;
  }
  const bool fits = key_accesses(*command, args, keys);
  if (!fits || keys.empty()) {
    if (command->is(command_flag::kNoMandatoryKeys)) {
      keys.clear();
      return true;
    }
    call.fail("ERR Invalid arguments specified for command");
    return false;
  }
  return true;
}

/// COMMAND GETKEYS command [arg ...]
void getkeys(Call& call) {
  std::vector<KeyPosition> keys;
  if (!find_keys(call, keys)) return;
  call.reply().array(keys.size());
  for (const KeyPosition& key : keys) call.reply().bulk(call.arg(static_cast<std::size_t>(key.index) + 2));
}

/// COMMAND GETKEYSANDFLAGS command [arg ...]
void getkeysandflags(Call& call) {
  std::vector<KeyPosition> keys;
  if (!find_keys(call, keys)) return;
  call.reply().array(keys.size());
  for (const KeyPosition& key : keys) {
    call.reply().array(2);
    call.reply().bulk(call.arg(static_cast<std::size_t>(key.index) + 2));
    const std::vector<std::string_view> names = key_flag_names(key.flags);
    call.reply().set(names.size());
    for (const std::string_view name : names) call.reply().simple(name);
  }
}

template <typename Wanted>
void collect(const std::vector<RegisteredCommand*>& commands, const Wanted& wanted, std::vector<std::string_view>& names) {
  for (const RegisteredCommand* command : commands) {
    if (wanted(*command)) names.push_back(command->full_name);
    collect(command->subcommands, wanted, names);
  }
}

/// COMMAND LIST [FILTERBY (MODULE module | ACLCAT category | PATTERN pattern)]: subcommands are listed too.
void list(Call& call) {
  const auto& commands = call.environment().commands.commands();
  std::vector<std::string_view> names;
  if (call.argc() == 2) {
    collect(commands, [](const RegisteredCommand&) { return true; }, names);
  } else if (call.argc() != 5 || !call.arg_is(2, "FILTERBY")) {
    return call.syntax_error();
  } else if (call.arg_is(3, "ACLCAT")) {
    const std::optional<Flags> category = category_of_name(call.arg(4));
    const auto in = [&](const RegisteredCommand& command) { return category && (command.categories & *category) != 0; };
    collect(commands, in, names);
  } else if (call.arg_is(3, "PATTERN")) {
    const auto fits = [&](const RegisteredCommand& command) {
      return glob_matches(call.arg(4), command.full_name, true);
    };
    collect(commands, fits, names);
  } else if (!call.arg_is(3, "MODULE")) {
    return call.syntax_error();
  }
  call.reply().set(names.size());
  for (const std::string_view name : names) call.reply().bulk(name);
}

/// COMMAND HELP
void help(Call& call) {
  reply_with_help(call, "COMMAND",
                  {"(no subcommand)", "    Describe all commands.", "COUNT", "    How many commands there are.",
                   "DOCS [<command-name> ...]", "    What these commands, or all, are for.",
                   "GETKEYS <full-command>", "    The keys in a command with its arguments.",
                   "GETKEYSANDFLAGS <full-command>", "    The keys, and what happens to them.",
                   "INFO [<command-name> ...]", "    Describe these commands, or all.",
                   "LIST [FILTERBY (MODULE <name>|ACLCAT <category>|PATTERN <pattern>)]", "    Names of commands."});
}

using namespace command_flag;

constexpr Flags kAlways = kLoading | kStale;
constexpr Flags kIn = category::kConnection;
constexpr std::string_view kGroup = "server";

const Command kCommandCommands[] = {
    {.name = "count", .arity = 2, .flags = kAlways, .categories = kIn, .run = count, .group = kGroup, .since = "2.8.13",
     .summary = "Returns the number of commands.", .complexity = "O(1)"},
    {.name = "docs", .arity = -2, .flags = kAlways, .categories = kIn, .run = docs, .group = kGroup, .since = "7.0.0",
     .summary = "Documents commands.", .complexity = "O(N) in the commands asked for", .tips = tips::kVariesInOrder,
     .syntax = "[command-name]..."},
    {.name = "getkeys", .arity = -3, .flags = kAlways, .categories = kIn, .run = getkeys, .group = kGroup,
     .since = "2.8.13", .summary = "Returns the keys of a command.", .complexity = "O(N) in the arguments"},
    {.name = "getkeysandflags", .arity = -3, .flags = kAlways, .categories = kIn, .run = getkeysandflags,
     .group = kGroup, .since = "7.0.0", .summary = "Returns the keys of a command and how it uses them.",
     .complexity = "O(N) in the arguments"},
    {.name = "help", .arity = 2, .flags = kAlways, .categories = kIn, .run = help, .group = kGroup, .since = "5.0.0",
     .summary = "Lists the subcommands.", .complexity = "O(1)"},
    {.name = "info", .arity = -2, .flags = kAlways, .categories = kIn, .run = info, .group = kGroup, .since = "2.8.13",
     .summary = "Describes commands.", .complexity = "O(N) in the commands asked for", .tips = tips::kVariesInOrder,
     .syntax = "[command-name]..."},
    {.name = "list", .arity = -2, .flags = kAlways, .categories = kIn, .run = list, .group = kGroup, .since = "7.0.0",
     .summary = "Returns the names of commands.", .complexity = "O(N) in the commands", .tips = tips::kVariesInOrder,
     .syntax = "[FILTERBY filterby=(MODULE module-name|ACLCAT category|PATTERN pattern:pattern)]"},
};

}  // namespace

namespace server_command {

/// COMMAND
void command(Call& call) {
  const auto& commands = call.environment().commands.commands();
  call.reply().array(commands.size());
  for (const RegisteredCommand* command : commands) reply_with_command_info(call.reply(), *command);
}

}  // namespace server_command

std::span<const Command> command_subcommands() { return kCommandCommands; }

}  // namespace stele
