// EVAL and its kin, and SCRIPT.

#include "protocol/commands.h"
#include "protocol/environment.h"
#include "protocol/help.h"
#include "protocol/command_tips.h"
#include "protocol/scripting/commands_function.h"
#include "protocol/scripting/scripting.h"

namespace stele {

namespace {

using namespace command_flag;
namespace key = key_flag;

Scripting& scripting_of(Call& call) { return *call.environment().scripting; }

/// EVAL script numkeys [key ...] [arg ...]
///
/// Effect  those of the commands that it calls, as one unit.
void eval(Call& call) { scripting_of(call).eval(call, false, false); }
void eval_ro(Call& call) { scripting_of(call).eval(call, false, true); }
/// EVALSHA sha1 numkeys [key ...] [arg ...]
void evalsha(Call& call) { scripting_of(call).eval(call, true, false); }
void evalsha_ro(Call& call) { scripting_of(call).eval(call, true, true); }

/// FCALL function numkeys [key ...] [arg ...]
void fcall(Call& call) { scripting_of(call).fcall(call, false); }
void fcall_ro(Call& call) { scripting_of(call).fcall(call, true); }

/// SCRIPT LOAD script
void script_load(Call& call) {
  std::string error;
  const ScriptCache::Script* script = scripting_of(call).cache().load(call.arg(2), error);
  if (script == nullptr) return call.fail(error);
  call.reply().bulk(script->sha);
}

/// SCRIPT EXISTS sha1 [sha1 ...]
void script_exists(Call& call) {
  call.reply().array(call.argc() - 2);
  for (const std::string_view sha : call.args().subspan(2)) {
    call.reply().integer(scripting_of(call).cache().find_by_sha(sha) == nullptr ? 0 : 1);
  }
}

/// SCRIPT FLUSH [ASYNC | SYNC]
void script_flush(Call& call) {
  bool in_background = call.keyspace().lazy_free().user_flush;
  if (call.argc() == 3 && call.arg_is(2, "sync")) {
    in_background = false;
  } else if (call.argc() == 3 && call.arg_is(2, "async")) {
    in_background = true;
  } else if (call.argc() != 2) {
    return call.fail("ERR SCRIPT FLUSH only support SYNC|ASYNC option");
  }
  scripting_of(call).cache().flush(in_background ? &call.environment().storage.reclaimer() : nullptr);
  call.reply().ok();
}

/// SCRIPT KILL
void script_kill(Call& call) { scripting_of(call).kill(call, false); }

/// SCRIPT DEBUG (YES | SYNC | NO): there is no debugger, so nothing but NO can be had.
void script_debug(Call& call) {
  if (call.arg_is(2, "no")) return call.reply().ok();
  if (call.arg_is(2, "yes") || call.arg_is(2, "sync")) return call.fail("ERR The Lua debugger is not available in this server");
  call.fail("ERR Use SCRIPT DEBUG YES/SYNC/NO");
}

/// SCRIPT HELP
void script_help(Call& call) {
  reply_with_help(call, "SCRIPT",
                  {"DEBUG (YES|SYNC|NO)", "    Only NO: there is no debugger.", "EXISTS <sha1> [<sha1> ...]",
                   "    Which of these scripts are in the cache.", "FLUSH [ASYNC|SYNC]", "    Forget all scripts.", "KILL",
                   "    Stop the running script, if it has not written yet.", "LOAD <script>",
                   "    Put a script into the cache without running it."});
}

constexpr std::string_view kGroup = "scripting";
constexpr Flags kRunFlags = kNoscript | kSkipMonitor | kMayReplicate | kNoMandatoryKeys | kStale;
constexpr Flags kReadFlags = kNoscript | kSkipMonitor | kNoMandatoryKeys | kStale | kReadonly;
constexpr KeySpec kRunKeys = KeySpec::counted(2, 0, 1, 1, key::kRW | key::kAccess | key::kUpdate);
constexpr KeySpec kReadKeys = KeySpec::counted(2, 0, 1, 1, key::kRO | key::kAccess);
constexpr std::string_view kRunComplexity = "Depends on the script that is run.";

const Command kScriptCommands[] = {
    {.name = "debug", .arity = 3, .flags = kNoscript, .categories = category::kScripting, .run = script_debug,
     .group = kGroup, .since = "3.2.0", .summary = "Sets the mode of the script debugger.", .complexity = "O(1)",
     .syntax = "mode=(YES|SYNC|NO)"},
    {.name = "exists", .arity = -3, .flags = kNoscript, .categories = category::kScripting, .run = script_exists,
     .group = kGroup, .since = "2.6.0", .summary = "Tells which scripts are cached.",
     .complexity = "O(N) in the scripts asked for", .tips = tips::kScriptExists,
     .syntax = "sha1..."},
    {.name = "flush", .arity = -2, .flags = kNoscript, .categories = category::kScripting, .run = script_flush,
     .group = kGroup, .since = "2.6.0", .summary = "Forgets all cached scripts.", .complexity = "O(N) in the scripts cached",
     .tips = tips::kDoneOnNodes,
     .syntax = "flush-type=[ASYNC|SYNC]"},
    {.name = "help", .arity = 2, .flags = kLoading | kStale, .categories = category::kScripting, .run = script_help,
     .group = kGroup, .since = "5.0.0", .summary = "Lists the subcommands.", .complexity = "O(1)"},
    {.name = "kill", .arity = 2, .flags = kNoscript | kAllowBusy, .categories = category::kScripting, .run = script_kill,
     .group = kGroup, .since = "2.6.0", .summary = "Ends the running script.", .complexity = "O(1)",
     .tips = tips::kOneSucceeded},
    {.name = "load", .arity = 3, .flags = kNoscript | kStale, .categories = category::kScripting, .run = script_load,
     .group = kGroup, .since = "2.6.0", .summary = "Caches a script without running it.",
     .complexity = "O(N) in the bytes of the script", .tips = tips::kDoneOnNodes,
     .syntax = "script"},
};

const Command kCommands[] = {
    {.name = "eval", .arity = -3, .flags = kRunFlags, .categories = category::kScripting, .keys = {kRunKeys}, .run = eval,
     .group = kGroup, .since = "2.6.0", .summary = "Runs a script.", .complexity = kRunComplexity,
     .syntax = "script numkeys:integer [key...] [arg...]"},
    {.name = "eval_ro", .arity = -3, .flags = kReadFlags, .categories = category::kScripting, .keys = {kReadKeys,
     .syntax = "script numkeys:integer [key...] [arg...]"},
     .run = eval_ro, .group = kGroup, .since = "7.0.0", .summary = "Runs a script that only reads.",
     .complexity = kRunComplexity},
    {.name = "evalsha", .arity = -3, .flags = kRunFlags, .categories = category::kScripting, .keys = {kRunKeys,
     .syntax = "sha1 numkeys:integer [key...] [arg...]"},
     .run = evalsha, .group = kGroup, .since = "2.6.0", .summary = "Runs a cached script.", .complexity = kRunComplexity},
    {.name = "evalsha_ro", .arity = -3, .flags = kReadFlags, .categories = category::kScripting, .keys = {kReadKeys,
     .syntax = "sha1 numkeys:integer [key...] [arg...]"},
     .run = evalsha_ro, .group = kGroup, .since = "7.0.0", .summary = "Runs a cached script that only reads.",
     .complexity = kRunComplexity},
    {.name = "fcall", .arity = -3, .flags = kRunFlags, .categories = category::kScripting, .keys = {kRunKeys}, .run = fcall,
     .group = kGroup, .since = "7.0.0", .summary = "Runs a function.", .complexity = kRunComplexity,
     .syntax = "function numkeys:integer [key...] [arg...]"},
    {.name = "fcall_ro", .arity = -3, .flags = kReadFlags, .categories = category::kScripting, .keys = {kReadKeys,
     .syntax = "function numkeys:integer [key...] [arg...]"},
     .run = fcall_ro, .group = kGroup, .since = "7.0.0", .summary = "Runs a function that only reads.",
     .complexity = kRunComplexity},
    {.name = "function", .arity = -2, .group = kGroup, .since = "7.0.0", .summary = "Commands on function libraries.",
     .complexity = "Depends on the subcommand.", .subcommands = function_subcommands()},
    {.name = "script", .arity = -2, .group = kGroup, .since = "2.6.0", .summary = "Commands on cached scripts.",
     .complexity = "Depends on the subcommand.", .subcommands = kScriptCommands},
};

}  // namespace

std::span<const Command> scripting_commands() { return kCommands; }

}  // namespace stele
