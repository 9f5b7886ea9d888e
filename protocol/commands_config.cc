// CONFIG: reads and changes the configuration in force; LiveConfig knows how.

#include "protocol/commands_config.h"

#include "protocol/acl/acl.h"
#include "protocol/command_tips.h"
#include "protocol/environment.h"
#include "protocol/help.h"
#include "protocol/memory_limits.h"

namespace stele {

Status rewrite_config(Environment& environment, bool force_all) {
  LiveConfig& config = environment.config;
  config.to_update().users = environment.acl->config_users(config.now());
  return config.rewrite(force_all);
}

namespace {

/// CONFIG GET pattern [pattern ...]
void get(Call& call) {
  const auto pairs = call.environment().config.get(call.args().subspan(2));
  call.reply().map(pairs.size());
  for (const auto& [name, value] : pairs) {
    call.reply().bulk(name);
    call.reply().bulk(value);
  }
}

bool may_set_protected(Call& call) {
  switch (call.environment().config.now().enable_protected_configs) {
    case ProtectedFeature::yes: return true;
    case ProtectedFeature::local: return connection_of(call).is_loopback();
    case ProtectedFeature::no: break;
  }
  return false;
}

/// CONFIG SET directive value [directive value ...]: all or none.
void set(Call& call) {
  if (call.argc() % 2 != 0) return call.syntax_error();
  std::vector<LiveConfig::Setting> settings;
  for (std::size_t i = 2; i < call.argc(); i += 2) settings.push_back({call.arg(i), call.arg(i + 1)});
  if (const Status status = call.environment().config.set(settings, may_set_protected(call)); !status.ok()) {
    return call.fail("ERR " + status.message());
  }
  call.reply().ok();
}

/// CONFIG REWRITE
void rewrite(Call& call) {
  if (const Status status = rewrite_config(call.environment(), false); !status.ok()) {
    return call.fail("ERR " + status.message());
  }
  call.reply().ok();
}

/// CONFIG RESETSTAT: what INFO counts begins at zero again.
void resetstat(Call& call) {
  Environment& environment = call.environment();
  environment.stats.reset();
  environment.commands.reset_stats();
  environment.storage.reclaimer().reset_freed();
  environment.memory_limits->reset_stats();
  KeyspaceStats& keyspace = call.keyspace().stats();
  keyspace.hits = keyspace.misses = keyspace.expired = keyspace.loads = 0;
  call.reply().ok();
}

/// CONFIG HELP
void help(Call& call) {
  reply_with_help(call, "CONFIG",
                  {"GET <pattern> [<pattern> ...]", "    Directives whose names match, and their values.",
                   "RESETSTAT", "    Begin counting anew what INFO counts.",
                   "REWRITE", "    Bring the configuration file up to date.",
                   "SET <directive> <value> [<directive> <value> ...]", "    Change directives, all or none."});
}

using namespace command_flag;

constexpr Flags kOperator = kAdmin | kNoscript | kLoading | kStale;
constexpr std::string_view kGroup = "server";

const Command kConfigCommands[] = {
    {.name = "get", .arity = -3, .flags = kOperator, .run = get, .group = kGroup, .since = "2.0.0",
     .summary = "Returns directives and their values.", .complexity = "O(N) in the patterns", .syntax = "({parameter})..."},
    {.name = "help", .arity = 2, .flags = kLoading | kStale, .run = help, .group = kGroup, .since = "5.0.0",
     .summary = "Lists the subcommands.", .complexity = "O(1)"},
    {.name = "resetstat", .arity = 2, .flags = kOperator, .run = resetstat, .group = kGroup, .since = "2.0.0",
     .summary = "Resets the server's counters.", .complexity = "O(1)"},
    {.name = "rewrite", .arity = 2, .flags = kOperator, .run = rewrite, .group = kGroup, .since = "2.8.0",
     .summary = "Writes the configuration in force to its file.", .complexity = "O(1)"},
    {.name = "set", .arity = -4, .flags = kOperator, .run = set, .group = kGroup, .since = "2.0.0",
     .summary = "Changes directives while the server runs.", .complexity = "O(N) in the directives",
     .tips = tips::kDoneOnNodes, .syntax = "(parameter value)..."},
};

}  // namespace

std::span<const Command> config_subcommands() { return kConfigCommands; }

}  // namespace stele
