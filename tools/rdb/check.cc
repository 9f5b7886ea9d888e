// stele-rdb check: whether a file is whole, and what in it a server would refuse or leave out.

#include <set>

#include <fmt/format.h>

#include "engine/function_libraries.h"
#include "engine/type_ops.h"
#include "tools/common/external_sorter.h"
#include "tools/common/json_writer.h"
#include "tools/common/output.h"
#include "tools/common/text.h"
#include "tools/rdb/commands.h"
#include "tools/rdb/key_record.h"

namespace stele::tools {

namespace {

class Checker final : public InputVisitor {
 public:
  Checker(const CheckOptions& options, const InputFile& input)
      : InputVisitor(options.input),
        options_(options),
        input_(input),
        places_(options.memory_bytes, temporary_directory()) {}

  Status function(std::string_view source) override {
    ++functions_;
    const Result<LibraryHead> head = parse_library_head(source);
    if (!head.ok()) {
      problem(fmt::format("a function library is malformed: {}", head.status().message()));
    } else if (!libraries_.insert(head->name).second) {
      problem(fmt::format("the function library '{}' is there twice", head->name));
    }
    return Status();
  }

  Status skipped(const RdbKey& key, RdbValueOutcome why) override {
    if (why == RdbValueOutcome::empty && first_empty_.empty()) first_empty_ = in_quotes(key.key, 64);
    if (why == RdbValueOutcome::unknown && key.value.module_id != 0) modules_.insert(module_name(key.value.module_id));
    return InputVisitor::skipped(key, why);
  }

  Status module_aux(std::string_view module) override {
    modules_.insert(std::string(module));
    return Status();
  }

  /// Keys that stand in the file more than once: as servers see it, all but the first are damage.
  Status find_doubles() {
    STELE_CHECK(places_.finish());
    std::string last;
    std::string_view key;
    std::string_view place;
    for (;;) {
      STELE_TRY(const bool more, places_.next(key, place));
      if (!more) return Status();
      if (key == last) {
        std::uint64_t offset = 0;
        std::memcpy(&offset, place.data(), sizeof offset);
        RdbSource again(input_.file, offset + 1, input_.bytes);
        problem(fmt::format("key {} is there twice in one database, the second time at offset {}",
                            in_quotes(again.string(), 128), offset));
      }
      last = key;
    }
  }

  void problem(std::string what) {
    ++problem_count_;
    if (problems_.size() < options_.problems_max) problems_.push_back(std::move(what));
  }

  const std::vector<std::string>& problems() const { return problems_; }
  std::uint64_t problem_count() const { return problem_count_; }
  std::uint64_t functions() const { return functions_; }
  std::uint64_t expired() const { return expired_; }
  const std::string& first_empty() const { return first_empty_; }
  const std::string& newer_type() const { return newer_type_; }
  const std::set<std::string>& modules() const { return modules_; }

 protected:
  Status visit(RdbKey& key, const KeyFacts& facts) override {
    if (facts.ttl_ms && *facts.ttl_ms <= 0) ++expired_;
    if (type_since(key.written_type, facts.dialect) > facts.version && newer_type_.empty()) {
      newer_type_ = fmt::format("key {} has a value of type {}, which no server of RDB version {} knows",
                                in_quotes(key.key, 64), rdb_type_name(key.written_type, facts.dialect), facts.version);
    }
    const KeyDigest id = key_id(key);
    STELE_CHECK(places_.add(id.view(), {reinterpret_cast<const char*>(&key.offset), sizeof key.offset}));
    // Reading it has checked a string.
    if (options_.shallow || key.value.type == rdb_type::kString) return Status();
    const TypeOps* ops = type_ops_of_rdb(key.value.type);
    const Result<Entry*> entry = ops->from_rdb(key.key, key.value.type, key.value.bytes, std::nullopt);
    if (entry.ok()) {
      Entry::destroy(*entry);
      return Status();
    }
    problem(fmt::format("offset {}: the value of key {} in database {} ({}) is malformed: {}", key.offset,
                        in_quotes(key.key, 128), key.db, rdb_type_name(key.written_type, facts.dialect),
                        entry.status().message()));
    return Status();
  }

 private:
  const CheckOptions& options_;
  const InputFile& input_;
  ExternalSorter places_;
  std::vector<std::string> problems_;
  std::uint64_t problem_count_ = 0;
  std::uint64_t functions_ = 0;
  std::uint64_t expired_ = 0;
  std::string first_empty_;
  std::string newer_type_;
  std::set<std::string> libraries_;
  std::set<std::string> modules_;
};

std::vector<std::string> notes_on(const Checker& checker, const RdbSummary& summary, std::uint64_t file_bytes) {
  std::vector<std::string> notes;
  if (summary.empty_skipped > 0) {
    notes.push_back(fmt::format("{} keys have an empty collection and are left out by servers, the first is {}",
                                format_count(summary.empty_skipped), checker.first_empty()));
  }
  if (summary.unknown_skipped > 0) {
    std::string names;
    for (const std::string& name : checker.modules()) names += (names.empty() ? "" : ", ") + name;
    notes.push_back(fmt::format("{} values or records of modules that are not known here were skipped: {}",
                                format_count(summary.unknown_skipped), names));
  }
  if (!checker.newer_type().empty()) notes.push_back(checker.newer_type());
  if (summary.expiring_fields > 0) {
    notes.push_back(fmt::format("{} fields of hashes expire, which only Redis 7.4 and later know",
                                format_count(summary.expiring_fields)));
  }
  if (checker.expired() > 0) notes.push_back(fmt::format("{} keys have expired", format_count(checker.expired())));
  if (!summary.has_checksum && summary.version >= 5) notes.push_back("it was written without a checksum");
  if (summary.end < file_bytes) {
    notes.push_back(
        fmt::format("{} follow the RDB part, which ends at offset {}: commands, if it is an append-only file",
                    format_bytes(file_bytes - summary.end), summary.end));
  }
  return notes;
}

/// kGood or kFoundSomething; an error if the file cannot be read at all.
Result<int> check_file(const CheckOptions& options, const std::filesystem::path& path, Output& out) {
  STELE_TRY(const InputFile input, open_input(path));
  Checker checker(options, input);
  const Result<RdbSummary> summary = read_input(input, options.input, checker);
  if (!summary.ok()) {
    if (summary.status().code() != Code::corrupt) return summary.status();
    checker.problem(summary.status().message());
  } else {
    STELE_CHECK(checker.find_doubles());
  }
  const bool good = checker.problem_count() == 0;
  const auto notes = summary.ok() ? notes_on(checker, *summary, input.bytes) : std::vector<std::string>();

  if (options.json) {
    JsonWriter json(out.text());
    json.begin_object().field("file", path.native()).field("good", good).field("bytes", input.bytes);
    if (summary.ok()) {
      json.field("version", summary->version).field("keys", summary->keys).field("functions", checker.functions());
      json.field("has_checksum", summary->has_checksum).field("end", summary->end);
      json.field("empty_skipped", summary->empty_skipped).field("unknown_skipped", summary->unknown_skipped);
      json.field("expired", checker.expired());
    } else {
      json.field("keys_before", checker.keys_seen());
    }
    json.field("problem_count", checker.problem_count()).name("problems").begin_array();
    for (const std::string& problem : checker.problems()) json.string(printable(problem));
    json.end_array().name("notes").begin_array();
    for (const std::string& note : notes) json.string(printable(note));
    json.end_array().end_object();
    out.text() += '\n';
  } else {
    const std::string name = printable(path.native());
    for (const std::string& problem : checker.problems()) {
      const bool has_name = problem.starts_with(path.native());
      out.text() += has_name ? printable(problem) + '\n' : fmt::format("{}: {}\n", name, printable(problem));
    }
    if (checker.problem_count() > checker.problems().size()) {
      out.text() += fmt::format("{}: and {} more problems\n", name,
                                format_count(checker.problem_count() - checker.problems().size()));
    }
    for (const std::string& note : notes) out.text() += fmt::format("{}: note: {}\n", name, printable(note));
    if (good) {
      out.text() += fmt::format("{}: good: RDB version {} ({}), {} keys, {} function libraries, {}, checksum {}\n",
                                name, summary->version, first_reader(summary->version, summary->dialect),
                                format_count(summary->keys), checker.functions(), format_bytes(input.bytes),
                                summary->has_checksum   ? options.input.verify_checksum ? "right" : "not looked at"
                                : summary->version >= 5 ? "absent"
                                                        : "unknown to this version");
    }
  }
  STELE_CHECK(out.flush());
  return good ? kGood : kFoundSomething;
}

}  // namespace

int check(const CheckOptions& options) {
  Output out;
  int worst = kGood;
  for (const std::filesystem::path& path : options.files) {
    const Result<int> outcome = check_file(options, path, out);
    worst = std::max(worst, outcome.ok() ? *outcome : failed(outcome.status()));
  }
  return worst;
}

int failed(const Status& status) {
  complain(kRdbTool, status.message());
  return kCouldNotRun;
}

}  // namespace stele::tools
