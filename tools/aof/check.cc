// stele-aof check: whether a stream is whole, file by file.

#include "persistence/journal_directory.h"
#include "persistence/rdb/rdb_reader.h"
#include "protocol/resp_text.h"
#include "tools/aof/commands.h"
#include "tools/common/output.h"
#include "tools/common/text.h"

namespace stele::tools {

namespace {

struct Problem {
  std::string file;
  std::uint64_t position = 0;
  std::optional<std::uint64_t> offset;
  std::string what;
  bool torn = false;  // a server cuts it off by itself
};

struct FileFacts {
  const AofFile* file;
  std::uint64_t frames = 0;
  std::uint64_t commands = 0;
  std::uint64_t keys = 0;  // of an RDB
  std::optional<Offset> end;
  std::optional<UnixTime> first_time;
  std::optional<UnixTime> last_time;
  bool closed = false;
};

class NoVisitor final : public RdbVisitor {
 public:
  Status key(RdbKey&) override { return Status(); }
};

class Checker {
 public:
  Checker(const AofCheckOptions& options, const AofSource& source) : options_(options), source_(source) {}

  Status run() {
    std::uint64_t total = 0;
    for (const AofFile& file : source_.files) total += file.bytes;
    Progress progress("checking " + printable(source_.named.filename().native(), 40), !options_.quiet);
    std::uint64_t done = 0;
    for (std::size_t i = 0; i < source_.files.size(); ++i) {
      const AofFile& file = source_.files[i];
      report_ = [&progress, done, total](std::uint64_t at) { progress.update(done + at, total); };
      facts_.push_back({.file = &file});
      STELE_CHECK(check_file(i));
      done += file.bytes;
    }
    if (!source_.has_segments() && commands_ > 0) {
      if (timestamps_ == 0) note("there are no times in these files (aof-timestamp-enabled was off): --until takes offsets alone");
    }
    if (times_go_back_) note("times go back somewhere: a clock was set back; --until TIME stops at the first that is later");
    return Status();
  }

  bool good() const { return problem_count_ == 0; }
  bool only_torn() const { return problem_count_ > 0 && serious_ == 0; }
  const std::vector<Problem>& problems() const { return problems_; }
  std::uint64_t problem_count() const { return problem_count_; }
  const std::vector<std::string>& notes() const { return notes_; }
  const std::vector<FileFacts>& facts() const { return facts_; }
  std::uint64_t commands() const { return commands_; }
  std::uint64_t transactions() const { return transactions_; }

 private:
  void note(std::string what) { notes_.push_back(std::move(what)); }

  void problem(const AofFile& file, std::uint64_t position, std::string what, bool torn = false,
               std::optional<std::uint64_t> offset = std::nullopt) {
    ++problem_count_;
    if (!torn) ++serious_;
    if (problems_.size() < options_.problems_max) problems_.push_back({file.path.native(), position, offset, std::move(what), torn});
  }

  Status check_file(std::size_t index) {
    const AofFile& file = source_.files[index];
    FileFacts& facts = facts_.back();
    std::uint64_t commands_at = 0;
    if (file.kind == AofFile::Kind::rdb) {
      const Result<std::uint64_t> end = check_rdb(file, facts);
      if (!end.ok()) {
        if (end.status().code() != Code::corrupt) return end.status();
        problem(file, 0, end.status().message());
        return Status();
      }
      commands_at = *end;
    }
    if (file.kind == AofFile::Kind::unknown) {
      problem(file, 0, "the segment's header is damaged");
      end_.reset();
      return Status();
    }
    STELE_TRY(const auto reader, FileReader::open(file, commands_at, source_.is_last(index), time_));
    if (file.header) check_join(file);
    FileReader::Step step = FileReader::Step::command;
    while (step == FileReader::Step::command) {
      STELE_TRY(step, options_.shallow && reader->is_segment() ? reader->next_frame() : reader->next());
      if (step != FileReader::Step::command) break;
      take(*reader, facts);
      if (reader->position() >= next_report_) report_(reader->position()), next_report_ = reader->position() + (1 << 20);
    }
    next_report_ = 0;
    if (step == FileReader::Step::torn || step == FileReader::Step::bad) {
      const bool torn = step == FileReader::Step::torn;
      problem(file, reader->position(), reader->problem(), torn,
              reader->is_segment() ? std::optional(reader->place().offset.bytes()) : std::nullopt);
    }
    if (!reader->is_segment() && reader->in_transaction() && step != FileReader::Step::bad) {
      problem(file, reader->transaction_position(), "a transaction without its EXEC", source_.is_last(index));
    }
    if (reader->times_go_back()) times_go_back_ = true;
    time_ = reader->time();
    facts.last_time = facts.first_time ? time_ : std::nullopt;
    facts.closed = reader->closed();
    end_.reset();
    if (reader->is_segment()) {
      facts.end = reader->place().offset;
      if (step == FileReader::Step::end) end_ = reader->place();
    }
    return Status();
  }

  Result<std::uint64_t> check_rdb(const AofFile& file, FileFacts& facts) {
    STELE_TRY(const File open, File::open(file.path, File::Mode::read));
    RdbSource source(open, 0, file.bytes);
    NoVisitor visitor;
    RdbReadOptions read{.skip_unknown = true};
    read.on_progress = [this](std::uint64_t done, std::uint64_t) { report_(done); };
    STELE_TRY(const RdbSummary summary, read_rdb(source, read, visitor));
    facts.keys = summary.keys;
    if (summary.unknown_skipped > 0) {
      problem(file, 0, fmt::format("{} values of modules, which no server without them loads", summary.unknown_skipped));
    }
    if (!summary.has_checksum && summary.version >= 5) note(fmt::format("{} was written without a checksum", file.name));
    return summary.end;
  }

  /// Does the segment go on where the one before has ended?
  void check_join(const AofFile& file) {
    const SegmentHeader& header = *file.header;
    if (end_ && (header.first != end_->offset || header.chain != end_->chain)) {
      problem(file, 0,
              header.first == end_->offset
                  ? std::string("its chain value is not that of the segment before: not of the same journal")
                  : fmt::format("a gap: the segment before ends at offset {}, this one begins at {}", end_->offset, header.first),
              false, header.first.bytes());
    }
    if (!replid_.empty() && replid_ != header.replid) {
      note(fmt::format("{}: the history goes on as {} from offset {}, before that it was {}", file.name, header.replid,
                       header.first, replid_));
    }
    replid_ = header.replid;
  }

  void take(FileReader& reader, FileFacts& facts) {
    if (!facts.first_time) facts.first_time = reader.time();
    const StreamCommand& command = reader.command();
    if (options_.shallow && reader.is_segment()) {
      ++facts.frames;
      return;
    }
    ++commands_;
    ++facts.commands;
    if (reader.is_segment() && command.begins_frame) ++facts.frames;
    timestamps_ += reader.timestamps() > 0;
    if (command.unit_position == command.position && command.in_transaction) ++transactions_;
    const auto offset = reader.is_segment() ? std::optional(command.offset) : std::nullopt;
    if (!reader.is_segment() && command.in_transaction && command.unit_position != command.position &&
        equals_ignoring_case(command.args[0], "MULTI")) {
      problem(reader.file(), command.position, "MULTI in a transaction", false, offset);
    }
    if (!command.in_transaction && equals_ignoring_case(command.args[0], "EXEC")) {
      problem(reader.file(), command.position, "EXEC without MULTI", false, offset);
    }
    if (std::string why = commands_table_.problem(command.args); !why.empty()) {
      problem(reader.file(), command.position, std::move(why), false, offset);
    }
  }

  const AofCheckOptions& options_;
  const AofSource& source_;
  StreamCommands commands_table_;
  std::function<void(std::uint64_t)> report_;
  std::uint64_t next_report_ = 0;
  std::vector<Problem> problems_;
  std::uint64_t problem_count_ = 0;
  std::uint64_t serious_ = 0;
  std::vector<std::string> notes_;
  std::vector<FileFacts> facts_;
  std::optional<FramePlace> end_;
  std::optional<UnixTime> time_;
  ReplicationId replid_;
  std::uint64_t commands_ = 0;
  std::uint64_t transactions_ = 0;
  std::uint64_t timestamps_ = 0;
  bool times_go_back_ = false;
};

void print_json(const AofSource* source, const std::filesystem::path& path, const Checker* checker, const Status& failed,
                std::string& out) {
  JsonWriter json(out);
  const bool good = failed.ok() && checker->good();
  json.begin_object().field("path", path.native()).field("good", good);
  if (!failed.ok()) {
    json.field("problem_count", std::uint64_t{1}).name("problems").begin_array().begin_object();
    json.field("file", path.native()).field("what", failed.message()).field("torn", false).end_object().end_array();
  } else {
    json.field("written_by", source->has_segments() ? "stele" : "stock").field("commands", checker->commands());
    json.field("transactions", checker->transactions()).name("files").begin_array();
    for (const FileFacts& facts : checker->facts()) {
      json.begin_object().field("name", facts.file->name).field("type", std::string(1, static_cast<char>(facts.file->type)));
      json.field("kind", kind_name(facts.file->kind)).field("bytes", facts.file->bytes);
      json.field("commands", facts.commands);
      if (facts.file->kind == AofFile::Kind::rdb) json.field("keys", facts.keys);
      if (facts.file->header) {
        json.field("frames", facts.frames).field("first_offset", facts.file->header->first.bytes());
        json.field("end_offset", facts.end ? facts.end->bytes() : 0).field("replid", facts.file->header->replid);
        json.field("closed", facts.closed);
      }
      if (facts.first_time) json.field("first_time_ms", facts.first_time->ms());
      if (facts.last_time) json.field("last_time_ms", facts.last_time->ms());
      json.end_object();
    }
    json.end_array().field("problem_count", checker->problem_count()).name("problems").begin_array();
    for (const Problem& problem : checker->problems()) {
      json.begin_object().field("file", problem.file).field("position", problem.position);
      if (problem.offset) json.field("offset", *problem.offset);
      json.field("what", printable(problem.what)).field("torn", problem.torn).end_object();
    }
    json.end_array().name("notes").begin_array();
    for (const std::string& note : checker->notes()) json.string(printable(note));
    json.end_array();
  }
  json.end_object();
  out += '\n';
}

void print_text(const AofSource& source, const Checker& checker, std::string& out) {
  for (const FileFacts& facts : checker.facts()) {
    const AofFile& file = *facts.file;
    out += fmt::format("{}: {}, {}", printable(file.name), kind_name(file.kind), format_bytes(file.bytes));
    if (file.kind == AofFile::Kind::rdb) out += fmt::format(", {} keys", format_count(facts.keys));
    if (file.header) {
      out += fmt::format(", offsets {} to {}, {} frames", file.header->first, facts.end.value_or(file.header->first),
                         format_count(facts.frames));
    }
    if (facts.commands > 0) out += fmt::format(", {} commands", format_count(facts.commands));
    if (facts.first_time && facts.last_time) {
      out += fmt::format(", {} to {}", format_time(facts.first_time->ms()), format_time(facts.last_time->ms()));
    }
    if (file.type == Manifest::Type::history) out += ", history";
    if (facts.closed) out += ", closed in order";
    out += '\n';
  }
  for (const std::string& note : checker.notes()) out += fmt::format("note: {}\n", printable(note));
  for (const Problem& problem : checker.problems()) {
    const bool named = problem.what.starts_with(problem.file);
    out += named ? printable(problem.what)
                 : fmt::format("{}: position {}: {}", printable(problem.file), problem.position, printable(problem.what));
    if (problem.torn) out += " (a server cuts it off when it starts; `stele-aof fix` does, and keeps it)";
    out += '\n';
  }
  if (checker.problem_count() > checker.problems().size()) {
    out += fmt::format("and {} more problems\n", format_count(checker.problem_count() - checker.problems().size()));
  }
  out += fmt::format("{}: {}\n", printable(source.named.native()),
                     checker.good() ? "good" : checker.only_torn() ? "its end is torn, the rest is good" : "damaged");
}

int check_one(const AofCheckOptions& options, const std::filesystem::path& path, Output& out) {
  const Result<AofSource> source = open_aof(path);
  Status status = source.status();
  std::optional<Checker> checker;
  if (source.ok()) {
    checker.emplace(options, *source);
    status = checker->run();
  }
  if (!status.ok() && (status.code() != Code::corrupt || !options.json)) {
    complain(kAofTool, status.message());
    return status.code() == Code::corrupt ? kFoundSomething : kCouldNotRun;
  }
  if (options.json) {
    print_json(source.ok() ? &*source : nullptr, path, checker ? &*checker : nullptr, status, out.text());
  } else {
    print_text(*source, *checker, out.text());
  }
  if (const Status flushed = out.flush(); !flushed.ok()) {
    complain(kAofTool, flushed.message());
    return kCouldNotRun;
  }
  return status.ok() && checker->good() ? kGood : kFoundSomething;
}

}  // namespace

int aof_check(const AofCheckOptions& options) {
  Output out;
  int worst = kGood;
  for (const std::filesystem::path& path : options.paths) worst = std::max(worst, check_one(options, path, out));
  return worst;
}

}  // namespace stele::tools
