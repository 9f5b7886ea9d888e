#include "tools/aof/values.h"

#include "engine/glob.h"
#include "engine/keyspace.h"
#include "engine/type_ops.h"
#include "protocol/resp_text.h"
#include "tools/aof/state.h"
#include "tools/common/external_sorter.h"
#include "tools/common/output.h"
#include "tools/common/text.h"
#include "tools/rdb/key_json.h"

namespace stele::tools {

namespace {

/// A key as it is at one moment: type, expiry and value in JSON; "null" if there is none.
Result<std::string> look_at(Keyspace& keyspace, int db, std::string_view key) {
  std::string out;
  JsonWriter json(out);
  const Item item = keyspace.peek(keyspace.db(db), key);
  if (!item) {
    json.null();
    return out;
  }
  const TypeOps& ops = type_ops(item.entry->type());
  RdbKey record{.db = static_cast<std::uint64_t>(db), .key = std::string(key)};
  record.value.type = record.written_type = ops.append_rdb(*item.entry, record.value.bytes);
  json.begin_object().field("type", ops.name).name("expire_at_ms");
  const auto expire_at = item.entry->expire_at();
  expire_at ? json.number(expire_at->ms()) : json.null();
  json.name("value");
  STELE_CHECK(write_value(json, record, [] { return Status(); }));
  json.end_object();
  return out;
}

class ValueLister {
 public:
  ValueLister(const AofListOptions& options, const AofSource& source) : options_(options), source_(source) {}

  Status feed(RebuildSink& sink) {
    StreamReader reader(source_, {.quiet = options_.quiet, .prints = true});
    const AofFile* file = nullptr;
    while (options_.limit == 0 || shown_ < options_.limit) {
      STELE_TRY(const bool more, reader.next());
      if (!more || options_.selection.is_past(reader.command())) break;
      STELE_CHECK(check_interrupted());
      const StreamCommand& command = reader.command();
      const bool own = reader.reader().is_segment();
      if (command.file != file) {
        if (!own || file == nullptr) sink.select(own ? command.file->header->db : 0);
        file = command.file;
      }
      const bool shows = options_.selection.matches(command, commands_);
      std::vector<std::string> keys;
      std::vector<std::string> before;
      if (shows && command.db < sink.keyspace().databases()) {
        keys = wanted_keys(command);
        for (const std::string& key : keys) {
          STELE_TRY(before.emplace_back(), look_at(sink.keyspace(), command.db, key));
        }
      }
      STELE_CHECK(run(sink, command, own));
      if (shows) STELE_CHECK(show(sink, command, keys, before));
    }
    if (!reader.torn().empty()) complain(kAofTool, "note: " + reader.torn());
    return out_.flush();
  }

  std::uint64_t shown() const { return shown_; }

 private:
  static Status run(RebuildSink& sink, const StreamCommand& command, bool own) {
    if (own) return sink.frame(command.raw, *command.time, Offset(command.offset));
    if (equals_ignoring_case(command.args[0], "MULTI") || equals_ignoring_case(command.args[0], "EXEC")) return Status();
    return sink.command(command.args);
  }

  std::vector<std::string> wanted_keys(const StreamCommand& command) {
    std::vector<std::string> out;
    for (const std::string_view key : commands_.keys(command.args)) {
      const auto& patterns = options_.selection.keys;
      const bool wanted = patterns.empty() || std::any_of(patterns.begin(), patterns.end(), [&](const std::string& pattern) {
                            return pattern == "*" || glob_matches(pattern, key);
                          });
      if (wanted && std::find(out.begin(), out.end(), key) == out.end()) out.emplace_back(key);
    }
    return out;
  }

  Status show(RebuildSink& sink, const StreamCommand& command, const std::vector<std::string>& keys,
              const std::vector<std::string>& before) {
    ++shown_;
    std::string& text = out_.text();
    const std::size_t width = options_.argument_bytes > 0 ? options_.argument_bytes : std::string::npos;
    if (options_.json) {
      JsonWriter json(text);
      json.begin_object();
      command_json(json, command, 0);
      json.name("keys").begin_array();
      for (std::size_t i = 0; i < keys.size(); ++i) {
        STELE_TRY(const std::string after, look_at(sink.keyspace(), command.db, keys[i]));
        json.begin_object().field("key", keys[i]).name("before").raw(before[i]).name("after").raw(after).end_object();
      }
      json.end_array().end_object();
      text += '\n';
    } else {
      text += fmt::format("{} {:>12} db{} {}\n", command.time ? format_time_ms(command.time->ms()) : "-", command.offset, command.db,
                          command_text(command.args, width));
      for (std::size_t i = 0; i < keys.size(); ++i) {
        STELE_TRY(const std::string after, look_at(sink.keyspace(), command.db, keys[i]));
        text += fmt::format("    {}\n      before  {}\n      after   {}\n", in_quotes(keys[i], width), shortened(before[i]),
                            after == before[i] ? "(the same)" : shortened(after));
      }
    }
    return out_.spill();
  }

  std::string shortened(const std::string& value) const {
    if (value == "null") return "-";
    const std::size_t width = options_.argument_bytes > 0 ? options_.argument_bytes * 4 : std::string::npos;
    return value.size() <= width ? value : value.substr(0, width) + "...";
  }

  const AofListOptions& options_;
  const AofSource& source_;
  StreamCommands commands_;
  Output out_;
  std::uint64_t shown_ = 0;
};

}  // namespace

Result<std::uint64_t> list_with_values(const AofListOptions& options, const AofSource& source) {
  interruptions();
  const AofFile* const first = source.files.size() > source.first_loaded ? &source.files[source.first_loaded] : nullptr;
  if (first != nullptr && first->header && first->header->first > Offset(0)) {
    return Status::invalid("{}: begins at offset {} and has no base, so nobody knows the values before that", source.named.native(),
                           first->header->first);
  }
  STELE_TRY(const Staging staging, Staging::temporary(temporary_directory()));
  ValueLister lister(options, source);
  StreamCommands commands;
  RebuildSource from{.kind = RebuildSource::Kind::base, .offset = Offset(1)};
  if (first != nullptr && first->kind == AofFile::Kind::rdb) from.files.push_back(first->path);
  from.feed = [&](RebuildSink& sink) { return lister.feed(sink); };
  const RebuildOptions rebuild{.databases = 1024,
                               .skip_unknown = true,
                               .replid = ReplicationId(40, '0'),
                               .memory_bytes = options.memory_bytes,
                               .stop = &interruptions(),
                               .on_progress = nullptr};
  STELE_CHECK(rebuild_store(staging.path() / "store", from, rebuild, commands.registry()).status());
  return lister.shown();
}

}  // namespace stele::tools
