// FUNCTION: libraries of functions, which are data: what changes them is an effect as it was sent.
//
// Replay has no Lua: there it is the sources alone that change, as the command said when it was accepted. They are compiled
// when all is replayed.

#include "protocol/scripting/commands_function.h"

#include "engine/glob.h"
#include "persistence/rdb/rdb_writer.h"
#include "protocol/command_tips.h"
#include "protocol/environment.h"
#include "protocol/help.h"
#include "protocol/scripting/function_payload.h"
#include "protocol/scripting/scripting.h"

namespace stele {

namespace {

using namespace command_flag;
using Policy = FunctionEngine::Policy;

FunctionEngine& engine_of(Call& call) { return call.environment().scripting->functions(); }
bool is_replay(const Call& call) { return call.environment_if_any() == nullptr; }

/// FUNCTION LOAD [REPLACE] code
void load(Call& call) {
  bool replace = false;
  for (std::size_t i = 2; i + 1 < call.argc(); ++i) {
    if (!call.arg_is(i, "replace")) return call.fail(fmt::format("ERR Unknown option given: {}", call.arg(i)));
    replace = true;
  }
  const std::string_view code = call.args().back();
  std::string name;
  if (is_replay(call)) {
    const Result<LibraryHead> head = parse_library_head(code);
    if (!head.ok()) return call.fail("ERR " + head.status().message());
    call.keyspace().functions().set(head->name, code);
    name = head->name;
  } else {
    Result<std::string> loaded = engine_of(call).load(code, replace);
    if (!loaded.ok()) return call.fail("ERR " + loaded.status().message());
    name = std::move(*loaded);
  }
  call.emit_verbatim();
  call.reply().bulk(name);
}

/// FUNCTION DELETE name
void erase(Call& call) {
  const bool erased = is_replay(call) ? call.keyspace().functions().erase(call.arg(2)) : engine_of(call).erase(call.arg(2));
  if (!erased) return call.fail("ERR Library not found");
  call.emit_verbatim();
  call.reply().ok();
}

/// FUNCTION FLUSH [ASYNC | SYNC]
void flush(Call& call) {
  if (call.argc() > 3) {
    return call.fail("ERR unknown subcommand or wrong number of arguments for 'flush'. Try FUNCTION HELP.");
  }
  bool in_background = call.keyspace().lazy_free().user_flush;
  if (call.argc() == 3 && call.arg_is(2, "sync")) {
    in_background = false;
  } else if (call.argc() == 3 && call.arg_is(2, "async")) {
    in_background = true;
  } else if (call.argc() == 3) {
    return call.fail("ERR FUNCTION FLUSH only supports SYNC|ASYNC option");
  }
  if (is_replay(call)) {
    call.keyspace().functions().clear();
  } else {
    engine_of(call).flush(in_background ? &call.environment().storage.reclaimer() : nullptr);
  }
  call.emit_verbatim();
  call.reply().ok();
}

/// FUNCTION RESTORE payload [FLUSH | APPEND | REPLACE]
void restore(Call& call) {
  if (call.argc() > 4) {
    return call.fail("ERR unknown subcommand or wrong number of arguments for 'restore'. Try FUNCTION HELP.");
  }
  Policy policy = Policy::append;
  if (call.argc() == 4) {
    if (call.arg_is(3, "flush")) {
      policy = Policy::flush;
    } else if (call.arg_is(3, "replace")) {
      policy = Policy::replace;
    } else if (!call.arg_is(3, "append")) {
      return call.fail("ERR Wrong restore policy given, value should be either FLUSH, APPEND or REPLACE.");
    }
  }
  const bool checks = call.keyspace().checks_payload_sums();
  const std::string repaired = checks ? std::string() : repaired_dump_payload(call.arg(2));
  const Result<std::vector<std::string>> sources = decode_functions(checks ? call.arg(2) : std::string_view(repaired));
  if (!sources.ok()) return call.fail("ERR " + sources.status().message());
  if (is_replay(call)) {
    FunctionLibraries& stored = call.keyspace().functions();
    if (policy == Policy::flush) stored.clear();
    for (const std::string& code : *sources) {
      const Result<LibraryHead> head = parse_library_head(code);
      if (!head.ok()) return call.fail("ERR " + head.status().message());
      stored.set(head->name, code);
    }
  } else if (const Status status = engine_of(call).restore(*sources, policy); !status.ok()) {
    return call.fail("ERR " + status.message());
  }
  if (checks) {
    call.emit_verbatim();
  } else if (call.argc() == 4) {
    call.emit("FUNCTION", "RESTORE", repaired, call.arg(3));
  } else {
    call.emit("FUNCTION", "RESTORE", repaired);
  }
  call.reply().ok();
}

/// FUNCTION DUMP
void dump(Call& call) { call.reply().bulk(encode_functions(call.keyspace().functions().all())); }

/// FUNCTION LIST [LIBRARYNAME pattern] [WITHCODE]
void list(Call& call) {
  std::optional<std::string_view> pattern;
  bool with_code = false;
  for (std::size_t i = 2; i < call.argc(); ++i) {
    if (!with_code && call.arg_is(i, "withcode")) {
      with_code = true;
    } else if (!pattern && call.arg_is(i, "libraryname")) {
      if (i + 1 == call.argc()) return call.fail("ERR library name argument was not given");
      pattern = call.arg(++i);
    } else {
      return call.fail(fmt::format("ERR Unknown argument {}", call.arg(i)));
    }
  }
  RespWriter& reply = call.reply();
  const auto mark = reply.begin_array();
  std::size_t shown = 0;
  for (const auto& [name, library] : engine_of(call).libraries()) {
    if (pattern && !glob_matches(*pattern, name, true)) continue;
    ++shown;
    reply.map(with_code ? 4 : 3);
    reply.bulk("library_name");
    reply.bulk(name);
    reply.bulk("engine");
    reply.bulk("LUA");
    reply.bulk("functions");
    reply.array(library->functions.size());
    for (const FunctionEngine::Function& function : library->functions) {
      reply.map(3);
      reply.bulk("name");
      reply.bulk(function.name);
      reply.bulk("description");
      function.description ? reply.bulk(*function.description) : reply.null();
      reply.bulk("flags");
      const auto flags = function.flags.names();
      reply.set(flags.size());
      for (const std::string_view flag : flags) reply.simple(flag);
    }
    if (!with_code) continue;
    reply.bulk("library_code");
    reply.bulk(library->code);
  }
  reply.end_array(mark, shown);
}

/// FUNCTION STATS
void stats(Call& call) {
  RespWriter& reply = call.reply();
  const Scripting::Running* running = call.environment().scripting->running();
  reply.map(2);
  reply.bulk("running_script");
  if (running == nullptr || !running->run.is_function) {
    reply.null();
  } else {
    const auto took = std::chrono::steady_clock::now() - running->since;
    reply.map(3);
    reply.bulk("name");
    reply.bulk(running->run.name);
    reply.bulk("command");
    reply.array(running->args.size());
    for (const std::string_view arg : running->args) reply.bulk(arg);
    reply.bulk("duration_ms");
    reply.integer(std::chrono::duration_cast<std::chrono::milliseconds>(took).count());
  }
  reply.bulk("engines");
  reply.map(1);
  reply.bulk("LUA");
  reply.map(2);
  reply.bulk("libraries_count");
  reply.integer(static_cast<std::int64_t>(engine_of(call).libraries().size()));
  reply.bulk("functions_count");
  reply.integer(static_cast<std::int64_t>(engine_of(call).functions()));
}

/// FUNCTION KILL
void kill(Call& call) { call.environment().scripting->kill(call, true); }

/// FUNCTION HELP
void help(Call& call) {
  reply_with_help(call, "FUNCTION",
                  {"DELETE <library name>", "    Remove a library and its functions.", "DUMP",
                   "    All libraries as one value, for FUNCTION RESTORE.", "FLUSH [ASYNC|SYNC]", "    Remove all libraries.",
                   "KILL", "    Stop the running function, if it has not written yet.",
                   "LIST [LIBRARYNAME <pattern>] [WITHCODE]", "    Libraries and their functions.", "LOAD [REPLACE] <code>",
                   "    Add a library; with REPLACE, instead of the one of that name.",
                   "RESTORE <value> [FLUSH|APPEND|REPLACE]", "    Add what FUNCTION DUMP gave: in place of all, only new",
                   "    libraries (default), or in place of those of the same name.", "STATS",
                   "    The running function, and how many there are."});
}

constexpr std::string_view kGroup = "scripting";

const Command kFunctionCommands[] = {
    {.name = "delete", .arity = 3, .flags = kNoscript | kWrite, .categories = category::kScripting, .run = erase,
     .group = kGroup, .since = "7.0.0", .summary = "Removes a library and its functions.", .complexity = "O(1)",
     .tips = tips::kDoneOnShards, .syntax = "library-name"},
    {.name = "dump", .arity = 2, .flags = kNoscript, .categories = category::kScripting, .run = dump, .group = kGroup,
     .since = "7.0.0", .summary = "Returns all libraries as one value.", .complexity = "O(N) in the libraries"},
    {.name = "flush", .arity = -2, .flags = kNoscript | kWrite, .categories = category::kScripting, .run = flush,
     .group = kGroup, .since = "7.0.0", .summary = "Removes all libraries.", .complexity = "O(N) in the functions",
     .tips = tips::kDoneOnShards, .syntax = "async=[ASYNC|SYNC]"},
    {.name = "help", .arity = 2, .flags = kLoading | kStale, .categories = category::kScripting, .run = help,
     .group = kGroup, .since = "7.0.0", .summary = "Lists the subcommands.", .complexity = "O(1)"},
    {.name = "kill", .arity = 2, .flags = kNoscript | kAllowBusy, .categories = category::kScripting, .run = kill,
     .group = kGroup, .since = "7.0.0", .summary = "Ends the running function.", .complexity = "O(1)",
     .tips = tips::kOneSucceeded},
    {.name = "list", .arity = -2, .flags = kNoscript, .categories = category::kScripting, .run = list, .group = kGroup,
     .since = "7.0.0", .summary = "Returns the libraries.", .complexity = "O(N) in the functions",
     .tips = tips::kVariesInOrder, .syntax = "[LIBRARYNAME library-name-pattern] [WITHCODE]"},
    {.name = "load", .arity = -3, .flags = kNoscript | kWrite | kDenyOom, .categories = category::kScripting, .run = load,
     .group = kGroup, .since = "7.0.0", .summary = "Adds a library.", .complexity = "O(1), and what its code does",
     .tips = tips::kDoneOnShards, .syntax = "[REPLACE] function-code"},
    {.name = "restore", .arity = -3, .flags = kNoscript | kWrite | kDenyOom, .categories = category::kScripting,
     .run = restore, .group = kGroup, .since = "7.0.0", .summary = "Adds the libraries of a dump.",
     .complexity = "O(N) in the functions", .tips = tips::kDoneOnShards,
     .syntax = "serialized-value policy=[FLUSH|APPEND|REPLACE]"},
    {.name = "stats", .arity = 2, .flags = kNoscript | kAllowBusy, .categories = category::kScripting, .run = stats,
     .group = kGroup, .since = "7.0.0", .summary = "Returns what is running and how many functions there are.",
     .complexity = "O(1)", .tips = tips::kVariesByShard},
};

}  // namespace

std::span<const Command> function_subcommands() { return kFunctionCommands; }

}  // namespace stele
