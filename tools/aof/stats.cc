// stele-aof stats: what a stream is made of, and when it came.

#include <map>

#include <absl/container/flat_hash_map.h>

#include "tools/aof/commands.h"
#include "tools/common/output.h"
#include "tools/common/table.h"
#include "tools/common/text.h"
#include "tools/rdb/prefix_tree.h"

namespace stele::tools {

namespace {

struct Amount {
  std::uint64_t commands = 0;
  std::uint64_t bytes = 0;

  void add(std::uint64_t n) { ++commands, bytes += n; }
};

using Named = std::pair<std::string, Amount>;

/// The keys that are written most often, in bounded memory: when there are too many, those seen least are forgotten. What is
/// counted of a key may then be too small, by no more than `forgotten()`.
class BusyKeys {
 public:
  static constexpr std::size_t kKeysMax = 200'000;

  void add(int db, std::string_view key, std::uint64_t bytes) {
    name_.assign(reinterpret_cast<const char*>(&db), sizeof db);
    name_ += key;
    amounts_[name_].add(bytes);
    if (amounts_.size() > kKeysMax) forget();
  }
  std::uint64_t forgotten() const { return forgotten_; }

  struct Key {
    int db;
    std::string key;
    Amount amount;
  };
  std::vector<Key> busiest(std::size_t count) const {
    std::vector<std::pair<const std::string*, const Amount*>> all;
    for (const auto& [name, amount] : amounts_) all.emplace_back(&name, &amount);
    count = std::min(count, all.size());
    std::partial_sort(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(count), all.end(), [](const auto& a, const auto& b) {
      return std::tuple(b.second->commands, b.second->bytes, *a.first) < std::tuple(a.second->commands, a.second->bytes, *b.first);
    });
    std::vector<Key> out;
    for (std::size_t i = 0; i < count; ++i) {
      Key key{.db = 0, .key = all[i].first->substr(sizeof(int)), .amount = *all[i].second};
      std::memcpy(&key.db, all[i].first->data(), sizeof key.db);
      out.push_back(std::move(key));
    }
    return out;
  }

 private:
  void forget() {
    std::vector<std::uint64_t> counts;
    for (const auto& [name, amount] : amounts_) counts.push_back(amount.commands);
    const auto middle = counts.begin() + static_cast<std::ptrdiff_t>(counts.size() / 2);
    std::nth_element(counts.begin(), middle, counts.end());
    forgotten_ += *middle;
    absl::erase_if(amounts_, [&](const auto& entry) { return entry.second.commands <= *middle; });
  }

  absl::flat_hash_map<std::string, Amount> amounts_;
  std::string name_;
  std::uint64_t forgotten_ = 0;
};

class Statistics {
 public:
  explicit Statistics(const AofStatsOptions& options) : options_(options), prefixes_(options.delimiters) {}

  Status read(const AofSource& source) {
    StreamReader reader(source, {.with_history = true, .quiet = options_.quiet});
    for (;;) {
      STELE_TRY(const bool more, reader.next());
      if (!more || options_.selection.is_past(reader.command())) break;
      if (options_.selection.matches(reader.command(), commands_)) take(reader);
    }
    torn_ = reader.torn();
    has_times_ = reader.has_times();
    return Status();
  }

  void print_json(std::string& out) const {
    JsonWriter json(out);
    json.begin_object().field("commands", all_.commands).field("bytes", all_.bytes).field("frames", frames_);
    json.field("transactions", transactions_).name("first_time_ms");
    first_ ? json.number(first_->ms()) : json.null();
    json.name("last_time_ms");
    last_ ? json.number(last_->ms()) : json.null();
    json.name("by_command").begin_array();
    for (const auto& [name, amount] : sorted(by_command_)) amount_json(json, name, amount).end_object();
    json.end_array().name("by_database").begin_array();
    for (const auto& [db, amount] : by_db_) {
      json.begin_object().field("db", db).field("commands", amount.commands).field("bytes", amount.bytes).end_object();
    }
    json.end_array().name("by_prefix").begin_array();
    for (const PrefixTree::Prefix& prefix : prefixes()) {
      amount_json(json, prefix.name, {prefix.keys, prefix.bytes}).end_object();
    }
    json.end_array().name("top_keys").begin_array();
    for (const BusyKeys::Key& key : keys_.busiest(options_.count)) {
      amount_json(json, key.key, key.amount).field("db", key.db).end_object();
    }
    json.end_array().field("top_keys_uncertainty", keys_.forgotten()).name("by_second").begin_array();
    for (const auto& [second, amount] : seconds()) {
      json.begin_object().field("time", second).field("commands", amount.commands).field("bytes", amount.bytes).end_object();
    }
    json.end_array().end_object();
    out += '\n';
  }

  void print_text(std::string& out) const {
    using enum Table::Align;
    out += fmt::format("{} commands, {}, {} transactions", format_count(all_.commands), format_bytes(all_.bytes),
                       format_count(transactions_));
    if (frames_ > 0) out += fmt::format(", {} frames", format_count(frames_));
    out += '\n';
    if (first_ && last_) {
      const double seconds = std::max(1.0, static_cast<double>(last_->ms() - first_->ms()) / 1000);
      out += fmt::format("{} to {}: {} commands a second\n", format_time(first_->ms()), format_time(last_->ms()),
                         format_count(static_cast<std::uint64_t>(static_cast<double>(all_.commands) / seconds)));
    } else if (all_.commands > 0) {
      out += "no times (aof-timestamp-enabled was off)\n";
    }
    const auto amounts = [&](std::string_view title, const std::vector<Named>& rows) {
      if (rows.empty()) return;
      Table table({{"commands", right}, {"share", right}, {"bytes", right}, {"share", right}, {title}});
      for (const auto& [name, amount] : rows) {
        table.row({format_count(amount.commands), share(amount.commands, all_.commands), format_bytes(amount.bytes),
                   share(amount.bytes, all_.bytes), printable(name, 128)});
      }
      out += '\n' + table.text();
    };
    std::vector<Named> commands = sorted(by_command_);
    if (commands.size() > options_.count) commands.resize(options_.count);
    amounts("command", commands);
    std::vector<Named> databases;
    for (const auto& [db, amount] : by_db_) databases.emplace_back(fmt::format("{}", db), amount);
    if (databases.size() > 1) amounts("database", databases);
    std::vector<Named> prefix_rows;
    for (const PrefixTree::Prefix& prefix : prefixes()) prefix_rows.emplace_back(prefix.name, Amount{prefix.keys, prefix.bytes});
    amounts("prefix", prefix_rows);
    std::vector<Named> key_rows;
    for (const BusyKeys::Key& key : keys_.busiest(options_.count)) {
      key_rows.emplace_back(fmt::format("{} (db {})", in_quotes(key.key, 96), key.db), key.amount);
    }
    amounts("key", key_rows);
    if (keys_.forgotten() > 0) {
      out += fmt::format("(of so many keys, counts of single ones may be too small by up to {})\n", format_count(keys_.forgotten()));
    }
    std::vector<Named> second_rows;
    for (const auto& [second, amount] : seconds()) second_rows.emplace_back(format_time(second * 1000), amount);
    amounts(options_.seconds ? "second" : "busiest second", second_rows);
    if (!torn_.empty()) out += fmt::format("\nnote: {}\n", printable(torn_));
  }

 private:
  void take(StreamReader& reader) {
    const StreamCommand& command = reader.command();
    const std::uint64_t bytes = command.raw.size();
    all_.add(bytes);
    if (command.begins_frame) ++frames_;
    if (command.in_transaction && command.unit_position == command.position) ++transactions_;
    if (command.time) {
      if (!first_) first_ = command.time;
      last_ = command.time;
      by_second_[command.time->ms() / 1000].add(bytes);
    }
    by_db_[command.db].add(bytes);
    name_.assign(command.args[0].substr(0, 64));
    for (char& c : name_) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    by_command_[name_].add(bytes);
    for (const std::string_view key : commands_.keys(command.args)) {
      prefixes_.add(key, bytes, false);
      keys_.add(command.db, key, bytes);
    }
  }

  static JsonWriter& amount_json(JsonWriter& json, std::string_view name, const Amount& amount) {
    return json.begin_object().field("name", name).field("commands", amount.commands).field("bytes", amount.bytes);
  }

  static std::string share(std::uint64_t part, std::uint64_t all) {
    return all == 0 ? "" : fmt::format("{:.1f} %", static_cast<double>(part) * 100 / static_cast<double>(all));
  }

  static std::vector<Named> sorted(const std::map<std::string, Amount>& amounts) {
    std::vector<Named> out(amounts.begin(), amounts.end());
    std::stable_sort(out.begin(), out.end(), [](const Named& a, const Named& b) { return a.second.bytes > b.second.bytes; });
    return out;
  }

  std::vector<PrefixTree::Prefix> prefixes() const {
    std::vector<PrefixTree::Prefix> out = prefixes_.list(options_.depth);
    if (out.size() > options_.count) out.resize(options_.count);
    return out;
  }

  /// All in their order, or the busiest.
  std::vector<std::pair<std::int64_t, Amount>> seconds() const {
    std::vector<std::pair<std::int64_t, Amount>> out(by_second_.begin(), by_second_.end());
    if (options_.seconds) return out;
    std::stable_sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.second.commands > b.second.commands; });
    if (out.size() > options_.count) out.resize(options_.count);
    return out;
  }

  const AofStatsOptions& options_;
  StreamCommands commands_;
  Amount all_;
  std::uint64_t frames_ = 0;
  std::uint64_t transactions_ = 0;
  std::optional<UnixTime> first_;
  std::optional<UnixTime> last_;
  std::map<std::string, Amount> by_command_;
  std::map<int, Amount> by_db_;
  std::map<std::int64_t, Amount> by_second_;
  PrefixTree prefixes_;
  BusyKeys keys_;
  std::string name_;
  std::string torn_;
  bool has_times_ = false;
};

Status print_statistics(const AofStatsOptions& options) {
  STELE_TRY(const AofSource source, open_aof(options.path));
  Statistics statistics(options);
  STELE_CHECK(statistics.read(source));
  Output out;
  options.json ? statistics.print_json(out.text()) : statistics.print_text(out.text());
  return out.flush();
}

}  // namespace

int aof_stats(const AofStatsOptions& options) {
  const Status status = print_statistics(options);
  if (status.ok()) return kGood;
  complain(kAofTool, status.message());
  return kCouldNotRun;
}

}  // namespace stele::tools
