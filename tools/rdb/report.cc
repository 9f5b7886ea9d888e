// stele-rdb report: one HTML page about a file, with everything it needs in it. The page itself is report.html; here
// are the figures that take the place of its DATA.

#include <map>

#include <fmt/format.h>

#include "tools/common/json_writer.h"
#include "tools/common/output.h"
#include "tools/common/text.h"
#include "tools/rdb/commands.h"
#include "tools/rdb/prefix_tree.h"
#include "tools/rdb/report_page.h"
#include "tools/rdb/statistics.h"

namespace stele::tools {

namespace {

constexpr std::string_view kDataMark = "/*DATA*/null";
// Parts of the treemap that would be no more than a few pixels are drawn as one.
constexpr std::uint64_t kPartsMax = 1500;
constexpr std::size_t kKeyBytesShown = 200;
constexpr std::size_t kAuxShown = 16;

class Reporter final : public InputVisitor {
 public:
  explicit Reporter(const ReportOptions& options)
      : InputVisitor(options.input), largest_(options.largest), prefixes_(options.delimiters) {}

  Status aux(std::string_view name, std::string_view value) override {
    if (aux_.size() < kAuxShown) aux_.emplace_back(printable(name, 64), printable(value, 128));
    return Status();
  }
  Status function(std::string_view) override {
    ++functions_;
    return Status();
  }

  void write(JsonWriter& json, const std::filesystem::path& file, std::uint64_t file_bytes, const RdbSummary& summary) {
    json.begin_object().field("file", printable(file.filename().native())).field("fileBytes", file_bytes);
    json.field("made", format_time(selection().now_ms)).field("version", summary.version);
    json.field("reader", first_reader(summary.version, summary.dialect)).field("functions", functions_);
    json.field("keys", all_.keys)
        .field("bytes", all_.bytes)
        .field("skipped", summary.unknown_skipped + summary.empty_skipped);
    json.name("aux").begin_array();
    for (const auto& [name, value] : aux_) json.begin_array().string(name).string(value).end_array();
    json.end_array().name("databases").begin_array();
    for (const auto& [db, tally] : databases_) write_tally(json, fmt::to_string(db), tally);
    json.end_array().name("types").begin_array();
    for (const auto& [name, tally] : types_) write_tally(json, name, tally);
    json.end_array().name("encodings").begin_array();
    for (const auto& [kind, tally] : encodings_)
      write_tally(json, fmt::format("{} {}", kind.first, kind.second), tally);
    json.end_array().name("ttls").begin_array();
    for (std::size_t i = 0; i < ttls_.size(); ++i) write_tally(json, kTtlClasses[i], ttls_[i]);
    json.end_array().name("sizes").begin_array();
    for (std::size_t i = 0; i < sizes_.size(); ++i) write_tally(json, kSizeClasses[i], sizes_[i]);
    json.end_array().name("prefixes");
    write_node(json, "all keys", prefixes_.root());
    json.name("largest").begin_array();
    for (const LargeKey& key : largest_.take()) {
      json.begin_array()
          .number(key.db)
          .string(in_quotes(key.key, kKeyBytesShown))
          .string(key.type)
          .string(key.encoding);
      json.number(key.bytes).number(key.elements);
      key.ttl_ms ? json.number(*key.ttl_ms) : json.null();
      json.end_array();
    }
    json.end_array().end_object();
  }

 protected:
  Status visit(RdbKey& key, const KeyFacts& facts) override {
    all_.add(facts.bytes);
    databases_[key.db].add(facts.bytes);
    const std::string_view type = type_name(facts.type);
    types_[type].add(facts.bytes);
    encodings_[{type, written_encoding(key.written_type, facts.dialect)}].add(facts.bytes);
    ttls_[ttl_class(facts)].add(facts.bytes);
    sizes_[size_class(facts.bytes)].add(facts.bytes);
    prefixes_.add(key.key, facts.bytes, facts.ttl_ms.has_value());
    largest_.add(key, facts);
    return Status();
  }

 private:
  static void write_tally(JsonWriter& json, std::string_view name, const Tally& tally) {
    json.begin_array().string(name).number(tally.keys).number(tally.bytes).end_array();
  }

  /// {"n": name, "k": keys, "b": bytes, "e": with expiry, "c": [children, the largest first]}
  void write_node(JsonWriter& json, const std::string& name, const PrefixTree::Node& node) const {
    json.begin_object().field("n", name).field("k", node.keys).field("b", node.bytes).field("e", node.expiring);
    std::vector<std::pair<std::string, const PrefixTree::Node*>> parts;
    PrefixTree::Node rest;
    std::uint64_t rest_parts = 0;
    for (const auto& [part, child] : node.children) {
      if (child->bytes < all_.bytes / kPartsMax) {
        rest.keys += child->keys;
        rest.bytes += child->bytes;
        rest.expiring += child->expiring;
        ++rest_parts;
        continue;
      }
      // A part that all keys go on from in the same way is no part of its own.
      std::string whole = printable(part, kKeyBytesShown);
      const PrefixTree::Node* last = child.get();
      while (last->children.size() == 1 && last->children.begin()->second->keys == last->keys) {
        whole += printable(last->children.begin()->first, kKeyBytesShown);
        last = last->children.begin()->second.get();
      }
      parts.emplace_back(std::move(whole), last);
    }
    std::sort(parts.begin(), parts.end(), [](const auto& a, const auto& b) {
      return a.second->bytes != b.second->bytes ? a.second->bytes > b.second->bytes : a.first < b.first;
    });
    if (rest_parts > 0) parts.emplace_back(fmt::format("({} more)", format_count(rest_parts)), &rest);
    if (!parts.empty()) {
      json.name("c").begin_array();
      for (const auto& [part, child] : parts) write_node(json, part, *child);
      json.end_array();
    }
    json.end_object();
  }

  LargestKeys largest_;
  PrefixTree prefixes_;
  std::vector<std::pair<std::string, std::string>> aux_;
  std::uint64_t functions_ = 0;
  Tally all_;
  std::map<std::uint64_t, Tally> databases_;
  std::map<std::string_view, Tally> types_;
  std::map<std::pair<std::string_view, std::string_view>, Tally> encodings_;
  std::array<Tally, kTtlClasses.size()> ttls_{};
  std::array<Tally, kSizeClasses.size()> sizes_{};
};

/// In a script element "</" must not occur, and "<!--" must not either.
std::string safe_in_html(std::string_view json) {
  std::string out;
  out.reserve(json.size());
  for (const char c : json) {
    if (c == '<') {
      out += "\\u003c";
    } else {
      out += c;
    }
  }
  return out;
}

Status write_page(const ReportOptions& options, OutputFile& output) {
  STELE_TRY(const InputFile input, open_input(options.file));
  Reporter reporter(options);
  STELE_TRY(const RdbSummary summary, read_input(input, options.input, reporter));
  std::string data;
  JsonWriter json(data);
  reporter.write(json, options.file, input.bytes, summary);
  std::string page(kReportPage);
  const std::size_t at = page.find(kDataMark);
  STELE_ASSERT(at != std::string::npos);
  page.replace(at, kDataMark.size(), safe_in_html(data));
  STELE_CHECK(output.file().write_at(0, page));
  STELE_CHECK(output.commit());
  complain(kRdbTool, fmt::format("{}: {} keys, a page of {}", options.to.native(), format_count(summary.keys),
                                 format_bytes(page.size())));
  return Status();
}

}  // namespace

int report(const ReportOptions& options) {
  Result<OutputFile> output = OutputFile::create(options.to, options.force);
  if (!output.ok()) return failed(output.status());
  const Status status = write_page(options, *output);
  return status.ok() ? kGood : failed(status);
}

}  // namespace stele::tools
