// stele-aof ls, grep and tail: the commands of a stream, or some of them.

#include <deque>
#include <thread>

#include "engine/types.h"
#include "tools/aof/commands.h"
#include "tools/aof/values.h"
#include "tools/common/output.h"
#include "tools/common/text.h"

namespace stele::tools {

namespace {

constexpr std::chrono::milliseconds kLookEvery{100};

std::string time_text(const std::optional<UnixTime>& time) {
  return time ? format_time_ms(time->ms()) : "                       -";
}

class Lister {
 public:
  explicit Lister(const AofListOptions& options) : options_(options) {}

  std::string& text() { return out_.text(); }
  Status flush() { return out_.flush(); }
  std::uint64_t shown() const { return shown_; }
  bool enough() const { return options_.limit > 0 && shown_ >= options_.limit; }
  StreamCommands& commands() { return commands_; }

  bool wants(const StreamCommand& command) { return options_.selection.matches(command, commands_); }

  void append(std::string& text, const StreamCommand& command) const {
    if (options_.json) {
      JsonWriter json(text);
      json.begin_object();
      command_json(json, command, 0);
      json.end_object();
    } else {
      const std::size_t width = options_.argument_bytes > 0 ? options_.argument_bytes : std::string::npos;
      text += fmt::format("{} {:>12} db{} {}{}", time_text(command.time), command.offset, command.db,
                          command.in_transaction ? "| " : "", command_text(command.args, width));
    }
    text += '\n';
  }

  Status show(const StreamCommand& command) {
    append(out_.text(), command);
    ++shown_;
    return out_.spill();
  }

  Status show_frame(const FileReader& reader) {
    const FrameLine& frame = reader.frame();
    if (options_.json) {
      JsonWriter json(out_.text());
      json.begin_object().field("file", reader.file().name).field("position", reader.frame_position());
      json.field("offset", frame.offset.bytes()).field("bytes", frame.bytes).field("time_ms", frame.time.ms());
      json.field("chain", fmt::format("{:016x}", frame.chain)).end_object();
    } else {
      out_.text() += fmt::format("{} {:>12} {:>10} bytes  {}:{}", format_time_ms(frame.time.ms()), frame.offset, frame.bytes,
                                 printable(reader.file().name), reader.frame_position());
    }
    out_.text() += '\n';
    ++shown_;
    return out_.spill();
  }

 private:
  const AofListOptions& options_;
  Output out_;
  StreamCommands commands_;
  std::uint64_t shown_ = 0;
};

void note_what_is_missing(const AofListOptions& options, const StreamReader& reader) {
  if (!reader.torn().empty()) complain(kAofTool, fmt::format("note: {}", reader.torn()));
  const bool by_time = options.selection.since.time || options.selection.until.time;
  if (by_time && !reader.has_times()) {
    complain(kAofTool, "note: there are no times here (aof-timestamp-enabled was off): use offsets");
  }
}

Status list_frames(const AofListOptions& options, const AofSource& source, Lister& lister) {
  if (!source.has_segments()) return Status::invalid("{}: no frames: not written by stele", source.named.native());
  StreamReader reader(source, {.with_history = true, .quiet = options.quiet, .prints = true});
  const Moment& since = options.selection.since;
  const Moment& until = options.selection.until;
  while (!lister.enough()) {
    STELE_TRY(const bool more, reader.next_frame());
    if (!more) break;
    if (!reader.reader().is_segment()) continue;
    const FrameLine& frame = reader.reader().frame();
    if ((since.offset && frame.end().bytes() <= *since.offset) || (since.time && frame.time < *since.time)) continue;
    if ((until.offset && frame.offset.bytes() >= *until.offset) || (until.time && frame.time > *until.time)) break;
    STELE_CHECK(lister.show_frame(reader.reader()));
  }
  note_what_is_missing(options, reader);
  return lister.flush();
}

Status list_commands(const AofListOptions& options, const AofSource& source, Lister& lister) {
  StreamReader reader(source, {.with_history = true, .quiet = options.quiet, .prints = true});
  Status status;
  while (!lister.enough()) {
    const Result<bool> more = reader.next();
    if (!more.ok()) {
      status = more.status();
      break;
    }
    if (!*more || options.selection.is_past(reader.command())) break;
    if (lister.wants(reader.command())) STELE_CHECK(lister.show(reader.command()));
  }
  reader.finish();
  note_what_is_missing(options, reader);
  STELE_CHECK(lister.flush());
  return status;
}

Result<std::uint64_t> list(const AofListOptions& options) {
  STELE_TRY(const AofSource source, open_aof(options.path));
  if (options.values) return list_with_values(options, source);
  Lister lister(options);
  STELE_CHECK(options.frames ? list_frames(options, source, lister) : list_commands(options, source, lister));
  return lister.shown();
}

int failed(const Status& status) {
  complain(kAofTool, status.message());
  return kCouldNotRun;
}

/// The last commands, then those that come.
class Tail {
 public:
  explicit Tail(const AofTailOptions& options) : options_(options), lister_(options.list) {}

  Status run() {
    STELE_TRY(source_, open_aof(options_.list.path));
    STELE_CHECK(show_last());
    if (options_.follow) return follow();
    return Status();
  }

 private:
  /// From the file on in which the last commands begin.
  Status show_last() {
    std::size_t index = source_.files.size();
    std::deque<std::string> lines;
    while (index > 0 && lines.size() < options_.list.last) {
      --index;
      if (source_.files[index].kind == AofFile::Kind::rdb && index + 1 < source_.files.size()) break;
      lines.clear();
      std::optional<UnixTime> time;
      for (std::size_t i = index; i < source_.files.size(); ++i) STELE_CHECK(read_file(i, time, lines));
    }
    if (reader_ == nullptr && !source_.files.empty()) {
      std::optional<UnixTime> time;
      for (std::size_t i = index == source_.files.size() ? index - 1 : index; i < source_.files.size(); ++i) {
        STELE_CHECK(read_file(i, time, lines));
      }
    }
    while (lines.size() > options_.list.last) lines.pop_front();
    for (const std::string& line : lines) lister_.text() += line;
    return lister_.flush();
  }

  Status read_file(std::size_t index, std::optional<UnixTime>& time, std::deque<std::string>& lines) {
    if (source_.files[index].kind == AofFile::Kind::blank && reader_ != nullptr) return Status();
    STELE_CHECK(open(index, time));
    for (;;) {
      STELE_TRY(const FileReader::Step step, reader_->next());
      if (step == FileReader::Step::bad) return bad();
      if (step != FileReader::Step::command) break;
      if (!lister_.wants(reader_->command())) continue;
      lister_.append(lines.emplace_back(), reader_->command());
      if (lines.size() > options_.list.last) lines.pop_front();
    }
    time = reader_->time();
    return Status();
  }

  Status open(std::size_t index, std::optional<UnixTime> time) {
    const AofFile& file = source_.files[index];
    STELE_TRY(const std::uint64_t commands_at, commands_begin(file, options_.list.quiet));
    STELE_TRY(reader_, FileReader::open(file, commands_at, true, time));
    name_ = file.name;
    return Status();
  }

  Status bad() const {
    return Status::corrupt("{}: {}", at_position(reader_->file(), reader_->position()), reader_->problem());
  }

  Status follow() {
    bool ended = false;  // and a newer file was there before we looked: nothing comes to this one any more
    for (;;) {
      STELE_TRY(const FileReader::Step step, reader_->next());
      if (step == FileReader::Step::bad) return bad();
      if (step == FileReader::Step::command) {
        if (!lister_.wants(reader_->command())) continue;
        STELE_CHECK(lister_.show(reader_->command()));
        if (lister_.enough()) return lister_.flush();
        continue;
      }
      STELE_CHECK(lister_.flush());
      const std::optional<std::size_t> newer = newer_file();
      if (newer && ended) {
        if (step == FileReader::Step::torn) return bad();
        STELE_CHECK(open(*newer, reader_->time()));
        ended = false;
        continue;
      }
      ended = newer.has_value();
      if (!ended) std::this_thread::sleep_for(kLookEvery);
    }
  }

  /// The file behind the one that is read, once there is something in it.
  std::optional<std::size_t> newer_file() {
    if (source_.manifest.empty()) return std::nullopt;
    Result<AofSource> now = open_aof(source_.manifest);
    if (!now.ok()) return std::nullopt;  // between two of the server's steps; it is looked at again
    source_ = std::move(*now);
    std::size_t next = source_.first_loaded;
    for (std::size_t i = 0; i < source_.files.size(); ++i) {
      if (source_.files[i].name == name_) next = i + 1;
    }
    for (; next < source_.files.size(); ++next) {
      const AofFile& file = source_.files[next];
      if (file.type != Manifest::Type::base && file.kind != AofFile::Kind::blank) return next;
    }
    return std::nullopt;
  }

  const AofTailOptions& options_;
  Lister lister_;
  AofSource source_;
  std::unique_ptr<FileReader> reader_;
  std::string name_;
};

}  // namespace

int aof_list(const AofListOptions& options) {
  const Result<std::uint64_t> shown = list(options);
  return shown.ok() ? kGood : failed(shown.status());
}

int aof_grep(const AofListOptions& options) {
  const Result<std::uint64_t> shown = list(options);
  if (!shown.ok()) return failed(shown.status());
  return *shown > 0 ? kGood : kFoundSomething;
}

int aof_tail(const AofTailOptions& options) {
  const Status status = Tail(options).run();
  return status.ok() ? kGood : failed(status);
}

}  // namespace stele::tools
