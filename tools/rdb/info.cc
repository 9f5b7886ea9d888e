// stele-rdb info: what a file is and how much of what is in it.

#include <map>

#include <fmt/format.h>

#include "engine/function_libraries.h"
#include "tools/common/json_writer.h"
#include "tools/common/output.h"
#include "tools/common/table.h"
#include "tools/common/text.h"
#include "tools/rdb/commands.h"

namespace stele::tools {

namespace {

struct Counts {
  std::uint64_t keys = 0;
  std::uint64_t expiring = 0;
  std::uint64_t expired = 0;
  std::uint64_t elements = 0;
  std::uint64_t bytes = 0;
  std::uint64_t file_bytes = 0;

  void add(const RdbKey& key, const KeyFacts& facts) {
    ++keys;
    expiring += facts.ttl_ms.has_value();
    expired += facts.ttl_ms && *facts.ttl_ms <= 0;
    elements += facts.type == ObjectType::string || facts.type == ObjectType::stream ? 1 : key.value.elements;
    bytes += facts.bytes;
    file_bytes += facts.file_bytes;
  }
};

class Counter final : public InputVisitor {
 public:
  using InputVisitor::InputVisitor;

  Status aux(std::string_view name, std::string_view value) override {
    // Old files have a field for every cached script.
    if (aux_.size() < kAuxMax) aux_.emplace_back(name, value);
    return Status();
  }
  Status function(std::string_view source) override {
    const Result<LibraryHead> head = parse_library_head(source);
    functions_.push_back(head.ok() ? head->name : "?");
    return Status();
  }
  Status skipped(const RdbKey& key, RdbValueOutcome why) override {
    if (why == RdbValueOutcome::unknown) ++modules_[key.value.module_id == 0 ? "?" : module_name(key.value.module_id)];
    return InputVisitor::skipped(key, why);
  }
  Status module_aux(std::string_view module) override {
    ++modules_[std::string(module)];
    return Status();
  }

  /// By database, type and encoding.
  using ByKind = std::map<std::tuple<std::uint64_t, std::string_view, std::string_view>, Counts>;
  const ByKind& kinds() const { return kinds_; }
  const std::map<std::uint64_t, Counts>& databases() const { return databases_; }
  const Counts& all() const { return all_; }
  const std::vector<std::pair<std::string, std::string>>& aux() const { return aux_; }
  const std::vector<std::string>& functions() const { return functions_; }
  const std::map<std::string, std::uint64_t>& modules() const { return modules_; }

 protected:
  Status visit(RdbKey& key, const KeyFacts& facts) override {
    kinds_[{key.db, type_name(facts.type), written_encoding(key.written_type, facts.dialect)}].add(key, facts);
    databases_[key.db].add(key, facts);
    all_.add(key, facts);
    return Status();
  }

 private:
  static constexpr std::size_t kAuxMax = 64;

  ByKind kinds_;
  std::map<std::uint64_t, Counts> databases_;
  Counts all_;
  std::vector<std::pair<std::string, std::string>> aux_;
  std::vector<std::string> functions_;
  std::map<std::string, std::uint64_t> modules_;
};

void write_counts(JsonWriter& json, const Counts& counts) {
  json.field("keys", counts.keys).field("expiring", counts.expiring).field("expired", counts.expired);
  json.field("elements", counts.elements).field("bytes", counts.bytes).field("file_bytes", counts.file_bytes);
}

void print_json(const InfoOptions& options, const InputFile& input, const RdbSummary& summary, const Counter& counter,
                std::string& out) {
  JsonWriter json(out);
  json.begin_object().field("file", options.file.native()).field("file_bytes", input.bytes);
  json.field("version", summary.version).field("dialect", summary.dialect == RdbDialect::valkey ? "valkey" : "redis");
  json.field("readable_from", first_reader(summary.version, summary.dialect))
      .field("has_checksum", summary.has_checksum);
  json.field("rdb_bytes", summary.end).name("aux").begin_array();
  for (const auto& [name, value] : counter.aux()) json.begin_array().string(name).string(value).end_array();
  json.end_array().name("functions").begin_array();
  for (const std::string& name : counter.functions()) json.string(name);
  json.end_array();
  write_counts(json, counter.all());
  json.field("empty_skipped", summary.empty_skipped).field("unknown_skipped", summary.unknown_skipped);
  json.field("expiring_fields", summary.expiring_fields).name("databases").begin_array();
  for (const auto& [db, counts] : counter.databases()) {
    json.begin_object().field("db", db);
    write_counts(json, counts);
    json.name("types").begin_array();
    for (const auto& [kind, of_kind] : counter.kinds()) {
      if (std::get<0>(kind) != db) continue;
      json.begin_object().field("type", std::get<1>(kind)).field("encoding", std::get<2>(kind));
      write_counts(json, of_kind);
      json.end_object();
    }
    json.end_array().end_object();
  }
  json.end_array().name("modules").begin_array();
  for (const auto& [name, count] : counter.modules()) {
    json.begin_object().field("name", name).field("records", count).end_object();
  }
  json.end_array().end_object();
  out += '\n';
}

void print_text(const InfoOptions& options, const InputFile& input, const RdbSummary& summary, const Counter& counter,
                std::string& out) {
  Table head({{""}, {""}});
  head.row({"file", fmt::format("{}, {}", printable(options.file.native()), format_bytes(input.bytes))});
  head.row({"version",
            fmt::format("{}, readable from {} on", summary.version, first_reader(summary.version, summary.dialect))});
  head.row({"checksum", summary.has_checksum ? options.input.verify_checksum ? "right" : "not looked at" : "none"});
  for (const auto& [name, value] : counter.aux()) {
    head.row({"aux", fmt::format("{} = {}", printable(name, 64), printable(value, 128))});
  }
  std::string names;
  for (const std::string& name : counter.functions()) names += (names.empty() ? "" : ", ") + printable(name, 64);
  head.row({"functions", counter.functions().empty() ? "none" : names});
  head.row({"keys", fmt::format("{}, {} of them with an expiry, {} expired", format_count(counter.all().keys),
                                format_count(counter.all().expiring), format_count(counter.all().expired))});
  if (summary.empty_skipped > 0) head.row({"empty", fmt::format("{} keys without elements", summary.empty_skipped)});
  if (summary.expiring_fields > 0) {
    head.row({"fields", fmt::format("{} of hashes have an expiry", format_count(summary.expiring_fields))});
  }
  for (const auto& [name, count] : counter.modules()) {
    head.row({"module", fmt::format("{}: {} records skipped", printable(name), format_count(count))});
  }
  if (summary.end < input.bytes) {
    head.row({"behind it", fmt::format("{} from offset {} on", format_bytes(input.bytes - summary.end), summary.end)});
  }
  out += head.text();
  if (counter.all().keys == 0) return;

  using enum Table::Align;
  Table kinds({{"db"},
               {"type"},
               {"encoding"},
               {"keys", right},
               {"expiring", right},
               {"elements", right},
               {"bytes", right},
               {"in file", right},
               {"share", right}});
  const auto add_row = [&](std::string db, std::string_view type, std::string_view encoding, const Counts& counts) {
    const double share = static_cast<double>(counts.file_bytes) / static_cast<double>(counter.all().file_bytes);
    kinds.row({std::move(db), std::string(type), std::string(encoding), format_count(counts.keys),
               format_count(counts.expiring), format_count(counts.elements), format_bytes(counts.bytes),
               format_bytes(counts.file_bytes), fmt::format("{:.1f}%", 100 * share)});
  };
  for (const auto& [kind, counts] : counter.kinds()) {
    add_row(fmt::to_string(std::get<0>(kind)), std::get<1>(kind), std::get<2>(kind), counts);
  }
  for (const auto& [db, counts] : counter.databases()) add_row(fmt::to_string(db), "all", "", counts);
  if (counter.databases().size() > 1) add_row("all", "all", "", counter.all());
  out += '\n' + kinds.text();
}

}  // namespace

int info(const InfoOptions& options) {
  const Result<InputFile> input = open_input(options.file);
  if (!input.ok()) return failed(input.status());
  Counter counter(options.input);
  const Result<RdbSummary> summary = read_input(*input, options.input, counter);
  if (!summary.ok()) return failed(summary.status());
  Output out;
  (options.json ? print_json : print_text)(options, *input, *summary, counter, out.text());
  const Status status = out.flush();
  return status.ok() ? kGood : failed(status);
}

}  // namespace stele::tools
