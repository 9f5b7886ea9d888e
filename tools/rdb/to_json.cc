// stele-rdb to-json and to-resp: everything in a file, for programs and for servers.

#include <map>

#include <fmt/format.h>

#include "engine/function_libraries.h"
#include "engine/rdb/value_commands.h"
#include "tools/common/output.h"
#include "tools/common/text.h"
#include "tools/rdb/commands.h"
#include "tools/rdb/key_json.h"

namespace stele::tools {

namespace {

/// One record a line, or as elements of one array:
///
///     {"record":"header", ...} {"record":"aux", ...} {"record":"function", ...} {"record":"key", ...} {"record":"end",
///     ...}
class JsonExporter final : public InputVisitor {
 public:
  JsonExporter(const ToJsonOptions& options, Output& out) : InputVisitor(options.input), options_(options), out_(out) {
    if (options.array) out_.text() += '[';
  }

  Status header(int version, RdbDialect dialect) override {
    STELE_CHECK(InputVisitor::header(version, dialect));
    JsonWriter json = begin("header");
    json.field("version", version).field("dialect", dialect == RdbDialect::valkey ? "valkey" : "redis").end_object();
    return Status();
  }
  Status aux(std::string_view name, std::string_view value) override {
    begin("aux").field("name", name).field("value", value).end_object();
    return out_.spill();
  }
  Status function(std::string_view source) override {
    const Result<LibraryHead> head = parse_library_head(source);
    JsonWriter json = begin("function");
    if (head.ok()) json.field("name", head->name);
    json.field("code", source).end_object();
    return out_.spill();
  }
  Status module_aux(std::string_view module) override {
    begin("skipped").field("module", module).end_object();
    return out_.spill();
  }
  Status skipped(const RdbKey& key, RdbValueOutcome why) override {
    JsonWriter json = begin("skipped");
    json.field("db", key.db).field("key", key.key).field("rdb_type", key.written_type);
    if (key.value.module_id != 0) json.field("module", module_name(key.value.module_id));
    json.field("why", why == RdbValueOutcome::empty ? "empty" : "unknown").end_object();
    STELE_CHECK(out_.spill());
    return InputVisitor::skipped(key, why);
  }

  void finish(const RdbSummary& summary) {
    begin("end").field("keys", keys_).field("has_checksum", summary.has_checksum).end_object();
    out_.text() += options_.array ? "\n]\n" : "\n";
  }

 protected:
  Status visit(RdbKey& key, const KeyFacts& facts) override {
    ++keys_;
    JsonWriter json = begin("key");
    write_key_members(json, key, facts, !options_.values);
    if (options_.values) {
      json.name("value");
      if (const Status status = write_value(json, key, [this] { return out_.spill(); }); !status.ok()) {
        return status.code() != Code::corrupt
                   ? status
                   : Status::corrupt("{}: offset {}: the value of key {} ({}) is malformed: {}", options_.file.native(),
                                     key.offset, in_quotes(key.key, 128),
                                     rdb_type_name(key.written_type, facts.dialect), status.message());
      }
    }
    json.end_object();
    return out_.spill();
  }

 private:
  JsonWriter begin(std::string_view record) {
    if (!first_) out_.text() += options_.array ? ",\n" : "\n";
    first_ = false;
    JsonWriter json(out_.text());
    json.begin_object().field("record", record);
    return json;
  }

  const ToJsonOptions& options_;
  Output& out_;
  bool first_ = true;
  std::uint64_t keys_ = 0;
};

class CommandExporter final : public InputVisitor {
 public:
  CommandExporter(const ToRespOptions& options, Output& out)
      : InputVisitor(options.input),
        options_(options),
        commands_({.redis_version = options.redis_version,
                   .replace = options.replace,
                   .restore = options.restore,
                   .on_loss = [this](std::string_view key, std::string_view what) { lose(key, what); }},
                  [&out](std::string& commands) -> Status {
                    out.text().swap(commands);
                    STELE_CHECK(out.flush());
                    commands.clear();
                    return Status();
                  }) {}

  Status function(std::string_view source) override {
    return options_.functions ? commands_.function(source) : Status();
  }
  Status skipped(const RdbKey& key, RdbValueOutcome why) override {
    if (why == RdbValueOutcome::unknown) ++unknown_;
    return InputVisitor::skipped(key, why);
  }
  Status finish() { return commands_.finish(); }

  std::uint64_t lost() const { return lost_; }
  std::uint64_t unknown() const { return unknown_; }

 protected:
  Status visit(RdbKey& key, const KeyFacts& facts) override {
    const bool has_field_expiries = key.value.expiring_fields > 0;
    if (key.value.producers > 0) lose(key.key, "the producers that the stream remembers");
    const Status status = commands_.key(
        {.db = key.db,
         .key = key.key,
         .type = key.value.type,
         .value = key.value.bytes,
         .expire_at_ms = key.expire_at_ms,
         .idle_seconds = key.idle_seconds,
         .frequency = key.frequency,
         .field_expires_at_ms = has_field_expiries ? std::span<const std::int64_t>(key.value.field_expires_at_ms)
                                                   : std::span<const std::int64_t>()});
    if (status.code() != Code::corrupt) return status;
    return Status::corrupt("{}: offset {}: the value of key {} ({}) is malformed: {}", options_.file.native(),
                           key.offset, in_quotes(key.key, 128), rdb_type_name(key.written_type, facts.dialect),
                           status.message());
  }

 private:
  static constexpr std::uint64_t kNamedMax = 20;

  void lose(std::string_view key, std::string_view what) {
    if (++lost_ > kNamedMax) return;
    complain(kRdbTool, key.empty() ? fmt::format("not written: {}", what)
                                   : fmt::format("not written of key {}: {}", in_quotes(key, 128), what));
  }

  const ToRespOptions& options_;
  ValueCommands commands_;
  std::uint64_t lost_ = 0;
  std::uint64_t unknown_ = 0;
};

}  // namespace

int to_json(const ToJsonOptions& options) {
  Output out;
  JsonExporter exporter(options, out);
  const Result<RdbSummary> summary = read_input(options.file, options.input, exporter);
  if (summary.ok()) exporter.finish(*summary);
  Status status = out.flush();
  if (!summary.ok()) status = summary.status();
  return status.ok() ? kGood : failed(status);
}

int to_resp(const ToRespOptions& options) {
  Output out;
  CommandExporter exporter(options, out);
  const Result<RdbSummary> summary = read_input(options.file, options.input, exporter);
  // Nothing but whole commands: what was read before an error is as good as the rest.
  Status status = exporter.finish();
  if (!summary.ok()) status = summary.status();
  if (!status.ok()) return failed(status);
  if (exporter.unknown() > 0) {
    complain(kRdbTool, fmt::format("{} keys of modules were skipped", format_count(exporter.unknown())));
  }
  if (exporter.lost() == 0) return kGood;
  complain(kRdbTool,
           fmt::format("{} things could not be said in commands of Redis {}.{}", format_count(exporter.lost()),
                       options.redis_version / 100, options.redis_version % 100));
  return kFoundSomething;
}

}  // namespace stele::tools
