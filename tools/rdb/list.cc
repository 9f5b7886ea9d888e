// stele-rdb ls and cat: which keys there are, and what one of them holds.

#include <fmt/format.h>

#include "engine/rdb/value_walk.h"
#include "engine/stream/stream.h"
#include "engine/stream/stream_rdb.h"
#include "tools/common/output.h"
#include "tools/common/text.h"
#include "tools/rdb/commands.h"
#include "tools/rdb/key_json.h"

namespace stele::tools {

namespace {

std::string ttl_text(const KeyFacts& facts) {
  if (!facts.ttl_ms) return "-";
  return *facts.ttl_ms <= 0 ? "expired" : format_duration(*facts.ttl_ms);
}

class Lister final : public InputVisitor {
 public:
  Lister(const ListOptions& options, Output& out) : InputVisitor(options.input), options_(options), out_(out) {
    if (options.json || options.keys_only) return;
    out_.text() += fmt::format(kRow, "db", "type", "encoding", "elements", "bytes", "ttl", "key");
  }

 protected:
  Status visit(RdbKey& key, const KeyFacts& facts) override {
    if (options_.json) {
      JsonWriter json(out_.text());
      json.begin_object();
      write_key_members(json, key, facts, true);
      json.end_object();
      out_.text() += '\n';
    } else if (options_.keys_only) {
      out_.text() += key.key;
      out_.text() += '\n';
    } else {
      const bool has_elements = facts.type != ObjectType::string && facts.type != ObjectType::stream;
      fmt::format_to(std::back_inserter(out_.text()), kRow, key.db, type_name(facts.type),
                     written_encoding(key.written_type, facts.dialect),
                     has_elements ? fmt::to_string(key.value.elements) : "-", facts.bytes, ttl_text(facts),
                     in_quotes(key.key));
    }
    STELE_CHECK(out_.spill());
    return ++shown_ == options_.limit ? stop() : Status();
  }

 private:
  static constexpr fmt::string_view kRow = "{:>3} {:7} {:18} {:>9} {:>10} {:>11}  {}\n";

  const ListOptions& options_;
  Output& out_;
  std::uint64_t shown_ = 0;
};

class Shower final : public InputVisitor {
 public:
  Shower(const CatOptions& options, Output& out) : InputVisitor(options.input), options_(options), out_(out) {
    for (const std::string& pattern : options.input.selection.patterns) {
      exact_ &= pattern.find_first_of("*?[\\") == std::string::npos;
    }
    // A name can be there once in every database.
    exact_ &= options.input.selection.patterns.size() == 1 && options.input.selection.databases.size() == 1;
  }

  std::uint64_t shown() const { return shown_; }

 protected:
  Status visit(RdbKey& key, const KeyFacts& facts) override {
    ++shown_;
    if (options_.raw) {
      STELE_CHECK(show_raw(key, facts));
    } else if (options_.json) {
      JsonWriter json(out_.text());
      json.begin_object();
      write_key_members(json, key, facts, true);
      json.name("value");
      STELE_CHECK(write_value(json, key, [this] { return out_.spill(); }));
      json.end_object();
      out_.text() += '\n';
    } else {
      STELE_CHECK(show(key, facts));
    }
    STELE_CHECK(out_.spill());
    return exact_ ? stop() : Status();
  }

 private:
  Status show_raw(const RdbKey& key, const KeyFacts& facts) {
    if (facts.type != ObjectType::string) {
      return Status::invalid("{} is a {}: --raw is for strings", in_quotes(key.key, 128), type_name(facts.type));
    }
    return walk_value(key.value.type, key.value.bytes, [this](const ValueElement& element) {
      out_.text() += element.text;
      return Status();
    });
  }

  bool is_enough(std::uint64_t elements) {
    if (options_.elements_max == 0 || elements < options_.elements_max) return false;
    if (elements == options_.elements_max) out_.text() += "  ...\n";
    return true;
  }

  Status show(const RdbKey& key, const KeyFacts& facts) {
    std::string& out = out_.text();
    out += fmt::format("{} in database {}: {} ({}), {}", in_quotes(key.key, 1024), key.db, type_name(facts.type),
                       written_encoding(key.written_type, facts.dialect), format_bytes(facts.bytes));
    if (key.value.elements > 0) out += fmt::format(", {} elements", format_count(key.value.elements));
    if (key.expire_at_ms) {
      out += *facts.ttl_ms <= 0
                 ? fmt::format(", expired {}", format_time(*key.expire_at_ms))
                 : fmt::format(", expires {} (in {})", format_time(*key.expire_at_ms), format_duration(*facts.ttl_ms));
    }
    if (key.idle_seconds) out += fmt::format(", idle {}s", *key.idle_seconds);
    if (key.frequency) out += fmt::format(", frequency {}", *key.frequency);
    out += '\n';
    if (facts.type == ObjectType::stream) return show_stream(key);
    std::uint64_t index = 0;
    return walk_value(key.value.type, key.value.bytes, [&](const ValueElement& element) -> Status {
      if (is_enough(index++)) return Status();
      switch (facts.type) {
        case ObjectType::string:
          out += fmt::format("  {}\n", all_of(element.text));
          break;
        case ObjectType::list:
          out += fmt::format("  {}) {}\n", index, all_of(element.text));
          break;
        case ObjectType::zset:
          out += fmt::format("  {} {}\n", element.score, all_of(element.text));
          break;
        case ObjectType::hash:
          out += fmt::format("  {}: {}", all_of(element.text), all_of(element.value));
          if (key.value.expiring_fields > 0 && key.value.field_expires_at_ms[index - 1] != 0) {
            out += fmt::format("  expires {}", format_time(key.value.field_expires_at_ms[index - 1]));
          }
          out += '\n';
          break;
        default:
          out += fmt::format("  {}\n", all_of(element.text));
      }
      return out_.spill();
    });
  }

  Status show_stream(const RdbKey& key) {
    STELE_TRY(const std::unique_ptr<Stream> stream, stream_from_rdb(key.value.type, key.value.bytes));
    std::string& out = out_.text();
    out += fmt::format("  {} entries, {} ever added, last id {}, largest deleted id {}\n",
                       format_count(stream->length()), format_count(stream->facts.entries_added),
                       StreamIdText(stream->facts.last_id).view(), StreamIdText(stream->facts.max_deleted_id).view());
    char digits[24];
    std::uint64_t index = 0;
    for (StreamCursor entry(*stream, {}, StreamId::max()); entry.next();) {
      if (is_enough(index++)) break;
      out += fmt::format("  {}", StreamIdText(entry.id()).view());
      entry.each_pair([&](const PackedValue& field, const PackedValue& value) {
        out += ' ';
        out += all_of(field.text(digits));
        out += ": ";
        out += all_of(value.text(digits));
      });
      out += '\n';
      STELE_CHECK(out_.spill());
    }
    for (const auto& [name, group] : stream->groups) {
      out += fmt::format("  group {}: last delivered {}, {} pending\n", in_quotes(name),
                         StreamIdText(group->last_id).view(), format_count(group->pending().size()));
      for (const auto& [consumer_name, consumer] : group->consumers()) {
        out += fmt::format("    consumer {}: {} pending, seen {}\n", in_quotes(consumer_name),
                           format_count(consumer->pending.size()), format_time(consumer->seen_ms));
        for (const StreamId id : consumer->pending) {
          const StreamPending& pending = group->pending().at(id);
          out += fmt::format("      {} delivered {}x, last {}\n", StreamIdText(id).view(), pending.deliveries,
                             format_time(pending.delivered_ms));
        }
        STELE_CHECK(out_.spill());
      }
    }
    return Status();
  }

  static std::string all_of(std::string_view text) { return in_quotes(text, std::string_view::npos); }

  const CatOptions& options_;
  Output& out_;
  bool exact_ = true;
  std::uint64_t shown_ = 0;
};

}  // namespace

int list(const ListOptions& options) {
  Output out;
  Lister lister(options, out);
  const Result<RdbSummary> summary = read_input(options.file, options.input, lister);
  Status status = out.flush();  // what was read before an error as well
  if (!summary.ok()) status = summary.status();
  return status.ok() ? kGood : failed(status);
}

int cat(const CatOptions& options) {
  Output out;
  Shower shower(options, out);
  const Result<RdbSummary> summary = read_input(options.file, options.input, shower);
  Status status = out.flush();
  if (!summary.ok()) status = summary.status();
  if (!status.ok()) return failed(status);
  if (shower.shown() > 0) return kGood;
  complain(kRdbTool, fmt::format("{}: there is no such key", options.file.native()));
  return kFoundSomething;
}

}  // namespace stele::tools
