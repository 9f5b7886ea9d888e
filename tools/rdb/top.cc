// stele-rdb top: what takes the most room.

#include <map>

#include <fmt/format.h>

#include "tools/common/json_writer.h"
#include "tools/common/output.h"
#include "tools/common/table.h"
#include "tools/common/text.h"
#include "tools/rdb/commands.h"
#include "tools/rdb/prefix_tree.h"
#include "tools/rdb/statistics.h"

namespace stele::tools {

namespace {

class Ranker final : public InputVisitor {
 public:
  explicit Ranker(const TopOptions& options)
      : InputVisitor(options.input), options_(options), largest_(options.count), prefixes_(options.delimiters) {}

  std::vector<LargeKey> largest() { return largest_.take(); }

  struct Group {
    std::string name;
    Tally tally;
    std::optional<std::uint64_t> expiring;  // of prefixes
  };
  /// The largest groups first, but those of TTLs in their own order.
  std::vector<Group> groups() const {
    std::vector<Group> out;
    switch (options_.by) {
      case TopOptions::By::type:
        for (const auto& [name, tally] : types_) out.push_back({std::string(name), tally, {}});
        break;
      case TopOptions::By::ttl:
        for (std::size_t i = 0; i < ttls_.size(); ++i) {
          if (ttls_[i].keys > 0) out.push_back({std::string(kTtlClasses[i]), ttls_[i], {}});
        }
        return out;
      default:
        for (PrefixTree::Prefix& prefix : prefixes_.list(options_.depth)) {
          if (out.size() == options_.count) break;
          out.push_back({std::move(prefix.name), {prefix.keys, prefix.bytes}, prefix.expiring});
        }
        return out;
    }
    std::sort(out.begin(), out.end(), [](const Group& a, const Group& b) { return a.tally.bytes > b.tally.bytes; });
    return out;
  }
  const Tally& all() const { return all_; }

 protected:
  Status visit(RdbKey& key, const KeyFacts& facts) override {
    all_.add(facts.bytes);
    switch (options_.by) {
      case TopOptions::By::key:
        largest_.add(key, facts);
        break;
      case TopOptions::By::type:
        types_[type_name(facts.type)].add(facts.bytes);
        break;
      case TopOptions::By::prefix:
        prefixes_.add(key.key, facts.bytes, facts.ttl_ms.has_value());
        break;
      case TopOptions::By::ttl:
        ttls_[ttl_class(facts)].add(facts.bytes);
        break;
    }
    return Status();
  }

 private:
  const TopOptions& options_;
  LargestKeys largest_;
  PrefixTree prefixes_;
  std::map<std::string_view, Tally> types_;
  std::array<Tally, kTtlClasses.size()> ttls_{};
  Tally all_;
};

double share(std::uint64_t part, std::uint64_t all) {
  return all == 0 ? 0 : static_cast<double>(part) / static_cast<double>(all);
}

void print_keys(const TopOptions& options, Ranker& ranker, std::string& out) {
  using enum Table::Align;
  Table table({{"bytes", right},
               {"share", right},
               {"elements", right},
               {"type"},
               {"encoding"},
               {"ttl", right},
               {"db", right},
               {"key"}});
  for (const LargeKey& key : ranker.largest()) {
    if (options.json) {
      JsonWriter json(out);
      json.begin_object()
          .field("db", key.db)
          .field("key", key.key)
          .field("type", key.type)
          .field("encoding", key.encoding);
      json.field("bytes", key.bytes).field("elements", key.elements).name("ttl_ms");
      key.ttl_ms ? json.number(*key.ttl_ms) : json.null();
      json.end_object();
      out += '\n';
      continue;
    }
    table.row({format_bytes(key.bytes), fmt::format("{:.1f}%", 100 * share(key.bytes, ranker.all().bytes)),
               key.elements == 0 ? "-" : format_count(key.elements), std::string(key.type), std::string(key.encoding),
               !key.ttl_ms        ? "-"
               : *key.ttl_ms <= 0 ? "expired"
                                  : format_duration(*key.ttl_ms),
               fmt::to_string(key.db), in_quotes(key.key)});
  }
  if (!options.json) out += table.text();
}

void print_groups(const TopOptions& options, const Ranker& ranker, std::string& out) {
  using enum Table::Align;
  const std::string_view title = options.by == TopOptions::By::type  ? "type"
                                 : options.by == TopOptions::By::ttl ? "ttl"
                                                                     : "prefix";
  Table table({{"bytes", right}, {"share", right}, {"keys", right}, {"a key", right}, {"expiring", right}, {title}});
  for (const Ranker::Group& group : ranker.groups()) {
    if (options.json) {
      JsonWriter json(out);
      json.begin_object().field(title, group.name).field("keys", group.tally.keys).field("bytes", group.tally.bytes);
      if (group.expiring) json.field("expiring", *group.expiring);
      json.end_object();
      out += '\n';
      continue;
    }
    table.row(
        {format_bytes(group.tally.bytes), fmt::format("{:.1f}%", 100 * share(group.tally.bytes, ranker.all().bytes)),
         format_count(group.tally.keys), format_bytes(group.tally.bytes / std::max<std::uint64_t>(1, group.tally.keys)),
         group.expiring ? format_count(*group.expiring) : "-",
         options.by == TopOptions::By::prefix ? in_quotes(group.name) : group.name});
  }
  if (!options.json) out += table.text();
}

}  // namespace

int top(const TopOptions& options) {
  Ranker ranker(options);
  const Result<RdbSummary> summary = read_input(options.file, options.input, ranker);
  if (!summary.ok()) return failed(summary.status());
  Output out;
  if (options.by == TopOptions::By::key) {
    print_keys(options, ranker, out.text());
  } else {
    print_groups(options, ranker, out.text());
  }
  if (!options.json) {
    out.text() +=
        fmt::format("{} keys, {} in all\n", format_count(ranker.all().keys), format_bytes(ranker.all().bytes));
  }
  const Status status = out.flush();
  return status.ok() ? kGood : failed(status);
}

}  // namespace stele::tools
