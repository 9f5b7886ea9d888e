#include "tools/aof/stream_reader.h"

#include <charconv>

#include "persistence/journal_directory.h"
#include "protocol/resp_text.h"
#include "tools/common/output.h"
#include "tools/common/text.h"

namespace stele::tools {

namespace {

constexpr std::uint64_t kProgressBytes = 1 << 20;

bool begins_with_command(const File& file, std::uint64_t position) {
  AofScanner scanner(file, position);
  for (;;) {
    const Result<AofScanner::Step> step = scanner.next();
    if (!step.ok()) return false;
    if (*step == AofScanner::Step::annotation && scanner.raw().starts_with("#TS:")) continue;
    return *step == AofScanner::Step::command;
  }
}

}  // namespace

std::string at_position(const AofFile& file, std::uint64_t position) {
  return fmt::format("{}: position {}", file.path.native(), position);
}

Result<BadFrame> judge_bad_frame(const File& file, const FramePlace& place, std::uint64_t size, const SegmentHeader& header, bool last) {
  BadFrame out;
  bool vouched = !last;
  if (last) {
    STELE_TRY(vouched, has_mark_beyond(file, place.position, size, place.offset, header.chain));
  }
  if (vouched) {
    out.what = fmt::format("bad frame at offset {}, though more was on disk once ({})", place.offset,
                           last ? "a mark behind it says so" : "another segment follows");
  } else if (begins_with_command(file, place.position)) {
    out.what = fmt::format("commands without frames behind offset {}: another server has written here", place.offset);
  } else {
    out.torn = true;
    out.what = fmt::format("a torn tail of {} bytes behind offset {}, as a crash leaves it", size - place.position, place.offset);
  }
  return out;
}

Result<std::unique_ptr<FileReader>> FileReader::open(const AofFile& file, std::uint64_t commands_at, bool last,
                                                     std::optional<UnixTime> time) {
  STELE_TRY(File open, File::open(file.path, File::Mode::read));
  std::unique_ptr<FileReader> reader(new FileReader(file, std::move(open)));
  STELE_TRY(reader->size_, reader->open_.size());
  reader->last_ = last;
  reader->command_.file = &reader->file_;
  reader->command_.time = time;
  if (file.kind == AofFile::Kind::unknown) {
    return Status::corrupt("{}: position 0: the segment's header is damaged; see `stele-aof fix`", file.path.native());
  }
  if (file.header) {
    const SegmentHeader& header = *file.header;
    reader->frames_.emplace(reader->open_, header.chain, FramePlace{header.bytes, header.first, header.chain});
    reader->db_ = header.db;
  } else {
    reader->scanner_.emplace(reader->open_, file.kind == AofFile::Kind::blank ? reader->size_ : commands_at);
  }
  return reader;
}

std::uint64_t FileReader::position() const { return frames_ ? frames_->place().position : scanner_->position(); }

bool FileReader::closed() const {
  return frames_ && frames_->mark_is_last() && frames_->mark()->closed && frames_->mark()->durable == frames_->place().offset;
}

void FileReader::take(std::span<const std::string_view> args, std::string_view raw, std::uint64_t position) {
  if (std::exchange(ends_transaction_, false)) multi_at_.reset();
  command_.args = args;
  command_.raw = raw;
  command_.position = position;
  if (!args.empty()) {
    if (args.size() == 1 && equals_ignoring_case(args[0], "MULTI")) {
      if (!multi_at_) multi_at_ = position;
    } else if (args.size() == 1 && equals_ignoring_case(args[0], "EXEC")) {
      ends_transaction_ = multi_at_.has_value();
    } else if (args.size() == 2 && equals_ignoring_case(args[0], "SELECT")) {
      int db = 0;
      const char* const end = args[1].data() + args[1].size();
      if (std::from_chars(args[1].data(), end, db).ptr == end) db_ = db;
    }
  }
  command_.in_transaction = multi_at_.has_value();
  command_.unit_position = multi_at_.value_or(position);
  command_.db = db_;
}

Result<FileReader::Step> FileReader::next() { return frames_ ? next_of_frame() : next_of_stock(); }

Result<FileReader::Step> FileReader::next_of_stock() {
  for (;;) {
    STELE_TRY(const AofScanner::Step step, scanner_->next());
    size_ = scanner_->total();
    switch (step) {
      case AofScanner::Step::command:
        if (scanner_->args().empty()) return bad("a command without a name");
        take(scanner_->args(), scanner_->raw(), scanner_->position());
        command_.offset = file_.stock_offset + command_.position;
        return Step::command;
      case AofScanner::Step::annotation: {
        const std::string_view line = scanner_->raw();
        if (!line.starts_with("#TS:")) continue;
        std::int64_t seconds = 0;
        if (std::from_chars(line.data() + 4, line.data() + line.size(), seconds).ec != std::errc() ||
            seconds > std::numeric_limits<std::int64_t>::max() / 1000 || seconds < 0) {
          continue;
        }
        const UnixTime time(seconds * 1000);
        if (command_.time && time < *command_.time) times_go_back_ = true;
        command_.time = time;
        ++timestamps_;
        continue;
      }
      case AofScanner::Step::end:
        if (std::exchange(ends_transaction_, false)) multi_at_.reset();
        return Step::end;
      case AofScanner::Step::torn:
        if (std::exchange(ends_transaction_, false)) multi_at_.reset();
        problem_ = fmt::format("the file ends within a command: {} bytes of it are there", size_ - scanner_->position());
        return last_ ? Step::torn : Step::bad;
      case AofScanner::Step::bad:
        return bad(scanner_->problem());
    }
  }
}

Result<FileReader::Step> FileReader::next_frame() {
  STELE_TRY(size_, open_.size());
  STELE_TRY(const FrameScanner::Step step, frames_->next(size_));
  if (step == FrameScanner::Step::end) return Step::end;
  if (step == FrameScanner::Step::bad) {
    STELE_TRY(const BadFrame judged, tools::judge_bad_frame(open_, frames_->place(), size_, *file_.header, last_));
    problem_ = judged.what;
    return judged.torn ? Step::torn : Step::bad;
  }
  const UnixTime time = frames_->line().time;
  if (command_.time && time < *command_.time) times_go_back_ = true;
  command_.time = time;
  ++timestamps_;
  rest_ = frames_->payload();
  return Step::command;
}

Result<FileReader::Step> FileReader::next_of_frame() {
  bool begins = false;
  while (rest_.empty()) {
    if (std::exchange(ends_transaction_, false)) multi_at_.reset();
    if (multi_at_) return bad(fmt::format("a transaction without its end in the frame at offset {}", frames_->line().offset));
    STELE_TRY(const Step step, next_frame());
    if (step != Step::command) return step;
    begins = true;
  }
  const std::uint64_t into = frames_->payload().size() - rest_.size();
  const RespParser::Outcome outcome = parser_.parse(rest_);
  if (outcome != RespParser::Outcome::command || parser_.args().empty() || parser_.is_inline()) {
    return bad(fmt::format("no whole command at offset {}, though its frame is intact{}{}", frames_->line().offset + into,
                           outcome == RespParser::Outcome::error ? ": " : "",
                           outcome == RespParser::Outcome::error ? parser_.error() : std::string_view()));
  }
  const std::size_t consumed = parser_.consumed();
  take(parser_.args(), rest_.substr(0, consumed), frames_->place().position - rest_.size());
  command_.offset = (frames_->line().offset + into).bytes();
  command_.begins_frame = begins;
  rest_.remove_prefix(consumed);
  return Step::command;
}

StreamReader::StreamReader(const AofSource& source, StreamOptions options)
    : source_(source),
      options_(std::move(options)),
      next_index_(options_.with_history ? 0 : source.first_loaded),
      progress_(options_.label + " " + printable(source.named.filename().native(), 40),
                !options_.quiet && !(options_.prints && Output::is_terminal())) {
  for (std::size_t i = next_index_; i < source.files.size(); ++i) total_ += source.files[i].bytes;
}

StreamReader::~StreamReader() = default;

Result<bool> StreamReader::open_next() {
  while (next_index_ < source_.files.size()) {
    index_ = next_index_++;
    const AofFile& file = source_.files[index_];
    if (!source_.may_have_commands(index_)) {
      done_ += file.bytes;
      continue;
    }
    STELE_TRY(const std::uint64_t commands_at, commands_begin(file, options_.quiet));
    const bool last = source_.is_last(index_);
    const std::optional<UnixTime> time = reader_ ? reader_->time() : std::nullopt;
    STELE_TRY(reader_, FileReader::open(file, commands_at, last, time));
    if (file.header && end_of_segment_ &&
        (file.header->first != end_of_segment_->offset || file.header->chain != end_of_segment_->chain)) {
      return Status::corrupt("{}: position 0: the segment before ends at offset {}, but this one continues from {}",
                             file.path.native(), end_of_segment_->offset, file.header->first);
    }
    return true;
  }
  return false;
}

Result<bool> StreamReader::advance(bool frames) {
  for (;;) {
    if (reader_ == nullptr || next_report_ == ~std::uint64_t{0}) {
      next_report_ = 0;
      STELE_TRY(const bool more, open_next());
      if (!more) {
        next_report_ = ~std::uint64_t{0};
        return false;
      }
    }
    STELE_TRY(const FileReader::Step step,
              frames && reader_->is_segment() ? reader_->next_frame() : reader_->next());
    if (reader_->time()) has_times_ = true;
    if (reader_->position() >= next_report_) {
      next_report_ = reader_->position() + kProgressBytes;
      progress_.update(done_ + reader_->position(), total_);
    }
    if (step == FileReader::Step::command) return true;
    if (step == FileReader::Step::bad) {
      return Status::corrupt("{}: {}", at_position(reader_->file(), reader_->position()), reader_->problem());
    }
    const bool open_transaction = reader_->in_transaction() && !reader_->is_segment();
    if (step == FileReader::Step::torn) torn_ = fmt::format("{}: {}", at_position(reader_->file(), reader_->position()), reader_->problem());
    if (open_transaction) {
      const std::string what = fmt::format("{}: a transaction without its EXEC",
                                           at_position(reader_->file(), reader_->transaction_position()));
      if (next_index_ < source_.files.size()) return Status::corrupt("{}", what);
      torn_ = what;
    }
    end_of_segment_ = reader_->is_segment() ? std::optional(reader_->place()) : std::nullopt;
    done_ += reader_->file().bytes;
    next_report_ = ~std::uint64_t{0};
  }
}

}  // namespace stele::tools
