// stele-rdb diff: what two files do not have in common. Both are read once; what stands for each key is sorted, in
// temporary files where memory does not suffice, and then compared.

#include <map>

#include <fmt/format.h>

#include "engine/function_libraries.h"
#include "tools/common/external_sorter.h"
#include "tools/common/json_writer.h"
#include "tools/common/output.h"
#include "tools/common/text.h"
#include "tools/rdb/commands.h"
#include "tools/rdb/key_record.h"

namespace stele::tools {

namespace {

/// What is compared of a key. Stored as it is in memory: it does not outlive the process.
struct Side {
  KeyDigest digest;
  std::int64_t expire_at_ms = 0;
  std::uint64_t elements = 0;
  std::uint64_t bytes = 0;
  std::uint8_t type = 0;
  bool expires = false;
  bool is_b = false;
};

class Collector final : public InputVisitor {
 public:
  Collector(const DiffOptions& options, ExternalSorter& sorter, bool is_b)
      : InputVisitor(options.input), path_(is_b ? options.b : options.a), sorter_(sorter), is_b_(is_b) {}

  Status function(std::string_view source) override {
    const Result<LibraryHead> head = parse_library_head(source);
    libraries_[head.ok() ? head->name : "?"] = source;
    return Status();
  }
  const std::map<std::string, std::string>& libraries() const { return libraries_; }

 protected:
  Status visit(RdbKey& key, const KeyFacts& facts) override {
    const Result<KeyDigest> digest = value_digest(key);
    if (!digest.ok()) {
      return Status::corrupt("{}: offset {}: the value of key {} is malformed: {}", path_.native(), key.offset,
                             in_quotes(key.key, 128), digest.status().message());
    }
    Side side{.digest = *digest,
              .expire_at_ms = key.expire_at_ms.value_or(0),
              .elements = key.value.elements,
              .bytes = facts.bytes,
              .type = static_cast<std::uint8_t>(facts.type),
              .expires = key.expire_at_ms.has_value(),
              .is_b = is_b_};
    return sorter_.add(sort_key(key.db, key.key), {reinterpret_cast<const char*>(&side), sizeof side});
  }

 private:
  const std::filesystem::path& path_;
  ExternalSorter& sorter_;
  const bool is_b_;
  std::map<std::string, std::string> libraries_;
};

struct Totals {
  std::uint64_t only_a = 0;
  std::uint64_t only_b = 0;
  std::uint64_t changed = 0;
  std::uint64_t equal = 0;

  std::uint64_t differences() const { return only_a + only_b + changed; }
};

class Comparison {
 public:
  Comparison(const DiffOptions& options, Output& out) : options_(options), out_(out) {}

  Status compare(ExternalSorter& sorter) {
    std::string current;
    std::optional<Side> a;
    std::optional<Side> b;
    for (;;) {
      std::string_view key;
      std::string_view payload;
      STELE_TRY(const bool more, sorter.next(key, payload));
      if ((!more || key != current) && (a || b)) {
        STELE_CHECK(judge(current, a, b));
        a.reset();
        b.reset();
      }
      if (!more) return Status();
      current = key;
      Side side;
      std::memcpy(&side, payload.data(), sizeof side);
      (side.is_b ? b : a) = side;
    }
  }

  Status compare_libraries(const std::map<std::string, std::string>& a, const std::map<std::string, std::string>& b) {
    for (const auto& [name, code] : a) {
      const auto other = b.find(name);
      if (other == b.end()) {
        STELE_CHECK(library('-', name));
      } else if (other->second != code) {
        STELE_CHECK(library('~', name));
      }
    }
    for (const auto& [name, code] : b) {
      if (!a.contains(name)) STELE_CHECK(library('+', name));
    }
    return Status();
  }

  const Totals& totals() const { return totals_; }

 private:
  static std::string expiry_text(const Side& side) { return side.expires ? format_time(side.expire_at_ms) : "never"; }
  static std::string size_text(const Side& side) {
    const auto type = type_name(static_cast<ObjectType>(side.type));
    if (side.elements == 0) return fmt::format("{}, {}", type, format_bytes(side.bytes));
    return fmt::format("{}, {} elements, {}", type, format_count(side.elements), format_bytes(side.bytes));
  }

  bool is_shown() const { return options_.limit == 0 || totals_.differences() <= options_.limit; }

  Status judge(std::string_view sorted_key, const std::optional<Side>& a, const std::optional<Side>& b) {
    const std::uint64_t db = db_of_sort_key(sorted_key);
    const std::string_view key = key_of_sort_key(sorted_key);
    if (!a || !b) {
      ++(a ? totals_.only_a : totals_.only_b);
      if (!is_shown()) return Status();
      if (options_.json) return line_of_json(a ? "removed" : "added", db, key, a, b, {});
      out_.text() += fmt::format("{} {} {}  {}\n", a ? '-' : '+', db, in_quotes(key), size_text(a ? *a : *b));
      return out_.spill();
    }
    std::vector<std::string_view> differs;
    if (a->type != b->type) {
      differs.push_back("type");
    } else if (!(a->digest == b->digest)) {
      differs.push_back("value");
    }
    const bool same_expiry = a->expires == b->expires && a->expire_at_ms == b->expire_at_ms;
    if (!options_.ignore_expiry && !same_expiry) differs.push_back("expiry");
    if (differs.empty()) {
      ++totals_.equal;
      return Status();
    }
    ++totals_.changed;
    if (!is_shown()) return Status();
    if (options_.json) return line_of_json("changed", db, key, a, b, differs);
    out_.text() += fmt::format("~ {} {}  ", db, in_quotes(key));
    for (std::size_t i = 0; i < differs.size(); ++i) {
      if (i > 0) out_.text() += "; ";
      out_.text() += differs[i] == "expiry" ? fmt::format("expiry: {} -> {}", expiry_text(*a), expiry_text(*b))
                                            : fmt::format("{}: {} -> {}", differs[i], size_text(*a), size_text(*b));
    }
    out_.text() += '\n';
    return out_.spill();
  }

  Status line_of_json(std::string_view change, std::uint64_t db, std::string_view key, const std::optional<Side>& a,
                      const std::optional<Side>& b, const std::vector<std::string_view>& differs) {
    JsonWriter json(out_.text());
    json.begin_object().field("change", change).field("db", db).field("key", key);
    if (!differs.empty()) {
      json.name("differs").begin_array();
      for (const std::string_view what : differs) json.string(what);
      json.end_array();
    }
    const auto write_side = [&json](std::string_view name, const std::optional<Side>& side) {
      json.name(name);
      if (!side) {
        json.null();
        return;
      }
      json.begin_object()
          .field("type", type_name(static_cast<ObjectType>(side->type)))
          .field("elements", side->elements);
      json.field("bytes", side->bytes).name("expire_at_ms");
      side->expires ? json.number(side->expire_at_ms) : json.null();
      json.end_object();
    };
    write_side("a", a);
    write_side("b", b);
    json.end_object();
    out_.text() += '\n';
    return out_.spill();
  }

  Status library(char sign, const std::string& name) {
    ++(sign == '-' ? totals_.only_a : sign == '+' ? totals_.only_b : totals_.changed);
    if (!is_shown()) return Status();
    if (options_.json) {
      JsonWriter(out_.text())
          .begin_object()
          .field("change", sign == '-'   ? "removed"
                           : sign == '+' ? "added"
                                         : "changed")
          .field("function", name)
          .end_object();
      out_.text() += '\n';
    } else {
      out_.text() += fmt::format("{} function library {}\n", sign, in_quotes(name));
    }
    return out_.spill();
  }

  const DiffOptions& options_;
  Output& out_;
  Totals totals_;
};

Result<Totals> run(const DiffOptions& options, Output& out) {
  ExternalSorter sorter(options.memory_bytes, temporary_directory());
  Collector a(options, sorter, false);
  Collector b(options, sorter, true);
  STELE_CHECK(read_input(options.a, options.input, a).status());
  STELE_CHECK(read_input(options.b, options.input, b).status());
  STELE_CHECK(sorter.finish());
  Comparison comparison(options, out);
  STELE_CHECK(comparison.compare(sorter));
  STELE_CHECK(comparison.compare_libraries(a.libraries(), b.libraries()));
  return comparison.totals();
}

}  // namespace

int diff(const DiffOptions& options) {
  Output out;
  const Result<Totals> totals = run(options, out);
  Status status = out.flush();
  if (!totals.ok()) status = totals.status();
  if (!status.ok()) return failed(status);
  if (options.json) {
    JsonWriter(out.text())
        .begin_object()
        .field("change", "summary")
        .field("only_a", totals->only_a)
        .field("only_b", totals->only_b)
        .field("changed", totals->changed)
        .field("equal", totals->equal)
        .end_object();
  } else {
    out.text() +=
        fmt::format("{} only in the first, {} only in the second, {} differ, {} equal", format_count(totals->only_a),
                    format_count(totals->only_b), format_count(totals->changed), format_count(totals->equal));
  }
  out.text() += '\n';
  if (status = out.flush(); !status.ok()) return failed(status);
  return totals->differences() == 0 ? kGood : kFoundSomething;
}

}  // namespace stele::tools
