// SUBSCRIBE and its kin, PUBLISH, PUBSUB. What a subscription is answered with is a push, one for each name.

#include "engine/glob.h"
#include "protocol/commands.h"
#include "protocol/environment.h"
#include "protocol/help.h"
#include "protocol/pubsub/pubsub.h"
#include "protocol/pushes.h"
#include "protocol/replication_role.h"

namespace stele {

namespace {

/// What clients read as a subscription's number: shard channels are counted by themselves.
std::size_t count_of(const Connection& connection, Topic topic) {
  if (connection.subscriptions == nullptr) return 0;
  return topic == Topic::shard ? connection.subscriptions->count(topic)
                               : connection.subscriptions->channels_and_patterns();
}

/// ["subscribe", name or null, count]
void confirm(Call& call, Topic topic, std::string_view what, const std::string_view* name) {
  Connection& connection = connection_of(call);
  RespWriter writer(call.environment().pushes->answer(connection, call.reply().buffer()), connection.resp);
  writer.push(3);
  writer.bulk(what);
  name == nullptr ? writer.null() : writer.bulk(*name);
  writer.integer(static_cast<std::int64_t>(count_of(connection, topic)));
}

void subscribe_to(Call& call, Topic topic) {
  for (const std::string_view name : call.args().subspan(1)) {
    call.environment().pubsub->subscribe(connection_of(call), topic, name);
    confirm(call, topic, call.command().row->name, &name);
  }
}

void unsubscribe_from(Call& call, Topic topic) {
  Connection& connection = connection_of(call);
  PubSub& pubsub = *call.environment().pubsub;
  const auto leave = [&](std::string_view name) {
    pubsub.unsubscribe(connection, topic, name);
    confirm(call, topic, call.command().row->name, &name);
  };
  if (call.argc() > 1) {
    for (const std::string_view name : call.args().subspan(1)) leave(name);
    return;
  }
  const std::vector<std::string> names = PubSub::names(connection, topic);
  if (names.empty()) return confirm(call, topic, call.command().row->name, nullptr);
  for (const std::string& name : names) leave(name);
}

/// SUBSCRIBE channel [channel ...], PSUBSCRIBE pattern [pattern ...], SSUBSCRIBE shardchannel [shardchannel ...]
void subscribe(Call& call) { subscribe_to(call, Topic::channel); }
void psubscribe(Call& call) { subscribe_to(call, Topic::pattern); }
void ssubscribe(Call& call) { subscribe_to(call, Topic::shard); }

/// UNSUBSCRIBE [channel [channel ...]], PUNSUBSCRIBE [pattern [pattern ...]], SUNSUBSCRIBE [shardchannel [shardchannel
/// ...]]
void unsubscribe(Call& call) { unsubscribe_from(call, Topic::channel); }
void punsubscribe(Call& call) { unsubscribe_from(call, Topic::pattern); }
void sunsubscribe(Call& call) { unsubscribe_from(call, Topic::shard); }

/// PUBLISH channel message
void publish(Call& call) {
  const std::size_t receivers = call.environment().pubsub->publish(call.arg(1), call.arg(2));
  if (call.environment().replication->is_followed()) call.emit_verbatim();
  call.reply().integer(static_cast<std::int64_t>(receivers));
}

/// SPUBLISH shardchannel message
void spublish(Call& call) {
  const std::size_t receivers = call.environment().pubsub->publish_in_shard(call.arg(1), call.arg(2));
  if (call.environment().replication->is_followed()) call.emit_verbatim();
  call.reply().integer(static_cast<std::int64_t>(receivers));
}

/// PUBSUB CHANNELS [pattern], PUBSUB SHARDCHANNELS [pattern]
void list_names(Call& call, Topic topic) {
  if (call.argc() > 3) {
    return call.fail(fmt::format("ERR unknown subcommand or wrong number of arguments for '{}'. Try PUBSUB HELP.",
                                 printed(call.arg(1), 128)));
  }
  const auto mark = call.reply().begin_array();
  std::size_t n = 0;
  call.environment().pubsub->for_each_name(topic, [&](std::string_view name) {
    if (call.argc() == 3 && !glob_matches(call.arg(2), name)) return;
    call.reply().bulk(name);
    ++n;
  });
  call.reply().end_array(mark, n);
}

void channels(Call& call) { list_names(call, Topic::channel); }
void shardchannels(Call& call) { list_names(call, Topic::shard); }

/// PUBSUB NUMSUB [channel [channel ...]], PUBSUB SHARDNUMSUB [shardchannel [shardchannel ...]]
void count_subscribers(Call& call, Topic topic) {
  call.reply().array(2 * (call.argc() - 2));
  for (const std::string_view name : call.args().subspan(2)) {
    call.reply().bulk(name);
    call.reply().integer(static_cast<std::int64_t>(call.environment().pubsub->subscribers(topic, name)));
  }
}

void numsub(Call& call) { count_subscribers(call, Topic::channel); }
void shardnumsub(Call& call) { count_subscribers(call, Topic::shard); }

/// PUBSUB NUMPAT
void numpat(Call& call) {
  call.reply().integer(static_cast<std::int64_t>(call.environment().pubsub->count(Topic::pattern)));
}

/// PUBSUB HELP
void help(Call& call) {
  reply_with_help(
      call, "PUBSUB",
      {"CHANNELS [<pattern>]", "    Channels that have subscribers, or those of them that match.", "NUMPAT",
       "    Number of different patterns that are subscribed to.", "NUMSUB [<channel> [...]]",
       "    Number of subscribers of each channel, those by pattern not counted.", "SHARDCHANNELS [<pattern>]",
       "    Shard channels that have subscribers, or those of them that match.", "SHARDNUMSUB [<shardchannel> [...]]",
       "    Number of subscribers of each shard channel."});
}

using namespace command_flag;

constexpr std::string_view kGroup = "pubsub";
constexpr Flags kFlags = kPubsub | kNoscript | kLoading | kStale;
constexpr Flags kPublish = kPubsub | kLoading | kStale | kFast | kMayReplicate;
constexpr Flags kAsks = kPubsub | kLoading | kStale;

constexpr Command kAbout[] = {
    {.name = "channels",
     .arity = -2,
     .flags = kAsks,
     .run = channels,
     .group = kGroup,
     .since = "2.8.0",
     .summary = "Lists the channels that have subscribers.",
     .complexity = "O(N) in the channels",
     .syntax = "[pattern:pattern]"},
    {.name = "help",
     .arity = 2,
     .flags = kLoading | kStale,
     .run = help,
     .group = kGroup,
     .since = "6.2.0",
     .summary = "Lists the subcommands.",
     .complexity = "O(1)"},
    {.name = "numpat",
     .arity = 2,
     .flags = kAsks,
     .run = numpat,
     .group = kGroup,
     .since = "2.8.0",
     .summary = "Counts the patterns that are subscribed to.",
     .complexity = "O(1)"},
    {.name = "numsub",
     .arity = -2,
     .flags = kAsks,
     .run = numsub,
     .group = kGroup,
     .since = "2.8.0",
     .summary = "Counts the subscribers of channels.",
     .complexity = "O(N) for N channels",
     .syntax = "[channel]..."},
    {.name = "shardchannels",
     .arity = -2,
     .flags = kAsks,
     .run = shardchannels,
     .group = kGroup,
     .since = "7.0.0",
     .summary = "Lists the shard channels that have subscribers.",
     .complexity = "O(N) in the shard channels",
     .syntax = "[pattern:pattern]"},
    {.name = "shardnumsub",
     .arity = -2,
     .flags = kAsks,
     .run = shardnumsub,
     .group = kGroup,
     .since = "7.0.0",
     .summary = "Counts the subscribers of shard channels.",
     .complexity = "O(N) for N shard channels",
     .syntax = "[shardchannel]..."},
};

constexpr KeySpec kShards = KeySpec::range(1, -1, 1, key_flag::kNotKey);

constexpr Command kCommands[] = {
    {.name = "subscribe",
     .arity = -2,
     .flags = kFlags,
     .run = subscribe,
     .group = kGroup,
     .since = "2.0.0",
     .summary = "Listens for messages on channels.",
     .complexity = "O(N) for N channels",
     .syntax = "channel..."},
    {.name = "unsubscribe",
     .arity = -1,
     .flags = kFlags,
     .run = unsubscribe,
     .group = kGroup,
     .since = "2.0.0",
     .summary = "Stops listening on channels.",
     .complexity = "O(N) for N channels",
     .syntax = "[channel]..."},
    {.name = "psubscribe",
     .arity = -2,
     .flags = kFlags,
     .run = psubscribe,
     .group = kGroup,
     .since = "2.0.0",
     .summary = "Listens for messages on channels that match patterns.",
     .complexity = "O(N) for N patterns",
     .syntax = "({pattern:pattern})..."},
    {.name = "punsubscribe",
     .arity = -1,
     .flags = kFlags,
     .run = punsubscribe,
     .group = kGroup,
     .since = "2.0.0",
     .summary = "Stops listening by patterns.",
     .complexity = "O(N) for N patterns, and O(M) for each of M in all",
     .syntax = "[pattern:pattern]..."},
    {.name = "ssubscribe",
     .arity = -2,
     .flags = kFlags,
     .keys = {kShards},
     .run = ssubscribe,
     .group = kGroup,
     .since = "7.0.0",
     .summary = "Listens for messages on shard channels.",
     .complexity = "O(N) for N shard channels",
     .syntax = "shardchannel..."},
    {.name = "sunsubscribe",
     .arity = -1,
     .flags = kFlags,
     .keys = {kShards},
     .run = sunsubscribe,
     .group = kGroup,
     .since = "7.0.0",
     .summary = "Stops listening on shard channels.",
     .complexity = "O(N) for N shard channels",
     .syntax = "[shardchannel]..."},
    {.name = "publish",
     .arity = 3,
     .flags = kPublish,
     .run = publish,
     .group = kGroup,
     .since = "2.0.0",
     .summary = "Sends a message to those who listen on a channel.",
     .complexity = "O(N+M) for N subscribers of the channel and M patterns",
     .syntax = "channel message"},
    {.name = "spublish",
     .arity = 3,
     .flags = kPublish,
     .keys = {KeySpec::one(1, key_flag::kNotKey)},
     .run = spublish,
     .group = kGroup,
     .since = "7.0.0",
     .summary = "Sends a message to those who listen on a shard channel.",
     .complexity = "O(N) for N subscribers",
     .syntax = "shardchannel message"},
    {.name = "pubsub",
     .arity = -2,
     .group = kGroup,
     .since = "2.8.0",
     .summary = "Commands on who listens to what.",
     .complexity = "Depends on the subcommand.",
     .subcommands = kAbout},
};

}  // namespace

std::span<const Command> pubsub_commands() { return kCommands; }

}  // namespace stele
