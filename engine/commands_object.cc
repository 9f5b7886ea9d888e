#include <limits>

#include "engine/call.h"
#include "engine/commands.h"
#include "engine/type_ops.h"

namespace stele {

// What the server knows of a value besides the value. Asking is no access.

namespace {

/// The object of argument 2; replies null if there is none.
const Entry* object_arg(Call& call) {
  // Counted as peek() counts it, but a miss is no event here.
  const Item item = call.keyspace().find(call.db(), call.arg(2));
  KeyspaceStats& stats = call.keyspace().stats();
  ++(item ? stats.hits : stats.misses);
  if (!item) call.reply().null();
  return item.entry;
}

/// OBJECT ENCODING key
void encoding(Call& call) {
  if (const Entry* entry = object_arg(call)) call.reply().bulk(encoding_name(entry->encoding()));
}

/// OBJECT REFCOUNT key
void refcount(Call& call) {
  const Entry* entry = object_arg(call);
  if (entry == nullptr) return;
  // Nothing is shared here, so this is no count: it is what Redis answers, which shares the integers from 0 to 9999 unless
  // each key's last access counts.
  const bool shared_by_redis = !call.keyspace().access_policy().decides && entry->encoding() == Encoding::integer &&
                               entry->integer() >= 0 && entry->integer() < 10'000;
  call.reply().integer(shared_by_redis ? std::numeric_limits<std::int32_t>::max() : 1);
}

/// OBJECT IDLETIME key
void idletime(Call& call) {
  const Entry* entry = object_arg(call);
  if (entry == nullptr) return;
  if (call.keyspace().access_policy().lfu) {
    return call.fail("ERR An LFU maxmemory policy is selected, idle time not tracked. Please note that when switching "
                     "between policies at runtime LRU and LFU data will take some time to adjust.");
  }
  call.reply().integer(call.keyspace().idle_seconds(*entry));
}

/// OBJECT FREQ key
void freq(Call& call) {
  const Entry* entry = object_arg(call);
  if (entry == nullptr) return;
  if (!call.keyspace().access_policy().lfu) {
    return call.fail("ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that when "
                     "switching between policies at runtime LRU and LFU data will take some time to adjust.");
  }
  call.reply().integer(call.keyspace().frequency(*entry));
}

/// OBJECT HELP
void help(Call& call) {
  static constexpr std::string_view kLines[] = {
      "OBJECT <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
      "ENCODING <key>",
      "    Return the kind of internal representation used in order to store the value",
      "    associated with a <key>.",
      "FREQ <key>",
      "    Return the access frequency index of the <key>. The returned integer is",
      "    proportional to the logarithm of the recent access frequency of the key.",
      "IDLETIME <key>",
      "    Return the idle time of the <key>, that is the approximated number of",
      "    seconds elapsed since the last access to the key.",
      "REFCOUNT <key>",
      "    Return the number of references of the value associated with the specified",
      "    <key>.",
      "HELP",
      "    Prints this help.",
  };
  call.reply().array(std::size(kLines));
  for (const std::string_view line : kLines) call.reply().simple(line);
}

using namespace command_flag;

constexpr std::string_view kNondeterministic[] = {"nondeterministic_output"};

constexpr Command about_key(std::string_view name, std::string_view since, std::string_view summary, void (*run)(Call&)) {
  return {.name = name, .arity = 3, .flags = kReadonly, .categories = category::kKeyspace,
          .keys = {KeySpec::one(2, key_flag::kRO)}, .run = run, .group = "generic", .since = since, .summary = summary,
          .complexity = "O(1)", .tips = kNondeterministic, .syntax = "key"};
}

constexpr Command kSubcommands[] = {
    about_key("encoding", "2.2.3", "Tells how a value is held in memory.", encoding),
    about_key("freq", "4.0.0", "Tells the logarithm of how often a key is used.", freq),
    {.name = "help", .arity = 2, .flags = kLoading | kStale, .categories = category::kKeyspace, .run = help,
     .group = "generic", .since = "6.2.0", .summary = "Explains the subcommands.", .complexity = "O(1)"},
    about_key("idletime", "2.2.3", "Tells how long ago a key was last used.", idletime),
    about_key("refcount", "2.2.3", "Tells how many references a value has.", refcount),
};

constexpr Command kCommands[] = {
    {.name = "object", .arity = -2, .group = "generic", .since = "2.2.3",
     .summary = "Holds the commands that look into objects.", .complexity = "Depends on the subcommand",
     .subcommands = kSubcommands},
};

}  // namespace

std::span<const Command> object_commands() { return kCommands; }

}  // namespace stele
