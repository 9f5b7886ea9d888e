// SLOWLOG: shows the commands that took long.

#include "protocol/command_tips.h"
#include "protocol/commands_debug.h"
#include "protocol/environment.h"
#include "protocol/help.h"
#include "protocol/resp_integer.h"

namespace stele {

namespace {

/// SLOWLOG GET [count]: the newest first; -1 for all.
void get(Call& call) {
  std::int64_t count = 10;
  if (call.argc() > 3) return call.fail("ERR unknown subcommand or wrong number of arguments for 'GET'. Try SLOWLOG HELP.");
  if (call.argc() == 3) {
    const auto asked = parse_integer(call.arg(2));
    if (!asked || *asked < -1) return call.fail("ERR count should be greater than or equal to -1");
    count = *asked;
  }
  const auto& entries = call.environment().slow_log.entries();
  std::size_t shown = entries.size();
  if (count >= 0) shown = std::min(shown, static_cast<std::size_t>(count));
  RespWriter& reply = call.reply();
  reply.array(shown);
  for (std::size_t i = 0; i < shown; ++i) {
    const SlowLog::Entry& entry = entries[i];
    reply.array(6);
    reply.integer(static_cast<std::int64_t>(entry.id));
    reply.integer(entry.at.ms() / 1000);
    reply.integer(static_cast<std::int64_t>(entry.microseconds));
    reply.array(entry.args.size());
    for (const std::string& argument : entry.args) reply.bulk(argument);
    reply.bulk(entry.peer);
    reply.bulk(entry.client_name);
  }
}

/// SLOWLOG LEN
void len(Call& call) {
  call.reply().integer(static_cast<std::int64_t>(call.environment().slow_log.entries().size()));
}

/// SLOWLOG RESET
void reset(Call& call) {
  call.environment().slow_log.clear();
  call.reply().ok();
}

/// SLOWLOG HELP
void help(Call& call) {
  reply_with_help(call, "SLOWLOG",
                  {"GET [<count>]", "    The newest entries (default: 10, -1 for all), each:",
                   "    id, unix time, microseconds, arguments, client address, client name", "LEN",
                   "    How many entries there are.", "RESET", "    Forget them all."});
}

using namespace command_flag;

constexpr std::string_view kGroup = "server";

const Command kSlowlogCommands[] = {
    {.name = "get", .arity = -2, .flags = kAdmin | kLoading | kStale, .run = get, .group = kGroup, .since = "2.2.12",
     .summary = "Returns the newest entries.", .complexity = "O(N) in the entries returned", .tips = tips::kListOfNodes,
     .syntax = "[count:integer]"},
    {.name = "help", .arity = 2, .flags = kLoading | kStale, .run = help, .group = kGroup, .since = "6.2.0",
     .summary = "Lists the subcommands.", .complexity = "O(1)"},
    {.name = "len", .arity = 2, .flags = kAdmin | kLoading | kStale, .run = len, .group = kGroup, .since = "2.2.12",
     .summary = "Returns the number of entries.", .complexity = "O(1)", .tips = tips::kSumOfNodes},
    {.name = "reset", .arity = 2, .flags = kAdmin | kLoading | kStale, .run = reset, .group = kGroup,
     .since = "2.2.12", .summary = "Removes all entries.", .complexity = "O(N) in the entries",
     .tips = tips::kDoneOnNodes},
};

}  // namespace

std::span<const Command> slowlog_subcommands() { return kSlowlogCommands; }

}  // namespace stele
