// A command table's row as COMMAND INFO and COMMAND DOCS render it.

#include "protocol/command_syntax.h"
#include "protocol/commands_command.h"

namespace stele {

namespace {

struct Name {
  Flags flag;
  std::string_view name;
};

constexpr Name kFlagNames[] = {
    {command_flag::kWrite, "write"},
    {command_flag::kReadonly, "readonly"},
    {command_flag::kDenyOom, "denyoom"},
    {command_flag::kModule, "module"},
    {command_flag::kAdmin, "admin"},
    {command_flag::kPubsub, "pubsub"},
    {command_flag::kNoscript, "noscript"},
    {command_flag::kBlocking, "blocking"},
    {command_flag::kLoading, "loading"},
    {command_flag::kStale, "stale"},
    {command_flag::kSkipMonitor, "skip_monitor"},
    {command_flag::kSkipSlowlog, "skip_slowlog"},
    {command_flag::kAsking, "asking"},
    {command_flag::kFast, "fast"},
    {command_flag::kNoAuth, "no_auth"},
    {command_flag::kMayReplicate, "may_replicate"},
    {command_flag::kNoMandatoryKeys, "no_mandatory_keys"},
    {command_flag::kProtected, "protected"},
    {command_flag::kNoAsyncLoading, "no_async_loading"},
    {command_flag::kNoMulti, "no_multi"},
    {command_flag::kMovableKeys, "movablekeys"},
    {command_flag::kAllowBusy, "allow_busy"},
};

constexpr Name kCategoryNames[] = {
    {category::kKeyspace, "keyspace"},
    {category::kRead, "read"},
    {category::kWrite, "write"},
    {category::kSet, "set"},
    {category::kSortedSet, "sortedset"},
    {category::kList, "list"},
    {category::kHash, "hash"},
    {category::kString, "string"},
    {category::kBitmap, "bitmap"},
    {category::kHyperloglog, "hyperloglog"},
    {category::kGeo, "geo"},
    {category::kStream, "stream"},
    {category::kPubsub, "pubsub"},
    {category::kAdmin, "admin"},
    {category::kFast, "fast"},
    {category::kSlow, "slow"},
    {category::kBlocking, "blocking"},
    {category::kDangerous, "dangerous"},
    {category::kConnection, "connection"},
    {category::kTransaction, "transaction"},
    {category::kScripting, "scripting"},
};

constexpr Name kKeyFlagNames[] = {
    {key_flag::kRO, "RO"},
    {key_flag::kRW, "RW"},
    {key_flag::kOW, "OW"},
    {key_flag::kRM, "RM"},
    {key_flag::kAccess, "access"},
    {key_flag::kUpdate, "update"},
    {key_flag::kInsert, "insert"},
    {key_flag::kDelete, "delete"},
    {key_flag::kNotKey, "not_key"},
    {key_flag::kIncomplete, "incomplete"},
    {key_flag::kVariableFlags, "variable_flags"},
};

std::vector<std::string_view> names_of(std::span<const Name> names, Flags flags) {
  std::vector<std::string_view> out;
  for (const Name& name : names) {
    if (flags & name.flag) out.push_back(name.name);
  }
  return out;
}

void reply_with_set(RespWriter& reply, const std::vector<std::string_view>& names, std::string_view prefix = {}) {
  reply.set(names.size());
  for (const std::string_view name : names) reply.simple(std::string(prefix).append(name));
}

void reply_with_begin(RespWriter& reply, const KeySpec& spec) {
  reply.bulk("begin_search");
  reply.map(2);
  reply.bulk("type");
  switch (spec.begin) {
    case KeySpec::Begin::index:
      reply.bulk("index");
      reply.bulk("spec");
      reply.map(1);
      reply.bulk("index");
      reply.integer(spec.index);
      break;
    case KeySpec::Begin::keyword:
      reply.bulk("keyword");
      reply.bulk("spec");
      reply.map(2);
      reply.bulk("keyword");
      reply.bulk(spec.keyword);
      reply.bulk("startfrom");
      reply.integer(spec.index);
      break;
    case KeySpec::Begin::unknown:
    case KeySpec::Begin::none:
      reply.bulk("unknown");
      reply.bulk("spec");
      reply.map(0);
      break;
  }
}

void reply_with_number(RespWriter& reply, std::string_view name, std::int64_t value) {
  reply.bulk(name);
  reply.integer(value);
}

void reply_with_find(RespWriter& reply, const KeySpec& spec) {
  reply.bulk("find_keys");
  reply.map(2);
  reply.bulk("type");
  switch (spec.find) {
    case KeySpec::Find::range:
      reply.bulk("range");
      reply.bulk("spec");
      reply.map(3);
      reply_with_number(reply, "lastkey", spec.last);
      reply_with_number(reply, "keystep", spec.step);
      reply_with_number(reply, "limit", spec.limit);
      break;
    case KeySpec::Find::keynum:
      reply.bulk("keynum");
      reply.bulk("spec");
      reply.map(3);
      reply_with_number(reply, "keynumidx", spec.keynum_index);
      reply_with_number(reply, "firstkey", spec.first_key);
      reply_with_number(reply, "keystep", spec.step);
      break;
    case KeySpec::Find::unknown:
    case KeySpec::Find::none:
      reply.bulk("unknown");
      reply.bulk("spec");
      reply.map(0);
      break;
  }
}

void reply_with_key_specs(RespWriter& reply, const Command& row) {
  const auto used = std::find_if(row.keys.begin(), row.keys.end(),
                                 [](const KeySpec& spec) { return spec.begin == KeySpec::Begin::none; });
  reply.set(static_cast<std::size_t>(used - row.keys.begin()));
  for (auto spec = row.keys.begin(); spec != used; ++spec) {
    reply.map(3);
    reply.bulk("flags");
    reply_with_set(reply, key_flag_names(spec->flags));
    reply_with_begin(reply, *spec);
    reply_with_find(reply, *spec);
  }
}

}  // namespace

std::vector<std::string_view> flag_names(Flags flags) { return names_of(kFlagNames, flags); }
std::vector<std::string_view> category_names(Flags categories) { return names_of(kCategoryNames, categories); }
std::vector<std::string_view> key_flag_names(Flags flags) { return names_of(kKeyFlagNames, flags); }

std::optional<Flags> category_of_name(std::string_view name) {
  for (const Name& known : kCategoryNames) {
    if (equals_ignoring_case(known.name, name)) return known.flag;
  }
  return std::nullopt;
}

void reply_with_command_info(RespWriter& reply, const RegisteredCommand& command) {
  reply.array(10);
  reply.bulk(command.full_name);
  reply.integer(command.row->arity);
  reply_with_set(reply, flag_names(command.flags));
  reply.integer(command.first_key);
  reply.integer(command.last_key);
  reply.integer(command.key_step);
  reply_with_set(reply, category_names(command.categories), "@");
  reply.set(command.row->tips.size());
  for (const std::string_view tip : command.row->tips) reply.bulk(tip);
  reply_with_key_specs(reply, *command.row);
  reply.set(command.subcommands.size());
  for (const RegisteredCommand* sub : command.subcommands) reply_with_command_info(reply, *sub);
}

void reply_with_command_docs(RespWriter& reply, const RegisteredCommand& command) {
  const Command& row = *command.row;
  reply.bulk(command.full_name);
  const auto map = reply.begin_map(8);
  std::size_t pairs = 0;
  const auto text = [&](std::string_view name, std::string_view value) {
    if (value.empty()) return;
    reply.bulk(name);
    reply.bulk(value);
    ++pairs;
  };
  text("summary", row.summary);
  text("since", row.since);
  text("group", row.group);
  text("complexity", row.complexity);
  if (!row.deprecated_since.empty()) {
    reply.bulk("doc_flags");
    reply.set(1);
    reply.simple("deprecated");
    ++pairs;
    text("deprecated_since", row.deprecated_since);
    text("replaced_by", row.replaced_by);
  }
  if (!row.syntax.empty()) {
    const int key_specs = static_cast<int>(
        std::count_if(row.keys.begin(), row.keys.end(), [](const KeySpec& spec) { return spec.begin != KeySpec::Begin::none; }));
    const auto arguments = parse_syntax(row.syntax, key_specs);
    STELE_ASSERT(arguments);
    reply.bulk("arguments");
    reply_with_arguments(reply, *arguments);
    ++pairs;
  }
  if (!command.subcommands.empty()) {
    reply.bulk("subcommands");
    reply.map(command.subcommands.size());
    for (const RegisteredCommand* sub : command.subcommands) reply_with_command_docs(reply, *sub);
    ++pairs;
  }
  reply.end_map(map, pairs);
}

}  // namespace stele
